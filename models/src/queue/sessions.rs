//! Sessions: what a client that is known by name is still to be given, whether it is there or not.
//!
//! Models MQTT 3.1.1 as Mosquitto 2.0 does it (`database.c`, `subs.c`; recorded: `mqtt-1`, `mqtt-2`, `mqtt-X-*`). A message
//! comes at the lower of its publisher's and its subscriber's quality of service. At 0 it is sent once, past those that
//! wait, or not at all. At 1 it is sent until it is acknowledged, at 2 until its client has it; then that is told to hand it to
//! its application, until it says that it has: nobody does it twice while both keep their session. What was sent and not
//! acknowledged comes again only when the client connects again, in order, and marked (DUP). So many are under way at once;
//! so many more wait; what comes beyond them is dropped, and nobody is told. What a publisher sends at 2 is passed on when
//! it says so.
//!
//! A clean session ends with its connection, and takes along what it holds. Which sessions get what is in
//! `session_topics.rs`; what a restart leaves in `session_snapshots.rs`.
//!
//! Left out: the will, keepalive (a connection's death is seen by the network), `max_inflight_bytes`, expiry of sessions,
//! what a slow connection does not take (it has no limit), the retain flag of a delivery. Mosquitto 2.0.11 may leave a
//! message behind until the next connection when messages at 0 wait among more than may be under way: not modelled.

use super::broker::{Broker, Torn};
use super::flights::Flight;
use super::session_state::{Received, Step};
use super::session_topics::{Filter, Keepsake};
use super::{Entry, Place, Queue};
use crate::causes::{DuplicateCause, LossCause};
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::{MessageRef, SubscriptionId};
use crate::packet::{Packet, Tag};
use redeliver_sim::{ConnectionId, Time};

impl Broker {
    // What is published.

    #[inline(never)]
    pub(super) fn publish_to_sessions(
        &mut self,
        exchange: usize,
        from: ConnectionId,
        m: MessageRef,
        attempt: u16,
        out: &mut Out<'_>,
    ) {
        let Some(sessions) = &mut self.sessions else { return };
        if out.shared().properties(m).qos == 2 {
            if sessions.incoming.add(from, m, exchange as u32) {
                out.note(Fact::StoredBefore { m });
            }
            self.count_change(out);
            return self.reply(from, Packet::Accepted { m }, out);
        }
        self.give_to_sessions(exchange, m, out);
        if !out.is_cut() {
            self.confirm(from, m, attempt, false, out);
        }
    }

    /// A publisher says to go on. If nothing is known of the message it is taken for passed on (`handle__pubrel`).
    #[inline(never)]
    pub(super) fn on_proceed(&mut self, from: ConnectionId, m: MessageRef, attempt: u16, out: &mut Out<'_>) {
        let Some(sessions) = &mut self.sessions else { return };
        if let Some(exchange) = sessions.incoming.take(from, m) {
            self.give_to_sessions(exchange as usize, m, out);
        }
        self.reply(from, Packet::Confirm { m, attempt, positive: true, offset: 0 }, out);
    }

    fn give_to_sessions(&mut self, exchange: usize, m: MessageRef, out: &mut Out<'_>) {
        let said = *out.shared().properties(m);
        if said.retain {
            self.retain(exchange, m, said.qos, out);
        }
        let Some(sessions) = &mut self.sessions else { return };
        let mut steps = std::mem::take(&mut sessions.steps);
        sessions.plan(exchange, said.qos, &self.queues, &mut steps);
        if steps.is_empty() {
            out.note(Fact::NotTaken { m, why: LossCause::NotSubscribed });
        }
        for (i, step) in steps.iter().enumerate() {
            let last = i + 1 == steps.len();
            match *step {
                Step::Give { queue, qos } => self.give(queue, m, qos, last, out),
                Step::PassOver { s, why } => out.note(Fact::PassedOver { m, s, why, last }),
            }
            if out.is_cut() {
                self.torn.extend((!last).then_some(Torn::Publish(m)));
                break;
            }
        }
        steps.clear();
        self.sessions.iter_mut().for_each(|sessions| sessions.steps = std::mem::take(&mut steps));
        self.count_change(out);
    }

    /// A message becomes a session's; what is sent at quality 0 waits for nothing.
    fn give(&mut self, queue: usize, m: MessageRef, qos: u8, last: bool, out: &mut Out<'_>) {
        let s = self.queues[queue].s;
        let rank = out.shared().next_rank(s, queue as u32);
        let entry = self.taken_in(queue, (m, rank, 0, qos), out);
        out.note(Fact::Stored { m, s, line: queue as u32, rank, last });
        self.put(queue, entry, out);
    }

    /// A message in a session's memory: its rank, how often it was delivered, and at which quality of service it comes.
    pub(super) fn taken_in(
        &mut self,
        queue: usize,
        (m, rank, attempts, qos): (MessageRef, u32, u16, u8),
        out: &mut Out<'_>,
    ) -> Entry {
        let size = out.shared().messages.get(m).size;
        if let Some(sessions) = self.sessions.as_mut().filter(|_| qos > 0) {
            let seat = &mut sessions.seats[queue];
            (seat.count, seat.bytes) = (seat.count + 1, seat.bytes + size);
        }
        self.add_memory(size, out);
        Entry {
            m,
            rank,
            size: size as u32,
            history: 0,
            attempts,
            priority: qos,
            in_memory: true,
            position: None,
            expires: Time::NEVER,
        }
    }

    fn put(&mut self, queue: usize, entry: Entry, out: &mut Out<'_>) {
        let online = self.sessions.as_ref().is_some_and(|sessions| sessions.seats[queue].online);
        if entry.priority == 0 && online && !out.is_cut() {
            self.send_once(queue, entry, out);
        } else {
            self.queues[queue].push(entry);
            self.dispatch_session(queue, out);
        }
        self.set_session_level(queue, out);
    }

    /// A topic keeps its last message, if that has a body; an empty one takes the last away.
    fn retain(&mut self, exchange: usize, m: MessageRef, qos: u8, out: &mut Out<'_>) {
        let size = out.shared().messages.get(m).size;
        let keepsake = (size > 0).then_some(Keepsake { m, size, qos });
        if keepsake.is_some() {
            out.note(Fact::Retained { m, last: false });
            self.add_memory(size, out);
        }
        let before = self.sessions.as_mut().and_then(|sessions| sessions.topics.retain(exchange, keepsake));
        if let Some(before) = before {
            self.free_memory(before.size);
            out.note(Fact::Released { m: before.m });
        }
    }

    // What is sent.

    #[cold]
    #[inline(never)]
    pub(super) fn dispatch_session(&mut self, queue: usize, out: &mut Out<'_>) {
        while !out.is_cut() && self.queues[queue].len() > 0 {
            let Some((slot, who)) = self.service[queue].next() else { return };
            let entry = self.queues[queue].pop().expect("it is not empty");
            if entry.priority == 0 {
                self.service[queue].give_room(slot, who.number);
                self.send_once(queue, entry, out);
                continue;
            }
            let (s, m, attempt) = (self.queues[queue].s, entry.m, entry.attempts.saturating_add(1));
            let connection = who.connection;
            out.note(Fact::Dispatched { m, s, attempt, member: connection.0 });
            self.queues[queue].unacked += 1;
            let entry = Entry { attempts: attempt, ..entry };
            let (queue, number, deadline) = (queue as u32, who.number, Time::NEVER);
            let tag = self.flights.take_off(Flight { entry, queue, connection, slot, number, deadline });
            let packet = match entry.priority {
                1 => Packet::Deliver { m, s, attempt, tag },
                _ => Packet::Offer { m, s, attempt, tag },
            };
            self.reply(connection, packet, out);
        }
    }

    /// Sent, and forgotten.
    fn send_once(&mut self, queue: usize, entry: Entry, out: &mut Out<'_>) {
        let Some(to) = self.sessions.as_ref().map(|sessions| sessions.seats[queue].connection) else {
            return;
        };
        let (s, m, attempt, tag) = (self.queues[queue].s, entry.m, 1, Tag::NONE);
        out.note(Fact::Dispatched { m, s, attempt, member: to.0 });
        self.forget(queue, entry, out);
        out.note(Fact::Acked { m, s });
        if out.is_cut() {
            return self.torn.push(Torn::Delivery(m, s));
        }
        self.reply(to, Packet::Deliver { m, s, attempt, tag }, out);
    }

    /// Its client has it: it will not be sent again, only released.
    #[inline(never)]
    pub(super) fn on_received(
        &mut self,
        from: ConnectionId,
        (m, s, attempt, tag): (MessageRef, SubscriptionId, u16, Tag),
        out: &mut Out<'_>,
    ) {
        let flight = self.flights.get(tag).filter(|flight| {
            let of = self.queues[flight.queue as usize].s;
            (flight.entry.m, flight.entry.attempts, of) == (m, attempt, s)
        });
        if let Some(&Flight { entry, queue, .. }) = flight {
            let queue = queue as usize;
            self.flights.land(tag);
            self.queues[queue].unacked -= 1;
            let received = Received { m, attempt, tag, size: entry.size, rank: entry.rank };
            self.sessions.iter_mut().for_each(|sessions| sessions.seats[queue].received.push_back(received));
            self.forget(queue, entry, out);
            out.note(Fact::Acked { m, s });
            self.set_session_level(queue, out);
            self.count_change(out);
        }
        self.reply(from, Packet::Release { m, s, attempt, tag }, out);
    }

    /// Settled: at quality 1 as its client has it, at 2 as that has handed it on.
    #[inline(never)]
    pub(super) fn on_session_ack(
        &mut self,
        from: ConnectionId,
        (m, s, attempt, tag): (MessageRef, SubscriptionId, u16, Tag),
        out: &mut Out<'_>,
    ) {
        let Some(sessions) = &mut self.sessions else { return };
        let queue = if let Some(queue) = sessions.seat_of(from)
            && let Some(index) = sessions.seats[queue].received.iter().position(|r| (r.m, r.tag) == (m, tag))
        {
            let seat = &mut sessions.seats[queue];
            let (slot, number) = seat.place;
            if let Some(received) = seat.received.remove(index) {
                seat.settle(received.size);
            }
            self.service[queue].give_room(slot, number);
            queue
        } else {
            let Some(flight) = self.settle(m, s, attempt, tag) else {
                return out.note(Fact::StrayAck { m, s });
            };
            let queue = flight.queue as usize;
            self.sessions.iter_mut().for_each(|sessions| sessions.seats[queue].settle(flight.entry.size));
            self.forget(queue, flight.entry, out);
            out.note(Fact::Acked { m, s });
            queue
        };
        self.count_change(out);
        self.dispatch_session(queue, out);
        self.set_session_level(queue, out);
    }

    // Clients come and go.

    /// A client connects: its session goes on with what it was sent and has not acknowledged, or begins.
    #[cold]
    pub(super) fn begin_session(&mut self, connection: ConnectionId, out: &mut Out<'_>) {
        let Some(queue) = self.sessions.as_ref().and_then(|sessions| sessions.seat_of(connection)) else {
            return;
        };
        self.interrupt_session(connection, out);
        let Some(sessions) = &mut self.sessions else { return };
        let (limits, seat) = (sessions.limits, &mut sessions.seats[queue]);
        let room = match limits.inflight_max {
            0 => u32::MAX,
            max => max.saturating_sub(seat.received.len() as u32),
        };
        seat.online = true;
        seat.place = self.service[queue].add(connection, room, false, 0);
        self.declared[queue] = true;
        let (s, released) = (self.queues[queue].s, seat.received.clone());
        for Received { m, attempt, tag, .. } in released {
            self.reply(connection, Packet::Release { m, s, attempt, tag }, out);
        }
        self.dispatch_session(queue, out);
        self.set_session_level(queue, out);
    }

    /// A client is gone: what was under way waits again; a clean session is over.
    #[cold]
    pub(super) fn interrupt_session(&mut self, connection: ConnectionId, out: &mut Out<'_>) {
        self.forget_clean_publisher(connection, out);
        let Some(sessions) = &mut self.sessions else { return };
        let Some(queue) = sessions.seat_of(connection) else { return };
        let seat = &mut sessions.seats[queue];
        let clean = seat.clean;
        if !std::mem::take(&mut seat.online) {
            return;
        }
        self.service[queue].remove(connection);
        let held = self.flights.iter().filter(|(_, flight)| flight.queue as usize == queue);
        let held: Vec<Tag> = held.map(|(tag, _)| tag).collect();
        for tag in held {
            let flight = self.land(tag).expect("it was live");
            if clean {
                self.queues[queue].take_back(flight.entry, Place::Original);
            } else {
                self.requeue(queue, flight.entry, Place::Original, DuplicateCause::ConnectionClosed, out);
            }
        }
        if clean {
            self.end_session(queue, out);
        }
        self.set_session_level(queue, out);
    }

    fn end_session(&mut self, queue: usize, out: &mut Out<'_>) {
        self.declared[queue] = false;
        let s = self.queues[queue].s;
        while let Some(entry) = self.queues[queue].pop() {
            self.forget(queue, entry, out);
            out.note(Fact::Removed { m: entry.m, s, why: LossCause::SessionEnded });
        }
        if let Some(sessions) = &mut self.sessions {
            sessions.topics.forget(queue);
            let seat = &mut sessions.seats[queue];
            (seat.count, seat.bytes) = (0, 0);
            seat.received.clear();
            seat.subscribed.fill(false);
        }
    }

    /// What a publisher without a session has not told to go on is gone with its connection.
    fn forget_clean_publisher(&mut self, connection: ConnectionId, out: &mut Out<'_>) {
        if !self.spec.clean.contains(&connection) {
            return;
        }
        let Some(sessions) = &mut self.sessions else { return };
        sessions.incoming.0.retain(|((from, m), _)| {
            if *from == connection {
                out.note(Fact::PublishDropped { m: *m, why: LossCause::SessionEnded });
            }
            *from != connection
        });
    }

    /// A client subscribes, to one of its filters or to all, and gets what their topics retain; each time (MQTT 3.1.1,
    /// 3.8.4), those who share, too (asked of Mosquitto 2.0.11).
    #[cold]
    pub(super) fn on_subscribe(&mut self, queue: u32, filter: u32, out: &mut Out<'_>) {
        let queue = queue as usize;
        let Some(config) = self.queues[queue].config.session.clone() else { return };
        for (i, wanted) in config.filters.iter().enumerate() {
            if filter != u32::MAX && filter as usize != i {
                continue;
            }
            for exchange in self.subscribe(queue, i, wanted) {
                let keepsake = self.sessions.as_ref().and_then(|s| s.topics.retained(exchange));
                if let Some(keepsake) = keepsake {
                    self.give_retained(queue, keepsake, wanted.qos, out);
                }
            }
        }
        self.count_change(out);
    }

    /// The topics that fit it.
    pub(super) fn subscribe(&mut self, queue: usize, number: usize, filter: &Filter) -> Vec<usize> {
        let Some(sessions) = &mut self.sessions else { return Vec::new() };
        sessions.seats[queue].subscribed[number] = true;
        sessions.topics.subscribe(queue, filter, &self.exchanges)
    }

    fn give_retained(&mut self, queue: usize, keepsake: Keepsake, granted: u8, out: &mut Out<'_>) {
        let Keepsake { m, qos, .. } = keepsake;
        let (s, qos) = (self.queues[queue].s, qos.min(granted));
        let Some(sessions) = &self.sessions else { return };
        if out.is_cut() || sessions.refusal(queue, qos, &self.queues[queue]).is_some() {
            return;
        }
        let rank = out.shared().next_rank(s, queue as u32);
        let entry = self.taken_in(queue, (m, rank, 0, qos), out);
        let slot = out.shared().slot(s);
        if out.shared().messages.delivery(m, slot).ranked {
            out.note(Fact::Rewound { m, s, why: DuplicateCause::Resubscribed });
        } else {
            out.note(Fact::Found { m, s, line: queue as u32, rank });
        }
        self.put(queue, entry, out);
    }

    /// Several sessions may be one subscription's.
    #[cold]
    #[inline(never)]
    pub(super) fn set_session_level(&mut self, queue: usize, out: &mut Out<'_>) {
        let Queue { s, unacked, .. } = self.queues[queue];
        let held = self.queues[queue].len() as u64 + u64::from(unacked);
        let Some(sessions) = &mut self.sessions else { return };
        let before = std::mem::replace(&mut sessions.seats[queue].level, held);
        let now = out.now();
        out.shared().change_level(s, now, before, held);
    }
}
