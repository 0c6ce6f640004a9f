//! A cluster when its nodes and what is between them fail.

use crate::checks::Recorder;
use crate::queue::{Behaviour, ClusterConfig, Config, QueueConfig};
use crate::run::{Ended, run};
use crate::setup::*;
use crate::testing::*;
use insta::assert_snapshot;
use redeliver_sim::{Distribution, Span};

/// A shop at n2, a consumer at n3, and a quorum queue that n1 leads; a sync takes 2 ms.
fn cluster(messages: u64, faults: Vec<Fault>) -> Setup {
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
    for (name, node) in [("shop/*", 1), ("*", 2)] {
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
