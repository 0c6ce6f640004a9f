//! A queue broker with one node: exchanges, queues, competing consumers.
//!
//! Models RabbitMQ's classic queues: round robin over the consumers that have room, prefetch per consumer, manual and
//! automatic acks, everything a closed connection held requeued at its original position with the redelivered flag
//! (recorded: `rabbit-A1-classic`, `rabbit-A2-classic`, `rabbit-B-*-classic`), confirms after a batched sync, and
//! publishers blocked above the memory watermark. With `redeliver_after` also the visibility timeout of SQS.
//!
//! Left out: quorum queues, priorities, paging to disk, topic and header exchanges.

use super::flights::{Flight, Flights};
use super::queue::{Entry, Queue};
use super::{Config, ConfirmAfter, ExchangeConfig, Overflow, Transport};
use crate::causes::{DuplicateCause, LossCause};
use crate::census::Census;
use crate::domain::{Messaging, Out};
use crate::fact::Fact;
use crate::message::{MessageRef, SubscriptionId};
use crate::packet::{Packet, Record, Tag, Timer, WRITE_BACK};
use crate::part::Holder;
use redeliver_sim::{ConnectionChange, ConnectionId, Disk, FileId, Node, Position, Time};
use std::collections::VecDeque;

/// What a broker is made from.
#[derive(Clone, Debug)]
pub struct BrokerSpec {
    /// Its settings.
    pub config: Config,
    /// The subscription of each queue.
    pub subscriptions: Vec<SubscriptionId>,
    /// How many of the queues stand before time 0; a story declares the others.
    pub standing: usize,
    /// Bytes of messages in memory beyond which publishers are blocked.
    pub memory_limit: u64,
    /// Publishers' connections.
    pub publishers: Vec<ConnectionId>,
    /// With datagrams, nobody says that he wants to consume: connection, queue, prefetch, automatic ack.
    pub consumers: Vec<(ConnectionId, u32, u16, bool)>,
}

/// Somebody who consumes from a queue.
#[derive(Clone, Copy, Debug)]
struct Subscriber {
    connection: ConnectionId,
    /// How many more it takes.
    room: u32,
    auto_ack: bool,
}

/// The broker. What is not on its disk is gone after a crash.
#[derive(Clone, Debug)]
pub struct Broker {
    spec: BrokerSpec,
    queues: Vec<Queue>,
    /// By queue: it is there.
    declared: Vec<bool>,
    /// The fanout exchanges, then for each queue what the default exchange makes of its name.
    exchanges: Vec<ExchangeConfig>,
    /// By queue.
    subscribers: Vec<Vec<Subscriber>>,
    /// By queue: whose turn it is.
    turns: Vec<usize>,
    flights: Flights,
    /// A timer is set for the first deadline.
    deadline_armed: bool,
    /// Confirms that wait for a sync, the first `syncing` of them for the one that is under way.
    unsynced: VecDeque<(ConnectionId, MessageRef, u16)>,
    syncing: usize,
    /// The operating system has something to write back.
    dirty: bool,
    memory: u64,
    blocking: bool,
    /// What was in its hands as it crashed at a fact.
    torn: Vec<Torn>,
}

/// A copy that a crash at a fact leaves between two places.
#[derive(Clone, Copy, Debug)]
enum Torn {
    /// It is not in all queues yet.
    Publish(MessageRef),
    /// It was taken out of its queue, and not sent.
    Delivery(MessageRef, SubscriptionId),
}

impl Broker {
    /// A broker that has not started.
    pub fn new(spec: BrokerSpec) -> Self {
        let queues = spec.config.queues.iter().zip(&spec.subscriptions);
        let queues: Vec<Queue> = queues.map(|(config, s)| Queue::new(config.clone(), *s)).collect();
        Broker {
            subscribers: vec![Vec::new(); queues.len()],
            turns: vec![0; queues.len()],
            exchanges: exchanges(&spec),
            declared: (0..queues.len()).map(|queue| queue < spec.standing).collect(),
            queues,
            spec,
            flights: Flights::new(),
            deadline_armed: false,
            unsynced: VecDeque::new(),
            syncing: 0,
            dirty: false,
            memory: 0,
            blocking: false,
            torn: Vec::new(),
        }
    }

    /// The queues, for a picture.
    pub fn queues(&self) -> &[Queue] {
        &self.queues
    }

    /// Whether a queue is there.
    pub fn is_declared(&self, queue: usize) -> bool {
        self.declared[queue]
    }

    /// All that a queue holds, in its order, and whether it comes again: for what waits, to the next consumer; for
    /// what is held, to the one that holds it.
    pub fn listed(&self, queue: usize) -> Vec<(MessageRef, bool)> {
        let held = self.flights.held(queue).map(|entry| (entry.rank, entry.m, entry.attempts > 1));
        let ready = self.queues[queue].ready().map(|entry| (entry.rank, entry.m, entry.attempts > 0));
        let mut all: Vec<(u32, MessageRef, bool)> = ready.chain(held).collect();
        all.sort_unstable_by_key(|(rank, ..)| *rank);
        all.into_iter().map(|(_, m, again)| (m, again)).collect()
    }

    /// All that a queue holds, in its order, with the number of deliveries so far.
    pub fn contents(&self, queue: usize) -> Vec<(MessageRef, u16)> {
        let mut all: Vec<Entry> =
            self.queues[queue].ready().chain(self.flights.held(queue)).copied().collect();
        all.sort_by_key(|entry| entry.rank);
        all.iter().map(|entry| (entry.m, entry.attempts)).collect()
    }

    #[inline(always)]
    fn reply(&self, connection: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        match self.spec.config.transport {
            Transport::Connections => out.send(connection, packet),
            Transport::Datagrams => out.datagram(connection, packet),
        }
    }

    // Publishing.

    #[inline(always)]
    fn on_publish(
        &mut self,
        from: ConnectionId,
        m: MessageRef,
        attempt: u16,
        target: u32,
        out: &mut Out<'_>,
    ) {
        if self.spec.config.persistent && self.disk_is_full(m, target as usize, out) {
            return self.refuse(from, m, attempt, LossCause::DiskFull, out);
        }
        let exchange = &self.exchanges[target as usize].queues;
        if let [queue] = exchange[..] {
            if self.is_full(queue) {
                return self.refuse(from, m, attempt, LossCause::QueueOverflow, out);
            }
            let synced = self.store(queue, m, true, out);
            return self.confirm(from, m, attempt, synced, out);
        }
        self.fan_out(from, m, attempt, target as usize, out);
    }

    /// A durable queue would take a persistent message, and the disk would not: a confirm would be a lie.
    #[inline(always)]
    fn disk_is_full(&self, m: MessageRef, exchange: usize, out: &mut Out<'_>) -> bool {
        let size = out.shared().messages.get(m).size;
        let queues = &self.exchanges[exchange].queues;
        !out.disk().has_room(size) && queues.iter().any(|queue| self.queues[*queue].config.durable)
    }

    fn fan_out(
        &mut self,
        from: ConnectionId,
        m: MessageRef,
        attempt: u16,
        exchange: usize,
        out: &mut Out<'_>,
    ) {
        let queues = std::mem::take(&mut self.exchanges[exchange].queues);
        self.fan_out_to(&queues, from, m, attempt, out);
        self.exchanges[exchange].queues = queues;
    }

    fn fan_out_to(
        &mut self,
        queues: &[usize],
        from: ConnectionId,
        m: MessageRef,
        attempt: u16,
        out: &mut Out<'_>,
    ) {
        let Some(&last) = queues.iter().rfind(|queue| !self.is_full(**queue)) else {
            let why = if queues.is_empty() { LossCause::Unroutable } else { LossCause::QueueOverflow };
            return self.refuse(from, m, attempt, why, out);
        };
        // Who has no room is said first: the message may be gone by the time the last one has it.
        let mut refused = false;
        for &queue in queues.iter().filter(|queue| self.is_full(**queue)) {
            refused = true;
            out.note(Fact::TurnedAway { m, s: self.queues[queue].s });
        }
        let mut synced = false;
        for &queue in queues {
            if self.is_full(queue) {
                continue;
            }
            synced |= self.store(queue, m, queue == last, out);
            if out.is_cut() {
                self.torn.extend((queue != last).then_some(Torn::Publish(m)));
                return;
            }
        }
        if refused && out.shared().messages.get(m).buffered {
            let packet = Packet::Confirm { m, attempt, positive: false, offset: 0 };
            return self.reply(from, packet, out);
        }
        self.confirm(from, m, attempt, synced, out);
    }

    /// An unroutable message is confirmed and dropped; one that finds no room is refused.
    fn refuse(&mut self, from: ConnectionId, m: MessageRef, attempt: u16, why: LossCause, out: &mut Out<'_>) {
        let buffered = out.shared().messages.get(m).buffered;
        out.note(Fact::NotTaken { m, why });
        if buffered {
            let positive = why == LossCause::Unroutable;
            self.reply(from, Packet::Confirm { m, attempt, positive, offset: 0 }, out);
        }
    }

    /// Whether a queue takes no more: it refuses what is too much, and nobody has room for one more.
    #[inline(always)]
    fn is_full(&self, queue: usize) -> bool {
        let state = &self.queues[queue];
        let Some(max) = state.config.length_max else { return false };
        state.config.overflow == Overflow::RejectPublish
            && state.len() >= max as usize
            && !(state.len() == 0 && self.subscribers[queue].iter().any(|subscriber| subscriber.room > 0))
    }

    /// Puts a message at a queue's end. True: a confirm has to wait for a sync.
    #[inline(always)]
    fn store(&mut self, queue: usize, m: MessageRef, last: bool, out: &mut Out<'_>) -> bool {
        let (now, size) = (out.now(), out.shared().messages.get(m).size);
        let state = &self.queues[queue];
        let s = state.s;
        let durable = state.config.durable && self.spec.config.persistent;
        let rank = out.shared().next_rank(s, queue as u32);
        let record = Record::Queued { m, s, rank };
        let position = if durable { out.append(FileId(queue as u32), record, size).ok() } else { None };
        out.note(Fact::Stored { m, s, line: queue as u32, rank, last });
        let state = &mut self.queues[queue];
        let expires = state.config.message_ttl.map_or(Time::NEVER, |span| now + span);
        state.push(Entry { m, rank, attempts: 0, position, expires });
        if size > 0 {
            self.add_memory(size, out);
        }
        self.after_push(queue, out);
        durable && position.is_some()
    }

    #[inline(always)]
    fn after_push(&mut self, queue: usize, out: &mut Out<'_>) {
        if out.is_cut() {
            return;
        }
        self.dispatch(queue, out);
        let state = &self.queues[queue];
        if let Some(max) = state.config.length_max
            && state.config.overflow == Overflow::DropHead
        {
            while self.queues[queue].len() > max as usize {
                let entry = self.queues[queue].pop().expect("it is longer than its limit");
                self.forget(queue, entry, out);
                out.note(Fact::Removed {
                    m: entry.m,
                    s: self.queues[queue].s,
                    why: LossCause::QueueOverflow,
                });
            }
        }
        self.set_level(queue, out);
        self.arm_expiry(queue, out);
    }

    #[inline(always)]
    fn confirm(&mut self, from: ConnectionId, m: MessageRef, attempt: u16, wait: bool, out: &mut Out<'_>) {
        // A record that was closed on its way through the queue has nobody who waits for a confirm.
        let message = out.shared().messages.get(m);
        if !message.live || !message.buffered {
            return;
        }
        if wait && self.spec.config.confirm_after == ConfirmAfter::Written {
            self.write_back_later(out);
        } else if wait {
            self.unsynced.push_back((from, m, attempt));
            if self.syncing == 0 {
                self.sync(out);
            }
            return;
        }
        self.reply(from, Packet::Confirm { m, attempt, positive: true, offset: 0 }, out);
    }

    #[cold]
    fn write_back_later(&mut self, out: &mut Out<'_>) {
        if !std::mem::replace(&mut self.dirty, true) {
            out.deadline(WRITE_BACK, Timer::WriteBack);
        }
    }

    fn sync(&mut self, out: &mut Out<'_>) {
        self.syncing = self.unsynced.len();
        out.sync(Timer::Synced);
    }

    fn on_synced(&mut self, out: &mut Out<'_>) {
        for _ in 0..std::mem::take(&mut self.syncing) {
            let (to, m, attempt) = self.unsynced.pop_front().expect("counted when the sync began");
            self.reply(to, Packet::Confirm { m, attempt, positive: true, offset: 0 }, out);
        }
        if !self.unsynced.is_empty() {
            self.sync(out);
        }
    }

    // Memory.

    #[inline(always)]
    fn add_memory(&mut self, bytes: u64, out: &mut Out<'_>) {
        self.memory += bytes;
        let figures = &mut out.shared().brokers[0];
        figures.memory_max = figures.memory_max.max(self.memory);
        if self.memory > self.spec.memory_limit && !self.blocking {
            self.block(true, out);
        }
    }

    #[cold]
    fn block(&mut self, blocking: bool, out: &mut Out<'_>) {
        self.blocking = blocking;
        for connection in self.spec.publishers.clone() {
            self.block_one(connection, blocking, out);
        }
    }

    fn block_one(&mut self, connection: ConnectionId, blocked: bool, out: &mut Out<'_>) {
        if self.spec.config.transport == Transport::Connections && out.is_open(connection) {
            out.send(connection, Packet::Block { blocked });
            if blocked {
                out.stop_reading(connection);
            } else {
                out.resume_reading(connection);
            }
        }
    }

    /// A message is no longer the broker's: its memory and its place on disk are free.
    #[inline(always)]
    fn forget(&mut self, queue: usize, entry: Entry, out: &mut Out<'_>) {
        if let Some(position) = entry.position {
            out.remove(FileId(queue as u32), position);
        }
        self.memory -= out.shared().messages.get(entry.m).size;
        if self.blocking && self.memory <= self.spec.memory_limit {
            self.block(false, out);
        }
    }

    #[inline(always)]
    fn set_level(&mut self, queue: usize, out: &mut Out<'_>) {
        let state = &self.queues[queue];
        let (now, held) = (out.now(), state.len() as u64 + u64::from(state.unacked));
        out.shared().set_level(state.s, now, held);
    }

    // Delivering.

    #[inline(always)]
    fn dispatch(&mut self, queue: usize, out: &mut Out<'_>) {
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
    fn send(
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
    fn land(&mut self, tag: Tag) -> Option<Flight> {
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
    fn on_ack(&mut self, m: MessageRef, s: SubscriptionId, attempt: u16, tag: Tag, out: &mut Out<'_>) {
        let Some(flight) = self.settle(m, s, attempt, tag) else { return out.note(Fact::StrayAck { m, s }) };
        let queue = flight.queue as usize;
        self.forget(queue, flight.entry, out);
        out.note(Fact::Acked { m, s });
        self.dispatch(queue, out);
        self.set_level(queue, out);
    }

    fn on_nack(
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
            self.forget(queue, flight.entry, out);
            out.note(Fact::DeadLettered { m, s });
        }
        self.dispatch(queue, out);
        self.set_level(queue, out);
        self.arm_expiry(queue, out);
    }

    /// Back to its original position; or away, if it has been delivered often enough.
    fn requeue(&mut self, queue: usize, entry: Entry, why: DuplicateCause, out: &mut Out<'_>) {
        let (m, s) = (entry.m, self.queues[queue].s);
        if self.queues[queue].config.delivery_limit.is_some_and(|limit| u32::from(entry.attempts) > limit) {
            self.forget(queue, entry, out);
            return out.note(Fact::DeadLettered { m, s });
        }
        out.note(Fact::Requeued { m, s, why });
        self.queues[queue].insert(entry);
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

    fn on_deadline(&mut self, out: &mut Out<'_>) {
        self.deadline_armed = false;
        // Those that begin now are not looked at: their deadline may be now as well.
        for _ in 0..self.flights.count() {
            let Some((tag, _)) = self.flights.first().filter(|(_, first)| first.deadline <= out.now()) else {
                break;
            };
            let flight = self.land(tag).expect("it is not settled");
            let queue = flight.queue as usize;
            self.requeue(queue, flight.entry, DuplicateCause::VisibilityTimeout, out);
            self.dispatch(queue, out);
            self.set_level(queue, out);
        }
        self.arm_deadline(out);
    }

    // Time to live.

    /// A message expires at the head only, and never while a consumer holds it.
    #[inline(always)]
    fn drop_expired(&mut self, queue: usize, out: &mut Out<'_>) {
        if self.queues[queue].config.message_ttl.is_none() {
            return;
        }
        while self.queues[queue].head_expires() <= out.now() {
            let entry = self.queues[queue].pop().expect("it has a head");
            self.forget(queue, entry, out);
            out.note(Fact::Removed { m: entry.m, s: self.queues[queue].s, why: LossCause::TimeToLive });
        }
    }

    #[inline(always)]
    fn arm_expiry(&mut self, queue: usize, out: &mut Out<'_>) {
        let state = &mut self.queues[queue];
        if state.config.message_ttl.is_none() {
            return;
        }
        let expires = state.head_expires();
        if expires != Time::NEVER && state.expiry_armed != expires {
            state.expiry_armed = expires;
            out.set_alarm(
                queue as u32,
                expires.since(out.now()),
                Timer::Retry { m: MessageRef::NONE, slot: queue as u32, generation: 0 },
            );
        }
    }

    fn on_expiry(&mut self, queue: usize, out: &mut Out<'_>) {
        self.queues[queue].expiry_armed = Time::NEVER;
        self.drop_expired(queue, out);
        self.set_level(queue, out);
        self.arm_expiry(queue, out);
    }

    // Clients.

    fn on_consume(
        &mut self,
        connection: ConnectionId,
        queue: u32,
        prefetch: u16,
        auto_ack: bool,
        out: &mut Out<'_>,
    ) {
        let room = if prefetch == 0 || auto_ack { u32::MAX } else { u32::from(prefetch) };
        self.subscribers[queue as usize].push(Subscriber { connection, room, auto_ack });
        self.dispatch(queue as usize, out);
        self.set_level(queue as usize, out);
    }

    fn on_get(&mut self, connection: ConnectionId, queue: u32, auto_ack: bool, out: &mut Out<'_>) {
        let index = queue as usize;
        self.drop_expired(index, out);
        out.shared().brokers[0].requests += 1;
        match self.queues[index].pop() {
            Some(entry) => self.send(index, entry, connection, auto_ack, None, out),
            None => {
                out.shared().brokers[0].empty_polls += 1;
                self.reply(connection, Packet::GetEmpty { queue }, out);
            }
        }
        self.set_level(index, out);
    }

    /// A client is gone: what it held goes back, in order, and it is asked no more.
    fn on_gone(&mut self, connection: ConnectionId, out: &mut Out<'_>) {
        for (queue, subscribers) in self.subscribers.iter_mut().enumerate() {
            subscribers.retain(|subscriber| subscriber.connection != connection);
            self.turns[queue] =
                if subscribers.is_empty() { 0 } else { self.turns[queue] % subscribers.len() };
        }
        let held = self.flights.iter().filter(|(_, flight)| flight.connection == connection);
        let mut held: Vec<(u32, u32, Tag)> =
            held.map(|(tag, flight)| (flight.queue, flight.entry.rank, tag)).collect();
        held.sort_unstable_by_key(|(queue, rank, _)| (*queue, *rank));
        for (queue, _, tag) in &held {
            let flight = self.land(*tag).expect("it was live");
            self.requeue(*queue as usize, flight.entry, DuplicateCause::ConnectionClosed, out);
        }
        for queue in 0..self.queues.len() {
            self.dispatch(queue, out);
            self.set_level(queue, out);
            self.arm_expiry(queue, out);
        }
    }

    /// Makes a queue, if it is not there. If it is durable, so is the news of it.
    pub(crate) fn declare(&mut self, queue: u32, out: &mut Out<'_>) {
        self.declared[queue as usize] = true;
        self.bind(self.default_exchange(queue), queue, out);
    }

    /// What the default exchange makes of a queue's name.
    fn default_exchange(&self, queue: u32) -> u32 {
        (self.exchanges.len() - self.queues.len()) as u32 + queue
    }

    pub(crate) fn bind(&mut self, exchange: u32, queue: u32, out: &mut Out<'_>) {
        let bound = &mut self.exchanges[exchange as usize].queues;
        if !bound.contains(&(queue as usize)) {
            bound.push(queue as usize);
        }
        if self.queues[queue as usize].config.durable {
            out.set_register(exchange * self.queues.len() as u32 + queue, Record::Bound);
        }
    }

    /// What was declared and bound, and outlives a crash.
    fn recover_bindings(&mut self, out: &Out<'_>) {
        let count = self.queues.len() as u32;
        for exchange in 0..self.exchanges.len() as u32 {
            for queue in 0..count {
                let bound = out.disk().register(exchange * count + queue).is_some();
                let queues = &mut self.exchanges[exchange as usize].queues;
                if bound && !queues.contains(&(queue as usize)) {
                    queues.push(queue as usize);
                }
                self.declared[queue as usize] |= bound;
            }
        }
    }

    /// What the disk kept is redelivered: nobody knows what consumers had seen (recorded: `rabbit-D1-kill9`).
    fn recover(&mut self, out: &mut Out<'_>) {
        for queue in 0..self.queues.len() {
            let kept: Vec<(Position, Record)> = out.disk().records(FileId(queue as u32)).collect();
            for (position, record) in kept {
                let Record::Queued { m, s, rank } = record else { continue };
                let expires =
                    self.queues[queue].config.message_ttl.map_or(Time::NEVER, |span| out.now() + span);
                self.queues[queue].push(Entry { m, rank, attempts: 1, position: Some(position), expires });
                out.note(Fact::Requeued { m, s, why: DuplicateCause::BrokerRestart });
                self.add_memory(out.shared().messages.get(m).size, out);
            }
            self.set_level(queue, out);
            self.arm_expiry(queue, out);
        }
    }
}

/// The exchanges before time 0.
fn exchanges(spec: &BrokerSpec) -> Vec<ExchangeConfig> {
    let by_name = spec.config.queues.iter().enumerate().map(|(i, queue)| {
        let queues = if i < spec.standing { vec![i] } else { Vec::new() };
        ExchangeConfig { name: queue.name.clone(), queues }
    });
    spec.config.exchanges.iter().cloned().chain(by_name).collect()
}

impl Node<Messaging> for Broker {
    fn start(&mut self, out: &mut Out<'_>) {
        for (connection, queue, prefetch, auto_ack) in self.spec.consumers.clone() {
            self.on_consume(connection, queue, prefetch, auto_ack, out);
        }
        self.recover_bindings(out);
        self.recover(out);
        for queue in 0..self.queues.len() {
            self.dispatch(queue, out);
            self.set_level(queue, out);
            self.arm_expiry(queue, out);
        }
    }

    #[inline(always)]
    fn on_message(&mut self, from: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        match packet {
            Packet::Publish { m, attempt, target } => self.on_publish(from, m, attempt, target, out),
            Packet::Ack { m, s, attempt, tag } => self.on_ack(m, s, attempt, tag, out),
            Packet::Nack { m, s, attempt, tag, requeue } => self.on_nack(m, s, attempt, tag, requeue, out),
            Packet::Consume { queue, prefetch, auto_ack } => {
                self.on_consume(from, queue, prefetch, auto_ack, out)
            }
            Packet::Get { queue, auto_ack } => self.on_get(from, queue, auto_ack, out),
            Packet::Bind { exchange, queue } => self.bind(exchange, queue, out),
            _ => {}
        }
    }

    #[inline(always)]
    fn on_timer(&mut self, timer: Timer, out: &mut Out<'_>) {
        match timer {
            Timer::Deadline => self.on_deadline(out),
            Timer::Synced => self.on_synced(out),
            Timer::WriteBack => {
                self.dirty = false;
                out.sync(Timer::WrittenBack);
            }
            Timer::Retry { slot, .. } => self.on_expiry(slot as usize, out),
            _ => {}
        }
    }

    fn on_connection(&mut self, connection: ConnectionId, change: ConnectionChange, out: &mut Out<'_>) {
        match change {
            ConnectionChange::Connected if self.blocking && self.spec.publishers.contains(&connection) => {
                self.block_one(connection, true, out);
            }
            ConnectionChange::Closed | ConnectionChange::Reset => self.on_gone(connection, out),
            _ => {}
        }
    }

    fn on_crash(&mut self, _machine: bool, out: &mut Out<'_>) {
        let why = LossCause::BrokerMemory;
        for torn in &self.torn {
            out.note(match *torn {
                Torn::Publish(m) => Fact::PublishDropped { m, why },
                Torn::Delivery(m, s) => Fact::DeliveryDropped { m, s, why },
            });
        }
        for queue in 0..self.queues.len() {
            let s = self.queues[queue].s;
            let all: Vec<Entry> =
                self.queues[queue].ready().chain(self.flights.held(queue)).copied().collect();
            for entry in all.iter().filter(|entry| entry.position.is_none()) {
                out.note(Fact::Removed { m: entry.m, s, why: LossCause::BrokerMemory });
            }
            let (now, kept) = (out.now(), out.disk().records(FileId(queue as u32)).count() as u64);
            out.shared().set_level(s, now, kept);
        }
    }
}

#[cfg(test)]
impl Broker {
    /// The bug: it forgets the first message that waits, and tells nobody.
    pub(crate) fn forget_silently(&mut self) {
        self.queues[0].pop().expect("a message waits");
    }
}

impl Holder for Broker {
    fn count(&self, up: bool, disk: &Disk<Record>, census: &mut Census<'_>) {
        for (i, queue) in self.queues.iter().enumerate() {
            if up {
                queue.ready().for_each(|entry| census.copy(entry.m, queue.s));
                self.flights.held(i).for_each(|entry| census.copy(entry.m, queue.s));
                continue;
            }
            for (_, record) in disk.records(FileId(i as u32)) {
                let Record::Queued { m, s, .. } = record else { continue };
                census.copy(m, s);
            }
        }
    }
}
