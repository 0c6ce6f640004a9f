//! How messages come into a queue whose deliveries come again by time, and how long they live there.
//!
//! Models Amazon SQS (its Developer Guide): a message is refused if it is too large (`MaximumMessageSize`), or taken for one
//! that a FIFO queue was sent in the last five minutes ("Exactly-once processing in Amazon SQS"); it is hidden at first
//! ("Amazon SQS delay queues"); and it is gone when its retention period is over, whoever works on it ("Amazon SQS message
//! quotas", "Setting-up dead-letter queue retention in Amazon SQS").

use super::broker::Broker;
use super::flights::Flight;
use super::queue::Entry;
use super::recent_ids::Identity;
use super::service::NOBODY;
use super::{Duplicates, Kept};
use crate::causes::LossCause;
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::{KeyId, MessageRef};
use crate::packet::{Packet, Record, Timer};
use crate::properties::MessageId;
use redeliver_sim::{ConnectionId, FileId, Span, Time};

/// What a queue thinks of a message that is published to it.
enum Opinion {
    New,
    TooLarge,
    Known,
}

impl Broker {
    /// Deals with a message that is too large, or known already. Whether it was.
    #[cold]
    pub(super) fn turns_down(
        &mut self,
        queue: usize,
        from: ConnectionId,
        m: MessageRef,
        attempt: u16,
        out: &mut Out<'_>,
    ) -> bool {
        match self.opinion(queue, m, out) {
            Opinion::New => false,
            Opinion::TooLarge => {
                let buffered = out.shared().messages.get(m).buffered;
                out.note(Fact::NotTaken { m, why: LossCause::TooLarge });
                if buffered {
                    self.reply(from, Packet::Confirm { m, attempt, positive: false, offset: 0 }, out);
                }
                true
            }
            Opinion::Known => {
                out.note(Fact::StoredBefore { m });
                // The one that it is taken for may not be safe yet.
                self.confirm(from, m, attempt, true, out);
                true
            }
        }
    }

    fn opinion(&mut self, queue: usize, m: MessageRef, out: &mut Out<'_>) -> Opinion {
        let file = self.ids_file(queue);
        let state = &mut self.queues[queue];
        let size = out.shared().messages.get(m).size;
        if state.config.size_max.is_some_and(|max| size > max) {
            return Opinion::TooLarge;
        }
        let (Some(duplicates), Some(pending)) = (state.config.duplicates, &mut state.pending) else {
            return Opinion::New;
        };
        while let Some(position) = pending.ids.forget(out.now(), duplicates.window) {
            position.into_iter().for_each(|position| out.remove(file, position));
        }
        let Some(identity) = identity(m, duplicates, out) else { return Opinion::New };
        if pending.ids.has(&identity) {
            return Opinion::Known;
        }
        let position = out.append(file, known(identity, out.now()), 0).ok();
        pending.ids.learn(out.now(), identity, position);
        Opinion::New
    }

    /// The file of the ids that a queue knows.
    pub(super) fn ids_file(&self, queue: usize) -> FileId {
        FileId((self.queues.len() + self.streams.len() + queue) as u32)
    }

    /// Puts a message that was published into a queue; hidden at first, if that is the queue's way. True: a confirm has to
    /// wait for a sync.
    #[cold]
    #[inline(never)]
    pub(super) fn store_timed(&mut self, queue: usize, m: MessageRef, last: bool, out: &mut Out<'_>) -> bool {
        let delay = self.queues[queue].config.redelivery.as_ref().map_or(Span::ZERO, |r| r.delay);
        self.add(queue, (m, 0), (out.now(), out.now() + delay), last, out)
    }

    /// Puts a dead letter into a queue: it lives there since it came, or since it came into its first queue.
    #[cold]
    pub(super) fn store_dead_timed(
        &mut self,
        queue: usize,
        m: MessageRef,
        history: u32,
        born: Time,
        out: &mut Out<'_>,
    ) {
        let lifetime = self.queues[queue].config.redelivery.as_ref().and_then(|r| r.lifetime);
        let since = if lifetime.is_some_and(|lifetime| lifetime.from_first) { born } else { out.now() };
        self.add(queue, (m, history), (since, out.now()), false, out);
    }

    /// Since when a message of a queue has lived.
    pub(super) fn born(&self, queue: usize, entry: &Entry) -> Time {
        let lifetime = self.queues[queue].config.redelivery.as_ref().and_then(|r| r.lifetime);
        lifetime.map_or(Time::ZERO, |lifetime| Time(entry.expires.0.saturating_sub(lifetime.span.0)))
    }

    fn add(
        &mut self,
        queue: usize,
        (m, history): (MessageRef, u32),
        (since, shown): (Time, Time),
        last: bool,
        out: &mut Out<'_>,
    ) -> bool {
        let state = &self.queues[queue];
        let (s, size) = (state.s, out.shared().messages.get(m).size);
        let writes = state.config.durable && state.config.behaviour.kept == Kept::Everything;
        let rank = out.shared().next_rank(s, queue as u32);
        let record = Record::Hidden { m, s, since: rounded(since), until: rounded(shown), attempts: 0 };
        let position = if writes { out.append(FileId(queue as u32), record, size).ok() } else { None };
        let lifetime = state.config.redelivery.as_ref().and_then(|redelivery| redelivery.lifetime);
        let mut entry = Entry {
            m,
            rank,
            size: size as u32,
            history,
            attempts: 0,
            priority: 0,
            in_memory: true,
            position,
            expires: lifetime.map_or(Time::NEVER, |lifetime| since + lifetime.span),
        };
        entry.in_memory = self.admit(queue, entry.size, out);
        out.note(Fact::Stored { m, s, line: queue as u32, rank, last });
        self.settle_in(queue, entry, shown, out);
        if !out.is_cut() {
            self.go_on_timed(queue, out);
            self.arm_ends(queue, out);
        }
        position.is_some()
    }

    /// A message is in its queue: its end is known, and its group; it waits, or is held, or is hidden for a while.
    pub(super) fn settle_in(&mut self, queue: usize, entry: Entry, shown: Time, out: &mut Out<'_>) {
        let key = out.shared().messages.get(entry.m).key;
        let state = &mut self.queues[queue];
        if let Some(groups) = state.groups() {
            groups.learn(entry.rank, key);
        }
        if let Some(pending) = state.pending.as_mut().filter(|_| entry.expires != Time::NEVER) {
            pending.ends.insert((entry.expires, entry.rank));
        }
        if shown <= out.now() {
            return self.wait_again(queue, entry);
        }
        let wait = state.config.redelivery.as_ref().map_or(Span::ZERO, |redelivery| redelivery.ack_wait);
        let since = Time(shown.0.saturating_sub(wait.0));
        let flight = Flight {
            entry,
            queue: queue as u32,
            connection: ConnectionId(u32::MAX),
            slot: 0,
            number: NOBODY,
            deadline: Time::NEVER,
        };
        self.hold(queue, flight, (since, shown));
    }

    /// A message leaves its queue for good.
    pub(super) fn part_with(&mut self, queue: usize, entry: &Entry) {
        let state = &mut self.queues[queue];
        if let Some(groups) = state.groups() {
            groups.forget(entry.rank);
        }
        if let Some(pending) = &mut state.pending {
            pending.set_overdue(entry, false);
            if entry.expires != Time::NEVER {
                pending.ends.remove(&(entry.expires, entry.rank));
            }
        }
    }

    /// Lives are over.
    pub(super) fn on_ends(&mut self, queue: usize, out: &mut Out<'_>) {
        let now = out.now();
        while !out.is_cut()
            && let Some(pending) = &self.queues[queue].pending
            && let Some((_, rank)) = pending.ends.first().copied().filter(|(at, _)| *at <= now)
        {
            let waits = !pending.held.contains_key(&rank);
            let entry =
                if waits { self.queues[queue].take_waiting(rank) } else { self.land_timed(queue, rank) };
            let entry = entry.expect("what lives waits or is held");
            self.part_with(queue, &entry);
            self.forget(queue, entry, out);
            out.note(Fact::Removed { m: entry.m, s: self.queues[queue].s, why: LossCause::Retention });
        }
        self.go_on_timed(queue, out);
        self.arm_ends(queue, out);
    }

    pub(super) fn arm_ends(&mut self, queue: usize, out: &mut Out<'_>) {
        let slot = self.alarm(queue, 3);
        let Some(pending) = &mut self.queues[queue].pending else { return };
        let first = pending.ends.first().map_or(Time::NEVER, |(at, _)| *at);
        if first != Time::NEVER && (first != pending.ends_armed || first <= out.now()) {
            pending.ends_armed = first;
            out.set_alarm(slot, first.since(out.now()), Timer::LifeEnds { queue: queue as u32 });
        }
    }

    // What the disk knows.

    /// The disk knows until when a message is hidden. It is told in place, and that costs it nothing.
    pub(super) fn record_hidden(&self, queue: usize, entry: &Entry, until: Time, out: &mut Out<'_>) {
        let Some(position) = entry.position else { return };
        let (m, s, attempts) = (entry.m, self.queues[queue].s, entry.attempts.min(u16::from(u8::MAX)) as u8);
        let (since, until) = (rounded(self.born(queue, entry)), rounded(until));
        out.amend(FileId(queue as u32), position, Record::Hidden { m, s, since, until, attempts });
    }

    /// A consumer has given it back: it is hidden no longer.
    pub(super) fn record_given_back(&self, queue: usize, entry: &Entry, out: &mut Out<'_>) {
        if self.queues[queue].config.stream.is_none() {
            self.record_hidden(queue, entry, out.now(), out);
        }
    }
}

/// By what a FIFO queue knows a message again: its id; or by what it contains. Loads' messages all differ; a story's are
/// their labels.
fn identity(m: MessageRef, duplicates: Duplicates, out: &mut Out<'_>) -> Option<Identity> {
    let shared = out.shared();
    let id = shared.properties(m).id;
    let message = shared.messages.get(m);
    let told = message.source.0 as usize >= shared.names.clients_from;
    match id {
        MessageId::Named(_) => Some((id, 0, 0)),
        MessageId::None if !duplicates.by_content => None,
        MessageId::None if told => Some((id, 0, message.label)),
        MessageId::None | MessageId::Own => Some((MessageId::Own, message.source.0, message.number)),
    }
}

/// An id as the disk has it.
fn known((id, source, number): Identity, at: Time) -> Record {
    let (own, id) = match id {
        MessageId::None => (false, KeyId::NONE),
        MessageId::Own => (true, KeyId::NONE),
        MessageId::Named(id) => (false, id),
    };
    Record::KnownId { own, id, source, number, at: rounded(at) }
}

/// A time as the disk has it: in hundredths of a second, of which it has the last 32 bits.
fn rounded(at: Time) -> u32 {
    (at.since(Time::ZERO).0 / HUNDREDTH) as u32
}

/// The time that the disk has, which is less than half a year from now: no message lives for longer.
pub(super) fn unrounded(hundredths: u32, now: Time) -> Time {
    let today = now.since(Time::ZERO).0 / HUNDREDTH;
    let from_now = i64::from(hundredths.wrapping_sub(today as u32) as i32);
    Time(today.saturating_add_signed(from_now) * HUNDREDTH)
}

/// Nanoseconds.
const HUNDREDTH: u64 = 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_knows_times_near_now_whenever_now_is() {
        let day = |days: u64| Time::ZERO + Span::seconds(days * 86_400);
        for (at, now) in [(0, 0), (0, 14), (14, 0), (490, 500), (500, 490), (7_300, 7_314)] {
            assert_eq!(unrounded(rounded(day(at)), day(now)), day(at), "day {at} on day {now}");
        }
        assert_eq!(unrounded(rounded(Time(19_999_999)), day(1)), Time(10_000_000));
    }
}
