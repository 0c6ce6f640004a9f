//! Consumers that ask for one message at a time, as timelines: AMQP's `basic.get`. Work 5 ms, a pause of 20 ms.

use super::*;
use crate::queue::{AckMode, Pulls};

fn polled(messages: u64, change: impl FnOnce(&mut Setup), faults: Vec<Fault>) -> String {
    let reads = |setup: &mut Setup| {
        setup.consumers = vec![consumer("stock", 1, 5)];
        queue_of(setup).clients[0].1.pulls = Some(Pulls::gets(Distribution::Constant(20_000_000)));
        change(setup);
    };
    told(messages, reads, faults)
}

/// The first get finds nothing, and so does the one after the third message.
#[test]
fn one_message_at_a_time_and_a_pause_when_there_is_none() {
    assert_snapshot!(polled(3, |_| (), Vec::new()), @"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.004  shop/1  confirmed shop#1
    0.010  shop/1  published shop#2
    0.011  broker/1 stored shop#2 at stock@1
    0.014  shop/1  confirmed shop#2
    0.020  shop/1  published shop#3
    0.021  broker/1 sent shop#1 to stock, attempt 1
    0.021  broker/1 stored shop#3 at stock@2
    0.022  stock/1 delivered shop#1, attempt 1
    0.024  shop/1  confirmed shop#3
    0.027  stock/1 processed shop#1, attempt 1
    0.028  broker/1 shop#1 settled for stock
    0.028  broker/1 sent shop#2 to stock, attempt 1
    0.029  stock/1 delivered shop#2, attempt 1
    0.034  stock/1 processed shop#2, attempt 1
    0.035  broker/1 shop#2 settled for stock
    0.035  broker/1 sent shop#3 to stock, attempt 1
    0.036  stock/1 delivered shop#3, attempt 1
    0.041  stock/1 processed shop#3, attempt 1
    0.042  broker/1 shop#3 settled for stock
    ");
}

/// With a prefetch of 1 a pushed one would have the second message in hand when it dies: it is in the queue here.
#[test]
fn a_crash_takes_along_no_more_than_the_message_in_work() {
    let faults = vec![fault_on(FactKind::Delivered, 1, crash("stock/1", Some(50)))];
    let no_ack = |setup: &mut Setup| queue_of(setup).clients[0].1.ack = AckMode::Auto;
    assert_snapshot!(polled(3, no_ack, faults), @"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.004  shop/1  confirmed shop#1
    0.010  shop/1  published shop#2
    0.011  broker/1 stored shop#2 at stock@1
    0.014  shop/1  confirmed shop#2
    0.020  shop/1  published shop#3
    0.021  broker/1 sent shop#1 to stock, attempt 1
    0.021  broker/1 shop#1 settled for stock
    0.021  broker/1 stored shop#3 at stock@2
    0.022  stock/1 delivered shop#1, attempt 1
    0.022  stock/1 crashed
    0.022  stock/1 lost its copy of shop#1: taken never processed
    0.024  shop/1  confirmed shop#3
    0.072  stock/1 restarted
    0.075  broker/1 sent shop#2 to stock, attempt 1
    0.075  broker/1 shop#2 settled for stock
    0.076  stock/1 delivered shop#2, attempt 1
    0.081  stock/1 processed shop#2, attempt 1
    0.082  broker/1 sent shop#3 to stock, attempt 1
    0.082  broker/1 shop#3 settled for stock
    0.083  stock/1 delivered shop#3, attempt 1
    0.088  stock/1 processed shop#3, attempt 1
    ");
}

#[test]
fn what_it_gives_back_it_gets_again() {
    let which = Which::Messages(vec![MessageName { producer: 0, member: 0, number: 1 }]);
    let fails = FaultKind::FailingHandler { subscription: None, which, times: Some(1) };
    assert_snapshot!(polled(1, |_| (), vec![fault_at(0, fails)]), @"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.004  shop/1  confirmed shop#1
    0.021  broker/1 sent shop#1 to stock, attempt 1
    0.022  stock/1 delivered shop#1, attempt 1
    0.027  stock/1 failed at shop#1, attempt 1
    0.027  stock/1 gave shop#1 back
    0.028  broker/1 requeued shop#1: returned
    0.028  broker/1 sent shop#1 to stock, attempt 2
    0.029  stock/1 delivered shop#1, attempt 2
    0.034  stock/1 processed shop#1, attempt 2
    0.035  broker/1 shop#1 settled for stock
    ");
}

/// The broker is gone as it asks; the pause that was under way is not waited for twice.
#[test]
fn over_a_new_connection_it_asks_at_once() {
    let faults = vec![fault_at(12, crash("broker/1", Some(5)))];
    assert_snapshot!(polled(4, |_| (), faults), @"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.004  shop/1  confirmed shop#1
    0.010  shop/1  published shop#2
    0.011  broker/1 stored shop#2 at stock@1
    0.012  broker/1 crashed
    0.017  broker/1 restarted
    0.017  broker/1 requeued shop#1: broker restart
    0.017  broker/1 requeued shop#2: broker restart
    0.020  shop/1  published shop#3
    0.020  shop/1  held up
    0.030  shop/1  published shop#4
    0.115  shop/1  sent shop#2 again, attempt 2
    0.115  shop/1  sent shop#3
    0.115  shop/1  sent shop#4
    0.115  shop/1  goes on
    0.116  broker/1 sent shop#1 to stock, attempt 2
    0.116  broker/1 stored shop#2 at stock@2
    0.116  broker/1 stored shop#3 at stock@3
    0.116  broker/1 stored shop#4 at stock@4
    0.117  stock/1 delivered shop#1, attempt 2
    0.119  shop/1  confirmed shop#2
    0.121  shop/1  confirmed shop#3
    0.121  shop/1  confirmed shop#4
    0.122  stock/1 processed shop#1, attempt 2
    0.123  broker/1 shop#1 settled for stock
    0.123  broker/1 sent shop#2 to stock, attempt 2
    0.124  stock/1 delivered shop#2, attempt 2
    0.129  stock/1 processed shop#2, attempt 2
    0.130  broker/1 shop#2 settled for stock
    0.130  broker/1 sent shop#2 to stock, attempt 1
    0.131  stock/1 delivered shop#2, attempt 1
    0.136  stock/1 processed shop#2, attempt 1
    0.137  broker/1 shop#2 settled for stock
    0.137  broker/1 sent shop#3 to stock, attempt 1
    0.138  stock/1 delivered shop#3, attempt 1
    0.143  stock/1 processed shop#3, attempt 1
    0.144  broker/1 shop#3 settled for stock
    0.144  broker/1 sent shop#4 to stock, attempt 1
    0.145  stock/1 delivered shop#4, attempt 1
    0.150  stock/1 processed shop#4, attempt 1
    0.151  broker/1 shop#4 settled for stock
    ");
}

#[test]
fn a_transaction_ends_before_the_next_get() {
    let transaction = |setup: &mut Setup| {
        queue_of(setup).clients[0].1.ack = AckMode::TwoPhaseCommit;
        setup.consumers[0].commit = Span::millis(3);
    };
    assert_snapshot!(polled(3, transaction, Vec::new()), @"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.004  shop/1  confirmed shop#1
    0.010  shop/1  published shop#2
    0.011  broker/1 stored shop#2 at stock@1
    0.014  shop/1  confirmed shop#2
    0.020  shop/1  published shop#3
    0.021  broker/1 sent shop#1 to stock, attempt 1
    0.021  broker/1 stored shop#3 at stock@2
    0.022  stock/1 delivered shop#1, attempt 1
    0.024  shop/1  confirmed shop#3
    0.031  stock/1 shop#1 is prepared by broker and database
    0.033  stock/1 decided to commit shop#1
    0.034  broker/1 shop#1 settled for stock
    0.036  stock/1 processed shop#1, attempt 1
    0.037  broker/1 sent shop#2 to stock, attempt 1
    0.038  stock/1 delivered shop#2, attempt 1
    0.047  stock/1 shop#2 is prepared by broker and database
    0.049  stock/1 decided to commit shop#2
    0.050  broker/1 shop#2 settled for stock
    0.052  stock/1 processed shop#2, attempt 1
    0.053  broker/1 sent shop#3 to stock, attempt 1
    0.054  stock/1 delivered shop#3, attempt 1
    0.063  stock/1 shop#3 is prepared by broker and database
    0.065  stock/1 decided to commit shop#3
    0.066  broker/1 shop#3 settled for stock
    0.068  stock/1 processed shop#3, attempt 1
    ");
}

/// Requests and empty answers are what it pays; how much, its pause says.
#[test]
fn every_get_is_a_request() {
    let count = |pause: u64| {
        let mut setup = setup(Design::Queue(queue()), 3);
        setup.consumers = vec![consumer("stock", 1, 5)];
        queue_of(&mut setup).clients[0].1.pulls = Some(Pulls::gets(Distribution::Constant(pause)));
        let ended = crate::run::run(&setup, crate::checks::Recorder::Off);
        let figures = &ended.world.shared().brokers[0];
        (figures.requests, figures.empty_polls)
    };
    assert_eq!((count(20_000_000), count(1_000_000)), ((5, 2), (7, 4)));
}
