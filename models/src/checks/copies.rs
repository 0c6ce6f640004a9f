//! Copies of messages begin and end: whether the run still waits for a message, and when its record is closed or put
//! away.

use super::{Book, End};
use crate::causes::LossCause;
use crate::message::{Delivery, Message, MessageRef, SubscriptionId};
use crate::shared::Shared;
use redeliver_sim::Time;

impl Book {
    /// A copy began or ended: does the run still wait for the message?
    #[inline(never)]
    pub(super) fn refresh(
        &mut self,
        at: Time,
        s: SubscriptionId,
        message: &Message,
        delivery: &mut Delivery,
    ) {
        let copies = message.upstream > 0 || delivery.copies > 0;
        let open = delivery.addressed && delivery.effects == 0 && !delivery.dead_lettered && copies;
        if open == delivery.open {
            return;
        }
        delivery.open = open;
        let checks = &mut self.subscriptions[s.0 as usize];
        if open {
            self.open += 1;
            checks.ledger.open += 1;
            checks.backlog.grow(at);
        } else {
            self.open -= 1;
            checks.ledger.open -= 1;
            checks.backlog.shrink(at);
            checks.leave_orders(message, delivery);
        }
    }

    /// As [`Book::refresh`], for every subscription of the message's topic.
    pub(super) fn refresh_all(&mut self, at: Time, m: MessageRef, shared: &mut Shared) {
        let topic = shared.messages.get(m).topic.0 as usize;
        for (slot, s) in shared.topics[topic].subscriptions.iter().enumerate() {
            let (message, delivery) = shared.messages.both_mut(m, slot);
            self.refresh(at, *s, message, delivery);
        }
    }

    #[inline(always)]
    pub(super) fn end_upstream(&mut self, at: Time, m: MessageRef, shared: &mut Shared) {
        let message = shared.messages.get_mut(m);
        assert!(message.upstream > 0, "an upstream copy ended that never began");
        message.upstream -= 1;
        if message.upstream > 0 {
            return;
        }
        let topic = &shared.topics[message.topic.0 as usize];
        for (slot, s) in topic.subscriptions.iter().enumerate() {
            let (message, delivery) = shared.messages.both_mut(m, slot);
            if delivery.copies == 0 {
                self.refresh(at, *s, message, delivery);
            }
        }
        self.close_if_done(m, shared);
    }

    #[inline(always)]
    pub(super) fn begin_copy(
        &mut self,
        at: Time,
        s: SubscriptionId,
        message: &mut Message,
        delivery: &mut Delivery,
    ) {
        if !delivery.addressed {
            delivery.addressed = true;
            self.subscriptions[s.0 as usize].ledger.addressed += 1;
        }
        delivery.copies += 1;
        message.copies += 1;
        if !delivery.open {
            self.refresh(at, s, message, delivery);
        }
    }

    /// Of a message that is looked up for it.
    pub(super) fn begin_copy_of(&mut self, at: Time, m: MessageRef, s: SubscriptionId, shared: &mut Shared) {
        let slot = shared.slot(s);
        let (message, delivery) = shared.messages.both_mut(m, slot);
        self.begin_copy(at, s, message, delivery);
    }

    /// True: it was the last copy that was meant for anybody.
    #[inline(always)]
    pub(super) fn end_copy(
        &mut self,
        at: Time,
        s: SubscriptionId,
        message: &mut Message,
        delivery: &mut Delivery,
    ) -> bool {
        assert!(delivery.copies > 0, "a copy ended that never began");
        delivery.copies -= 1;
        message.copies -= 1;
        if delivery.open {
            self.refresh(at, s, message, delivery);
        }
        message.is_done()
    }

    /// Of a message that is looked up for it; closes its record behind the last one.
    pub(super) fn end_copy_of(&mut self, at: Time, m: MessageRef, s: SubscriptionId, shared: &mut Shared) {
        let slot = shared.slot(s);
        let (message, delivery) = shared.messages.both_mut(m, slot);
        if self.end_copy(at, s, message, delivery) {
            self.close(m, shared);
        }
    }

    /// A copy ended badly.
    pub(super) fn destroy_copy(
        &mut self,
        at: Time,
        m: MessageRef,
        s: SubscriptionId,
        why: LossCause,
        shared: &mut Shared,
    ) {
        let slot = shared.slot(s);
        let (message, delivery) = shared.messages.both_mut(m, slot);
        message.harmed = true;
        delivery.cause = why;
        let ledger = &mut self.subscriptions[s.0 as usize].ledger;
        ledger.loss_exercised = true;
        ledger.confirmed_loss_exercised |= message.confirmed;
        if self.end_copy(at, s, message, delivery) {
            self.close(m, shared);
        }
    }

    /// An upstream copy ended badly.
    pub(super) fn destroy_upstream(&mut self, at: Time, m: MessageRef, why: LossCause, shared: &mut Shared) {
        let topic = shared.messages.get(m).topic.0 as usize;
        for slot in 0..shared.topics[topic].subscriptions.len() {
            let s = shared.topics[topic].subscriptions[slot];
            let (message, delivery) = shared.messages.both_mut(m, slot);
            message.harmed = true;
            delivery.cause = why;
            let ledger = &mut self.subscriptions[s.0 as usize].ledger;
            ledger.loss_exercised |= delivery.addressed;
            ledger.confirmed_loss_exercised |= delivery.addressed && message.confirmed;
        }
        self.end_upstream(at, m, shared);
    }

    #[inline(always)]
    pub(super) fn close_if_done(&mut self, m: MessageRef, shared: &mut Shared) {
        if shared.messages.get(m).is_done() {
            self.close(m, shared);
        }
    }

    /// Behind the last copy that was meant for anybody. What a log retains has not come to its end yet.
    #[inline(always)]
    pub(super) fn close(&mut self, m: MessageRef, shared: &mut Shared) {
        if shared.messages.get(m).retained > 0 {
            return shared.put_away(m);
        }
        self.count_ends(m, shared);
        shared.messages.close(m);
    }

    /// Counts what became of a message, in every subscription of its topic.
    #[inline(always)]
    pub(super) fn count_ends(&mut self, m: MessageRef, shared: &Shared) {
        let message = shared.messages.get(m);
        for (slot, s) in shared.topics[message.topic.0 as usize].subscriptions.iter().enumerate() {
            let delivery = shared.messages.delivery(m, slot);
            let checks = &mut self.subscriptions[s.0 as usize];
            let end = checks.ledger.count_end(message, delivery);
            if end != End::Processed {
                checks.no_effect(message, delivery, end, self.keep);
            }
        }
    }

    /// At the end of the run: counts what is put away, which has been processed by all whom it was meant for.
    pub(super) fn count_put_away(&mut self, shared: &Shared) {
        for (_, away) in shared.messages.all_put_away() {
            let (source, _) = away.name();
            let topic = shared.sources[source.0 as usize].topic;
            for (slot, s) in shared.topics[topic.0 as usize].subscriptions.iter().enumerate() {
                let ledger = &mut self.subscriptions[s.0 as usize].ledger;
                ledger.processed += u64::from(away.has_processed(slot));
            }
        }
    }
}
