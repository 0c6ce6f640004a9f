//! What only some links do: burst loss, reordering, a finite buffer, a limit on datagrams; and what faults do to a
//! link for a while. A link without any of it, and without a partition, has no [`Unusual`], and is faster.
//!
//! **Burst loss** is Gilbert's and Elliott's (1960, 1963): a link is good or bad, each with its own chance of loss. The
//! state belongs to the link and to virtual time, not to packets: it may change at every step, drawn from a stream of
//! the link's own. So no design, whatever it sends, changes when a link is bad; where packets are sent once a step it
//! is the chain of the books and of `netem loss gemodel`. A segment that is sent again meets the state of then. After some
//! thousand bursts the chain begins anew in its long run's state, so that nobody has to follow it through a long silence.
//!
//! **Reordering** is netem's: a share of datagrams skips the delay; or, told so, comes later by a delay of its own.
//!
//! **The buffer** stands before a link of some bandwidth, and takes no more bytes than it holds (drop tail). Random
//! early drop is Floyd's and Jacobson's (1993), in bytes: marking is dropping.
//!
//! Left out: corruption (a checksum would make it a loss), fragments (a datagram above the limit is not sent).

use crate::network::{Link, LinkSpec, Segment, counters};
use crate::random::{Chance, Luck, Purpose, Stream};
use crate::sample::{Distribution, unit};
use crate::time::{Span, Time};
use std::collections::VecDeque;

/// What only some links do.
#[derive(Clone, PartialEq, Debug)]
pub struct Impairments {
    /// Loss in bursts, beside the independent one.
    pub burst: Option<Burst>,
    /// Chance that a datagram is sent out of turn.
    pub reordering: Chance,
    /// What such a datagram's delay grows by, in nanoseconds; none: it has no delay at all.
    pub reordering_delay: Option<Distribution>,
    /// What the delay of a datagram's copy grows by, in nanoseconds.
    pub duplication_delay: Distribution,
    /// Packets that wait for a link of some bandwidth.
    pub buffer: Option<Buffer>,
    /// Bytes of the largest datagram; larger ones are not sent. Connections cut what they send into segments.
    pub mtu: Option<u64>,
}

impl Impairments {
    /// Nothing of it.
    pub const NONE: Impairments = Impairments {
        burst: None,
        reordering: Chance::NEVER,
        reordering_delay: None,
        duplication_delay: Distribution::ZERO,
        buffer: None,
        mtu: None,
    };
}

/// Loss in bursts (Gilbert-Elliott).
#[derive(Clone, PartialEq, Debug)]
pub struct Burst {
    /// Chance that a good link is bad after a step.
    pub to_bad: Chance,
    /// Chance that a bad link is good after a step.
    pub to_good: Chance,
    /// Chance that a good link loses a packet.
    pub loss_good: Chance,
    /// Chance that a bad link loses a packet.
    pub loss_bad: Chance,
    /// How often the state may change; above zero.
    pub step: Span,
}

/// Room for packets that wait to be sent.
#[derive(Clone, PartialEq, Debug)]
pub struct Buffer {
    /// Bytes.
    pub bytes: u64,
    /// Random early drop; none: a packet is dropped when it does not fit.
    pub early: Option<EarlyDrop>,
}

/// Random early drop: the longer the buffer is on average, the more packets are dropped.
#[derive(Clone, PartialEq, Debug)]
pub struct EarlyDrop {
    /// Below so many bytes, on average, none is dropped.
    pub min: u64,
    /// From so many on, on average, all are dropped; more than `min`.
    pub max: u64,
    /// The chance just below `max`.
    pub chance: Chance,
    /// The weight of a new measurement in the average; the authors' is 0.002.
    pub weight: f64,
}

/// What a fault does to links while it lasts.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// What is sent waits, and comes when the last jam is over.
    Jam,
    /// It takes longer by so many nanoseconds.
    Slow(Distribution),
    /// It is lost with this chance, beside other losses.
    Lose(Chance),
    /// Datagrams come twice with this chance, beside other duplication.
    Duplicate(Chance),
}

/// So often a segment is lost in a row at the most; of a bare one that is as good as for ever.
const LOSSES_MAX: u64 = 16;

/// Counters of the draws for what is unusual, beyond those of [`counters`].
const BURST: u64 = 1 << 16;
const FAULT_LOSS: u64 = 2 << 16;
const REORDERED: u64 = 3 << 16;
const REORDERED_BY: u64 = (3 << 16) + 1;
const DOUBLED_BY: u64 = (3 << 16) + 2;
const FAULT_DOUBLED: u64 = (3 << 16) + 3;
const EARLY: u64 = (3 << 16) + 4;
/// This one and the next are a copy's.
const SLOWED: u64 = (3 << 16) + 8;

/// The state of a link that is not as others are.
#[derive(Clone)]
pub(crate) struct Unusual<M> {
    spec: Impairments,
    chain: Option<Chain>,
    /// What the buffer held on average, in bytes, and packets since the last early drop.
    average: f64,
    since_drop: f64,
    /// What faults do to it now, by the number of the fault.
    effects: Vec<(u32, Effect)>,
    /// Datagrams that wait for the end of a jam, with their delays.
    pub(crate) jammed: VecDeque<(Segment<M>, Span)>,
}

impl<M> Unusual<M> {
    /// For a link of this kind; none if it is like others.
    pub(crate) fn new(spec: &LinkSpec, purpose: Purpose) -> Option<Box<Self>> {
        let spec = spec.impairments.as_deref()?;
        Some(Box::new(Self::of(spec.clone(), purpose)))
    }

    fn of(spec: Impairments, purpose: Purpose) -> Self {
        let chain = spec.burst.as_ref().map(|burst| Chain::new(burst, purpose, 0));
        let effects = Vec::new();
        Unusual { spec, chain, average: 0.0, since_drop: 0.0, effects, jammed: VecDeque::new() }
    }

    pub(crate) fn is_jammed(&self) -> bool {
        self.effects.iter().any(|(_, effect)| *effect == Effect::Jam)
    }

    /// The chance that one of several things happens of which each has its own.
    fn any(&self, chance: impl Fn(&Effect) -> Option<Chance>) -> Chance {
        let spared = self.effects.iter().filter_map(|(_, effect)| chance(effect));
        Chance::new(1.0 - spared.fold(1.0, |all, chance| all * (1.0 - chance.probability())))
    }
}

impl<M> Link<M> {
    /// Something begins that makes it unusual.
    fn unusual(&mut self) -> &mut Unusual<M> {
        self.unusual.get_or_insert_with(|| Box::new(Unusual::of(Impairments::NONE, self.purpose)))
    }

    /// Something is over: the link may be like others again.
    fn settle(&mut self) {
        let idle = |unusual: &Unusual<M>| unusual.effects.is_empty() && unusual.jammed.is_empty();
        if self.cuts == 0 && self.spec.impairments.is_none() && self.unusual.as_deref().is_some_and(idle) {
            self.unusual = None;
        }
    }

    /// Nothing passes now: a partition or a jam.
    pub(crate) fn is_blocked(&self) -> bool {
        self.cuts > 0 || self.is_jammed()
    }

    pub(crate) fn is_jammed(&self) -> bool {
        self.unusual.as_deref().is_some_and(Unusual::is_jammed)
    }

    /// A partition begins or ends. Whether the link is blocked from now on.
    pub(crate) fn set_cut(&mut self, cut: bool) -> bool {
        let blocked = self.is_blocked();
        self.unusual();
        self.cuts = if cut { self.cuts + 1 } else { self.cuts - 1 };
        self.settle();
        !blocked && self.is_blocked()
    }

    /// A fault begins to do this. Whether the link is blocked from now on.
    pub(crate) fn add_effect(&mut self, fault: u32, effect: Effect) -> bool {
        let blocked = self.is_blocked();
        self.unusual().effects.push((fault, effect));
        !blocked && self.is_blocked()
    }

    /// The fault's effect is over. Datagrams that waited for the end of a jam may go.
    pub(crate) fn end_effect(&mut self, fault: u32) -> VecDeque<(Segment<M>, Span)> {
        let mut freed = VecDeque::new();
        if let Some(unusual) = self.unusual.as_deref_mut() {
            if let Some(index) = unusual.effects.iter().position(|(by, _)| *by == fault) {
                unusual.effects.remove(index);
            }
            if !unusual.is_jammed() {
                freed = std::mem::take(&mut unusual.jammed);
            }
        }
        self.settle();
        freed
    }

    pub(crate) fn is_too_large(&self, bytes: u64) -> bool {
        let mtu = self.unusual.as_deref().and_then(|unusual| unusual.spec.mtu);
        mtu.is_some_and(|mtu| bytes > mtu)
    }

    /// Whether the packet may wait with those before it.
    pub(crate) fn has_room(&mut self, now: Time, bytes: u64, luck: Luck) -> bool {
        let (Some(bandwidth), Some(unusual)) = (self.spec.bandwidth, self.unusual.as_deref_mut()) else {
            return true;
        };
        let Some(buffer) = &unusual.spec.buffer else { return true };
        let waiting = self.busy_until.0.saturating_sub(now.0) as f64 * bandwidth / 1e9;
        if let Some(early) = &buffer.early {
            if waiting == 0.0 {
                // While it was empty, packets like this one could have been sent.
                let idle = now.0.saturating_sub(self.busy_until.0) as f64 * bandwidth / 1e9;
                unusual.average *= libm::pow(1.0 - early.weight, idle / bytes.max(1) as f64);
            }
            unusual.average += early.weight * (waiting - unusual.average);
            let (min, max) = (early.min as f64, early.max as f64);
            if unusual.average >= max {
                unusual.since_drop = 0.0;
                return false;
            }
            if unusual.average >= min {
                let share = early.chance.probability() * (unusual.average - min) / (max - min);
                let left = 1.0 - unusual.since_drop * share;
                let chance = if left > share { share / left } else { 1.0 };
                unusual.since_drop += 1.0;
                if Chance::new(chance).happens(self.purpose.draw(luck, EARLY)) {
                    unusual.since_drop = 0.0;
                    return false;
                }
            }
        }
        waiting + bytes as f64 <= buffer.bytes as f64
    }

    /// Whether a burst or a fault loses what is sent now for the `tries`-th time (from 0).
    pub(crate) fn loses(&mut self, now: Time, luck: Luck, tries: u64) -> bool {
        let purpose = self.purpose;
        let Some(unusual) = self.unusual.as_deref_mut() else { return false };
        if let (Some(chain), Some(burst)) = (&mut unusual.chain, &unusual.spec.burst) {
            let chance = if chain.is_bad(burst, now) { burst.loss_bad } else { burst.loss_good };
            if chance.happens(purpose.draw(luck, BURST + tries)) {
                return true;
            }
        }
        let chance =
            unusual.any(|effect| if let Effect::Lose(chance) = effect { Some(*chance) } else { None });
        chance.happens(purpose.draw(luck, FAULT_LOSS + tries))
    }

    /// Whether a fault makes a datagram come twice.
    pub(crate) fn doubles(&self, luck: Luck) -> bool {
        let Some(unusual) = self.unusual.as_deref() else { return false };
        let doubled =
            |effect: &Effect| if let Effect::Duplicate(chance) = effect { Some(*chance) } else { None };
        unusual.any(doubled).happens(self.purpose.draw(luck, FAULT_DOUBLED))
    }

    /// A datagram's delay, once it has left.
    pub(crate) fn datagram_delay(&self, luck: Luck) -> Span {
        let draw = |counter| self.purpose.draw(luck, counter);
        let usual = self.usual_delay(luck, counters::LATENCY);
        let Some(unusual) = self.unusual.as_deref() else { return usual };
        let spec = &unusual.spec;
        let delay = match &spec.reordering_delay {
            _ if !spec.reordering.happens(draw(REORDERED)) => usual,
            None => Span::ZERO,
            Some(by) => usual + Span(by.sample(draw(REORDERED_BY))),
        };
        delay + self.slowed(luck, 0)
    }

    /// Latency and jitter: the draws of these two counters.
    fn usual_delay(&self, luck: Luck, counter: u64) -> Span {
        let draw = |counter| move || self.purpose.draw(luck, counter);
        let latency = Span(self.spec.latency.sample_with(draw(counter)));
        latency + Span(self.spec.jitter.sample_with(draw(counter + 1)))
    }

    /// How long a segment is on its way that is sent for the `tries`-th time (from 0).
    pub(crate) fn segment_delay(&self, luck: Luck, tries: u64) -> Span {
        self.usual_delay(luck, tries * counters::TRY + counters::LATENCY) + self.slowed(luck, 0)
    }

    /// The sending (from 0) of a bare segment that passes, going by how the link is now; none of a few.
    pub(crate) fn passing_try(&mut self, now: Time, luck: Luck) -> Option<u64> {
        let (chance, purpose) = (self.spec.loss, self.purpose);
        (0..LOSSES_MAX).find(|tries| {
            let lost = chance.happens(purpose.draw(luck, tries * counters::TRY + counters::LOSS));
            !lost && !self.loses(now, luck, *tries)
        })
    }

    /// How many times a segment is lost before it is sent again when the link may be another: by a fault once at most.
    pub(crate) fn losses(&mut self, now: Time, luck: Luck) -> u64 {
        let (chance, purpose) = (self.spec.loss, self.purpose);
        let mut losses = u64::from(self.loses(now, luck, 0));
        while losses < LOSSES_MAX
            && chance.happens(purpose.draw(luck, losses * counters::TRY + counters::LOSS))
        {
            losses += 1;
        }
        losses
    }

    /// The delay of a datagram's copy.
    pub(crate) fn copy_delay(&self, luck: Luck) -> Span {
        let bits = self.purpose.draw(luck, DOUBLED_BY);
        let by = self.unusual.as_deref().map_or(0, |unusual| unusual.spec.duplication_delay.sample(bits));
        self.usual_delay(luck, counters::COPY_LATENCY) + Span(by) + self.slowed(luck, 1)
    }

    /// What faults add to the delay of a packet (copy 0) or of its copy (1).
    pub(crate) fn slowed(&self, luck: Luck, copy: u64) -> Span {
        let bits = self.purpose.draw(luck, SLOWED + copy);
        let effects = self.unusual.as_deref().map_or(&[][..], |unusual| &unusual.effects);
        let slow = effects
            .iter()
            .filter_map(|(_, effect)| if let Effect::Slow(by) = effect { Some(by) } else { None });
        slow.fold(Span::ZERO, |all, by| all + Span(by.sample(bits)))
    }
}

/// Times of a bad and a good state, on average, after which a chain begins anew: nobody has to follow it from the run's
/// beginning, however far it is to the next packet.
const ERA: f64 = 8192.0;

/// Whether a link is good or bad, as time goes on.
#[derive(Clone)]
struct Chain {
    purpose: Purpose,
    era: u64,
    /// Steps of an era.
    era_steps: u64,
    bad: bool,
    /// The step with which the next state begins; none: never.
    until: Option<u64>,
    stream: Stream,
}

impl Chain {
    /// In the long run's state before the first step of this era.
    fn new(burst: &Burst, purpose: Purpose, era: u64) -> Self {
        let mut stream = purpose.stream(&if era == 0 { "burst".into() } else { format!("burst {era}") });
        let (to_bad, to_good) = (burst.to_bad.probability(), burst.to_good.probability());
        let bad = to_bad > 0.0 && unit(stream.draw()) < to_bad / (to_bad + to_good);
        let era_steps = (ERA * (1.0 / to_bad + 1.0 / to_good)) as u64;
        let mut chain = Chain { purpose, era, era_steps, bad, until: Some(era * era_steps), stream };
        chain.stay(burst);
        chain
    }

    fn is_bad(&mut self, burst: &Burst, now: Time) -> bool {
        let step = now.0 / burst.step.0;
        if step / self.era_steps > self.era {
            *self = Chain::new(burst, self.purpose, step / self.era_steps);
        }
        while self.until.is_some_and(|until| until <= step) {
            self.bad = !self.bad;
            self.stay(burst);
        }
        self.bad
    }

    /// Draws how many steps the state that begins now lasts: at least one, memoryless.
    fn stay(&mut self, burst: &Burst) {
        let chance = if self.bad { burst.to_good } else { burst.to_bad }.probability();
        let drawn = libm::log(unit(self.stream.draw())) / libm::log1p(-chance);
        let steps = if chance >= 1.0 { 1.0 } else { 1.0 + libm::floor(drawn) };
        self.until = self.until.filter(|_| chance > 0.0 && steps < 1e15).map(|from| from + steps as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than `n` steps with chance (1 - p)^n.
    #[test]
    fn stays_of_a_bursty_link_are_geometric() {
        let burst = Burst {
            to_bad: Chance::new(0.03),
            to_good: Chance::new(0.25),
            loss_good: Chance::NEVER,
            loss_bad: Chance::ALWAYS,
            step: Span(1),
        };
        let mut chain = Chain { era_steps: u64::MAX, ..Chain::new(&burst, Purpose::new(42, "a link"), 0) };
        let mut stays = [Vec::new(), Vec::new()];
        for _ in 0..100_000 {
            let from = chain.until.expect("both states end");
            let bad = chain.is_bad(&burst, Time(from));
            stays[usize::from(bad)].push(chain.until.expect("both states end") - from);
        }
        for (stays, chance) in stays.iter().zip([burst.to_bad, burst.to_good]) {
            assert_eq!(stays.len(), 50_000);
            for steps in [0, 1, 2, 5, 20] {
                let share = libm::pow(1.0 - chance.probability(), steps as f64);
                let longer = stays.iter().filter(|stay| **stay > steps).count() as f64;
                let spread = (50_000.0 * share * (1.0 - share)).sqrt();
                assert!((longer - 50_000.0 * share).abs() <= 4.5 * spread, "{chance:?}, {steps}: {longer}");
            }
        }
    }
}
