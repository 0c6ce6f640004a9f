//! From text to plan, and what is said about a text that is none.

mod clusters;
mod errors;
mod files;
mod mosquitto;
mod needs;
mod rabbitmq;
mod ranges;
mod record;
mod sqs;
mod stories;

use redeliver_scenarios::{Options, Plan, read};

const FIGURE: &str = include_str!("../figure-11-2.ron");

fn plan(text: &str) -> Plan {
    read("test.ron", text, &Options::default()).unwrap_or_else(|report| panic!("{report}"))
}

/// What is assumed of a design, in one line each.
fn assumed(plan: &Plan, design: &str) -> String {
    let lines = plan.designs[design].assumptions.iter();
    lines.map(|a| format!("{} = {} ({})", a.setting, a.value, a.source)).collect::<Vec<_>>().join("\n")
}

/// The report on a text that differs from the figure by one replacement.
fn refused(from: &str, to: &str) -> String {
    assert!(FIGURE.contains(from), "{from} is not in the figure");
    let text = FIGURE.replacen(from, to, 1);
    read("figure.ron", &text, &Options::default()).expect_err("it should be refused").render(false)
}

#[test]
fn that_a_design_decides_how_much_a_synchronous_client_sends_is_said() {
    let schedule = "Every(\"10ms\")";
    assert!(FIGURE.contains(schedule));
    let said = |schedule: &str| {
        let plan = plan(&FIGURE.replacen("Every(\"10ms\")", schedule, 1));
        assumed(&plan, "log")
            .lines()
            .filter(|line| line.starts_with("producers"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(said(schedule), "");
    insta::assert_snapshot!(said("Think(\"exp(20ms)\")"), @"
    producers.shop.schedule = exp(20 ms) after the last message came to an end: the design decides how many there are (scenario)
    ");
}

#[test]
fn the_figure_becomes_a_plan() {
    let plan = plan(FIGURE);
    assert_eq!(plan.designs.keys().collect::<Vec<_>>(), ["queue", "log"]);
    let setup = &plan.designs["queue"].setup;
    insta::assert_snapshot!(format!("{:?}", setup.producers), @r#"[Producer { name: "shop", topic: 0, members: 1, start: Span(0), schedule: Every(Span(10000000)), count: Some(5), key: Const("order-7"), size: Constant(1000), labels: ["", "", "Payment successful", "Ship item"], state_change: Nothing }]"#);
    insta::assert_snapshot!(format!("{:?}", setup.consumers), @r#"[Consumer { name: "fulfilment", topic: 0, members: [Member { work: Work { span: Constant(80000000), rate: None }, joins: Span(0) }, Member { work: Work { span: Constant(80000000), rate: None }, joins: Span(0) }], from: End, on_failure: Requeue, deduplication: None, commit: Span(0) }]"#);
    insta::assert_snapshot!(format!("{:?}", setup.faults), @r#"[Fault { what: Crash { target: Receiver, restart_after: Some(Span(5000000000)) }, when: On { fact: FactPattern { kind: Delivered, message: Some(MessageName { producer: 0, member: 0, number: 3 }), key: None, subscription: Some(0), node: None }, after: Span(30000000), times: 1 }, text: "Crash(node: Receiver, when: Delivered(message: \"shop#3\", to: \"fulfilment\"), after: \"30ms\", restart_after: \"5s\")" }]"#);
    insta::assert_snapshot!(assumed(&plan, "queue"), @r"
    durable = true (redeliver: queues are durable unless told otherwise)
    max_length = unlimited (RabbitMQ 4.0.5)
    overflow = DropHead (RabbitMQ 4.0.5)
    message_ttl = never (RabbitMQ 4.0.5)
    delivery_limit = unlimited (RabbitMQ 4.0.5, classic queues)
    transport = Connections (redeliver)
    persistent = true (redeliver: messages are persistent unless told otherwise)
    confirm_after = Synced (RabbitMQ 4.0.5)
    redeliver_after = never (RabbitMQ 4.0.5)
    memory_watermark = 0.6 (RabbitMQ 4.0.5)
    prefetch = 1 (scenario)
    ack = AfterWork (redeliver)
    confirms = true (redeliver: publishers use confirms unless told otherwise)
    window = 0 (redeliver)
    confirm_timeout = 5 s (redeliver)
    retries = unlimited (redeliver: until the run ends)
    reconnect_after = 100 ms (redeliver)
    network.latency = 1 ms (scenario)
    network.jitter = 0 (redeliver)
    network.loss = 0 % (redeliver)
    network.bandwidth = unlimited (redeliver)
    nodes.disk.capacity = unlimited (redeliver)
    nodes.disk.bandwidth = 200 MB/s (redeliver)
    nodes.disk.sync = 2 ms (redeliver)
    nodes.memory = 4 GiB (redeliver)
    nodes.cores = 4 (redeliver)
    ");
    insta::assert_snapshot!(assumed(&plan, "log"), @r"
    partitions = 1 (scenario)
    retention_age = 7 d (Kafka 4.1.1)
    retention_bytes = unlimited (Kafka 4.1.1)
    segment_bytes = 1 GiB (Kafka 4.1.1)
    segment_age = 7 d (Kafka 4.1.1)
    acks = All (Kafka 4.1.1)
    request_timeout = 30 s (Kafka 4.1.1)
    retries = 2147483647 (Kafka 4.1.1)
    window = 0 (redeliver)
    commit = AfterWork (redeliver: consumers commit after the work on each record)
    max_poll_records = 500 (Kafka 4.1.1)
    fetch_wait = 500 ms (Kafka 4.1.1)
    offset_reset = Latest (Kafka 4.1.1)
    reconnect_after = 50 ms (Kafka 4.1.1)
    session_timeout = 45 s (Kafka 4.1.1)
    heartbeat = 3 s (Kafka 4.1.1)
    retention_check = 5 min (Kafka 4.1.1)
    when_full = Offline (Kafka 4.1.1)
    network.latency = 1 ms (scenario)
    network.jitter = 0 (redeliver)
    network.loss = 0 % (redeliver)
    network.bandwidth = unlimited (redeliver)
    nodes.disk.capacity = unlimited (redeliver)
    nodes.disk.bandwidth = 200 MB/s (redeliver)
    nodes.disk.sync = 2 ms (redeliver)
    nodes.cores = 4 (redeliver)
    ");
}

#[test]
fn no_text_makes_the_reader_panic() {
    for text in [FIGURE, stories::STORY, include_str!("../stories/kafka-H1-after.ron"), MANY] {
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
const MANY: &str = include_str!("../many.ron");

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
    not: nodes: {"brokers": (disk: (capacity: "6 TB"))}
         nodes: {"brokers": (disk: (bandwidth: "150 MB/s"))}
         nodes: {"brokers": (memory: "8 GiB")}
         Crash(node: "brokers", every: "exp(45s)", restart_after: "1s")
         Reset(node: "1", at: "2s")
         Drop(packet: Ack, message: "mail#2")
         DiskFull(node: "brokers", at: "2s", lasts: "1s")
    "#);
    insta::assert_snapshot!(assumed(&plan, "rabbit"), @r"
    version = 4.0.5 (scenario)
    delivery_mode = 2 = true (redeliver: messages are persistent unless told otherwise)
    consumer_timeout = 30 min (RabbitMQ since 3.8.17)
    channel_tick_interval = 1 min (RabbitMQ 4.0.5)
    vm_memory_high_watermark = 0.6 (RabbitMQ 4.0.5)
    disk_free_limit = 50 MB (RabbitMQ 4.0.5)
    credit_flow_default_credit = {400, 200} (RabbitMQ 4.0.5)
    msg_store_credit_disc_bound = {4000, 800} (RabbitMQ 4.0.5)
    queue_index_embed_msgs_below = 4 KiB (RabbitMQ 4.0.5)
    quorum_commands_soft_limit = 32 (RabbitMQ 4.0.5)
    prefetch_count = 0 (RabbitMQ 4.0.5)
    ack = AfterWork (redeliver)
    confirm = true (redeliver: publishers use confirms unless told otherwise)
    confirm_timeout = 5 s (redeliver)
    clients.stock/*.prefetch_count = 3 (scenario)
    clients.stock/2.auto_ack = true (scenario)
    queues.stock = classic, durable, x-max-length 5 (scenario)
    network.latency = lognormal(median=2 ms, p99=20 ms) (scenario)
    network.jitter = 0 (redeliver)
    network.loss = 1 % (scenario)
    network.bandwidth = unlimited (redeliver)
    nodes.disk.capacity = 6 TB (scenario)
    nodes.disk.bandwidth = 150 MB/s (scenario)
    nodes.disk.sync = 2 ms (redeliver)
    nodes.memory = 8 GiB (scenario)
    nodes.cores = 4 (redeliver)
    ");
    insta::assert_snapshot!(assumed(&plan, "kafka"), @r"
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
    network.bandwidth = unlimited (redeliver)
    nodes.disk.capacity = 6 TB (scenario)
    nodes.disk.bandwidth = 150 MB/s (scenario)
    nodes.disk.sync = 2 ms (redeliver)
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
    insta::assert_snapshot!(set("designs.queue.prefetch", "\"many\"").unwrap_err(), @r#"
    error: expected a whole number from 0 to 4294967295, found the text "many"
      --> figure.ron:21:34
       |
    21 |         "queue": Queue(prefetch: "many"),
       |                                  ^^^^^^
    "#);
    insta::assert_snapshot!(set("consumer.fulfilment.work", "80ms").unwrap_err(), @r"
    error: figure.ron: --set consumer.fulfilment.work=80ms: there is no `consumer`
    help: did you mean `consumers`?
    ");
}
