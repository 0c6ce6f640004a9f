//! One queue: the messages that wait, in the order in which they will be delivered.

use super::groups::Groups;
use super::paging::{Pager, Paging};
use super::service::Service;
use super::{Overflow, Pending, Place, Priorities, QueueConfig};
use crate::message::{MessageRef, SubscriptionId};
use redeliver_sim::{ConnectionId, Position, Time};
use std::collections::VecDeque;

/// A message in a queue.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The message.
    pub m: MessageRef,
    /// Its original position.
    pub rank: u32,
    /// Its bytes: no message has more than 2^31.
    pub size: u32,
    /// What it died of before it came here: an index into [`super::Histories`]; 0 is nothing.
    pub history: u32,
    /// Deliveries so far; more than none: redelivered.
    pub attempts: u16,
    /// Its priority; in a session, its quality of service.
    pub priority: u8,
    /// It is in memory; else on disk only (`paging.rs`).
    pub in_memory: bool,
    /// Where it is on disk; none if it is in memory only.
    pub position: Option<Position>,
    /// When its time to live is over.
    pub expires: Time,
}

/// A queue.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Its settings.
    pub config: QueueConfig,
    /// Its subscription.
    pub s: SubscriptionId,
    /// How many messages it has beside the ready ones: deliveries that are not settled, and dead letters on their way.
    pub unacked: u32,
    /// The expiry timer is set for this time.
    pub expiry_armed: Time,
    /// It may refuse a message, or let go of one, as one comes.
    pub limited: bool,
    /// Some of its messages have a time to live.
    pub ages: bool,
    /// The rank of the message that has come just now, and is offered before it expires; else none has it.
    pub spared: u32,
    /// It is on this node, and the node's own count of its messages counts. Else it is on another one, or the logs of its members are counted.
    pub here: bool,
    /// It refuses what is published, until it is short enough.
    pub refuses: bool,
    /// What it knows of its deliveries, if they come again by time.
    pub pending: Option<Box<Pending>>,
    /// Came back, and goes first.
    ahead: VecDeque<Entry>,
    ready: VecDeque<Entry>,
    /// What of these is on disk only, if that can be.
    pub(super) pager: Option<Box<Pager>>,
    bytes: u64,
    lines: Option<Box<Lines>>,
}

/// Ready messages in several lines; [`Queue::ready`] has none then.
#[derive(Clone, Debug)]
enum Lines {
    Classes(Classes),
    Groups(Groups),
}

/// Ready messages by priority, the lowest first.
#[derive(Clone, Debug)]
struct Classes {
    lines: Vec<VecDeque<Entry>>,
    len: usize,
    /// Taken since a low one was: [`Priorities::TwoToOne`].
    turns: u8,
}

impl Queue {
    /// An empty queue, which has a page cache of so many bytes to itself.
    pub(super) fn new(
        config: QueueConfig,
        s: SubscriptionId,
        paging: Option<Paging>,
        page_cache: u64,
    ) -> Self {
        let lines = match config.priorities {
            Priorities::None => 0,
            Priorities::Strict(max) => usize::from(max) + 1,
            Priorities::TwoToOne => 2,
        };
        let classes = Classes { lines: vec![VecDeque::new(); lines], len: 0, turns: 0 };
        let classes = (lines > 0).then(|| Box::new(Lines::Classes(classes)));
        let groups = || Box::new(Lines::Groups(Groups::default()));
        Queue {
            s,
            unacked: 0,
            expiry_armed: Time::NEVER,
            limited: config.length_max.is_some()
                || config.bytes_max.is_some()
                || config.size_max.is_some()
                || config.duplicates.is_some(),
            ages: config.message_ttl.is_some(),
            spared: u32::MAX,
            here: true,
            refuses: false,
            pending: config.redelivery.as_ref().map(|redelivery| Box::new(Pending::new(redelivery.claimed))),
            ahead: VecDeque::new(),
            ready: VecDeque::new(),
            pager: paging.map(|paging| Box::new(Pager::new(paging, page_cache))),
            bytes: 0,
            lines: if config.grouped { Some(groups()) } else { classes },
            config,
        }
    }

    /// Its consumers: nobody yet.
    pub(super) fn service(&self) -> Service {
        Service::new(self.config.behaviour.turn_lost, self.config.single_active_consumer)
    }

    /// Puts a message at the end.
    #[inline(always)]
    pub fn push(&mut self, entry: Entry) {
        self.bytes += u64::from(entry.size);
        if !entry.in_memory {
            self.page(|pager| pager.add(entry.size));
        }
        match &mut self.lines {
            None => self.ready.push_back(entry),
            Some(lines) => lines.push(self.config.priorities, entry),
        }
    }

    /// The next message is the first, and whether it can be sent depends on the consumers only.
    #[inline(always)]
    pub(super) fn lets_pass(&self) -> bool {
        let alone = self.ready.is_empty() && self.ahead.is_empty() && self.lines.is_none();
        alone && !self.ages && !self.limited && self.pager.is_none()
    }

    /// A message has come back.
    pub fn take_back(&mut self, entry: Entry, place: Place) {
        if place == Place::Back {
            return self.push(entry);
        }
        self.bytes += u64::from(entry.size);
        if place == Place::Ahead {
            return self.ahead.push_back(entry);
        }
        let line = match self.lines.as_deref_mut() {
            None => &mut self.ready,
            Some(Lines::Classes(classes)) => classes.line(self.config.priorities, entry.priority),
            Some(Lines::Groups(groups)) => return groups.put(entry),
        };
        let place = line.partition_point(|other| other.rank < entry.rank);
        line.insert(place, entry);
    }

    /// Takes the first message.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<Entry> {
        let entry = match &mut self.lines {
            _ if !self.ahead.is_empty() => self.ahead.pop_front(),
            None => self.ready.pop_front(),
            Some(lines) => lines.pop(self.config.priorities),
        }?;
        self.count_out(&entry);
        Some(entry)
    }

    /// A message has left.
    #[inline(always)]
    fn count_out(&mut self, entry: &Entry) {
        self.bytes -= u64::from(entry.size);
        if !entry.in_memory {
            self.page(|pager| pager.remove(1, u64::from(entry.size)));
        }
        if self.refuses {
            self.tell_publishers();
        }
    }

    /// Of the messages that are on disk only, the next so many.
    pub(super) fn next_on_disk(&mut self, count: usize) -> impl Iterator<Item = &mut Entry> {
        let line = match self.lines.as_deref_mut() {
            Some(Lines::Classes(classes)) => classes.next_line(self.config.priorities),
            // Queues with message groups have all in memory.
            None | Some(Lines::Groups(_)) => &mut self.ready,
        };
        line.iter_mut().filter(|entry| !entry.in_memory).take(count)
    }

    /// Who is gone waits for nothing.
    pub(super) fn forget(&mut self, connection: ConnectionId) {
        if let Some(pager) = &mut self.pager {
            pager.forget(connection);
        }
    }

    #[cold]
    fn page(&mut self, change: impl FnOnce(&mut Pager)) {
        self.pager.as_deref_mut().map(change).expect("what is on disk only has been paged out");
    }

    /// What came back and goes first, in order.
    pub(super) fn returned(&self) -> impl Iterator<Item = &Entry> {
        self.ahead.iter()
    }

    /// Takes out what came back with this rank, if it has.
    pub(super) fn take_returned(&mut self, rank: u32) -> Option<Entry> {
        let index = self.ahead.iter().position(|entry| entry.rank == rank)?;
        let entry = self.ahead.remove(index)?;
        self.count_out(&entry);
        Some(entry)
    }

    /// Takes out what waits at this rank, among those that stand in the order of their ranks, if it does.
    pub(super) fn take_waiting(&mut self, rank: u32) -> Option<Entry> {
        let entry = match self.groups() {
            Some(groups) => groups.take(rank)?,
            None => {
                let index = self.ready.binary_search_by_key(&rank, |entry| entry.rank).ok()?;
                self.ready.remove(index)?
            }
        };
        self.count_out(&entry);
        Some(entry)
    }

    /// The message groups, if it has them.
    pub(super) fn groups(&mut self) -> Option<&mut Groups> {
        match self.lines.as_deref_mut() {
            Some(Lines::Groups(groups)) => Some(groups),
            _ => None,
        }
    }

    /// Takes out what is not to stay, wherever it stands.
    pub(super) fn take_out(&mut self, goes: impl Fn(&Entry) -> bool) {
        let mut gone = Vec::new();
        let mut stays = |entry: &Entry| {
            let goes = goes(entry);
            gone.extend(goes.then_some(*entry));
            !goes
        };
        self.ahead.retain(&mut stays);
        self.ready.retain(&mut stays);
        if let Some(Lines::Classes(classes)) = self.lines.as_deref_mut() {
            classes.lines.iter_mut().for_each(|line| line.retain(&mut stays));
            classes.len = classes.lines.iter().map(VecDeque::len).sum();
        }
        gone.iter().for_each(|entry| self.count_out(entry));
    }

    /// Takes the message that stands here in its file out of those that wait, if it is there.
    #[cold]
    pub(super) fn take_at(&mut self, position: u32) -> Option<Entry> {
        let is_it = |entry: &Entry| entry.position.is_some_and(|Position(at)| at as u32 == position);
        let take =
            |line: &mut VecDeque<Entry>| line.iter().position(is_it).and_then(|place| line.remove(place));
        let entry = take(&mut self.ahead).or_else(|| take(&mut self.ready))?;
        self.count_out(&entry);
        Some(entry)
    }

    /// How many wait.
    #[inline(always)]
    #[allow(clippy::len_without_is_empty)] // a queue is asked for its length only
    pub fn len(&self) -> usize {
        let waiting = match self.lines.as_deref() {
            None => self.ready.len(),
            Some(Lines::Classes(classes)) => classes.len,
            Some(Lines::Groups(groups)) => groups.len(),
        };
        self.ahead.len() + waiting
    }

    /// The first message.
    #[inline(always)]
    pub fn head(&self) -> Option<&Entry> {
        self.ahead.front().or_else(|| match self.lines.as_deref() {
            None => self.ready.front(),
            Some(Lines::Classes(classes)) => classes.head(self.config.priorities),
            Some(Lines::Groups(groups)) => groups.head(),
        })
    }

    /// The messages that wait, in order; of several priorities the highest first, of several groups each by itself.
    pub fn ready(&self) -> impl Iterator<Item = &Entry> {
        let (classes, groups) = match self.lines.as_deref() {
            None => (None, None),
            Some(Lines::Classes(classes)) => (Some(classes), None),
            Some(Lines::Groups(groups)) => (None, Some(groups)),
        };
        let classes = classes.into_iter().flat_map(|classes| classes.lines.iter().rev().flatten());
        let groups = groups.into_iter().flat_map(Groups::iter);
        self.ahead.iter().chain(&self.ready).chain(classes).chain(groups)
    }

    /// Whether it holds more than it may. Only ready messages count.
    pub fn is_over(&self) -> bool {
        self.exceeds(|max| max)
    }

    /// Whether one message more of so many bytes would be too much.
    pub fn lacks_room(&self, size: u64) -> bool {
        let long = self.config.length_max.is_some_and(|max| self.len() as u64 >= u64::from(max));
        long || self.config.bytes_max.is_some_and(|max| self.bytes + size > max)
    }

    /// A queue that tells its publishers late: they are told as it grows beyond its limit, and again as it has shrunk to
    /// 80 % of it (`rabbit_fifo`: `LOW_LIMIT`).
    #[cold]
    #[inline(never)]
    pub fn tell_publishers(&mut self) {
        if self.config.overflow == Overflow::RejectPublishLate {
            self.refuses =
                if self.refuses { self.exceeds(|max| max - max.div_ceil(5)) } else { self.is_over() };
        }
    }

    fn exceeds(&self, share: impl Fn(u64) -> u64) -> bool {
        let long = self.config.length_max.is_some_and(|max| self.len() as u64 > share(u64::from(max)));
        long || self.config.bytes_max.is_some_and(|max| self.bytes > share(max))
    }
}

impl Lines {
    #[cold]
    fn push(&mut self, priorities: Priorities, entry: Entry) {
        match self {
            Lines::Classes(classes) => classes.line(priorities, entry.priority).push_back(entry),
            Lines::Groups(groups) => groups.put(entry),
        }
    }

    #[cold]
    fn pop(&mut self, priorities: Priorities) -> Option<Entry> {
        match self {
            Lines::Classes(classes) => classes.pop(priorities),
            Lines::Groups(groups) => groups.pop(),
        }
    }
}

/// Quorum queues: what is above it is high.
const NORMAL_MAX: u8 = 4;
/// Quorum queues: so many high ones, then one other.
const WEIGHT: u8 = 2;

impl Classes {
    fn line(&mut self, priorities: Priorities, priority: u8) -> &mut VecDeque<Entry> {
        self.len += 1;
        let class = match priorities {
            Priorities::Strict(max) => priority.min(max),
            Priorities::TwoToOne | Priorities::None => u8::from(priority > NORMAL_MAX),
        };
        &mut self.lines[usize::from(class)]
    }

    /// From which line the next one comes.
    fn next(&self, priorities: Priorities) -> Option<usize> {
        let waits = |line: &usize| !self.lines[*line].is_empty();
        let low_first = priorities == Priorities::TwoToOne && self.turns == WEIGHT && waits(&0);
        if low_first { Some(0) } else { (0..self.lines.len()).rev().find(waits) }
    }

    fn next_line(&mut self, priorities: Priorities) -> &mut VecDeque<Entry> {
        let line = self.next(priorities).unwrap_or(0);
        &mut self.lines[line]
    }

    fn head(&self, priorities: Priorities) -> Option<&Entry> {
        self.lines[self.next(priorities)?].front()
    }

    fn pop(&mut self, priorities: Priorities) -> Option<Entry> {
        let line = self.next(priorities)?;
        // Every message that is taken counts, also where there is no choice.
        self.turns = if self.turns == WEIGHT { 0 } else { self.turns + 1 };
        self.len -= 1;
        self.lines[line].pop_front()
    }
}
