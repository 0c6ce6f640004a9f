//! What must hold in every run, over random scenarios.
//!
//! The generator's seed is fixed, so that these tests never fail by chance. A failure prints the smallest scenario
//! found that still fails: save it as a file and run it.

mod common;

use common::case::{ALL, Case, Range, cases, clusters};
use common::{plan, run};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use redeliver_models::causes::LossCause;
use redeliver_models::checks::{Event, Recorder};
use redeliver_models::message::SubscriptionId;
use redeliver_models::{Fact, Setup, advance, build};
use redeliver_sim::NodeId;
use serde_json::Value;
use std::cell::Cell;
use std::collections::BTreeMap;

/// Holds a law against so many cases.
fn check(range: Range, count: u32, law: impl Fn(&Case)) {
    check_all(cases(range), count, law);
}

fn check_all(cases: impl Strategy<Value = Case>, count: u32, law: impl Fn(&Case)) {
    let config = Config {
        cases: count,
        rng_seed: RngSeed::Fixed(11),
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&cases, |case| {
        law(&case);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

fn results(case: &Case) -> Value {
    run(&case.text(), case.seed)
}

/// Each subscription's figures in a design.
fn consumers<'a>(result: &'a Value, design: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    result["designs"][design]["consumers"].as_object().expect("subscriptions by name").iter()
}

fn number(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("no figure {path}"))
}

#[test]
fn the_ledger_balances() {
    // The run itself asserts it, with the census of all copies and Little's law.
    check(ALL, 400, |case| {
        let result = results(case);
        for (design, settings) in case.names() {
            let brokered = ["Queue", "RabbitMQ", "Nats", "Log"].contains(&settings[0].as_str());
            for (name, consumer) in consumers(&result, design) {
                let ends =
                    ["/processed", "/dead_lettered", "/pending", "/lost/total", "/superseded", "/withdrawn"];
                let ends: u64 = ends.iter().map(|path| number(consumer, path)).sum();
                assert_eq!(number(consumer, "/addressed"), ends, "{design} {name}");
                let nobody = number(consumer, "/lost/by_cause/not_subscribed");
                assert!(nobody == 0 || !brokered, "all are subscribed: {design} {name}");
            }
        }
    });
}

#[test]
fn a_calm_run_loses_nothing_and_keeps_the_order() {
    let calm = Range { faults: 0, rough: false, limits: false, producers_crash: false };
    check(calm, 100, |case| {
        let result = results(case);
        for (design, settings) in case.names() {
            let brokered = ["Queue", "RabbitMQ", "Nats", "Log"].contains(&settings[0].as_str());
            // What waits at a consumer for longer than the deadline is delivered again, and may no longer be prepared.
            let has = |text: &str| settings.iter().any(|setting| setting.contains(text));
            let is_late = has("TwoPhaseCommit") && has("redeliver_after");
            for (name, consumer) in consumers(&result, design).filter(|_| !is_late) {
                assert_eq!(number(consumer, "/lost/total"), 0, "{design} {name}");
                // With `share: All` each member is a subscription of its own, `c/1`.
                // A queue that a design has beside them has nobody who reads it.
                let drawn = case.consumers.get(usize::from(name.starts_with('d')));
                if drawn.is_none_or(|drawn| drawn.members == 1) || name.contains('/') {
                    // Without a broker nothing puts the messages of two producers in order.
                    let late = if brokered { "/order/key/late" } else { "/order/producer/late" };
                    assert_eq!(number(consumer, late), 0, "{design} {name}");
                }
            }
        }
    });
}

#[test]
fn what_was_confirmed_is_never_lost() {
    let durable = Range { limits: false, ..ALL };
    check(durable, 300, |case| {
        let result = results(case);
        // A handler's failure may be dropped, a disk that lies keeps nothing, one that rots damages what it kept, and
        // the page cache dies with its machine.
        if ["Drop,", "on_failure: Drop", "SyncLies", "CorruptRecord"].into_iter().any(|text| case.has(text)) {
            return;
        }
        for (design, settings) in case.names() {
            if !is_careful(case, settings) {
                continue;
            }
            for (name, consumer) in consumers(&result, design) {
                assert_eq!(number(consumer, "/lost/confirmed"), 0, "{design} {name}");
            }
        }
    });
}

/// Each subscription's figures in a design, with what was drawn for it.
fn drawn<'a>(
    result: &'a Value,
    design: &str,
    case: &'a Case,
) -> impl Iterator<Item = (&'a String, &'a Value, &'a common::case::Consumer)> {
    consumers(result, design).filter_map(|(name, figures)| {
        // Members of `share: All` are subscriptions: `c/1`. A queue of dead letters has nobody who reads it.
        let index = ["c", "d"].iter().position(|group| name.split('/').next() == Some(group))?;
        Some((name, figures, case.consumers.get(index)?))
    })
}

#[test]
fn who_keeps_all_ids_with_the_effects_has_no_effect_twice() {
    let repeated = Cell::new(0);
    check(ALL, 300, |case| {
        let result = results(case);
        for (design, _) in case.names() {
            for (name, figures, consumer) in drawn(&result, design, case) {
                if consumer.deduplicate == "InDatabase(last: 1000)" {
                    assert_eq!(number(figures, "/duplicates/total"), 0, "{design} {name}");
                    repeated.set(repeated.get() + number(figures, "/deduplicated"));
                }
                let ids = consumer.deduplicate != "Nothing";
                assert!(ids || number(figures, "/deduplicated") == 0, "{design} {name}");
                let mistaken = number(figures, "/lost/by_cause/taken_for_duplicate");
                assert!(mistaken == 0 || consumer.deduplicate.contains("id_bits"), "{design} {name}");
            }
        }
    });
    assert!(repeated.get() > 100, "only {} deliveries were recognised", repeated.get());
}

#[test]
fn an_effect_in_one_transaction_with_its_ack_takes_place_once() {
    let faulty = Cell::new(0);
    let unlimited = Range { limits: false, ..ALL };
    check(unlimited, 1_500, |case| {
        // A producer that sends again makes two messages of one; a disk that lies keeps no promise.
        if case.has("SyncLies") {
            return;
        }
        for (design, settings) in case.names() {
            let is = |setting: &str| settings.iter().any(|found| found == setting);
            if !is("ack: TwoPhaseCommit") || !(is("confirms: false") || is("retries: 0")) {
                continue;
            }
            let result = results(case);
            for (name, figures) in consumers(&result, design) {
                assert_eq!(number(figures, "/duplicates/total"), 0, "{design} {name}");
                // What its broker forgets is lost with whoever has it; what nobody wants, with its failure.
                let forgets = is("durable: false") || is("persistent: false") || case.has("MachineCrash");
                if !forgets && !case.has("TornWrite") {
                    let taken = number(figures, "/lost/by_cause/taken_never_processed");
                    assert_eq!(taken, 0, "{design} {name}");
                }
            }
            faulty.set(faulty.get() + usize::from(case.has("Crash(")));
        }
    });
    assert!(faulty.get() > 10, "only {} runs had crashes", faulty.get());
}

#[test]
fn what_is_in_an_outbox_is_not_lost_with_its_producer() {
    let drawn = Cell::new(0);
    check(ALL, 300, |case| {
        let result = results(case);
        let outbox = case.producers.iter().all(|producer| producer.state_change == "Outbox");
        for (design, _) in case.names() {
            for (producer, name) in case.producers.iter().zip(["p", "q"]) {
                let figures = &result["designs"][design]["producers"][name];
                let [changes, published] = ["/state_changes", "/published"].map(|path| number(figures, path));
                match producer.state_change {
                    "Nothing" => assert_eq!(changes, 0, "{design} {name}"),
                    "PublishFirst" => assert!(changes <= published, "{design} {name}"),
                    _ => assert_eq!(changes, published, "{design} {name}"),
                }
            }
            for (name, figures) in consumers(&result, design).filter(|_| outbox) {
                assert_eq!(number(figures, "/lost/by_cause/producer_buffer"), 0, "{design} {name}");
                drawn.set(drawn.get() + usize::from(case.has("Crash(")));
            }
        }
    });
    assert!(drawn.get() > 10, "only {} runs had crashes", drawn.get());
}

#[test]
fn a_process_that_never_dies_and_has_no_others_beside_it_has_no_effect_twice() {
    let unhurt =
        |fault: &String| !["Crash", "TornWrite", "RollingRestart"].iter().any(|kind| fault.contains(kind));
    check(ALL, 200, |case| {
        if !case.faults.iter().all(unhurt) {
            return;
        }
        let result = results(case);
        for (design, _) in case.names() {
            for (name, figures, consumer) in drawn(&result, design, case) {
                if consumer.deduplicate == "InProcess(last: 1000)" && consumer.members == 1 {
                    assert_eq!(number(figures, "/duplicates/total"), 0, "{design} {name}");
                }
            }
        }
    });
}

#[test]
fn a_cluster_balances_and_loses_nothing_that_it_has_confirmed() {
    // That each term has one leader is asserted as it begins.
    check_all(clusters(), 400, |case| {
        let result = results(case);
        let spoilt = ["on_failure: Drop", "on_failure: DeadLetter", "SyncLies", "CorruptRecord", "id_bits"];
        if spoilt.into_iter().any(|text| case.has(text)) {
            return;
        }
        for (name, consumer) in consumers(&result, "first") {
            // What is returned too often is dropped.
            if number(consumer, "/lost/by_cause/delivery_limit") == 0 {
                assert_eq!(number(consumer, "/lost/confirmed"), 0, "{name}");
            }
        }
    });
}

/// Whether a design keeps what it has confirmed: acks after the work, confirms of what outlives a crash.
fn is_careful(case: &Case, settings: &[String]) -> bool {
    let is = |setting: &str| settings.iter().any(|found| found.starts_with(setting));
    let careless = [
        "Udp",
        "Webhook",
        "ack: Auto",
        "ack: BeforeWork",
        "confirms:",
        "durable:",
        "persistent:",
        "confirm_after:",
        "commit:",
        "acks: None",
        "acks: Leader",
    ];
    // Without a dead-letter exchange, what is given up is dropped.
    let gives_up = (is("RabbitMQ") || is("Nats")) && case.has("on_failure: DeadLetter");
    let has = |text: &str| settings.iter().any(|setting| setting.contains(text));
    if is("Nats") && ["\"memory\"", "\"none\"", "ack:", "confirms:"].into_iter().any(has) {
        return false;
    }
    // A log confirms what is in the page cache, unless it is told to sync first.
    let page_cache = (is("Log") && !is("acks: Synced") || is("Nats"))
        && (case.has("MachineCrash") || case.has("TornWrite"));
    !careless.into_iter().any(is) && !gives_up && !page_cache
}

#[test]
fn only_what_is_drawn_depends_on_the_seed() {
    check(ALL, 100, |case| {
        let drawn = [
            "Poisson",
            "deliver_group",
            "exp(",
            "uniform",
            "Uniform",
            "chance",
            "every",
            "shape: ",
            "Swizzle(",
        ];
        let rough = case.network.loss != "0%" || case.network.duplication != "0%";
        let draws = rough || drawn.iter().any(|text| case.has(text));
        let (one, other) = (run(&case.text(), 1), run(&case.text(), 2));
        for (design, _) in case.names() {
            let fingerprint = |result: &Value| result["designs"][design]["fingerprint"].clone();
            let path = format!("/designs/{design}/producers/p/published");
            let published = number(&one, &path) > 0 && number(&other, &path) > 0;
            let surely = published && case.producers[0].schedule.starts_with("Poisson");
            if surely {
                assert_ne!(fingerprint(&one), fingerprint(&other));
            } else if !draws {
                assert_eq!(fingerprint(&one), fingerprint(&other));
            }
        }
    });
}

#[test]
fn the_same_file_gives_the_same_bytes_whatever_its_order() {
    let normal = |result: &Value| {
        let mut result = result.clone();
        result["designs"].as_object_mut().expect("designs by name").sort_keys();
        result.to_string()
    };
    check(ALL, 60, |case| {
        let first = results(case);
        assert_eq!(first.to_string(), results(case).to_string());
        assert_eq!(normal(&first), normal(&run(&case.permuted(), case.seed)));
    });
}

/// A message by its source and number.
type Name = (u32, u32);

/// What a run was given: when each message was published, its key, its size, its luck; and what it drew: the work of
/// its first attempt in each subscription, and what became of each datagram that carried it to a consumer.
#[derive(PartialEq, Debug, Default)]
struct Given {
    published: BTreeMap<Name, (u64, u32, u64, u64)>,
    worked: BTreeMap<(Name, String), u64>,
    carried: BTreeMap<(Name, SubscriptionId, u16), Passage>,
}

/// One sending of a message to a consumer.
#[derive(PartialEq, Eq, Debug, Default)]
struct Passage {
    sent_at: u64,
    /// To whom; a sender without a broker does not say, and takes all in turn.
    member: u32,
    /// How often the same attempt was sent: a broker that has crashed counts anew.
    sendings: u32,
    /// It was lost on the wire, by chance.
    lost: bool,
    /// To whom it came, and after how many nanoseconds.
    arrivals: BTreeMap<NodeId, Vec<u64>>,
}

impl Passage {
    /// Whether two runs that carried the same datagram over the same link drew the same for it. What met a partition,
    /// a proxy or a dead receiver tells nothing.
    fn agrees(&self, other: &Passage) -> bool {
        let arrived = |passage: &Passage| !passage.arrivals.is_empty();
        if self.member != other.member || self.sendings > 1 || other.sendings > 1 {
            return true;
        }
        if self.lost && arrived(other) || other.lost && arrived(self) {
            return false;
        }
        self.arrivals.iter().all(|(node, delays)| {
            let again = other.arrivals.get(node).filter(|again| again.len() == delays.len());
            again.is_none_or(|again| again == delays)
        })
    }
}

fn given(setup: &Setup) -> Given {
    let mut given = Given::default();
    let mut world = build(setup, Recorder::All(Vec::new()));
    loop {
        let over = advance(&mut world, setup.limits, 1).is_some();
        for entry in world.checks_mut().0.recorder.take() {
            let Event::Fact(fact, Some((source, number, _))) = entry.event else { continue };
            let name = (source, number);
            match fact {
                Fact::Published { m, .. } => {
                    let message = world.shared().messages.get(m);
                    let what = (message.born.0, message.key.0, message.size, message.luck.0);
                    given.published.insert(name, what);
                }
                Fact::Processed { s, attempt: 1, worked, .. } => {
                    let group = &world.shared().names.subscriptions[s.0 as usize];
                    let group = group.split('/').next().unwrap_or(group).to_string();
                    given.worked.entry((name, group)).or_insert(worked.0);
                }
                Fact::Dispatched { s, attempt, member, .. } => {
                    let passage = given.carried.entry((name, s, attempt)).or_default();
                    (passage.sent_at, passage.member) = (entry.at.0, member);
                    passage.sendings += 1;
                }
                Fact::DeliveryDropped { s, why: LossCause::Network, .. } => {
                    // Lost as it was sent, and so it is the last attempt.
                    let passages = given.carried.range_mut((name, s, 0)..=(name, s, u16::MAX));
                    match passages.last() {
                        Some((_, passage)) => passage.lost = true,
                        None => given.carried.entry((name, s, 1)).or_default().lost = true,
                    }
                }
                Fact::Delivered { s, attempt, .. } => {
                    let passage = given.carried.entry((name, s, attempt)).or_default();
                    // Without a broker it leaves as it is published.
                    let since = if passage.sendings > 0 { passage.sent_at } else { given.published[&name].0 };
                    let delay = entry.at.0.saturating_sub(since);
                    passage.arrivals.entry(entry.node).or_default().push(delay);
                }
                _ => {}
            }
        }
        if over {
            return given;
        }
    }
}

/// What breaks in a setup, and when, in the order of what the file says.
fn schedule(setup: &Setup) -> Vec<String> {
    let mut all: Vec<String> = setup.faults.iter().map(|fault| format!("{fault:?}")).collect();
    all.sort();
    all
}

/// Faults that change when a datagram is handed over.
const MOVES_ARRIVALS: [&str; 6] = ["Pause(", "Slow(", "Jam(", "Swizzle(", "Loss(", "Duplicate("];

/// Whether a crash may keep a fault from acting: a pause does not hold who is down.
fn is_missed(fault: &str, crash: &str) -> bool {
    fault.starts_with("Pause(") && crash.contains("Crash(")
}

#[test]
fn a_fault_or_a_design_changes_nothing_for_others() {
    let carried = Cell::new(0);
    check(Range { producers_crash: false, ..ALL }, 60, |case| {
        let planned = plan(&case.text(), case.seed);
        let runs: Vec<Given> = planned.designs.values().map(|design| given(&design.setup)).collect();
        for n in 0..case.faults.len() {
            let changed = plan(&case.without_fault(n).text(), case.seed);
            let handler =
                ["Poison", "FailingHandler", "SlowHandler"].iter().any(|k| case.faults[n].starts_with(k));
            for ((name, settings), before) in case.names().zip(&runs) {
                let setup = &changed.designs[name].setup;
                let again = given(setup);
                hold_common(case, before, &again, !handler);
                // Of faults that say the same each has a stream of its own: which of them is gone is not told.
                let removed = case.faults[n].split_whitespace().collect::<Vec<&str>>().join(" ");
                let mut others = planned.designs[name].setup.clone();
                others.faults.retain(|fault| fault.text != removed);
                if !changed.text.contains(&case.faults[n]) {
                    assert_eq!(schedule(&others), schedule(setup), "without {removed}");
                }
                let datagrams = |setting: &String| setting == "Udp" || setting.contains("Datagrams");
                // What a fault does to links or to a process goes with it; one that waits for a fact may come at
                // another time; any other does the same to what is sent at the same time.
                let moves =
                    |fault: &String| MOVES_ARRIVALS.iter().any(|kind| fault.trim_start().starts_with(kind));
                let is_timed = case.faults.iter().any(moves);
                let is_shifted = case.faults.iter().enumerate().any(|(other, fault)| {
                    moves(fault)
                        && (other == n || fault.contains("when:") || is_missed(fault, &case.faults[n]))
                });
                if settings.iter().any(datagrams) && !is_shifted {
                    for (which, passage) in &before.carried {
                        let Some(other) = again.carried.get(which) else { continue };
                        if is_timed && passage.sent_at != other.sent_at {
                            continue;
                        }
                        assert!(passage.agrees(other), "{which:?}: {passage:?}, then {other:?}");
                        carried.set(carried.get() + 1);
                    }
                }
            }
        }
        for other in &runs[1..] {
            hold_common(case, &runs[0], other, true);
        }
        // A design that is there alone is the same.
        let alone = plan(&Case { designs: case.designs[..1].to_vec(), ..case.clone() }.text(), case.seed);
        let [alone, before] = [&alone, &planned].map(|plan| format!("{:?}", plan.designs["first"].setup));
        assert_eq!(alone, before);
    });
    assert!(carried.get() > 500, "only {} datagrams were compared", carried.get());
}

/// The same workload, and the same work on what both have processed.
fn hold_common(case: &Case, one: &Given, other: &Given, same_handlers: bool) {
    assert_eq!(one.published, other.published);
    // Tries in place draw anew, so that the first attempt's work is not told; pauses and slow machines stretch it.
    let other_work = ["RetryInPlace", "SlowNode(", "Pause("].into_iter().any(|text| case.has(text));
    if !same_handlers || other_work {
        return;
    }
    for (message, worked) in &one.worked {
        if let Some(again) = other.worked.get(message) {
            assert_eq!(worked, again, "the work of {message:?}");
        }
    }
}

/// The figures of subscription `c` in a scenario that once broke a law: three messages, 10 ms apart.
fn once_broken(consumers: &str, faults: &str, design: &str) -> Value {
    let text = format!(
        r#"(
            format: 1,
            title: "Once broken",
            run: (duration: "2s", drain: "4s", max_events: 10000),
            producers: {{ "p": (publish: "t", schedule: Every("10ms"), count: 3) }},
            consumers: {{ {consumers} }},
            faults: [{faults}],
            designs: {{ "d": {design} }},
        )"#
    );
    run(&text, 1)["designs"]["d"].clone()
}

const ONE: &str = r#""c": (read: "t")"#;
const TWO: &str = r#""c": (read: "t"), "d": (read: "t")"#;

#[test]
fn a_crash_at_a_fact_leaves_no_copy_between_two_places() {
    // The run itself asserts that every copy is accounted for.
    for fact in ["Published()", "Stored()", "Confirmed()", "Delivered()", "Processed()", "Acked()"] {
        let faults = format!(r#"Crash(node: Receiver, when: {fact}, times: 2, restart_after: "10ms")"#);
        for design in [
            "Queue()",
            "Queue(ack: Auto, durable: false, confirms: false)",
            "Queue(max_length: 0)",
            "Log()",
            "Udp()",
            "Webhook()",
        ] {
            let silent = design == "Udp()" && ["Stored()", "Confirmed()", "Acked()"].contains(&fact);
            if silent || design.contains("confirms: false") && fact == "Confirmed()" {
                continue;
            }
            once_broken(ONE, &faults, design);
            once_broken(TWO, &faults, design);
        }
    }
}

#[test]
fn a_fault_at_time_zero_acts() {
    let faults = r#"Crash(node: "brokers", at: "0s")"#;
    assert_eq!(number(&once_broken(ONE, faults, "Queue()"), "/consumers/c/processed"), 0);
}

#[test]
fn a_queue_without_room_loses_by_overflow_though_another_has_room() {
    let consumers = r#""c": (read: "t", work: "1s"), "d": (read: "t")"#;
    let design = "Queue(prefetch: 1, confirms: false, max_length: 1, overflow: RejectPublish)";
    let result = once_broken(consumers, "", design);
    assert_eq!(number(&result, "/consumers/c/lost/by_cause/queue_overflow"), 1);
    assert_eq!(number(&result, "/consumers/d/processed"), 3);
}

#[test]
fn a_handlers_fault_begins_at_its_time() {
    let consumers = r#""c": (read: "t", on_failure: Drop)"#;
    let result = once_broken(consumers, r#"Poison(chance: "100%", at: "15ms")"#, "Queue()");
    assert_eq!(number(&result, "/consumers/c/processed"), 2);
    assert_eq!(number(&result, "/consumers/c/lost/by_cause/handler_failed"), 1);
}

#[test]
fn a_timeout_of_nothing_is_a_loop_that_ends_the_run() {
    for design in ["Queue(confirm_timeout: \"0s\")", "Queue(redeliver_after: \"0s\")"] {
        let consumers = r#""c": (read: "t", work: "1s")"#;
        let stopped = once_broken(consumers, "", design)["stopped"].clone();
        assert!(stopped.is_string(), "{design}: {stopped}");
    }
}

#[test]
fn partitions_of_every_kind_cut_the_only_link_there_is() {
    // Messages at 0, 10 and 20 ms, each 0.5 ms on its way.
    for (fault, lost) in [
        (r#"Partition(shape: Halves, at: "5ms")"#, 2),
        (r#"Partition(shape: One, every: "12ms", lasts: "1ms")"#, 0),
        (r#"Partition(groups: [["p"], ["c"]], at: "10200us")"#, 1),
        (r#"Partition(groups: [["p"], ["c"]], at: "10200us", in_flight: Lost)"#, 2),
        (r#"Partition(nodes: Receiver, when: Processed(message: "p#1"), lasts: "15ms")"#, 1),
        (r#"Stop(from: "p", to: "c", at: "5ms", lasts: "10ms")"#, 1),
        (r#"Stop(from: "c", to: "p", at: "5ms")"#, 0),
        (r#"Stop(from: "c", to: "p", both_ways: true, at: "5ms")"#, 2),
    ] {
        let result = once_broken(ONE, fault, "Udp()");
        assert_eq!(number(&result, "/consumers/c/lost/by_cause/partition"), lost, "{fault}");
    }
}

#[test]
fn a_swizzle_jams_every_link_until_both_of_its_ends_are_released() {
    // Whoever is first: the first jam begins at 5 ms, the last ends at 205 ms. The message of 10 ms waits.
    let result = once_broken(ONE, r#"Swizzle(over: "100ms", at: "5ms")"#, "Udp()");
    let latency = result.pointer("/consumers/c/latency/max").and_then(Value::as_f64).expect("a figure");
    assert!((0.195..0.197).contains(&latency), "{latency}");
}
