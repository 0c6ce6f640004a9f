//! A node with too little memory or disk left holds up the publishers of all nodes.
//!
//! Models RabbitMQ's resource alarms: every node knows those of all (`rabbit_alarm`; "Memory and Disk Alarms": "If a node
//! in a cluster has an alarm, all nodes block publishing connections"). While there is one, a connection is held up as
//! soon as it publishes: what it has sent then, and all behind it, acks too, is read when no node has an alarm any more.
//! Recorded for memory: `cluster-7-*`. Messages of replicated queues are on disk, and take no memory.

use super::super::broker::Broker;
use super::node::ClusterNode;
use crate::domain::Out;
use crate::packet::Packet;

impl Broker {
    /// Bytes that messages may take from now on; none: it is too little for the broker itself.
    pub(crate) fn set_memory_limit(&mut self, limit: Option<u64>) {
        self.spec.memory_limit = limit.unwrap_or(0);
        self.starved = limit.is_none();
        self.blocking = self.holds_up_publishers();
    }

    /// Whether publishers are to be held up.
    pub(in super::super) fn has_alarm(&self) -> bool {
        self.blocking || self.starved
    }
}

impl ClusterNode {
    /// Tells the others if this node's alarm begins or ends.
    pub(super) fn watch_alarm(&mut self, out: &mut Out<'_>) {
        let on = self.local.has_alarm();
        if on == self.alarms[self.me] {
            return;
        }
        self.alarms[self.me] = on;
        for node in (0..self.peers.len()).filter(|node| self.peers[*node].up) {
            out.send(self.spec.topology.links[self.me][node], Packet::Alarm { on });
        }
        self.heed_alarms(out);
    }

    pub(super) fn is_alarmed(&self) -> bool {
        self.alarms.contains(&true)
    }

    /// If no node has an alarm any more, who was held up goes on.
    pub(super) fn heed_alarms(&mut self, out: &mut Out<'_>) {
        if self.is_alarmed() {
            return;
        }
        let held =
            self.channels.iter_mut().filter_map(|(client, channel)| Some((*client, channel.held.take()?)));
        for (client, packet) in held.collect::<Vec<_>>() {
            out.send(client, Packet::Block { blocked: false });
            self.on_client(client, packet, out);
            out.resume_reading(client);
        }
    }

    /// A client publishes while some node has an alarm: it is held up from here on.
    pub(super) fn hold_up(&mut self, client: redeliver_sim::ConnectionId, packet: Packet, out: &mut Out<'_>) {
        let Some(channel) = self.channels.get_mut(&client) else { return };
        channel.held = Some(packet);
        out.send(client, Packet::Block { blocked: true });
        out.stop_reading(client);
    }
}
