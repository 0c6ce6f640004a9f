//! Clusters of RabbitMQ: which nodes there are, and what they do not follow.

use redeliver_scenarios::{Options, read};

#[test]
fn what_a_cluster_does_not_follow_is_shown_where_it_stands() {
    let text = r#"(
    format: 1,
    title: "t",
    designs: {"r": RabbitMQ(version: "4.0.5", nodes: ["n1", "n2"])},
    script: [
        ("ops", Declare("late", {"x-queue-type": "quorum", "x-dead-letter-exchange": ""})),
        ("p", Send("m1", "late")),
    ],
)"#;
    let report = read("cluster.ron", text, &Options::default()).expect_err("it is refused").to_string();
    insta::assert_snapshot!(report, @r#"
    error: `x-dead-letter-exchange` of the queue `late` in a cluster: not modelled yet
     --> cluster.ron:6:86
      |
    6 |         ("ops", Declare("late", {"x-queue-type": "quorum", "x-dead-letter-exchange": ""})),
      |                                                                                      ^^
      |
    help: leave it out, or take one node
    "#);
    let alone = text.replace(r#""n1", "n2""#, "");
    let report = read("cluster.ron", &alone, &Options::default()).expect_err("it is refused").to_string();
    insta::assert_snapshot!(report, @r#"
    error: a broker has at least one node
     --> cluster.ron:4:54
      |
    4 |     designs: {"r": RabbitMQ(version: "4.0.5", nodes: [])},
      |                                                      ^^
      |
    help: leave `nodes` out, or write `nodes: ["n1"]`
    "#);
}

#[test]
fn a_cluster_has_its_nodes_and_no_others() {
    let cluster = |design: &str, script: &str| {
        let text = format!(
            r#"(
                format: 1, title: "t",
                designs: {{"r": RabbitMQ(version: "4.0.5", nodes: ["n1", "n2", "n3"], {design})}},
                script: [("p", Send("m1", "q")), {script}],
            )"#
        );
        match read("cluster.ron", &text, &Options::default()) {
            Ok(_) => "accepted".into(),
            Err(report) => {
                report.diagnostics.iter().map(|d| d.message.clone()).collect::<Vec<_>>().join("\n")
            }
        }
    };
    let all = [
        cluster("queues: {\"q\": {}}", "(\"n2\", Pause, Resume)"),
        cluster("queues: {\"q\": {}}", "(\"n4\", Crash)"),
        cluster("queues: {\"q\": {}}", "(\"p\", Pause)"),
        cluster(
            "queues: {\"q\": {}}",
            "(\"ops\", Alter(\"n4\", {\"vm_memory_high_watermark.absolute\": \"1MB\"}))",
        ),
        cluster(
            "queues: {\"q\": {}}",
            "(\"ops\", Alter(\"n1\", {\"vm_memory_high_watermark.absolute\": \"much\"}))",
        ),
        cluster("queues: {\"q\": {}}, leaders: {\"q\": \"n4\", \"x\": \"n1\"}", ""),
        cluster("queues: {\"q\": {\"x-quorum-initial-group-size\": 3}}", ""),
        cluster("queues: {\"q\": {\"x-queue-type\": \"quorum\", \"x-message-ttl\": 5}}", ""),
        cluster(
            "queues: {\"q\": {}}",
            "(\"ops\", Declare(\"late\", {\"x-queue-type\": \"quorum\", \"x-message-ttl\": 5}))",
        ),
        cluster("queues: {\"q\": {}}", "(\"ops\", Declare(\"late\", {\"x-dead-letter-exchange\": \"\"}))"),
        cluster(
            "queues: {\"q\": {\"x-queue-type\": \"quorum\"}}",
            "(\"p\", Async(Send(\"m2\", \"q\", {\"expiration\": \"5\"})))",
        ),
        cluster(
            "queues: {\"q\": {}, \"r\": {\"x-queue-type\": \"quorum\"}}",
            "(\"p\", Send(\"m2\", \"q\", {\"expiration\": \"5\"}))",
        ),
        cluster("queues: {\"q\": {\"x-queue-type\": \"quorum\"}}, config: {\"consumer_timeout\": 5}", ""),
        cluster("queues: {\"q\": {\"x-dead-letter-exchange\": \"\"}}", ""),
        cluster("queues: {\"q\": {}}, clients: {\"p\": (node: \"n4\")}, config: {\"net_ticktime\": 61}", ""),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    accepted
    `n4` is neither a client nor a node
    accepted
    `n4` is neither a client nor a node
    `vm_memory_high_watermark.absolute` must be a number of bytes, such as "1GB", not "much"
    there is no node `n4`
    there is no queue `x`
    only a quorum queue has members on several nodes
    `x-message-ttl` of the quorum queue `q` in a cluster: not modelled yet
    `x-message-ttl` of the quorum queue `late` in a cluster: not modelled yet
    `x-dead-letter-exchange` of the queue `late` in a cluster: not modelled yet
    `expiration` of what is sent in line 4 with the quorum queue `q` in a cluster: not modelled yet
    accepted
    `consumer_timeout` with the quorum queue `q` in a cluster: not modelled yet
    `x-dead-letter-exchange` of the queue `q` in a cluster: not modelled yet
    there is no node `n4`
    `net_ticktime` must be a whole number from 1 to 60, not 61
    "#);
}
