//! Which links the faults of a setup meet: sides and shapes of partitions, pairs of ends, and a swizzle's order.
//!
//! Shapes and swizzles draw lots: each node's by its own name (a broker's by its role), so that a node has the same
//! lot whoever else is there, and whatever a design calls its broker. They are drawn before the run begins.
//!
//! A **swizzle** is FoundationDB's: links are jammed one by one and released in another order.

use super::Builder;
use super::faults::KernelAction;
use crate::setup::{Between, NodePattern, Role, Shape, Sides, Target};
use redeliver_sim::{Action, Effect, LinkId, Links, Luck, NodeId, Purpose, Span, name_hash};

/// What a fault draws from: one lot for each node, anew each time that it acts.
#[derive(Clone, Copy)]
pub(super) struct Lots {
    pub(super) purpose: Purpose,
    pub(super) time: u64,
}

impl Builder<'_> {
    /// The links that a partition cuts.
    pub(super) fn cut_links(&self, sides: &Sides, lots: Lots) -> Links {
        match sides {
            Sides::Nodes { nodes: Target::Nodes(pattern), others, one_way } => {
                self.crossing(pattern, others, *one_way)
            }
            Sides::Nodes { nodes: Target::Receiver, others, one_way } => {
                let others = others.iter().flat_map(|pattern| self.matching(pattern)).collect();
                Links::Noter { others, one_way: *one_way }
            }
            Sides::Groups(groups) => self.apart(groups),
            Sides::Shape { shape, among } => self.shaped(*shape, among, lots),
        }
    }

    /// The links from some nodes to others.
    pub(super) fn links_between(&self, between: &Between) -> Links {
        let (from, to) = (self.nodes_of(&between.from), self.nodes_of(&between.to));
        self.links_where(|a, b| {
            let there = from.contains(&a) && to.contains(&b);
            there || between.both_ways && from.contains(&b) && to.contains(&a)
        })
    }

    fn links_where(&self, meant: impl Fn(NodeId, NodeId) -> bool) -> Links {
        let found = self.world.links().filter(|(_, from, to)| meant(*from, *to)).map(|(link, _, _)| link);
        Links::These(found.collect::<Vec<LinkId>>())
    }

    /// Nodes that match any of these; all if there are none.
    fn nodes_of(&self, patterns: &[NodePattern]) -> Vec<NodeId> {
        if patterns.is_empty() {
            return self.matching(&NodePattern::any());
        }
        let mut nodes: Vec<NodeId> = patterns.iter().flat_map(|pattern| self.matching(pattern)).collect();
        nodes.sort();
        nodes.dedup();
        nodes
    }

    /// Links between these nodes and the others.
    fn crossing(&self, nodes: &NodePattern, others: &[NodePattern], one_way: bool) -> Links {
        let (inside, outside) = (self.matching(nodes), self.nodes_of(others));
        let leads_out = |from, to| inside.contains(&from) && !inside.contains(&to) && outside.contains(&to);
        self.links_where(|from, to| leads_out(from, to) || !one_way && leads_out(to, from))
    }

    fn apart(&self, groups: &[Vec<NodePattern>]) -> Links {
        let groups: Vec<Vec<NodeId>> = groups.iter().map(|group| self.nodes_of(group)).collect();
        let group_of = |node| groups.iter().position(|group| group.contains(&node));
        self.links_where(|from, to| match (group_of(from), group_of(to)) {
            (Some(from), Some(to)) => from != to,
            _ => false,
        })
    }

    fn shaped(&self, shape: Shape, among: &[NodePattern], lots: Lots) -> Links {
        let order = self.drawn_order(self.nodes_of(among), lots, 0);
        let place = |node| order.iter().position(|other| *other == node);
        self.links_where(|from, to| match (place(from), place(to)) {
            (Some(from), Some(to)) => shape.separates(from, to, order.len()),
            _ => false,
        })
    }

    /// The nodes by their lots, of which each has several.
    fn drawn_order(&self, mut nodes: Vec<NodeId>, lots: Lots, lot: u64) -> Vec<NodeId> {
        nodes.sort_by_cached_key(|node| {
            let is_broker = self.names.roles[node.0 as usize] == Role::Broker;
            let name = if is_broker { "brokers" } else { self.names.node(*node) };
            (lots.purpose.draw(Luck(name_hash(name)), lots.time * 2 + lot), node.0)
        });
        nodes
    }

    /// Jams, one for each node: the links to and from it, so long after the beginning.
    pub(super) fn swizzle(&self, nodes: &[NodePattern], over: Span, lots: Lots) -> Vec<(Span, KernelAction)> {
        let begins = self.drawn_order(self.nodes_of(nodes), lots, 0);
        let ends = self.drawn_order(begins.clone(), lots, 1);
        let count = begins.len().max(1) as u64;
        let nth = |n: usize| Span((u128::from(over.0) * n as u128 / u128::from(count)) as u64);
        let jam = |(begin, node): (usize, &NodeId)| {
            let end = ends.iter().position(|other| other == node).unwrap_or_default();
            let (begin, end) = (nth(begin), over + nth(end + 1));
            let links = self.links_where(|from, to| from == *node || to == *node);
            let lasts = Some(Span(end.0 - begin.0));
            (begin, Action::Impair { links, effect: Effect::Jam, lasts })
        };
        begins.iter().enumerate().map(jam).collect()
    }
}
