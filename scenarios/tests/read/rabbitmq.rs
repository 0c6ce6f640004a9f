//! What RabbitMQ would refuse, what cannot be meant, and what of it is not modelled.

use redeliver_scenarios::{Options, read};

/// What is said of a text, with the lines that it is about.
fn said(text: &str) -> String {
    let report = read("rabbit.ron", text, &Options::default()).map(|_| ());
    report.map_or_else(|report| report.render(false), |()| "accepted".into())
}

/// The same of a design with a shop that publishes to `orders`, and consumers of the queue `stock`.
fn loaded(design: &str) -> String {
    said(&format!(
        "(format: 1, title: \"Loaded\",\n producers: {{\"shop\": (publish: \"orders\", schedule: Every(\"1s\"), count: 1)}},\n \
         consumers: {{\"stock\": (read: \"orders\", work: \"1ms\", members: 2)}},\n designs: {{\"it\": {design}}})"
    ))
}

#[test]
fn a_poll_has_a_pause_and_no_prefetch() {
    let all = [
        loaded(r#"RabbitMQ(version: "4.0.5", clients: {"stock/*": (poll_pause: "exp(1s)")})"#),
        loaded(r#"Queue(poll_pause: "10ms")"#),
        loaded(r#"RabbitMQ(version: "4.0.5", clients: {"stock/*": (poll_pause: "0s")})"#),
        loaded(r#"RabbitMQ(version: "4.0.5", clients: {"stock/*": (poll_pause: "exp(0s)")})"#),
        loaded(
            r#"RabbitMQ(version: "4.0.5", clients: {"stock/*": (poll_pause: "1s", config: {"prefetch_count": 5})})"#,
        ),
        loaded(r#"Queue(prefetch: 1, poll_pause: "10ms")"#),
        loaded(r#"Queue(transport: Datagrams, redeliver_after: "1s", poll_pause: "10ms")"#),
        loaded(
            r#"RabbitMQ(version: "4.0.5", queues: {"stock": {"x-queue-type": "quorum", "x-single-active-consumer": true}}, clients: {"stock/2": (poll_pause: "1s")})"#,
        ),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    accepted
    accepted
    error: `poll_pause` must be above zero: polls would never end
     --> rabbit.ron:4:79
      |
    4 |  designs: {"it": RabbitMQ(version: "4.0.5", clients: {"stock/*": (poll_pause: "0s")})})
      |                                                                               ^^^^
      |
    help: usual: "100ms"; leave it out for a consumer that is given its messages

    error: `poll_pause` must be above zero: polls would never end
     --> rabbit.ron:4:79
      |
    4 |  designs: {"it": RabbitMQ(version: "4.0.5", clients: {"stock/*": (poll_pause: "exp(0s)")})})
      |                                                                               ^^^^^^^^^
      |
    help: usual: "100ms"; leave it out for a consumer that is given its messages

    error: `prefetch_count` means nothing to a consumer with `poll_pause`
     --> rabbit.ron:4:112
      |
    4 |  designs: {"it": RabbitMQ(version: "4.0.5", clients: {"stock/*": (poll_pause: "1s", config: {"prefetch_count": 5})})})
      |                                                                                                                ^
      |
    help: basic.get gives one message at a time, to whoever asks: leave one of them out

    error: `prefetch` means nothing to a consumer with `poll_pause`
     --> rabbit.ron:4:34
      |
    4 |  designs: {"it": Queue(prefetch: 1, poll_pause: "10ms")})
      |                                  ^
      |
    help: basic.get gives one message at a time, to whoever asks: leave one of them out

    error: `poll_pause` over `transport: Datagrams` is not modelled
     --> rabbit.ron:4:81
      |
    4 |  designs: {"it": Queue(transport: Datagrams, redeliver_after: "1s", poll_pause: "10ms")})
      |                                                                                 ^^^^^^
      |
    help: a request needs an answer: leave the transport out

    error: `stock` is a quorum queue with a single active consumer: it takes no `basic.get`
     --> rabbit.ron:4:160
      |
    4 | ...le-active-consumer": true}}, clients: {"stock/2": (poll_pause: "1s")})})
      |                                                                   ^^^^
      |
    help: RabbitMQ answers 405 RESOURCE_LOCKED; leave `poll_pause` out
    "#);
}

#[test]
fn credit_is_a_pair_that_can_be_granted_again() {
    let with = |config: &str| loaded(&format!("RabbitMQ(version: \"4.0.5\", config: {{{config}}})"));
    let all = [
        with(r#""credit_flow_default_credit": [2, 1]"#),
        with(r#""credit_flow_default_credit": [200, 400]"#),
        with(r#""msg_store_credit_disc_bound": 4000"#),
        with(r#""quorum_commands_soft_limit": 0"#),
        loaded(
            r#"RabbitMQ(version: "4.0.5", nodes: ["n1", "n2", "n3"], config: {"quorum_commands_soft_limit": 64})"#,
        ),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    accepted
    error: `credit_flow_default_credit` is the initial credit, and how much more for as many messages
     --> rabbit.ron:4:84
      |
    4 |  designs: {"it": RabbitMQ(version: "4.0.5", config: {"credit_flow_default_credit": [200, 400]})})
      |                                                                                    ^^^^^^^^^^
      |
    help: write `[400, 200]`; the second is at most the first; `[0, 0]` is no limit

    error: `msg_store_credit_disc_bound` is the initial credit, and how much more for as many messages
     --> rabbit.ron:4:85
      |
    4 |  designs: {"it": RabbitMQ(version: "4.0.5", config: {"msg_store_credit_disc_bound": 4000})})
      |                                                                                     ^^^^
      |
    help: write `[4000, 800]`; the second is at most the first; `[0, 0]` is no limit

    error: `quorum_commands_soft_limit` must be a whole number from 1 to 4294967295, not 0
     --> rabbit.ron:4:84
      |
    4 |  designs: {"it": RabbitMQ(version: "4.0.5", config: {"quorum_commands_soft_limit": 0})})
      |                                                                                    ^

    error: credit flow of a cluster is not modelled yet
     --> rabbit.ron:4:111
      |
    4 |  designs: {"it": RabbitMQ(version: "4.0.5", nodes: ["n1", "n2", "n3"], config: {"quorum_commands_soft_limit": 64})})
      |                                                                                                               ^^
      |
    help: leave `quorum_commands_soft_limit` out, or have one node
    "#);
}

#[test]
fn what_nobody_uses_is_no_setting() {
    let rabbit = |rest: &str| loaded(&format!("RabbitMQ(version: \"4.0.5\", {rest})"));
    let all = [
        rabbit(r#"clients: {"shop/*": (config: {"prefetch_count": 5})}"#),
        rabbit(r#"clients: {"stock/1": (window: 3)}"#),
        rabbit(r#"clients: {"*": (window: 3, config: {"prefetch_count": 5})}"#),
        rabbit(r#"config: {"net_ticktime": 10}"#),
        rabbit(r#"exchanges: {"order": (type: "fanout", queues: ["stock"])}, queues: {"stock": {}}"#),
        rabbit(r#"queues: {"dead": {}}, exchanges: {"orders": (type: "fanout", queues: ["dead"])}"#),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    error: `prefetch_count` is for consumers, and `shop/*` matches only producers
     --> rabbit.ron:4:93
      |
    4 |  designs: {"it": RabbitMQ(version: "4.0.5", clients: {"shop/*": (config: {"prefetch_count": 5})})})
      |                                                                                             ^
      |
    help: one of the consumers is `stock/1`

    error: `window` is for producers, and `stock/1` matches only consumers
     --> rabbit.ron:4:55
      |
    4 |  designs: {"it": RabbitMQ(version: "4.0.5", clients: {"stock/1": (window: 3)})})
      |                                                       ^^^^^^^^^
      |
    help: one of the producers is `shop/1`

    accepted
    error: `net_ticktime` means nothing to one node: it is between nodes
     --> rabbit.ron:4:70
      |
    4 |  designs: {"it": RabbitMQ(version: "4.0.5", config: {"net_ticktime": 10})})
      |                                                                      ^^
      |
    help: leave it out, or write `nodes: ["n1", "n2", "n3"]`

    error: nobody publishes to the exchange `order`
     --> rabbit.ron:4:57
      |
    4 |  designs: {"it": RabbitMQ(version: "4.0.5", exchanges: {"order": (type: "fanout", queues: ["stock"])}, queues: {"stock": {}})})
      |                                                         ^^^^^^^
      |
    help: did you mean `orders`?

    accepted
    "#);
}
