//! What a story's client does with the messages it is given: it takes them into its hands, processes and settles them,
//! as it is told or as its handler says.

use super::Dialect;
use super::calls::{Call, Task};
use super::client::Client;
use super::hands::Hand;
use super::script::{Rule, Verb};
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::{MessageRef, SubscriptionId};
use crate::packet::{Packet, Tag, Timer};
use redeliver_sim::Span;
use std::collections::VecDeque;

/// What the handler is doing.
#[derive(Clone, Debug)]
pub(super) struct Handling {
    hand: u32,
    verbs: VecDeque<Verb>,
}

impl Client {
    pub(super) fn on_deliver(
        &mut self,
        m: MessageRef,
        s: SubscriptionId,
        attempt: u16,
        tag: Tag,
        out: &mut Out<'_>,
    ) {
        let text = self.receive(m, s, attempt, Some(tag), None, out);
        let is = |call: &mut Call| match &mut call.task {
            Task::Get { s: asked, got, .. } if call.begun && *asked == s => {
                got.push(text.clone());
                true
            }
            _ => false,
        };
        self.go_on(is, out);
        self.pulled(s, &text, out);
        self.ack_at_once(tag, out);
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
        let shown = if attempt == 1 { 1 + self.carried(m, s, out) } else { attempt };
        let mut text = self.flagged(&name, s, shown, tag.is_some());
        text.extend(self.headers(m, s, out));
        let message = out.shared().messages.get(m);
        let number = (message.source, message.number);
        let time = self.journal(out).got(&body, text.clone(), number);
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
            settled: self.auto_ack() || tag == Some(Tag::NONE),
            handled: false,
        });
        text
    }

    /// How often it was given up or left behind elsewhere, if its queue shows that.
    fn carried(&self, m: MessageRef, s: SubscriptionId, out: &mut Out<'_>) -> u16 {
        if !self.queue_side().is_some_and(|side| side.carrying.contains(&s)) {
            return 0;
        }
        let shared = out.shared();
        let history = shared.messages.delivery(m, shared.slot(s)).history;
        shared.histories.get(history).counted.min(u16::MAX - 1)
    }

    /// The headers that it shows, as they stand behind a message.
    fn headers(&self, m: MessageRef, s: SubscriptionId, out: &mut Out<'_>) -> Option<String> {
        if !self.queue_side()?.headers.iter().any(|header| header == "x-death") {
            return None;
        }
        let shared = out.shared();
        let history = shared.messages.delivery(m, shared.slot(s)).history;
        Some(format!(" x-death={}", shared.histories.get(history).shown()?))
    }

    /// A message as it is written, with the flags that are set.
    fn flagged(&self, name: &str, s: SubscriptionId, attempt: u16, by_queue: bool) -> String {
        if attempt <= 1 || !by_queue {
            return name.into();
        }
        match self.queue_side() {
            Some(side) if side.dialect == Dialect::Nats => format!("{name} num_delivered={attempt}"),
            Some(side) if side.dialect == Dialect::Sqs => format!("{name} ApproximateReceiveCount={attempt}"),
            Some(side) if side.dialect == Dialect::Mqtt => format!("{name} dup"),
            // Nothing in an entry says how often it was delivered.
            Some(side) if side.dialect == Dialect::Redis => name.into(),
            Some(side)
                if side.counting.contains(&s)
                    && side.headers.iter().any(|header| header == "x-delivery-count") =>
            {
                format!("{name} redelivered x-delivery-count={}", attempt - 1)
            }
            _ => format!("{name} redelivered"),
        }
    }

    pub(super) fn to_settle(&self, label: Option<&str>, multiple: bool, out: &mut Out<'_>) -> Vec<u32> {
        let found = self.hands.to_settle(label, multiple, self.session);
        if let Some(label) = label.filter(|_| found.is_empty()) {
            self.error(&format!("{label} is not held"), out);
        }
        found
    }

    pub(super) fn process_named(&mut self, labels: &[String], out: &mut Out<'_>) {
        let all: Vec<u32> = self.hands.unprocessed().map(|hand| hand.id).collect();
        if labels.is_empty() {
            all.into_iter().for_each(|hand| self.process(hand, out));
        }
        for label in labels {
            match self.hands.to_process(label, self.session) {
                Some(hand) => self.process(hand, out),
                None => self.error(&format!("{label} is not held"), out),
            }
        }
    }

    /// The effect takes place.
    pub(super) fn process(&mut self, id: u32, out: &mut Out<'_>) {
        let Some(hand) = self.hands.get_mut(id).filter(|hand| !hand.processed) else { return };
        hand.processed = true;
        let (m, s, attempt, name) = (hand.m, hand.s, hand.attempt, hand.name.clone());
        out.note(Fact::Processed { m, s, attempt, worked: redeliver_sim::Span::ZERO });
        self.journal(out).seen.processed.push(name);
        self.hands.let_go(id);
    }

    pub(super) fn ack(&mut self, id: u32, out: &mut Out<'_>) {
        self.process(id, out);
        let Some(hand) = self.hands.get_mut(id).filter(|hand| !hand.settled) else { return };
        hand.settled = true;
        let Hand { m, s, attempt, tag, session, .. } = *hand;
        match tag.filter(|_| session == self.session || self.settles_late(out)) {
            Some(tag) => self.put(Packet::Ack { m, s, attempt, tag }, out),
            None => self.misses_channel(out),
        }
        self.hands.let_go(id);
    }

    pub(super) fn nack(&mut self, id: u32, requeue: bool, out: &mut Out<'_>) {
        let Some(hand) = self.hands.get_mut(id).filter(|hand| !hand.settled) else { return };
        let Hand { m, s, attempt, tag, session, processed, .. } = *hand;
        hand.settled = true;
        hand.processed = true;
        if !processed {
            out.note(Fact::GivenBack { m, s });
        }
        match tag.filter(|_| session == self.session || self.settles_late(out)) {
            Some(tag) => self.put(Packet::Nack { m, s, attempt, tag, requeue }, out),
            None => self.misses_channel(out),
        }
        self.hands.let_go(id);
    }

    /// Whether it may settle here what it was given over an earlier connection.
    fn settles_late(&self, out: &Out<'_>) -> bool {
        self.queue_side().is_some_and(|side| side.outlives_connection) && out.is_open(self.spec.connection)
    }

    /// It is still at work on what it holds.
    pub(super) fn extend(&mut self, id: u32, wait: Span, out: &mut Out<'_>) {
        let Some(hand) = self.hands.get_mut(id).filter(|hand| !hand.settled) else { return };
        let Hand { m, s, attempt, tag, .. } = *hand;
        if self.queue_side().is_some_and(|side| side.dialect == Dialect::Nats) {
            return self.put(Packet::InProgress { m, s }, out);
        }
        if let Some(tag) = tag {
            let wait = (wait.0 / 1_000_000).min(u64::from(u32::MAX)) as u32;
            self.put(Packet::Extend { s, attempt, tag, wait }, out);
        }
    }

    /// Does with each message in hand what the program says, one after the other.
    pub(super) fn handle(&mut self, out: &mut Out<'_>) {
        if self.journal(out).program.is_empty() {
            return;
        }
        while self.handling.is_none() && self.journal(out).last_words.is_empty() {
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
    pub(super) fn run_handler(&mut self, out: &mut Out<'_>) {
        while let Some(handling) = &mut self.handling {
            let hand = handling.hand;
            match handling.verbs.pop_front() {
                None => self.handling = None,
                Some(Verb::Wait(span)) => {
                    self.pauses += 1;
                    return out.delay(span, Timer::Step { token: self.pauses });
                }
                Some(verb @ (Verb::Crash | Verb::Shutdown | Verb::Restart)) => {
                    let rest = std::mem::take(&mut handling.verbs);
                    self.handling = None;
                    self.journal(out).last_words = std::iter::once(verb).chain(rest).collect();
                    return;
                }
                Some(Verb::Process(labels)) if labels.is_empty() => self.process(hand, out),
                Some(Verb::Ack { message: None, multiple: false }) => self.ack(hand, out),
                Some(Verb::Ack { message: None, multiple: true }) => {
                    let all = self.hands.to_settle(None, true, self.session);
                    all.into_iter().filter(|id| *id <= hand).for_each(|id| self.ack(id, out));
                }
                Some(Verb::Nack { message: None, requeue, .. }) => self.nack(hand, requeue, out),
                Some(verb) => self.act(&verb, 0, out),
            }
        }
    }
}
