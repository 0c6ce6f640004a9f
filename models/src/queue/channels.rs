//! Channels: what is published is given to all who are there, and forgotten; the publisher is told how many they were.
//!
//! Models Redis's pub/sub (`pubsub.c`, `networking.c` of Redis 7.0: `checkClientOutputBufferLimits`; recorded: `redis-PS1`,
//! `redis-PS2`): what a subscriber's connection does not take waits in the server's memory, and a subscriber with too
//! much of it is cut off. Left out: patterns, what the lists of replies take beside the messages.

use super::broker::{Broker, Torn};
use crate::causes::LossCause;
use crate::census::Census;
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::MessageRef;
use crate::packet::{Packet, Timer};
use redeliver_sim::{ConnectionId, Span, Time};
use std::collections::VecDeque;

/// How much may wait for a subscriber before it is cut off. Redis: `client-output-buffer-limit`, class `pubsub`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutputLimits {
    /// So many bytes; 0 is no limit.
    pub hard: u64,
    /// So many bytes, for longer than `soft_for`; 0 is no limit.
    pub soft: u64,
    /// See `soft`.
    pub soft_for: Span,
}

impl OutputLimits {
    /// The server counts whole seconds, and they have to be more than so many.
    fn cut_off_after(self) -> Span {
        self.soft_for + Span::seconds(1)
    }
}

/// What waits for a subscriber.
#[derive(Clone, Debug, Default)]
pub(super) struct Output {
    packets: VecDeque<(Packet, u64)>,
    bytes: u64,
    /// It has been above the soft limit since then.
    slow_since: Option<Time>,
}

impl Broker {
    #[cold]
    pub(super) fn publish_to_channel(
        &mut self,
        exchange: usize,
        from: ConnectionId,
        m: MessageRef,
        attempt: u16,
        out: &mut Out<'_>,
    ) {
        let queues = self.exchanges[exchange].queues.clone();
        if queues.is_empty() {
            out.note(Fact::NotTaken { m, why: LossCause::NotSubscribed });
        }
        for (i, queue) in queues.iter().enumerate() {
            let last = i + 1 == queues.len();
            self.store(*queue, m, 0, last, out);
            if out.is_cut() {
                return self.torn.extend((!last).then_some(Torn::Publish(m)));
            }
        }
        if out.shared().messages.current(m).is_some_and(|message| message.buffered) {
            let offset = queues.len() as u32;
            self.reply(from, Packet::Confirm { m, attempt, positive: true, offset }, out);
        }
    }

    /// Sends to a subscriber, behind what waits for it.
    #[cold]
    pub(super) fn put_out(&mut self, to: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        let Some(limits) = self.spec.config.output_limits else { return self.reply(to, packet, out) };
        if !self.outputs.contains_key(&to) && out.is_writable(to) {
            return self.reply(to, packet, out);
        }
        let bytes = packet.message().map_or(0, |m| out.shared().messages.get(m).size);
        let output = self.outputs.entry(to).or_default();
        output.packets.push_back((packet, bytes));
        output.bytes += bytes;
        if limits.hard > 0 && output.bytes >= limits.hard {
            return self.cut_off(to, out);
        }
        let is_slow = limits.soft > 0 && output.bytes >= limits.soft;
        if is_slow && output.slow_since.is_none() {
            output.slow_since = Some(out.now());
            out.deadline(limits.cut_off_after(), Timer::SlowSubscriber { connection: to.0 });
        }
    }

    /// It has been slow for too long, unless it has caught up meanwhile.
    #[cold]
    pub(super) fn on_slow_subscriber(&mut self, to: ConnectionId, out: &mut Out<'_>) {
        let Some(limits) = self.spec.config.output_limits else { return };
        let since = self.outputs.get(&to).and_then(|output| output.slow_since);
        if since.is_some_and(|since| since + limits.cut_off_after() <= out.now()) {
            self.cut_off(to, out);
        }
    }

    /// Its connection takes more.
    #[cold]
    pub(super) fn put_out_more(&mut self, to: ConnectionId, out: &mut Out<'_>) {
        let soft = self.spec.config.output_limits.map_or(0, |limits| limits.soft);
        while let Some(output) = self.outputs.get_mut(&to)
            && out.is_writable(to)
        {
            let Some((packet, bytes)) = output.packets.pop_front() else {
                self.outputs.remove(&to);
                return;
            };
            output.bytes -= bytes;
            output.slow_since = output.slow_since.filter(|_| output.bytes >= soft);
            self.reply(to, packet, out);
        }
    }

    /// What it has not taken is lost, and its connection closed.
    fn cut_off(&mut self, to: ConnectionId, out: &mut Out<'_>) {
        self.lose_output(to, LossCause::ConnectionReset, out);
        self.on_gone_timed(to);
        out.close(to);
    }

    /// What waits for a subscriber that is gone.
    #[cold]
    pub(super) fn lose_output(&mut self, to: ConnectionId, why: LossCause, out: &mut Out<'_>) {
        if let Some(output) = self.outputs.remove(&to) {
            output.lose(why, out);
        }
    }

    /// What dies with the process.
    pub(super) fn lose_outputs(&self, out: &mut Out<'_>) {
        self.outputs.values().for_each(|output| output.lose(LossCause::BrokerMemory, out));
    }

    pub(super) fn count_outputs(&self, census: &mut Census<'_>) {
        for (packet, _) in self.outputs.values().flat_map(|output| &output.packets) {
            if let Packet::Deliver { m, s, .. } = *packet {
                census.copy(m, s);
            }
        }
    }
}

impl Output {
    fn lose(&self, why: LossCause, out: &mut Out<'_>) {
        for (packet, _) in &self.packets {
            if let Packet::Deliver { m, s, .. } = *packet {
                out.note(Fact::DeliveryDropped { m, s, why });
            }
        }
    }
}
