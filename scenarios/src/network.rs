//! Links between nodes: `network` in the file.

use crate::assumptions::Assumptions;
use crate::defaults::LATENCY;
use crate::named::{List, OneOrMore};
use crate::nodes::{Cast, NodeText, Patterns};
use crate::units::{ByteRate, Probability, SpanSpread, show_distribution, thousandths};
use redeliver_models::setup::{self, NodePattern};
use redeliver_sim::{Chance, Distribution};
use serde::Deserialize;

/// All links, and those that differ.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// One-way delay, a span or a distribution. Default `"0.5ms"`.
    pub latency: Option<SpanSpread>,
    /// Added to the latency. Default none.
    pub jitter: Option<SpanSpread>,
    /// Chance that a packet is lost; on a connection a lost segment comes late. Default none.
    pub loss: Option<Probability>,
    /// Chance that a datagram comes twice. Default none.
    pub duplication: Option<Probability>,
    /// Bytes per second. Default no limit.
    pub bandwidth: Option<ByteRate>,
    /// Links that differ; of several that match the later wins, field by field.
    #[serde(default)]
    pub links: List<LinkRule>,
}

/// Links that differ from the others. Directed: one entry for each way.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkRule {
    /// The sending end: a node, a glob or a role. Default: all.
    pub from: Option<OneOrMore<NodeText>>,
    /// The receiving end. Default: all.
    pub to: Option<OneOrMore<NodeText>>,
    /// See [`Network::latency`].
    pub latency: Option<SpanSpread>,
    /// See [`Network::jitter`].
    pub jitter: Option<SpanSpread>,
    /// See [`Network::loss`].
    pub loss: Option<Probability>,
    /// See [`Network::duplication`].
    pub duplication: Option<Probability>,
    /// See [`Network::bandwidth`].
    pub bandwidth: Option<ByteRate>,
}

impl Network {
    /// The links as they will be.
    pub(crate) fn plan(&self, casts: &[Cast], patterns: &mut Patterns<'_>) -> setup::Network {
        let mut rules = Vec::new();
        for rule in &self.links.0 {
            let mut ends = |end: &Option<OneOrMore<NodeText>>| match end {
                None => vec![NodePattern::any()],
                Some(some) => patterns.resolve(some, casts),
            };
            let (from, to) = (ends(&rule.from), ends(&rule.to));
            for from in &from {
                rules.extend(to.iter().map(|to| rule.plan(from, to)));
            }
        }
        setup::Network {
            default: setup::Link {
                latency: or(&self.latency, Distribution::Constant(LATENCY.value.0)),
                jitter: or(&self.jitter, Distribution::ZERO),
                loss: self.loss.as_ref().map_or(Chance::NEVER, |loss| loss.0),
                duplication: self.duplication.as_ref().map_or(Chance::NEVER, |chance| chance.0),
                bandwidth: self.bandwidth.as_ref().map(|rate| rate.0),
            },
            rules,
        }
    }

    /// What holds for all links.
    pub(crate) fn assume(&self, assumptions: &mut Assumptions) {
        let spread = |spread: &Option<SpanSpread>| spread.as_ref().map(|s| show_distribution(&s.0));
        let chance = |chance: &Option<Probability>| {
            chance.as_ref().map(|c| format!("{} %", thousandths(c.0.probability() * 100.0)))
        };
        let ours = LATENCY.source;
        assumptions.text("network.latency", spread(&self.latency), "0.5 ms", ours);
        assumptions.text("network.jitter", spread(&self.jitter), "0", ours);
        assumptions.text("network.loss", chance(&self.loss), "0 %", ours);
        assumptions.text("network.duplication", chance(&self.duplication), "0 %", ours);
        let bandwidth = self.bandwidth.as_ref().map(|rate| format!("{} MB/s", rate.0 / 1e6));
        assumptions.text("network.bandwidth", bandwidth, "unlimited", ours);
    }
}

impl LinkRule {
    fn plan(&self, from: &NodePattern, to: &NodePattern) -> setup::LinkRule {
        setup::LinkRule {
            from: from.clone(),
            to: to.clone(),
            latency: self.latency.as_ref().map(|latency| latency.0.clone()),
            jitter: self.jitter.as_ref().map(|jitter| jitter.0.clone()),
            loss: self.loss.as_ref().map(|loss| loss.0),
            duplication: self.duplication.as_ref().map(|chance| chance.0),
            bandwidth: self.bandwidth.as_ref().map(|rate| rate.0),
        }
    }
}

fn or(spread: &Option<SpanSpread>, default: Distribution) -> Distribution {
    spread.as_ref().map_or(default, |spread| spread.0.clone())
}
