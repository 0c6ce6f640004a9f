//! When faults act: at a time, periodic, at random, at a fact; until all is healed; within a budget.

mod common;

use common::{plan, run};
use redeliver_models::checks::{Event, Recorder};
use redeliver_models::{Setup, advance, build};
use redeliver_sim::News;
use serde_json::Value;

const DESIGNS: &str = r#""queue": Queue(), "log": Log(), "webhook": Webhook()"#;

/// Twenty messages of keys a and b in turn, one every 100 ms, for two consumers who work for 10 ms.
fn text(run: &str, faults: &str, designs: &str) -> String {
    format!(
        r#"(
            format: 1,
            title: "When",
            run: (duration: "10s", drain: "60s", {run}),
            producers: {{ "p": (publish: "t", schedule: Every("100ms"), count: 20, key: Cycle(["a", "b"])) }},
            consumers: {{ "c": (read: "t", members: 2, work: "10ms") }},
            faults: [{faults}],
            designs: {{ {designs} }},
        )"#
    )
}

/// When something broke in each design, in milliseconds: the kernel's own news of this kind.
fn told(text: &str, wanted: News) -> Vec<(String, Vec<u64>)> {
    let times = |setup: &Setup| {
        let mut world = build(setup, Recorder::All(Vec::new()));
        while advance(&mut world, setup.limits, u64::MAX).is_none() {}
        let kept = world.checks_mut().0.recorder.take();
        let news = kept.iter().filter(|entry| matches!(entry.event, Event::News(news) if news == wanted));
        news.map(|entry| entry.at.0 / 1_000_000).collect()
    };
    let plan = plan(text, 1);
    plan.designs.iter().map(|(name, design)| (name.to_string(), times(&design.setup))).collect()
}

fn resets(timing: &str) -> Vec<Vec<u64>> {
    let text = text("", &format!(r#"Reset(node: "c/1", {timing})"#), r#""queue": Queue(), "log": Log()"#);
    told(&text, News::ConnectionReset).into_iter().map(|(_, times)| times).collect()
}

#[test]
fn a_span_is_a_period_and_a_distribution_is_chance() {
    for (timing, expected) in [
        (r#"at: "2s""#, vec![2_000]),
        (r#"every: "3s""#, vec![3_000, 6_000, 9_000]),
        (r#"every: "3s", times: 2"#, vec![3_000, 6_000]),
        (r#"every: "1s", since: "1500ms", until: "4500ms""#, vec![2_500, 3_500]),
        (r#"every: "4s", until: "13s""#, vec![4_000, 8_000, 12_000]),
    ] {
        assert_eq!(resets(timing), [expected.clone(), expected], "{timing}");
    }
    let drawn = resets(r#"every: "exp(1s)", since: "2s", until: "8s""#);
    assert_eq!(drawn[0], drawn[1], "every design meets the same schedule");
    let gaps: Vec<u64> = drawn[0].windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.len() > 2 && gaps.iter().any(|gap| *gap != gaps[0]), "{drawn:?}");
    assert!(drawn[0].iter().all(|time| (2_000..8_000).contains(time)), "{drawn:?}");
}

#[test]
fn a_fault_acts_at_each_kind_of_fact_of_a_message_a_key_a_node_and_so_often() {
    let first = |timing: &str| resets(timing).into_iter().map(|times| times[0]).collect::<Vec<u64>>();
    // Message 3 is published at 200 ms; a hop takes 0.5 ms, a sync of the queue's disk 2 ms, the work 10 ms.
    for (fact, expected) in [
        ("Published(message: \"p#3\")", [200, 200]),
        ("Stored(message: \"p#3\")", [200, 200]),
        ("Confirmed(message: \"p#3\")", [203, 201]),
        ("Delivered(message: \"p#3\")", [201, 201]),
        ("Processed(message: \"p#3\")", [211, 211]),
        ("Acked(message: \"p#3\")", [211, 211]),
        ("Published(key: \"b\")", [100, 100]),
    ] {
        assert_eq!(first(&format!("when: {fact}")), expected, "{fact}");
        let later = first(&format!(r#"when: {fact}, after: "40ms""#));
        assert_eq!(later, expected.map(|time| time + 40), "{fact}");
    }
    // The second message goes to the second member of the queue; the log's one partition is the first member's.
    assert_eq!(resets(r#"when: Delivered(node: "c/2", to: "c"), after: "50ms""#), [vec![151], vec![]]);
    let thrice = resets(r#"when: Published(key: "b"), times: 3"#);
    assert_eq!(thrice, [[100, 300, 500], [100, 300, 500]]);
}

#[test]
fn a_crash_between_the_effect_and_its_ack_makes_exactly_one_duplicate() {
    let faults = r#"Crash(node: Receiver, when: Processed(message: "p#3", to: "c"), restart_after: "50ms")"#;
    let result = run(&text("", faults, DESIGNS), 1);
    for design in ["queue", "log", "webhook"] {
        let consumer = &result["designs"][design]["consumers"]["c"];
        let figures = [&consumer["processed"], &consumer["duplicates"]["total"], &consumer["lost"]["total"]];
        assert_eq!(figures, [20, 1, 0], "{design}");
        assert_eq!(consumer["duplicates"]["messages"], serde_json::json!(["p#3"]), "{design}");
    }
    // One step earlier nothing has taken effect yet.
    let result = run(&text("", &faults.replace("Processed", "Delivered"), DESIGNS), 1);
    for design in ["queue", "log", "webhook"] {
        assert_eq!(result["designs"][design]["consumers"]["c"]["duplicates"]["total"], 0, "{design}");
    }
}

#[test]
fn after_the_heal_everything_works_and_all_that_was_kept_is_processed() {
    let faults = r#"
        Crash(node: "c", at: "1s"),
        Partition(nodes: "brokers", at: "1500ms"),
        Poison(message: "p#18"),
        Reset(node: "c/1", every: "1s"),
        Crash(node: Receiver, when: Delivered(message: "p#18"), times: 100)"#;
    let designs = r#""queue": Queue(), "log": Log()"#;
    for (design, times) in told(&text(r#"heal_at: "5s""#, faults, designs), News::Restarted) {
        assert_eq!(times, [5_000, 5_000], "{design}");
    }
    for (design, times) in told(&text(r#"heal_at: "5s""#, faults, designs), News::ConnectionReset) {
        assert!(times.iter().all(|time| *time < 5_000), "{design}: {times:?}");
    }
    let figures = |run_fields: &str| -> Vec<[Value; 2]> {
        let result = run(&text(run_fields, faults, designs), 1);
        let consumer = |design: &str| result["designs"][design]["consumers"]["c"].clone();
        ["queue", "log"]
            .map(|design| [consumer(design)["addressed"].clone(), consumer(design)["processed"].clone()])
            .into()
    };
    assert_eq!(figures(r#"heal_at: "5s""#), [[20, 20], [20, 20]]);
    assert!(
        figures("").iter().all(|[_, processed]| processed.as_u64() < Some(12)),
        "it is the heal that helps"
    );
}

#[test]
fn a_budget_keeps_some_alive_and_says_what_it_has_kept_from_happening() {
    let faults = r#"
        Crash(node: "c/1", at: "500ms", restart_after: "1s"),
        Crash(node: "c/2", every: "600ms", restart_after: "100ms", until: "1900ms"),
        MachineCrash(node: "broker/1", at: "700ms", restart_after: "10ms")"#;
    let text = text("", faults, DESIGNS).replace("faults:", r#"fault_budget: { "c": 1 }, faults:"#);
    for (design, times) in told(&text, News::Crashed) {
        assert_eq!(times, [500, 1_800], "{design}");
    }
    let skipped = |text: &str| run(text, 1)["designs"]["log"]["faults_skipped"].clone();
    assert_eq!(skipped(&text), 2);
    assert_eq!(skipped(&text.replace("\"c\": 1", "\"c\": 2")), 0);
}

#[test]
fn nodes_in_a_list_are_met_as_a_whole_like_those_of_one_pattern() {
    for nodes in [r#""c""#, r#"["c/1", "c/2"]"#, r#"["c/2", "c"]"#] {
        let crash = format!(r#"Crash(node: {nodes}, at: "500ms", restart_after: "1s")"#);
        let crash = text("", &crash, DESIGNS);
        for (design, times) in told(&crash, News::Crashed) {
            assert_eq!(times, [500, 500], "{nodes} in {design}");
        }
        let budget = crash.replace("faults:", r#"fault_budget: { "c": 1 }, faults:"#);
        for (design, times) in told(&budget, News::Crashed) {
            assert!(times.is_empty(), "{nodes} in {design}: {times:?}");
        }
        assert_eq!(run(&budget, 1)["designs"]["log"]["faults_skipped"], 1, "{nodes}");
        let deploy = format!(r#"RollingRestart(nodes: {nodes}, down: "300ms", pause: "200ms", at: "1s")"#);
        for (design, times) in told(&text("", &deploy, DESIGNS), News::Stopped) {
            assert_eq!(times, [1_000, 1_500], "{nodes} in {design}");
        }
    }
}

#[test]
fn a_rolling_restart_takes_one_after_the_other_down() {
    let faults = r#"RollingRestart(nodes: "c", down: "300ms", pause: "200ms", at: "1s")"#;
    for (design, times) in told(&text("", faults, DESIGNS), News::Stopped) {
        assert_eq!(times, [1_000, 1_500], "{design}");
    }
    for (design, times) in told(&text("", faults, DESIGNS), News::Restarted) {
        assert_eq!(times, [1_300, 1_800], "{design}");
    }
    let killed = faults.replace("at:", "graceful: false, at:");
    for (design, times) in told(&text("", &killed, DESIGNS), News::Crashed) {
        assert_eq!(times, [1_000, 1_500], "{design}");
    }
    // Who leaves its group in good order is not waited for; who is killed is, for the session timeout.
    let longest = |faults: &str| {
        let result = run(&text("", faults, r#""log": Log(partitions: 2)"#), 1);
        result["designs"]["log"]["consumers"]["c"]["latency"]["max"].as_f64().expect("some were processed")
    };
    assert!(longest(faults) < 1.0, "{}", longest(faults));
    assert!(longest(&killed) > 40.0, "{}", longest(&killed));
}

#[test]
fn a_receiver_answers_the_nth_request_or_a_message_with_an_error() {
    let count = |fault: &str| {
        let result = run(&text("", fault, r#""webhook": Webhook(backoff: "10ms", attempts: 3)"#), 1);
        let consumer = result["designs"]["webhook"]["consumers"]["c"].clone();
        ["redeliveries", "processed"].map(|figure| consumer[figure].as_u64().expect("a figure"))
    };
    assert_eq!(count(""), [0, 20]);
    assert_eq!(count("ErrorReply(request: 3, status: 503)"), [1, 20]);
    assert_eq!(count("ErrorReply(message: \"p#3\", status: 500, times: 2)"), [1, 20]);
    assert_eq!(count("ErrorReply(message: \"p#3\", status: 500, times: 3)"), [0, 19]);
    assert_eq!(count("ErrorReply(request: 3, status: 503, times: 4)"), [1, 19]);
}
