//! What a queue broker sends to whom, and what settles it: an ack, a nack, a deadline.

use super::broker::{Broker, Subscriber, Torn};
use super::dead_letters::Reason;
use super::flights::Flight;
use super::queue::Entry;
use crate::causes::DuplicateCause;
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::{MessageRef, SubscriptionId};
use crate::packet::{Packet, Tag, Timer};
use redeliver_sim::{ConnectionId, Time};

impl Broker {
    #[inline(always)]
    pub(super) fn dispatch(&mut self, queue: usize, out: &mut Out<'_>) {
        while !out.is_cut() {
            self.drop_expired(queue, out);
            if self.queues[queue].len() == 0 {
                return;
            }
            let subscribers = &self.subscribers[queue];
            let count = subscribers.len();
            let mut chosen = self.turns[queue];
            let mut asked = 0;
            while asked < count && subscribers[chosen].room == 0 {
                chosen = if chosen + 1 == count { 0 } else { chosen + 1 };
                asked += 1;
            }
            if asked == count {
                return;
            }
            self.turns[queue] = if chosen + 1 == count { 0 } else { chosen + 1 };
            let entry = self.queues[queue].pop().expect("it is not empty");
            self.deliver(queue, entry, chosen, out);
        }
    }

    #[inline(always)]
    fn deliver(&mut self, queue: usize, entry: Entry, chosen: usize, out: &mut Out<'_>) {
        let subscriber = &mut self.subscribers[queue][chosen];
        let (connection, auto_ack) = (subscriber.connection, subscriber.auto_ack);
        if !auto_ack && subscriber.room != u32::MAX {
            subscriber.room -= 1;
        }
        self.send(queue, entry, connection, auto_ack, Some(chosen as u32), out);
    }

    #[inline(always)]
    pub(super) fn send(
        &mut self,
        queue: usize,
        entry: Entry,
        to: ConnectionId,
        auto_ack: bool,
        place: Option<u32>,
        out: &mut Out<'_>,
    ) {
        let s = self.queues[queue].s;
        let attempt = entry.attempts.saturating_add(1);
        out.note(Fact::Dispatched { m: entry.m, s, attempt, member: to.0 });
        if auto_ack {
            self.forget(queue, entry, out);
            out.note(Fact::Acked { m: entry.m, s });
            if out.is_cut() {
                self.torn.push(Torn::Delivery(entry.m, s));
                return;
            }
            let tag = Tag { slot: u32::MAX, generation: 0 };
            return self.reply(to, Packet::Deliver { m: entry.m, s, attempt, tag }, out);
        }
        self.queues[queue].unacked += 1;
        let entry = Entry { attempts: attempt, ..entry };
        let deadline = self.spec.config.redeliver_after.map_or(Time::NEVER, |span| out.now() + span);
        let tag =
            self.flights.take_off(Flight { entry, queue: queue as u32, connection: to, place, deadline });
        self.arm_deadline(out);
        self.reply(to, Packet::Deliver { m: entry.m, s, attempt, tag }, out);
    }

    /// The delivery that an ack or a nack is about. Tags begin anew with each life of the broker: one of an earlier
    /// life may come late, over datagrams, and says nothing of the delivery that has its tag now.
    #[inline(always)]
    fn settle(&mut self, m: MessageRef, s: SubscriptionId, attempt: u16, tag: Tag) -> Option<Flight> {
        let flight = self.flights.get(tag)?;
        let same = flight.entry.m == m && flight.entry.attempts == attempt;
        if same && self.queues[flight.queue as usize].s == s { self.land(tag) } else { None }
    }

    /// The delivery, if it was not settled yet; now it is.
    #[inline(always)]
    pub(super) fn land(&mut self, tag: Tag) -> Option<Flight> {
        let flight = self.flights.land(tag)?;
        let queue = flight.queue as usize;
        self.queues[queue].unacked -= 1;
        if let Some(place) = flight.place {
            self.give_room(queue, place, flight.connection);
        }
        Some(flight)
    }

    /// A consumer takes one more, if it is still there; its place may have changed as others left.
    #[inline(always)]
    fn give_room(&mut self, queue: usize, place: u32, connection: ConnectionId) {
        let subscribers = &mut self.subscribers[queue];
        let is_it = |subscriber: &Subscriber| subscriber.connection == connection;
        let place = match subscribers.get(place as usize) {
            Some(subscriber) if is_it(subscriber) => Some(place as usize),
            _ => subscribers.iter().position(is_it),
        };
        if let Some(place) = place
            && subscribers[place].room != u32::MAX
        {
            subscribers[place].room += 1;
        }
    }

    #[inline(always)]
    pub(super) fn on_ack(
        &mut self,
        m: MessageRef,
        s: SubscriptionId,
        attempt: u16,
        tag: Tag,
        out: &mut Out<'_>,
    ) {
        let Some(flight) = self.settle(m, s, attempt, tag) else { return out.note(Fact::StrayAck { m, s }) };
        let queue = flight.queue as usize;
        self.forget(queue, flight.entry, out);
        out.note(Fact::Acked { m, s });
        self.dispatch(queue, out);
        self.set_level(queue, out);
    }

    pub(super) fn on_nack(
        &mut self,
        m: MessageRef,
        s: SubscriptionId,
        attempt: u16,
        tag: Tag,
        requeue: bool,
        out: &mut Out<'_>,
    ) {
        let Some(flight) = self.settle(m, s, attempt, tag) else { return out.note(Fact::StrayAck { m, s }) };
        let queue = flight.queue as usize;
        if requeue {
            self.requeue(queue, flight.entry, DuplicateCause::Returned, out);
        } else {
            self.dead_letter(queue, flight.entry, Reason::Rejected, out);
        }
        self.shorten(queue, out);
        self.dispatch(queue, out);
        self.set_level(queue, out);
        self.arm_expiry(queue, out);
    }

    /// Back to its original position; or away, if it has been delivered often enough.
    pub(super) fn requeue(&mut self, queue: usize, entry: Entry, why: DuplicateCause, out: &mut Out<'_>) {
        let (m, s) = (entry.m, self.queues[queue].s);
        if self.queues[queue].config.delivery_limit.is_some_and(|limit| u32::from(entry.attempts) > limit) {
            return self.dead_letter(queue, entry, Reason::DeliveryLimit, out);
        }
        out.note(Fact::Requeued { m, s, why });
        self.queues[queue].insert(entry);
    }

    /// What has come back may be too much: the limit is held before anybody is served.
    pub(super) fn shorten(&mut self, queue: usize, out: &mut Out<'_>) {
        if self.queues[queue].limited {
            self.enforce_limit(queue, out);
        }
    }

    #[inline(always)]
    fn arm_deadline(&mut self, out: &mut Out<'_>) {
        if !self.deadline_armed
            && let Some((_, first)) = self.flights.first()
            && first.deadline != Time::NEVER
        {
            self.deadline_armed = true;
            out.deadline(first.deadline.since(out.now()), Timer::Deadline);
        }
    }

    pub(super) fn on_deadline(&mut self, out: &mut Out<'_>) {
        self.deadline_armed = false;
        // Those that begin now are not looked at: their deadline may be now as well.
        for _ in 0..self.flights.count() {
            let Some((tag, _)) = self.flights.first().filter(|(_, first)| first.deadline <= out.now()) else {
                break;
            };
            let flight = self.land(tag).expect("it is not settled");
            let queue = flight.queue as usize;
            self.requeue(queue, flight.entry, DuplicateCause::VisibilityTimeout, out);
            self.shorten(queue, out);
            self.dispatch(queue, out);
            self.set_level(queue, out);
        }
        self.arm_deadline(out);
    }
}
