//! The nodes of a cluster of queue brokers, and who is where.
//!
//! Connections are numbered like their clients; behind them come those between nodes, where the later of two nodes calls
//! the earlier one.

use super::Builder;
use crate::message::{SourceId, SubscriptionId};
use crate::part::Part;
use crate::queue::{
    Broker, BrokerSpec, ClusterConfig, ClusterNode, ClusterSpec, Config, Kept, Quorum, Topology,
};
use crate::setup::Role;
use redeliver_sim::{ConnectionId, Purpose, Time};
use std::sync::Arc;

impl Builder<'_> {
    /// By client, in the order of their connections: the number of its node.
    pub(super) fn homes(
        &self,
        config: &Config,
        consumers: &[(SubscriptionId, usize)],
        producers: &[(String, usize, SourceId)],
    ) -> Vec<usize> {
        let consumers = consumers.iter().map(|(s, member)| (self.member_name(*s, *member), Role::Consumer));
        let producers = producers.iter().map(|(name, ..)| (name.clone(), Role::Producer));
        let clients = self.setup.script.iter().flat_map(|script| script.clients.iter().cloned());
        let clients = clients.map(|name| (name, Role::Client));
        let all = consumers.chain(producers).chain(clients);
        all.map(|(name, role)| config.client(&name, role).node).collect()
    }

    /// Makes the nodes; says how many there are. `spec` is what a broker alone is made from.
    pub(super) fn cluster(
        &mut self,
        config: &Config,
        cluster: &ClusterConfig,
        homes: &[usize],
        spec: &BrokerSpec,
    ) -> usize {
        let nodes = cluster.nodes.len();
        let topology = Arc::new(topology(config, nodes, homes, spec));
        let quorums = topology.replicated.iter().enumerate().map(|(queue, replicated)| {
            // Its messages are in its members' logs, and in nobody's memory.
            let config = Config { overdue: None, paging: None, ..config.clone() };
            let machine = BrokerSpec { config, disk_free_limit: None, ..spec.clone() };
            let leader = topology.members[queue][0];
            replicated.then(|| Box::new(Quorum::new(Broker::new(machine), Arc::clone(&topology), leader)))
        });
        self.world.shared_mut().quorums = quorums.collect();
        for (number, name) in cluster.nodes.iter().enumerate() {
            let share = config.memory_high_watermark;
            let memory = self.memory(name, Role::Broker);
            let memory_limit = (memory as f64 * share) as u64;
            // Nodes hold their clients up themselves.
            let page_cache = memory.saturating_sub(memory_limit);
            let publishers = Vec::new();
            let disk_free_limit = self.disk_free_limit(config, name, memory);
            let local =
                BrokerSpec { number, memory_limit, disk_free_limit, page_cache, publishers, ..spec.clone() };
            let spec = ClusterSpec {
                topology: Arc::clone(&topology),
                silence_limit: cluster.silence_limit,
                forgets_without_majority: cluster.forgets_without_majority,
                lots: Purpose::new(self.setup.seed, &format!("elections {name}")),
            };
            let node = ClusterNode::new(spec, number, Broker::new(local));
            self.add_node(name, Role::Broker, Part::ClusterNode(Box::new(node)), Time::ZERO);
        }
        nodes
    }
}

fn topology(config: &Config, nodes: usize, homes: &[usize], spec: &BrokerSpec) -> Topology {
    let mut links = vec![vec![ConnectionId(u32::MAX); nodes]; nodes];
    let pairs = (1..nodes).flat_map(|node| (0..node).map(move |other| (node, other)));
    for (number, (node, other)) in pairs.enumerate() {
        let link = ConnectionId((homes.len() + number) as u32);
        (links[node][other], links[other][node]) = (link, link);
    }
    let replicated = |queue: &crate::queue::QueueConfig| queue.behaviour.kept == Kept::Everything;
    let members = |queue: &crate::queue::QueueConfig| {
        let count = if replicated(queue) { queue.members.clamp(1, nodes) } else { 1 };
        (0..count).map(|n| (queue.leader + n) % nodes).collect()
    };
    let mut queues = vec![None; spec.subscriptions.iter().map(|s| usize::from(s.0) + 1).max().unwrap_or(0)];
    for (queue, s) in spec.subscriptions.iter().enumerate() {
        queues[usize::from(s.0)] = Some(queue);
    }
    Topology {
        queues,
        homes: homes.to_vec(),
        links,
        members: config.queues.iter().map(members).collect(),
        replicated: config.queues.iter().map(replicated).collect(),
        subscriptions: spec.subscriptions.clone(),
    }
}
