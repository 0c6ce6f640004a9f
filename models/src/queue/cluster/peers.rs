//! What a node knows of the others: who is there, who is silent, and what follows when one is gone.
//!
//! Nodes say once a second that they are there. Who says nothing for six ticks, which is 5 to 6 s, is suspected: its
//! queues are led by others then (`aten`, the failure detector of `ra`; recorded: a silent leader is replaced after 6 to
//! 8 s). Who says nothing for `net_ticktime` is taken for dead, as one whose connections close: what its clients hold
//! comes back, and its own queues are away; with less than 6 s nobody is suspected first. A node counts its own ticks, so
//! that one that has stood still suspects nobody for it.

use super::node::ClusterNode;
use super::quorum::Command;
use super::replica::{Role, Standing};
use crate::domain::Out;
use crate::packet::{Packet, Timer};
use redeliver_sim::{ConnectionId, Span};

/// Another node.
#[derive(Clone, Default, Debug)]
pub(super) struct Peer {
    /// The connection to it is open.
    pub(super) up: bool,
    /// Ticks since it was last heard of.
    missed: u32,
    /// The life of its process.
    life: Option<u32>,
    /// For which client its next packet is, and for which of its channels.
    to: Option<(ConnectionId, u32)>,
}

const TICK: Span = Span::seconds(1);
/// Ticks after which a silent node is suspected.
const SUSPECTED_AFTER: u32 = 6;
/// A node that does not answer is called again after so long.
const CALL_AGAIN: Span = Span::millis(200);

impl ClusterNode {
    /// Of two nodes the one that comes later in the plan calls the other.
    pub(super) fn call_peers(&mut self, out: &mut Out<'_>) {
        (0..self.me).for_each(|node| self.call_peer(node, out));
    }

    pub(super) fn call_peer(&mut self, node: usize, out: &mut Out<'_>) {
        if !self.peers[node].up {
            out.connect(self.spec.topology.links[self.me][node]);
        }
    }

    pub(super) fn on_peer_up(&mut self, node: usize, out: &mut Out<'_>) {
        self.peers[node] = Peer { up: true, ..Peer::default() };
        let link = self.spec.topology.links[self.me][node];
        out.send(link, Packet::Alive { life: out.deaths() });
        out.send(link, Packet::Alarm { on: self.alarms[self.me] });
        // What was declared and bound is known in the whole cluster; who was away learns it now.
        for (exchange, queue) in self.local.bound_since_the_beginning() {
            out.send(link, Packet::Bind { exchange, queue });
        }
        for queue in 0..self.replicas.len() {
            if let Some(replica) = self.replicas[queue].as_ref().filter(|replica| replica.leads()) {
                out.send(link, Packet::Lead { queue: queue as u16, term: replica.term });
            }
        }
        self.ask_again(node, out);
    }

    pub(super) fn on_peer_down(&mut self, node: usize, out: &mut Out<'_>) {
        let was_up = std::mem::take(&mut self.peers[node]).up;
        if node < self.me {
            out.deadline(CALL_AGAIN, Timer::Reconnect { peer: node as u32 });
        }
        if !was_up {
            return;
        }
        self.alarms[node] = false;
        self.heed_alarms(out);
        for queue in 0..self.replicas.len() {
            if self.leaders[queue].is_some_and(|(_, leader)| leader == node) {
                self.leaders[queue] = None;
            }
            let Some(replica) = &mut self.replicas[queue] else { continue };
            replica.others[node] = Standing::default();
            if replica.leader == Some(node) || replica.suspected == Some(node) {
                replica.suspected = None;
                self.miss_leader(queue, out);
            } else if replica.leads() {
                self.dismiss_the_dead(queue, out);
            }
        }
        let gone = self.strangers.iter().copied().filter(|client| self.spec.topology.home(*client) == node);
        for client in gone.collect::<Vec<_>>() {
            self.strangers.remove(&client);
            self.local.on_gone(client, out);
        }
        self.lose_queues_of(node, out);
    }

    pub(super) fn tick(&mut self, out: &mut Out<'_>) {
        out.deadline(TICK, Timer::Periodic);
        let limit = (self.spec.silence_limit.0 / TICK.0).max(1) as u32;
        for node in 0..self.peers.len() {
            if !self.peers[node].up {
                continue;
            }
            let link = self.spec.topology.links[self.me][node];
            out.send(link, Packet::Alive { life: out.deaths() });
            self.peers[node].missed += 1;
            let missed = self.peers[node].missed;
            if missed > limit {
                out.close(link);
                self.on_peer_down(node, out);
            } else if missed == SUSPECTED_AFTER {
                self.suspect(node, out);
            }
        }
        for queue in 0..self.replicas.len() {
            let Some(replica) = self.replicas[queue].as_mut().filter(|replica| replica.lags) else {
                continue;
            };
            let Some(leader) = replica.leader.filter(|leader| *leader != self.me) else { continue };
            let (term, index) = (replica.term, replica.matched);
            let link = self.spec.topology.links[self.me][leader];
            out.send(link, Packet::Follow { queue: queue as u16, term, index });
        }
        for queue in 0..self.replicas.len() {
            if self.replicas[queue].as_ref().is_some_and(|replica| replica.leads() && replica.owes_entry) {
                self.begin_term(queue, out);
            }
            self.dismiss_the_dead(queue, out);
        }
        for (queue, number) in std::mem::take(&mut self.deferred) {
            self.on_command(queue, number, None, out);
        }
    }

    fn suspect(&mut self, node: usize, out: &mut Out<'_>) {
        for queue in 0..self.replicas.len() {
            let Some(replica) = &mut self.replicas[queue] else { continue };
            if replica.leader == Some(node) {
                replica.suspected = Some(node);
                self.miss_leader(queue, out);
            }
        }
    }

    /// It is heard of again: who has not found another leader meanwhile follows it as before.
    fn trust(&mut self, node: usize) {
        for replica in self.replicas.iter_mut().flatten() {
            if replica.suspected == Some(node) && matches!(replica.role, Role::Follower | Role::Asking) {
                (replica.leader, replica.suspected, replica.role) = (Some(node), None, Role::Follower);
                replica.round = replica.round.wrapping_add(1);
            }
        }
    }

    /// Whether more than half of a queue's members can be reached.
    pub(super) fn reaches_majority(&self, queue: usize) -> bool {
        let members = self.spec.topology.members[queue].iter();
        let reached = |node: &&usize| **node == self.me || self.peers[**node].up;
        members.filter(reached).count() >= self.spec.topology.majority(queue)
    }

    /// A leader takes back what clients held whose node is gone, or has begun another life.
    pub(super) fn dismiss_the_dead(&mut self, queue: usize, out: &mut Out<'_>) {
        if !self.replicas[queue].as_ref().is_some_and(super::replica::Replica::leads) {
            return;
        }
        // This follows from what was applied; an entry that says so may be lost as any other.
        let topology = std::sync::Arc::clone(&self.spec.topology);
        let lives: Vec<(ConnectionId, u32)> =
            out.shared().quorum(queue).lives.iter().map(|(client, life)| (*client, *life)).collect();
        for (client, life) in lives {
            let Some(replica) = &self.replicas[queue] else { return };
            let lives = self.life_of(topology.home(client), out) == Some(life);
            if replica.dismissed.contains(&client) || lives && !replica.to_dismiss.contains(&client) {
                continue;
            }
            let packet = Packet::CloseChannel;
            let command = Command { client, session: 0, life, packet, number: 0, again: 0 };
            let entered = self.enter(queue, Some(command), out);
            let Some(replica) = &mut self.replicas[queue] else { return };
            // If the disk is full: at the next tick, or before anything else that it takes.
            if entered { &mut replica.dismissed } else { &mut replica.to_dismiss }.insert(client);
        }
    }

    /// The life of a node's process, as far as it is known; none if it is taken for dead.
    pub(super) fn life_of(&self, node: usize, out: &Out<'_>) -> Option<u32> {
        if node == self.me {
            Some(out.deaths())
        } else {
            self.peers[node].life.filter(|_| self.peers[node].up)
        }
    }

    pub(super) fn on_peer(&mut self, node: usize, packet: Packet, out: &mut Out<'_>) {
        if std::mem::take(&mut self.peers[node].missed) >= SUSPECTED_AFTER {
            self.trust(node);
        }
        if let Some((client, session)) = self.peers[node].to.take() {
            return self.on_forwarded(client, session, packet, out);
        }
        match packet {
            Packet::To { client, session } => {
                self.peers[node].to = Some((ConnectionId(client), session));
            }
            Packet::Alive { life } => {
                let known = self.peers[node].life.replace(life);
                if known != Some(life) {
                    (0..self.replicas.len()).for_each(|queue| self.dismiss_the_dead(queue, out));
                }
            }
            Packet::Alarm { on } => {
                self.alarms[node] = on;
                self.heed_alarms(out);
            }
            Packet::Bind { exchange, queue } => self.learn_binding(exchange, queue, out),
            Packet::Command { number, queue, m } => {
                self.on_command(usize::from(queue), number, Some(m), out);
                out.shared().quorum(usize::from(queue)).let_go(number);
            }
            Packet::Applied { client, number, queue, accepted } => {
                self.on_applied(ConnectionId(client), usize::from(queue), number, accepted, out);
            }
            _ => self.on_member(node, packet, out),
        }
    }

    /// What members of a replicated queue say to each other.
    fn on_member(&mut self, node: usize, packet: Packet, out: &mut Out<'_>) {
        match packet {
            Packet::Append { id, index, s, m } => self.on_append(node, s, (id, index), m, out),
            Packet::Appended { queue, term, index } => {
                self.on_appended(node, usize::from(queue), term, index, out)
            }
            Packet::Lead { queue, term } => self.on_lead(node, usize::from(queue), term, out),
            Packet::Follow { queue, term, index } => {
                self.on_follow(node, usize::from(queue), term, index, out)
            }
            Packet::Resume { queue, term, index } => self.on_resume(node, usize::from(queue), term, index),
            Packet::Commits { queue, term, index } => {
                self.on_commits(node, usize::from(queue), term, index, out)
            }
            Packet::Canvass { queue, pre, term, last_term, last_index } => {
                self.on_canvass(node, (usize::from(queue), pre), term, (last_term, last_index), out);
            }
            Packet::Vote { queue, pre, granted, term } => {
                self.on_vote(node, (usize::from(queue), pre), granted, term, out);
            }
            _ => {}
        }
    }
}
