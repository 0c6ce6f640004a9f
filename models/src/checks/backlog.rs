//! Backlog of one subscription over time, and the points that a chart shows.

use redeliver_sim::{Span, Time};

/// Messages addressed and neither processed nor given up. Its mean covers the measured window.
#[derive(Clone, Debug)]
pub struct Backlog {
    now: u64,
    /// The area within the measured window, less what the present ones will add to it: the times of ends less those of
    /// beginnings, in nanoseconds.
    area: i128,
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
            area: 0,
            max: 0,
            window,
            step,
            next_point: Time::ZERO + step,
            latency_max: 0,
            points: Vec::new(),
        }
    }

    /// One more from now on.
    #[inline(always)]
    pub fn grow(&mut self, at: Time) {
        self.area -= i128::from(self.move_to(at));
        self.now += 1;
        self.max = self.max.max(self.now);
    }

    /// One less from now on.
    #[inline(always)]
    pub fn shrink(&mut self, at: Time) {
        self.area += i128::from(self.move_to(at));
        self.now -= 1;
    }

    /// The instant, or the nearest of the measured window.
    #[inline(always)]
    fn move_to(&mut self, at: Time) -> u64 {
        if at >= self.next_point {
            self.draw(at);
        }
        at.max(self.window.0).min(self.window.1).0
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
        self.area += i128::from(self.now) * i128::from(self.move_to(at));
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

    fn set(backlog: &mut Backlog, at: u64, now: u64) {
        while backlog.now() < now {
            backlog.grow(second(at));
        }
        while backlog.now() > now {
            backlog.shrink(second(at));
        }
    }

    #[test]
    fn the_mean_covers_the_window_only() {
        let mut backlog = Backlog::new((second(10), second(20)), second(40));
        set(&mut backlog, 5, 100);
        set(&mut backlog, 10, 4);
        set(&mut backlog, 15, 0);
        set(&mut backlog, 20, 1_000);
        backlog.finish(second(30));
        assert_eq!((backlog.mean(second(30)), backlog.max, backlog.now()), (2.0, 1_000, 1_000));
    }

    #[test]
    fn a_run_that_ends_early_is_measured_until_its_end() {
        let mut backlog = Backlog::new((second(0), second(20)), second(20));
        set(&mut backlog, 0, 3);
        backlog.finish(second(10));
        assert_eq!(backlog.mean(second(10)), 3.0);
    }

    #[test]
    fn a_chart_has_the_last_value_of_each_step_and_its_greatest_latency() {
        let mut backlog = Backlog::new((second(0), second(240)), second(240));
        set(&mut backlog, 0, 7);
        backlog.latency(30);
        backlog.latency(20);
        set(&mut backlog, 2, 5);
        let points = [(second(1), 7, Some(30)), (second(2), 7, None)];
        assert_eq!(backlog.points, points);
    }
}
