//! What can be wrong with a node's machine without its dying: the part of [`Core`] that begins and ends such trouble.
//!
//! A **pause** stops the process (a long garbage collection, SIGSTOP): it is told nothing. What would be told waits, and
//! is told in its order when the pause is over; work under way needs so much longer. The operating system goes on: it
//! takes packets in, up to the socket's buffer, and ends syncs. Peers who hear nothing for [`SILENCE_LIMIT`] give the
//! connection up; what they had sent over one that they have opened anew since is lost.
//!
//! A machine that is **slow** does its work at a fraction of its speed. Nodes that handle messages in no time (brokers,
//! producers) have no work that could be slow. A **slow disk** needs so many times as long for transfers and syncs; a
//! **stalled** one ends none. A disk whose **syncs lie** says in its usual time that all is safe, and keeps nothing
//! safe; a later honest sync does (a volatile cache that ignores flushes; it does not drop what it was asked to keep).

use crate::core::{Body, Core, DATAGRAM, Event, READ};
use crate::fault::Trouble;
use crate::flying::DEADLINE;
use crate::network::{DropCause, LinkId, SILENCE_LIMIT};
use crate::node::{Domain, News, NodeId};
use crate::pace::{Pace, scale};
use crate::time::{Span, Time};

/// What has a pace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Server {
    Cores,
    Disk,
}

impl<D: Domain> Core<D> {
    /// Trouble begins at a node; `fault` is whose.
    pub(crate) fn begin_trouble(&mut self, node: NodeId, fault: u32, trouble: Trouble) {
        let now = self.now;
        let process = &mut self.processes[node.0 as usize];
        let news = match trouble {
            Trouble::Pause { lasts } => return self.pause(node, lasts),
            Trouble::Slow { factor } => {
                let ratio = process.pace.slow(fault, factor);
                self.reschedule(node, Server::Cores, ratio);
                News::Slowed
            }
            Trouble::SlowDisk { factor } => {
                let ratio = process.disk_pace.slow(fault, factor);
                self.reschedule(node, Server::Disk, ratio);
                News::DiskSlowed
            }
            Trouble::StallDisk => {
                if process.disk_pace.stop() {
                    process.disk.freeze(now);
                    self.reschedule(node, Server::Disk, 1.0);
                }
                News::DiskStalled
            }
            Trouble::LieAboutSyncs => {
                process.disk.lies += 1;
                News::SyncsLie
            }
            Trouble::StepClock { by } => {
                process.clock.step(by);
                News::ClockChanged
            }
            Trouble::DriftClock { drift } => {
                process.clock.set_drift(now, drift);
                News::ClockChanged
            }
        };
        self.tell_checks(node, news);
    }

    /// It is over.
    pub(crate) fn end_trouble(&mut self, node: NodeId, fault: u32, trouble: Trouble) {
        let now = self.now;
        let process = &mut self.processes[node.0 as usize];
        let news = match trouble {
            Trouble::Pause { .. } => return self.resume(node),
            Trouble::Slow { .. } => {
                let ratio = process.pace.unslow(fault);
                self.reschedule(node, Server::Cores, ratio);
                News::SlowEnded
            }
            Trouble::SlowDisk { .. } => {
                let ratio = process.disk_pace.unslow(fault);
                self.reschedule(node, Server::Disk, ratio);
                News::DiskRecovered
            }
            Trouble::StallDisk => {
                if process.disk_pace.go_on() {
                    process.disk.thaw(now);
                    self.reschedule(node, Server::Disk, 1.0);
                }
                News::DiskRecovered
            }
            Trouble::LieAboutSyncs => {
                process.disk.lies -= 1;
                News::DiskRecovered
            }
            Trouble::StepClock { .. } | Trouble::DriftClock { .. } => return,
        };
        self.tell_checks(node, news);
    }

    // Pauses.

    fn pause(&mut self, node: NodeId, lasts: Span) {
        let now = self.now;
        let process = &mut self.processes[node.0 as usize];
        if !process.up || lasts == Span::ZERO {
            return;
        }
        let begins = process.paused_until == Time::ZERO;
        process.paused_until = process.paused_until.max(now + lasts);
        if !begins {
            return;
        }
        process.paused_since = now;
        process.pace.stop();
        self.paused += 1;
        self.reschedule(node, Server::Cores, 1.0);
        self.tell_checks(node, News::Paused);
        for (id, side) in self.connections_of(node) {
            let epoch = self.connections[id.0 as usize].epochs[1 - side];
            self.push_marked(now + SILENCE_LIMIT, id.link(side).0, epoch, Body::Silence, DEADLINE);
        }
    }

    /// A pause ends now, whatever it has said of its length.
    pub(crate) fn end_pause(&mut self, node: NodeId) {
        let process = &mut self.processes[node.0 as usize];
        if process.paused_until != Time::ZERO {
            process.paused_until = self.now.max(Time(1));
            self.resume(node);
        }
    }

    fn resume(&mut self, node: NodeId) {
        let process = &mut self.processes[node.0 as usize];
        let early = process.paused_until > self.now && !self.healed;
        if process.paused_until == Time::ZERO || early {
            return;
        }
        process.paused_until = Time::ZERO;
        process.pace.go_on();
        self.paused -= 1;
        self.reschedule(node, Server::Cores, 1.0);
        self.tell_checks(node, News::Resumed);
        self.resumed.push(node);
    }

    /// Whether a node has been paused for long enough to be taken for dead.
    pub(crate) fn is_long_paused(&self, node: NodeId) -> bool {
        let process = &self.processes[node.0 as usize];
        process.paused_until != Time::ZERO && self.now.since(process.paused_since) >= SILENCE_LIMIT
    }

    /// Some node is paused: if it is this event's, the event waits until that is over.
    #[cold]
    #[inline(never)]
    pub(crate) fn postpones(&mut self, mut event: Event<D>) -> bool {
        let link = LinkId(event.at);
        let node = match event.body {
            Body::Message(_) if !self.is_void(event) => self.links[event.at as usize].to,
            Body::Opening | Body::Opened | Body::Refused | Body::ConnectTimeout => {
                self.links[event.at as usize].to
            }
            Body::Ending { .. } | Body::Silence => self.links[event.at as usize].to,
            Body::Writable => self.links[event.at as usize].from,
            Body::Timer(_) | Body::Alarm { .. } | Body::Synced(_) | Body::Transferred(_) => NodeId(event.at),
            _ => return false,
        };
        let process = &mut self.processes[node.0 as usize];
        if process.paused_until == Time::ZERO {
            return false;
        }
        match event.body {
            Body::Synced(timer) if event.epoch == process.disk_pace.epoch => {
                process.disk.end_sync();
                (event.body, event.epoch) = (Body::Timer(timer), process.incarnation);
            }
            Body::Transferred(timer) if event.epoch == process.disk_pace.epoch => {
                (event.body, event.epoch) = (Body::Timer(timer), process.incarnation);
            }
            Body::Synced(_) | Body::Transferred(_) => return true,
            Body::Message(message) if event.epoch != DATAGRAM => {
                self.links[link.0 as usize].stream.waiting_bytes += D::bytes(&message, &self.shared);
            }
            _ => {}
        }
        self.flying.add(event.mark);
        self.processes[node.0 as usize].postponed.push(event);
        true
    }

    /// Whether a packet belongs to a connection that has broken.
    fn is_void(&self, event: Event<D>) -> bool {
        let link = LinkId(event.at);
        let connection = &self.connections[link.connection().0 as usize];
        event.epoch != DATAGRAM && !connection.takes(link.receiver(), event.epoch & !READ)
    }

    /// What had to wait for a node, in its order.
    pub(crate) fn take_postponed(&mut self, node: NodeId) -> Vec<Event<D>> {
        let events = std::mem::take(&mut self.processes[node.0 as usize].postponed);
        for event in &events {
            self.flying.remove(event.mark);
            if let Body::Message(message) = event.body
                && event.epoch != DATAGRAM
            {
                let bytes = D::bytes(&message, &self.shared);
                self.links[event.at as usize].stream.waiting_bytes -= bytes;
                self.tell_writable(LinkId(event.at));
            }
        }
        events
    }

    /// A paused process dies: what waited for it is lost.
    pub(crate) fn drop_postponed(&mut self, node: NodeId) {
        let process = &mut self.processes[node.0 as usize];
        if process.paused_until != Time::ZERO {
            process.paused_until = Time::ZERO;
            process.pace.go_on();
            self.paused -= 1;
        }
        for event in self.take_postponed(node) {
            let Body::Message(message) = event.body else { continue };
            let cause = if event.epoch == DATAGRAM { DropCause::NodeDown } else { DropCause::Reset };
            self.dropped(node, &message, cause);
        }
    }

    // Pace.

    /// Begins something that takes so long at full speed, on a server that is slowed down or stopped.
    #[cold]
    #[inline(never)]
    pub(crate) fn begin_slowly(&mut self, node: NodeId, span: Span, body: Body<D>, mark: u32) {
        let now = self.now;
        let pace = &mut self.processes[node.0 as usize].pace;
        let (span, epoch) = (pace.stretch(span), pace.epoch);
        if !pace.is_stopped() {
            return self.push_marked(now + span, node.0, epoch, body, mark);
        }
        pace.suspend(span, body, mark);
        self.flying.add(mark);
    }

    /// Schedules the end of a transfer or sync.
    pub(crate) fn push_disk(&mut self, node: NodeId, end: Time, body: Body<D>) {
        let mark = self.mark;
        let process = &mut self.processes[node.0 as usize];
        if !process.disk_pace.is_stopped() {
            let epoch = process.disk_pace.epoch;
            return self.push(end, node.0, epoch, body);
        }
        process.disk_pace.suspend(process.disk.left(end), body, mark);
        self.flying.add(mark);
    }

    /// The pace of a server has changed: what is under way takes `ratio` times as long as it would have.
    fn reschedule(&mut self, node: NodeId, server: Server, ratio: f64) {
        let now = self.now;
        let under_way = self.take_under_way(node, server);
        let process = &mut self.processes[node.0 as usize];
        if server == Server::Disk {
            process.disk.stretch(now, ratio, process.disk_pace.factor());
        }
        let pace = process.pace_of(server);
        pace.epoch = pace.epoch.wrapping_add(1);
        let suspended = pace.take_suspended();
        let (epoch, stopped) = (pace.epoch, pace.is_stopped());
        for &(_, _, mark) in &suspended {
            self.flying.remove(mark);
        }
        for (left, body, mark) in under_way.into_iter().chain(suspended) {
            let left = scale(left, ratio);
            if !stopped {
                self.push_marked(now + left, node.0, epoch, body, mark);
                continue;
            }
            self.processes[node.0 as usize].pace_of(server).suspend(left, body, mark);
            self.flying.add(mark);
        }
    }

    /// Takes what is scheduled to end, in its order, with how long it still needs.
    fn take_under_way(&mut self, node: NodeId, server: Server) -> Vec<(Span, Body<D>, u32)> {
        let now = self.now;
        let epoch = self.processes[node.0 as usize].pace_of(server).epoch;
        let taken = self.take_pending(|event| {
            let kind = match event.body {
                Body::Work(_) => Some(Server::Cores),
                Body::Synced(_) | Body::Transferred(_) => Some(Server::Disk),
                _ => None,
            };
            kind == Some(server) && event.at == node.0 && event.epoch == epoch
        });
        taken.into_iter().map(|(time, event)| (time.since(now), event.body, event.mark)).collect()
    }
}

impl<D: Domain> crate::node::Process<D> {
    fn pace_of(&mut self, server: Server) -> &mut Pace<D> {
        match server {
            Server::Cores => &mut self.pace,
            Server::Disk => &mut self.disk_pace,
        }
    }
}

impl Trouble {
    /// What it says itself of its length.
    pub(crate) fn lasts(self) -> Option<Span> {
        if let Trouble::Pause { lasts } = self { Some(lasts) } else { None }
    }
}
