//! What a restart finds of streams and their readers, and what a crash takes.
//!
//! The disk has messages in the stream's file, and in a reader's what it has not settled. What a reader did not know of
//! yet it finds in the stream; what was given to somebody comes again when its time is over. Not kept: what ids were
//! known.

use super::Retention;
use super::broker::Broker;
use super::flights::Flight;
use super::service::NOBODY;
use super::stream::Retained;
use super::streaming::{READ, WRITTEN, unread};
use crate::causes::LossCause;
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::MessageRef;
use crate::packet::Record;
use redeliver_sim::{ConnectionId, Disk, FileId, Position, Span, Time};
use std::collections::BTreeMap;

impl Broker {
    /// What is not on disk was not kept: such streams are gone, unless a load makes them again.
    pub(super) fn forget_passing_streams(&mut self, out: &Out<'_>) {
        let died = out.deaths() > 0;
        for (stream, anew) in self.streams.iter_mut().zip(&self.spec.streams_anew) {
            stream.declared &= !died || stream.config.durable || *anew || stream.config.made_anew;
        }
    }

    pub(super) fn recover_streams(&mut self, out: &mut Out<'_>) {
        for stream in 0..self.streams.len() {
            let file = self.stream_file(stream);
            let records: Vec<(Position, Record)> = out.disk().records(file).collect();
            for (position, record) in records {
                let Record::Streamed { m, sequence, exchange } = record else { continue };
                if out.disk().has_damage() && self.drop_damaged(file, position, out) {
                    out.note(Fact::Released { m });
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
                Some(stream) if self.declared[queue] => self.recover_reader(queue, stream, out),
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
    fn recover_reader(&mut self, queue: usize, stream: usize, out: &mut Out<'_>) {
        let (file, s) = (FileId(queue as u32), self.queues[queue].s);
        let records: Vec<(Position, Record)> = out.disk().records(file).collect();
        let sequences: BTreeMap<MessageRef, u32> = match self.is_claimed(queue) {
            true => self.streams[stream].entries().map(|(sequence, kept)| (kept.m, sequence)).collect(),
            false => BTreeMap::new(),
        };
        for (position, record) in records {
            let (m, sequence, delivered) = match record {
                Record::GivenUp { m, sequence, attempts } => {
                    self.recover_given_up(queue, stream, (m, sequence, attempts), position, out);
                    continue;
                }
                Record::Queued { m, rank, .. } => (m, rank, None),
                Record::Pending { m, sequence, at, attempts, .. } => {
                    (m, sequence, Some((at, attempts, ConnectionId(u32::MAX))))
                }
                Record::Owned { m, owner, at, attempts, .. } => {
                    let sequence = sequences.get(&m).copied().unwrap_or(0);
                    (m, sequence, Some((at, attempts, ConnectionId(u32::from(owner)))))
                }
                _ => continue,
            };
            let damaged = out.disk().has_damage() && self.drop_damaged(file, position, out);
            let Some(kept) = self.streams[stream].get_mut(sequence).filter(|kept| kept.m == m && !damaged)
            else {
                out.remove(file, position);
                out.note(Fact::Removed { m, s, why: LossCause::CorruptRecord });
                continue;
            };
            kept.wanted += 1;
            match delivered {
                None => self.queues[queue].push(unread((m, sequence), 0, Some(position))),
                Some((at, attempts, connection)) => {
                    let attempts = u16::from(attempts);
                    let wait = self.queues[queue].config.redelivery.as_ref().map(|r| r.wait(attempts));
                    let since = Time::ZERO + Span::millis(u64::from(at));
                    let deadline = since + wait.unwrap_or(Span::ZERO);
                    let entry = unread((m, sequence), attempts, Some(position));
                    let flight = Flight {
                        entry,
                        queue: queue as u32,
                        connection,
                        slot: 0,
                        number: NOBODY,
                        deadline: Time::NEVER,
                    };
                    self.hold(queue, flight, (since, deadline));
                }
            }
        }
        let read = match out.disk().register(READ + queue as u32) {
            Some(Record::Sequence { last }) => last,
            _ => 0,
        };
        let exchanges = &self.exchanges;
        let reads = |exchange: u32| exchanges[exchange as usize].queues.contains(&queue);
        let there = self.streams[stream].entries().filter(|(n, kept)| *n > read && reads(kept.exchange));
        let there: Vec<(u32, MessageRef)> = there.map(|(sequence, kept)| (sequence, kept.m)).collect();
        there.into_iter().for_each(|(sequence, m)| self.find_in_stream(queue, stream, (sequence, m), out));
        if self.is_claimed(queue) {
            self.recover_progress(queue, out);
        }
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
