//! What of a queue broker outlives a crash: its bindings, and what its disk kept; and what does not.

use super::broker::{Broker, Torn, exchanges};
use super::{Entry, Kept, Place};
use crate::causes::{DuplicateCause, LossCause};
use crate::census::Census;
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::{MessageRef, SubscriptionId};
use crate::packet::Record;
use crate::part::Holder;
use redeliver_sim::{Disk, FileId, Position, Time};

impl Broker {
    /// Makes a queue, if it is not there. If it is durable, so is the news of it.
    pub(crate) fn declare(&mut self, queue: u32, out: &mut Out<'_>) {
        self.declared[queue as usize] = true;
        self.bind(self.default_exchange(queue), queue, out);
    }

    /// What the default exchange makes of a queue's name.
    pub(super) fn default_exchange(&self, queue: u32) -> u32 {
        (self.exchanges.len() - self.queues.len()) as u32 + queue
    }

    pub(crate) fn bind(&mut self, exchange: u32, queue: u32, out: &mut Out<'_>) {
        self.bind_to_all(vec![exchange], queue, out);
    }

    /// The same with several exchanges: a reader of a stream reads all that came over them, in the stream's order.
    pub(super) fn bind_to_all(&mut self, mut exchanges: Vec<u32>, queue: u32, out: &mut Out<'_>) {
        let (index, durable) = (queue as usize, self.queues[queue as usize].config.durable);
        for exchange in exchanges.iter().filter(|_| durable) {
            out.set_register(exchange * self.queues.len() as u32 + queue, Record::Bound);
        }
        exchanges.retain(|exchange| !self.exchanges[*exchange as usize].queues.contains(&index));
        exchanges.iter().for_each(|exchange| self.exchanges[*exchange as usize].queues.push(index));
        if self.timed && !exchanges.is_empty() {
            self.begin_to_read(&exchanges, index, out);
        }
    }

    /// By exchange and queue: what was declared and bound, and does not stand before time 0.
    pub(super) fn bound_since_the_beginning(&self) -> Vec<(u32, u32)> {
        let before = exchanges(&self.spec);
        let both = self.exchanges.iter().zip(&before).enumerate();
        let since = both.flat_map(|(exchange, (now, before))| {
            let new = now.queues.iter().filter(|queue| !before.queues.contains(queue));
            new.map(move |queue| (exchange as u32, *queue as u32))
        });
        since.collect()
    }

    /// What was declared and bound, and outlives a crash.
    pub(super) fn recover_bindings(&mut self, out: &Out<'_>) {
        let count = self.queues.len() as u32;
        for exchange in 0..self.exchanges.len() as u32 {
            for queue in 0..count {
                let bound = out.disk().register(exchange * count + queue).is_some();
                let queues = &mut self.exchanges[exchange as usize].queues;
                if bound && !queues.contains(&(queue as usize)) {
                    queues.push(queue as usize);
                }
                self.declared[queue as usize] |= bound;
            }
        }
    }

    /// What the disk kept. Of a queue whose log says nothing of deliveries, what consumers may have seen is redelivered
    /// (recorded: `rabbit-D1-kill9`, `rabbit-D1-stop`); the log of another says what came back, and what consumers
    /// held, who are gone now (recorded: `rabbit-X-D-held-quorum-kill9`). What fails its checksum is dropped (classic
    /// queues v2, `recover_segment` in `rabbit_classic_queue_index_v2`).
    pub(super) fn recover(&mut self, out: &mut Out<'_>) {
        if self.timed {
            return;
        }
        for queue in (0..self.queues.len()).filter(|queue| self.queues[*queue].here).collect::<Vec<_>>() {
            match self.queues[queue].config.behaviour.kept {
                Kept::Persistent => self.recover_messages(queue, out),
                Kept::Everything => self.recover_log(queue, out),
            }
            self.queues[queue].tell_publishers();
            self.set_level(queue, out);
            self.arm_expiry(queue, out);
        }
        self.recover_prepared(out);
    }

    /// Whether a message's record is damaged; then it is lost.
    fn is_damaged(
        &self,
        queue: usize,
        (m, s): (MessageRef, SubscriptionId),
        position: Position,
        out: &mut Out<'_>,
    ) -> bool {
        let damaged = out.disk().has_damage() && self.drop_damaged(FileId(queue as u32), position, out);
        if damaged {
            out.note(Fact::Removed { m, s, why: LossCause::CorruptRecord });
        }
        damaged
    }

    /// Removes a record, if it is damaged.
    #[cold]
    pub(super) fn drop_damaged(&self, file: FileId, position: Position, out: &mut Out<'_>) -> bool {
        let next = Position(position.0 + 1);
        let damaged = out.disk().first_damaged(file, position, next).is_some();
        if damaged {
            out.remove(file, position);
        }
        damaged
    }

    fn recover_messages(&mut self, queue: usize, out: &mut Out<'_>) {
        let kept: Vec<(Position, Record)> = out.disk().records(FileId(queue as u32)).collect();
        let delivered_below = self.delivered_below(queue, out);
        let promised = self.promised(queue, out);
        for (position, record) in kept {
            let Record::Queued { m, s, rank, history } = record else { continue };
            if self.is_damaged(queue, (m, s), position, out) {
                continue;
            }
            let attempts = u16::from(rank < delivered_below);
            let mut entry = self.recovered(queue, (m, rank, history, attempts), position, out);
            entry.in_memory = self.admit(queue, entry.size, out);
            self.queues[queue].push(entry);
            if attempts > 0 && !promised.contains(&(position.0 as u32)) {
                out.note(Fact::Requeued { m, s, why: DuplicateCause::BrokerRestart });
            }
        }
    }

    fn recover_log(&mut self, queue: usize, out: &mut Out<'_>) {
        let kept: Vec<(Position, Record)> = out.disk().records(FileId(queue as u32)).collect();
        let (mut waiting, mut ahead, mut held) = (Vec::new(), Vec::new(), Vec::new());
        for (position, record) in kept {
            if record.in_queue().is_some_and(|what| self.is_damaged(queue, what, position, out)) {
                continue;
            }
            let (list, m, index, history, attempts) = match record {
                Record::Queued { m, rank, history, .. } => (&mut waiting, m, rank, history, 0),
                Record::Behind { m, index, history, attempts, .. } => {
                    (&mut waiting, m, index, history, attempts)
                }
                Record::Ahead { m, index, history, attempts, .. } => {
                    (&mut ahead, m, index, history, attempts)
                }
                Record::Held { m, index, history, attempts, .. } => (&mut held, m, index, history, attempts),
                _ => continue,
            };
            self.index = self.index.max(index);
            list.push(self.recovered(queue, (m, index, history, u16::from(attempts)), position, out));
        }
        for list in [&mut waiting, &mut ahead, &mut held] {
            list.sort_by_key(|entry: &Entry| entry.rank);
        }
        for mut entry in waiting {
            entry.in_memory = self.admit(queue, entry.size, out);
            self.queues[queue].push(entry);
        }
        for entry in ahead {
            self.add_memory(u64::from(entry.size), out);
            self.queues[queue].take_back(entry, Place::Ahead);
        }
        // Who held these is gone.
        for entry in held {
            self.add_memory(u64::from(entry.size), out);
            self.requeue(queue, entry, Place::Ahead, DuplicateCause::BrokerRestart, out);
        }
    }

    fn recovered(
        &mut self,
        queue: usize,
        (m, rank, history, attempts): (MessageRef, u32, u32, u16),
        position: Position,
        out: &mut Out<'_>,
    ) -> Entry {
        let size = out.shared().messages.get(m).size;
        let mut entry = Entry {
            m,
            rank,
            size: size as u32,
            history,
            attempts,
            priority: 0,
            in_memory: true,
            position: Some(position),
            expires: Time::NEVER,
        };
        entry = self.heed(queue, entry, out);
        entry
    }

    /// Notes what a crash takes: what is in no file.
    pub(super) fn lose_memory(&self, out: &mut Out<'_>) {
        let why = LossCause::BrokerMemory;
        self.torn.iter().for_each(|torn| torn.lose(out));
        for dead in self.dead.iter().filter(|dead| dead.entry.position.is_none()) {
            out.note(Fact::Removed { m: dead.entry.m, s: self.queues[dead.queue].s, why });
        }
        self.lose_outputs(out);
        if self.sessions.is_some() {
            return self.sessions_fall_back(out);
        }
        if self.saver.is_some() {
            return self.fall_back(out);
        }
        self.lose_streams(out);
        for queue in (0..self.queues.len()).filter(|queue| self.queues[*queue].here) {
            let (s, gone) = (self.queues[queue].s, self.queues[queue].pending.as_ref());
            let is_here = |entry: &&Entry| gone.is_none_or(|pending| !pending.gone.contains_key(&entry.rank));
            let held = self.held(queue).filter(is_here);
            let all: Vec<Entry> = self.queues[queue].ready().chain(held).copied().collect();
            for entry in all.iter().filter(|entry| entry.position.is_none()) {
                out.note(Fact::Removed { m: entry.m, s, why: LossCause::BrokerMemory });
            }
            let (now, kept) = (out.now(), self.copies_on_disk(queue, out.disk()).len() as u64);
            out.shared().set_level(s, now, kept);
        }
    }
}

impl Torn {
    /// Notes that it dies with the process, unless it is on disk.
    pub(super) fn lose(self, out: &mut Out<'_>) {
        let why = LossCause::BrokerMemory;
        out.note(match self {
            Torn::Publish(m) => Fact::PublishDropped { m, why },
            Torn::Delivery(m, s) => Fact::DeliveryDropped { m, s, why },
            Torn::Held(entry, _) if entry.position.is_some() => return,
            Torn::Held(entry, s) => Fact::Removed { m: entry.m, s, why },
        });
    }
}

impl Holder for Broker {
    fn count(&self, up: bool, disk: &Disk<Record>, census: &mut Census<'_>) {
        self.count_streams(up, disk, census);
        self.count_snapshots(up, disk, census);
        self.count_sessions(up, disk, census);
        if up {
            self.count_outputs(census);
        }
        for (i, queue) in self.queues.iter().enumerate().filter(|(_, queue)| queue.here) {
            if up {
                queue.ready().for_each(|entry| census.copy(entry.m, queue.s));
                let gone =
                    |entry: &Entry| queue.pending.as_ref().is_some_and(|p| p.gone.contains_key(&entry.rank));
                let held = self.held(i).filter(|entry| !gone(entry));
                held.for_each(|entry| census.copy(entry.m, queue.s));
                let dead = self.dead.iter().filter(|dead| dead.queue == i);
                dead.for_each(|dead| census.copy(dead.entry.m, queue.s));
                continue;
            }
            self.copies_on_disk(i, disk).into_iter().for_each(|(m, s)| census.copy(m, s));
        }
    }
}
