//! A client of a story: does what the script says, one call after the other, and keeps what it is given.
//!
//! What it holds dies with it; what the onlooker has seen of it is in its [`super::Journal`]. It connects when a verb
//! needs a connection, and does not call again by itself.

use super::Journal;
use super::hands::{Hand, Hands};
use super::picture::{ClientPicture, SendOutcome};
use super::queue::QueueSide;
use super::script::{Label, Rule, Verb};
use crate::causes::LossCause;
use crate::census::Census;
use crate::domain::{Messaging, Out};
use crate::fact::Fact;
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
}

/// A call that has not returned.
#[derive(Clone, Debug)]
struct Call {
    /// Its number in the story.
    token: u32,
    begun: bool,
    task: Task,
}

#[derive(Clone, Debug)]
enum Task {
    /// Publish these, each when the one before has its outcome.
    Send { left: VecDeque<Label>, target: u32, size: u64, current: Option<(MessageRef, String)> },
    /// Be given a queue's messages.
    Consume { queue: u32 },
    /// Ask a queue, so many times or until it is empty.
    Get { queue: u32, s: SubscriptionId, left: u32, got: Vec<String> },
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
    spec: ClientSpec,
    /// It has called the broker, and waits for the answer.
    calling: bool,
    /// Connections so far: what settles a delivery is good in its own session only.
    session: u32,
    hands: Hands,
    calls: Vec<Call>,
    handling: Option<Handling>,
    /// Pauses of the handler so far.
    pauses: u32,
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
                let Some(target) = self.queue_side().target(to.as_deref()) else {
                    return self.error("there is no such queue or exchange", out);
                };
                let left = messages.iter().cloned().collect();
                self.call(token, Task::Send { left, target, size: *size, current: None }, out);
            }
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

    fn queue_side(&self) -> &QueueSide {
        let Side::Queue(side) = &self.spec.side;
        side
    }

    fn journal<'o>(&self, out: &'o mut Out<'_>) -> &'o mut Journal {
        &mut out.shared().journals[self.spec.index]
    }

    fn error(&self, text: &str, out: &mut Out<'_>) {
        self.journal(out).seen.errors.push(text.into());
    }

    // Calls.

    /// Asks a queue, so many times; or always.
    fn ask(&mut self, token: u32, from: Option<&String>, times: Option<u32>, out: &mut Out<'_>) {
        let side = self.queue_side();
        let Some(queue) = side.queue(from.map(String::as_str)) else {
            return self.error("there is no such queue", out);
        };
        let s = side.subscriptions[queue as usize];
        let task = match times {
            None => Task::Consume { queue },
            Some(left) => Task::Get { queue, s, left, got: Vec::new() },
        };
        self.call(token, task, out);
    }

    fn call(&mut self, token: u32, task: Task, out: &mut Out<'_>) {
        self.calls.push(Call { token, begun: false, task });
        self.begin_calls(out);
    }

    /// Begins with all calls that wait for a connection, if there is one.
    fn begin_calls(&mut self, out: &mut Out<'_>) {
        if !self.queue_side().datagrams && !out.is_open(self.spec.connection) {
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
    fn advance(&self, task: &mut Task, out: &mut Out<'_>) -> bool {
        match task {
            Task::Send { left, target, size, current } => {
                while let Some(label) = left.pop_front() {
                    let m = self.publish(&label, *target, *size, out);
                    if self.queue_side().confirms {
                        *current = Some((m, label.body));
                        return true;
                    }
                    self.journal(out).outcome(&label.body, SendOutcome::Word("sent"));
                }
                false
            }
            Task::Consume { queue } => {
                let side = self.queue_side();
                let (queue, prefetch, auto_ack) = (*queue, side.prefetch, side.auto_ack);
                self.put(Packet::Consume { queue, prefetch, auto_ack }, out);
                false
            }
            Task::Get { queue, left, got, .. } => {
                if *left == 0 {
                    self.journal(out).seen.polls.push(std::mem::take(got));
                    return false;
                }
                *left -= 1;
                let (queue, auto_ack) = (*queue, self.queue_side().auto_ack);
                self.put(Packet::Get { queue, auto_ack }, out);
                true
            }
        }
    }

    fn publish(&self, label: &Label, target: u32, size: u64, out: &mut Out<'_>) -> MessageRef {
        let m = self.open(label, size, out);
        out.note(Fact::Published { m, buffered: self.queue_side().confirms, sent: true });
        self.put(Packet::Publish { m, attempt: 1, target }, out);
        m
    }

    /// A message that it sends now.
    fn open(&self, label: &Label, size: u64, out: &mut Out<'_>) -> MessageRef {
        let (now, stamp) = (out.now(), out.clock());
        let shared = out.shared();
        let key = label.key.as_ref().and_then(|key| shared.names.find_key(key)).unwrap_or(KeyId::NONE);
        let text = shared.labels.iter().position(|text| *text == label.body).unwrap_or(0) as u32;
        let source = &mut shared.sources[self.spec.source.0 as usize];
        let message = source.send(now, stamp, self.spec.topic, key, text, size);
        let m = shared.messages.open(message);
        self.journal(out).published(&label.body);
        m
    }

    fn put(&self, packet: Packet, out: &mut Out<'_>) {
        if self.queue_side().datagrams {
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

    fn on_confirm(&mut self, m: MessageRef, positive: bool, out: &mut Out<'_>) {
        let mut body = None;
        let is = |call: &mut Call| match &mut call.task {
            Task::Send { current, .. } if current.as_ref().is_some_and(|(sent, _)| *sent == m) => {
                body = current.take().map(|(_, body)| body);
                true
            }
            _ => false,
        };
        let Some(index) = self.calls.iter_mut().position(is) else { return };
        out.note(if positive { Fact::Confirmed { m } } else { Fact::GaveUp { m, refused: true } });
        let word = SendOutcome::Word(if positive { "ack" } else { "nack" });
        self.journal(out).answered(&body.unwrap_or_default(), positive, word);
        let token = self.calls[index].token;
        self.go_on(|call| call.token == token, out);
    }

    /// All calls fail: the connection is gone.
    fn fail_calls(&mut self, error: &'static str, out: &mut Out<'_>) {
        self.calling = false;
        self.session += 1;
        for call in std::mem::take(&mut self.calls) {
            match call.task {
                Task::Send { left, size, current, .. } => {
                    let left = left.into_iter().map(|label| {
                        let m = self.open(&label, size, out);
                        out.note(Fact::Published { m, buffered: true, sent: false });
                        (m, label.body)
                    });
                    for (m, body) in current.into_iter().chain(left.collect::<Vec<_>>()) {
                        out.note(Fact::GaveUp { m, refused: false });
                        self.journal(out).outcome(&body, SendOutcome::Word(error));
                    }
                }
                Task::Get { got, .. } => self.journal(out).seen.polls.push(got),
                Task::Consume { .. } => {}
            }
            self.error(error, out);
        }
    }

    /// Leaves in good order.
    fn close(&mut self, out: &mut Out<'_>) {
        self.fail_calls("ConnectionClosed", out);
        let auto_ack = self.queue_side().auto_ack;
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
        out.note(Fact::Delivered { m, s, attempt });
        let settled = self.queue_side().auto_ack;
        let (body, name) = out.shared().notation(m);
        let text = if attempt > 1 { format!("{name} redelivered") } else { name.clone() };
        let time = self.journal(out).got(&body, text.clone());
        let hand = Hand {
            id: 0,
            m,
            s,
            attempt,
            tag,
            session: self.session,
            body,
            name,
            text: text.clone(),
            time,
            processed: false,
            settled,
            handled: false,
        };
        self.hands.take(hand);
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
        if session == self.session {
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
        if session == self.session {
            self.put(Packet::Nack { m, s, attempt, tag, requeue }, out);
        }
        self.hands.sort_out();
    }

    // The handler.

    /// Does with each message in hand what the program says, one after the other.
    fn handle(&mut self, out: &mut Out<'_>) {
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
        let held = self.hands.iter().filter(|hand| !hand.settled && hand.session == self.session);
        ClientPicture {
            holds: held.map(|hand| hand.text.clone()).collect(),
            connection: if open { "open" } else { "closed" },
            ..seen.clone()
        }
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
            Packet::Confirm { m, positive, .. } => self.on_confirm(m, positive, out),
            Packet::Deliver { m, s, attempt, tag } => self.on_deliver(m, s, attempt, tag, out),
            Packet::GetEmpty { queue } => self.on_empty(queue, out),
            Packet::Block { blocked } => {
                let word = if blocked { "blocked" } else { "unblocked" };
                self.journal(out).seen.events.push(word.into());
            }
            _ => {}
        }
    }

    fn on_timer(&mut self, timer: Timer, out: &mut Out<'_>) {
        if let Timer::Step { token } = timer
            && token == self.pauses
        {
            self.run_handler(out);
            self.handle(out);
        }
    }

    fn on_connection(&mut self, _connection: ConnectionId, change: ConnectionChange, out: &mut Out<'_>) {
        match change {
            ConnectionChange::Connected => {
                self.calling = false;
                self.begin_calls(out);
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
            if let Task::Send { current: Some((m, _)), .. } = call.task {
                out.note(Fact::PublishDropped { m, why: LossCause::ProducerBuffer });
            }
        }
    }
}

impl Holder for Client {
    fn count(&self, up: bool, _disk: &Disk<Record>, census: &mut Census<'_>) {
        if !up {
            return;
        }
        self.hands.unprocessed().for_each(|hand| census.copy(hand.m, hand.s));
        for call in &self.calls {
            if let Task::Send { current: Some((m, _)), .. } = call.task {
                census.upstream(m);
            }
        }
    }
}
