//! Ranges, names, links: the messages alone, of many mistakes at once.

use super::MANY;
use redeliver_scenarios::{Options, read};

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
        wrong("At([\"0ms\", \"12ms\"])", "OnOff(on: \"0s\", off: \"0s\", rate: \"2000000000/s\")"),
        wrong("At([\"0ms\", \"12ms\"])", "OnOff(on: \"exp(10s)\", rate: \"20/s\")"),
        wrong("At([\"0ms\", \"12ms\"])", "OnOff(on: \"exp(10s)\", off: 30, rate: \"20/s\")"),
        wrong("At([\"0ms\", \"12ms\"])", "Think(\"exp(20ms)\"), state_change: Outbox"),
        wrong("At([\"0ms\", \"12ms\"])", "Think(\"50/s\")"),
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
        wrong("attempts: 3", "backlog: 5, when_busy: Refuse"),
        wrong("attempts: 3", "when_busy: Drop"),
        wrong("Udp(share: All)", "Udp(share: Alle)"),
        wrong("version: \"4.1.1\"", "version: \"4.1.1\", brokers: 3"),
        wrong("\"retention.ms\": -1", "\"retention.ms\": \"7d\""),
        wrong("\"acks\": 1", "\"acks\": 2"),
        wrong("\"acks\": 1", "\"linger.ms\": 2"),
        wrong("loss: \"1%\"", "loss: \"101%\""),
        wrong("from: \"shop\", to", "from: \"shops\", to"),
        wrong("\"true\"", "\"\""),
        wrong("read: \"mails\"", "deduplicate: InProcess(), read: \"mails\""),
        wrong(
            "members: 2, work",
            "deduplicate: InDatabase(last: 0, window: \"0s\", id_bits: 65), members: 2, work",
        ),
        wrong("members: 2, work", "deduplicate: InDatabase(last: 10000001), members: 2, work"),
        wrong("members: 2, work", "deduplicate: Process(last: 5), members: 2, work"),
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
    7: `on` and `off` take no time: bursts would follow each other without end | write for example `OnOff(on: "exp(10s)", off: "exp(30s)", rate: "2000/s")`
    7: this is more than one message a nanosecond, the smallest step of virtual time | lower the rate, or take greater messages
    7: `off` is missing | add `off: …`; `redeliver explain scenario` and its like show what belongs here
    7: a bare number where a unit is due: expected a span of time or a distribution | write "30ms"
    7: a producer that waits until its message has come to an end has no `state_change` | leave `state_change` out, or take a schedule of its own, such as `Poisson("50/s")`
    29: `state_change` of a producer is not modelled for designs without a broker | leave it out, or take a design with a broker
    30: `state_change` of a producer is not modelled for designs without a broker | leave it out, or take a design with a broker
    7: `/s` is no unit of a span of time | write for example "50ms"; units are ns, us, ms, s, min, h, d
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
    30: `backlog` says how many wait, and with `when_busy: Refuse` none does | leave one of the two out
    30: unknown word `Drop` | known: `Wait`, `Refuse`
    29: unknown word `Alle` | did you mean `All`?
    33: several Kafka brokers (replication) are not modelled yet | write `brokers: 1`
    33: `retention.ms` must be a whole number from -1 to 9223372036854775807, not "7d" | -
    34: `acks` cannot be 2 | known: `0`, `1`, `-1`, `all`
    34: `linger.ms` is a setting of a client of Kafka, but it is not modelled yet | modelled: acks, retries, request.timeout.ms, max.in.flight.requests.per.connection, group.id, enable.auto.commit, auto.commit.interval.ms, auto.offset.reset, max.poll.records, session.timeout.ms, heartbeat.interval.ms, fetch.max.wait.ms, reconnect.backoff.ms
    13: "101%" is more than always | a probability is at most "100%"
    13: no design has a node `shops` | did you mean `shop/1`?
    37: there is nothing here | write what should be true, such as `consumers.worker.lost.total == 0`
    11: `InProcess` needs `last` or `window`: nothing can be remembered for ever | write for example `InProcess(last: 1000)`
    10: `id_bits` must be from 1 to 64 | leave it out for ids that are never the same
    10: `last` must be from 1 to 10000000 | each id takes memory; `window` forgets by age
    10: `window` must be above zero: else every id is forgotten at once | to remember nothing: `deduplicate: Nothing`
    10: `last` must be from 1 to 10000000 | each id takes memory; `window` forgets by age
    10: unknown word `Process` | did you mean `InProcess`?
    "#);
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
    `by` is missing | add `by: …`; `redeliver explain scenario` and its like show what belongs here
    a bare number where a unit is due: expected a probability | write "0.5%"
    fine; does not apply: ["Stop(to: \"brokers\", at: \"1s\")"]
    `over` must be above zero: nothing would be jammed | write for example `over: "5s"`
    "#);
}

#[test]
fn a_consistent_hash_wants_weights() {
    let exchange = |exchange: &str| {
        wrong("\"rabbit\": RabbitMQ(", &format!("\"rabbit\": RabbitMQ(exchanges: {{\"x\": ({exchange})}}, "))
    };
    let all = [
        exchange(r#"type: "x-consistent-hash", bindings: {"stock": ["0", "heavy", "1000001"]}"#),
        exchange(r#"type: "x-consistent-hash", queues: ["stock"]"#),
        exchange(r#"type: "headers""#),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    31: nobody publishes to the exchange `x` | known: `mails`, `orders`
    31: `0` is no weight of a binding | of an x-consistent-hash exchange the key is a whole number from 1 to 1000000
    31: `heavy` is no weight of a binding | of an x-consistent-hash exchange the key is a whole number from 1 to 1000000
    31: `1000001` is no weight of a binding | of an x-consistent-hash exchange the key is a whole number from 1 to 1000000
    31: nobody publishes to the exchange `x` | known: `mails`, `orders`
    31: exchanges of type `x-consistent-hash` bind queues with keys | write `bindings: {"stock": ["1"]}`
    31: nobody publishes to the exchange `x` | known: `mails`, `orders`
    31: exchanges of type `headers` are not modelled yet | modelled: "fanout", "direct", "topic", "x-consistent-hash"
    "#);
}
