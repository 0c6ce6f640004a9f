//! What is done with a world and seen of it from outside: by a run, a story, a test.

use crate::core::{Body, DATAGRAM, Event, READ};
use crate::disk::Disk;
use crate::fault::Trouble;
use crate::flying::UNMARKED;
use crate::network::{ConnectionId, DropCause, LinkId};
use crate::node::{Domain, NodeId, Process};
use crate::out::Out;
use crate::queue::Queue;
use crate::time::Time;
use crate::world::World;

/// How much of what grows with a run the kernel holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// Pending events, packets on their way among them: as many as there is room for; and what waits for a core or for
    /// the end of a pause.
    pub events: usize,
    /// Packets that wait behind a missing segment, or unread.
    pub packets: usize,
    /// Entries of all disks' files.
    pub records: usize,
    /// And those of files whose records are words.
    pub words: usize,
}

/// The verb of a story that an event descends from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark(u32);

impl<D: Domain> World<D> {
    /// Does something with a node as if it had been told: for stories and tests.
    pub fn command(&mut self, node: NodeId, mark: Mark, told: impl FnOnce(&mut D::Node, &mut Out<'_, D>)) {
        self.core.mark = mark.0;
        self.tell(node, told);
        self.core.mark = UNMARKED;
    }

    /// A new mark: what descends from it can be waited for.
    pub fn new_mark(&mut self) -> Mark {
        Mark(self.core.flying.new_mark())
    }

    /// Makes what is done from outside until the next event descend from this mark.
    pub fn set_mark(&mut self, mark: Mark) {
        self.core.mark = mark.0;
    }

    /// Pending events that descend from a mark; deadlines are not counted.
    pub fn in_flight(&self, mark: Mark) -> u32 {
        self.core.flying.of(mark.0)
    }

    /// Whether nothing is on its way or being worked on: only deadlines and faults are left.
    #[inline(always)]
    pub fn is_quiet(&self) -> bool {
        self.core.flying.is_none()
    }

    /// Faults that will still act at their time.
    pub fn faults_scheduled(&self) -> u32 {
        self.core.faults_scheduled
    }

    /// The present.
    #[inline(always)]
    pub fn now(&self) -> Time {
        self.core.now
    }

    /// The instant of the next event.
    pub fn next_time(&mut self) -> Option<Time> {
        self.core.queue.next_time()
    }

    /// Moves the present on to a time at which nothing is left to happen.
    pub fn advance_to(&mut self, time: Time) {
        assert!(self.core.queue.next_time().is_none_or(|next| next >= time));
        if time > self.core.now {
            self.move_to(time);
        }
    }

    /// A process stands still from now on, until it is told to go on.
    pub fn pause(&mut self, node: NodeId) {
        let lasts = Time::NEVER.since(self.core.now);
        self.core.begin_trouble(node, u32::MAX, Trouble::Pause { lasts });
    }

    /// A paused process goes on: it is told what has happened meanwhile.
    pub fn resume(&mut self, node: NodeId) {
        self.core.end_pause(node);
        self.catch_up_resumed();
    }

    /// The nodes.
    pub fn nodes(&self) -> &[D::Node] {
        &self.nodes
    }

    /// Whether a node is up.
    pub fn is_up(&self, node: NodeId) -> bool {
        self.core.processes[node.0 as usize].up
    }

    /// A node's disk.
    pub fn disk(&self, node: NodeId) -> &Disk<D::Record> {
        &self.core.processes[node.0 as usize].disk
    }

    /// The records.
    #[inline(always)]
    pub fn shared(&self) -> &D::Shared {
        &self.core.shared
    }

    /// The records, to be changed from outside.
    pub fn shared_mut(&mut self) -> &mut D::Shared {
        &mut self.core.shared
    }

    /// The checks.
    #[inline(always)]
    pub fn checks(&self) -> &D::Checks {
        &self.core.checks
    }

    /// The checks and the records, to be closed at the end.
    pub fn checks_mut(&mut self) -> (&mut D::Checks, &mut D::Shared) {
        (&mut self.core.checks, &mut self.core.shared)
    }

    /// All links, with the nodes that they lead from and to.
    pub fn links(&self) -> impl Iterator<Item = (LinkId, NodeId, NodeId)> {
        self.core.links.iter().enumerate().map(|(i, link)| (LinkId(i as u32), link.from, link.to))
    }

    /// Bytes that all links have carried.
    pub fn bytes_sent(&self) -> u64 {
        self.core.links.iter().map(|link| link.bytes).sum()
    }

    /// What the kernel holds now.
    pub fn held(&self) -> Held {
        let streams = self.core.links.iter().map(|link| {
            let jammed = link.unusual.as_ref().map_or(0, |unusual| unusual.jammed.len());
            link.stream.held.len() + link.stream.unread.len() + jammed
        });
        let work = |process: &Process<D>| process.work.len() + process.postponed.len();
        let work: usize = self.core.processes.iter().map(work).sum();
        let entries = self.core.processes.iter().map(|process| process.disk.entries());
        let (records, words) = entries.fold((0, 0), |all, disk| (all.0 + disk.0, all.1 + disk.1));
        Held { events: self.core.queue.room() + work, packets: streams.sum(), records, words }
    }

    /// Bytes of a pending event.
    pub fn event_bytes() -> usize {
        Queue::<Event<D>>::event_bytes()
    }

    /// Whether this end of a connection is open.
    pub fn is_open(&self, connection: ConnectionId, side: usize) -> bool {
        self.core.connections[connection.0 as usize].open[side]
    }

    /// Every packet that is on its way, waits behind a missing segment or in a jam, or is unread; not those whose
    /// connection has broken.
    pub fn packets(&self) -> impl Iterator<Item = D::Message> {
        let flying = self.flying_packets().filter(|(_, _, valid)| *valid).map(|(_, message, _)| message);
        let waiting = self.core.links.iter().flat_map(|link| {
            let jammed = link.unusual.iter().flat_map(|unusual| &unusual.jammed).map(|(segment, _)| segment);
            link.stream.held.iter().chain(&link.stream.unread).chain(jammed)
        });
        flying.chain(waiting.map(|segment| segment.message))
    }

    fn flying_packets(&self) -> impl Iterator<Item = (NodeId, D::Message, bool)> {
        let postponed = self.core.processes.iter().flat_map(|process| &process.postponed);
        self.core.queue.iter().chain(postponed).filter_map(|event| {
            let Body::Message(message) = event.body else { return None };
            let link = LinkId(event.at);
            let connection = &self.core.connections[link.connection().0 as usize];
            let open = connection.takes(link.receiver(), event.epoch & !READ);
            let to = self.core.links[link.0 as usize].to;
            Some((to, message, event.epoch == DATAGRAM || open))
        })
    }

    /// At the end: notes as dropped the packets on their way over connections that have broken. They would be when
    /// they arrive.
    pub fn drop_void_packets(&mut self) {
        let void: Vec<(NodeId, D::Message)> = self
            .flying_packets()
            .filter(|(_, _, valid)| !valid)
            .map(|(to, message, _)| (to, message))
            .collect();
        for (to, message) in void {
            self.core.dropped(to, &message, DropCause::Reset);
        }
    }
}
