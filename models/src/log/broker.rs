//! A log broker with one node: what it does with publishes, commits and crashes.
//!
//! Models one Kafka broker without replication: partitions in segments, offsets that groups commit, retention, acks
//! after the append or after a batched sync. A subscription is a group; its copies are the records at or above its
//! committed offset, and a commit settles all before it. Groups are dealt with in `coordinator.rs`, fetches in
//! `fetch.rs`, deletion in `retention.rs`.
//!
//! A process crash takes nothing that was appended or committed; a crash of the machine takes what no sync has
//! covered: that of an ack which waits for one, that of the operating system's writing back (after 30 s), and that of
//! a closed segment. Left out: replication, batches, compression, compaction, idempotence and transactions.

use super::group::{Group, GroupSpec};
use super::partition::Partition;
use super::{Acks, Config, WhenFull};
use crate::causes::{DuplicateCause, LossCause};
use crate::census::Census;
use crate::domain::{Messaging, Out, loss_of};
use crate::fact::Fact;
use crate::message::MessageRef;
use crate::packet::{Packet, Record, Timer, WRITE_BACK};
use crate::part::Holder;
use redeliver_sim::{ConnectionChange, ConnectionId, Disk, FileId, Node, Span};
use std::collections::VecDeque;

/// What a broker is made from.
#[derive(Clone, Debug)]
pub struct BrokerSpec {
    /// Its settings.
    pub config: Config,
    /// The groups, by the number of their subscription.
    pub groups: Vec<GroupSpec>,
    /// By partition: the groups that read its topic.
    pub readers: Vec<Vec<usize>>,
    /// By connection: what its producer waits for.
    pub acks: Vec<Acks>,
    /// By connection: how long a fetch may be held.
    pub fetch_waits: Vec<Span>,
}

/// The broker. What is not on its disk is gone after a crash.
#[derive(Clone, Debug)]
pub struct Broker {
    pub(super) spec: BrokerSpec,
    pub(super) partitions: Vec<Partition>,
    pub(super) groups: Vec<Group>,
    /// Confirms that wait for a sync, the first `syncing` of them for the one that is under way.
    unsynced: VecDeque<(ConnectionId, MessageRef, u16, u32)>,
    syncing: usize,
    /// The operating system has something to write back.
    dirty: bool,
    /// Its disk has failed it.
    pub(super) offline: bool,
}

impl Broker {
    /// A broker that has not started.
    pub fn new(spec: BrokerSpec) -> Self {
        let topics = spec.config.topics.iter();
        let topics = topics.flat_map(|topic| (0..topic.partitions).map(move |_| topic.clone()));
        let partitions = topics.zip(0..).map(|(topic, line)| Partition::new(topic, line));
        Broker {
            partitions: partitions.collect(),
            groups: spec.groups.iter().cloned().map(Group::new).collect(),
            spec,
            unsynced: VecDeque::new(),
            syncing: 0,
            dirty: false,
            offline: false,
        }
    }

    /// The partitions of all topics, in order.
    pub fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// The groups, by the number of their subscription.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    // Publishing.

    #[inline(always)]
    fn on_publish(
        &mut self,
        from: ConnectionId,
        m: MessageRef,
        attempt: u16,
        target: u32,
        out: &mut Out<'_>,
    ) {
        let index = target as usize;
        let message = out.shared().messages.get(m);
        let (size, stamp) = (message.size, message.stamp);
        let begins = self.partitions[index].rolls(size, stamp);
        let id = out.shared().messages.shelve(m);
        if !self.write(index, Record::Logged { id, begins }, size, out) {
            return self.refuse(from, m, attempt, out);
        }
        let partition = &mut self.partitions[index];
        let (offset, closes) = (partition.end(), begins && partition.segments().next().is_some());
        partition.push(size, stamp, begins);
        let rank = out.shared().ranks[index].append(offset);
        if !out.shared().sought.is_empty() {
            out.shared().note_place(m, target, offset);
        }
        out.note(Fact::Appended { m, line: target, rank, offset });
        if out.is_cut() {
            return;
        }
        self.after_append(index, closes, out);
        self.confirm(from, m, attempt, offset, out);
        for i in 0..self.spec.readers[index].len() {
            self.wake(self.spec.readers[index][i], target, out);
        }
    }

    #[inline(always)]
    fn after_append(&mut self, index: usize, closes: bool, out: &mut Out<'_>) {
        for i in 0..self.spec.readers[index].len() {
            let group = self.spec.readers[index][i];
            if self.is_bound(group, out) {
                self.groups[group].held += 1;
                self.set_level(group, out);
            }
        }
        if closes {
            out.sync(Timer::WrittenBack);
        } else if !self.dirty {
            self.dirty = true;
            out.deadline(WRITE_BACK, Timer::WriteBack);
        }
        if self.spec.config.retention_check == Span::ZERO && self.partitions[index].is_limited() {
            self.enforce(index, out);
        }
    }

    /// Writes a record to the page cache, if need be by deleting old ones.
    #[inline(always)]
    fn write(&mut self, index: usize, record: Record, size: u64, out: &mut Out<'_>) -> bool {
        if self.offline {
            return false;
        }
        let mut written = out.append(FileId(index as u32), record, size);
        if written.is_err() && !out.is_cut() {
            if self.spec.config.when_full == WhenFull::Offline {
                self.offline = true;
                return false;
            }
            self.make_room(size, out);
            written = out.append(FileId(index as u32), record, size);
        }
        if let Ok(position) = written {
            assert_eq!(position.0, u64::from(self.partitions[index].end()), "offsets are positions");
        }
        written.is_ok()
    }

    #[inline(always)]
    fn confirm(&mut self, from: ConnectionId, m: MessageRef, attempt: u16, offset: u32, out: &mut Out<'_>) {
        if !out.shared().messages.is_current(m) || !out.shared().messages.get(m).buffered {
            return;
        }
        match self.spec.acks[from.0 as usize] {
            Acks::None => {}
            Acks::Leader | Acks::All => {
                out.send(from, Packet::Confirm { m, attempt, positive: true, offset })
            }
            Acks::Synced => {
                self.unsynced.push_back((from, m, attempt, offset));
                if self.syncing == 0 {
                    self.sync(out);
                }
            }
        }
    }

    fn refuse(&mut self, from: ConnectionId, m: MessageRef, attempt: u16, out: &mut Out<'_>) {
        let buffered = out.shared().messages.get(m).buffered;
        out.note(Fact::NotTaken { m, why: LossCause::DiskFull });
        if buffered && self.spec.acks[from.0 as usize] != Acks::None {
            out.send(from, Packet::Confirm { m, attempt, positive: false, offset: 0 });
        }
    }

    fn sync(&mut self, out: &mut Out<'_>) {
        self.syncing = self.unsynced.len();
        out.sync(Timer::Synced);
    }

    fn on_synced(&mut self, out: &mut Out<'_>) {
        for _ in 0..std::mem::take(&mut self.syncing) {
            let (to, m, attempt, offset) = self.unsynced.pop_front().expect("counted when the sync began");
            out.send(to, Packet::Confirm { m, attempt, positive: true, offset });
        }
        if !self.unsynced.is_empty() {
            self.sync(out);
        }
    }

    // Positions.

    /// Whether the group's subscription has begun to read.
    #[inline(always)]
    pub(super) fn is_bound(&self, group: usize, out: &mut Out<'_>) -> bool {
        out.shared().subscriptions[self.groups[group].spec.s.0 as usize].bound
    }

    #[inline(always)]
    pub(super) fn set_level(&self, group: usize, out: &mut Out<'_>) {
        let (now, group) = (out.now(), &self.groups[group]);
        out.shared().set_level(group.spec.s, now, group.held);
    }

    /// A group's position is written down, and what it passes is settled.
    #[inline(always)]
    pub(super) fn commit(&mut self, group: usize, partition: u32, offset: u32, out: &mut Out<'_>) {
        let state = &mut self.groups[group];
        let (s, local) = (state.spec.s, state.local(partition));
        state.committed[local] = Some(offset);
        out.set_register(register(&state.spec, local), Record::Offset { offset });
        out.note(Fact::Committed { s, line: partition, offset });
        self.move_low(group, local, offset, DuplicateCause::RewoundOffset, out);
    }

    /// A group has passed all before this offset, and nothing from it on.
    #[inline(always)]
    pub(super) fn move_low(
        &mut self,
        group: usize,
        local: usize,
        to: u32,
        why: DuplicateCause,
        out: &mut Out<'_>,
    ) {
        let state = &mut self.groups[group];
        let partition = &self.partitions[state.spec.first as usize + local];
        let (s, to) = (state.spec.s, to.max(partition.start()));
        while state.low[local] < to && !out.is_cut() {
            let m = partition.message(state.low[local], out);
            state.low[local] += 1;
            state.held -= 1;
            out.note(Fact::Acked { m, s });
        }
        while state.low[local] > to && !out.is_cut() {
            state.low[local] -= 1;
            state.held += 1;
            let m = partition.message(state.low[local], out);
            out.note(Fact::Rewound { m, s, why });
        }
        self.set_level(group, out);
    }

    // Crashes.

    /// What the disk has kept. Who was in which group, and where, nobody knows.
    fn recover(&mut self, out: &mut Out<'_>) {
        for index in 0..self.partitions.len() {
            let (disk, shared) = out.disk_and_shared();
            self.partitions[index].recover(disk, shared);
        }
        for group in 0..self.groups.len() {
            let bound = self.is_bound(group, out);
            let state = &mut self.groups[group];
            state.held = 0;
            for local in 0..state.low.len() {
                let (committed, low, end) = kept(&state.spec, local, out.disk());
                state.committed[local] = committed;
                state.low[local] = low;
                state.held += if bound { u64::from(end - low) } else { 0 };
            }
            self.set_level(group, out);
        }
        self.check_records(out);
    }
}

/// Where a group's committed offset is on the disk.
pub(super) fn register(spec: &GroupSpec, local: usize) -> u32 {
    spec.register + local as u32
}

/// What a disk tells of a group's position: the committed offset, the first record that it has not passed, and the
/// log's end. Without a committed offset it starts where its rule says.
fn kept(spec: &GroupSpec, local: usize, disk: &Disk<Record>) -> (Option<u32>, u32, u32) {
    let file = FileId(spec.first + local as u32);
    let end = disk.end(file).0 as u32;
    let start = disk.records(file).next().map_or(end, |(position, _)| position.0 as u32);
    let committed = match disk.register(register(spec, local)) {
        Some(Record::Offset { offset }) => Some(offset),
        _ => None,
    };
    let default = if spec.from_beginning { start } else { end };
    (committed, committed.unwrap_or(default).clamp(start, end), end)
}

impl Node<Messaging> for Broker {
    fn start(&mut self, out: &mut Out<'_>) {
        self.recover(out);
        let check = self.spec.config.retention_check;
        if check > Span::ZERO && self.partitions.iter().any(Partition::is_limited) {
            out.deadline(check, Timer::Periodic);
        }
    }

    #[inline(never)]
    fn on_message(&mut self, from: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        match packet {
            Packet::Publish { m, attempt, target } => self.on_publish(from, m, attempt, target, out),
            Packet::Fetch { group, member, records_max } => {
                self.on_fetch(from, group, member, records_max, out)
            }
            Packet::Commit { .. } => self.on_commit(from, packet, out),
            Packet::Seek { group, member, partition, offset } => {
                self.on_seek(from, group, member, (partition, offset), out)
            }
            Packet::Join { group, member } => self.on_join(from, group, member, out),
            Packet::Heartbeat { group, member } => {
                self.hear(from, group, member, out);
            }
            Packet::Leave { group, member } => self.on_leave(group, member, out),
            _ => {}
        }
    }

    #[inline(never)]
    fn on_timer(&mut self, timer: Timer, out: &mut Out<'_>) {
        match timer {
            Timer::Synced => self.on_synced(out),
            Timer::FetchExpired { group, member } => self.on_fetch_expired(group, member, out),
            Timer::SessionExpired { group } => self.on_session_expired(group as usize, out),
            Timer::RebalanceExpired { group } => self.on_rebalance_expired(group as usize, out),
            Timer::WriteBack => {
                self.dirty = false;
                out.sync(Timer::WrittenBack);
            }
            Timer::Periodic => {
                (0..self.partitions.len()).for_each(|index| self.enforce(index, out));
                out.deadline(self.spec.config.retention_check, Timer::Periodic);
            }
            _ => {}
        }
    }

    fn on_connection(&mut self, connection: ConnectionId, change: ConnectionChange, out: &mut Out<'_>) {
        if matches!(change, ConnectionChange::Closed | ConnectionChange::Reset) {
            self.on_gone(connection, out);
        }
    }

    fn on_stop(&mut self, out: &mut Out<'_>) {
        self.shut_down(out);
    }

    /// The disk has the last word: what it has lost is lost, what it says of a group's position is so. A group that
    /// had not committed and starts at the end will skip what it had not read.
    fn on_crash(&mut self, _machine: bool, out: &mut Out<'_>) {
        for group in 0..self.groups.len() {
            if !self.is_bound(group, out) {
                continue;
            }
            let spec = self.groups[group].spec.clone();
            let mut level = 0;
            for local in 0..spec.partitions as usize {
                let (_, low, end) = kept(&spec, local, out.disk());
                let partition = &self.partitions[spec.first as usize + local];
                let before = self.groups[group].low[local];
                for offset in before.max(end)..partition.end() {
                    let (m, why) = partition.lost(offset, out);
                    out.note(Fact::Removed { m, s: spec.s, why: loss_of(why) });
                }
                for offset in before..low {
                    let m = partition.message(offset, out);
                    out.note(Fact::Acked { m, s: spec.s });
                }
                for offset in low..before.min(end) {
                    let (m, why) = (partition.message(offset, out), DuplicateCause::BrokerRestart);
                    out.note(Fact::Rewound { m, s: spec.s, why });
                }
                level += u64::from(end - low);
            }
            let now = out.now();
            out.shared().set_level(spec.s, now, level);
        }
    }
}

impl Holder for Broker {
    fn count(&self, up: bool, disk: &Disk<Record>, census: &mut Census<'_>) {
        let records = |partition: u32| {
            disk.records(FileId(partition)).filter_map(|(position, record)| match record {
                Record::Logged { id, .. } => Some((position.0 as u32, id)),
                _ => None,
            })
        };
        for partition in 0..self.partitions.len() as u32 {
            records(partition).for_each(|(_, id)| census.logged(id, None));
        }
        for group in &self.groups {
            if !census.is_bound(group.spec.s) {
                continue;
            }
            for local in 0..group.low.len() {
                let low = if up { group.low[local] } else { kept(&group.spec, local, disk).1 };
                let unread = records(group.spec.first + local as u32).filter(|(offset, _)| *offset >= low);
                unread.for_each(|(_, id)| census.logged(id, Some(group.spec.s)));
            }
        }
    }
}
