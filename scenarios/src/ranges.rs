//! Ranges of names: `m1..m6`, `a..c`.

use crate::defaults::RANGE_MAX;

/// The bodies of a range: `m1` to `m6`, or `a` to `j`.
pub(crate) fn range(from: &str, to: &str) -> Result<Vec<String>, String> {
    let split = |text: &str| {
        let digits = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
        (text[..digits].to_string(), text[digits..].parse::<u64>().ok())
    };
    let wrong = || format!("`{from}..{to}` is no range of messages");
    if let ((head, Some(first)), (other, Some(last))) = (split(from), split(to)) {
        if head != other || first > last {
            return Err(wrong());
        }
        if last - first >= RANGE_MAX {
            return Err(format!(
                "`{from}..{to}` has more than {RANGE_MAX} messages; a load has producers instead"
            ));
        }
        return Ok((first..=last).map(|n| format!("{head}{n}")).collect());
    }
    let single =
        |text: &str| Some(text.chars().next()?).filter(|c| c.is_ascii_alphabetic() && text.len() == 1);
    match (single(from), single(to)) {
        (Some(first), Some(last)) if first <= last => Ok((first..=last).map(String::from).collect()),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_of_numbers_or_of_letters() {
        assert_eq!(range("m1", "m3").unwrap(), ["m1", "m2", "m3"]);
        assert_eq!(range("0", "2").unwrap(), ["0", "1", "2"]);
        assert_eq!(range("a", "c").unwrap(), ["a", "b", "c"]);
        for (from, to) in [("m3", "m1"), ("m1", "n3"), ("a", ""), ("", ""), ("0", "99999999999")] {
            assert!(range(from, to).is_err(), "{from}..{to}");
        }
    }
}
