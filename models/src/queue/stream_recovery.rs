//! What a restart finds of streams and their readers, and what a crash takes.
//!
//! The disk has messages in the stream's file, and in a reader's what it has not settled. What a reader did not know of
//! yet it finds in the stream; what was given to somebody comes again when its time is over. Not kept: what ids were
//! known.

use super::Retention;
use super::broker::Broker;
use super::flights::Flight;
use super::reader_records::ReaderRecord;
use super::service::NOBODY;
use super::stream::Retained;
use super::streaming::{READ, WRITTEN, unread, unread_record};
use crate::causes::{DuplicateCause, LossCause};
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::MessageRef;
use crate::packet::Record;
use redeliver_sim::{ConnectionId, Disk, FileId, Position, Span, Time};
use std::collections::BTreeSet;

/// Messages of streams that were dropped because their records were damaged: with their streams and sequences.
type Damaged = BTreeSet<(usize, MessageRef, u32)>;

impl Broker {
    /// What is not on disk was not kept: such streams are gone, unless a load makes them again.
    pub(super) fn forget_passing_streams(&mut self, out: &Out<'_>) {
        let died = out.deaths() > 0;
        for (stream, anew) in self.streams.iter_mut().zip(&self.spec.streams_anew) {
            stream.declared &= !died || stream.config.durable || *anew || stream.config.made_anew;
        }
    }

    pub(super) fn recover_streams(&mut self, out: &mut Out<'_>) {
        let mut damaged = Damaged::new();
        for stream in 0..self.streams.len() {
            let file = self.stream_file(stream);
            let records: Vec<(Position, Record)> = out.disk().records(file).collect();
            for (position, record) in records {
                let Record::Streamed { m, sequence, exchange } = record else { continue };
                if out.disk().has_damage() && self.drop_damaged(file, position, out) {
                    out.note(Fact::Released { m });
                    damaged.insert((stream, m, sequence));
                    continue;
                }
                let message = out.shared().messages.get(m);
                let state = &mut self.streams[stream];
                let bytes = state.bytes_of(message.size, &self.exchanges[exchange as usize].name);
                let at = message.stored_at.min(out.now());
                state.skip_to(sequence - 1);
                state.push(Retained { m, bytes, at, position: Some(position), exchange, wanted: 0 });
            }
            if let Some(Record::Sequence { last }) = out.disk().register(WRITTEN + stream as u32) {
                self.streams[stream].skip_to(last);
            }
        }
        for queue in 0..self.queues.len() {
            match self.queues[queue].config.stream {
                Some(stream) if self.declared[queue] => self.recover_reader(queue, stream, &damaged, out),
                Some(_) => {}
                None => self.recover_hidden(queue, out),
            }
            self.arm_ack_wait(queue, out);
        }
        for stream in 0..self.streams.len() {
            self.release_settled(stream, out);
            self.hold_limits(stream, out);
        }
    }

    /// What a reader had not settled; and what it did not know of yet.
    fn recover_reader(&mut self, queue: usize, stream: usize, damaged: &Damaged, out: &mut Out<'_>) {
        let (file, s) = (FileId(queue as u32), self.queues[queue].s);
        let read = self.recover_read(queue, stream, out);
        let mut known = BTreeSet::new();
        for ReaderRecord { position, record, m, sequence } in self.reader_records(queue, stream, out.disk()) {
            if let Record::GivenUp { sequence, attempts, .. } = record {
                // With its old state it does not know that it has given it up.
                if sequence > read {
                    out.remove(file, position);
                } else {
                    self.recover_given_up(queue, stream, (m, sequence, attempts), position, out);
                    known.insert(sequence);
                }
                continue;
            }
            let own_damage = out.disk().has_damage() && self.drop_damaged(file, position, out);
            let corrupt = match sequence {
                Some(_) => own_damage,
                // Else the machine's death took it with its message, and that was noted then.
                None => was_damaged(damaged, stream, &record, m),
            };
            if corrupt {
                out.note(Fact::Removed { m, s, why: LossCause::CorruptRecord });
            }
            let Some(sequence) = sequence.filter(|_| !own_damage) else {
                out.remove(file, position);
                continue;
            };
            known.insert(sequence);
            self.recover_delivery(queue, stream, (m, sequence), (position, record), sequence > read, out);
        }
        let exchanges = &self.exchanges;
        let reads = |exchange: u32| exchanges[exchange as usize].queues.contains(&queue);
        let there = self.streams[stream].entries().filter(|(n, kept)| *n > read && reads(kept.exchange));
        let there = there.filter(|(n, _)| !known.contains(n));
        let there: Vec<(u32, MessageRef)> = there.map(|(sequence, kept)| (sequence, kept.m)).collect();
        there.into_iter().for_each(|(sequence, m)| self.find_in_stream(queue, stream, (sequence, m), out));
        if self.is_claimed(queue) {
            self.recover_progress(queue, out);
        }
    }

    /// How far a reader has read; it has not read what its stream has lost.
    fn recover_read(&self, queue: usize, stream: usize, out: &mut Out<'_>) -> u32 {
        let Some(Record::Read { last: read, .. }) = out.disk().register(READ + queue as u32) else {
            return 0;
        };
        let last = self.streams[stream].next() - 1;
        if read > last {
            self.record_read(queue, last, out);
        }
        read.min(last)
    }

    /// A message that a reader had not settled. It is new, if it was not delivered or the reader has forgotten that.
    fn recover_delivery(
        &mut self,
        queue: usize,
        stream: usize,
        (m, sequence): (MessageRef, u32),
        (position, record): (Position, Record),
        forgotten: bool,
        out: &mut Out<'_>,
    ) {
        let s = self.queues[queue].s;
        let kept = self.streams[stream].get_mut(sequence).expect("the disk has it in the stream");
        kept.wanted += 1;
        let (at, attempts, connection) = match record {
            Record::Pending { at, attempts, .. } => (at, attempts, ConnectionId(u32::MAX)),
            Record::Owned { at, attempts, owner, .. } => (at, attempts, ConnectionId(u32::from(owner))),
            _ => unreachable!("it is the record of a delivery"),
        };
        let attempts = u16::from(attempts);
        if forgotten && attempts > 0 {
            out.amend(FileId(queue as u32), position, unread_record(m, s, sequence));
            out.note(Fact::Requeued { m, s, why: DuplicateCause::BrokerRestart });
        }
        if forgotten || attempts == 0 {
            return self.queues[queue].push(unread((m, sequence), 0, Some(position)));
        }
        let wait = self.queues[queue].config.redelivery.as_ref().map(|r| r.wait(attempts));
        let since = Time::ZERO + Span::millis(u64::from(at));
        let deadline = since + wait.unwrap_or(Span::ZERO);
        let entry = unread((m, sequence), attempts, Some(position));
        let (slot, number) = (0, NOBODY);
        let flight = Flight { entry, queue: queue as u32, connection, slot, number, deadline: Time::NEVER };
        self.hold(queue, flight, (since, deadline));
    }

    /// What its readers have settled, and it could not let go of before it died.
    fn release_settled(&mut self, stream: usize, out: &mut Out<'_>) {
        if self.streams[stream].config.retention == Retention::Limits {
            return;
        }
        let read = |exchange: u32| !self.exchanges[exchange as usize].queues.is_empty();
        let settled =
            self.streams[stream].entries().filter(|(_, kept)| kept.wanted == 0 && read(kept.exchange));
        let settled = settled.filter(|(_, kept)| !self.is_given_up(stream, kept.m));
        let settled: Vec<u32> = settled.map(|(sequence, _)| sequence).collect();
        settled.into_iter().for_each(|sequence| self.release(stream, sequence, out));
    }

    /// Notes what a crash takes of the streams: what is in no file.
    pub(super) fn lose_streams(&self, out: &mut Out<'_>) {
        for stream in &self.streams {
            for (_, kept) in stream.entries().filter(|(_, kept)| kept.position.is_none()) {
                out.note(Fact::Released { m: kept.m });
            }
        }
    }

    /// Counts what the streams hold.
    pub(super) fn count_streams(
        &self,
        up: bool,
        disk: &Disk<Record>,
        census: &mut crate::census::Census<'_>,
    ) {
        for (i, stream) in self.streams.iter().enumerate() {
            if up {
                stream.entries().for_each(|(_, kept)| census.retained(kept.m));
                continue;
            }
            for (_, record) in disk.records(self.stream_file(i)) {
                if let Record::Streamed { m, .. } = record {
                    census.retained(m);
                }
            }
        }
    }
}

/// Whether the message that a reader's record belongs to was damaged in its stream.
fn was_damaged(damaged: &Damaged, stream: usize, record: &Record, m: MessageRef) -> bool {
    match record {
        Record::Pending { sequence, .. } => damaged.contains(&(stream, m, *sequence)),
        _ => damaged.range((stream, m, 0)..=(stream, m, u32::MAX)).next().is_some(),
    }
}
