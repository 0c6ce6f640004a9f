//! Order: what overtakes what.

use crate::csv::Params;
use crate::scenario::{Scenario, figure};
use crate::verdict::{Figure, drawn, exact};

/// Two datagrams of each of a thousand producers, so far apart, with these delays.
fn pairs(gap: f64, delay: &str, seed: u64) -> f64 {
    let producer = format!(r#"members: 1000, schedule: At(["0ms", "{gap}ms"])"#);
    let value = Scenario::new(10, producer, "").network(delay).design("Udp()").consumer_figures(seed);
    figure(&value, "order/producer/inversions") / 1_000.0
}

pub(crate) fn overtaking_with_exponential_delay(params: &Params, seed: u64) -> Vec<Figure> {
    let delay = format!(r#"jitter: "exp({}ms)""#, params.number("mean"));
    vec![drawn("P_overtake", pairs(params.number("gap"), &delay, seed))]
}

/// A lognormal delay that is great beside its spread is normal to one part in a thousand.
pub(crate) fn overtaking_with_normal_delay(params: &Params, seed: u64) -> Vec<Figure> {
    let sigma = params.number("sd") / 10_000.0;
    let delay = format!(r#"latency: "lognormal(mean=10s, sigma={sigma})""#);
    vec![drawn("P_overtake", pairs(params.number("gap"), &delay, seed))]
}

/// Inversions among so many messages, so far apart in milliseconds, with exponential delays.
fn inversions(count: u32, gap: f64, mean: f64, seed: u64) -> f64 {
    let producer = format!(r#"schedule: Every("{gap}ms"), count: {count}"#);
    let network = format!(r#"jitter: "exp({mean}ms)""#);
    let value = Scenario::new(1_000, producer, "").network(network).design("Udp()").consumer_figures(seed);
    figure(&value, "order/producer/inversions")
}

pub(crate) fn inversions_with_exponential_delay(params: &Params, seed: u64) -> Vec<Figure> {
    let (n, gap, mean) = (params.number("n") as u32, params.number("gap"), params.number("mean"));
    // With twice as many messages the ends are the same.
    let (once, twice) = (inversions(n, gap, mean, seed), inversions(2 * n, gap, mean, seed + 1_000));
    vec![drawn("E_inversions", once), drawn("per_message_limit", (twice - once) / f64::from(n))]
}

pub(crate) fn reordering_of_poisson_arrivals(params: &Params, seed: u64) -> Vec<Figure> {
    let producer = format!(r#"schedule: Poisson("{}/s"), count: 10000"#, params.number("lam"));
    let network = format!(r#"jitter: "exp({}s)""#, params.number("mean"));
    let value = Scenario::new(1_000, producer, "").network(network).design("Udp()").consumer_figures(seed);
    vec![drawn("reordered_ratio", figure(&value, "order/producer/reordered_ratio"))]
}

/// Two messages under way at once, each tried again by itself: the first is late if it needs more attempts.
pub(crate) fn swaps_by_retries(params: &Params, seed: u64) -> Vec<Figure> {
    let loss = 100.0 * params.number("e");
    let value = Scenario::new(10, r#"members: 2000, schedule: At(["0ms", "1ms"])"#, "")
        .network(format!(r#"links: [(from: "producers", to: "brokers", loss: "{loss}%")]"#))
        .design(
            r#"Queue(transport: Datagrams, redeliver_after: "1h", confirm_timeout: "10ms", durable: false)"#,
        )
        .consumer_figures(seed);
    vec![drawn("P_swap", figure(&value, "order/producer/inversions") / 2_000.0)]
}

/// m1 to m5 to two consumers, one message each at a time; the second dies while it works on m3.
pub(crate) fn redelivery_of_the_book(_: &Params, seed: u64) -> Vec<Figure> {
    let value = Scenario::new(10, r#"schedule: Every("1ms"), count: 5"#, r#"members: 2, work: "50ms""#)
        .faults(r#"Crash(node: Receiver, when: Delivered(message: "p#3", to: "c"), after: "20ms")"#)
        .consumer_figures(seed);
    let processed = |member: &str| value["members"][member]["processed"].clone();
    assert_eq!(
        [processed("c/1"), processed("c/2")].map(|list| list.to_string()),
        [r#"["p#1"]"#, r#"["p#2","p#4","p#3","p#5"]"#]
    );
    vec![exact("inversions", figure(&value, "order/producer/inversions"))]
}
