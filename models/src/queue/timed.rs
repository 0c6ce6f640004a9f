//! What a broker does whose deliveries come again by time: whom it sends what, what settles it, and when it comes again.
//!
//! All of it is beside the way of queues that hear of their consumers (`delivering.rs`, `returning.rs`): a broker has
//! queues of one sort or of the other.

use super::broker::{Broker, Torn};
use super::dead_letters::Reason;
use super::flights::Flight;
use super::queue::Entry;
use super::service::{NOBODY, Subscriber};
use super::{Place, Settles, Turns};
use crate::causes::DuplicateCause;
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::{MessageRef, SubscriptionId};
use crate::packet::{Packet, Record, Tag, Timer};
use redeliver_sim::{ConnectionId, FileId, Span, Time};

/// Where a message is that an answer of a consumer is about: its sequence, and whether it is held.
enum Found {
    Held(u32),
    Waiting(u32),
}

impl Broker {
    // Out.

    #[cold]
    #[inline(never)]
    pub(super) fn dispatch_timed(&mut self, queue: usize, out: &mut Out<'_>) {
        let mut served: Vec<(u32, u32)> = Vec::new();
        while !out.is_cut() && self.may_send(queue, out) {
            let Some((slot, who)) = self.choose(queue, out) else { break };
            let entry = self.queues[queue].pop().expect("it may be sent");
            match who.fills {
                Some(true) if who.room == 0 => drop(self.service[queue].end_request(slot, who.number)),
                Some(false) if !served.contains(&(slot, who.number)) => served.push((slot, who.number)),
                _ => {}
            }
            let place = if who.fills.is_some() { (0, NOBODY) } else { (slot, who.number) };
            self.send_timed(queue, entry, (who.connection, who.auto_ack), place, out);
        }
        served.into_iter().for_each(|pull| self.end_pull(queue, pull, out));
    }

    /// Whether there is a message that may be sent, and somebody who would take it. What was delivered often enough goes
    /// no further. What comes again needs no room in the window.
    fn may_send(&mut self, queue: usize, out: &mut Out<'_>) -> bool {
        while self.queues[queue].len() > 0 && self.service[queue].has_room() {
            let state = &self.queues[queue];
            let Some(first) = state.returned().next() else { return self.has_window(queue) };
            if state.config.delivery_limit.is_none_or(|limit| u32::from(first.attempts) <= limit) {
                return true;
            }
            let entry = self.queues[queue].pop().expect("it comes again");
            self.give_up(queue, entry, out);
            if out.is_cut() {
                return false;
            }
        }
        false
    }

    fn has_window(&self, queue: usize) -> bool {
        let state = &self.queues[queue];
        let window = state.config.redelivery.as_ref().and_then(|redelivery| redelivery.window);
        let held = state.pending.as_ref().map_or(0, |pending| pending.held.len());
        window.is_none_or(|window| held < window as usize)
    }

    fn choose(&mut self, queue: usize, out: &mut Out<'_>) -> Option<(u32, Subscriber)> {
        match self.queues[queue].config.turns {
            Turns::InLine => self.service[queue].next(),
            Turns::AtRandom => {
                let head = *self.queues[queue].head()?;
                let luck = out.shared().messages.get(head.m).luck.attempt(u64::from(head.attempts));
                self.service[queue].at_random(self.spec.turns.draw(luck, queue as u64))
            }
        }
    }

    fn give_up(&mut self, queue: usize, entry: Entry, out: &mut Out<'_>) {
        if !out.shared().journals.is_empty() {
            let name = out.shared().notation(entry.m).1;
            let pending = self.queues[queue].pending.as_mut();
            pending.into_iter().for_each(|pending| pending.advisories.push(format!("max_deliver {name}")));
        }
        self.dead_letter(queue, entry, Reason::DeliveryLimit, out);
        self.set_level(queue, out);
    }

    fn send_timed(
        &mut self,
        queue: usize,
        entry: Entry,
        (to, at_once): (ConnectionId, bool),
        (slot, number): (u32, u32),
        out: &mut Out<'_>,
    ) {
        let (m, s, attempt) = (entry.m, self.queues[queue].s, entry.attempts.saturating_add(1));
        out.note(Fact::Dispatched { m, s, attempt, member: to.0 });
        if at_once {
            self.forget(queue, entry, out);
            out.note(Fact::Acked { m, s });
            self.settled_in_stream(queue, entry.rank, out);
            if out.is_cut() {
                return self.torn.push(Torn::Delivery(m, s));
            }
            let tag = Tag { slot: u32::MAX, generation: 0 };
            return self.reply(to, Packet::Deliver { m, s, attempt, tag }, out);
        }
        let entry = Entry { attempts: attempt, ..entry };
        self.record_pending(queue, entry, out);
        let flight =
            Flight { entry, queue: queue as u32, connection: to, slot, number, deadline: Time::NEVER };
        let wait = self.queues[queue].config.redelivery.as_ref().map_or(Span::ZERO, |r| r.wait(attempt));
        let tag = self.hold(queue, flight, out.now() + wait);
        self.arm_ack_wait(queue, out);
        self.reply(to, Packet::Deliver { m, s, attempt, tag }, out);
    }

    /// A delivery begins, which comes again at this time.
    pub(super) fn hold(&mut self, queue: usize, flight: Flight, deadline: Time) -> Tag {
        self.queues[queue].unacked += 1;
        let rank = flight.entry.rank;
        let tag = self.flights.take_off(flight);
        let pending = self.queues[queue].pending.as_mut();
        pending.into_iter().for_each(|pending| pending.hold(rank, tag, deadline));
        tag
    }

    /// The disk knows of the delivery; what a reader of a stream writes takes no room beside the stream itself.
    fn record_pending(&self, queue: usize, entry: Entry, out: &mut Out<'_>) {
        let Some(position) = entry.position else { return };
        let at = (out.now().since(Time::ZERO).0 / 1_000_000).min(u64::from(u32::MAX)) as u32;
        let attempts = entry.attempts.min(u16::from(u8::MAX)) as u8;
        let (m, s, sequence) = (entry.m, self.queues[queue].s, entry.rank);
        out.amend(FileId(queue as u32), position, Record::Pending { m, s, sequence, at, attempts });
    }

    // Back.

    fn find(&self, m: MessageRef, s: SubscriptionId, attempt: u16, tag: Tag) -> Option<(usize, Found)> {
        let queue = self.spec.subscriptions.iter().position(|other| *other == s)?;
        let state = &self.queues[queue];
        if let Some(Flight { entry, queue: held_of, .. }) = self.flights.get(tag)
            && (entry.m, entry.attempts, *held_of as usize) == (m, attempt, queue)
        {
            return Some((queue, Found::Held(entry.rank)));
        }
        if state.config.redelivery.as_ref().is_none_or(|r| r.settles == Settles::LastDelivery) {
            return None;
        }
        let mut held = state.pending.as_ref()?.held.iter();
        let is_it = |tag: &Tag| self.flights.get(*tag).is_some_and(|flight| flight.entry.m == m);
        if let Some((rank, _)) = held.find(|(_, (tag, _))| is_it(tag)) {
            return Some((queue, Found::Held(*rank)));
        }
        let waiting = state.returned().find(|entry| entry.m == m)?;
        Some((queue, Found::Waiting(waiting.rank)))
    }

    /// The delivery ends: what was held, unless the stream has let go of it.
    fn land_timed(&mut self, queue: usize, rank: u32) -> Option<Entry> {
        let (tag, gone) = self.queues[queue].pending.as_mut()?.release(rank)?;
        let flight = self.flights.land(tag)?;
        self.service[queue].give_room(flight.slot, flight.number);
        if gone {
            return None;
        }
        self.queues[queue].unacked -= 1;
        Some(flight.entry)
    }

    #[cold]
    #[inline(never)]
    pub(super) fn on_ack_timed(
        &mut self,
        m: MessageRef,
        s: SubscriptionId,
        attempt: u16,
        tag: Tag,
        out: &mut Out<'_>,
    ) {
        let Some((queue, found)) = self.find(m, s, attempt, tag) else {
            return out.note(Fact::StrayAck { m, s });
        };
        let entry = match found {
            Found::Held(rank) => self.land_timed(queue, rank),
            Found::Waiting(rank) => self.queues[queue].take_returned(rank),
        };
        match entry {
            Some(entry) => {
                self.forget(queue, entry, out);
                out.note(Fact::Acked { m, s });
                self.settled_in_stream(queue, entry.rank, out);
            }
            None => out.note(Fact::StrayAck { m, s }),
        }
        self.go_on_timed(queue, out);
    }

    /// Given back: it comes again at once, ahead of all that was never delivered; or away, for good.
    #[cold]
    pub(super) fn on_nack_timed(
        &mut self,
        m: MessageRef,
        s: SubscriptionId,
        attempt: u16,
        tag: Tag,
        requeue: bool,
        out: &mut Out<'_>,
    ) {
        let Some((queue, found)) = self.find(m, s, attempt, tag) else {
            return out.note(Fact::StrayAck { m, s });
        };
        let entry = match found {
            Found::Held(rank) => self.land_timed(queue, rank),
            // It will come again anyway.
            Found::Waiting(_) if requeue => None,
            Found::Waiting(rank) => self.queues[queue].take_returned(rank),
        };
        match entry {
            Some(entry) if requeue => self.comes_again(queue, entry, DuplicateCause::Returned, out),
            Some(entry) => {
                self.dead_letter(queue, entry, Reason::Rejected, out);
                self.settled_in_stream(queue, entry.rank, out);
            }
            None => out.note(Fact::StrayAck { m, s }),
        }
        self.go_on_timed(queue, out);
    }

    fn comes_again(&mut self, queue: usize, entry: Entry, why: DuplicateCause, out: &mut Out<'_>) {
        out.note(Fact::Requeued { m: entry.m, s: self.queues[queue].s, why });
        self.queues[queue].take_back(entry, Place::Ahead);
    }

    fn go_on_timed(&mut self, queue: usize, out: &mut Out<'_>) {
        self.dispatch(queue, out);
        self.set_level(queue, out);
        self.arm_ack_wait(queue, out);
    }

    /// A consumer is still at work: it has so long again, or as long as at first.
    #[cold]
    pub(super) fn on_extend(
        &mut self,
        s: SubscriptionId,
        attempt: u16,
        tag: Tag,
        wait: Span,
        out: &mut Out<'_>,
    ) {
        let Some(flight) = self.flights.get(tag) else { return };
        let (queue, rank) = (flight.queue as usize, flight.entry.rank);
        if self.queues[queue].s != s || flight.entry.attempts != attempt {
            return;
        }
        let own = self.queues[queue].config.redelivery.as_ref().map_or(Span::ZERO, |r| r.wait(attempt));
        let deadline = out.now() + if wait == Span::ZERO { own } else { wait };
        let pending = self.queues[queue].pending.as_mut();
        pending.into_iter().for_each(|pending| pending.move_to(rank, deadline));
        self.arm_ack_wait(queue, out);
    }

    /// What was not settled in time comes again, in the order of the stream.
    pub(super) fn on_ack_wait(&mut self, queue: usize, out: &mut Out<'_>) {
        let now = out.now();
        let Some(pending) = &self.queues[queue].pending else { return };
        let due = pending.due.iter().take_while(|(at, _)| *at <= now).map(|(_, rank)| *rank);
        let mut due: Vec<u32> = due.collect();
        due.sort_unstable();
        for rank in due {
            if let Some(entry) = self.land_timed(queue, rank) {
                self.comes_again(queue, entry, DuplicateCause::VisibilityTimeout, out);
            }
        }
        self.go_on_timed(queue, out);
    }

    pub(super) fn arm_ack_wait(&mut self, queue: usize, out: &mut Out<'_>) {
        let slot = self.alarm(queue, 0);
        let Some(pending) = &mut self.queues[queue].pending else { return };
        let first = pending.due.first().map_or(Time::NEVER, |(at, _)| *at);
        if first != Time::NEVER && (first != pending.due_armed || first <= out.now()) {
            pending.due_armed = first;
            out.set_alarm(slot, first.since(out.now()), Timer::AckWait { queue: queue as u32 });
        }
    }

    /// The broker's replaceable timers: those of times to live come first, then those of each kind.
    pub(super) fn alarm(&self, number: usize, kind: u32) -> u32 {
        self.queues.len() as u32 * (kind + 1) + number as u32
    }

    // Clients.

    /// A client is gone, or wants nothing more. What it holds it holds, until its time is over.
    #[cold]
    pub(super) fn on_gone_timed(&mut self, connection: ConnectionId) {
        for queue in 0..self.queues.len() {
            self.service[queue].remove(connection);
            if self.queues[queue].config.passing && self.service[queue].is_empty() {
                self.declared[queue] = false;
                self.exchanges.iter_mut().for_each(|exchange| exchange.queues.retain(|q| *q != queue));
            }
        }
    }

    /// Somebody consumes from a queue that is there for that: it is bound to what it wants.
    #[cold]
    pub(super) fn open_passing(&mut self, queue: usize) {
        self.declared[queue] = true;
        let filter = self.queues[queue].config.filter.clone();
        for exchange in &mut self.exchanges {
            if super::routing::subject_fits(&filter, &exchange.name) && !exchange.queues.contains(&queue) {
                exchange.queues.push(queue);
            }
        }
    }
}
