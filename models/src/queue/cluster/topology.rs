//! Who is where in a cluster, as it was planned: the nodes, their clients, and the members of each queue.

use super::super::broker::Broker;
use super::log::Log;
use crate::domain::Out;
use crate::message::SubscriptionId;
use crate::packet::Packet;
use redeliver_sim::{ConnectionId, Position};

/// A cluster's plan.
#[derive(Clone, Debug)]
pub struct Topology {
    /// By client's connection: the number of the node that it is connected to.
    pub homes: Vec<usize>,
    /// Between each two nodes.
    pub links: Vec<Vec<ConnectionId>>,
    /// By queue: the nodes that have it, the one that leads it at first before the others.
    pub members: Vec<Vec<usize>>,
    /// By queue: it is replicated; else it is on its one node only.
    pub replicated: Vec<bool>,
    /// By queue.
    pub subscriptions: Vec<SubscriptionId>,
}

impl Topology {
    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.links.len()
    }

    /// The node that a client is connected to.
    pub(super) fn home(&self, client: ConnectionId) -> usize {
        self.homes[client.0 as usize]
    }

    /// The other node of a connection between nodes; none if it is a client's.
    pub(super) fn peer(&self, me: usize, connection: ConnectionId) -> Option<usize> {
        let is_client = (connection.0 as usize) < self.homes.len();
        if is_client { None } else { self.links[me].iter().position(|link| *link == connection) }
    }

    /// The queue of a subscription.
    pub(super) fn queue_of(&self, s: SubscriptionId) -> Option<usize> {
        self.subscriptions.iter().position(|other| *other == s)
    }

    /// How many members of a queue are more than half of them.
    pub(super) fn majority(&self, queue: usize) -> usize {
        self.members[queue].len() / 2 + 1
    }
}

/// The message has its place in the log of a replicated queue.
pub(in super::super) const REPLICATED: Position = Position(u64::MAX);

/// How what a queue says finds its client: over the client's connection, or by the node that has it.
#[derive(Clone, Debug)]
pub(in super::super) struct Post {
    pub(super) topology: std::sync::Arc<Topology>,
    /// The node that speaks.
    pub(super) me: usize,
    /// Confirms for clients of this node: their channels count them.
    pub(super) answers: Vec<(ConnectionId, Packet)>,
    /// Of a replicated queue: the log of the member that speaks.
    pub(super) log: Option<Log>,
    /// Entries whose messages are no longer in the queue: where they stood, and their numbers.
    pub(super) released: Vec<(u32, u32)>,
}

impl Post {
    pub(super) fn new(topology: std::sync::Arc<Topology>, me: usize) -> Box<Self> {
        Box::new(Post { topology, me, answers: Vec::new(), log: None, released: Vec::new() })
    }

    #[cold]
    #[inline(never)]
    pub(in super::super) fn send(&mut self, client: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        let home = self.topology.home(client);
        if home != self.me {
            let parts = [Packet::To { client: client.0 }, packet];
            return out.send_whole(self.topology.links[self.me][home], &parts);
        }
        if matches!(packet, Packet::Confirm { .. }) {
            return self.answers.push((client, packet));
        }
        out.send(client, packet);
    }
}

impl Broker {
    /// A message of a replicated queue is no longer in it: its entry goes from the leader's log.
    #[cold]
    #[inline(never)]
    pub(in super::super) fn release_replica(&mut self, entry: super::super::Entry, out: &mut Out<'_>) {
        if let Some(post) = &mut self.post
            && let Some(log) = &mut post.log
        {
            post.released.extend(log.items.get(&entry.rank).map(|item| (entry.rank, item.id)));
            log.remove(entry.rank, None, out);
        }
    }
}
