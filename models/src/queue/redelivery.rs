//! Deliveries that come again by time: who has not settled one within its ack wait gets it again, or another does.
//!
//! Nothing else is heard of a consumer: its connection may break, and it may still settle what it holds over another.
//! Models JetStream's explicit acks (`server/consumer.go` of nats-server 2.9): what is overdue stands ahead of all that
//! was never delivered, by sequence among those that are overdue together, and needs no room in the window; whether it
//! was delivered often enough is asked when it would be delivered again. And Amazon SQS's visibility timeouts (Developer
//! Guide, "Amazon SQS visibility timeout"): what is overdue stands where it was, and is one of those that wait.

use super::broker::Broker;
use super::queue::Entry;
use super::recent_ids::RecentIds;
use crate::message::MessageRef;
use crate::packet::Tag;
use redeliver_sim::{Span, Time};
use std::collections::{BTreeMap, BTreeSet};

/// How a queue's deliveries come again by time.
#[derive(Clone, PartialEq, Debug)]
pub struct Redelivery {
    /// Without an ack for so long, a delivery comes again. JetStream: `ack_wait`.
    pub ack_wait: Span,
    /// In place of it: after the n-th delivery the n-th of these, and the last after all that follow. JetStream:
    /// `backoff`.
    pub backoff: Vec<Span>,
    /// Deliveries unsettled at most, over all consumers. None is no limit. JetStream: `max_ack_pending`; SQS: messages in
    /// flight.
    pub window: Option<u32>,
    /// What comes again needs no room in the window. JetStream: yes; SQS: no.
    pub keeps_place: bool,
    /// What an ack settles.
    pub settles: Settles,
    /// Nothing is acked: what is sent is settled. JetStream: `ack_policy`, `none`.
    pub at_once: bool,
    /// However often a consumer says that it is still at work: not beyond so long from the delivery. None is no limit.
    /// SQS: 12 h.
    pub held_max: Option<Span>,
    /// For so long a message is hidden after it has come. SQS: `DelaySeconds`.
    pub delay: Span,
    /// How long a message lives; none: for ever.
    pub lifetime: Option<Lifetime>,
    /// Nothing comes again by itself: somebody claims it (`claims.rs`). Redis: the pending entries of a group.
    pub claimed: bool,
}

/// A message is gone after so long, delivered or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lifetime {
    /// After so long. SQS: `MessageRetentionPeriod`.
    pub span: Span,
    /// It counts from when the message came into its first queue, also after it was dead-lettered. SQS: yes in standard
    /// queues, no in FIFO queues ("Setting-up dead-letter queue retention in Amazon SQS").
    pub from_first: bool,
}

/// Messages that were sent before are known again, and not stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Duplicates {
    /// For so long. SQS: 5 minutes.
    pub window: Span,
    /// By what they contain, if they have no id. SQS: `ContentBasedDeduplication`.
    pub by_content: bool,
}

/// What an ack of an earlier delivery is good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Settles {
    /// It settles the message, wherever it is. JetStream: acks name its sequence.
    Message,
    /// Nothing, once the message was delivered again; before, it settles it even when its time is over. SQS, standard
    /// queues: the most recent receipt handle deletes.
    LastDelivery,
    /// Nothing, once its time is over. SQS, FIFO queues: the receipt handle has expired.
    WhileHeld,
}

impl Redelivery {
    /// How long the broker waits for the ack of the n-th delivery, from 1.
    pub(super) fn wait(&self, attempt: u16) -> Span {
        let nth = usize::from(attempt.max(1)) - 1;
        self.backoff.get(nth).or(self.backoff.last()).copied().unwrap_or(self.ack_wait)
    }
}

/// A delivery that is not settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hold {
    pub(super) tag: Tag,
    /// It began then.
    pub(super) since: Time,
    /// It comes again then.
    pub(super) deadline: Time,
}

/// What a queue knows of its deliveries.
#[derive(Clone, Debug)]
pub struct Pending {
    /// By sequence: the deliveries that are not settled, and what is hidden since it came.
    pub(super) held: BTreeMap<u32, Hold>,
    /// The same, by the time at which they come again.
    pub(super) due: BTreeSet<(Time, u32)>,
    /// How many of them are hidden since they came.
    pub(super) hidden: u32,
    /// What waits to come again and may still be settled, by the message and its deliveries: its sequence.
    pub(super) overdue: BTreeMap<(MessageRef, u16), u32>,
    /// When lives end, by sequence.
    pub(super) ends: BTreeSet<(Time, u32)>,
    /// By what it knows again what was sent before.
    pub(super) ids: RecentIds,
    /// Of those held: what the stream has let go of, with its name in a story. Nobody will get it again.
    pub(super) gone: BTreeMap<u32, String>,
    /// What was delivered as often as it may be, and is still in the stream.
    pub(super) given_up: BTreeMap<MessageRef, Entry>,
    /// Of these, what an earlier life of the broker had given up.
    pub(super) given_up_before: Vec<MessageRef>,
    /// They are claimed.
    claimed: bool,
    /// The last sequence that was delivered.
    pub(super) delivered: u32,
    /// How many were, as far as that is known. Redis: `entries-read`.
    pub(super) entries_read: Option<u32>,
    /// When pulls are over, by slot and number.
    pub(super) pulls: BTreeSet<(Time, u32, u32)>,
    /// Timers are set for these times.
    pub(super) due_armed: Time,
    pub(super) pulls_armed: Time,
    pub(super) ends_armed: Time,
    /// What was given up after so many deliveries, for the onlooker of a story.
    pub advisories: Vec<String>,
}

impl Pending {
    pub(super) fn new(claimed: bool) -> Self {
        Pending {
            held: BTreeMap::new(),
            due: BTreeSet::new(),
            hidden: 0,
            overdue: BTreeMap::new(),
            ends: BTreeSet::new(),
            ids: RecentIds::default(),
            gone: BTreeMap::new(),
            given_up: BTreeMap::new(),
            given_up_before: Vec::new(),
            claimed,
            delivered: 0,
            entries_read: None,
            pulls: BTreeSet::new(),
            due_armed: Time::NEVER,
            pulls_armed: Time::NEVER,
            ends_armed: Time::NEVER,
            advisories: Vec::new(),
        }
    }

    /// A delivery begins; it comes again at its deadline, or is claimed by then.
    pub(super) fn hold(&mut self, sequence: u32, hold: Hold) {
        let before = self.held.insert(sequence, hold);
        assert!(before.is_none(), "a message is held once");
        if !self.claimed {
            self.due.insert((hold.deadline, sequence));
        }
    }

    /// A delivery ends: its tag, and whether the stream has let go of its message.
    pub(super) fn release(&mut self, sequence: u32) -> Option<(Tag, bool)> {
        let Hold { tag, deadline, .. } = self.held.remove(&sequence)?;
        self.due.remove(&(deadline, sequence));
        Some((tag, self.gone.remove(&sequence).is_some()))
    }

    /// A delivery that is not settled comes again at another time.
    pub(super) fn move_to(&mut self, sequence: u32, deadline: Time) {
        if let Some(hold) = self.held.get_mut(&sequence).filter(|_| !self.claimed) {
            let before = std::mem::replace(&mut hold.deadline, deadline);
            self.due.remove(&(before, sequence));
            self.due.insert((deadline, sequence));
        }
    }

    /// It waits to come again, and may still be settled; or no longer.
    pub(super) fn set_overdue(&mut self, entry: &Entry, overdue: bool) {
        let handle = (entry.m, entry.attempts);
        if overdue {
            self.overdue.insert(handle, entry.rank);
        } else if self.overdue.get(&handle) == Some(&entry.rank) {
            self.overdue.remove(&handle);
        }
    }
}

impl Broker {
    /// Whether what this queue sends is settled as it is sent.
    pub(super) fn settles_at_once(&self, queue: usize) -> bool {
        self.queues[queue].config.redelivery.as_ref().is_some_and(|redelivery| redelivery.at_once)
    }

    /// What was delivered and is not settled: by sequence, with the number of deliveries.
    pub fn pending(&self, queue: usize) -> Vec<Entry> {
        let state = &self.queues[queue];
        let Some(pending) = &state.pending else { return Vec::new() };
        let held = pending.held.iter().filter(|(sequence, _)| !pending.gone.contains_key(sequence));
        let held = held.filter_map(|(_, hold)| Some(self.flights.get(hold.tag)?.entry));
        let again = pending.given_up_before.iter().filter_map(|m| pending.given_up.get(m).copied());
        let mut all: Vec<Entry> = held.chain(state.returned().copied()).chain(again).collect();
        all.sort_by_key(|entry| entry.rank);
        all
    }
}
