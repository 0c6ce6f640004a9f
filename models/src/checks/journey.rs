//! The facts that every message brings, from its publishing to its effect.

use super::Book;
use super::subscription::about;
use crate::causes::DuplicateCause;
use crate::message::{KeyId, Message, MessageRef, SubscriptionId};
use crate::shared::Shared;
use redeliver_sim::{NodeId, Span, Time};

/// The topic accepts the message: it gets its rank among those of its key.
#[inline(always)]
fn accept(at: Time, message: &mut Message, key_next: &mut [Vec<u32>]) {
    if message.accepted {
        return;
    }
    message.accepted = true;
    message.stored_at = at;
    if message.key == KeyId::NONE {
        return;
    }
    let next = &mut key_next[message.topic.0 as usize];
    let key = message.key.0 as usize;
    if key >= next.len() {
        grow(next, key);
    }
    message.key_rank = next[key];
    next[key] += 1;
}

#[cold]
#[inline(never)]
fn grow(next: &mut Vec<u32>, key: usize) {
    next.resize(key + 1, 0);
}

impl Book {
    #[inline(always)]
    pub(super) fn published(
        &mut self,
        at: Time,
        m: MessageRef,
        buffered: bool,
        sent: bool,
        shared: &mut Shared,
    ) {
        let message = shared.messages.get_mut(m);
        message.upstream = 1 + u32::from(buffered && sent);
        message.buffered = buffered;
        self.sources[message.source.0 as usize].published += 1;
        let topic = &shared.topics[message.topic.0 as usize];
        if topic.accepted_at_birth {
            accept(at, message, &mut self.key_next);
        }
        if !topic.addressed_at_birth {
            return;
        }
        let number = message.topic;
        for (slot, &s) in topic.subscriptions.iter().enumerate() {
            let subscription = &shared.subscriptions[s.0 as usize];
            let reached = topic.routes.as_ref().is_none_or(|routes| routes.reach(m, s, shared));
            if subscription.bound && subscription.topic == number && reached {
                let (message, delivery) = shared.messages.both_mut(m, slot);
                delivery.addressed = true;
                let checks = &mut self.subscriptions[s.0 as usize];
                checks.ledger.addressed += 1;
                if message.accepted {
                    checks.enter_orders(message, delivery);
                }
                self.refresh(at, s, message, delivery);
            }
        }
    }

    #[inline(always)]
    pub(super) fn stored(
        &mut self,
        at: Time,
        m: MessageRef,
        s: SubscriptionId,
        place: (u32, u32),
        shared: &mut Shared,
    ) {
        let checks = &mut self.subscriptions[s.0 as usize];
        let (message, delivery) = shared.messages.both_mut(m, checks.slot);
        accept(at, message, &mut self.key_next);
        if !delivery.ranked {
            delivery.ranked = true;
            (delivery.line, delivery.rank) = place;
            checks.enter_orders(message, delivery);
        } else {
            let back = std::mem::take(&mut delivery.dead_lettered);
            delivery.again = if back { DuplicateCause::Republished } else { DuplicateCause::ProducerRetry };
            checks.ledger.duplicates_exercised = true;
            checks.stored.void(place.0, place.1);
        }
        checks.ledger.resides(at);
        self.begin_copy(at, s, message, delivery);
    }

    #[inline(never)]
    pub(super) fn appended(&mut self, at: Time, m: MessageRef, place: (u32, u32), shared: &mut Shared) {
        shared.messages.get_mut(m).retained += 1;
        let topic = shared.messages.get(m).topic.0 as usize;
        for slot in 0..shared.topics[topic].subscriptions.len() {
            let s = shared.topics[topic].subscriptions[slot];
            if shared.subscriptions[s.0 as usize].bound {
                self.stored(at, m, s, place, shared);
            }
        }
        self.end_upstream(at, m, shared);
    }

    #[inline(always)]
    pub(super) fn dispatched(
        &mut self,
        at: Time,
        m: MessageRef,
        s: SubscriptionId,
        attempt: u16,
        member: u32,
        shared: &mut Shared,
    ) {
        let checks = &mut self.subscriptions[s.0 as usize];
        let (message, delivery) = shared.messages.both_mut(m, checks.slot);
        if delivery.dispatched_first == Time::NEVER {
            delivery.dispatched_first = at;
        }
        delivery.dispatched = at;
        delivery.dispatches = delivery.dispatches.saturating_add(1);
        checks.ledger.duplicates_exercised |= attempt > 1;
        if message.key != KeyId::NONE {
            checks.key.sent(message.key.0, member);
        }
        checks.producer.sent(message.source.0, member);
        if delivery.ranked {
            checks.stored.sent(delivery.line, member);
        }
        self.begin_copy(at, s, message, delivery);
    }

    #[inline(always)]
    pub(super) fn delivered(
        &mut self,
        at: Time,
        node: NodeId,
        m: MessageRef,
        s: SubscriptionId,
        attempt: u16,
        shared: &mut Shared,
    ) {
        let checks = &mut self.subscriptions[s.0 as usize];
        let (message, delivery) = shared.messages.both_mut(m, checks.slot);
        delivery.delivered = at;
        checks.ledger.redeliveries += u64::from(attempt > 1);
        if checks.resides_at_receiver {
            checks.ledger.resides(at);
        }
        let member = &mut self.members[node.0 as usize];
        if member.delivered.len() < self.keep {
            member.delivered.push((about(message), attempt));
        } else {
            member.truncated = true;
        }
    }

    #[inline(always)]
    pub(super) fn processed(
        &mut self,
        at: Time,
        node: NodeId,
        m: MessageRef,
        s: SubscriptionId,
        worked: Span,
        shared: &mut Shared,
    ) {
        let checks = &mut self.subscriptions[s.0 as usize];
        let window = shared.window;
        let (message, delivery) = shared.messages.both_mut(m, checks.slot);
        delivery.effects = delivery.effects.saturating_add(1);
        delivery.worked += worked;
        checks.ledger.effects += 1;
        if checks.resides_at_receiver {
            checks.ledger.leaves(at);
        }
        if delivery.effects == 1 {
            checks.first_effect(at, window, message, delivery);
        } else {
            checks.effect_again(message, delivery, self.keep);
        }
        let member = &mut self.members[node.0 as usize];
        if member.processed.len() < self.keep {
            member.processed.push((about(message), at));
        }
        if self.end_copy(at, s, message, delivery) {
            self.close(m, shared);
        }
    }
}
