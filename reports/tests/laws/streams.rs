//! What must hold of brokers of streams whose machines die in the midst of writes.

use super::common::case::torn_streams;
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
