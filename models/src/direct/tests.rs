//! Direct designs, as timelines.

use super::{UdpConfig, WebhookConfig};
use crate::checks::{Recorder, SubscriptionChecks};
use crate::run::run;
use crate::setup::*;
use crate::testing::*;
use insta::assert_snapshot;
use redeliver_sim::{Chance, Span};

fn udp(messages: u64, receive_buffer: u64) -> Setup {
    setup(Design::Udp(UdpConfig { share: Share::RoundRobin, receive_buffer }), messages)
}

fn webhook(messages: u64, change: impl FnOnce(&mut WebhookConfig)) -> Setup {
    let mut config = WebhookConfig {
        share: Share::RoundRobin,
        timeout: Span::millis(100),
        attempts: 3,
        backoff: Span::millis(50),
        backoff_factor: 2,
        concurrency: 0,
        backlog: None,
    };
    change(&mut config);
    setup(Design::Webhook(config), messages)
}

fn with(mut setup: Setup, consumers: Vec<Consumer>, faults: Vec<Fault>) -> Setup {
    (setup.consumers, setup.faults) = (consumers, faults);
    setup
}

fn checks(setup: &Setup) -> SubscriptionChecks {
    run(setup, Recorder::Off).world.checks().subscriptions[0].clone()
}

#[test]
fn a_datagram_to_a_receiver_that_is_away_is_lost() {
    let faults = vec![fault_at(5, crash("mail/1", Some(10)))];
    assert_snapshot!(timeline(&with(udp(3, 0), vec![consumer("mail", 1, 2)], faults)), @r"
    0.000  shop/1  published shop#1
    0.000  shop/1  sent shop#1 to mail, attempt 1
    0.001  mail/1  delivered shop#1, attempt 1
    0.003  mail/1  processed shop#1, attempt 1
    0.005  mail/1  crashed
    0.010  shop/1  published shop#2
    0.010  shop/1  sent shop#2 to mail, attempt 1
    0.011  mail/1  lost shop#2 on its way to mail: receiver down
    0.015  mail/1  restarted
    0.020  shop/1  published shop#3
    0.020  shop/1  sent shop#3 to mail, attempt 1
    0.021  mail/1  delivered shop#3, attempt 1
    0.023  mail/1  processed shop#3, attempt 1
    ");
}

#[test]
fn a_receiver_that_comes_late_has_missed_what_was_sent_before() {
    let mut setup = with(udp(3, 0), vec![consumer("mail", 1, 2)], vec![]);
    setup.consumers[0].members[0].joins = Span::millis(5);
    let ledger = checks(&setup).ledger;
    assert_eq!((ledger.addressed, ledger.processed, ledger.lost_total()), (3, 2, 1));
    setup.consumers[0].members[0].joins = Span::ZERO;
    assert_eq!(checks(&setup).ledger.processed, 3);
}

#[test]
fn a_full_receive_buffer_drops_what_comes_next() {
    let slow = || vec![consumer("mail", 1, 35)];
    assert_snapshot!(timeline(&with(udp(5, 200), slow(), vec![])), @r"
    0.000  shop/1  published shop#1
    0.000  shop/1  sent shop#1 to mail, attempt 1
    0.001  mail/1  delivered shop#1, attempt 1
    0.010  shop/1  published shop#2
    0.010  shop/1  sent shop#2 to mail, attempt 1
    0.011  mail/1  delivered shop#2, attempt 1
    0.020  shop/1  published shop#3
    0.020  shop/1  sent shop#3 to mail, attempt 1
    0.021  mail/1  delivered shop#3, attempt 1
    0.030  shop/1  published shop#4
    0.030  shop/1  sent shop#4 to mail, attempt 1
    0.031  mail/1  lost shop#4 on its way to mail: receive buffer
    0.036  mail/1  processed shop#1, attempt 1
    0.040  shop/1  published shop#5
    0.040  shop/1  sent shop#5 to mail, attempt 1
    0.041  mail/1  delivered shop#5, attempt 1
    0.071  mail/1  processed shop#2, attempt 1
    0.106  mail/1  processed shop#3, attempt 1
    0.141  mail/1  processed shop#5, attempt 1
    ");
    assert_eq!(checks(&with(udp(5, 0), slow(), vec![])).ledger.processed, 5);
}

#[test]
fn lost_and_doubled_datagrams_are_all_accounted_for() {
    let mut setup = with(udp(2_000, 300), vec![consumer("mail", 2, 12), consumer("stock", 3, 20)], vec![]);
    setup.network.default.loss = Chance::new(0.1);
    setup.network.default.duplication = Chance::new(0.1);
    setup.faults =
        vec![fault_at(3_000, crash("mail/*", Some(500))), fault_at(5_005, crash("shop/1", Some(100)))];
    let checks = checks(&setup);
    assert!(checks.ledger.lost_total() > 150);
    assert!(checks.ledger.duplicates_total() > 100);
}

#[test]
fn a_producer_that_dies_as_it_publishes_takes_the_message_along() {
    for mut setup in [udp(3, 0), webhook(3, |_| {})] {
        setup.consumers = vec![consumer("mail", 1, 2), consumer("stock", 1, 2)];
        setup.faults = vec![fault_on(FactKind::Published, 2, crash("shop/1", Some(1)))];
        let ledger = checks(&setup).ledger;
        assert_eq!((ledger.addressed, ledger.processed, ledger.lost_total()), (3, 2, 1));
    }
}

#[test]
fn members_share_in_turn_or_by_key() {
    let mut setup = with(udp(6, 0), vec![consumer("mail", 2, 1)], vec![]);
    setup.producers[0].key = KeyChoice::Cycle(["a", "a", "b"].map(String::from).to_vec());
    let received = |setup: &Setup| {
        let world = run(setup, Recorder::Off).world;
        let numbers = |node: usize| {
            let delivered = world.checks().members[node].delivered.iter();
            delivered.map(|((_, number, _), _)| number.to_string()).collect::<Vec<_>>().join(" ")
        };
        format!("{} | {}", numbers(0), numbers(1))
    };
    assert_snapshot!(received(&setup), @"1 3 5 | 2 4 6");
    setup.design = Design::Udp(UdpConfig { share: Share::ByKey, receive_buffer: 0 });
    assert_snapshot!(received(&setup), @"1 2 4 5 | 3 6");
}

#[test]
fn a_request_whose_answer_is_lost_is_made_again() {
    let drop = FaultKind::Drop { packet: PacketKind::Ack, message: None, times: 1 };
    let setup = with(webhook(2, |_| {}), vec![consumer("mail", 1, 2)], vec![fault_at(0, drop)]);
    let mut longer = setup.clone();
    longer.producers[0].schedule = Schedule::Every(Span::millis(200));
    assert_snapshot!(timeline(&longer), @r"
    0.000  shop/1  published shop#1
    0.000  shop/1  stored shop#1 at shop@0
    0.000  shop/1  sent shop#1 to mail, attempt 1
    0.001  mail/1  delivered shop#1, attempt 1
    0.003  mail/1  processed shop#1, attempt 1
    0.003  mail/1  lost the ack of shop#1
    0.100  shop/1  requeued shop#1: visibility timeout
    0.150  shop/1  sent shop#1 to mail, attempt 2
    0.151  mail/1  delivered shop#1, attempt 2
    0.153  mail/1  processed shop#1, attempt 2
    0.154  shop/1  confirmed shop#1
    0.154  shop/1  shop#1 settled for mail
    0.200  shop/1  published shop#2
    0.200  shop/1  stored shop#2 at shop@1
    0.200  shop/1  sent shop#2 to mail, attempt 1
    0.201  mail/1  delivered shop#2, attempt 1
    0.203  mail/1  processed shop#2, attempt 1
    0.204  shop/1  confirmed shop#2
    0.204  shop/1  shop#2 settled for mail
    ");
}

#[test]
fn a_sender_gives_up_after_its_last_attempt() {
    let faults = vec![fault_at(5, crash("mail/1", None))];
    assert_snapshot!(timeline(&with(webhook(2, |_| {}), vec![consumer("mail", 1, 2)], faults)), @r"
    0.000  shop/1  published shop#1
    0.000  shop/1  stored shop#1 at shop@0
    0.000  shop/1  sent shop#1 to mail, attempt 1
    0.001  mail/1  delivered shop#1, attempt 1
    0.003  mail/1  processed shop#1, attempt 1
    0.004  shop/1  confirmed shop#1
    0.004  shop/1  shop#1 settled for mail
    0.005  mail/1  crashed
    0.010  shop/1  published shop#2
    0.010  shop/1  stored shop#2 at shop@1
    0.012  shop/1  requeued shop#2: connection closed
    0.064  shop/1  requeued shop#2: connection closed
    0.166  shop/1  lost its copy of shop#2: gave up
    ");
}

#[test]
fn another_member_answers_for_one_that_is_down() {
    let faults = vec![fault_at(5, crash("mail/2", None))];
    let setup = with(webhook(4, |_| {}), vec![consumer("mail", 2, 2)], faults);
    assert_eq!(checks(&setup).ledger.processed, 4);
}

#[test]
fn a_failing_handler_answers_500_and_gets_the_message_again() {
    let which = Which::Messages(vec![MessageName { producer: 0, member: 0, number: 1 }]);
    let fails = FaultKind::FailingHandler { subscription: None, which, times: Some(1) };
    let setup = with(webhook(1, |_| {}), vec![consumer("mail", 1, 2)], vec![fault_at(0, fails)]);
    assert_snapshot!(timeline(&setup), @r"
    0.000  shop/1  published shop#1
    0.000  shop/1  stored shop#1 at shop@0
    0.000  shop/1  sent shop#1 to mail, attempt 1
    0.001  mail/1  delivered shop#1, attempt 1
    0.003  mail/1  failed at shop#1, attempt 1
    0.003  mail/1  gave shop#1 back
    0.004  shop/1  requeued shop#1: returned
    0.054  shop/1  sent shop#1 to mail, attempt 2
    0.055  mail/1  delivered shop#1, attempt 2
    0.057  mail/1  processed shop#1, attempt 2
    0.058  shop/1  confirmed shop#1
    0.058  shop/1  shop#1 settled for mail
    ");
}

#[test]
fn a_receiver_with_a_full_backlog_answers_503() {
    let setup = with(webhook(4, |config| config.backlog = Some(1)), vec![consumer("mail", 1, 45)], vec![]);
    assert_snapshot!(timeline(&setup), @r"
    0.000  shop/1  published shop#1
    0.000  shop/1  stored shop#1 at shop@0
    0.000  shop/1  sent shop#1 to mail, attempt 1
    0.001  mail/1  delivered shop#1, attempt 1
    0.010  shop/1  published shop#2
    0.010  shop/1  stored shop#2 at shop@1
    0.010  shop/1  sent shop#2 to mail, attempt 1
    0.011  mail/1  delivered shop#2, attempt 1
    0.020  shop/1  published shop#3
    0.020  shop/1  stored shop#3 at shop@2
    0.020  shop/1  sent shop#3 to mail, attempt 1
    0.021  mail/1  gave shop#3 back
    0.022  shop/1  requeued shop#3: returned
    0.030  shop/1  published shop#4
    0.030  shop/1  stored shop#4 at shop@3
    0.030  shop/1  sent shop#4 to mail, attempt 1
    0.031  mail/1  gave shop#4 back
    0.032  shop/1  requeued shop#4: returned
    0.046  mail/1  processed shop#1, attempt 1
    0.047  shop/1  confirmed shop#1
    0.047  shop/1  shop#1 settled for mail
    0.072  shop/1  sent shop#3 to mail, attempt 2
    0.073  mail/1  delivered shop#3, attempt 2
    0.082  shop/1  sent shop#4 to mail, attempt 2
    0.083  mail/1  gave shop#4 back
    0.084  shop/1  requeued shop#4: returned
    0.091  mail/1  processed shop#2, attempt 1
    0.092  shop/1  confirmed shop#2
    0.092  shop/1  shop#2 settled for mail
    0.136  mail/1  processed shop#3, attempt 2
    0.137  shop/1  confirmed shop#3
    0.137  shop/1  shop#3 settled for mail
    0.184  shop/1  sent shop#4 to mail, attempt 3
    0.185  mail/1  delivered shop#4, attempt 3
    0.230  mail/1  processed shop#4, attempt 3
    0.231  shop/1  confirmed shop#4
    0.231  shop/1  shop#4 settled for mail
    ");
}

#[test]
fn no_more_requests_are_under_way_than_allowed() {
    let setup = with(webhook(3, |config| config.concurrency = 1), vec![consumer("mail", 1, 15)], vec![]);
    assert_snapshot!(timeline(&setup), @r"
    0.000  shop/1  published shop#1
    0.000  shop/1  stored shop#1 at shop@0
    0.000  shop/1  sent shop#1 to mail, attempt 1
    0.001  mail/1  delivered shop#1, attempt 1
    0.010  shop/1  published shop#2
    0.010  shop/1  stored shop#2 at shop@1
    0.016  mail/1  processed shop#1, attempt 1
    0.017  shop/1  confirmed shop#1
    0.017  shop/1  shop#1 settled for mail
    0.017  shop/1  sent shop#2 to mail, attempt 1
    0.018  mail/1  delivered shop#2, attempt 1
    0.020  shop/1  published shop#3
    0.020  shop/1  stored shop#3 at shop@2
    0.033  mail/1  processed shop#2, attempt 1
    0.034  shop/1  confirmed shop#2
    0.034  shop/1  shop#2 settled for mail
    0.034  shop/1  sent shop#3 to mail, attempt 1
    0.035  mail/1  delivered shop#3, attempt 1
    0.050  mail/1  processed shop#3, attempt 1
    0.051  shop/1  confirmed shop#3
    0.051  shop/1  shop#3 settled for mail
    ");
}

#[test]
fn the_sender_is_its_own_broker_and_the_ledger_knows() {
    let mut setup =
        with(webhook(2_000, |config| config.concurrency = 4), vec![consumer("mail", 2, 15)], vec![]);
    setup.consumers.push(consumer("stock", 3, 20));
    setup.producers[0].members = 2;
    setup.network.default.loss = Chance::new(0.02);
    let reset = FaultKind::Reset { target: Target::Nodes(NodePattern::Role(Role::Consumer)) };
    let nodes = Target::Nodes(NodePattern::Glob("stock/1".into()));
    let sides = Sides::Nodes { nodes, others: Vec::new(), one_way: false };
    let lasts = Some(Span::millis(700));
    let partition = FaultKind::Partition { sides, in_flight_lost: false, lasts };
    setup.faults = vec![
        fault_at(2_000, crash("mail/1", Some(500))),
        fault_at(4_000, reset),
        fault_at(6_000, partition),
        fault_at(9_005, crash("shop/1", Some(100))),
        fault_on(FactKind::Stored, 1_500, crash("shop/1", Some(100))),
        fault_on(FactKind::Confirmed, 1_600, crash("shop/1", Some(100))),
    ];
    let checks = checks(&setup);
    assert!(checks.ledger.lost_total() > 0);
    assert!(checks.ledger.duplicates_total() > 0);
    assert!(checks.ledger.processed > 3_000);
}

#[test]
fn a_receiver_that_keeps_nothing_waiting_refuses_while_it_works() {
    let setup = with(webhook(2, |config| config.backlog = Some(0)), vec![consumer("mail", 1, 15)], vec![]);
    assert_snapshot!(timeline(&setup), @"
    0.000  shop/1  published shop#1
    0.000  shop/1  stored shop#1 at shop@0
    0.000  shop/1  sent shop#1 to mail, attempt 1
    0.001  mail/1  delivered shop#1, attempt 1
    0.010  shop/1  published shop#2
    0.010  shop/1  stored shop#2 at shop@1
    0.010  shop/1  sent shop#2 to mail, attempt 1
    0.011  mail/1  gave shop#2 back
    0.012  shop/1  requeued shop#2: returned
    0.016  mail/1  processed shop#1, attempt 1
    0.017  shop/1  confirmed shop#1
    0.017  shop/1  shop#1 settled for mail
    0.062  shop/1  sent shop#2 to mail, attempt 2
    0.063  mail/1  delivered shop#2, attempt 2
    0.078  mail/1  processed shop#2, attempt 2
    0.079  shop/1  confirmed shop#2
    0.079  shop/1  shop#2 settled for mail
    ");
}

/// A synchronous client, which thinks for 10 ms.
fn thinking(mut setup: Setup, consumers: Vec<Consumer>, faults: Vec<Fault>) -> Setup {
    setup.producers[0].schedule = Schedule::Think(redeliver_sim::Distribution::Constant(10_000_000));
    with(setup, consumers, faults)
}

#[test]
fn a_synchronous_sender_waits_for_the_slowest_answer() {
    let both = vec![consumer("mail", 1, 2), consumer("stock", 1, 7)];
    assert_snapshot!(timeline(&thinking(webhook(2, |_| ()), both, vec![])), @"
    0.010  shop/1  published shop#1
    0.010  shop/1  stored shop#1 at shop@0
    0.010  shop/1  stored shop#1 at shop@0
    0.010  shop/1  sent shop#1 to mail, attempt 1
    0.010  shop/1  sent shop#1 to stock, attempt 1
    0.011  mail/1  delivered shop#1, attempt 1
    0.011  stock/1 delivered shop#1, attempt 1
    0.013  mail/1  processed shop#1, attempt 1
    0.014  shop/1  shop#1 settled for mail
    0.018  stock/1 processed shop#1, attempt 1
    0.019  shop/1  confirmed shop#1
    0.019  shop/1  shop#1 settled for stock
    0.029  shop/1  published shop#2
    0.029  shop/1  stored shop#2 at shop@1
    0.029  shop/1  stored shop#2 at shop@1
    0.029  shop/1  sent shop#2 to mail, attempt 1
    0.029  shop/1  sent shop#2 to stock, attempt 1
    0.030  mail/1  delivered shop#2, attempt 1
    0.030  stock/1 delivered shop#2, attempt 1
    0.032  mail/1  processed shop#2, attempt 1
    0.033  shop/1  shop#2 settled for mail
    0.037  stock/1 processed shop#2, attempt 1
    0.038  shop/1  confirmed shop#2
    0.038  shop/1  shop#2 settled for stock
    ");
}

#[test]
fn a_synchronous_sender_that_gives_up_goes_on() {
    let away = vec![fault_at(0, crash("mail/1", None))];
    assert_snapshot!(timeline(&thinking(webhook(2, |_| ()), vec![consumer("mail", 1, 2)], away)), @"
    0.000  mail/1  crashed
    0.010  shop/1  published shop#1
    0.010  shop/1  stored shop#1 at shop@0
    0.012  shop/1  requeued shop#1: connection closed
    0.064  shop/1  requeued shop#1: connection closed
    0.166  shop/1  lost its copy of shop#1: gave up
    0.176  shop/1  published shop#2
    0.176  shop/1  stored shop#2 at shop@1
    0.178  shop/1  requeued shop#2: connection closed
    0.230  shop/1  requeued shop#2: connection closed
    0.332  shop/1  lost its copy of shop#2: gave up
    ");
}

#[test]
fn a_synchronous_sender_to_nobody_and_one_of_datagrams_only_think() {
    assert_snapshot!(timeline(&thinking(webhook(2, |_| ()), vec![], vec![])), @"
    0.010  shop/1  published shop#1
    0.020  shop/1  published shop#2
    ");
    assert_snapshot!(timeline(&thinking(udp(2, 0), vec![consumer("mail", 1, 2)], vec![])), @"
    0.010  shop/1  published shop#1
    0.010  shop/1  sent shop#1 to mail, attempt 1
    0.011  mail/1  delivered shop#1, attempt 1
    0.013  mail/1  processed shop#1, attempt 1
    0.020  shop/1  published shop#2
    0.020  shop/1  sent shop#2 to mail, attempt 1
    0.021  mail/1  delivered shop#2, attempt 1
    0.023  mail/1  processed shop#2, attempt 1
    ");
}
