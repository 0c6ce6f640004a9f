//! The queue broker when a machine is in trouble, as timelines.

mod flow;
mod gets;
mod polling;
mod sessions;
mod state_change;
mod synchronous;
mod torn_streams;
mod two_phase_commit;

use crate::setup::*;
use crate::testing::*;
use insta::assert_snapshot;
use redeliver_sim::{Distribution, Span, Time, Trouble};

fn trouble(node: &str, trouble: Trouble, lasts: Option<u64>) -> FaultKind {
    let target = Target::Nodes(NodePattern::Glob(node.into()));
    FaultKind::Trouble { target, trouble, lasts: lasts.map(Span::millis) }
}

fn pause(node: &str, lasts: u64) -> FaultKind {
    trouble(node, Trouble::Pause { lasts: Span::millis(lasts) }, None)
}

/// So many messages through the queue, whose consumers work for 5 ms; a sync takes 2 ms.
fn told(messages: u64, change: impl FnOnce(&mut Setup), faults: Vec<Fault>) -> String {
    let mut setup = setup(Design::Queue(queue()), messages);
    setup.consumers = vec![consumer("stock", 2, 5)];
    setup.faults = faults;
    let sync =
        MachineChange { disk_sync: Some(Distribution::Constant(2_000_000)), ..MachineChange::default() };
    setup.machines = vec![(NodePattern::any(), sync)];
    change(&mut setup);
    timeline(&setup)
}

fn queue_of(setup: &mut Setup) -> &mut crate::queue::Config {
    let Design::Queue(config) = &mut setup.design else { unreachable!("it is a queue") };
    config
}

#[test]
fn a_consumer_that_is_paused_holds_its_message_until_it_goes_on() {
    let faults = vec![fault_on(FactKind::Delivered, 1, pause("stock/1", 20))];
    assert_snapshot!(told(1, |_| (), faults), @r"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.001  broker/1 sent shop#1 to stock, attempt 1
    0.002  stock/1 delivered shop#1, attempt 1
    0.002  stock/1 paused
    0.004  shop/1  confirmed shop#1
    0.022  stock/1 goes on after the pause
    0.027  stock/1 processed shop#1, attempt 1
    0.028  broker/1 shop#1 settled for stock
    ");
}

#[test]
fn a_pause_beyond_the_visibility_timeout_makes_a_duplicate() {
    let faults = vec![fault_on(FactKind::Delivered, 1, pause("stock/1", 50))];
    let timeout = |setup: &mut Setup| {
        queue_of(setup).overdue = Some((Span::millis(30), crate::queue::Overdue::Requeued));
    };
    assert_snapshot!(told(1, timeout, faults), @r"
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.001  broker/1 sent shop#1 to stock, attempt 1
    0.002  stock/1 delivered shop#1, attempt 1
    0.002  stock/1 paused
    0.004  shop/1  confirmed shop#1
    0.031  broker/1 requeued shop#1: visibility timeout
    0.031  broker/1 sent shop#1 to stock, attempt 2
    0.032  stock/2 delivered shop#1, attempt 2
    0.037  stock/2 processed shop#1, attempt 2
    0.038  broker/1 shop#1 settled for stock
    0.052  stock/1 goes on after the pause
    0.057  stock/1 processed shop#1, attempt 1
    0.058  broker/1 an ack of a message that is gone came too late
    ");
}

#[test]
fn a_producer_that_was_paused_catches_up_and_its_events_happened_when_they_did() {
    let faults = vec![fault_at(5, pause("shop/1", 30))];
    let mut setup = setup(Design::Queue(queue()), 3);
    setup.consumers = vec![consumer("stock", 1, 1)];
    setup.faults = faults;
    let ended = crate::run::run(&setup, crate::checks::Recorder::Off);
    let latency = &ended.world.checks().subscriptions[0].latency;
    // The second event happened at 10 ms and was published at 35 ms; 3 ms later it was processed.
    assert_eq!(latency.max, 28_000_000);
}

#[test]
fn a_disk_that_stalls_holds_confirms_back_and_the_producer_sends_again() {
    let faults = vec![fault_at(0, trouble("broker/1", Trouble::StallDisk, Some(15)))];
    let impatient = |setup: &mut Setup| {
        for (_, client) in &mut queue_of(setup).clients {
            client.confirm_timeout = Span::millis(10);
        }
    };
    assert_snapshot!(told(1, impatient, faults), @r"
    0.000  broker/1 disk stalled
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.001  broker/1 sent shop#1 to stock, attempt 1
    0.002  stock/1 delivered shop#1, attempt 1
    0.007  stock/1 processed shop#1, attempt 1
    0.008  broker/1 shop#1 settled for stock
    0.010  shop/1  sent shop#1 again, attempt 2
    0.011  broker/1 stored shop#1 at stock@1
    0.011  broker/1 sent shop#1 to stock, attempt 1
    0.012  stock/2 delivered shop#1, attempt 1
    0.015  broker/1 disk as it was again
    0.017  stock/2 processed shop#1, attempt 1
    0.018  broker/1 shop#1 settled for stock
    0.018  shop/1  confirmed shop#1
    ");
}

#[test]
fn what_a_lying_sync_had_kept_safe_is_lost_though_it_was_confirmed() {
    let machine = FaultKind::MachineCrash {
        target: Target::Nodes(NodePattern::Glob("broker/1".into())),
        restart_after: Some(Span::millis(10)),
    };
    let slow = |setup: &mut Setup| setup.consumers = vec![consumer("stock", 1, 20)];
    let lie = fault_at(0, trouble("broker/1", Trouble::LieAboutSyncs, None));
    assert_snapshot!(told(2, slow, vec![lie, fault_on(FactKind::Confirmed, 2, machine)]), @r"
    0.000  broker/1 disk begins to lie about syncs
    0.000  shop/1  published shop#1
    0.001  broker/1 stored shop#1 at stock@0
    0.001  broker/1 sent shop#1 to stock, attempt 1
    0.002  stock/1 delivered shop#1, attempt 1
    0.004  shop/1  confirmed shop#1
    0.010  shop/1  published shop#2
    0.011  broker/1 stored shop#2 at stock@1
    0.014  shop/1  confirmed shop#2
    0.014  broker/1 machine crashed
    0.014  broker/1 lost its copy of shop#2: sync lied
    0.014  broker/1 lost its copy of shop#1: sync lied
    0.022  stock/1 processed shop#1, attempt 1
    0.023  broker/1 lost the ack of a message that is gone
    ");
}

#[test]
fn a_confirm_of_what_is_written_survives_the_process_and_not_the_machine() {
    let lost = |machine: bool, at: u64| {
        let mut setup = setup(Design::Queue(queue()), 3);
        queue_of(&mut setup).confirm_after = crate::queue::ConfirmAfter::Written;
        setup.consumers = vec![consumer("stock", 1, 100_000)];
        let (target, restart_after) = (Target::Nodes(NodePattern::Glob("broker/1".into())), None);
        let what = match machine {
            true => FaultKind::MachineCrash { target, restart_after },
            false => FaultKind::Crash { target, restart_after },
        };
        setup.faults = vec![fault_at(at, what)];
        let ended = crate::run::run(&setup, crate::checks::Recorder::Off);
        let checks = ended.world.checks();
        (checks.sources[0].confirmed, checks.subscriptions[0].ledger.lost_confirmed)
    };
    assert_eq!(lost(false, 50), (3, 0));
    assert_eq!(lost(true, 50), (3, 2), "the first is in its consumer's hands");
    // After 30 s the operating system has written it back.
    assert_eq!(lost(true, 31_000), (3, 0));
}

#[test]
fn half_a_record_is_cut_off_and_what_was_written_before_it_is_kept() {
    let torn = FaultKind::TornWrite {
        target: Target::Nodes(NodePattern::Glob("broker/1".into())),
        restart_after: Some(Span::millis(10)),
    };
    let written = |setup: &mut Setup| {
        queue_of(setup).confirm_after = crate::queue::ConfirmAfter::Written;
        setup.consumers = vec![consumer("stock", 1, 1000)];
    };
    let told = told(5, written, vec![fault_on(FactKind::Confirmed, 5, torn)]);
    let told = told.lines().skip_while(|line| !line.contains("machine")).take(7);
    assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r"
    0.042  broker/1 machine crashed
    0.042  broker/1 lost its copy of shop#5: unsynced
    0.042  broker/1 lost its copy of shop#4: unsynced
    0.042  broker/1 lost its copy of shop#3: torn record
    0.052  broker/1 restarted
    0.052  broker/1 requeued shop#1: broker restart
    0.052  broker/1 requeued shop#2: broker restart
    ");
}

#[test]
fn a_damaged_record_is_dropped_when_the_broker_boots() {
    let third = MessageName { producer: 0, member: 0, number: 3 };
    let corrupt = FaultKind::CorruptRecord {
        target: Target::Nodes(NodePattern::Glob("broker/1".into())),
        which: Which::Messages(vec![third]),
    };
    let slow = |setup: &mut Setup| setup.consumers = vec![consumer("stock", 1, 1000)];
    let faults = vec![fault_at(100, corrupt), fault_at(200, crash("broker/1", Some(10)))];
    let told = told(3, slow, faults);
    let told = told.lines().skip_while(|line| !line.contains("damaged")).take(6);
    assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r"
    0.100  broker/1 records on the disk damaged
    0.200  broker/1 crashed
    0.210  broker/1 restarted
    0.210  broker/1 requeued shop#1: broker restart
    0.210  broker/1 requeued shop#2: broker restart
    0.210  broker/1 lost its copy of shop#3: corrupt record
    ");
}
