//! What the world keeps beside the nodes' state: time, pending events, links, processes, faults, facts.

use crate::budget::Budget;
use crate::fault::{Action, Fault, Step, Trigger, Victims};
use crate::flying::{DEADLINE, Flying};
use crate::network::{Connection, ConnectionId, DropCause, Link};
use crate::node::{Checks, Domain, News, NodeId, Process};
use crate::queue::{Class, Queue};
use crate::random::Purpose;
use crate::time::{Span, Time};

/// In the place of a connection's epoch: the packet is a datagram.
pub(crate) const DATAGRAM: u32 = u32::MAX;
/// Beside a connection's epoch: the packet has waited unread, and is read now.
pub(crate) const READ: u32 = 1 << 31;

/// What is going to happen. `Event::at` is a link or a node. The tag stands by itself: hidden in a message's it would take
/// longer to read.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Body<D: Domain> {
    /// A packet arrives over a link.
    Message(D::Message),
    /// A node's timer ends.
    Timer(D::Timer),
    /// A node's replaceable timer ends, if it has not been replaced.
    Alarm { slot: u32, generation: u32 },
    /// A core has done a piece of work.
    Work(D::Timer),
    /// A disk has ended a sync.
    Synced(D::Timer),
    /// A disk has ended its transfers, or a read.
    Transferred(D::Timer),
    /// A node boots.
    Boot,
    /// The missing segment of a stalled stream is sent again.
    Release { stall: u32 },
    /// A call arrives at the server.
    Opening,
    /// The server's answer arrives at the client.
    Opened,
    /// The server's machine says that nobody listens.
    Refused,
    /// The client has waited long enough.
    ConnectTimeout,
    /// A receiver learns that the other end is gone; `reset` if it broke.
    Ending { reset: bool },
    /// A receiver has heard nothing for long.
    Silence,
    /// A sender may write again.
    Writable,
    /// A fault.
    Fault(Step),
    /// A segment is sent again to an end that has gone without a word.
    Retried,
    /// It was taken out of the wire.
    Void,
    /// The run is over.
    Halt,
}

#[derive(Clone, Copy)]
pub(crate) struct Event<D: Domain> {
    pub(crate) at: u32,
    /// Incarnation of a node, or epoch of a connection.
    pub(crate) epoch: u32,
    /// The verb of a story that this descends from.
    pub(crate) mark: u32,
    pub(crate) body: Body<D>,
}

impl<D: Domain> Body<D> {
    /// A process is told of it, and nobody else.
    pub(crate) fn is_of_process(&self) -> bool {
        matches!(
            self,
            Body::Timer(_) | Body::Alarm { .. } | Body::Work(_) | Body::Synced(_) | Body::Transferred(_)
        )
    }
}

/// Of a slot that has never been used, and of what was taken out.
impl<D: Domain> Default for Event<D> {
    fn default() -> Self {
        Event { at: 0, epoch: 0, mark: DEADLINE, body: Body::Void }
    }
}

/// A replaceable timer of a node.
#[derive(Clone)]
pub(crate) struct Alarm<D: Domain> {
    pub(crate) generation: u32,
    pub(crate) timer: Option<D::Timer>,
}

/// The bit of a kind of facts in a mask: there may be more than 64 kinds.
#[inline(always)]
pub(crate) fn bit(kind: u32) -> u64 {
    1 << (kind % 64)
}

#[derive(Clone)]
pub(crate) struct Core<D: Domain> {
    pub(crate) now: Time,
    pub(crate) queue: Queue<Event<D>>,
    pub(crate) links: Vec<Link<D::Message>>,
    pub(crate) connections: Vec<Connection>,
    pub(crate) processes: Vec<Process<D>>,
    pub(crate) alarms: Vec<Vec<Alarm<D>>>,
    pub(crate) machine_down: Vec<bool>,
    pub(crate) shared: D::Shared,
    pub(crate) checks: D::Checks,
    pub(crate) faults: Vec<Fault<D>>,
    /// How often each fault that waits for facts may still act.
    pub(crate) fault_times: Vec<u32>,
    /// Kinds of facts that are looked at one by one: some fault waits for them, or the checks keep all, or the running node
    /// is cut. A [`bit`] for each.
    pub(crate) watched: u64,
    /// What is to be taken out of the wire, and how many times.
    pub(crate) drops: Vec<(D::MessagePattern, u32)>,
    /// Faults that act now and will have an end: the fault, and who noted the fact that triggered it.
    pub(crate) under_way: Vec<(u32, Option<NodeId>)>,
    /// All faults have ended.
    pub(crate) healed: bool,
    /// How much may be down at once.
    pub(crate) budgets: Vec<Budget>,
    /// Faults that would have exceeded it.
    pub(crate) faults_skipped: u32,
    /// Faults that will still act or end at their time.
    pub(crate) faults_scheduled: u32,
    /// The running node has crashed at a fact: what it writes after that is discarded.
    pub(crate) cut: bool,
    /// A node names what dies with it: it cannot crash at one of these facts, and none is discarded.
    pub(crate) dying: bool,
    /// Crashes at a fact, carried out when the handler has returned.
    pub(crate) crashes: Vec<(u32, NodeId)>,
    /// The mark of what is happening.
    pub(crate) mark: u32,
    /// What is under way, by mark.
    pub(crate) flying: Flying,
    /// Before time 0: everything takes no time, and nothing is lost.
    pub(crate) prologue: bool,
    /// What is due at time 0, but is no part of the prologue: faults, deadlines.
    pub(crate) postponed: Vec<(Class, Event<D>)>,
    /// The end of the run has come, or it is taken for a loop.
    pub(crate) halted: bool,
    /// How many nodes are paused.
    pub(crate) paused: u32,
    /// Nodes that go on, and are to be told what has happened meanwhile.
    pub(crate) resumed: Vec<NodeId>,
    pub(crate) disk_purpose: Purpose,
}

impl<D: Domain> Core<D> {
    #[inline(always)]
    pub(crate) fn push(&mut self, time: Time, at: u32, epoch: u32, body: Body<D>) {
        self.push_marked(time, at, epoch, body, self.mark);
    }

    #[inline(always)]
    pub(crate) fn push_marked(&mut self, time: Time, at: u32, epoch: u32, body: Body<D>, mark: u32) {
        *self.place_apart(time, mark) = Event { at, epoch, mark, body };
    }

    /// One function for all but packets: what runs for each message has to fit into the nearest cache.
    #[inline(never)]
    fn place_apart(&mut self, time: Time, mark: u32) -> &mut Event<D> {
        self.place(time, mark)
    }

    /// Where an event is written that is going to happen then.
    #[inline(always)]
    pub(crate) fn place(&mut self, time: Time, mark: u32) -> &mut Event<D> {
        if self.prologue && self.is_postponed(time, mark) {
            self.postponed.push((Class::Ordinary, Event::default()));
            return self.postponed.last_mut().map(|(_, event)| event).expect("it was put there");
        }
        self.flying.add(mark);
        self.queue.push(time, Class::Ordinary)
    }

    #[cold]
    fn is_postponed(&self, time: Time, mark: u32) -> bool {
        time == self.now && mark == DEADLINE
    }

    pub(crate) fn push_fault(&mut self, time: Time, step: Step) {
        let event = Event { at: 0, epoch: 0, mark: DEADLINE, body: Body::Fault(step) };
        if self.prologue && time == Time::ZERO {
            return self.postponed.push((Class::Fault, event));
        }
        *self.queue.push(time.max(self.now), Class::Fault) = event;
    }

    /// Takes what is meant out of what is going to happen: nothing waits for it any more. In its order, with its times.
    #[cold]
    pub(crate) fn take_pending(&mut self, is_meant: impl Fn(&Event<D>) -> bool) -> Vec<(Time, Event<D>)> {
        let taken = self.queue.take_where(is_meant);
        taken.iter().for_each(|(_, event)| _ = self.flying.remove(event.mark));
        taken
    }

    /// A fact of the running node; nothing, if that has crashed at an earlier one.
    #[inline(always)]
    pub(crate) fn note_of_running(&mut self, node: NodeId, fact: D::Fact) {
        // One test for all that is rare, before the fact is used: so it stays in registers.
        if self.watched & bit(D::kind(&fact)) != 0 {
            return self.note_unless_cut(node, fact);
        }
        self.checks.fold(self.now, node, fact, &mut self.shared);
    }

    #[cold]
    #[inline(never)]
    fn note_unless_cut(&mut self, node: NodeId, fact: D::Fact) {
        if self.cut {
            return;
        }
        let crashes = self.crashes.len();
        self.note(node, fact);
        let meant = |(fault, _): &(u32, NodeId)| self.faults[*fault as usize].action.crashes(node);
        if !self.dying && self.crashes[crashes..].iter().any(meant) {
            self.cut = true;
            self.watch();
        }
    }

    /// A fact of the kernel's own.
    pub(crate) fn note(&mut self, node: NodeId, fact: D::Fact) {
        let watched = self.watched & bit(D::kind(&fact)) != 0;
        if watched {
            self.checks.keep(self.now, node, &fact, &self.shared);
        }
        self.checks.fold(self.now, node, fact, &mut self.shared);
        if watched {
            self.trigger(node, &fact);
        }
    }

    /// What is noted now counts again.
    pub(crate) fn uncut(&mut self) {
        if std::mem::take(&mut self.cut) {
            self.watch();
        }
    }

    /// Finds out which kinds of facts are to be looked at.
    pub(crate) fn watch(&mut self) {
        let kind = |fault: &Fault<D>| match &fault.trigger {
            Trigger::On { pattern, .. } if !self.healed => bit(D::pattern_kind(pattern)),
            _ => 0,
        };
        let all = self.cut || self.checks.keeps_facts();
        self.watched =
            if all { u64::MAX } else { self.faults.iter().map(kind).fold(0, |all, kind| all | kind) };
    }

    pub(crate) fn tell_checks(&mut self, node: NodeId, news: News) {
        self.checks.told(self.now, node, news);
    }

    fn trigger(&mut self, node: NodeId, fact: &D::Fact) {
        if self.healed {
            return;
        }
        for fault in 0..self.faults.len() {
            let Trigger::On { pattern, after, .. } = &self.faults[fault].trigger else { continue };
            let after = *after;
            if self.fault_times[fault] == 0
                || D::pattern_kind(pattern) != D::kind(fact)
                || !D::matches(pattern, node, fact, &self.shared)
            {
                continue;
            }
            self.fault_times[fault] -= 1;
            if after > Span::ZERO {
                self.faults_scheduled += 1;
                self.push_fault(self.now + after, Step::Act { fault: fault as u32, noter: Some(node) });
            } else if self.faults[fault].action.takes_down() {
                if self.is_over_budget(fault as u32, Some(node)) {
                    continue;
                }
                self.crashes.push((fault as u32, node));
            } else {
                self.act(fault as u32, Some(node));
            }
        }
    }

    /// Carries out what a fault does to anything but processes.
    pub(crate) fn act(&mut self, fault: u32, noter: Option<NodeId>) {
        let action = &self.faults[fault as usize].action;
        if !matches!(action, Action::Reset { .. } | Action::Drop { .. } | Action::Damage { .. }) {
            self.under_way.push((fault, noter));
        }
        let end = |span: Option<Span>| span.map(|span| (span, Step::End { fault, noter }));
        let end = match self.faults[fault as usize].action.clone() {
            Action::Crash { .. } | Action::Stop { .. } => unreachable!("processes are the world's"),
            Action::Cut { links, in_flight_lost, lasts } => {
                self.begin_cut(&links, noter, in_flight_lost);
                end(lasts)
            }
            Action::Impair { links, effect, lasts } => {
                self.begin_effect(&links, noter, fault, &effect);
                end(lasts)
            }
            Action::Reset { victims } => {
                victims.nodes(noter).for_each(|node| self.reset_connections(node));
                None
            }
            Action::Drop { pattern, times } => {
                self.drops.push((pattern, times));
                None
            }
            Action::Damage { victims, pattern } => {
                victims.nodes(noter).for_each(|node| self.damage_records(node, &pattern));
                None
            }
            Action::FillDisk { victims, lasts } => {
                for node in victims.nodes(noter) {
                    self.processes[node.0 as usize].disk.fill();
                    self.tell_checks(node, News::DiskFilled);
                }
                end(lasts)
            }
            Action::Trouble { victims, trouble, lasts } => {
                victims.nodes(noter).for_each(|node| self.begin_trouble(node, fault, trouble));
                end(trouble.lasts().or(lasts))
            }
        };
        if let Some((span, step)) = end {
            self.faults_scheduled += 1;
            self.push_fault(self.now + span, step);
        }
    }

    /// Takes back what a fault did.
    pub(crate) fn end(&mut self, fault: u32, noter: Option<NodeId>) {
        match self.faults[fault as usize].action.clone() {
            Action::Cut { links, .. } => self.end_cut(&links, noter),
            Action::Impair { links, .. } => self.end_effect(&links, noter, fault),
            Action::FillDisk { victims, .. } => {
                for node in victims.nodes(noter) {
                    self.processes[node.0 as usize].disk.unfill();
                    self.tell_checks(node, News::DiskRecovered);
                }
            }
            Action::Trouble { victims, trouble, .. } => {
                victims.nodes(noter).for_each(|node| self.end_trouble(node, fault, trouble));
            }
            Action::Crash { .. }
            | Action::Stop { .. }
            | Action::Reset { .. }
            | Action::Drop { .. }
            | Action::Damage { .. } => {}
        }
    }

    /// A message will not arrive.
    #[cold]
    #[inline(never)]
    pub(crate) fn dropped(&mut self, node: NodeId, message: &D::Message, cause: DropCause) {
        let fact = D::dropped(message, cause, &mut self.shared);
        self.note(node, fact);
    }

    /// Ends of a connection that belong to a node: connection and side.
    pub(crate) fn connections_of(&self, node: NodeId) -> Vec<(ConnectionId, usize)> {
        let all = self.connections.iter().enumerate();
        let sides = all.flat_map(|(i, connection)| {
            let id = ConnectionId(i as u32);
            [0, 1].into_iter().filter(|&side| connection.ends[side] == node).map(move |side| (id, side))
        });
        sides.collect()
    }
}

impl Victims {
    pub(crate) fn nodes(&self, noter: Option<NodeId>) -> impl Iterator<Item = NodeId> + use<> {
        match self {
            Victims::Noter => noter.into_iter().collect::<Vec<_>>().into_iter(),
            Victims::Nodes(nodes) => nodes.clone().into_iter(),
        }
    }
}
