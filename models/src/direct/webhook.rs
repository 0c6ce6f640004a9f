//! A producer that sends requests to every subscription, and keeps each message until it is answered.
//!
//! Models webhooks over HTTP: a request that is answered with 2xx is done; another status, no answer in time or a
//! broken connection is a failed attempt, which is made again after a pause that grows, until all attempts are used up.
//! So the sender is its own broker: messages reside here, in memory, and die with it. A message is confirmed when all
//! subscriptions have answered.
//!
//! Each attempt of a shared subscription goes to the member whose turn it is, so another may answer for one that is
//! down. The time for an answer begins when the request is sent, not when it has to wait for a connection or for its
//! turn. Requests over one connection do not wait for each other's answers (HTTP/2), and a late answer is ignored.
//!
//! Left out: jitter of the pauses, `Retry-After`, connections closed when idle.

use super::{Outlet, WebhookConfig};
use crate::causes::{DuplicateCause, LossCause};
use crate::census::Census;
use crate::domain::{Messaging, Out};
use crate::fact::Fact;
use crate::message::{MessageRef, SourceId, SubscriptionId};
use crate::packet::{Packet, Record, Timer};
use crate::part::Holder;
use crate::producer::source;
use redeliver_sim::{ConnectionChange, ConnectionId, Disk, Node, Time};
use std::collections::VecDeque;

/// How a sender is set.
#[derive(Clone, Debug)]
pub struct WebhookSpec {
    /// Its source.
    pub source: SourceId,
    /// It waits until a message has been answered by all, or given up.
    pub synchronous: bool,
    /// The design's settings.
    pub config: WebhookConfig,
}

/// A message that a subscription has not answered for.
#[derive(Clone, Copy, Debug)]
struct Request {
    m: MessageRef,
    outlet: usize,
    /// Attempts begun.
    attempt: u16,
    /// What was meant for an earlier attempt, or an earlier message in this slot, is void.
    generation: u16,
    live: bool,
}

/// One member of a subscription, at the other end of a connection.
#[derive(Clone, Debug)]
struct Peer {
    connection: ConnectionId,
    calling: bool,
    /// Slots of requests that wait for their turn.
    waiting: VecDeque<u32>,
    /// Slots of requests that have been sent and not been answered, in order.
    under_way: VecDeque<u32>,
}

#[derive(Clone, Debug)]
struct Subscribers {
    outlet: Outlet,
    /// Indexes of the first peer and of the one after the last.
    peers: (usize, usize),
    /// Requests that it has not answered for.
    held: u64,
}

/// The producer.
#[derive(Clone, Debug)]
pub struct WebhookSender {
    spec: WebhookSpec,
    outlets: Vec<Subscribers>,
    /// In the order of the connections' numbers.
    peers: Vec<Peer>,
    requests: Vec<Request>,
    free: Vec<u32>,
    /// Equal delays, so in order of deadline; one timer at the head.
    deadlines: VecDeque<(Time, u32, u16)>,
    deadline_armed: bool,
    /// By message: how many subscriptions have not answered; none if one of them never will.
    unanswered: Vec<Option<u16>>,
    /// What it is taking in, if it dies at that.
    in_hand: Option<MessageRef>,
}

impl WebhookSender {
    /// A sender to these subscriptions, with the connection to each of their members.
    pub fn new(spec: WebhookSpec, outlets: Vec<(Outlet, Vec<ConnectionId>)>) -> Self {
        let mut sender = WebhookSender {
            spec,
            outlets: Vec::new(),
            peers: Vec::new(),
            requests: Vec::new(),
            free: Vec::new(),
            deadlines: VecDeque::new(),
            deadline_armed: false,
            unanswered: Vec::new(),
            in_hand: None,
        };
        for (outlet, members) in outlets {
            let first = sender.peers.len();
            sender.peers.extend(members.into_iter().map(|connection| Peer {
                connection,
                calling: false,
                waiting: VecDeque::new(),
                under_way: VecDeque::new(),
            }));
            sender.outlets.push(Subscribers { outlet, peers: (first, sender.peers.len()), held: 0 });
        }
        sender
    }

    fn peer_of(&self, connection: ConnectionId) -> usize {
        let found = self.peers.binary_search_by_key(&connection, |peer| peer.connection);
        found.expect("a sender is told of its own connections only")
    }

    // A message comes.

    fn on_tick(&mut self, out: &mut Out<'_>) {
        let m = source::open(self.spec.source, out);
        self.in_hand = Some(m);
        out.note(Fact::Published { m, buffered: false, sent: true });
        self.store(m, out);
        if !self.spec.synchronous {
            source::arm(self.spec.source, out);
        }
    }

    /// A synchronous sender has one message at a time: has all been answered or given up?
    fn look_if_settled(&self, out: &mut Out<'_>) {
        if self.spec.synchronous && self.free.len() == self.requests.len() {
            source::settled(self.spec.source, out);
        }
    }

    /// Keeps a message for each subscription. All are kept before the first is sent.
    fn store(&mut self, m: MessageRef, out: &mut Out<'_>) {
        if self.unanswered.len() <= m.index() {
            self.unanswered.resize(m.index() + 1, None);
        }
        self.unanswered[m.index()] = Some(self.outlets.len() as u16);
        let count = self.outlets.len();
        for index in 0..count {
            if out.is_cut() {
                return;
            }
            let s = self.outlets[index].outlet.s;
            let line = self.spec.source.0;
            let rank = out.shared().next_rank(s, line);
            let last = index + 1 == count;
            if last {
                self.in_hand = None;
            }
            out.note(Fact::Stored { m, s, line, rank, last });
            self.keep(m, index, out);
        }
        if out.is_cut() {
            return;
        }
        if count == 0 {
            self.in_hand = None;
            out.note(Fact::Forgotten { m });
            return self.look_if_settled(out);
        }
        for peer in 0..self.peers.len() {
            self.send_waiting(peer, out);
        }
    }

    fn keep(&mut self, m: MessageRef, outlet: usize, out: &mut Out<'_>) {
        let request = Request { m, outlet, attempt: 0, generation: 0, live: true };
        let slot = match self.free.pop() {
            Some(slot) => {
                let generation = self.requests[slot as usize].generation;
                self.requests[slot as usize] = Request { generation, ..request };
                slot
            }
            None => {
                self.requests.push(request);
                self.requests.len() as u32 - 1
            }
        };
        self.change_level(outlet, 1, out);
        self.enqueue(slot, out);
    }

    fn change_level(&mut self, outlet: usize, change: i64, out: &mut Out<'_>) {
        let state = &mut self.outlets[outlet];
        let before = state.held;
        state.held = before.saturating_add_signed(change);
        let now = out.now();
        out.shared().change_level(state.outlet.s, now, before, state.held);
    }

    /// Puts a request behind the others that wait for the member whose turn it is; says which.
    fn enqueue(&mut self, slot: u32, out: &mut Out<'_>) -> usize {
        let request = &self.requests[slot as usize];
        let state = &mut self.outlets[request.outlet];
        let shared = out.shared();
        let key = shared.messages.get(request.m).key;
        let peer = state.peers.0 + state.outlet.choose(key, &shared.names);
        self.peers[peer].waiting.push_back(slot);
        peer
    }

    // Attempts.

    fn has_room(&self, peer: usize) -> bool {
        let limit = self.spec.config.concurrency as usize;
        limit == 0 || self.peers[peer].under_way.len() < limit
    }

    /// Sends what waits, as far as it may; calls first if nobody is connected.
    fn send_waiting(&mut self, peer: usize, out: &mut Out<'_>) {
        while self.has_room(peer) && !self.peers[peer].waiting.is_empty() {
            let state = &mut self.peers[peer];
            if state.calling {
                return;
            }
            if !out.is_open(state.connection) {
                state.calling = true;
                return out.connect(state.connection);
            }
            let slot = state.waiting.pop_front().expect("somebody waits");
            self.send(peer, slot, out);
        }
    }

    fn send(&mut self, peer: usize, slot: u32, out: &mut Out<'_>) {
        let connection = self.peers[peer].connection;
        let request = &mut self.requests[slot as usize];
        request.attempt = request.attempt.saturating_add(1);
        let Request { m, outlet, attempt, generation, .. } = *request;
        let s = self.outlets[outlet].outlet.s;
        self.peers[peer].under_way.push_back(slot);
        while self
            .deadlines
            .pop_front_if(|(_, slot, generation)| !is_current(&self.requests, *slot, *generation))
            .is_some()
        {}
        self.deadlines.push_back((out.now() + self.spec.config.timeout, slot, generation));
        self.arm_deadline(out);
        out.note(Fact::Dispatched { m, s, attempt, member: connection.0 });
        out.send(connection, Packet::Request { m, s, attempt });
    }

    fn arm_deadline(&mut self, out: &mut Out<'_>) {
        if !self.deadline_armed
            && let Some((at, ..)) = self.deadlines.front()
        {
            self.deadline_armed = true;
            out.deadline(at.since(out.now()), Timer::Deadline);
        }
    }

    fn on_deadline(&mut self, out: &mut Out<'_>) {
        self.deadline_armed = false;
        while let Some(&(at, slot, generation)) = self.deadlines.front() {
            if is_current(&self.requests, slot, generation) {
                if at > out.now() {
                    break;
                }
                let under_way = self.peers.iter().position(|peer| peer.under_way.contains(&slot));
                let peer = under_way.expect("an attempt whose time runs is under way");
                self.peers[peer].under_way.retain(|other| *other != slot);
                self.fail(slot, DuplicateCause::VisibilityTimeout, out);
                self.send_waiting(peer, out);
            }
            self.deadlines.pop_front();
        }
        self.arm_deadline(out);
    }

    /// An attempt has failed: another follows after a pause, or that was the last.
    fn fail(&mut self, slot: u32, why: DuplicateCause, out: &mut Out<'_>) {
        let request = &mut self.requests[slot as usize];
        request.generation = request.generation.wrapping_add(1);
        let Request { m, outlet, attempt, generation, .. } = *request;
        let s = self.outlets[outlet].outlet.s;
        if u32::from(attempt) >= self.spec.config.attempts {
            self.unanswered[m.index()] = None;
            self.forget(slot, out);
            out.note(Fact::Removed { m, s, why: LossCause::GaveUp });
            return self.look_if_settled(out);
        }
        out.note(Fact::Requeued { m, s, why });
        let factor = u64::from(self.spec.config.backoff_factor).saturating_pow(u32::from(attempt) - 1);
        out.deadline(self.spec.config.backoff.times(factor), Timer::Retry { m, slot, generation });
    }

    fn on_retry(&mut self, slot: u32, generation: u16, out: &mut Out<'_>) {
        if is_current(&self.requests, slot, generation) {
            let peer = self.enqueue(slot, out);
            self.send_waiting(peer, out);
        }
    }

    fn forget(&mut self, slot: u32, out: &mut Out<'_>) {
        let request = &mut self.requests[slot as usize];
        request.live = false;
        request.generation = request.generation.wrapping_add(1);
        let outlet = request.outlet;
        self.free.push(slot);
        self.change_level(outlet, -1, out);
    }

    // Answers.

    fn on_response(
        &mut self,
        from: ConnectionId,
        (m, s, attempt): (MessageRef, SubscriptionId, u16),
        status: u16,
        out: &mut Out<'_>,
    ) {
        let peer = self.peer_of(from);
        let is_answered = |slot: &u32| {
            let request = &self.requests[*slot as usize];
            request.m == m && request.attempt == attempt
        };
        let Some(place) = self.peers[peer].under_way.iter().position(is_answered) else {
            return out.note(Fact::StrayAck { m, s });
        };
        let slot = self.peers[peer].under_way.remove(place).expect("it was found there");
        if (200..300).contains(&status) {
            self.succeed(slot, out);
        } else {
            self.fail(slot, DuplicateCause::Returned, out);
        }
        self.send_waiting(peer, out);
    }

    fn succeed(&mut self, slot: u32, out: &mut Out<'_>) {
        let Request { m, outlet, .. } = self.requests[slot as usize];
        let unanswered = &mut self.unanswered[m.index()];
        *unanswered = unanswered.map(|left| left - 1);
        if *unanswered == Some(0) {
            out.note(Fact::Confirmed { m });
        }
        if !out.is_cut() {
            self.forget(slot, out);
            out.note(Fact::Acked { m, s: self.outlets[outlet].outlet.s });
            self.look_if_settled(out);
        }
    }

    // Connections.

    /// Nobody answered the call: the attempts that would have been under way have failed.
    fn on_refused(&mut self, peer: usize, out: &mut Out<'_>) {
        let limit = self.spec.config.concurrency as usize;
        let waiting = &mut self.peers[peer].waiting;
        let count = if limit == 0 { waiting.len() } else { waiting.len().min(limit) };
        let failed: Vec<u32> = waiting.drain(..count).collect();
        for slot in failed {
            let request = &mut self.requests[slot as usize];
            request.attempt = request.attempt.saturating_add(1);
            self.fail(slot, DuplicateCause::ConnectionClosed, out);
        }
        self.send_waiting(peer, out);
    }

    /// A connection broke: nobody knows what became of the requests that were under way.
    fn on_broken(&mut self, peer: usize, out: &mut Out<'_>) {
        for slot in std::mem::take(&mut self.peers[peer].under_way) {
            self.fail(slot, DuplicateCause::ConnectionClosed, out);
        }
        self.send_waiting(peer, out);
    }
}

/// Whether what was meant for this use of the slot still is.
fn is_current(requests: &[Request], slot: u32, generation: u16) -> bool {
    let request = &requests[slot as usize];
    request.live && request.generation == generation
}

impl Node<Messaging> for WebhookSender {
    fn start(&mut self, out: &mut Out<'_>) {
        for peer in &mut self.peers {
            peer.calling = true;
            out.connect(peer.connection);
        }
        source::start(self.spec.source, out);
    }

    #[inline(never)]
    fn on_message(&mut self, from: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        if let Packet::Response { m, s, attempt, status } = packet {
            self.on_response(from, (m, s, attempt), status, out);
        }
    }

    #[inline(never)]
    fn on_timer(&mut self, timer: Timer, out: &mut Out<'_>) {
        match timer {
            Timer::Tick => self.on_tick(out),
            Timer::Deadline => self.on_deadline(out),
            Timer::Retry { slot, generation, .. } => self.on_retry(slot, generation, out),
            _ => {}
        }
    }

    fn on_connection(&mut self, connection: ConnectionId, change: ConnectionChange, out: &mut Out<'_>) {
        let peer = self.peer_of(connection);
        self.peers[peer].calling = false;
        match change {
            ConnectionChange::Connected | ConnectionChange::Writable => self.send_waiting(peer, out),
            ConnectionChange::Refused => self.on_refused(peer, out),
            ConnectionChange::Closed | ConnectionChange::Reset => self.on_broken(peer, out),
        }
    }

    fn on_crash(&mut self, _machine: bool, out: &mut Out<'_>) {
        if let Some(m) = self.in_hand {
            out.note(Fact::PublishDropped { m, why: LossCause::ProducerBuffer });
        }
        for request in self.requests.iter().filter(|request| request.live) {
            let s = self.outlets[request.outlet].outlet.s;
            out.note(Fact::Removed { m: request.m, s, why: LossCause::ProducerBuffer });
        }
        let now = out.now();
        for state in &self.outlets {
            out.shared().change_level(state.outlet.s, now, state.held, 0);
        }
    }
}

impl Holder for WebhookSender {
    fn count(&self, up: bool, _disk: &Disk<Record>, census: &mut Census<'_>) {
        if up {
            let live = self.requests.iter().filter(|request| request.live);
            live.for_each(|request| census.copy(request.m, self.outlets[request.outlet].outlet.s));
        }
    }
}
