//! How packets get from one node to another: the part of [`Core`] that sends, stalls, holds and releases.

use crate::core::{Body, Core, DATAGRAM, READ};
use crate::flying::DEADLINE;
use crate::network::{
    CONNECT_TIMEOUT, ConnectionId, DropCause, LinkId, RETRANSMISSION_MIN, SILENCE_LIMIT, SOCKET_BUFFER,
    Segment,
};
use crate::node::{Domain, News, NodeId};
use crate::random::{Chance, Luck};
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
        let link = &mut self.links[id.0 as usize];
        if link.unusual.is_some() && !self.prologue {
            return self.send_datagram_unusually(node, id, message, bytes);
        }
        let departure = link.departure(self.now, bytes);
        if self.prologue {
            return self.push(self.now, id.0, DATAGRAM, Body::Message(message));
        }
        let purpose = link.purpose;
        if link.spec.loss != Chance::NEVER && link.spec.loss.happens(purpose.draw(luck, 0)) {
            return self.dropped(node, &message, DropCause::Loss);
        }
        let delay = link.delay(luck);
        let twice =
            link.spec.duplication != Chance::NEVER && link.spec.duplication.happens(purpose.draw(luck, 3));
        if !self.drops.is_empty() && self.takes_out(&message) {
            return self.dropped(node, &message, DropCause::Fault);
        }
        self.push(departure + delay, id.0, DATAGRAM, Body::Message(message));
        if twice {
            self.send_again(id, departure, luck, message);
        }
    }

    /// The second packet of a datagram that comes twice.
    #[cold]
    #[inline(never)]
    fn send_again(&mut self, id: LinkId, departure: Time, luck: Luck, message: D::Message) {
        let link = &self.links[id.0 as usize];
        let purpose = link.purpose;
        let again = Span(link.spec.latency.sample(purpose.draw(luck, 4)))
            + Span(link.spec.jitter.sample(purpose.draw(luck, 5)));
        let from = link.from;
        self.note(from, D::duplicated(&message));
        self.push(departure + again, id.0, DATAGRAM, Body::Message(message));
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
        let (side, epoch) = (state.side_of(node), state.epoch);
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
        let (side, epoch) = (state.side_of(node), state.epoch);
        if !state.open[side] {
            return self.dropped(node, &message, DropCause::Reset);
        }
        if !self.drops.is_empty() && self.takes_out(&message) {
            return self.dropped(node, &message, DropCause::Fault);
        }
        let id = connection.link(side);
        let link = &mut self.links[id.0 as usize];
        if link.unusual.is_some() && !self.prologue {
            return self.send_segment_unusually(id, epoch, message, bytes);
        }
        let departure = link.departure(self.now, bytes);
        if self.prologue {
            return self.push(self.now, id.0, epoch, Body::Message(message));
        }
        if link.stream.stalled {
            return self.hold(id, message, bytes);
        }
        let purpose = link.purpose;
        let mut losses = 0;
        let lossy = link.spec.loss != Chance::NEVER;
        while lossy && link.spec.loss.happens(purpose.draw(luck, losses * 8)) && losses < 16 {
            losses += 1;
        }
        if losses > 0 {
            return self.stall(id, message, bytes, losses as u32);
        }
        let delay = link.delay(luck);
        let arrival = link.stream.last_arrival.max(departure + delay);
        link.stream.last_arrival = arrival;
        self.push(arrival, id.0, epoch, Body::Message(message));
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

    /// The segment was lost so many times in a row, or met a partition (0 times): the stream waits for it.
    #[cold]
    #[inline(never)]
    pub(crate) fn stall(&mut self, id: LinkId, message: D::Message, bytes: u64, losses: u32) {
        let epoch = self.connections[id.connection().0 as usize].epoch;
        let link = &mut self.links[id.0 as usize];
        let timeout = Span(RETRANSMISSION_MIN.0.max(2 * link.round_trip().0));
        let stream = &mut link.stream;
        stream.stalled = true;
        stream.stalled_at = self.now;
        stream.later = 0;
        stream.stall = stream.stall.wrapping_add(1);
        stream.tries = losses;
        let stall = stream.stall;
        let wait = timeout.times((1u64 << losses.clamp(1, 20)) - 1);
        self.hold_segment(id, message, bytes);
        self.push_marked(self.now + wait, id.0, epoch, Body::Release { stall }, DEADLINE);
    }

    /// Behind a missing segment. The third that leaves within a round trip brings the missing one back sooner, if
    /// it was lost only once.
    #[cold]
    #[inline(never)]
    pub(crate) fn hold(&mut self, id: LinkId, message: D::Message, bytes: u64) {
        let epoch = self.connections[id.connection().0 as usize].epoch;
        let link = &mut self.links[id.0 as usize];
        let round_trip = link.round_trip();
        let stream = &mut link.stream;
        stream.later += 1;
        let fast = stream.later == 3 && stream.tries == 1 && self.now.since(stream.stalled_at) < round_trip;
        if fast {
            stream.stall = stream.stall.wrapping_add(1);
        }
        let stall = stream.stall;
        self.hold_segment(id, message, bytes);
        if fast {
            self.push_marked(self.now + round_trip, id.0, epoch, Body::Release { stall }, DEADLINE);
        }
    }

    pub(crate) fn hold_segment(&mut self, id: LinkId, message: D::Message, bytes: u64) {
        self.flying.add(self.mark);
        let stream = &mut self.links[id.0 as usize].stream;
        stream.held.push_back(Segment { message, mark: self.mark });
        stream.waiting_bytes += bytes;
    }

    /// The missing segment is sent again; with it comes all that waited behind it.
    pub(crate) fn release(&mut self, id: LinkId, epoch: u32, stall: u32) {
        let current = self.connections[id.connection().0 as usize].epoch;
        let now = self.now;
        let link = &mut self.links[id.0 as usize];
        if current != epoch || !link.stream.stalled || link.stream.stall != stall {
            return;
        }
        let lost = link.unusual.is_some() && self.is_lost_again(id);
        let link = &mut self.links[id.0 as usize];
        if lost {
            let tries = link.stream.tries.max(1);
            link.stream.tries = tries + 1;
            let timeout = Span(RETRANSMISSION_MIN.0.max(2 * link.round_trip().0));
            let wait = timeout.times(1 << tries.min(9));
            return self.push_marked(now + wait, id.0, epoch, Body::Release { stall }, DEADLINE);
        }
        let latency = Span((link.spec.latency.mean() + link.slowed_on_average()) as u64);
        let arrival = link.stream.last_arrival.max(now + latency);
        link.stream.last_arrival = arrival;
        link.stream.stalled = false;
        while let Some(segment) = self.links[id.0 as usize].stream.held.pop_front() {
            self.unhold(id, segment);
            self.push_marked(arrival, id.0, epoch, Body::Message(segment.message), segment.mark);
        }
        self.tell_writable(id);
    }

    fn unhold(&mut self, id: LinkId, segment: Segment<D::Message>) {
        self.flying.remove(segment.mark);
        let bytes = D::bytes(&segment.message, &self.shared);
        self.links[id.0 as usize].stream.waiting_bytes -= bytes;
    }

    /// Arrived at an end that does not read.
    pub(crate) fn leave_unread(&mut self, id: LinkId, message: D::Message) {
        let bytes = D::bytes(&message, &self.shared);
        let stream = &mut self.links[id.0 as usize].stream;
        stream.unread.push_back(Segment { message, mark: DEADLINE });
        stream.waiting_bytes += bytes;
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
        let epoch = self.connections[id.connection().0 as usize].epoch;
        let stream = &mut self.links[id.0 as usize].stream;
        match stream.unread.pop_front() {
            Some(segment) => {
                stream.reading = true;
                self.unhold(id, segment);
                self.push(self.now, id.0, epoch | READ, Body::Message(segment.message));
                self.tell_writable(id);
            }
            None => (stream.reading_stopped, stream.resumed) = (false, false),
        }
    }

    /// A packet that has waited, or one of an earlier epoch, which is dropped. Whether it is read now.
    #[cold]
    #[inline(never)]
    pub(crate) fn reads(&mut self, id: LinkId, epoch: u32, message: D::Message) -> bool {
        let state = &self.connections[id.connection().0 as usize];
        if state.epoch | READ != epoch || !state.open[id.receiver()] {
            if state.epoch == epoch {
                self.answer_stray(id);
            }
            self.dropped(self.links[id.0 as usize].to, &message, DropCause::Reset);
            return false;
        }
        let stream = &mut self.links[id.0 as usize].stream;
        stream.reading = false;
        if !stream.resumed {
            // It has stopped again meanwhile.
            stream.waiting_bytes += D::bytes(&message, &self.shared);
            stream.unread.push_front(Segment { message, mark: DEADLINE });
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

    pub(crate) fn tell_writable(&mut self, id: LinkId) {
        let epoch = self.connections[id.connection().0 as usize].epoch;
        let link = &mut self.links[id.0 as usize];
        if link.stream.choked && link.stream.waiting_bytes < SOCKET_BUFFER {
            link.stream.choked = false;
            let latency = Span(link.spec.latency.mean() as u64);
            self.push(self.now + latency, id.0, epoch, Body::Writable);
        }
    }

    /// A client calls its server.
    pub(crate) fn connect(&mut self, id: ConnectionId) {
        let connection = &mut self.connections[id.0 as usize];
        connection.epoch = connection.epoch.wrapping_add(1) & 0x7FFF_FFFF;
        connection.open[0] = false;
        (connection.unheard, connection.unanswered) = ([false, false], [None, None]);
        (connection.calling, connection.answered) = (true, false);
        let epoch = connection.epoch;
        self.clear_stream(id.link(0));
        if let Some(arrival) = self.arrival_of_news(id.link(0)) {
            self.push(arrival, id.link(0).0, epoch, Body::Opening);
        }
        self.push_marked(self.now + CONNECT_TIMEOUT, id.link(1).0, epoch, Body::ConnectTimeout, DEADLINE);
    }

    /// When a bare segment (a call, an answer, an end) that is sent now comes; never through a partition or a jam.
    pub(crate) fn arrival_of_news(&mut self, id: LinkId) -> Option<Time> {
        let link = &mut self.links[id.0 as usize];
        if self.prologue {
            return Some(self.now);
        }
        if link.is_blocked() {
            return None;
        }
        let slowed = link.slowed_on_average();
        let latency = Span((link.spec.latency.mean() + link.spec.jitter.mean() + slowed).min(1e18) as u64);
        link.stream.last_arrival = link.stream.last_arrival.max(self.now + latency);
        Some(link.stream.last_arrival)
    }

    /// Forgets what a stream holds: its end is gone. What waited to be sent or read is lost.
    pub(crate) fn clear_stream(&mut self, id: LinkId) {
        let from = self.links[id.0 as usize].from;
        let stream = &mut self.links[id.0 as usize].stream;
        stream.stalled = false;
        stream.stall = stream.stall.wrapping_add(1);
        stream.choked = false;
        while let Some(segment) = self.links[id.0 as usize].stream.held.pop_front() {
            self.unhold(id, segment);
            self.dropped(from, &segment.message, DropCause::Reset);
        }
    }

    pub(crate) fn clear_unread(&mut self, id: LinkId) {
        let to = self.links[id.0 as usize].to;
        let stream = &mut self.links[id.0 as usize].stream;
        (stream.reading_stopped, stream.resumed, stream.reading) = (false, false, false);
        while let Some(segment) = self.links[id.0 as usize].stream.unread.pop_front() {
            self.unhold(id, segment);
            self.dropped(to, &segment.message, DropCause::Reset);
        }
    }

    /// One end is gone: it neither sends nor reads any more. The other end learns in its own time: at once over the
    /// wire (`reset` tells how), or, if the machine is dead or cut off, by silence.
    pub(crate) fn leave(&mut self, id: ConnectionId, side: usize, reset: bool, silent: bool) {
        let connection = &mut self.connections[id.0 as usize];
        connection.calling &= side != 0;
        if !connection.open[side] {
            // A call that is still under way finds nobody.
            if side == 0 {
                connection.epoch = connection.epoch.wrapping_add(1) & 0x7FFF_FFFF;
            }
            // The server may still take an earlier connection for alive: the news of its end was for that epoch.
            if side == 1 || !connection.open[1] {
                return;
            }
        }
        connection.open[side] = false;
        let epoch = connection.epoch;
        self.clear_stream(id.link(side));
        self.clear_unread(id.link(1 - side));
        let news = if silent { None } else { self.arrival_of_news(id.link(side)) };
        let connection = &mut self.connections[id.0 as usize];
        (connection.unheard[side], connection.unanswered[side]) = (news.is_none(), None);
        match news {
            Some(arrival) => self.push(arrival, id.link(side).0, epoch, Body::Ending { reset }),
            None => {
                self.push_marked(self.now + SILENCE_LIMIT, id.link(side).0, epoch, Body::Silence, DEADLINE)
            }
        }
    }

    /// A fault breaks all connections of a node; each end learns when the news reaches it. A client that waits for an
    /// answer learns behind that. Where a call is under way to a server that takes the connection before for alive, that
    /// one ends as the call comes.
    pub(crate) fn reset_connections(&mut self, node: NodeId) {
        self.tell_checks(node, News::ConnectionReset);
        for (id, side) in self.connections_of(node) {
            let connection = &self.connections[id.0 as usize];
            let (epoch, calling) = (connection.epoch, connection.calling);
            if !connection.open[side] || calling && !connection.answered {
                continue;
            }
            for side in [0, 1] {
                self.clear_stream(id.link(side));
                let answer = self.links[id.link(side).0 as usize].stream.last_arrival;
                let at = if calling && side == 1 { self.now.max(answer) } else { self.now };
                self.push(at, id.link(side).0, epoch, Body::Ending { reset: true });
            }
        }
    }

    /// Nothing passes over this link from now on: its receiver will take the sender for dead if that lasts.
    pub(crate) fn expect_silence(&mut self, id: LinkId) {
        self.links[id.0 as usize].blocked_since = self.now;
        let epoch = self.connections[id.connection().0 as usize].epoch;
        self.push_marked(self.now + SILENCE_LIMIT, id.0, epoch, Body::Silence, DEADLINE);
    }

    /// Whether a receiver has heard nothing for long enough: the sender is gone, or cut off or paused all the time.
    pub(crate) fn is_silent(&self, id: LinkId) -> bool {
        let link = &self.links[id.0 as usize];
        let gone = !self.connections[id.connection().0 as usize].open[1 - id.receiver()];
        let cut_off = link.is_blocked() && self.now.since(link.blocked_since) >= SILENCE_LIMIT;
        gone || cut_off || self.is_long_paused(link.from)
    }
}
