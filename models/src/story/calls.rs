//! The calls of a story's client: each begins when there is a connection, and returns with its outcome.

use super::call_list::Place;
use super::client::{Client, Side};
use super::log::{DELIVERY_TIMEOUT, LogSide, LogTopic};
use super::picture::SendOutcome;
use super::polls::Asking;
use super::pulls::Asks;
use super::script::{Label, Verb};
use crate::domain::Out;
use crate::fact::Fact;
use crate::log::partitioner;
use crate::message::{KeyId, Message, MessageRef, SubscriptionId};
use crate::packet::Packet;
use crate::properties::Said;
use std::collections::VecDeque;

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
    pub(super) m: MessageRef,
    target: u32,
    attempt: u16,
    body: String,
    /// No queue took it.
    returned: bool,
}

/// A call that has not returned.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Its number in the story.
    pub(super) token: u32,
    pub(super) begun: bool,
    pub(super) task: Task,
}

#[derive(Clone, Debug)]
pub(super) enum Task {
    /// Publish these, each when the one before has its outcome.
    Send { left: VecDeque<(Label, Said)>, to: Destination, size: u64, current: Option<Sending> },
    /// Be given a queue's messages; a cluster says so.
    Consume { queue: u32, priority: i32, asked: bool },
    /// Subscribe its session to one of its filters.
    Subscribe { queue: u32, filter: u32 },
    /// Have a queue, or know that it is there.
    Declare { queue: u32, asked: bool },
    /// Ask a queue, so many times or until it is empty.
    Get { queue: u32, s: SubscriptionId, left: u32, got: Vec<String> },
    /// Ask a queue for so many at once.
    Pull { queue: u32, s: SubscriptionId, asks: Asks, left: u32, got: Vec<String> },
    /// Ask a log.
    Poll(Asking),
    /// Wait for the answers to commits: partition and offset.
    Commit { waiting: Vec<(u32, u32)>, failed: bool },
}

impl Sending {
    /// It goes out for the first time; none yet, if it has to wait.
    pub(super) fn first(m: MessageRef, target: u32, body: String) -> Self {
        Sending { m, target, attempt: 1, body, returned: false }
    }
}

impl Task {
    /// Its verb.
    fn name(&self) -> &'static str {
        match self {
            Task::Send { .. } => "Send",
            Task::Consume { .. } | Task::Subscribe { .. } => "Consume",
            Task::Declare { .. } => "Declare",
            Task::Get { .. } | Task::Pull { .. } | Task::Poll(_) => "Poll",
            Task::Commit { .. } => "Commit",
        }
    }
}

impl Client {
    /// Asks a queue, so many times.
    pub(super) fn ask(
        &mut self,
        token: u32,
        verb: &Verb,
        from: Option<&String>,
        left: u32,
        out: &mut Out<'_>,
    ) {
        let from_place = from.and_then(|from| from.split_once('@'));
        let Some(queue) = self.queue_of(from, out) else { return };
        let Some(s) = self.queue_side().map(|side| side.subscriptions[queue as usize]) else { return };
        if let Some(wait) = self.pulls_from(queue) {
            let after = from_place.and_then(|(_, after)| after.parse().ok());
            return self.pull(token, verb, (queue, s), (after, wait), out);
        }
        self.call(token, Task::Get { queue, s, left, got: Vec::new() }, out);
    }

    /// Wants to be given a queue's messages.
    pub(super) fn consume(&mut self, token: u32, from: &String, priority: Option<i32>, out: &mut Out<'_>) {
        let Some(queue) = self.queue_of(Some(from), out) else { return };
        let priority = priority.or(self.queue_side().map(|side| side.priority)).unwrap_or(0);
        self.call(token, Task::Consume { queue, priority, asked: false }, out);
    }

    /// Wants a queue to be there.
    pub(super) fn declare(&mut self, token: u32, name: &String, out: &mut Out<'_>) {
        let Some(queue) = self.queue_of(Some(name), out) else { return };
        self.call(token, Task::Declare { queue, asked: false }, out);
    }

    /// The broker has done what a call asked for.
    pub(super) fn on_done(&mut self, queue: u32, consumes: bool, out: &mut Out<'_>) {
        let is = |call: &Call| match call.task {
            Task::Consume { queue: asked, .. } => consumes && call.begun && asked == queue,
            Task::Declare { queue: asked, .. } => !consumes && call.begun && asked == queue,
            _ => false,
        };
        let found = self.calls.others().find(|(_, call)| is(call)).map(|(place, _)| place);
        let Some(call) = found.and_then(|place| self.calls.take(place)) else { return };
        self.journal(out).seen.calls.push(format!("{} ok", call.task.name()));
    }

    /// Calls that have not returned, as a picture shows them.
    pub(super) fn pending_calls(&self) -> impl Iterator<Item = String> + '_ {
        let waits = self.queue_side().is_some_and(|side| side.waits);
        let all = self.calls.others().filter(move |_| waits);
        all.map(|(_, call)| format!("{} pending", call.task.name()))
    }

    fn queue_of(&self, name: Option<&String>, out: &mut Out<'_>) -> Option<u32> {
        let found = self.queue_side().and_then(|side| side.queue(name.map(String::as_str)));
        if found.is_none() {
            self.error("there is no such queue", out);
        }
        found
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
            if !matches!(self.spec.side, Side::Log(LogSide { confirms: true, .. })) {
                return;
            }
        }
        let open = self.is_datagrams() || out.is_open(self.spec.connection);
        // A call opens a channel if there is none.
        self.channel |= open;
        for place in self.calls.to_begin() {
            let Some(mut call) = self.calls.take(place) else { continue };
            // A client of a log takes what is sent into its buffer, connection or not.
            call.begun = open || matches!(call.task, Task::Send { .. });
            if !call.begun || self.advance(&mut call.task, out) {
                self.calls.put(place, call);
            }
        }
    }

    /// The next step of a call. False: it returns.
    fn advance(&mut self, task: &mut Task, out: &mut Out<'_>) -> bool {
        match task {
            Task::Send { left, to, size, current } => {
                while let Some((label, said)) = left.pop_front() {
                    let confirms = self.confirms(*to, &said);
                    let sending = self.publish(&label, &said, *to, *size, out);
                    if confirms {
                        *current = Some(sending);
                        return true;
                    }
                    self.journal(out).outcome(&label.body, SendOutcome::Word("sent"));
                }
                false
            }
            Task::Consume { asked: true, .. } | Task::Declare { asked: true, .. } => true,
            Task::Subscribe { queue, filter } => {
                self.put(Packet::Subscribe { queue: *queue, filter: *filter }, out);
                false
            }
            Task::Consume { queue, priority, asked } => {
                let (queue, priority) = (*queue, *priority);
                let Some(side) = self.queue_side() else { return false };
                let (prefetch, auto_ack) = (side.prefetch, side.auto_ack);
                *asked = side.waits;
                self.put(Packet::Consume { queue, prefetch, auto_ack, priority }, out);
                *asked
            }
            Task::Declare { queue, asked } => {
                *asked = true;
                self.put(Packet::Declare { queue: *queue }, out);
                true
            }
            Task::Pull { queue, asks, left, .. } => self.begin_pull(*queue, *asks, *left, out),
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

    fn publish(
        &mut self,
        label: &Label,
        said: &Said,
        to: Destination,
        size: u64,
        out: &mut Out<'_>,
    ) -> Sending {
        let buffered = self.confirms(to, said);
        let m = self.open(label, said, to, size, out);
        let target = self.choose(m, to, out);
        let sent = self.is_datagrams() || out.is_open(self.spec.connection);
        out.note(Fact::Published { m, buffered, sent });
        if sent {
            self.put(Packet::Publish { m, attempt: 1, target }, out);
        }
        Sending { attempt: u16::from(sent), ..Sending::first(m, target, label.body.clone()) }
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
    fn open(&self, label: &Label, said: &Said, to: Destination, size: u64, out: &mut Out<'_>) -> MessageRef {
        let topic = match (to, &self.spec.side) {
            (Destination::Topic { topic, .. }, Side::Log(side)) => side.topics[topic].id,
            _ => self.spec.topic,
        };
        let (now, stamp) = (out.now(), out.clock());
        let shared = out.shared();
        let key = label.key.as_ref().and_then(|key| shared.names.find_key(key)).unwrap_or(KeyId::NONE);
        let text = shared.label_numbers.get(&label.body).copied().unwrap_or(0);
        let source = &mut shared.sources[self.spec.source.0 as usize];
        let message = source.send(now, stamp, topic, key, text, size);
        let said = match &self.spec.side {
            Side::Queue(side) => said.or(&side.said),
            Side::Log(_) => said.clone(),
        };
        let mut properties = said.properties(&shared.names);
        if let Some(queue) = self.queue_named(to) {
            // The default exchange routes by the queue's name.
            properties.routing_key = shared.names.find_key(queue);
        }
        let properties = shared.properties_id(properties);
        let m = shared.messages.open(Message { properties, ..message });
        self.journal(out).published(&label.body);
        m
    }

    pub(super) fn put(&self, packet: Packet, out: &mut Out<'_>) {
        if self.is_datagrams() {
            out.datagram(self.spec.connection, packet);
        } else {
            out.send(self.spec.connection, packet);
        }
    }

    /// Goes on with the first call that `is` says, if there is one; no send.
    pub(super) fn go_on(&mut self, is: impl FnMut(&mut Call) -> bool, out: &mut Out<'_>) {
        let Some(place) = self.calls.find_other(is) else { return };
        let Some(call) = self.calls.take(place) else { return };
        self.go_on_with(place, call, out);
    }

    /// The next step of a call that was taken out.
    fn go_on_with(&mut self, place: Place, mut call: Call, out: &mut Out<'_>) {
        if self.advance(&mut call.task, out) {
            self.calls.put(place, call);
        }
    }

    pub(super) fn on_confirm(&mut self, m: MessageRef, positive: bool, offset: u32, out: &mut Out<'_>) {
        let Some(place) = self.calls.sending(m) else { return };
        let Some(mut call) = self.calls.take(place) else { return };
        let Task::Send { current, .. } = &mut call.task else { return };
        let sent = current.take();
        let returned = sent.as_ref().is_some_and(|sending| sending.returned);
        let positive = positive && !returned;
        let counted = sent.as_ref().is_some_and(|sending| self.is_counted(sending.target));
        out.note(if positive { Fact::Confirmed { m } } else { Fact::GaveUp { m, refused: true } });
        let outcome = match (&self.spec.side, positive) {
            _ if returned => SendOutcome::Word("returned"),
            (Side::Queue(_), true) if counted => SendOutcome::Offset(u64::from(offset)),
            (Side::Queue(_), true) => SendOutcome::Word("ack"),
            (Side::Queue(side), false) => SendOutcome::Word(side.dialect.refused()),
            (Side::Log(_), true) => SendOutcome::Offset(u64::from(offset)),
            (Side::Log(_), false) => SendOutcome::Word("KafkaStorageException"),
        };
        let body = sent.map(|sending| sending.body).unwrap_or_default();
        self.journal(out).answered(&body, positive, outcome);
        self.go_on_with(place, call, out);
    }

    /// Whether what is sent there is answered with how many have got it.
    fn is_counted(&self, exchange: u32) -> bool {
        self.queue_side().is_some_and(|side| side.counted.get(exchange as usize) == Some(&true))
    }

    /// No queue took a message: the confirm that may come yet says nothing good of it.
    pub(super) fn on_return(&mut self, m: MessageRef, label: u32, out: &mut Out<'_>) {
        let call = self.calls.sending(m).and_then(|place| self.calls.get_mut(place));
        if let Some(Call { task: Task::Send { current: Some(sending), .. }, .. }) = call {
            sending.returned = true;
            return;
        }
        let body = out.shared().labels[label as usize].clone();
        self.journal(out).answered(&body, false, SendOutcome::Word("returned"));
    }

    /// The name of the queue, if a message goes straight to one.
    fn queue_named(&self, to: Destination) -> Option<&String> {
        let (Destination::Exchange(number), Some(side)) = (to, self.queue_side()) else { return None };
        side.queues.get((number as usize).checked_sub(side.exchanges.len())?)
    }

    pub(super) fn on_empty(&mut self, queue: u32, out: &mut Out<'_>) {
        self.end_new(queue, out);
        let is = |call: &mut Call| match &mut call.task {
            Task::Get { queue: asked, left, .. } if call.begun && *asked == queue => {
                *left = 0;
                true
            }
            _ => false,
        };
        self.go_on(is, out);
    }

    /// All calls fail: the connection is gone.
    pub(super) fn fail_calls(&mut self, error: &'static str, out: &mut Out<'_>) {
        self.calling = false;
        self.session += 1;
        self.for_pull = 0;
        for call in self.calls.take_all() {
            self.fail_call(call.task, error, out);
            self.error(error, out);
        }
    }

    /// What a call that fails leaves behind.
    pub(super) fn fail_call(&mut self, task: Task, error: &'static str, out: &mut Out<'_>) {
        match task {
            Task::Send { left, to, size, current } => {
                if let Some(sending) = current {
                    self.give_up(sending.m, &sending.body, error, out);
                }
                for (label, said) in left {
                    let m = self.open(&label, &said, to, size, out);
                    out.note(Fact::Published { m, buffered: true, sent: false });
                    self.give_up(m, &label.body, error, out);
                }
            }
            Task::Get { got, .. } | Task::Pull { got, .. } | Task::Poll(Asking { got, .. }) => {
                self.journal(out).seen.polls.push(got);
            }
            Task::Commit { .. } => self.journal(out).seen.calls.push(format!("Commit {error}")),
            Task::Consume { .. } | Task::Subscribe { .. } | Task::Declare { .. } => {}
        }
    }

    fn give_up(&self, m: MessageRef, body: &str, error: &'static str, out: &mut Out<'_>) {
        out.note(Fact::GaveUp { m, refused: false });
        self.journal(out).outcome(body, SendOutcome::Word(error));
    }

    /// The connection to a log is back: what has no answer is sent again, unless that was tried for too long.
    pub(super) fn send_again(&mut self, out: &mut Out<'_>) {
        let Side::Log(LogSide { retries, .. }) = self.spec.side else { return };
        let mut calls: Vec<Call> = self.calls.take_all().collect();
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
            out.note(if attempt == 1 { Fact::Sent { m } } else { Fact::Resent { m, attempt } });
            self.put(Packet::Publish { m, attempt, target }, out);
        }
        for mut call in calls {
            let stuck = matches!(&call.task, Task::Send { current: None, .. }) && call.begun;
            if !stuck || self.advance(&mut call.task, out) {
                self.calls.push(call);
            }
        }
    }
}
