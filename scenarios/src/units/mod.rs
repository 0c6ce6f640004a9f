//! The unit grammar, the same in files and on the command line: `"150ms"`, `"6 TB"`, `"150 MB/s"`, `"1000/s"`,
//! `"0.1%"`, `"exp(12ms)"`.
//!
//! Exact: decimal digits are read as whole numbers, so that "0.1s" is 100,000,000 ns. SI is SI: "6 TB" is 6e12
//! bytes, "6 TiB" is not.

mod quantity;
mod show;

pub use quantity::{
    ByteRate, Drift, Duration, MessageRate, Probability, SignedDuration, Size, SizeSpread, SpanSpread,
    WorkText,
};
pub(crate) use show::thousandths;
pub use show::{show_distribution, show_size, show_span};

use redeliver_models::setup::Work;
use redeliver_sim::{Chance, Distribution, Span};

/// Why a text is not a quantity, and how it could be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// What is wrong.
    pub message: String,
    /// What to write, for example.
    pub hint: String,
}

fn wrong<T>(message: impl Into<String>, hint: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { message: message.into(), hint: hint.into() })
}

const SPAN_UNITS: &[(&str, u128)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

const SIZE_UNITS: &[(&str, u128)] = &[
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("PB", 1_000_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("PiB", 1 << 50),
];

/// The longest span: sums of several stay far from the end of virtual time (584 years).
const SPAN_MAX: u128 = 36_525 * 86_400_000_000_000;
/// The greatest size: sums of many stay within 64 bits.
const SIZE_MAX: u128 = 1_000_000_000_000_000_000;

/// The greatest drift, in nanoseconds per second: a tenth.
const DRIFT_MAX: u128 = 100_000_000;

/// A number as written, digits and places after the point, and what follows it.
struct Written<'a> {
    digits: u128,
    scale: u128,
    unit: &'a str,
}

impl Written<'_> {
    /// The value in the smallest unit, rounded to the nearest whole.
    fn times(&self, factor: u128) -> Option<u128> {
        Some((self.digits.checked_mul(factor)? + self.scale / 2) / self.scale)
    }

    fn times_f64(&self, factor: u128) -> f64 {
        match self.digits.checked_mul(factor) {
            Some(product) => product as f64 / self.scale as f64,
            None => self.digits as f64 / self.scale as f64 * factor as f64,
        }
    }
}

fn written<'a>(text: &'a str, what: &str, example: &str) -> Result<Written<'a>, Wrong> {
    let text = text.trim();
    let hint = format!("write for example \"{example}\"");
    if text.starts_with('-') {
        return wrong(format!("{what} cannot be negative: \"{text}\""), hint);
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let number = text[..end].replace('_', "");
    let unit = text[end..].trim();
    let (whole, decimals) = number.split_once('.').unwrap_or((&number, ""));
    if whole.is_empty() || decimals.contains('.') || (number.contains('.') && decimals.is_empty()) {
        return wrong(format!("expected {what}, found \"{text}\""), hint);
    }
    if whole.len() + decimals.len() > 24 {
        return wrong(format!("\"{text}\" has more digits than can be told apart"), hint);
    }
    let digits = format!("{whole}{decimals}").parse().unwrap_or(0);
    Ok(Written { digits, scale: 10u128.pow(decimals.len() as u32), unit })
}

/// Finds the unit, or says which are known, with the number corrected.
fn factor(written: &Written<'_>, text: &str, units: &[(&str, u128)], what: &str) -> Result<u128, Wrong> {
    if let Some((_, factor)) = units.iter().find(|(name, _)| *name == written.unit) {
        return Ok(*factor);
    }
    let number = text.trim().trim_end_matches(written.unit).trim();
    let known: Vec<&str> = units.iter().map(|(name, _)| *name).filter(|name| name.is_ascii()).collect();
    let (near, exact) = match written.unit {
        "" => (if known.contains(&"ms") { "ms" } else { "kB" }, false),
        "m" => ("min", true),
        unit => match units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)) {
            Some((name, _)) => (*name, true),
            None => (if known.contains(&"ms") { "ms" } else { "kB" }, false),
        },
    };
    let space = if known.contains(&"ms") { "" } else { " " };
    let message = match written.unit {
        "" => format!("\"{}\" has no unit; expected {what}", text.trim()),
        unit => format!("`{unit}` is no unit of {what}"),
    };
    let example = if exact { "write" } else { "write for example" };
    wrong(message, format!("{example} \"{number}{space}{near}\"; units are {}", known.join(", ")))
}

/// A span: `"150ms"`, `"11.1h"`.
pub fn parse_span(text: &str) -> Result<Span, Wrong> {
    let number = written(text, "a span of time", "80ms")?;
    let factor = factor(&number, text, SPAN_UNITS, "a span of time")?;
    match number.times(factor) {
        Some(nanoseconds) if nanoseconds <= SPAN_MAX => Ok(Span(nanoseconds as u64)),
        _ => wrong(
            format!("\"{text}\" is more than 100 years, the longest span"),
            "the longest is \"36525d\": virtual time ends after 584 years",
        ),
    }
}

/// A span that may be negative: `"2s"`, `"-150ms"`. In nanoseconds.
pub fn parse_signed_span(text: &str) -> Result<i64, Wrong> {
    let (sign, rest) = signed(text);
    parse_span(rest).map(|span| sign * span.0 as i64)
}

/// A clock's drift: `"100 ppm"` gains 100 µs in a second, `"-50 ppm"` loses. In nanoseconds per second.
pub fn parse_drift(text: &str) -> Result<i64, Wrong> {
    let (sign, rest) = signed(text);
    let number = written(rest, "a clock's drift", "100 ppm")?;
    let factor = match number.unit {
        "ppm" => 1_000,
        "ppb" => 1,
        _ => {
            let hint =
                "write for example \"100 ppm\" (gains 100 µs a second) or \"-50 ppm\"; units are ppm, ppb";
            return wrong(format!("expected a clock's drift, found \"{text}\""), hint);
        }
    };
    match number.times(factor) {
        Some(drift) if drift <= DRIFT_MAX => Ok(sign * drift as i64),
        _ => wrong(
            format!("\"{text}\" is more than a clock can go wrong"),
            "a drift is at most \"100000 ppm\" (10%)",
        ),
    }
}

fn signed(text: &str) -> (i64, &str) {
    let text = text.trim();
    text.strip_prefix('-').map_or((1, text), |rest| (-1, rest))
}

/// A size: `"6 TB"`, `"512 B"`.
pub fn parse_size(text: &str) -> Result<u64, Wrong> {
    let number = written(text, "a size", "1 kB")?;
    let factor = factor(&number, text, SIZE_UNITS, "size")?;
    match number.times(factor) {
        Some(bytes) if bytes <= SIZE_MAX => Ok(bytes as u64),
        _ => {
            wrong(format!("\"{text}\" is more than 1000 PB, the greatest size"), "write for example \"6 TB\"")
        }
    }
}

/// A rate of bytes: `"150 MB/s"`. In bytes per second.
pub fn parse_byte_rate(text: &str) -> Result<f64, Wrong> {
    let example = "write for example \"150 MB/s\"";
    let Some((size, per)) = text.rsplit_once('/') else {
        return wrong(format!("expected bytes per second, found \"{text}\""), example);
    };
    let number = written(size, "a rate of bytes", "150 MB/s")?;
    let factor = factor(&number, size, SIZE_UNITS, "size")?;
    positive(number.times_f64(factor) / per_seconds(per, text, example)?, text, example)
}

/// A rate of messages: `"1000/s"`. Per second.
pub fn parse_message_rate(text: &str) -> Result<f64, Wrong> {
    let example = "write for example \"1000/s\"";
    let Some((count, per)) = text.rsplit_once('/') else {
        return wrong(format!("expected messages per second, found \"{text}\""), example);
    };
    let number = written(count, "a rate of messages", "1000/s")?;
    if !number.unit.is_empty() {
        return wrong(format!("expected messages per second, found \"{text}\""), example);
    }
    positive(number.times_f64(1) / per_seconds(per, text, example)?, text, example)
}

fn per_seconds(per: &str, text: &str, example: &str) -> Result<f64, Wrong> {
    match SPAN_UNITS.iter().find(|(name, _)| *name == per.trim()) {
        Some((_, nanoseconds)) => Ok(*nanoseconds as f64 / 1e9),
        None => wrong(format!("\"{text}\" does not say per what"), example),
    }
}

fn positive(rate: f64, text: &str, example: &str) -> Result<f64, Wrong> {
    if rate > 0.0 && rate <= 1e18 {
        return Ok(rate);
    }
    wrong(format!("a rate must be more than 0 and at most 1e18 a second: \"{text}\""), example)
}

/// A probability: `"0.1%"`.
pub fn parse_chance(text: &str) -> Result<Chance, Wrong> {
    let number = written(text, "a probability", "0.1%")?;
    if number.unit != "%" {
        return wrong(
            format!("expected a probability in percent, found \"{text}\""),
            "write for example \"0.1%\"",
        );
    }
    let percent = number.times_f64(1);
    if percent > 100.0 {
        return wrong(format!("\"{text}\" is more than always"), "a probability is at most \"100%\"");
    }
    Ok(Chance::new(percent / 100.0))
}

/// A distribution of spans or a constant: `"exp(12ms)"`, `"80ms"`. In nanoseconds.
pub fn parse_span_distribution(text: &str) -> Result<Distribution, Wrong> {
    parse_distribution(text, |t| parse_span(t).map(|span| span.0), "12ms")
}

/// A distribution of sizes or a constant: `"uniform(1 kB, 2 kB)"`, `"1 kB"`. In bytes.
pub fn parse_size_distribution(text: &str) -> Result<Distribution, Wrong> {
    parse_distribution(text, parse_size, "1 kB")
}

fn parse_distribution(
    text: &str,
    quantity: impl Fn(&str) -> Result<u64, Wrong>,
    example: &str,
) -> Result<Distribution, Wrong> {
    let Some((name, rest)) = text.split_once('(') else {
        return quantity(text).map(Distribution::Constant);
    };
    let hint = format!("write for example \"exp({example})\"");
    let Some(inside) = rest.trim_end().strip_suffix(')') else {
        return wrong(format!("\"{text}\" has no closing parenthesis"), hint);
    };
    let parts: Vec<&str> = inside.split(',').map(str::trim).collect();
    let named = |name: &str| {
        parts
            .iter()
            .find_map(|part| part.split_once('=').filter(|(n, _)| n.trim() == name).map(|(_, v)| v.trim()))
    };
    match (name.trim(), parts.as_slice()) {
        ("exp", [mean]) => {
            let mean = quantity(mean).map_err(|w| in_distribution(w, "the mean of a distribution"))?;
            Ok(Distribution::Exponential { mean: mean as f64 })
        }
        ("uniform", [low, high]) => {
            let (low, high) = (quantity(low)?, quantity(high)?);
            if low > high {
                return wrong(format!("\"{text}\" has its greater end first"), "the least comes first");
            }
            Ok(Distribution::Uniform { low, high })
        }
        ("lognormal", [_, _]) => log_normal(text, named, quantity),
        ("pareto", [_, _]) => match (named("scale"), named("shape").and_then(|s| s.parse::<f64>().ok())) {
            (Some(scale), Some(shape)) if shape > 0.0 && shape.is_finite() => {
                Ok(Distribution::Pareto { scale: quantity(scale)? as f64, shape })
            }
            _ => wrong(
                format!("\"{text}\" needs a scale, and a shape above 0"),
                format!("write for example \"pareto(scale={example}, shape=1.5)\""),
            ),
        },
        ("empirical", values) => {
            let mut values = values.iter().map(|v| quantity(v)).collect::<Result<Vec<u64>, Wrong>>()?;
            values.sort();
            Ok(Distribution::Empirical(values))
        }
        ("exp" | "uniform" | "lognormal" | "pareto", _) => {
            wrong(format!("\"{text}\" has the wrong number of parameters"), distributions(example))
        }
        (other, _) => wrong(format!("`{other}` is no distribution"), distributions(example)),
    }
}

fn distributions(example: &str) -> String {
    format!(
        "there are exp({example}), uniform(a, b), lognormal(median=a, p99=b), lognormal(mean=a, sigma=1), pareto(scale=a, shape=1.5), empirical(a, b, c), empirical(file.csv)"
    )
}

fn in_distribution(wrong: Wrong, what: &str) -> Wrong {
    let message = wrong.message.replacen("a span of time", what, 1).replacen("a size", what, 1);
    Wrong { message, ..wrong }
}

/// The 99th percentile of the standard normal distribution.
const NORMAL_P99: f64 = 2.326_347_874_040_841;

fn log_normal<'a>(
    text: &str,
    named: impl Fn(&str) -> Option<&'a str>,
    quantity: impl Fn(&str) -> Result<u64, Wrong>,
) -> Result<Distribution, Wrong> {
    if let (Some(median), Some(p99)) = (named("median"), named("p99")) {
        let (median, p99) = (quantity(median)?, quantity(p99)?);
        if median == 0 || p99 < median {
            return wrong(
                format!("\"{text}\": the median must be above 0, and p99 not below it"),
                distributions("2ms"),
            );
        }
        let mu = libm::log(median as f64);
        return Ok(Distribution::LogNormal { mu, sigma: (libm::log(p99 as f64) - mu) / NORMAL_P99 });
    }
    if let (Some(mean), Some(sigma)) = (named("mean"), named("sigma").and_then(|s| s.parse::<f64>().ok())) {
        let mean = quantity(mean)?;
        if mean > 0 && (0.0..=20.0).contains(&sigma) {
            return Ok(Distribution::LogNormal { mu: libm::log(mean as f64) - sigma * sigma / 2.0, sigma });
        }
    }
    wrong(
        format!("\"{text}\" needs a median and a p99, or a mean above 0 and a sigma from 0 to 20"),
        "write for example \"lognormal(median=2ms, p99=20ms)\"",
    )
}

/// Work: a span, a distribution of spans, a rate, or the sum of one of these and a rate: `"5ms + 100 MB/s"`.
pub fn parse_work(text: &str) -> Result<Work, Wrong> {
    let mut work = Work { span: Distribution::ZERO, rate: None };
    let mut spans = 0;
    for part in text.split('+').map(str::trim) {
        if part.contains('/') {
            if work.rate.replace(parse_byte_rate(part)?).is_some() {
                return wrong(format!("\"{text}\" has two rates"), "write for example \"5ms + 100 MB/s\"");
            }
        } else {
            work.span = parse_span_distribution(part)?;
            spans += 1;
        }
    }
    if spans > 1 {
        return wrong(format!("\"{text}\" has two spans"), "write for example \"5ms + 100 MB/s\"");
    }
    Ok(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_exact() {
        let span = |text| parse_span(text).unwrap().0;
        assert_eq!(span("0.1s"), 100_000_000);
        assert_eq!(span("11.1h"), 39_960_000_000_000);
        assert_eq!((span("2us"), span("3d"), span("0ns")), (2_000, 259_200_000_000_000, 0));
        assert_eq!(parse_size("6 TB").unwrap(), 6_000_000_000_000);
        assert_eq!(parse_size("6 TiB").unwrap(), 6 << 40);
        assert_eq!(parse_byte_rate("150 MB/s").unwrap(), 150e6);
        assert_eq!(parse_message_rate("240/min").unwrap(), 4.0);
        assert_eq!(parse_chance("50%").unwrap(), Chance::new(0.5));
    }

    #[test]
    fn work_is_a_span_a_rate_or_both() {
        let work = parse_work("5ms + 100 MB/s").unwrap();
        assert_eq!((work.span, work.rate), (Distribution::Constant(5_000_000), Some(100e6)));
        assert_eq!(parse_work("120 MB/s").unwrap().span, Distribution::ZERO);
        assert_eq!(parse_work("exp(1s)").unwrap().rate, None);
        assert!(parse_work("5ms + 6ms").is_err());
    }

    #[test]
    fn a_lognormal_keeps_its_percentiles() {
        let Distribution::LogNormal { mu, sigma } =
            parse_span_distribution("lognormal(median=2ms, p99=20ms)").unwrap()
        else {
            panic!("another distribution");
        };
        assert!((libm::exp(mu) - 2e6).abs() < 1.0);
        assert!((libm::exp(mu + NORMAL_P99 * sigma) - 2e7).abs() < 1.0);
    }

    #[test]
    fn what_is_wrong_is_said_with_an_example() {
        let show = |wrong: Wrong| format!("{} | {}", wrong.message, wrong.hint);
        let all = [
            show(parse_span("80").unwrap_err()),
            show(parse_span("80 MS").unwrap_err()),
            show(parse_span("5m").unwrap_err()),
            show(parse_span("-5ms").unwrap_err()),
            show(parse_span("1.2.3s").unwrap_err()),
            show(parse_span("1000000d").unwrap_err()),
            show(parse_size("10 KB").unwrap_err()),
            show(parse_byte_rate("150 MB").unwrap_err()),
            show(parse_message_rate("0/s").unwrap_err()),
            show(parse_chance("0.5").unwrap_err()),
            show(parse_span_distribution("exp(-12ms)").unwrap_err()),
            show(parse_span_distribution("gauss(1ms)").unwrap_err()),
            show(parse_span_distribution("uniform(2s)").unwrap_err()),
        ];
        insta::assert_snapshot!(all.join("\n"), @r#"
        "80" has no unit; expected a span of time | write for example "80ms"; units are ns, us, ms, s, min, h, d
        `MS` is no unit of a span of time | write "80ms"; units are ns, us, ms, s, min, h, d
        `m` is no unit of a span of time | write "5min"; units are ns, us, ms, s, min, h, d
        a span of time cannot be negative: "-5ms" | write for example "80ms"
        expected a span of time, found "1.2.3s" | write for example "80ms"
        "1000000d" is more than 100 years, the longest span | the longest is "36525d": virtual time ends after 584 years
        `KB` is no unit of size | write "10 kB"; units are B, kB, MB, GB, TB, PB, KiB, MiB, GiB, TiB, PiB
        expected bytes per second, found "150 MB" | write for example "150 MB/s"
        a rate must be more than 0 and at most 1e18 a second: "0/s" | write for example "1000/s"
        expected a probability in percent, found "0.5" | write for example "0.1%"
        the mean of a distribution cannot be negative: "-12ms" | write for example "80ms"
        `gauss` is no distribution | there are exp(12ms), uniform(a, b), lognormal(median=a, p99=b), lognormal(mean=a, sigma=1), pareto(scale=a, shape=1.5), empirical(a, b, c), empirical(file.csv)
        "uniform(2s)" has the wrong number of parameters | there are exp(12ms), uniform(a, b), lognormal(median=a, p99=b), lognormal(mean=a, sigma=1), pareto(scale=a, shape=1.5), empirical(a, b, c), empirical(file.csv)
        "#);
    }

    #[test]
    fn quantities_are_shown_short() {
        let spans = ["45s", "7d", "0.5ms", "1500ms", "90s", "2us"].map(|t| show_span(parse_span(t).unwrap()));
        assert_eq!(spans, ["45 s", "7 d", "0.5 ms", "1.5 s", "90 s", "2 us"]);
        assert_eq!(
            ["4 GiB", "6 TB", "212992 B"].map(|t| show_size(parse_size(t).unwrap())),
            ["4 GiB", "6 TB", "208 KiB"]
        );
    }
}
