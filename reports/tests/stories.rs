//! The stories of real experiments against their records.

use redeliver_models::causes::{DuplicateCause, LossCause};
use redeliver_scenarios::expect::{Expectation, Names, Scope, Verdict};
use redeliver_scenarios::{Options, Plan, read};
use serde_json::{Map, Value, json};
use std::path::Path;

const STORIES: [&str; 7] = [
    "rabbit-A1-classic",
    "rabbit-A2-classic",
    "rabbit-B-crash-after-ack-m2-classic",
    "rabbit-C1",
    "rabbit-F1",
    "kafka-H1-before",
    "kafka-H1-after",
];

/// A file of this workspace.
fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn plan(story: &str) -> Plan {
    let text = file(&format!("scenarios/library/real/{story}.ron"));
    read(&format!("{story}.ron"), &text, &Options::default()).unwrap_or_else(|report| panic!("{report}"))
}

/// The observed fields of a case; of a field with fields of its own, those: `initial_assignment.c1`.
fn observed(case: &str) -> Map<String, Value> {
    let case: Value = serde_json::from_str(&file(&format!("tests/data/cases/{case}.json"))).expect("JSON");
    let mut fields = Map::new();
    for (name, value) in case["observed"].as_object().expect("an object") {
        match value {
            Value::Object(inner) => {
                fields.extend(inner.iter().map(|(key, value)| (format!("{name}.{key}"), value.clone())));
            }
            _ => drop(fields.insert(name.clone(), value.clone())),
        }
    }
    fields
}

/// A record of RabbitMQ or Kafka in our notation: a pair [body, redelivered] is a message with its flag.
fn in_our_notation(observed: &Value) -> Value {
    match observed {
        Value::Array(items) => match items.as_slice() {
            [Value::String(body), Value::Bool(again)] => {
                json!(if *again { format!("{body} redelivered") } else { body.clone() })
            }
            _ => items.iter().map(in_our_notation).collect(),
        },
        other => other.clone(),
    }
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
    let text = format!("{path} == {} // quiet", value.to_string().replace('"', "'"));
    let expectation = Expectation::compile(&text, &scope).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    let outcome = expectation.evaluate(result);
    assert_ne!(outcome.verdict, Verdict::NotDecided, "{text}: {:?}", outcome.read);
    outcome.verdict == Verdict::Holds
}

#[test]
fn stories_of_real_experiments_end_as_recorded() {
    for story in STORIES {
        let plan = plan(story);
        let findings = redeliver_reports::run(&plan, &mut |_, _| {});
        for line in &findings.result.expect {
            assert_eq!(line.verdict, Verdict::Holds, "{story}: {} {:?}", line.text, line.read);
        }
        let result = serde_json::to_value(&findings.result).expect("JSON");
        let record = plan.record.as_ref().expect("a story of a real experiment names its record");
        let design = plan.designs.keys().next().expect("a design");
        let observed = observed(&record.case);
        for (field, value) in &observed {
            let Some(path) = record.fields.get(field) else {
                assert!(record.untested.contains(field), "{story}: `{field}` is in neither list");
                continue;
            };
            let value = in_our_notation(value);
            assert!(is(&result, design, path, &value), "{story}: {field}: {path} is not {value}");
            for other in changed(&value) {
                assert!(
                    !is(&result, design, path, &other),
                    "{story}: {field}: {path} is {value} and {other}"
                );
            }
        }
        for field in record.fields.keys() {
            assert!(observed.contains_key(field), "{story}: `{field}` was not observed");
        }
    }
}
