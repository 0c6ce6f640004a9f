//! A node's own clock: what it shows is stamped on events and read by retention. Timers run on a monotonic clock, which
//! is the true time.
//!
//! Left out: synchronisation (NTP); a scenario says how far off a clock is, and what corrects it.

use crate::time::{Stamp, Time};

/// A clock that shows the wrong time: ahead of the true one or behind it, and faster or slower.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// What it shows beyond the true time at `since`, in nanoseconds.
    offset: i64,
    /// Nanoseconds that it gains in a second.
    drift: i64,
    since: Time,
}

impl Clock {
    pub(crate) fn new(offset: i64, drift: i64) -> Self {
        Clock { offset, drift, since: Time::ZERO }
    }

    #[inline(always)]
    pub(crate) fn at(&self, now: Time) -> Stamp {
        let offset = if self.drift == 0 { self.offset } else { self.drifted(now) };
        Stamp((now.0 as i64).saturating_add(offset))
    }

    #[cold]
    #[inline(never)]
    fn drifted(&self, now: Time) -> i64 {
        let gained = i128::from(now.since(self.since).0) * i128::from(self.drift) / 1_000_000_000;
        (i128::from(self.offset) + gained).clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }

    pub(crate) fn step(&mut self, by: i64) {
        self.offset = self.offset.saturating_add(by);
    }

    pub(crate) fn set_drift(&mut self, now: Time, drift: i64) {
        (self.offset, self.since, self.drift) = (self.drifted(now), now, drift);
    }
}
