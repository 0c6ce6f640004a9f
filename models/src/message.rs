//! Messages: one shared record for each that still exists somewhere, and beside it one state per subscription.
//!
//! Everything else holds [`MessageRef`]s. The ledger opens a record when a message is published, and closes it, for
//! the slot to be used again, when no copy is left anywhere. What only a log still has is on the shelf (`shelf.rs`).

use crate::causes::{DuplicateCause, LossCause};
use crate::properties::PropertiesId;
use crate::shelf::Shelf;
use redeliver_sim::{Luck, Span, Stamp, Time};

/// A handle on a message's record. A reply may still carry one when the record has been closed and is used again:
/// the generation tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct MessageRef {
    /// Index of the record.
    slot: u32,
    /// How often the record has been closed before.
    generation: u32,
}

impl MessageRef {
    /// No message: for timers that are about none.
    pub const NONE: MessageRef = MessageRef { slot: u32::MAX, generation: 0 };

    /// Index of the record: no two messages that exist have the same.
    #[inline(always)]
    pub fn index(self) -> usize {
        self.slot as usize
    }
}

/// A member of a producer, numbered over all producers; for a story, a client.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SourceId(pub u32);

/// A subscription, numbered in the order of the names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SubscriptionId(pub u16);

/// A topic, numbered in the order of the names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TopicId(pub u16);

/// A key: equal keys have equal numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct KeyId(pub u32);

impl KeyId {
    /// The message has no key.
    pub const NONE: KeyId = KeyId(u32::MAX);
}

/// A message: immutable, but for the ledger's part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message {
    /// Its randomness in every keyed draw.
    pub luck: Luck,
    /// When it was published.
    pub born: Time,
    /// What its source's clock showed then: the event time.
    pub stamp: Stamp,
    /// Bytes.
    pub size: u64,
    /// Its number at its source, from 1.
    pub number: u32,
    /// Who published it.
    pub source: SourceId,
    /// Its key.
    pub key: KeyId,
    /// Its topic.
    pub topic: TopicId,
    /// Its label: an index into [`crate::Shared::labels`]; 0 is none.
    pub label: u32,
    /// What else its publisher says of it.
    pub properties: PropertiesId,
    /// Where its publisher has it among those that it keeps: where to look, and no more.
    pub place: u32,

    // The ledger's part.
    /// When a broker first stored it.
    pub stored_at: Time,
    /// Its rank among the messages of its key, in the order in which the topic accepted them.
    pub key_rank: u32,
    /// Copies that would reach every subscription: the producer's own, and those on their way to a broker.
    pub upstream: u32,
    /// Copies in logs, readable or not.
    pub retained: u32,
    /// Copies that would reach one subscription, over all.
    pub copies: u32,
    /// The producer keeps it until it knows the outcome.
    pub buffered: bool,
    /// The producer holds a positive acknowledgement.
    pub confirmed: bool,
    /// A broker has stored it, or there is none: it has a key rank.
    pub accepted: bool,
    /// A copy of it was destroyed or dropped.
    pub harmed: bool,
    /// The record is in use.
    pub live: bool,
    /// How often the record has been closed before.
    pub generation: u32,
}

impl Message {
    /// Of a record that has never been used.
    pub(crate) const NONE: Message = Message {
        luck: Luck(0),
        born: Time::ZERO,
        stamp: Stamp(0),
        size: 0,
        number: 0,
        source: SourceId(0),
        key: KeyId::NONE,
        topic: TopicId(0),
        label: 0,
        properties: PropertiesId::NONE,
        place: 0,
        stored_at: Time::ZERO,
        key_rank: 0,
        upstream: 0,
        retained: 0,
        copies: 0,
        buffered: false,
        confirmed: false,
        accepted: false,
        harmed: false,
        live: false,
        generation: u32::MAX,
    };

    /// Source and number as one word: as they stand side by side, they are read at once.
    #[inline(always)]
    pub(crate) fn about(&self) -> u64 {
        u64::from(self.source.0) << 32 | u64::from(self.number)
    }

    /// No copy of it is left that is meant for anybody: at most logs retain it.
    #[inline(always)]
    pub fn is_done(&self) -> bool {
        self.upstream == 0 && self.copies == 0
    }
}

/// What became of a message in one subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// Copies that would reach it: stored and unread, on the wire, in a client's hands.
    pub copies: u32,
    /// How often its effect took place; counts no further than it can.
    pub effects: u16,
    /// How often it was sent to a consumer.
    pub dispatches: u16,
    /// It is meant for the subscription.
    pub addressed: bool,
    /// It was put aside.
    pub dead_lettered: bool,
    /// It has had no effect, was not put aside, and a copy is left: a run waits for it.
    pub open: bool,
    /// It has a rank where it is stored.
    pub ranked: bool,
    /// An ack of it was lost.
    pub ack_lost: bool,
    /// How the last copy that was destroyed came to its end.
    pub cause: LossCause,
    /// Why there is or was more than one delivery.
    pub again: DuplicateCause,
    /// Its position where it is stored.
    pub rank: u32,
    /// Which queue or partition that is, for the order of what is stored.
    pub line: u32,
    /// When it was first sent to a consumer; if it has been put away since, when it was stored.
    pub dispatched_first: Time,
    /// When it was last sent to a consumer.
    pub dispatched: Time,
    /// When it last came to a consumer.
    pub delivered: Time,
    /// What all attempts have worked so far.
    pub worked: Span,
    /// What it died of before it came into this queue: an index into [`crate::queue::Histories`]; 0 is nothing.
    pub history: u32,
}

impl Delivery {
    /// Nothing.
    pub(crate) const NONE: Delivery = Delivery {
        copies: 0,
        effects: 0,
        dispatches: 0,
        addressed: false,
        dead_lettered: false,
        open: false,
        ranked: false,
        ack_lost: false,
        cause: LossCause::NotSubscribed,
        again: DuplicateCause::LostAck,
        rank: 0,
        line: 0,
        dispatched_first: Time::NEVER,
        dispatched: Time::ZERO,
        delivered: Time::ZERO,
        worked: Span::ZERO,
        history: 0,
    };
}

/// A record: the message, and what became of it in its topic's first subscription.
#[derive(Clone, Debug)]
struct Record {
    message: Message,
    first: Delivery,
}

/// The records of all messages that still exist somewhere.
#[derive(Clone, Debug)]
pub struct Messages {
    records: Vec<Record>,
    /// What became of them in further subscriptions.
    others: Vec<Delivery>,
    /// Further subscriptions per record: one less than the most that a topic has.
    stride: usize,
    free: Vec<u32>,
    /// What logs retain.
    pub(crate) shelf: Shelf,
}

impl Messages {
    /// No messages, of topics with at most so many subscriptions each.
    pub fn new(subscriptions_max: usize) -> Self {
        let stride = subscriptions_max.max(1) - 1;
        let shelf = Shelf::default();
        Messages { records: Vec::new(), others: Vec::new(), stride, free: Vec::new(), shelf }
    }

    /// Opens a record.
    #[inline(always)]
    pub fn open(&mut self, message: Message) -> MessageRef {
        assert!(message.live);
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => self.grow(),
        };
        // The message never stands anywhere else: no address of it is taken on the way.
        let record = &mut self.records[slot as usize];
        let generation = record.message.generation.wrapping_add(1);
        record.message = Message { generation, ..message };
        record.first = Delivery::NONE;
        if self.stride > 0 {
            self.clear_others(slot);
        }
        MessageRef { slot, generation }
    }

    #[inline(never)]
    fn clear_others(&mut self, slot: u32) {
        let first = slot as usize * self.stride;
        self.others[first..first + self.stride].fill(Delivery::NONE);
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) -> u32 {
        self.records.push(Record { message: Message::NONE, first: Delivery::NONE });
        self.others.resize(self.records.len() * self.stride, Delivery::NONE);
        self.records.len() as u32 - 1
    }

    /// Closes a record; its slot will be used again.
    #[inline(always)]
    pub fn close(&mut self, m: MessageRef) {
        let message = self.get_mut(m);
        assert!(message.live);
        message.live = false;
        self.free.push(m.slot);
        self.shelf.part(m);
    }

    /// The message, if the record is still its own.
    #[inline(always)]
    pub fn current(&self, m: MessageRef) -> Option<&Message> {
        let message = self.get(m);
        (message.generation == m.generation && message.live).then_some(message)
    }

    /// Whether the record is still this message's.
    #[inline(always)]
    pub fn is_current(&self, m: MessageRef) -> bool {
        self.current(m).is_some()
    }

    /// A message.
    #[inline(always)]
    pub fn get(&self, m: MessageRef) -> &Message {
        &self.records[m.index()].message
    }

    /// A message, for the ledger.
    #[inline(always)]
    pub fn get_mut(&mut self, m: MessageRef) -> &mut Message {
        &mut self.records[m.index()].message
    }

    /// What became of it in the topic's `slot`-th subscription.
    #[inline(always)]
    pub fn delivery(&self, m: MessageRef, slot: usize) -> &Delivery {
        match slot.checked_sub(1) {
            None => &self.records[m.index()].first,
            Some(other) => &self.others[m.index() * self.stride + other],
        }
    }

    /// A message and what became of it in the topic's `slot`-th subscription, for the ledger.
    #[inline(always)]
    pub fn both_mut(&mut self, m: MessageRef, slot: usize) -> (&mut Message, &mut Delivery) {
        let record = &mut self.records[m.index()];
        match slot.checked_sub(1) {
            None => (&mut record.message, &mut record.first),
            Some(other) => (&mut record.message, &mut self.others[m.index() * self.stride + other]),
        }
    }

    /// How many records are open.
    pub fn live(&self) -> usize {
        self.records.len() - self.free.len()
    }

    /// How many subscriptions a record has room for.
    pub fn width(&self) -> usize {
        self.stride + 1
    }

    /// How many slots there are: an index below it for each record.
    pub fn slots(&self) -> usize {
        self.records.len()
    }

    /// The open records, in the order of their slots.
    pub fn all_live(&self) -> impl Iterator<Item = MessageRef> + use<'_> {
        let all = self.records.iter().enumerate();
        all.filter(|(_, record)| record.message.live)
            .map(|(i, record)| MessageRef { slot: i as u32, generation: record.message.generation })
    }
}
