//! What is said of a scenario with a mistake in it: line, text, hint.

use super::{FIGURE, refused};
use redeliver_scenarios::{Options, read};

#[test]
fn errors_are_shown_with_their_line() {
    insta::assert_snapshot!(refused("prefetch: 1", "prefech: 1"), @r#"
    error: unknown field `prefech`
      --> figure.ron:21:24
       |
    21 |         "queue": Queue(prefech: 1),
       |                        ^^^^^^^
       |
    help: did you mean `prefetch`?
       |
    21 |         "queue": Queue(prefetch: 1),
       |                             +
    "#);
    insta::assert_snapshot!(refused("Queue(prefetch: 1)", "Queue"), @r#"
    error: `Queue` needs its parentheses
      --> figure.ron:21:18
       |
    21 |         "queue": Queue,
       |                  ^^^^^
       |
    help: write `Queue()` for all defaults, or with values inside
       |
    21 |         "queue": Queue(),
       |                       ++
    "#);
    insta::assert_snapshot!(refused("Queue(prefetch: 1)", "Quue(prefetch: 1)"), @r#"
    error: unknown word `Quue`
      --> figure.ron:21:18
       |
    21 |         "queue": Quue(prefetch: 1),
       |                  ^^^^
       |
    help: did you mean `Queue`?
       |
    21 |         "queue": Queue(prefetch: 1),
       |                    +
    "#);
    insta::assert_snapshot!(refused("Every(\"10ms\")", "Every(10)"), @r#"
    error: a bare number where a unit is due: expected a span of time
      --> figure.ron:10:53
       |
    10 |         "shop": (publish: "orders", schedule: Every(10), count: 5, key: Const("order-7"), size: "1 kB",
       |                                                     ^^
       |
    help: write "10ms"
       |
    10 -         "shop": (publish: "orders", schedule: Every(10), count: 5, key: Const("order-7"), size: "1 kB",
    10 +         "shop": (publish: "orders", schedule: Every("10ms"), count: 5, key: Const("order-7"), size: "1 kB",
       |
    "#);
    insta::assert_snapshot!(refused("\"80ms\"", "\"80 kB\""), @r#"
    error: `kB` is no unit of a span of time
      --> figure.ron:14:58
       |
    14 |         "fulfilment": (read: "orders", members: 2, work: "80 kB"),
       |                                                          ^^^^^^^
       |
    help: write for example "80ms"; units are ns, us, ms, s, min, h, d
    "#);
    insta::assert_snapshot!(refused("\"80ms\"", "\"exp(-80ms)\""), @r#"
    error: the mean of a distribution cannot be negative: "-80ms"
      --> figure.ron:14:58
       |
    14 |         "fulfilment": (read: "orders", members: 2, work: "exp(-80ms)"),
       |                                                          ^^^^^^^^^^^^
       |
    help: write for example "80ms"
    "#);
    insta::assert_snapshot!(refused("members: 2,", "members: 2"), @r#"
    error: not RON: expected comma
      --> figure.ron:14:50
       |
    14 |         "fulfilment": (read: "orders", members: 2 work: "80ms"),
       |                                                  ^
       |
    help: fields and values are separated by commas
       |
    14 |         "fulfilment": (read: "orders", members: 2, work: "80ms"),
       |                                                  +
    "#);
    insta::assert_snapshot!(refused("\"80ms\"", "80ms"), @r#"
    error: not RON: expected comma
      --> figure.ron:14:58
       |
    14 |         "fulfilment": (read: "orders", members: 2, work: 80ms),
       |                                                          ^^^^
       |
    help: a value with a unit stands in quotes
       |
    14 -         "fulfilment": (read: "orders", members: 2, work: 80ms),
    14 +         "fulfilment": (read: "orders", members: 2, work: "80ms"),
       |
    "#);
    insta::assert_snapshot!(refused("partitions: 1", "partitions: 0"), @r#"
    error: `partitions` must be from 1 to 10000
      --> figure.ron:22:34
       |
    22 |         "log":   Log(partitions: 0),
       |                                  ^
       |
    help: a topic without a partition holds nothing; write `partitions: 1`
    "#);
    insta::assert_snapshot!(refused("node: Receiver, when: Delivered(message: \"shop#3\", to: \"fulfilment\"), after: \"30ms\"", "node: \"fulfillment/1\", at: \"1s\""), @r#"
    error: no design has a node `fulfillment/1`
      --> figure.ron:18:21
       |
    18 |         Crash(node: "fulfillment/1", at: "1s", restart_after: "5s"),
       |                     ^^^^^^^^^^^^^^^
       |
    help: did you mean `fulfilment/1`?
       |
    18 -         Crash(node: "fulfillment/1", at: "1s", restart_after: "5s"),
    18 +         Crash(node: "fulfilment/1", at: "1s", restart_after: "5s"),
       |
    "#);
    insta::assert_snapshot!(refused("shop#3", "shop#6"), @r#"
    error: this can never happen: `shop` publishes only 5 messages
      --> figure.ron:18:56
       |
    18 |         Crash(node: Receiver, when: Delivered(message: "shop#6", to: "fulfilment"), after: "30ms", restart_after: "5s"),
       |                                                        ^^^^^^^^
       |
    help: raise its `count`, or name another
    "#);
    insta::assert_snapshot!(refused("read: \"orders\"", "read: \"order\""), @r#"
    error: nobody publishes to `order`
      --> figure.ron:14:30
       |
    14 |         "fulfilment": (read: "order", members: 2, work: "80ms"),
       |                              ^^^^^^^
       |
    help: did you mean `orders`?
       |
    14 |         "fulfilment": (read: "orders", members: 2, work: "80ms"),
       |                                    +
    "#);
    insta::assert_snapshot!(refused("baseline: \"queue\"", "baseline: \"Queue\""), @r#"
    error: there is no design `Queue`
      --> figure.ron:24:15
       |
    24 |     baseline: "Queue",
       |               ^^^^^^^
       |
    help: did you mean `queue`?
    "#);
    insta::assert_snapshot!(refused("order.key.late", "order.key.lat"), @r#"
    error: there is no `lat` in `designs.queue.consumers.fulfilment.order.key`
      --> figure.ron:26:55
       |
    26 |         "designs.queue.consumers.fulfilment.order.key.lat == 1",
       |                                                       ^^^
       |
    help: did you mean `late`?
    "#);
}

#[test]
fn trouble_that_could_do_nothing_is_refused() {
    let crash = "Crash(node: Receiver, when: Delivered(message: \"shop#3\", to: \"fulfilment\"), after: \"30ms\", restart_after: \"5s\")";
    insta::assert_snapshot!(refused(crash, "SlowNode(node: \"brokers\", factor: 2, at: \"1s\")"), @r#"
    error: only consumers can be slow: brokers and producers handle a message in no time here
      --> figure.ron:18:24
       |
    18 |         SlowNode(node: "brokers", factor: 2, at: "1s"),
       |                        ^^^^^^^^^
       |
    help: slow a broker's disk (`DiskSlow`), or its links (`network`)
    "#);
    insta::assert_snapshot!(refused(crash, "SlowNode(node: \"fulfilment\", factor: 0.5, at: \"1s\")"), @r#"
    error: `factor` says how many times as long it takes: above 1, at most 1000000
      --> figure.ron:18:46
       |
    18 |         SlowNode(node: "fulfilment", factor: 0.5, at: "1s"),
       |                                              ^^^
    "#);
    insta::assert_snapshot!(refused(crash, "SyncLies(node: Receiver, when: Delivered())"), @r#"
    error: this fault meets the disks of brokers only
      --> figure.ron:18:24
       |
    18 |         SyncLies(node: Receiver, when: Delivered()),
       |                        ^^^^^^^^
       |
    help: write `node: "brokers"`
    "#);
    insta::assert_snapshot!(refused(crash, "DiskFull(node: \"fulfilment/1\", at: \"1s\")"), @r#"
    error: this fault meets the disks of brokers only
      --> figure.ron:18:24
       |
    18 |         DiskFull(node: "fulfilment/1", at: "1s"),
       |                        ^^^^^^^^^^^^^^
       |
    help: write `node: "brokers"`
    "#);
    insta::assert_snapshot!(refused(crash, "ClockStep(node: \"fulfilment/1\", by: \"-2s\", at: \"1s\")"), @r#"
    error: nobody reads this clock: it would change nothing
      --> figure.ron:18:25
       |
    18 |         ClockStep(node: "fulfilment/1", by: "-2s", at: "1s"),
       |                         ^^^^^^^^^^^^^^
       |
    help: name a producer, whose clock stamps events, or a log's broker, whose clock retention by age goes by
    "#);
    insta::assert_snapshot!(refused(crash, "ClockDrift(node: \"shop\", rate: \"5%\", at: \"1s\")"), @r#"
    error: expected a clock's drift, found "5%"
      --> figure.ron:18:40
       |
    18 |         ClockDrift(node: "shop", rate: "5%", at: "1s"),
       |                                        ^^^^
       |
    help: write for example "100 ppm" (gains 100 µs a second) or "-50 ppm"; units are ppm, ppb
    "#);
}

#[test]
fn a_clock_is_not_both_ahead_and_behind() {
    let nodes = "faults: [";
    let both = "nodes: {\"shop\": (clock_ahead: \"2s\", clock_behind: \"1s\")}, faults: [";
    insta::assert_snapshot!(refused(nodes, both), @r#"
    error: a clock is ahead or behind, not both
      --> figure.ron:17:55
       |
    17 |     nodes: {"shop": (clock_ahead: "2s", clock_behind: "1s")}, faults: [
       |                                                       ^^^^
       |
    help: leave out `clock_ahead` or `clock_behind`
    "#);
}

#[test]
fn several_errors_are_reported_together() {
    let text = FIGURE.replace("prefetch: 1", "prefech: 1, ak: Auto").replace("\"80ms\"", "80");
    let text = text.replace("members", "member");
    let report = read("figure.ron", &text, &Options::default()).unwrap_err().render(false);
    let what_and_where = |line: &&str| line.starts_with("error: ") || line.trim_start().starts_with("--> ");
    let said: Vec<&str> = report.lines().filter(what_and_where).collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    error: unknown field `member`
      --> figure.ron:14:40
    error: a bare number where a unit is due: expected a span, a distribution or a rate
      --> figure.ron:14:57
    error: unknown field `prefech`
      --> figure.ron:21:24
    error: unknown field `ak`
      --> figure.ron:21:36
    ");
}
