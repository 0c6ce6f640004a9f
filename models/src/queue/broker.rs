//! A queue broker with one node: exchanges, queues, competing consumers.
//!
//! Models RabbitMQ's queues: consumers take turns (`service.rs`), prefetch per consumer, manual and automatic acks;
//! where a message goes that comes back, and what a restart leaves, is the kind of queue's (`behaviour.rs`); confirms
//! after a batched sync, and publishers blocked above the memory watermark. With `redeliver_after` also the visibility
//! timeout of SQS. Publishes are dealt with in `publishing.rs`, exchanges in `routing.rs`, deliveries in
//! `delivering.rs`, returns in `returning.rs`, what a queue gives up in `dead_letters.rs`, crashes in `recovery.rs`.
//!
//! What a queue has in memory is in `paging.rs`; several nodes are in `cluster`.
//!
//! Left out: headers exchanges.

use super::channels::Output;
use super::cluster::{Post, REPLICATED};
use super::dead_letters::Dead;
use super::flights::Flights;
use super::flow::Flow;
use super::prepared::Prepared;
use super::queue::{Entry, Queue};
use super::service::{NOBODY, Service};
use super::session_state::Sessions;
use super::snapshots::Saver;
use super::{Config, ExchangeConfig, Place, QueueConfig, Stream, Transport};
use crate::causes::LossCause;
use crate::domain::{Messaging, Out};
use crate::message::{MessageRef, SubscriptionId};
use crate::packet::{Packet, Timer};
use redeliver_sim::{ConnectionChange, ConnectionId, FileId, Node, Purpose, Span};
use std::collections::{BTreeMap, VecDeque};

/// What a broker is made from.
#[derive(Clone, Debug)]
pub struct BrokerSpec {
    /// Its settings.
    pub config: Config,
    /// The subscription of each queue.
    pub subscriptions: Vec<SubscriptionId>,
    /// How many of the queues stand before time 0; a story declares the others.
    pub standing: usize,
    /// By queue: a load consumes from it, and its consumers declare it again as they come back.
    pub declared_anew: Vec<bool>,
    /// Bytes of messages in memory beyond which publishers are blocked.
    pub memory_limit: u64,
    /// Bytes that are to be free on its disk, if anybody watches it.
    pub disk_free_limit: Option<u64>,
    /// The memory that is left to the operating system's page cache.
    pub page_cache: u64,
    /// Its number among the brokers.
    pub number: usize,
    /// Publishers' connections.
    pub publishers: Vec<ConnectionId>,
    /// With datagrams, nobody says that he wants to consume: connection, queue, prefetch, automatic ack.
    pub consumers: Vec<(ConnectionId, u32, u16, bool)>,
    /// By stream: a load publishes to it, and makes it again if it is gone.
    pub streams_anew: Vec<bool>,
    /// What it draws whose turn it is from.
    pub turns: Purpose,
    /// By queue: the connection of the client whose session it is, if it is one.
    pub seats: Vec<ConnectionId>,
    /// Connections of publishers whose sessions end with them.
    pub clean: Vec<ConnectionId>,
}

/// The broker. What is not on its disk is gone after a crash.
#[derive(Clone, Debug)]
pub struct Broker {
    pub(super) spec: BrokerSpec,
    pub(super) queues: Vec<Queue>,
    /// By queue: it is there.
    pub(super) declared: Vec<bool>,
    /// The fanout exchanges, then for each queue what the default exchange makes of its name.
    pub(super) exchanges: Vec<ExchangeConfig>,
    pub(super) streams: Vec<Stream>,
    /// Its deliveries come again by time.
    pub(super) timed: bool,
    /// Some queue writes to the disk.
    pub(super) durable: bool,
    /// By queue.
    pub(super) service: Vec<Service>,
    pub(super) flights: Flights,
    /// Deliveries that transactions will settle: by connection and the transaction's number there.
    pub(super) prepared: BTreeMap<(ConnectionId, u32), Prepared>,
    /// Of the queues whose log says what was delivered: the index of the last entry.
    pub(super) index: u32,
    /// A timer is set for the first deadline.
    pub(super) deadline_armed: bool,
    /// Confirms that wait for a sync, the first `syncing` of them for the one that is under way.
    pub(super) unsynced: VecDeque<(ConnectionId, MessageRef, u16)>,
    pub(super) syncing: usize,
    /// The operating system has something to write back.
    pub(super) dirty: bool,
    /// Dead letters on their way.
    pub(super) dead: VecDeque<Dead>,
    pub(super) memory: u64,
    pub(super) blocking: bool,
    /// The memory that it may take is less than it takes without any message.
    pub(super) starved: bool,
    /// Its disk has too little room left.
    pub(super) disk_is_low: bool,
    /// What publishers may send while its disk lags.
    pub(super) flow: Flow,
    /// What it knows of its snapshots, if it takes any.
    pub(super) saver: Option<Saver>,
    /// Its sessions, if its queues are sessions.
    pub(super) sessions: Option<Box<Sessions>>,
    /// What waits for slow subscribers.
    pub(super) outputs: BTreeMap<ConnectionId, Output>,
    /// In a cluster: how its packets find their clients.
    pub(super) post: Option<Box<Post>>,
    /// What was in its hands as it crashed at a fact.
    pub(super) torn: Vec<Torn>,
    /// Room for the queues that a message is routed to; else empty.
    pub(super) route: Vec<usize>,
}

/// A copy that a crash at a fact leaves between two places.
#[derive(Clone, Copy, Debug)]
pub(super) enum Torn {
    /// It is not in all queues yet.
    Publish(MessageRef),
    /// It was taken out of its queue, and not sent.
    Delivery(MessageRef, SubscriptionId),
    /// It was taken out of its queue, and is in others; on disk, if it is there, it is still in its own.
    Held(Entry, SubscriptionId),
}

impl Broker {
    /// A broker that has not started.
    pub fn new(spec: BrokerSpec) -> Self {
        let queues = spec.config.queues.iter().zip(&spec.subscriptions);
        let queue = |(config, s): (&QueueConfig, &SubscriptionId)| {
            Queue::new(config.clone(), *s, spec.config.paging_of(config), spec.page_cache)
        };
        let queues: Vec<Queue> = queues.map(queue).collect();
        Broker {
            service: queues.iter().map(Queue::service).collect(),
            index: 0,
            exchanges: exchanges(&spec),
            streams: spec.config.streams.iter().cloned().map(Stream::new).collect(),
            timed: queues.iter().any(|queue| queue.pending.is_some()),
            durable: queues.iter().any(|queue| queue.config.durable),
            declared: (queues.iter().enumerate())
                .map(|(i, queue)| {
                    i < spec.standing && !queue.config.passing && queue.config.session.is_none()
                })
                .collect(),
            queues,
            flow: Flow::new(spec.config.flow.as_deref().copied()),
            saver: spec.config.snapshots.as_ref().map(|_| Saver::default()),
            sessions: spec.config.sessions.map(|limits| Box::new(Sessions::new(limits, &spec))),
            spec,
            flights: Flights::new(),
            prepared: BTreeMap::new(),
            deadline_armed: false,
            unsynced: VecDeque::new(),
            syncing: 0,
            dirty: false,
            dead: VecDeque::new(),
            memory: 0,
            blocking: false,
            starved: false,
            disk_is_low: false,
            outputs: BTreeMap::new(),
            post: None,
            torn: Vec::new(),
            route: Vec::new(),
        }
    }

    /// The queues, for a picture.
    pub fn queues(&self) -> &[Queue] {
        &self.queues
    }

    /// The streams, for a picture.
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// Whether a queue is there.
    pub fn is_declared(&self, queue: usize) -> bool {
        self.declared[queue]
    }

    /// All that a queue holds, in its order, with the number of deliveries so far; and whether it comes again: for what
    /// waits, to the next consumer; for what is held, to the one that holds it.
    pub fn contents(&self, queue: usize) -> Vec<(MessageRef, u16, bool)> {
        let held = self.held(queue).map(|entry| (entry, entry.attempts > 1));
        let ready = self.queues[queue].ready().map(|entry| (entry, entry.attempts > 0));
        let mut all: Vec<(&Entry, bool)> = held.chain(ready).collect();
        if self.queues[queue].config.behaviour.given_back == Place::Original {
            all.sort_by_key(|(entry, _)| entry.rank);
        }
        all.into_iter().map(|(entry, again)| (entry.m, entry.attempts, again)).collect()
    }

    /// What of a queue's messages is delivered and not settled.
    pub(super) fn held(&self, queue: usize) -> impl Iterator<Item = &Entry> {
        let prepared = self.prepared.values().map(|prepared| &prepared.flight);
        let prepared = prepared.filter(move |flight| flight.queue as usize == queue);
        self.flights.held(queue).chain(prepared.map(|flight| &flight.entry))
    }

    #[inline(always)]
    pub(super) fn reply(&mut self, connection: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        match self.spec.config.transport {
            Transport::Connections => match &mut self.post {
                None => out.send(connection, packet),
                Some(post) => {
                    let copy = packet; // whose address is taken: the packet itself stays in registers
                    post.send(connection, copy, out)
                }
            },
            Transport::Datagrams => out.datagram(connection, packet),
        }
    }

    // Memory.

    #[inline(always)]
    pub(super) fn add_memory(&mut self, bytes: u64, out: &mut Out<'_>) {
        self.memory += bytes;
        let figures = &mut out.shared().brokers[self.spec.number];
        figures.memory_max = figures.memory_max.max(self.memory);
        if self.memory > self.spec.memory_limit && !self.blocking {
            self.block(true, out);
        }
    }

    /// An administrator says how much memory messages may take; none: it is too little for the broker itself.
    pub(crate) fn limit_memory(&mut self, limit: Option<u64>, out: &mut Out<'_>) {
        let was_blocking = self.blocking;
        self.set_memory_limit(limit);
        let blocking = self.holds_up_publishers();
        if blocking != was_blocking {
            self.block(blocking, out);
        }
        self.blocking = blocking;
    }

    /// Whether memory or disk run low.
    pub(super) fn holds_up_publishers(&self) -> bool {
        self.memory > self.spec.memory_limit || self.starved || self.disk_is_low
    }

    #[cold]
    pub(super) fn block(&mut self, blocking: bool, out: &mut Out<'_>) {
        self.blocking = blocking;
        let stopped: Vec<ConnectionId> = self.stopped().collect();
        let all = self.spec.publishers.clone();
        for connection in all.into_iter().filter(|connection| blocking || !stopped.contains(connection)) {
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
    pub(super) fn forget(&mut self, queue: usize, entry: Entry, out: &mut Out<'_>) {
        if let Some(position) = entry.position {
            if position == REPLICATED {
                return self.release_replica(entry, out);
            }
            out.remove(FileId(queue as u32), position);
        }
        if entry.in_memory {
            self.memory -= u64::from(entry.size);
        }
        if self.blocking && !self.holds_up_publishers() {
            self.block(false, out);
        }
    }

    #[inline(always)]
    pub(super) fn set_level(&mut self, queue: usize, out: &mut Out<'_>) {
        let state = &self.queues[queue];
        if !state.here {
            return;
        }
        if self.sessions.is_some() {
            return self.set_session_level(queue, out);
        }
        let (now, held) = (out.now(), state.len() as u64 + u64::from(state.unacked));
        out.shared().set_level(state.s, now, held);
    }

    pub(super) fn free_memory(&mut self, bytes: u64) {
        self.memory -= bytes;
    }

    // Clients.

    pub(super) fn on_consume(
        &mut self,
        connection: ConnectionId,
        queue: u32,
        prefetch: u16,
        auto_ack: bool,
        priority: i32,
        out: &mut Out<'_>,
    ) {
        if !self.declared[queue as usize] {
            if !self.queues[queue as usize].config.passing {
                return self.refuse_channel(connection, out);
            }
            self.open_passing(queue as usize);
        }
        let auto_ack = auto_ack || self.timed && self.settles_at_once(queue as usize);
        let room = if prefetch == 0 || auto_ack { u32::MAX } else { u32::from(prefetch) };
        self.service[queue as usize].add(connection, room, auto_ack, priority);
        if self.post.is_some() {
            self.reply(connection, Packet::ConsumeOk { queue }, out);
        }
        self.dispatch(queue as usize, out);
        self.set_level(queue as usize, out);
    }

    pub(super) fn on_get(&mut self, connection: ConnectionId, queue: u32, auto_ack: bool, out: &mut Out<'_>) {
        let index = queue as usize;
        if !self.declared[index] {
            return self.refuse_channel(connection, out);
        }
        self.drop_expired(index, out);
        if self.queues[index].pager.is_some() && self.waits_for_read(index, connection, auto_ack, out) {
            return;
        }
        out.shared().brokers[self.spec.number].requests += 1;
        match self.queues[index].pop() {
            Some(entry) => self.send(index, entry, connection, auto_ack, (0, NOBODY), out),
            None => {
                out.shared().brokers[self.spec.number].empty_polls += 1;
                self.reply(connection, Packet::GetEmpty { queue }, out);
            }
        }
        self.set_level(index, out);
    }
}

/// The exchanges before time 0.
pub(super) fn exchanges(spec: &BrokerSpec) -> Vec<ExchangeConfig> {
    let by_name = spec.config.queues.iter().enumerate().map(|(i, queue)| {
        let queues = if i < spec.standing { vec![i] } else { Vec::new() };
        ExchangeConfig::fanout(&queue.name, queues)
    });
    spec.config.exchanges.iter().cloned().chain(by_name).collect()
}

impl Node<Messaging> for Broker {
    fn start(&mut self, out: &mut Out<'_>) {
        for (connection, queue, prefetch, auto_ack) in self.spec.consumers.clone() {
            self.on_consume(connection, queue, prefetch, auto_ack, 0, out);
        }
        self.forget_passing_queues(out);
        self.forget_passing_streams(out);
        self.recover_bindings(out);
        self.recover(out);
        self.recover_streams(out);
        self.recover_snapshot(out);
        self.recover_sessions(out);
        self.begin_life(out);
        for queue in 0..self.queues.len() {
            self.dispatch(queue, out);
            self.set_level(queue, out);
            self.arm_expiry(queue, out);
        }
        self.watch_disk(out);
    }

    #[inline(never)]
    fn on_message(&mut self, from: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        match packet {
            Packet::Publish { m, attempt, target } => self.on_publish(from, m, attempt, target, out),
            Packet::Ack { m, s, attempt, tag } => self.on_ack(from, (m, s, attempt, tag), out),
            Packet::Nack { m, s, attempt, tag, requeue } => self.on_nack(m, s, attempt, tag, requeue, out),
            Packet::Consume { queue, prefetch, auto_ack, priority } => {
                self.on_consume(from, queue, prefetch, auto_ack, priority, out)
            }
            Packet::Cancel => self.on_cancel(from, out),
            Packet::Recover => self.on_recover(from, out),
            Packet::CloseChannel => self.on_gone(from, out),
            Packet::Get { queue, auto_ack } => self.on_get(from, queue, auto_ack, out),
            Packet::Pull { queue, batch, fills, auto_ack, wait } => {
                self.on_pull(from, queue, (batch, fills, auto_ack, Span::millis(u64::from(wait))), out)
            }
            Packet::Claim { queue, idle, batch, from: first } => {
                self.on_claim(from, queue, (Span::millis(u64::from(idle)), batch, first), out)
            }
            Packet::Reread { queue, batch, after } => self.on_reread(from, queue, (batch, after), out),
            Packet::InProgress { m, s } => self.on_in_progress(m, s, out),
            Packet::Extend { s, attempt, tag, wait } => {
                self.on_extend(s, attempt, tag, Span::millis(u64::from(wait)), out)
            }
            Packet::Subscribe { queue, filter } => self.on_subscribe(queue, filter, out),
            Packet::Received { m, s, attempt, tag } => self.on_received(from, (m, s, attempt, tag), out),
            Packet::Proceed { m, attempt } => self.on_proceed(from, m, attempt, out),
            Packet::Bind { .. } if self.sessions.is_some() => {}
            Packet::Bind { queue, .. } if self.timed => self.bind_late(queue, out),
            Packet::Bind { exchange, queue } => self.bind(exchange, queue, out),
            _ => self.on_transaction(from, packet, out),
        }
    }

    #[inline(never)]
    fn on_timer(&mut self, timer: Timer, out: &mut Out<'_>) {
        match timer {
            Timer::Deadline => self.on_deadline(out),
            Timer::Synced => self.on_synced(out),
            Timer::WriteBack => {
                self.dirty = false;
                out.sync(Timer::WrittenBack);
            }
            Timer::Retry { slot, .. } => self.on_expiry(slot as usize, out),
            Timer::DeadLetter => self.on_dead_letter(out),
            Timer::Taken => self.on_taken(out),
            Timer::PagedIn { queue } => self.on_paged_in(queue as usize, out),
            Timer::AckWait { queue } => self.on_ack_wait(queue as usize, out),
            Timer::LifeEnds { queue } => self.on_ends(queue as usize, out),
            Timer::PullExpired { queue } => self.on_pull_expired(queue as usize, out),
            Timer::WatchDisk => self.watch_disk(out),
            Timer::Snapshot { step } => self.on_snapshot(step, out),
            Timer::SlowSubscriber { connection } => self.on_slow_subscriber(ConnectionId(connection), out),
            Timer::StreamAge { stream } => self.on_stream_age(stream as usize, out),
            Timer::PreparedSynced { connection, xid } => self.on_prepared_synced(connection, xid, out),
            _ => {}
        }
    }

    fn on_connection(&mut self, connection: ConnectionId, change: ConnectionChange, out: &mut Out<'_>) {
        match change {
            ConnectionChange::Connected if self.blocking && self.spec.publishers.contains(&connection) => {
                self.block_one(connection, true, out);
            }
            ConnectionChange::Connected if self.sessions.is_some() => self.begin_session(connection, out),
            ConnectionChange::Closed | ConnectionChange::Reset => {
                self.lose_output(connection, LossCause::ConnectionReset, out);
                self.forget_credit(connection);
                self.on_gone(connection, out);
            }
            ConnectionChange::Writable => self.put_out_more(connection, out),
            _ => {}
        }
    }

    fn on_stop(&mut self, out: &mut Out<'_>) {
        self.write_what_was_delivered(out);
        self.save_at_shutdown(out);
    }

    fn on_crash(&mut self, machine: bool, out: &mut Out<'_>) {
        self.lose_memory(out);
        if machine {
            self.lose_with_streams(out);
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
