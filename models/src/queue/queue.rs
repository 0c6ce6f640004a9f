//! One queue: ready messages in the order of their ranks.

use super::QueueConfig;
use crate::message::{MessageRef, SubscriptionId};
use redeliver_sim::{Position, Time};
use std::collections::VecDeque;

/// A message in a queue.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The message.
    pub m: MessageRef,
    /// Its original position.
    pub rank: u32,
    /// Deliveries so far; more than none: redelivered.
    pub attempts: u16,
    /// Where it is on disk; none if it is in memory only.
    pub position: Option<Position>,
    /// When its time to live is over.
    pub expires: Time,
}

/// A queue.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Its settings.
    pub config: QueueConfig,
    /// Its subscription.
    pub s: SubscriptionId,
    /// How many deliveries are not settled.
    pub unacked: u32,
    /// The expiry timer is set for this time.
    pub expiry_armed: Time,
    ready: VecDeque<Entry>,
}

impl Queue {
    /// An empty queue.
    pub fn new(config: QueueConfig, s: SubscriptionId) -> Self {
        Queue { config, s, unacked: 0, expiry_armed: Time::NEVER, ready: VecDeque::new() }
    }

    /// Puts a message at the end.
    #[inline(always)]
    pub fn push(&mut self, entry: Entry) {
        self.ready.push_back(entry);
    }

    /// Puts a message back to where it came from.
    pub fn insert(&mut self, entry: Entry) {
        let place = self.ready.partition_point(|other| other.rank < entry.rank);
        self.ready.insert(place, entry);
    }

    /// Takes the first message.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<Entry> {
        self.ready.pop_front()
    }

    /// How many wait.
    #[inline(always)]
    #[allow(clippy::len_without_is_empty)] // a queue is asked for its length only
    pub fn len(&self) -> usize {
        self.ready.len()
    }

    /// When the first message expires.
    #[inline(always)]
    pub fn head_expires(&self) -> Time {
        self.ready.front().map_or(Time::NEVER, |entry| entry.expires)
    }

    /// The messages that wait, in order.
    pub fn ready(&self) -> impl Iterator<Item = &Entry> {
        self.ready.iter()
    }
}
