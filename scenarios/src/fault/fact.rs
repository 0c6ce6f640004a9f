//! Facts that a fault can wait for.

use super::Stage;
use super::message::{check_key, check_meeting, message, subscriptions};
use crate::diagnostic::Diagnostic;
use crate::named::Placed;
use crate::nodes::{NodeText, Patterns};
use redeliver_models::log::{Acks, Commit};
use redeliver_models::queue::AckMode;
use redeliver_models::setup::{self, Design, FactKind};
use serde::Deserialize;

/// A fact that a fault can wait for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Fact {
    /// A send was called.
    Published(About),
    /// The broker has it.
    Stored(About),
    /// The producer holds a positive answer.
    Confirmed(About),
    /// It was handed to a consumer.
    Delivered(About),
    /// Its effect took place.
    Processed(About),
    /// The consumer settled it.
    Acked(About),
    /// Broker and database have promised to commit its ack and its effect.
    Prepared(About),
    /// Their coordinator has decided that they do.
    Decided(About),
}

/// What the fact is about.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Only this message.
    pub message: Option<Placed<String>>,
    /// Only messages of this key.
    pub key: Option<Placed<String>>,
    /// Only in this subscription.
    pub to: Option<Placed<String>>,
    /// Only at these nodes.
    pub node: Option<Placed<NodeText>>,
}

impl Fact {
    pub(super) fn plan(&self, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<setup::FactPattern> {
        let (kind, about) = match self {
            Fact::Published(about) => (FactKind::Published, about),
            Fact::Stored(about) => (FactKind::Stored, about),
            Fact::Confirmed(about) => (FactKind::Confirmed, about),
            Fact::Delivered(about) => (FactKind::Delivered, about),
            Fact::Processed(about) => (FactKind::Processed, about),
            Fact::Acked(about) => (FactKind::Acked, about),
            Fact::Prepared(about) => (FactKind::Prepared, about),
            Fact::Decided(about) => (FactKind::Decided, about),
        };
        if let Some(key) = &about.key {
            check_key(key, stage, patterns.findings);
        }
        let name = match &about.message {
            None => None,
            Some(name) => match message(name, stage, patterns.findings) {
                None => return Vec::new(),
                some => some,
            },
        };
        let node = match about.node.as_ref().map(|node| (&node.value, node.place)) {
            None => None,
            Some((NodeText::Name(name), place)) => Some(patterns.one(name, place, stage.all_casts)),
            Some((NodeText::Receiver, place)) => {
                patterns
                    .findings
                    .refuse(place, "name the node here: `Receiver` is whoever the fact will be about");
                return Vec::new();
            }
        };
        let before_consumers = matches!(kind, FactKind::Published | FactKind::Stored | FactKind::Confirmed);
        if let Some(to) = about.to.as_ref().filter(|_| before_consumers) {
            let diagnostic =
                Diagnostic::new("`to` belongs to what happens at a consumer: `Delivered` and those after it")
                    .at(to.place);
            patterns.findings.push(diagnostic.hint("nobody consumes at the other facts: leave it out"));
        }
        let subscriptions = match &about.to {
            None => vec![None],
            Some(to) => {
                let found = subscriptions(to, stage, patterns.findings);
                check_meeting(name.as_ref(), to, &found, stage, patterns.findings);
                found.into_iter().map(Some).collect()
            }
        };
        if !is_noted_in(kind, stage.design, stage.has_script) {
            return Vec::new();
        }
        let pattern = |subscription| setup::FactPattern {
            kind,
            message: name.clone(),
            key: about.key.as_ref().map(|key| key.value.clone()),
            subscription,
            node: node.clone(),
        };
        subscriptions.into_iter().map(pattern).collect()
    }
}

/// Whether this design notes such facts at all. In a story a client may, whatever its settings.
fn is_noted_in(kind: FactKind, design: &Design, has_script: bool) -> bool {
    match (kind, design) {
        (FactKind::Published | FactKind::Delivered | FactKind::Processed, _) => true,
        (FactKind::Stored | FactKind::Confirmed | FactKind::Acked, Design::Udp(_)) => false,
        (FactKind::Confirmed, Design::Queue(config)) => {
            has_script || config.clients.iter().any(|(_, client)| client.confirms)
        }
        (FactKind::Confirmed, Design::Log(config)) => {
            has_script || config.clients.iter().any(|(_, client)| client.acks != Acks::None)
        }
        (FactKind::Acked, Design::Log(config)) => {
            has_script || config.clients.iter().any(|(_, client)| client.commit != Commit::Never)
        }
        (FactKind::Stored | FactKind::Confirmed | FactKind::Acked, _) => true,
        (FactKind::Prepared | FactKind::Decided, Design::Queue(config)) => {
            config.clients.iter().any(|(_, client)| client.ack == AckMode::TwoPhaseCommit)
        }
        (FactKind::Prepared | FactKind::Decided, _) => false,
    }
}
