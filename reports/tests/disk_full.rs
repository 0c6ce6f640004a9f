//! A queue broker whose disk is full confirms nothing that it could not keep.

use redeliver_scenarios::{Options, read};

const SCENARIO: &str = r#"(
    format: 1,
    title: "A full disk, and a crash behind it",
    run: (duration: "1s", drain: "5s"),
    producers: { "shop": (publish: "orders", schedule: Every("10ms"), count: 20, size: "1 kB") },
    consumers: { "fulfilment": (read: "orders", work: "30ms") },
    faults: [
        DiskFull(node: "broker/1", at: "55ms", lasts: "50ms"),
        DiskFull(node: "n1", at: "55ms", lasts: "50ms"),
        Crash(node: "broker/1", at: "98ms", restart_after: "200ms"),
        Crash(node: "n1", at: "98ms", restart_after: "200ms"),
    ],
    designs: {
        "queue": Queue(prefetch: 1),
        // A quorum queue writes what is not persistent, too.
        "quorum": RabbitMQ(
            version: "4.0.5",
            queues: {"fulfilment": {"x-queue-type": "quorum"}},
            clients: {"*": (config: {"prefetch_count": 1, "delivery_mode": 1})},
        ),
    },
)"#;

#[test]
fn what_a_full_disk_does_not_take_is_refused_and_not_lost_behind_a_confirm() {
    let plan = read("disk-full", SCENARIO, &Options::default()).unwrap_or_else(|report| panic!("{report}"));
    let result = redeliver_reports::run(&plan, &mut |_, _| ()).result;
    for (name, design) in &result.designs {
        let (shop, orders) = (&design.producers["shop"], &design.consumers["fulfilment"]);
        assert!(shop.refused > 0, "{name}: nothing met the full disk");
        assert_eq!((orders.lost.total, orders.lost.confirmed), (shop.refused, 0), "{name}");
    }
}
