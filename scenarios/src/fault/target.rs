//! Whom a fault meets.

use super::timing::Timing;
use super::{Planned, Stage};
use crate::diagnostic::{Diagnostic, Place};
use crate::named::OneOrMore;
use crate::nodes::{NodeText, Patterns};
use redeliver_models::setup::{FaultKind, Role, Target};

/// Which nodes a fault can do anything to.
pub(super) struct Suited {
    pub(super) roles: &'static [Role],
    /// What to say of others, and what to do instead.
    pub(super) refusal: &'static str,
    pub(super) hint: &'static str,
}

/// Those whose disks can be met.
pub(super) const BROKERS: Suited = Suited {
    roles: &[Role::Broker],
    refusal: "this fault meets the disks of brokers only",
    hint: "write `node: \"brokers\"`",
};

/// Those that read their clocks.
pub(super) const CLOCKS: Suited = Suited {
    roles: &[Role::Producer, Role::Broker, Role::Client],
    refusal: "consumers do not read their clocks: this would change nothing",
    hint: "name a producer, whose clock stamps events, or a log's broker, whose clock retention goes by",
};

/// As [`at_nodes`], for a fault that can do nothing to other nodes than these. What `node` means must be one in some
/// design; a node that noted a fact is taken for one.
pub(super) fn at_suited(
    nodes: &OneOrMore<NodeText>,
    timing: Timing<'_>,
    place: Place,
    stage: &Stage<'_>,
    patterns: &mut Patterns<'_>,
    (suited, kind): (Suited, impl Fn(Target) -> FaultKind),
) -> Vec<Planned> {
    let mut refused = false;
    for node in &nodes.0 {
        let is_met = match &node.value {
            NodeText::Receiver => timing.noter().is_none_or(|role| suited.roles.contains(&role)),
            NodeText::Name(name) => {
                let pattern = patterns.one(name, node.place, stage.all_casts);
                let all = stage.all_casts.iter().flat_map(|cast| &cast.nodes);
                let met: Vec<Role> =
                    all.filter(|(name, role)| pattern.matches(name, *role)).map(|(_, role)| *role).collect();
                met.is_empty() || met.iter().any(|role| suited.roles.contains(role))
            }
        };
        if !is_met {
            refused = true;
            patterns.findings.push(Diagnostic::new(suited.refusal).at(node.place).hint(suited.hint));
        }
    }
    if refused { Vec::new() } else { at_nodes(nodes, timing, place, stage, patterns, kind) }
}

/// A fault that meets nodes: one for each pattern that matches in this design.
pub(super) fn at_nodes(
    nodes: &OneOrMore<NodeText>,
    timing: Timing<'_>,
    place: Place,
    stage: &Stage<'_>,
    patterns: &mut Patterns<'_>,
    kind: impl Fn(Target) -> FaultKind,
) -> Vec<Planned> {
    let when = timing.plan(place, stage, patterns);
    let mut planned = Vec::new();
    for node in &nodes.0 {
        let target = match &node.value {
            NodeText::Receiver if timing.when.is_none() => {
                let diagnostic =
                    Diagnostic::new("`Receiver` is only known to a fault with `when`").at(node.place);
                patterns.findings.push(diagnostic.hint("add `when: Delivered(message: \"shop#3\")`"));
                continue;
            }
            NodeText::Receiver => Target::Receiver,
            NodeText::Name(name) => {
                let pattern = patterns.one(name, node.place, stage.all_casts);
                if !stage.cast.has(&pattern) {
                    continue;
                }
                Target::Nodes(pattern)
            }
        };
        planned.extend(when.iter().map(|when| (kind(target.clone()), when.clone())));
    }
    planned
}
