//! `explain TOPIC`: what a metric, a guarantee, a cause, a setting or an exit code means; for a part of a scenario its
//! reference file.

use crate::format::wrapped;
use crate::topics;
use redeliver_scenarios::reference;

/// At most so many topics are named when none fits.
const NEAREST: usize = 5;
/// Texts are wrapped to fit any terminal.
const WIDTH: usize = 80;

/// The text on a topic, and the reference file of a part of a scenario; else an error that names the nearest topics.
pub fn explain(topic: &str) -> Result<String, String> {
    let wanted = plain(topic);
    let file = reference::all().iter().find(|(name, _)| *name == wanted).map(|(_, text)| *text);
    let found = topics::all().find(|known| known.names.iter().any(|name| plain(name) == wanted));
    // A path of the result is about the figure at its end: designs.queue.consumers.c.lost.total.
    let found = found.or_else(|| {
        let ends = (0..topic.len()).filter(|at| topic.is_char_boundary(*at) && topic[*at..].starts_with('.'));
        let mut ends = ends.map(|at| plain(&topic[at + 1..]));
        ends.find_map(|end| topics::all().find(|known| known.names.iter().any(|name| plain(name) == end)))
    });
    let text = found
        .map(|found| format!("{}\n\n{}\n", found.names.join(", "), wrapped(found.text, WIDTH, 0).join("\n")));
    match (text, file) {
        (Some(text), Some(file)) => Ok(format!("{text}\n{file}")),
        (Some(text), None) => Ok(text),
        (None, Some(file)) => Ok(file.into()),
        (None, None) => in_references(topic.trim()).ok_or_else(|| unknown(topic)),
    }
}

/// What the references say of a field or a word that is no topic of its own, in each part that knows it.
fn in_references(word: &str) -> Option<String> {
    let found: Vec<String> = reference::all()
        .iter()
        .filter_map(|(part, text)| {
            let passages = passages(text, word);
            (!passages.is_empty()).then(|| format!("{part}:\n{}", passages.join("\n")))
        })
        .collect();
    let first = found.first()?.split(':').next()?;
    Some(format!("{word}\n\n{}\nAll of a part: redeliver explain {first}\n", found.join("\n")))
}

/// Of a reference file the passages about a field: the comments above it, its line, and what may stand in its place.
fn passages(text: &str, word: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_or = |line: &str| line.starts_with("// or ");
    let is_comment = |line: &str| line.starts_with("//") && !is_or(line);
    let mut passages = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if line.is_empty() || is_comment(line) || is_or(line) {
            continue;
        }
        let others = lines[at + 1..].iter().take_while(|line| is_or(line));
        let all: Vec<&str> = std::iter::once(line).chain(others).copied().collect();
        if !all.iter().any(|line| names(line, word)) {
            continue;
        }
        let above = lines[..at].iter().rev().take_while(|line| is_comment(line)).count();
        let passage = lines[at - above..at].iter().copied().chain(all);
        passages.push(passage.map(|line| format!("  {line}\n")).collect());
    }
    passages
}

/// Whether the line is about the word: a field (`word: …`, `"word": …`), or what it holds (`field: Word(…)`, `Word(…)`).
fn names(line: &str, word: &str) -> bool {
    let code = line.strip_prefix("// or ").unwrap_or(line);
    let (field, rest) = code.split_once(':').unwrap_or((code, ""));
    let is_variant = |text: &str| {
        word.starts_with(char::is_uppercase)
            && text.trim_start().strip_prefix(word).is_some_and(|rest| rest.starts_with('('))
    };
    word.chars().any(char::is_alphabetic) && field.trim_matches('"') == word
        || is_variant(code)
        || is_variant(rest)
}

/// The topics, by their first names, in the order of their kinds.
pub fn topics() -> Vec<&'static str> {
    topics::all().filter_map(|topic| topic.names.first().copied()).collect()
}

fn unknown(topic: &str) -> String {
    let wanted = plain(topic);
    let distance = |name: &str| {
        let name = plain(name);
        let inside = !wanted.is_empty() && (name.contains(&wanted) || wanted.contains(&name));
        (usize::from(!inside), steps(&name, &wanted))
    };
    let nearest_name =
        |names: &'static [&'static str]| names.iter().map(|name| (distance(name), *name)).min();
    let mut names: Vec<((usize, usize), &str)> =
        topics::all().filter_map(|topic| nearest_name(topic.names)).collect();
    names.extend(reference::all().iter().map(|(name, _)| (distance(name), *name)));
    names.sort();
    names.dedup();
    let names: Vec<&str> = names.into_iter().take(NEAREST).map(|(_, name)| name).collect();
    format!("there is no topic `{}`; the nearest are {}", topic.escape_debug(), names.join(", "))
}

/// Letters and digits, in small letters: `p99`, `no_loss` and `No loss` are found alike.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// How many letters have to be put in, taken out or replaced.
fn steps(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut corner = row[0];
        row[0] = index + 1;
        for (column, there) in other.iter().enumerate() {
            let replaced = corner + usize::from(letter != *there);
            corner = row[column + 1];
            row[column + 1] = replaced.min(corner + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_topic_is_found_by_any_of_its_names() {
        for name in
            ["lost", "Lost total", "designs.queue.consumers.fulfilment.lost.total", "p99", "latency.p99"]
        {
            assert!(explain(name).is_ok(), "{name}");
        }
        insta::assert_snapshot!(explain("no_loss").unwrap_or_default(), @r"
        no_loss

        No message was lost. Broken if lost.total > 0. Exercised when at least one copy
        was destroyed or dropped, or its only holder crashed.
        ");
    }

    #[test]
    fn a_part_of_a_scenario_has_its_reference() {
        for (name, text) in reference::all() {
            assert!(explain(name).unwrap_or_default().ends_with(text), "{name}");
        }
        assert!(explain("Queue").unwrap_or_default().starts_with("// Queue(…): "));
        // One word for a cause of loss and for a part.
        assert!(explain("network").unwrap_or_default().starts_with("network\n\n"));
        let unknown = explain("fautls").err().unwrap_or_default();
        insta::assert_snapshot!(unknown, @"there is no topic `fautls`; the nearest are faults, nats, acks, late, pause");
    }

    #[test]
    fn a_field_is_found_in_the_references() {
        insta::assert_snapshot!(explain("max_queued_bytes").unwrap_or_default(), @r#"
        max_queued_bytes

        mosquitto:
          // The same in bytes; 0 is no limit. The message that goes beyond it is still taken.
          "max_queued_bytes": 0, // default
          // or "max_queued_bytes": 1000000,

        All of a part: redeliver explain mosquitto
        "#);
        let think = explain("Think").unwrap_or_default();
        assert_eq!(think.matches("\n\n").count(), 2, "{think}");
        assert!(
            think.contains("producers:\n  // When each member publishes.\n  schedule: Every("),
            "{think}"
        );
        let polled = explain("poll_pause").unwrap_or_default();
        for part in
            ["queue:\n", "rabbitmq:\n", "sqs:\n", "redeliver's own.\n  poll_pause: \"100ms\", // default\n"]
        {
            assert!(polled.contains(part), "{part}: {polled}");
        }
        assert!(explain("poll_paus").is_err());
    }

    #[test]
    fn every_heading_is_explained() {
        for figure in crate::figures::FIGURES {
            assert!(explain(figure.name).is_ok(), "{}", figure.name);
        }
        for guarantee in crate::summary::GUARANTEES {
            assert!(explain(guarantee).is_ok(), "{guarantee}");
        }
    }

    #[test]
    fn an_unknown_topic_names_the_nearest() {
        insta::assert_snapshot!(explain("prefecth").err().unwrap_or_default(), @"there is no topic `prefecth`; the nearest are prefetch, effects, predicted, prepared, refused");
        assert!(explain("").is_err());
        assert!(explain("…\u{1b}").is_err());
    }

    #[test]
    fn no_name_stands_for_two_topics() {
        let mut names = BTreeSet::new();
        for topic in topics::all() {
            assert!(!topic.names.is_empty());
            for name in topic.names {
                assert!(names.insert(plain(name)), "{name}");
            }
        }
    }
}
