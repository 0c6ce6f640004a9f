//! A node's disk: files of records, a page cache, one server for all transfers.
//!
//! What is appended is at once in the page cache: it survives a crash of the process. It survives a crash of the
//! machine once a sync that began after it has ended. Appends, reads and syncs share one first-come-first-served
//! server with the disk's bandwidth; a sync takes its own time on top. A disk that lies about syncs keeps nothing safe
//! that they covered, until an honest one covers it too.
//!
//! A machine that dies in a **write** leaves more than that: of what was not synced in a file, a part has reached the
//! disk, in its order, and of the record behind it a half. Whoever reads the file finds that by a checksum or by its
//! length, and cuts it off, so it is as lost as what is behind it. Each file was written on its own, and so far as its own
//! luck has it; a record that belongs to one in another file says so (`InTornWrite`), and is not lost without it. Of a
//! register the old value is left, or the new one if that says so.
//!
//! A record that is **damaged** is there, and worth nothing; nobody knows before he reads it.
//!
//! What is removed is gone at once, and what is amended in place has its new value at once, also without a sync: a crash of
//! the machine brings neither back. In truth an ack is a write, too: a broker that has not synced it (RabbitMQ syncs no acks)
//! finds the message again, and delivers it once more. What is appended and registers, a log's commits for one, need a sync.
//!
//! Left out: seeks, read-ahead, write reordering inside one sync.

use crate::entries::{Entries, InTornWrite, Stored};
use crate::pace::scale;
use crate::time::{Span, Time};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One of a disk's files, by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FileId(pub u32);

/// Where a record stands in its file; never given twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Position(pub u64);

/// The disk takes no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DiskFull;

/// Why a crash of the machine took a record from the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordLoss {
    /// No sync that had ended covered it.
    Unsynced,
    /// A sync had said that it was safe.
    SyncLied,
    /// It was being written, and half of it is there.
    Torn,
}

/// What a disk is like.
#[derive(Clone, PartialEq, Debug)]
pub struct DiskSpec {
    /// Bytes it holds; none is no limit.
    pub capacity: Option<u64>,
    /// Bytes per second.
    pub bandwidth: f64,
    /// How long a sync takes, in nanoseconds.
    pub sync: crate::sample::Distribution,
}

#[derive(Clone)]
struct File<R> {
    /// Position of the first entry of `records`.
    base: u64,
    records: Entries<R>,
    /// Everything before this position is synced.
    synced: u64,
    /// For each sync that is under way: its number, the position before which it covers everything, and whether it
    /// is honest.
    syncing: VecDeque<(u64, u64, bool)>,
    /// A sync has said of everything before this position that it is safe.
    promised: u64,
    /// The record at this position was being written as the machine died.
    torn: Option<u64>,
    /// What a crash of the machine has just taken from its end.
    lost: VecDeque<Option<R>>,
}

impl<R: Stored> File<R> {
    /// The position that its next record gets.
    fn end(&self) -> u64 {
        self.base + self.records.len() as u64
    }

    /// Where the entry of a position is, if that is not before the first one.
    #[inline(always)]
    fn index(&self, position: Position) -> Option<usize> {
        position.0.checked_sub(self.base).map(|index| index as usize)
    }

    /// The machine is about to crash while it writes what was not synced: `draw` tells how far it came.
    fn tear(&mut self, draw: impl FnOnce() -> u64) {
        let first = self.synced.saturating_sub(self.base) as usize;
        let unsynced = self.records.iter().filter(|(index, _)| *index >= first);
        let (mut in_line, mut whole) = (Vec::new(), false);
        for (index, record) in unsynced {
            match record.in_torn_write() {
                InTornWrite::InLine => in_line.push(index),
                InTornWrite::Nothing => {}
                InTornWrite::Whole | InTornWrite::Either => whole = true,
            }
        }
        if !in_line.is_empty() {
            let reached = draw() % in_line.len() as u64;
            self.synced = self.base + in_line[reached as usize] as u64;
            self.torn = Some(self.synced);
        } else if whole {
            self.synced = self.end();
        }
    }

    /// Why a crash of the machine took what was at this position.
    fn loss(&self, position: u64) -> RecordLoss {
        if self.torn == Some(position) {
            RecordLoss::Torn
        } else if position < self.promised {
            RecordLoss::SyncLied
        } else {
            RecordLoss::Unsynced
        }
    }
}

/// A small value that is overwritten in place.
#[derive(Clone)]
struct Register<R> {
    value: Option<R>,
    synced: Option<R>,
    syncing: VecDeque<(u64, Option<R>)>,
}

/// What is drawn for a register has its number beyond this.
const REGISTERS: u64 = 1 << 32;

/// The time of a disk that stands still begins here: later than all that is.
const FROZEN: Time = Time(1 << 62);

/// A disk and what it holds.
#[derive(Clone)]
pub struct Disk<R> {
    pub(crate) spec: DiskSpec,
    files: Vec<File<R>>,
    registers: BTreeMap<u32, Register<R>>,
    used: u64,
    used_max: u64,
    /// How many faults fill it.
    fills: u32,
    /// Records that were damaged, removed ones included.
    damaged: BTreeSet<(FileId, Position)>,
    busy_until: Time,
    /// Bytes per second, at its present pace.
    bandwidth: f64,
    /// How many times as long a sync takes.
    factor: f64,
    /// It stands still, and its time begins at [`FROZEN`].
    frozen: bool,
    /// How many faults make it lie about syncs.
    pub(crate) lies: u32,
    lied: bool,
    /// Number of syncs so far, for their draws.
    pub(crate) syncs: u64,
    syncs_ended: u64,
}

impl<R: Stored> Disk<R> {
    pub(crate) fn new(spec: DiskSpec) -> Self {
        Disk {
            bandwidth: spec.bandwidth,
            factor: 1.0,
            frozen: false,
            lies: 0,
            lied: false,
            spec,
            files: Vec::new(),
            registers: BTreeMap::new(),
            used: 0,
            used_max: 0,
            fills: 0,
            damaged: BTreeSet::new(),
            busy_until: Time::ZERO,
            syncs: 0,
            syncs_ended: 0,
        }
    }

    /// The records of a file that have not been removed, in order.
    pub fn records(&self, file: FileId) -> impl Iterator<Item = (Position, R)> {
        let found = self.files.get(file.0 as usize);
        found.into_iter().flat_map(|file| {
            file.records.iter().map(|(index, record)| (Position(file.base + index as u64), record))
        })
    }

    /// The record at this position of a file, if it is there, and its bytes.
    #[inline(always)]
    pub fn entry(&self, file: FileId, position: Position) -> Option<(R, u64)> {
        let file = self.files.get(file.0 as usize)?;
        file.index(position).and_then(|index| file.records.get(index))
    }

    /// The position that the next record of a file gets.
    pub fn end(&self, file: FileId) -> Position {
        Position(self.files.get(file.0 as usize).map_or(0, File::end))
    }

    /// What a register holds.
    pub fn register(&self, register: u32) -> Option<R> {
        self.registers.get(&register).and_then(|register| register.value)
    }

    /// How many entries its files have, removed ones between others included: wide ones, and words.
    pub(crate) fn entries(&self) -> (usize, usize) {
        let all: usize = self.files.iter().map(|file| file.records.len()).sum();
        let words = self.files.iter().map(|file| file.records.words()).sum();
        (all - words, words)
    }

    /// Bytes in use.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Most bytes that were ever in use.
    pub fn used_max(&self) -> u64 {
        self.used_max
    }

    /// Bytes it holds at most; none is no limit.
    pub fn capacity(&self) -> Option<u64> {
        self.spec.capacity
    }

    /// Whether it has ever said that a sync was done which was not.
    pub fn has_lied(&self) -> bool {
        self.lied
    }

    /// Bytes that still fit; without a capacity there is no end to them.
    pub fn free(&self) -> u64 {
        let room = self.spec.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(self.used));
        if self.fills > 0 { 0 } else { room }
    }

    /// Whether so many more bytes fit.
    pub fn has_room(&self, bytes: u64) -> bool {
        self.fills == 0
            && self.spec.capacity.is_none_or(|capacity| self.used.saturating_add(bytes) <= capacity)
    }

    /// Whether any record was ever damaged: else there is nothing to find.
    #[inline(always)]
    pub fn has_damage(&self) -> bool {
        !self.damaged.is_empty()
    }

    /// How long it takes from now on until all that was begun with has ended; while it stands still, very long.
    #[inline(always)]
    pub fn behind(&self, now: Time) -> Span {
        self.busy_until.since(now)
    }

    /// The first damaged record of a file between two positions, the second excluded.
    pub fn first_damaged(&self, file: FileId, from: Position, to: Position) -> Option<Position> {
        let mut found = self.damaged.range((file, from)..(file, to)).map(|(_, position)| *position);
        found.find(|position| self.entry(file, *position).is_some())
    }

    /// Damages all records that match; says whether there are any.
    pub(crate) fn damage(&mut self, matches: impl Fn(&R) -> bool) -> bool {
        let mut any = false;
        for number in 0..self.files.len() as u32 {
            let file = FileId(number);
            let found = self.records(file).filter(|(_, record)| matches(record));
            let found: Vec<Position> = found.map(|(position, _)| position).collect();
            any |= !found.is_empty();
            self.damaged.extend(found.into_iter().map(|position| (file, position)));
        }
        any
    }

    /// Removes all records from a position on: the next one to be written will stand there.
    pub(crate) fn truncate(&mut self, number: FileId, to: Position) {
        let Some(file) = self.files.get_mut(number.0 as usize) else { return };
        while file.end() > to.0.max(file.base) {
            if let Some((_, bytes)) = file.records.pop() {
                self.used -= bytes;
            }
        }
        let end = file.end();
        (file.synced, file.promised) = (file.synced.min(end), file.promised.min(end));
        file.syncing.iter_mut().for_each(|(_, covered, _)| *covered = end.min(*covered));
        self.damaged.retain(|(file, position)| *file != number || position.0 < end);
    }

    pub(crate) fn fill(&mut self) {
        self.fills += 1;
    }

    pub(crate) fn unfill(&mut self) {
        self.fills -= 1;
    }

    #[inline]
    pub(crate) fn append(&mut self, file: FileId, record: R, bytes: u64) -> Result<Position, DiskFull> {
        if !self.has_room(bytes) {
            return Err(DiskFull);
        }
        let index = file.0 as usize;
        if index >= self.files.len() {
            let none = || File {
                base: 0,
                records: Entries::new(),
                synced: 0,
                syncing: VecDeque::new(),
                promised: 0,
                torn: None,
                lost: VecDeque::new(),
            };
            self.files.resize_with(index + 1, none);
        }
        let file = &mut self.files[index];
        file.records.push(record, bytes);
        self.used += bytes;
        self.used_max = self.used_max.max(self.used);
        Ok(Position(file.end() - 1))
    }

    /// Removes a record, if it is still there.
    #[inline]
    pub(crate) fn remove(&mut self, file: FileId, position: Position) {
        let Some(file) = self.files.get_mut(file.0 as usize) else { return };
        let Some(index) = file.index(position) else { return };
        let Some((_, bytes)) = file.records.take(index) else { return };
        self.used -= bytes;
        file.base += file.records.trim();
    }

    /// Puts another record in a record's place, if it is still there.
    pub(crate) fn amend(&mut self, file: FileId, position: Position, record: R) {
        let Some(file) = self.files.get_mut(file.0 as usize) else { return };
        if let Some(index) = file.index(position) {
            file.records.replace(index, record);
        }
    }

    pub(crate) fn set_register(&mut self, register: u32, record: R) {
        let none = || Register { value: None, synced: None, syncing: VecDeque::new() };
        self.registers.entry(register).or_insert_with(none).value = Some(record);
    }

    /// When a transfer of so many bytes that begins now ends.
    #[inline]
    pub(crate) fn transfer(&mut self, now: Time, bytes: u64) -> Time {
        let span = Span((bytes as f64 / self.bandwidth * 1e9 + 0.5) as u64);
        self.busy_until = self.busy_until.max(now) + span;
        self.busy_until
    }

    /// Begins a sync of all that has been written so far. When it ends: after all transfers and syncs before it.
    pub(crate) fn begin_sync(&mut self, now: Time, draw: u64) -> Time {
        self.syncs += 1;
        let honest = self.lies == 0;
        self.lied |= !honest;
        for file in &mut self.files {
            file.syncing.push_back((self.syncs, file.end(), honest));
        }
        for register in self.registers.values_mut().filter(|_| honest) {
            register.syncing.push_back((self.syncs, register.value));
        }
        self.busy_until = self.busy_until.max(now) + scale(Span(self.spec.sync.sample(draw)), self.factor);
        self.busy_until
    }

    /// The oldest sync that is under way has ended.
    pub(crate) fn end_sync(&mut self) {
        self.syncs_ended += 1;
        let number = self.syncs_ended;
        for file in &mut self.files {
            while let Some((_, end, honest)) = file.syncing.pop_front_if(|(sync, ..)| *sync <= number) {
                file.promised = file.promised.max(end);
                file.synced = if honest { file.synced.max(end) } else { file.synced };
            }
        }
        for register in self.registers.values_mut() {
            while let Some((_, value)) = register.syncing.pop_front_if(|(sync, _)| *sync <= number) {
                register.synced = value;
            }
        }
    }

    /// The machine is about to crash while it writes: in each file it came to one of the records that were not synced, and
    /// of registers whose value has been put in place of another that is there. `draw` tells which, by the number of the
    /// file or register.
    pub(crate) fn tear(&mut self, draw: impl Fn(u64) -> u64) {
        for (number, file) in self.files.iter_mut().enumerate() {
            file.tear(|| draw(number as u64));
        }
        for (number, register) in &mut self.registers {
            let fate = register.value.map_or(InTornWrite::InLine, |value| value.in_torn_write());
            let replaced = match fate {
                InTornWrite::InLine | InTornWrite::Nothing => false,
                InTornWrite::Whole => true,
                InTornWrite::Either => draw(REGISTERS + u64::from(*number)) & 1 == 1,
            };
            if replaced {
                register.synced = register.value;
            }
        }
    }

    /// The machine crashed: what no honest sync has covered is gone. Hands each record that is lost to `lost`.
    pub(crate) fn lose_unsynced(&mut self, mut lost: impl FnMut(R, RecordLoss)) {
        for file in &mut self.files {
            while file.end() > file.synced.max(file.base) {
                let entry = file.records.pop();
                file.lost.push_front(entry.map(|(record, _)| record));
                if let Some((record, bytes)) = entry {
                    self.used -= bytes;
                    lost(record, file.loss(file.end()));
                }
            }
        }
        for register in self.registers.values_mut() {
            register.value = register.synced;
        }
        self.forget_transfers();
    }

    /// The record that a crash of the machine has just taken from this position, and why.
    pub fn lost(&self, file: FileId, position: Position) -> Option<(R, RecordLoss)> {
        let file = self.files.get(file.0 as usize)?;
        let index = position.0.checked_sub(file.end())? as usize;
        let record = file.lost.get(index).copied().flatten()?;
        Some((record, file.loss(position.0)))
    }

    /// What is known of records that are gone is forgotten: others will have their positions.
    pub(crate) fn forget_lost(&mut self) {
        for (number, file) in self.files.iter_mut().enumerate() {
            let end = file.end();
            file.promised = file.promised.min(end);
            (file.torn, file.lost) = (None, VecDeque::new());
            self.damaged.retain(|(other, position)| other.0 as usize != number || position.0 < end);
        }
    }

    /// From now on it stands still.
    pub(crate) fn freeze(&mut self, now: Time) {
        (self.busy_until, self.frozen) = (FROZEN + self.busy_until.since(now), true);
    }

    /// It goes on.
    pub(crate) fn thaw(&mut self, now: Time) {
        (self.busy_until, self.frozen) = (now + self.left(self.busy_until), false);
    }

    /// How long is left until an end, while it stands still.
    pub(crate) fn left(&self, end: Time) -> Span {
        end.since(FROZEN)
    }

    /// What is under way takes `ratio` times as long as it would have, and what will come so many times as long as at
    /// full speed.
    pub(crate) fn stretch(&mut self, now: Time, ratio: f64, factor: f64) {
        let from = if self.frozen { FROZEN } else { now };
        self.busy_until = from + scale(self.busy_until.since(from), ratio);
        (self.bandwidth, self.factor) = (self.spec.bandwidth / factor, factor);
    }

    /// The process crashed: what it asked of the disk is void.
    pub(crate) fn forget_transfers(&mut self) {
        self.busy_until = if self.frozen { FROZEN } else { Time::ZERO };
        self.syncs_ended = self.syncs;
        self.files.iter_mut().for_each(|file| file.syncing.clear());
        self.registers.values_mut().for_each(|register| register.syncing.clear());
    }
}

#[cfg(test)]
mod tests;
