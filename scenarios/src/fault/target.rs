//! Whom a fault meets.

use super::timing::Timing;
use super::{Planned, Stage};
use crate::diagnostic::{Diagnostic, Place};
use crate::named::OneOrMore;
use crate::nodes::{NodeText, Patterns};
use redeliver_models::setup::{FaultKind, Target};

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
