//! Deletion of old segments: by age, by size, and when the disk is full.
//!
//! Always whole segments, oldest first, at a periodic check (rules of Kafka's `UnifiedLog`, recorded:
//! `ak-retention-*`). On a full disk the log is a bounded ring buffer, as in DDIA, 1st ed., chapter 11: the segment
//! whose records are the oldest of all goes.

use super::broker::Broker;
use super::partition::Partition;
use crate::causes::LossCause;
use crate::domain::Out;
use crate::fact::Fact;
use redeliver_sim::{FileId, Position, Span, Time};

impl Broker {
    /// Deletes what retention no longer keeps of a partition.
    pub(super) fn enforce(&mut self, index: usize, out: &mut Out<'_>) {
        let clock = out.clock();
        while let Some(end) = self.partitions[index].expired(clock) {
            self.delete_before(index, end, out);
        }
    }

    /// Deletes the oldest segments of all until so many more bytes fit. Nothing helps if they never do, or if it is
    /// not our records that fill the disk.
    pub(super) fn make_room(&mut self, bytes: u64, out: &mut Out<'_>) {
        let Some(capacity) = out.disk().capacity().filter(|capacity| bytes <= *capacity) else { return };
        while out.disk().used() + bytes > capacity {
            let stamped = self.partitions.iter().enumerate().filter_map(|(index, partition)| {
                partition.segments().next().map(|segment| (segment.greatest, index))
            });
            let Some((_, index)) = stamped.min() else { return };
            let end = self.partitions[index].first_end();
            self.delete_before(index, end, out);
        }
    }

    fn delete_before(&mut self, index: usize, end: u32, out: &mut Out<'_>) {
        let next_unread = self.next_unread(index, out);
        while self.partitions[index].start() < end {
            self.delete_first(index, out);
        }
        self.measure(index, &next_unread, out);
    }

    fn delete_first(&mut self, index: usize, out: &mut Out<'_>) {
        let offset = self.partitions[index].start();
        let size = self.partitions[index].size(offset, out.disk());
        let m = self.partitions[index].message(offset, out);
        for i in 0..self.spec.readers[index].len() {
            let group = self.spec.readers[index][i];
            let bound = self.is_bound(group, out);
            let state = &mut self.groups[group];
            let local = state.local(index as u32);
            if state.low[local] == offset {
                state.low[local] += 1;
                if bound {
                    state.held -= 1;
                    out.note(Fact::Removed { m, s: state.spec.s, why: LossCause::Retention });
                    self.set_level(group, out);
                }
            }
        }
        out.remove(FileId(index as u32), Position(u64::from(offset)));
        self.partitions[index].pop(size);
        out.note(Fact::Released { m });
    }

    /// By reader of a partition: when the next message that it has not passed was stored.
    fn next_unread(&self, index: usize, out: &mut Out<'_>) -> Vec<Option<Time>> {
        let partition = &self.partitions[index];
        let readers = self.spec.readers[index].iter().map(|&group| {
            let state = &self.groups[group];
            let low = state.low[state.local(index as u32)];
            let unread = self.is_bound(group, out) && low < partition.end();
            unread.then(|| stored_at(partition, low, out))
        });
        readers.collect()
    }

    /// The window is the age of the oldest record that is left; a group's headroom is the window less the age of the
    /// next message that it has not passed. At zero it falls off.
    fn measure(&self, index: usize, next_unread: &[Option<Time>], out: &mut Out<'_>) {
        let now = out.now();
        let partition = &self.partitions[index];
        let is_empty = partition.start() == partition.end();
        let oldest = if is_empty { now } else { stored_at(partition, partition.start(), out) };
        let figures = &mut out.shared().brokers[0];
        figures.first_deletion.get_or_insert(now);
        let window = now.since(oldest);
        figures.window_min = Some(figures.window_min.map_or(window, |least: Span| least.min(window)));
        for (&group, unread) in self.spec.readers[index].iter().zip(next_unread) {
            let Some(unread) = unread else { continue };
            let headroom = unread.0 as i64 - oldest.0 as i64;
            let s = self.groups[group].spec.s;
            let least = &mut out.shared().subscriptions[s.0 as usize].headroom_min;
            *least = Some(least.map_or(headroom, |least| least.min(headroom)));
        }
    }
}

/// When the record at an offset was stored.
fn stored_at(partition: &Partition, offset: u32, out: &mut Out<'_>) -> Time {
    let id = partition.record(offset, out.disk());
    out.shared().messages.stored_at(id)
}
