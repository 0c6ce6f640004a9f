//! From text to plan, and what is said about a text that is none.

use redeliver_scenarios::{Options, Plan, read};

const FIGURE: &str = include_str!("figure-11-2.ron");

fn plan(text: &str) -> Plan {
    read("test.ron", text, &Options::default()).unwrap_or_else(|report| panic!("{report}"))
}

/// The report on a text that differs from the figure by one replacement.
fn refused(from: &str, to: &str) -> String {
    assert!(FIGURE.contains(from), "{from} is not in the figure");
    let text = FIGURE.replacen(from, to, 1);
    read("figure.ron", &text, &Options::default()).expect_err("it should be refused").render(false)
}

#[test]
fn the_figure_becomes_a_plan() {
    let plan = plan(FIGURE);
    assert_eq!(plan.designs.keys().collect::<Vec<_>>(), ["queue", "log"]);
    let setup = &plan.designs["queue"].setup;
    insta::assert_snapshot!(format!("{:?}", setup.producers), @"");
    insta::assert_snapshot!(format!("{:?}", setup.consumers), @"");
    insta::assert_snapshot!(format!("{:?}", setup.faults), @"");
    insta::assert_snapshot!(format!("{:?}", setup.design), @"");
    insta::assert_snapshot!(format!("{:?}", plan.designs["log"].setup.design), @"");
}

#[test]
fn errors_are_shown_with_their_line() {
    insta::assert_snapshot!(refused("prefetch: 1", "prefech: 1"), @"");
    insta::assert_snapshot!(refused("Queue(prefetch: 1)", "Queue"), @"");
    insta::assert_snapshot!(refused("Queue(prefetch: 1)", "Quue(prefetch: 1)"), @"");
    insta::assert_snapshot!(refused("Every(\"10ms\")", "Every(10)"), @"");
    insta::assert_snapshot!(refused("\"80ms\"", "\"80 kB\""), @"");
    insta::assert_snapshot!(refused("\"80ms\"", "\"exp(-80ms)\""), @"");
    insta::assert_snapshot!(refused("members: 2,", "members: 2"), @"");
    insta::assert_snapshot!(refused("partitions: 1", "partitions: 0"), @"");
    insta::assert_snapshot!(refused("node: Receiver, when: Delivered(message: \"shop#3\", to: \"fulfilment\"), after: \"30ms\"", "node: \"fulfillment/1\", at: \"1s\""), @"");
    insta::assert_snapshot!(refused("shop#3", "shop#6"), @"");
    insta::assert_snapshot!(refused("read: \"orders\"", "read: \"order\""), @"");
    insta::assert_snapshot!(refused("baseline: \"queue\"", "baseline: \"Queue\""), @"");
}

#[test]
fn several_errors_are_reported_together() {
    let text = FIGURE.replace("prefetch: 1", "prefech: 1, ak: Auto").replace("\"80ms\"", "80").replace("members", "member");
    insta::assert_snapshot!(read("figure.ron", &text, &Options::default()).unwrap_err(), @"");
}
