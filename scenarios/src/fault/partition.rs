//! `Partition`: nothing passes between some nodes and the others.

use super::timing::timed;
use super::{Planned, Stage, Typed};
use crate::diagnostic::Place;
use crate::named::OneOrMore;
use crate::nodes::{NodeText, Patterns};
use crate::units::Duration;
use redeliver_models::setup::{FaultKind, NodePattern, Target};

timed! {
    /// A partition of the network.
    pub struct Partition {
        /// One side.
        pub nodes: OneOrMore<NodeText>,
        /// The other side. Default: all others.
        pub from_others: Option<OneOrMore<NodeText>>,
        /// Only what goes out of `nodes` is cut. Default false.
        #[serde(default)]
        pub one_way: bool,
        /// How long it lasts. Default: for ever.
        pub lasts: Option<Duration>,
    }
}

impl Typed for Partition {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        let when = self.timing().plan(place, stage, patterns);
        let here = |found: Vec<NodePattern>| -> Vec<NodePattern> {
            found.into_iter().filter(|pattern| stage.cast.has(pattern)).collect()
        };
        let receiver = self.nodes.0.iter().any(|node| node.value == NodeText::Receiver);
        if receiver && self.nodes.0.len() == 1 && self.when.is_some() {
            let others = self.from_others.as_ref().map(|o| here(patterns.resolve(o, stage.all_casts)));
            return when
                .into_iter()
                .map(|when| (self.kind(Target::Receiver, others.clone().unwrap_or_default()), when))
                .collect();
        }
        let nodes = here(patterns.resolve(&self.nodes, stage.all_casts));
        if nodes.is_empty() {
            return Vec::new();
        }
        let others = match &self.from_others {
            Some(others) => {
                let found = here(patterns.resolve(others, stage.all_casts));
                if found.is_empty() {
                    return Vec::new();
                }
                found
            }
            // Several patterns make one side: they are cut off from the rest, not from each other.
            None if nodes.len() > 1 => stage.cast.outside(&nodes),
            None => Vec::new(),
        };
        let mut planned = Vec::new();
        for node in nodes {
            let target = Target::Nodes(node);
            planned.extend(when.iter().map(|w| (self.kind(target.clone(), others.clone()), w.clone())));
        }
        planned
    }
}

impl Partition {
    fn kind(&self, nodes: Target, others: Vec<NodePattern>) -> FaultKind {
        let lasts = self.lasts.as_ref().map(|span| span.0);
        FaultKind::Partition { nodes, others, one_way: self.one_way, lasts }
    }
}
