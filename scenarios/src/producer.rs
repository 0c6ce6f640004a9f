//! Who publishes: `producers` in the file.

use crate::assumptions::Assumptions;
use crate::defaults::{COUNT_MAX, KEYS_MAX, MEMBERS_MAX, MESSAGE_BYTES_MAX, MESSAGE_SIZE};
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::Placed;
use crate::schedule::Schedule;
use crate::units::{Duration, SizeSpread};
use redeliver_models::{producer, setup};
use redeliver_sim::{Distribution, Span};
use serde::Deserialize;

/// A group of producers that are alike.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Producer {
    /// The topic. AMQP: the exchange; Kafka: the topic.
    pub publish: Placed<String>,
    /// How many producers; schedule and count are each member's. Default 1.
    pub members: Option<Placed<u32>>,
    /// When the schedule begins. Default `"0s"`.
    pub start: Option<Duration>,
    /// When each member publishes.
    pub schedule: Placed<Schedule>,
    /// How many messages each member publishes. Default: until `run.duration` is over.
    pub count: Option<Placed<u64>>,
    /// Which key a message has. Default: none.
    pub key: Option<Placed<Key>>,
    /// Size of a message, or a distribution of sizes. Default `"1 kB"`.
    pub size: Option<Placed<SizeSpread>>,
    /// What the messages are about, by number; shown beside their ids. An empty text is none.
    #[serde(default)]
    pub labels: Vec<String>,
    /// How a change of the producer's own state and its message go together. Default `Nothing`.
    pub state_change: Option<StateChange>,
}

/// How a change of the producer's own state, in a database on its machine's disk, and its message go together.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum StateChange {
    /// It has no state.
    Nothing,
    /// Dual write: the change is committed, then the message is published.
    CommitFirst,
    /// Dual write: the message is published, then the change is committed.
    PublishFirst,
    /// The message is written with the change, in one transaction; a relay publishes it.
    Outbox,
}

/// Which key a message has. Messages of one key ask to be processed in order.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Key {
    /// Always this one.
    Const(String),
    /// One after the other, and around.
    Cycle(Vec<String>),
    /// Evenly one of so many: `"0"`, `"1"`, …
    Uniform(u32),
    /// One of so many by Zipf's law: a few are popular, most are rare.
    Zipf {
        /// How many keys.
        n: u32,
        /// The exponent; at 0 all are equal. Usual: about 1.
        s: f64,
    },
}

impl Producer {
    /// The producer as it will run.
    pub(crate) fn plan(&self, name: &str, topics: &[String], findings: &mut Findings) -> setup::Producer {
        let count = self.plan_count(findings);
        setup::Producer {
            name: name.into(),
            topic: topics.binary_search(&self.publish.value).unwrap_or(0),
            members: members(&self.members, findings),
            start: self.start.as_ref().map_or(Span::ZERO, |start| start.0),
            schedule: self.schedule.value.plan(self, findings),
            count,
            key: self.plan_key(findings),
            size: self.plan_size(findings),
            labels: self.labels.clone(),
            state_change: match self.state_change {
                Some(StateChange::CommitFirst) => producer::StateChange::CommitFirst,
                Some(StateChange::PublishFirst) => producer::StateChange::PublishFirst,
                Some(StateChange::Outbox) => producer::StateChange::Outbox,
                Some(StateChange::Nothing) | None => producer::StateChange::Nothing,
            },
        }
    }

    fn plan_size(&self, findings: &mut Findings) -> Distribution {
        let Some(size) = &self.size else { return Distribution::Constant(MESSAGE_SIZE) };
        let least = match size.0 {
            Distribution::Constant(bytes) => bytes,
            Distribution::Uniform { high, .. } => high,
            // A draw that is greater counts as the greatest size.
            _ => size.0.sample(1 << 63),
        };
        if least > MESSAGE_BYTES_MAX {
            let message = format!("a message may have {MESSAGE_BYTES_MAX} bytes (2 GiB) at most");
            findings.push(
                Diagnostic::new(message).at(size.place).hint("more and smaller messages make the same load"),
            );
        }
        size.0.clone()
    }

    fn plan_count(&self, findings: &mut Findings) -> Option<u64> {
        let count = self.count.as_ref()?;
        if count.value == 0 || count.value > COUNT_MAX {
            let message = format!("`count` must be from 1 to {COUNT_MAX}");
            findings
                .push(Diagnostic::new(message).at(count.place).hint("a message's number is 32 bits wide"));
        }
        Some(count.value)
    }

    fn plan_key(&self, findings: &mut Findings) -> setup::KeyChoice {
        let Some(Placed { value: key, place }) = &self.key else { return setup::KeyChoice::None };
        match key {
            Key::Const(key) => setup::KeyChoice::Const(key.clone()),
            Key::Cycle(keys) => {
                if keys.is_empty() {
                    findings.refuse(*place, "`Cycle` needs at least one key");
                }
                setup::KeyChoice::Cycle(keys.clone())
            }
            Key::Uniform(n) => setup::KeyChoice::Uniform(key_count(*n, *place, findings)),
            Key::Zipf { n, s } => {
                if !(0.0..=100.0).contains(s) {
                    findings.refuse(*place, "the exponent `s` of Zipf's law must be from 0 to 100");
                }
                setup::KeyChoice::Zipf { n: key_count(*n, *place, findings), s: *s }
            }
        }
    }

    /// What a report says of a workload that its design decides.
    pub(crate) fn assume(&self, name: &str, assumptions: &mut Assumptions) {
        if let Some(text) = self.schedule.value.show_waiting() {
            assumptions.text(&format!("producers.{name}.schedule"), Some(text), "", "");
        }
    }

    /// How many messages each member publishes at most, if that is known.
    pub(crate) fn count_known(&self) -> Option<u64> {
        let count = self.count.as_ref().map(|count| count.value);
        match &self.schedule.value {
            Schedule::At(times) => Some(count.unwrap_or(u64::MAX).min(times.len() as u64)),
            _ => count,
        }
    }
}

fn key_count(n: u32, place: Place, findings: &mut Findings) -> u32 {
    if n == 0 || n > KEYS_MAX {
        let diagnostic = Diagnostic::new(format!("the number of keys must be from 1 to {KEYS_MAX}"));
        findings.push(
            diagnostic.at(place).hint("the order checks keep every key in memory: take fewer, wider keys"),
        );
        return 1;
    }
    n
}

/// How many members a group has.
pub(crate) fn members(members: &Option<Placed<u32>>, findings: &mut Findings) -> u32 {
    let Some(members) = members else { return 1 };
    if members.value == 0 {
        let diagnostic = Diagnostic::new("`members` must be at least 1").at(members.place);
        findings.push(diagnostic.hint("to leave the group out, delete its entry"));
    }
    if members.value > MEMBERS_MAX {
        let diagnostic = Diagnostic::new(format!("`members` may be {MEMBERS_MAX} at most")).at(members.place);
        findings.push(
            diagnostic.hint("each member is a node; make several groups, or publish faster with fewer"),
        );
    }
    members.value.clamp(1, MEMBERS_MAX)
}
