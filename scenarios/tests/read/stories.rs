//! Stories: what becomes of them, and what is said of those that cannot be told.

use super::plan;
use redeliver_models::story::Verb;
use redeliver_scenarios::{Options, read};

#[test]
fn recorded_stories_become_plans() {
    let said = |verb: &Verb| match verb {
        Verb::Declare(queue) => format!("Declare({:?})", queue.name),
        verb => format!("{verb:?}"),
    };
    let show = |text: &str| {
        let plan = plan(text);
        let setup = &plan.designs[0].setup;
        let script = setup.script.as_ref().expect("a story has a script");
        let lines: Vec<String> = script
            .lines
            .iter()
            .map(|line| {
                let verbs: Vec<String> = line.verbs.iter().map(said).collect();
                format!("{} {:?} [{}]", line.line, line.who, verbs.join(", "))
            })
            .collect();
        format!("{:?}\n{}", script.clients, lines.join("\n"))
    };
    insta::assert_snapshot!(show(include_str!("../stories/rabbit-A1-classic.ron")), @r#"
    ["c1", "c2", "p"]
    13 [Client(0)] [Consume { from: "q", priority: None, qos: None }]
    14 [Client(1)] [Consume { from: "q", priority: None, qos: None }]
    15 [Client(2)] [Send { messages: [Label { key: None, body: "m1" }, Label { key: None, body: "m2" }, Label { key: None, body: "m3" }, Label { key: None, body: "m4" }, Label { key: None, body: "m5" }, Label { key: None, body: "m6" }], to: None, size: 1000, said: [] }]
    16 [Ops] [Look("dealt out")]
    17 [Client(1)] [Ack { message: Some("m2"), multiple: false }]
    18 [Client(0)] [Ack { message: Some("m1"), multiple: false }]
    19 [Ops] [Look("before the crash")]
    20 [Client(1)] [Crash]
    21 [Client(0)] [Handle([Rule { body: None, time: None, verbs: [Ack { message: None, multiple: false }] }])]
    "#);
    insta::assert_snapshot!(show(include_str!("../stories/rabbit-A2-classic.ron")), @r#"
    ["c1", "c2", "p"]
    9 [Client(0)] [Consume { from: "q", priority: None, qos: None }]
    10 [Client(1)] [Consume { from: "q", priority: None, qos: None }]
    11 [Client(2)] [Send { messages: [Label { key: None, body: "m1" }, Label { key: None, body: "m2" }, Label { key: None, body: "m3" }, Label { key: None, body: "m4" }, Label { key: None, body: "m5" }, Label { key: None, body: "m6" }], to: None, size: 1000, said: [] }]
    12 [Client(1)] [Ack { message: Some("m2"), multiple: false }]
    13 [Ops] [Look("held")]
    14 [Client(1)] [Crash]
    15 [Client(0)] [Handle([Rule { body: None, time: None, verbs: [Ack { message: None, multiple: false }] }])]
    "#);
    insta::assert_snapshot!(show(include_str!("../stories/rabbit-C1.ron")), @r#"
    ["c", "p"]
    9 [Client(1)] [Send { messages: [Label { key: None, body: "m1" }, Label { key: None, body: "m2" }, Label { key: None, body: "m3" }, Label { key: None, body: "m4" }, Label { key: None, body: "m5" }, Label { key: None, body: "m6" }, Label { key: None, body: "m7" }, Label { key: None, body: "m8" }, Label { key: None, body: "m9" }, Label { key: None, body: "m10" }], to: None, size: 1000, said: [] }]
    10 [Client(0)] [Consume { from: "q", priority: None, qos: None }, Process(["m1", "m2", "m3"])]
    11 [Ops] [Look("at work")]
    12 [Client(0)] [Crash]
    "#);
    insta::assert_snapshot!(show(include_str!("../stories/rabbit-F1.ron")), @r#"
    ["c1", "c2", "c3", "p"]
    14 [Client(0)] [Consume { from: "q1", priority: None, qos: None }]
    15 [Client(2)] [Consume { from: "q1", priority: None, qos: None }]
    16 [Client(1)] [Consume { from: "q2", priority: None, qos: None }]
    17 [Client(3)] [Send { messages: [Label { key: None, body: "m1" }, Label { key: None, body: "m2" }, Label { key: None, body: "m3" }, Label { key: None, body: "m4" }, Label { key: None, body: "m5" }, Label { key: None, body: "m6" }], to: Some("x"), size: 1000, said: [] }]
    18 [Client(1)] [Ack { message: Some("m1"), multiple: false }, Ack { message: Some("m2"), multiple: false }]
    19 [Ops] [Declare("late"), Bind { exchange: "x", queue: "late" }]
    "#);
    insta::assert_snapshot!(show(include_str!("../stories/kafka-H1-after.ron")), @r#"
    ["c1", "c2", "p"]
    13 [Client(2)] [Send { messages: [Label { key: None, body: "m1" }, Label { key: None, body: "m2" }, Label { key: None, body: "m3" }, Label { key: None, body: "m4" }, Label { key: None, body: "m5" }, Label { key: None, body: "m6" }, Label { key: None, body: "m7" }, Label { key: None, body: "m8" }, Label { key: None, body: "m9" }, Label { key: None, body: "m10" }], to: None, size: 1000, said: [] }]
    14 [Client(0)] [Subscribe("t"), Poll { from: None, n: Some(6), wait: None }, Process(["m1", "m2", "m3", "m4", "m5", "m6"]), Commit { offset: Some(3), of: None }, Crash]
    15 [Client(1)] [Consume { from: "t", priority: None, qos: None }, Wait(Span(60000000000))]
    "#);
}

pub(crate) const STORY: &str = include_str!("../stories/rabbit-A1-classic.ron");

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
    insta::assert_snapshot!(story_refused("{\"q\": {}}", "{\"q\": {\"x-queue-type\": \"quorum\", \"x-max-age\": 3, \"x-max-len\": 3}}"), @r#"
    error: `x-max-age` is a setting of a queue of RabbitMQ, but it is not modelled yet
     --> story.ron:8:54
      |
    8 |             queues: {"q": {"x-queue-type": "quorum", "x-max-age": 3, "x-max-len": 3}},
      |                                                      ^^^^^^^^^^^
      |
    help: modelled: durable, x-queue-type, x-max-length, x-overflow, x-message-ttl, x-delivery-limit, x-max-length-bytes, x-dead-letter-exchange, x-dead-letter-routing-key, x-max-priority, x-single-active-consumer, x-quorum-initial-group-size

    error: `x-max-len` is no setting of a queue of RabbitMQ
     --> story.ron:8:70
      |
    8 |             queues: {"q": {"x-queue-type": "quorum", "x-max-age": 3, "x-max-len": 3}},
      |                                                                      ^^^^^^^^^^^
      |
    help: did you mean `x-max-length`?
      |
    8 |             queues: {"q": {"x-queue-type": "quorum", "x-max-age": 3, "x-max-length": 3}},
      |                                                                                +++
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
    "#);
    insta::assert_snapshot!(story_refused("RabbitMQ(", "ZeroMQ("), @r#"
    error: the design `ZeroMQ` is not modelled yet
     --> story.ron:6:19
      |
    6 |         "rabbit": ZeroMQ(
      |                   ^^^^^^
    "#);
}

#[test]
fn what_nats_would_refuse_is_refused() {
    let refused = |streams: &str, consumers: &str, script: &str| {
        let text = format!(
            "(format: 1, title: \"Refused\", designs: {{\"nats\": Nats(version: \"2.9.10\", \
             streams: {{{streams}}}, consumers: {{{consumers}}})}}, script: [{script}])"
        );
        match read("nats.ron", &text, &Options::default()) {
            Ok(_) => "accepted".to_string(),
            Err(report) => {
                report.diagnostics.iter().map(|d| d.message.clone()).collect::<Vec<_>>().join("; ")
            }
        }
    };
    let send = r#"("p", Send("m1", "S"))"#;
    let all = [
        refused(
            r#""S": {}"#,
            r#""c": {"stream": "S"}"#,
            r#"("p", Send("m1", "S")), ("c1", Poll(from: "c"))"#,
        ),
        refused(r#""S": {"subjects": ["a.*"]}, "T": {"subjects": ["a.b"]}"#, "", send),
        refused(r#""S": {"max_age": "1m", "duplicate_window": "2m"}"#, "", send),
        refused(r#""S": {"subjects": ["a..b"]}"#, "", send),
        refused(r#""S": {"max_msg_size": 5}"#, "", send),
        refused("", r#""c": {"stream": "S"}"#, send),
        refused("", r#""c": {}"#, send),
        refused(r#""S": {}"#, r#""c": {"stream": "S", "ack_policy": "none"}"#, send),
        refused(r#""S": {}"#, r#""c": {"stream": "S", "ack_policy": "all"}"#, send),
        refused(r#""S": {}"#, r#""c": {"stream": "S", "max_deliver": 1, "backoff": ["1s", "2s"]}"#, send),
        refused(r#""S": {"retention": "workqueue"}"#, r#""c": {"stream": "S"}, "d": {"stream": "S"}"#, send),
        refused(
            r#""S": {"retention": "workqueue"}"#,
            r#""c": {"stream": "S", "deliver_policy": "new"}"#,
            send,
        ),
        refused(r#""S": {}"#, r#""c": {"stream": "S"}"#, r#"("c1", Consume("c"))"#),
        refused(r#""S": {}"#, "", r#"("p", Send("m1", "S", {"priority": 3}))"#),
        refused(r#""S": {"subjects": ["a.*"]}, "T": {"subjects": ["*.b"]}"#, "", send),
        refused(r#""S": {}"#, r#""c": {"stream": "S"}"#, r#"("c1", Poll(from: "c"), Recover, CloseChannel)"#),
        refused(
            r#""S": {}"#,
            "",
            r#"("ops", Declare("d", {"stream": "S", "deliver_subject": "d"})), ("c1", PollAll(from: "d"))"#,
        ),
        refused(r#""S": {}"#, "", r#"("ops", Alter("nats", {"vm_memory_high_watermark.absolute": "1MB"}))"#),
    ];
    insta::assert_snapshot!(all.join("\n"), @"
    accepted
    subjects of `T` overlap with those of `S`
    `duplicate_window` (2 min) is longer than `max_age` (1 min)
    `a..b` is no subject
    `max_msg_size` is a setting of a stream of NATS, but it is not modelled yet
    there is no stream `S`
    the consumer `c` does not say its stream
    a pull consumer acks each message
    the ack policy `all` is not modelled yet
    `backoff` has more entries than there are deliveries
    `c` and `d` read the same of a work queue
    a consumer of a work queue begins with the first message
    `c` is a pull consumer: `Poll` it
    this design has no setting `priority`
    subjects of `T` overlap with those of `S`
    this design has no verb `Recover`; this design has no verb `CloseChannel`
    `d` is a push consumer: `Consume` it
    this design has no verb `Alter`
    ");
}

#[test]
fn a_load_says_what_it_reads_of_nats_and_how_it_acks() {
    let refused = |design: &str| {
        let text = format!(
            r#"(
                format: 1, title: "t",
                producers: {{
                    "a": (publish: "orders.a", schedule: Every("10ms")),
                    "b": (publish: "orders.b", schedule: Every("10ms")),
                }},
                consumers: {{"stock": (read: "orders.a", work: "1ms")}},
                designs: {{"n": {design}}},
            )"#
        );
        match read("load.ron", &text, &Options::default()) {
            Ok(_) => "accepted".to_string(),
            Err(report) => {
                report.diagnostics.iter().map(|d| d.message.clone()).collect::<Vec<_>>().join("\n")
            }
        }
    };
    let nats = |settings: &str| refused(&format!("Nats(version: \"2.9.10\", {settings})"));
    let all = [
        nats(r#"streams: {"o": {"subjects": ["orders.>"]}}"#),
        nats(r#"streams: {"o": {"subjects": ["orders.>"]}}, consumers: {"stock": {}}"#),
        nats(
            r#"streams: {"o": {"subjects": ["orders.>"]}}, consumers: {"stock": {"filter_subject": "orders.a"}}"#,
        ),
        nats(
            r#"streams: {"o": {"subjects": ["orders.>"]}}, consumers: {"stock": {"filter_subject": "orders.c"}}"#,
        ),
        nats(r#"streams: {"orders.a": {"subjects": ["x"]}}"#),
        nats(r#"clients: {"stock/*": (ack: Auto)}"#),
        nats(r#"clients: {"stock/*": (ack: TwoPhaseCommit)}"#),
        refused(r#"RabbitMQ(version: "4.0.5", clients: {"stock/*": (ack: TwoPhaseCommit)})"#),
        refused(
            r#"RabbitMQ(version: "4.0.5", clients: {"stock/*": (ack: AfterWork, config: {"auto_ack": true})})"#,
        ),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    accepted
    `stock` reads `orders.b`, too: one consumer of several topics is not modelled yet
    accepted
    nothing that is published passes the filter of `stock`
    the stream `orders.a` does not take the subject `orders.a`
    a client of NATS has no `ack: Auto`
    a client of NATS has no `ack: TwoPhaseCommit`
    RabbitMQ takes no part in two-phase commit
    `ack` contradicts `"auto_ack"`
    "#);
}

#[test]
fn a_script_is_for_every_design_and_each_knows_its_own_verbs() {
    let read = |designs: &str, script: &str| {
        let text = format!(
            r#"(format: 1, title: "t", designs: {{{designs}}}, script: [("p", Send("m1", "t")), {script}])"#
        );
        match read("verbs.ron", &text, &Options::default()) {
            Ok(plan) => {
                let verbs = |script: &redeliver_models::story::Script| {
                    script.all_verbs().map(Verb::name).collect::<Vec<_>>().join(" ")
                };
                let scripts = plan.designs.iter().map(|(name, design)| {
                    format!("{name}: {}", design.setup.script.as_ref().map(verbs).unwrap_or_default())
                });
                scripts.collect::<Vec<_>>().join("; ")
            }
            Err(report) => report.render(false),
        }
    };
    let both = r#""queue": Queue(), "log": Log()"#;
    let settle = r#"("c", Consume("t"), Handle({"*": [Process(), Ack(), Commit()]})), ("c", Recover)"#;
    insta::assert_snapshot!(read(both, settle), @"queue: Send Consume Handle Process Ack Recover; log: Send Consume Handle Process Commit");
    insta::assert_snapshot!(read(r#""log": Log()"#, settle), @r#"
    error: this design has no verb `Ack`
     --> verbs.ron:1:103
      |
    1 | ..."p", Send("m1", "t")), ("c", Consume("t"), Handle({"*": [Process(), Ack(), Commit()]})), ("c", Recover)])
      |                                               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
    help: beside what all know: Commit, Consume, PollAll, Subscribe

    error: this design has no verb `Recover`
     --> verbs.ron:1:155
      |
    1 | ...me("t"), Handle({"*": [Process(), Ack(), Commit()]})), ("c", Recover)])
      |                                                                 ^^^^^^^
      |
    help: beside what all know: Commit, Consume, PollAll, Subscribe
    "#);
    insta::assert_snapshot!(read(both, r#"("c", Extend("m1"))"#), @r#"
    error: `c` is neither a client nor a node
     --> verbs.ron:1:102
      |
    1 | (format: 1, title: "t", designs: {"queue": Queue(), "log": Log()}, script: [("p", Send("m1", "t")), ("c", Extend("m1"))])
      |                                                                                                      ^^^
      |
    help: a client's first verb is Send, Consume, Subscribe, Poll, PollAll, Handle, Process or Wait

    error: none of the designs has the verb `Extend`
     --> verbs.ron:1:107
      |
    1 | (format: 1, title: "t", designs: {"queue": Queue(), "log": Log()}, script: [("p", Send("m1", "t")), ("c", Extend("m1"))])
      |                                                                                                           ^^^^^^^^^^^^
      |
    help: beside what all know: Ack, Alter, Bind, Cancel, CloseChannel, Consume, Declare, Nack, PollAll, Recover, delivery_mode, expiration, mandatory, multiple, priority, routing_key, x-priority
    "#);
    insta::assert_snapshot!(read(r#""direct": Webhook()"#, r#"("c", Consume("t"))"#), @r#"
    error: a story needs a broker, and design `direct` has none
     --> verbs.ron:1:45
      |
    1 | (format: 1, title: "t", designs: {"direct": Webhook()}, script: [("p", Send("m1", "t")), ("c", Consume("t"))])
      |                                             ^^^^^^^^^
      |
    help: stories without a broker are not modelled yet: leave the script out
    "#);
}

#[test]
fn a_story_names_partitions_and_load_together() {
    let text = include_str!("../stories/kafka-H1-after.ron");
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
    insta::assert_snapshot!(format!("{:?}", plan.designs["queue"].setup.script), @r#"Some(Script { clients: ["c", "p"], lines: [Line { who: [Client(0)], verbs: [Consume { from: "q", priority: None, qos: None }], line: 3 }, Line { who: [Client(1)], verbs: [Send { messages: [Label { key: Some("a"), body: "m1" }], to: Some("q"), size: 1000, said: [] }], line: 3 }, Line { who: [Node("broker/1")], verbs: [Crash, Restart], line: 3 }] })"#);
    insta::assert_snapshot!(format!("{:?}", plan.designs["log"].setup.design), @r#"Log(Config { node: "broker/1", topics: [TopicConfig { name: "q", partitions: 2, retention_age: Some(Span(604800000000000)), retention_bytes: None, segment_bytes: 1073741824, segment_age: Some(Span(604800000000000)) }], session_timeout: Span(45000000000), heartbeat: Span(3000000000), retention_check: Span(300000000000), when_full: Offline, clients: [(Glob("c"), ClientConfig { acks: All, request_timeout: Span(30000000000), retries: 2147483647, window: 0, group: None, commit: Never, poll_records_max: 500, fetch_wait_max: Span(500000000), offset_reset: Latest, reconnect_after: Span(50000000) }), (Glob("p"), ClientConfig { acks: All, request_timeout: Span(30000000000), retries: 2147483647, window: 0, group: None, commit: Never, poll_records_max: 500, fetch_wait_max: Span(500000000), offset_reset: Latest, reconnect_after: Span(50000000) }), (Glob("*"), ClientConfig { acks: All, request_timeout: Span(30000000000), retries: 2147483647, window: 0, group: None, commit: AfterWork, poll_records_max: 500, fetch_wait_max: Span(500000000), offset_reset: Latest, reconnect_after: Span(50000000) })] })"#);
}
