//! Streams in a broker: what is published into them, who reads them, and what lets go of their messages.
//!
//! A reader of a stream is a queue of its own, of messages that the stream holds: JetStream's consumer. What a stream lets
//! go of is gone for its readers, too; who holds it may still process it. What a restart finds is in `stream_recovery.rs`.

use super::broker::{Broker, Torn};
use super::queue::Entry;
use super::redelivery::Hold;
use super::routing::{subject_fits, subjects_overlap};
use super::stream::Retained;
use super::{ExchangeConfig, ExchangeKind, Retention};
use crate::causes::{DuplicateCause, LossCause};
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::{MessageRef, SubscriptionId};
use crate::packet::{Packet, Record, Timer};
use crate::properties::MessageId;
use crate::setup::StartAt;
use redeliver_sim::{ConnectionId, FileId, Position, Span, Time};
use std::collections::BTreeSet;

/// Registers from here on hold the last sequence that a reader knows of; then, the last of each stream.
pub(super) const READ: u32 = 3 << 30;
pub(super) const WRITTEN: u32 = READ + (1 << 20);

/// Why a reader of a stream cannot be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeclareError {
    /// Its stream is not there.
    NoStream,
    /// A work queue has a reader that reads all, or would have one.
    MultipleUnfiltered,
    /// A work queue has another that reads some of the same.
    NotUnique,
}

impl Broker {
    /// The file of a stream.
    pub(super) fn stream_file(&self, stream: usize) -> FileId {
        FileId((self.queues.len() + stream) as u32)
    }

    /// The queues that read a stream.
    fn readers(&self, stream: usize) -> impl Iterator<Item = usize> + use<'_> {
        let reads = move |queue: &usize| self.queues[*queue].config.stream == Some(stream);
        (0..self.queues.len()).filter(move |queue| reads(queue) && self.declared[*queue])
    }

    #[cold]
    #[inline(never)]
    pub(super) fn publish_to_stream(
        &mut self,
        (stream, exchange): (usize, usize),
        from: ConnectionId,
        m: MessageRef,
        attempt: u16,
        out: &mut Out<'_>,
    ) {
        let Self { streams, exchanges, .. } = self;
        let (state, subject) = (&mut streams[stream], &exchanges[exchange]);
        let message = *out.shared().messages.get(m);
        let bytes = state.bytes_of(message.size, &subject.name);
        let said = *out.shared().properties(m);
        let id = said.id;
        let named = if id == MessageId::Own { (message.source.0, message.number) } else { (0, 0) };
        let identity = (id, named.0, named.1);
        let heard = state.config.retention != Retention::Interest || !subject.queues.is_empty();
        let refusal = if !state.declared {
            Some(LossCause::Unroutable)
        } else if id != MessageId::None && state.knows(out.now(), identity) {
            out.note(Fact::StoredBefore { m });
            return self.answer(from, m, attempt, true, out);
        } else if state.config.durable && !out.disk().has_room(bytes) {
            Some(LossCause::DiskFull)
        } else {
            state.refuses(bytes).then_some(LossCause::QueueOverflow)
        };
        if let Some(why) = refusal {
            out.note(Fact::NotTaken { m, why });
            return self.answer(from, m, attempt, false, out);
        }
        if id != MessageId::None {
            state.learn(out.now(), identity);
        }
        if !heard {
            out.note(Fact::NotTaken { m, why: LossCause::Unroutable });
            return self.answer(from, m, attempt, true, out);
        }
        self.keep_in_stream((stream, exchange), m, bytes, out);
        if !out.is_cut() {
            self.count_change(out);
            self.hold_limits(stream, out);
            if let Some(max) = said.length_max {
                let surplus = self.streams[stream].surplus(max);
                (0..surplus).for_each(|_| self.let_go_of_first(stream, out));
            }
            let queues = self.exchanges[exchange].queues.clone();
            self.answer_kept(stream, from, m, attempt, out);
            queues.into_iter().for_each(|queue| self.go_on_reading(queue, out));
        }
    }

    fn answer(&mut self, to: ConnectionId, m: MessageRef, attempt: u16, positive: bool, out: &mut Out<'_>) {
        // A record that was closed has nobody who waits for an answer.
        if out.shared().messages.current(m).is_some_and(|message| message.buffered) {
            self.reply(to, Packet::Confirm { m, attempt, positive, offset: 0 }, out);
        }
    }

    fn answer_kept(
        &mut self,
        stream: usize,
        to: ConnectionId,
        m: MessageRef,
        attempt: u16,
        out: &mut Out<'_>,
    ) {
        let durable = self.streams[stream].config.durable;
        self.confirm(to, m, attempt, durable, out);
    }

    fn keep_in_stream(
        &mut self,
        (stream, exchange): (usize, usize),
        m: MessageRef,
        bytes: u64,
        out: &mut Out<'_>,
    ) {
        let (file, queues) = (self.stream_file(stream), self.exchanges[exchange].queues.clone());
        let state = &mut self.streams[stream];
        let (sequence, exchange, wanted) = (state.next(), exchange as u32, queues.len() as u32);
        let record = Record::Streamed { m, sequence, exchange };
        let position = if state.config.durable { out.append(file, record, bytes).ok() } else { None };
        state.push(Retained { m, bytes, at: out.now(), position, exchange, wanted });
        if position.is_some() {
            out.set_register(WRITTEN + stream as u32, Record::Sequence { last: sequence });
        } else {
            self.add_memory(bytes, out);
        }
        out.note(Fact::Retained { m, last: queues.is_empty() });
        for (i, queue) in queues.iter().enumerate() {
            if out.is_cut() {
                return self.torn.push(Torn::Publish(m));
            }
            let last = i + 1 == queues.len();
            let entry = self.read(*queue, m, (sequence, 0), out);
            let (s, rank) =
                (self.queues[*queue].s, out.shared().next_rank(self.queues[*queue].s, *queue as u32));
            self.queues[*queue].push(entry);
            out.note(Fact::Stored { m, s, line: *queue as u32, rank, last });
        }
    }

    /// A message becomes a reader's: as much of it as it needs.
    fn read(&self, queue: usize, m: MessageRef, (rank, attempts): (u32, u16), out: &mut Out<'_>) -> Entry {
        let s = self.queues[queue].s;
        let record = unread_record(m, s, rank);
        let durable = self.queues[queue].config.durable;
        let position = if durable { out.append(FileId(queue as u32), record, 0).ok() } else { None };
        if durable {
            self.record_read(queue, rank, out);
        }
        unread((m, rank), attempts, position)
    }

    fn go_on_reading(&mut self, queue: usize, out: &mut Out<'_>) {
        self.dispatch(queue, out);
        self.set_level(queue, out);
    }

    // What it lets go of.

    /// Its readers have settled it: whether that is enough to let go of it.
    pub(super) fn settled_in_stream(&mut self, queue: usize, sequence: u32, out: &mut Out<'_>) {
        let Some(stream) = self.queues[queue].config.stream else { return };
        let state = &mut self.streams[stream];
        if state.config.retention == Retention::Limits || out.is_cut() {
            return;
        }
        let Some(entry) = state.get_mut(sequence) else { return };
        entry.wanted = entry.wanted.saturating_sub(1);
        if entry.wanted == 0 {
            self.release(stream, sequence, out);
        }
    }

    /// Takes a message out of a stream.
    pub(super) fn release(&mut self, stream: usize, sequence: u32, out: &mut Out<'_>) {
        let file = self.stream_file(stream);
        let Some(entry) = self.streams[stream].take(sequence) else { return };
        self.forget_given_up(stream, entry.m, out);
        match entry.position {
            Some(position) => out.remove(file, position),
            None => self.free_memory(entry.bytes),
        }
        out.note(Fact::Released { m: entry.m });
    }

    pub(super) fn hold_limits(&mut self, stream: usize, out: &mut Out<'_>) {
        while self.streams[stream].is_over() && !out.is_cut() {
            self.let_go_of_first(stream, out);
        }
        self.arm_age(stream, out);
    }

    /// Its first message is gone, for its readers too.
    fn let_go_of_first(&mut self, stream: usize, out: &mut Out<'_>) {
        let sequence = self.streams[stream].first();
        let readers: Vec<usize> = self.readers(stream).collect();
        for queue in readers {
            let state = &mut self.queues[queue];
            let held = state.pending.as_ref().and_then(|pending| pending.held.get(&sequence)).copied();
            let entry = match held {
                Some(Hold { tag, .. }) => {
                    let entry = self.flights.get(tag).map(|flight| flight.entry);
                    let told = !out.shared().journals.is_empty();
                    let name = entry.filter(|_| told).map(|entry| out.shared().notation(entry.m).1);
                    let gone = state.pending.as_mut().map(|pending| &mut pending.gone);
                    let first_time =
                        gone.is_some_and(|gone| gone.insert(sequence, name.unwrap_or_default()).is_none());
                    state.unacked -= u32::from(first_time);
                    entry.filter(|_| first_time)
                }
                None => state.take_returned(sequence).or_else(|| state.take_waiting(sequence)),
            };
            if let Some(entry) = entry {
                self.forget(queue, entry, out);
                out.note(Fact::Removed { m: entry.m, s: self.queues[queue].s, why: LossCause::Retention });
                self.set_level(queue, out);
            }
            if out.is_cut() {
                return;
            }
        }
        self.release(stream, sequence, out);
        self.measure_window(stream, out);
    }

    /// The window is the age of the oldest message that is left.
    fn measure_window(&self, stream: usize, out: &mut Out<'_>) {
        let now = out.now();
        let window =
            self.streams[stream].entries().next().map_or(Span::ZERO, |(_, oldest)| now.since(oldest.at));
        let figures = &mut out.shared().brokers[0];
        figures.first_deletion.get_or_insert(now);
        figures.window_min = Some(figures.window_min.map_or(window, |least: Span| least.min(window)));
    }

    pub(super) fn on_stream_age(&mut self, stream: usize, out: &mut Out<'_>) {
        while self.streams[stream].ends().is_some_and(|at| at <= out.now()) && !out.is_cut() {
            self.let_go_of_first(stream, out);
        }
        self.arm_age(stream, out);
        // What its readers could not take may have stood before what they can.
        let readers: Vec<usize> = self.readers(stream).collect();
        readers.into_iter().for_each(|queue| self.go_on_reading(queue, out));
    }

    fn arm_age(&self, stream: usize, out: &mut Out<'_>) {
        if let Some(at) = self.streams[stream].ends() {
            let slot = self.alarm(stream, 2);
            out.set_alarm(slot, at.since(out.now()), Timer::StreamAge { stream: stream as u32 });
        }
    }

    // Readers that come late.

    /// Makes a reader of a stream, if it may be.
    pub(crate) fn declare_reader(&mut self, queue: usize, out: &mut Out<'_>) -> Result<(), DeclareError> {
        let config = self.queues[queue].config.clone();
        let Some(stream) = config.stream.filter(|stream| self.streams[*stream].declared) else {
            return Err(DeclareError::NoStream);
        };
        if self.declared[queue] {
            return Ok(());
        }
        if self.streams[stream].config.retention == Retention::WorkQueue {
            let others: Vec<usize> = self.readers(stream).collect();
            let filters = || others.iter().map(|other| &self.queues[*other].config.filter);
            if config.filter.is_empty() && !others.is_empty() {
                return Err(DeclareError::MultipleUnfiltered);
            }
            if filters().any(|filter| subjects_overlap(filter, &config.filter)) {
                return Err(DeclareError::NotUnique);
            }
        }
        self.declared[queue] = true;
        let fits = |exchange: &ExchangeConfig| {
            exchange.kind == ExchangeKind::Stream(stream as u32)
                && subject_fits(&config.filter, &exchange.name)
        };
        self.bind_to_all(self.exchanges_where(fits), queue as u32, out);
        Ok(())
    }

    /// The first member of a subscription that comes late makes its reader.
    #[cold]
    pub(super) fn bind_late(&mut self, queue: u32, out: &mut Out<'_>) {
        let waits = |exchange: &ExchangeConfig| exchange.late.contains(&(queue as usize));
        self.bind_to_all(self.exchanges_where(waits), queue, out);
    }

    fn exchanges_where(&self, is: impl Fn(&ExchangeConfig) -> bool) -> Vec<u32> {
        let numbered = self.exchanges.iter().enumerate();
        numbered.filter(|(_, exchange)| is(exchange)).map(|(exchange, _)| exchange as u32).collect()
    }

    /// A reader begins to read what came over these exchanges: what is there already, in the order of the stream
    /// (`LoadNextMsg`, which has all the subjects that fit before it), unless it wants only what is new.
    pub(super) fn begin_to_read(&mut self, exchanges: &[u32], queue: usize, out: &mut Out<'_>) {
        let Some(stream) = self.queues[queue].config.stream else { return };
        if self.queues[queue].config.from == StartAt::Beginning {
            let there = self.streams[stream].entries().filter(|(_, kept)| exchanges.contains(&kept.exchange));
            let known = self.known_to(queue);
            let there = there.filter(|(sequence, _)| !known.contains(sequence));
            let there: Vec<(u32, MessageRef)> = there.map(|(sequence, kept)| (sequence, kept.m)).collect();
            there
                .into_iter()
                .for_each(|(sequence, m)| self.find_in_stream(queue, stream, (sequence, m), out));
        }
        let last = self.streams[stream].next() - 1;
        let skips = self.queues[queue].config.from == StartAt::End;
        if let Some(pending) = self.queues[queue].pending.as_mut().filter(|_| skips) {
            pending.delivered = last;
        }
        if self.queues[queue].config.durable {
            self.record_read(queue, last, out);
        }
        self.go_on_reading(queue, out);
    }

    /// The disk knows how far a reader has read.
    pub(super) fn record_read(&self, queue: usize, last: u32, out: &mut Out<'_>) {
        let apart = !self.is_claimed(queue);
        out.set_register(READ + queue as u32, Record::Read { last, apart });
    }

    /// What a reader knows of: it waits, or was delivered and is not settled.
    fn known_to(&self, queue: usize) -> BTreeSet<u32> {
        let state = &self.queues[queue];
        let held = state.pending.iter().flat_map(|pending| pending.held.keys().copied());
        state.ready().map(|entry| entry.rank).chain(held).collect()
    }

    pub(super) fn find_in_stream(
        &mut self,
        queue: usize,
        stream: usize,
        (sequence, m): (u32, MessageRef),
        out: &mut Out<'_>,
    ) {
        if out.is_cut() {
            return;
        }
        let s = self.queues[queue].s;
        let entry = self.read(queue, m, (sequence, 0), out);
        self.queues[queue].take_back(entry, super::Place::Original);
        if let Some(kept) = self.streams[stream].get_mut(sequence) {
            kept.wanted += 1;
        }
        let slot = out.shared().slot(s);
        if out.shared().messages.delivery(m, slot).ranked {
            // It was there before, and what the broker knew of it was lost.
            return out.note(Fact::Rewound { m, s, why: DuplicateCause::BrokerRestart });
        }
        let rank = out.shared().next_rank(s, queue as u32);
        out.note(Fact::Found { m, s, line: queue as u32, rank });
    }
}

/// The record of a message that a reader has not been given.
pub(super) fn unread_record(m: MessageRef, s: SubscriptionId, sequence: u32) -> Record {
    Record::Pending { m, s, sequence, at: 0, attempts: 0 }
}

/// A message of a stream as a reader has it.
pub(super) fn unread((m, rank): (MessageRef, u32), attempts: u16, position: Option<Position>) -> Entry {
    Entry {
        m,
        rank,
        size: 0,
        history: 0,
        attempts,
        priority: 0,
        position,
        expires: Time::NEVER,
        in_memory: true,
    }
}
