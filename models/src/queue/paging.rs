//! Which of its ready messages a queue has in memory, and what it takes to fetch the others.
//!
//! Models RabbitMQ: classic queues v2 (`rabbit_variable_queue:publish1`, `MemoryLimit`) have as many in memory as
//! consumers take in two seconds, from 1 to 2048, and quorum queues as few ("actively move data to disk": Memory Alarm
//! Threshold); before 4.0 a classic queue had all in memory, until the broker's messages took more than
//! `vm_memory_high_watermark_paging_ratio` of the watermark. Once something waits on disk, what comes later does, too.
//! What a queue fetches it fetches in batches of as many as it may have in memory. What was written not long ago the
//! operating system still has in its page cache: all memory but what the watermark leaves to messages. Only what lies
//! behind more than that is really read, in turn with all other transfers: then a long backlog is slow.
//!
//! Left out: that each priority of a queue has its own share of memory, and that other queues use the page cache, too; what
//! it costs to write messages that are not persistent; seeks. The rate is that of the last full second, RabbitMQ's a
//! moving average.

use super::broker::Broker;
use crate::domain::Out;
use crate::packet::Timer;
use redeliver_sim::{ConnectionId, Span, Time};
use std::collections::VecDeque;

/// Which ready messages a queue has in memory, if that is not all.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Paging {
    /// All, until the broker's messages take more than this share of what the memory watermark allows.
    AboveShare(f64),
    /// As many as consumers take in two seconds, from 1 to 2048.
    BeyondDemand,
}

/// As many as a queue has in memory at most, of those that it may.
const LOADED_MAX: u64 = 2048;

/// A queue's messages on disk.
#[derive(Clone, Debug)]
pub(super) struct Pager {
    paging: Paging,
    /// How much of what was written last is still in the page cache.
    cache: u64,
    /// How many wait on disk, and their bytes.
    on_disk: usize,
    bytes: u64,
    /// So many are being read.
    reading: usize,
    /// Who has asked for one that is.
    gets: VecDeque<(ConnectionId, bool)>,
    /// Taken by consumers since then.
    taken: u64,
    since: Time,
    /// How many they took, a second.
    rate: u64,
}

impl Pager {
    /// Of a queue without messages.
    pub(super) fn new(paging: Paging, cache: u64) -> Self {
        Pager {
            paging,
            cache,
            on_disk: 0,
            bytes: 0,
            reading: 0,
            gets: VecDeque::new(),
            taken: 0,
            since: Time::ZERO,
            rate: 0,
        }
    }

    /// A message begins to wait on disk.
    pub(super) fn add(&mut self, size: u32) {
        self.on_disk += 1;
        self.bytes += u64::from(size);
    }

    /// So many messages with so many bytes are fetched, or given up.
    pub(super) fn remove(&mut self, messages: usize, bytes: u64) {
        self.on_disk -= messages;
        self.bytes -= bytes;
    }

    /// Who is gone asks for nothing.
    pub(super) fn forget(&mut self, connection: ConnectionId) {
        self.gets.retain(|(other, _)| *other != connection);
    }

    fn measure(&mut self, now: Time) {
        let span = now.since(self.since);
        if span >= Span::seconds(1) {
            self.rate = (u128::from(self.taken) * u128::from(Span::seconds(1).0) / u128::from(span.0)) as u64;
            (self.taken, self.since) = (0, now);
        }
    }

    /// How many messages it may have in memory, or fetch at once.
    fn loaded_max(&self) -> u64 {
        match self.paging {
            Paging::BeyondDemand => (1 + 2 * self.rate).min(LOADED_MAX),
            Paging::AboveShare(_) => LOADED_MAX,
        }
    }
}

impl Broker {
    /// A message of so many bytes becomes a queue's: in memory, or on disk only. True: it is in memory.
    #[inline(always)]
    pub(super) fn admit(&mut self, queue: usize, size: u32, out: &mut Out<'_>) -> bool {
        let in_memory = self.queues[queue].pager.is_none() || !self.waits_on_disk(queue, size, out);
        if in_memory && size > 0 {
            self.add_memory(u64::from(size), out);
        }
        in_memory
    }

    #[cold]
    #[inline(never)]
    fn waits_on_disk(&mut self, queue: usize, size: u32, out: &mut Out<'_>) -> bool {
        let (memory, limit, size) = (self.memory, self.spec.memory_limit, u64::from(size));
        let length = self.queues[queue].len() as u64;
        let Some(pager) = &mut self.queues[queue].pager else { return false };
        pager.measure(out.now());
        pager.on_disk > 0
            || match pager.paging {
                Paging::AboveShare(share) => (memory + size) as f64 > share * limit as f64,
                Paging::BeyondDemand => length >= pager.loaded_max(),
            }
    }

    /// Whether the first message of a queue with one can be sent now. If it is to be read first, that begins.
    #[cold]
    #[inline(never)]
    pub(super) fn has_loaded(&mut self, queue: usize, out: &mut Out<'_>) -> bool {
        if !self.service[queue].has_room() {
            return true; // nobody asks
        }
        self.load(queue, out)
    }

    /// A client asks for the first message. If it has to be read, the answer comes later.
    #[cold]
    #[inline(never)]
    pub(super) fn waits_for_read(
        &mut self,
        queue: usize,
        connection: ConnectionId,
        auto_ack: bool,
        out: &mut Out<'_>,
    ) -> bool {
        if self.queues[queue].len() == 0 || self.load(queue, out) {
            return false;
        }
        if let Some(pager) = &mut self.queues[queue].pager {
            pager.gets.push_back((connection, auto_ack));
        }
        true
    }

    /// Brings the next batch into memory, if the first message is not there: at once out of the page cache, or by a read.
    fn load(&mut self, queue: usize, out: &mut Out<'_>) -> bool {
        let state = &mut self.queues[queue];
        let is_there = state.head().is_none_or(|head| head.in_memory);
        let Some(pager) = &mut state.pager else { return true };
        pager.measure(out.now());
        if is_there {
            pager.taken += 1;
            return true;
        }
        if pager.reading > 0 {
            return false;
        }
        let count = pager.on_disk.min(pager.loaded_max() as usize);
        pager.reading = count;
        if pager.bytes > pager.cache {
            let bytes = state.next_on_disk(count).map(|entry| u64::from(entry.size)).sum();
            out.read(bytes, Timer::PagedIn { queue: queue as u32 });
            return false;
        }
        self.finish_read(queue, out);
        self.load(queue, out)
    }

    /// A batch is in memory now.
    fn finish_read(&mut self, queue: usize, out: &mut Out<'_>) {
        let state = &mut self.queues[queue];
        let count = state.pager.as_mut().map_or(0, |pager| std::mem::take(&mut pager.reading));
        let (mut loaded, mut bytes) = (0, 0);
        for entry in state.next_on_disk(count) {
            entry.in_memory = true;
            (loaded, bytes) = (loaded + 1, bytes + u64::from(entry.size));
        }
        if let Some(pager) = &mut state.pager {
            pager.remove(loaded, bytes);
        }
        self.add_memory(bytes, out);
    }

    /// A batch has been read: those who asked for a message get it first, then consumers.
    pub(super) fn on_paged_in(&mut self, queue: usize, out: &mut Out<'_>) {
        self.finish_read(queue, out);
        let asked = self.queues[queue].pager.as_mut().map(|pager| std::mem::take(&mut pager.gets));
        for (connection, auto_ack) in asked.into_iter().flatten() {
            self.on_get(connection, queue as u32, auto_ack, out);
        }
        self.dispatch(queue, out);
        self.set_level(queue, out);
        self.arm_expiry(queue, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::{Config, Priorities};
    use crate::setup::*;
    use crate::testing::*;
    use redeliver_sim::Distribution;

    const MEGABYTE: u64 = 1_000_000;

    /// What the broker does with five messages of 1 MB, a consumer that comes at 100 ms and works for 1 ms, a disk that
    /// reads 1 MB in a millisecond, and a machine with so many MB of memory, of which 40 % are page cache.
    fn told(paging: Paging, memory: u64) -> String {
        told_of(|_| (), paging, memory)
    }

    fn told_of(change: impl FnOnce(&mut Config), paging: Paging, memory: u64) -> String {
        let mut config = queue();
        config.paging = Some(paging);
        change(&mut config);
        let mut setup = setup(Design::Queue(config), 5);
        setup.producers[0].size = Distribution::Constant(MEGABYTE);
        setup.consumers = vec![consumer("stock", 1, 1)];
        setup.consumers[0].members[0].joins = Span::millis(100);
        let machine = MachineChange {
            memory: Some(memory * MEGABYTE),
            disk_bandwidth: Some(1e9),
            disk_sync: Some(Distribution::Constant(0)),
            ..MachineChange::default()
        };
        setup.machines = vec![(NodePattern::any(), machine)];
        let told = timeline(&setup);
        let shown = |line: &&str| line.contains("sent");
        told.lines().filter(shown).map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn what_the_page_cache_has_comes_at_once() {
        insta::assert_snapshot!(told(Paging::BeyondDemand, 10), @"
        0.103  broker/1 sent shop#1 to stock, attempt 1
        0.106  broker/1 sent shop#2 to stock, attempt 1
        0.109  broker/1 sent shop#3 to stock, attempt 1
        0.112  broker/1 sent shop#4 to stock, attempt 1
        0.115  broker/1 sent shop#5 to stock, attempt 1
        ");
    }

    #[test]
    fn what_lies_behind_more_than_the_page_cache_is_read_one_by_one_while_nobody_has_taken_any() {
        insta::assert_snapshot!(told(Paging::BeyondDemand, 5), @"
        0.103  broker/1 sent shop#1 to stock, attempt 1
        0.107  broker/1 sent shop#2 to stock, attempt 1
        0.111  broker/1 sent shop#3 to stock, attempt 1
        0.114  broker/1 sent shop#4 to stock, attempt 1
        0.117  broker/1 sent shop#5 to stock, attempt 1
        ");
    }

    #[test]
    fn before_4_0_all_is_in_memory_up_to_a_share_of_the_watermark() {
        insta::assert_snapshot!(told(Paging::AboveShare(0.5), 5), @"
        0.103  broker/1 sent shop#1 to stock, attempt 1
        0.110  broker/1 sent shop#2 to stock, attempt 1
        0.113  broker/1 sent shop#3 to stock, attempt 1
        0.116  broker/1 sent shop#4 to stock, attempt 1
        0.119  broker/1 sent shop#5 to stock, attempt 1
        ");
    }

    /// Quorum queues of 4.0 have two classes of priorities: what is first of either has to be there.
    #[test]
    fn of_several_priorities_the_one_whose_turn_it_is_is_read() {
        let two_classes = |config: &mut Config| config.queues[0].priorities = Priorities::TwoToOne;
        insta::assert_snapshot!(told_of(two_classes, Paging::BeyondDemand, 5), @"
        0.103  broker/1 sent shop#1 to stock, attempt 1
        0.107  broker/1 sent shop#2 to stock, attempt 1
        0.111  broker/1 sent shop#3 to stock, attempt 1
        0.114  broker/1 sent shop#4 to stock, attempt 1
        0.117  broker/1 sent shop#5 to stock, attempt 1
        ");
    }
}
