//! What a snapshot has of sessions, and what a crash takes back to it: subscriptions, what waits and what is under way,
//! what publishers have not told to go on, what topics retain.
//!
//! Models `persist_write.c` and `persist_read.c` of Mosquitto 2.0 (recorded: `mqtt-4`, `mqtt-X-autosave`,
//! `mqtt-X-sigterm`): clean sessions are not in it; what was sent and not acknowledged comes again as such; what was
//! acknowledged since comes again as new.

use super::broker::Broker;
use super::session_state::{Incoming, Received};
use super::session_topics::Keepsake;
use crate::causes::{DuplicateCause, LossCause};
use crate::census::Census;
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::MessageRef;
use crate::packet::{Record, Tag};
use redeliver_sim::{ConnectionId, Disk};
use std::collections::BTreeMap;

/// Bytes of a subscription, roughly.
const SUBSCRIPTION: u64 = 32;

/// A message of a session in a snapshot.
#[derive(Clone, Copy, Debug)]
struct Saved {
    m: MessageRef,
    rank: u32,
    attempts: u16,
    qos: u8,
}

impl Broker {
    /// What a snapshot says of sessions, with the bytes of each.
    pub(super) fn said_of_sessions(&self, out: &mut Out<'_>) -> Vec<(Record, u64)> {
        let Some(sessions) = &self.sessions else { return Vec::new() };
        let mut said = Vec::new();
        let size = |m: MessageRef, out: &mut Out<'_>| out.shared().messages.get(m).size;
        for (exchange, kept) in sessions.topics.all_retained() {
            said.push((Record::SavedRetained { m: kept.m, exchange: exchange as u32 }, kept.size));
        }
        for (connection, m, exchange) in sessions.incoming.iter() {
            if !self.spec.clean.contains(&connection) {
                let (connection, exchange) = (connection.0, exchange as u16);
                said.push((Record::SavedIncoming { m, connection, exchange }, size(m, out)));
            }
        }
        for (queue, seat) in sessions.seats.iter().enumerate().filter(|(_, seat)| !seat.clean) {
            let subscribed = seat.subscribed.iter().enumerate().filter(|(_, subscribed)| **subscribed);
            said.extend(subscribed.map(|(filter, _)| {
                let (queue, filter) = (queue as u32, filter as u32);
                (Record::SavedSubscription { queue, filter }, SUBSCRIPTION)
            }));
            let queue_number = queue as u16;
            for entry in self.queues[queue].ready().chain(self.held(queue)) {
                let attempts = entry.attempts.min(u16::from(u8::MAX)) as u8;
                let (m, rank, qos) = (entry.m, entry.rank, entry.priority);
                let record =
                    Record::SavedMessage { m, queue: queue_number, rank, attempts, qos, received: false };
                said.push((record, u64::from(entry.size)));
            }
            for Received { m, rank, attempt, size, .. } in seat.received.iter().copied() {
                // Of what is closed nothing is left but a word from its client that is on its way.
                if !out.shared().messages.is_current(m) {
                    continue;
                }
                let attempts = attempt.min(u16::from(u8::MAX)) as u8;
                let record =
                    Record::SavedMessage { m, queue: queue_number, rank, attempts, qos: 2, received: true };
                said.push((record, u64::from(size)));
            }
        }
        said
    }

    /// What a snapshot has for a session's client, in the order of the ranks.
    fn saved_messages(records: &[Record], of: usize) -> BTreeMap<u32, Saved> {
        let of_queue = records.iter().filter_map(|record| match *record {
            Record::SavedMessage { m, queue, rank, attempts, qos, received: false }
                if usize::from(queue) == of =>
            {
                Some((rank, Saved { m, rank, attempts: u16::from(attempts), qos }))
            }
            _ => None,
        });
        of_queue.collect()
    }

    fn saved_incoming(records: &[Record]) -> Incoming {
        let mut incoming = Incoming::default();
        for record in records {
            if let Record::SavedIncoming { m, connection, exchange } = *record {
                incoming.add(ConnectionId(connection), m, u32::from(exchange));
            }
        }
        incoming
    }

    fn saved_records(&self, disk: &Disk<Record>) -> Vec<Record> {
        let file = self.saver.as_ref().and_then(|_| self.snapshot(disk));
        file.map_or_else(Vec::new, |file| disk.records(file).map(|(_, record)| record).collect())
    }

    /// Notes what a crash takes back to the last snapshot, or takes altogether.
    #[cold]
    pub(super) fn sessions_fall_back(&self, out: &mut Out<'_>) {
        let Some(sessions) = &self.sessions else { return };
        let records = self.saved_records(out.disk());
        let incoming = Self::saved_incoming(&records);
        for (_, m, _) in sessions.incoming.iter().filter(|(from, m, _)| !incoming.has(*from, *m)) {
            out.note(Fact::PublishDropped { m, why: LossCause::BrokerMemory });
        }
        for (_, m, _) in incoming.iter().filter(|(from, m, _)| !sessions.incoming.has(*from, *m)) {
            out.note(Fact::Forwarded { m });
        }
        for (queue, seat) in sessions.seats.iter().enumerate() {
            let s = self.queues[queue].s;
            let saved = Self::saved_messages(&records, queue);
            let there = self.queues[queue].ready().chain(self.held(queue));
            let there: BTreeMap<u32, MessageRef> = there.map(|entry| (entry.rank, entry.m)).collect();
            for (_, saved) in saved.iter().filter(|(rank, _)| !there.contains_key(rank)) {
                out.note(Fact::Rewound { m: saved.m, s, why: DuplicateCause::BrokerRestart });
            }
            for (_, m) in there.iter().filter(|(rank, _)| !saved.contains_key(rank)) {
                out.note(Fact::Removed { m: *m, s, why: LossCause::BrokerMemory });
            }
            let now = out.now();
            out.shared().change_level(s, now, seat.level, saved.len() as u64);
        }
        for (_, kept) in sessions.topics.all_retained() {
            out.note(Fact::Released { m: kept.m });
        }
    }

    /// Reads what the last snapshot has of sessions.
    #[cold]
    pub(super) fn recover_sessions(&mut self, out: &mut Out<'_>) {
        if self.sessions.is_none() {
            return;
        }
        let records = self.saved_records(out.disk());
        for record in &records {
            match *record {
                Record::SavedSubscription { queue, filter } => {
                    let queue = queue as usize;
                    let Some(config) = self.queues[queue].config.session.clone() else { continue };
                    self.declared[queue] = true;
                    self.subscribe(queue, filter as usize, &config.filters[filter as usize]);
                }
                Record::SavedRetained { m, exchange } => self.recover_retained(m, exchange as usize, out),
                Record::SavedMessage { m, queue, rank, attempts, received: true, .. } => {
                    self.recover_received(usize::from(queue), (m, rank, u16::from(attempts)), out);
                }
                _ => {}
            }
        }
        for queue in 0..self.queues.len() {
            let saved = Self::saved_messages(&records, queue);
            for Saved { m, rank, attempts, qos } in saved.values().copied() {
                let entry = self.taken_in(queue, (m, rank, attempts, qos), out);
                self.queues[queue].push(entry);
                if attempts > 0 {
                    let s = self.queues[queue].s;
                    out.note(Fact::Requeued { m, s, why: DuplicateCause::BrokerRestart });
                }
            }
            let held = self.queues[queue].len() as u64;
            self.sessions.iter_mut().for_each(|sessions| sessions.seats[queue].level = held);
        }
        let incoming = Self::saved_incoming(&records);
        self.sessions.iter_mut().for_each(|sessions| sessions.incoming.clone_from(&incoming));
    }

    fn recover_retained(&mut self, m: MessageRef, exchange: usize, out: &mut Out<'_>) {
        let (size, qos) = (out.shared().messages.get(m).size, out.shared().properties(m).qos);
        out.note(Fact::Retained { m, last: false });
        self.add_memory(size, out);
        if let Some(sessions) = &mut self.sessions {
            sessions.topics.retain(exchange, Some(Keepsake { m, size, qos }));
        }
    }

    fn recover_received(
        &mut self,
        queue: usize,
        (m, rank, attempt): (MessageRef, u32, u16),
        out: &mut Out<'_>,
    ) {
        let size = out.shared().messages.get(m).size;
        let Some(sessions) = &mut self.sessions else { return };
        let seat = &mut sessions.seats[queue];
        // A tag that no delivery of this life has.
        let tag = Tag { slot: u32::MAX - 1, generation: seat.received.len() as u16 };
        seat.received.push_back(Received { m, attempt, tag, size: size as u32, rank });
        (seat.count, seat.bytes) = (seat.count + 1, seat.bytes + size);
    }

    /// Counts what publishers have not told to go on, and what topics retain; while the broker is down, what the snapshot
    /// has.
    pub(super) fn count_sessions(&self, up: bool, disk: &Disk<Record>, census: &mut Census<'_>) {
        let Some(sessions) = &self.sessions else { return };
        if up {
            sessions.incoming.iter().for_each(|(_, m, _)| census.upstream(m));
            sessions.topics.all_retained().for_each(|(_, kept)| census.retained(kept.m));
            return;
        }
        let records = self.saved_records(disk);
        Self::saved_incoming(&records).iter().for_each(|(_, m, _)| census.upstream(m));
        for queue in 0..self.queues.len() {
            let s = self.queues[queue].s;
            Self::saved_messages(&records, queue).values().for_each(|saved| census.copy(saved.m, s));
        }
    }
}
