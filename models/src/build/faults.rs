//! Faults of a setup as faults of the kernel: names become numbers, random schedules become times.

use super::Builder;
use super::links::Lots;
use crate::domain::{FactPattern, Messaging, PacketPattern, RecordPattern};
use crate::message::SubscriptionId;
use crate::setup::{FactKind, Fault, FaultKind, NodePattern, PacketKind, Sides, Target, When, Which};
use crate::shared::Sought;
use redeliver_sim::{
    Action, Death, Fault as KernelFault, NodeId, Purpose, Span, Stream, Time, Trigger, Victims,
};
use std::collections::BTreeMap;

pub(super) type KernelTrigger = Trigger<FactPattern>;
pub(super) type KernelAction = Action<PacketPattern, RecordPattern>;

impl Builder<'_> {
    pub(super) fn faults(&mut self) {
        // First: of what is to happen at that instant, nothing else does.
        if let Some(span) = self.setup.heal_at {
            self.world.heal_at(Time::ZERO + span);
        }
        self.seek();
        let mut alike: BTreeMap<&str, u32> = BTreeMap::new();
        for fault in &self.setup.faults {
            // Named after what it says, not after its place: another fault changes nothing in its draws.
            let copies = alike.entry(&fault.text).or_insert(0);
            *copies += 1;
            let purpose = Purpose::new(self.setup.seed, &format!("fault {} {copies}", fault.text));
            let mut actions = self.actions(&fault.what, Lots { purpose, time: 0 });
            for (time, trigger) in self.triggers(fault).into_iter().enumerate() {
                if time > 0 && draws_lots(&fault.what) {
                    actions = self.actions(&fault.what, Lots { purpose, time: time as u64 });
                }
                for (after, action) in &actions {
                    let trigger = later(trigger.clone(), *after);
                    self.world.add_fault(KernelFault::<Messaging> { trigger, action: action.clone() });
                }
            }
        }
        for (pattern, most) in &self.setup.fault_budget {
            let nodes = self.matching(pattern);
            self.world.add_budget(nodes, *most);
        }
    }

    /// A commit says how far its group has come, not which messages it passes: the log's broker notes where those are
    /// that a fault asks for.
    fn seek(&mut self) {
        for fault in &self.setup.faults {
            if let FaultKind::Drop { packet: PacketKind::Commit, message: Some(name), .. } = &fault.what {
                let sought = Sought { message: self.about(name), place: None };
                self.world.shared_mut().sought.push(sought);
            }
        }
    }

    /// What a fault does, in one step or in several: how long after it acts, and what then.
    fn actions(&self, what: &FaultKind, lots: Lots) -> Vec<(Span, KernelAction)> {
        match what {
            FaultKind::RollingRestart { nodes, down, pause, graceful } => {
                let turn = |(n, node): (usize, NodeId)| {
                    let victims = Victims::Nodes(vec![node]);
                    let action = match graceful {
                        true => Action::Stop { victims, restart_after: *down },
                        false => Action::Crash { victims, death: Death::Process, restart_after: Some(*down) },
                    };
                    ((*down + *pause).times(n as u64), action)
                };
                self.matching(nodes).into_iter().enumerate().map(turn).collect()
            }
            FaultKind::Swizzle { nodes, over } => self.swizzle(nodes, *over, lots),
            _ => self.action(what, lots).map(|action| (Span::ZERO, action)).into_iter().collect(),
        }
    }

    fn triggers(&self, fault: &Fault) -> Vec<KernelTrigger> {
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
                FactKind::Prepared => 60,
                FactKind::Decided => 61,
            },
            message: fact.message.as_ref().map(|name| self.about(name)),
            key,
            subscription: fact.subscription.map(|s| SubscriptionId(s as u16)),
            nodes: fact.node.as_ref().map(|pattern| self.matching(pattern)),
        })
    }

    pub(super) fn matching(&self, pattern: &NodePattern) -> Vec<NodeId> {
        let all = self.names.nodes.iter().zip(&self.names.roles).enumerate();
        all.filter(|(_, (name, role))| pattern.matches(name, **role)).map(|(i, _)| NodeId(i as u32)).collect()
    }

    fn victims(&self, target: &Target) -> Victims {
        match target {
            Target::Nodes(pattern) => Victims::Nodes(self.matching(pattern)),
            Target::Receiver => Victims::Noter,
        }
    }

    fn crash(&self, target: &Target, death: Death, restart_after: Option<Span>) -> KernelAction {
        Action::Crash { victims: self.victims(target), death, restart_after }
    }

    fn action(&self, what: &FaultKind, lots: Lots) -> Option<KernelAction> {
        Some(match what {
            FaultKind::Crash { target, restart_after } => self.crash(target, Death::Process, *restart_after),
            FaultKind::MachineCrash { target, restart_after } => {
                self.crash(target, Death::Machine, *restart_after)
            }
            FaultKind::TornWrite { target, restart_after } => {
                self.crash(target, Death::MachineInWrite, *restart_after)
            }
            FaultKind::Partition { sides, in_flight_lost, lasts } => {
                let links = self.cut_links(sides, lots);
                Action::Cut { links, in_flight_lost: *in_flight_lost, lasts: *lasts }
            }
            FaultKind::Stop { between, in_flight_lost, lasts } => {
                let links = self.links_between(between);
                Action::Cut { links, in_flight_lost: *in_flight_lost, lasts: *lasts }
            }
            FaultKind::Impair { between, effect, lasts } => {
                let links = self.links_between(between);
                Action::Impair { links, effect: effect.clone(), lasts: *lasts }
            }
            FaultKind::Reset { target } => Action::Reset { victims: self.victims(target) },
            FaultKind::Drop { packet, message, times } => {
                let message = message.as_ref().map(|name| self.about(name));
                Action::Drop { pattern: PacketPattern { kind: *packet, message }, times: *times }
            }
            FaultKind::CorruptRecord { target, which } => {
                let pattern = RecordPattern { which: self.selection(which, lots.purpose), time: lots.time };
                Action::Damage { victims: self.victims(target), pattern }
            }
            FaultKind::DiskFull { target, lasts } => {
                Action::FillDisk { victims: self.victims(target), lasts: *lasts }
            }
            FaultKind::Trouble { target, trouble, lasts } => {
                Action::Trouble { victims: self.victims(target), trouble: *trouble, lasts: *lasts }
            }
            // These are several actions; handlers and answers have their faults from the beginning.
            FaultKind::Swizzle { .. }
            | FaultKind::RollingRestart { .. }
            | FaultKind::ErrorReply { .. }
            | FaultKind::FailingHandler { .. }
            | FaultKind::SlowHandler { .. } => return None,
        })
    }
}

/// Whether it may be another thing each time that the fault acts.
fn draws_lots(what: &FaultKind) -> bool {
    matches!(
        what,
        FaultKind::Swizzle { .. }
            | FaultKind::Partition { sides: Sides::Shape { .. }, .. }
            | FaultKind::CorruptRecord { which: Which::Chance(_), .. }
    )
}

/// The trigger of a later step of the same fault.
fn later(trigger: KernelTrigger, by: Span) -> KernelTrigger {
    match trigger {
        Trigger::At(time) => Trigger::At(time + by),
        Trigger::On { pattern, after, times } => Trigger::On { pattern, after: after + by, times },
    }
}
