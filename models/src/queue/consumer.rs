//! A consumer of a queue broker: takes what it is given, works, acks.
//!
//! One handler works at a time; what else was delivered waits, up to the prefetch. With acks before the work, the ack goes
//! out when the handler begins. A channel that the broker closes is opened again as a connection that broke is.
//!
//! Where its session outlives its connection (MQTT) it keeps what it has been offered and may not hand on yet, and it is
//! given each such message once. What it has been told to hand on is its own. Its library answers at once, whatever its
//! handler is doing.
//!
//! With pulls it asks for a batch, and for the next when it has done with that. Where acks outlive connections (NATS, SQS) it
//! keeps what it has when its connection breaks, and what it wants to say then until there is another. Gets are in
//! `gets.rs`.

use super::coordinator::Coordinator;
use super::gets::WATCH;
use super::pages::Pages;
use super::{AckMode, Claims, PULL_GRACE, Pulls, Transport};
use crate::causes::LossCause;
use crate::census::Census;
use crate::domain::{Messaging, Out};
use crate::fact::Fact;
use crate::handler::Outcome;
use crate::message::MessageRef;
use crate::packet::{Packet, Record, Tag, Timer};
use crate::part::Holder;
use crate::setup::OnFailure;
use crate::worker::{Held, Worker};
use redeliver_sim::{ConnectionChange, ConnectionId, Disk, Node, Purpose, Span, Time};
use std::collections::VecDeque;

/// How a consumer is set.
#[derive(Clone, Debug)]
pub struct ConsumerSpec {
    /// To the broker.
    pub connection: ConnectionId,
    /// What carries packets.
    pub transport: Transport,
    /// Which queue.
    pub queue: u32,
    /// It comes late: the queue is bound to this exchange when it is there.
    pub bind_to: Option<u32>,
    /// Deliveries unacked at most; 0 is no limit.
    pub prefetch: u32,
    /// Those with a higher one are given messages first.
    pub priority: i32,
    /// When it acks.
    pub ack: AckMode,
    /// What follows when its handler fails.
    pub on_failure: OnFailure,
    /// How long its database takes to prepare a transaction, and again to commit it.
    pub commit: Span,
    /// A lost connection is tried again after this long.
    pub reconnect_after: Span,
    /// It asks for its messages; none: it is given them.
    pub pulls: Option<Pulls>,
    /// What the pauses between its pulls are drawn from.
    pub pauses: Purpose,
    /// It claims what others have left.
    pub claims: Option<Claims>,
    /// It asks first for what an earlier life of it has not settled.
    pub rereads: bool,
    /// It says this often that it is still at work.
    pub extend_every: Option<Span>,
    /// It says so of the message, and not of a delivery.
    pub extends_message: bool,
    /// What it gives back it only keeps, until its time is over.
    pub keeps_failed: bool,
    /// Its broker has no word for giving a message away: it puts it aside by itself, and settles it.
    pub puts_aside: bool,
    /// What it was given over a connection it may settle over a later one.
    pub outlives_connection: bool,
    /// Its queue is its session; whether that ends with its connection.
    pub session: Option<bool>,
}

/// What settles a delivery: its tag, which is good in its own session only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token {
    pub(super) tag: Tag,
    session: u32,
    /// It is the consumer's own, however its connection ends: it was sent only once, or it was released.
    own: bool,
}

/// The consumer.
#[derive(Clone, Debug)]
pub struct Consumer {
    pub(super) spec: ConsumerSpec,
    pub(super) worker: Worker<Token>,
    pub(super) coordinator: Coordinator,
    /// Channels so far.
    session: u32,
    /// It has said that it consumes, and nothing has ended that.
    consuming: bool,
    /// How many more come for the pull that is under way; none is under way at 0.
    pub(super) asked: u16,
    /// When it last asked for a single one; a timer looks after the answer.
    pub(super) asked_at: Time,
    pub(super) watched: bool,
    /// The pause after the last pull that brought nothing ends: an earlier timer is void.
    pauses_until: Time,
    /// What else it asks for, page by page.
    pages: Pages,
    /// Pulls so far.
    pub(super) pulls: u32,
    /// What it says when it is connected again.
    unsaid: Vec<Packet>,
    /// What it has been offered, and not been told to hand on; with the number of the delivery.
    offered: VecDeque<(MessageRef, u16)>,
}

impl Consumer {
    /// A consumer that has not started.
    pub fn new(spec: ConsumerSpec, worker: Worker<Token>) -> Self {
        let coordinator = Coordinator::default();
        Consumer {
            spec,
            worker,
            coordinator,
            session: 0,
            consuming: false,
            asked: 0,
            asked_at: Time::ZERO,
            watched: false,
            pauses_until: Time::ZERO,
            pages: Pages::default(),
            pulls: 0,
            unsaid: Vec::new(),
            offered: VecDeque::new(),
        }
    }

    #[inline(always)]
    fn reply(&self, packet: Packet, out: &mut Out<'_>) {
        match self.spec.transport {
            Transport::Connections => out.send(self.spec.connection, packet),
            Transport::Datagrams => out.datagram(self.spec.connection, packet),
        }
    }

    #[inline(always)]
    fn ack(&mut self, held: &Held<Token>, out: &mut Out<'_>) {
        let (m, s, attempt, tag) = (held.m, self.worker.s, held.attempt, held.token.tag);
        if self.spec.outlives_connection {
            return self.say(Packet::Ack { m, s, attempt, tag }, out);
        }
        if !tag.is_settled_by_ack() {
            return;
        }
        if held.token.session == self.session {
            self.reply(Packet::Ack { m, s, attempt, tag }, out);
        }
    }

    /// Whether its broker still waits for what settles it.
    pub(super) fn is_of_session(&self, held: &Held<Token>) -> bool {
        held.token.session == self.session
    }

    pub(super) fn nack(&mut self, held: &Held<Token>, requeue: bool, out: &mut Out<'_>) {
        let (m, s, attempt, tag) = (held.m, self.worker.s, held.attempt, held.token.tag);
        out.note(Fact::GivenBack { m, s });
        if self.spec.keeps_failed {
            return;
        }
        if self.spec.outlives_connection {
            return self.say(Packet::Nack { m, s, attempt, tag, requeue }, out);
        }
        if held.token.session == self.session {
            self.reply(Packet::Nack { m, s, attempt, tag, requeue }, out);
        }
    }

    #[inline(always)]
    pub(super) fn begin(&mut self, out: &mut Out<'_>) {
        if let Some(held) = self.worker.begin(out) {
            self.begun(&held, out);
        }
    }

    #[inline(always)]
    fn begun(&mut self, held: &Held<Token>, out: &mut Out<'_>) {
        if self.spec.ack == AckMode::BeforeWork {
            self.ack(held, out);
        }
        if let Some(every) = self.spec.extend_every {
            out.deadline(every, Timer::Extend { generation: self.worker.generation() });
        }
    }

    #[inline(always)]
    fn on_done(&mut self, generation: u16, out: &mut Out<'_>) {
        match self.worker.end(generation, out) {
            Some((held, Outcome::Failure)) => self.on_failure(held, out),
            Some((held, _)) if self.spec.ack == AckMode::AfterWork => self.ack(&held, out),
            Some((held, Outcome::Transaction)) => self.prepare(held, out),
            Some(_) | None => {}
        }
        self.go_on(out);
    }

    /// With what it has, or by asking for more.
    #[inline(always)]
    pub(super) fn go_on(&mut self, out: &mut Out<'_>) {
        self.begin(out);
        if self.spec.pulls.is_some() {
            self.pull(out);
        }
    }

    /// With acks that went out before, a failure can only be tried again in place, or be dropped.
    fn on_failure(&mut self, held: Held<Token>, out: &mut Out<'_>) {
        let (m, s) = (held.m, self.worker.s);
        let open = matches!(self.spec.ack, AckMode::AfterWork | AckMode::TwoPhaseCommit);
        match self.spec.on_failure {
            OnFailure::RetryInPlace(pause) => self.worker.retry(held, pause, out),
            OnFailure::Requeue if open => self.nack(&held, true, out),
            OnFailure::DeadLetter if open && self.spec.puts_aside => {
                out.note(Fact::PutAside { m, s });
                self.ack(&held, out);
            }
            OnFailure::DeadLetter if open => self.nack(&held, false, out),
            OnFailure::Requeue | OnFailure::DeadLetter | OnFailure::Drop => {
                out.note(Fact::Discarded { m, s, why: LossCause::HandlerFailed });
                if open {
                    self.ack(&held, out);
                }
            }
        }
    }
}

impl Consumer {
    /// Opens a new channel after the broker has closed one, if the connection is still there.
    #[cold]
    fn consume_again(&mut self, out: &mut Out<'_>) {
        if !self.consuming && out.is_open(self.spec.connection) {
            self.consume(out);
        }
    }

    /// Asks for more, if it has done with all that came.
    #[cold]
    fn pull(&mut self, out: &mut Out<'_>) {
        let Some(Pulls { batch, expires, fills, gets, .. }) = self.spec.pulls else { return };
        if self.asked > 0 || self.worker.count_held() > 0 || !out.is_open(self.spec.connection) {
            return;
        }
        self.asked = batch;
        self.pulls = self.pulls.wrapping_add(1) % WATCH;
        if gets {
            return self.get(out);
        }
        let expires = expires.unwrap_or(Span::ZERO);
        let wait = (expires.0 / 1_000_000).min(u64::from(u32::MAX)) as u32;
        let (queue, auto_ack) = (self.spec.queue, self.spec.ack == AckMode::Auto && !fills);
        let pull = Packet::Pull { queue, batch, fills, auto_ack, wait };
        let packet = self.pages.ask(&self.spec, out.now()).unwrap_or(pull);
        out.send(self.spec.connection, packet);
        out.deadline(expires + PULL_GRACE, Timer::Step { token: self.pulls });
    }

    /// One of those that it has asked for has come. A page says by itself when it ends.
    #[inline(always)]
    fn count_delivery(&mut self) {
        if !self.pages.is_asking() {
            self.asked = self.asked.saturating_sub(1);
        }
    }

    /// The pull that is under way has ended, or nothing was heard of it for too long.
    #[cold]
    pub(super) fn end_pull(&mut self, out: &mut Out<'_>) {
        let came = self.spec.pulls.as_ref().is_none_or(|pulls| self.asked < pulls.batch);
        self.asked = 0;
        let pause = if came { Span::ZERO } else { self.draw_pause() };
        if pause == Span::ZERO {
            return self.pull(out);
        }
        self.pauses_until = out.now() + pause;
        out.deadline(pause, Timer::Poll);
    }

    /// Says something, now or when it is connected again.
    #[cold]
    fn say(&mut self, packet: Packet, out: &mut Out<'_>) {
        if out.is_open(self.spec.connection) {
            out.send(self.spec.connection, packet);
        } else {
            self.unsaid.push(packet);
        }
    }

    /// It is still at work on the same message: the broker is told so.
    #[cold]
    fn extend(&mut self, generation: u16, out: &mut Out<'_>) {
        let Some(held) = self.worker.current(generation) else { return };
        let (m, s, attempt, tag) = (held.m, self.worker.s, held.attempt, held.token.tag);
        if out.is_open(self.spec.connection) {
            out.send(
                self.spec.connection,
                match self.spec.extends_message {
                    true => Packet::InProgress { m, s },
                    false => Packet::Extend { s, attempt, tag, wait: 0 },
                },
            );
        }
        if let Some(every) = self.spec.extend_every {
            out.deadline(every, Timer::Extend { generation });
        }
    }

    /// It is offered a message, which it may not hand on yet.
    #[cold]
    fn on_offer(&mut self, (m, attempt, tag): (MessageRef, u16, Tag), out: &mut Out<'_>) {
        let s = self.worker.s;
        // One that is marked may be one that it has; another is a new one, even of the same message.
        if attempt > 1 && self.offered.iter().any(|(other, _)| *other == m) {
            out.note(Fact::HeldAlready { m, s });
        } else {
            self.offered.push_back((m, attempt));
        }
        self.reply(Packet::Received { m, s, attempt, tag }, out);
    }

    /// It may hand it on now. What it does not have it has handed on before, or has forgotten in a crash: it says that it
    /// is done (paho-mqtt: `_handle_pubrel`).
    #[cold]
    fn on_release(&mut self, (m, attempt, tag): (MessageRef, u16, Tag), out: &mut Out<'_>) {
        let s = self.worker.s;
        let offered = self.offered.iter().position(|(other, _)| *other == m);
        let Some((_, offered)) = offered.and_then(|index| self.offered.remove(index)) else {
            return self.reply(Packet::Ack { m, s, attempt, tag }, out);
        };
        let token = Token { tag, session: self.session, own: self.spec.session == Some(false) };
        self.worker.take(m, offered, token, out);
        self.begin(out);
    }

    /// It subscribes, to all that it is set to.
    #[cold]
    fn subscribe(&mut self, out: &mut Out<'_>) {
        out.send(self.spec.connection, Packet::Subscribe { queue: self.spec.queue, filter: u32::MAX });
    }

    fn consume(&mut self, out: &mut Out<'_>) {
        self.consuming = true;
        for packet in std::mem::take(&mut self.unsaid) {
            out.send(self.spec.connection, packet);
        }
        if self.spec.pulls.is_some() {
            return self.pull(out);
        }
        if self.spec.session.is_some() {
            return self.subscribe(out);
        }
        let prefetch = self.spec.prefetch.min(u32::from(u16::MAX)) as u16;
        let (queue, auto_ack, priority) =
            (self.spec.queue, self.spec.ack == AckMode::Auto, self.spec.priority);
        out.send(self.spec.connection, Packet::Consume { queue, prefetch, auto_ack, priority });
    }

    /// What waits will come again; the one in work is finished, and can no longer be acked. Without acks all that has
    /// come is the consumer's own.
    fn lose_channel(&mut self, out: &mut Out<'_>) {
        self.consuming = false;
        self.session += 1;
        self.asked = 0;
        self.pages.break_off();
        if self.spec.ack != AckMode::Auto && !self.spec.outlives_connection {
            self.worker.give_back_waiting_but(|token| token.own, out);
        }
        if self.spec.session == Some(true) {
            for (m, _) in std::mem::take(&mut self.offered) {
                out.note(Fact::Discarded { m, s: self.worker.s, why: LossCause::SessionEnded });
            }
        }
        self.give_up_undecided(out);
    }
}

impl Node<Messaging> for Consumer {
    fn start(&mut self, out: &mut Out<'_>) {
        if self.spec.ack == AckMode::TwoPhaseCommit {
            return self.read_log(out);
        }
        if self.spec.transport == Transport::Connections {
            out.connect(self.spec.connection);
        }
    }

    #[inline(never)]
    fn on_message(&mut self, _from: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        match packet {
            Packet::Deliver { m, attempt, tag, .. } => {
                let own = !tag.is_settled_by_ack();
                let token = Token { tag, session: self.session, own };
                if let Some(held) = self.worker.take_and_begin(m, attempt, token, out) {
                    self.begun(&held, out);
                }
                self.count_delivery();
            }
            Packet::Offer { m, attempt, tag, .. } => self.on_offer((m, attempt, tag), out),
            Packet::Release { m, attempt, tag, .. } => self.on_release((m, attempt, tag), out),
            Packet::PageEnd { next, .. } => {
                self.pages.end(next);
                self.end_pull(out);
            }
            Packet::GetEmpty { .. } => self.end_pull(out),
            Packet::Cancelled { .. } => {
                // What it holds it holds.
                self.consuming = false;
                out.deadline(self.spec.reconnect_after, Timer::OpenChannel);
            }
            Packet::ChannelClosed | Packet::Unavailable { .. } => {
                self.lose_channel(out);
                out.deadline(self.spec.reconnect_after, Timer::OpenChannel);
            }
            Packet::Promise { xid, yes } => self.on_vote(xid, yes, out),
            Packet::Resolved { xid } => self.on_resolved(xid, out),
            _ => {}
        }
    }

    #[inline(never)]
    fn on_timer(&mut self, timer: Timer, out: &mut Out<'_>) {
        match timer {
            Timer::Done { generation, .. } => self.on_done(generation, out),
            Timer::Retry { generation, .. } => self.worker.on_retry(generation, out),
            Timer::OpenChannel => self.consume_again(out),
            // One that was set before the connection broke is void.
            Timer::Poll if out.now() >= self.pauses_until => self.pull(out),
            Timer::Step { token: WATCH } => self.watch_gets(out),
            Timer::Extend { generation } => self.extend(generation, out),
            // Else it has ended, and a pause may be longer than this.
            Timer::Step { token } if token == self.pulls && self.asked > 0 => self.end_pull(out),
            Timer::Reconnect { .. } => out.connect(self.spec.connection),
            Timer::DatabasePrepared { xid } => self.on_database_prepared(xid, out),
            Timer::DecisionSynced { xid } => self.on_decision_synced(xid, out),
            Timer::DatabaseCommitted { xid } => self.on_database_committed(xid, out),
            Timer::LogRead => self.end_what_was_prepared(out),
            _ => {}
        }
    }

    fn on_connection(&mut self, connection: ConnectionId, change: ConnectionChange, out: &mut Out<'_>) {
        match change {
            ConnectionChange::Connected => {
                if let Some(exchange) = self.spec.bind_to {
                    let s = self.worker.s;
                    out.shared().subscriptions[s.0 as usize].bound = true;
                    out.send(connection, Packet::Bind { exchange, queue: self.spec.queue });
                }
                if self.spec.ack == AckMode::TwoPhaseCommit {
                    self.ask_what_is_in_doubt(out);
                }
                self.consume(out);
            }
            ConnectionChange::Refused | ConnectionChange::Closed | ConnectionChange::Reset => {
                self.lose_channel(out);
                out.deadline(self.spec.reconnect_after, Timer::Reconnect { peer: 0 });
            }
            ConnectionChange::Writable => {}
        }
    }

    fn on_crash(&mut self, _machine: bool, out: &mut Out<'_>) {
        self.worker.on_crash(out);
        for (m, _) in &self.offered {
            let s = self.worker.s;
            out.note(Fact::Discarded { m: *m, s, why: LossCause::TakenNeverProcessed });
        }
    }
}

impl Holder for Consumer {
    fn count(&self, up: bool, _disk: &Disk<Record>, census: &mut Census<'_>) {
        if up {
            self.worker.count(census);
            self.offered.iter().for_each(|(m, _)| census.copy(*m, self.worker.s));
        }
    }

    fn ids(&self) -> usize {
        self.worker.ids_here()
    }
}
