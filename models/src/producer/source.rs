//! Where events come from: a schedule, keys, sizes, for one member of a producer.
//!
//! A source stands outside every process: what it will publish, and when, depends on the seed and on its name alone.
//! An event that happens while its producer is down is not published. A synchronous client is the exception: it makes
//! its next message a while after the last one has come to an end, so what carries the messages decides when that is.

use crate::domain::Out;
use crate::message::{KeyId, Message, MessageRef, SourceId, TopicId};
use crate::packet::Timer;
use crate::producer::bursts::Bursts;
use redeliver_sim::{Distribution, Luck, Purpose, Span, Stamp, Stream, Time, Zipf};

/// Bytes of a message, at most: a draw that is greater counts as so many. Kafka counts them with 31 bits.
pub const MESSAGE_BYTES_MAX: u64 = (1 << 31) - 1;

/// One member's source of events. What every event needs stands first.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Source {
    /// When the next event happens.
    pub next_at: Time,
    /// No event happens at or after this.
    pub ends: Time,
    /// How many messages are left.
    pub left: u64,
    /// How many events have happened.
    pub events: u32,
    /// The number of its last message: events that nobody published have none.
    pub number: u32,
    /// Which one it is.
    pub id: SourceId,
    /// Where it publishes to.
    pub topic: TopicId,
    /// The purposes of its draws.
    pub purposes: Purposes,
    /// Which keys.
    pub keys: Keys,
    /// Bytes.
    pub size: Distribution,
    /// Labels of its first messages, as indexes into [`crate::Shared::labels`].
    pub labels: Vec<u32>,
    /// When it publishes.
    pub arrivals: Arrivals,
}

/// The purposes of a source's draws.
#[derive(Clone, Copy, Debug)]
pub struct Purposes {
    /// Of the messages' luck.
    pub luck: Purpose,
    /// Of the keys.
    pub key: Purpose,
    /// Of the sizes.
    pub size: Purpose,
}

/// When events happen.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // as in `setup::Schedule`
#[allow(clippy::large_enum_variant)] // sources are few
pub enum Arrivals {
    Every { start: Time, span: Span },
    Poisson { stream: Stream, gap: Distribution },
    Rate { start: Time, bytes_per_second: f64, bytes: u64 },
    At { start: Time, after: Vec<Span> },
    OnOff(Bursts),
    Think { purpose: Purpose, span: Distribution },
}

/// Which keys messages have.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // as in `setup::KeyChoice`
pub enum Keys {
    None,
    Cycle(Vec<KeyId>),
    Uniform(u32),
    Zipf(Zipf),
}

impl Source {
    /// Whether it has no event left.
    #[inline(always)]
    pub fn is_done(&self) -> bool {
        self.left == 0 || self.next_at >= self.ends
    }

    /// Finds the time of the first event.
    pub fn begin(&mut self, start: Time) {
        self.next_at = match &mut self.arrivals {
            Arrivals::Poisson { stream, gap } => start + Span(gap.sample(stream.draw())),
            Arrivals::At { start, after } => after.first().map_or(Time::NEVER, |span| *start + *span),
            Arrivals::OnOff(bursts) => bursts.first(start),
            Arrivals::Think { .. } => start + self.think(),
            Arrivals::Every { .. } | Arrivals::Rate { .. } => start,
        };
    }

    /// The event that happens now, or has happened while its process was paused, as a message; finds the time of the
    /// next.
    #[inline(always)]
    pub fn event(&mut self, now: Time, stamp: Stamp) -> Message {
        self.number += 1;
        self.events += 1;
        self.left -= 1;
        let luck = Luck::new(self.purposes.luck, u64::from(self.events));
        let size = self.size_of(luck);
        let born = self.next_at.min(now);
        self.advance(size);
        let label = self.labels.get(self.events as usize - 1).copied().unwrap_or(0);
        self.message(luck, (born, stamp), size, self.key_of(luck, self.events), label)
    }

    /// Bytes of the message that has this luck.
    #[inline(always)]
    pub(crate) fn size_of(&self, luck: Luck) -> u64 {
        self.size.sample(self.purposes.size.draw(luck, 0)).min(MESSAGE_BYTES_MAX)
    }

    /// What a client of a story sends now.
    pub fn send(
        &mut self,
        now: Time,
        stamp: Stamp,
        topic: TopicId,
        key: KeyId,
        label: u32,
        size: u64,
    ) -> Message {
        self.number += 1;
        self.events += 1;
        let luck = Luck::new(self.purposes.luck, u64::from(self.events));
        Message { topic, ..self.message(luck, (now, stamp), size, key, label) }
    }

    #[inline(always)]
    fn message(&self, luck: Luck, (now, stamp): (Time, Stamp), size: u64, key: KeyId, label: u32) -> Message {
        Message {
            luck,
            born: now,
            stamp,
            size,
            source: self.id,
            number: self.number,
            key,
            topic: self.topic,
            label,
            stored_at: now,
            live: true,
            ..Message::NONE
        }
    }

    /// How long a synchronous client thinks before its next message: a pure function of the message's number.
    #[cold]
    fn think(&self) -> Span {
        let Arrivals::Think { purpose, span } = &self.arrivals else { return Span::ZERO };
        let luck = Luck::new(self.purposes.luck, u64::from(self.events) + 1);
        Span(span.sample(purpose.draw(luck, 0)))
    }

    /// The message of a synchronous client has come to an end: it thinks of the next one.
    pub(crate) fn settle(&mut self, now: Time) {
        self.next_at = now + self.think();
    }

    /// Lets the events up to now go by: nobody was there to publish them. Each that is drawn takes one from `most`; when
    /// that is used up it stops, and so does the run.
    pub fn skip_until(&mut self, now: Time, most: &mut u64) {
        match self.arrivals {
            // Whatever the process waited for, it begins anew.
            Arrivals::Think { .. } if self.next_at < now => return self.settle(now),
            Arrivals::Every { start, span } if !self.is_done() => return self.skip_even(start, span, now),
            _ => {}
        }
        while !self.is_done() && self.next_at < now && *most > 0 {
            self.event(self.next_at, Stamp::default());
            self.number -= 1;
            *most -= 1;
        }
    }

    /// At once: there may be millions.
    fn skip_even(&mut self, start: Time, span: Span, now: Time) {
        let gone = now.min(self.ends).since(start).0.div_ceil(span.0);
        let skipped = gone.saturating_sub(u64::from(self.events)).min(self.left);
        self.left -= skipped;
        self.events += skipped as u32;
        self.next_at = start + span.times(u64::from(self.events));
    }

    /// The key of the message that has this luck, and is this event.
    #[inline(always)]
    pub(crate) fn key_of(&self, luck: Luck, event: u32) -> KeyId {
        match &self.keys {
            Keys::None => KeyId::NONE,
            Keys::Cycle(keys) => keys[(event as usize - 1) % keys.len()],
            Keys::Uniform(n) => {
                KeyId(((u128::from(self.purposes.key.draw(luck, 0)) * u128::from(*n)) >> 64) as u32)
            }
            Keys::Zipf(zipf) => KeyId(zipf.sample(self.purposes.key.draw(luck, 0))),
        }
    }

    #[inline(always)]
    fn advance(&mut self, size: u64) {
        self.next_at = match &mut self.arrivals {
            Arrivals::Every { start, span } => *start + span.times(u64::from(self.events)),
            Arrivals::Poisson { stream, gap } => self.next_at + Span(gap.sample(stream.draw())),
            Arrivals::Rate { start, bytes_per_second, bytes } => {
                *bytes += size;
                *start + Span((*bytes as f64 / *bytes_per_second * 1e9 + 0.5) as u64)
            }
            Arrivals::At { start, after } => {
                after.get(self.events as usize).map_or(Time::NEVER, |span| *start + *span)
            }
            Arrivals::OnOff(bursts) => bursts.next(),
            // Nobody knows until its message has come to an end: not done, and no timer is set.
            Arrivals::Think { .. } => Time::ZERO,
        };
    }
}

/// A producer boots: what has happened meanwhile goes by unpublished.
pub(crate) fn start(source: SourceId, out: &mut Out<'_>) {
    let now = out.now();
    out.shared().skip_events(source, now);
    arm(source, out);
}

/// Sets the timer for the next event, if there is one.
#[inline(always)]
pub(crate) fn arm(source: SourceId, out: &mut Out<'_>) {
    let now = out.now();
    let source = &out.shared().sources[source.0 as usize];
    if !source.is_done() {
        let after = source.next_at.since(now);
        out.deadline(after, Timer::Tick);
    }
}

/// The message of a synchronous client was confirmed, refused or given up, or has left it where nobody answers: the next
/// one comes when it has thought.
#[cold]
pub(crate) fn settled(source: SourceId, out: &mut Out<'_>) {
    let now = out.now();
    out.shared().settle_source(source, now);
    arm(source, out);
}

/// Opens the record of the event that happens now, stamped with the producer's clock.
#[inline(always)]
pub(crate) fn open(source: SourceId, out: &mut Out<'_>) -> MessageRef {
    let (now, stamp) = (out.now(), out.clock());
    let shared = out.shared();
    let message = shared.source_event(source, now, stamp);
    shared.messages.open(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(ends: u64, left: u64) -> Source {
        let purpose = |name| Purpose::new(1, name);
        let mut source = Source {
            id: SourceId(0),
            topic: TopicId(0),
            arrivals: Arrivals::Every { start: Time(5), span: Span(10) },
            keys: Keys::None,
            size: Distribution::Constant(1),
            labels: Vec::new(),
            purposes: Purposes { luck: purpose("luck"), key: purpose("key"), size: purpose("size") },
            ends: Time(ends),
            left,
            events: 0,
            number: 0,
            next_at: Time::NEVER,
        };
        source.begin(Time(5));
        source
    }

    #[test]
    fn what_is_skipped_at_once_is_what_would_have_happened() {
        for (ends, left) in [(1_000, 1_000), (60, 1_000), (1_000, 3)] {
            for now in 0..80 {
                let (mut skipped, mut stepped) = (source(ends, left), source(ends, left));
                skipped.skip_until(Time(now), &mut 1_000);
                while !stepped.is_done() && stepped.next_at < Time(now) {
                    stepped.event(stepped.next_at, Stamp::default());
                }
                let state = |source: &Source| (source.events, source.left, source.next_at);
                assert_eq!(state(&skipped), state(&stepped), "until {now}");
                assert_eq!(skipped.number, 0);
            }
        }
    }
}
