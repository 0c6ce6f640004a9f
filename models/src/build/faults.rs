//! Faults of a setup as faults of the kernel: names become numbers, random schedules become times.

use super::Builder;
use crate::domain::{FactPattern, Messaging, PacketPattern};
use crate::message::SubscriptionId;
use crate::setup::{FactKind, Fault, FaultKind, NodePattern, Target, When};
use redeliver_sim::{Action, Fault as KernelFault, LinkId, NodeId, Span, Stream, Time, Trigger, Victims};

impl Builder<'_> {
    pub(super) fn faults(&mut self) {
        for fault in &self.setup.faults {
            let Some(action) = self.action(&fault.what) else { continue };
            for trigger in self.triggers(fault) {
                self.world.add_fault(KernelFault::<Messaging> { trigger, action: action.clone() });
            }
        }
    }

    fn triggers(&self, fault: &Fault) -> Vec<Trigger<FactPattern>> {
        match &fault.when {
            When::At(time) => vec![Trigger::At(*time)],
            When::Every { span, stream } => {
                let mut stream = Stream::new(self.setup.seed, stream);
                let end = Time::ZERO + self.setup.duration;
                let mut time = Time::ZERO;
                std::iter::from_fn(|| {
                    time = time + Span(span.sample(stream.draw()).max(1));
                    (time < end).then_some(Trigger::At(time))
                })
                .collect()
            }
            When::On { fact, after, times } => {
                vec![Trigger::On { pattern: self.pattern(fact), after: *after, times: *times }]
            }
        }
    }

    fn pattern(&self, fact: &crate::setup::FactPattern) -> FactPattern {
        FactPattern {
            kind: match fact.kind {
                FactKind::Published => 1,
                FactKind::Stored if matches!(self.setup.design, crate::setup::Design::Log(_)) => 5,
                FactKind::Stored => 4,
                FactKind::Confirmed => 8,
                FactKind::Delivered => 12,
                FactKind::Processed => 13,
                FactKind::Acked => 15,
            },
            message: fact.message.as_ref().map(|name| self.about(name)),
            key: fact.key.as_ref().and_then(|key| self.names.find_key(key)),
            subscription: fact.subscription.map(|s| SubscriptionId(s as u16)),
            nodes: fact.node.as_ref().map(|pattern| self.matching(pattern)),
        }
    }

    fn matching(&self, pattern: &NodePattern) -> Vec<NodeId> {
        let all = self.names.nodes.iter().zip(&self.names.roles).enumerate();
        all.filter(|(_, (name, role))| pattern.matches(name, **role)).map(|(i, _)| NodeId(i as u32)).collect()
    }

    fn victims(&self, target: &Target) -> Victims {
        match target {
            Target::Nodes(pattern) => Victims::Nodes(self.matching(pattern)),
            Target::Receiver => Victims::Noter,
        }
    }

    fn action(&self, what: &FaultKind) -> Option<Action<PacketPattern>> {
        Some(match what {
            FaultKind::Crash { target, restart_after } => {
                Action::Crash { victims: self.victims(target), machine: false, restart_after: *restart_after }
            }
            FaultKind::MachineCrash { target, restart_after } => {
                Action::Crash { victims: self.victims(target), machine: true, restart_after: *restart_after }
            }
            FaultKind::Partition { nodes, others, one_way, lasts } => {
                let Target::Nodes(pattern) = nodes else { return None };
                Action::Cut { links: self.crossing(pattern, others, *one_way), lasts: *lasts }
            }
            FaultKind::Reset { target } => Action::Reset { victims: self.victims(target) },
            FaultKind::Drop { packet, message, times } => {
                let message = message.as_ref().map(|name| self.about(name));
                Action::Drop { pattern: PacketPattern { kind: *packet, message }, times: *times }
            }
            FaultKind::DiskFull { target, lasts } => {
                Action::FillDisk { victims: self.victims(target), lasts: *lasts }
            }
            FaultKind::Trouble { target, trouble, lasts } => {
                Action::Trouble { victims: self.victims(target), trouble: *trouble, lasts: *lasts }
            }
            FaultKind::FailingHandler { .. } | FaultKind::SlowHandler { .. } => return None,
        })
    }

    /// Links between these nodes and the others.
    fn crossing(&self, nodes: &NodePattern, others: &[NodePattern], one_way: bool) -> Vec<LinkId> {
        let inside = self.matching(nodes);
        let outside: Vec<NodeId> = others.iter().flat_map(|pattern| self.matching(pattern)).collect();
        let is_outside =
            |node: NodeId| !inside.contains(&node) && (others.is_empty() || outside.contains(&node));
        let all = self.world.links();
        all.filter(|(_, from, to)| {
            let out = inside.contains(from) && is_outside(*to);
            let back = inside.contains(to) && is_outside(*from);
            out || back && !one_way
        })
        .map(|(link, _, _)| link)
        .collect()
    }
}
