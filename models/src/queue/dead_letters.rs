//! What becomes of messages that a queue gives up: they are dropped, or published again to a dead-letter exchange.
//!
//! Models RabbitMQ's at-most-once dead-lettering (`rabbit_dead_letter`): the message goes to every queue that the
//! exchange routes it to, and leaves its own right after it, without a confirm. It keeps its priority and loses its own
//! time to live; what it died of goes along as its `x-death` header. A queue that it has died in before, with nobody
//! having rejected it since, does not get it again: the cycle would never end. What waits here is still its queue's, so
//! a crash of the broker loses what is in memory only.
//!
//! In quorum queues of 4.0 a message counts for itself how often a consumer has rejected it or left it behind: where a quorum
//! queue delivers it for the first time, it is marked as redelivered so often (recorded: `rabbit4-X-E8-quorum`,
//! `rabbit4-dead-letter-counts`).
//!
//! Left out: at-least-once dead-lettering of quorum queues.

use super::DeadLetter;
use super::broker::{Broker, Torn};
use super::queue::Entry;
use crate::causes::LossCause;
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::{KeyId, MessageRef};
use crate::packet::Timer;
use redeliver_sim::{Span, Time};
use std::collections::BTreeMap;

/// Why a queue gives a message up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// A consumer said so.
    Rejected,
    /// Its time to live was over.
    Expired,
    /// The queue had no room for it.
    MaxLength,
    /// It was returned too often.
    DeliveryLimit,
}

impl Reason {
    /// Its name in the `x-death` header.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Rejected => "rejected",
            Reason::Expired => "expired",
            Reason::MaxLength => "maxlen",
            Reason::DeliveryLimit => "delivery_limit",
        }
    }

    /// The cause of its loss, if it goes nowhere.
    fn loss(self) -> LossCause {
        match self {
            Reason::Rejected => LossCause::Rejected,
            Reason::Expired => LossCause::TimeToLive,
            Reason::MaxLength => LossCause::QueueOverflow,
            Reason::DeliveryLimit => LossCause::DeliveryLimit,
        }
    }
}

/// One entry of the `x-death` header.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Death {
    /// Where it died.
    pub queue: u32,
    /// Why.
    pub reason: Reason,
    /// How often so.
    pub count: u32,
}

/// What a message has died of, and how it has been routed since.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct History {
    /// The last death first; one entry for each queue and reason.
    pub deaths: Vec<Death>,
    /// Its routing key now, if that is not the first one any more.
    pub routing_key: Option<KeyId>,
    /// How often consumers of queues that count so have rejected it or left it behind.
    pub counted: u16,
}

impl History {
    /// The message died once more.
    fn died(&self, queue: u32, reason: Reason, routing_key: Option<KeyId>, counts: bool) -> History {
        let is_it = |death: &&Death| death.queue == queue && death.reason == reason;
        let count = self.deaths.iter().find(is_it).map_or(0, |death| death.count);
        let others = self.deaths.iter().filter(|death| !is_it(death)).copied();
        let last = Death { queue, reason, count: count.saturating_add(1) };
        let deaths = std::iter::once(last).chain(others).collect();
        let counted = self.counted.saturating_add(u16::from(counts && reason == Reason::Rejected));
        History { deaths, routing_key: routing_key.or(self.routing_key), counted }
    }

    /// Whether the message has died in this queue, and nobody has rejected it since (`mc`: `is_death_cycle`).
    fn is_cycle(&self, queue: u32) -> bool {
        let here = self.deaths.iter().position(|death| death.queue == queue);
        here.is_some_and(|here| self.deaths[..=here].iter().all(|death| death.reason != Reason::Rejected))
    }

    /// The last death as a header shows it: `expired:2`.
    pub fn shown(&self) -> Option<String> {
        self.deaths.first().map(|death| format!("{}:{}", death.reason.name(), death.count))
    }
}

/// All histories that messages have had, each once: an entry of a queue holds a number.
#[derive(Clone, Debug, Default)]
pub struct Histories {
    all: Vec<History>,
    numbers: BTreeMap<History, u32>,
}

impl Histories {
    /// The history of this number; of 0, that of a message that has never died.
    pub fn get(&self, number: u32) -> History {
        number.checked_sub(1).map(|index| self.all[index as usize].clone()).unwrap_or_default()
    }

    /// The number of this history.
    fn number(&mut self, history: History) -> u32 {
        if let Some(number) = self.numbers.get(&history) {
            return *number;
        }
        self.all.push(history.clone());
        let number = self.all.len() as u32;
        self.numbers.insert(history, number);
        number
    }
}

/// A message that its queue has given up, and still holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dead {
    pub(super) queue: usize,
    pub(super) entry: Entry,
    reason: Reason,
}

/// Where dead letters are published to.
#[derive(Clone, Copy, Debug)]
pub(super) enum DeadLetterExchange {
    /// The default exchange: to the queue that has the routing key's name.
    Default,
    /// An exchange of [`super::Config::exchanges`].
    Named(usize),
}

impl Broker {
    /// A queue gives up a message that it has taken out of its ready ones, or that a consumer held.
    #[cold]
    #[inline(never)]
    pub(super) fn dead_letter(&mut self, queue: usize, entry: Entry, reason: Reason, out: &mut Out<'_>) {
        let (m, s) = (entry.m, self.queues[queue].s);
        match self.queues[queue].config.dead_letter {
            DeadLetter::Aside if matches!(reason, Reason::Rejected | Reason::DeliveryLimit) => {
                self.forget(queue, entry, out);
                out.note(Fact::DeadLettered { m, s, back: false });
            }
            DeadLetter::Aside | DeadLetter::Dropped => self.drop_dead(&Dead { queue, entry, reason }, out),
            DeadLetter::Exchange { .. } => {
                self.queues[queue].unacked += 1;
                self.dead.push_back(Dead { queue, entry, reason });
                if self.dead.len() == 1 {
                    out.delay(Span::ZERO, Timer::DeadLetter);
                }
            }
        }
    }

    /// Publishes the next dead letter, as an event of its own: what it causes may go on for long.
    pub(super) fn on_dead_letter(&mut self, out: &mut Out<'_>) {
        let Some(dead) = self.dead.pop_front() else { return };
        let Dead { queue, entry, reason } = dead;
        self.queues[queue].unacked -= 1;
        let key = match &self.queues[queue].config.dead_letter {
            DeadLetter::Exchange { routing_key: Some(key), .. } => out.shared().names.find_key(key),
            _ => None,
        };
        let counts = self.queues[queue].config.behaviour.counts_in_message;
        let history = out.shared().histories.get(entry.history).died(queue as u32, reason, key, counts);
        let targets = self.dead_letter_targets(&dead, &history, out);
        let entry = Entry { history: out.shared().histories.number(history), ..entry };
        self.republish(&Dead { entry, ..dead }, &targets, out);
        self.set_level(queue, out);
        if !self.dead.is_empty() {
            out.delay(Span::ZERO, Timer::DeadLetter);
        }
    }

    /// A consumer has left a message behind: if that is counted, and it may go elsewhere, its history says so.
    #[cold]
    pub(super) fn left_behind(&self, queue: usize, entry: Entry, out: &mut Out<'_>) -> Entry {
        let config = &self.queues[queue].config;
        if !config.behaviour.counts_in_message || !matches!(config.dead_letter, DeadLetter::Exchange { .. }) {
            return entry;
        }
        let histories = &mut out.shared().histories;
        let history = histories.get(entry.history);
        let history = History { counted: history.counted.saturating_add(1), ..history };
        Entry { history: histories.number(history), ..entry }
    }

    /// The exchange of a queue's dead letters, if it has one that is there.
    pub(super) fn dead_letter_exchange(&self, queue: usize) -> Option<DeadLetterExchange> {
        let DeadLetter::Exchange { name, .. } = &self.queues[queue].config.dead_letter else { return None };
        if name.is_empty() {
            return Some(DeadLetterExchange::Default);
        }
        let index = self.spec.config.exchanges.iter().position(|exchange| exchange.name == *name)?;
        Some(DeadLetterExchange::Named(index))
    }

    /// The queues to which an exchange routes a message with this key.
    fn routed_by(&self, exchange: DeadLetterExchange, key: Option<KeyId>, out: &mut Out<'_>) -> Vec<usize> {
        match exchange {
            DeadLetterExchange::Named(index) => self.routed(index, key, out),
            DeadLetterExchange::Default => {
                let key = key.and_then(|key| out.shared().names.key(key)).unwrap_or_default();
                let is_it = |queue: &usize| self.declared[*queue] && self.queues[*queue].config.name == key;
                (0..self.queues.len()).filter(is_it).collect()
            }
        }
    }

    /// The queues that get it.
    fn dead_letter_targets(&self, dead: &Dead, history: &History, out: &mut Out<'_>) -> Vec<usize> {
        let Some(exchange) = self.dead_letter_exchange(dead.queue) else { return Vec::new() };
        let key = history.routing_key.or(out.shared().routing_key(dead.entry.m));
        let mut targets = self.routed_by(exchange, key, out);
        targets.retain(|target| dead.reason == Reason::Rejected || !history.is_cycle(*target as u32));
        targets
    }

    /// It begins in the queues that get it, and then ends in its own.
    fn republish(&mut self, dead: &Dead, targets: &[usize], out: &mut Out<'_>) {
        let Dead { queue, entry, .. } = *dead;
        let (m, s) = (entry.m, self.queues[queue].s);
        let full = |target: &&usize| self.is_full(**target, u64::from(entry.size));
        let (full, free): (Vec<usize>, Vec<usize>) = targets.iter().partition(full);
        for target in full {
            out.note(Fact::TurnedAway { m, s: self.queues[target].s });
        }
        if free.is_empty() {
            return self.drop_dead(dead, out);
        }
        let born = if self.timed { self.born(queue, &entry) } else { out.now() };
        for target in &free {
            self.store_dead(*target, m, entry.history, born, out);
            if out.is_cut() {
                return self.torn.push(Torn::Held(entry, s));
            }
        }
        self.forget(queue, entry, out);
        out.note(Fact::DeadLettered { m, s, back: free.contains(&queue) });
    }

    fn drop_dead(&mut self, dead: &Dead, out: &mut Out<'_>) {
        let Dead { queue, entry, reason } = *dead;
        self.forget(queue, entry, out);
        out.note(Fact::Removed { m: entry.m, s: self.queues[queue].s, why: reason.loss() });
    }

    fn store_dead(&mut self, queue: usize, m: MessageRef, history: u32, born: Time, out: &mut Out<'_>) {
        let s = self.queues[queue].s;
        let shared = out.shared();
        let slot = shared.slot(s);
        shared.messages.both_mut(m, slot).1.history = history;
        if self.timed {
            return self.store_dead_timed(queue, m, history, born, out);
        }
        self.store(queue, m, history, false, out);
    }
}
