//! What comes back to a queue broker unsettled, and why: given back, left behind by a consumer that is gone, or held
//! for too long.

use super::broker::Broker;
use super::cluster::REPLICATED;
use super::dead_letters::Reason;
use super::flights::Flight;
use super::{Entry, Kept, Overdue, Place};
use crate::causes::DuplicateCause;
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::{MessageRef, SubscriptionId};
use crate::packet::{Packet, Record, Tag, Timer};
use redeliver_sim::{ConnectionId, FileId, Span, Time};

impl Broker {
    pub(super) fn on_nack(
        &mut self,
        m: MessageRef,
        s: SubscriptionId,
        attempt: u16,
        tag: Tag,
        requeue: bool,
        out: &mut Out<'_>,
    ) {
        if self.timed {
            return self.on_nack_timed(m, s, attempt, tag, requeue, out);
        }
        let Some(flight) = self.settle(m, s, attempt, tag) else { return out.note(Fact::StrayAck { m, s }) };
        let queue = flight.queue as usize;
        if requeue {
            self.give_back(flight, out);
        } else {
            self.dead_letter(queue, flight.entry, Reason::Rejected, out);
        }
        self.go_on(queue, out);
    }

    /// Its consumer has given it back.
    fn give_back(&mut self, flight: Flight, out: &mut Out<'_>) {
        let queue = flight.queue as usize;
        let behaviour = self.queues[queue].config.behaviour;
        let kept = self.requeue(queue, flight.entry, behaviour.given_back, DuplicateCause::Returned, out);
        if !kept && behaviour.limit_gives_room_twice {
            self.service[queue].give_room(flight.slot, flight.number);
        }
    }

    /// Back into the queue; or away, if it has been delivered often enough. Whether it is kept.
    pub(super) fn requeue(
        &mut self,
        queue: usize,
        entry: Entry,
        place: Place,
        why: DuplicateCause,
        out: &mut Out<'_>,
    ) -> bool {
        let (m, s) = (entry.m, self.queues[queue].s);
        if self.queues[queue].config.delivery_limit.is_some_and(|limit| u32::from(entry.attempts) > limit) {
            self.dead_letter(queue, entry, Reason::DeliveryLimit, out);
            return false;
        }
        out.note(Fact::Requeued { m, s, why });
        if self.queues[queue].config.behaviour.kept == Kept::Everything {
            self.write_down(queue, entry, Some(place), out);
        }
        self.queues[queue].take_back(entry, place);
        true
    }

    /// The log says how often it was delivered, and whether a consumer holds it or it has come back. That follows from
    /// what the log has anyway: it costs the disk nothing.
    #[cold]
    #[inline(never)]
    pub(super) fn write_down(
        &mut self,
        queue: usize,
        entry: Entry,
        came_back: Option<Place>,
        out: &mut Out<'_>,
    ) {
        // The log of a replicated queue is not this one's.
        let Some(position) = entry.position.filter(|position| *position != REPLICATED) else { return };
        let (m, s, index) = (entry.m, self.queues[queue].s, self.next_index());
        let history = entry.history;
        let attempts = entry.attempts.min(u16::from(u8::MAX)) as u8;
        let record = match came_back {
            None => Record::Held { m, s, index, history, attempts },
            Some(Place::Ahead) => Record::Ahead { m, s, index, history, attempts },
            Some(Place::Back | Place::Original) => Record::Behind { m, s, index, history, attempts },
        };
        out.amend(FileId(queue as u32), position, record);
    }

    /// The next index of the broker's logs.
    #[cold]
    #[inline(never)]
    pub(super) fn next_index(&mut self) -> u32 {
        self.index = self.index.wrapping_add(1);
        self.index
    }

    /// What this channel held goes back, in order, and its consumers are asked no more.
    fn leave(&mut self, connection: ConnectionId, why: DuplicateCause, out: &mut Out<'_>) {
        self.service.iter_mut().for_each(|service| service.remove(connection));
        self.queues.iter_mut().for_each(|queue| queue.forget(connection));
        self.take_back_all(connection, Some(why), out);
    }

    /// All that this channel holds goes back: given back by its consumers, or left behind by them for this reason.
    fn take_back_all(&mut self, connection: ConnectionId, left: Option<DuplicateCause>, out: &mut Out<'_>) {
        let held = self.flights.iter().filter(|(_, flight)| flight.connection == connection);
        let mut held: Vec<(u32, u32, Tag)> = held
            .map(|(tag, flight)| {
                // Consumer by consumer, in the order of sending; where each has its place, in that order.
                let behaviour = self.queues[flight.queue as usize].config.behaviour;
                let place = if left.is_some() { behaviour.left_behind } else { behaviour.given_back };
                let by = match place {
                    Place::Original => flight.entry.rank,
                    Place::Back | Place::Ahead => flight.number,
                };
                (flight.queue, by, tag)
            })
            .collect();
        held.sort_by_key(|(queue, by, _)| (*queue, *by));
        for (queue, _, tag) in held {
            let (queue, flight) = (queue as usize, self.land(tag).expect("it was live"));
            let Some(why) = left else {
                self.give_back(flight, out);
                continue;
            };
            let place = self.queues[queue].config.behaviour.left_behind;
            let entry = self.left_behind(queue, flight.entry, out);
            self.requeue(queue, entry, place, why, out);
        }
        for queue in 0..self.queues.len() {
            self.go_on(queue, out);
        }
    }

    /// Something has come back. It may be too much: the limit is held before anybody is served.
    pub(super) fn go_on(&mut self, queue: usize, out: &mut Out<'_>) {
        if self.queues[queue].limited {
            self.enforce_limit(queue, out);
        }
        self.dispatch(queue, out);
        self.set_level(queue, out);
        self.arm_expiry(queue, out);
    }

    /// A client is gone, or has closed its channel.
    pub(super) fn on_gone(&mut self, connection: ConnectionId, out: &mut Out<'_>) {
        if self.timed {
            return self.on_gone_timed(connection);
        }
        if self.sessions.is_some() {
            return self.interrupt_session(connection, out);
        }
        self.leave(connection, DuplicateCause::ConnectionClosed, out);
    }

    /// Its consumers are asked no more. What it holds it holds.
    pub(super) fn on_cancel(&mut self, connection: ConnectionId, out: &mut Out<'_>) {
        if self.timed {
            return self.on_gone_timed(connection);
        }
        for queue in 0..self.queues.len() {
            self.service[queue].remove(connection);
            // With a single active consumer the next is asked.
            self.go_on(queue, out);
        }
    }

    /// It wants all that it holds to be sent again. Where time tells there is no such word.
    pub(super) fn on_recover(&mut self, connection: ConnectionId, out: &mut Out<'_>) {
        if self.timed {
            return;
        }
        self.take_back_all(connection, None, out);
    }

    // What is held for too long.

    #[cold]
    #[inline(never)]
    pub(super) fn arm_first_deadline(&mut self, out: &mut Out<'_>) {
        let Some((_, first)) = self.flights.first() else { return };
        let at = match self.spec.config.overdue {
            Some((_, Overdue::ChannelClosed { every })) => next_look(first.deadline, every),
            _ => first.deadline,
        };
        self.deadline_armed = true;
        out.deadline(at.since(out.now()), Timer::Deadline);
    }

    pub(super) fn on_deadline(&mut self, out: &mut Out<'_>) {
        self.deadline_armed = false;
        // Those that begin now are not looked at: their deadline may be now as well.
        for _ in 0..self.flights.count() {
            let Some((tag, first)) = self.flights.first().filter(|(_, first)| first.deadline <= out.now())
            else {
                break;
            };
            if let Some((_, Overdue::ChannelClosed { .. })) = self.spec.config.overdue {
                let connection = first.connection;
                self.reply(connection, Packet::ChannelClosed, out);
                self.leave(connection, DuplicateCause::VisibilityTimeout, out);
                continue;
            }
            let flight = self.land(tag).expect("it is not settled");
            let queue = flight.queue as usize;
            let place = self.queues[queue].config.behaviour.left_behind;
            self.requeue(queue, flight.entry, place, DuplicateCause::VisibilityTimeout, out);
            self.go_on(queue, out);
        }
        if self.flights.first().is_some_and(|(_, first)| first.deadline != Time::NEVER)
            && !self.deadline_armed
        {
            self.arm_first_deadline(out);
        }
    }
}

/// When the broker looks, at or after this time.
fn next_look(at: Time, every: Span) -> Time {
    Time(at.0.div_ceil(every.0.max(1)).saturating_mul(every.0.max(1)))
}
