//! Backlog of one subscription over time, and the points that a chart shows.

use redeliver_sim::{Span, Time};

/// Messages addressed and neither processed nor given up. Its mean covers the measured window.
#[derive(Clone, Debug)]
pub struct Backlog {
    now: u64,
    since: Time,
    area: u128,
    /// The most at any time.
    pub max: u64,
    window: (Time, Time),
    step: Span,
    next_point: Time,
    latency_max: u64,
    /// Backlog at the end of each step, and the greatest latency of an effect within it, in nanoseconds.
    pub points: Vec<(Time, u64, Option<u64>)>,
}

/// Points that a chart has at most.
const POINTS_MAX: u64 = 240;

impl Backlog {
    /// Measures within `window`; draws until `end`.
    pub fn new(window: (Time, Time), end: Time) -> Self {
        let step = Span((end.0 / POINTS_MAX).max(1));
        Backlog {
            now: 0,
            since: Time::ZERO,
            area: 0,
            max: 0,
            window,
            step,
            next_point: Time::ZERO + step,
            latency_max: 0,
            points: Vec::new(),
        }
    }

    /// It is so many from now on.
    #[inline(always)]
    pub fn set(&mut self, at: Time, now: u64) {
        if at >= self.next_point {
            self.draw(at);
        }
        let (from, to) = (self.since.max(self.window.0), at.min(self.window.1));
        self.area += u128::from(self.now) * u128::from(to.since(from).0);
        self.since = at;
        self.now = now;
        self.max = self.max.max(now);
    }

    /// An effect took place with this latency, in nanoseconds.
    #[inline(always)]
    pub fn latency(&mut self, latency: u64) {
        self.latency_max = self.latency_max.max(latency);
    }

    #[inline(never)]
    fn draw(&mut self, at: Time) {
        while self.next_point <= at && self.points.len() < 2 * POINTS_MAX as usize {
            let latency = (self.latency_max > 0).then_some(self.latency_max);
            self.points.push((self.next_point, self.now, latency));
            self.latency_max = 0;
            self.next_point = self.next_point + self.step;
        }
    }

    /// The run has ended now.
    pub fn finish(&mut self, at: Time) {
        self.set(at, self.now);
        let latency = (self.latency_max > 0).then_some(self.latency_max);
        self.points.push((at, self.now, latency));
    }

    /// How many there are now.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Mean over the measured window, or over the run if that was shorter.
    pub fn mean(&self, ended: Time) -> f64 {
        let span = ended.min(self.window.1).since(self.window.0).0;
        if span == 0 { 0.0 } else { self.area as f64 / span as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(n: u64) -> Time {
        Time::ZERO + Span::seconds(n)
    }

    #[test]
    fn the_mean_covers_the_window_only() {
        let mut backlog = Backlog::new((second(10), second(20)), second(40));
        backlog.set(second(5), 100);
        backlog.set(second(10), 4);
        backlog.set(second(15), 0);
        backlog.set(second(20), 1_000);
        backlog.finish(second(30));
        assert_eq!((backlog.mean(second(30)), backlog.max, backlog.now()), (2.0, 1_000, 1_000));
    }

    #[test]
    fn a_run_that_ends_early_is_measured_until_its_end() {
        let mut backlog = Backlog::new((second(0), second(20)), second(20));
        backlog.set(second(0), 3);
        backlog.finish(second(10));
        assert_eq!(backlog.mean(second(10)), 3.0);
    }

    #[test]
    fn a_chart_has_the_last_value_of_each_step_and_its_greatest_latency() {
        let mut backlog = Backlog::new((second(0), second(240)), second(240));
        backlog.set(Time(1), 7);
        backlog.latency(30);
        backlog.latency(20);
        backlog.set(second(2), 5);
        let points = [(second(1), 7, Some(30)), (second(2), 7, None)];
        assert_eq!(backlog.points, points);
    }
}
