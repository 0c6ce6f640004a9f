//! Faults of a setup as faults of the kernel: names become numbers, random schedules become times.

use super::Builder;
use crate::domain::{FactPattern, Messaging, PacketPattern};
use crate::message::SubscriptionId;
use crate::setup::{FactKind, Fault, FaultKind, NodePattern, Target, When};
use redeliver_sim::{Action, Fault as KernelFault, LinkId, NodeId, Span, Stream, Time, Trigger, Victims};

impl Builder<'_> {
    pub(super) fn faults(&mut self) {
        // First: of what is to happen at that instant, nothing else does.
        if let Some(span) = self.setup.heal_at {
            self.world.heal_at(Time::ZERO + span);
        }
        for fault in &self.setup.faults {
            for (after, action) in self.actions(&fault.what) {
                for trigger in self.triggers(fault) {
                    let trigger = later(trigger, after);
                    self.world.add_fault(KernelFault::<Messaging> { trigger, action: action.clone() });
                }
            }
        }
        for (pattern, most) in &self.setup.fault_budget {
            let nodes = self.matching(pattern);
            self.world.add_budget(nodes, *most);
        }
    }

    /// What a fault does, in one step or in several: how long after it acts, and what then.
    fn actions(&self, what: &FaultKind) -> Vec<(Span, Action<PacketPattern>)> {
        let FaultKind::RollingRestart { nodes, down, pause, graceful } = what else {
            return self.action(what).into_iter().map(|action| (Span::ZERO, action)).collect();
        };
        let turn = |(n, node): (usize, NodeId)| {
            let victims = Victims::Nodes(vec![node]);
            let action = match graceful {
                true => Action::Stop { victims, restart_after: *down },
                false => Action::Crash { victims, machine: false, restart_after: Some(*down) },
            };
            ((*down + *pause).times(n as u64), action)
        };
        self.matching(nodes).into_iter().enumerate().map(turn).collect()
    }

    fn triggers(&self, fault: &Fault) -> Vec<Trigger<FactPattern>> {
        match &fault.when {
            When::At(time) => vec![Trigger::At(*time)],
            When::Every { span, from, until, times, stream } => {
                let mut stream = Stream::new(self.setup.seed, stream);
                let mut time = *from;
                std::iter::from_fn(|| {
                    time = time + Span(span.sample(stream.draw()).max(1));
                    (time < *until).then_some(Trigger::At(time))
                })
                .take(times.map_or(usize::MAX, |times| times as usize))
                .collect()
            }
            When::On { fact, after, times } => {
                let pattern = self.pattern(fact).into_iter();
                pattern.map(|pattern| Trigger::On { pattern, after: *after, times: *times }).collect()
            }
        }
    }

    /// None: no message has the key.
    fn pattern(&self, fact: &crate::setup::FactPattern) -> Option<FactPattern> {
        let key = match &fact.key {
            Some(key) => Some(self.names.find_key(key)?),
            None => None,
        };
        Some(FactPattern {
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
            key,
            subscription: fact.subscription.map(|s| SubscriptionId(s as u16)),
            nodes: fact.node.as_ref().map(|pattern| self.matching(pattern)),
        })
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
            FaultKind::RollingRestart { .. } => unreachable!("it has several steps"),
            FaultKind::ErrorReply { .. }
            | FaultKind::FailingHandler { .. }
            | FaultKind::SlowHandler { .. } => return None,
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

/// The trigger of a later step of the same fault.
fn later(trigger: Trigger<FactPattern>, by: Span) -> Trigger<FactPattern> {
    match trigger {
        Trigger::At(time) => Trigger::At(time + by),
        Trigger::On { pattern, after, times } => Trigger::On { pattern, after: after + by, times },
    }
}
