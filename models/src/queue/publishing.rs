//! What a queue broker does with a publish: routes it, stores it or refuses it, and confirms it when it may.

use super::broker::{Broker, Torn};
use super::queue::Entry;
use super::{ConfirmAfter, Overflow};
use crate::causes::LossCause;
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::MessageRef;
use crate::packet::{Packet, Record, Timer, WRITE_BACK};
use redeliver_sim::{ConnectionId, FileId, Time};

impl Broker {
    #[inline(always)]
    pub(super) fn on_publish(
        &mut self,
        from: ConnectionId,
        m: MessageRef,
        attempt: u16,
        target: u32,
        out: &mut Out<'_>,
    ) {
        if self.spec.config.persistent && self.disk_is_full(m, target as usize, out) {
            return self.refuse(from, m, attempt, LossCause::DiskFull, out);
        }
        let exchange = &self.exchanges[target as usize].queues;
        if let [queue] = exchange[..] {
            if self.is_full(queue) {
                return self.refuse(from, m, attempt, LossCause::QueueOverflow, out);
            }
            let synced = self.store(queue, m, true, out);
            return self.confirm(from, m, attempt, synced, out);
        }
        self.fan_out(from, m, attempt, target as usize, out);
    }

    /// A durable queue would take a persistent message, and the disk would not: a confirm would be a lie.
    #[inline(always)]
    fn disk_is_full(&self, m: MessageRef, exchange: usize, out: &mut Out<'_>) -> bool {
        let size = out.shared().messages.get(m).size;
        let queues = &self.exchanges[exchange].queues;
        !out.disk().has_room(size) && queues.iter().any(|queue| self.queues[*queue].config.durable)
    }

    fn fan_out(
        &mut self,
        from: ConnectionId,
        m: MessageRef,
        attempt: u16,
        exchange: usize,
        out: &mut Out<'_>,
    ) {
        let queues = std::mem::take(&mut self.exchanges[exchange].queues);
        self.fan_out_to(&queues, from, m, attempt, out);
        self.exchanges[exchange].queues = queues;
    }

    fn fan_out_to(
        &mut self,
        queues: &[usize],
        from: ConnectionId,
        m: MessageRef,
        attempt: u16,
        out: &mut Out<'_>,
    ) {
        let Some(&last) = queues.iter().rfind(|queue| !self.is_full(**queue)) else {
            let why = if queues.is_empty() { LossCause::Unroutable } else { LossCause::QueueOverflow };
            return self.refuse(from, m, attempt, why, out);
        };
        // Who has no room is said first: the message may be gone by the time the last one has it.
        let mut refused = false;
        for &queue in queues.iter().filter(|queue| self.is_full(**queue)) {
            refused = true;
            out.note(Fact::TurnedAway { m, s: self.queues[queue].s });
        }
        let mut synced = false;
        for &queue in queues {
            if self.is_full(queue) {
                continue;
            }
            synced |= self.store(queue, m, queue == last, out);
            if out.is_cut() {
                self.torn.extend((queue != last).then_some(Torn::Publish(m)));
                return;
            }
        }
        if refused && out.shared().messages.get(m).buffered {
            let packet = Packet::Confirm { m, attempt, positive: false, offset: 0 };
            return self.reply(from, packet, out);
        }
        self.confirm(from, m, attempt, synced, out);
    }

    /// An unroutable message is confirmed and dropped; one that finds no room is refused.
    fn refuse(&mut self, from: ConnectionId, m: MessageRef, attempt: u16, why: LossCause, out: &mut Out<'_>) {
        let buffered = out.shared().messages.get(m).buffered;
        out.note(Fact::NotTaken { m, why });
        if buffered {
            let positive = why == LossCause::Unroutable;
            self.reply(from, Packet::Confirm { m, attempt, positive, offset: 0 }, out);
        }
    }

    /// Whether a queue takes no more: it refuses what is too much, and nobody has room for one more.
    #[inline(always)]
    fn is_full(&self, queue: usize) -> bool {
        let state = &self.queues[queue];
        let Some(max) = state.config.length_max else { return false };
        state.config.overflow == Overflow::RejectPublish
            && state.len() >= max as usize
            && !(state.len() == 0 && self.subscribers[queue].iter().any(|subscriber| subscriber.room > 0))
    }

    /// Puts a message at a queue's end. True: a confirm has to wait for a sync.
    #[inline(always)]
    fn store(&mut self, queue: usize, m: MessageRef, last: bool, out: &mut Out<'_>) -> bool {
        let (now, size) = (out.now(), out.shared().messages.get(m).size);
        let state = &self.queues[queue];
        let s = state.s;
        let durable = state.config.durable && self.spec.config.persistent;
        let rank = out.shared().next_rank(s, queue as u32);
        let record = Record::Queued { m, s, rank };
        let position = if durable { out.append(FileId(queue as u32), record, size).ok() } else { None };
        out.note(Fact::Stored { m, s, line: queue as u32, rank, last });
        let state = &mut self.queues[queue];
        let expires = state.config.message_ttl.map_or(Time::NEVER, |span| now + span);
        state.push(Entry { m, rank, attempts: 0, position, expires });
        if size > 0 {
            self.add_memory(size, out);
        }
        self.after_push(queue, out);
        durable && position.is_some()
    }

    #[inline(always)]
    fn after_push(&mut self, queue: usize, out: &mut Out<'_>) {
        if out.is_cut() {
            return;
        }
        self.dispatch(queue, out);
        let state = &self.queues[queue];
        if let Some(max) = state.config.length_max
            && state.config.overflow == Overflow::DropHead
        {
            while self.queues[queue].len() > max as usize {
                let entry = self.queues[queue].pop().expect("it is longer than its limit");
                self.forget(queue, entry, out);
                out.note(Fact::Removed {
                    m: entry.m,
                    s: self.queues[queue].s,
                    why: LossCause::QueueOverflow,
                });
            }
        }
        self.set_level(queue, out);
        self.arm_expiry(queue, out);
    }

    #[inline(always)]
    fn confirm(&mut self, from: ConnectionId, m: MessageRef, attempt: u16, wait: bool, out: &mut Out<'_>) {
        // A record that was closed on its way through the queue has nobody who waits for a confirm.
        let message = out.shared().messages.get(m);
        if !message.live || !message.buffered {
            return;
        }
        if wait && self.spec.config.confirm_after == ConfirmAfter::Written {
            self.write_back_later(out);
        } else if wait {
            self.unsynced.push_back((from, m, attempt));
            if self.syncing == 0 {
                self.sync(out);
            }
            return;
        }
        self.reply(from, Packet::Confirm { m, attempt, positive: true, offset: 0 }, out);
    }

    #[cold]
    fn write_back_later(&mut self, out: &mut Out<'_>) {
        if !std::mem::replace(&mut self.dirty, true) {
            out.deadline(WRITE_BACK, Timer::WriteBack);
        }
    }

    fn sync(&mut self, out: &mut Out<'_>) {
        self.syncing = self.unsynced.len();
        out.sync(Timer::Synced);
    }

    pub(super) fn on_synced(&mut self, out: &mut Out<'_>) {
        for _ in 0..std::mem::take(&mut self.syncing) {
            let (to, m, attempt) = self.unsynced.pop_front().expect("counted when the sync began");
            self.reply(to, Packet::Confirm { m, attempt, positive: true, offset: 0 }, out);
        }
        if !self.unsynced.is_empty() {
            self.sync(out);
        }
    }
}
