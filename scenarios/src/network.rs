//! Links between nodes: `network` in the file.

use crate::assumptions::Assumptions;
use crate::defaults::LATENCY;
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::impairments::{BufferText, BurstLoss};
use crate::named::{List, OneOrMore, Placed};
use crate::needs::{Demand, Need};
use crate::nodes::{Cast, NodeText, Patterns};
use crate::units::{ByteRate, Probability, Size, SpanSpread, show_distribution, show_size, thousandths};
use redeliver_models::setup::{self, NodePattern};
use redeliver_sim::{Chance, Distribution, Impairments};
use serde::Deserialize;

/// Makes a type of the properties that a link has, beside its own fields.
macro_rules! of_links {
    ($(#[$doc:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// One-way delay, a span or a distribution. Default `"0.5ms"`.
            pub latency: Option<SpanSpread>,
            /// Added to the latency. Default none.
            pub jitter: Option<SpanSpread>,
            /// Chance that a packet is lost; on a connection a lost segment comes late. Default none.
            pub loss: Option<Probability>,
            /// Loss in bursts, beside `loss`. Default none.
            pub burst_loss: Option<BurstLoss>,
            /// Chance that a datagram comes twice. Default none.
            pub duplication: Option<Placed<Probability>>,
            /// What the delay of a datagram's copy grows by. Default none.
            pub duplication_delay: Option<Placed<SpanSpread>>,
            /// Chance that a datagram is sent out of turn. Default none.
            pub reordering: Option<Placed<Probability>>,
            /// What the delay of such a datagram grows by. Default: it has no delay at all.
            pub reordering_delay: Option<Placed<SpanSpread>>,
            /// Bytes per second. Default no limit.
            pub bandwidth: Option<ByteRate>,
            /// Packets that wait for a link of some bandwidth. Default: as many as come.
            pub buffer: Option<Placed<BufferText>>,
            /// Bytes of the largest datagram. Default no limit.
            pub mtu: Option<Placed<Size>>,
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $name {
            /// What is said of the links between these ends.
            fn change(&self, from: &NodePattern, to: &NodePattern, findings: &mut Findings) -> setup::LinkRule {
                let spread = |spread: &Option<SpanSpread>| spread.as_ref().map(|spread| spread.0.clone());
                let chance = |chance: &Option<Probability>| chance.as_ref().map(|chance| chance.0);
                setup::LinkRule {
                    from: from.clone(),
                    to: to.clone(),
                    latency: spread(&self.latency),
                    jitter: spread(&self.jitter),
                    loss: chance(&self.loss),
                    duplication: self.duplication.as_ref().map(|chance| chance.value.0),
                    bandwidth: self.bandwidth.as_ref().map(|rate| rate.0),
                    burst: self.burst_loss.as_ref().map(|burst| burst.plan(findings)),
                    reordering: self.reordering.as_ref().map(|chance| chance.value.0),
                    reordering_delay: self.reordering_delay.as_ref().map(|delay| delay.value.0.clone()),
                    duplication_delay: self.duplication_delay.as_ref().map(|delay| delay.value.0.clone()),
                    buffer: self.buffer.as_ref().map(|buffer| buffer.value.plan(buffer.place, findings)),
                    mtu: self.mtu.as_ref().map(|mtu| mtu.value.0),
                }
            }

            /// What is said and needs datagrams, by name: what says that nothing happens needs none.
            fn of_datagrams(&self) -> Vec<(&'static str, Place)> {
                let chances = [("duplication", &self.duplication), ("reordering", &self.reordering)];
                let chances = chances.map(|(name, chance)| {
                    let said = chance.as_ref().filter(|chance| chance.value.0 > Chance::NEVER);
                    (name, said.map(|chance| chance.place))
                });
                let delays = [
                    ("duplication_delay", &self.duplication_delay),
                    ("reordering_delay", &self.reordering_delay),
                ];
                let delays = delays.map(|(name, delay)| {
                    let said = delay.as_ref().filter(|delay| delay.value.0 != Distribution::ZERO);
                    (name, said.map(|delay| delay.place))
                });
                let mtu = ("mtu", self.mtu.as_ref().map(|mtu| mtu.place));
                let all = chances.into_iter().chain(delays).chain([mtu]);
                all.filter_map(|(name, place)| Some((name, place?))).collect()
            }
        }
    };
}

of_links! {
    /// All links, and those that differ.
    pub struct Network {
        /// Links that differ; of several that match the later wins, field by field.
        #[serde(default)]
        pub links: List<LinkRule>,
    }
}

of_links! {
    /// Links that differ from the others. Directed: one entry for each way.
    pub struct LinkRule {
        /// The sending end: a node, a glob or a role. Default: all.
        pub from: Option<OneOrMore<NodeText>>,
        /// The receiving end. Default: all.
        pub to: Option<OneOrMore<NodeText>>,
    }
}

impl Network {
    /// The links as they will be.
    pub(crate) fn plan(
        &self,
        casts: &[Cast],
        doubled_by_fault: bool,
        patterns: &mut Patterns<'_>,
    ) -> setup::Network {
        let mut rules = Vec::new();
        for rule in &self.links.0 {
            let mut ends = |end: &Option<OneOrMore<NodeText>>| match end {
                None => vec![NodePattern::any()],
                Some(some) => patterns.resolve(some, casts),
            };
            let (from, to) = (ends(&rule.from), ends(&rule.to));
            let first = rules.len();
            for from in &from {
                for to in &to {
                    // What is wrong with a rule is wrong once, however many ends it names.
                    let before = patterns.findings.0.len();
                    rules.push(rule.change(from, to, patterns.findings));
                    if rules.len() > first + 1 {
                        patterns.findings.0.truncate(before);
                    }
                }
            }
        }
        let all = self.change(&NodePattern::any(), &NodePattern::any(), patterns.findings);
        self.check(doubled_by_fault, patterns.findings);
        setup::Network {
            default: setup::Link {
                latency: all.latency.unwrap_or(Distribution::Constant(LATENCY.value.0)),
                jitter: all.jitter.unwrap_or(Distribution::ZERO),
                loss: all.loss.unwrap_or(Chance::NEVER),
                duplication: all.duplication.unwrap_or(Chance::NEVER),
                bandwidth: all.bandwidth,
                impairments: Impairments {
                    burst: all.burst,
                    reordering: all.reordering.unwrap_or(Chance::NEVER),
                    reordering_delay: all.reordering_delay,
                    duplication_delay: all.duplication_delay.unwrap_or(Distribution::ZERO),
                    buffer: all.buffer,
                    mtu: all.mtu,
                },
            },
            rules,
        }
    }

    /// What an effect of these settings needs of a design.
    pub(crate) fn demands(&self, file: &str) -> Vec<Demand> {
        let all = self.of_datagrams().into_iter().map(|said| (said, ["(", ")"]));
        let rules = self.links.0.iter().flat_map(LinkRule::of_datagrams);
        let rules = rules.map(|said| (said, ["(links: [(", ")])"]));
        let demand = |((name, place), [open, close]): ((&str, Place), [&str; 2])| Demand {
            need: Need::Datagrams,
            nodes: NodePattern::any(),
            place,
            text: format!("network: {open}{name}: {}{close}", &file[place.start..place.end]),
        };
        all.chain(rules).map(demand).collect()
    }

    /// Refuses what could have no effect on any link.
    fn check(&self, doubled_by_fault: bool, findings: &mut Findings) {
        let rules = || self.links.0.iter();
        let buffers = rules().map(|rule| &rule.buffer).chain([&self.buffer]).flatten();
        let delays = rules().map(|rule| &rule.reordering_delay).chain([&self.reordering_delay]).flatten();
        let has_bandwidth = self.bandwidth.is_some() || rules().any(|rule| rule.bandwidth.is_some());
        for buffer in buffers.filter(|_| !has_bandwidth) {
            let diagnostic = Diagnostic::new("nothing waits for a link without `bandwidth`").at(buffer.place);
            findings.push(diagnostic.hint("add for example `bandwidth: \"1 MB/s\"`"));
        }
        let reorders = self.reordering.is_some() || rules().any(|rule| rule.reordering.is_some());
        for delay in delays.filter(|_| !reorders) {
            let diagnostic = Diagnostic::new("no datagram is sent out of turn").at(delay.place);
            findings.push(diagnostic.hint("add for example `reordering: \"1%\"`"));
        }
        let delays = rules().map(|rule| &rule.duplication_delay).chain([&self.duplication_delay]).flatten();
        let doubles = self.duplication.is_some() || rules().any(|rule| rule.duplication.is_some());
        let delays = delays.filter(|delay| delay.value.0 != Distribution::ZERO);
        for delay in delays.filter(|_| !doubles && !doubled_by_fault) {
            let diagnostic = Diagnostic::new("no datagram comes twice").at(delay.place);
            findings.push(diagnostic.hint("add for example `duplication: \"1%\"`"));
        }
    }

    /// What holds for all links.
    pub(crate) fn assume(&self, has_datagrams: bool, assumptions: &mut Assumptions) {
        let spread = |spread: &Option<SpanSpread>| spread.as_ref().map(|s| show_distribution(&s.0));
        let percent = |chance: &Probability| format!("{} %", thousandths(chance.0.probability() * 100.0));
        let ours = LATENCY.source;
        assumptions.text("network.latency", spread(&self.latency), "0.5 ms", ours);
        assumptions.text("network.jitter", spread(&self.jitter), "0", ours);
        assumptions.text("network.loss", self.loss.as_ref().map(percent), "0 %", ours);
        if has_datagrams {
            let duplication = self.duplication.as_ref().map(|chance| percent(&chance.value));
            assumptions.text("network.duplication", duplication, "0 %", ours);
        }
        let bandwidth = self.bandwidth.as_ref().map(|rate| format!("{} MB/s", rate.0 / 1e6));
        assumptions.text("network.bandwidth", bandwidth, "unlimited", ours);
        self.assume_impairments(has_datagrams, assumptions);
    }

    /// What few scenarios say is shown where it is said.
    fn assume_impairments(&self, has_datagrams: bool, assumptions: &mut Assumptions) {
        let mut said = |name: &str, value: String| {
            assumptions.text(&format!("network.{name}"), Some(value), "none", LATENCY.source);
        };
        if let Some(burst) = &self.burst_loss {
            said("burst_loss", burst.show());
        }
        let reordering = self.reordering.as_ref().filter(|share| share.value.0 > Chance::NEVER);
        if let Some(reordering) = reordering.filter(|_| has_datagrams) {
            said("reordering", format!("{} %", thousandths(reordering.value.0.probability() * 100.0)));
        }
        if let Some(buffer) = &self.buffer {
            said("buffer", buffer.show());
        }
        if let Some(mtu) = self.mtu.as_ref().filter(|_| has_datagrams) {
            said("mtu", show_size(mtu.value.0));
        }
    }
}
