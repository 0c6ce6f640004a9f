//! Quantities for people.

use super::{NORMAL_P99, SIZE_UNITS};
use redeliver_sim::{Distribution, Span};

/// A span for people: `45 s`, `0.5 ms`.
pub fn show_span(span: Span) -> String {
    let units =
        [("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("min", 60_000_000_000), ("s", 1_000_000_000)];
    let whole = units.iter().find(|(_, factor)| span.0 >= *factor && span.0.is_multiple_of(*factor));
    if let Some((unit, factor)) = whole {
        return format!("{} {unit}", span.0 / factor);
    }
    let (unit, factor) = match span.0 {
        0 => return "0".into(),
        1_000_000_000.. => ("s", 1e9),
        10_000.. => ("ms", 1e6),
        1_000.. => ("us", 1e3),
        _ => ("ns", 1.0),
    };
    format!("{} {unit}", thousandths(span.0 as f64 / factor))
}

/// Rounded to three decimals.
pub(crate) fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// A size for people: `6 TB`, `4 GiB`, `212992 B`.
pub fn show_size(bytes: u64) -> String {
    let whole = SIZE_UNITS.iter().rev().filter(|(_, f)| *f > 1 && bytes > 0 && u128::from(bytes) % f == 0);
    match whole.max_by_key(|(_, factor)| *factor) {
        Some((unit, factor)) if u128::from(bytes) / factor < 10_000 => {
            format!("{} {unit}", u128::from(bytes) / factor)
        }
        _ => format!("{bytes} B"),
    }
}

/// A distribution of spans for people.
pub fn show_distribution(distribution: &Distribution) -> String {
    let span = |nanoseconds: f64| show_span(Span((nanoseconds + 0.5) as u64));
    match distribution {
        Distribution::Constant(value) => show_span(Span(*value)),
        Distribution::Exponential { mean } => format!("exp({})", span(*mean)),
        Distribution::Uniform { low, high } => {
            format!("uniform({}, {})", span(*low as f64), span(*high as f64))
        }
        Distribution::LogNormal { mu, sigma } => {
            let p99 = libm::exp(mu + NORMAL_P99 * sigma);
            format!("lognormal(median={}, p99={})", span(libm::exp(*mu)), span(p99))
        }
        Distribution::Pareto { scale, shape } => format!("pareto(scale={}, shape={shape})", span(*scale)),
        Distribution::Empirical(values) => format!("{} recorded values", values.len()),
    }
}
