//! What must hold in every run, over random scenarios.
//!
//! The generator's seed is fixed, so that these tests never fail by chance; `PROPTEST_RNG_SEED` takes another. A failure
//! prints the smallest scenario found that still fails: save it as a file and run it.

mod acts;
mod clusters;
#[path = "../common/mod.rs"]
mod common;
mod effects;
mod on_the_wire;
mod once_broken;
mod same_luck;
mod streams;

use common::case::{ALL, Case, Range, cases, sqs_alone};
use common::run;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use redeliver_models::checks::{Recorded, Recorder};
use redeliver_models::{Setup, advance, build};
use serde_json::Value;
use std::cell::Cell;

/// Holds a law against so many cases.
fn check(range: Range, count: u32, law: impl Fn(&Case)) {
    check_all(cases(range), count, law);
}

fn check_all(cases: impl Strategy<Value = Case>, count: u32, law: impl Fn(&Case)) {
    let config = Config {
        cases: count,
        rng_seed: RngSeed::Fixed(number_from("PROPTEST_RNG_SEED", 11)),
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

#[allow(clippy::disallowed_methods)] // whoever starts it may ask for other cases
/// What a variable of the environment says, or else what is usual.
fn number_from(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(usual)
}

fn results(case: &Case) -> Value {
    run(&case.text(), case.seed)
}

/// All facts of a run.
fn facts(setup: &Setup) -> Vec<Recorded> {
    let mut world = build(setup, Recorder::All(Vec::new()));
    assert!(advance(&mut world, setup.limits, u64::MAX).is_some());
    world.checks_mut().0.recorder.take()
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
            let brokered = ["Queue", "RabbitMQ", "Nats", "Sqs", "Redis", "Log", "Mosquitto"]
                .contains(&settings[0].as_str());
            let clean = settings.iter().any(|setting| setting.contains("\"clean_session\": true"));
            // A broker of MQTT that boots knows of no session but those that it has saved.
            let forgets = settings[0] == "Mosquitto" && (case.has("Crash") || case.has("TornWrite"));
            for (name, consumer) in consumers(&result, design) {
                let ends =
                    ["/processed", "/dead_lettered", "/pending", "/lost/total", "/superseded", "/withdrawn"];
                let ends: u64 = ends.iter().map(|path| number(consumer, path)).sum();
                assert_eq!(number(consumer, "/addressed"), ends, "{design} {name}");
                let nobody = number(consumer, "/lost/by_cause/not_subscribed");
                assert!(nobody == 0 || !brokered || clean || forgets, "all are subscribed: {design} {name}");
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
            let brokered = ["Queue", "RabbitMQ", "Nats", "Sqs", "Redis", "Log", "Mosquitto"]
                .contains(&settings[0].as_str());
            // What waits at a consumer for longer than the deadline is delivered again, and may no longer be prepared.
            let has = |text: &str| settings.iter().any(|setting| setting.contains(text));
            let is_late = has("TwoPhaseCommit") && has("redeliver_after");
            for (name, consumer) in consumers(&result, design) {
                assert_eq!(number(consumer, "/lost/total"), 0, "{design} {name}");
                if is_late {
                    continue;
                }
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

#[test]
fn what_is_too_old_or_received_too_often_leaves_its_queue_and_the_ledger_balances() {
    let (too_old, too_often) = (Cell::new(0), Cell::new(0));
    check_all(sqs_alone(true), 300, |case| {
        let result = results(case);
        for (name, consumer) in consumers(&result, "first") {
            let ends = ["/processed", "/dead_lettered", "/pending", "/lost/total"];
            let ends: u64 = ends.iter().map(|path| number(consumer, path)).sum();
            assert_eq!(number(consumer, "/addressed"), ends, "{name}");
            let retention = number(consumer, "/lost/by_cause/retention");
            assert!(retention == 0 || case.has("MessageRetentionPeriod"), "{name}");
            too_old.set(too_old.get() + retention);
            too_often.set(too_often.get() + number(consumer, "/dead_lettered"));
        }
    });
    let (too_old, too_often) = (too_old.get(), too_often.get());
    assert!(too_old > 100 && too_often > 100, "{too_old} were too old, {too_often} received too often");
}

#[test]
fn a_fifo_queue_keeps_the_order_of_each_group_whoever_dies() {
    let held = Cell::new(0);
    check_all(sqs_alone(false), 500, |case| {
        // What is taken out of a connection comes again behind what followed it, and so does what a handler gives back.
        // What is torn as it is written was never answered: its sender sends it again, behind what others of its group
        // have sent meanwhile. The run is shorter than the default visibility timeout of 30 s.
        let reorders = ["packet: Deliver", "Poison", "FailingHandler", "VisibilityTimeout", "TornWrite"];
        if !case.has("FifoQueue") || reorders.into_iter().any(|text| case.has(text)) {
            return;
        }
        for (name, consumer) in consumers(&results(case), "first") {
            assert_eq!(number(consumer, "/order/key/late"), 0, "{name}");
        }
        held.set(held.get() + usize::from(case.has("Crash(") && case.consumers[0].members > 1));
    });
    assert!(held.get() > 20, "only {} runs had crashes and several members", held.get());
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
    let all_kept = has("\"appendonly\": \"yes\"");
    if is("Redis") && (!all_kept || ["ack:", "confirms:"].into_iter().any(has)) {
        return false;
    }
    // What a session knows is in memory, and at QoS 2 a subscriber has what it has acknowledged in its own.
    if is("Mosquitto") {
        let lower = ["\"qos\": 0", "\"qos\": 2", "\"clean_session\": true", "ack:"];
        let brokers = ["Crash(node: \"brokers\"", "TornWrite"];
        return !lower.into_iter().any(has) && !brokers.into_iter().any(|text| case.has(text));
    }
    // A log confirms what is in the page cache, unless it is told to sync first.
    let unsynced = is("Redis") && !has("\"always\"");
    let page_cache = (is("Log") && !is("acks: Synced") || is("Nats") || unsynced)
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
            "id_bits",
        ];
        let draws = case.is_rough() || drawn.iter().any(|text| case.has(text));
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
