//! A synchronous client, which thinks for 10 ms and then waits for its message's end, as timelines: a sync takes 2 ms.

use super::*;

fn thinks(messages: u64, change: impl FnOnce(&mut Setup), faults: Vec<Fault>) -> String {
    let synchronous = |setup: &mut Setup| {
        setup.producers[0].schedule = Schedule::Think(Distribution::Constant(10_000_000));
        setup.consumers = Vec::new();
        change(setup);
    };
    let told = told(messages, synchronous, faults);
    told.lines().filter(|line| !line.contains("broker/1 stored")).map(|line| format!("{line}\n")).collect()
}

fn publisher(setup: &mut Setup) -> &mut crate::queue::ClientConfig {
    &mut queue_of(setup).clients[0].1
}

#[test]
fn the_next_message_comes_a_while_after_the_confirm() {
    assert_snapshot!(thinks(3, |_| (), vec![]), @"
    0.010  shop/1  published shop#1
    0.014  shop/1  confirmed shop#1
    0.024  shop/1  published shop#2
    0.028  shop/1  confirmed shop#2
    0.038  shop/1  published shop#3
    0.042  shop/1  confirmed shop#3
    ");
}

#[test]
fn without_confirms_nobody_waits() {
    assert_snapshot!(thinks(3, |setup| publisher(setup).confirms = false, vec![]), @"
    0.010  shop/1  published shop#1
    0.020  shop/1  published shop#2
    0.030  shop/1  published shop#3
    ");
}

#[test]
fn a_broker_that_is_away_holds_up_its_client() {
    let faults = vec![fault_on(FactKind::Stored, 1, crash("broker/1", Some(50)))];
    assert_snapshot!(thinks(2, |_| (), faults), @"
    0.010  shop/1  published shop#1
    0.011  broker/1 crashed
    0.061  broker/1 restarted
    0.061  broker/1 requeued shop#1: broker restart
    0.114  shop/1  sent shop#1 again, attempt 2
    0.118  shop/1  confirmed shop#1
    0.128  shop/1  published shop#2
    0.132  shop/1  confirmed shop#2
    ");
}

#[test]
fn what_is_given_up_lets_the_next_one_come() {
    let given_up = |setup: &mut Setup| {
        publisher(setup).confirm_timeout = Span::millis(20);
        publisher(setup).retries = 0;
    };
    let faults = vec![fault_at(1, trouble("broker/1", Trouble::StallDisk, Some(50)))];
    assert_snapshot!(thinks(2, given_up, faults), @"
    0.001  broker/1 disk stalled
    0.010  shop/1  published shop#1
    0.030  shop/1  gave up shop#1
    0.040  shop/1  published shop#2
    0.051  broker/1 disk as it was again
    0.056  shop/1  confirmed shop#2
    ");
}

#[test]
fn a_client_that_boots_thinks_anew() {
    let faults = vec![fault_on(FactKind::Published, 1, crash("shop/1", Some(30)))];
    assert_snapshot!(thinks(2, |_| (), faults), @"
    0.010  shop/1  published shop#1
    0.010  shop/1  crashed
    0.010  shop/1  lost shop#1 before it was stored: producer buffer
    0.010  shop/1  lost shop#1 before it was stored: producer buffer
    0.040  shop/1  restarted
    0.050  shop/1  published shop#2
    0.054  shop/1  confirmed shop#2
    ");
    let faults = vec![fault_at(18, crash("shop/1", Some(30)))];
    assert_snapshot!(thinks(2, |_| (), faults), @"
    0.010  shop/1  published shop#1
    0.014  shop/1  confirmed shop#1
    0.018  shop/1  crashed
    0.048  shop/1  restarted
    0.058  shop/1  published shop#2
    0.062  shop/1  confirmed shop#2
    ");
}
