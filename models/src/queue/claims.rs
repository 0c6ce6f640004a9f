//! Deliveries that are claimed: what a consumer was given stays its own, however long it is silent, until it is settled or
//! another consumer claims what has been idle for long.
//!
//! Models the pending entries of Redis's consumer groups (`t_stream.c` of Redis 7.0: `xautoclaimCommand`,
//! `streamReplyWithRangeFromConsumerPEL`, `streamEstimateDistanceFromFirstEverEntry`; asked of Redis 7.0.15): a claim looks
//! at ten times as many entries as it may take, in their order, its claimant's own included; what the stream has let go of
//! is dropped from them, and counts as taken. Both a claim and a second reading count as deliveries, and begin the idle
//! time anew. Left out: `XCLAIM` of single entries, `JUSTID`.

use super::broker::Broker;
use super::queue::Entry;
use super::service::NOBODY;
use crate::causes::DuplicateCause;
use crate::domain::Out;
use crate::fact::Fact;
use crate::packet::{Packet, Record};
use redeliver_sim::{ConnectionId, Span};

/// How a consumer of a load claims what others have left. Redis: `XAUTOCLAIM`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claims {
    /// It claims this often, when it has nothing in hand and before it asks for more.
    pub every: Span,
    /// What has been idle for so long. Redis: `min-idle-time`.
    pub idle: Span,
    /// So many at a time, at most. Redis: `COUNT`.
    pub batch: u16,
}

/// A delivery that can be claimed, as an onlooker sees it.
#[derive(Clone, Copy, Debug)]
pub struct Claimable<'b> {
    /// The message, with the number of its deliveries.
    pub entry: Entry,
    /// Whose it is.
    pub consumer: ConnectionId,
    /// Its name, if the stream has let go of it.
    pub gone: Option<&'b str>,
}

/// Registers from here on hold how many entries each reader has read.
const ENTRIES_READ: u32 = super::streaming::WRITTEN + (1 << 20);

impl Broker {
    /// Whether what a queue delivers comes again only if it is claimed.
    pub(super) fn is_claimed(&self, queue: usize) -> bool {
        self.queues[queue].config.redelivery.as_ref().is_some_and(|redelivery| redelivery.claimed)
    }

    #[cold]
    pub(super) fn on_claim(
        &mut self,
        from: ConnectionId,
        queue: u32,
        (idle, batch, first): (Span, u16, u32),
        out: &mut Out<'_>,
    ) {
        let index = queue as usize;
        if !self.declared[index] {
            return self.refuse_channel(from, out);
        }
        out.shared().brokers[0].requests += 1;
        let (mut left, mut looks, mut next) = (batch.max(1), u32::from(batch.max(1)) * LOOKS, first);
        while let Some((rank, since)) = self.first_held(index, next)
            && left > 0
            && looks > 0
            && !out.is_cut()
        {
            (next, looks) = (rank + 1, looks - 1);
            if self.is_gone(index, rank) {
                self.land_timed(index, rank);
                left -= 1;
            } else if out.now().since(since) >= idle {
                self.deliver_again((index, rank), from, DuplicateCause::VisibilityTimeout, out);
                left -= 1;
            }
        }
        let next = self.first_held(index, next).map_or(0, |(rank, _)| rank);
        self.end_page(from, queue, next, out);
    }

    #[cold]
    pub(super) fn on_reread(
        &mut self,
        from: ConnectionId,
        queue: u32,
        (batch, after): (u16, u32),
        out: &mut Out<'_>,
    ) {
        let index = queue as usize;
        if !self.declared[index] {
            return self.refuse_channel(from, out);
        }
        out.shared().brokers[0].requests += 1;
        let (mut left, mut next) = (batch.max(1), after.saturating_add(1));
        while let Some((rank, _)) = self.first_held(index, next)
            && left > 0
            && !out.is_cut()
        {
            next = rank + 1;
            if self.consumer_of(index, rank) != Some(from) {
                continue;
            }
            left -= 1;
            if self.is_gone(index, rank) {
                self.reply(from, Packet::Emptied { queue, sequence: rank }, out);
            } else {
                self.deliver_again((index, rank), from, DuplicateCause::ConnectionClosed, out);
            }
        }
        self.end_page(from, queue, if left == 0 { next - 1 } else { 0 }, out);
    }

    fn end_page(&mut self, to: ConnectionId, queue: u32, next: u32, out: &mut Out<'_>) {
        self.set_level(queue as usize, out);
        self.count_change(out);
        self.reply(to, Packet::PageEnd { queue, next }, out);
    }

    fn deliver_again(
        &mut self,
        (queue, rank): (usize, u32),
        to: ConnectionId,
        why: DuplicateCause,
        out: &mut Out<'_>,
    ) {
        if let Some(entry) = self.land_timed(queue, rank) {
            out.note(Fact::Requeued { m: entry.m, s: self.queues[queue].s, why });
            self.send_timed(queue, entry, (to, false), (0, NOBODY), out);
        }
    }

    /// The first delivery that is not settled, from this sequence on, and when it began.
    fn first_held(&self, queue: usize, from: u32) -> Option<(u32, redeliver_sim::Time)> {
        let pending = self.queues[queue].pending.as_ref()?;
        pending.held.range(from..).next().map(|(rank, hold)| (*rank, hold.since))
    }

    fn is_gone(&self, queue: usize, rank: u32) -> bool {
        self.queues[queue].pending.as_ref().is_some_and(|pending| pending.gone.contains_key(&rank))
    }

    fn consumer_of(&self, queue: usize, rank: u32) -> Option<ConnectionId> {
        let hold = self.queues[queue].pending.as_ref()?.held.get(&rank)?;
        self.flights.get(hold.tag).map(|flight| flight.connection)
    }

    /// A message is delivered for the first time. The server cannot know how many came before one that stands neither
    /// first nor last in the stream: it counts on, if it could say so once. What is let go of unread is not counted.
    pub(super) fn count_read(&mut self, queue: usize, rank: u32, out: &mut Out<'_>) {
        let known = self.estimate(queue, rank);
        let durable = self.queues[queue].config.durable;
        let Some(pending) = &mut self.queues[queue].pending else { return };
        pending.delivered = rank;
        pending.entries_read = pending.entries_read.map(|read| read + 1).or(known);
        if let Some(last) = pending.entries_read.filter(|_| durable) {
            out.set_register(ENTRIES_READ + queue as u32, Record::Read { last, apart: false });
        }
    }

    /// How many messages the stream had taken with this one.
    fn estimate(&self, queue: usize, rank: u32) -> Option<u32> {
        let stream = &self.streams[self.queues[queue].config.stream?];
        let (added, first) = (stream.next() - 1, stream.first());
        match rank {
            _ if rank == added => Some(added),
            _ if rank <= first => Some(added - stream.count() + u32::from(rank == first)),
            _ => None,
        }
    }

    /// How many messages a reader has read, and how many it has not, as the server says. Redis: `entries-read`, `lag`.
    pub fn progress(&self, queue: usize) -> (Option<u32>, Option<u32>) {
        let state = &self.queues[queue];
        let (Some(pending), Some(stream)) = (&state.pending, state.config.stream) else {
            return (None, None);
        };
        let added = self.streams[stream].next() - 1;
        let read = pending.entries_read.or_else(|| self.estimate(queue, pending.delivered));
        (pending.entries_read, read.map(|read| added.saturating_sub(read)))
    }

    /// What a restart knows of a reader's progress.
    pub(super) fn recover_progress(&mut self, queue: usize, out: &Out<'_>) {
        let read = match out.disk().register(ENTRIES_READ + queue as u32) {
            Some(Record::Read { last, .. }) => Some(last),
            _ => None,
        };
        let first_unread = self.queues[queue].ready().map(|entry| entry.rank).min();
        let added = self.queues[queue].config.stream.map_or(0, |stream| self.streams[stream].next() - 1);
        let read = read.map(|read| read.min(added));
        if let Some(pending) = &mut self.queues[queue].pending {
            pending.entries_read = read;
            pending.delivered = first_unread.map_or(added, |rank| rank - 1);
        }
    }

    /// What was delivered and is not settled, in the order of the stream.
    pub fn claimable(&self, queue: usize) -> impl Iterator<Item = Claimable<'_>> {
        let pending = self.queues[queue].pending.iter().filter(move |_| self.is_claimed(queue));
        pending.flat_map(move |pending| {
            pending.held.iter().filter_map(move |(rank, hold)| {
                let flight = self.flights.get(hold.tag)?;
                let gone = pending.gone.get(rank).map(String::as_str);
                Some(Claimable { entry: flight.entry, consumer: flight.connection, gone })
            })
        })
    }
}

/// A claim looks at so many entries for each that it may take. Redis: `attempts`.
const LOOKS: u32 = 10;
