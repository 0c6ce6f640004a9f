//! The checks of one subscription: what a first effect, a repeat and an end without an effect mean to each of them.

use super::{Backlog, End, Latency, Ledger, Order, StampOrder};
use crate::causes::{DuplicateCause, LossCause};
use crate::message::{Delivery, KeyId, Message};
use redeliver_sim::{Span, Time};

/// A message by source, number and label.
pub type About = (u32, u32, u32);

/// The checks of one subscription.
#[derive(Clone, Debug)]
pub struct SubscriptionChecks {
    /// Its place among the topic's subscriptions.
    pub(super) slot: usize,
    /// Nothing stores its messages: they reside where they are received.
    pub(super) resides_at_receiver: bool,
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
    /// The message that was delivered most often when it came back, how often, and within which time.
    pub most_returned: Option<(u16, Span, About)>,
    /// The first messages that were lost, in the order in which that was certain.
    pub lost: Vec<(About, LossCause, bool)>,
    /// The first messages whose effect took place again.
    pub duplicates: Vec<(About, DuplicateCause)>,
}

impl SubscriptionChecks {
    /// Of a subscription of which nothing has been heard; averages cover the window.
    pub(super) fn new(window: (Time, Time), end: Time) -> Self {
        SubscriptionChecks {
            slot: 0,
            resides_at_receiver: false,
            ledger: Ledger::default(),
            key: Order::default(),
            producer: Order::default(),
            stored: Order::default(),
            event_time: StampOrder::default(),
            true_time: StampOrder::default(),
            latency: Latency::default(),
            backlog: Backlog::new(window, end),
            effects_measured: 0,
            most_returned: None,
            lost: Vec::new(),
            duplicates: Vec::new(),
        }
    }

    #[inline(always)]
    pub(super) fn enter_orders(&mut self, message: &Message, delivery: &Delivery) {
        if message.key != KeyId::NONE {
            self.key.entered(message.key.0);
        }
        self.producer.entered(message.source.0);
        if delivery.ranked {
            self.stored.entered(delivery.line);
        }
    }

    #[inline(always)]
    pub(super) fn leave_orders(&mut self, message: &Message, delivery: &Delivery) {
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

    pub(super) fn upset(&mut self, message: &Message, delivery: &Delivery) {
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
    pub(super) fn first_effect(
        &mut self,
        at: Time,
        window: (Time, Time),
        message: &Message,
        delivery: &Delivery,
    ) {
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

    pub(super) fn effect_again(&mut self, message: &Message, delivery: &Delivery, keep: usize) {
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
    pub(super) fn no_effect(&mut self, message: &Message, delivery: &Delivery, end: End, keep: usize) {
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

/// Source, number, label.
#[inline(always)]
pub(super) fn about(message: &Message) -> About {
    (message.source.0, message.number, message.label)
}
