//! Scenarios that once broke a law.

use super::*;

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
