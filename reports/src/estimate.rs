//! Means over independent runs, and how sure they are.

use serde::Serialize;

/// A mean with the half width of its 95 % confidence interval.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Estimate {
    /// The mean; null if the figure could not be computed in one of the runs.
    pub mean: Option<f64>,
    /// Half of the width of the interval, by Student's t; null with a single run.
    pub half_width: Option<f64>,
}

impl Estimate {
    /// Of these values, one for each run. They are added in their order.
    pub fn of(values: &[Option<f64>]) -> Self {
        let known: Option<Vec<f64>> = values.iter().copied().collect();
        let Some(known) = known.filter(|known| !known.is_empty()) else {
            return Estimate { mean: None, half_width: None };
        };
        let n = known.len() as f64;
        let mean = known.iter().sum::<f64>() / n;
        let squares: f64 = known.iter().map(|value| (value - mean) * (value - mean)).sum();
        let half = |n: f64| student_t(known.len() - 1) * (squares / (n - 1.0) / n).sqrt();
        Estimate { mean: Some(mean), half_width: (known.len() > 1).then(|| half(n)) }
    }
}

/// The 97.5 % quantile of Student's t, by degrees of freedom from 1 on. Tabulated, as in any book of statistics.
const STUDENT_T: [f64; 30] = [
    12.706_205, 4.302_653, 3.182_446, 2.776_445, 2.570_582, 2.446_912, 2.364_624, 2.306_004, 2.262_157,
    2.228_139, 2.200_985, 2.178_813, 2.160_369, 2.144_787, 2.131_450, 2.119_905, 2.109_816, 2.100_922,
    2.093_024, 2.085_963, 2.079_614, 2.073_873, 2.068_658, 2.063_899, 2.059_539, 2.055_529, 2.051_831,
    2.048_407, 2.045_230, 2.042_272,
];

/// Beyond the table the first terms of its expansion around the normal quantile are as exact (Abramowitz and Stegun,
/// 26.7.5).
fn student_t(freedom: usize) -> f64 {
    if let Some(tabulated) = STUDENT_T.get(freedom - 1) {
        return *tabulated;
    }
    const Z: f64 = 1.959_963_984_540_054;
    let (v, z2) = (freedom as f64, Z * Z);
    let first = (z2 + 1.0) / 4.0;
    let second = ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0;
    let third = (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0;
    Z * (1.0 + (first + (second + third / v) / v) / v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_and_its_interval_are_those_of_the_book() {
        let estimate = Estimate::of(&[1.0, 2.0, 3.0, 4.0].map(Some));
        // s = 1.290994, t(3) = 3.182446: 3.182446 * 1.290994 / 2.
        assert_eq!(estimate.mean, Some(2.5));
        assert!((estimate.half_width.expect("there are four") - 2.054_260).abs() < 1e-6);
        assert_eq!(Estimate::of(&[Some(7.0); 3]), Estimate { mean: Some(7.0), half_width: Some(0.0) });
    }

    #[test]
    fn what_cannot_be_said_is_not_said() {
        assert_eq!(Estimate::of(&[Some(1.0), None]), Estimate { mean: None, half_width: None });
        assert_eq!(Estimate::of(&[Some(1.0)]), Estimate { mean: Some(1.0), half_width: None });
        assert_eq!(Estimate::of(&[]), Estimate { mean: None, half_width: None });
    }

    #[test]
    fn the_expansion_goes_on_where_the_table_ends() {
        for (freedom, expected) in
            [(30, 2.042_272), (31, 2.039_513), (40, 2.021_075), (120, 1.979_930), (1_000, 1.962_339)]
        {
            assert!((student_t(freedom) - expected).abs() < 2e-6, "{freedom}: {}", student_t(freedom));
        }
    }
}
