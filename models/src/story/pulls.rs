//! How a client of a story asks a queue for several messages at once, and waits for them.
//!
//! What takes all that it asks for ends with the last; what takes what there is ends as the broker says.

use super::Dialect;
use super::call_list::Place;
use super::calls::{Call, Task};
use super::client::Client;
use super::log::POLL_STEP;
use super::script::Verb;
use crate::domain::Out;
use crate::message::SubscriptionId;
use crate::packet::{Packet, Timer};
use crate::queue::PULL_GRACE;
use redeliver_sim::Span;

/// What a client asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asks {
    /// So many new messages, and it waits for the last of them. JetStream: `fetch`.
    All(Span),
    /// What there is, and if there is nothing, what comes. Redis: `XREADGROUP` with `>`.
    WhatThereIs(Span),
    /// What it was given behind this sequence, and has not settled. Redis: `XREADGROUP` with an id.
    Again(u32),
    /// What others have held for so long. Redis: `XAUTOCLAIM`.
    Others(Span),
}

impl Asks {
    fn wait(self) -> Span {
        match self {
            Asks::All(wait) | Asks::WhatThereIs(wait) => wait,
            Asks::Again(_) | Asks::Others(_) => Span::ZERO,
        }
    }
}

fn millis(span: Span) -> u32 {
    (span.0 / 1_000_000).min(u64::from(u32::MAX)) as u32
}

impl Client {
    /// Whether the queue that a verb asks is one that gives several at once; and how long it waits.
    pub(super) fn pulls_from(&self, queue: u32) -> Option<Span> {
        self.queue_side().and_then(|side| side.pulled[queue as usize])
    }

    /// Asks such a queue: for what is new, or again for what came behind a sequence. What is there is enough for a verb
    /// that asks for all, and for a client of Redis.
    pub(super) fn pull(
        &mut self,
        token: u32,
        verb: &Verb,
        (queue, s): (u32, SubscriptionId),
        (after, wait): (Option<u32>, Span),
        out: &mut Out<'_>,
    ) {
        let dialect = self.queue_side().map(|side| side.dialect);
        let all = u32::from(u16::MAX);
        let (n, said) = match verb {
            Verb::Poll { n, wait, .. } => (*n, *wait),
            _ => (Some(all), Some(Span::ZERO)),
        };
        let wait = said.unwrap_or(wait);
        let (left, asks) = match (dialect, after) {
            (_, Some(after)) => (n.unwrap_or(all), Asks::Again(after)),
            (Some(Dialect::Redis), _) => (n.unwrap_or(all), Asks::WhatThereIs(wait)),
            (Some(Dialect::Sqs), _) => (n.unwrap_or(1), Asks::WhatThereIs(wait)),
            _ => (n.unwrap_or(1), Asks::All(wait)),
        };
        self.ask_for(token, (queue, s), asks, left, out);
    }

    /// Claims what others have held for so long, of its only group.
    pub(super) fn claim(&mut self, token: u32, idle: Span, batch: u16, out: &mut Out<'_>) {
        let found = self.queue_side().and_then(|side| {
            let queue = side.queue(None)?;
            Some((queue, side.subscriptions[queue as usize]))
        });
        match found {
            Some(place) => self.ask_for(token, place, Asks::Others(idle), u32::from(batch), out),
            None => self.error("there is no such queue", out),
        }
    }

    fn ask_for(
        &mut self,
        token: u32,
        (queue, s): (u32, SubscriptionId),
        asks: Asks,
        left: u32,
        out: &mut Out<'_>,
    ) {
        self.call(token, Task::Pull { queue, s, asks, left, got: Vec::new() }, out);
        out.deadline(asks.wait() + PULL_GRACE, Timer::Step { token: POLL_STEP | token });
    }

    /// The call begins.
    pub(super) fn begin_pull(&mut self, queue: u32, asks: Asks, left: u32, out: &mut Out<'_>) -> bool {
        let (batch, auto_ack) = (left.min(u32::from(u16::MAX)) as u16, self.auto_ack());
        let packet = match asks {
            Asks::All(wait) => {
                Packet::Pull { queue, batch, fills: true, auto_ack: false, wait: millis(wait) }
            }
            Asks::WhatThereIs(wait) => {
                Packet::Pull { queue, batch, fills: false, auto_ack, wait: millis(wait) }
            }
            Asks::Again(after) => Packet::Reread { queue, batch, after },
            Asks::Others(idle) => Packet::Claim { queue, idle: millis(idle), batch, from: 0 },
        };
        self.put(packet, out);
        true
    }

    /// A message has come: the pull of its subscription that the broker has named, or the first, has one more, and
    /// perhaps returns with it.
    pub(super) fn pulled(&mut self, s: SubscriptionId, text: &str, out: &mut Out<'_>) {
        let place = std::mem::take(&mut self.for_pull);
        let waits = |task: &Task| matches!(task, Task::Pull { s: asked, left: 1.., .. } if *asked == s);
        let pull = self.begun(waits, place).and_then(|place| self.calls.get_mut(place));
        if let Some(Call { task: Task::Pull { left, got, .. }, .. }) = pull {
            got.push(text.into());
            *left -= 1;
        }
        let is = |task: &Task| {
            matches!(task, Task::Pull { asks: Asks::All(_) | Asks::WhatThereIs(_), left: 0, .. })
        };
        self.end_pull(is, 0, out);
    }

    /// A message of which the stream has let go would have come.
    pub(super) fn on_emptied(&mut self, queue: u32, sequence: u32, out: &mut Out<'_>) {
        if let Some(s) = self.queue_side().map(|side| side.subscriptions[queue as usize]) {
            self.pulled(s, &format!("nil@{sequence}"), out);
        }
    }

    /// A page has ended.
    pub(super) fn on_page_end(&mut self, queue: u32, out: &mut Out<'_>) {
        let is = |task: &Task| matches!(task, Task::Pull { queue: asked, asks: Asks::Again(_) | Asks::Others(_), .. } if *asked == queue);
        self.end_pull(is, 0, out);
    }

    /// There is nothing, or no more.
    pub(super) fn end_new(&mut self, queue: u32, out: &mut Out<'_>) {
        let is = |task: &Task| matches!(task, Task::Pull { queue: asked, asks: Asks::All(_) | Asks::WhatThereIs(_), .. } if *asked == queue);
        let place = std::mem::take(&mut self.for_pull);
        self.end_pull(is, place, out);
    }

    /// Of the pulls of which this is true the one at this place returns with what it has.
    fn end_pull(&mut self, is: impl Fn(&Task) -> bool, place: usize, out: &mut Out<'_>) {
        let pull = self.begun(is, place).and_then(|place| self.calls.take(place));
        if let Some(Call { task: Task::Pull { got, .. }, .. }) = pull {
            self.journal(out).seen.polls.push(got);
        }
    }

    /// Of the calls that have begun, and of which this is true, the one at this place.
    fn begun(&self, is: impl Fn(&Task) -> bool, place: usize) -> Option<Place> {
        let mut found = self.calls.others().filter(|(_, call)| call.begun && is(&call.task));
        found.nth(place).map(|(place, _)| place)
    }

    /// Nothing was heard of a pull for too long: it returns.
    pub(super) fn on_pull_over(&mut self, token: u32, out: &mut Out<'_>) {
        let is = |call: &mut Call| call.token == token && matches!(call.task, Task::Pull { .. });
        let pull = self.calls.find_other(is).and_then(|place| self.calls.take(place));
        if let Some(Call { task: Task::Pull { got, .. }, .. }) = pull {
            self.journal(out).seen.polls.push(got);
        }
    }
}
