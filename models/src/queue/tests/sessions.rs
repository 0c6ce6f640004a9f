//! Sessions of MQTT as timelines: what quality of service 2 is worth when connections break and brokers die. Work 5 ms,
//! 1 ms from client to broker. The handshakes are those of MQTT 3.1.1, 4.3.

use super::*;
use crate::queue::{
    Behaviour, ClientConfig, ExchangeConfig, ExchangeKind, Filter, QueueConfig, SessionConfig, SessionLimits,
    Snapshots,
};
use crate::story::Dialect;

/// What happens to so many messages at this quality of service.
fn at(qos: u8, messages: u64, change: impl FnOnce(&mut crate::queue::Config), faults: Vec<Fault>) -> String {
    let reads = |setup: &mut Setup| {
        setup.consumers = vec![consumer("stock", 1, 5)];
        let config = queue_of(setup);
        let client = &mut config.clients[0].1;
        *client =
            ClientConfig { keeps_failed: true, confirm_timeout: Span::seconds(1_000), ..client.clone() };
        (client.said.qos, client.confirms) = (Some(qos), qos > 0);
        let filters = vec![Filter { text: "orders".into(), qos, group: None }];
        let session =
            SessionConfig { client: "stock/1".into(), of: Some("stock".into()), clean: false, filters };
        config.queues = vec![QueueConfig {
            name: "stock/1".into(),
            behaviour: Behaviour::SESSION,
            durable: false,
            session: Some(Box::new(session)),
            ..QueueConfig::default()
        }];
        let topic = ExchangeConfig::fanout("orders", Vec::new());
        config.exchanges = vec![ExchangeConfig { kind: ExchangeKind::Sessions, ..topic }];
        config.dialect = Dialect::Mqtt;
        config.sessions = Some(SessionLimits {
            inflight_max: 20,
            queued_max: 1_000,
            queued_bytes_max: 0,
            queues_qos0: false,
        });
        change(config);
        setup.duration = Span::seconds(1);
    };
    told(messages, reads, faults)
}

fn clean(config: &mut crate::queue::Config) {
    config.clients[0].1.clean_session = true;
    config.queues[0].session.iter_mut().for_each(|session| session.clean = true);
}

/// The broker dies before it hears that it may pass the message on; its publisher has its answer.
fn dies_in_between() -> Vec<Fault> {
    vec![fault_at(2, crash("broker/1", Some(10)))]
}

#[test]
fn at_2_a_message_is_handed_on_when_it_is_released() {
    assert_snapshot!(at(2, 1, |_| (), Vec::new()), @"
    0.000  shop/1  published shop#1
    0.003  broker/1 stored shop#1 at stock/1@0
    0.003  broker/1 sent shop#1 to stock, attempt 1
    0.004  shop/1  confirmed shop#1
    0.005  broker/1 shop#1 settled for stock
    0.006  stock/1 delivered shop#1, attempt 1
    0.011  stock/1 processed shop#1, attempt 1
    ");
}

#[test]
fn at_2_a_broker_that_forgets_says_that_it_has_passed_on_what_it_has_lost() {
    assert_snapshot!(at(2, 1, |_| (), dies_in_between()), @"
    0.000  shop/1  published shop#1
    0.002  broker/1 crashed
    0.002  broker/1 lost shop#1 before it had answered for it: broker memory
    0.003  broker/1 a packet without a message was lost
    0.012  broker/1 restarted
    0.107  shop/1  confirmed shop#1
    ");
}

#[test]
fn at_1_the_same_message_is_sent_again() {
    let mut faults = dies_in_between();
    faults[0].when = When::At(Time::ZERO + Span(500_000));
    assert_snapshot!(at(1, 1, |_| (), faults), @"
    0.000  shop/1  published shop#1
    0.000  broker/1 crashed
    0.001  broker/1 lost shop#1 before it was stored: connection reset
    0.010  broker/1 restarted
    0.103  shop/1  sent shop#1 again, attempt 2
    0.104  broker/1 stored shop#1 at stock/1@0
    0.104  broker/1 sent shop#1 to stock, attempt 1
    0.105  stock/1 delivered shop#1, attempt 1
    0.105  shop/1  confirmed shop#1
    0.110  stock/1 processed shop#1, attempt 1
    0.111  broker/1 shop#1 settled for stock
    ");
}

#[test]
fn at_2_a_publisher_without_a_session_sends_again_what_was_accepted() {
    assert_snapshot!(at(2, 1, clean, dies_in_between()), @"
    0.000  shop/1  published shop#1
    0.002  broker/1 crashed
    0.002  broker/1 lost shop#1 before it had answered for it: broker memory
    0.003  broker/1 a packet without a message was lost
    0.012  broker/1 restarted
    0.105  shop/1  sent shop#1 again, attempt 2
    0.108  broker/1 stored shop#1 at stock/1@0
    0.108  broker/1 sent shop#1 to stock, attempt 1
    0.109  shop/1  confirmed shop#1
    0.110  broker/1 shop#1 settled for stock
    0.111  stock/1 delivered shop#1, attempt 1
    0.116  stock/1 processed shop#1, attempt 1
    ");
}

#[test]
fn at_2_a_broker_that_has_saved_itself_gives_nothing_again() {
    let saves = |config: &mut crate::queue::Config| {
        config.snapshots = Some(Snapshots { rules: Vec::new(), every: Some(Span::millis(1)) });
    };
    let faults = vec![fault_at(11, crash("broker/1", Some(10)))];
    let told = at(2, 3, saves, faults);
    let told: Vec<&str> =
        told.lines().filter(|line| !line.contains(" kept ") && !line.contains(" deleted ")).collect();
    assert_snapshot!(told.join("\n"), @"
    0.000  shop/1  published shop#1
    0.003  broker/1 stored shop#1 at stock/1@0
    0.003  broker/1 sent shop#1 to stock, attempt 1
    0.004  shop/1  confirmed shop#1
    0.005  broker/1 shop#1 settled for stock
    0.006  stock/1 delivered shop#1, attempt 1
    0.010  shop/1  published shop#2
    0.011  broker/1 crashed
    0.011  stock/1 processed shop#1, attempt 1
    0.011  broker/1 lost shop#2 before it was stored: connection reset
    0.012  broker/1 lost the ack of shop#1
    0.020  shop/1  published shop#3
    0.020  shop/1  held up
    0.021  broker/1 restarted
    0.114  shop/1  sent shop#2 again, attempt 2
    0.114  shop/1  sent shop#3
    0.114  shop/1  goes on
    0.117  broker/1 stored shop#2 at stock/1@1
    0.117  broker/1 sent shop#2 to stock, attempt 1
    0.117  broker/1 stored shop#3 at stock/1@2
    0.117  broker/1 sent shop#3 to stock, attempt 1
    0.118  shop/1  confirmed shop#2
    0.118  shop/1  confirmed shop#3
    0.119  broker/1 shop#2 settled for stock
    0.119  broker/1 shop#3 settled for stock
    0.120  stock/1 delivered shop#2, attempt 1
    0.120  stock/1 delivered shop#3, attempt 1
    0.125  stock/1 processed shop#2, attempt 1
    0.130  stock/1 processed shop#3, attempt 1
    ");
}

#[test]
fn at_2_a_consumer_that_dies_at_work_is_not_given_it_again() {
    let faults = vec![fault_on(FactKind::Delivered, 1, crash("stock/1", Some(10)))];
    assert_snapshot!(at(2, 2, |_| (), faults), @"
    0.000  shop/1  published shop#1
    0.003  broker/1 stored shop#1 at stock/1@0
    0.003  broker/1 sent shop#1 to stock, attempt 1
    0.004  shop/1  confirmed shop#1
    0.005  broker/1 shop#1 settled for stock
    0.006  stock/1 delivered shop#1, attempt 1
    0.006  stock/1 crashed
    0.006  stock/1 lost its copy of shop#1: taken never processed
    0.010  shop/1  published shop#2
    0.013  broker/1 stored shop#2 at stock/1@1
    0.014  shop/1  confirmed shop#2
    0.016  stock/1 restarted
    0.017  broker/1 sent shop#2 to stock, attempt 1
    0.019  broker/1 shop#2 settled for stock
    0.020  stock/1 delivered shop#2, attempt 1
    0.025  stock/1 processed shop#2, attempt 1
    ");
}

#[test]
fn at_0_a_message_for_a_subscriber_that_is_away_is_lost() {
    let faults = vec![fault_at(5, crash("stock/1", Some(10)))];
    assert_snapshot!(at(0, 3, |_| (), faults), @"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock/1@0
    0.001  broker/1 sent shop#1 to stock, attempt 1
    0.001  broker/1 shop#1 settled for stock
    0.002  stock/1 delivered shop#1, attempt 1
    0.005  stock/1 crashed
    0.005  stock/1 lost its copy of shop#1: taken never processed
    0.010  shop/1  published shop#2
    0.011  broker/1 has shop#2 not for stock: receiver down
    0.015  stock/1 restarted
    0.020  shop/1  published shop#3
    0.021  broker/1 stored shop#3 at stock/1@1
    0.021  broker/1 sent shop#3 to stock, attempt 1
    0.021  broker/1 shop#3 settled for stock
    0.022  stock/1 delivered shop#3, attempt 1
    0.027  stock/1 processed shop#3, attempt 1
    ");
}

#[test]
fn at_2_a_message_that_is_offered_again_is_not_taken_twice() {
    // The connection breaks before the broker hears that the consumer has it.
    let target = Target::Nodes(NodePattern::Glob("broker/1".into()));
    let mut reset = fault_at(0, FaultKind::Reset { target });
    reset.when = When::At(Time::ZERO + Span(4_500_000));
    assert_snapshot!(at(2, 1, |_| (), vec![reset]), @r"
    0.000  shop/1  published shop#1
    0.003  broker/1 stored shop#1 at stock/1@0
    0.003  broker/1 sent shop#1 to stock, attempt 1
    0.004  shop/1  confirmed shop#1
    0.004  broker/1 connections reset
    0.004  broker/1 requeued shop#1: connection closed
    0.005  broker/1 a packet without a message was lost
    0.106  broker/1 sent shop#1 to stock, attempt 2
    0.107  stock/1 holds shop#1 already
    0.108  broker/1 shop#1 settled for stock
    0.109  stock/1 delivered shop#1, attempt 1
    0.114  stock/1 processed shop#1, attempt 1
    ");
}
