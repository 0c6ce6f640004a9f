//! Who is where in a cluster, as it was planned: the nodes, their clients, and the members of each queue.

use super::super::broker::Broker;
use super::channel::Channel;
use super::log::Log;
use crate::domain::{Messaging, Out};
use crate::fact::Fact;
use crate::message::SubscriptionId;
use crate::packet::{Packet, Tag};
use redeliver_sim::{ConnectionId, Domain, DropCause, Position};
use std::collections::{BTreeMap, VecDeque};

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
    /// By subscription: its queue, if it has one.
    pub queues: Vec<Option<usize>>,
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
        self.queues.get(usize::from(s.0)).copied().flatten()
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
    /// Of a replicated queue: the channels of that member's node.
    pub(super) channels: BTreeMap<ConnectionId, Channel>,
    /// Entries whose messages are no longer in the queue: where they stood, and their numbers.
    pub(super) released: Vec<(u32, u32)>,
    /// The last channel of each client that was heard of: what is sent is for that one.
    pub(super) sessions: BTreeMap<ConnectionId, u32>,
    /// Of a replicated queue: by client, the deliveries that have not come to its node, in the order of sending.
    pub(super) under_way: BTreeMap<ConnectionId, VecDeque<Tag>>,
}

impl Post {
    pub(super) fn new(topology: std::sync::Arc<Topology>, me: usize) -> Box<Self> {
        Box::new(Post {
            topology,
            me,
            answers: Vec::new(),
            log: None,
            channels: BTreeMap::new(),
            released: Vec::new(),
            sessions: BTreeMap::new(),
            under_way: BTreeMap::new(),
        })
    }

    #[cold]
    #[inline(never)]
    pub(in super::super) fn send(&mut self, client: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        let home = self.topology.home(client);
        let session = self.sessions.get(&client).copied().unwrap_or_default();
        if home != self.me {
            if self.log.is_some()
                && let Packet::Deliver { tag, .. } = packet
                && tag.is_settled_by_ack()
            {
                self.under_way.entry(client).or_default().push_back(tag);
            }
            let parts = [Packet::To { client: client.0, session }, packet];
            return out.send_whole(self.topology.links[self.me][home], &parts);
        }
        if matches!(packet, Packet::Confirm { .. }) {
            return self.answers.push((client, packet));
        }
        if self.log.is_some() && !out.is_cut() && !self.is_present(client, session) {
            // Its queue has not heard yet that this channel is gone.
            let fact = Messaging::dropped(&packet, DropCause::Reset, out.shared());
            return out.note(fact);
        }
        out.send(client, packet);
    }

    fn is_present(&self, client: ConnectionId, session: u32) -> bool {
        self.channels.get(&client).is_some_and(|channel| channel.session == session)
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
    /// The leader of a new term sends again what its predecessor has sent and what has not come to the clients' nodes.
    ///
    /// There a gap in the numbers of a consumer's deliveries tells of it, and what is missing is fetched before anything
    /// else is handed on (`rabbit_fifo_client:handle_delivery`, `get_missing_deliveries`). Simpler here: it is sent at once.
    pub(super) fn send_again(&mut self, out: &mut Out<'_>) {
        let Some(post) = &mut self.post else { return };
        for (client, tags) in std::mem::take(&mut post.under_way) {
            for tag in tags {
                let Some(flight) = self.flights.get(tag).filter(|flight| flight.connection == client) else {
                    continue;
                };
                let (m, attempt, queue) = (flight.entry.m, flight.entry.attempts, flight.queue as usize);
                let s = self.queues[queue].s;
                out.note(Fact::Dispatched { m, s, attempt, member: client.0 });
                self.reply(client, Packet::Deliver { m, s, attempt, tag }, out);
            }
        }
    }
}
