//! Deliveries that come again by time: who has not settled one within its ack wait gets it again, or another does.
//!
//! Nothing else is heard of a consumer: its connection may break, and it may still settle what it holds over another.
//! Models JetStream's explicit acks (`server/consumer.go` of nats-server 2.9): what is overdue stands ahead of all that
//! was never delivered, by sequence among those that are overdue together, and needs no room in the window; whether it
//! was delivered often enough is asked when it would be delivered again.

use super::broker::Broker;
use super::queue::Entry;
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
    /// Deliveries unsettled at most, over all consumers; those that wait to come again count. None is no limit.
    /// JetStream: `max_ack_pending`.
    pub window: Option<u32>,
    /// What an ack settles.
    pub settles: Settles,
    /// Nothing is acked: what is sent is settled. JetStream: `ack_policy`, `none`.
    pub at_once: bool,
}

/// What an ack of an earlier delivery is good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Settles {
    /// It settles the message, wherever it is. JetStream: acks name its sequence.
    Message,
    /// Nothing, once the message was delivered again. SQS: the receipt handle is the delivery's.
    LastDelivery,
}

impl Redelivery {
    /// How long the broker waits for the ack of the n-th delivery, from 1.
    pub(super) fn wait(&self, attempt: u16) -> Span {
        let nth = usize::from(attempt.max(1)) - 1;
        self.backoff.get(nth).or(self.backoff.last()).copied().unwrap_or(self.ack_wait)
    }
}

/// What a queue knows of its deliveries.
#[derive(Clone, Debug)]
pub struct Pending {
    /// By sequence: the deliveries that are not settled, and when they come again.
    pub(super) held: BTreeMap<u32, (Tag, Time)>,
    /// The same, by time.
    pub(super) due: BTreeSet<(Time, u32)>,
    /// Of those held: what the stream has let go of. Nobody will get it again.
    pub(super) gone: BTreeSet<u32>,
    /// When pulls are over, by slot and number.
    pub(super) pulls: BTreeSet<(Time, u32, u32)>,
    /// Timers are set for these times.
    pub(super) due_armed: Time,
    pub(super) pulls_armed: Time,
    /// What was given up after so many deliveries, for the onlooker of a story.
    pub advisories: Vec<String>,
}

impl Pending {
    pub(super) fn new() -> Self {
        Pending {
            held: BTreeMap::new(),
            due: BTreeSet::new(),
            gone: BTreeSet::new(),
            pulls: BTreeSet::new(),
            due_armed: Time::NEVER,
            pulls_armed: Time::NEVER,
            advisories: Vec::new(),
        }
    }

    /// A delivery begins.
    pub(super) fn hold(&mut self, sequence: u32, tag: Tag, deadline: Time) {
        self.held.insert(sequence, (tag, deadline));
        self.due.insert((deadline, sequence));
    }

    /// A delivery ends: its tag, and whether the stream has let go of its message.
    pub(super) fn release(&mut self, sequence: u32) -> Option<(Tag, bool)> {
        let (tag, deadline) = self.held.remove(&sequence)?;
        self.due.remove(&(deadline, sequence));
        Some((tag, self.gone.remove(&sequence)))
    }

    /// A delivery that is not settled comes again at another time.
    pub(super) fn move_to(&mut self, sequence: u32, deadline: Time) {
        if let Some((_, before)) = self.held.get_mut(&sequence) {
            let before = std::mem::replace(before, deadline);
            self.due.remove(&(before, sequence));
            self.due.insert((deadline, sequence));
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
        let held = pending.held.iter().filter(|(sequence, _)| !pending.gone.contains(sequence));
        let held = held.filter_map(|(_, (tag, _))| Some(self.flights.get(*tag)?.entry));
        let mut all: Vec<Entry> = held.chain(state.returned().copied()).collect();
        all.sort_by_key(|entry| entry.rank);
        all
    }
}
