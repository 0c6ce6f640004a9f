//! A consumer's effect and ack in one transaction, as timelines: work 5 ms, a sync 2 ms, a commit 1 ms.

use super::*;
use crate::queue::AckMode;
use crate::setup::Consumer;

fn transacted(faults: Vec<Fault>) -> String {
    let change = |setup: &mut Setup| {
        setup.consumers = vec![Consumer { commit: Span::millis(1), ..consumer("stock", 1, 5) }];
        queue_of(setup).clients[0].1.ack = AckMode::TwoPhaseCommit;
    };
    told(1, change, faults)
}

fn crash_of_consumer(kind: FactKind) -> String {
    transacted(vec![fault_on(kind, 1, crash("stock/1", Some(20)))])
}

#[test]
fn a_transaction_takes_two_round_trips_and_syncs_on_both_sides() {
    assert_snapshot!(transacted(Vec::new()), @"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.001  broker/1 sent shop#1 to stock, attempt 1
    0.002  stock/1 delivered shop#1, attempt 1
    0.004  shop/1  confirmed shop#1
    0.011  stock/1 shop#1 is prepared by broker and database
    0.013  stock/1 decided to commit shop#1
    0.014  broker/1 shop#1 settled for stock
    0.014  stock/1 processed shop#1, attempt 1
    ");
}

#[test]
fn a_coordinator_that_dies_before_its_decision_rolls_back_when_it_is_there_again() {
    assert_snapshot!(crash_of_consumer(FactKind::Prepared), @"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.001  broker/1 sent shop#1 to stock, attempt 1
    0.002  stock/1 delivered shop#1, attempt 1
    0.004  shop/1  confirmed shop#1
    0.011  stock/1 shop#1 is prepared by broker and database
    0.011  stock/1 crashed
    0.031  stock/1 restarted
    0.031  stock/1 gave shop#1 back
    0.036  broker/1 requeued shop#1: returned
    0.036  broker/1 sent shop#1 to stock, attempt 2
    0.037  stock/1 delivered shop#1, attempt 2
    0.046  stock/1 shop#1 is prepared by broker and database
    0.048  stock/1 decided to commit shop#1
    0.049  broker/1 shop#1 settled for stock
    0.049  stock/1 processed shop#1, attempt 2
    ");
}

#[test]
fn a_coordinator_that_dies_after_its_decision_commits_when_it_is_there_again() {
    assert_snapshot!(crash_of_consumer(FactKind::Decided), @"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.001  broker/1 sent shop#1 to stock, attempt 1
    0.002  stock/1 delivered shop#1, attempt 1
    0.004  shop/1  confirmed shop#1
    0.011  stock/1 shop#1 is prepared by broker and database
    0.013  stock/1 decided to commit shop#1
    0.013  stock/1 crashed
    0.033  stock/1 restarted
    0.035  stock/1 processed shop#1, attempt 1
    0.038  broker/1 shop#1 settled for stock
    ");
}

#[test]
fn a_coordinator_that_dies_when_it_has_told_both_leaves_nothing_to_do() {
    assert_snapshot!(crash_of_consumer(FactKind::Processed), @"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.001  broker/1 sent shop#1 to stock, attempt 1
    0.002  stock/1 delivered shop#1, attempt 1
    0.004  shop/1  confirmed shop#1
    0.011  stock/1 shop#1 is prepared by broker and database
    0.013  stock/1 decided to commit shop#1
    0.014  broker/1 shop#1 settled for stock
    0.014  stock/1 processed shop#1, attempt 1
    0.014  stock/1 crashed
    0.015  stock/1 a packet without a message was lost
    ");
}

#[test]
fn a_broker_that_dies_with_a_promise_remembers_it() {
    assert_snapshot!(transacted(vec![fault_on(FactKind::Prepared, 1, crash("broker/1", Some(20)))]), @"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.001  broker/1 sent shop#1 to stock, attempt 1
    0.002  stock/1 delivered shop#1, attempt 1
    0.004  shop/1  confirmed shop#1
    0.011  stock/1 shop#1 is prepared by broker and database
    0.011  broker/1 crashed
    0.013  stock/1 decided to commit shop#1
    0.014  stock/1 processed shop#1, attempt 1
    0.031  broker/1 restarted
    0.115  broker/1 shop#1 settled for stock
    ");
}

#[test]
fn without_its_coordinator_a_message_is_in_doubt_for_ever() {
    assert_snapshot!(transacted(vec![fault_on(FactKind::Prepared, 1, crash("stock/1", None))]), @"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.001  broker/1 sent shop#1 to stock, attempt 1
    0.002  stock/1 delivered shop#1, attempt 1
    0.004  shop/1  confirmed shop#1
    0.011  stock/1 shop#1 is prepared by broker and database
    0.011  stock/1 crashed
    ");
}
