//! A cluster when its nodes and what is between them fail.

use crate::checks::Recorder;
use crate::queue::{Behaviour, ClusterConfig, Config, DiskFreeLimit, QueueConfig};
use crate::run::{Ended, run};
use crate::setup::*;
use crate::testing::*;
use insta::assert_snapshot;
use redeliver_sim::{Distribution, Span};

/// A shop at n2, a consumer at n3, and a quorum queue that n1 leads; a sync takes 2 ms.
fn cluster(messages: u64, faults: Vec<Fault>) -> Setup {
    cluster_with(2, messages, faults)
}

/// The same with the consumer at this node.
fn cluster_with(consumer_at: usize, messages: u64, faults: Vec<Fault>) -> Setup {
    let mut config: Config = queue();
    let nodes: Vec<String> = (1..=3).map(|n| format!("n{n}")).collect();
    config.node = "n1".into();
    config.queues = vec![QueueConfig {
        name: "stock".into(),
        behaviour: Behaviour::quorum(true, false),
        ..QueueConfig::default()
    }];
    config.cluster =
        Some(ClusterConfig { nodes, silence_limit: Span::seconds(60), forgets_without_majority: true });
    let (_, client) = config.clients.remove(0);
    for (name, node) in [("shop/*", 1), ("*", consumer_at)] {
        let client = crate::queue::ClientConfig { node, ..client.clone() };
        config.clients.push((NodePattern::Glob(name.into()), client));
    }
    let mut setup = setup(Design::Queue(config), messages);
    setup.consumers = vec![consumer("stock", 1, 5)];
    setup.faults = faults;
    let disk_sync = Some(Distribution::Constant(2_000_000));
    setup.machines = vec![(NodePattern::any(), MachineChange { disk_sync, ..MachineChange::default() })];
    setup
}

/// Processed, lost, effects that took place again, confirmed.
fn ends(setup: &Setup) -> (u64, u64, u64, u64) {
    let Ended { world, .. } = run(setup, Recorder::Off);
    let ledger = &world.checks().subscriptions[0].ledger;
    let confirmed = world.checks().sources[0].confirmed;
    (ledger.processed, ledger.lost_total(), ledger.duplicates_total(), confirmed)
}

fn machine_crash(node: &str, restart_after: Option<u64>) -> FaultKind {
    let target = Target::Nodes(NodePattern::Glob(node.into()));
    FaultKind::MachineCrash { target, restart_after: restart_after.map(Span::millis) }
}

#[test]
fn a_message_is_confirmed_when_a_majority_has_it_on_disk() {
    assert_snapshot!(timeline(&cluster(1, Vec::new())), @"
    0.000  shop/1  published shop#1
    0.002  n1      stored shop#1 at stock@0
    0.003  n2      has shop#1 for stock, too
    0.003  n3      has shop#1 for stock, too
    0.006  n1      sent shop#1 to stock, attempt 1
    0.008  stock/1 delivered shop#1, attempt 1
    0.008  shop/1  confirmed shop#1
    0.013  stock/1 processed shop#1, attempt 1
    0.019  n1      shop#1 settled for stock
    ");
}

#[test]
fn a_leader_that_dies_takes_nothing_along_and_its_follower_goes_on() {
    for n in [1, 2, 5] {
        let faults = vec![fault_on(FactKind::Stored, n, crash("n1", None))];
        assert_eq!(ends(&cluster(20, faults)), (20, 0, 0, 20), "crash at the {n}-th");
    }
}

#[test]
fn one_machine_that_loses_its_page_cache_loses_nothing_that_was_confirmed() {
    for node in ["n1", "n2", "n3"] {
        let setup = cluster(50, vec![fault_at(204, machine_crash(node, Some(1_000)))]);
        let Ended { world, .. } = run(&setup, Recorder::Off);
        assert_eq!(world.checks().subscriptions[0].ledger.lost_confirmed, 0, "{node}");
    }
}

#[test]
fn a_minority_confirms_nothing() {
    let faults = ["n1", "n3"].map(|node| fault_at(100, crash(node, None)));
    let (_, lost, _, confirmed) = ends(&cluster(50, faults.into()));
    assert!((8..=11).contains(&confirmed), "{confirmed} of 50 are confirmed");
    assert_eq!(lost, 0);
}

#[test]
fn what_was_lost_on_the_way_to_a_leader_is_remembered_by_nobody() {
    let reset = |node: &str| FaultKind::Reset { target: Target::Nodes(NodePattern::Glob(node.into())) };
    let faults = [55, 102, 154, 203].map(|at| fault_at(at, reset("n2"))).into_iter();
    let crashes = [253, 302].map(|at| fault_at(at, crash("n2", Some(5))));
    let Ended { mut world, .. } = run(&cluster(50, faults.chain(crashes).collect()), Recorder::Off);
    assert_eq!(world.checks().subscriptions[0].ledger.processed, 50);
    let known = world.shared_mut().quorum(0).commands.len();
    assert_eq!(known, 0, "nobody can ask for them any more");
}

#[test]
fn what_is_sent_to_a_channel_that_is_gone_does_not_come_to_the_next_one_of_the_leaders_own_client() {
    // It is back, and its queue has not heard that it was away, as the next message is committed.
    let mut setup = cluster_with(0, 1, vec![fault_at(4, crash("stock/1", Some(0)))]);
    setup.consumers[0].members[0].joins = Span::ZERO;
    assert_snapshot!(timeline(&setup), @"
    0.000  shop/1  published shop#1
    0.002  n1      stored shop#1 at stock@0
    0.003  n2      has shop#1 for stock, too
    0.003  n3      has shop#1 for stock, too
    0.004  stock/1 crashed
    0.004  stock/1 a packet without a message was lost
    0.004  stock/1 restarted
    0.006  n1      sent shop#1 to stock, attempt 1
    0.006  n1      lost shop#1 on its way to stock: connection reset
    0.008  shop/1  confirmed shop#1
    0.009  n1      requeued shop#1: connection closed
    0.011  n1      sent shop#1 to stock, attempt 2
    0.012  stock/1 delivered shop#1, attempt 2
    0.017  stock/1 processed shop#1, attempt 2
    0.022  n1      shop#1 settled for stock
    ");
}

#[test]
fn a_node_that_has_begun_anew_and_knows_no_other_yet_keeps_what_its_clients_want() {
    // Their channels are new, and so is what they ask for: to be known as a publisher, and to consume.
    let mut setup = cluster_with(0, 2, vec![fault_at(11, crash("n1", Some(100)))]);
    let Design::Queue(config) = &mut setup.design else { unreachable!("it is a queue broker") };
    config.clients.iter_mut().for_each(|(_, client)| client.node = 0);
    assert_snapshot!(timeline(&setup), @"
    0.000  shop/1  published shop#1
    0.001  n1      stored shop#1 at stock@0
    0.002  n2      has shop#1 for stock, too
    0.002  n3      has shop#1 for stock, too
    0.005  n1      sent shop#1 to stock, attempt 1
    0.006  stock/1 delivered shop#1, attempt 1
    0.006  shop/1  confirmed shop#1
    0.010  shop/1  published shop#2
    0.011  n1      crashed
    0.011  n1      lost shop#2 before it was stored: connection reset
    0.011  stock/1 processed shop#1, attempt 1
    0.012  n1      lost the ack of shop#1
    0.111  n1      restarted
    0.114  shop/1  sent shop#2 again, attempt 2
    0.333  n1      stored shop#2 at stock@1
    0.336  n2      has shop#2 for stock, too
    0.336  n3      has shop#2 for stock, too
    0.341  n1      requeued shop#1: connection closed
    0.341  n1      sent shop#1 to stock, attempt 2
    0.342  stock/1 delivered shop#1, attempt 2
    0.342  shop/1  confirmed shop#2
    0.347  stock/1 processed shop#1, attempt 2
    0.352  n1      shop#1 settled for stock
    0.352  n1      sent shop#2 to stock, attempt 1
    0.353  stock/1 delivered shop#2, attempt 1
    0.358  stock/1 processed shop#2, attempt 1
    0.363  n1      shop#2 settled for stock
    ");
}

#[test]
fn a_leader_whose_disk_is_full_begins_its_term_when_there_is_room() {
    // The message is in the log of n1 only. Nothing else is published: it is overruled by what n2 or n3 begins with.
    let target = Target::Nodes(NodePattern::Role(Role::Broker));
    let full = FaultKind::DiskFull { target, lasts: Some(Span::millis(1_500)) };
    let faults = vec![fault_on(FactKind::Stored, 1, crash("n1", Some(3_000))), fault_at(3, full)];
    assert_snapshot!(timeline(&cluster(1, faults)), @r"
    0.000  shop/1  published shop#1
    0.002  n1      stored shop#1 at stock@0
    0.002  n1      crashed
    0.003  n1      disk full
    0.003  n2      disk full
    0.003  n3      disk full
    0.003  n1      a packet without a message was lost
    0.003  n1      a packet without a message was lost
    0.371  n2      refused shop#1: disk full
    0.372  shop/1  was refused shop#1
    1.503  n1      disk as it was again
    1.503  n2      disk as it was again
    1.503  n3      disk as it was again
    3.002  n1      restarted
    3.036  n1      lost its copy of shop#1: not replicated
    ");
}

#[test]
fn what_was_on_its_way_to_a_node_that_was_gone_as_the_disk_was_full_comes_back_when_there_is_room() {
    // n1 alone has the queue. It cannot write that its consumer's node was gone before that node is back.
    let target = || Target::Nodes(NodePattern::Glob("n1".into()));
    let full = FaultKind::DiskFull { target: target(), lasts: Some(Span::millis(500)) };
    let away = Target::Nodes(NodePattern::Glob("n3".into()));
    let faults = vec![fault_at(5, FaultKind::Reset { target: away }), fault_at(5, full)];
    let mut setup = cluster(1, faults);
    let Design::Queue(config) = &mut setup.design else { unreachable!("it is a queue broker") };
    config.queues[0].members = 1;
    assert_snapshot!(timeline(&setup), @r"
    0.000  shop/1  published shop#1
    0.002  n1      stored shop#1 at stock@0
    0.004  n1      sent shop#1 to stock, attempt 1
    0.005  n3      connections reset
    0.005  n1      disk full
    0.005  n3      a packet without a message was lost
    0.005  n3      lost shop#1 on its way to stock: connection reset
    0.006  n1      a packet without a message was lost
    0.006  shop/1  confirmed shop#1
    0.505  n1      disk as it was again
    1.002  n1      requeued shop#1: connection closed
    1.004  n1      sent shop#1 to stock, attempt 2
    1.006  stock/1 delivered shop#1, attempt 2
    1.011  stock/1 processed shop#1, attempt 2
    1.015  n1      shop#1 settled for stock
    ");
}

#[test]
fn a_disk_that_runs_low_at_one_node_holds_up_the_publishers_of_another() {
    const MEGABYTE: u64 = 1_000_000;
    let mut setup = cluster(12, Vec::new());
    let Design::Queue(config) = &mut setup.design else { unreachable!("it is a queue broker") };
    config.disk_free_limit = Some(DiskFreeLimit::Bytes(3 * MEGABYTE));
    setup.producers[0].schedule = Schedule::Every(Span::millis(100));
    setup.producers[0].size = Distribution::Constant(MEGABYTE);
    setup.consumers[0].members[0].joins = Span::millis(2_000);
    let disk = MachineChange { disk_capacity: Some(Some(10 * MEGABYTE)), ..MachineChange::default() };
    setup.machines.push((NodePattern::Glob("n3".into()), disk));
    let shown = |line: &&str| line.contains("n1      stored") || line.contains("held up");
    let all = timeline(&setup);
    let shown: Vec<&str> = all.lines().filter(shown).collect();
    assert_snapshot!(shown.join("\n"), @"
    0.002  n1      stored shop#1 at stock@0
    0.102  n1      stored shop#2 at stock@1
    0.202  n1      stored shop#3 at stock@2
    0.302  n1      stored shop#4 at stock@3
    0.402  n1      stored shop#5 at stock@4
    0.502  n1      stored shop#6 at stock@5
    0.602  n1      stored shop#7 at stock@6
    0.702  n1      stored shop#8 at stock@7
    0.802  shop/1  held up
    10.802  n1      stored shop#9 at stock@8
    10.804  n1      stored shop#10 at stock@9
    10.804  n1      stored shop#11 at stock@10
    10.804  n1      stored shop#12 at stock@11
    ");
}
