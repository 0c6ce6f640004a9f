//! An exchange of RabbitMQ, and what is bound to it.

use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::{Named, Placed};
use redeliver_models::queue::{Config, ExchangeConfig, ExchangeKind};
use redeliver_models::story::{Script, Verb};
use serde::Deserialize;

/// The largest weight of a binding to a consistent hash.
const WEIGHT_MAX: u32 = 1_000_000;

/// An exchange.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// `"fanout"`, `"direct"`, `"topic"` or `"x-consistent-hash"`; others are not modelled yet.
    #[serde(rename = "type")]
    pub kind: Placed<String>,
    /// Queues that are bound to it before time 0: of a fanout exchange.
    #[serde(default)]
    pub queues: Vec<Placed<String>>,
    /// The keys with which queues are bound to it before time 0, of a direct or topic exchange; of a consistent hash
    /// their weights.
    #[serde(default)]
    pub bindings: Named<Vec<Placed<String>>>,
}

/// The exchanges, in the order of their names.
pub(super) fn exchanges(
    typed: &Named<Exchange>,
    config: &Config,
    findings: &mut Findings,
) -> Vec<ExchangeConfig> {
    let mut planned = Vec::new();
    for (name, place, exchange) in typed.sorted() {
        let kind = kind(&exchange.kind, findings);
        if config.queues.iter().any(|queue| queue.name == name) {
            findings.refuse(place, format!("`{name}` is a queue and an exchange: rename one of them"));
        }
        planned.push(exchange.plan(name, kind, config, findings));
    }
    planned
}

fn kind(typed: &Placed<String>, findings: &mut Findings) -> ExchangeKind {
    match typed.as_str() {
        "fanout" => return ExchangeKind::Fanout,
        "direct" => return ExchangeKind::Direct,
        "topic" => return ExchangeKind::Topic,
        "x-consistent-hash" => return ExchangeKind::ConsistentHash,
        "headers" | "x-modulus-hash" | "x-random" => {
            let message = format!("exchanges of type `{}` are not modelled yet", typed.value);
            let hint = "modelled: \"fanout\", \"direct\", \"topic\", \"x-consistent-hash\"";
            findings.push(Diagnostic::new(message).at(typed.place).hint(hint));
        }
        other => {
            let diagnostic = Diagnostic::new(format!("`{other}` is no type of an exchange"));
            let known = ["fanout", "direct", "topic", "x-consistent-hash"];
            findings.push(diagnostic.at(typed.place).nearest(other, known));
        }
    }
    ExchangeKind::Fanout
}

impl Exchange {
    fn plan(
        &self,
        name: &str,
        kind: ExchangeKind,
        config: &Config,
        findings: &mut Findings,
    ) -> ExchangeConfig {
        self.check(kind, findings);
        if kind == ExchangeKind::ConsistentHash {
            self.bindings
                .iter()
                .flat_map(|(_, weights)| weights)
                .for_each(|weight| check_weight(weight, findings));
        }
        let mut planned = ExchangeConfig { kind, ..ExchangeConfig::fanout(name, Vec::new()) };
        let mut find = |queue: &str, place: Place| {
            let found = config.queues.iter().position(|other| other.name == queue);
            if found.is_none() {
                let message = format!("`{name}` is bound to `{queue}`, which is no queue");
                let known = config.queues.iter().map(|queue| queue.name.as_str());
                findings.push(Diagnostic::new(message).at(place).nearest(queue, known));
            }
            found
        };
        planned.queues = self.queues.iter().filter_map(|queue| find(&queue.value, queue.place)).collect();
        for (queue, place, keys) in self.bindings.sorted() {
            let Some(queue) = find(queue, place) else { continue };
            planned.queues.push(queue);
            planned.keys.extend(keys.iter().map(|key| (queue, key.value.clone())));
        }
        planned
    }

    /// Refuses keys where none are heeded, and queues without keys where they are.
    fn check(&self, kind: ExchangeKind, findings: &mut Findings) {
        match (kind, self.queues.first(), self.bindings.0.first()) {
            (ExchangeKind::Fanout, _, Some((_, first))) => {
                let diagnostic = Diagnostic::new("a fanout exchange heeds no keys").at(first.name_place);
                findings.push(diagnostic.hint("write `queues: […]`"));
            }
            (ExchangeKind::Direct | ExchangeKind::Topic | ExchangeKind::ConsistentHash, Some(first), _) => {
                let message = format!("exchanges of type `{}` bind queues with keys", self.kind.value);
                let key = if kind == ExchangeKind::ConsistentHash { "1" } else { "key" };
                let hint = format!("write `bindings: {{\"{}\": [\"{key}\"]}}`", first.value);
                findings.push(Diagnostic::new(message).at(first.place).hint(hint));
            }
            _ => {}
        }
    }
}

/// Refuses what is no weight.
fn check_weight(key: &Placed<String>, findings: &mut Findings) {
    if !key.parse().is_ok_and(|weight: u32| (1..=WEIGHT_MAX).contains(&weight)) {
        let message = format!("`{}` is no weight of a binding", key.value);
        let hint =
            format!("of an x-consistent-hash exchange the key is a whole number from 1 to {WEIGHT_MAX}");
        findings.push(Diagnostic::new(message).at(key.place).hint(hint));
    }
}

/// Refuses bindings of a story to exchanges that heed keys: they would need one.
pub(crate) fn check_late_bindings(
    script: Option<&Script>,
    named: &[Placed<String>],
    config: &Config,
    findings: &mut Findings,
) {
    let verbs = script.iter().flat_map(|script| &script.lines).flat_map(|line| &line.verbs);
    for verb in verbs {
        let Verb::Bind { exchange: name, .. } = verb else { continue };
        let heeds =
            |exchange: &ExchangeConfig| exchange.name == *name && exchange.kind != ExchangeKind::Fanout;
        if config.exchanges.iter().any(heeds) {
            let place = named.iter().find(|named| named.value == *name).map(|named| named.place);
            let message = format!("`Bind` to `{name}` needs a key, which is not modelled yet");
            let hint = "let its bindings stand before time 0: `bindings: {\"q\": [\"key\"]}` in the design";
            findings.push(Diagnostic::new(message).at(place.unwrap_or_default()).hint(hint));
        }
    }
}
