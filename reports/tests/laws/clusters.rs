//! Clusters: what holds in all of them, and scenarios that once broke it.

use super::common::case::clusters;
use super::*;

#[test]
fn a_cluster_balances_and_loses_nothing_that_it_has_confirmed() {
    // That each term has one leader is asserted as it begins.
    check_all(clusters(), 400, |case| {
        let result = results(case);
        let spoilt = ["on_failure: Drop", "on_failure: DeadLetter", "SyncLies", "CorruptRecord", "id_bits"];
        if spoilt.into_iter().any(|text| case.has(text)) {
            return;
        }
        for (name, consumer) in consumers(&result, "first") {
            // What is returned too often is dropped.
            if number(consumer, "/lost/by_cause/delivery_limit") == 0 {
                assert_eq!(number(consumer, "/lost/confirmed"), 0, "{name}");
            }
        }
    });
}

/// What became of so many messages of a shop at n2, one each millisecond, in a queue that n1 leads; its consumer is at n3.
fn figures(messages: u32, queue: &str, work: &str, faults: &str) -> Value {
    let text = format!(
        r#"(
            format: 1,
            title: "A cluster",
            run: (duration: "20s", drain: "20s"),
            producers: {{ "shop": (publish: "orders", schedule: Every("1ms"), count: {messages}) }},
            consumers: {{ "stock": (read: "orders", work: "{work}") }},
            network: (latency: "1ms"),
            faults: [{faults}],
            designs: {{ "d": RabbitMQ(
                version: "4.0.5",
                config: {{"net_ticktime": 8}},
                nodes: ["n1", "n2", "n3"],
                queues: {{"stock": {{{queue}}}}},
                leaders: {{"stock": "n1"}},
                clients: {{"shop/*": (node: "n2"), "stock/*": (node: "n3", config: {{"prefetch_count": 10}})}},
            ) }},
        )"#
    );
    run(&text, 42)["designs"]["d"].clone()
}

const QUORUM: &str = r#""x-queue-type": "quorum""#;
const SHORT: &str = r#""x-queue-type": "quorum", "x-max-length": 20, "x-overflow": "reject-publish""#;

#[test]
fn a_disk_that_lies_may_let_a_member_vote_twice_and_the_second_to_win_a_term_stands_back() {
    let faults = r#"
        SyncLies(node: "n3", at: "0s"),
        Crash(node: "n1", at: "1s", restart_after: "5s"),
        Partition(nodes: "n2", at: "4s"),
        MachineCrash(node: "n3", at: "5s", restart_after: "100ms"),
    "#;
    // With a promise that was kept, n2 alone would lead; and it is cut off.
    let result = figures(1500, QUORUM, "0ms", faults);
    assert_eq!(number(&result, "/consumers/stock/lost/confirmed"), 0);
}

#[test]
fn what_a_queue_has_refused_its_next_leader_does_not_confirm() {
    let faults = r#"
        Stop(from: "n1", to: "n2", at: "500ms", lasts: "300ms"),
        MachineCrash(node: "n1", at: "700ms"),
    "#;
    let result = figures(2000, SHORT, "20ms", faults);
    assert!(number(&result, "/consumers/stock/lost/by_cause/queue_overflow") > 0, "nothing was refused");
    assert_eq!(number(&result, "/consumers/stock/lost/confirmed"), 0);
}

#[test]
fn a_queue_that_was_full_takes_messages_again_once_it_is_down_to_four_fifths() {
    let result = figures(2000, SHORT, "20ms", "");
    // It is full within 40 ms; in the 2 s of publishing 100 find a place that another leaves.
    let processed = number(&result, "/consumers/stock/processed");
    assert!((100..150).contains(&processed), "{processed}");
}
