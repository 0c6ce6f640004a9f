//! Streams and consumers of NATS by their real settings.

use super::nats_names::{CONSUMER, STREAM};
use super::settings::{Reader, Real, Setting};
use crate::defaults::*;
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::{Named, Placed};
use crate::units::{parse_span, show_span};
use redeliver_models::queue::{
    Behaviour, DeadLetter, Discard, QueueConfig, Redelivery, Retention, Settles, StreamConfig, Turns,
    subjects_overlap,
};
use redeliver_models::setup::StartAt;
use redeliver_sim::Span;

/// A stream, and the patterns of the subjects that it takes.
pub(super) struct Taken {
    pub(super) stream: StreamConfig,
    pub(super) subjects: Vec<String>,
}

/// A stream with all defaults.
pub(super) fn plain_stream(name: &str) -> Taken {
    let stream = StreamConfig {
        name: name.into(),
        durable: true,
        retention: Retention::Limits,
        discard: Discard::Old,
        messages_max: None,
        bytes_max: None,
        age_max: None,
        duplicate_window: DUPLICATE_WINDOW.value,
        overhead: FILE_STORE_OVERHEAD,
        made_anew: false,
        nodes: None,
    };
    Taken { stream, subjects: vec![name.into()] }
}

/// The streams that a file names, in the order of their names.
pub(super) fn streams(typed: &Named<Real>, findings: &mut Findings) -> Vec<Taken> {
    let mut taken: Vec<Taken> = Vec::new();
    for (name, place, settings) in typed.sorted() {
        let planned = stream(name, settings, findings);
        let overlaps = |other: &&Taken| {
            let pairs = planned.subjects.iter().flat_map(|a| other.subjects.iter().map(move |b| (a, b)));
            pairs.into_iter().any(|(a, b)| subjects_overlap(a, b))
        };
        if let Some(other) = taken.iter().find(overlaps) {
            let message = format!("subjects of `{name}` overlap with those of `{}`", other.stream.name);
            let hint =
                "NATS answers 400, err_code 10065; `subjects` are the stream's own name if none are said";
            findings.push(Diagnostic::new(message).at(place).hint(hint));
        }
        taken.push(planned);
    }
    taken
}

fn stream(name: &str, settings: &Real, findings: &mut Findings) -> Taken {
    STREAM.check(settings, findings);
    let plain = plain_stream(name);
    let mut reader = Reader { settings, findings };
    let durable = reader.word("storage", &["file", "memory"]).as_deref() != Some("memory");
    let retention = match reader.word("retention", &["limits", "interest", "workqueue"]).as_deref() {
        Some("interest") => Retention::Interest,
        Some("workqueue") => Retention::WorkQueue,
        _ => Retention::Limits,
    };
    let discard = match reader.word("discard", &["old", "new"]).as_deref() {
        Some("new") => Discard::New,
        _ => Discard::Old,
    };
    let age_max = span(&mut reader, "max_age").filter(|age| *age > Span::ZERO);
    let window = span(&mut reader, "duplicate_window");
    if let (Some(window), Some(age)) = (window, age_max.filter(|age| window.is_some_and(|w| w > *age))) {
        let message = format!(
            "`duplicate_window` ({}) is longer than `max_age` ({})",
            show_span(window),
            show_span(age)
        );
        let place = reader.place("duplicate_window").unwrap_or_default();
        reader.findings.push(Diagnostic::new(message).at(place).hint("NATS refuses it: make it shorter"));
    }
    let default = age_max.unwrap_or(Span(u64::MAX)).min(DUPLICATE_WINDOW.value);
    let stream = StreamConfig {
        durable,
        retention,
        discard,
        messages_max: unlimited(&mut reader, "max_msgs", i64::from(u32::MAX)).map(|max| max as u32),
        bytes_max: unlimited(&mut reader, "max_bytes", i64::MAX),
        age_max,
        duplicate_window: window.filter(|window| *window > Span::ZERO).unwrap_or(default),
        overhead: if durable { FILE_STORE_OVERHEAD } else { MEMORY_STORE_OVERHEAD },
        ..plain.stream
    };
    Taken { stream, subjects: subjects(settings, findings).unwrap_or(plain.subjects) }
}

/// A number from 1 on; 0 and -1 are no limit.
fn unlimited(reader: &mut Reader<'_>, name: &str, most: i64) -> Option<u64> {
    reader.whole(name, -1, most).filter(|limit| *limit > 0).map(|limit| limit as u64)
}

/// A span as the `nats` command has it: `"30s"`.
pub(super) fn span(reader: &mut Reader<'_>, name: &str) -> Option<Span> {
    let place = reader.place(name)?;
    let text = reader.text(name)?;
    span_of(&text, place, reader.findings)
}

fn span_of(text: &str, place: Place, findings: &mut Findings) -> Option<Span> {
    match minutes(text).map_or_else(|| parse_span(text), Ok) {
        Ok(span) => Some(span),
        Err(wrong) => {
            findings.push(Diagnostic::new(wrong.message).at(place).hint(wrong.hint));
            None
        }
    }
}

/// A span as Go writes it where that is not ours: `2m`, `1h30m`.
fn minutes(text: &str) -> Option<Span> {
    let (hours, minutes) = text.strip_suffix('m')?.rsplit_once('h').unwrap_or(("0", text.strip_suffix('m')?));
    let (hours, minutes): (u64, u64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= HOURS_MAX && minutes <= HOURS_MAX * 60).then(|| Span::seconds(hours * 3_600 + minutes * 60))
}

/// 50 years: with as much in minutes, 100, the longest span.
const HOURS_MAX: u64 = 438_300;

/// The texts of a list, where it is said.
fn texts(settings: &Real, name: &str, findings: &mut Findings) -> Option<Vec<Placed<String>>> {
    let setting = settings.get(name)?;
    let of = |value: &Setting| match value {
        Setting::Text(text) => Some(Placed { value: text.clone(), place: setting.place }),
        _ => None,
    };
    let found = match &setting.value {
        Setting::List(values) => values.iter().map(of).collect(),
        _ => None,
    };
    if found.is_none() {
        findings.refuse(setting.place, format!("`{name}` must be a list of texts, not {}", setting.value));
    }
    found
}

fn subjects(settings: &Real, findings: &mut Findings) -> Option<Vec<String>> {
    let found = texts(settings, "subjects", findings)?;
    if found.is_empty() {
        let place = settings.get("subjects").map(|setting| setting.place).unwrap_or_default();
        findings.refuse(place, "a stream without subjects takes nothing");
    }
    for subject in &found {
        check_subject(subject, findings);
    }
    Some(found.into_iter().map(|subject| subject.value).collect())
}

fn check_subject(subject: &Placed<String>, findings: &mut Findings) {
    let words: Vec<&str> = subject.value.split('.').collect();
    let last = words.len() - 1;
    let fine = |(i, word): (usize, &&str)| {
        !word.is_empty() && (!word.contains(['*', '>', ' ']) || **word == *"*" || **word == *">" && i == last)
    };
    if !words.iter().enumerate().all(fine) {
        let diagnostic = Diagnostic::new(format!("`{}` is no subject", subject.value)).at(subject.place);
        findings.push(diagnostic.hint("words between dots; `*` is one word, `>` at the end is one or more"));
    }
}

/// A consumer by its name and its real settings; `of` is its stream if it does not say one.
pub(super) fn consumer(
    name: &str,
    place: Place,
    settings: &Real,
    taken: &[Taken],
    of: Option<usize>,
    findings: &mut Findings,
) -> QueueConfig {
    CONSUMER.check(settings, findings);
    let stream = which_stream(name, place, settings, taken, of, findings);
    let config = stream.map(|stream| &taken[stream].stream);
    let mut reader = Reader { settings, findings };
    let at_once = match reader.word("ack_policy", &["explicit", "none", "all"]).as_deref() {
        Some("all") => {
            let place = reader.place("ack_policy").unwrap_or_default();
            let diagnostic = Diagnostic::new("the ack policy `all` is not modelled yet").at(place);
            reader.findings.push(diagnostic.hint("modelled: \"explicit\", \"none\""));
            false
        }
        word => word == Some("none"),
    };
    let from = match reader.word("deliver_policy", &["all", "new"]).as_deref() {
        Some("new") => StartAt::End,
        _ => StartAt::Beginning,
    };
    let ack_wait = span(&mut reader, "ack_wait").filter(|wait| *wait > Span::ZERO);
    let max_deliver = unlimited(&mut reader, "max_deliver", i64::from(u16::MAX));
    let window = reader.whole("max_ack_pending", -1, i64::from(u32::MAX)).unwrap_or(0);
    let pushed = reader.text("deliver_subject").is_some();
    let group = reader.text("deliver_group");
    let filter = reader.text("filter_subject").unwrap_or_default();
    let backoff = backoff(settings, max_deliver, findings);
    check(settings, config, (at_once, from, pushed), findings);
    QueueConfig {
        name: name.into(),
        behaviour: Behaviour::TIMED,
        durable: config.is_none_or(|stream| stream.durable),
        delivery_limit: max_deliver.map(|max| max as u32 - 1),
        dead_letter: DeadLetter::Dropped,
        redelivery: Some(Redelivery {
            ack_wait: backoff.first().copied().or(ack_wait).unwrap_or(ACK_WAIT.value),
            backoff,
            window: match window {
                0 => Some(ACK_PENDING_MAX.value).filter(|_| !at_once),
                -1 => None,
                window => Some(window as u32),
            },
            keeps_place: true,
            settles: Settles::Message,
            held_max: None,
            delay: Span::ZERO,
            lifetime: None,
            at_once,
            claimed: false,
        }),
        stream,
        filter,
        from,
        pulled: (!pushed).then_some(PULL_EXPIRES.value),
        turns: if group.is_some() { Turns::AtRandom } else { Turns::InLine },
        ..QueueConfig::default()
    }
}

fn which_stream(
    name: &str,
    place: Place,
    settings: &Real,
    taken: &[Taken],
    of: Option<usize>,
    findings: &mut Findings,
) -> Option<usize> {
    let known = || taken.iter().map(|taken| taken.stream.name.as_str());
    let Some(said) = Reader { settings, findings }.text("stream") else {
        if of.is_none() && settings.get("stream").is_none() {
            let diagnostic = Diagnostic::new(format!("the consumer `{name}` does not say its stream"));
            findings.push(diagnostic.at(place).hint("write `\"stream\": \"…\"`"));
        }
        return of;
    };
    let found = known().position(|stream| stream == said);
    if found.is_none() {
        let place = settings.get("stream").map(|setting| setting.place).unwrap_or_default();
        let diagnostic = Diagnostic::new(format!("there is no stream `{said}`")).at(place);
        findings.push(diagnostic.nearest(&said, known()));
    }
    found
}

fn backoff(settings: &Real, max_deliver: Option<u64>, findings: &mut Findings) -> Vec<Span> {
    let spans = texts(settings, "backoff", findings).unwrap_or_default();
    let spans: Vec<Span> =
        spans.iter().filter_map(|span| span_of(&span.value, span.place, findings)).collect();
    if max_deliver.is_some_and(|max| spans.len() as u64 > max) {
        let place = settings.get("backoff").map(|setting| setting.place).unwrap_or_default();
        let diagnostic = Diagnostic::new("`backoff` has more entries than there are deliveries").at(place);
        findings.push(diagnostic.hint("NATS answers 400, err_code 10116: raise `max_deliver`"));
    }
    spans
}

/// Refuses what the server refuses.
fn check(
    settings: &Real,
    stream: Option<&StreamConfig>,
    (at_once, from, pushed): (bool, StartAt, bool),
    findings: &mut Findings,
) {
    let mut refuse = |setting: &str, message: &str, hint: &str| {
        let place = settings.get(setting).map(|setting| setting.place).unwrap_or_default();
        findings.push(Diagnostic::new(message).at(place).hint(hint));
    };
    if at_once && !pushed {
        let hint = "NATS answers 400, err_code 10084: add a `deliver_subject`, or leave `ack_policy` out";
        refuse("ack_policy", "a pull consumer acks each message", hint);
    }
    if !pushed && settings.get("deliver_group").is_some() {
        refuse("deliver_group", "a pull consumer has no deliver group", "add a `deliver_subject`");
    }
    let work_queue = stream.is_some_and(|stream| stream.retention == Retention::WorkQueue);
    if work_queue && at_once {
        let hint = "NATS answers 400, err_code 10098: leave `ack_policy` out";
        refuse("ack_policy", "a consumer of a work queue acks each message", hint);
    }
    if work_queue && from == StartAt::End {
        let hint = "NATS answers 400, err_code 10101: leave `deliver_policy` out";
        refuse("deliver_policy", "a consumer of a work queue begins with the first message", hint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_as_go_writes_them() {
        for (text, seconds) in
            [("2m", Some(120)), ("1h30m", Some(5_400)), ("30s", None), ("5ms", None), ("m", None)]
        {
            assert_eq!(minutes(text), seconds.map(Span::seconds), "{text}");
        }
    }
}
