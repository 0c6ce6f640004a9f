//! Numbers and times as people read them. Three significant digits; a figure that could not be computed is `–`.

/// What stands for a figure that could not be computed.
pub(crate) const NONE: &str = "–";

/// What a number counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unit {
    /// Things.
    Count,
    /// Seconds.
    Seconds,
    /// Bytes, in powers of 1000.
    Bytes,
    /// Things a second.
    Rate,
    /// Of one, shown in percent.
    Share,
}

impl Unit {
    /// The value with its unit.
    pub(crate) fn show(self, value: Option<f64>) -> String {
        let Some(value) = value.filter(|value| value.is_finite()) else { return NONE.into() };
        match self {
            Unit::Count if value.fract() == 0.0 => count(value as u64),
            Unit::Count => digits(value),
            Unit::Seconds => seconds(value),
            Unit::Bytes => bytes(value),
            Unit::Rate => format!("{}/s", digits(value)),
            Unit::Share => format!("{} %", digits(value * 100.0)),
        }
    }
}

/// `0.1 s`, `12 ms`, `45 s`, `11.1 h`.
pub(crate) fn seconds(value: f64) -> String {
    const MINUTE: f64 = 60.0;
    const HOUR: f64 = 3600.0;
    let size = value.abs();
    let (scaled, unit) = match size {
        _ if size == 0.0 => (0.0, "s"),
        _ if size < 1e-6 => (value * 1e9, "ns"),
        _ if size < 1e-3 => (value * 1e6, "µs"),
        _ if size < 0.1 => (value * 1e3, "ms"),
        _ if size < 10.0 * MINUTE => (value, "s"),
        _ if size < 2.0 * HOUR => (value / MINUTE, "min"),
        _ if size < 100.0 * HOUR => (value / HOUR, "h"),
        _ => (value / (24.0 * HOUR), "d"),
    };
    format!("{} {unit}", digits(scaled))
}

/// `6 TB`: SI is SI.
pub(crate) fn bytes(value: f64) -> String {
    let mut scaled = value;
    for unit in ["B", "kB", "MB", "GB", "TB"] {
        if scaled.abs() < 1000.0 {
            return format!("{} {unit}", digits(scaled));
        }
        scaled /= 1000.0;
    }
    format!("{} PB", digits(scaled))
}

/// With commas from 10,000 on.
pub(crate) fn count(value: u64) -> String {
    let plain = value.to_string();
    if value <= 9999 {
        return plain;
    }
    let mut grouped = String::with_capacity(plain.len() + plain.len() / 3);
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (plain.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 message`, `12,000 messages`.
pub(crate) fn counted(value: u64, noun: &str) -> String {
    let plural = if value == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(value))
}

/// `once`, `twice`, `3 times`.
pub(crate) fn times(value: u64) -> String {
    match value {
        1 => "once".into(),
        2 => "twice".into(),
        _ => format!("{} times", count(value)),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn listed<T: AsRef<str>>(items: &[T]) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    match items.as_slice() {
        [] => String::new(),
        [only] => (*only).to_string(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Instants as a column: seconds, with as many digits as it takes to tell them apart.
pub(crate) fn instants(times: &[f64]) -> Vec<String> {
    let distinct = |shown: &[String]| {
        times
            .iter()
            .zip(shown)
            .all(|(time, text)| times.iter().zip(shown).all(|(other, same)| time == other || text != same))
    };
    let mut shown = Vec::new();
    for decimals in [3, 4, 6, 9] {
        shown = times.iter().map(|time| format!("{time:.decimals$}")).collect();
        if distinct(&shown) {
            break;
        }
    }
    shown
}

/// A span as somebody wrote it in a setting: `45s`, `1.5 min`; or a bare number of milliseconds where the name says
/// so (`session.timeout.ms`).
pub(crate) fn span_in(setting: &str, value: &str) -> Option<f64> {
    let value = value.trim().trim_matches('"');
    let end = value.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(value.len());
    let (number, unit) = value.split_at(end);
    let number: f64 = number.parse().ok()?;
    let milliseconds = setting.ends_with(".ms") || setting.ends_with("_ms");
    let scale = match unit.trim() {
        "" if milliseconds => 1e-3,
        "ns" => 1e-9,
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    Some(number * scale)
}

/// Breaks text between words; lines after the first are shorter by `indent`.
pub(crate) fn wrapped(text: &str, width: usize, indent: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    // Leading spaces are kept: they are the indent of the first line.
    let lead = text.len() - text.trim_start().len();
    lines[0].push_str(&text[..lead]);
    used += lead;
    let mut fresh = true;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if !fresh && used + 1 + length > width {
            lines.push(String::new());
            used = indent;
            fresh = true;
        }
        if let Some(line) = lines.last_mut() {
            if !fresh {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
        }
        used += length;
        fresh = false;
    }
    lines
}

/// Three significant digits, without trailing zeros; whole from 100 on.
fn digits(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        _ if size >= 100.0 => 0,
        _ if size >= 10.0 => 1,
        _ if size >= 1.0 => 2,
        _ if size >= 0.1 => 3,
        _ => 4,
    };
    if decimals == 0 {
        let whole = count(size.round() as u64);
        return if value < 0.0 { format!("-{whole}") } else { whole };
    }
    let shown = format!("{value:.decimals$}");
    let shown = shown.trim_end_matches('0').trim_end_matches('.');
    if shown == "-0" { "0".into() } else { shown.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        let spans = [0.0, 0.1, 0.012, 45.0, 40_000.0, 200_000.0, 604_800.0, 900.0, 0.000_25, 99.96, -3.0];
        let spans: Vec<String> = spans.into_iter().map(seconds).collect();
        insta::assert_snapshot!(spans.join("  "), @"0 s  0.1 s  12 ms  45 s  11.1 h  55.6 h  7 d  15 min  250 µs  100 s  -3 s");
        let counts: Vec<String> = [0, 999, 9999, 10_000, 1_234_567].into_iter().map(count).collect();
        insta::assert_snapshot!(counts.join("  "), @"0  999  9999  10,000  1,234,567");
        let sizes: Vec<String> = [0.0, 999.0, 1500.0, 6e12, 6.597e12, 2e19].into_iter().map(bytes).collect();
        insta::assert_snapshot!(sizes.join("  "), @"0 B  999 B  1.5 kB  6 TB  6.6 TB  20,000 PB");
        let others = [Unit::Share.show(Some(0.805)), Unit::Rate.show(Some(49.96)), Unit::Seconds.show(None)];
        insta::assert_snapshot!(others.join("  "), @"80.5 %  50/s  –");
    }

    #[test]
    fn instants_get_the_digits_that_tell_them_apart() {
        assert_eq!(instants(&[0.001, 0.002]), ["0.001", "0.002"]);
        assert_eq!(instants(&[0.001, 0.0012, 0.001]), ["0.0010", "0.0012", "0.0010"]);
    }

    #[test]
    fn a_span_is_read_where_one_is_written() {
        assert_eq!(span_in("session_timeout", "45s"), Some(45.0));
        assert_eq!(span_in("session_timeout", "\"1.5 min\""), Some(90.0));
        assert_eq!(span_in("session.timeout.ms", "45000"), Some(45.0));
        assert_eq!(span_in("prefetch", "45"), None);
        assert_eq!(span_in("memory", "4 GiB"), None);
    }
}
