//! `Partition`: nothing passes between some nodes and the others. Shapes are Jepsen's, groups are named.

use super::links::ends;
use super::timing::timed;
use super::{Planned, Stage, Typed};
use crate::diagnostic::{Diagnostic, Place};
use crate::named::{List, OneOrMore, Placed};
use crate::nodes::{NodeText, Patterns};
use crate::units::Duration;
use redeliver_models::setup::{self, FaultKind, NodePattern, Sides, Target};
use serde::Deserialize;

timed! {
    /// A partition of the network. Say who by exactly one of `nodes`, `shape` and `groups`.
    pub struct Partition {
        /// One side.
        pub nodes: Option<OneOrMore<NodeText>>,
        /// The other side of `nodes`. Default: all others.
        pub from_others: Option<Placed<OneOrMore<NodeText>>>,
        /// Only what goes out of `nodes` is cut. Default false.
        #[serde(default)]
        pub one_way: Placed<bool>,
        /// Nodes that are drawn, cut in this way.
        pub shape: Option<Placed<Shape>>,
        /// The nodes among which a `shape` is drawn. Default: all.
        pub among: Option<Placed<OneOrMore<NodeText>>>,
        /// Groups of nodes that do not reach each other. A node of no group reaches all.
        pub groups: Option<List<OneOrMore<NodeText>>>,
        /// What becomes of what is on its way. Default `Arrives`.
        #[serde(default)]
        pub in_flight: InFlight,
        /// How long it lasts. Default: for ever.
        pub lasts: Option<Duration>,
    }
}

/// How drawn nodes are cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Shape {
    /// One node from all others.
    One,
    /// Two halves.
    Halves,
    /// Each node reaches a majority, and no two the same.
    MajorityRing,
    /// Two halves, and a node between them that reaches both.
    Bridge,
}

/// What becomes of packets that are on their way as a link stops.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum InFlight {
    /// They arrive.
    #[default]
    Arrives,
    /// They are lost: datagrams for good, segments until they are sent again.
    Lost,
}

impl Typed for Partition {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        let when = self.timing().plan(place, stage, patterns);
        self.check(place, patterns);
        let sides = match (&self.nodes, &self.shape, &self.groups) {
            (Some(nodes), None, None) => self.two_sides(nodes, stage, patterns),
            (None, Some(shape), None) => self.drawn(shape, stage, patterns),
            (None, None, Some(groups)) => apart(groups, place, stage, patterns),
            _ => Vec::new(),
        };
        let in_flight_lost = self.in_flight == InFlight::Lost;
        let lasts = self.lasts.as_ref().map(|span| span.0);
        let kind = |sides: Sides| FaultKind::Partition { sides, in_flight_lost, lasts };
        let planned = sides.into_iter().flat_map(|side| {
            let kind = kind(side);
            when.iter().map(move |when| (kind.clone(), when.clone()))
        });
        planned.collect()
    }
}

impl Partition {
    fn check(&self, place: Place, patterns: &mut Patterns<'_>) {
        let said = [self.nodes.is_some(), self.shape.is_some(), self.groups.is_some()];
        if said.iter().filter(|said| **said).count() != 1 {
            let message = "say who is cut off by exactly one of `nodes`, `shape` and `groups`";
            let diagnostic = Diagnostic::new(message).at(place);
            patterns.findings.push(diagnostic.hint("write for example `nodes: \"stock/1\"`"));
        }
        if self.nodes.is_none() {
            let others = self.from_others.as_ref().map(|others| others.place);
            if let Some(place) = others.or(self.one_way.value.then_some(self.one_way.place)) {
                let diagnostic = Diagnostic::new("`from_others` and `one_way` belong to `nodes`").at(place);
                patterns.findings.push(diagnostic.hint("leave it out: shapes and groups cut both ways"));
            }
        }
        if let Some(among) = self.among.as_ref().filter(|_| self.shape.is_none()) {
            let diagnostic = Diagnostic::new("`among` belongs to `shape`").at(among.place);
            patterns.findings.push(diagnostic.hint("the other side of `nodes` is `from_others`"));
        }
    }

    fn two_sides(
        &self,
        nodes: &OneOrMore<NodeText>,
        stage: &Stage<'_>,
        patterns: &mut Patterns<'_>,
    ) -> Vec<Sides> {
        let one_way = self.one_way.value;
        let receiver = nodes.0.iter().any(|node| node.value == NodeText::Receiver);
        if receiver && nodes.0.len() == 1 && self.when.is_some() {
            let others = match &self.from_others {
                None => Vec::new(),
                Some(others) => stage.here(patterns.resolve(others, stage.all_casts)),
            };
            if others.is_empty() && self.from_others.is_some() {
                return Vec::new();
            }
            return vec![Sides::Nodes { nodes: Target::Receiver, others, one_way }];
        }
        let nodes = stage.here(patterns.resolve(nodes, stage.all_casts));
        if nodes.is_empty() {
            return Vec::new();
        }
        let others = match &self.from_others {
            Some(others) => {
                let found = stage.here(patterns.resolve(others, stage.all_casts));
                if found.is_empty() {
                    return Vec::new();
                }
                found
            }
            // Several patterns make one side: they are cut off from the rest, not from each other.
            None if nodes.len() > 1 => stage.cast.outside(&nodes),
            None => Vec::new(),
        };
        let side = |node| Sides::Nodes { nodes: Target::Nodes(node), others: others.clone(), one_way };
        nodes.into_iter().map(side).collect()
    }

    fn drawn(&self, shape: &Placed<Shape>, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Sides> {
        let among = self.among.as_ref().map(|among| among.value.clone());
        let Some(among) = ends(&among, stage, patterns) else { return Vec::new() };
        let planned = match shape.value {
            Shape::One => setup::Shape::One,
            Shape::Halves => setup::Shape::Halves,
            Shape::MajorityRing => setup::Shape::MajorityRing,
            Shape::Bridge => setup::Shape::Bridge,
        };
        let count = |cast: &crate::nodes::Cast| {
            let meant = |pattern: &NodePattern, name: &str, role| pattern.matches(name, role);
            let nodes = cast.nodes.iter();
            let all = among.is_empty();
            nodes.filter(|(name, role)| all || among.iter().any(|p| meant(p, name, *role))).count()
        };
        let least = planned.nodes_min();
        if stage.all_casts.iter().all(|cast| count(cast) < least) {
            let message = format!("it takes {least} nodes at least to cut anything in this shape");
            let diagnostic = Diagnostic::new(message).at(shape.place);
            patterns.findings.push(diagnostic.hint("take another shape, or `among` more nodes"));
        }
        if count(stage.cast) < least {
            return Vec::new();
        }
        vec![Sides::Shape { shape: planned, among }]
    }
}

fn apart(
    groups: &List<OneOrMore<NodeText>>,
    place: Place,
    stage: &Stage<'_>,
    patterns: &mut Patterns<'_>,
) -> Vec<Sides> {
    if groups.0.len() < 2 {
        let diagnostic = Diagnostic::new("`groups` needs two groups at least").at(place);
        let hint = "write for example `groups: [[\"shop\"], [\"brokers\", \"stock\"]]`";
        patterns.findings.push(diagnostic.hint(hint));
        return Vec::new();
    }
    let found = groups.0.iter().map(|group| stage.here(patterns.resolve(group, stage.all_casts)));
    let found: Vec<Vec<NodePattern>> = found.filter(|group| !group.is_empty()).collect();
    if found.len() < 2 { Vec::new() } else { vec![Sides::Groups(found)] }
}
