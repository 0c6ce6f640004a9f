//! Snapshots: a broker that has all in memory writes it to its disk from time to time, as it is at that instant. A crash
//! takes it back to the last one: what came since is lost, and what was settled since comes again.
//!
//! Models Redis's `save` (`rdb.c`, `serverCron` of Redis 7.0): a snapshot is begun when so much has changed and so long has
//! passed since the last one; the new file takes the place of the old when it is safe. And Mosquitto's `autosave_interval`
//! (`loop.c`, `persist_write.c` of 2.0), which takes one whenever it is time, whatever has changed; what is in it is in
//! `session_snapshots.rs`. A broker that is told to end takes one first. One that finds no room on the disk is given up,
//! and tried again after 5 s. Of readers only those whose deliveries are claimed are in it. Left out: a server that refuses
//! to be written to after a snapshot has failed (`stop-writes-on-bgsave-error`), the memory that a snapshot takes.

use super::broker::Broker;
use super::flights::Flight;
use super::service::NOBODY;
use super::stream::Retained;
use super::streaming::unread;
use crate::causes::{DuplicateCause, LossCause};
use crate::census::Census;
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::MessageRef;
use crate::packet::{Record, Timer};
use crate::queue::ExchangeKind;
use redeliver_sim::{ConnectionId, Disk, FileId, Position, Span, Time};
use std::collections::BTreeMap;

/// When a broker takes a snapshot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshots {
    /// After so long since the last one, if so much has changed by then. Redis: `save`.
    pub rules: Vec<(Span, u32)>,
    /// Whenever so much time has passed. Mosquitto: `autosave_interval`.
    pub every: Option<Span>,
}

/// What a broker knows of its snapshots.
#[derive(Clone, Debug, Default)]
pub(super) struct Saver {
    /// When the last one was safe.
    last: Time,
    /// Changes since it was begun.
    changes: u32,
    /// A timer is set for this time.
    armed: Time,
    /// One is being written.
    writing: bool,
}

/// The steps of a snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SnapshotStep {
    /// It may be time for one.
    Due,
    /// All of it is safe.
    Written,
    /// It has taken the place of the one before, and that is safe, too.
    Replaced,
}

/// This register tells which of the two files has the last snapshot.
const CURRENT: u32 = u32::MAX;
/// After a failure the next one is tried so much later. Redis: `CONFIG_BGSAVE_RETRY_DELAY`.
const RETRY_AFTER: Span = Span::seconds(5);
/// Bytes of what a snapshot says beside the messages, for each thing that it says: roughly.
const BESIDE: u64 = 32;

/// What a snapshot says of a reader.
#[derive(Clone, Debug, Default)]
struct Reader {
    delivered: u32,
    entries_read: Option<u32>,
    /// By sequence: whose it is, since when, and how often it was delivered.
    held: BTreeMap<u32, (ConnectionId, Time, u16)>,
}

/// What a snapshot says.
#[derive(Clone, Debug, Default)]
struct Snapshot {
    /// By exchange and sequence.
    messages: Vec<(u32, u32, MessageRef)>,
    /// By stream: the last sequence.
    last: BTreeMap<u32, u32>,
    readers: BTreeMap<u32, Reader>,
}

impl Snapshot {
    fn read(disk: &Disk<Record>, file: FileId) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for (_, record) in disk.records(file) {
            match record {
                Record::Streamed { m, sequence, exchange } => snapshot.messages.push((exchange, sequence, m)),
                Record::SavedStream { stream, last } => drop(snapshot.last.insert(stream, last)),
                Record::SavedReader { queue, delivered, read } => {
                    let reader = snapshot.readers.entry(queue).or_default();
                    (reader.delivered, reader.entries_read) = (delivered, read.checked_sub(1));
                }
                Record::SavedDelivery { queue, sequence, owner, at, attempts } => {
                    let since = Time::ZERO + Span::millis(u64::from(at));
                    let held = (ConnectionId(u32::from(owner)), since, u16::from(attempts));
                    snapshot.readers.entry(queue).or_default().held.insert(sequence, held);
                }
                _ => {}
            }
        }
        snapshot
    }
}

impl Broker {
    /// The n-th of the two files.
    fn snapshot_file(&self, which: u32) -> FileId {
        FileId((self.queues.len() + self.streams.len()) as u32 + which)
    }

    /// Which of them has the last snapshot, if there is one.
    fn current(disk: &Disk<Record>) -> Option<u32> {
        match disk.register(CURRENT) {
            Some(Record::Sequence { last }) => Some(last),
            _ => None,
        }
    }

    /// The file of the last snapshot, if there is one.
    pub(super) fn snapshot(&self, disk: &Disk<Record>) -> Option<FileId> {
        Self::current(disk).map(|which| self.snapshot_file(which))
    }

    fn last_snapshot(&self, disk: &Disk<Record>) -> Snapshot {
        self.snapshot(disk).map_or_else(Snapshot::default, |file| Snapshot::read(disk, file))
    }

    // Taking one.

    /// Something has changed.
    #[inline(always)]
    pub(super) fn count_change(&mut self, out: &mut Out<'_>) {
        if self.saver.is_some() {
            self.count_change_to_save(out);
        }
    }

    #[cold]
    #[inline(never)]
    fn count_change_to_save(&mut self, out: &mut Out<'_>) {
        if let Some(saver) = &mut self.saver {
            saver.changes = saver.changes.saturating_add(1);
        }
        self.arm_snapshot(Span::ZERO, out);
    }

    /// Sets the timer for the first rule that so many changes fulfil, but not before so long from now.
    fn arm_snapshot(&mut self, not_before: Span, out: &mut Out<'_>) {
        let slot = self.alarm(0, 4);
        let (Some(saver), Some(snapshots)) = (&mut self.saver, &self.spec.config.snapshots) else { return };
        if let Some(every) = snapshots.every {
            // It comes whatever changes: the next is due so long after the last one was.
            if saver.armed == Time::NEVER {
                saver.armed = out.now() + every;
                out.set_alarm(slot, every, Timer::Snapshot { step: SnapshotStep::Due });
            }
            return;
        }
        let enough = snapshots.rules.iter().filter(|(_, changes)| saver.changes >= (*changes).max(1));
        let Some(at) = enough.map(|(span, _)| saver.last + *span).min() else { return };
        let at = at.max(out.now() + not_before);
        if !saver.writing && (at < saver.armed || saver.armed < out.now()) {
            saver.armed = at;
            out.set_alarm(slot, at.since(out.now()), Timer::Snapshot { step: SnapshotStep::Due });
        }
    }

    #[cold]
    pub(super) fn on_snapshot(&mut self, step: SnapshotStep, out: &mut Out<'_>) {
        let which = 1 - Self::current(out.disk()).unwrap_or(1);
        let Some(saver) = &mut self.saver else { return };
        if step == SnapshotStep::Due || self.spec.config.snapshots.as_ref().is_some_and(|s| s.every.is_none())
        {
            saver.armed = Time::NEVER;
        }
        match step {
            SnapshotStep::Due if saver.writing => self.arm_snapshot(Span::ZERO, out),
            SnapshotStep::Due => {
                let changes = std::mem::take(&mut saver.changes);
                if self.write_snapshot(self.snapshot_file(which), out) {
                    self.saver.iter_mut().for_each(|saver| saver.writing = true);
                    if self.spec.config.snapshots.as_ref().is_some_and(|snapshots| snapshots.every.is_some())
                    {
                        self.arm_snapshot(Span::ZERO, out);
                    }
                    return out.sync(Timer::Snapshot { step: SnapshotStep::Written });
                }
                self.saver.iter_mut().for_each(|saver| saver.changes += changes);
                self.arm_snapshot(RETRY_AFTER, out);
            }
            SnapshotStep::Written => {
                out.set_register(CURRENT, Record::Sequence { last: which });
                out.sync(Timer::Snapshot { step: SnapshotStep::Replaced });
            }
            SnapshotStep::Replaced => {
                (saver.writing, saver.last) = (false, out.now());
                // Now the other one is the old one.
                self.remove_snapshot(self.snapshot_file(which), out);
                self.arm_snapshot(Span::ZERO, out);
            }
        }
    }

    /// It is told to end: it takes a snapshot at once, and that counts whatever is under way.
    #[cold]
    pub(super) fn save_at_shutdown(&mut self, out: &mut Out<'_>) {
        if self.saver.is_none() {
            return;
        }
        let current = Self::current(out.disk());
        let which = 1 - current.unwrap_or(1);
        self.remove_snapshot(self.snapshot_file(which), out);
        if self.write_snapshot(self.snapshot_file(which), out) && !out.is_cut() {
            out.set_register(CURRENT, Record::Sequence { last: which });
            current.into_iter().for_each(|old| self.remove_snapshot(self.snapshot_file(old), out));
        }
    }

    /// Writes all that there is to this file. False: there is no room for it.
    fn write_snapshot(&mut self, file: FileId, out: &mut Out<'_>) -> bool {
        let mut said: Vec<(Record, u64)> = Vec::new();
        for (i, stream) in self.streams.iter().enumerate() {
            said.push((Record::SavedStream { stream: i as u32, last: stream.next() - 1 }, BESIDE));
            let messages = stream.entries().map(|(sequence, kept)| {
                (Record::Streamed { m: kept.m, sequence, exchange: kept.exchange }, kept.bytes)
            });
            said.extend(messages);
        }
        for queue in (0..self.queues.len()).filter(|queue| self.declared[*queue] && self.is_claimed(*queue)) {
            let Some(pending) = &self.queues[queue].pending else { continue };
            let (delivered, read) = (pending.delivered, pending.entries_read.map_or(0, |read| read + 1));
            let queue_number = queue as u32;
            said.push((Record::SavedReader { queue: queue_number, delivered, read }, BESIDE));
            let held = pending.held.iter().filter(|(sequence, _)| !pending.gone.contains_key(sequence));
            said.extend(held.filter_map(|(sequence, hold)| {
                let flight = self.flights.get(hold.tag)?;
                let at = (hold.since.since(Time::ZERO).0 / 1_000_000).min(u64::from(u32::MAX)) as u32;
                let attempts = flight.entry.attempts.min(u16::from(u8::MAX)) as u8;
                let (sequence, owner) = (*sequence, flight.connection.0 as u16);
                let record = Record::SavedDelivery { queue: queue_number, sequence, owner, at, attempts };
                Some((record, BESIDE))
            }));
        }
        said.extend(self.said_of_sessions(out));
        if !out.disk().has_room(said.iter().map(|(_, bytes)| bytes).sum()) {
            return false;
        }
        for (record, bytes) in said {
            if out.append(file, record, bytes).is_ok()
                && let Some(m) = record.in_snapshot()
            {
                out.note(Fact::Retained { m, last: false });
            }
        }
        true
    }

    fn remove_snapshot(&mut self, file: FileId, out: &mut Out<'_>) {
        let records: Vec<(Position, Record)> = out.disk().records(file).collect();
        for (position, record) in records {
            out.remove(file, position);
            if let Some(m) = record.in_snapshot() {
                out.note(Fact::Released { m });
            }
        }
    }

    // Coming back to one.

    /// What a reader has not settled: its messages by sequence.
    fn unsettled(&self, queue: usize) -> BTreeMap<u32, MessageRef> {
        let Some(pending) = &self.queues[queue].pending else { return BTreeMap::new() };
        let held = pending.held.iter().filter(|(sequence, _)| !pending.gone.contains_key(sequence));
        let held = held.filter_map(|(sequence, hold)| Some((*sequence, self.flights.get(hold.tag)?.entry.m)));
        held.chain(self.queues[queue].ready().map(|entry| (entry.rank, entry.m))).collect()
    }

    /// The same, as a snapshot has it.
    fn saved_unsettled(&self, snapshot: &Snapshot, queue: u32, reader: &Reader) -> BTreeMap<u32, MessageRef> {
        let stream = self.queues[queue as usize].config.stream.map(|stream| stream as u32);
        let is_mine = |(exchange, sequence, _): &&(u32, u32, MessageRef)| {
            let kind = self.exchanges[*exchange as usize].kind;
            stream.is_some_and(|stream| kind == ExchangeKind::Stream(stream))
                && (*sequence > reader.delivered || reader.held.contains_key(sequence))
        };
        snapshot.messages.iter().filter(is_mine).map(|(_, sequence, m)| (*sequence, *m)).collect()
    }

    /// Notes what a crash takes back to the last snapshot.
    #[cold]
    pub(super) fn fall_back(&self, out: &mut Out<'_>) {
        let snapshot = self.last_snapshot(out.disk());
        for queue in (0..self.queues.len()).filter(|queue| self.is_claimed(*queue)) {
            let (s, there) = (self.queues[queue].s, self.unsettled(queue));
            let reader = snapshot.readers.get(&(queue as u32));
            let saved = reader
                .map_or_else(BTreeMap::new, |reader| self.saved_unsettled(&snapshot, queue as u32, reader));
            for (_, m) in saved.iter().filter(|(sequence, m)| there.get(sequence) != Some(m)) {
                out.note(Fact::Rewound { m: *m, s, why: DuplicateCause::BrokerRestart });
            }
            for (_, m) in there.iter().filter(|(sequence, m)| saved.get(sequence) != Some(m)) {
                out.note(Fact::Removed { m: *m, s, why: LossCause::BrokerMemory });
            }
            let now = out.now();
            out.shared().set_level(s, now, saved.len() as u64);
        }
        for (_, kept) in self.streams.iter().flat_map(|stream| stream.entries()) {
            out.note(Fact::Released { m: kept.m });
        }
    }

    /// Reads the last snapshot; what is left of one that was being written is removed.
    #[cold]
    pub(super) fn recover_snapshot(&mut self, out: &mut Out<'_>) {
        if self.saver.is_none() {
            return;
        }
        if let Some(saver) = &mut self.saver {
            (saver.last, saver.armed) = (out.now(), Time::NEVER);
        }
        if self.spec.config.snapshots.as_ref().is_some_and(|snapshots| snapshots.every.is_some()) {
            self.arm_snapshot(Span::ZERO, out);
        }
        let snapshot = self.last_snapshot(out.disk());
        let unfinished = 1 - Self::current(out.disk()).unwrap_or(1);
        self.remove_snapshot(self.snapshot_file(unfinished), out);
        for &(exchange, sequence, m) in &snapshot.messages {
            let ExchangeKind::Stream(stream) = self.exchanges[exchange as usize].kind else { continue };
            let message = *out.shared().messages.get(m);
            let state = &mut self.streams[stream as usize];
            let bytes = state.bytes_of(message.size, &self.exchanges[exchange as usize].name);
            let at = message.stored_at.min(out.now());
            state.skip_to(sequence - 1);
            state.push(Retained { m, bytes, at, position: None, exchange, wanted: 0 });
            out.note(Fact::Retained { m, last: false });
            self.add_memory(bytes, out);
        }
        for (stream, last) in &snapshot.last {
            self.streams[*stream as usize].skip_to(*last);
        }
        for (queue, reader) in &snapshot.readers {
            self.recover_saved_reader(&snapshot, *queue, reader);
        }
    }

    fn recover_saved_reader(&mut self, snapshot: &Snapshot, queue: u32, reader: &Reader) {
        let (index, saved) = (queue as usize, self.saved_unsettled(snapshot, queue, reader));
        self.declared[index] = true;
        let stream = self.queues[index].config.stream.map(|stream| ExchangeKind::Stream(stream as u32));
        for exchange in self.exchanges.iter_mut().filter(|exchange| Some(exchange.kind) == stream) {
            if !exchange.queues.contains(&index) {
                exchange.queues.push(index);
            }
        }
        for (sequence, m) in saved {
            let Some((connection, since, attempts)) = reader.held.get(&sequence).copied() else {
                self.queues[index].push(unread((m, sequence), 0, None));
                continue;
            };
            let entry = unread((m, sequence), attempts, None);
            let (slot, number, deadline) = (0, NOBODY, Time::NEVER);
            self.hold(index, Flight { entry, queue, connection, slot, number, deadline }, (since, deadline));
        }
        if let Some(pending) = &mut self.queues[index].pending {
            (pending.delivered, pending.entries_read) = (reader.delivered, reader.entries_read);
        }
    }

    /// Counts what snapshots hold; while the broker is down, that is all there is.
    pub(super) fn count_snapshots(&self, up: bool, disk: &Disk<Record>, census: &mut Census<'_>) {
        if self.saver.is_none() {
            return;
        }
        for record in (0..2).flat_map(|which| disk.records(self.snapshot_file(which))) {
            if let Some(m) = record.1.in_snapshot() {
                census.retained(m);
            }
        }
        if up {
            return;
        }
        let snapshot = self.last_snapshot(disk);
        for (queue, reader) in &snapshot.readers {
            let s = self.queues[*queue as usize].s;
            self.saved_unsettled(&snapshot, *queue, reader).values().for_each(|m| census.copy(*m, s));
        }
    }
}
