//! What each distribution should be: moments and distribution functions in closed form.

use redeliver_sim::Distribution;

use crate::statistics::Moments;

/// The distributions that are tested, each with a name.
pub(crate) fn all() -> Vec<(&'static str, Distribution)> {
    vec![
        ("constant", Distribution::Constant(5_000_000)),
        ("die", Distribution::Uniform { low: 1, high: 6 }),
        ("uniform", Distribution::Uniform { low: 1_000_000, high: 9_000_000 }),
        ("uniform, all", Distribution::Uniform { low: 0, high: u64::MAX }),
        ("exponential", Distribution::Exponential { mean: 5e6 }),
        ("log-normal", Distribution::LogNormal { mu: 15.0, sigma: 0.5 }),
        ("log-normal, heavy", Distribution::LogNormal { mu: 15.0, sigma: 2.0 }),
        ("pareto", Distribution::Pareto { scale: 1e6, shape: 9.0 }),
        ("pareto, heavy", Distribution::Pareto { scale: 1e6, shape: 0.8 }),
        ("empirical", Distribution::Empirical(vec![1_000, 2_000, 2_000, 6_000, 50_000])),
    ]
}

/// P(X <= value), of the values as they come: rounded to whole numbers.
pub(crate) fn cdf(distribution: &Distribution, value: u64) -> f64 {
    let unrounded = value as f64 + 0.5;
    match distribution {
        Distribution::Constant(only) => f64::from(u8::from(value >= *only)),
        Distribution::Uniform { low, .. } if value < *low => 0.0,
        Distribution::Uniform { low, high } => ((value - low) as f64 + 1.0) / ((high - low) as f64 + 1.0),
        Distribution::Exponential { mean } => -libm::expm1(-unrounded / mean),
        Distribution::LogNormal { mu, sigma } => normal_cdf((libm::log(unrounded) - mu) / sigma),
        Distribution::Pareto { scale, .. } if unrounded < *scale => 0.0,
        Distribution::Pareto { scale, shape } => 1.0 - libm::pow(scale / unrounded, *shape),
        Distribution::Empirical(values) => {
            values.iter().filter(|recorded| **recorded <= value).count() as f64 / values.len() as f64
        }
    }
}

/// P(Z <= z) for a standard normal.
pub(crate) fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Mean, variance and kurtosis; none where nothing varies, or where the tail is so heavy that the mean of 100,000
/// squares is nothing like normal.
pub(crate) fn moments(distribution: &Distribution) -> Option<Moments> {
    match distribution {
        Distribution::Constant(_) => None,
        Distribution::Uniform { low, high } => {
            let (mean, width) = (*low as f64 / 2.0 + *high as f64 / 2.0, (high - low) as f64 + 1.0);
            let square = width * width;
            let kurtosis = 0.6 * (3.0 * square - 7.0) / (square - 1.0);
            Some(Moments { mean, variance: (square - 1.0) / 12.0, kurtosis })
        }
        Distribution::Exponential { mean } => {
            Some(Moments { mean: *mean, variance: mean * mean, kurtosis: 9.0 })
        }
        Distribution::LogNormal { sigma, .. } if *sigma > 0.6 => None,
        Distribution::LogNormal { mu, sigma } => {
            let w = libm::exp(sigma * sigma);
            let mean = libm::exp(*mu) * w.sqrt();
            let kurtosis = w * w * (w * w + 2.0 * w + 3.0) - 3.0;
            Some(Moments { mean, variance: mean * mean * (w - 1.0), kurtosis })
        }
        Distribution::Pareto { shape, .. } if *shape < 8.0 => None,
        Distribution::Pareto { scale, shape: a } => {
            let mean = scale * a / (a - 1.0);
            let variance = mean * mean / (a * (a - 2.0));
            let excess = 6.0 * (a * a * a + a * a - 6.0 * a - 2.0) / (a * (a - 3.0) * (a - 4.0));
            Some(Moments { mean, variance, kurtosis: 3.0 + excess })
        }
        Distribution::Empirical(values) => {
            let average = |term: &dyn Fn(f64) -> f64| {
                values.iter().map(|value| term(*value as f64)).sum::<f64>() / values.len() as f64
            };
            let mean = average(&|value| value);
            let variance = average(&|value| (value - mean) * (value - mean));
            let fourth = average(&|value| libm::pow(value - mean, 4.0));
            Some(Moments { mean, variance, kurtosis: fourth / (variance * variance) })
        }
    }
}
