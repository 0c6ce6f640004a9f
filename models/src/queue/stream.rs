//! A stream: it keeps what is published to it, in order, whoever reads it, until a limit or its readers let it go.
//!
//! Models JetStream's streams (`server/stream.go`, `filestore.go` of nats-server 2.9): sequences from 1; retention by
//! limits, interest or as a work queue; what gives way at a limit; messages that are known again by their ids. Left
//! out: several replicas, limits by subject, mirrors and sources, purging and deleting.

use super::recent_ids::{Identity, RecentIds};
use super::stream_nodes::{NodeLimits, Nodes};
use crate::message::MessageRef;
use crate::properties::LengthMax;
use redeliver_sim::{Position, Span, Time};
use std::collections::VecDeque;

/// A stream's settings.
#[derive(Clone, PartialEq, Debug)]
pub struct StreamConfig {
    /// Its name.
    pub name: String,
    /// It survives a restart of the broker. JetStream: `storage`, `file` or `memory`.
    pub durable: bool,
    /// What lets go of its messages, beside its limits. JetStream: `retention`.
    pub retention: Retention,
    /// What gives way at `messages_max` and `bytes_max`. JetStream: `discard`.
    pub discard: Discard,
    /// Messages that it holds at most; none is no limit. JetStream: `max_msgs`.
    pub messages_max: Option<u32>,
    /// Bytes that it holds at most, with those beside the messages; none is no limit. JetStream: `max_bytes`.
    pub bytes_max: Option<u64>,
    /// After so long it lets go of a message; none is never. JetStream: `max_age`.
    pub age_max: Option<Span>,
    /// A message with the id of one that came not longer ago is not stored again. JetStream: `duplicate_window`.
    pub duplicate_window: Span,
    /// Bytes that each message takes beside its own and those of its subject. JetStream: 30 in files, 16 in memory
    /// (`fileStoreMsgSize`, `memStoreMsgSize`).
    pub overhead: u32,
    /// Who publishes to it makes it, if it is not there. Redis: `XADD`.
    pub made_anew: bool,
    /// It has nodes, and lets go of whole ones.
    pub nodes: Option<NodeLimits>,
}

/// What lets go of a stream's messages, beside its limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retention {
    /// Nothing.
    Limits,
    /// All its readers have settled it. What nobody reads is not kept.
    Interest,
    /// Its reader has settled it; there is one at most for each message.
    WorkQueue,
}

/// What gives way when a stream is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Discard {
    /// The first messages.
    Old,
    /// The new one: its publisher is told.
    New,
}

/// A message in a stream.
#[derive(Clone, Copy, Debug)]
pub struct Retained {
    /// The message.
    pub m: MessageRef,
    /// All its bytes.
    pub bytes: u64,
    /// When it came.
    pub at: Time,
    /// Where it is on disk.
    pub position: Option<Position>,
    /// Over which exchange it came.
    pub exchange: u32,
    /// Readers that have not settled it.
    pub wanted: u32,
}

/// A stream.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Its settings.
    pub config: StreamConfig,
    /// It is there.
    pub declared: bool,
    /// The sequence of the first entry of `kept`.
    first: u32,
    /// What is gone between others leaves a gap.
    kept: VecDeque<Option<Retained>>,
    count: u32,
    bytes: u64,
    nodes: Option<Nodes>,
    ids: RecentIds,
}

impl Stream {
    /// An empty stream.
    pub fn new(config: StreamConfig) -> Self {
        Stream {
            nodes: config.nodes.map(Nodes::new),
            config,
            declared: true,
            first: 1,
            kept: VecDeque::new(),
            count: 0,
            bytes: 0,
            ids: RecentIds::default(),
        }
    }

    /// The sequence of the next message.
    pub fn next(&self) -> u32 {
        self.first + self.kept.len() as u32
    }

    /// The sequence of the first message that is there; without one, that of the next.
    pub fn first(&self) -> u32 {
        self.first
    }

    /// The messages that are there, with their sequences, in order.
    pub fn entries(&self) -> impl Iterator<Item = (u32, &Retained)> {
        let sequenced = self.kept.iter().enumerate();
        sequenced.filter_map(|(i, entry)| Some((self.first + i as u32, entry.as_ref()?)))
    }

    /// The message at this sequence, if it is there.
    pub fn get_mut(&mut self, sequence: u32) -> Option<&mut Retained> {
        self.kept.get_mut(sequence.checked_sub(self.first)? as usize)?.as_mut()
    }

    /// Whether the message at this sequence is there.
    pub fn has(&self, sequence: u32) -> bool {
        let index = sequence.checked_sub(self.first).map(|index| index as usize);
        index.and_then(|index| self.kept.get(index)).is_some_and(Option::is_some)
    }

    /// How many messages are there.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Bytes that a message of this size takes, published to this subject.
    pub(super) fn bytes_of(&self, size: u64, subject: &str) -> u64 {
        let beside = if self.nodes.is_some() { 0 } else { subject.len() as u64 };
        size + u64::from(self.config.overhead) + beside
    }

    /// How many messages go, the first ones, if it may be no longer than this.
    pub fn surplus(&self, max: LengthMax) -> u32 {
        match &self.nodes {
            Some(nodes) if max.about => nodes.surplus(self.count, max),
            _ => self.count.saturating_sub(max.count),
        }
    }

    /// One message more, at the end.
    pub fn push(&mut self, entry: Retained) {
        if let Some(nodes) = &mut self.nodes {
            nodes.push(entry.bytes.saturating_sub(u64::from(self.config.overhead)), entry.at);
        }
        self.count += 1;
        self.bytes += entry.bytes;
        self.kept.push_back(Some(entry));
    }

    /// The last sequence was this: what is not there up to it is gone.
    pub fn skip_to(&mut self, last: u32) {
        while self.next() <= last {
            self.kept.push_back(None);
        }
        self.trim();
    }

    /// Takes the message at this sequence out.
    pub fn take(&mut self, sequence: u32) -> Option<Retained> {
        let index = sequence.checked_sub(self.first)? as usize;
        let entry = self.kept.get_mut(index)?.take()?;
        self.count -= 1;
        self.bytes -= entry.bytes;
        if let Some(nodes) = &mut self.nodes {
            nodes.take_first();
        }
        self.trim();
        Some(entry)
    }

    fn trim(&mut self) {
        while let Some(None) = self.kept.front() {
            self.kept.pop_front();
            self.first += 1;
        }
    }

    /// Whether it holds more than it may.
    pub fn is_over(&self) -> bool {
        self.config.messages_max.is_some_and(|max| self.count > max)
            || self.config.bytes_max.is_some_and(|max| self.bytes > max)
    }

    /// Whether it refuses a message of so many bytes.
    pub fn refuses(&self, bytes: u64) -> bool {
        self.config.discard == Discard::New
            && (self.config.messages_max.is_some_and(|max| self.count >= max)
                || self.config.bytes_max.is_some_and(|max| self.bytes + bytes > max))
    }

    /// When its first message is too old.
    pub fn ends(&self) -> Option<Time> {
        let first = self.kept.front().and_then(Option::as_ref)?;
        Some(first.at + self.config.age_max?)
    }

    /// Whether a message came before with this identity, not too long ago.
    pub(super) fn knows(&mut self, now: Time, identity: Identity) -> bool {
        while self.ids.forget(now, self.config.duplicate_window).is_some() {}
        self.ids.has(&identity)
    }

    /// It is known from now on.
    pub(super) fn learn(&mut self, now: Time, identity: Identity) {
        self.ids.learn(now, identity, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties::MessageId;

    fn stream() -> Stream {
        Stream::new(StreamConfig {
            name: "S".into(),
            durable: true,
            retention: Retention::Limits,
            discard: Discard::New,
            messages_max: Some(3),
            bytes_max: None,
            age_max: Some(Span::seconds(10)),
            duplicate_window: Span::seconds(2),
            overhead: 30,
            made_anew: false,
            nodes: None,
        })
    }

    fn entry(at: u64) -> Retained {
        let at = Time::ZERO + Span::seconds(at);
        Retained { m: MessageRef::NONE, bytes: 100, at, position: None, exchange: 0, wanted: 0 }
    }

    fn sequences(stream: &Stream) -> Vec<u32> {
        stream.entries().map(|(sequence, _)| sequence).collect()
    }

    #[test]
    fn what_is_gone_between_others_leaves_a_gap_and_its_sequence_is_not_given_again() {
        let mut stream = stream();
        (0..3).for_each(|at| stream.push(entry(at)));
        assert!(stream.refuses(1) && !stream.is_over());
        assert!(stream.take(2).is_some() && stream.take(2).is_none() && !stream.has(2));
        assert_eq!((sequences(&stream), stream.first(), stream.refuses(1)), (vec![1, 3], 1, false));
        assert!(stream.take(1).is_some() && stream.take(3).is_some());
        assert_eq!((stream.first(), stream.next(), stream.ends()), (4, 4, None));
        stream.skip_to(9);
        stream.push(entry(7));
        assert_eq!((sequences(&stream), stream.ends()), (vec![10], Some(Time::ZERO + Span::seconds(17))));
    }

    #[test]
    fn an_id_is_known_for_as_long_as_the_window() {
        let mut stream = stream();
        let id = |number| (MessageId::Own, 0, number);
        let at = |seconds| Time::ZERO + Span::seconds(seconds);
        stream.learn(at(0), id(1));
        stream.learn(at(1), id(2));
        assert!(stream.knows(at(1), id(1)) && !stream.knows(at(1), id(3)));
        assert!(!stream.knows(at(2), id(1)) && stream.knows(at(2), id(2)));
    }
}
