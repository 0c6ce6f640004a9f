//! What all nodes of a world share: the records, who subscribes to what, and the sources of events.

use crate::deduplication::Known;
use crate::message::{KeyId, Message, MessageRef, Messages, SourceId, SubscriptionId, TopicId};
use crate::producer::Source;
use crate::properties::{Properties, PropertiesId};
use crate::queue::{Histories, Quorum, Routes};
use crate::setup::Role;
use crate::story::Journal;
use crate::transactions::Transactions;
use redeliver_sim::{NodeId, Span, Stamp, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Shared by all nodes.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The records.
    pub messages: Messages,
    /// By [`TopicId`].
    pub topics: Vec<Topic>,
    /// By [`SubscriptionId`].
    pub subscriptions: Vec<Subscription>,
    /// By [`crate::message::SourceId`]: where events come from, outside every process, so that no crash touches them.
    pub sources: Vec<Source>,
    /// Sources that have events left.
    pub sources_active: u32,
    /// How many events that nobody publishes may still be drawn: as many as the run may have.
    pub skips_left: u64,
    /// When the last consumer that comes late joins.
    pub joined_by: Time,
    /// By [`Message::label`]; the first is empty.
    pub labels: Vec<String>,
    /// The first with this text.
    pub label_numbers: BTreeMap<String, u32>,
    /// By [`PropertiesId`]; the first says nothing.
    pub properties: Vec<Properties>,
    /// What dead letters have died of.
    pub histories: Histories,
    /// By queue of a cluster: what a replicated one is, after all that is committed.
    pub quorums: Vec<Option<Box<Quorum>>>,
    /// By the story's clients: what the onlooker has seen of them.
    pub journals: Vec<Journal>,
    /// What brokers measured of themselves: by the order of the brokers' names.
    pub brokers: Vec<BrokerFigures>,
    /// By partition of a log: the ranks of what was appended.
    pub ranks: Vec<Ranks>,
    /// Messages whose commits a fault takes out.
    pub sought: Vec<Sought>,
    /// What is measured: from the end of the warm-up to the end of the duration.
    pub window: (Time, Time),
    /// What things are called.
    pub names: Arc<Names>,
}

/// What a broker measured of itself.
#[derive(Clone, Default, Debug)]
pub struct BrokerFigures {
    /// Most bytes of messages in its memory.
    pub memory_max: u64,
    /// When a log first deleted something.
    pub first_deletion: Option<Time>,
    /// Least age of the oldest record from then on.
    pub window_min: Option<Span>,
    /// Requests that it answered.
    pub requests: u64,
    /// Fetches and gets that found nothing.
    pub empty_polls: u64,
    /// Fetches of what a log no longer holds.
    pub out_of_range: u64,
}

/// A message whose place in a log has to be known.
#[derive(Clone, Debug)]
pub struct Sought {
    /// Source and number.
    pub message: (u32, u32),
    /// Partition and offset where it was appended last.
    pub place: Option<(u32, u32)>,
}

/// The onlooker's count of what was appended to a partition, which no crash resets: an offset that a crash took back
/// is given again, a rank is not.
#[derive(Clone, Default, Debug)]
pub struct Ranks {
    next: u32,
    /// From this offset on, the rank is so much more than the offset; ascending.
    shifts: Vec<(u32, u32)>,
}

impl Ranks {
    /// The rank of the record that is appended now, at this offset.
    #[inline]
    pub fn append(&mut self, offset: u32) -> u32 {
        let rank = self.next;
        self.next += 1;
        if self.rank(offset) != rank {
            self.shifts.retain(|(from, _)| *from < offset);
            self.shifts.push((offset, rank - offset));
        }
        rank
    }

    /// The rank of the record at this offset.
    #[inline]
    pub fn rank(&self, offset: u32) -> u32 {
        let shift = self.shifts.iter().rfind(|(from, _)| *from <= offset);
        offset + shift.map_or(0, |(_, shift)| *shift)
    }
}

/// A topic.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Who reads it.
    pub subscriptions: Vec<SubscriptionId>,
    /// Its messages are meant for whoever is bound when they are published; else for whom a broker routes them to.
    pub addressed_at_birth: bool,
    /// Not all of them are meant for all of its subscriptions.
    pub routes: Option<Box<Routes>>,
    /// Nothing stores its messages: the order that the topic accepted them in is that of publishing.
    pub accepted_at_birth: bool,
}

/// A subscription.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// What it reads.
    pub topic: TopicId,
    /// Its place among the topic's subscriptions.
    pub slot: u16,
    /// What is published now is meant for it.
    pub bound: bool,
    /// Nothing stores its messages: they reside where they are received.
    pub resides_at_receiver: bool,
    /// By line (a queue, or a sender): the rank of the next message that is stored there; the onlooker's count, which
    /// no crash resets.
    pub next_ranks: Vec<u32>,
    /// How many messages the broker (without one: the receivers) holds for it.
    pub level: Level,
    /// Requests that have come to receivers that answer some with an error: the onlooker's count.
    pub requests: u32,
    /// The ids that its members' database holds, if they keep them there.
    pub known: Option<Box<Known>>,
    /// What is prepared in that database.
    pub transactions: Transactions,
    /// How long messages waited at a consumer behind one that was slow or failing, summed.
    pub head_of_line: Span,
    /// How long its members worked, within the measured window.
    pub busy: Span,
    /// Least retention window less age of the next unread message, in nanoseconds, since the first deletion.
    pub headroom_min: Option<i64>,
}

impl Subscription {
    /// Of a topic: its only subscription, not bound yet.
    pub(crate) fn of(topic: TopicId) -> Self {
        Subscription {
            topic,
            slot: 0,
            bound: false,
            resides_at_receiver: false,
            next_ranks: Vec::new(),
            level: Level::default(),
            requests: 0,
            known: None,
            transactions: Transactions::default(),
            head_of_line: Span::ZERO,
            busy: Span::ZERO,
            headroom_min: None,
        }
    }
}

/// A node's own count of what it holds, integrated over time: the other side of Little's law.
#[derive(Clone, Copy, Default, Debug)]
pub struct Level {
    count: u64,
    /// Messages times nanoseconds, less what the present ones will add.
    area: i128,
}

impl Level {
    /// It holds so many from now on.
    #[inline(always)]
    pub fn set(&mut self, now: Time, count: u64) {
        // What comes takes away its time until now, what goes adds it.
        let gone = self.count as i64 - count as i64;
        self.area += i128::from(gone) * i128::from(now.0 as i64);
        self.count = count;
    }

    /// One of several nodes held `before` of them, and holds `after` from now on.
    #[inline(always)]
    pub fn change(&mut self, now: Time, before: u64, after: u64) {
        assert!(self.count >= before);
        self.set(now, self.count - before + after);
    }

    /// It holds so many now.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Messages times nanoseconds, until now.
    pub fn area(&self, now: Time) -> u128 {
        (self.area + i128::from(self.count) * i128::from(now.0)) as u128
    }
}

/// What things are called.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// By [`NodeId`].
    pub nodes: Vec<String>,
    /// By [`NodeId`].
    pub roles: Vec<Role>,
    /// By [`crate::message::SourceId`]: `shop`, or `shop/2` where there are several.
    pub sources: Vec<String>,
    /// The first source that is a client of a story.
    pub clients_from: usize,
    /// By [`SubscriptionId`].
    pub subscriptions: Vec<String>,
    /// By [`KeyId`], in order, from `keys_numbered` on; below it a key is called by its number.
    pub keys: Vec<String>,
    /// Behind them, in order: what the design routes by beside keys.
    pub routing_keys: Vec<String>,
    /// How many keys are called by their numbers.
    pub keys_numbered: u32,
    /// Queues or partitions, by the line of [`crate::Fact::Stored`] and [`crate::Fact::Appended`].
    pub lines: Vec<String>,
}

impl Names {
    /// The node's name.
    pub fn node(&self, node: NodeId) -> &str {
        &self.nodes[node.0 as usize]
    }

    /// The key's name; none for a message without one.
    pub fn key(&self, key: KeyId) -> Option<String> {
        self.number_of(key).map(|number| number.to_string()).or_else(|| Some(self.named(key)?.to_string()))
    }

    /// The number that a key is called by, if it is.
    pub(crate) fn number_of(&self, key: KeyId) -> Option<u32> {
        (key.0 < self.keys_numbered).then_some(key.0)
    }

    /// The name that a key is called by, if it is.
    pub(crate) fn named(&self, key: KeyId) -> Option<&str> {
        let index = key.0.checked_sub(self.keys_numbered).filter(|_| key != KeyId::NONE)? as usize;
        let found = self.keys.get(index).or_else(|| self.routing_keys.get(index - self.keys.len()));
        found.map(String::as_str)
    }

    /// The number of this key, if any message can have it.
    pub fn find_key(&self, name: &str) -> Option<KeyId> {
        if let Ok(number) = name.parse::<u32>()
            && number < self.keys_numbered
            && number.to_string() == name
        {
            return Some(KeyId(number));
        }
        let find = |keys: &Vec<String>| keys.binary_search_by(|key| key.as_str().cmp(name)).ok();
        let behind = || find(&self.routing_keys).map(|index| self.keys.len() + index);
        let index = find(&self.keys).or_else(behind)?;
        Some(KeyId(self.keys_numbered + index as u32))
    }
}

impl Shared {
    /// The subscription's place among those of its topic.
    #[inline(always)]
    pub fn slot(&self, s: SubscriptionId) -> usize {
        self.subscriptions[s.0 as usize].slot as usize
    }

    /// A replicated queue.
    pub(crate) fn quorum(&mut self, queue: usize) -> &mut Quorum {
        self.quorums[queue].as_mut().expect("it is replicated")
    }

    /// A command to a replicated queue was lost on its way.
    pub(crate) fn let_go(&mut self, queue: usize, number: u32) {
        if let Some(Some(quorum)) = self.quorums.get_mut(queue) {
            quorum.let_go(number);
        }
    }

    /// A message.
    #[inline(always)]
    pub fn message(&self, m: MessageRef) -> &Message {
        self.messages.get(m)
    }

    /// What its publisher says of a message.
    #[inline]
    pub fn properties(&self, m: MessageRef) -> &Properties {
        &self.properties[self.messages.get(m).properties.0 as usize]
    }

    /// By which a message is routed, if its publisher said so or it has a key.
    pub fn routing_key(&self, m: MessageRef) -> Option<KeyId> {
        let key = self.messages.get(m).key;
        self.properties(m).routing_key.or((key != KeyId::NONE).then_some(key))
    }

    /// These properties, by the number under which they are known from now on.
    pub fn properties_id(&mut self, properties: Properties) -> PropertiesId {
        let known = self.properties.iter().position(|other| *other == properties);
        let index = known.unwrap_or_else(|| {
            self.properties.push(properties);
            self.properties.len() - 1
        });
        PropertiesId(index as u32)
    }

    /// The event that happens now at a source, as a message.
    #[inline(always)]
    pub fn source_event(&mut self, source: SourceId, now: Time, stamp: Stamp) -> Message {
        let source = &mut self.sources[source.0 as usize];
        let message = source.event(now, stamp);
        self.sources_active -= u32::from(source.is_done());
        message
    }

    /// The events of a source up to now go by unpublished.
    pub fn skip_events(&mut self, source: SourceId, now: Time) {
        let mut most = self.skips_left;
        self.change_source(source, |source| source.skip_until(now, &mut most));
        self.skips_left = most;
    }

    /// What a source waited for has come to an end.
    pub(crate) fn settle_source(&mut self, source: SourceId, now: Time) {
        self.change_source(source, |source| source.settle(now));
    }

    fn change_source(&mut self, source: SourceId, change: impl FnOnce(&mut Source)) {
        let source = &mut self.sources[source.0 as usize];
        self.sources_active += u32::from(source.is_done());
        change(source);
        self.sources_active -= u32::from(source.is_done());
    }

    /// The rank of the next message that is stored for this subscription in this line.
    #[inline(always)]
    pub fn next_rank(&mut self, s: SubscriptionId, line: u32) -> u32 {
        let ranks = &mut self.subscriptions[s.0 as usize].next_ranks;
        if line as usize >= ranks.len() {
            grow(ranks, line);
        }
        ranks[line as usize] += 1;
        ranks[line as usize] - 1
    }

    /// The broker (or the receivers) now hold so many for this subscription.
    #[inline(always)]
    pub fn set_level(&mut self, s: SubscriptionId, now: Time, count: u64) {
        self.subscriptions[s.0 as usize].level.set(now, count);
    }

    /// One of the nodes that hold messages for this subscription held `before`, and now holds `after`.
    #[inline(always)]
    pub fn change_level(&mut self, s: SubscriptionId, now: Time, before: u64, after: u64) {
        self.subscriptions[s.0 as usize].level.change(now, before, after);
    }

    /// A message that may be sought was appended to a log.
    #[cold]
    #[inline(never)]
    pub(crate) fn note_place(&mut self, m: MessageRef, partition: u32, offset: u32) {
        let Message { source, number, .. } = *self.messages.get(m);
        let found = self.sought.iter_mut().filter(|sought| sought.message == (source.0, number));
        found.for_each(|sought| sought.place = Some((partition, offset)));
    }

    /// Whether who has passed all before this offset has passed a message that is sought.
    pub(crate) fn is_passed(&self, message: (u32, u32), partition: u32, before: u32) -> bool {
        let is_behind = |place: (u32, u32)| place.0 == partition && place.1 < before;
        self.sought.iter().any(|sought| sought.message == message && sought.place.is_some_and(is_behind))
    }

    /// `shop#3`; in a story the label alone.
    pub fn message_name(&self, m: MessageRef) -> String {
        self.name(self.messages.get(m))
    }

    pub(crate) fn name(&self, message: &Message) -> String {
        if message.source.0 as usize >= self.names.clients_from {
            return self.labels[message.label as usize].clone();
        }
        self.name_of(message.source.0, message.number)
    }

    /// `shop#3`, or `shop/2#3`.
    pub fn name_of(&self, source: u32, number: u32) -> String {
        format!("{}#{number}", self.names.sources[source as usize])
    }
}

#[cold]
#[inline(never)]
fn grow(ranks: &mut Vec<u32>, line: u32) {
    ranks.resize(line as usize + 1, 0);
}
