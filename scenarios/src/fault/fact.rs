//! Facts that a fault can wait for.

use super::Stage;
use super::message::{check_key, check_meeting, message, subscriptions};
use crate::diagnostic::Diagnostic;
use crate::named::Placed;
use crate::needs::is_member;
use crate::nodes::{self, Cast, NodeText, Patterns};
use redeliver_models::log::{Acks, Commit};
use redeliver_models::queue::AckMode;
use redeliver_models::setup::{self, Design, FactKind, MessageName, NodePattern, Role};
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
    fn parts(&self) -> (FactKind, &About) {
        match self {
            Fact::Published(about) => (FactKind::Published, about),
            Fact::Stored(about) => (FactKind::Stored, about),
            Fact::Confirmed(about) => (FactKind::Confirmed, about),
            Fact::Delivered(about) => (FactKind::Delivered, about),
            Fact::Processed(about) => (FactKind::Processed, about),
            Fact::Acked(about) => (FactKind::Acked, about),
            Fact::Prepared(about) => (FactKind::Prepared, about),
            Fact::Decided(about) => (FactKind::Decided, about),
        }
    }

    pub(super) fn kind(&self) -> FactKind {
        self.parts().0
    }

    pub(super) fn plan(&self, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<setup::FactPattern> {
        let (kind, about) = self.parts();
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
        let Some(node) = noted_by(kind, about, name.as_ref(), stage, patterns) else { return Vec::new() };
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

/// The nodes that note it, as the file says; the inner is none if it names no node, the outer if what it names never
/// notes it in this design.
fn noted_by(
    kind: FactKind,
    about: &About,
    message: Option<&MessageName>,
    stage: &Stage<'_>,
    patterns: &mut Patterns<'_>,
) -> Option<Option<NodePattern>> {
    let Some(node) = &about.node else { return Some(None) };
    let NodeText::Name(name) = &node.value else {
        patterns.findings.refuse(node.place, "name the node here: `Receiver` is whoever notes the fact");
        return None;
    };
    let pattern = patterns.one(name, node.place, stage.all_casts);
    let concerned = |node: &str, role| match role {
        Role::Producer => message.is_none_or(|message| node == stage.publisher(message)),
        Role::Consumer => about.to.as_ref().is_none_or(|to| node == to.value || is_member(node, to)),
        Role::Broker | Role::Client => true,
    };
    let notes = |cast: &Cast, pattern: &NodePattern| {
        cast.any(|node, role| {
            pattern.matches(node, role) && cast.may_note(kind, role) && concerned(node, role)
        })
    };
    let is_noted = |pattern: &NodePattern| stage.all_casts.iter().any(|cast| notes(cast, pattern));
    let noters: Vec<&str> = nodes::ROLES.into_iter().filter(|role| is_noted(&nodes::pattern(role))).collect();
    let is_known = stage.all_casts.iter().any(|cast| cast.has(&pattern));
    // Where nobody notes it something else is wrong.
    if is_known && !is_noted(&pattern) && !noters.is_empty() {
        let message = format!("this can never happen: `{name}` notes no such fact");
        let hint =
            format!("{} note `{kind:?}`: name one that does, or leave `node` out", noters.join(" and "));
        patterns.findings.push(Diagnostic::new(message).at(node.place).hint(hint));
    }
    notes(stage.cast, &pattern).then_some(Some(pattern))
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
