//! Clusters: what holds in all of them, and scenarios that once broke it.

use super::common::case::clusters;
use super::common::restarts::restarts;
use super::*;

#[test]
fn a_cluster_balances_and_loses_nothing_that_it_has_confirmed() {
    // That each term has one leader is asserted as it begins.
    check_all(clusters(), count(400), |case| {
        let result = results(case);
        let spoilt = ["on_failure: Drop", "on_failure: DeadLetter", "SyncLies", "CorruptRecord", "id_bits"];
        if spoilt.into_iter().any(|text| case.has(text)) {
            return;
        }
        for (name, consumer) in consumers(&result, "first") {
            assert!(may_drop(case, consumer) || number(consumer, "/lost/confirmed") == 0, "{name}");
        }
    });
}

#[test]
fn when_all_faults_have_ended_everything_is_consumed() {
    check_all(clusters(), count(300), |case| {
        // It is not true of a member whose log is damaged, of a handler that always fails, of a packet that an imp took
        // away, and of a channel that never sends again what it had for a queue without a majority, as in 4.0.5.
        let spoilt = ["SyncLies", "CorruptRecord", "Poison", "Drop(packet", "version: \"4.0.5\""];
        if spoilt.into_iter().any(|text| case.has(text)) {
            return;
        }
        let text = case.text().replace("drain: \"4s\"", "drain: \"300s\", heal_at: \"2500ms\"");
        let result = run(&text, case.seed);
        for (name, consumer) in consumers(&result, "first") {
            assert_eq!(number(consumer, "/pending"), 0, "{name}");
        }
    });
}

#[test]
fn while_no_more_than_one_node_is_away_nothing_that_its_clients_want_is_forgotten() {
    // Also in 4.0.5, which forgets what a channel has for a queue without a majority.
    check_all(restarts(), count(200), |case| {
        let text = case.text().replace(
            "duration: \"2s\", drain: \"4s\"",
            "duration: \"40s\", drain: \"300s\", heal_at: \"40s\"",
        );
        let result = run(&text, case.seed);
        for (name, consumer) in consumers(&result, "first") {
            assert_eq!(number(consumer, "/pending"), 0, "{name}");
            // Ids so short that they collide make a consumer take what is new for what it knows.
            let spoilt = may_drop(case, consumer) || case.has("id_bits");
            assert!(spoilt || number(consumer, "/lost/confirmed") == 0, "{name}");
        }
    });
}

/// So many cases, or as many as `PROPTEST_CASES` says.
fn count(usual: u32) -> u32 {
    number_from("PROPTEST_CASES", usual.into()) as u32
}

/// Whether a queue may drop what it has confirmed: what was returned too often, and the first of one that is too long.
fn may_drop(case: &Case, consumer: &Value) -> bool {
    number(consumer, "/lost/by_cause/delivery_limit") > 0 || drops_heads(case)
}

/// Whether a queue may drop what it has confirmed, because it is too long.
fn drops_heads(case: &Case) -> bool {
    let queues = case.designs[0].iter().find(|setting| setting.starts_with("queues:"));
    let limits = |queue: &str| queue.contains("x-max-length") && !queue.contains("reject-publish");
    queues.is_some_and(|queues| queues.split('}').any(limits))
}

/// What became of so many messages of a shop at n2, one each millisecond, in a queue that n1 leads; its consumer is at n3.
fn figures(messages: u32, queue: &str, work: &str, faults: &str) -> Value {
    figures_where(("", 10), messages, queue, work, faults)
}

/// The same where some links are as said, and so many deliveries are under way to the consumer; 0 is no limit.
fn figures_where(
    (links, prefetch): (&str, u32),
    messages: u32,
    queue: &str,
    work: &str,
    faults: &str,
) -> Value {
    let text = format!(
        r#"(
            format: 1,
            title: "A cluster",
            run: (duration: "20s", drain: "20s"),
            producers: {{ "shop": (publish: "orders", schedule: Every("1ms"), count: {messages}) }},
            consumers: {{ "stock": (read: "orders", work: "{work}") }},
            network: (latency: "1ms", {links}),
            faults: [{faults}],
            designs: {{ "d": RabbitMQ(
                version: "4.0.5",
                config: {{"net_ticktime": 8}},
                nodes: ["n1", "n2", "n3"],
                queues: {{"stock": {{{queue}}}}},
                leaders: {{"stock": "n1"}},
                clients: {{"shop/*": (node: "n2"), "stock/*": (node: "n3", config: {{"prefetch_count": {prefetch}}})}},
            ) }},
        )"#
    );
    run(&text, 42)["designs"]["d"].clone()
}

const QUORUM: &str = r#""x-queue-type": "quorum""#;
const SHORT: &str = r#""x-queue-type": "quorum", "x-max-length": 20, "x-overflow": "reject-publish""#;

#[test]
fn a_disk_that_lies_may_let_a_member_vote_twice_and_the_second_to_win_a_term_stands_back() {
    let faults = r#"
        SyncLies(node: "n3", at: "0s"),
        Crash(node: "n1", at: "1s", restart_after: "5s"),
        Partition(nodes: "n2", at: "4s"),
        MachineCrash(node: "n3", at: "5s", restart_after: "100ms"),
    "#;
    // With a promise that was kept, n2 alone would lead; and it is cut off.
    let result = figures(1500, QUORUM, "0ms", faults);
    assert_eq!(number(&result, "/consumers/stock/lost/confirmed"), 0);
}

#[test]
fn what_a_queue_has_refused_its_next_leader_does_not_confirm() {
    let faults = r#"
        Stop(from: "n1", to: "n2", at: "500ms", lasts: "300ms"),
        MachineCrash(node: "n1", at: "700ms"),
    "#;
    let result = figures(2000, SHORT, "20ms", faults);
    assert!(number(&result, "/consumers/stock/lost/by_cause/queue_overflow") > 0, "nothing was refused");
    assert_eq!(number(&result, "/consumers/stock/lost/confirmed"), 0);
}

#[test]
fn a_queue_that_was_full_takes_messages_again_once_it_is_down_to_four_fifths() {
    let result = figures(2000, SHORT, "20ms", "");
    // It is full within 40 ms; in the 2 s of publishing 100 find a place that another leaves.
    let processed = number(&result, "/consumers/stock/processed");
    assert!((100..150).contains(&processed), "{processed}");
}

#[test]
fn what_a_dying_leader_had_sent_is_sent_again_by_the_next() {
    let faults = r#"
        Stop(from: "n1", to: "n3", at: "1009ms", lasts: "2s"),
        MachineCrash(node: "n1", at: "1500ms"),
    "#;
    let result = figures(3000, QUORUM, "0ms", faults);
    assert_eq!(number(&result, "/consumers/stock/pending"), 0);
}

#[test]
fn what_a_dead_leader_alone_had_logged_does_not_take_along_what_came_to_stand_in_its_place() {
    // For 50 ms what n1 logs comes to nobody else. Then others lead, one after the other, with messages waiting.
    let faults = r#"
        Stop(from: "n1", to: "n2", at: "300ms", lasts: "50ms", in_flight: Lost),
        Stop(from: "n1", to: "n3", at: "300ms", lasts: "50ms", in_flight: Lost),
        Crash(node: "n1", at: "349ms", restart_after: "1s"),
        Crash(node: "n2", at: "2s", restart_after: "100ms"),
        Crash(node: "n3", at: "3s", restart_after: "100ms"),
    "#;
    let result = figures(1000, QUORUM, "10ms", faults);
    assert_eq!(number(&result, "/consumers/stock/pending"), 0);
    assert_eq!(number(&result, "/consumers/stock/lost/total"), 0);
}

#[test]
fn what_overtakes_what_came_before_it_on_the_way_to_a_leader_waits_for_it() {
    // All five nodes begin anew; with every fifth packet lost, n2 leads, does not, and leads again, while what n1 has
    // sent it in the meantime comes in parts.
    let text = r#"(
        format: 1,
        title: "A cluster",
        run: (duration: "2s", drain: "300s", heal_at: "2500ms"),
        producers: { "p": (publish: "t", schedule: Rate("50 kB/s"), count: 5, size: "1 kB") },
        consumers: {
            "c": (read: "t", members: 3, work: "0ms"),
            "d": (read: "t", work: "5ms", deduplicate: InProcess(last: 2)),
        },
        network: (latency: "1ms", jitter: "exp(1ms)", loss: "20%"),
        faults: [TornWrite(node: "brokers", at: "50ms", restart_after: "10ms")],
        designs: { "d": RabbitMQ(
            version: "4.2.0",
            nodes: ["n1", "n2", "n3", "n4", "n5"],
            queues: {
                "c": {"x-queue-type": "quorum"},
                "d": {"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"},
            },
            leaders: {"c": "n2", "d": "n1"},
            clients: {"*": (node: "n3", config: {"prefetch_count": 1}), "p/*": (node: "n1"), "c/1": (node: "n1")},
        ) },
    )"#;
    let result = run(text, 369);
    for (name, consumer) in consumers(&result, "d") {
        assert_eq!(number(consumer, "/pending"), 0, "{name}");
    }
}

#[test]
fn what_was_sent_to_an_earlier_channel_does_not_come_to_the_next() {
    // The consumer is back within a millisecond; what is on its way to it takes 200 ms.
    let link = r#"links: [(from: "n1", to: "n3", latency: "200ms")]"#;
    let faults = r#"Crash(node: "stock/1", at: "1s", restart_after: "1ms")"#;
    for queue in ["", QUORUM] {
        let result = figures_where((link, 0), 3000, queue, "0ms", faults);
        let stock = &result["consumers"]["stock"];
        let again = number(stock, "/duplicates/total");
        assert!(again <= 20, "{again}: only what it had processed just before, and had not acked: {queue}");
        assert_eq!(number(stock, "/pending"), 0, "{queue}");
    }
}

/// What a picture of a story with three nodes has; a quorum queue `q` is led by n1.
fn story(version: &str, clients: &str, script: &str, expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|text| format!("{text:?}")).collect();
    let text = format!(
        r#"(
            format: 1,
            title: "A story of a cluster",
            designs: {{ "d": RabbitMQ(
                version: "{version}",
                nodes: ["n1", "n2", "n3"],
                queues: {{"q": {QUORUM_QUEUE}}},
                leaders: {{"q": "n1"}},
                clients: {{{clients}}},
            ) }},
            script: [{script}],
            expect: [{}],
        )"#,
        expected.join(", ")
    );
    let result = run(&text, 42);
    for expectation in result["expect"].as_array().expect("a list") {
        assert_eq!(expectation["verdict"], "holds", "{version}: {expectation}");
    }
}

const QUORUM_QUEUE: &str = r#"{"x-queue-type": "quorum"}"#;

#[test]
fn who_was_away_learns_what_was_declared_meanwhile() {
    let script = r#"
        ("n3", Crash),
        ("ops", Declare("late", {"x-queue-type": "quorum"})),
        ("n3", Restart),
        ("ops", Wait("5s")),
        ("p", Send("m1", "late")),
        ("ops", Look("end")),
    "#;
    story("4.0.5", r#""p": (node: "n3")"#, script, &["queues.late.messages == ['m1']"]);
}

#[test]
fn who_consumes_twice_has_two_consumers_also_after_a_leader_has_died() {
    let script = r#"
        ("c", Consume("q"), Consume("q")),
        ("p", Send("m1..m4", "q")),
        ("ops", Wait("1s"), Look("before")),
        ("n1", Crash),
        ("ops", Wait("8s")),
        ("c", Ack("m1"), Ack("m2")),
        ("ops", Wait("1s"), Look("end")),
    "#;
    let clients = r#""c": (node: "n2", config: {"prefetch_count": 1}), "p": (node: "n3")"#;
    let expected =
        ["looks.before.clients.c.got == ['m1', 'm2']", "clients.c.got == ['m1', 'm2', 'm3', 'm4']"];
    story("4.0.5", clients, script, &expected);
}

/// n1 and n2 go, s1 sends something with n3 alone, they come back.
fn minority(then: &str) -> String {
    format!(
        r#"
        ("p", Send("m1")),
        ("s1", Send("m2", "q"), Consume("q")),
        ("n1", Crash),
        ("n2", Crash),
        ("s1", Wait("3s"), Async(Send("x1", "q"))),
        ("ops", Wait("1s")),
        ("n1", Restart),
        ("n2", Restart, Wait("8s")),
        {then}
        ("c2", Consume("q")),
        ("ops", Wait("5s"), Look("end")),
        "#
    )
}

const MINORITY: &str =
    r#""c*": (node: "n2", config: {"prefetch_count": 4}), "p": (node: "n1"), "s*": (node: "n3")"#;

#[test]
fn a_channel_that_ends_gives_back_what_it_holds_though_its_queue_gets_nothing_more_of_it() {
    for then in [r#"("s1", CloseChannel), ("ops", Wait("2s")),"#, r#"("s1", Crash), ("ops", Wait("2s")),"#] {
        let got = "clients.c2.got == ['m1 redelivered', 'm2 redelivered']";
        story("4.0.5", MINORITY, &minority(then), &[got]);
    }
}

#[test]
fn what_a_channel_has_for_a_queue_without_a_majority_is_sent_again_since_4_2() {
    story("4.0.5", MINORITY, &minority(""), &["clients.s1.confirmed == 1", "clients.c2.got == []"]);
    story("4.2.0", MINORITY, &minority(""), &["clients.s1.confirmed == 2"]);
}

#[test]
fn what_a_channel_publishes_first_waits_for_a_majority_in_all_versions() {
    // It is a call, which the member of its node keeps; what is sent without waiting for an answer is forgotten.
    let script = minority("").replace(r#"("s1", Send("m2", "q"), "#, r#"("p", Send("m2")), ("s1", "#);
    for version in ["4.0.5", "4.2.0"] {
        story(version, MINORITY, &script, &["clients.s1.confirmed == 1"]);
    }
}
