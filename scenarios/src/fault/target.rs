//! Whom a fault meets.

use super::timing::Timing;
use super::{Planned, Stage};
use crate::diagnostic::{Diagnostic, Place};
use crate::named::{OneOrMore, Placed};
use crate::needs::Need;
use crate::nodes::{Cast, NodeText, Patterns};
use redeliver_models::setup::{FaultKind, NodePattern, Target};

/// As [`at_nodes`], for a fault that can do nothing to nodes without this. One of those that `node` means must have it
/// in some design; where none has it, the fault does not apply.
pub(super) fn at_suited(
    nodes: &OneOrMore<NodeText>,
    timing: Timing<'_>,
    place: Place,
    stage: &Stage<'_>,
    patterns: &mut Patterns<'_>,
    (need, kind): (Need, impl Fn(Target) -> FaultKind),
) -> Vec<Planned> {
    let mut refused = false;
    let mut here = Vec::new();
    for node in &nodes.0 {
        let (is_refused, is_here) = match &node.value {
            NodeText::Receiver => {
                let meets = |cast: &Cast| timing.kind().is_none_or(|kind| cast.noter_meets(need, kind));
                (!stage.all_casts.iter().any(meets), meets(stage.cast))
            }
            NodeText::Name(name) => {
                let pattern = patterns.one(name, node.place, stage.all_casts);
                let all = || stage.all_casts.iter();
                let is_known = all().any(|cast| cast.has(&pattern));
                let is_met = all().any(|cast| cast.meets(need, &pattern));
                (is_known && !is_met, stage.cast.meets(need, &pattern))
            }
        };
        if is_refused {
            patterns.findings.push(need.refusal(node.place));
        }
        refused |= is_refused;
        here.extend(is_here.then(|| node.clone()));
    }
    let planned = at_nodes(&OneOrMore(here), timing, place, stage, patterns, kind);
    if refused { Vec::new() } else { planned }
}

/// A fault that meets nodes: all that match in this design at once, and apart from them the one that notes the fact.
pub(super) fn at_nodes(
    nodes: &OneOrMore<NodeText>,
    timing: Timing<'_>,
    place: Place,
    stage: &Stage<'_>,
    patterns: &mut Patterns<'_>,
    kind: impl Fn(Target) -> FaultKind,
) -> Vec<Planned> {
    let when = timing.plan(place, stage, patterns);
    let (receivers, named): (Vec<Placed<NodeText>>, Vec<Placed<NodeText>>) =
        nodes.0.iter().cloned().partition(|node| node.value == NodeText::Receiver);
    if let Some(receiver) = receivers.first().filter(|_| timing.when.is_none()) {
        let diagnostic =
            Diagnostic::new("`Receiver` is only known to a fault with `when`").at(receiver.place);
        patterns.findings.push(diagnostic.hint("add `when: Delivered(message: \"shop#3\")`"));
        return Vec::new();
    }
    let found = stage.here(patterns.resolve(&OneOrMore(named), stage.all_casts));
    let named = NodePattern::any_of(found).map(Target::Nodes);
    let receiver = receivers.first().map(|_| Target::Receiver);
    let targets = named.into_iter().chain(receiver);
    targets
        .flat_map(|target| when.iter().map(|when| (kind(target.clone()), when.clone())).collect::<Vec<_>>())
        .collect()
}
