//! A client that publishes to a broker: sends what its source has, waits for confirms, sends again.
//!
//! Models the publishers of RabbitMQ (publisher confirms) and Kafka (acks, retries, a window of unanswered sends)
//! as far as they agree: an unconfirmed message is kept and sent again when its time is over or the connection is
//! back; a refusal is final; a full window, a blocked or a closed connection hold the next ones up, in order.
//!
//! What a producer does that has a state of its own beside is in `database.rs`.
//!
//! Left out: batching, idempotence, transactions.

use crate::causes::LossCause;
use crate::census::Census;
use crate::domain::Out;
use crate::fact::Fact;
use crate::log::partitioner;
use crate::message::{MessageRef, SourceId};
use crate::packet::{Packet, Record, Timer};
use crate::part::Holder;
use crate::producer::database::{self, Database, StateChange};
use crate::producer::source;
use crate::properties::PropertiesId;
use redeliver_sim::{ConnectionChange, ConnectionId, Disk, Node, Span, Time};
use std::collections::VecDeque;

/// How a publisher is set. What every message needs stands first.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct PublisherSpec {
    /// Its source; none for a client of a story, which is told what to send.
    pub source: SourceId,
    /// To the broker.
    pub connection: ConnectionId,
    /// Where to.
    pub target: Target,
    /// What it says of its messages.
    pub properties: PropertiesId,
    /// Unconfirmed messages at most; 0 is no limit.
    pub window: u32,
    /// Connections may be lost; datagrams need none.
    pub datagrams: bool,
    /// Keep each message until it is confirmed.
    pub confirms: bool,
    /// What its own state has to do with its messages.
    pub state_change: StateChange,
    /// Its source waits until a message has come to an end.
    pub synchronous: bool,
    /// Without a confirm for so long, a message is sent again.
    pub confirm_timeout: Span,
    /// How often, at most.
    pub retries: u32,
    /// A lost connection is tried again after this long.
    pub reconnect_after: Span,
    /// What it knows of its messages is void when its connection breaks: they are sent again, also those that the broker
    /// has accepted. MQTT: `clean_session`.
    pub clean_session: bool,
}

/// Where messages are published to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// An exchange of a queue broker.
    Exchange(u32),
    /// A topic of a log broker: so many partitions from the first one on.
    Topic {
        /// Number of its first partition.
        first: u32,
        /// How many there are.
        partitions: u32,
    },
}

#[derive(Clone, Copy, Debug)]
struct Unconfirmed {
    m: MessageRef,
    target: u32,
    attempt: u16,
    deadline: Time,
    settled: bool,
    /// No queue took it.
    returned: bool,
    /// The broker keeps it back until it is told to go on, and that was said. MQTT at quality 2.
    accepted: bool,
}

/// The client. What every message needs stands first.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Publisher {
    pub(super) spec: PublisherSpec,
    /// The broker has asked to stop.
    blocked: bool,
    /// The source has been held up since, and a fact says so.
    held_up: bool,
    /// The deadline timer is set.
    armed: bool,
    /// How many of the unconfirmed are not settled.
    outstanding: u32,
    /// Published, and held up: with the target, and how often an earlier life has sent it.
    waiting: VecDeque<(MessageRef, u32, u16)>,
    /// Sent and not confirmed, by deadline; settled ones wait for their turn to be forgotten.
    unconfirmed: VecDeque<Unconfirmed>,
    /// How many have left these at the front: places are counted from the first that ever was there.
    passed: u32,
    /// For messages without a key.
    round: u32,
    /// It crashed as it published this message: so many copies of it were never sent or kept.
    torn: Option<(MessageRef, u32)>,
    pub(super) database: Database,
}

impl Publisher {
    /// A publisher that has published nothing.
    pub fn new(spec: PublisherSpec) -> Self {
        Publisher {
            spec,
            database: Database::default(),
            unconfirmed: VecDeque::new(),
            passed: 0,
            outstanding: 0,
            waiting: VecDeque::new(),
            blocked: false,
            held_up: false,
            armed: false,
            round: 0,
            torn: None,
        }
    }

    #[inline(always)]
    fn on_tick(&mut self, out: &mut Out<'_>) {
        if self.spec.state_change != StateChange::Nothing {
            return self.on_change(out);
        }
        self.publish(out);
        if !self.spec.synchronous {
            source::arm(self.spec.source, out);
        }
    }

    /// Makes a message of the event.
    #[inline(always)]
    pub(super) fn open(&mut self, out: &mut Out<'_>) -> MessageRef {
        let m = source::open(self.spec.source, out);
        if self.spec.properties != PropertiesId::NONE {
            out.shared().messages.get_mut(m).properties = self.spec.properties;
        }
        m
    }

    #[inline(always)]
    pub(super) fn publish(&mut self, out: &mut Out<'_>) {
        let m = self.open(out);
        let target = self.choose(m, out);
        let sent = self.may_send(out);
        out.note(Fact::Published { m, buffered: self.spec.confirms, sent });
        if out.is_cut() {
            self.torn = Some((m, 1 + u32::from(self.spec.confirms && sent)));
        } else if sent {
            self.send(m, target, 1, out);
        } else {
            self.waiting.push_back((m, target, 0));
            self.note_held_up(out);
        }
    }

    /// A message of the outbox is sent when that may be; an earlier life has sent it so often.
    pub(super) fn relay(&mut self, m: MessageRef, sent: u16, out: &mut Out<'_>) {
        let target = self.choose(m, out);
        self.waiting.push_back((m, target, sent));
        self.send_waiting(out);
        if !self.waiting.is_empty() {
            self.note_held_up(out);
        }
    }

    /// The exchange, or the partition.
    #[inline(always)]
    pub(super) fn choose(&mut self, m: MessageRef, out: &mut Out<'_>) -> u32 {
        match self.spec.target {
            Target::Exchange(exchange) => exchange,
            Target::Topic { first, partitions } => {
                let key = out.shared().messages.get(m).key;
                let chosen = partitioner::partition(key, &out.shared().names, partitions, self.round);
                self.round = self.round.wrapping_add(1);
                first + chosen
            }
        }
    }

    #[inline(always)]
    fn may_send(&self, out: &Out<'_>) -> bool {
        let room = self.spec.window == 0 || self.outstanding < self.spec.window;
        room && !self.blocked
            && self.waiting.is_empty()
            && (self.spec.datagrams || out.is_open(self.spec.connection))
    }

    #[inline(always)]
    fn send(&mut self, m: MessageRef, target: u32, attempt: u16, out: &mut Out<'_>) {
        if self.spec.confirms {
            let deadline = out.now() + self.spec.confirm_timeout;
            let (settled, returned, accepted) = (false, false, false);
            self.keep(Unconfirmed { m, target, attempt, deadline, settled, returned, accepted }, out);
            self.arm_deadline(out);
        } else if self.spec.synchronous {
            source::settled(self.spec.source, out);
        }
        let packet = Packet::Publish { m, attempt, target };
        if self.spec.datagrams {
            out.datagram(self.spec.connection, packet);
        } else {
            out.send(self.spec.connection, packet);
        }
    }

    /// Keeps a message until it is confirmed, or its time is over.
    #[inline(always)]
    fn keep(&mut self, entry: Unconfirmed, out: &mut Out<'_>) {
        let place = self.passed.wrapping_add(self.unconfirmed.len() as u32);
        out.shared().messages.get_mut(entry.m).place = place;
        self.unconfirmed.push_back(entry);
        self.outstanding += 1;
    }

    /// What is kept of a message: nothing of one that was confirmed before.
    #[inline(always)]
    fn kept(&mut self, m: MessageRef, out: &mut Out<'_>) -> Option<&mut Unconfirmed> {
        let place = out.shared().messages.get(m).place.wrapping_sub(self.passed);
        self.unconfirmed.get_mut(place as usize).filter(|entry| entry.m == m && !entry.settled)
    }

    #[inline(always)]
    fn forget_first(&mut self) {
        self.unconfirmed.pop_front();
        self.passed = self.passed.wrapping_add(1);
    }

    fn arm_deadline(&mut self, out: &mut Out<'_>) {
        if !self.armed
            && let Some(first) = self.unconfirmed.front()
        {
            self.armed = true;
            out.deadline(first.deadline.since(out.now()), Timer::Deadline);
        }
    }

    /// Sends what was held up, as far as it may.
    fn send_waiting(&mut self, out: &mut Out<'_>) {
        while let Some((m, target, before)) = self.waiting.pop_front() {
            let behind = std::mem::take(&mut self.waiting);
            let may = self.may_send(out);
            self.waiting = behind;
            if !may {
                self.waiting.push_front((m, target, before));
                return;
            }
            let attempt = before + 1;
            out.note(if before == 0 { Fact::Sent { m } } else { Fact::Resent { m, attempt } });
            self.send(m, target, attempt, out);
            if self.spec.state_change == StateChange::Outbox {
                self.mark_sent(m, out);
            }
        }
        if self.held_up {
            self.held_up = false;
            out.note(Fact::Unblocked);
        }
    }

    fn note_held_up(&mut self, out: &mut Out<'_>) {
        if !self.held_up {
            self.held_up = true;
            out.note(Fact::Blocked);
        }
    }

    fn on_confirm(&mut self, m: MessageRef, positive: bool, out: &mut Out<'_>) {
        let Some(entry) = self.kept(m, out) else { return };
        entry.settled = true;
        let positive = positive && !entry.returned;
        self.outstanding -= 1;
        if self.spec.state_change == StateChange::Outbox {
            self.delete(m, out);
        }
        out.note(if positive { Fact::Confirmed { m } } else { Fact::GaveUp { m, refused: true } });
        if self.spec.synchronous {
            source::settled(self.spec.source, out);
        }
        while self.unconfirmed.front().is_some_and(|entry| entry.settled) {
            self.forget_first();
        }
        if !self.waiting.is_empty() {
            self.send_waiting(out);
        }
    }

    /// The confirm that comes behind it says nothing good of this message.
    fn on_return(&mut self, m: MessageRef, out: &mut Out<'_>) {
        if let Some(entry) = self.kept(m, out) {
            entry.returned = true;
        }
    }

    /// The time of the first ones is over: they are sent again, or given up.
    fn on_deadline(&mut self, out: &mut Out<'_>) {
        self.armed = false;
        // Those that are sent again now are not looked at: their deadline may be now as well.
        for _ in 0..self.unconfirmed.len() {
            let &entry = self.unconfirmed.front().expect("counted before");
            if !entry.settled && entry.deadline > out.now() {
                break;
            }
            self.forget_first();
            if !entry.settled {
                self.outstanding -= 1;
                self.again(entry, out);
            }
        }
        self.arm_deadline(out);
        self.send_waiting(out);
    }

    fn again(&mut self, entry: Unconfirmed, out: &mut Out<'_>) {
        if u32::from(entry.attempt) > self.spec.retries && self.spec.state_change != StateChange::Outbox {
            out.note(Fact::GaveUp { m: entry.m, refused: false });
            if self.spec.synchronous {
                source::settled(self.spec.source, out);
            }
            return;
        }
        if !self.spec.datagrams && (self.blocked || !out.is_open(self.spec.connection)) {
            // It goes with all the others when the connection is back, or the broker reads again.
            let deadline = out.now() + self.spec.confirm_timeout;
            return self.keep(Unconfirmed { deadline, ..entry }, out);
        }
        if entry.accepted && !self.spec.clean_session {
            return self.proceed_again(entry, out);
        }
        let attempt = entry.attempt.saturating_add(1);
        out.note(Fact::Resent { m: entry.m, attempt });
        self.send(entry.m, entry.target, attempt, out);
    }

    /// The broker has it, and keeps it back: it is told to go on, and never sent the message again.
    #[cold]
    fn on_accepted(&mut self, m: MessageRef, out: &mut Out<'_>) {
        let Some(entry) = self.kept(m, out) else { return };
        entry.accepted = true;
        let attempt = entry.attempt;
        out.send(self.spec.connection, Packet::Proceed { m, attempt });
    }

    #[cold]
    fn proceed_again(&mut self, entry: Unconfirmed, out: &mut Out<'_>) {
        let deadline = out.now() + self.spec.confirm_timeout;
        self.keep(Unconfirmed { deadline, ..entry }, out);
        self.arm_deadline(out);
        out.send(self.spec.connection, Packet::Proceed { m: entry.m, attempt: entry.attempt });
    }

    /// The connection is back: nobody knows what of the unconfirmed ones had arrived.
    fn on_connected(&mut self, out: &mut Out<'_>) {
        self.blocked = false;
        self.passed = self.passed.wrapping_add(self.unconfirmed.len() as u32);
        let mut again: Vec<Unconfirmed> = std::mem::take(&mut self.unconfirmed).into();
        again.retain(|entry| !entry.settled);
        again.sort_by_key(|entry| out.shared().messages.get(entry.m).number);
        for entry in again {
            self.outstanding -= 1;
            self.again(entry, out);
        }
        self.send_waiting(out);
    }

    fn on_block(&mut self, blocked: bool, out: &mut Out<'_>) {
        self.blocked = blocked;
        if blocked {
            self.note_held_up(out);
        } else {
            self.send_waiting(out);
        }
    }
}

impl Node<crate::domain::Messaging> for Publisher {
    fn start(&mut self, out: &mut Out<'_>) {
        if self.spec.state_change != StateChange::Nothing {
            self.read_database(out);
        }
        if !self.spec.datagrams {
            out.connect(self.spec.connection);
        }
        source::start(self.spec.source, out);
    }

    #[inline(never)]
    fn on_message(&mut self, _from: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        match packet {
            Packet::Confirm { m, positive, .. } => self.on_confirm(m, positive, out),
            Packet::Return { m, .. } => self.on_return(m, out),
            Packet::Accepted { m } => self.on_accepted(m, out),
            Packet::Block { blocked } | Packet::Throttle { on: blocked } => self.on_block(blocked, out),
            _ => {}
        }
    }

    #[inline(never)]
    fn on_timer(&mut self, timer: Timer, out: &mut Out<'_>) {
        match timer {
            Timer::Tick => self.on_tick(out),
            Timer::Deadline => self.on_deadline(out),
            Timer::Committed => self.on_committed(out),
            Timer::Reconnect { .. } => out.connect(self.spec.connection),
            _ => {}
        }
    }

    fn on_connection(&mut self, _connection: ConnectionId, change: ConnectionChange, out: &mut Out<'_>) {
        match change {
            ConnectionChange::Connected => self.on_connected(out),
            ConnectionChange::Writable => self.send_waiting(out),
            ConnectionChange::Refused | ConnectionChange::Closed | ConnectionChange::Reset => {
                out.deadline(self.spec.reconnect_after, Timer::Reconnect { peer: 0 });
            }
        }
    }

    fn on_crash(&mut self, _machine: bool, out: &mut Out<'_>) {
        if self.spec.state_change == StateChange::Outbox {
            // All is on the disk.
            return;
        }
        let unconfirmed = self.unconfirmed.iter().filter(|entry| !entry.settled).map(|entry| entry.m);
        for m in unconfirmed.chain(self.waiting.iter().map(|(m, ..)| *m)) {
            out.note(Fact::PublishDropped { m, why: LossCause::ProducerBuffer });
        }
        if let Some((m, copies)) = self.torn {
            (0..copies).for_each(|_| out.note(Fact::PublishDropped { m, why: LossCause::ProducerBuffer }));
        }
    }
}

impl Holder for Publisher {
    fn count(&self, up: bool, disk: &Disk<Record>, census: &mut Census<'_>) {
        if self.spec.state_change == StateChange::Outbox {
            let messages = database::outbox(disk);
            return messages.for_each(|m| census.upstream(m));
        }
        if up {
            self.unconfirmed.iter().filter(|entry| !entry.settled).for_each(|entry| census.upstream(entry.m));
            self.waiting.iter().for_each(|(m, ..)| census.upstream(*m));
        }
    }
}
