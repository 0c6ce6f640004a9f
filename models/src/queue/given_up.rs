//! What a queue gives up because it was delivered as often as it may be; and what becomes of that in a stream.
//!
//! Models JetStream's `max_deliver` (`getNextMsg`, `processAckMsg`, `ackMsg` of nats-server 2.9.10; asked of it): a reader
//! delivers such a message no more, and the stream still has it, also as a work queue, and after a restart: only an ack
//! that comes after all, of another reader or a limit lets it go. The disk has it as pending: the next life of the server
//! gives it up once more, and says so again, as soon as somebody asks.

use super::Retention;
use super::broker::Broker;
use super::dead_letters::Reason;
use super::queue::Entry;
use super::streaming::unread;
use crate::domain::Out;
use crate::message::{MessageRef, SubscriptionId};
use crate::packet::Record;
use redeliver_sim::{FileId, Position};

impl Broker {
    /// It was delivered as often as it may be.
    #[cold]
    pub(super) fn give_up(&mut self, queue: usize, entry: Entry, out: &mut Out<'_>) {
        self.say_given_up(queue, entry.m, out);
        self.part_with(queue, &entry);
        let entry = self.leave_in_stream(queue, entry, out);
        self.dead_letter(queue, entry, Reason::DeliveryLimit, out);
        self.set_level(queue, out);
    }

    /// To the onlooker of a story.
    fn say_given_up(&mut self, queue: usize, m: MessageRef, out: &mut Out<'_>) {
        if out.shared().journals.is_empty() {
            return;
        }
        let name = out.shared().notation(m).1;
        let pending = self.queues[queue].pending.as_mut();
        pending.into_iter().for_each(|pending| pending.advisories.push(format!("max_deliver {name}")));
    }

    /// A reader of a stream knows what it has given up, and waits for it no more.
    fn leave_in_stream(&mut self, queue: usize, entry: Entry, out: &mut Out<'_>) -> Entry {
        let state = &mut self.queues[queue];
        let (Some(stream), Some(pending)) = (state.config.stream, &mut state.pending) else { return entry };
        let Some(kept) = self.streams[stream].get_mut(entry.rank) else { return entry };
        kept.wanted = kept.wanted.saturating_sub(1);
        let (m, sequence) = (entry.m, entry.rank);
        let attempts = entry.attempts.min(u16::from(u8::MAX)) as u8;
        pending.given_up.insert(m, entry);
        if let Some(position) = entry.position {
            out.amend(FileId(queue as u32), position, Record::GivenUp { m, sequence, attempts });
        }
        Entry { position: None, ..entry }
    }

    /// A restart finds on disk what was given up; what the stream has not is nobody's.
    pub(super) fn recover_given_up(
        &mut self,
        queue: usize,
        stream: usize,
        (m, sequence, attempts): (MessageRef, u32, u8),
        position: Position,
        out: &mut Out<'_>,
    ) {
        let is_there = self.streams[stream].get_mut(sequence).is_some_and(|kept| kept.m == m);
        match &mut self.queues[queue].pending {
            Some(pending) if is_there => {
                pending.given_up.insert(m, unread((m, sequence), u16::from(attempts), Some(position)));
                pending.given_up_before.push(m);
            }
            _ => out.remove(FileId(queue as u32), position),
        }
    }

    /// Somebody asks: what an earlier life of the server had given up is given up again.
    #[cold]
    pub(super) fn give_up_again(&mut self, queue: usize, out: &mut Out<'_>) {
        let pending = self.queues[queue].pending.as_mut();
        let before = pending.map(|pending| std::mem::take(&mut pending.given_up_before)).unwrap_or_default();
        for m in before {
            let pending = self.queues[queue].pending.as_ref();
            if pending.is_some_and(|pending| pending.given_up.contains_key(&m)) {
                self.say_given_up(queue, m, out);
            }
        }
    }

    /// An ack comes after all. The stream lets go of the message, unless somebody else wants it or it keeps everything.
    #[cold]
    pub(super) fn settle_given_up(&mut self, m: MessageRef, s: SubscriptionId, out: &mut Out<'_>) {
        let Some(queue) = self.spec.subscriptions.iter().position(|other| *other == s) else { return };
        let state = &self.queues[queue];
        let given_up = state.pending.as_ref().and_then(|pending| pending.given_up.get(&m)).copied();
        let (Some(stream), Some(Entry { rank, .. })) = (state.config.stream, given_up) else { return };
        let keeps = self.streams[stream].config.retention == Retention::Limits;
        if !keeps && self.streams[stream].get_mut(rank).is_some_and(|kept| kept.wanted == 0) {
            self.release(stream, rank, out);
        }
    }

    /// Whether a reader of a stream has given up this message.
    pub(super) fn is_given_up(&self, stream: usize, m: MessageRef) -> bool {
        let readers = self.queues.iter().filter(|queue| queue.config.stream == Some(stream));
        readers.filter_map(|queue| queue.pending.as_ref()).any(|pending| pending.given_up.contains_key(&m))
    }

    /// The stream has let go of this message.
    pub(super) fn forget_given_up(&mut self, stream: usize, m: MessageRef, out: &mut Out<'_>) {
        for (queue, state) in self.queues.iter_mut().enumerate() {
            if state.config.stream == Some(stream)
                && let Some(pending) = &mut state.pending
                && !pending.given_up.is_empty()
                && let Some(Entry { position: Some(position), .. }) = pending.given_up.remove(&m)
            {
                out.remove(FileId(queue as u32), position);
            }
        }
    }
}
