//! A client of a story: does what the script says, one call after the other, and keeps what it is given.
//!
//! What it holds dies with it; what the onlooker has seen of it is in its [`super::Journal`]. It connects when a verb
//! needs a connection, and does not call again by itself.

use super::Journal;
use super::hands::{Hand, Hands};
use super::log::{Asking, DELIVERY_TIMEOUT, LogSide, LogTopic, Membership, POLL_STEP};
use super::picture::{ClientPicture, SendOutcome};
use super::queue::QueueSide;
use super::script::{Label, Rule, Verb};
use crate::causes::LossCause;
use crate::census::Census;
use crate::domain::{Messaging, Out};
use crate::fact::Fact;
use crate::log::partitioner;
use crate::message::{KeyId, MessageRef, SourceId, SubscriptionId, TopicId};
use crate::packet::{Packet, Record, Tag, Timer};
use crate::part::Holder;
use crate::shared::Shared;
use redeliver_sim::{ConnectionChange, ConnectionId, Disk, Node};
use std::collections::VecDeque;

/// What a client is made from.
#[derive(Clone, Debug)]
pub struct ClientSpec {
    /// Its number among the clients.
    pub index: usize,
    /// The source that numbers what it sends.
    pub source: SourceId,
    /// The topic of what it sends.
    pub topic: TopicId,
    /// To the broker.
    pub connection: ConnectionId,
    /// What it talks to.
    pub side: Side,
}

/// What a client talks to.
#[derive(Clone, Debug)]
pub enum Side {
    /// A queue broker.
    Queue(QueueSide),
    /// A log broker.
    Log(LogSide),
}

/// Where a message goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Destination {
    Exchange(u32),
    /// A topic's number, and which partition, if one is named.
    Topic {
        topic: usize,
        partition: Option<u32>,
    },
}

/// A message without an answer.
#[derive(Clone, Debug)]
pub(super) struct Sending {
    m: MessageRef,
    target: u32,
    attempt: u16,
    body: String,
}

/// A call that has not returned.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Its number in the story.
    pub(super) token: u32,
    begun: bool,
    pub(super) task: Task,
}

#[derive(Clone, Debug)]
pub(super) enum Task {
    /// Publish these, each when the one before has its outcome.
    Send { left: VecDeque<Label>, to: Destination, size: u64, current: Option<Sending> },
    /// Be given a queue's messages.
    Consume { queue: u32 },
    /// Ask a queue, so many times or until it is empty.
    Get { queue: u32, s: SubscriptionId, left: u32, got: Vec<String> },
    /// Ask a log.
    Poll(Asking),
    /// Wait for the answers to commits: partition and offset.
    Commit { waiting: Vec<(u32, u32)>, failed: bool },
}

/// What the handler is doing.
#[derive(Clone, Debug)]
struct Handling {
    hand: u32,
    verbs: VecDeque<Verb>,
}

/// The client.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) spec: ClientSpec,
    /// It has called the broker, and waits for the answer; or it will call again.
    pub(super) calling: bool,
    /// Connections so far: what settles a delivery is good in its own session only.
    session: u32,
    pub(super) hands: Hands,
    pub(super) calls: Vec<Call>,
    handling: Option<Handling>,
    /// Pauses of the handler so far.
    pauses: u32,
    /// Its places in groups of a log.
    pub(super) memberships: Vec<Membership>,
    /// For messages to a log without a key.
    round: u32,
}

impl Client {
    /// A client that has not done anything.
    pub fn new(spec: ClientSpec) -> Self {
        Client {
            spec,
            calling: false,
            session: 0,
            hands: Hands::default(),
            calls: Vec::new(),
            handling: None,
            pauses: 0,
            memberships: Vec::new(),
            round: 0,
        }
    }

    /// Whether this call has not returned.
    pub(crate) fn is_calling(&self, token: u32) -> bool {
        self.calls.iter().any(|call| call.token == token)
    }

    /// Begins with what a verb says; the call is known by this number until it returns.
    pub(crate) fn act(&mut self, verb: &Verb, token: u32, out: &mut Out<'_>) {
        match verb {
            Verb::Send { messages, to, size, .. } => {
                let to = match &self.spec.side {
                    Side::Queue(side) => side.target(to.as_deref()).map(Destination::Exchange),
                    Side::Log(side) => side.destination(to.as_deref()),
                };
                let Some(to) = to else {
                    return self.error("there is no such queue, exchange or topic", out);
                };
                let left = messages.iter().cloned().collect();
                self.call(token, Task::Send { left, to, size: *size, current: None }, out);
            }
            _ if verb.reads() && matches!(self.spec.side, Side::Log(_)) => self.act_on_log(verb, token, out),
            Verb::Consume(from) => self.ask(token, Some(from), None, out),
            Verb::Poll { from, n, .. } => self.ask(token, from.as_ref(), Some(n.unwrap_or(1)), out),
            Verb::PollAll { from } => self.ask(token, from.as_ref(), Some(u32::MAX), out),
            Verb::Ack { message, multiple } => {
                for hand in self.to_settle(message.as_deref(), *multiple, out) {
                    self.ack(hand, out);
                }
            }
            Verb::Nack { message, multiple, requeue } => {
                for hand in self.to_settle(message.as_deref(), *multiple, out) {
                    self.nack(hand, *requeue, out);
                }
            }
            Verb::Process(labels) => self.process_named(labels, out),
            Verb::Handle(rules) => {
                self.journal(out).program = rules.clone();
                self.hands.unsee();
                self.handle(out);
            }
            Verb::Close => self.close(out),
            Verb::Async(verb) => self.act(verb, token, out),
            // The rest is the driver's, or another design's.
            _ => {}
        }
    }

    fn queue_side(&self) -> Option<&QueueSide> {
        match &self.spec.side {
            Side::Queue(side) => Some(side),
            Side::Log(_) => None,
        }
    }

    fn is_datagrams(&self) -> bool {
        self.queue_side().is_some_and(|side| side.datagrams)
    }

    fn confirms(&self) -> bool {
        match &self.spec.side {
            Side::Queue(side) => side.confirms,
            Side::Log(side) => side.confirms,
        }
    }

    fn auto_ack(&self) -> bool {
        self.queue_side().is_some_and(|side| side.auto_ack)
    }

    pub(super) fn is_handling(&self) -> bool {
        self.handling.is_some()
    }

    pub(super) fn journal<'o>(&self, out: &'o mut Out<'_>) -> &'o mut Journal {
        &mut out.shared().journals[self.spec.index]
    }

    pub(super) fn error(&self, text: &str, out: &mut Out<'_>) {
        self.journal(out).seen.errors.push(text.into());
    }

    // Calls.

    /// Asks a queue, so many times; or always.
    fn ask(&mut self, token: u32, from: Option<&String>, times: Option<u32>, out: &mut Out<'_>) {
        let found = self.queue_side().and_then(|side| {
            let queue = side.queue(from.map(String::as_str))?;
            Some((queue, side.subscriptions[queue as usize]))
        });
        let Some((queue, s)) = found else { return self.error("there is no such queue", out) };
        let task = match times {
            None => Task::Consume { queue },
            Some(left) => Task::Get { queue, s, left, got: Vec::new() },
        };
        self.call(token, task, out);
    }

    pub(super) fn call(&mut self, token: u32, task: Task, out: &mut Out<'_>) {
        self.calls.push(Call { token, begun: false, task });
        self.begin_calls(out);
    }

    /// Begins with all calls that wait for a connection, if there is one.
    pub(super) fn begin_calls(&mut self, out: &mut Out<'_>) {
        if !self.is_datagrams() && !out.is_open(self.spec.connection) {
            if !self.calling {
                self.calling = true;
                out.connect(self.spec.connection);
            }
            return;
        }
        for mut call in std::mem::take(&mut self.calls) {
            let goes_on = call.begun || self.advance(&mut call.task, out);
            call.begun = true;
            if goes_on {
                self.calls.push(call);
            }
        }
    }

    /// The next step of a call. False: it returns.
    fn advance(&mut self, task: &mut Task, out: &mut Out<'_>) -> bool {
        match task {
            Task::Send { left, to, size, current } => {
                while let Some(label) = left.pop_front() {
                    let sending = self.publish(&label, *to, *size, out);
                    if self.confirms() {
                        *current = Some(sending);
                        return true;
                    }
                    self.journal(out).outcome(&label.body, SendOutcome::Word("sent"));
                }
                false
            }
            Task::Consume { queue } => {
                let queue = *queue;
                if let Some(side) = self.queue_side() {
                    let (prefetch, auto_ack) = (side.prefetch, side.auto_ack);
                    self.put(Packet::Consume { queue, prefetch, auto_ack }, out);
                }
                false
            }
            Task::Poll(_) | Task::Commit { .. } => true,
            Task::Get { queue, left, got, .. } => {
                if *left == 0 {
                    self.journal(out).seen.polls.push(std::mem::take(got));
                    return false;
                }
                *left -= 1;
                let (queue, auto_ack) = (*queue, self.auto_ack());
                self.put(Packet::Get { queue, auto_ack }, out);
                true
            }
        }
    }

    fn publish(&mut self, label: &Label, to: Destination, size: u64, out: &mut Out<'_>) -> Sending {
        let m = self.open(label, to, size, out);
        let target = self.choose(m, to, out);
        out.note(Fact::Published { m, buffered: self.confirms(), sent: true });
        self.put(Packet::Publish { m, attempt: 1, target }, out);
        Sending { m, target, attempt: 1, body: label.body.clone() }
    }

    /// The exchange, or the partition.
    fn choose(&mut self, m: MessageRef, to: Destination, out: &mut Out<'_>) -> u32 {
        match (to, &self.spec.side) {
            (Destination::Exchange(exchange), _) => exchange,
            (Destination::Topic { partition: Some(partition), .. }, _) => partition,
            (Destination::Topic { topic, partition: None }, Side::Log(side)) => {
                let LogTopic { first, partitions, .. } = side.topics[topic];
                let key = out.shared().messages.get(m).key;
                let chosen = partitioner::partition(key, &out.shared().names, partitions, self.round);
                self.round = self.round.wrapping_add(1);
                first + chosen
            }
            (Destination::Topic { .. }, Side::Queue(_)) => 0,
        }
    }

    /// A message that it sends now.
    fn open(&self, label: &Label, to: Destination, size: u64, out: &mut Out<'_>) -> MessageRef {
        let topic = match (to, &self.spec.side) {
            (Destination::Topic { topic, .. }, Side::Log(side)) => side.topics[topic].id,
            _ => self.spec.topic,
        };
        let (now, stamp) = (out.now(), out.clock());
        let shared = out.shared();
        let key = label.key.as_ref().and_then(|key| shared.names.find_key(key)).unwrap_or(KeyId::NONE);
        let text = shared.labels.iter().position(|text| *text == label.body).unwrap_or(0) as u32;
        let source = &mut shared.sources[self.spec.source.0 as usize];
        let message = source.send(now, stamp, topic, key, text, size);
        let m = shared.messages.open(message);
        self.journal(out).published(&label.body);
        m
    }

    fn put(&self, packet: Packet, out: &mut Out<'_>) {
        if self.is_datagrams() {
            out.datagram(self.spec.connection, packet);
        } else {
            out.send(self.spec.connection, packet);
        }
    }

    /// Goes on with the first call that `is` says, if there is one.
    fn go_on(&mut self, is: impl FnMut(&mut Call) -> bool, out: &mut Out<'_>) {
        let Some(index) = self.calls.iter_mut().position(is) else { return };
        let mut call = self.calls.remove(index);
        if self.advance(&mut call.task, out) {
            self.calls.insert(index, call);
        }
    }

    fn on_confirm(&mut self, m: MessageRef, positive: bool, offset: u32, out: &mut Out<'_>) {
        let mut body = None;
        let is = |call: &mut Call| match &mut call.task {
            Task::Send { current, .. } if current.as_ref().is_some_and(|sending| sending.m == m) => {
                body = current.take().map(|sending| sending.body);
                true
            }
            _ => false,
        };
        let Some(index) = self.calls.iter_mut().position(is) else { return };
        out.note(if positive { Fact::Confirmed { m } } else { Fact::GaveUp { m, refused: true } });
        let outcome = match (&self.spec.side, positive) {
            (Side::Queue(_), true) => SendOutcome::Word("ack"),
            (Side::Queue(_), false) => SendOutcome::Word("nack"),
            (Side::Log(_), true) => SendOutcome::Offset(u64::from(offset)),
            (Side::Log(_), false) => SendOutcome::Word("KafkaStorageException"),
        };
        self.journal(out).answered(&body.unwrap_or_default(), positive, outcome);
        let token = self.calls[index].token;
        self.go_on(|call| call.token == token, out);
    }

    /// All calls fail: the connection is gone.
    fn fail_calls(&mut self, error: &'static str, out: &mut Out<'_>) {
        self.calling = false;
        self.session += 1;
        for call in std::mem::take(&mut self.calls) {
            match call.task {
                Task::Send { left, to, size, current } => {
                    if let Some(sending) = current {
                        self.give_up(sending.m, &sending.body, error, out);
                    }
                    for label in left {
                        let m = self.open(&label, to, size, out);
                        out.note(Fact::Published { m, buffered: true, sent: false });
                        self.give_up(m, &label.body, error, out);
                    }
                }
                Task::Get { got, .. } | Task::Poll(Asking { got, .. }) => {
                    self.journal(out).seen.polls.push(got);
                }
                Task::Commit { .. } => self.journal(out).seen.calls.push(format!("Commit {error}")),
                Task::Consume { .. } => {}
            }
            self.error(error, out);
        }
    }

    fn give_up(&self, m: MessageRef, body: &str, error: &'static str, out: &mut Out<'_>) {
        out.note(Fact::GaveUp { m, refused: false });
        self.journal(out).outcome(body, SendOutcome::Word(error));
    }

    /// The connection to a log is back: what has no answer is sent again, unless that was tried for too long.
    fn send_again(&mut self, out: &mut Out<'_>) {
        let Side::Log(LogSide { retries, .. }) = self.spec.side else { return };
        let mut calls = std::mem::take(&mut self.calls);
        for call in &mut calls {
            let Task::Send { current, .. } = &mut call.task else { continue };
            let Some(sending) = current else { continue };
            let born = out.shared().messages.get(sending.m).born;
            if u32::from(sending.attempt) > retries || out.now().since(born) > DELIVERY_TIMEOUT {
                self.give_up(sending.m, &sending.body, "TimeoutException", out);
                *current = None;
                continue;
            }
            sending.attempt = sending.attempt.saturating_add(1);
            let (m, attempt, target) = (sending.m, sending.attempt, sending.target);
            out.note(Fact::Resent { m, attempt });
            self.put(Packet::Publish { m, attempt, target }, out);
        }
        for mut call in calls {
            let stuck = matches!(&call.task, Task::Send { current: None, .. }) && call.begun;
            if !stuck || self.advance(&mut call.task, out) {
                self.calls.push(call);
            }
        }
    }

    /// Leaves in good order.
    fn close(&mut self, out: &mut Out<'_>) {
        self.fail_calls("ConnectionClosed", out);
        self.leave_groups(out);
        let auto_ack = self.auto_ack();
        for hand in self.hands.drop_all().into_iter().filter(|hand| !hand.processed) {
            let (m, s) = (hand.m, hand.s);
            let why = LossCause::TakenNeverProcessed;
            out.note(if auto_ack { Fact::Discarded { m, s, why } } else { Fact::GivenBack { m, s } });
        }
        self.handling = None;
        self.journal(out).program.clear();
        out.close(self.spec.connection);
    }

    // Messages in hand.

    fn on_deliver(&mut self, m: MessageRef, s: SubscriptionId, attempt: u16, tag: Tag, out: &mut Out<'_>) {
        let text = self.receive(m, s, attempt, Some(tag), None, out);
        let is = |call: &mut Call| match &mut call.task {
            Task::Get { s: asked, got, .. } if call.begun && *asked == s => {
                got.push(text.clone());
                true
            }
            _ => false,
        };
        self.go_on(is, out);
        self.handle(out);
    }

    /// A record of a log is handed to the application.
    pub(super) fn receive_record(
        &mut self,
        m: MessageRef,
        s: SubscriptionId,
        attempt: u16,
        at: (u32, u32),
        out: &mut Out<'_>,
    ) -> String {
        self.receive(m, s, attempt, None, Some(at), out)
    }

    /// Takes a message into its hands; says how it is written.
    fn receive(
        &mut self,
        m: MessageRef,
        s: SubscriptionId,
        attempt: u16,
        tag: Option<Tag>,
        at: Option<(u32, u32)>,
        out: &mut Out<'_>,
    ) -> String {
        out.note(Fact::Delivered { m, s, attempt });
        let (body, name) = out.shared().notation(m);
        let flagged = attempt > 1 && tag.is_some();
        let text = if flagged { format!("{name} redelivered") } else { name.clone() };
        let time = self.journal(out).got(&body, text.clone());
        self.hands.take(Hand {
            id: 0,
            m,
            s,
            attempt,
            tag,
            at,
            session: self.session,
            body,
            name,
            text: text.clone(),
            time,
            processed: false,
            settled: self.auto_ack(),
            handled: false,
        });
        text
    }

    fn on_empty(&mut self, queue: u32, out: &mut Out<'_>) {
        let is = |call: &mut Call| match &mut call.task {
            Task::Get { queue: asked, left, .. } if call.begun && *asked == queue => {
                *left = 0;
                true
            }
            _ => false,
        };
        self.go_on(is, out);
    }

    fn to_settle(&self, label: Option<&str>, multiple: bool, out: &mut Out<'_>) -> Vec<u32> {
        let found = self.hands.to_settle(label, multiple);
        if let Some(label) = label.filter(|_| found.is_empty()) {
            self.error(&format!("{label} is not held"), out);
        }
        found
    }

    fn process_named(&mut self, labels: &[String], out: &mut Out<'_>) {
        let all: Vec<u32> = self.hands.unprocessed().map(|hand| hand.id).collect();
        if labels.is_empty() {
            all.into_iter().for_each(|hand| self.process(hand, out));
        }
        for label in labels {
            match self.hands.to_process(label) {
                Some(hand) => self.process(hand, out),
                None => self.error(&format!("{label} is not held"), out),
            }
        }
    }

    /// The effect takes place.
    fn process(&mut self, id: u32, out: &mut Out<'_>) {
        let Some(hand) = self.hands.get_mut(id).filter(|hand| !hand.processed) else { return };
        hand.processed = true;
        let (m, s, attempt, name) = (hand.m, hand.s, hand.attempt, hand.name.clone());
        out.note(Fact::Processed { m, s, attempt, worked: redeliver_sim::Span::ZERO });
        self.journal(out).seen.processed.push(name);
        self.hands.sort_out();
    }

    fn ack(&mut self, id: u32, out: &mut Out<'_>) {
        self.process(id, out);
        let Some(hand) = self.hands.get_mut(id).filter(|hand| !hand.settled) else { return };
        hand.settled = true;
        let Hand { m, s, attempt, tag, session, .. } = *hand;
        if let Some(tag) = tag.filter(|_| session == self.session) {
            self.put(Packet::Ack { m, s, attempt, tag }, out);
        }
        self.hands.sort_out();
    }

    fn nack(&mut self, id: u32, requeue: bool, out: &mut Out<'_>) {
        let Some(hand) = self.hands.get_mut(id).filter(|hand| !hand.settled) else { return };
        let Hand { m, s, attempt, tag, session, processed, .. } = *hand;
        hand.settled = true;
        hand.processed = true;
        if !processed {
            out.note(Fact::GivenBack { m, s });
        }
        if let Some(tag) = tag.filter(|_| session == self.session) {
            self.put(Packet::Nack { m, s, attempt, tag, requeue }, out);
        }
        self.hands.sort_out();
    }

    // The handler.

    /// Does with each message in hand what the program says, one after the other.
    pub(super) fn handle(&mut self, out: &mut Out<'_>) {
        if self.journal(out).program.is_empty() {
            return;
        }
        while self.handling.is_none() {
            let Some(hand) = self.hands.unhandled() else { return };
            hand.handled = true;
            let (id, body, time) = (hand.id, hand.body.clone(), hand.time);
            let fits = |rule: &&Rule| {
                rule.body.as_ref().is_none_or(|wanted| *wanted == body)
                    && rule.time.is_none_or(|wanted| wanted == time)
            };
            if let Some(rule) = self.journal(out).program.iter().find(fits) {
                self.handling = Some(Handling { hand: id, verbs: rule.verbs.clone().into() });
                self.run_handler(out);
            }
        }
    }

    /// Runs to the end, or to the next pause.
    fn run_handler(&mut self, out: &mut Out<'_>) {
        while let Some(handling) = &mut self.handling {
            let hand = handling.hand;
            match handling.verbs.pop_front() {
                None => self.handling = None,
                Some(Verb::Wait(span)) => {
                    self.pauses += 1;
                    return out.delay(span, Timer::Step { token: self.pauses });
                }
                Some(Verb::Process(labels)) if labels.is_empty() => self.process(hand, out),
                Some(Verb::Ack { message: None, multiple: false }) => self.ack(hand, out),
                Some(Verb::Ack { message: None, multiple: true }) => {
                    let all = self.hands.to_settle(None, true);
                    all.into_iter().filter(|id| *id <= hand).for_each(|id| self.ack(id, out));
                }
                Some(Verb::Nack { message: None, requeue, .. }) => self.nack(hand, requeue, out),
                Some(verb) => self.act(&verb, 0, out),
            }
        }
    }

    // The picture.

    /// What the onlooker sees of it now.
    pub(crate) fn picture(&self, shared: &Shared, open: bool) -> ClientPicture {
        let seen = &shared.journals[self.spec.index].seen;
        let here = |hand: &&Hand| hand.session == self.session || hand.at.is_some();
        let held = self.hands.iter().filter(|hand| !hand.settled).filter(here);
        let mut picture = ClientPicture {
            holds: held.map(|hand| hand.text.clone()).collect(),
            connection: if open { "open" } else { "closed" },
            ..seen.clone()
        };
        self.add_positions(&mut picture);
        picture
    }

    /// Its connection to the broker.
    pub(crate) fn connection(&self) -> ConnectionId {
        self.spec.connection
    }
}

impl Node<Messaging> for Client {
    fn start(&mut self, _out: &mut Out<'_>) {}

    fn on_message(&mut self, _from: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        match packet {
            Packet::Confirm { m, positive, offset, .. } => self.on_confirm(m, positive, offset, out),
            Packet::Deliver { m, s, attempt, tag } => self.on_deliver(m, s, attempt, tag, out),
            Packet::GetEmpty { queue } => self.on_empty(queue, out),
            Packet::Block { blocked } => {
                let word = if blocked { "blocked" } else { "unblocked" };
                self.journal(out).seen.events.push(word.into());
            }
            _ => self.on_log_message(packet, out),
        }
    }

    fn on_timer(&mut self, timer: Timer, out: &mut Out<'_>) {
        match timer {
            Timer::Step { token } if token & POLL_STEP != 0 => self.on_poll_over(token & !POLL_STEP, out),
            Timer::Step { token } if token == self.pauses => {
                self.run_handler(out);
                self.handle(out);
                self.drive(out);
            }
            Timer::Periodic => self.on_heartbeat(out),
            Timer::Reconnect { .. } => out.connect(self.spec.connection),
            _ => {}
        }
    }

    fn on_connection(&mut self, _connection: ConnectionId, change: ConnectionChange, out: &mut Out<'_>) {
        match change {
            ConnectionChange::Connected => {
                self.calling = false;
                self.send_again(out);
                self.begin_calls(out);
                self.resume_log(out);
            }
            _ if change != ConnectionChange::Writable && matches!(self.spec.side, Side::Log(_)) => {
                self.lose_log(out);
            }
            ConnectionChange::Refused => self.fail_calls("ConnectionRefused", out),
            ConnectionChange::Closed | ConnectionChange::Reset => self.fail_calls("ConnectionClosed", out),
            ConnectionChange::Writable => {}
        }
    }

    fn on_crash(&mut self, _machine: bool, out: &mut Out<'_>) {
        for hand in self.hands.unprocessed() {
            out.note(Fact::Discarded { m: hand.m, s: hand.s, why: LossCause::TakenNeverProcessed });
        }
        for call in &self.calls {
            if let Task::Send { current: Some(sending), .. } = &call.task {
                out.note(Fact::PublishDropped { m: sending.m, why: LossCause::ProducerBuffer });
            }
        }
        self.lose_fetched(out);
    }
}

impl Holder for Client {
    fn count(&self, up: bool, _disk: &Disk<Record>, census: &mut Census<'_>) {
        if !up {
            return;
        }
        self.hands.unprocessed().for_each(|hand| census.copy(hand.m, hand.s));
        for call in &self.calls {
            if let Task::Send { current: Some(sending), .. } = &call.task {
                census.upstream(sending.m);
            }
        }
        self.fetched().for_each(|(m, s)| census.copy(m, s));
    }
}
