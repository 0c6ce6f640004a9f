//! How packets get from one node to another: the part of [`Core`] that sends, stalls, holds and releases.

use crate::core::{Body, Core, DATAGRAM, READ};
use crate::flying::DEADLINE;
use crate::network::{
    CONNECT_TIMEOUT, ConnectionId, DropCause, LinkId, RETRANSMISSION_MIN, SILENCE_LIMIT, SOCKET_BUFFER,
    Segment,
};
use crate::node::{Domain, News, NodeId};
use crate::random::Luck;
use crate::time::{Span, Time};

impl<D: Domain> Core<D> {
    /// One datagram: lost, late, or twice.
    #[inline(always)]
    pub(crate) fn send_datagram(&mut self, node: NodeId, connection: ConnectionId, message: D::Message) {
        // What kind of message it is, is known where it is sent only.
        let bytes = D::bytes(&message, &self.shared);
        let luck = D::luck(&message, &self.shared, self.now);
        match self.plain_datagram(node, connection, bytes, luck) {
            Some(body) => *body = Body::Message(message),
            None => {
                let copy = message; // whose address is taken: the message itself stays in registers
                self.carry_datagram(node, connection, copy, bytes, luck)
            }
        }
    }

    /// To most packets nothing happens but that they take their time: where such a one is to be written, so that it never
    /// stands anywhere else. One function for all who send: what runs for each message has to fit into the nearest cache.
    #[inline(never)]
    fn plain_datagram(
        &mut self,
        node: NodeId,
        connection: ConnectionId,
        bytes: u64,
        luck: Luck,
    ) -> Option<&mut Body<D>> {
        let id = self.link_from(node, connection);
        let arrival = self.now + self.plain_delay(id, luck)?;
        self.links[id.0 as usize].bytes += bytes;
        Some(self.place_packet(arrival, id, DATAGRAM))
    }

    /// How long a packet is on its way, if nothing else happens to it.
    #[inline(always)]
    fn plain_delay(&self, id: LinkId, luck: Luck) -> Option<Span> {
        let link = &self.links[id.0 as usize];
        let usual = link.unusual.is_none() && !self.prologue && self.drops.is_empty();
        if usual { link.plain.delay(link.purpose, luck) } else { None }
    }

    /// Where a packet is written that arrives then.
    #[inline(always)]
    fn place_packet(&mut self, arrival: Time, link: LinkId, epoch: u32) -> &mut Body<D> {
        let mark = self.mark;
        let event = self.place(arrival, mark);
        (event.at, event.epoch, event.mark) = (link.0, epoch, mark);
        &mut event.body
    }

    #[inline(always)]
    fn link_from(&self, node: NodeId, connection: ConnectionId) -> LinkId {
        connection.link(usize::from(self.links[connection.link(0).0 as usize].from != node))
    }

    /// Any datagram, whatever happens to it.
    #[inline(never)]
    fn carry_datagram(
        &mut self,
        node: NodeId,
        connection: ConnectionId,
        message: D::Message,
        bytes: u64,
        luck: Luck,
    ) {
        let id = self.link_from(node, connection);
        if self.prologue {
            return self.push(self.now, id.0, DATAGRAM, Body::Message(message));
        }
        self.send_datagram_unusually(node, id, message, bytes, luck);
    }

    /// One message over a connection: in order, and never lost but with the connection.
    #[inline(always)]
    pub(crate) fn send_stream(&mut self, node: NodeId, connection: ConnectionId, message: D::Message) {
        let bytes = D::bytes(&message, &self.shared);
        let luck = D::luck(&message, &self.shared, self.now);
        match self.plain_segment(node, connection, bytes, luck) {
            Some(body) => *body = Body::Message(message),
            None => {
                let copy = message; // as above
                self.carry_segment(node, connection, copy, bytes, luck)
            }
        }
    }

    /// As [`Core::plain_datagram`], for a segment.
    #[inline(never)]
    fn plain_segment(
        &mut self,
        node: NodeId,
        connection: ConnectionId,
        bytes: u64,
        luck: Luck,
    ) -> Option<&mut Body<D>> {
        let state = &self.connections[connection.0 as usize];
        let side = state.side_of(node);
        let epoch = state.epochs[side];
        let id = connection.link(side);
        if !state.open[side] || self.links[id.0 as usize].stream.stalled {
            return None;
        }
        let arrival = self.now + self.plain_delay(id, luck)?;
        let link = &mut self.links[id.0 as usize];
        link.bytes += bytes;
        let arrival = link.stream.last_arrival.max(arrival);
        link.stream.last_arrival = arrival;
        Some(self.place_packet(arrival, id, epoch))
    }

    /// Any segment.
    #[inline(never)]
    fn carry_segment(
        &mut self,
        node: NodeId,
        connection: ConnectionId,
        message: D::Message,
        bytes: u64,
        luck: Luck,
    ) {
        let state = &self.connections[connection.0 as usize];
        let side = state.side_of(node);
        let epoch = state.epochs[side];
        if !state.open[side] {
            return self.dropped(node, &message, DropCause::Reset);
        }
        if !self.drops.is_empty() && self.takes_out(&message) {
            return self.dropped(node, &message, DropCause::Fault);
        }
        let id = connection.link(side);
        if self.prologue {
            return self.push(self.now, id.0, epoch, Body::Message(message));
        }
        self.send_segment_unusually(id, epoch, message, bytes, luck);
    }

    /// Whether a fault takes this message out; it may do so a stated number of times.
    #[cold]
    #[inline(never)]
    pub(crate) fn takes_out(&mut self, message: &D::Message) -> bool {
        let shared = &self.shared;
        let found = self.drops.iter_mut().find(|(pattern, _)| D::message_matches(pattern, message, shared));
        let Some((_, times)) = found else { return false };
        *times -= 1;
        self.drops.retain(|(_, times)| *times > 0);
        true
    }

    /// The epoch of the end that sends over a link.
    pub(crate) fn epoch_of_sender(&self, id: LinkId) -> u32 {
        self.connections[id.connection().0 as usize].epochs[1 - id.receiver()]
    }

    /// The epoch of the end that receives over a link.
    pub(crate) fn epoch_of_receiver(&self, id: LinkId) -> u32 {
        self.connections[id.connection().0 as usize].epochs[id.receiver()]
    }

    fn round_trip(&self, id: LinkId) -> Span {
        let back = id.connection().link(id.receiver());
        self.links[id.0 as usize].mean_delay() + self.links[back.0 as usize].mean_delay()
    }

    /// Until a segment that was lost is sent again for the first time.
    pub(crate) fn retransmission_timeout(&self, id: LinkId) -> Span {
        RETRANSMISSION_MIN.max(self.round_trip(id).times(2))
    }

    /// The segment was lost so many times in a row, or met a partition (0 times): the stream waits for it.
    #[cold]
    #[inline(never)]
    pub(crate) fn stall(&mut self, id: LinkId, segment: Segment<D::Message>, losses: u64) {
        let wait = self.retransmission_timeout(id).times((1 << losses.clamp(1, 20)) - 1);
        let stream = &mut self.links[id.0 as usize].stream;
        stream.stalled = true;
        stream.stalled_at = self.now;
        stream.later = 0;
        stream.stall = stream.stall.wrapping_add(1);
        stream.tries = losses as u32;
        self.hold_segment(id, segment);
        self.send_missing_after(id, wait);
    }

    /// The missing segment is sent again after this; if nothing has come for long by then, its receiver gives up.
    fn send_missing_after(&mut self, id: LinkId, wait: Span) {
        let (now, at) = (self.now, self.now + wait);
        let stream = &self.links[id.0 as usize].stream;
        let (stall, limit) = (stream.stall, stream.stalled_at + SILENCE_LIMIT);
        if now <= limit && at > limit {
            let epoch = self.epoch_of_receiver(id);
            self.push_marked(limit, id.0, epoch, Body::Silence, DEADLINE);
        }
        let epoch = self.epoch_of_sender(id);
        self.push_marked(at, id.0, epoch, Body::Release { stall }, DEADLINE);
    }

    /// Behind a missing segment. The third that leaves within a round trip brings the missing one back sooner, if
    /// it was lost only once.
    #[cold]
    #[inline(never)]
    pub(crate) fn hold(&mut self, id: LinkId, segment: Segment<D::Message>) {
        let round_trip = self.round_trip(id);
        let stream = &mut self.links[id.0 as usize].stream;
        stream.later += 1;
        let fast = stream.later == 3 && stream.tries == 1 && self.now.since(stream.stalled_at) < round_trip;
        if fast {
            stream.stall = stream.stall.wrapping_add(1);
        }
        self.hold_segment(id, segment);
        if fast {
            self.send_missing_after(id, round_trip);
        }
    }

    pub(crate) fn hold_segment(&mut self, id: LinkId, segment: Segment<D::Message>) {
        self.flying.add(segment.mark);
        let stream = &mut self.links[id.0 as usize].stream;
        stream.held.push_back(segment);
        stream.waiting_bytes += segment.bytes;
    }

    /// The missing segment is sent again, and may be lost again; if it passes, all that waited behind it comes with it.
    pub(crate) fn release(&mut self, id: LinkId, epoch: u32, stall: u32) {
        let stream = &self.links[id.0 as usize].stream;
        if self.epoch_of_sender(id) != epoch || !stream.stalled || stream.stall != stall {
            return;
        }
        if self.is_lost_again(id) {
            let timeout = self.retransmission_timeout(id);
            let stream = &mut self.links[id.0 as usize].stream;
            let tries = stream.tries.max(1);
            stream.tries = tries + 1;
            return self.send_missing_after(id, timeout.times(1 << tries.min(9)));
        }
        self.links[id.0 as usize].stream.stalled = false;
        self.send_held(id, epoch);
        self.tell_writable(id);
        let stream = &mut self.links[id.0 as usize].stream;
        if std::mem::take(&mut stream.closing) {
            let arrival = stream.last_arrival;
            self.push(arrival, id.0, epoch, Body::Ending { reset: false });
        }
    }

    /// What has left before waits at the receiver for the missing segment; what has not leaves now, one after the other.
    fn send_held(&mut self, id: LinkId, epoch: u32) {
        let link = &self.links[id.0 as usize];
        let Some(missing) = link.stream.held.front() else { return };
        let delay = link.segment_delay(missing.luck, u64::from(link.stream.tries));
        while let Some(segment) = self.links[id.0 as usize].stream.held.pop_front() {
            self.unhold(id, segment);
            let link = &mut self.links[id.0 as usize];
            let left = segment.left.unwrap_or_else(|| link.departure(self.now, segment.bytes));
            let arrival = link.stream.last_arrival.max(left + delay);
            link.stream.last_arrival = arrival;
            self.push_marked(arrival, id.0, epoch, Body::Message(segment.message), segment.mark);
        }
    }

    fn unhold(&mut self, id: LinkId, segment: Segment<D::Message>) {
        self.flying.remove(segment.mark);
        self.links[id.0 as usize].stream.waiting_bytes -= segment.bytes;
    }

    /// Arrived at an end that does not read.
    pub(crate) fn leave_unread(&mut self, id: LinkId, message: D::Message) {
        let segment = self.unread(message);
        let stream = &mut self.links[id.0 as usize].stream;
        stream.waiting_bytes += segment.bytes;
        stream.unread.push_back(segment);
    }

    fn unread(&self, message: D::Message) -> Segment<D::Message> {
        let bytes = D::bytes(&message, &self.shared);
        Segment { message, bytes, luck: Luck::default(), left: Some(self.now), mark: DEADLINE }
    }

    /// The receiver reads again: what waited comes now, one after the other, each scheduling the next. Until the last
    /// has been read, what arrives waits behind them.
    pub(crate) fn resume_reading(&mut self, id: LinkId) {
        let stream = &mut self.links[id.0 as usize].stream;
        stream.resumed = stream.reading_stopped;
        if !stream.reading {
            self.read_next(id);
        }
    }

    fn read_next(&mut self, id: LinkId) {
        let epoch = self.epoch_of_receiver(id);
        let stream = &mut self.links[id.0 as usize].stream;
        match stream.unread.pop_front() {
            Some(segment) => {
                stream.reading = true;
                self.unhold(id, segment);
                self.push(self.now, id.0, epoch | READ, Body::Message(segment.message));
                self.tell_writable(id);
            }
            None => {
                (stream.reading_stopped, stream.resumed) = (false, false);
                if std::mem::take(&mut stream.closed) {
                    self.push(self.now, id.0, epoch, Body::Ending { reset: false });
                }
            }
        }
    }

    /// A packet that has waited, or one of another connection, which is dropped. Whether it is read now.
    #[cold]
    #[inline(never)]
    pub(crate) fn reads(&mut self, id: LinkId, epoch: u32, message: D::Message) -> bool {
        let state = &self.connections[id.connection().0 as usize];
        if state.epochs[id.receiver()] | READ != epoch || !state.open[id.receiver()] {
            self.answer_stray(id, epoch);
            self.dropped(self.links[id.0 as usize].to, &message, DropCause::Reset);
            return false;
        }
        let stream = &mut self.links[id.0 as usize].stream;
        stream.reading = false;
        if !stream.resumed {
            // It has stopped again meanwhile.
            let segment = self.unread(message);
            let stream = &mut self.links[id.0 as usize].stream;
            stream.waiting_bytes += segment.bytes;
            stream.unread.push_front(segment);
            return false;
        }
        self.read_next(id);
        true
    }

    pub(crate) fn is_writable(&mut self, id: LinkId) -> bool {
        let stream = &mut self.links[id.0 as usize].stream;
        let writable = stream.waiting_bytes < SOCKET_BUFFER;
        stream.choked |= !writable;
        writable
    }

    /// The sender may write again; it learns over the link back.
    pub(crate) fn tell_writable(&mut self, id: LinkId) {
        let stream = &mut self.links[id.0 as usize].stream;
        if stream.choked && stream.waiting_bytes < SOCKET_BUFFER {
            stream.choked = false;
            let back = &self.links[id.connection().link(id.receiver()).0 as usize];
            let delay = back.segment_delay(Luck::new(back.purpose, self.now.0), 0);
            self.push(self.now + delay, id.0, self.epoch_of_sender(id), Body::Writable);
        }
    }

    /// A client calls its server: the next connection over these links.
    pub(crate) fn connect(&mut self, id: ConnectionId) {
        self.clear_stream(id.link(0));
        self.links[id.link(0).0 as usize].stream.last_arrival = self.now;
        let connection = &mut self.connections[id.0 as usize];
        let epoch = connection.epochs[0].wrapping_add(1) & !READ;
        (connection.epochs[0], connection.open[0], connection.calling) = (epoch, false, true);
        if let Some(arrival) = self.arrival_of_news(id.link(0)) {
            self.push(arrival, id.link(0).0, epoch, Body::Opening);
        }
        self.push_marked(self.now + CONNECT_TIMEOUT, id.link(1).0, epoch, Body::ConnectTimeout, DEADLINE);
    }

    /// When a bare segment (a call, an answer, an end) that is sent now comes: behind what was sent before. Never, through a
    /// partition, a jam or a link that loses all.
    pub(crate) fn arrival_of_news(&mut self, id: LinkId) -> Option<Time> {
        if self.prologue {
            return Some(self.now);
        }
        let timeout = self.retransmission_timeout(id);
        let link = &mut self.links[id.0 as usize];
        if link.is_blocked() {
            return None;
        }
        let luck = Luck::new(link.purpose, self.now.0);
        let tries = link.passing_try(self.now, luck)?;
        let delay = timeout.times((1 << tries) - 1) + link.segment_delay(luck, tries);
        link.stream.last_arrival = link.stream.last_arrival.max(self.now + delay);
        Some(link.stream.last_arrival)
    }

    /// Forgets what a stream holds: its end is gone. What waited to be sent or read is lost.
    pub(crate) fn clear_stream(&mut self, id: LinkId) {
        let from = self.links[id.0 as usize].from;
        let stream = &mut self.links[id.0 as usize].stream;
        (stream.stalled, stream.choked, stream.closing) = (false, false, false);
        stream.stall = stream.stall.wrapping_add(1);
        while let Some(segment) = self.links[id.0 as usize].stream.held.pop_front() {
            self.unhold(id, segment);
            self.dropped(from, &segment.message, DropCause::Reset);
        }
    }

    pub(crate) fn clear_unread(&mut self, id: LinkId) {
        let to = self.links[id.0 as usize].to;
        let stream = &mut self.links[id.0 as usize].stream;
        (stream.reading_stopped, stream.resumed, stream.reading, stream.closed) =
            (false, false, false, false);
        while let Some(segment) = self.links[id.0 as usize].stream.unread.pop_front() {
            self.unhold(id, segment);
            self.dropped(to, &segment.message, DropCause::Reset);
        }
    }

    /// One end is gone: it neither sends nor reads any more. The other end learns in its own time: over the wire, behind
    /// what was sent before (or in its place, where the end is a `reset`), or, if the machine is dead or cut off, by silence.
    pub(crate) fn leave(&mut self, id: ConnectionId, side: usize, reset: bool, silent: bool) {
        let connection = &mut self.connections[id.0 as usize];
        // A call that has come to its server is an end of it; one that is still under way finds nobody.
        let called = side == 0
            && std::mem::take(&mut connection.calling)
            && connection.epochs[0] == connection.epochs[1];
        if !connection.open[side] && !called {
            return;
        }
        connection.open[side] = false;
        self.clear_unread(id.link(1 - side));
        let stream = &mut self.links[id.link(side).0 as usize].stream;
        if stream.stalled && !reset && !silent {
            stream.closing = true;
            return;
        }
        self.clear_stream(id.link(side));
        self.tell_end(id, side, reset, silent);
    }

    /// The other end of a connection learns that this one is gone.
    fn tell_end(&mut self, id: ConnectionId, side: usize, reset: bool, silent: bool) {
        let link = id.link(side);
        let news = if silent { None } else { self.arrival_of_news(link) };
        let connection = &mut self.connections[id.0 as usize];
        (connection.unheard[side], connection.unanswered[side]) = (news.is_none(), None);
        match news {
            Some(arrival) => self.push(arrival, link.0, self.epoch_of_sender(link), Body::Ending { reset }),
            None => {
                let epoch = self.epoch_of_receiver(link);
                self.push_marked(self.now + SILENCE_LIMIT, link.0, epoch, Body::Silence, DEADLINE);
            }
        }
    }

    /// A fault breaks all connections of a node: it learns at once, each peer when the news reaches it.
    pub(crate) fn reset_connections(&mut self, node: NodeId) {
        self.tell_checks(node, News::ConnectionReset);
        for (id, side) in self.connections_of(node) {
            let connection = &self.connections[id.0 as usize];
            if connection.open[side] {
                let epoch = connection.epochs[side];
                self.clear_stream(id.link(side));
                self.push(self.now, id.link(1 - side).0, epoch, Body::Ending { reset: true });
                self.tell_end(id, side, true, false);
            }
        }
    }

    /// Nothing passes over this link from now on: its receiver will take the sender for dead if that lasts.
    pub(crate) fn expect_silence(&mut self, id: LinkId) {
        self.links[id.0 as usize].blocked_since = self.now;
        let epoch = self.epoch_of_receiver(id);
        self.push_marked(self.now + SILENCE_LIMIT, id.0, epoch, Body::Silence, DEADLINE);
    }

    /// Whether a receiver has heard nothing for long enough: the sender is gone, or is cut off, is paused, or has had no
    /// segment passed all the time.
    pub(crate) fn is_silent(&self, id: LinkId) -> bool {
        let link = &self.links[id.0 as usize];
        let connection = &self.connections[id.connection().0 as usize];
        let there = connection.open[1 - id.receiver()] && connection.epochs[0] == connection.epochs[1];
        let long = |since| self.now.since(since) >= SILENCE_LIMIT;
        let cut_off = link.is_blocked() && long(link.blocked_since);
        let stalled = link.stream.stalled && long(link.stream.stalled_at);
        !there || cut_off || stalled || self.is_long_paused(link.from)
    }
}
