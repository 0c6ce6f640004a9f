//! The tests' own tools. Each gives a figure that is standard normal if all is well, but for Kolmogorov's and Smirnov's.

use std::array;

use redeliver_sim::unit;

/// One figure in 150,000 is beyond it by chance; there are some 400.
pub(crate) const Z_MAX: f64 = 4.5;
/// For the greatest of 64 figures: one in 1,000 such is beyond it by chance.
pub(crate) const Z_MAX_OF_64: f64 = 4.3;
/// For the greatest of 4,096 figures: one in 1,000 such is beyond it by chance.
pub(crate) const Z_MAX_OF_4096: f64 = 5.2;
/// For `kolmogorov_smirnov`: one in 1,000 is beyond it by chance.
pub(crate) const DISTANCE_MAX: f64 = 1.95;

/// Mean and variance of a law, and its fourth central moment over the square of its variance.
#[derive(Clone, Copy)]
pub(crate) struct Moments {
    pub(crate) mean: f64,
    pub(crate) variance: f64,
    pub(crate) kurtosis: f64,
}

/// How far the mean of these values is from the law's.
pub(crate) fn mean_z(values: &[u64], law: Moments) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().map(|value| *value as f64 - law.mean).sum::<f64>() / n;
    mean / (law.variance / n).sqrt()
}

/// How far the variance of these values around the law's mean is from the law's variance.
pub(crate) fn variance_z(values: &[u64], law: Moments) -> f64 {
    let n = values.len() as f64;
    let square = |value: &u64| (*value as f64 - law.mean) * (*value as f64 - law.mean);
    let variance = values.iter().map(square).sum::<f64>() / n;
    (variance / law.variance - 1.0) / ((law.kurtosis - 1.0) / n).sqrt()
}

/// The greatest distance of these values' distribution function from P(X <= x), times the root of their number. Exact
/// for whole numbers: between two values that were seen the distance is greatest at either end. Where values are often
/// equal it is less than for a continuous law, so that the bound is on the safe side.
pub(crate) fn kolmogorov_smirnov(mut values: Vec<u64>, cdf: impl Fn(u64) -> f64) -> f64 {
    values.sort_unstable();
    let n = values.len() as f64;
    let (mut seen, mut distance) = (0, 0.0_f64);
    for same in values.chunk_by(|a, b| a == b) {
        let below = same[0].checked_sub(1).map_or(0.0, &cdf);
        distance = distance.max((seen as f64 / n - below).abs());
        seen += same.len();
        distance = distance.max((seen as f64 / n - cdf(same[0])).abs());
    }
    distance * n.sqrt()
}

/// Whether counts are as expected: too far from it is above zero, too near below.
pub(crate) fn chi_square_z(counts: &[u64], expected: impl Fn(usize) -> f64) -> f64 {
    let part = |(cell, count): (usize, &u64)| {
        let off = *count as f64 - expected(cell);
        off * off / expected(cell)
    };
    normal_of_chi_square(counts.iter().enumerate().map(part).sum(), counts.len() - 1)
}

/// Wilson's and Hilferty's: the cube root is nearly normal.
pub(crate) fn normal_of_chi_square(chi_square: f64, degrees: usize) -> f64 {
    let degrees = degrees as f64;
    let spread = 2.0 / (9.0 * degrees);
    (libm::cbrt(chi_square / degrees) - 1.0 + spread) / spread.sqrt()
}

/// Whether so many of `n` are what is expected with this probability.
pub(crate) fn share_z(count: usize, n: usize, probability: f64) -> f64 {
    let n = n as f64;
    (count as f64 - n * probability) / (n * probability * (1.0 - probability)).sqrt()
}

/// The correlation of pairs, taken as numbers between -1/2 and 1/2 with variance 1/12.
pub(crate) fn correlation_z(pairs: &[(u64, u64)]) -> f64 {
    let centred = |bits: u64| unit(bits) - 0.5;
    let sum: f64 = pairs.iter().map(|(a, b)| centred(*a) * centred(*b)).sum();
    12.0 * sum / (pairs.len() as f64).sqrt()
}

/// For each bit `i` of the first and `j` of the second of a pair, at `64 * i + j`: how much more often than every
/// second time they are equal. Pairs beyond a multiple of 64 are left out.
pub(crate) fn agreements(pairs: &[(u64, u64)]) -> Vec<f64> {
    let mut equal = vec![0_u32; 64 * 64];
    let blocks = pairs.as_chunks::<64>().0;
    for block in blocks {
        let (first, second) = (transposed(block.map(|(a, _)| a)), transposed(block.map(|(_, b)| b)));
        for (i, a) in first.iter().enumerate() {
            for (count, b) in equal[64 * i..].iter_mut().zip(&second) {
                *count += (a ^ b).count_zeros();
            }
        }
    }
    equal.iter().map(|count| share_z(*count as usize, 64 * blocks.len(), 0.5)).collect()
}

/// Bit `i` of the `j`-th becomes bit `j` of the `i`-th.
fn transposed(rows: [u64; 64]) -> [u64; 64] {
    array::from_fn(|bit| rows.iter().enumerate().fold(0, |word, (row, bits)| word | (bits >> bit & 1) << row))
}

/// The one furthest from zero.
pub(crate) fn furthest(figures: impl IntoIterator<Item = f64>) -> f64 {
    figures.into_iter().fold(0.0, |furthest: f64, z| if z.abs() > furthest.abs() { z } else { furthest })
}
