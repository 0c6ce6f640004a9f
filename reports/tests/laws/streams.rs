//! What must hold of brokers whose machines die in the midst of writes to several files.

use super::common::{case::torn_streams, run};
use super::{check_all, consumers, number, results};
use std::cell::Cell;

#[test]
fn a_broker_of_streams_goes_on_after_torn_writes() {
    // The run itself asserts that the ledger balances, with the census of all copies.
    let torn = Cell::new(0);
    check_all(torn_streams(), 300, |case| {
        let result = results(case);
        let stopped = &result["designs"]["first"]["stopped"];
        assert!(stopped.is_null(), "{stopped}");
        for (name, figures) in consumers(&result, "first") {
            let lost = |cause: &str| number(figures, &format!("/lost/by_cause/{cause}"));
            assert!(case.has("CorruptRecord") || lost("corrupt_record") == 0, "{name}");
            torn.set(torn.get() + lost("torn_record"));
        }
    });
    assert!(torn.get() > 20, "only {} records were torn", torn.get());
}

#[test]
fn a_fifo_queue_knows_no_id_of_a_message_that_a_torn_write_took() {
    let text = r#"(
        format: 1,
        title: "A torn write",
        run: (duration: "2s", drain: "4s"),
        producers: {"p": (publish: "t", schedule: Poisson("100/s"), count: 60, key: Const("k"))},
        consumers: {"c": (read: "t", work: "0ms")},
        network: (latency: "1ms", loss: "20%"),
        faults: [TornWrite(node: "brokers", at: "300ms", restart_after: "10ms")],
        designs: {"first": Sqs(queues: {"c": {"FifoQueue": true}, "dead": {"FifoQueue": true}})},
    )"#;
    for seed in 1..=300 {
        let result = run(text, seed);
        let (_, figures) = consumers(&result, "first").next().expect("there is one");
        assert_eq!(number(figures, "/lost/confirmed"), 0, "seed {seed}");
    }
}
