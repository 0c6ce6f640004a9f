//! What a result looks like: the list of the paths that an expectation may read, as a tree. It is written down apart
//! from the code that writes results, so that a path in a scenario is checked before anything runs; a test in
//! `reports` holds [`known_paths`] equal to the [`paths_of`] a result as it is written.

use serde_json::Value;
use std::collections::BTreeSet;

/// What stands at a path.
#[derive(Debug, PartialEq)]
pub(super) enum Shape {
    Truth,
    Number,
    Text,
    /// A number or a word, such as the outcome of a send.
    Any,
    List(&'static Shape),
    Object(&'static [(&'static str, Shape)]),
    /// A key for each of some names.
    Names(Whose, &'static Shape),
}

/// Whose names the keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Design,
    Producer,
    Consumer,
    Broker,
    Node,
    Client,
    Look,
    LossCause,
    DuplicateCause,
    /// Names that are not known before the run: queues, topics, groups, members, labels.
    Anything,
}

impl Whose {
    /// How one of them is called in messages.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Whose::Design => "design",
            Whose::Producer => "producer",
            Whose::Consumer => "consumer",
            Whose::Broker => "broker node",
            Whose::Node => "node",
            Whose::Client => "client",
            Whose::Look => "look",
            Whose::LossCause => "cause of a loss",
            Whose::DuplicateCause => "cause of a duplicate",
            Whose::Anything => "name",
        }
    }

    fn placeholder(self) -> &'static str {
        match self {
            Whose::LossCause | Whose::DuplicateCause => "CAUSE",
            _ => "NAME",
        }
    }
}

use Shape::{Any, List, Names, Number, Object, Text, Truth};

const TEXTS: Shape = List(&Text);

const ORDER: Shape =
    Object(&[("late", Number), ("stale", Number), ("reordered_ratio", Number), ("inversions", Number)]);

/// One subscription: what a requirement reads.
pub(super) const SUBSCRIPTION: Shape = Object(&[
    ("addressed", Number),
    ("processed", Number),
    ("effects", Number),
    ("dead_lettered", Number),
    ("pending", Number),
    ("superseded", Number),
    ("withdrawn", Number),
    (
        "lost",
        Object(&[
            ("total", Number),
            ("confirmed", Number),
            ("by_cause", Names(Whose::LossCause, &Number)),
            ("messages", TEXTS),
        ]),
    ),
    (
        "duplicates",
        Object(&[
            ("total", Number),
            ("by_cause", Names(Whose::DuplicateCause, &Number)),
            ("messages", TEXTS),
        ]),
    ),
    ("redeliveries", Number),
    ("deduplicated", Number),
    ("most_returned", Object(&[("message", Text), ("deliveries", Number), ("rate", Number)])),
    (
        "order",
        Object(&[
            ("key", ORDER),
            ("producer", ORDER),
            ("stored", ORDER),
            ("causal", ORDER),
            ("event_time", ORDER),
            ("true_time", ORDER),
        ]),
    ),
    (
        "latency",
        Object(&[
            ("mean", Number),
            ("p50", Number),
            ("p90", Number),
            ("p99", Number),
            ("p999", Number),
            ("max", Number),
        ]),
    ),
    (
        "latency_split",
        Object(&[("network", Number), ("broker", Number), ("recovery", Number), ("work", Number)]),
    ),
    ("waiting", Object(&[("mean", Number)])),
    ("throughput", Number),
    ("utilisation", Number),
    ("backlog", Object(&[("mean", Number), ("max", Number), ("final", Number)])),
    ("head_of_line", Number),
    ("headroom", Object(&[("min", Number)])),
    (
        "members",
        Names(
            Whose::Anything,
            &Object(&[("delivered", List(&List(&Any))), ("processed", TEXTS), ("truncated", Truth)]),
        ),
    ),
]);

const PRODUCER: Shape = Object(&[
    ("published", Number),
    ("confirmed", Number),
    ("refused", Number),
    ("unknown", Number),
    ("state_changes", Number),
    ("blocked", Number),
]);

const BROKER: Shape = Object(&[
    ("stored_bytes_max", Number),
    ("memory_max", Number),
    ("retention", Object(&[("window_min", Number), ("first_deletion", Number), ("predicted", Number)])),
    ("contents", TEXTS),
]);

const GUARANTEE: Shape = Object(&[("verdict", Text), ("count", Number), ("witness", Number)]);

const GUARANTEES: Shape = Object(&[
    ("no_loss", GUARANTEE),
    ("no_confirmed_loss", GUARANTEE),
    ("no_duplicates", GUARANTEE),
    ("order_per_key", GUARANTEE),
    ("order_per_producer", GUARANTEE),
    ("order_stored", GUARANTEE),
]);

const CLIENTS: Shape = Names(
    Whose::Client,
    &Object(&[
        ("got", TEXTS),
        ("news", TEXTS),
        ("polls", List(&TEXTS)),
        ("holds", TEXTS),
        ("processed", TEXTS),
        ("sent", Names(Whose::Anything, &Any)),
        ("attempts", TEXTS),
        ("confirmed", Number),
        ("refused", Number),
        ("unknown", Number),
        ("calls", TEXTS),
        ("events", TEXTS),
        ("errors", TEXTS),
        ("assigned", TEXTS),
        ("position", Names(Whose::Anything, &List(&Any))),
        ("connection", Text),
        ("channel", Text),
        ("order", Object(&[("producer", Object(&[("late", Number), ("gaps", Number)]))])),
    ]),
);

const QUEUES: Shape =
    Names(Whose::Anything, &Object(&[("ready", Number), ("messages", TEXTS), ("leader", Text)]));

const LOGS: Shape = Names(
    Whose::Anything,
    &List(&Object(&[
        ("records", TEXTS),
        ("start", Number),
        ("end", Number),
        ("high_watermark", Number),
        ("segments", List(&List(&Number))),
    ])),
);

const GROUPS: Shape = Names(
    Whose::Anything,
    &Object(&[
        ("committed", Names(Whose::Anything, &List(&Any))),
        ("members", Names(Whose::Anything, &TEXTS)),
        ("pending", TEXTS),
        ("advisories", TEXTS),
        ("entries_read", Any),
        ("lag", Any),
    ]),
);

const NODES: Shape = Names(Whose::Node, &Object(&[("up", Truth)]));

/// What the onlooker of a story sees: what an `Until` reads.
pub(super) const PICTURE: Shape =
    Object(&[("clients", CLIENTS), ("queues", QUEUES), ("logs", LOGS), ("groups", GROUPS), ("nodes", NODES)]);

/// One design's part.
pub(super) const DESIGN: Shape = Object(&[
    ("fingerprint", Text),
    ("virtual_time", Number),
    ("events", Number),
    ("stopped", Text),
    (
        "assumptions",
        List(&Object(&[("setting", Text), ("value", Text), ("default", Truth), ("source", Text)])),
    ),
    ("does_not_apply", TEXTS),
    ("faults_skipped", Number),
    ("producers", Names(Whose::Producer, &PRODUCER)),
    ("consumers", Names(Whose::Consumer, &SUBSCRIPTION)),
    ("brokers", Names(Whose::Broker, &BROKER)),
    (
        "cost",
        Object(&[
            ("bytes_sent", Number),
            ("bytes_stored_max", Number),
            ("requests", Number),
            ("empty_polls", Number),
        ]),
    ),
    ("guarantees", Names(Whose::Consumer, &GUARANTEES)),
    ("witnesses", List(&Object(&[("message", Text), ("finding", Text), ("facts", TEXTS)]))),
    ("clients", CLIENTS),
    ("queues", QUEUES),
    ("logs", LOGS),
    ("groups", GROUPS),
    ("nodes", NODES),
    ("looks", Names(Whose::Look, &PICTURE)),
]);

/// The whole object, as far as an expectation may read it: not the verdicts, which come after it.
pub(super) const RESULT: Shape = Object(&[
    ("schema", Number),
    ("redeliver", Text),
    ("title", Text),
    ("seed", Number),
    ("designs", Names(Whose::Design, &DESIGN)),
]);

impl Shape {
    /// What stands under a key, if that is a key here; names are not looked at.
    pub(super) fn at(&'static self, key: &str) -> Option<&'static Shape> {
        match self {
            Object(fields) => fields.iter().find(|(name, _)| *name == key).map(|(_, shape)| shape),
            Names(_, inner) => Some(inner),
            _ => None,
        }
    }

    /// The keys that are the same in every run.
    pub(super) fn keys(&'static self) -> Vec<&'static str> {
        match self {
            Object(fields) => fields.iter().map(|(name, _)| *name).collect(),
            _ => Vec::new(),
        }
    }

    /// The way from here down to a key of this name, through fixed keys only.
    pub(super) fn way_to(&'static self, key: &str) -> Option<String> {
        let Object(fields) = self else { return None };
        if fields.iter().any(|(name, _)| *name == key) {
            return Some(key.to_string());
        }
        fields.iter().find_map(|(name, shape)| Some(format!("{name}.{}", shape.way_to(key)?)))
    }
}

/// Every path that an expectation may read, down to its last key, in the order of the result. `NAME` and `CAUSE`
/// stand for any key, `[]` for any index: `designs.NAME.logs.NAME[].records[]`.
pub fn known_paths() -> Vec<String> {
    let mut paths = Vec::new();
    collect_known(&RESULT, "", &mut paths);
    paths
}

fn collect_known(shape: &'static Shape, path: &str, into: &mut Vec<String>) {
    match shape {
        Object(fields) => {
            fields.iter().for_each(|(name, inner)| collect_known(inner, &join(path, name), into))
        }
        Names(whose, inner) => collect_known(inner, &join(path, whose.placeholder()), into),
        List(inner) => collect_known(inner, &format!("{path}[]"), into),
        Truth | Number | Text | Any => into.push(path.to_string()),
    }
}

/// The paths of a result that was written, in the form of [`known_paths`]. A key that is not known stands as it is;
/// an empty list or object shows none of the paths below it. The verdicts (`expect`, `require`) are left out.
pub fn paths_of(result: &Value) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    if let Value::Object(fields) = result {
        for (name, value) in fields.iter().filter(|(name, _)| *name != "expect" && *name != "require") {
            collect_written(RESULT.at(name), value, name, &mut paths);
        }
    }
    paths
}

fn collect_written(shape: Option<&'static Shape>, value: &Value, path: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            let key = match shape {
                Some(Names(whose, _)) => whose.placeholder(),
                _ => name,
            };
            collect_written(shape.and_then(|shape| shape.at(name)), value, &join(path, key), into);
        }),
        Value::Array(values) => {
            let inner = match shape {
                Some(List(inner)) => Some(*inner),
                _ => None,
            };
            values.iter().for_each(|value| collect_written(inner, value, &format!("{path}[]"), into));
        }
        _ => {
            into.insert(path.to_string());
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_string() } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_paths_have_wildcards() {
        let known = known_paths();
        for path in [
            "seed",
            "designs.NAME.consumers.NAME.lost.by_cause.CAUSE",
            "designs.NAME.consumers.NAME.members.NAME.delivered[][]",
            "designs.NAME.looks.NAME.logs.NAME[].segments[][]",
        ] {
            assert!(known.contains(&path.to_string()), "{path}");
        }
        assert!(!known.iter().any(|path| path.starts_with("expect")));
    }

    #[test]
    fn written_paths_are_put_in_the_same_form() {
        let written = paths_of(&serde_json::json!({
            "seed": 1, "expect": [{"text": "…"}],
            "designs": {"queue": {"colour": "red", "logs": {"t": [{"segments": [[0, 210]]}]}}},
        }));
        let written: Vec<_> = written.into_iter().collect();
        insta::assert_snapshot!(written.join("\n"), @r"
        designs.NAME.colour
        designs.NAME.logs.NAME[].segments[][]
        seed
        ");
    }
}
