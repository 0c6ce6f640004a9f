//! What terminal, Markdown and page have in common: the rows, and which figures tell designs apart.

use crate::figures::{FIGURES, Figure, Rank};
use crate::format::{self, Unit};
use crate::result::{Assumption, ConsumerResult, DesignResult, Guarantee, Named, Verdict};
use crate::show::Findings;

/// At most so many columns stand side by side on a terminal.
const COLUMNS_MAX: usize = 5;
/// Figures of the second rank fill up to so many columns.
const COLUMNS_FILLED: usize = 3;
/// So many of the messages that were lost or repeated are named.
const NAMED_MAX: usize = 6;
/// A figure so close to a default (as a share of it) is taken to come from it.
const NEAR: f64 = 0.2;

/// One line of a table: a design, or a subscription in a design.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    /// The design's name.
    pub(crate) design: &'a str,
    /// The subscription's name; none where a design has none.
    pub(crate) consumer: Option<&'a str>,
    /// The design's part of the result.
    pub(crate) result: &'a DesignResult,
    /// The subscription's figures.
    pub(crate) figures: Option<&'a ConsumerResult>,
    /// The subscription has to be named.
    several: bool,
    /// The same designs under each seed, if there are several.
    pub(crate) replicas: &'a [Named<DesignResult>],
}

impl Row<'_> {
    /// `queue`, or `queue / mails` where there are several subscriptions.
    pub(crate) fn label(&self) -> String {
        match self.consumer {
            Some(consumer) if self.several => format!("{} / {consumer}", self.design),
            _ => self.design.to_string(),
        }
    }

    /// What losses and duplicates came from: where, which of the two, and the causes with their counts.
    pub(crate) fn causes(&self) -> Vec<(String, &'static str, String)> {
        let Some(figures) = self.figures else { return Vec::new() };
        let (lost, duplicates) = (&figures.lost, &figures.duplicates);
        let kinds = [
            ("lost", &lost.by_cause, &lost.messages, lost.total),
            ("duplicates", &duplicates.by_cause, &duplicates.messages, duplicates.total),
        ];
        let mut lines = Vec::new();
        for (what, causes, messages, total) in kinds {
            let causes = causes.iter().filter(|(_, count)| **count > 0);
            let causes: Vec<String> = causes
                .map(|(cause, count)| format!("{} {}", cause.replace('_', " "), format::count(*count)))
                .collect();
            if !causes.is_empty() {
                lines.push((self.label(), what, causes.join(", ") + &named(messages, total)));
            }
        }
        lines
    }

    /// The same row under each seed.
    pub(crate) fn replicas(&self) -> impl Iterator<Item = Option<Row<'_>>> {
        self.replicas.iter().map(|designs| {
            let result = designs.get(self.design)?;
            let figures = self.consumer.and_then(|consumer| result.consumers.get(consumer));
            Some(Row { result, figures, replicas: &[], ..*self })
        })
    }

    /// How this guarantee stands here.
    pub(crate) fn guarantee(&self, name: &str) -> Option<&Guarantee> {
        self.result.guarantees.get(self.consumer?)?.get(name)
    }
}

/// The first messages by name: ` (shop#3, shop#9, …)`.
fn named(messages: &[String], total: u64) -> String {
    let first: Vec<&str> = messages.iter().take(NAMED_MAX).map(String::as_str).collect();
    let more = if total > first.len() as u64 { ", …" } else { "" };
    if first.is_empty() { String::new() } else { format!(" ({}{more})", first.join(", ")) }
}

/// All rows, in file order, subscriptions in the order of their names.
pub(crate) fn rows(findings: &Findings) -> Vec<Row<'_>> {
    let (designs, replicas) = (&findings.result.designs, findings.replicas.as_slice());
    let several = designs.values().any(|design| design.consumers.len() > 1);
    let mut rows = Vec::new();
    for (design, result) in designs {
        if result.consumers.is_empty() {
            rows.push(Row { design, consumer: None, result, figures: None, several, replicas });
        }
        for (consumer, figures) in &result.consumers {
            rows.push(Row {
                design,
                consumer: Some(consumer),
                result,
                figures: Some(figures),
                several,
                replicas,
            });
        }
    }
    rows
}

/// Which figures are shown, and what became of the rest.
pub(crate) struct Columns {
    /// At most five.
    pub(crate) shown: Vec<&'static Figure>,
    /// Of the first rank, the same in all rows: name and value.
    pub(crate) equal: Vec<(&'static str, String)>,
    /// They differ too, and there was no room.
    pub(crate) more: Vec<&'static str>,
}

/// The figures that tell the rows apart; what the scenario expects something of has room where it is of the second rank.
pub(crate) fn columns(findings: &Findings, rows: &[Row]) -> Columns {
    let mut columns = Columns { shown: Vec::new(), equal: Vec::new(), more: Vec::new() };
    let late_shown = FIGURES.iter().find(|figure| figure.rank == Rank::Late && figure.same(rows).is_none());
    for figure in FIGURES {
        let same = figure.same(rows);
        let filled = match figure.rank {
            Rank::First => COLUMNS_MAX,
            Rank::Late if late_shown.is_some_and(|shown| shown.name != figure.name) => 0,
            Rank::Late => COLUMNS_MAX,
            Rank::Second if columns.shown.iter().any(|shown| figure.equals(shown, rows)) => 0,
            Rank::Second if figure.is_expected(findings) => COLUMNS_MAX,
            Rank::Second => COLUMNS_FILLED,
        };
        match same {
            // One row has nothing to differ from: it shows what there is.
            Some(value)
                if rows.len() == 1 && columns.shown.len() < COLUMNS_MAX && figure.rank != Rank::Second =>
            {
                match value == format::NONE || figure.rank == Rank::Late && figure.name != "late per key" {
                    true => columns.equal.push((figure.name, value)),
                    false => columns.shown.push(figure),
                }
            }
            Some(value) if figure.rank != Rank::Second => columns.equal.push((figure.name, value)),
            Some(_) => {}
            None if columns.shown.len() < filled => columns.shown.push(figure),
            None if late_shown
                .is_some_and(|shown| figure.rank == Rank::Late && figure.equals(shown, rows)) => {}
            None => columns.more.push(figure.name),
        }
    }
    if columns.shown.is_empty() {
        show_what_is_there(rows, &mut columns);
    }
    columns
}

/// Nothing differs: the figures of the first rank that there are, equal as they may be.
fn show_what_is_there(rows: &[Row], columns: &mut Columns) {
    let wanted =
        |figure: &&Figure| figure.rank == Rank::First && figure.same(rows).is_some_and(|v| v != format::NONE);
    columns.shown = FIGURES.iter().filter(wanted).take(COLUMNS_MAX).collect();
    columns.equal.retain(|(name, _)| !columns.shown.iter().any(|figure| figure.name == *name));
}

/// What the chosen columns left out, in sentences.
pub(crate) fn left_out(columns: &Columns, rows: &[Row], elsewhere: &str) -> Vec<String> {
    let mut notes = Vec::new();
    let known = |(_, value): &&(&str, String)| value != format::NONE;
    let equal: Vec<String> =
        columns.equal.iter().filter(known).map(|(name, value)| format!("{name} {value}")).collect();
    if !equal.is_empty() {
        let lead = if rows.len() > 1 { "The same everywhere" } else { "Beside it" };
        notes.push(format!("{lead}: {}.", equal.join(", ")));
    }
    if columns.equal.iter().any(|(name, value)| *name == "retention" && value == format::NONE) {
        notes.push("No retention window: nothing was deleted to make room.".into());
    }
    if !columns.more.is_empty() {
        notes.push(format!("Also different{elsewhere}: {}.", columns.more.join(", ")));
    }
    notes
}

/// All figures that are anything but zero or unknown in some row.
pub(crate) fn figures_that_matter(rows: &[Row]) -> Vec<&'static Figure> {
    let matters = |figure: &&Figure| {
        figure.rank == Rank::First
            || rows.iter().any(|row| figure.value(row).is_some_and(|value| value != 0.0))
    };
    FIGURES.iter().filter(matters).collect()
}

/// What a disk takes is not waited for as a timeout is; nor is a confirm, unless something was sent again.
fn may_show(setting: &str, row: &Row) -> bool {
    if setting.ends_with("confirm_timeout") {
        let retried = |figures: &ConsumerResult| {
            figures.deduplicated > 0
                || figures.duplicates.by_cause.get("producer_retry").is_some_and(|count| *count > 0)
        };
        return row.figures.is_some_and(retried);
    }
    !setting.contains("disk.")
}

/// The default that this number comes from, going by its size: within a fifth of it, and no other setting is nearer. Of
/// two that are as near, it comes from the one that the file sets.
pub(crate) fn default_near<'a>(figure: &Figure, row: &Row<'a>) -> Option<&'a Assumption> {
    if figure.unit != Unit::Seconds {
        return None;
    }
    let value = figure.value(row)?;
    let distance = |assumption: &Assumption| {
        let span = format::span_in(&assumption.setting, &assumption.value)?;
        let distance = (value - span).abs();
        (span > 0.0 && distance <= NEAR * span).then_some(distance / span)
    };
    let settings = row.result.assumptions.iter().filter(|assumption| may_show(&assumption.setting, row));
    let near = settings.filter_map(|assumption| Some((distance(assumption)?, assumption)));
    let nearest = near.min_by(|(one, a), (other, b)| one.total_cmp(other).then(a.default.cmp(&b.default)));
    nearest.map(|(_, assumption)| assumption).filter(|assumption| assumption.default)
}

/// Where a number comes from, in a sentence's part: `near session_timeout = 45s, a default of …`.
pub(crate) fn default_note(assumption: &Assumption) -> String {
    let Assumption { setting, value, source, .. } = assumption;
    if source.is_empty() {
        return format!("near {setting} = {value}, a default");
    }
    format!("near {setting} = {value}, a default ({source})")
}

/// The guarantees, in the order of the documentation.
pub(crate) const GUARANTEES: [&str; 6] =
    ["no_loss", "no_confirmed_loss", "no_duplicates", "order_per_key", "order_per_producer", "order_stored"];

/// The guarantees that any row knows, in the order of the documentation, then by name.
pub(crate) fn guarantees(findings: &Findings) -> Vec<&str> {
    let designs = findings.result.designs.values();
    let all = designs.flat_map(|design| design.guarantees.values()).flat_map(|guarantees| guarantees.keys());
    let mut names: Vec<&str> = all.map(String::as_str).collect();
    names.sort_by_key(|name| {
        (GUARANTEES.iter().position(|known| known == name).unwrap_or(GUARANTEES.len()), *name)
    });
    names.dedup();
    names
}

/// A guarantee in words: `order per key`.
pub(crate) fn guarantee_words(name: &str) -> String {
    match name {
        "order_stored" => "order as stored".into(),
        _ => name.replace('_', " "),
    }
}

/// A verdict in words.
pub(crate) fn verdict_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::Broken => "broken",
        Verdict::NotDecided => "not decided",
        Verdict::NotExercised => "not exercised",
    }
}

/// How the requirements stand: one entry per text, with where it is met, missed and not decided.
pub(crate) struct Requirement<'a> {
    /// As in the file.
    pub(crate) text: &'a str,
    /// Where it is met.
    pub(crate) met: Vec<String>,
    /// Where it is missed.
    pub(crate) missed: Vec<String>,
    /// Where a figure is missing.
    pub(crate) open: Vec<String>,
}

impl Requirement<'_> {
    /// `met in log; missed in queue`.
    pub(crate) fn sentence(&self) -> String {
        let parts = [("met in", &self.met), ("missed in", &self.missed), ("not decided in", &self.open)];
        let parts = parts.iter().filter(|(_, places)| !places.is_empty());
        parts
            .map(|(lead, places)| format!("{lead} {}", format::listed(places)))
            .collect::<Vec<_>>()
            .join("; ")
    }
}

/// The requirements, in file order.
pub(crate) fn requirements(findings: &Findings) -> Vec<Requirement<'_>> {
    let several = findings.result.designs.values().any(|design| design.consumers.len() > 1);
    let mut requirements: Vec<Requirement> = Vec::new();
    for line in &findings.result.require {
        let place =
            if several { format!("{} / {}", line.design, line.consumer) } else { line.design.clone() };
        let index = requirements.iter().position(|known| known.text == line.text).unwrap_or_else(|| {
            let (met, missed, open) = (Vec::new(), Vec::new(), Vec::new());
            requirements.push(Requirement { text: &line.text, met, missed, open });
            requirements.len() - 1
        });
        let requirement = &mut requirements[index];
        match line.met {
            Some(true) => requirement.met.push(place),
            Some(false) => requirement.missed.push(place),
            None => requirement.open.push(place),
        }
    }
    requirements
}

/// `5 of 5 expectations hold`, and what is wrong with the others; none without expectations.
pub(crate) fn expectations(findings: &Findings) -> Option<String> {
    let expect = &findings.result.expect;
    if expect.is_empty() {
        return None;
    }
    let with = |verdict| expect.iter().filter(|line| line.verdict == verdict).count();
    let verb = if expect.len() == 1 { "holds" } else { "hold" };
    let noun = if expect.len() == 1 { "expectation" } else { "expectations" };
    let mut sentence = format!("{} of {} {noun} {verb}", with(Verdict::Holds), expect.len());
    for verdict in [Verdict::Broken, Verdict::NotDecided, Verdict::NotExercised] {
        if with(verdict) > 0 {
            sentence += &format!(", {} {}", with(verdict), verdict_words(verdict));
        }
    }
    Some(sentence + ".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, expectation};

    fn shown(findings: &Findings) -> Vec<&'static str> {
        columns(findings, &rows(findings)).shown.iter().map(|figure| figure.name).collect()
    }

    #[test]
    fn what_is_expected_has_a_column() {
        let mut findings = sample::figure_11_2();
        findings.result.expect.clear();
        for (index, design) in findings.result.designs.values_mut().enumerate() {
            design.producers.values_mut().for_each(|producer| producer.blocked = index as f64);
            design.consumers.values_mut().for_each(|consumer| consumer.pending = index as u64);
        }
        let before = shown(&findings);
        assert!(!before.contains(&"blocked"), "{before:?}");
        findings.result.expect.push(expectation("designs.log.producers.shop.blocked > 0.5", Verdict::Holds));
        assert_eq!(shown(&findings), [before, vec!["blocked"]].concat());
        // What differs from another column in nothing is not told twice.
        for design in findings.result.designs.values_mut() {
            let blocked: f64 = design.producers.values().map(|producer| producer.blocked).sum();
            design.consumers.values_mut().for_each(|consumer| consumer.latency.p99 = Some(blocked));
        }
        assert!(!shown(&findings).contains(&"blocked"));
    }

    fn assumption(setting: &str, value: &str, default: bool) -> Assumption {
        let source = if default { "redeliver" } else { "scenario" };
        Assumption { setting: setting.into(), value: value.into(), default, source: source.into() }
    }

    #[test]
    fn a_number_comes_from_the_nearest_setting_and_is_noted_if_that_is_a_default() {
        let mut findings = sample::figure_11_2();
        let mut near = |p99: f64, assumptions: &[(&str, &str, bool)]| {
            let all =
                assumptions.iter().map(|(setting, value, default)| assumption(setting, value, *default));
            findings.result.designs["queue"].assumptions = all.collect();
            for consumer in findings.result.designs["queue"].consumers.values_mut() {
                consumer.latency.p99 = Some(p99);
            }
            let figure = FIGURES.iter().find(|figure| figure.name == "p99 latency").expect("there is one");
            default_near(figure, &rows(&findings)[0]).map(|assumption| assumption.setting.clone())
        };
        let reconnect = ("reconnect_after", "100ms", true);
        assert_eq!(near(0.102, &[reconnect]).as_deref(), Some("reconnect_after"));
        assert_eq!(near(0.13, &[reconnect]), None);
        // What the file sets is as near, or nearer, or farther away.
        assert_eq!(near(0.102, &[reconnect, ("redeliver_after", "100ms", false)]), None);
        assert_eq!(near(0.102, &[("redeliver_after", "100ms", false), reconnect]), None);
        assert_eq!(near(0.102, &[reconnect, ("redeliver_after", "101ms", false)]), None);
        let farther = [("redeliver_after", "110ms", false), reconnect];
        assert_eq!(near(0.102, &farther).as_deref(), Some("reconnect_after"));
    }

    #[test]
    fn a_confirm_is_waited_for_only_by_what_was_sent_again() {
        let mut findings = sample::figure_11_2();
        let queue = &mut findings.result.designs["queue"];
        queue.assumptions =
            vec![assumption("confirm_timeout", "5s", true), assumption("nodes.disk.sync", "2ms", true)];
        let mut near = |p99: f64, retried: u64| {
            for consumer in findings.result.designs["queue"].consumers.values_mut() {
                consumer.latency.p99 = Some(p99);
                consumer.duplicates.by_cause.insert("producer_retry", retried);
            }
            let figure = FIGURES.iter().find(|figure| figure.name == "p99 latency").expect("there is one");
            let rows = rows(&findings);
            default_near(figure, &rows[0]).map(|assumption| assumption.setting.clone())
        };
        assert_eq!(near(5.1, 0), None);
        assert_eq!(near(5.1, 1).as_deref(), Some("confirm_timeout"));
        assert_eq!(near(0.002, 1), None);
    }
}
