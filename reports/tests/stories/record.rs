//! Whether a run tells what its record says.

use crate::notation;
use redeliver_models::causes::{DuplicateCause, LossCause};
use redeliver_scenarios::expect::{Expectation, Names, Scope, Verdict};
use redeliver_scenarios::{Plan, Record};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Where a file of this workspace is.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// A file of this workspace.
pub(crate) fn file(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Something in which a story is not as its record.
pub(crate) struct Difference {
    /// The case.
    pub(crate) case: String,
    pub(crate) what: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.case, self.what)
    }
}

/// What a run came to, as JSON: expectations as well as designs.
pub(crate) fn result(plan: &Plan) -> Value {
    serde_json::to_value(redeliver_reports::run(plan, &mut |_, _| {}).result).expect("JSON")
}

/// Where a story and its records differ; nothing if they agree.
pub(crate) fn differences(record: &Record, result: &Value) -> Vec<Difference> {
    let mut wrong = Vec::new();
    let mut seen: Vec<&String> = Vec::new();
    for (design, case) in &record.cases {
        let result = only(result, design);
        let mut differs = |what: String| wrong.push(Difference { case: case.clone(), what });
        for (field, value) in observed(case) {
            let Some((field, path)) = record.fields.get_key_value(&field) else {
                if !record.untested.contains(&field) {
                    differs(format!("`{field}` is neither compared nor said to be untested"));
                }
                continue;
            };
            seen.push(field);
            let value = notation::ours(case, &value);
            if !is(&result, design, path, &value) {
                differs(format!("{field}: {path} is not {value}"));
            }
            for other in changed(&value).into_iter().filter(|other| is(&result, design, path, other)) {
                differs(format!("{field}: {path} is {value}, and {other}"));
            }
        }
    }
    let unseen = record.fields.keys().filter(|field| !seen.contains(field));
    for field in unseen {
        let what = format!("`{field}` was not observed");
        wrong.extend(record.cases.values().map(|case| Difference { case: case.clone(), what: what.clone() }));
    }
    wrong
}

/// The same result with this design alone: its keys are then in scope by themselves.
fn only(result: &Value, design: &str) -> Value {
    let mut result = result.clone();
    result["designs"] = json!({ design: result["designs"][design] });
    result
}

/// The observed fields of a case; of a field with fields of its own, those: `initial_assignment.c1`.
fn observed(case: &str) -> Map<String, Value> {
    let case: Value = serde_json::from_str(&file(&format!("tests/data/cases/{case}.json"))).expect("JSON");
    let mut fields = Map::new();
    // Where the runs differ, it has all of them: what varies cannot be tested, and the first shows the rest.
    let observed = if case["observed"].is_null() { &case["observations"][0] } else { &case["observed"] };
    for (name, value) in observed.as_object().expect("an object") {
        match value {
            Value::Object(inner) => {
                fields.extend(inner.iter().map(|(key, value)| (format!("{name}.{key}"), value.clone())));
            }
            _ => drop(fields.insert(name.clone(), value.clone())),
        }
    }
    fields
}

/// Each value that differs from this one in one leaf.
fn changed(value: &Value) -> Vec<Value> {
    match value {
        Value::String(text) => vec![json!(format!("{text}x"))],
        Value::Number(number) => vec![json!(number.as_f64().expect("a number") + 1.0)],
        Value::Bool(truth) => vec![json!(!truth)],
        Value::Array(items) if items.is_empty() => vec![json!(["x"])],
        Value::Array(items) => {
            let at = |i: usize| {
                changed(&items[i]).into_iter().map(move |other| {
                    let mut items = items.clone();
                    items[i] = other;
                    Value::Array(items)
                })
            };
            (0..items.len()).flat_map(at).collect()
        }
        Value::Null | Value::Object(_) => Vec::new(),
    }
}

/// Whether what stands at this path of the result is this value.
fn is(result: &Value, design: &str, path: &str, value: &Value) -> bool {
    let names = |all: &[&str]| Some(all.iter().map(|name| name.to_string()).collect());
    let scope = Scope {
        designs: vec![(design.into(), Names::default())],
        loss_causes: names(&LossCause::ALL.map(LossCause::name)),
        duplicate_causes: names(&DuplicateCause::ALL.map(DuplicateCause::name)),
    };
    let value = value.to_string();
    let value = if value.contains('\'') { value } else { value.replace('"', "'") };
    let text = format!("({path}) == {value} // quiet");
    let expectation = Expectation::compile(&text, &scope).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    let outcome = expectation.evaluate(result);
    assert_ne!(outcome.verdict, Verdict::NotDecided, "{text}: {:?}", outcome.read);
    outcome.verdict == Verdict::Holds
}
