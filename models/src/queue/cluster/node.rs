//! A node of a cluster.

use super::super::broker::Broker;
use super::channel::Channel;
use super::election::Ballot;
use super::log::Log;
use super::peers::Peer;
use super::replica::{Replica, Role};
use super::{Post, Topology};
use crate::causes::LossCause;
use crate::census::Census;
use crate::domain::{Messaging, Out};
use crate::fact::Fact;
use crate::message::MessageRef;
use crate::packet::{Packet, Record, Timer};
use crate::part::Holder;
use redeliver_sim::{ConnectionChange, ConnectionId, Disk, FileId, Node, Purpose, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a node is made from.
#[derive(Clone, Debug)]
pub struct ClusterSpec {
    /// Who is where.
    pub topology: Arc<Topology>,
    /// A node that has been silent for so long is taken for dead. RabbitMQ: `net_ticktime`.
    pub silence_limit: Span,
    /// The bug: what a channel sends, and waits for no answer to, while its queue has neither a leader nor a majority is
    /// never sent to the next leader, nor is what comes behind it. RabbitMQ 4.0.5 (recorded:
    /// `cluster-2-minority-keep-follower-*`). What it calls for is kept: see `commands.rs`.
    pub forgets_without_majority: bool,
    /// What elections draw from.
    pub lots: Purpose,
}

/// The node. What is not on its disk is gone after a crash.
#[derive(Clone, Debug)]
pub struct ClusterNode {
    pub(super) spec: ClusterSpec,
    pub(super) me: usize,
    /// The queues that are on this node only, and the exchanges.
    pub(super) local: Broker,
    /// By queue: this node's member of it.
    pub(super) replicas: Vec<Option<Replica>>,
    /// By queue: the last leader that it has heard of, and its term.
    pub(super) leaders: Vec<Option<(u32, usize)>>,
    /// By client.
    pub(super) channels: BTreeMap<ConnectionId, Channel>,
    /// By node; this one's own says nothing.
    pub(super) peers: Vec<Peer>,
    /// Clients of other nodes that use this one's queues.
    pub(super) strangers: BTreeSet<ConnectionId>,
    /// Entries that its full disk has not taken: queue and number of the command.
    pub(super) deferred: Vec<(usize, u32)>,
    /// What is said when the next sync has ended, and when this one has.
    pub(super) ballots: Vec<Ballot>,
    pub(super) casting: Vec<Ballot>,
    pub(super) syncing: bool,
    /// Random draws so far.
    pub(super) draws: u64,
    /// By node: it has too little memory or disk left.
    pub(super) alarms: Vec<bool>,
    /// Upstream copies that a crash at a fact left on the way to several queues.
    pub(super) torn: Vec<(MessageRef, usize)>,
}

impl ClusterNode {
    /// A node that has not started; `local` has all queues.
    pub fn new(spec: ClusterSpec, me: usize, mut local: Broker) -> Self {
        let topology = &spec.topology;
        local.post = Some(Post::new(Arc::clone(topology), me));
        let mut replicas = Vec::new();
        for (queue, members) in topology.members.iter().enumerate() {
            let is_member = topology.replicated[queue] && members.contains(&me);
            let log = || Log::new(queue as u32, topology.subscriptions[queue]);
            replicas.push(is_member.then(|| Replica::new(log(), topology.nodes())));
            local.queues[queue].here = !topology.replicated[queue] && members[0] == me;
        }
        let nodes = topology.nodes();
        ClusterNode {
            me,
            local,
            leaders: vec![None; replicas.len()],
            replicas,
            channels: BTreeMap::new(),
            peers: vec![Peer::default(); nodes],
            strangers: BTreeSet::new(),
            deferred: Vec::new(),
            ballots: Vec::new(),
            casting: Vec::new(),
            syncing: false,
            draws: 0,
            alarms: vec![false; nodes],
            torn: Vec::new(),
            spec,
        }
    }

    /// The queues that are on this node only, and the exchanges.
    pub fn local(&self) -> &Broker {
        &self.local
    }

    /// Whether a queue of this node only is here.
    pub fn has(&self, queue: usize) -> bool {
        self.local.queues()[queue].here && self.local.is_declared(queue)
    }

    /// The term in which this node leads a queue, if it does.
    pub fn leads(&self, queue: usize) -> Option<u32> {
        self.replicas[queue].as_ref().filter(|replica| replica.leads()).map(|replica| replica.term)
    }

    /// Makes a queue, here and in what the default exchange knows.
    pub(crate) fn declare(&mut self, queue: u32, out: &mut Out<'_>) {
        self.local.declare(queue, out);
    }

    /// Binds a queue to an exchange.
    pub(crate) fn bind(&mut self, exchange: u32, queue: u32, out: &mut Out<'_>) {
        self.local.bind(exchange, queue, out);
    }

    /// Another node knows of a queue, or that it is bound.
    pub(super) fn learn_binding(&mut self, exchange: u32, queue: u32, out: &mut Out<'_>) {
        self.local.declared[queue as usize] = true;
        self.bind(exchange, queue, out);
    }

    /// What the node's memory is measured with from now on.
    pub(crate) fn set_memory_limit(&mut self, limit: Option<u64>, out: &mut Out<'_>) {
        self.local.set_memory_limit(limit);
        self.watch_alarm(out);
    }

    fn start_replicas(&mut self, out: &mut Out<'_>) {
        let first = out.deaths() == 0;
        for queue in 0..self.replicas.len() {
            let leader = self.spec.topology.members[queue][0];
            if first && self.spec.topology.replicated[queue] {
                self.leaders[queue] = Some((1, leader)).filter(|_| leader == self.me);
            }
            let Some(replica) = &mut self.replicas[queue] else { continue };
            (replica.term, replica.vote) = replica.log.ballot(out);
            replica.commit = replica.log.committed(out);
            replica.broken = !replica.log.recover(out);
            replica.safe = replica.log.last.1;
            if first {
                replica.role = if leader == self.me { Role::Leader } else { Role::Follower };
                replica.leader = (leader == self.me).then_some(leader);
            }
            if !first {
                let lied = out.disk().has_lied();
                out.shared().quorum(queue).deceived |= lied;
                self.miss_leader(queue, out);
            }
        }
    }

    /// What every event may have led to.
    fn settle(&mut self, out: &mut Out<'_>) {
        loop {
            let post = self.local.post.as_mut();
            let answers = post.map(|post| std::mem::take(&mut post.answers)).unwrap_or_default();
            if answers.is_empty() {
                break;
            }
            for (client, packet) in answers {
                self.pass_on(client, packet, out);
            }
        }
        self.watch_alarm(out);
    }
}

impl Node<Messaging> for ClusterNode {
    fn start(&mut self, out: &mut Out<'_>) {
        self.local.start(out);
        self.start_replicas(out);
        self.call_peers(out);
        self.tick(out);
        self.settle(out);
    }

    fn on_message(&mut self, from: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        match self.spec.topology.peer(self.me, from) {
            Some(node) => self.on_peer(node, packet, out),
            None => self.on_client(from, packet, out),
        }
        self.settle(out);
    }

    fn on_timer(&mut self, timer: Timer, out: &mut Out<'_>) {
        match timer {
            Timer::Elect { queue, round } => self.on_elect(usize::from(queue), round, out),
            Timer::ReplicasSynced => self.on_synced(out),
            Timer::Periodic => self.tick(out),
            Timer::Reconnect { peer } => self.call_peer(peer as usize, out),
            Timer::Waited { client } => self.on_waited(ConnectionId(client), out),
            _ => self.local.on_timer(timer, out),
        }
        self.settle(out);
    }

    fn on_connection(&mut self, connection: ConnectionId, change: ConnectionChange, out: &mut Out<'_>) {
        match (self.spec.topology.peer(self.me, connection), change) {
            (Some(node), ConnectionChange::Connected) => self.on_peer_up(node, out),
            (Some(_), ConnectionChange::Writable) | (None, ConnectionChange::Writable) => {}
            (Some(node), _) => self.on_peer_down(node, out),
            (None, ConnectionChange::Connected) => {
                self.channel(connection).open(out.deaths());
            }
            (None, _) => self.on_client_gone(connection, out),
        }
        self.settle(out);
    }

    fn on_stop(&mut self, out: &mut Out<'_>) {
        self.local.on_stop(out);
    }

    fn on_crash(&mut self, machine: bool, out: &mut Out<'_>) {
        self.local.on_crash(machine, out);
        for (queue, replica) in self.replicas.iter().enumerate() {
            let Some(replica) = replica else { continue };
            if replica.leads() {
                for torn in std::mem::take(&mut out.shared().quorum(queue).machine.torn) {
                    torn.lose(out);
                }
            }
            replica.log.lose(out);
        }
        for pending in self.channels.values().flat_map(|channel| &channel.pending) {
            out.shared().let_go(pending.queue, pending.number);
        }
        let why = LossCause::BrokerMemory;
        for m in self.channels.values().flat_map(Channel::upstream) {
            out.note(Fact::PublishDropped { m, why });
        }
        for (m, copies) in &self.torn {
            (0..*copies).for_each(|_| out.note(Fact::PublishDropped { m: *m, why }));
        }
    }
}

impl Holder for ClusterNode {
    fn count(&self, up: bool, disk: &Disk<Record>, census: &mut Census<'_>) {
        self.local.count(up, disk, census);
        for (queue, _) in self.replicas.iter().enumerate().filter(|(_, replica)| replica.is_some()) {
            for (m, s) in disk.records(FileId(queue as u32)).filter_map(|(_, record)| record.in_queue()) {
                census.copy(m, s);
            }
        }
        if up {
            self.channels.values().flat_map(Channel::upstream).for_each(|m| census.upstream(m));
        }
    }
}
