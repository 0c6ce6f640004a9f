//! A producer that changes a state of its own with each message, as timelines: a sync takes 2 ms. It dies once.

use super::*;
use crate::producer::StateChange;

fn changed(messages: u64, state_change: StateChange, at: FactKind) -> String {
    let change = |setup: &mut Setup| {
        setup.consumers = vec![consumer("stock", 1, 0)];
        setup.producers[0].state_change = state_change;
    };
    told(messages, change, vec![fault_on(at, 1, crash("shop/1", Some(20)))])
}

#[test]
fn committed_first_a_change_may_happen_that_nobody_hears_of() {
    assert_snapshot!(changed(1, StateChange::CommitFirst, FactKind::Published), @"
    0.002  shop/1  committed a change of its state
    0.002  shop/1  published shop#1
    0.002  shop/1  crashed
    0.002  shop/1  lost shop#1 before it was stored: producer buffer
    0.002  shop/1  lost shop#1 before it was stored: producer buffer
    ");
}

#[test]
fn published_first_others_may_hear_of_what_has_not_happened() {
    assert_snapshot!(changed(1, StateChange::PublishFirst, FactKind::Stored), @"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.001  broker/1 sent shop#1 to stock, attempt 1
    0.001  shop/1  crashed
    0.001  shop/1  lost shop#1 before it was stored: producer buffer
    0.002  stock/1 delivered shop#1, attempt 1
    0.002  stock/1 processed shop#1, attempt 1
    0.003  broker/1 shop#1 settled for stock
    0.003  broker/1 lost the confirm of a message that is gone
    ");
}

#[test]
fn what_was_committed_with_its_message_is_published_after_a_crash() {
    assert_snapshot!(changed(1, StateChange::Outbox, FactKind::Published), @"
    0.002  shop/1  committed a change of its state
    0.002  shop/1  published shop#1
    0.002  shop/1  crashed
    0.022  shop/1  restarted
    0.022  shop/1  held up
    0.024  shop/1  sent shop#1
    0.024  shop/1  goes on
    0.025  broker/1 stored shop#1 at stock@0
    0.025  broker/1 sent shop#1 to stock, attempt 1
    0.026  stock/1 delivered shop#1, attempt 1
    0.026  stock/1 processed shop#1, attempt 1
    0.027  broker/1 shop#1 settled for stock
    0.028  shop/1  confirmed shop#1
    ");
}

#[test]
fn a_relay_that_dies_before_it_hears_of_a_confirm_publishes_again() {
    assert_snapshot!(changed(4, StateChange::Outbox, FactKind::Stored), @"
    0.002  shop/1  committed a change of its state
    0.002  shop/1  published shop#1
    0.002  shop/1  sent shop#1
    0.003  broker/1 stored shop#1 at stock@0
    0.003  broker/1 sent shop#1 to stock, attempt 1
    0.003  shop/1  crashed
    0.004  stock/1 delivered shop#1, attempt 1
    0.004  stock/1 processed shop#1, attempt 1
    0.005  broker/1 shop#1 settled for stock
    0.005  broker/1 lost the confirm of shop#1
    0.023  shop/1  restarted
    0.023  shop/1  held up
    0.025  shop/1  sent shop#1 again, attempt 2
    0.025  shop/1  goes on
    0.026  broker/1 stored shop#1 at stock@1
    0.026  broker/1 sent shop#1 to stock, attempt 1
    0.027  stock/1 delivered shop#1, attempt 1
    0.027  stock/1 processed shop#1, attempt 1
    0.028  broker/1 shop#1 settled for stock
    0.029  shop/1  confirmed shop#1
    0.032  shop/1  committed a change of its state
    0.032  shop/1  published shop#2
    0.032  shop/1  sent shop#2
    0.033  broker/1 stored shop#2 at stock@2
    0.033  broker/1 sent shop#2 to stock, attempt 1
    0.034  stock/1 delivered shop#2, attempt 1
    0.034  stock/1 processed shop#2, attempt 1
    0.035  broker/1 shop#2 settled for stock
    0.036  shop/1  confirmed shop#2
    ");
}
