//! Events that come in bursts: on and off in turn, each for a random time; while it is on, evenly spaced.
//!
//! With exponential spans this is the on/off source of Anick, Mitra and Sondhi, "Stochastic theory of a data-handling
//! system with multiple sources" (1982), but for whole messages in place of their fluid. A burst has at least the
//! message that it begins with.

use redeliver_sim::{Distribution, Span, Stream, Time};

/// When bursts are, and what comes in them.
#[derive(Clone, Debug)]
pub struct Bursts {
    stream: Stream,
    on: Distribution,
    off: Distribution,
    /// Between two events of a burst, in nanoseconds.
    gap: f64,
    began: Time,
    ends: Time,
    /// Events of this burst so far.
    events: u64,
}

impl Bursts {
    /// Bursts that last so long, with so long between them and so many events a second.
    pub(crate) fn new(stream: Stream, on: Distribution, off: Distribution, rate: f64) -> Self {
        Bursts { stream, on, off, gap: 1e9 / rate, began: Time::ZERO, ends: Time::ZERO, events: 0 }
    }

    /// The first event: it is off at first, so that sources that are alike do not begin together.
    pub(super) fn first(&mut self, start: Time) -> Time {
        self.begin_after(start)
    }

    /// The next event.
    pub(super) fn next(&mut self) -> Time {
        let at = self.began + Span((self.events as f64 * self.gap + 0.5) as u64);
        if at >= self.ends {
            return self.begin_after(self.ends);
        }
        self.events += 1;
        at
    }

    fn begin_after(&mut self, end: Time) -> Time {
        self.began = end + Span(self.off.sample(self.stream.draw()));
        self.ends = self.began + Span(self.on.sample(self.stream.draw()));
        self.events = 1;
        self.began
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(on: u64, off: u64, expected: &[u64]) {
        let constant = |span: u64| Distribution::Constant(span * 1_000_000_000);
        let mut bursts = Bursts::new(Stream::new(1, "test"), constant(on), constant(off), 2.0);
        let mut at = bursts.first(Time(5_000_000_000));
        for (i, tenths) in expected.iter().enumerate() {
            assert_eq!(at, Time(tenths * 100_000_000), "event {i} of {on} on, {off} off");
            at = bursts.next();
        }
    }

    #[test]
    fn events_are_even_while_it_is_on() {
        check(1, 10, &[150, 155, 260, 265, 370]);
        check(1, 0, &[50, 55, 60, 65, 70]);
    }

    #[test]
    fn a_burst_has_at_least_one_event() {
        check(0, 3, &[80, 110, 140]);
    }
}
