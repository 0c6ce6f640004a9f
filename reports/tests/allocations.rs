//! In its steady state a run allocates nothing: counted over a window of a long run, design by design.

use allocation_counter::AllocationInfo;
use redeliver_models::checks::Recorder;
use redeliver_models::{advance, build};
use redeliver_scenarios::Options;

/// What is allocated in so many events, after twice as many, of a design whose consumers read this.
fn allocations(read: &str, design: &str, network: &str, events: u64) -> AllocationInfo {
    let text = format!(
        r#"(
            format: 1, title: "A long run", seed: 42,
            run: (duration: "1000s", drain: "10s"),
            producers: {{ "shop": (
                publish: "orders", members: 10, schedule: Poisson("100/s"), key: Uniform(100), size: "1 kB",
            )}},
            consumers: {{ "stock": (read: "{read}", members: 10, work: "exp(5ms)") }},
            network: {network},
            designs: {{ "it": {design} }},
        )"#
    );
    let plan = redeliver_scenarios::read("long", &text, &Options::default())
        .unwrap_or_else(|report| panic!("{}", report.render(false)));
    let setup = &plan.designs[0].setup;
    let mut world = build(setup, Recorder::Off);
    assert_eq!(advance(&mut world, setup.limits, 2 * events), None);
    allocation_counter::measure(|| assert_eq!(advance(&mut world, setup.limits, events), None))
}

/// Nothing is allocated for an event. What is, now and then, is bounded: bits of the order of keys, points of a chart,
/// what a log does once a second.
fn check(design: &str, network: &str) {
    check_readers("orders", design, network);
}

fn check_readers(read: &str, design: &str, network: &str) {
    let info = allocations(read, design, network, EVENTS);
    assert!(
        info.count_total * 500 <= EVENTS && info.bytes_total <= 50_000,
        "{design}: {} allocations of {} bytes in {EVENTS} events",
        info.count_total,
        info.bytes_total
    );
}

const EVENTS: u64 = 200_000;

#[test]
fn a_lossy_queue_allocates_for_no_event() {
    let design = r#"Queue(transport: Datagrams, redeliver_after: "100ms", prefetch: 100, confirms: false, durable: false)"#;
    check(design, r#"(latency: "0.2ms", jitter: "exp(0.3ms)", loss: "1%")"#);
}

#[test]
fn a_durable_queue_with_confirms_allocates_for_no_event() {
    check("Queue(prefetch: 10)", r#"(latency: "exp(0.5ms)")"#);
}

#[test]
fn exchanges_allocate_for_no_event() {
    for kind in [
        r##"type: "topic", bindings: {"stock": ["#", "*.x"]}"##,
        r#"type: "x-consistent-hash", bindings: {"stock": ["3"]}"#,
    ] {
        let exchange = format!(r#"exchanges: {{"orders": ({kind})}}, queues: {{"stock": {{}}}}"#);
        check_readers(
            "stock",
            &format!(r#"RabbitMQ(version: "4.0.5", {exchange})"#),
            r#"(latency: "exp(0.5ms)")"#,
        );
    }
}

#[test]
fn direct_messages_allocate_for_no_event() {
    check("Udp(share: RoundRobin)", r#"(latency: "exp(0.5ms)")"#);
    check("Webhook(share: RoundRobin)", r#"(latency: "exp(0.5ms)")"#);
}

#[test]
fn a_log_that_deletes_allocates_for_no_event() {
    check(
        r#"Log(partitions: 10, retention_bytes: "1 MB", segment_bytes: "100 kB", retention_check: "1s")"#,
        r#"(latency: "exp(0.5ms)")"#,
    );
}

#[test]
fn sessions_allocate_for_no_event() {
    for qos in 0..3 {
        let design = format!(
            r#"Mosquitto(version: "2.0.11", config: {{"persistence": true}}, clients: {{"*": (config: {{"qos": {qos}}})}})"#
        );
        check(&design, r#"(latency: "exp(0.5ms)")"#);
    }
}
