//! Latency of first effects: quantiles, and where the time went.

use crate::message::{Delivery, Message};
use hdrhistogram::Histogram;
use redeliver_sim::Time;

/// Latencies of one subscription, in nanoseconds. Of messages published within the measured window.
#[derive(Clone, Debug)]
pub struct Latency {
    histogram: Histogram<u64>,
    sum: u128,
    /// Greatest latency.
    pub max: u64,
    /// From the producer to where the message was stored, and from there to the consumer.
    pub network: u128,
    /// From storing to the first time it was sent to a consumer.
    pub broker: u128,
    /// From the first to the last time it was sent to a consumer.
    pub recovery: u128,
    /// From its coming to a consumer to the end of the effect.
    pub work: u128,
    /// Latency less all attempts' work.
    pub waiting: i128,
}

impl Default for Latency {
    fn default() -> Self {
        // Three digits up to 115 days, which no latency exceeds unnoticed: longer ones count as that.
        let histogram = Histogram::new_with_bounds(1, 10_000_000_000_000_000, 3).expect("valid bounds");
        Latency { histogram, sum: 0, max: 0, network: 0, broker: 0, recovery: 0, work: 0, waiting: 0 }
    }
}

impl Latency {
    /// The first effect of a message took place now.
    #[inline(always)]
    pub fn effect(&mut self, now: Time, message: &Message, delivery: &Delivery) {
        let latency = now.since(message.born).0;
        self.histogram.saturating_record(latency.max(1));
        self.sum += u128::from(latency);
        self.max = self.max.max(latency);
        self.waiting += i128::from(latency) - i128::from(delivery.worked.0);
        if delivery.dispatched_first != Time::NEVER {
            let stored = message.stored_at.min(delivery.dispatched_first);
            self.broker += u128::from(delivery.dispatched_first.since(stored).0);
            self.recovery += u128::from(delivery.dispatched.since(delivery.dispatched_first).0);
            self.network += u128::from(stored.since(message.born).0);
            self.network += u128::from(delivery.delivered.since(delivery.dispatched).0);
        } else {
            self.network += u128::from(delivery.delivered.since(message.born).0);
        }
        self.work += u128::from(now.since(delivery.delivered).0);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// Mean, in seconds.
    pub fn mean(&self) -> Option<f64> {
        self.mean_of(self.sum as f64)
    }

    /// A sum of this struct as a mean in seconds.
    pub fn mean_of(&self, sum: f64) -> Option<f64> {
        (self.count() > 0).then(|| sum / self.count() as f64 / 1e9)
    }

    /// The quantile, in seconds: at least so great a share of the latencies is not above it.
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        let value = self.histogram.value_at_quantile(quantile).min(self.max);
        (self.count() > 0).then_some(value as f64 / 1e9)
    }

    /// Share of the latencies that are above this many nanoseconds.
    pub fn share_above(&self, nanoseconds: u64) -> Option<f64> {
        let below = self.histogram.count_between(0, nanoseconds);
        (self.count() > 0).then(|| 1.0 - below as f64 / self.count() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{MessageRef, Messages};
    use redeliver_sim::Span;

    const MS: u64 = 1_000_000;

    fn record() -> (Messages, MessageRef) {
        let mut messages = Messages::new(1);
        let m = messages.open(Message { number: 1, accepted: true, live: true, ..Message::NONE });
        (messages, m)
    }

    #[test]
    fn quantiles_are_reached_by_so_great_a_share() {
        let (messages, m) = record();
        let mut latency = Latency::default();
        for n in 1..=1_000 {
            latency.effect(Time(n * MS), messages.get(m), messages.delivery(m, 0));
        }
        let close = |quantile: f64, expected: f64| {
            let found = latency.quantile(quantile).expect("there are some");
            assert!((found / expected - 1.0).abs() < 0.001, "{quantile}: {found}, not {expected}");
        };
        close(0.5, 0.5);
        close(0.99, 0.99);
        close(1.0, 1.0);
        assert_eq!(latency.mean(), Some(0.5005));
        assert!((latency.share_above(900 * MS).expect("there are some") - 0.1).abs() < 0.002);
    }

    #[test]
    fn without_an_effect_there_is_no_figure() {
        let latency = Latency::default();
        assert_eq!((latency.mean(), latency.quantile(0.5), latency.share_above(0)), (None, None, None));
    }

    #[test]
    fn the_parts_add_up_to_the_whole() {
        // Stored after 2 ms, sent at 5 ms and again at 50 ms, there at 52 ms, done at 60 ms after 8 ms of work.
        let (mut messages, m) = record();
        let (message, delivery) = messages.both_mut(m, 0);
        message.stored_at = Time(2 * MS);
        (delivery.dispatched_first, delivery.dispatched) = (Time(5 * MS), Time(50 * MS));
        (delivery.delivered, delivery.worked) = (Time(52 * MS), Span(8 * MS));
        let mut latency = Latency::default();
        latency.effect(Time(60 * MS), message, delivery);
        let parts =
            [latency.network, latency.broker, latency.recovery, latency.work].map(|part| part as u64 / MS);
        assert_eq!(parts, [4, 3, 45, 8]);
        assert_eq!(latency.waiting, i128::from(52 * MS));
    }
}
