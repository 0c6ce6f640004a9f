//! A world of nodes: takes the next event, tells the node that it concerns, carries out crashes.
//!
//! News of connections are dealt with in `connection.rs`; what runs, stories and tests do with a world is in
//! `outside.rs`.

use crate::arena::NONE;
use crate::clock::Clock;
use crate::core::{Body, Core, DATAGRAM, Event, bit};
use crate::disk::Disk;
use crate::fault::{Fault, Step, Trigger};
use crate::fifo::Fifo;
use crate::flying::{DEADLINE, Flying, UNMARKED};
use crate::impairment::Unusual;
use crate::network::{Connection, ConnectionId, DropCause, Link, LinkId, LinkSpec, Plain, Stream};
use crate::node::{Domain, Machine, Node, NodeId, Process};
use crate::out::Out;
use crate::pace::Pace;
use crate::queue::{Class, Queue};
use crate::random::Purpose;
use crate::time::Time;

/// Events that may happen at one instant before the run is taken for a loop.
pub const INSTANT_EVENTS_MAX: u64 = 1_000_000;

/// A world. Cloned, both copies go on identically.
#[derive(Clone)]
pub struct World<D: Domain> {
    pub(crate) nodes: Vec<D::Node>,
    pub(crate) blueprints: Vec<D::Node>,
    starts: Vec<Time>,
    pub(crate) core: Core<D>,
    events: u64,
    /// Events before those at the present instant.
    instant_began: u64,
}

impl<D: Domain> World<D> {
    /// An empty world under this seed.
    pub fn new(seed: u64, shared: D::Shared, checks: D::Checks) -> Self {
        let mut core = Core {
            now: Time::ZERO,
            queue: Queue::new(),
            links: Vec::new(),
            connections: Vec::new(),
            processes: Vec::new(),
            alarms: Vec::new(),
            machine_down: Vec::new(),
            shared,
            checks,
            faults: Vec::new(),
            fault_times: Vec::new(),
            watched: 0,
            drops: Vec::new(),
            under_way: Vec::new(),
            healed: false,
            budgets: Vec::new(),
            faults_skipped: 0,
            faults_scheduled: 0,
            cut: false,
            dying: false,
            crashes: Vec::new(),
            mark: UNMARKED,
            flying: Flying::default(),
            prologue: true,
            postponed: Vec::new(),
            halted: false,
            paused: 0,
            resumed: Vec::new(),
            disk_purpose: Purpose::new(seed, "disk"),
        };
        core.watch();
        World {
            nodes: Vec::new(),
            blueprints: Vec::new(),
            starts: Vec::new(),
            core,
            events: 0,
            instant_began: 0,
        }
    }

    /// Adds a node. Nodes are numbered in the order in which they are added.
    pub fn add_node(&mut self, node: D::Node, machine: Machine) -> NodeId {
        assert!(machine.cores > 0);
        self.blueprints.push(node.clone());
        self.nodes.push(node);
        self.starts.push(machine.starts);
        self.core.alarms.push(Vec::new());
        self.core.machine_down.push(false);
        self.core.processes.push(Process {
            incarnation: 0,
            up: false,
            clock: Clock::new(machine.clock_offset, machine.clock_drift),
            cores: machine.cores,
            cores_busy: 0,
            work: Fifo::default(),
            disk: Disk::new(machine.disk),
            pace: Pace::full(),
            disk_pace: Pace::full(),
            paused_until: Time::ZERO,
            paused_since: Time::ZERO,
            postponed: Vec::new(),
        });
        NodeId(self.nodes.len() as u32 - 1)
    }

    /// Adds a pair of links between two nodes, from the client and from the server; nothing is connected yet.
    /// `purposes` are what the links' draws depend on.
    pub fn add_connection(
        &mut self,
        ends: [NodeId; 2],
        specs: [LinkSpec; 2],
        purposes: [Purpose; 2],
    ) -> ConnectionId {
        let [client, server] = ends;
        for ((from, to), (spec, purpose)) in
            [(client, server), (server, client)].into_iter().zip(specs.into_iter().zip(purposes))
        {
            let alike = self.core.links.iter().rev().take(4).find(|link| *link.spec == spec);
            self.core.links.push(Link {
                from,
                to,
                unusual: Unusual::new(&spec, purpose),
                plain: Plain::new(&spec),
                spec: alike.map_or_else(|| spec.into(), |link| link.spec.clone()),
                purpose,
                cuts: 0,
                blocked_since: Time::ZERO,
                busy_until: Time::ZERO,
                bytes: 0,
                stream: Stream::new(),
            });
        }
        self.core.connections.push(Connection {
            ends,
            epochs: [0, 0],
            open: [false, false],
            calling: false,
            unheard: [false, false],
            unanswered: [None, None],
        });
        ConnectionId(self.core.connections.len() as u32 - 1)
    }

    /// Adds a fault. Faults of one instant act in the order in which they were added.
    pub fn add_fault(&mut self, fault: Fault<D>) {
        let index = self.core.faults.len() as u32;
        let times = match &fault.trigger {
            Trigger::At(time) => {
                self.core.faults_scheduled += 1;
                self.core.push_fault(*time, Step::Act { fault: index, noter: None });
                0
            }
            Trigger::On { pattern, times, .. } => {
                self.core.watched |= bit(D::pattern_kind(pattern));
                *times
            }
        };
        self.core.faults.push(fault);
        self.core.fault_times.push(times);
    }

    /// Boots these nodes before time 0, one after the other, each with all that follows from it: calls and answers
    /// take no time. What is to happen at time 0 waits. Nodes that start later are scheduled. After so many events the rest
    /// is left out.
    pub fn boot(&mut self, nodes: &[NodeId], events_max: u64) {
        for &node in nodes {
            let start = self.starts[node.0 as usize];
            if start > Time::ZERO {
                self.core.push_marked(start, node.0, 0, Body::Boot, DEADLINE);
                continue;
            }
            self.start(node);
            while self.core.queue.next_time() == Some(Time::ZERO) && self.core.flying.of(UNMARKED) > 0 {
                if self.events > events_max {
                    return;
                }
                self.step();
            }
        }
    }

    /// Time 0: from now on everything takes its time.
    pub fn begin(&mut self) {
        self.core.prologue = false;
        // A large group that forms is no loop.
        self.instant_began = self.events;
        for (class, event) in std::mem::take(&mut self.core.postponed) {
            *self.core.queue.push(Time::ZERO, class) = event;
        }
    }

    /// The run ends at this time, before anything but faults that would happen then: [`World::step`] says so.
    pub fn halt_at(&mut self, time: Time) {
        let event = Event { at: 0, epoch: 0, mark: DEADLINE, body: Body::Halt };
        *self.core.queue.push(time, Class::Fault) = event;
    }

    /// Events so far.
    #[inline(always)]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Events at the present instant so far.
    #[inline(always)]
    pub fn events_now(&self) -> u64 {
        self.events - self.instant_began
    }

    /// Takes the next event. False: there is none, the end of the run has come, or so much has happened at one instant
    /// ([`World::events_now`]) that it is taken for a loop.
    #[inline(always)]
    pub fn step(&mut self) -> bool {
        let slot = self.core.queue.pop();
        if slot == NONE {
            return false;
        }
        let (time, event) = self.core.queue.popped(slot);
        let (at, epoch, mark) = (event.at, event.epoch, event.mark);
        if time != self.core.now {
            self.move_to(time);
        } else if self.events_now() >= INSTANT_EVENTS_MAX && !self.core.prologue {
            self.core.halted = true;
        }
        self.events += 1;
        self.core.mark = self.core.flying.remove(mark);
        if self.core.paused == 0 || !self.core.postpones(*self.core.queue.popped(slot).1) {
            self.handle(slot, at, epoch);
        }
        !self.core.halted
    }

    #[inline(always)]
    pub(crate) fn move_to(&mut self, time: Time) {
        self.core.now = time;
        self.instant_began = self.events;
    }

    /// Of an event, only what is needed is copied from where it stands.
    #[inline(always)]
    fn handle(&mut self, slot: u32, at: u32, epoch: u32) {
        let timer = match self.core.queue.popped(slot).1.body {
            Body::Message(message) => return self.arrive(LinkId(at), epoch, message),
            Body::Timer(timer) if self.core.processes[at as usize].incarnation == epoch => Some(timer),
            Body::Work(done) => self.end_work(at, epoch, done),
            _ => self.handle_rare(slot),
        };
        if let Some(timer) = timer {
            let mut out = Out { core: &mut self.core, node: NodeId(at) };
            self.nodes[at as usize].on_timer(timer, &mut out);
            self.after_telling();
        }
    }

    #[inline(always)]
    fn arrive(&mut self, link: LinkId, epoch: u32, message: D::Message) {
        let to = self.core.links[link.0 as usize].to;
        let connection = link.connection();
        if epoch == DATAGRAM {
            if !self.core.processes[to.0 as usize].up {
                return self.core.dropped(to, &message, DropCause::NodeDown);
            }
        } else {
            let state = &self.core.connections[connection.0 as usize];
            if state.epochs[link.receiver()] != epoch || !state.open[link.receiver()] {
                if !self.core.reads(link, epoch, message) {
                    return;
                }
            } else if self.core.links[link.0 as usize].stream.reading_stopped {
                return self.core.leave_unread(link, message);
            }
        }
        let mut out = Out { core: &mut self.core, node: to };
        self.nodes[to.0 as usize].on_message(connection, message, &mut out);
        self.after_telling();
    }

    /// A core goes on with the next piece of work. What its node is told, if the work has not been given up.
    #[inline(always)]
    fn end_work(&mut self, at: u32, epoch: u32, done: D::Timer) -> Option<D::Timer> {
        let process = &mut self.core.processes[at as usize];
        if process.pace.epoch != epoch {
            return None;
        }
        match process.work.pop_front() {
            Some((span, next, mark)) => {
                self.core.flying.remove(mark);
                if process.pace.altered {
                    self.core.begin_slowly(NodeId(at), span, Body::Work(next), mark);
                } else {
                    self.core.push_marked(self.core.now + span, at, epoch, Body::Work(next), mark);
                }
            }
            None => process.cores_busy -= 1,
        }
        Some(done)
    }

    /// If it is a timer after all: what its node is told.
    #[inline(never)]
    fn handle_rare(&mut self, slot: u32) -> Option<D::Timer> {
        let event = *self.core.queue.popped(slot).1;
        match event.body {
            Body::Alarm { slot, generation } => {
                let alarm = self.core.alarms[event.at as usize].get_mut(slot as usize);
                let alarm = alarm.filter(|alarm| alarm.generation == generation);
                let timer = alarm.and_then(|alarm| alarm.timer.take());
                return timer.filter(|_| self.is_current(event));
            }
            Body::Synced(timer) | Body::Transferred(timer) => {
                let process = &mut self.core.processes[event.at as usize];
                let current = process.disk_pace.epoch == event.epoch;
                if current && matches!(event.body, Body::Synced(_)) {
                    process.disk.end_sync();
                }
                return current.then_some(timer);
            }
            Body::Boot if self.is_current(event) => self.restart(NodeId(event.at)),
            Body::Fault(step) => self.fault(step),
            Body::Halt => self.core.halted = true,
            Body::Release { stall } => self.core.release(LinkId(event.at), event.epoch, stall),
            Body::Message(_) | Body::Timer(_) | Body::Work(_) | Body::Boot | Body::Void => {}
            _ => self.connection_event(LinkId(event.at), event.epoch, event.body),
        }
        None
    }

    fn is_current(&self, event: Event<D>) -> bool {
        self.core.processes[event.at as usize].incarnation == event.epoch
    }

    /// Hands the node what happened. Messages and timers are handed over without this: so it is the node's choice whether
    /// what it does with them becomes a part of the loop.
    pub(crate) fn tell(&mut self, node: NodeId, told: impl FnOnce(&mut D::Node, &mut Out<'_, D>)) {
        told(&mut self.nodes[node.0 as usize], &mut Out { core: &mut self.core, node });
        self.after_telling();
    }

    /// Carries out the crashes that the facts of a node which was told something have triggered.
    #[inline(always)]
    pub(crate) fn after_telling(&mut self) {
        if !self.core.crashes.is_empty() {
            self.carry_out_crashes();
        }
    }

    #[cold]
    #[inline(never)]
    fn carry_out_crashes(&mut self) {
        self.core.uncut();
        while !self.core.crashes.is_empty() {
            let (fault, noter) = self.core.crashes.remove(0);
            self.take_down(fault, Some(noter));
        }
    }

    fn fault(&mut self, step: Step) {
        if self.core.healed {
            return;
        }
        self.core.faults_scheduled -= u32::from(!matches!(step, Step::Heal));
        match step {
            Step::Act { fault, noter } if self.core.faults[fault as usize].action.takes_down() => {
                if !self.core.is_over_budget(fault, noter) {
                    self.take_down(fault, noter);
                }
            }
            Step::Act { fault, noter } => self.core.act(fault, noter),
            Step::End { fault, noter } => self.core.end_in_time(fault, noter),
            Step::Heal => self.heal(),
        }
        self.catch_up_resumed();
        if !self.core.crashes.is_empty() {
            self.carry_out_crashes();
        }
    }

    /// Nodes that go on are told what has happened meanwhile.
    pub(crate) fn catch_up_resumed(&mut self) {
        for node in std::mem::take(&mut self.core.resumed) {
            self.catch_up(node);
        }
    }

    /// Tells a node that goes on what has happened while it was paused.
    fn catch_up(&mut self, node: NodeId) {
        let mark = self.core.mark;
        for event in self.core.take_postponed(node) {
            self.core.mark = if event.mark == DEADLINE { UNMARKED } else { event.mark };
            if self.core.paused == 0 || !self.core.postpones(event) {
                let slot = self.core.queue.pass(self.core.now, event);
                self.handle(slot, event.at, event.epoch);
            }
        }
        self.core.mark = mark;
    }
}
