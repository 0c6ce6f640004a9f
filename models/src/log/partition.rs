//! One partition of a topic: records in segments, offsets that are never moved.
//!
//! An offset is the record's position in the partition's file, so it survives what the file survives. The records are
//! nowhere else: a log may retain millions, and takes 8 bytes for each, beside what the shelf has. A segment is
//! closed before the append that would make it too large or too old; both by the records' own stamps, not by the
//! clock (recorded: `ak-roll-by-size`, `ak-roll-by-time-*`). With one replica the high watermark is the end.

use super::TopicConfig;
use crate::domain::Out;
use crate::message::MessageRef;
use crate::packet::Record;
use crate::shared::Shared;
use crate::shelf::ShelfId;
use redeliver_sim::{Disk, FileId, Position, RecordLoss, Stamp};
use std::collections::VecDeque;

/// A run of records that retention deletes as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Its first offset.
    pub first: u32,
    /// Bytes of its records.
    pub bytes: u64,
    /// The stamp of its first record.
    pub first_stamp: Stamp,
    /// The greatest stamp of its records.
    pub greatest: Stamp,
}

/// A partition.
#[derive(Clone, Debug)]
pub struct Partition {
    config: TopicConfig,
    /// Its number, over all topics.
    line: u32,
    start: u32,
    end: u32,
    segments: VecDeque<Segment>,
    bytes: u64,
}

impl Partition {
    /// An empty partition of this topic, with this number.
    pub fn new(config: TopicConfig, line: u32) -> Self {
        Partition { config, line, start: 0, end: 0, segments: VecDeque::new(), bytes: 0 }
    }

    /// What the disk has kept of it, and nothing else.
    pub(super) fn recover(&mut self, disk: &Disk<Record>, shared: &Shared) {
        self.segments.clear();
        self.bytes = 0;
        self.end = disk.end(self.file()).0 as u32;
        self.start = disk.records(self.file()).next().map_or(self.end, |(position, _)| position.0 as u32);
        let end = std::mem::replace(&mut self.end, self.start);
        while self.end < end {
            let (id, begins, size) = self.entry(self.end, disk);
            self.push(size, shared.retained(id).stamp, begins);
        }
    }

    fn file(&self) -> FileId {
        FileId(self.line)
    }

    /// The oldest offset that can be read.
    #[inline(always)]
    pub fn start(&self) -> u32 {
        self.start
    }

    /// The next offset that will be given.
    #[inline(always)]
    pub fn end(&self) -> u32 {
        self.end
    }

    /// What consumers can see ends here.
    #[inline(always)]
    pub fn high_watermark(&self) -> u32 {
        self.end()
    }

    /// The record at an offset between start and end: its message, whether a segment begins with it, its bytes.
    #[inline(always)]
    fn entry(&self, offset: u32, disk: &Disk<Record>) -> (ShelfId, bool, u64) {
        let found = disk.entry(self.file(), Position(u64::from(offset)));
        let Some((Record::Logged { id, begins }, size)) = found else { unreachable!("it is on the disk") };
        (id, begins, size)
    }

    /// Which message the record at an offset between start and end has.
    #[inline(always)]
    pub(super) fn record(&self, offset: u32, disk: &Disk<Record>) -> ShelfId {
        self.entry(offset, disk).0
    }

    /// Bytes of the record at an offset between start and end.
    #[inline(always)]
    pub(super) fn size(&self, offset: u32, disk: &Disk<Record>) -> u64 {
        self.entry(offset, disk).2
    }

    /// The message of the record at an offset between start and end, for whoever does something about it.
    #[inline(always)]
    pub(super) fn message(&self, offset: u32, out: &mut Out<'_>) -> MessageRef {
        let id = self.record(offset, out.disk());
        self.take_out(id, offset, out)
    }

    /// The message of a record that a crash of the machine has just taken from this offset, and why.
    pub(super) fn lost(&self, offset: u32, out: &mut Out<'_>) -> (MessageRef, RecordLoss) {
        let found = out.disk().lost(self.file(), Position(u64::from(offset)));
        let Some((Record::Logged { id, .. }, why)) = found else { unreachable!("a crash has taken it") };
        (self.take_out(id, offset, out), why)
    }

    #[inline(always)]
    fn take_out(&self, id: ShelfId, offset: u32, out: &mut Out<'_>) -> MessageRef {
        let line = self.line;
        out.shared().take_out(id, |shared| (line, shared.ranks[line as usize].rank(offset)))
    }

    /// All records, with their offsets.
    pub(crate) fn records(&self, disk: &Disk<Record>) -> impl Iterator<Item = (u32, ShelfId)> {
        (self.start..self.end).map(|offset| (offset, self.record(offset, disk)))
    }

    /// The segments, oldest first; the last one is not closed.
    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter()
    }

    /// Bytes of all records.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The first offset behind the segment that this offset is in.
    #[inline]
    pub fn segment_end(&self, offset: u32) -> u32 {
        if self.segments.back().is_none_or(|last| last.first <= offset) {
            return self.end();
        }
        let next = self.segments.partition_point(|segment| segment.first <= offset);
        self.segments[next].first
    }

    /// Whether a record of this size and stamp would begin a new segment.
    #[inline]
    pub(super) fn rolls(&self, size: u64, stamp: Stamp) -> bool {
        let Some(active) = self.segments.back() else { return true };
        let age = stamp.0.saturating_sub(active.first_stamp.0);
        let too_old = self.config.segment_age.is_some_and(|limit| age > limit.0.min(i64::MAX as u64) as i64);
        active.bytes + size > self.config.segment_bytes || too_old
    }

    /// The disk has one more record, perhaps the first of a new segment.
    #[inline]
    pub(super) fn push(&mut self, size: u64, stamp: Stamp, begins: bool) {
        if begins || self.segments.is_empty() {
            let first = self.end();
            self.segments.push_back(Segment { first, bytes: 0, first_stamp: stamp, greatest: stamp });
        }
        let active = self.segments.back_mut().expect("there is one now");
        active.bytes += size;
        active.greatest = active.greatest.max(stamp);
        self.bytes += size;
        self.end += 1;
    }

    /// Where the oldest segment ends, if retention has it deleted now: by the greatest stamp of its records, or by
    /// what would be left. The active one can go too, if all of it is too old (recorded:
    /// `ak-retention-time-active-segment`, `ak-retention-bytes-rule`).
    pub(super) fn expired(&self, clock: Stamp) -> Option<u32> {
        let oldest = self.segments.front()?;
        let age = clock.0.saturating_sub(oldest.greatest.0);
        let limit = self.config.retention_age;
        let too_old = limit.is_some_and(|limit| age > limit.0.min(i64::MAX as u64) as i64);
        let kept = self.bytes - oldest.bytes;
        let too_much = self.config.retention_bytes.is_some_and(|limit| kept >= limit);
        (too_old || too_much).then(|| self.first_end())
    }

    /// Where the oldest segment ends.
    pub(super) fn first_end(&self) -> u32 {
        self.segments.get(1).map_or(self.end(), |second| second.first)
    }

    /// The oldest record goes.
    #[inline]
    pub(super) fn pop(&mut self, size: u64) {
        assert!(self.start < self.end, "only what is there is deleted");
        self.start += 1;
        self.bytes -= size;
        let oldest = self.segments.front_mut().expect("every record is in a segment");
        oldest.bytes -= size;
        if self.segments.get(1).map_or(self.start == self.end, |second| second.first == self.start) {
            self.segments.pop_front();
        }
    }

    /// Whether retention limits it at all.
    pub(super) fn is_limited(&self) -> bool {
        self.config.retention_age.is_some() || self.config.retention_bytes.is_some()
    }
}
