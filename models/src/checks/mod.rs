//! Streaming folds over facts: the ledger first, then the other checks, in one pass.
//!
//! Their memory grows with keys and with messages in flight or retained, never with messages sent.

mod backlog;
mod fingerprint;
mod latency;
mod ledger;
mod order;
mod recorder;

pub use backlog::Backlog;
pub use latency::Latency;
pub use ledger::{End, Ledger};
pub use order::{Order, StampOrder, Violation};
pub use recorder::{Event, Recorded, Recorder};

use crate::Messaging;
use crate::causes::{DuplicateCause, LossCause};
use crate::fact::Fact;
use crate::message::{Delivery, KeyId, Message, MessageRef, SubscriptionId};
use crate::shared::Shared;
use fingerprint::Fingerprint;
use redeliver_sim::{Checks, News, NodeId, Span, Time};

/// A message by source, number and label.
pub type About = (u32, u32, u32);

/// Everything that listens to the facts.
#[derive(Clone, Debug)]
pub struct Book {
    /// By [`SubscriptionId`].
    pub subscriptions: Vec<SubscriptionChecks>,
    /// By [`crate::message::SourceId`].
    pub sources: Vec<SourceChecks>,
    /// By [`NodeId`].
    pub members: Vec<MemberChecks>,
    /// Messages that are open in some subscription: what a run waits for.
    pub open: u64,
    /// Keeps facts, if it is asked to.
    pub recorder: Recorder,
    /// By topic and key: how many messages were accepted.
    key_next: Vec<Vec<u32>>,
    fingerprint: Fingerprint,
    keep: usize,
}

/// The checks of one subscription.
#[derive(Clone, Debug)]
pub struct SubscriptionChecks {
    /// Every message comes to one end.
    pub ledger: Ledger,
    /// Messages of one key.
    pub key: Order,
    /// Messages of one producer.
    pub producer: Order,
    /// Messages of one queue or partition.
    pub stored: Order,
    /// By the source's clock.
    pub event_time: StampOrder,
    /// By the true time of publishing.
    pub true_time: StampOrder,
    /// Of first effects, of messages published within the measured window.
    pub latency: Latency,
    /// Over time.
    pub backlog: Backlog,
    /// First effects within the measured window.
    pub effects_measured: u64,
    /// The first messages that were lost, in the order in which that was certain.
    pub lost: Vec<(About, LossCause, bool)>,
    /// The first messages whose effect took place again.
    pub duplicates: Vec<(About, DuplicateCause)>,
}

/// What became of one source's messages.
#[derive(Clone, Debug, Default)]
pub struct SourceChecks {
    /// Sends called.
    pub published: u64,
    /// Positive acknowledgements.
    pub confirmed: u64,
    /// Definite refusals.
    pub refused: u64,
    /// It was held up for so long.
    pub blocked: Span,
    blocked_since: Option<Time>,
}

/// What one consumer did: the first entries.
#[derive(Clone, Debug, Default)]
pub struct MemberChecks {
    /// What came to it, with the number of the attempt.
    pub delivered: Vec<(About, u16)>,
    /// The effects, with their times.
    pub processed: Vec<(About, Time)>,
    /// There were more.
    pub truncated: bool,
}

/// What a book is opened with.
#[derive(Clone, Debug)]
pub struct BookSpec {
    /// How many topics, subscriptions, sources and nodes there are.
    pub counts: [usize; 4],
    /// Averages cover this.
    pub window: (Time, Time),
    /// The run ends here at the latest.
    pub end: Time,
    /// How many entries each kept list has.
    pub keep: usize,
}

impl Book {
    /// An empty book.
    pub fn new(spec: &BookSpec, recorder: Recorder) -> Self {
        let [topics, subscriptions, sources, nodes] = spec.counts;
        let subscription = SubscriptionChecks {
            ledger: Ledger::default(),
            key: Order::default(),
            producer: Order::default(),
            stored: Order::default(),
            event_time: StampOrder::default(),
            true_time: StampOrder::default(),
            latency: Latency::default(),
            backlog: Backlog::new(spec.window, spec.end),
            effects_measured: 0,
            lost: Vec::new(),
            duplicates: Vec::new(),
        };
        Book {
            subscriptions: vec![subscription; subscriptions],
            sources: vec![SourceChecks::default(); sources],
            members: vec![MemberChecks::default(); nodes],
            open: 0,
            recorder,
            key_next: vec![Vec::new(); topics],
            fingerprint: Fingerprint::default(),
            keep: spec.keep,
        }
    }

    /// Of all facts so far.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint.value()
    }

    /// The run has ended: counts what is left, and asserts that every ledger balances and that Little's law holds.
    pub fn finish(&mut self, now: Time, shared: &mut Shared) {
        let left: Vec<MessageRef> = shared.messages.all_live().collect();
        for m in left {
            self.count_ends(m, shared);
        }
        for (checks, name) in self.subscriptions.iter_mut().zip(&shared.names.subscriptions) {
            checks.backlog.finish(now);
            let difference = checks.ledger.difference();
            assert!(difference.is_none(), "the ledger of {name}: {difference:?} in {:?}", checks.ledger);
        }
        let difference = self.littles_difference(now, shared);
        assert!(difference.is_none(), "Little's law does not hold: {difference:?}");
        for source in &mut self.sources {
            source.unblock(now);
        }
    }

    /// Little's law: what brokers hold, integrated over time by themselves, is the sum of the times that the ledger's
    /// records were there. Where it does not hold, the first subscription for which it does not.
    pub(crate) fn littles_difference(&self, now: Time, shared: &Shared) -> Option<String> {
        let all = self.subscriptions.iter().zip(&shared.subscriptions).zip(&shared.names.subscriptions);
        all.into_iter().find_map(|((checks, subscription), name)| {
            let (area, residence) = (subscription.level.area(now), checks.ledger.residence_until(now));
            (area as i128 != residence).then(|| format!("{name}: L·t = {area}, Σ W = {residence}"))
        })
    }

    /// A copy began or ended: does the run still wait for the message?
    #[inline(always)]
    fn refresh(&mut self, at: Time, s: SubscriptionId, message: &Message, delivery: &mut Delivery) {
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
        } else {
            self.open -= 1;
            checks.ledger.open -= 1;
            checks.leave_orders(message, delivery);
        }
        checks.backlog.set(at, checks.ledger.open);
    }

    /// As [`Book::refresh`], for every subscription of the message's topic.
    #[inline(always)]
    fn refresh_all(&mut self, at: Time, m: MessageRef, shared: &mut Shared) {
        let topic = shared.messages.get(m).topic.0 as usize;
        for (slot, s) in shared.topics[topic].subscriptions.iter().enumerate() {
            let (message, delivery) = shared.messages.both_mut(m, slot);
            self.refresh(at, *s, message, delivery);
        }
    }

    #[inline(always)]
    fn end_upstream(&mut self, at: Time, m: MessageRef, shared: &mut Shared) {
        let message = shared.messages.get_mut(m);
        assert!(message.upstream > 0, "an upstream copy ended that never began");
        message.upstream -= 1;
        if message.upstream == 0 {
            self.refresh_all(at, m, shared);
            self.close_if_gone(m, shared);
        }
    }

    #[inline(always)]
    fn begin_copy(&mut self, at: Time, s: SubscriptionId, message: &mut Message, delivery: &mut Delivery) {
        if !delivery.addressed {
            delivery.addressed = true;
            self.subscriptions[s.0 as usize].ledger.addressed += 1;
        }
        delivery.copies += 1;
        message.copies += 1;
        self.refresh(at, s, message, delivery);
    }

    /// Of a message that is looked up for it.
    fn begin_copy_of(&mut self, at: Time, m: MessageRef, s: SubscriptionId, shared: &mut Shared) {
        let slot = shared.slot(s);
        let (message, delivery) = shared.messages.both_mut(m, slot);
        self.begin_copy(at, s, message, delivery);
    }

    /// True: it was the last copy of all.
    #[inline(always)]
    fn end_copy(
        &mut self,
        at: Time,
        s: SubscriptionId,
        message: &mut Message,
        delivery: &mut Delivery,
    ) -> bool {
        assert!(delivery.copies > 0, "a copy ended that never began");
        delivery.copies -= 1;
        message.copies -= 1;
        self.refresh(at, s, message, delivery);
        message.is_gone()
    }

    /// Of a message that is looked up for it; closes its record behind the last one.
    fn end_copy_of(&mut self, at: Time, m: MessageRef, s: SubscriptionId, shared: &mut Shared) {
        let slot = shared.slot(s);
        let (message, delivery) = shared.messages.both_mut(m, slot);
        if self.end_copy(at, s, message, delivery) {
            self.close(m, shared);
        }
    }

    /// A copy ended badly.
    fn destroy_copy(
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
    fn destroy_upstream(&mut self, at: Time, m: MessageRef, why: LossCause, shared: &mut Shared) {
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
    fn close_if_gone(&mut self, m: MessageRef, shared: &mut Shared) {
        if shared.messages.get(m).is_gone() {
            self.close(m, shared);
        }
    }

    #[inline(always)]
    fn close(&mut self, m: MessageRef, shared: &mut Shared) {
        self.count_ends(m, shared);
        shared.messages.close(m);
    }

    /// Counts what became of a message, in every subscription of its topic.
    #[inline(always)]
    fn count_ends(&mut self, m: MessageRef, shared: &Shared) {
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

    /// The topic accepts the message: it gets its rank among those of its key.
    #[inline(always)]
    fn accept(&mut self, at: Time, message: &mut Message) {
        if message.accepted {
            return;
        }
        message.accepted = true;
        message.stored_at = at;
        if message.key == KeyId::NONE {
            return;
        }
        let next = &mut self.key_next[message.topic.0 as usize];
        let key = message.key.0 as usize;
        if key >= next.len() {
            next.resize(key + 1, 0);
        }
        message.key_rank = next[key];
        next[key] += 1;
    }

    #[inline(always)]
    fn published(&mut self, at: Time, m: MessageRef, buffered: bool, sent: bool, shared: &mut Shared) {
        let message = shared.messages.get_mut(m);
        message.upstream = 1 + u32::from(buffered && sent);
        message.buffered = buffered;
        self.sources[message.source.0 as usize].published += 1;
        let topic = &shared.topics[message.topic.0 as usize];
        if topic.accepted_at_birth {
            self.accept(at, message);
        }
        if !topic.addressed_at_birth {
            return;
        }
        let number = message.topic;
        for (slot, &s) in topic.subscriptions.iter().enumerate() {
            let subscription = &shared.subscriptions[s.0 as usize];
            if subscription.bound && subscription.topic == number {
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
    fn stored(&mut self, at: Time, m: MessageRef, s: SubscriptionId, place: (u32, u32), shared: &mut Shared) {
        let slot = shared.slot(s);
        let (message, delivery) = shared.messages.both_mut(m, slot);
        self.accept(at, message);
        let checks = &mut self.subscriptions[s.0 as usize];
        if !delivery.ranked {
            delivery.ranked = true;
            (delivery.line, delivery.rank) = place;
            checks.enter_orders(message, delivery);
        } else {
            delivery.again = DuplicateCause::ProducerRetry;
            checks.ledger.duplicates_exercised = true;
            checks.stored.void(place.0, place.1);
        }
        checks.ledger.resides(at);
        self.begin_copy(at, s, message, delivery);
    }

    #[inline(never)]
    fn appended(&mut self, at: Time, m: MessageRef, place: (u32, u32), shared: &mut Shared) {
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
    fn delivered(
        &mut self,
        at: Time,
        node: NodeId,
        m: MessageRef,
        s: SubscriptionId,
        attempt: u16,
        shared: &mut Shared,
    ) {
        let slot = shared.slot(s);
        let resides = shared.subscriptions[s.0 as usize].resides_at_receiver;
        let (message, delivery) = shared.messages.both_mut(m, slot);
        delivery.delivered = at;
        let ledger = &mut self.subscriptions[s.0 as usize].ledger;
        ledger.redeliveries += u64::from(attempt > 1);
        if resides {
            ledger.resides(at);
        }
        let member = &mut self.members[node.0 as usize];
        if member.delivered.len() < self.keep {
            member.delivered.push((about(message), attempt));
        } else {
            member.truncated = true;
        }
    }

    #[inline(always)]
    fn processed(
        &mut self,
        at: Time,
        node: NodeId,
        m: MessageRef,
        s: SubscriptionId,
        worked: Span,
        shared: &mut Shared,
    ) {
        let slot = shared.slot(s);
        let subscription = &shared.subscriptions[s.0 as usize];
        let (resides, window) = (subscription.resides_at_receiver, shared.window);
        let (message, delivery) = shared.messages.both_mut(m, slot);
        delivery.effects = delivery.effects.saturating_add(1);
        delivery.worked += worked;
        let checks = &mut self.subscriptions[s.0 as usize];
        checks.ledger.effects += 1;
        if resides {
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

    #[inline(always)]
    fn dispatched(
        &mut self,
        at: Time,
        m: MessageRef,
        s: SubscriptionId,
        attempt: u16,
        member: u32,
        shared: &mut Shared,
    ) {
        let slot = shared.slot(s);
        let (message, delivery) = shared.messages.both_mut(m, slot);
        if delivery.dispatched_first == Time::NEVER {
            delivery.dispatched_first = at;
        }
        delivery.dispatched = at;
        delivery.dispatches = delivery.dispatches.saturating_add(1);
        let checks = &mut self.subscriptions[s.0 as usize];
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

    /// It will come again, or has come twice: what was in order may not be any more.
    fn upset(&mut self, m: MessageRef, s: SubscriptionId, why: DuplicateCause, shared: &mut Shared) {
        let slot = shared.slot(s);
        let (message, delivery) = shared.messages.both_mut(m, slot);
        delivery.again = why;
        self.subscriptions[s.0 as usize].upset(message, delivery);
    }

    fn upset_all(&mut self, m: MessageRef, why: DuplicateCause, shared: &mut Shared) {
        let topic = shared.messages.get(m).topic.0 as usize;
        for slot in 0..shared.topics[topic].subscriptions.len() {
            self.upset(m, shared.topics[topic].subscriptions[slot], why, shared);
        }
    }

    /// The facts that are rare.
    #[inline(never)]
    fn fold_rare(&mut self, at: Time, node: NodeId, fact: &Fact, shared: &mut Shared) {
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
                self.close_if_gone(m, shared);
            }
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
                if shared.subscriptions[s.0 as usize].resides_at_receiver {
                    self.subscriptions[s.0 as usize].ledger.leaves(at);
                }
                self.destroy_copy(at, m, s, why, shared);
            }
            Fact::Removed { m, s, why } => {
                self.subscriptions[s.0 as usize].ledger.leaves(at);
                self.destroy_copy(at, m, s, why, shared);
            }
            Fact::DeadLettered { m, s } => {
                let slot = shared.slot(s);
                shared.messages.both_mut(m, slot).1.dead_lettered = true;
                self.subscriptions[s.0 as usize].ledger.leaves(at);
                self.end_copy_of(at, m, s, shared);
            }
            Fact::TurnedAway { m, s } => self.turned_away(m, s, shared),
            Fact::PutAside { m, s } => {
                let slot = shared.slot(s);
                shared.messages.both_mut(m, slot).1.dead_lettered = true;
                self.end_copy_of(at, m, s, shared);
            }
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
            Fact::Blocked => self.block(at, node, shared, true),
            Fact::Unblocked => self.block(at, node, shared, false),
            _ => {}
        }
    }

    /// One of several queues had no room. If the producer is told, the loss will be a refusal.
    fn turned_away(&mut self, m: MessageRef, s: SubscriptionId, shared: &mut Shared) {
        let slot = shared.slot(s);
        let (message, delivery) = shared.messages.both_mut(m, slot);
        message.harmed = true;
        delivery.cause = LossCause::QueueOverflow;
        let ledger = &mut self.subscriptions[s.0 as usize].ledger;
        ledger.loss_exercised |= delivery.addressed;
        ledger.confirmed_loss_exercised |= delivery.addressed && message.confirmed;
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

impl SourceChecks {
    fn unblock(&mut self, at: Time) {
        if let Some(since) = self.blocked_since.take() {
            self.blocked += at.since(since);
        }
    }
}

/// Source, number, label.
#[inline(always)]
fn about(message: &Message) -> About {
    (message.source.0, message.number, message.label)
}

impl SubscriptionChecks {
    #[inline(always)]
    fn enter_orders(&mut self, message: &Message, delivery: &Delivery) {
        if message.key != KeyId::NONE {
            self.key.entered(message.key.0);
        }
        self.producer.entered(message.source.0);
        if delivery.ranked {
            self.stored.entered(delivery.line);
        }
    }

    #[inline(always)]
    fn leave_orders(&mut self, message: &Message, delivery: &Delivery) {
        if !message.accepted {
            return;
        }
        if message.key != KeyId::NONE {
            self.key.settled(message.key.0);
        }
        self.producer.settled(message.source.0);
        if delivery.ranked {
            self.stored.settled(delivery.line);
        }
    }

    fn upset(&mut self, message: &Message, delivery: &Delivery) {
        self.ledger.duplicates_exercised = true;
        if message.key != KeyId::NONE {
            self.key.upset(message.key.0);
        }
        self.producer.upset(message.source.0);
        if delivery.ranked {
            self.stored.upset(delivery.line);
        }
    }

    #[inline(always)]
    fn first_effect(&mut self, at: Time, window: (Time, Time), message: &Message, delivery: &Delivery) {
        let (source, number) = (message.source, message.number);
        if message.key != KeyId::NONE && message.accepted {
            self.key.first_effect(message.key.0, message.key_rank, source, number);
        }
        self.producer.first_effect(source.0, number - 1, source, number);
        if delivery.ranked {
            self.stored.first_effect(delivery.line, delivery.rank, source, number);
        }
        self.event_time.effect(message.stamp.0, true);
        self.true_time.effect(message.born.0 as i64, true);
        self.backlog.latency(at.since(message.born).0);
        if message.born >= window.0 {
            self.latency.effect(at, message, delivery);
        }
        self.effects_measured += u64::from(at >= window.0 && at <= window.1);
    }

    fn effect_again(&mut self, message: &Message, delivery: &Delivery, keep: usize) {
        let (source, number) = (message.source, message.number);
        if message.key != KeyId::NONE {
            self.key.repeated(message.key.0, message.key_rank, source, number);
        }
        self.producer.repeated(source.0, number - 1, source, number);
        if delivery.ranked {
            self.stored.repeated(delivery.line, delivery.rank, source, number);
        }
        self.event_time.effect(message.stamp.0, false);
        self.true_time.effect(message.born.0 as i64, false);
        let cause = if delivery.ack_lost { DuplicateCause::LostAck } else { delivery.again };
        self.ledger.duplicates[cause as usize] += 1;
        if self.duplicates.len() < keep {
            self.duplicates.push((about(message), cause));
        }
    }

    /// A message came to an end without an effect: its ranks hold nothing back.
    fn no_effect(&mut self, message: &Message, delivery: &Delivery, end: End, keep: usize) {
        if let End::Lost(cause) = end
            && self.lost.len() < keep
        {
            self.lost.push((about(message), cause, message.confirmed));
        }
        if end == End::Pending {
            return;
        }
        if message.key != KeyId::NONE && message.accepted {
            self.key.void(message.key.0, message.key_rank);
        }
        self.producer.void(message.source.0, message.number - 1);
        if delivery.ranked {
            self.stored.void(delivery.line, delivery.rank);
        }
    }
}

impl Checks<Messaging> for Book {
    // Inlined where a fact is noted its kind is known, which is worth a third of the speed; but the code is twelve
    // times as long to compile, so only where speed is asked for.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn fold(&mut self, at: Time, node: NodeId, fact: Fact, shared: &mut Shared) {
        let message = fact.message().and_then(|m| shared.messages.current(m));
        let about =
            message.map_or(0, |message| u64::from(message.source.0) << 32 | u64::from(message.number));
        let subscription = fact.subscription().map_or(0, |s| u64::from(s.0) + 1);
        self.fingerprint.fold(at, node, fact.kind(), about ^ subscription << 48, fact.detail());
        self.recorder.fold(at, node, fact, &shared.messages);
        match fact {
            Fact::Published { m, buffered, sent } => self.published(at, m, buffered, sent, shared),
            Fact::Stored { m, s, line, rank, last } => {
                self.stored(at, m, s, (line, rank), shared);
                if last {
                    self.end_upstream(at, m, shared);
                }
            }
            Fact::Dispatched { m, s, attempt, member } => self.dispatched(at, m, s, attempt, member, shared),
            Fact::Delivered { m, s, attempt } => self.delivered(at, node, m, s, attempt, shared),
            Fact::Processed { m, s, worked, .. } => self.processed(at, node, m, s, worked, shared),
            Fact::Acked { m, s } => {
                self.subscriptions[s.0 as usize].ledger.leaves(at);
                let slot = shared.slot(s);
                let (message, delivery) = shared.messages.both_mut(m, slot);
                if delivery.copies == 1 && delivery.effects == 0 && !delivery.dead_lettered {
                    let before = delivery.cause;
                    return self.skipped(at, m, s, before, shared);
                }
                if self.end_copy(at, s, message, delivery) {
                    self.close(m, shared);
                }
            }
            Fact::Confirmed { m } => {
                let message = shared.messages.get_mut(m);
                message.confirmed = true;
                self.sources[message.source.0 as usize].confirmed += 1;
                if message.harmed {
                    self.confirmed_after_harm(m, shared);
                }
                if shared.messages.get(m).buffered {
                    shared.messages.get_mut(m).buffered = false;
                    self.end_upstream(at, m, shared);
                }
            }
            _ => self.fold_rare(at, node, &fact, shared),
        }
    }

    fn told(&mut self, at: Time, node: NodeId, news: News) {
        self.fingerprint.fold(at, node, 48 + news as u32, 0, 0);
        self.recorder.told(at, node, news);
    }
}

impl Book {
    /// The last copy was settled without an effect: its handler's failure was dropped, or the offset passed it.
    #[cold]
    #[inline(never)]
    fn skipped(
        &mut self,
        at: Time,
        m: MessageRef,
        s: SubscriptionId,
        before: LossCause,
        shared: &mut Shared,
    ) {
        let known = matches!(before, LossCause::HandlerFailed | LossCause::TakenNeverProcessed);
        let why = if known { before } else { LossCause::OffsetSkipped };
        self.destroy_copy(at, m, s, why, shared);
    }

    #[cold]
    #[inline(never)]
    fn confirmed_after_harm(&mut self, m: MessageRef, shared: &Shared) {
        let topic = shared.messages.get(m).topic.0 as usize;
        for (slot, s) in shared.topics[topic].subscriptions.iter().enumerate() {
            let addressed = shared.messages.delivery(m, slot).addressed;
            self.subscriptions[s.0 as usize].ledger.confirmed_loss_exercised |= addressed;
        }
    }
}
