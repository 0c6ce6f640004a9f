//! The texts of scenarios, and what their runs leave behind.
//!
//! Network and disk take no time unless a scenario says so: what is left is the system of the textbook.

use crate::common::{design, plan};
use redeliver_models::checks::{Event, Recorded, Recorder};
use redeliver_models::{Ended, Fact};
use serde_json::Value;

/// A scenario with one producer `p`, one subscription `c`, one design `d`.
pub(crate) struct Scenario {
    /// How long messages are published, in seconds; the first twentieth is not measured.
    pub(crate) seconds: u32,
    /// How long the lists of single messages are.
    pub(crate) keep: u32,
    pub(crate) producer: String,
    pub(crate) consumer: String,
    pub(crate) network: String,
    pub(crate) faults: String,
    pub(crate) nodes: String,
    pub(crate) design: String,
}

impl Scenario {
    /// A scenario in which nothing but the work takes time.
    pub(crate) fn new(seconds: u32, producer: impl Into<String>, consumer: impl Into<String>) -> Self {
        Scenario {
            seconds,
            keep: 10,
            producer: producer.into(),
            consumer: consumer.into(),
            network: String::new(),
            faults: String::new(),
            nodes: String::new(),
            design: queue(""),
        }
    }

    pub(crate) fn design(self, design: impl Into<String>) -> Self {
        Scenario { design: design.into(), ..self }
    }

    pub(crate) fn network(self, network: impl Into<String>) -> Self {
        Scenario { network: network.into(), ..self }
    }

    pub(crate) fn nodes(self, nodes: impl Into<String>) -> Self {
        Scenario { nodes: nodes.into(), ..self }
    }

    pub(crate) fn faults(self, faults: impl Into<String>) -> Self {
        Scenario { faults: faults.into(), ..self }
    }

    /// The file.
    pub(crate) fn text(&self) -> String {
        let Scenario { seconds, keep, producer, consumer, network, faults, nodes, design } = self;
        let latency = if network.contains("latency:") { "" } else { r#"latency: "0s","# };
        format!(
            r#"(
                format: 1,
                title: "A closed form",
                run: (duration: "{seconds}s", drain: "100h", warm_up: "{}s", keep: {keep}),
                producers: {{ "p": (publish: "t", {producer}) }},
                consumers: {{ "c": (read: "t", {consumer}) }},
                network: ({latency} {network}),
                nodes: {{ {nodes} }},
                faults: [{faults}],
                designs: {{ "d": {design} }},
            )"#,
            seconds / 20
        )
    }

    /// The figures of the subscription, as the result has them.
    pub(crate) fn consumer_figures(&self, seed: u64) -> Value {
        crate::common::run(&self.text(), seed)["designs"]["d"]["consumers"]["c"].take()
    }

    /// The run by itself, for what the result does not show.
    pub(crate) fn ended(&self, seed: u64) -> Ended {
        run_alone(&self.text(), seed, Recorder::Off)
    }

    /// The run by itself, with all its facts.
    pub(crate) fn recorded(&self, seed: u64) -> Ended {
        run_alone(&self.text(), seed, Recorder::All(Vec::new()))
    }
}

/// The only design's run by itself.
pub(crate) fn run_alone(text: &str, seed: u64, recorder: Recorder) -> Ended {
    redeliver_models::run(&design(&plan(text, seed), "d").setup, recorder)
}

/// A queue broker that hands out one message at a time, with these settings beside.
pub(crate) fn queue(settings: &str) -> String {
    format!("Queue(prefetch: 1, confirms: false, durable: false, {settings})")
}

/// A figure by its path.
pub(crate) fn figure(value: &Value, path: &str) -> f64 {
    let found = value.pointer(&format!("/{path}")).and_then(Value::as_f64);
    found.unwrap_or_else(|| panic!("no figure {path}"))
}

/// A message: source and number.
pub(crate) type Name = (u32, u32);

/// The facts that are about a message, in their order, with their times in seconds.
pub(crate) fn facts(ended: &Ended) -> impl Iterator<Item = (f64, Fact, Name)> {
    let Recorder::All(facts) = &ended.world.checks().recorder else { panic!("all facts are kept") };
    facts.iter().filter_map(|Recorded { at, event, .. }| match event {
        Event::Fact(fact, Some((source, number, _))) => Some((at.seconds(), *fact, (*source, *number))),
        _ => None,
    })
}

/// How many facts there are of a kind.
pub(crate) fn count(ended: &Ended, kind: impl Fn(&Fact) -> bool) -> f64 {
    facts(ended).filter(|(_, fact, _)| kind(fact)).count() as f64
}
