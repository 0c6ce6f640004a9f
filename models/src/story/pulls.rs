//! How a client of a story asks a queue for several messages at once, and waits for them.

use super::Dialect;
use super::calls::Task;
use super::client::Client;
use super::log::POLL_STEP;
use super::script::Verb;
use crate::domain::Out;
use crate::message::SubscriptionId;
use crate::packet::{Packet, Timer};
use crate::queue::PULL_GRACE;
use redeliver_sim::Span;

impl Client {
    /// Whether the queue that a verb asks is one that gives several at once; and how long it waits.
    pub(super) fn pulls_from(&self, queue: u32) -> Option<Span> {
        self.queue_side().and_then(|side| side.pulled[queue as usize])
    }

    /// Asks such a queue. What is there is enough for a verb that asks for all.
    pub(super) fn pull(
        &mut self,
        token: u32,
        verb: &Verb,
        (queue, s): (u32, SubscriptionId),
        wait: Span,
        out: &mut Out<'_>,
    ) {
        let (left, wait) = match verb {
            Verb::Poll { n, wait: said, .. } => (n.unwrap_or(1), said.unwrap_or(wait)),
            _ => (u32::from(u16::MAX), Span::ZERO),
        };
        self.call(token, Task::Pull { queue, s, left, wait, got: Vec::new() }, out);
        out.deadline(wait + PULL_GRACE, Timer::Step { token: POLL_STEP | token });
    }

    /// The call begins.
    pub(super) fn begin_pull(&mut self, queue: u32, left: u32, wait: Span, out: &mut Out<'_>) -> bool {
        let batch = left.min(u32::from(u16::MAX)) as u16;
        let millis = (wait.0 / 1_000_000).min(u64::from(u32::MAX)) as u32;
        let fills = self.queue_side().is_some_and(|side| side.dialect != Dialect::Sqs);
        self.put(Packet::Pull { queue, batch, fills, wait: millis }, out);
        true
    }

    /// A message has come: the first pull of its subscription has one more, and returns with the last.
    pub(super) fn pulled(&mut self, s: SubscriptionId, text: &str, out: &mut Out<'_>) {
        for call in self.calls.iter_mut().filter(|call| call.begun) {
            if let Task::Pull { s: asked, left, got, .. } = &mut call.task
                && *asked == s
                && *left > 0
            {
                got.push(text.into());
                *left -= 1;
                break;
            }
        }
        self.end_pull(|task| matches!(task, Task::Pull { left: 0, .. }), out);
    }

    /// The first pull of which this is true returns with what it has.
    pub(super) fn end_pull(&mut self, is: impl Fn(&Task) -> bool, out: &mut Out<'_>) {
        let Some(index) = self.calls.iter().position(|call| call.begun && is(&call.task)) else { return };
        if let Task::Pull { got, .. } = self.calls.remove(index).task {
            self.journal(out).seen.polls.push(got);
        }
    }

    /// Nothing was heard of a pull for too long: it returns.
    pub(super) fn on_pull_over(&mut self, token: u32, out: &mut Out<'_>) {
        let is = |call: &&super::calls::Call| call.token == token && matches!(call.task, Task::Pull { .. });
        if let Some(call) = self.calls.iter().find(is) {
            let token = call.token;
            let index = self.calls.iter().position(|call| call.token == token).unwrap_or_default();
            if let Task::Pull { got, .. } = self.calls.remove(index).task {
                self.journal(out).seen.polls.push(got);
            }
        }
    }
}
