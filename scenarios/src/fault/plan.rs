//! From a typed fault to what breaks in one design.

use super::trigger::{Timing, check_meeting, from, message, subscriptions, times};
use super::{Drop, Fault, Handler, Packet, Partition};
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::OneOrMore;
use crate::nodes::{Cast, NodeText, Patterns};
use redeliver_models::setup::{self, FaultKind, MessageName, NodePattern, PacketKind, Target, When, Which};
use redeliver_sim::{Distribution, Span};

/// One design, as faults see it.
pub(crate) struct Stage<'a> {
    pub(crate) cast: &'a Cast,
    pub(crate) producers: &'a [setup::Producer],
    /// How many messages each member of a producer publishes, where that is known.
    pub(crate) counts: &'a [Option<u64>],
    pub(crate) consumers: &'a [setup::Consumer],
    /// Names of the consumers in the file: in a design that splits them, `fulfilment` is `fulfilment/1`, ….
    pub(crate) groups: &'a [String],
    pub(crate) all_casts: &'a [Cast],
    /// When the run ends at the latest.
    pub(crate) end: Span,
    pub(crate) stream: String,
    pub(crate) design: &'a setup::Design,
}

macro_rules! timing {
    ($fault:expr) => {
        Timing {
            at: &$fault.at,
            every: &$fault.every,
            when: &$fault.when,
            after: &$fault.after,
            times: &$fault.times,
        }
    };
}

impl Fault {
    /// The fault in one design: several where a subscription is split; none where it does not apply.
    pub(crate) fn plan(
        &self,
        place: Place,
        stage: &Stage<'_>,
        patterns: &mut Patterns<'_>,
    ) -> Vec<(FaultKind, When)> {
        match self {
            Fault::Crash(f) => {
                let restart_after = f.restart_after.as_ref().map(|span| span.0);
                let kind = |target| FaultKind::Crash { target, restart_after };
                at_nodes(&f.node, timing!(f), place, stage, patterns, kind)
            }
            Fault::MachineCrash(f) => {
                let restart_after = f.restart_after.as_ref().map(|span| span.0);
                let kind = |target| FaultKind::MachineCrash { target, restart_after };
                at_nodes(&f.node, timing!(f), place, stage, patterns, kind)
            }
            Fault::Reset(f) => {
                at_nodes(&f.node, timing!(f), place, stage, patterns, |target| FaultKind::Reset { target })
            }
            Fault::DiskFull(f) => {
                let lasts = f.lasts.as_ref().map(|span| span.0);
                let kind = |target| FaultKind::DiskFull { target, lasts };
                at_nodes(&f.node, timing!(f), place, stage, patterns, kind)
            }
            Fault::Partition(f) => f.plan(place, stage, patterns),
            Fault::Drop(f) => f.plan(stage, patterns.findings),
            Fault::Poison(f) => {
                if let Some(times) = &f.times {
                    let diagnostic = Diagnostic::new("`Poison` always fails").at(times.place);
                    patterns.findings.push(diagnostic.hint("write `FailingHandler(…, times: …)`"));
                }
                f.refuse_work(patterns.findings, place, "Poison");
                f.plan(place, stage, patterns.findings, |subscription, which| FaultKind::FailingHandler {
                    subscription,
                    which,
                    times: None,
                })
            }
            Fault::FailingHandler(f) => {
                f.refuse_work(patterns.findings, place, "FailingHandler");
                let times = times(&f.times, patterns.findings);
                f.plan(place, stage, patterns.findings, |subscription, which| FaultKind::FailingHandler {
                    subscription,
                    which,
                    times: Some(times),
                })
            }
            Fault::SlowHandler(f) => {
                if f.work.is_none() {
                    let diagnostic =
                        Diagnostic::new("`SlowHandler` needs `work`: how long the handler takes");
                    patterns.findings.push(diagnostic.at(place).hint("write for example `work: \"2s\"`"));
                }
                let work = f.work.as_ref().map_or(Distribution::ZERO, |work| work.0.clone());
                f.plan(place, stage, patterns.findings, |subscription, which| FaultKind::SlowHandler {
                    subscription,
                    which,
                    work: work.clone(),
                })
            }
        }
    }
}

/// A fault that meets nodes: one for each pattern that matches in this design.
fn at_nodes(
    nodes: &OneOrMore<NodeText>,
    timing: Timing<'_>,
    place: Place,
    stage: &Stage<'_>,
    patterns: &mut Patterns<'_>,
    kind: impl Fn(Target) -> FaultKind,
) -> Vec<(FaultKind, When)> {
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

impl Partition {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<(FaultKind, When)> {
        let when = timing!(self).plan(place, stage, patterns);
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

    fn kind(&self, nodes: Target, others: Vec<NodePattern>) -> FaultKind {
        let lasts = self.lasts.as_ref().map(|span| span.0);
        FaultKind::Partition { nodes, others, one_way: self.one_way, lasts }
    }
}

impl Drop {
    fn plan(&self, stage: &Stage<'_>, findings: &mut Findings) -> Vec<(FaultKind, When)> {
        let message = self.message.as_ref().map(|name| message(name, stage, findings));
        if !self.packet.exists_in(stage.design) {
            return Vec::new();
        }
        let kind = FaultKind::Drop {
            packet: match self.packet {
                Packet::Publish => PacketKind::Publish,
                Packet::Confirm => PacketKind::Confirm,
                Packet::Deliver => PacketKind::Deliver,
                Packet::Ack => PacketKind::Ack,
                Packet::Commit => PacketKind::Commit,
            },
            message: match message {
                Some(None) => return Vec::new(),
                Some(some) => some,
                None => None,
            },
            times: times(&self.times, findings),
        };
        vec![(kind, from(&self.at, stage, findings))]
    }
}

impl Handler {
    fn plan(
        &self,
        place: Place,
        stage: &Stage<'_>,
        findings: &mut Findings,
        kind: impl Fn(Option<usize>, Which) -> FaultKind,
    ) -> Vec<(FaultKind, When)> {
        let when = from(&self.at, stage, findings);
        let Some(which) = self.which(place, stage, findings) else { return Vec::new() };
        let subscriptions = match &self.subscription {
            None => vec![None],
            Some(name) => {
                let found = subscriptions(name, stage, findings);
                if let Which::Messages(messages) = &which {
                    messages.iter().for_each(|m| check_meeting(Some(m), name, &found, stage, findings));
                }
                found.into_iter().map(Some).collect()
            }
        };
        subscriptions.into_iter().map(|s| (kind(s, which.clone()), when.clone())).collect()
    }

    fn which(&self, place: Place, stage: &Stage<'_>, findings: &mut Findings) -> Option<Which> {
        let said =
            [self.message.is_some(), self.messages.is_some(), self.key.is_some(), self.chance.is_some()];
        if said.iter().filter(|said| **said).count() != 1 {
            let message = "say which messages by exactly one of `message`, `messages`, `key` and `chance`";
            findings.push(Diagnostic::new(message).at(place).hint("write for example `message: \"shop#3\"`"));
            return None;
        }
        if let Some(key) = &self.key {
            return Some(Which::Key(key.clone()));
        }
        if let Some(chance) = &self.chance {
            return Some(Which::Chance(chance.0));
        }
        let names = self.message.iter().chain(self.messages.iter().flatten());
        let mut found: Vec<MessageName> = names.filter_map(|name| message(name, stage, findings)).collect();
        found.sort();
        Some(Which::Messages(found))
    }

    fn refuse_work(&self, findings: &mut Findings, place: Place, name: &str) {
        if self.work.is_some() {
            let diagnostic = Diagnostic::new(format!("`{name}` has no `work`")).at(place);
            findings.push(diagnostic.hint("a handler that takes long is a `SlowHandler`"));
        }
    }
}
