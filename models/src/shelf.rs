//! The shelf: messages that logs retain. What nobody is about to read is put away, in 40 bytes instead of a record.
//!
//! A log's entries hold [`ShelfId`]s. As long as a copy of the message is anywhere else its record is open, and its
//! entry on the shelf says which one it is. Behind the last copy the ledger puts the message away, and who needs it
//! again (a group that comes late or has gone back, retention, a crash) takes it out: its record is opened again.
//!
//! Only what comes back as it was is put away: a message that was published, appended and confirmed once and came to
//! no harm, and that each subscription which it is meant for was sent once and has processed. Its luck, its key and its
//! size come from its source again. All others stay in their records, so that nothing but memory depends on this.
//!
//! What is forgotten: when the message was sent, came and was worked on. That is asked for first effects, and these
//! have been; of what is sent again after that, the first time counts as that of storing.

use crate::causes::{DuplicateCause, LossCause};
use crate::message::{Delivery, Message, MessageRef, Messages, SourceId};
use crate::shared::Shared;
use redeliver_sim::{Luck, Span, Stamp, Time};

/// A handle on a message that a log retains. It is good for as long as there is a log that does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShelfId(u32);

/// In the place of a log's position, for a message that is taken out to be deleted.
pub(crate) const NOWHERE: (u32, u32) = (u32::MAX, u32::MAX);

/// No entry, in a list by record.
const NONE: u32 = u32::MAX;
/// Subscriptions of a topic, at most, whose messages are put away: a bit for each.
const SUBSCRIPTIONS_MAX: usize = u16::BITS as usize;

/// What is kept of a message that is put away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PutAway {
    born: Time,
    stored_at: Time,
    /// From its birth to its stamp, in nanoseconds.
    skew: i32,
    source: SourceId,
    number: u32,
    /// Which event of its source it was: that gives its luck, and so its key and its size.
    event: u32,
    key_rank: u32,
    /// A bit for each subscription of its topic: it was meant for it, and has had its effect.
    processed: u16,
    confirmed: bool,
    /// It has a rank among those of its key: there was somebody who would read it as it was stored.
    accepted: bool,
}

#[derive(Clone, Copy, Debug)]
enum Entry {
    /// Its record is open; perhaps it is never put away.
    Open {
        m: MessageRef,
        stays: bool,
    },
    PutAway(PutAway),
    Free,
}

/// Bytes of an entry.
pub(crate) const ENTRY_BYTES: usize = size_of::<Entry>();
const _: () = assert!(ENTRY_BYTES <= 40);

/// The entries of all messages that logs retain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf {
    entries: Vec<Entry>,
    free: Vec<u32>,
    /// By record: its entry, if it has one. Empty where there is no log.
    by_record: Vec<u32>,
}

impl Shelf {
    /// A record is closed: its message is gone, or put away.
    #[inline(always)]
    pub(crate) fn part(&mut self, m: MessageRef) {
        if !self.by_record.is_empty() {
            self.part_from(m);
        }
    }

    fn part_from(&mut self, m: MessageRef) {
        let Some(id) = self.by_record.get_mut(m.index()) else { return };
        let id = std::mem::replace(id, NONE);
        if id != NONE && matches!(self.entries[id as usize], Entry::Open { .. }) {
            self.entries[id as usize] = Entry::Free;
            self.free.push(id);
        }
    }

    fn id_of(&self, m: MessageRef) -> Option<ShelfId> {
        self.by_record.get(m.index()).filter(|id| **id != NONE).map(|id| ShelfId(*id))
    }

    /// From now on this record is the entry's.
    fn join(&mut self, id: ShelfId, m: MessageRef) {
        if self.by_record.len() <= m.index() {
            self.by_record.resize(m.index() + 1, NONE);
        }
        assert_eq!(self.by_record[m.index()], NONE, "a record has one entry on the shelf");
        self.by_record[m.index()] = id.0;
        self.entries[id.0 as usize] = Entry::Open { m, stays: false };
    }
}

impl ShelfId {
    /// Of the entry with this index. A log's record has a bit beside it in its word.
    pub(crate) fn new(index: u32) -> Self {
        assert!(index <= u32::MAX >> 1, "the shelf is full");
        ShelfId(index)
    }

    /// Index of the entry.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl Messages {
    /// A log is about to retain this message: gives it an entry on the shelf. One that comes a second time stays open:
    /// its entry would not say at which of its places in the log it was ranked.
    pub(crate) fn shelve(&mut self, m: MessageRef) -> ShelfId {
        assert!(self.is_current(m), "a message that is closed is appended");
        if let Some(id) = self.shelf.id_of(m) {
            self.pin(id);
            return id;
        }
        let id = ShelfId::new(self.shelf.free.pop().unwrap_or_else(|| {
            self.shelf.entries.push(Entry::Free);
            self.shelf.entries.len() as u32 - 1
        }));
        self.shelf.join(id, m);
        id
    }

    /// An open message is never put away from now on.
    pub(crate) fn pin(&mut self, id: ShelfId) {
        match &mut self.shelf.entries[id.index()] {
            Entry::Open { stays, .. } => *stays = true,
            Entry::PutAway(_) | Entry::Free => unreachable!("it is open"),
        }
    }

    /// The record of a message that a log retains, if it is open.
    #[inline(always)]
    pub fn opened(&self, id: ShelfId) -> Option<MessageRef> {
        match self.shelf.entries[id.index()] {
            Entry::Open { m, .. } => Some(m),
            Entry::PutAway(_) => None,
            Entry::Free => unreachable!("a log retains what is gone"),
        }
    }

    /// When a broker first stored a message that a log retains.
    pub(crate) fn stored_at(&self, id: ShelfId) -> Time {
        match &self.shelf.entries[id.index()] {
            Entry::Open { m, .. } => self.get(*m).stored_at,
            Entry::PutAway(away) => away.stored_at,
            Entry::Free => unreachable!("a log retains what is gone"),
        }
    }

    /// How many entries there is room for on the shelf.
    pub(crate) fn shelf_slots(&self) -> usize {
        self.shelf.entries.len()
    }

    /// What is put away, in the order of the shelf.
    pub(crate) fn all_put_away(&self) -> impl Iterator<Item = (ShelfId, &PutAway)> {
        self.shelf.entries.iter().enumerate().filter_map(|(i, entry)| match entry {
            Entry::PutAway(away) => Some((ShelfId(i as u32), away)),
            Entry::Open { .. } | Entry::Free => None,
        })
    }

    /// How many messages are put away.
    pub fn put_away_count(&self) -> usize {
        self.all_put_away().count()
    }
}

impl PutAway {
    /// Who published it, and its number there.
    pub(crate) fn name(&self) -> (SourceId, u32) {
        (self.source, self.number)
    }

    /// Whether the topic's `slot`-th subscription has processed it.
    pub(crate) fn has_processed(&self, slot: usize) -> bool {
        slot < SUBSCRIPTIONS_MAX && self.processed >> slot & 1 == 1
    }
}

impl Shared {
    /// A message that a log retains: as it is, or as it would be if it were taken out.
    pub(crate) fn retained(&self, id: ShelfId) -> Message {
        match &self.messages.shelf.entries[id.index()] {
            Entry::Open { m, .. } => *self.messages.get(*m),
            Entry::PutAway(away) => self.restored(away),
            Entry::Free => unreachable!("a log retains what is gone"),
        }
    }

    /// The record of a message that a log retains at this position (line and rank); it is opened if it was put away.
    #[inline(always)]
    pub(crate) fn take_out(&mut self, id: ShelfId, place: impl FnOnce(&Shared) -> (u32, u32)) -> MessageRef {
        match self.messages.opened(id) {
            Some(m) => m,
            None => self.reopen(id, place(self)),
        }
    }

    #[cold]
    #[inline(never)]
    fn reopen(&mut self, id: ShelfId, place: (u32, u32)) -> MessageRef {
        let Entry::PutAway(away) = self.messages.shelf.entries[id.index()] else {
            unreachable!("it is away")
        };
        let message = self.restored(&away);
        let m = self.messages.open(message);
        self.messages.shelf.join(id, m);
        for slot in 0..self.topics[message.topic.0 as usize].subscriptions.len() {
            if away.has_processed(slot) {
                *self.messages.both_mut(m, slot).1 = processed_once(place, message.stored_at);
            }
        }
        m
    }

    /// Behind the last copy of a message that would be read: puts it away, if it is retained by one log only, and would
    /// come back as it is.
    #[cold]
    #[inline(never)]
    pub(crate) fn put_away(&mut self, m: MessageRef) {
        let Some(id) = self.messages.shelf.id_of(m) else { return };
        let Entry::Open { stays: false, .. } = self.messages.shelf.entries[id.index()] else { return };
        if let Some(away) = self.abridged(m) {
            self.messages.shelf.entries[id.index()] = Entry::PutAway(away);
            self.messages.close(m);
        }
    }

    /// What would be kept of a message; none if that were not all of it.
    fn abridged(&self, m: MessageRef) -> Option<PutAway> {
        let message = self.messages.get(m);
        let source = &self.sources[message.source.0 as usize];
        let away = PutAway {
            born: message.born,
            skew: i32::try_from(message.stamp.0 - message.born.0 as i64).ok()?,
            stored_at: message.stored_at,
            source: message.source,
            number: message.number,
            // As many events as now must have gone by unpublished before it; its luck tells whether they had.
            event: message.number + (source.events - source.number),
            key_rank: message.key_rank,
            processed: self.processed(m)?,
            confirmed: message.confirmed,
            accepted: message.accepted,
        };
        // Where its publisher had it is of no use to anybody any more.
        let (generation, place) = (message.generation, message.place);
        let whole = Message { generation, place, ..self.restored(&away) };
        (whole == *message).then_some(away)
    }

    /// Which subscriptions of its topic have processed a message. None: in one of them there is more to know of it.
    fn processed(&self, m: MessageRef) -> Option<u16> {
        let message = self.messages.get(m);
        let count = self.topics[message.topic.0 as usize].subscriptions.len();
        (count <= SUBSCRIPTIONS_MAX).then_some(())?;
        let mut processed = 0;
        for slot in 0..count {
            let delivery = self.messages.delivery(m, slot);
            if *delivery == Delivery::NONE {
                continue;
            }
            let once = processed_once((delivery.line, delivery.rank), message.stored_at);
            let Delivery { dispatched_first, dispatched, delivered, worked, .. } = *delivery;
            let forgotten = Delivery {
                effects: delivery.effects,
                dispatched_first,
                dispatched,
                delivered,
                worked,
                ..once
            };
            (*delivery == forgotten && delivery.effects > 0).then_some(())?;
            processed |= 1 << slot;
        }
        Some(processed)
    }

    fn restored(&self, away: &PutAway) -> Message {
        let source = &self.sources[away.source.0 as usize];
        let luck = Luck::new(source.purposes.luck, u64::from(away.event));
        Message {
            luck,
            born: away.born,
            stamp: Stamp(away.born.0 as i64 + i64::from(away.skew)),
            size: source.size_of(luck),
            source: away.source,
            number: away.number,
            key: source.key_of(luck, away.event),
            topic: source.topic,
            stored_at: away.stored_at,
            key_rank: away.key_rank,
            retained: 1,
            confirmed: away.confirmed,
            accepted: away.accepted,
            live: true,
            ..Message::NONE
        }
    }
}

/// What became of a message in a subscription that was sent it once, and has processed it.
fn processed_once((line, rank): (u32, u32), stored_at: Time) -> Delivery {
    Delivery {
        copies: 0,
        effects: 1,
        dispatches: 1,
        addressed: true,
        dead_lettered: false,
        open: false,
        ranked: true,
        ack_lost: false,
        cause: LossCause::NotSubscribed,
        again: DuplicateCause::LostAck,
        rank,
        line,
        dispatched_first: stored_at,
        dispatched: stored_at,
        delivered: stored_at,
        worked: Span::ZERO,
        history: 0,
    }
}
