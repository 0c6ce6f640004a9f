//! The stories of real experiments against their records.

mod notation;
mod record;
mod table;

use record::{Difference, differences, result};
use redeliver_scenarios::{Options, Plan, library, read};
use serde_json::Value;
use std::sync::LazyLock;

/// The stories of real experiments: name and text.
fn stories() -> impl Iterator<Item = (&'static str, &'static str)> {
    library::all().iter().filter_map(|(name, text)| Some((name.strip_prefix("real/")?, *text)))
}

fn plan(name: &str, text: &str) -> Plan {
    read(&format!("{name}.ron"), text, &Options::default()).unwrap_or_else(|report| panic!("{report}"))
}

/// A story, and how it compares with its records.
pub(crate) struct Told {
    /// Its file's name.
    pub(crate) name: String,
    pub(crate) title: String,
    /// The cases that it tells.
    pub(crate) cases: Vec<String>,
    /// Its own expectations that do not hold.
    pub(crate) expectations: Vec<String>,
    pub(crate) differences: Vec<Difference>,
}

/// All stories, told once.
pub(crate) fn told() -> &'static [Told] {
    static TOLD: LazyLock<Vec<Told>> =
        LazyLock::new(|| stories().map(|(name, text)| tell(name, text)).collect());
    &TOLD
}

fn tell(name: &str, text: &str) -> Told {
    let plan = plan(name, text);
    let result = result(&plan);
    let lines = result["expect"].as_array().expect("a list").iter();
    let record = plan.record.as_ref().unwrap_or_else(|| panic!("{name} names no record"));
    Told {
        name: name.into(),
        title: plan.title.clone(),
        cases: record.cases.values().cloned().collect(),
        expectations: lines.filter(|line| line["verdict"] != "holds").map(Value::to_string).collect(),
        differences: differences(record, &result),
    }
}

#[test]
fn stories_of_real_experiments_end_as_recorded() {
    let mut wrong = Vec::new();
    for story in told() {
        wrong.extend(story.expectations.iter().map(|line| format!("{}: {line}", story.name)));
        wrong.extend(story.differences.iter().map(|what| format!("{}: {what}", story.name)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_record_that_differs_is_told() {
    let (name, text) = stories().find(|(name, _)| *name == "rabbit-A1-classic").expect("the library has it");
    let told = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} is not in the story");
        tell(name, &text.replacen(from, to, 1))
            .differences
            .iter()
            .map(Difference::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let all = [
        told("queues.q.ready", "queues.q.ready + 1.0"),
        told("\"queue_after\"", "\"queue_before\""),
        told("clients.c2.got\"", "clients.c1.got\""),
    ];
    insta::assert_snapshot!(all.join("\n\n"), @r#"
    rabbit-A1-classic: queue_after: queues.q.ready + 1.0 is not 0
    rabbit-A1-classic: queue_after: queues.q.ready + 1.0 is 0, and 1.0

    rabbit-A1-classic: `queue_after` is neither compared nor said to be untested
    rabbit-A1-classic: `queue_before` was not observed

    rabbit-A1-classic: initial_assignment.c2: looks['dealt out'].clients.c1.got is not ["m2"]
    "#);
}

#[test]
fn each_design_of_a_story_has_its_case() {
    let (name, text) = stories().find(|(name, _)| *name == "rabbit-A1-classic").expect("the library has it");
    let (designs, rest) = text.split_once("        \"rabbit\": ").expect("a design");
    let (rabbit, rest) = rest.split_once("    },\n    script").expect("the end of the designs");
    let text = format!("{designs}\"a\": {rabbit}\"b\": {rabbit}}}, script{rest}").replacen(
        "case: \"rabbit-A1-classic\"",
        "cases: {\"a\": \"rabbit-A1-classic\", \"b\": \"rabbit-A2-classic\"}",
        1,
    );
    let (text, _) = text.split_once("    expect:").expect("expectations");
    let wrong = tell(name, &format!("{text})")).differences;
    assert!(!wrong.is_empty(), "the second design tells another case");
    assert!(wrong.iter().all(|different| different.case == "rabbit-A2-classic"));
}

#[test]
fn competing_consumers_share_within_the_spread_of_the_records_whatever_the_seed() {
    let competing: Vec<_> = stories().filter(|(name, _)| name.starts_with("rabbit-J")).collect();
    assert_eq!(competing.len(), 2);
    for seed in 1..=20 {
        for (name, text) in &competing {
            let options = Options { seed: Some(seed), ..Options::default() };
            let plan = read(name, text, &options).unwrap_or_else(|report| panic!("{report}"));
            for line in result(&plan)["expect"].as_array().expect("a list") {
                assert_eq!(line["verdict"], "holds", "{name}, seed {seed}: {line}");
            }
        }
    }
}
