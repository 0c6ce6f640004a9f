//! What has no effect is refused with its place and a hint, or does not apply where another design knows it.

use redeliver_scenarios::{Options, read};

/// What is wrong with this line of a scenario of two designs, or to which of them what does not apply.
fn told(line: &str, designs: &str) -> String {
    let text = format!(
        r#"(format: 1, title: "T", run: (duration: "10s", drain: "5s", heal_at: "8s"),
producers: {{"shop": (publish: "t", schedule: Every("10ms"), key: Cycle(["a"]))}},
consumers: {{"stock": (read: "t", members: 2), "mail": (read: "t")}},
{line},
designs: {{{designs}}})"#
    );
    match read("t.ron", &text, &Options::default()) {
        Err(report) => report.render(false),
        Ok(plan) => {
            let lines = plan.designs.iter().map(|(name, design)| match design.does_not_apply.as_slice() {
                [] => format!("{name}: all applies"),
                idle => format!("{name}: not {}", idle.join("; ")),
            });
            lines.collect::<Vec<String>>().join("\n")
        }
    }
}

const QUEUE: &str = r#""queue": Queue(), "log": Log()"#;
const UDP: &str = r#""queue": Queue(), "udp": Udp()"#;
const DATAGRAMS: &str = r#""udp": Udp(), "queue": Queue(transport: Datagrams, redeliver_after: "1s")"#;

#[test]
fn datagrams_are_set_up_only_where_some_are_sent() {
    let network = r#"network: (duplication: "5%", reordering: "1%", reordering_delay: "1s", mtu: "10 B")"#;
    insta::assert_snapshot!(told(network, QUEUE), @r#"
    error: no design sends datagrams: this would change nothing
     --> t.ron:4:24
      |
    4 | network: (duplication: "5%", reordering: "1%", reordering_delay: "1s", mtu: "10 B"),
      |                        ^^^^
      |
    help: leave it out, or add a design that does: `Udp()`, `Queue(transport: Datagrams, …)`

    error: no design sends datagrams: this would change nothing
     --> t.ron:4:42
      |
    4 | network: (duplication: "5%", reordering: "1%", reordering_delay: "1s", mtu: "10 B"),
      |                                          ^^^^
      |
    help: leave it out, or add a design that does: `Udp()`, `Queue(transport: Datagrams, …)`

    error: no design sends datagrams: this would change nothing
     --> t.ron:4:66
      |
    4 | network: (duplication: "5%", reordering: "1%", reordering_delay: "1s", mtu: "10 B"),
      |                                                                  ^^^^
      |
    help: leave it out, or add a design that does: `Udp()`, `Queue(transport: Datagrams, …)`

    error: no design sends datagrams: this would change nothing
     --> t.ron:4:77
      |
    4 | network: (duplication: "5%", reordering: "1%", reordering_delay: "1s", mtu: "10 B"),
      |                                                                             ^^^^^^
      |
    help: leave it out, or add a design that does: `Udp()`, `Queue(transport: Datagrams, …)`
    "#);
    insta::assert_snapshot!(told(network, UDP), @r#"
    queue: not network: (duplication: "5%"); network: (reordering: "1%"); network: (reordering_delay: "1s"); network: (mtu: "10 B")
    udp: all applies
    "#);
    insta::assert_snapshot!(told(network, DATAGRAMS), @"
    udp: all applies
    queue: all applies
    ");
    let links = r#"network: (links: [(to: "stock", duplication: "1%", duplication_delay: "1s")])"#;
    insta::assert_snapshot!(told(links, r#""webhook": Webhook()"#), @r#"
    error: no design sends datagrams: this would change nothing
     --> t.ron:4:46
      |
    4 | network: (links: [(to: "stock", duplication: "1%", duplication_delay: "1s")]),
      |                                              ^^^^
      |
    help: leave it out, or add a design that does: `Udp()`, `Queue(transport: Datagrams, …)`

    error: no design sends datagrams: this would change nothing
     --> t.ron:4:71
      |
    4 | network: (links: [(to: "stock", duplication: "1%", duplication_delay: "1s")]),
      |                                                                       ^^^^
      |
    help: leave it out, or add a design that does: `Udp()`, `Queue(transport: Datagrams, …)`
    "#);
    insta::assert_snapshot!(told(links, UDP), @r#"
    queue: not network: (links: [(duplication: "1%")]); network: (links: [(duplication_delay: "1s")])
    udp: all applies
    "#);
    // That nothing happens is true everywhere.
    insta::assert_snapshot!(told(r#"network: (duplication: "0%", reordering: "0%")"#, QUEUE), @"
    queue: all applies
    log: all applies
    ");
}

#[test]
fn a_copy_is_late_only_where_there_are_copies() {
    let late = r#"network: (duplication_delay: "1s")"#;
    insta::assert_snapshot!(told(late, DATAGRAMS), @r#"
    error: no datagram comes twice
     --> t.ron:4:30
      |
    4 | network: (duplication_delay: "1s"),
      |                              ^^^^
      |
    help: add for example `duplication: "1%"`
    "#);
    let doubled = format!(r#"{late}, faults: [Duplicate(chance: "5%", at: "1s")]"#);
    insta::assert_snapshot!(told(&doubled, DATAGRAMS), @"
    udp: all applies
    queue: all applies
    ");
}

#[test]
fn faults_of_datagrams_and_of_connections_need_them() {
    let double = r#"faults: [Duplicate(chance: "5%", at: "1s")]"#;
    insta::assert_snapshot!(told(double, QUEUE), @r#"
    error: no design sends datagrams: this would change nothing
     --> t.ron:4:10
      |
    4 | faults: [Duplicate(chance: "5%", at: "1s")],
      |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
    help: leave it out, or add a design that does: `Udp()`, `Queue(transport: Datagrams, …)`
    "#);
    insta::assert_snapshot!(told(double, UDP), @r#"
    queue: not Duplicate(chance: "5%", at: "1s")
    udp: all applies
    "#);
    let reset = r#"faults: [Reset(node: "stock", at: "1s")]"#;
    insta::assert_snapshot!(told(reset, DATAGRAMS), @r#"
    error: no design that has such a node has connections: this would change nothing
     --> t.ron:4:22
      |
    4 | faults: [Reset(node: "stock", at: "1s")],
      |                      ^^^^^^^
      |
    help: datagrams need none: leave it out, or add a design with connections, like `Queue()`
    "#);
    insta::assert_snapshot!(told(reset, UDP), @r#"
    queue: all applies
    udp: not Reset(node: "stock", at: "1s")
    "#);
    insta::assert_snapshot!(told(r#"faults: [Reset(node: Receiver, when: Processed())]"#, DATAGRAMS), @"
    error: no design that has such a node has connections: this would change nothing
     --> t.ron:4:22
      |
    4 | faults: [Reset(node: Receiver, when: Processed())],
      |                      ^^^^^^^^
      |
    help: datagrams need none: leave it out, or add a design with connections, like `Queue()`
    ");
    insta::assert_snapshot!(told(r#"faults: [Reset(node: Receiver, when: Processed())]"#, UDP), @"
    queue: all applies
    udp: not Reset(node: Receiver, when: Processed())
    ");
}

#[test]
fn a_clock_matters_to_who_reads_it() {
    let step = |node: &str| format!(r#"faults: [ClockStep(node: "{node}", by: "2h", at: "1s")]"#);
    insta::assert_snapshot!(told(&step("brokers"), r#""rabbit": RabbitMQ(version: "4.0.5"), "queue": Queue(message_ttl: "1h")"#), @r#"
error: nobody reads this clock: it would change nothing
 --> t.ron:4:26
  |
4 | faults: [ClockStep(node: "brokers", by: "2h", at: "1s")],
  |                          ^^^^^^^^^
  |
help: name a producer, whose clock stamps events, or a log's broker, whose clock retention by age goes by
"#);
    insta::assert_snapshot!(told(&step("brokers"), QUEUE), @r#"
    queue: not ClockStep(node: "brokers", by: "2h", at: "1s")
    log: all applies
    "#);
    insta::assert_snapshot!(told(&step("shop"), QUEUE), @"
    queue: all applies
    log: all applies
    ");
    let kept = r#""kafka": Kafka(version: "4.1.1", config: {"log.retention.ms": -1})"#;
    insta::assert_snapshot!(told(&step("brokers"), kept), @r#"
    error: nobody reads this clock: it would change nothing
     --> t.ron:4:26
      |
    4 | faults: [ClockStep(node: "brokers", by: "2h", at: "1s")],
      |                          ^^^^^^^^^
      |
    help: name a producer, whose clock stamps events, or a log's broker, whose clock retention by age goes by
    "#);
    let drift = r#"faults: [ClockDrift(node: Receiver, rate: "100 ppm", when: Stored())]"#;
    insta::assert_snapshot!(told(drift, UDP), @r#"
    error: this can never happen: the fault applies to no design
     --> t.ron:4:10
      |
    4 | faults: [ClockDrift(node: Receiver, rate: "100 ppm", when: Stored())],
      |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
    help: no design has what it meets, or notes what it waits for: leave it out, or add a design that does
    "#);
    insta::assert_snapshot!(told(drift, QUEUE), @r#"
    queue: not ClockDrift(node: Receiver, rate: "100 ppm", when: Stored())
    log: all applies
    "#);
}

#[test]
fn a_machine_has_what_its_node_goes_by() {
    let stock = r#"nodes: {"stock": (clock_ahead: "2h", disk: (bandwidth: "1 B/s"), memory: "1 B")}"#;
    insta::assert_snapshot!(told(stock, QUEUE), @r#"
    error: nobody reads this clock: it would change nothing
     --> t.ron:4:32
      |
    4 | nodes: {"stock": (clock_ahead: "2h", disk: (bandwidth: "1 B/s"), memory: "1 B")},
      |                                ^^^^
      |
    help: name a producer, whose clock stamps events, or a log's broker, whose clock retention by age goes by

    error: nothing is written to this disk: it would change nothing
     --> t.ron:4:56
      |
    4 | nodes: {"stock": (clock_ahead: "2h", disk: (bandwidth: "1 B/s"), memory: "1 B")},
      |                                                        ^^^^^^^
      |
    help: name a broker, a producer with a `state_change`, or a consumer with `ack: TwoPhaseCommit`

    error: nothing depends on this memory: it would change nothing
     --> t.ron:4:74
      |
    4 | nodes: {"stock": (clock_ahead: "2h", disk: (bandwidth: "1 B/s"), memory: "1 B")},
      |                                                                          ^^^^^
      |
    help: name the broker of a `Queue` or a `RabbitMQ`, which blocks publishers at a share of it
    "#);
    let brokers = r#"nodes: {"brokers": (clock_drift: "5 ppm", disk: (sync: "1ms"), memory: "1 GB")}"#;
    insta::assert_snapshot!(told(brokers, r#""queue": Queue(), "log": Log(), "udp": Udp()"#), @r#"
    queue: not nodes: {"brokers": (clock_drift: "5 ppm")}
    log: not nodes: {"brokers": (memory: "1 GB")}
    udp: not nodes: {"brokers": (disk: (sync: "1ms"))}; nodes: {"brokers": (memory: "1 GB")}; nodes: {"brokers": (clock_drift: "5 ppm")}
    "#);
    insta::assert_snapshot!(told(r#"nodes: {"brokers": (memory: "1 GB")}"#, r#""redis": Redis(version: "7.0.15")"#), @r#"
    error: nothing depends on this memory: it would change nothing
     --> t.ron:4:29
      |
    4 | nodes: {"brokers": (memory: "1 GB")},
      |                             ^^^^^^
      |
    help: name the broker of a `Queue` or a `RabbitMQ`, which blocks publishers at a share of it
    "#);
    // A coordinator's disk.
    let disk = r#"nodes: {"stock": (disk: (sync: "1ms"))}"#;
    insta::assert_snapshot!(told(disk, r#""queue": Queue(ack: TwoPhaseCommit), "log": Log()"#), @r#"
    queue: all applies
    log: not nodes: {"stock": (disk: (sync: "1ms"))}
    "#);
    // All nodes, of which some have it.
    insta::assert_snapshot!(told(r#"nodes: {"*": (memory: "1 GB", clock_behind: "1s")}"#, UDP), @r#"
    queue: all applies
    udp: not nodes: {"*": (memory: "1 GB")}
    "#);
}

#[test]
fn datagrams_connect_to_nothing_again() {
    let queue =
        |carrier: &str| format!(r#""queue": Queue({carrier}, redeliver_after: "1s", reconnect_after: "1s")"#);
    insta::assert_snapshot!(told("seed: 1", &queue("transport: Datagrams")), @r#"
    error: `transport: Datagrams` has no connections to make again
     --> t.ron:5:88
      |
    5 | designs: {"queue": Queue(transport: Datagrams, redeliver_after: "1s", reconnect_after: "1s")})
      |                                                                                        ^^^^
      |
    help: leave `reconnect_after` out, or the transport
    "#);
    insta::assert_snapshot!(told("seed: 1", &queue("transport: Connections")), @"queue: all applies");
}

#[test]
fn a_fault_begins_before_all_is_over() {
    let crash = |timing: &str| told(&format!(r#"faults: [Crash(node: "stock", {timing})]"#), QUEUE);
    insta::assert_snapshot!(crash(r#"every: "10s""#), @r#"
    error: this can never happen: it acts first at 10 s and is over at 10 s
     --> t.ron:4:38
      |
    4 | faults: [Crash(node: "stock", every: "10s")],
      |                                      ^^^^^
      |
    help: `until` is the end of `run.duration` unless it is said
    "#);
    insta::assert_snapshot!(crash(r#"every: "9s""#), @r#"
    error: this can never happen: all faults end at 8 s
     --> t.ron:4:38
      |
    4 | faults: [Crash(node: "stock", every: "9s")],
      |                                      ^^^^
      |
    help: make `run.heal_at` later
    "#);
    insta::assert_snapshot!(crash(r#"every: "1s", since: "7500ms""#), @r#"
    error: this can never happen: all faults end at 8 s
     --> t.ron:4:38
      |
    4 | faults: [Crash(node: "stock", every: "1s", since: "7500ms")],
      |                                      ^^^^
      |
    help: make `run.heal_at` later
    "#);
    insta::assert_snapshot!(crash(r#"every: "uniform(20s, 30s)", until: "1min""#), @r#"
    error: this can never happen: all faults end at 8 s
     --> t.ron:4:38
      |
    4 | faults: [Crash(node: "stock", every: "uniform(20s, 30s)", until: "1min")],
      |                                      ^^^^^^^^^^^^^^^^^^^
      |
    help: make `run.heal_at` later

    error: this can never happen: the run ends at 15 s at the latest
     --> t.ron:4:38
      |
    4 | faults: [Crash(node: "stock", every: "uniform(20s, 30s)", until: "1min")],
      |                                      ^^^^^^^^^^^^^^^^^^^
      |
    help: make `run.duration` or `run.drain` longer
    "#);
    insta::assert_snapshot!(crash(r#"when: Stored(), after: "8s""#), @r#"
    error: this can never happen: all faults end at 8 s
     --> t.ron:4:54
      |
    4 | faults: [Crash(node: "stock", when: Stored(), after: "8s")],
      |                                                      ^^^^
      |
    help: make `run.heal_at` later
    "#);
    for timing in [
        r#"every: "7s""#,
        r#"every: "exp(1h)""#,
        r#"every: "500ms", since: "7s""#,
        r#"when: Stored(), after: "7s""#,
    ] {
        assert_eq!(crash(timing), "queue: all applies\nlog: all applies", "{timing}");
    }
}

#[test]
fn a_fact_is_noted_by_who_is_said_to_note_it() {
    let crash = |fact: &str, designs: &str| {
        told(&format!(r#"faults: [Crash(node: "stock", when: {fact})]"#), designs)
    };
    insta::assert_snapshot!(crash(r#"Acked(node: "stock/1")"#, QUEUE), @r#"
    error: this can never happen: `stock/1` notes no such fact
     --> t.ron:4:49
      |
    4 | faults: [Crash(node: "stock", when: Acked(node: "stock/1"))],
      |                                                 ^^^^^^^^^
      |
    help: brokers note `Acked`: name one that does, or leave `node` out
    "#);
    insta::assert_snapshot!(crash(r#"Published(node: "stock/1")"#, QUEUE), @r#"
    error: this can never happen: `stock/1` notes no such fact
     --> t.ron:4:53
      |
    4 | faults: [Crash(node: "stock", when: Published(node: "stock/1"))],
      |                                                     ^^^^^^^^^
      |
    help: producers note `Published`: name one that does, or leave `node` out
    "#);
    insta::assert_snapshot!(crash(r#"Processed(node: "brokers")"#, QUEUE), @r#"
    error: this can never happen: `brokers` notes no such fact
     --> t.ron:4:53
      |
    4 | faults: [Crash(node: "stock", when: Processed(node: "brokers"))],
      |                                                     ^^^^^^^^^
      |
    help: consumers note `Processed`: name one that does, or leave `node` out
    "#);
    insta::assert_snapshot!(crash(r#"Processed(node: "mail", to: "stock")"#, QUEUE), @r#"
    error: this can never happen: `mail` notes no such fact
     --> t.ron:4:53
      |
    4 | faults: [Crash(node: "stock", when: Processed(node: "mail", to: "stock"))],
      |                                                     ^^^^^^
      |
    help: consumers note `Processed`: name one that does, or leave `node` out
    "#);
    // Without a broker the producer knows.
    insta::assert_snapshot!(crash(r#"Stored(node: "shop")"#, r#""queue": Queue(), "webhook": Webhook()"#), @r#"
    queue: not Crash(node: "stock", when: Stored(node: "shop"))
    webhook: all applies
    "#);
    for fact in [
        r#"Acked(node: "brokers")"#,
        r#"Published(node: "shop/1", message: "shop#3")"#,
        r#"Processed(node: "stock/1", to: "stock")"#,
        r#"Confirmed(node: "*")"#,
    ] {
        assert_eq!(crash(fact, QUEUE), "queue: all applies\nlog: all applies", "{fact}");
    }
}

#[test]
fn a_role_that_no_design_has_is_not_suggested() {
    let cut = r#"faults: [Partition(nodes: "brokers", at: "1s")]"#;
    insta::assert_snapshot!(told(cut, r#""udp": Udp()"#), @r#"
    error: no design has any brokers
     --> t.ron:4:27
      |
    4 | faults: [Partition(nodes: "brokers", at: "1s")],
      |                           ^^^^^^^^^
      |
    help: name others, or add a design that has some; there is `consumers`, `mail`, `mail/1`, `producers`, `shop/1`, `stock`, `stock/1`, `stock/2`
    "#);
    insta::assert_snapshot!(told(cut, UDP), @r#"
    queue: all applies
    udp: not Partition(nodes: "brokers", at: "1s")
    "#);
}

#[test]
fn a_machine_may_have_cores_that_no_node_uses() {
    insta::assert_snapshot!(told(r#"nodes: {"brokers": (cores: 8)}"#, QUEUE), @r#"
    queue: not nodes: {"brokers": (cores: 8)}
    log: not nodes: {"brokers": (cores: 8)}
    "#);
}
