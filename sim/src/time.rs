//! Virtual time: whole nanoseconds since the start of the run. 584 years fit.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// An instant, in nanoseconds since the start of the run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Time(pub u64);

/// A length of time, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Span(pub u64);

/// What a node's own clock shows, in nanoseconds; may be before the start of the run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Stamp(pub i64);

impl Time {
    /// The start of the run.
    pub const ZERO: Time = Time(0);
    /// Later than everything.
    pub const NEVER: Time = Time(u64::MAX);

    /// The span from `earlier` to this instant; zero if `earlier` is the later one.
    #[inline(always)]
    pub fn since(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// In seconds, for people and for results.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// So many whole seconds.
    pub const fn seconds(seconds: u64) -> Span {
        Span(seconds * 1_000_000_000)
    }

    /// So many whole milliseconds.
    pub const fn millis(millis: u64) -> Span {
        Span(millis * 1_000_000)
    }

    /// In seconds, for people and for results.
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// `factor` times as long; stops at the longest span there is.
    pub fn times(self, factor: u64) -> Span {
        Span(self.0.saturating_mul(factor))
    }
}

impl Add<Span> for Time {
    type Output = Time;
    #[inline(always)]
    fn add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}

impl Add for Span {
    type Output = Span;
    #[inline(always)]
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Span) {
        *self = *self + other;
    }
}

impl Sub for Span {
    type Output = Span;
    #[inline(always)]
    fn sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

/// Seconds with three decimals, cut.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1_000_000_000, self.0 / 1_000_000 % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_time_does_not_wrap() {
        assert_eq!(Time::NEVER + Span(1), Time::NEVER);
        assert_eq!(Time(3).since(Time(5)), Span::ZERO);
        assert_eq!(Time(1_234_567_890).to_string(), "1.234");
    }
}
