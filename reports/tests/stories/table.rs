//! The table of all recorded cases of queue brokers, `scenarios/library/real/README.md`: which of them a story tells,
//! and whether it agrees with its record. The cases stand in `tests/data/cases/index.json`, why some are not modelled
//! in `not_modelled.json` beside it: by name, or by how a name begins (`cluster-*`); the first line that fits counts.

use crate::record::{file, path};
use crate::{Told, told};
use serde_json::Value;
use std::fmt::Write;

const TABLE: &str = "scenarios/library/real/README.md";

const HEAD: &str = "\
# Recorded experiments with queue brokers

Written by `UPDATE_TABLE=1 cargo test -p redeliver-reports --test stories`. A case *agrees* if its story, run by the
simulator, shows every observed field of the record as it was recorded, and no field could be another unnoticed.

";

/// A value of a list of objects, as a text.
fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("there is no `{name}` in {value}"))
}

fn list(name: &str) -> Vec<Value> {
    serde_json::from_str(&file(&format!("tests/data/cases/{name}.json"))).expect("a list in JSON")
}

/// Why no story tells a case.
fn reason<'r>(reasons: &'r [Value], case: &str) -> &'r str {
    let fits = |reason: &&Value| match text(reason, "cases").strip_suffix('*') {
        Some(beginning) => case.starts_with(beginning),
        None => case == text(reason, "cases"),
    };
    let found = reasons.iter().find(fits);
    text(
        found.unwrap_or_else(|| panic!("{case}: no story tells it, and not_modelled.json does not say why")),
        "why",
    )
}

fn table(cases: &[Value], reasons: &[Value], stories: &[Told]) -> String {
    let mut rows = String::new();
    let mut counts = [0; 3];
    for case in cases {
        let (case, broker) = (text(case, "case"), text(case, "broker"));
        let story = stories.iter().find(|story| story.cases.iter().any(|other| other == case));
        let difference =
            story.and_then(|story| story.differences.iter().find(|different| different.case == case));
        let (number, word, why) = match (story, difference) {
            (Some(story), None) => (0, "agrees", format!("[{}]({}.ron)", story.title, story.name)),
            (Some(story), Some(difference)) => (1, "differs", format!("{}: {}", story.name, difference.what)),
            (None, _) => (2, "not modelled", reason(reasons, case).to_string()),
        };
        counts[number] += 1;
        let _ = writeln!(rows, "| {case} | {broker} | {word} | {} |", why.replace('|', "\\|"));
    }
    let [agree, differ, absent] = counts;
    format!(
        "{HEAD}{} cases: {agree} agree, {differ} differ, {absent} are not modelled.\n\n\
         | case | broker | agrees / differs / not modelled | why |\n|---|---|---|---|\n{rows}",
        cases.len()
    )
}

#[test]
#[allow(clippy::disallowed_methods)] // whoever starts it may ask for a new table
fn the_table_of_recorded_cases_is_up_to_date() {
    let table = table(&list("index"), &list("not_modelled"), told());
    if std::env::var_os("UPDATE_TABLE").is_some() {
        std::fs::write(path(TABLE), table).expect("the table can be written");
        return;
    }
    let known = std::fs::read_to_string(path(TABLE)).unwrap_or_default();
    let new: Vec<&str> = table.lines().filter(|line| !known.lines().any(|other| other == *line)).collect();
    assert!(
        table == known,
        "{TABLE} is not up to date:\n{}\nWrite it anew with\n  \
         UPDATE_TABLE=1 cargo test -p redeliver-reports --test stories",
        new.join("\n")
    );
}

#[test]
fn every_case_that_a_story_tells_is_listed_with_its_broker() {
    let cases = list("index");
    for case in told().iter().flat_map(|story| &story.cases).filter(|case| !case.starts_with("kafka-")) {
        let listed = cases.iter().find(|listed| text(listed, "case") == case);
        let listed = listed.unwrap_or_else(|| panic!("{case} is not in index.json"));
        let record: Value =
            serde_json::from_str(&file(&format!("tests/data/cases/{case}.json"))).expect("JSON");
        assert_eq!(
            (text(listed, "broker"), text(listed, "title")),
            (text(&record, "broker"), text(&record, "title"))
        );
    }
}

#[test]
fn a_table_has_a_row_for_each_case() {
    let cases =
        ["told", "other-1", "other-2"].map(|case| serde_json::json!({ "case": case, "broker": "B 1.0" }));
    let reasons = [("other-2", "two | three"), ("other-*", "not yet")];
    let reasons = reasons.map(|(cases, why)| serde_json::json!({ "cases": cases, "why": why }));
    let mut story = Told {
        name: "story".into(),
        title: "A title".into(),
        cases: vec!["told".into()],
        expectations: Vec::new(),
        differences: Vec::new(),
    };
    let rows = |story: &Told| {
        let table = table(&cases, &reasons, std::slice::from_ref(story));
        table[HEAD.len()..].to_string()
    };
    insta::assert_snapshot!(rows(&story), @r"
        3 cases: 1 agree, 0 differ, 2 are not modelled.

        | case | broker | agrees / differs / not modelled | why |
        |---|---|---|---|
        | told | B 1.0 | agrees | [A title](story.ron) |
        | other-1 | B 1.0 | not modelled | not yet |
        | other-2 | B 1.0 | not modelled | two \| three |
        ");
    story.differences =
        vec![crate::record::Difference { case: "told".into(), what: "`got` is not 3".into() }];
    insta::assert_snapshot!(rows(&story).lines().nth(4).expect("a row"), @"| told | B 1.0 | differs | story: `got` is not 3 |");
}
