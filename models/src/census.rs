//! Counts the copies that really are there: in brokers, on wires, in clients. At the end of a run the ledger's own
//! counts, which come from facts alone, are compared with it.

use crate::domain::World;
use crate::message::{MessageRef, SubscriptionId};
use crate::packet::Packet;
use crate::shared::Shared;
use crate::shelf::ShelfId;
use redeliver_sim::NodeId;

/// Copies per message, and per message and subscription.
#[derive(Clone, Debug)]
pub struct Census<'a> {
    shared: &'a Shared,
    upstream: Vec<u32>,
    retained: Vec<u32>,
    /// By entry on the shelf, of what is put away.
    put_away: Vec<u32>,
    copies: Vec<u32>,
    stride: usize,
}

impl<'a> Census<'a> {
    /// Counts the copies in this world.
    pub fn of(world: &'a World) -> Self {
        let shared = world.shared();
        let slots = shared.messages.slots();
        let stride = shared.topics.iter().map(|topic| topic.subscriptions.len()).max().unwrap_or(0).max(1);
        let mut census = Census {
            shared,
            upstream: vec![0; slots],
            retained: vec![0; slots],
            put_away: vec![0; shared.messages.shelf_slots()],
            copies: vec![0; slots * stride],
            stride,
        };
        for (i, part) in world.nodes().iter().enumerate() {
            let node = NodeId(i as u32);
            part.count(world.is_up(node), world.disk(node), &mut census);
        }
        for (s, subscription) in shared.subscriptions.iter().enumerate() {
            for m in subscription.transactions.messages() {
                census.copy(m, SubscriptionId(s as u16));
            }
        }
        for packet in world.packets() {
            census.packet(packet);
        }
        census
    }

    /// The producer has it, or it is on its way to a broker.
    pub fn upstream(&mut self, m: MessageRef) {
        self.upstream[m.index()] += 1;
    }

    /// A log has it, perhaps for this subscription too.
    pub(crate) fn logged(&mut self, id: ShelfId, s: Option<SubscriptionId>) {
        match (self.shared.messages.opened(id), s) {
            (Some(m), None) => self.retained(m),
            (Some(m), Some(s)) => self.copy(m, s),
            // It should have been taken out for the subscription: that makes one too many.
            (None, _) => self.put_away[id.index()] += 1,
        }
    }

    /// A log has it, or a stream.
    pub fn retained(&mut self, m: MessageRef) {
        self.retained[m.index()] += 1;
    }

    /// Somebody has it for this subscription.
    pub fn copy(&mut self, m: MessageRef, s: SubscriptionId) {
        self.copies[m.index() * self.stride + self.shared.slot(s)] += 1;
    }

    /// Whether the subscription has begun to read.
    pub(crate) fn is_bound(&self, s: SubscriptionId) -> bool {
        self.shared.subscriptions[s.0 as usize].bound
    }

    fn packet(&mut self, packet: Packet) {
        match packet {
            Packet::Publish { m, .. } => self.upstream(m),
            Packet::Command { m, .. } if m != MessageRef::NONE => self.upstream(m),
            Packet::Append { m, s, .. } if m != MessageRef::NONE => self.copy(m, s),
            Packet::Deliver { m, s, .. }
            | Packet::Offer { m, s, .. }
            | Packet::Record { m, s, .. }
            | Packet::Datagram { m, s }
            | Packet::Request { m, s, .. } => self.copy(m, s),
            _ => {}
        }
    }

    /// Where the ledger has counted something else, if anywhere.
    pub fn difference(&self) -> Option<String> {
        let messages = &self.shared.messages;
        let open = messages.all_live().find_map(|m| {
            let message = messages.get(m);
            let index = m.index();
            let producers = (message.upstream, self.upstream[index], "producers");
            let logs = (message.retained, self.retained[index], "logs");
            let subscriptions = self.shared.topics[message.topic.0 as usize].subscriptions.iter().enumerate();
            let subscriptions = subscriptions.map(|(slot, s)| {
                let counted = messages.delivery(m, slot).copies;
                let found = self.copies[index * self.stride + slot];
                (counted, found, self.shared.names.subscriptions[s.0 as usize].as_str())
            });
            let mut all = [producers, logs].into_iter().chain(subscriptions);
            all.find(|(counted, found, _)| counted != found).map(|(counted, found, place)| {
                let name = self.shared.message_name(m);
                format!("copies of {name} for {place}: {counted} in the ledger, {found} found")
            })
        });
        open.or_else(|| self.difference_put_away())
    }

    fn difference_put_away(&self) -> Option<String> {
        self.shared.messages.all_put_away().find_map(|(id, away)| {
            let (found, (source, number)) = (self.put_away[id.index()], away.name());
            let name = self.shared.name_of(source.0, number);
            (found != 1)
                .then(|| format!("copies of {name}, which is put away: 1 in the ledger, {found} found"))
        })
    }
}
