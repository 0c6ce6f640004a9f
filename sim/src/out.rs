//! What a node answers with. Effects take place at once, in the order written.

use crate::core::{Body, Core};
use crate::disk::{Disk, DiskFull, FileId, Position};
use crate::flying::DEADLINE;
use crate::network::{ConnectionId, DropCause};
use crate::node::{Domain, NodeId};
use crate::random::Luck;
use crate::time::{Span, Stamp, Time};

/// A node's view of the world. After a crash at a fact, everything written is discarded.
pub struct Out<'a, D: Domain> {
    pub(crate) core: &'a mut Core<D>,
    pub(crate) node: NodeId,
}

impl<D: Domain> Out<'_, D> {
    /// The true time, and the node's monotonic clock.
    #[inline(always)]
    pub fn now(&self) -> Time {
        self.core.now
    }

    /// What the node's own clock shows.
    #[inline(always)]
    pub fn clock(&self) -> Stamp {
        self.core.processes[self.node.0 as usize].clock(self.core.now)
    }

    /// This node.
    #[inline(always)]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The records that handles point to.
    #[inline(always)]
    pub fn shared(&mut self) -> &mut D::Shared {
        &mut self.core.shared
    }

    /// Reports a fact.
    #[inline(always)]
    pub fn note(&mut self, fact: D::Fact) {
        self.core.note_of_running(self.node, fact);
    }

    /// Whether the node has crashed at a fact that it noted: nothing that it does now happens any more. A node that
    /// notes several facts in a row asks, so that what it keeps is what has been noted when it is told of its crash.
    #[inline(always)]
    pub fn is_cut(&self) -> bool {
        self.core.cut
    }

    // The network.

    /// Sends over a connection. If it is not open the message is dropped, and the fact says so.
    #[inline(always)]
    pub fn send(&mut self, connection: ConnectionId, message: D::Message) {
        if !self.core.cut {
            self.core.send_stream(self.node, connection, message);
        }
    }

    /// Whether a fault may take a message out of the wire now.
    #[inline(always)]
    pub fn is_tampered_with(&self) -> bool {
        !self.core.drops.is_empty()
    }

    /// Sends over a connection what is one message of the protocol in several parts: a fault that takes out one of
    /// them takes out all.
    #[cold]
    #[inline(never)]
    pub fn send_whole(&mut self, connection: ConnectionId, parts: &[D::Message]) {
        if self.core.cut || !self.is_open(connection) || !parts.iter().any(|part| self.core.takes_out(part)) {
            return parts.iter().for_each(|part| self.send(connection, *part));
        }
        parts.iter().for_each(|part| self.core.dropped(self.node, part, DropCause::Fault));
    }

    /// Sends a datagram to the other end of a connection, open or not.
    #[inline(always)]
    pub fn datagram(&mut self, connection: ConnectionId, message: D::Message) {
        if !self.core.cut {
            self.core.send_datagram(self.node, connection, message);
        }
    }

    /// Calls the server. The answer is a change of the connection: connected or refused.
    pub fn connect(&mut self, connection: ConnectionId) {
        if !self.core.cut {
            self.core.connect(connection);
        }
    }

    /// Closes in good order: the peer gets all that was sent before. What is unread here is lost.
    pub fn close(&mut self, connection: ConnectionId) {
        if !self.core.cut {
            let side = self.core.connections[connection.0 as usize].side_of(self.node);
            self.core.leave(connection, side, false, false);
        }
    }

    /// Whether this end of the connection is open.
    #[inline(always)]
    pub fn is_open(&self, connection: ConnectionId) -> bool {
        let connection = &self.core.connections[connection.0 as usize];
        connection.open[connection.side_of(self.node)]
    }

    /// Whether the peer takes more. If not, [`crate::ConnectionChange::Writable`] follows when it does. What is sent
    /// all the same waits.
    pub fn is_writable(&mut self, connection: ConnectionId) -> bool {
        let side = self.core.connections[connection.0 as usize].side_of(self.node);
        self.core.is_writable(connection.link(side))
    }

    /// Reads nothing more from this connection: what comes waits, and the peer is told to stop writing.
    pub fn stop_reading(&mut self, connection: ConnectionId) {
        if !self.core.cut {
            let side = self.core.connections[connection.0 as usize].side_of(self.node);
            let stream = &mut self.core.links[connection.link(1 - side).0 as usize].stream;
            (stream.reading_stopped, stream.resumed) = (true, false);
        }
    }

    /// Reads again: what waited comes now.
    pub fn resume_reading(&mut self, connection: ConnectionId) {
        if !self.core.cut {
            let side = self.core.connections[connection.0 as usize].side_of(self.node);
            self.core.resume_reading(connection.link(1 - side));
        }
    }

    // Time.

    /// Comes back after a span that is part of what is being done (a pause for batching, a handler's sleep).
    #[inline(always)]
    pub fn delay(&mut self, after: Span, timer: D::Timer) {
        if !self.core.cut {
            let incarnation = self.core.processes[self.node.0 as usize].incarnation;
            self.core.push(self.core.now + after, self.node.0, incarnation, Body::Timer(timer));
        }
    }

    /// Comes back after a span that nobody waits for: a deadline, a periodic task.
    #[inline(always)]
    pub fn deadline(&mut self, after: Span, timer: D::Timer) {
        if !self.core.cut {
            let incarnation = self.core.processes[self.node.0 as usize].incarnation;
            let time = self.core.now + after;
            self.core.push_marked(time, self.node.0, incarnation, Body::Timer(timer), DEADLINE);
        }
    }

    /// Sets the node's replaceable timer `slot` (a deadline); one that was set before is void.
    pub fn set_alarm(&mut self, slot: u32, after: Span, timer: D::Timer) {
        if self.core.cut {
            return;
        }
        let alarms = &mut self.core.alarms[self.node.0 as usize];
        if slot as usize >= alarms.len() {
            alarms.resize_with(slot as usize + 1, || crate::core::Alarm { generation: 0, timer: None });
        }
        let alarm = &mut alarms[slot as usize];
        alarm.generation = alarm.generation.wrapping_add(1);
        alarm.timer = Some(timer);
        let body = Body::Alarm { slot, generation: alarm.generation };
        let incarnation = self.core.processes[self.node.0 as usize].incarnation;
        self.core.push_marked(self.core.now + after, self.node.0, incarnation, body, DEADLINE);
    }

    /// Voids the node's replaceable timer `slot`.
    pub fn cancel_alarm(&mut self, slot: u32) {
        if self.core.cut {
            return;
        }
        if let Some(alarm) = self.core.alarms[self.node.0 as usize].get_mut(slot as usize) {
            alarm.timer = None;
        }
    }

    /// Works for a span on one of the node's cores; waits for a free one, first come, first served.
    #[inline(always)]
    pub fn work(&mut self, span: Span, done: D::Timer) {
        if self.core.cut {
            return;
        }
        let mark = self.core.mark;
        let process = &mut self.core.processes[self.node.0 as usize];
        if process.cores_busy == process.cores {
            self.core.flying.add(mark);
            return process.work.push_back((span, done, mark));
        }
        process.cores_busy += 1;
        if process.pace.altered {
            return self.core.begin_slowly(self.node, span, Body::Work(done), mark);
        }
        let epoch = process.pace.epoch;
        self.core.push(self.core.now + span, self.node.0, epoch, Body::Work(done));
    }

    // The disk.

    /// What the disk holds.
    pub fn disk(&self) -> &Disk<D::Record> {
        &self.core.processes[self.node.0 as usize].disk
    }

    /// How often the process has died before: at 0 it boots for the first time.
    pub fn deaths(&self) -> u32 {
        self.core.processes[self.node.0 as usize].incarnation
    }

    /// What the disk holds, beside the records that it points to.
    pub fn disk_and_shared(&self) -> (&Disk<D::Record>, &D::Shared) {
        (self.disk(), &self.core.shared)
    }

    /// Writes a record of so many bytes to the page cache, at once; the transfer to the disk follows.
    #[inline]
    pub fn append(&mut self, file: FileId, record: D::Record, bytes: u64) -> Result<Position, DiskFull> {
        if self.core.cut {
            return Err(DiskFull);
        }
        let disk = &mut self.core.processes[self.node.0 as usize].disk;
        let position = disk.append(file, record, bytes)?;
        disk.transfer(self.core.now, bytes);
        Ok(position)
    }

    /// Comes back when all transfers so far have ended.
    pub fn after_transfers(&mut self, done: D::Timer) {
        self.transfer(0, done);
    }

    /// Reads so many bytes, in turn with all other transfers.
    pub fn read(&mut self, bytes: u64, done: D::Timer) {
        self.transfer(bytes, done);
    }

    fn transfer(&mut self, bytes: u64, done: D::Timer) {
        if !self.core.cut {
            let process = &mut self.core.processes[self.node.0 as usize];
            let end = process.disk.transfer(self.core.now, bytes);
            self.core.push_disk(self.node, end, Body::Transferred(done));
        }
    }

    /// Makes all that has been written so far survive a crash of the machine; comes back when it does.
    pub fn sync(&mut self, done: D::Timer) {
        if !self.core.cut {
            let process = &mut self.core.processes[self.node.0 as usize];
            let luck = Luck::new(self.core.disk_purpose, process.disk.syncs);
            let draw = self.core.disk_purpose.draw(luck, u64::from(self.node.0));
            let end = process.disk.begin_sync(self.core.now, draw);
            self.core.push_disk(self.node, end, Body::Synced(done));
        }
    }

    /// Removes a record, if it is still there: its space is free at once.
    #[inline]
    pub fn remove(&mut self, file: FileId, position: Position) {
        if !self.core.cut {
            self.core.processes[self.node.0 as usize].disk.remove(file, position);
        }
    }

    /// Cuts a file off at a position: the next record stands there.
    pub fn truncate(&mut self, file: FileId, to: Position) {
        if !self.core.cut {
            self.core.processes[self.node.0 as usize].disk.truncate(file, to);
        }
    }

    /// Puts another record of the same size in a record's place, if it is still there. It is as safe as that was: this is
    /// for what follows from records that are written anyway, and have no place of their own in the model.
    #[inline]
    pub fn amend(&mut self, file: FileId, position: Position, record: D::Record) {
        if !self.core.cut {
            self.core.processes[self.node.0 as usize].disk.amend(file, position, record);
        }
    }

    /// Overwrites a small value in place.
    pub fn set_register(&mut self, register: u32, record: D::Record) {
        if !self.core.cut {
            self.core.processes[self.node.0 as usize].disk.set_register(register, record);
        }
    }
}
