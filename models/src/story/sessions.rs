//! How a client of a story gets what its session has for it: by what it has subscribed to, and at quality of service 2 in
//! two steps.
//!
//! Models paho-mqtt, the library of the records: what comes is acknowledged as it is handed on, unless `manual_ack` is
//! set; what is offered is handed on when it is released, once.

use super::calls::Task;
use super::client::Client;
use super::queue::OwnSession;
use crate::causes::LossCause;
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::{MessageRef, SubscriptionId};
use crate::packet::{Packet, Tag};

/// A message that it may not hand on yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offered {
    pub(super) m: MessageRef,
    pub(super) s: SubscriptionId,
    attempt: u16,
}

impl Client {
    pub(super) fn session(&self) -> Option<&OwnSession> {
        self.queue_side()?.session.as_ref()
    }

    /// Wants what fits this filter.
    pub(super) fn subscribe(&mut self, token: u32, from: &str, qos: Option<u8>, out: &mut Out<'_>) {
        let said = self.queue_side().and_then(|side| side.said.qos);
        let found = self.session().and_then(|session| {
            let wanted = qos.or(said).unwrap_or(0);
            let is_it = |filter: &crate::queue::Filter| filter.shown() == from && filter.qos == wanted;
            Some((session.queue, session.filters.iter().position(is_it)? as u32))
        });
        match found {
            Some((queue, filter)) => self.call(token, Task::Subscribe { queue, filter }, out),
            None => self.error("there is no such filter", out),
        }
    }

    pub(super) fn on_offer(
        &mut self,
        (m, s, attempt, tag): (MessageRef, SubscriptionId, u16, Tag),
        out: &mut Out<'_>,
    ) {
        if attempt > 1 && self.offered.iter().any(|offered| offered.m == m) {
            out.note(Fact::HeldAlready { m, s });
        } else {
            self.offered.push(Offered { m, s, attempt });
        }
        self.put(Packet::Received { m, s, attempt, tag }, out);
    }

    /// It hands on what it has; of what it does not have it says that it is done.
    pub(super) fn on_release(
        &mut self,
        (m, s, attempt, tag): (MessageRef, SubscriptionId, u16, Tag),
        out: &mut Out<'_>,
    ) {
        match self.offered.iter().position(|offered| offered.m == m) {
            Some(index) => {
                let offered = self.offered.remove(index);
                self.on_deliver(m, s, offered.attempt, tag, out);
            }
            None => self.put(Packet::Ack { m, s, attempt, tag }, out),
        }
    }

    /// Acknowledges what has just been handed on, if the library does so.
    pub(super) fn ack_at_once(&mut self, tag: Tag, out: &mut Out<'_>) {
        if self.session().is_none_or(|session| session.manual_ack) {
            return;
        }
        let newest = self.hands.iter().rev().find(|hand| hand.tag == Some(tag)).map(|hand| hand.id);
        match newest {
            Some(hand) if tag.is_settled_by_ack() => self.ack(hand, out),
            Some(hand) => self.process(hand, out),
            None => {}
        }
    }

    /// The broker keeps a message back: it is told to go on.
    pub(super) fn on_accepted(&mut self, m: MessageRef, out: &mut Out<'_>) {
        if self.calls.sending(m).is_some() {
            self.put(Packet::Proceed { m, attempt: 1 }, out);
        }
    }

    pub(super) fn lose_offered(&mut self, why: LossCause, out: &mut Out<'_>) {
        for Offered { m, s, .. } in std::mem::take(&mut self.offered) {
            out.note(Fact::Discarded { m, s, why });
        }
    }
}
