//! Consumers that ask for their messages, which are hidden meanwhile, as timelines: the clients of Amazon SQS. Work 5 ms, a
//! sync 2 ms, a visibility timeout of 20 ms.

use super::*;
use crate::queue::{Behaviour, ClientConfig, DeadLetter, Pulls, QueueConfig, Redelivery, Settles, Turns};
use crate::story::Dialect;

fn polled(
    messages: u64,
    change: impl FnOnce(&mut ClientConfig, &mut Consumer),
    faults: Vec<Fault>,
) -> String {
    polled_for(Span::millis(60), messages, change, faults)
}

fn polled_for(
    lasts: Span,
    messages: u64,
    change: impl FnOnce(&mut ClientConfig, &mut Consumer),
    faults: Vec<Fault>,
) -> String {
    let redelivery = Redelivery {
        ack_wait: Span::millis(20),
        backoff: Vec::new(),
        window: None,
        keeps_place: false,
        settles: Settles::LastDelivery,
        at_once: false,
        claimed: false,
        held_max: None,
        delay: Span::ZERO,
        lifetime: None,
    };
    let pulls = Pulls {
        batch: 10,
        expires: Some(Span::seconds(20)),
        fills: false,
        gets: false,
        pause: Distribution::Constant(100_000_000),
    };
    let reads = |setup: &mut Setup| {
        let mut consumer = consumer("stock", 1, 5);
        let config = queue_of(setup);
        config.dialect = Dialect::Sqs;
        config.queues = vec![QueueConfig {
            name: "stock".into(),
            behaviour: Behaviour::HIDING,
            redelivery: Some(redelivery),
            pulled: Some(Span::ZERO),
            turns: Turns::OneByOne,
            dead_letter: DeadLetter::Dropped,
            ..QueueConfig::default()
        }];
        let client = &mut config.clients[0].1;
        (client.pulls, client.keeps_failed) = (Some(pulls), true);
        change(client, &mut consumer);
        setup.consumers = vec![consumer];
        // What is done twice is done for ever: no delete ever comes with the last receipt handle.
        (setup.duration, setup.drain) = (lasts, Span::ZERO);
    };
    told(messages, reads, faults)
}

/// The handler fails on the first message, once.
fn fails() -> Vec<Fault> {
    let which = Which::Messages(vec![MessageName { producer: 0, member: 0, number: 1 }]);
    vec![fault_at(0, FaultKind::FailingHandler { subscription: None, which, times: Some(1) })]
}

#[test]
fn the_first_of_a_long_poll_comes_alone_and_the_next_receive_has_the_rest() {
    assert_snapshot!(polled(3, |_, consumer| consumer.members[0].work.span = Distribution::Constant(15_000_000), Vec::new()), @"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.001  broker/1 sent shop#1 to stock, attempt 1
    0.002  stock/1 delivered shop#1, attempt 1
    0.004  shop/1  confirmed shop#1
    0.010  shop/1  published shop#2
    0.011  broker/1 stored shop#2 at stock@1
    0.014  shop/1  confirmed shop#2
    0.017  stock/1 processed shop#1, attempt 1
    0.018  broker/1 shop#1 settled for stock
    0.018  broker/1 sent shop#2 to stock, attempt 1
    0.019  stock/1 delivered shop#2, attempt 1
    0.020  shop/1  published shop#3
    0.021  broker/1 stored shop#3 at stock@2
    0.024  shop/1  confirmed shop#3
    0.034  stock/1 processed shop#2, attempt 1
    0.035  broker/1 shop#2 settled for stock
    0.035  broker/1 sent shop#3 to stock, attempt 1
    0.036  stock/1 delivered shop#3, attempt 1
    0.051  stock/1 processed shop#3, attempt 1
    0.052  broker/1 shop#3 settled for stock
    ");
}

// API reference, ChangeMessageVisibility: the time counts from the call.
#[test]
fn work_that_takes_longer_is_done_again_and_again_unless_its_consumer_says_that_it_is_at_it() {
    let two = |consumer: &mut Consumer| consumer.members = vec![consumer.members[0].clone(); 2];
    let long = |consumer: &mut Consumer| {
        consumer.members.iter_mut().for_each(|member| member.work.span = Distribution::Constant(30_000_000));
    };
    let silent = |_: &mut ClientConfig, consumer: &mut Consumer| {
        two(consumer);
        long(consumer);
    };
    assert_snapshot!(polled(1, silent, Vec::new()), @"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.001  broker/1 sent shop#1 to stock, attempt 1
    0.002  stock/1 delivered shop#1, attempt 1
    0.004  shop/1  confirmed shop#1
    0.021  broker/1 requeued shop#1: visibility timeout
    0.021  broker/1 sent shop#1 to stock, attempt 2
    0.022  stock/2 delivered shop#1, attempt 2
    0.032  stock/1 processed shop#1, attempt 1
    0.033  broker/1 an ack of shop#1 came too late
    0.041  broker/1 requeued shop#1: visibility timeout
    0.041  broker/1 sent shop#1 to stock, attempt 3
    0.042  stock/1 delivered shop#1, attempt 3
    0.052  stock/2 processed shop#1, attempt 2
    0.053  broker/1 an ack of shop#1 came too late
    ");
    let heard = |client: &mut ClientConfig, consumer: &mut Consumer| {
        client.extend_every = Some(Span::millis(10));
        two(consumer);
        long(consumer);
    };
    assert_snapshot!(polled(1, heard, Vec::new()), @"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.001  broker/1 sent shop#1 to stock, attempt 1
    0.002  stock/1 delivered shop#1, attempt 1
    0.004  shop/1  confirmed shop#1
    0.032  stock/1 processed shop#1, attempt 1
    0.033  broker/1 shop#1 settled for stock
    ");
}

#[test]
fn what_has_failed_comes_again_when_its_time_is_over_or_at_once() {
    assert_snapshot!(polled(1, |_, _| (), fails()), @"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.001  broker/1 sent shop#1 to stock, attempt 1
    0.002  stock/1 delivered shop#1, attempt 1
    0.004  shop/1  confirmed shop#1
    0.007  stock/1 failed at shop#1, attempt 1
    0.007  stock/1 gave shop#1 back
    0.021  broker/1 requeued shop#1: visibility timeout
    0.021  broker/1 sent shop#1 to stock, attempt 2
    0.022  stock/1 delivered shop#1, attempt 2
    0.027  stock/1 processed shop#1, attempt 2
    0.028  broker/1 shop#1 settled for stock
    ");
    assert_snapshot!(polled(1, |client, _| client.keeps_failed = false, fails()), @"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.001  broker/1 sent shop#1 to stock, attempt 1
    0.002  stock/1 delivered shop#1, attempt 1
    0.004  shop/1  confirmed shop#1
    0.007  stock/1 failed at shop#1, attempt 1
    0.007  stock/1 gave shop#1 back
    0.008  broker/1 requeued shop#1: returned
    0.008  broker/1 sent shop#1 to stock, attempt 2
    0.009  stock/1 delivered shop#1, attempt 2
    0.014  stock/1 processed shop#1, attempt 2
    0.015  broker/1 shop#1 settled for stock
    ");
}

#[test]
fn a_pause_after_an_empty_receive_is_as_long_as_it_is_said() {
    let short = |client: &mut ClientConfig, _: &mut Consumer| {
        let pulls = client.pulls.as_mut().expect("it polls");
        (pulls.expires, pulls.pause) = (Some(Span::ZERO), Distribution::Constant(3_000_000_000));
    };
    assert_snapshot!(polled_for(Span::seconds(4), 1, short, Vec::new()), @"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.004  shop/1  confirmed shop#1
    3.001  broker/1 sent shop#1 to stock, attempt 1
    3.002  stock/1 delivered shop#1, attempt 1
    3.007  stock/1 processed shop#1, attempt 1
    3.008  broker/1 shop#1 settled for stock
    ");
}

#[test]
fn what_goes_aside_its_consumer_puts_there_and_deletes() {
    assert_snapshot!(polled(1, |_, consumer| consumer.on_failure = OnFailure::DeadLetter, fails()), @"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.001  broker/1 sent shop#1 to stock, attempt 1
    0.002  stock/1 delivered shop#1, attempt 1
    0.004  shop/1  confirmed shop#1
    0.007  stock/1 failed at shop#1, attempt 1
    0.007  stock/1 put shop#1 aside
    0.008  broker/1 shop#1 settled for stock
    ");
}
