//! The exponential's table of logarithms and the normal's inverse from close by: at every edge, and far out in the tail.

use redeliver_sim::{Distribution, unit};

use crate::laws::{cdf, normal_cdf};
use crate::source::Source;
use crate::statistics::*;

/// A mean so long that rounding to whole nanoseconds is nothing.
pub(crate) const MEAN: f64 = 1e15;

pub(crate) fn exponential(bits: u64) -> u64 {
    Distribution::Exponential { mean: MEAN }.sample(bits)
}

/// The draw whose uniform number is the first at or above this one, and the draw before it.
fn around(uniform: f64) -> [u64; 2] {
    let at = (uniform * 4_503_599_627_370_496.0) as u64;
    [at - 1, at].map(|number| number << 12)
}

/// How far the table's logarithm of the draw's uniform number is from libm's.
fn error(bits: u64) -> f64 {
    (exponential(bits) as f64 / MEAN + libm::log(unit(bits))).abs()
}

#[test]
fn at_each_edge_of_the_table_the_logarithm_is_right_and_falls() {
    let mut worst = 0.0_f64;
    for exponent in 1..=44 {
        for part in 0..128 {
            let edge = (1.0 + f64::from(part) / 128.0) / (1_u64 << exponent) as f64;
            let [below, at] = around(edge);
            assert!(unit(below) < edge && edge < unit(at));
            assert!(exponential(at) <= exponential(below), "part {part} of exponent {exponent}");
            worst = worst.max(error(below)).max(error(at));
        }
    }
    assert!(worst < 1e-12, "{worst}");
}

#[test]
fn between_the_edges_the_logarithm_is_right() {
    let worst = Source::Stream.draws("logarithm").into_iter().map(error).fold(0.0, f64::max);
    assert!(worst < 1e-12, "{worst}");
}

#[test]
fn the_exponential_has_its_ends() {
    // At most 53 ln 2 means.
    assert!((exponential(0) as f64 / MEAN - 36.736_800_569_677_1).abs() < 1e-12);
    // Above zero, by less than the error of the table: below it, it would be rounded to 584 years.
    for mean in [1.0, 1e9, MEAN, 1e18] {
        let least = Distribution::Exponential { mean }.sample(u64::MAX);
        assert!(least as f64 <= 1e-12 * mean, "{mean}: {least}");
    }
}

#[test]
fn the_exponential_fills_4096_equal_cells_evenly() {
    const CELLS: usize = 4096;
    let law = Distribution::Exponential { mean: MEAN };
    for source in [Source::Stream, Source::Messages] {
        let mut counts = vec![0; CELLS];
        let draws: Vec<u64> = ["a", "b", "c", "d"].into_iter().flat_map(|name| source.draws(name)).collect();
        draws.iter().for_each(|bits| counts[(cdf(&law, law.sample(*bits)) * CELLS as f64) as usize] += 1);
        let z = chi_square_z(&counts, |_| draws.len() as f64 / CELLS as f64);
        assert!(z.abs() < Z_MAX, "from {source:?}: {z}");
    }
}

/// Of an exponential what is beyond k ln 2 means is one in 2^k, and memoryless: less k ln 2 means, an exponential again.
pub(crate) fn distance_of_tail(halvings: u32, exponential: impl Fn(u64) -> u64) -> f64 {
    let beyond = f64::from(halvings) * std::f64::consts::LN_2 * MEAN;
    let excess = |bits: u64| (exponential(bits >> halvings) as f64 - beyond) as u64;
    let excesses = Source::Stream.draws("tail").into_iter().map(excess).collect();
    kolmogorov_smirnov(excesses, |value| cdf(&Distribution::Exponential { mean: MEAN }, value))
}

#[test]
fn the_tail_of_the_exponential_is_an_exponential() {
    for halvings in [1, 10, 20, 30] {
        let distance = distance_of_tail(halvings, exponential);
        assert!(distance < DISTANCE_MAX, "beyond one in 2^{halvings}: {distance}");
    }
}

/// The standard normal of a draw, out of a log-normal of large values.
fn normal(bits: u64) -> f64 {
    let large = Distribution::LogNormal { mu: 34.0, sigma: 1.0 };
    libm::log(large.sample(bits) as f64) - 34.0
}

#[test]
fn the_normal_is_the_inverse_of_its_distribution_function() {
    // Evenly, each tail down to one in 2^52, and where the middle meets the tails.
    let evenly = (1..1000).map(|part| part * (u64::MAX / 1000));
    let tails = (0..52).flat_map(|halvings| [u64::MAX >> halvings, !(u64::MAX >> halvings)]);
    let pieces = [0.02425, 1.0 - 0.02425].into_iter().flat_map(around);
    for bits in evenly.chain(tails).chain(pieces) {
        let z = normal(bits);
        // Of the smaller side, so that it is exact in both tails. A step in z is one of density / share in the share's
        // logarithm, at most |z| + 1.
        let share = unit(bits).min(unit(!bits));
        let off = libm::log(normal_cdf(-z.abs()) / share) / (z.abs() + 1.0);
        assert!(off.abs() < 2e-8, "{bits:#x}: {z}, off by {off}");
    }
}

#[test]
fn the_normal_is_symmetric_and_rises() {
    for bits in Source::Stream.draws("normal").into_iter().take(10_000) {
        assert!((normal(bits) + normal(!bits)).abs() < 1e-8);
    }
    let rising: Vec<f64> = (0..10_000).map(|part| normal(part * (u64::MAX / 10_000))).collect();
    assert!(rising.is_sorted());
}
