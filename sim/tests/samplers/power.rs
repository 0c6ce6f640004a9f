//! What the tests can see: each finds out something that is nearly right.

use redeliver_sim::{Distribution, Luck, Purpose, mix};

use crate::bits::{avalanche, dependence, neighbours, unevenness};
use crate::laws::{cdf, moments};
use crate::source::{DRAWS, SEED, Source};
use crate::statistics::*;
use crate::tables::{MEAN, distance_of_tail, exponential};

fn values(distribution: &Distribution) -> Vec<u64> {
    Source::Stream.draws("power").into_iter().map(|bits| distribution.sample(bits)).collect()
}

#[test]
fn what_is_off_by_three_in_a_hundred_is_found_out() {
    for (right, wrong) in [
        (Distribution::Exponential { mean: 5.00e6 }, Distribution::Exponential { mean: 5.15e6 }),
        (
            Distribution::Uniform { low: 0, high: 1_000_000 },
            Distribution::Uniform { low: 0, high: 1_030_000 },
        ),
        (
            Distribution::LogNormal { mu: 15.0, sigma: 0.5 },
            Distribution::LogNormal { mu: 15.0, sigma: 0.515 },
        ),
        (Distribution::Pareto { scale: 1e6, shape: 3.0 }, Distribution::Pareto { scale: 1e6, shape: 3.09 }),
    ] {
        let distance = |of| kolmogorov_smirnov(values(of), |value| cdf(&right, value));
        assert!(distance(&right) < DISTANCE_MAX, "{right:?}");
        assert!(distance(&wrong) > DISTANCE_MAX, "{wrong:?}");
    }
}

#[test]
fn moments_that_are_off_by_three_in_a_hundred_are_found_out() {
    let law = moments(&Distribution::Exponential { mean: 5e6 }).expect("it has moments");
    let wrong = values(&Distribution::Exponential { mean: 5.15e6 });
    assert!(mean_z(&wrong, law) > Z_MAX);
    assert!(variance_z(&wrong, law) > Z_MAX);
}

/// No test of all the values sees what happens to one in 160,000.
#[test]
fn a_tail_that_ends_too_early_is_found_out() {
    let cut_off = |bits: u64| exponential(bits).min((12.0 * MEAN) as u64);
    assert!(distance_of_tail(0, cut_off) < DISTANCE_MAX);
    assert!(distance_of_tail(10, cut_off) > DISTANCE_MAX);
}

#[test]
fn keys_that_are_not_mixed_well_are_found_out() {
    let draws = |draw: fn(u64) -> u64| (0..DRAWS as u64).map(draw).collect::<Vec<u64>>();
    // A counter is too even, and half of the finaliser is not enough for it.
    let half = |i: u64| (i ^ (i >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    assert!(unevenness(&draws(|i| i << 40)).is_some());
    assert!(unevenness(&draws(half)).is_some());
    assert!(avalanche(half).abs() > Z_MAX_OF_4096);
    // All of it is not quite: bits that stand 31 apart have something in common. So every luck is a hash already.
    let purpose = Purpose::new(SEED, "disk");
    let plain: Vec<u64> = (0..DRAWS as u64).map(|number| purpose.draw(Luck(number), 3)).collect();
    assert!(unevenness(&plain).is_some());
    let mixed: Vec<u64> = (0..DRAWS as u64).map(|number| purpose.draw(Luck(mix(number)), 3)).collect();
    assert_eq!(unevenness(&mixed), None);
}

#[test]
fn what_says_something_of_its_neighbour_is_found_out() {
    let draws = Source::Stream.draws("power");
    assert_eq!(dependence(&neighbours(&draws)[0]), None);
    let found = |second: &dyn Fn(u64, u64) -> u64| {
        let pairs: Vec<(u64, u64)> =
            neighbours(&draws)[0].iter().map(|(a, b)| (*a, second(*a, *b))).collect();
        dependence(&pairs).unwrap_or_default()
    };
    let again = found(&|a, b| if b % 30 == 0 { a } else { b });
    assert!(again.starts_with("correlation"), "{again}");
    // Where the first is in the middle half, the second is more often, on either side: no correlation shows it.
    let is_outside = |bits: u64| matches!(bits >> 62, 0 | 3);
    let far = found(&|a, b| if !is_outside(a) && is_outside(b) && b % 4 == 0 { b ^ 1 << 63 } else { b });
    assert!(far.starts_with("where"), "{far}");
    let bit = found(&|a, b| if b >> 60 == 5 { b & !1 | a >> 20 & 1 } else { b });
    assert!(bit.starts_with("a pair of bits"), "{bit}");
}
