//! Which guarantees a run has put to the test, and which of them it has broken.

mod common;

use common::run;

/// Ten messages of one key, a worker or two at 20 ms each, under these faults and settings.
fn verdicts(members: u32, faults: &str, settings: &str) -> String {
    let text = format!(
        r#"(
            format: 1,
            title: "Guarantees",
            run: (duration: "1s", drain: "10s"),
            producers: {{ "p": (publish: "t", schedule: Every("10ms"), count: 10, key: Const("k")) }},
            consumers: {{ "c": (read: "t", members: {members}, work: "20ms") }},
            faults: [{faults}],
            designs: {{ "d": Queue({settings}) }},
        )"#
    );
    let result = run(&text, 1);
    let all = result["designs"]["d"]["guarantees"]["c"].as_object().expect("by name");
    let order = ["no_loss", "no_confirmed_loss", "no_duplicates", "order_per_key"];
    let said = order.map(|name| format!("{name} {}", all[name]["verdict"].as_str().expect("a verdict")));
    said.join(", ")
}

#[test]
fn a_quiet_run_tests_nothing() {
    insta::assert_snapshot!(verdicts(1, "", ""), @"no_loss not_exercised, no_confirmed_loss not_exercised, no_duplicates not_exercised, order_per_key not_exercised");
}

#[test]
fn two_workers_put_the_order_to_the_test() {
    insta::assert_snapshot!(verdicts(2, "", "prefetch: 1"), @"no_loss not_exercised, no_confirmed_loss not_exercised, no_duplicates not_exercised, order_per_key holds");
}

#[test]
fn a_crash_before_the_ack_is_no_loss_but_another_order() {
    let faults =
        r#"Crash(node: Receiver, when: Delivered(message: "p#3"), after: "15ms", restart_after: "1s")"#;
    insta::assert_snapshot!(verdicts(2, faults, "prefetch: 1"), @"no_loss holds, no_confirmed_loss holds, no_duplicates holds, order_per_key broken");
}

#[test]
fn without_acks_a_crash_breaks_the_promise_of_the_confirm() {
    let faults = r#"Crash(node: "c", at: "55ms", restart_after: "10ms")"#;
    insta::assert_snapshot!(verdicts(1, faults, "ack: Auto"), @"no_loss broken, no_confirmed_loss broken, no_duplicates not_exercised, order_per_key not_exercised");
}

#[test]
fn what_nobody_confirmed_can_be_lost_with_the_broker() {
    let faults = r#"Crash(node: "brokers", at: "55ms", restart_after: "10ms")"#;
    insta::assert_snapshot!(verdicts(1, faults, "confirms: false, durable: false"), @"no_loss broken, no_confirmed_loss not_exercised, no_duplicates not_exercised, order_per_key not_exercised");
}

#[test]
fn a_lost_ack_repeats_an_effect() {
    let faults = r#"Drop(packet: Ack, message: "p#3")"#;
    insta::assert_snapshot!(verdicts(1, faults, "prefetch: 1, redeliver_after: \"100ms\""), @"no_loss not_exercised, no_confirmed_loss not_exercised, no_duplicates broken, order_per_key holds");
}

#[test]
fn a_visibility_timeout_that_is_not_reached_says_nothing() {
    insta::assert_snapshot!(verdicts(1, "", "redeliver_after: \"5s\""), @"no_loss not_exercised, no_confirmed_loss not_exercised, no_duplicates not_exercised, order_per_key not_exercised");
}
