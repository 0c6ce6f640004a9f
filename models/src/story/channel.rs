//! The channel of a story's client to a queue broker: what ends it, and what does not.

use super::client::Client;
use super::hands::Hand;
use super::script::Verb;
use crate::causes::LossCause;
use crate::domain::Out;
use crate::fact::Fact;
use crate::packet::Packet;

impl Client {
    /// Cancels its consumers, has everything sent again, or closes its channel.
    pub(super) fn act_on_channel(&mut self, verb: &Verb, out: &mut Out<'_>) {
        if !self.is_datagrams() && !out.is_open(self.spec.connection) || !self.channel {
            return self.error(self.closed_word(), out);
        }
        match verb {
            Verb::Cancel => self.put(Packet::Cancel, out),
            Verb::Recover => {
                self.put(Packet::Recover, out);
                self.give_all_back(out);
            }
            _ => {
                self.fail_calls("ChannelClosed", out);
                self.channel = false;
                self.let_go_of_all(out);
                self.put(Packet::CloseChannel, out);
            }
        }
    }

    /// The broker has closed it. What is in hand stays there, but it cannot be settled any more.
    pub(super) fn on_channel_closed(&mut self, out: &mut Out<'_>) {
        self.fail_calls("ChannelClosed", out);
        self.channel = false;
        self.journal(out).seen.events.push("channel closed: 406 PRECONDITION_FAILED".into());
    }

    /// What it declares the broker does not make: its channel is closed, and what it held goes back.
    pub(super) fn on_refused(&mut self, out: &mut Out<'_>) {
        self.fail_calls("ChannelClosed", out);
        self.error("406 PRECONDITION_FAILED", out);
        if self.channel && out.is_open(self.spec.connection) {
            self.put(Packet::CloseChannel, out);
        }
        self.channel = false;
    }

    /// A queue of a cluster could not be asked: after a long wait, or because it has no leader.
    pub(super) fn on_unavailable(&mut self, queue: u32, internal: bool, out: &mut Out<'_>) {
        if internal {
            return self.fail_calls("541 INTERNAL_ERROR", out);
        }
        let name = self.queue_side().map(|side| side.queues[queue as usize].clone()).unwrap_or_default();
        let what = "404 NOT_FOUND - failed to perform operation on queue";
        let error = format!("{what} '{name}' in vhost '/' due to timeout");
        for call in self.calls.take_all() {
            self.fail_call(call.task, "404 NOT_FOUND", out);
            self.error(&error, out);
        }
        self.channel = false;
    }

    /// A verb needs the channel that was closed. In the words of pika, the library of the records.
    pub(super) fn misses_channel(&self, out: &mut Out<'_>) {
        if !self.channel && out.is_open(self.spec.connection) {
            self.error(self.closed_word(), out);
        }
    }

    fn closed_word(&self) -> &'static str {
        self.queue_side().map_or("", |side| side.dialect.closed())
    }

    /// All that waits for an ack goes back.
    fn give_all_back(&mut self, out: &mut Out<'_>) {
        for id in self.hands.to_settle(None, true, self.session) {
            let Some(hand) = self.hands.get_mut(id) else { continue };
            let Hand { m, s, processed, .. } = *hand;
            (hand.settled, hand.processed) = (true, true);
            if !processed {
                out.note(Fact::GivenBack { m, s });
            }
        }
        self.hands.sort_out();
    }

    /// Its hands are empty. What was settled as it was sent is lost.
    pub(super) fn let_go_of_all(&mut self, out: &mut Out<'_>) {
        let auto_ack = self.auto_ack();
        for hand in self.hands.drop_all().filter(|hand| !hand.processed) {
            let (m, s) = (hand.m, hand.s);
            let why = LossCause::TakenNeverProcessed;
            out.note(if auto_ack { Fact::Discarded { m, s, why } } else { Fact::GivenBack { m, s } });
        }
    }
}
