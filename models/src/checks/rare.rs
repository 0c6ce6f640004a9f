//! The facts that are rare: what goes wrong, and what comes again.

use super::subscription::about;
use super::{Book, SubscriptionChecks};
use crate::causes::{DuplicateCause, LossCause};
use crate::fact::Fact;
use crate::message::{MessageRef, SubscriptionId};
use crate::shared::Shared;
use redeliver_sim::{NodeId, Time};

impl Book {
    /// The facts that are rare.
    #[inline(never)]
    pub(super) fn fold_rare(&mut self, at: Time, node: NodeId, fact: &Fact, shared: &mut Shared) {
        match *fact {
            Fact::Resent { m, .. } => {
                shared.messages.get_mut(m).upstream += 1;
                self.upset_all(m, DuplicateCause::ProducerRetry, shared);
                self.refresh_all(at, m, shared);
            }
            Fact::Sent { m } => {
                let message = shared.messages.get_mut(m);
                message.upstream += u32::from(message.buffered);
            }
            Fact::PublishDuplicated { m } => {
                shared.messages.get_mut(m).upstream += 1;
                self.upset_all(m, DuplicateCause::NetworkDuplicate, shared);
            }
            Fact::PublishDropped { m, why } | Fact::NotTaken { m, why } => {
                self.destroy_upstream(at, m, why, shared)
            }
            Fact::Appended { m, line, rank, .. } => self.appended(at, m, (line, rank), shared),
            Fact::Released { m } => {
                shared.messages.get_mut(m).retained -= 1;
                self.close_if_done(m, shared);
            }
            Fact::Retained { m, last } => {
                shared.messages.get_mut(m).retained += 1;
                if last {
                    self.end_upstream(at, m, shared);
                }
            }
            Fact::StoredBefore { m } => self.end_upstream(at, m, shared),
            Fact::GaveUp { m, refused } => {
                let source = shared.messages.get(m).source.0 as usize;
                self.sources[source].refused += u64::from(refused);
                shared.messages.get_mut(m).buffered = false;
                let why = if refused { LossCause::Refused } else { LossCause::GaveUp };
                self.destroy_upstream(at, m, why, shared);
            }
            Fact::Requeued { m, s, why } => self.upset(m, s, why, shared),
            Fact::Failed { m, s, worked, .. } => {
                let slot = shared.slot(s);
                shared.messages.both_mut(m, slot).1.worked += worked;
            }
            Fact::Rewound { m, s, why } => {
                self.upset(m, s, why, shared);
                self.subscriptions[s.0 as usize].ledger.resides(at);
                self.begin_copy_of(at, m, s, shared);
            }
            Fact::Found { m, s, line, rank } => self.stored(at, m, s, (line, rank), shared),
            Fact::DeliveryDropped { m, s, why } => self.destroy_copy(at, m, s, why, shared),
            Fact::Discarded { m, s, why } => {
                let checks = &mut self.subscriptions[s.0 as usize];
                if checks.resides_at_receiver {
                    checks.ledger.leaves(at);
                }
                self.destroy_copy(at, m, s, why, shared);
            }
            Fact::Removed { m, s, why } => {
                self.subscriptions[s.0 as usize].ledger.leaves(at);
                self.destroy_copy(at, m, s, why, shared);
            }
            Fact::DeadLettered { m, s, back } => {
                let slot = shared.slot(s);
                let delivery = shared.messages.both_mut(m, slot).1;
                delivery.dead_lettered |= !back;
                if back {
                    delivery.again = DuplicateCause::Republished;
                }
                self.subscriptions[s.0 as usize].ledger.leaves(at);
                self.end_copy_of(at, m, s, shared);
            }
            Fact::TurnedAway { m, s } => self.harm(m, s, LossCause::QueueOverflow, shared),
            Fact::PassedOver { m, s, why, last } => {
                self.harm(m, s, why, shared);
                if last {
                    self.end_upstream(at, m, shared);
                }
            }
            Fact::HeldAlready { m, s } => self.end_copy_of(at, m, s, shared),
            Fact::Unreadable { m, s } if shared.messages.is_current(m) => {
                self.harm(m, s, LossCause::CorruptRecord, shared)
            }
            Fact::PutAside { m, s } => {
                let slot = shared.slot(s);
                shared.messages.both_mut(m, slot).1.dead_lettered = true;
                self.end_copy_of(at, m, s, shared);
            }
            Fact::Deduplicated { m, s } => self.deduplicated(at, m, s, shared),
            Fact::GivenBack { m, s } => {
                // What was settled before it was begun with, and is given back to nobody, is gone.
                let delivery = shared.messages.delivery(m, shared.slot(s));
                if delivery.copies == 1 && delivery.effects == 0 && !delivery.dead_lettered {
                    return self.destroy_copy(at, m, s, LossCause::TakenNeverProcessed, shared);
                }
                self.end_copy_of(at, m, s, shared);
            }
            Fact::DeliveryDuplicated { m, s } => {
                self.upset(m, s, DuplicateCause::NetworkDuplicate, shared);
                self.begin_copy_of(at, m, s, shared);
            }
            Fact::AckDropped { m, s } if shared.messages.is_current(m) => {
                let slot = shared.slot(s);
                shared.messages.both_mut(m, slot).1.ack_lost = true;
            }
            Fact::Forgotten { m } => self.end_upstream(at, m, shared),
            Fact::Forwarded { m } => shared.messages.get_mut(m).upstream += 1,
            Fact::Copied { m, s } => self.begin_copy_of(at, m, s, shared),
            Fact::Replicated { s, .. } => self.subscriptions[s.0 as usize].ledger.resides(at),
            Fact::ReplicaGone { m, s, written } => {
                if written {
                    self.subscriptions[s.0 as usize].ledger.leaves(at);
                }
                self.end_copy_of(at, m, s, shared);
            }
            Fact::StateChanged { source } => self.sources[source.0 as usize].state_changes += 1,
            Fact::Blocked => self.block(at, node, shared, true),
            Fact::Unblocked => self.block(at, node, shared, false),
            _ => {}
        }
    }

    /// It will come again, or has come twice: what was in order may not be any more.
    pub(super) fn upset(
        &mut self,
        m: MessageRef,
        s: SubscriptionId,
        why: DuplicateCause,
        shared: &mut Shared,
    ) {
        let slot = shared.slot(s);
        let (message, delivery) = shared.messages.both_mut(m, slot);
        delivery.again = why;
        let checks = &mut self.subscriptions[s.0 as usize];
        if checks.most_returned.is_none_or(|(most, ..)| delivery.dispatches > most) {
            let within = delivery.dispatched.since(delivery.dispatched_first);
            checks.most_returned = Some((delivery.dispatches, within, about(message)));
        }
        checks.upset(message, delivery);
    }

    fn upset_all(&mut self, m: MessageRef, why: DuplicateCause, shared: &mut Shared) {
        let topic = shared.messages.get(m).topic.0 as usize;
        for slot in 0..shared.topics[topic].subscriptions.len() {
            self.upset(m, shared.topics[topic].subscriptions[slot], why, shared);
        }
    }

    /// A copy is lost to the subscription, or will be: one of several queues had no room (if the producer is told, the
    /// loss will be a refusal), or its record cannot be read.
    fn harm(&mut self, m: MessageRef, s: SubscriptionId, why: LossCause, shared: &mut Shared) {
        let slot = shared.slot(s);
        let (message, delivery) = shared.messages.both_mut(m, slot);
        message.harmed = true;
        delivery.cause = why;
        let ledger = &mut self.subscriptions[s.0 as usize].ledger;
        ledger.loss_exercised |= delivery.addressed;
        ledger.confirmed_loss_exercised |= delivery.addressed && message.confirmed;
    }

    /// It will be settled without an effect: rightly, if there was one before.
    fn deduplicated(&mut self, at: Time, m: MessageRef, s: SubscriptionId, shared: &mut Shared) {
        let SubscriptionChecks { ledger, resides_at_receiver, .. } = &mut self.subscriptions[s.0 as usize];
        ledger.deduplicated += 1;
        if *resides_at_receiver {
            ledger.leaves(at);
        }
        if shared.messages.delivery(m, shared.slot(s)).effects == 0 {
            return self.destroy_copy(at, m, s, LossCause::TakenForDuplicate, shared);
        }
        ledger.duplicates_exercised = true;
        self.end_copy_of(at, m, s, shared);
    }

    /// The last copy was settled without an effect: its handler's failure was dropped, its record could not be
    /// read, or the offset passed it.
    #[cold]
    #[inline(never)]
    pub(super) fn skipped(
        &mut self,
        at: Time,
        m: MessageRef,
        s: SubscriptionId,
        before: LossCause,
        shared: &mut Shared,
    ) {
        let known = [
            LossCause::HandlerFailed,
            LossCause::TakenNeverProcessed,
            LossCause::CorruptRecord,
            LossCause::TakenForDuplicate,
        ];
        let why = if known.contains(&before) { before } else { LossCause::OffsetSkipped };
        self.destroy_copy(at, m, s, why, shared);
    }

    #[cold]
    #[inline(never)]
    pub(super) fn confirmed_after_harm(&mut self, m: MessageRef, shared: &Shared) {
        let topic = shared.messages.get(m).topic.0 as usize;
        for (slot, s) in shared.topics[topic].subscriptions.iter().enumerate() {
            let addressed = shared.messages.delivery(m, slot).addressed;
            self.subscriptions[s.0 as usize].ledger.confirmed_loss_exercised |= addressed;
        }
    }

    fn block(&mut self, at: Time, node: NodeId, shared: &Shared, blocked: bool) {
        let name = shared.names.node(node);
        let alone = name.strip_suffix("/1");
        let is = |source: &String| source == name || alone == Some(source.as_str());
        let Some(source) = shared.names.sources.iter().position(is) else { return };
        let source = &mut self.sources[source];
        source.unblock(at);
        source.blocked_since = blocked.then_some(at);
    }
}
