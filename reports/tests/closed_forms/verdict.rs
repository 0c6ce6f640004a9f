//! Whether a figure agrees with its row.

/// What a run says about a quantity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    /// The quantity's name in the table.
    pub(crate) quantity: &'static str,
    /// What was measured.
    pub(crate) value: f64,
    /// Nothing is random: it must be within so much of the row. None: it differs from seed to seed.
    pub(crate) grain: Option<f64>,
}

/// A figure that differs from seed to seed; its mean over the seeds is compared.
pub(crate) fn drawn(quantity: &'static str, value: f64) -> Figure {
    Figure { quantity, value, grain: None }
}

/// A figure of a scenario in which nothing is random.
pub(crate) fn exact(quantity: &'static str, value: f64) -> Figure {
    within(quantity, value, 0.0)
}

/// As [`exact`], where the row speaks of a fluid and the scenario of whole messages: `grain` is what a few of them
/// make of the difference.
pub(crate) fn within(quantity: &'static str, value: f64, grain: f64) -> Figure {
    Figure { quantity, value, grain: Some(grain) }
}

/// Standard errors that a mean may be away from its row.
const Z_MAX: f64 = 4.0;
/// Values in the table have six digits.
const ROUNDING: f64 = 5e-6;

/// Compares what the seeds said about a quantity with its value: what was found, and whether it agrees.
pub(crate) fn judge(value: f64, figures: &[Figure]) -> Result<String, String> {
    if let Some(grain) = figures[0].grain {
        let found = figures[0].value;
        let text = format!("{found:.6}, expected {value} within {grain}");
        return if (found - value).abs() <= grain + ROUNDING * value.abs() { Ok(text) } else { Err(text) };
    }
    let values: Vec<f64> = figures.iter().map(|figure| figure.value).collect();
    let (mean, deviation) = moments(&values);
    let error = deviation / (values.len() as f64).sqrt();
    let z = (mean - value) / error;
    let share = 100.0 * error / value;
    let text = format!("{mean:.6}, expected {value}, standard error {error:.6} ({share:.2} %), z {z:.2}");
    if error > 0.0 && z.abs() < Z_MAX { Ok(text) } else { Err(text) }
}

/// Mean and standard deviation.
pub(crate) fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

#[test]
fn a_mean_must_be_within_four_standard_errors() {
    // Mean 2, standard deviation 1, standard error 0.5.
    let spread = 0.75_f64.sqrt();
    let figures = [2.0 - spread, 2.0 - spread, 2.0 + spread, 2.0 + spread].map(|value| drawn("L", value));
    assert!(judge(2.0, &figures).is_ok());
    assert!(judge(3.99, &figures).is_ok());
    assert!(judge(4.01, &figures).is_err());
    assert!(judge(-0.01, &figures).is_err());
}

#[test]
fn runs_that_are_all_alike_are_no_statistics() {
    assert!(judge(2.0, &[drawn("L", 2.0), drawn("L", 2.0)]).is_err());
}

#[test]
fn an_exact_figure_is_as_near_as_its_grain() {
    assert!(judge(4.0, &[exact("idle", 4.0)]).is_ok());
    assert!(judge(4.0, &[exact("idle", 4.001)]).is_err());
    assert!(judge(4.0, &[within("seconds", 4.001, 0.001)]).is_ok());
    assert!(judge(11.1111, &[exact("hours", 100.0 / 9.0)]).is_ok());
}
