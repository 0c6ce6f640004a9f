//! What the disk knows of a stream's readers, and what of it a torn write leaves.
//!
//! A reader's record of a message is worth nothing without the message, which is in the stream's file. A machine that dies
//! in the midst of a write leaves the stream up to some message: recovery cuts off the half of the next one, and what
//! readers knew of it and of those behind it is gone with them.
//!
//! JetStream has the state of a consumer in a file of its own, which is written whole (`consumerFileStore.writeState`): the
//! old one is left or the new one. With the old one all that the consumer has been given since is new to it, and what was
//! acked since comes again. Redis has all in one append-only file, in one order, and reads it up to its torn tail
//! (`aof-load-truncated yes`): what a group knew of the messages before the tail it knows.
//!
//! Left out: a consumer of nats-server 2.9 that knows of more messages than its stream has left gets no new ones until the
//! stream has come so far again (nats-server issue 5412); here it goes back to the stream's end. An ack that was written to
//! Redis's file after its torn tail counts.

use super::broker::Broker;
use crate::causes::LossCause;
use crate::domain::{Out, loss_of};
use crate::fact::Fact;
use crate::message::{MessageRef, SubscriptionId};
use crate::packet::Record;
use redeliver_sim::{Disk, FileId, Position};
use std::collections::BTreeMap;

/// A record in a reader's file.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReaderRecord {
    pub(super) position: Position,
    pub(super) record: Record,
    pub(super) m: MessageRef,
    /// Where its message is in the stream, if that has it.
    pub(super) sequence: Option<u32>,
}

impl Broker {
    /// The records in a reader's file, in their order. One that has no sequence belongs to the last message of its name
    /// that no later record belongs to.
    pub(super) fn reader_records(
        &self,
        queue: usize,
        stream: usize,
        disk: &Disk<Record>,
    ) -> Vec<ReaderRecord> {
        let mut places: BTreeMap<MessageRef, Vec<u32>> = BTreeMap::new();
        for (_, record) in disk.records(self.stream_file(stream)) {
            if let Record::Streamed { m, sequence, .. } = record {
                places.entry(m).or_default().push(sequence);
            }
        }
        let all: Vec<(Position, Record)> = disk.records(FileId(queue as u32)).collect();
        let mut found = Vec::with_capacity(all.len());
        for (position, record) in all.into_iter().rev() {
            let (m, own) = match record {
                Record::Pending { m, sequence, .. } | Record::GivenUp { m, sequence, .. } => {
                    (m, Some(sequence))
                }
                Record::Owned { m, .. } => (m, None),
                _ => continue,
            };
            let sequence = places.get_mut(&m).and_then(|places| take(places, own));
            found.push(ReaderRecord { position, record, m, sequence });
        }
        found.reverse();
        found
    }

    /// The copies that a queue has on disk.
    pub(super) fn copies_on_disk(
        &self,
        queue: usize,
        disk: &Disk<Record>,
    ) -> Vec<(MessageRef, SubscriptionId)> {
        let Some(stream) = self.queues[queue].config.stream else {
            return disk.records(FileId(queue as u32)).filter_map(|(_, record)| record.in_queue()).collect();
        };
        let there = self.reader_records(queue, stream, disk).into_iter();
        there.filter(|found| found.sequence.is_some()).filter_map(|found| found.record.in_queue()).collect()
    }

    /// Notes what readers lose because their stream has lost it.
    pub(super) fn lose_with_streams(&self, out: &mut Out<'_>) {
        for (queue, state) in self.queues.iter().enumerate() {
            let Some(stream) = state.config.stream else { continue };
            let records = self.reader_records(queue, stream, out.disk());
            for found in records.iter().filter(|found| found.sequence.is_none()) {
                if let Some((m, s)) = found.record.in_queue() {
                    out.note(Fact::Removed { m, s, why: self.loss_in_stream(stream, m, out) });
                }
            }
        }
    }

    /// Why a stream has lost a message that it still had before the machine died.
    fn loss_in_stream(&self, stream: usize, m: MessageRef, out: &Out<'_>) -> LossCause {
        let file = self.stream_file(stream);
        let mut places = self.streams[stream].entries().filter(|(_, kept)| kept.m == m);
        let lost = places.find_map(|(_, kept)| out.disk().lost(file, kept.position?));
        let (_, why) = lost.expect("it was in the stream, and on the disk with it");
        loss_of(why)
    }
}

/// Takes out this of a message's places, or the last.
fn take(places: &mut Vec<u32>, sequence: Option<u32>) -> Option<u32> {
    let index = match sequence {
        Some(sequence) => places.iter().position(|place| *place == sequence)?,
        None => places.len().checked_sub(1)?,
    };
    Some(places.remove(index))
}
