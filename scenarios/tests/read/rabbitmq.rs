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
