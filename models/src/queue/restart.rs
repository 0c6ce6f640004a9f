//! What a queue broker's next life knows of the one before: whether it ended in good order, and what it had delivered
//! by then; and which queues are gone.
//!
//! A broker that is told to end writes down how far each queue was delivered. After kill -9 nobody knows: all that is
//! left comes again as redelivered (recorded: `rabbit-D1-stop`, `rabbit-D1-kill9`; `rabbit_queue_index.erl`:
//! `recover_message` marks as delivered what was not, unless the shutdown was clean). A queue that is not durable is
//! gone either way: who asks for it has its channel closed.
//!
//! Left out: a classic queue with priorities is taken to have been delivered in the order of publication.

use super::broker::Broker;
use crate::domain::Out;
use crate::packet::{Packet, Record};
use redeliver_sim::ConnectionId;

/// Registers from here on say how far queues were delivered; those below, what was declared and bound.
const DELIVERED: u32 = 1 << 31;

impl Broker {
    /// It is told to end.
    pub(super) fn write_what_was_delivered(&self, out: &mut Out<'_>) {
        if self.timed {
            return;
        }
        for (queue, state) in self.queues.iter().enumerate().filter(|(_, state)| state.config.durable) {
            let all = state.ready().chain(self.held(queue));
            let last = all.filter(|entry| entry.attempts > 0).map(|entry| entry.rank).max();
            let rank = last.map_or(0, |rank| rank + 1);
            out.set_register(DELIVERED + queue as u32, Record::DeliveredBelow { rank });
        }
    }

    /// What is left of a queue was delivered before, up to this rank.
    pub(super) fn delivered_below(&self, queue: usize, out: &Out<'_>) -> u32 {
        match out.disk().register(DELIVERED + queue as u32) {
            Some(Record::DeliveredBelow { rank }) => rank,
            _ => u32::MAX,
        }
    }

    /// From now on nobody knows how far queues were delivered, until it ends in good order.
    pub(super) fn begin_life(&self, out: &mut Out<'_>) {
        for queue in 0..self.queues.len() {
            if self.delivered_below(queue, out) != u32::MAX {
                out.set_register(DELIVERED + queue as u32, Record::DeliveredBelow { rank: u32::MAX });
            }
        }
    }

    /// Queues that are not durable have not outlived the process, unless a load's consumers declare them again.
    pub(super) fn forget_passing_queues(&mut self, out: &Out<'_>) {
        if out.deaths() == 0 {
            return;
        }
        for queue in 0..self.queues.len() {
            if self.queues[queue].config.durable || self.spec.declared_anew[queue] {
                continue;
            }
            self.declared[queue] = false;
            for exchange in &mut self.exchanges {
                exchange.queues.retain(|bound| *bound != queue);
            }
        }
    }

    /// A client has asked for a queue that is not there: its channel is closed, and what it held goes back.
    #[cold]
    pub(super) fn refuse_channel(&mut self, connection: ConnectionId, out: &mut Out<'_>) {
        self.on_gone(connection, out);
        self.reply(connection, Packet::NoQueue, out);
    }
}
