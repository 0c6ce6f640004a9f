//! What of a queue broker outlives a crash: its bindings, and what its disk kept; and what does not.

use super::broker::{Broker, Torn};
use super::queue::Entry;
use crate::causes::{DuplicateCause, LossCause};
use crate::census::Census;
use crate::domain::Out;
use crate::fact::Fact;
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
    fn default_exchange(&self, queue: u32) -> u32 {
        (self.exchanges.len() - self.queues.len()) as u32 + queue
    }

    pub(crate) fn bind(&mut self, exchange: u32, queue: u32, out: &mut Out<'_>) {
        let bound = &mut self.exchanges[exchange as usize].queues;
        if !bound.contains(&(queue as usize)) {
            bound.push(queue as usize);
        }
        if self.queues[queue as usize].config.durable {
            out.set_register(exchange * self.queues.len() as u32 + queue, Record::Bound);
        }
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

    /// What the disk kept. What consumers may have seen is redelivered. What fails its checksum is dropped (classic queues
    /// v2, `recover_segment` in `rabbit_classic_queue_index_v2`).
    pub(super) fn recover(&mut self, out: &mut Out<'_>) {
        for queue in 0..self.queues.len() {
            let kept: Vec<(Position, Record)> = out.disk().records(FileId(queue as u32)).collect();
            let delivered_below = self.delivered_below(queue, out);
            for (position, record) in kept {
                let Record::Queued { m, s, rank, history } = record else { continue };
                if out.disk().has_damage() && self.drop_damaged(queue, position, out) {
                    out.note(Fact::Removed { m, s, why: LossCause::CorruptRecord });
                    continue;
                }
                let size = out.shared().messages.get(m).size;
                let mut entry = Entry {
                    m,
                    rank,
                    size: size as u32,
                    history,
                    attempts: u16::from(rank < delivered_below),
                    priority: 0,
                    position: Some(position),
                    expires: Time::NEVER,
                };
                self.heed(queue, &mut entry, out);
                self.queues[queue].push(entry);
                if entry.attempts > 0 {
                    out.note(Fact::Requeued { m, s, why: DuplicateCause::BrokerRestart });
                }
                self.add_memory(size, out);
            }
            self.queues[queue].tell_publishers();
            self.set_level(queue, out);
            self.arm_expiry(queue, out);
        }
    }

    /// Removes a record, if it is damaged.
    #[cold]
    fn drop_damaged(&self, queue: usize, position: Position, out: &mut Out<'_>) -> bool {
        let (file, next) = (FileId(queue as u32), Position(position.0 + 1));
        let damaged = out.disk().first_damaged(file, position, next).is_some();
        if damaged {
            out.remove(file, position);
        }
        damaged
    }

    /// Notes what a crash takes: what is in no file.
    pub(super) fn lose_memory(&self, out: &mut Out<'_>) {
        let why = LossCause::BrokerMemory;
        for torn in &self.torn {
            out.note(match *torn {
                Torn::Publish(m) => Fact::PublishDropped { m, why },
                Torn::Delivery(m, s) => Fact::DeliveryDropped { m, s, why },
                Torn::Held(entry, _) if entry.position.is_some() => continue,
                Torn::Held(entry, s) => Fact::Removed { m: entry.m, s, why },
            });
        }
        for dead in self.dead.iter().filter(|dead| dead.entry.position.is_none()) {
            out.note(Fact::Removed { m: dead.entry.m, s: self.queues[dead.queue].s, why });
        }
        for queue in 0..self.queues.len() {
            let s = self.queues[queue].s;
            let all: Vec<Entry> =
                self.queues[queue].ready().chain(self.flights.held(queue)).copied().collect();
            for entry in all.iter().filter(|entry| entry.position.is_none()) {
                out.note(Fact::Removed { m: entry.m, s, why: LossCause::BrokerMemory });
            }
            let (now, kept) = (out.now(), out.disk().records(FileId(queue as u32)).count() as u64);
            out.shared().set_level(s, now, kept);
        }
    }
}

impl Holder for Broker {
    fn count(&self, up: bool, disk: &Disk<Record>, census: &mut Census<'_>) {
        for (i, queue) in self.queues.iter().enumerate() {
            if up {
                queue.ready().for_each(|entry| census.copy(entry.m, queue.s));
                self.flights.held(i).for_each(|entry| census.copy(entry.m, queue.s));
                let dead = self.dead.iter().filter(|dead| dead.queue == i);
                dead.for_each(|dead| census.copy(dead.entry.m, queue.s));
                continue;
            }
            for (_, record) in disk.records(FileId(i as u32)) {
                let Record::Queued { m, s, .. } = record else { continue };
                census.copy(m, s);
            }
        }
    }
}
