//! What a broker does whose deliveries come again by time: whom it sends what, what settles it, and when it comes again.
//!
//! All of it is beside the way of queues that hear of their consumers (`delivering.rs`, `returning.rs`): a broker has
//! queues of one sort or of the other.

use super::broker::{Broker, Torn};
use super::dead_letters::Reason;
use super::flights::Flight;
use super::queue::{Entry, Queue};
use super::redelivery::Hold;
use super::service::{NOBODY, Subscriber};
use super::{Settles, Turns};
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
        let mut served = None;
        self.begin_request(queue);
        if self.queues[queue].pending.as_ref().is_some_and(|pending| !pending.given_up_before.is_empty())
            && self.service[queue].has_room()
        {
            self.give_up_again(queue, out);
        }
        while !out.is_cut() && self.may_send(queue, out) {
            let Some((slot, who)) = self.choose(queue, out) else { break };
            let entry = self.queues[queue].pop().expect("it may be sent");
            self.name_pull(queue, slot, out);
            if who.fills.is_some() && who.room == 0 {
                self.service[queue].end_request(slot, who.number);
                self.begin_request(queue);
            } else if who.fills == Some(false) {
                served = Some((slot, who.number));
            }
            let place = if who.fills.is_some() { (0, NOBODY) } else { (slot, who.number) };
            if self.is_claimed(queue) {
                self.count_read(queue, entry.rank, out);
            }
            self.send_timed(queue, entry, (who.connection, who.auto_ack), place, out);
        }
        // It has not got all that it asked for: there is no more.
        if let Some(pull) = served {
            self.end_pull(queue, pull, false, out);
        }
    }

    /// No message group is anybody's.
    fn begin_request(&mut self, queue: usize) {
        if let Some(groups) = self.queues[queue].groups() {
            groups.begin_request();
        }
    }

    /// Whether there is a message that may be sent, and somebody who would take it. What was delivered often enough goes
    /// no further.
    fn may_send(&mut self, queue: usize, out: &mut Out<'_>) -> bool {
        while self.queues[queue].len() > 0 && self.service[queue].has_room() {
            let state = &self.queues[queue];
            let Some(first) = state.head() else { return false };
            if state.config.delivery_limit.is_none_or(|limit| u32::from(first.attempts) <= limit) {
                let keeps_place = state.config.redelivery.as_ref().is_some_and(|r| r.keeps_place);
                return keeps_place && first.attempts > 0 || self.has_window(queue);
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
        let held = state.pending.as_ref().map_or(0, |p| p.held.len() - p.hidden as usize);
        window.is_none_or(|window| held < window as usize)
    }

    fn choose(&mut self, queue: usize, out: &mut Out<'_>) -> Option<(u32, Subscriber)> {
        match self.queues[queue].config.turns {
            Turns::InLine => self.service[queue].next(),
            Turns::OneByOne => self.service[queue].first(),
            Turns::AtRandom => {
                let head = *self.queues[queue].head()?;
                let luck = out.shared().messages.get(head.m).luck.attempt(u64::from(head.attempts));
                self.service[queue].at_random(self.spec.turns.draw(luck, queue as u64))
            }
        }
    }

    pub(super) fn send_timed(
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
            let tag = Tag::NONE;
            let packet = Packet::Deliver { m, s, attempt, tag };
            return match self.queues[queue].config.passing {
                true => self.put_out(to, packet, out),
                false => self.reply(to, packet, out),
            };
        }
        let Queue { config, pending, .. } = &mut self.queues[queue];
        let wait = config.redelivery.as_ref().map_or(Span::ZERO, |r| r.wait(attempt));
        pending.iter_mut().for_each(|pending| pending.set_overdue(&entry, false));
        let (entry, deadline) = (Entry { attempts: attempt, ..entry }, out.now() + wait);
        self.record_pending(queue, entry, to, deadline, out);
        let flight =
            Flight { entry, queue: queue as u32, connection: to, slot, number, deadline: Time::NEVER };
        let tag = self.hold(queue, flight, (out.now(), deadline));
        self.arm_ack_wait(queue, out);
        self.reply(to, Packet::Deliver { m, s, attempt, tag }, out);
    }

    /// A delivery begins, at this time, and comes again at that; or a message is hidden.
    pub(super) fn hold(&mut self, queue: usize, flight: Flight, (since, deadline): (Time, Time)) -> Tag {
        let state = &mut self.queues[queue];
        state.unacked += 1;
        let (rank, hidden) = (flight.entry.rank, flight.entry.attempts == 0);
        if let Some(groups) = state.groups().filter(|_| !hidden) {
            groups.hold(rank);
        }
        let tag = self.flights.take_off(flight);
        if let Some(pending) = &mut self.queues[queue].pending {
            pending.hold(rank, Hold { tag, since, deadline });
            pending.hidden += u32::from(hidden);
        }
        tag
    }

    /// The disk knows of the delivery; what a reader of a stream writes takes no room beside the stream itself.
    fn record_pending(
        &self,
        queue: usize,
        entry: Entry,
        to: ConnectionId,
        deadline: Time,
        out: &mut Out<'_>,
    ) {
        if self.queues[queue].config.stream.is_none() {
            return self.record_hidden(queue, &entry, deadline, out);
        }
        let Some(position) = entry.position else { return };
        let at = (out.now().since(Time::ZERO).0 / 1_000_000).min(u64::from(u32::MAX)) as u32;
        let attempts = entry.attempts.min(u16::from(u8::MAX)) as u8;
        let (m, s, sequence) = (entry.m, self.queues[queue].s, entry.rank);
        let record = match self.is_claimed(queue) {
            true => Record::Owned { m, s, owner: to.0 as u16, at, attempts },
            false => Record::Pending { m, s, sequence, at, attempts },
        };
        out.amend(FileId(queue as u32), position, record);
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
        match state.config.redelivery.as_ref()?.settles {
            Settles::Message => {}
            Settles::WhileHeld => return None,
            Settles::LastDelivery => {
                let overdue = state.pending.as_ref()?.overdue.get(&(m, attempt));
                return overdue.map(|rank| (queue, Found::Waiting(*rank)));
            }
        }
        let mut held = state.pending.as_ref()?.held.iter();
        let is_it = |hold: &Hold| self.flights.get(hold.tag).is_some_and(|flight| flight.entry.m == m);
        if let Some((rank, _)) = held.find(|(_, hold)| is_it(hold)) {
            return Some((queue, Found::Held(*rank)));
        }
        let waiting = state.returned().find(|entry| entry.m == m)?;
        Some((queue, Found::Waiting(waiting.rank)))
    }

    /// The delivery ends: what was held, unless the stream has let go of it.
    pub(super) fn land_timed(&mut self, queue: usize, rank: u32) -> Option<Entry> {
        let pending = self.queues[queue].pending.as_mut()?;
        let (tag, gone) = pending.release(rank)?;
        let flight = self.flights.land(tag)?;
        if flight.entry.attempts == 0 {
            pending.hidden -= 1;
        } else if let Some(groups) = self.queues[queue].groups() {
            groups.release(rank);
        }
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
            self.settle_given_up(m, s, out);
            return out.note(Fact::StrayAck { m, s });
        };
        let entry = match found {
            Found::Held(rank) => self.land_timed(queue, rank),
            Found::Waiting(rank) => self.take_overdue(queue, rank),
        };
        match entry {
            Some(entry) => {
                self.part_with(queue, &entry);
                self.forget(queue, entry, out);
                out.note(Fact::Acked { m, s });
                self.settled_in_stream(queue, entry.rank, out);
            }
            None => out.note(Fact::StrayAck { m, s }),
        }
        self.count_change(out);
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
            if !requeue {
                self.settle_given_up(m, s, out);
            }
            return out.note(Fact::StrayAck { m, s });
        };
        let entry = match found {
            Found::Held(rank) => self.land_timed(queue, rank),
            // It will come again anyway.
            Found::Waiting(_) if requeue => None,
            Found::Waiting(rank) => self.take_overdue(queue, rank),
        };
        match entry {
            Some(entry) if requeue => {
                self.record_given_back(queue, &entry, out);
                self.comes_again(queue, entry, DuplicateCause::Returned, out);
            }
            Some(entry) => {
                self.part_with(queue, &entry);
                self.dead_letter(queue, entry, Reason::Rejected, out);
                self.settled_in_stream(queue, entry.rank, out);
            }
            None => out.note(Fact::StrayAck { m, s }),
        }
        self.go_on_timed(queue, out);
    }

    /// What waits to come again.
    fn take_overdue(&mut self, queue: usize, rank: u32) -> Option<Entry> {
        let state = &mut self.queues[queue];
        state.take_returned(rank).or_else(|| state.take_waiting(rank))
    }

    fn comes_again(&mut self, queue: usize, entry: Entry, why: DuplicateCause, out: &mut Out<'_>) {
        let state = &mut self.queues[queue];
        out.note(Fact::Requeued { m: entry.m, s: state.s, why });
        self.wait_again(queue, entry);
    }

    /// It takes its place among those that wait.
    pub(super) fn wait_again(&mut self, queue: usize, entry: Entry) {
        let state = &mut self.queues[queue];
        state.take_back(entry, state.config.behaviour.given_back);
        let settles = state.config.redelivery.as_ref().map(|redelivery| redelivery.settles);
        if let (Some(pending), Some(Settles::LastDelivery)) = (&mut state.pending, settles) {
            pending.set_overdue(&entry, entry.attempts > 0);
        }
    }

    pub(super) fn go_on_timed(&mut self, queue: usize, out: &mut Out<'_>) {
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
        let entry = flight.entry;
        let Queue { config, pending, .. } = &mut self.queues[queue];
        let (Some(redelivery), Some(pending)) = (&config.redelivery, pending) else { return };
        let wait = if wait == Span::ZERO { redelivery.wait(attempt) } else { wait };
        let (deadline, since) = (out.now() + wait, pending.held.get(&rank).map(|hold| hold.since));
        if redelivery.held_max.is_some_and(|max| since.is_some_and(|since| deadline > since + max)) {
            return;
        }
        pending.move_to(rank, deadline);
        if config.stream.is_none() {
            self.record_hidden(queue, &entry, deadline, out);
        }
        self.arm_ack_wait(queue, out);
    }

    /// A consumer is still at work on a message, and whoever was given it last has the ack wait again, also after a
    /// restart (`progressUpdate`, which knows the message by its sequence; `consumerFileStore.UpdateDelivered`). What
    /// waits to come again does so.
    #[cold]
    pub(super) fn on_in_progress(&mut self, m: MessageRef, s: SubscriptionId, out: &mut Out<'_>) {
        let Some((queue, Found::Held(rank))) = self.find(m, s, 0, Tag::NONE) else { return };
        let Queue { config, pending, .. } = &mut self.queues[queue];
        let (Some(redelivery), Some(pending)) = (&config.redelivery, pending) else { return };
        let Some(hold) = pending.held.get(&rank).copied() else { return };
        let Some(Flight { entry, connection, .. }) = self.flights.get(hold.tag).copied() else { return };
        let deadline = out.now() + redelivery.wait(entry.attempts);
        pending.move_to(rank, deadline);
        self.record_pending(queue, entry, connection, deadline, out);
        self.arm_ack_wait(queue, out);
    }

    /// What was not settled in time comes again, in the order of the stream; what was hidden comes.
    pub(super) fn on_ack_wait(&mut self, queue: usize, out: &mut Out<'_>) {
        let now = out.now();
        let Some(pending) = &self.queues[queue].pending else { return };
        let due = pending.due.iter().take_while(|(at, _)| *at <= now).map(|(_, rank)| *rank);
        let mut due: Vec<u32> = due.collect();
        due.sort_unstable();
        for rank in due {
            let Some(entry) = self.land_timed(queue, rank) else { continue };
            if entry.attempts == 0 {
                self.wait_again(queue, entry);
            } else {
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
