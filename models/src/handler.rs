//! What a consumer's handler does with a message: how long it works, and whether it fails.

use crate::message::{KeyId, Message};
use crate::setup::Work;
use redeliver_sim::{Chance, Distribution, Purpose, Span, Time};

/// A handler. Its draws are the same for all members of a subscription.
#[derive(Clone, Debug)]
pub struct Handler {
    /// How long it works.
    pub work: Work,
    /// Draws of the work.
    pub purpose: Purpose,
    /// What goes wrong with some messages; the first that matches counts.
    pub faults: Vec<HandlerFault>,
}

/// Something that is wrong with some messages.
#[derive(Clone, Debug)]
pub struct HandlerFault {
    /// Which messages.
    pub which: Selection,
    /// What.
    pub effect: HandlerEffect,
    /// From when on.
    pub from: Time,
    /// Until when.
    pub until: Time,
}

/// What is wrong.
#[derive(Clone, Debug)]
pub enum HandlerEffect {
    /// The handler fails on the first so many attempts; none is always.
    Fails(Option<u32>),
    /// It needs this long.
    Slow(Distribution),
}

/// Some of the messages.
#[derive(Clone, Debug)]
pub enum Selection {
    /// By source and number.
    Messages(Vec<(u32, u32)>),
    /// By their luck.
    Chance(Chance, Purpose),
    /// By their key.
    Key(KeyId),
}

/// One attempt at a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// How long it takes.
    pub span: Span,
    /// What comes of it.
    pub outcome: Outcome,
    /// It is slower than it should be, or it fails: what waits behind it is blocked.
    pub blocks: bool,
}

impl Attempt {
    /// Of what takes no time and meets with nothing.
    pub const NONE: Attempt = Attempt { span: Span::ZERO, outcome: Outcome::Effect, blocks: false };
}

/// What an attempt comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Its effect takes place.
    Effect,
    /// Its effect has to be committed; from then on the consumer knows the message, if it did not before.
    EffectOnce,
    /// Its database commits that effect now.
    Committing,
    /// The consumer knows that it has processed the message: there is nothing to do.
    Known,
    /// Its effect will take place with its ack, in one transaction.
    Transaction,
    /// It fails in the end.
    Failure,
}

impl Selection {
    /// Whether it has this message; by chance with the `counter`-th draw about it.
    pub(crate) fn has(&self, message: &Message, counter: u64) -> bool {
        match self {
            Selection::Messages(wanted) => wanted.contains(&(message.source.0, message.number)),
            Selection::Chance(chance, purpose) => chance.happens(purpose.draw(message.luck, counter)),
            Selection::Key(key) => message.key == *key,
        }
    }
}

impl Handler {
    /// Whether some messages meet with something unusual.
    #[inline(always)]
    pub(crate) fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// How long the `attempt`-th try at a message takes, from 1, where no fault makes it longer.
    #[inline(always)]
    pub fn span(&self, message: &Message, attempt: u16) -> Span {
        let draw = self.purpose.draw(message.luck, u64::from(attempt));
        let mut span = Span(self.work.span.sample(draw));
        if let Some(rate) = self.work.rate {
            span += Span((message.size as f64 / rate * 1e9 + 0.5) as u64);
        }
        span
    }

    /// What the `attempt`-th try at a message, from 1, will be if it begins now.
    pub fn attempt(&self, now: Time, message: &Message, attempt: u16) -> Attempt {
        let plain = Attempt { span: self.span(message, attempt), ..Attempt::NONE };
        let mut faults = self.faults.iter().filter(|fault| fault.from <= now && now < fault.until);
        let Some(fault) = faults.find(|fault| fault.which.has(message, 0)) else { return plain };
        match &fault.effect {
            HandlerEffect::Fails(times) => {
                let fails = times.is_none_or(|times| u32::from(attempt) <= times);
                if fails { Attempt { outcome: Outcome::Failure, blocks: true, ..plain } } else { plain }
            }
            HandlerEffect::Slow(span) => {
                let draw = self.purpose.draw(message.luck, u64::from(attempt));
                Attempt { span: Span(span.sample(draw)), blocks: true, ..plain }
            }
        }
    }
}
