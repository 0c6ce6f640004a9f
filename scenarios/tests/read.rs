//! From text to plan, and what is said about a text that is none.

use redeliver_scenarios::{FILE_BYTES_MAX, Options, Plan, read, read_bytes, unreadable};

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
    insta::assert_snapshot!(format!("{:?}", setup.producers), @r#"[Producer { name: "shop", topic: 0, members: 1, start: Span(0), schedule: Every(Span(10000000)), count: Some(5), key: Const("order-7"), size: Constant(1000), labels: ["", "", "Payment successful", "Ship item"] }]"#);
    insta::assert_snapshot!(format!("{:?}", setup.consumers), @r#"[Consumer { name: "fulfilment", topic: 0, members: [Member { work: Work { span: Constant(80000000), rate: None }, joins: Span(0) }, Member { work: Work { span: Constant(80000000), rate: None }, joins: Span(0) }], from: End, on_failure: Requeue }]"#);
    insta::assert_snapshot!(format!("{:?}", setup.faults), @r#"[Fault { what: Crash { target: Receiver, restart_after: Some(Span(5000000000)) }, when: On { fact: FactPattern { kind: Delivered, message: Some(MessageName { producer: 0, member: 0, number: 3 }), key: None, subscription: Some(0), node: None }, after: Span(30000000), times: 1 }, text: "Crash(node: Receiver, when: Delivered(message: \"shop#3\", to: \"fulfilment\"), after: \"30ms\", restart_after: \"5s\")" }]"#);
    insta::assert_snapshot!(format!("{:?}", setup.design), @r#"Queue(Config { node: "broker/1", transport: Connections, queues: [QueueConfig { name: "fulfilment", durable: true, length_max: None, overflow: DropHead, message_ttl: None, delivery_limit: None }], exchanges: [ExchangeConfig { name: "orders", queues: [0] }], persistent: true, confirm_after: Synced, redeliver_after: None, memory_high_watermark: 0.6, clients: [(Glob("*"), ClientConfig { prefetch: 1, ack: AfterWork, confirms: true, window: 0, confirm_timeout: Span(5000000000), retries: 4294967295, reconnect_after: Span(100000000), headers: [] })] })"#);
    insta::assert_snapshot!(format!("{:?}", plan.designs["log"].setup.design), @r#"Log(Config { node: "broker/1", topics: [TopicConfig { name: "orders", partitions: 1, retention_age: Some(Span(604800000000000)), retention_bytes: None, segment_bytes: 1073741824, segment_age: Some(Span(604800000000000)) }], session_timeout: Span(45000000000), heartbeat: Span(3000000000), retention_check: Span(300000000000), when_full: Offline, clients: [(Glob("*"), ClientConfig { acks: All, request_timeout: Span(30000000000), retries: 2147483647, window: 0, group: None, commit: AfterWork, poll_records_max: 500, fetch_wait_max: Span(500000000), offset_reset: Latest, reconnect_after: Span(50000000) })] })"#);
}

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
    error: only brokers use their disks
      --> figure.ron:18:24
       |
    18 |         SyncLies(node: Receiver, when: Delivered()),
       |                        ^^^^^^^^
       |
    help: write `node: "brokers"`
    "#);
    insta::assert_snapshot!(refused(crash, "ClockStep(node: \"fulfilment/1\", by: \"-2s\", at: \"1s\")"), @r#"
    error: consumers do not read their clocks: this would change nothing
      --> figure.ron:18:25
       |
    18 |         ClockStep(node: "fulfilment/1", by: "-2s", at: "1s"),
       |                         ^^^^^^^^^^^^^^
       |
    help: name a producer, whose clock stamps events, or a log's broker, whose clock retention goes by
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
    insta::assert_snapshot!(read("figure.ron", &text, &Options::default()).unwrap_err(), @r#"
    error: unknown field `member`
      --> figure.ron:14:40
       |
    14 |         "fulfilment": (read: "orders", member: 2, work: 80),
       |                                        ^^^^^^
       |
    help: did you mean `members`?
       |
    14 |         "fulfilment": (read: "orders", members: 2, work: 80),
       |                                              +

    error: a bare number where a unit is due: expected a span, a distribution or a rate
      --> figure.ron:14:57
       |
    14 |         "fulfilment": (read: "orders", member: 2, work: 80),
       |                                                         ^^
       |
    help: write "80ms"
       |
    14 -         "fulfilment": (read: "orders", member: 2, work: 80),
    14 +         "fulfilment": (read: "orders", member: 2, work: "80ms"),
       |

    error: unknown field `prefech`
      --> figure.ron:21:24
       |
    21 |         "queue": Queue(prefech: 1, ak: Auto),
       |                        ^^^^^^^
       |
    help: did you mean `prefetch`?
       |
    21 |         "queue": Queue(prefetch: 1, ak: Auto),
       |                             +

    error: unknown field `ak`
      --> figure.ron:21:36
       |
    21 |         "queue": Queue(prefech: 1, ak: Auto),
       |                                    ^^
       |
    help: did you mean `ack`?
       |
    21 |         "queue": Queue(prefech: 1, ack: Auto),
       |                                     +
    "#);
}

#[test]
fn recorded_stories_become_plans() {
    let show = |text: &str| {
        let plan = plan(text);
        let setup = &plan.designs[0].setup;
        let script = setup.script.as_ref().expect("a story has a script");
        let lines: Vec<String> = script
            .lines
            .iter()
            .map(|line| format!("{} {:?} {:?}", line.line, line.who, line.verbs))
            .collect();
        format!("{:?}\n{}\n{:?}", script.clients, lines.join("\n"), setup.design)
    };
    insta::assert_snapshot!(show(include_str!("stories/rabbit-A1-classic.ron")), @r#"
    ["c1", "c2", "p"]
    13 [Client(0)] [Consume("q")]
    14 [Client(1)] [Consume("q")]
    15 [Client(2)] [Send { messages: [Label { key: None, body: "m1" }, Label { key: None, body: "m2" }, Label { key: None, body: "m3" }, Label { key: None, body: "m4" }, Label { key: None, body: "m5" }, Label { key: None, body: "m6" }], to: None, size: 1000, persistent: None }]
    16 [Ops] [Look("dealt out")]
    17 [Client(1)] [Ack { message: Some("m2"), multiple: false }]
    18 [Client(0)] [Ack { message: Some("m1"), multiple: false }]
    19 [Ops] [Look("before the crash")]
    20 [Client(1)] [Crash]
    21 [Client(0)] [Handle([Rule { body: None, time: None, verbs: [Ack { message: None, multiple: false }] }])]
    Queue(Config { node: "n1", transport: Connections, queues: [QueueConfig { name: "q", durable: true, length_max: None, overflow: DropHead, message_ttl: None, delivery_limit: None }], exchanges: [], persistent: true, confirm_after: Synced, redeliver_after: None, memory_high_watermark: 0.4, clients: [(Glob("c1"), ClientConfig { prefetch: 1, ack: AfterWork, confirms: true, window: 0, confirm_timeout: Span(5000000000), retries: 4294967295, reconnect_after: Span(100000000), headers: [] }), (Glob("c2"), ClientConfig { prefetch: 1, ack: AfterWork, confirms: true, window: 0, confirm_timeout: Span(5000000000), retries: 4294967295, reconnect_after: Span(100000000), headers: [] }), (Glob("*"), ClientConfig { prefetch: 0, ack: AfterWork, confirms: true, window: 0, confirm_timeout: Span(5000000000), retries: 4294967295, reconnect_after: Span(100000000), headers: [] })] })
    "#);
    insta::assert_snapshot!(show(include_str!("stories/rabbit-A2-classic.ron")), @r#"
    ["c1", "c2", "p"]
    9 [Client(0)] [Consume("q")]
    10 [Client(1)] [Consume("q")]
    11 [Client(2)] [Send { messages: [Label { key: None, body: "m1" }, Label { key: None, body: "m2" }, Label { key: None, body: "m3" }, Label { key: None, body: "m4" }, Label { key: None, body: "m5" }, Label { key: None, body: "m6" }], to: None, size: 1000, persistent: None }]
    12 [Client(1)] [Ack { message: Some("m2"), multiple: false }]
    13 [Ops] [Look("held")]
    14 [Client(1)] [Crash]
    15 [Client(0)] [Handle([Rule { body: None, time: None, verbs: [Ack { message: None, multiple: false }] }])]
    Queue(Config { node: "n1", transport: Connections, queues: [QueueConfig { name: "q", durable: true, length_max: None, overflow: DropHead, message_ttl: None, delivery_limit: None }], exchanges: [], persistent: true, confirm_after: Synced, redeliver_after: None, memory_high_watermark: 0.4, clients: [(Glob("*"), ClientConfig { prefetch: 0, ack: AfterWork, confirms: true, window: 0, confirm_timeout: Span(5000000000), retries: 4294967295, reconnect_after: Span(100000000), headers: [] })] })
    "#);
    insta::assert_snapshot!(show(include_str!("stories/rabbit-C1.ron")), @r#"
    ["c", "p"]
    9 [Client(1)] [Send { messages: [Label { key: None, body: "m1" }, Label { key: None, body: "m2" }, Label { key: None, body: "m3" }, Label { key: None, body: "m4" }, Label { key: None, body: "m5" }, Label { key: None, body: "m6" }, Label { key: None, body: "m7" }, Label { key: None, body: "m8" }, Label { key: None, body: "m9" }, Label { key: None, body: "m10" }], to: None, size: 1000, persistent: None }]
    10 [Client(0)] [Consume("q"), Process(["m1", "m2", "m3"])]
    11 [Ops] [Look("at work")]
    12 [Client(0)] [Crash]
    Queue(Config { node: "n1", transport: Connections, queues: [QueueConfig { name: "q", durable: true, length_max: None, overflow: DropHead, message_ttl: None, delivery_limit: None }], exchanges: [], persistent: true, confirm_after: Synced, redeliver_after: None, memory_high_watermark: 0.4, clients: [(Glob("c"), ClientConfig { prefetch: 0, ack: Auto, confirms: true, window: 0, confirm_timeout: Span(5000000000), retries: 4294967295, reconnect_after: Span(100000000), headers: [] }), (Glob("*"), ClientConfig { prefetch: 0, ack: AfterWork, confirms: true, window: 0, confirm_timeout: Span(5000000000), retries: 4294967295, reconnect_after: Span(100000000), headers: [] })] })
    "#);
    insta::assert_snapshot!(show(include_str!("stories/rabbit-F1.ron")), @r#"
    ["c1", "c2", "c3", "p"]
    14 [Client(0)] [Consume("q1")]
    15 [Client(2)] [Consume("q1")]
    16 [Client(1)] [Consume("q2")]
    17 [Client(3)] [Send { messages: [Label { key: None, body: "m1" }, Label { key: None, body: "m2" }, Label { key: None, body: "m3" }, Label { key: None, body: "m4" }, Label { key: None, body: "m5" }, Label { key: None, body: "m6" }], to: Some("x"), size: 1000, persistent: None }]
    18 [Client(1)] [Ack { message: Some("m1"), multiple: false }, Ack { message: Some("m2"), multiple: false }]
    19 [Ops] [Declare(QueueConfig { name: "late", durable: true, length_max: None, overflow: DropHead, message_ttl: None, delivery_limit: None }), Bind { exchange: "x", queue: "late" }]
    Queue(Config { node: "n1", transport: Connections, queues: [QueueConfig { name: "q1", durable: true, length_max: None, overflow: DropHead, message_ttl: None, delivery_limit: None }, QueueConfig { name: "q2", durable: true, length_max: None, overflow: DropHead, message_ttl: None, delivery_limit: None }], exchanges: [ExchangeConfig { name: "x", queues: [0, 1] }], persistent: true, confirm_after: Synced, redeliver_after: None, memory_high_watermark: 0.4, clients: [(Glob("c2"), ClientConfig { prefetch: 1, ack: AfterWork, confirms: true, window: 0, confirm_timeout: Span(5000000000), retries: 4294967295, reconnect_after: Span(100000000), headers: [] }), (Glob("*"), ClientConfig { prefetch: 0, ack: AfterWork, confirms: true, window: 0, confirm_timeout: Span(5000000000), retries: 4294967295, reconnect_after: Span(100000000), headers: [] })] })
    "#);
    insta::assert_snapshot!(show(include_str!("stories/kafka-H1-after.ron")), @r#"
    ["c1", "c2", "p"]
    13 [Client(2)] [Send { messages: [Label { key: None, body: "m1" }, Label { key: None, body: "m2" }, Label { key: None, body: "m3" }, Label { key: None, body: "m4" }, Label { key: None, body: "m5" }, Label { key: None, body: "m6" }, Label { key: None, body: "m7" }, Label { key: None, body: "m8" }, Label { key: None, body: "m9" }, Label { key: None, body: "m10" }], to: None, size: 1000, persistent: None }]
    14 [Client(0)] [Subscribe("t"), Poll { from: None, n: Some(6), wait: None }, Process(["m1", "m2", "m3", "m4", "m5", "m6"]), Commit { offset: Some(3), of: None }, Crash]
    15 [Client(1)] [Consume("t"), Wait(Span(60000000000))]
    Log(Config { node: "1", topics: [TopicConfig { name: "t", partitions: 1, retention_age: Some(Span(604800000000000)), retention_bytes: None, segment_bytes: 1073741824, segment_age: Some(Span(604800000000000)) }], session_timeout: Span(45000000000), heartbeat: Span(3000000000), retention_check: Span(300000000000), when_full: Offline, clients: [(Glob("c1"), ClientConfig { acks: All, request_timeout: Span(30000000000), retries: 2147483647, window: 0, group: Some("g"), commit: Never, poll_records_max: 500, fetch_wait_max: Span(500000000), offset_reset: Earliest, reconnect_after: Span(50000000) }), (Glob("c2"), ClientConfig { acks: All, request_timeout: Span(30000000000), retries: 2147483647, window: 0, group: Some("g"), commit: Never, poll_records_max: 500, fetch_wait_max: Span(500000000), offset_reset: Earliest, reconnect_after: Span(50000000) }), (Glob("*"), ClientConfig { acks: All, request_timeout: Span(30000000000), retries: 2147483647, window: 0, group: None, commit: Every(Span(5000000000)), poll_records_max: 500, fetch_wait_max: Span(500000000), offset_reset: Latest, reconnect_after: Span(50000000) })] })
    "#);
}

const STORY: &str = include_str!("stories/rabbit-A1-classic.ron");

/// The report on a story that differs by one replacement.
fn story_refused(from: &str, to: &str) -> String {
    assert!(STORY.contains(from), "{from} is not in the story");
    let text = STORY.replacen(from, to, 1);
    read("story.ron", &text, &Options::default()).expect_err("it should be refused").render(false)
}

#[test]
fn errors_in_stories_are_shown_with_their_line() {
    insta::assert_snapshot!(story_refused("(\"c2\", Crash)", "(\"c2\", Crash())"), @r#"
    error: `Crash` takes no parentheses
      --> story.ron:20:16
       |
    20 |         ("c2", Crash()),
       |                ^^^^^^^
       |
    help: write `Crash`
       |
    20 -         ("c2", Crash()),
    20 +         ("c2", Crash),
       |
    "#);
    insta::assert_snapshot!(story_refused("Ack(\"m2\")", "Ack"), @r#"
    error: `Ack` needs its parentheses
      --> story.ron:17:16
       |
    17 |         ("c2", Ack),
       |                ^^^
       |
    help: write `Ack()` for all defaults, or with values inside
       |
    17 |         ("c2", Ack()),
       |                   ++
    "#);
    insta::assert_snapshot!(story_refused("Ack(\"m2\")", "Seek(\"t-0@1\")"), @r#"
    error: the verb `Seek` is not modelled yet
      --> story.ron:17:16
       |
    17 |         ("c2", Seek("t-0@1")),
       |                ^^^^
    "#);
    insta::assert_snapshot!(story_refused("(\"c2\", Crash)", "(\"n2\", Crash)"), @r#"
    error: `n2` is neither a client nor a node
      --> story.ron:20:10
       |
    20 |         ("n2", Crash),
       |          ^^^^
       |
    help: did you mean `c2`?
       |
    20 -         ("n2", Crash),
    20 +         ("c2", Crash),
       |
    "#);
    insta::assert_snapshot!(story_refused("Consume(\"q\")", "Consume(\"p\")"), @r#"
    error: design `rabbit` has no queue or exchange `p`
      --> story.ron:13:24
       |
    13 |         ("c1", Consume("p")),
       |                        ^^^
       |
    help: known: `q`
    "#);
    insta::assert_snapshot!(story_refused("m1..m6", "m6..m1"), @r#"
    error: `Send` needs messages: `Send("m1..m6")`
      --> story.ron:15:20
       |
    15 |         ("p", Send("m6..m1")),
       |                    ^^^^^^^^

    error: `m6..m1` is no range of messages
      --> story.ron:15:20
       |
    15 |         ("p", Send("m6..m1")),
       |                    ^^^^^^^^
       |
    help: a range is written "m1..m6" or "a..j"
    "#);
    insta::assert_snapshot!(story_refused("prefetch_count", "prefetchcount"), @r#"
    error: `prefetchcount` is no setting of a client of RabbitMQ
     --> story.ron:9:39
      |
    9 |             clients: {"c*": (config: {"prefetchcount": 1})},
      |                                       ^^^^^^^^^^^^^^^
      |
    help: did you mean `prefetch_count`?
      |
    9 |             clients: {"c*": (config: {"prefetch_count": 1})},
      |                                                +
    "#);
    insta::assert_snapshot!(story_refused("{\"q\": {}}", "{\"q\": {\"x-queue-type\": \"quorum\", \"x-max-priority\": 3, \"x-max-len\": 3}}"), @r#"
    error: queues of type `quorum` are not modelled yet
     --> story.ron:8:44
      |
    8 |             queues: {"q": {"x-queue-type": "quorum", "x-max-priority": 3, "x-max-len": 3}},
      |                                            ^^^^^^^^
      |
    help: modelled: "classic"

    error: `x-max-priority` is a setting of a queue of RabbitMQ, but it is not modelled yet
     --> story.ron:8:54
      |
    8 |             queues: {"q": {"x-queue-type": "quorum", "x-max-priority": 3, "x-max-len": 3}},
      |                                                      ^^^^^^^^^^^^^^^^
      |
    help: modelled: durable, x-queue-type, x-max-length, x-overflow, x-message-ttl, x-delivery-limit

    error: `x-max-len` is no setting of a queue of RabbitMQ
     --> story.ron:8:75
      |
    8 |             queues: {"q": {"x-queue-type": "quorum", "x-max-priority": 3, "x-max-len": 3}},
      |                                                                           ^^^^^^^^^^^
      |
    help: did you mean `x-max-length`?
      |
    8 |             queues: {"q": {"x-queue-type": "quorum", "x-max-priority": 3, "x-max-length": 3}},
      |                                                                                     +++
    "#);
    insta::assert_snapshot!(story_refused("\"c*\": (", "\"d*\": ("), @r#"
    error: `d*` matches no client
     --> story.ron:9:23
      |
    9 |             clients: {"d*": (config: {"prefetch_count": 1})},
      |                       ^^^^
      |
    help: known: `c1`, `c2`, `p`
    "#);
    insta::assert_snapshot!(story_refused("version: \"3.10.8\"", "version: \"2.8\", nodes: [\"n1\", \"n2\"]"), @r#"
    error: the defaults of RabbitMQ "2.8" are not known
     --> story.ron:7:22
      |
    7 |             version: "2.8", nodes: ["n1", "n2"],
      |                      ^^^^^
      |
    help: versions that are known: "3.10.8", "4.0.5"

    error: a cluster of RabbitMQ is not modelled yet
     --> story.ron:7:36
      |
    7 |             version: "2.8", nodes: ["n1", "n2"],
      |                                    ^^^^^^^^^^^^
      |
    help: write one node, or leave `nodes` out
    "#);
    insta::assert_snapshot!(story_refused("RabbitMQ(", "Nats("), @r#"
    error: the design `Nats` is not modelled yet
     --> story.ron:6:19
      |
    6 |         "rabbit": Nats(
      |                   ^^^^
    "#);
}

#[test]
fn files_that_hold_no_scenario_are_refused() {
    let refused =
        |bytes: &[u8]| read_bytes("file.ron", bytes, &Options::default()).unwrap_err().render(false);
    insta::assert_snapshot!(refused(b""), @r"
    error: file.ron: the file is empty
    help: `redeliver new NAME` writes one to start from
    ");
    insta::assert_snapshot!(refused(b" \n\t"), @r"
    error: file.ron: the file is empty
    help: `redeliver new NAME` writes one to start from
    ");
    insta::assert_snapshot!(refused(b"// nothing but a comment"), @r#"
    error: the file ends before its value is complete
     --> file.ron:1:25
      |
    1 | // nothing but a comment
      |                         ^
      |
    help: a `)`, `]`, `}` or `"` is missing
    "#);
    insta::assert_snapshot!(refused(b"(format: 1,\n title: \"\xff\")"), @r"
    error: file.ron: not UTF-8: byte 22 on line 2 begins no character
    help: a scenario is a text; save it as UTF-8
    ");
    insta::assert_snapshot!(refused(b"(format: 1"), @r#"
    error: the file ends before its value is complete
     --> file.ron:1:11
      |
    1 | (format: 1
      |           ^
      |
    help: a `)`, `]`, `}` or `"` is missing
    "#);
    insta::assert_snapshot!(refused(b"[1, 2]"), @r"
    error: expected fields in parentheses
     --> file.ron:1:1
      |
    1 | [1, 2]
      | ^^^^^^
      |
    help: `(format: …)`
    ");
    insta::assert_snapshot!(refused(b"()"), @r"
    error: `format` is missing
     --> file.ron:1:1
      |
    1 | ()
      | ^^
      |
    help: add `format: …`
    ");
    insta::assert_snapshot!(refused(b"(format: 2, title: \"t\", designs: {})"), @r#"
    error: file.ron: nothing happens: there are neither producers nor a script
    help: add `producers: {"shop": (publish: "orders", schedule: Every("10ms"))}`

    error: this version reads format 1
     --> file.ron:1:10
      |
    1 | (format: 2, title: "t", designs: {})
      |          ^
      |
    help: write `format: 1`
      |
    1 - (format: 2, title: "t", designs: {})
    1 + (format: 1, title: "t", designs: {})
      |

    error: there is no design
     --> file.ron:1:34
      |
    1 | (format: 2, title: "t", designs: {})
      |                                  ^^
      |
    help: write for example `designs: {"queue": Queue()}`
    "#);
    insta::assert_snapshot!(refused("(".repeat(5000).as_bytes()), @r"
    error: values stand in one another more than 100 deep
     --> file.ron:1:51
      |
    1 | (((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((...
      |                                                   ^
    ");
    let directory = std::fs::read(env!("CARGO_MANIFEST_DIR")).unwrap_err();
    insta::assert_snapshot!(unreadable("scenarios", &directory), @r"
    error: scenarios: this is a directory
    help: name one of the files in it
    ");
    insta::assert_snapshot!(refused(&vec![b' '; FILE_BYTES_MAX + 1]), @r"
    error: file.ron: the file is longer than 16 MiB, the most that a scenario may have
    help: messages are described, not listed
    ");
}

#[test]
fn no_text_makes_the_reader_panic() {
    for text in [FIGURE, STORY, include_str!("stories/kafka-H1-after.ron"), MANY] {
        for end in (0..text.len()).step_by(3) {
            let _ = read("cut.ron", &text[..end], &Options::default()).map_err(|report| report.render(true));
        }
        for (i, _) in text.match_indices(|c: char| c.is_alphanumeric() || "\"(){}[]:,".contains(c)).step_by(2)
        {
            for replacement in ["", "0", "(", "\"", "-9", "é"] {
                let changed = format!("{}{replacement}{}", &text[..i], &text[i + 1..]);
                let _ =
                    read("changed.ron", &changed, &Options::default()).map_err(|report| report.render(false));
            }
        }
    }
}

#[test]
fn the_order_of_maps_in_the_file_changes_no_setup() {
    let swap = |text: &str, a: &str, b: &str| text.replace(a, "\u{1}").replace(b, a).replace('\u{1}', b);
    let lines: Vec<&str> = MANY.lines().filter(|line| line.contains("publish:")).collect();
    let swapped = swap(MANY, lines[0], lines[1]);
    assert_ne!(swapped, MANY);
    let (one, two) = (plan(MANY), plan(&swapped));
    for (name, design) in &one.designs {
        assert_eq!(format!("{:?}", design.setup), format!("{:?}", two.designs[name].setup));
    }
}

/// A bit of everything.
const MANY: &str = include_str!("many.ron");

#[test]
fn faults_without_a_target_do_not_apply() {
    let plan = plan(MANY);
    let show = |name: &str| {
        let design = &plan.designs[name];
        let faults: Vec<String> =
            design.setup.faults.iter().map(|fault| format!("{:?} {:?}", fault.what, fault.when)).collect();
        let consumers: Vec<String> = design.setup.consumers.iter().map(|c| c.name.clone()).collect();
        format!("{consumers:?}\n{}\nnot: {}", faults.join("\n"), design.does_not_apply.join("\n     "))
    };
    insta::assert_snapshot!(show("queue"), @r#"
    ["post", "stock"]
    Crash { target: Nodes(Role(Broker)), restart_after: Some(Span(1000000000)) } Every { span: Exponential { mean: 45000000000.0 }, from: Time(0), until: Time(60000000000), times: None, stream: "fault Crash(node:\"brokers\",every:\"exp(45s)\",restart_after:\"1s\") 1" }
    MachineCrash { target: Nodes(Glob("stock/1")), restart_after: None } On { fact: FactPattern { kind: Processed, message: Some(MessageName { producer: 1, member: 1, number: 7 }), key: None, subscription: Some(1), node: None }, after: Span(0), times: 1 }
    Partition { sides: Nodes { nodes: Nodes(Glob("shop/1")), others: [Glob("mail/1"), Glob("shop/2"), Glob("post/1"), Glob("broker/1")], one_way: false }, in_flight_lost: false, lasts: Some(Span(3000000000)) } At(Time(2000000000))
    Partition { sides: Nodes { nodes: Nodes(Glob("stock/*")), others: [Glob("mail/1"), Glob("shop/2"), Glob("post/1"), Glob("broker/1")], one_way: false }, in_flight_lost: false, lasts: Some(Span(3000000000)) } At(Time(2000000000))
    Drop { packet: Ack, message: Some(MessageName { producer: 0, member: 0, number: 2 }), times: 1 } At(Time(0))
    DiskFull { target: Nodes(Role(Broker)), lasts: Some(Span(1000000000)) } At(Time(2000000000))
    FailingHandler { subscription: Some(0), which: Messages([MessageName { producer: 0, member: 0, number: 1 }]), times: None } At(Time(0))
    FailingHandler { subscription: Some(1), which: Chance(Chance(42949673)), times: Some(2) } At(Time(0))
    SlowHandler { subscription: None, which: Key("a"), work: Constant(2000000000) } At(Time(0))
    not: Reset(node: "1", at: "2s")
    "#);
    insta::assert_snapshot!(show("udp"), @r#"
    ["post/1", "stock/1", "stock/2"]
    MachineCrash { target: Nodes(Glob("stock/1")), restart_after: None } On { fact: FactPattern { kind: Processed, message: Some(MessageName { producer: 1, member: 1, number: 7 }), key: None, subscription: Some(1), node: None }, after: Span(0), times: 1 }
    MachineCrash { target: Nodes(Glob("stock/1")), restart_after: None } On { fact: FactPattern { kind: Processed, message: Some(MessageName { producer: 1, member: 1, number: 7 }), key: None, subscription: Some(2), node: None }, after: Span(0), times: 1 }
    Partition { sides: Nodes { nodes: Nodes(Glob("shop/1")), others: [Glob("mail/1"), Glob("shop/2"), Glob("post/1")], one_way: false }, in_flight_lost: false, lasts: Some(Span(3000000000)) } At(Time(2000000000))
    Partition { sides: Nodes { nodes: Nodes(Glob("stock/*")), others: [Glob("mail/1"), Glob("shop/2"), Glob("post/1")], one_way: false }, in_flight_lost: false, lasts: Some(Span(3000000000)) } At(Time(2000000000))
    FailingHandler { subscription: Some(0), which: Messages([MessageName { producer: 0, member: 0, number: 1 }]), times: None } At(Time(0))
    FailingHandler { subscription: Some(1), which: Chance(Chance(42949673)), times: Some(2) } At(Time(0))
    FailingHandler { subscription: Some(2), which: Chance(Chance(42949673)), times: Some(2) } At(Time(0))
    SlowHandler { subscription: None, which: Key("a"), work: Constant(2000000000) } At(Time(0))
    not: Crash(node: "brokers", every: "exp(45s)", restart_after: "1s")
         Reset(node: "1", at: "2s")
         Drop(packet: Ack, message: "mail#2")
         DiskFull(node: "brokers", at: "2s", lasts: "1s")
    "#);
    insta::assert_snapshot!(format!("{:?}", plan.designs["rabbit"].setup.design), @r#"Queue(Config { node: "n1", transport: Connections, queues: [QueueConfig { name: "post", durable: true, length_max: None, overflow: DropHead, message_ttl: None, delivery_limit: None }, QueueConfig { name: "stock", durable: true, length_max: Some(5), overflow: DropHead, message_ttl: None, delivery_limit: None }], exchanges: [ExchangeConfig { name: "mails", queues: [0] }, ExchangeConfig { name: "orders", queues: [1] }], persistent: true, confirm_after: Synced, redeliver_after: None, memory_high_watermark: 0.6, clients: [(Glob("stock/1"), ClientConfig { prefetch: 3, ack: AfterWork, confirms: true, window: 0, confirm_timeout: Span(5000000000), retries: 4294967295, reconnect_after: Span(100000000), headers: [] }), (Glob("stock/2"), ClientConfig { prefetch: 3, ack: Auto, confirms: true, window: 0, confirm_timeout: Span(5000000000), retries: 4294967295, reconnect_after: Span(100000000), headers: [] }), (Glob("*"), ClientConfig { prefetch: 0, ack: AfterWork, confirms: true, window: 0, confirm_timeout: Span(5000000000), retries: 4294967295, reconnect_after: Span(100000000), headers: [] })] })"#);
    insta::assert_snapshot!(format!("{:?}", plan.designs["kafka"].setup.design), @r#"Log(Config { node: "1", topics: [TopicConfig { name: "mails", partitions: 1, retention_age: Some(Span(604800000000000)), retention_bytes: None, segment_bytes: 1073741824, segment_age: Some(Span(604800000000000)) }, TopicConfig { name: "orders", partitions: 6, retention_age: None, retention_bytes: None, segment_bytes: 1048576, segment_age: Some(Span(604800000000000)) }], session_timeout: Span(45000000000), heartbeat: Span(3000000000), retention_check: Span(300000000000), when_full: Offline, clients: [(Glob("shop/*"), ClientConfig { acks: Leader, request_timeout: Span(30000000000), retries: 2147483647, window: 0, group: None, commit: Every(Span(5000000000)), poll_records_max: 500, fetch_wait_max: Span(500000000), offset_reset: Latest, reconnect_after: Span(50000000) }), (Glob("stock/*"), ClientConfig { acks: All, request_timeout: Span(30000000000), retries: 2147483647, window: 0, group: None, commit: BeforeWork, poll_records_max: 500, fetch_wait_max: Span(500000000), offset_reset: Latest, reconnect_after: Span(50000000) }), (Glob("*"), ClientConfig { acks: All, request_timeout: Span(30000000000), retries: 2147483647, window: 0, group: None, commit: Every(Span(5000000000)), poll_records_max: 500, fetch_wait_max: Span(500000000), offset_reset: Latest, reconnect_after: Span(50000000) })] })"#);
    let assumptions = plan.designs["kafka"].assumptions.iter();
    let assumptions: Vec<String> =
        assumptions.map(|a| format!("{} = {} ({})", a.setting, a.value, a.source)).collect();
    insta::assert_snapshot!(assumptions.join("\n"), @r"
    version = 4.1.1 (scenario)
    log.retention.ms = 7 d (Kafka 4.1.1)
    num.partitions = 1 (Kafka 4.1.1)
    log.retention.bytes = unlimited (Kafka 4.1.1)
    log.segment.bytes = 1 GiB (Kafka 4.1.1)
    log.roll.ms = 7 d (Kafka 4.1.1)
    topics.orders.partitions = 6 (scenario)
    session.timeout.ms = 45 s (Kafka 4.1.1)
    heartbeat.interval.ms = 3 s (Kafka 4.1.1)
    log.retention.check.interval.ms = 5 min (Kafka 4.1.1)
    acks = all (Kafka 4.1.1)
    enable.auto.commit = true (Kafka 4.1.1)
    auto.commit.interval.ms = 5 s (Kafka 4.1.1)
    auto.offset.reset = latest (Kafka 4.1.1)
    max.poll.records = 500 (Kafka 4.1.1)
    clients.shop.acks = 1 (scenario)
    clients.stock.enable.auto.commit = false (scenario)
    network.latency = lognormal(median=2 ms, p99=20 ms) (scenario)
    network.jitter = 0 (redeliver)
    network.loss = 1 % (scenario)
    network.duplication = 0 % (redeliver)
    network.bandwidth = unlimited (redeliver)
    nodes.disk.capacity = 6 TB (scenario)
    nodes.disk.bandwidth = 150 MB/s (scenario)
    nodes.disk.sync = 2 ms (redeliver)
    nodes.memory = 8 GiB (scenario)
    nodes.cores = 4 (redeliver)
    ");
}

#[test]
fn the_command_line_changes_the_text() {
    let set = |path: &str, value: &str| {
        let options = Options { set: vec![(path.into(), value.into())], seed: Some(7), folder: None };
        read("figure.ron", FIGURE, &options)
    };
    assert_eq!(set("producers.shop.count", "10").unwrap().designs[0].setup.producers[0].count, Some(10));
    assert_eq!(set("seed", "8").unwrap().seed, 7);
    insta::assert_snapshot!(set("designs.queue.prefech", "5").unwrap_err(), @r#"
    error: unknown field `prefech`
      --> figure.ron:21:37
       |
    21 |         "queue": Queue(prefetch: 1, prefech: 5),
       |                                     ^^^^^^^
       |
    help: did you mean `prefetch`?
       |
    21 |         "queue": Queue(prefetch: 1, prefetch: 5),
       |                                          +
    "#);
    insta::assert_snapshot!(set("consumers.fulfilment.work", "80").unwrap_err(), @r#"
    error: a bare number where a unit is due: expected a span, a distribution or a rate
      --> figure.ron:14:58
       |
    14 |         "fulfilment": (read: "orders", members: 2, work: 80),
       |                                                          ^^
       |
    help: write "80ms"
       |
    14 -         "fulfilment": (read: "orders", members: 2, work: 80),
    14 +         "fulfilment": (read: "orders", members: 2, work: "80ms"),
       |
    "#);
    insta::assert_snapshot!(set("consumer.fulfilment.work", "80ms").unwrap_err(), @r"
    error: figure.ron: --set consumer.fulfilment.work=80ms: there is no `consumer`
    help: did you mean `consumers`?
    ");
}

/// Line, message and hint of all that is wrong with the mixed scenario after one replacement.
fn wrong(from: &str, to: &str) -> String {
    assert!(MANY.contains(from), "{from} is not in the scenario");
    let report = read("many.ron", &MANY.replacen(from, to, 1), &Options::default());
    let Err(report) = report else { return format!("{to}: accepted") };
    let line =
        |d: &redeliver_scenarios::Diagnostic| d.place.map_or(0, |place| report.line_and_column(place).0);
    let show = |d: &redeliver_scenarios::Diagnostic| {
        format!("{}: {} | {}", line(d), d.message, d.hint.as_deref().unwrap_or("-"))
    };
    report.diagnostics.iter().map(show).collect::<Vec<_>>().join("\n")
}

#[test]
fn ranges_and_names_are_checked() {
    let all = [
        wrong("members: 2, schedule", "members: 0, schedule"),
        wrong("members: 2, schedule", "members: 10001, schedule"),
        wrong("members: 2, schedule", "members: 5000000000, schedule"),
        wrong("Zipf(n: 1000", "Zipf(n: 10000001"),
        wrong("Cycle([\"a\", \"b\"])", "Cycle([])"),
        wrong("At([\"0ms\", \"12ms\"])", "At([])"),
        wrong("At([\"0ms\", \"12ms\"])", "At([\"12ms\", \"0ms\"])"),
        wrong("At([\"0ms\", \"12ms\"])", "Every(\"0ms\")"),
        wrong("\"post\": (read", "\"shop\": (read"),
        wrong("\"post\": (read", "\"stock\": (read"),
        wrong("\"post\": (read", "\"a/b\": (read"),
        wrong("{\"2\": (work", "{\"3\": (work"),
        wrong("warm_up: \"1s\"", "warm_up: \"1min\""),
        wrong("duration: \"1min\"", "duration: \"0s\""),
        wrong("at: \"2s\", lasts: \"3s\"", "at: \"2h\""),
        wrong("at: \"2s\", lasts: \"3s\"", "lasts: \"3s\""),
        wrong("\"stock\"], at", "Receiver], at"),
        wrong("Drop(packet: Ack, message: \"mail#2\")", "Drop(packet: Ack, message: \"shop#2\")"),
        wrong("mail#2", "mail#3"),
        wrong("mail#2", "shop/3#3"),
        wrong("mail#2", "male#3"),
        wrong("mail#2", "mail"),
        wrong("Poison(message: \"mail#1\", in: \"post\")", "Poison(message: \"mail#1\", in: \"stock\")"),
        wrong(
            "Poison(message: \"mail#1\", in: \"post\")",
            "Poison(message: \"mail#1\", key: \"a\", times: 2)",
        ),
        wrong("SlowHandler(key: \"a\", work: \"2s\")", "SlowHandler(key: \"a\")"),
        wrong("\"exp(45s)\"", "\"exp(0s)\""),
        wrong("redeliver_after: \"1s\", ", ""),
        wrong("commit: Every(\"5s\")", "session_timeout: \"2s\""),
        wrong("attempts: 3", "attempts: 0"),
        wrong("Udp(share: All)", "Udp(share: Alle)"),
        wrong("version: \"4.1.1\"", "version: \"4.1.1\", brokers: 3"),
        wrong("\"retention.ms\": -1", "\"retention.ms\": \"7d\""),
        wrong("\"acks\": 1", "\"acks\": 2"),
        wrong("\"acks\": 1", "\"linger.ms\": 2"),
        wrong("loss: \"1%\"", "loss: \"101%\""),
        wrong("from: \"shop\", to", "from: \"shops\", to"),
        wrong("\"true\"", "\"\""),
        wrong("baseline: \"log\"", "baseline: \"logs\""),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    6: `members` must be at least 1 | to leave the group out, delete its entry
    17: `shop` has no member 2: it has 1 | write for example "shop#3", or "shop/2#3" for member 2
    6: `members` may be 10000 at most | each member is a node; make several groups, or publish faster with fewer
    6: expected a whole number from 0 to 4294967295, found the number 5000000000 | -
    6: the number of keys must be from 1 to 10000000 | the order checks keep every key in memory: take fewer, wider keys
    7: `Cycle` needs at least one key | -
    24: this can never happen: no message has the key `a` | -
    7: the schedule is empty: nothing is ever published | write for example `At(["0ms", "12ms"])`
    20: this can never happen: `mail` publishes only 0 messages | raise its `count`, or name another
    22: this can never happen: `mail` publishes only 0 messages | raise its `count`, or name another
    7: the times of `At` must ascend: messages are numbered in their order | -
    7: `Every` needs a span above zero: else time never moves on | all at once: `At(["0s", "0s"])`
    11: `shop` is the name of a producer and of a consumer | their members' nodes would have the same names: rename one
    22: there is no subscription `post` | known: `shop`, `stock`
    11: `stock` is given twice | each name stands for one thing: rename one of them
    11: `a/b` cannot be a name: use letters, digits, `_`, `-` and `.` | `/`, `#` and `*` have a meaning in node names
    22: there is no subscription `post` | known: `a/b`, `stock`
    10: `stock` has no member 3 | its members are 1 to 2
    4: the warm-up takes all of the duration: no time is left to average over | make it shorter, or `duration` longer
    4: `duration` must be above zero: nothing would be published | -
    4: the warm-up takes all of the duration: no time is left to average over | make it shorter, or `duration` longer
    18: this can never happen: the run ends at 65 s at the latest | make `run.duration` or `run.drain` longer
    18: say when the fault acts by exactly one of `at`, `every` and `when` | write for example `at: "2s"`
    18: `Receiver` is only known to a fault with `when` | -
    20: `shop` has 2 members: say whose message | write "shop/1#2"
    20: this can never happen: `mail` publishes only 2 messages | raise its `count`, or name another
    20: `shop` has no member 3: it has 2 | write for example "shop#3", or "shop/2#3" for member 2
    20: there is no producer `male` | did you mean `mail`?
    20: `mail` is no name of a message | write for example "shop#3", or "shop/2#3" for member 2
    22: this can never happen: `stock` does not read what `mail` publishes | name a subscription of that topic
    22: say which messages by exactly one of `message`, `messages`, `key` and `chance` | write for example `message: "shop#3"`
    22: `Poison` always fails | write `FailingHandler(…, times: …)`
    24: `SlowHandler` needs `work`: how long the handler takes | write for example `work: "2s"`
    16: `every` needs a span above zero: time would never move on | -
    27: `transport: Datagrams` needs `redeliver_after`: a lost delivery is never seen otherwise | write for example `redeliver_after: "100ms"`
    28: the heartbeat (3 s) must be above zero and below the session timeout (2 s) | usual: a third of it, `heartbeat: "3s"`
    30: `attempts` must be from 1 to 1000 | `attempts: 1` is a single try; `backoff_factor: 1` is an even pause
    29: unknown word `Alle` | did you mean `All`?
    33: several Kafka brokers (replication) are not modelled yet | write `brokers: 1`
    33: `retention.ms` must be a whole number from -1 to 9223372036854775807, not "7d" | -
    34: `acks` cannot be 2 | known: `0`, `1`, `-1`, `all`
    34: `linger.ms` is a setting of a client of Kafka, but it is not modelled yet | modelled: acks, retries, request.timeout.ms, max.in.flight.requests.per.connection, group.id, enable.auto.commit, auto.commit.interval.ms, auto.offset.reset, max.poll.records, session.timeout.ms, heartbeat.interval.ms, fetch.max.wait.ms, reconnect.backoff.ms
    13: "101%" is more than always | a probability is at most "100%"
    13: no design has a node `shops` | did you mean `shop/1`?
    37: there is nothing here | write what should be true, such as `consumers.worker.lost.total == 0`
    36: there is no design `logs` | did you mean `log`?
    "#);
}

#[test]
fn a_story_names_partitions_and_load_together() {
    let text = include_str!("stories/kafka-H1-after.ron");
    let with = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} is not in the story");
        match read("kafka.ron", &text.replacen(from, to, 1), &Options::default()) {
            Ok(plan) => format!("accepted, {} conditions", plan.conditions.len()),
            Err(report) => {
                report.diagnostics.iter().map(|d| d.message.clone()).collect::<Vec<_>>().join("\n")
            }
        }
    };
    let all = [
        with("Consume(\"t\")", "Consume(\"t-0\")"),
        with("Consume(\"t\")", "Consume(\"t-1\")"),
        with("Consume(\"t\")", "Consume(\"tt\")"),
        with("Wait(\"60s\")", "Until(\"clients.c2.got != []\")"),
        with("Wait(\"60s\")", "Async(Poll(n: 0))"),
        with("m1..m10", "m1..m100001"),
        with("(\"p\", Send", "(\"p q\", Send"),
        with("(\"p\", Send", "(\"x*\", Send"),
        with("Commit(offset: 3)", "Commit"),
        with("Kafka(", "Log("),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    accepted, 0 conditions
    `t` has no partition 1 in `kafka`
    design `kafka` has no topic `tt`
    accepted, 1 conditions
    `n` must be at least 1: a poll for nothing never asks
    `Send` needs messages: `Send("m1..m6")`
    `m1..m100001` has more than 100000 messages; a load has producers instead
    accepted, 0 conditions
    `x*` matches no client
    `Commit` needs its parentheses
    unknown field `version`
    unknown field `topics`
    unknown field `clients`
    "#);
    let neutral = r#"(
        format: 1, title: "t", designs: {"queue": Queue(), "log": Log(partitions: 2)},
        script: [("c", Consume("q")), ("p", Send("a=m1", "q")), ("broker/1", Crash, Restart)],
    )"#;
    let plan = plan(neutral);
    insta::assert_snapshot!(format!("{:?}", plan.designs["queue"].setup.script), @r#"Some(Script { clients: ["c", "p"], lines: [Line { who: [Client(0)], verbs: [Consume("q")], line: 3 }, Line { who: [Client(1)], verbs: [Send { messages: [Label { key: Some("a"), body: "m1" }], to: Some("q"), size: 1000, persistent: None }], line: 3 }, Line { who: [Node("broker/1")], verbs: [Crash, Restart], line: 3 }] })"#);
    insta::assert_snapshot!(format!("{:?}", plan.designs["log"].setup.design), @r#"Log(Config { node: "broker/1", topics: [TopicConfig { name: "q", partitions: 2, retention_age: Some(Span(604800000000000)), retention_bytes: None, segment_bytes: 1073741824, segment_age: Some(Span(604800000000000)) }], session_timeout: Span(45000000000), heartbeat: Span(3000000000), retention_check: Span(300000000000), when_full: Offline, clients: [(Glob("c"), ClientConfig { acks: All, request_timeout: Span(30000000000), retries: 2147483647, window: 0, group: None, commit: Never, poll_records_max: 500, fetch_wait_max: Span(500000000), offset_reset: Latest, reconnect_after: Span(50000000) }), (Glob("p"), ClientConfig { acks: All, request_timeout: Span(30000000000), retries: 2147483647, window: 0, group: None, commit: Never, poll_records_max: 500, fetch_wait_max: Span(500000000), offset_reset: Latest, reconnect_after: Span(50000000) }), (Glob("*"), ClientConfig { acks: All, request_timeout: Span(30000000000), retries: 2147483647, window: 0, group: None, commit: AfterWork, poll_records_max: 500, fetch_wait_max: Span(500000000), offset_reset: Latest, reconnect_after: Span(50000000) })] })"#);
}

/// What is said of a scenario with these links and these faults: the messages and hints alone.
fn said_of(network: &str, faults: &str) -> String {
    let text = format!(
        r#"(
            format: 1, title: "Links", run: (duration: "10s"),
            producers: {{"shop": (publish: "t", schedule: Every("10ms"))}},
            consumers: {{"stock": (read: "t", members: 2)}},
            network: ({network}), faults: [{faults}],
            designs: {{"udp": Udp(), "queue": Queue()}},
        )"#
    );
    match read("links.ron", &text, &Options::default()) {
        Ok(plan) => format!("fine; does not apply: {:?}", plan.designs["udp"].does_not_apply),
        Err(report) => {
            let all = report.diagnostics.iter();
            let lines = all.map(|d| format!("{} | {}", d.message, d.hint.as_deref().unwrap_or_default()));
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

#[test]
fn links_that_cannot_be_are_refused() {
    let burst = |chain: &str| format!("burst_loss: GilbertElliott({chain})");
    let buffer = |early: &str| format!("bandwidth: \"1 MB/s\", buffer: RandomEarly({early})");
    let all = [
        said_of(&burst("to_bad: \"1%\", to_good: \"0%\""), ""),
        said_of(&burst("to_bad: \"1%\", to_good: \"1%\", step: \"1us\""), ""),
        said_of("buffer: DropTail(\"64 kB\")", ""),
        said_of("links: [(from: [\"shop\", \"stock\"], reordering_delay: \"5ms\")]", ""),
        said_of(&buffer("size: \"9 kB\", min: \"8 kB\", max: \"8 kB\", chance: \"1%\", weight: 2.0"), ""),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    a link that has become bad never recovers | make `to_good` more than 0%; `Loss(…)` among the faults is for ever without `lasts`
    a step takes 0.1 ms at least | write for example `step: "1ms"`
    nothing waits for a link without `bandwidth` | add for example `bandwidth: "1 MB/s"`
    no datagram is sent out of turn | add for example `reordering: "1%"`
    `min` must be below `max`, and `max` not above `size` | write for example `RandomEarly(size: "64 kB", min: "16 kB", max: "48 kB", chance: "10%")`
    `weight` is a share: above 0 and at most 1 | leave it out for 0.002, the authors' value
    "#);
}

#[test]
fn faults_of_links_that_cannot_be_are_refused() {
    let all = [
        said_of("", "Partition(at: \"1s\")"),
        said_of("", "Partition(shape: One, groups: [[\"shop\"], [\"stock\"]], at: \"1s\")"),
        said_of("", "Partition(shape: One, one_way: true, at: \"1s\")"),
        said_of("", "Partition(nodes: \"shop\", among: \"stock\", at: \"1s\")"),
        said_of("", "Partition(groups: [[\"shop\"]], at: \"1s\")"),
        said_of("", "Partition(shape: MajorityRing, among: \"stock\", at: \"1s\")"),
        said_of("", "Partition(shape: MajorityRing, at: \"1s\")"),
        said_of("", "Jam(from: \"shp\", at: \"1s\")"),
        said_of("", "Slow(at: \"1s\")"),
        said_of("", "Loss(chance: 0.5)"),
        said_of("", "Stop(to: \"brokers\", at: \"1s\")"),
        said_of("", "Swizzle(over: \"0s\", at: \"1s\")"),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    say who is cut off by exactly one of `nodes`, `shape` and `groups` | write for example `nodes: "stock/1"`
    say who is cut off by exactly one of `nodes`, `shape` and `groups` | write for example `nodes: "stock/1"`
    `from_others` and `one_way` belong to `nodes` | leave it out: shapes and groups cut both ways
    `among` belongs to `shape` | the other side of `nodes` is `from_others`
    `groups` needs two groups at least | write for example `groups: [["shop"], ["brokers", "stock"]]`
    it takes 4 nodes at least to cut anything in this shape | take another shape, or `among` more nodes
    fine; does not apply: ["Partition(shape: MajorityRing, at: \"1s\")"]
    no design has a node `shp` | did you mean `shop/1`?
    `by` is missing | add `by: …`
    a bare number where a unit is due: expected a probability | write "0.5%"
    fine; does not apply: ["Stop(to: \"brokers\", at: \"1s\")"]
    `over` must be above zero: nothing would be jammed | write for example `over: "5s"`
    "#);
}
