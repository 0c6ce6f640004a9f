//! What a queue broker does with a publish: routes it, stores it or refuses it, and confirms it when it may.

use super::broker::{Broker, Torn};
use super::dead_letters::Reason;
use super::queue::Entry;
use super::{ConfirmAfter, ExchangeKind, Kept, Overflow};
use crate::causes::LossCause;
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::MessageRef;
use crate::packet::{Packet, Record, Timer, WRITE_BACK};
use crate::properties::PropertiesId;
use redeliver_sim::{ConnectionId, FileId, Position, Time};

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
        if self.disk_is_full(m, target as usize, out) {
            return self.refuse(from, m, attempt, LossCause::DiskFull, out);
        }
        let exchange = &self.exchanges[target as usize];
        if let [queue] = exchange.queues[..]
            && !self.queues[queue].limited
            && exchange.kind == ExchangeKind::Fanout
        {
            let synced = self.store(queue, m, 0, true, out);
            if synced && self.lags(out) {
                self.count_writing(from, m, &[queue], out);
            }
            return self.confirm(from, m, attempt, synced, out);
        }
        self.fan_out(from, m, attempt, target as usize, out);
    }

    /// What its publisher says of it, or what the design says of all.
    #[inline(always)]
    fn is_persistent(&self, m: MessageRef, out: &mut Out<'_>) -> bool {
        let said = out.shared().messages.get(m).properties != PropertiesId::NONE;
        (if said { out.shared().properties(m).persistent } else { None })
            .unwrap_or(self.spec.config.persistent)
    }

    /// Whether its disk lags behind what is published, where that matters.
    #[inline(always)]
    fn lags(&self, out: &Out<'_>) -> bool {
        self.flow.is_due(out.disk().behind(out.now()))
    }

    /// Whether a queue writes this message to its disk.
    #[inline(always)]
    pub(super) fn writes(&self, queue: usize, m: MessageRef, out: &mut Out<'_>) -> bool {
        let config = &self.queues[queue].config;
        config.durable && (config.behaviour.kept == Kept::Everything || self.is_persistent(m, out))
    }

    /// A queue would write the message, and the disk would not take it: a confirm would be a lie.
    #[inline(always)]
    fn disk_is_full(&self, m: MessageRef, exchange: usize, out: &mut Out<'_>) -> bool {
        if !self.durable {
            return false;
        }
        let size = out.shared().messages.get(m).size;
        !out.disk().has_room(size) && self.would_be_written(m, exchange, out)
    }

    #[cold]
    fn would_be_written(&self, m: MessageRef, exchange: usize, out: &mut Out<'_>) -> bool {
        let key = out.shared().routing_key(m);
        self.routed(exchange, key, out).into_iter().any(|queue| self.writes(queue, m, out))
    }

    fn fan_out(
        &mut self,
        from: ConnectionId,
        m: MessageRef,
        attempt: u16,
        exchange: usize,
        out: &mut Out<'_>,
    ) {
        if let ExchangeKind::Stream(stream) = self.exchanges[exchange].kind {
            return self.publish_to_stream((stream as usize, exchange), from, m, attempt, out);
        }
        if self.exchanges[exchange].kind == ExchangeKind::Sessions {
            return self.publish_to_sessions(exchange, from, m, attempt, out);
        }
        if self.exchanges[exchange].kind == ExchangeKind::Channel {
            return self.publish_to_channel(exchange, from, m, attempt, out);
        }
        if self.exchanges[exchange].kind != ExchangeKind::Fanout {
            let key = out.shared().routing_key(m);
            let mut queues = std::mem::take(&mut self.route);
            self.route_into(exchange, key, &mut queues, out);
            self.fan_out_to(&queues, from, m, attempt, out);
            queues.clear();
            self.route = queues;
            return;
        }
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
        if let ([queue], true) = (queues, self.timed)
            && self.turns_down(*queue, from, m, attempt, out)
        {
            return;
        }
        let size = out.shared().messages.get(m).size;
        let full: Vec<usize> = queues.iter().copied().filter(|queue| self.is_full(*queue, size)).collect();
        let takes = |queue: usize| !full.contains(&queue) || self.dead_letters_what_it_refuses(queue);
        let Some(last) = queues.iter().copied().rfind(|queue| takes(*queue)) else {
            let why = if queues.is_empty() { LossCause::Unroutable } else { LossCause::QueueOverflow };
            return self.refuse(from, m, attempt, why, out);
        };
        // Who has no room is said first: the message may be gone by the time the last one has it.
        let (dying, away): (Vec<usize>, Vec<usize>) = full.iter().partition(|queue| takes(**queue));
        for queue in away {
            out.note(Fact::TurnedAway { m, s: self.queues[queue].s });
        }
        let refused = !full.is_empty();
        let mut synced = false;
        for &queue in queues {
            if dying.contains(&queue) {
                self.refuse_and_dead_letter(queue, m, queue == last, out);
            } else if !full.contains(&queue) {
                synced |= self.store(queue, m, 0, queue == last, out);
            }
            if out.is_cut() {
                self.torn.extend((queue != last).then_some(Torn::Publish(m)));
                return;
            }
        }
        if synced && self.lags(out) {
            let taken: Vec<usize> = queues.iter().copied().filter(|queue| !full.contains(queue)).collect();
            self.count_writing(from, m, &taken, out);
        }
        if !refused {
            return self.confirm(from, m, attempt, synced, out);
        }
        if out.shared().messages.current(m).is_some_and(|message| message.buffered) {
            self.reply(from, Packet::Confirm { m, attempt, positive: false, offset: 0 }, out);
        }
    }

    /// An unroutable message is confirmed and dropped; one that finds no room is refused.
    fn refuse(&mut self, from: ConnectionId, m: MessageRef, attempt: u16, why: LossCause, out: &mut Out<'_>) {
        let message = out.shared().messages.get(m);
        let (buffered, label) = (message.buffered, message.label);
        let positive = why == LossCause::Unroutable;
        if positive && out.shared().properties(m).mandatory {
            self.reply(from, Packet::Return { m, label }, out);
        }
        out.note(Fact::NotTaken { m, why });
        if buffered {
            self.reply(from, Packet::Confirm { m, attempt, positive, offset: 0 }, out);
        }
    }

    /// Whether a queue refuses a message of so many bytes: it has no room for it, and no consumer either that would take
    /// it at once.
    pub(super) fn is_full(&self, queue: usize, size: u64) -> bool {
        let state = &self.queues[queue];
        state.limited
            && match state.config.overflow {
                Overflow::DropHead => false,
                Overflow::RejectPublish | Overflow::RejectPublishDeadLetter => {
                    let taken = state.len() == 0 && self.service[queue].has_room();
                    state.lacks_room(size) && !taken
                }
                Overflow::RejectPublishLate => state.refuses,
            }
    }

    fn dead_letters_what_it_refuses(&self, queue: usize) -> bool {
        let overflow = self.queues[queue].config.overflow;
        overflow == Overflow::RejectPublishDeadLetter && self.dead_letter_exchange(queue).is_some()
    }

    /// Puts a message at a queue's end. True: a confirm has to wait for a sync.
    #[inline(always)]
    pub(super) fn store(
        &mut self,
        queue: usize,
        m: MessageRef,
        history: u32,
        last: bool,
        out: &mut Out<'_>,
    ) -> bool {
        if self.timed {
            return self.store_timed(queue, m, last, out);
        }
        let entry = self.keep(queue, m, history, last, out);
        let written = entry.position.is_some();
        if self.queues[queue].lets_pass()
            && !out.is_cut()
            && let Some((slot, who)) = self.service[queue].next()
        {
            // Somebody waits for it: it never stands in the queue.
            self.send(queue, entry, who.connection, who.auto_ack, (slot, who.number), out);
            self.set_level(queue, out);
        } else {
            self.queues[queue].push(entry);
            self.after_push(queue, entry.rank, out);
        }
        written
    }

    /// Puts a message that a log has already at a queue's end.
    pub(super) fn place(&mut self, queue: usize, entry: Entry, out: &mut Out<'_>) {
        self.queues[queue].push(entry);
        self.after_push(queue, entry.rank, out);
    }

    /// A message becomes a queue's: it has its rank and is written, if that is due.
    #[inline(always)]
    fn keep(&mut self, queue: usize, m: MessageRef, history: u32, last: bool, out: &mut Out<'_>) -> Entry {
        let message = out.shared().messages.get(m);
        let (size, said) = (message.size, message.properties != PropertiesId::NONE);
        let state = &self.queues[queue];
        let (s, ages) = (state.s, state.ages);
        let writes = self.writes(queue, m, out);
        let rank = out.shared().next_rank(s, queue as u32);
        let position = if writes { self.write(queue, (m, rank, history), size, out) } else { None };
        let mut entry = Entry {
            m,
            rank,
            size: size as u32,
            history,
            attempts: 0,
            priority: 0,
            in_memory: true,
            position,
            expires: Time::NEVER,
        };
        if ages || said {
            entry = self.heed(queue, entry, out);
        }
        entry.in_memory = self.admit(queue, entry.size, out);
        out.note(Fact::Stored { m, s, line: queue as u32, rank, last });
        entry
    }

    /// What the queue and the publisher say of a message's time and priority. One that has been dead-lettered has lost
    /// its own time to live (Time-To-Live and Expiration; Dead Letter Exchanges).
    #[cold]
    #[inline(never)]
    pub(super) fn heed(&mut self, queue: usize, mut entry: Entry, out: &mut Out<'_>) -> Entry {
        let said = *out.shared().properties(entry.m);
        entry.priority = said.priority;
        let state = &mut self.queues[queue];
        let own = said.expiration.filter(|_| out.shared().histories.get(entry.history).deaths.is_empty());
        if let Some(span) = own.into_iter().chain(state.config.message_ttl).min() {
            state.ages = true;
            entry.expires = out.now() + span;
        }
        entry
    }

    /// A full queue that dead-letters what it refuses has it for no time.
    #[cold]
    fn refuse_and_dead_letter(&mut self, queue: usize, m: MessageRef, last: bool, out: &mut Out<'_>) {
        let entry = self.keep(queue, m, 0, last, out);
        self.dead_letter(queue, entry, Reason::MaxLength, out);
        self.set_level(queue, out);
    }

    #[inline(never)]
    fn write(
        &mut self,
        queue: usize,
        (m, rank, history): (MessageRef, u32, u32),
        size: u64,
        out: &mut Out<'_>,
    ) -> Option<Position> {
        let indexed = self.queues[queue].config.behaviour.kept == Kept::Everything;
        let rank = if indexed { self.next_index() } else { rank };
        let record = Record::Queued { m, s: self.queues[queue].s, rank, history };
        out.append(FileId(queue as u32), record, size).ok()
    }

    #[inline(always)]
    fn after_push(&mut self, queue: usize, rank: u32, out: &mut Out<'_>) {
        if out.is_cut() {
            return;
        }
        let state = &mut self.queues[queue];
        if state.ages {
            // Even one that has no time at all is offered to the consumers first.
            state.spared = rank;
        }
        self.dispatch(queue, out);
        let state = &mut self.queues[queue];
        if state.ages {
            state.spared = u32::MAX;
            self.drop_expired(queue, out);
        }
        if self.queues[queue].limited {
            self.enforce_limit(queue, out);
        }
        self.set_level(queue, out);
        self.arm_expiry(queue, out);
    }

    /// Ready messages beyond the limit give way: the first ones, also those that have just come back.
    #[cold]
    #[inline(never)]
    pub(super) fn enforce_limit(&mut self, queue: usize, out: &mut Out<'_>) {
        while self.queues[queue].config.overflow == Overflow::DropHead && self.queues[queue].is_over() {
            let entry = self.queues[queue].pop().expect("it is longer than its limit");
            self.dead_letter(queue, entry, Reason::MaxLength, out);
        }
        self.queues[queue].tell_publishers();
    }

    #[inline(always)]
    pub(super) fn confirm(
        &mut self,
        from: ConnectionId,
        m: MessageRef,
        attempt: u16,
        wait: bool,
        out: &mut Out<'_>,
    ) {
        // A record that was closed on its way through the queue has nobody who waits for a confirm.
        let message = out.shared().messages.get(m);
        if !message.live || !message.buffered {
            return;
        }
        if wait && self.spec.config.confirm_after != ConfirmAfter::Synced {
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
            let after = match self.spec.config.confirm_after {
                ConfirmAfter::SyncedLater(span) => span,
                _ => WRITE_BACK,
            };
            out.deadline(after, Timer::WriteBack);
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
