//! What a queue broker sends to whom, and the ack that settles it.

use super::Kept;
use super::broker::{Broker, Torn};
use super::flights::Flight;
use super::queue::Entry;
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::{MessageRef, SubscriptionId};
use crate::packet::{Packet, Tag};
use redeliver_sim::{ConnectionId, Time};

impl Broker {
    #[inline(always)]
    pub(super) fn dispatch(&mut self, queue: usize, out: &mut Out<'_>) {
        if self.timed {
            return self.dispatch_timed(queue, out);
        }
        if self.sessions.is_some() {
            return self.dispatch_session(queue, out);
        }
        while !out.is_cut() {
            self.drop_expired(queue, out);
            if self.queues[queue].len() == 0 {
                return;
            }
            if self.queues[queue].pager.is_some() && !self.has_loaded(queue, out) {
                return;
            }
            let Some(who) = self.service[queue].next() else { return };
            let entry = self.queues[queue].pop().expect("it is not empty");
            let (connection, auto_ack) = (who.1.connection, who.1.auto_ack);
            self.send(queue, entry, connection, auto_ack, (who.0, who.1.number), out);
        }
    }

    #[inline(always)]
    pub(super) fn send(
        &mut self,
        queue: usize,
        entry: Entry,
        to: ConnectionId,
        auto_ack: bool,
        (slot, number): (u32, u32),
        out: &mut Out<'_>,
    ) {
        let s = self.queues[queue].s;
        let attempt = entry.attempts.saturating_add(1);
        out.note(Fact::Dispatched { m: entry.m, s, attempt, member: to.0 });
        let tag = if auto_ack {
            self.forget(queue, entry, out);
            out.note(Fact::Acked { m: entry.m, s });
            if out.is_cut() {
                self.torn.push(Torn::Delivery(entry.m, s));
                return;
            }
            Tag::NONE
        } else {
            self.queues[queue].unacked += 1;
            let entry = Entry { attempts: attempt, ..entry };
            if self.queues[queue].config.behaviour.kept == Kept::Everything {
                self.write_down(queue, entry, None, out);
            }
            let deadline = self.spec.config.overdue.map_or(Time::NEVER, |(span, _)| out.now() + span);
            let flight = Flight { entry, queue: queue as u32, connection: to, slot, number, deadline };
            let tag = self.flights.take_off(flight);
            self.arm_deadline(out);
            tag
        };
        self.reply(to, Packet::Deliver { m: entry.m, s, attempt, tag }, out);
    }

    /// The delivery that an ack or a nack is about. Tags begin anew with each life of the broker: one of an earlier
    /// life may come late, over datagrams, and says nothing of the delivery that has its tag now.
    pub(super) fn settle(
        &mut self,
        m: MessageRef,
        s: SubscriptionId,
        attempt: u16,
        tag: Tag,
    ) -> Option<Flight> {
        self.settles((m, s, attempt), tag).then(|| *self.flights.landed(tag))
    }

    /// The same; it only says whether there is one.
    #[inline(always)]
    fn settles(&mut self, (m, s, attempt): (MessageRef, SubscriptionId, u16), tag: Tag) -> bool {
        let Some(flight) = self.flights.get(tag) else { return false };
        let same = flight.entry.m == m && flight.entry.attempts == attempt;
        same && self.queues[flight.queue as usize].s == s && self.lands(tag)
    }

    /// The delivery, if it was not settled yet; now it is.
    pub(super) fn land(&mut self, tag: Tag) -> Option<Flight> {
        self.lands(tag).then(|| *self.flights.landed(tag))
    }

    #[inline(always)]
    fn lands(&mut self, tag: Tag) -> bool {
        let Some(flight) = self.flights.land(tag) else { return false };
        let (queue, slot, number) = (flight.queue as usize, flight.slot, flight.number);
        self.queues[queue].unacked -= 1;
        self.service[queue].give_room(slot, number);
        true
    }

    #[inline(always)]
    pub(super) fn on_ack(
        &mut self,
        from: ConnectionId,
        (m, s, attempt, tag): (MessageRef, SubscriptionId, u16, Tag),
        out: &mut Out<'_>,
    ) {
        if self.timed {
            return self.on_ack_timed(m, s, attempt, tag, out);
        }
        if self.sessions.is_some() {
            return self.on_session_ack(from, (m, s, attempt, tag), out);
        }
        if !self.settles((m, s, attempt), tag) {
            return out.note(Fact::StrayAck { m, s });
        }
        let Flight { queue, entry, .. } = *self.flights.landed(tag);
        let queue = queue as usize;
        self.forget(queue, entry, out);
        out.note(Fact::Acked { m, s });
        self.dispatch(queue, out);
        self.set_level(queue, out);
    }

    #[inline(always)]
    fn arm_deadline(&mut self, out: &mut Out<'_>) {
        if !self.deadline_armed
            && let Some((_, first)) = self.flights.first()
            && first.deadline != Time::NEVER
        {
            self.arm_first_deadline(out);
        }
    }
}
