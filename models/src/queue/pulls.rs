//! Pulls: a consumer asks for so many messages, and waits for so long.
//!
//! Models JetStream's pull requests: each takes its turn with the others, for one message at a time (`waitQueue.pop`),
//! until it has as many as it asked for or its time is over. And `ReceiveMessage` of Amazon SQS: the first that waits is
//! given what there is, as many as it asked for at most; without a time to wait, an empty answer (short polling, asking all
//! servers: that only some are asked is left out).

use super::broker::Broker;
use crate::domain::Out;
use crate::packet::{Packet, Timer};
use redeliver_sim::{ConnectionId, Distribution, Span, Time};

/// How a consumer of a load asks.
#[derive(Clone, PartialEq, Debug)]
pub struct Pulls {
    /// For so many at a time; it asks again when it has done with them. JetStream: `batch`; SQS: `MaxNumberOfMessages`.
    pub batch: u16,
    /// It waits for so long; none is as long as its queue says. JetStream: `expires`; SQS: `WaitTimeSeconds`.
    pub expires: Option<Span>,
    /// It waits until it has all; else what there is by the time of the first is enough.
    pub fills: bool,
    /// It asks a queue that gives by itself, for one at a time, and is answered at once. AMQP: `basic.get`.
    pub gets: bool,
    /// When nothing came it waits so long before it asks again.
    pub pause: Distribution,
}

/// A client that has heard nothing of its pull asks again so long after it should have ended.
pub(crate) const PULL_GRACE: Span = Span::seconds(1);

impl Broker {
    #[cold]
    pub(super) fn on_pull(
        &mut self,
        connection: ConnectionId,
        queue: u32,
        (batch, fills, auto_ack, wait): (u16, bool, bool, Span),
        out: &mut Out<'_>,
    ) {
        let index = queue as usize;
        if !self.declared[index] {
            return self.refuse_channel(connection, out);
        }
        out.shared().brokers[0].requests += 1;
        let auto_ack = auto_ack || self.settles_at_once(index);
        let (slot, number) =
            self.service[index].add_request(connection, u32::from(batch.max(1)), auto_ack, fills);
        self.dispatch(index, out);
        self.set_level(index, out);
        self.count_change(out);
        if wait == Span::ZERO {
            return self.end_pull(index, (slot, number), true, out);
        }
        let Some(pending) = &mut self.queues[index].pending else { return };
        pending.pulls.insert((out.now() + wait, slot, number));
        self.arm_pulls(index, out);
    }

    /// The pull ends as it is, if it has not ended before; with nothing, or not all that it asked for.
    pub(super) fn end_pull(
        &mut self,
        queue: usize,
        (slot, number): (u32, u32),
        empty: bool,
        out: &mut Out<'_>,
    ) {
        if self.service[queue].is_open(slot, number) {
            self.name_pull(queue, slot, out);
        }
        if let Some(connection) = self.service[queue].end_request(slot, number) {
            out.shared().brokers[0].empty_polls += u64::from(empty);
            self.reply(connection, Packet::GetEmpty { queue: queue as u32 }, out);
        }
    }

    /// Which of its pulls what comes now is for.
    pub(super) fn name_pull(&mut self, queue: usize, slot: u32, out: &mut Out<'_>) {
        if let Some((connection, place)) = self.service[queue].place(slot) {
            self.reply(connection, Packet::ForPull { place }, out);
        }
    }

    pub(super) fn on_pull_expired(&mut self, queue: usize, out: &mut Out<'_>) {
        let now = out.now();
        while let Some(pending) = &mut self.queues[queue].pending
            && let Some((_, slot, number)) = pending.pulls.first().copied().filter(|(at, ..)| *at <= now)
        {
            pending.pulls.pop_first();
            self.end_pull(queue, (slot, number), true, out);
        }
        self.arm_pulls(queue, out);
    }

    fn arm_pulls(&mut self, queue: usize, out: &mut Out<'_>) {
        let first = self.queues[queue].pending.as_ref().and_then(|pending| pending.pulls.first());
        let first = first.map_or(Time::NEVER, |(at, ..)| *at);
        let slot = self.alarm(queue, 1);
        let Some(pending) = &mut self.queues[queue].pending else { return };
        if first != Time::NEVER && std::mem::replace(&mut pending.pulls_armed, first) != first {
            out.set_alarm(slot, first.since(out.now()), Timer::PullExpired { queue: queue as u32 });
        }
    }
}
