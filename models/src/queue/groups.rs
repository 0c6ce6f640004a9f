//! Message groups: those of one group are delivered in order, and while one of them is held no other of its group is, but
//! to the same request.
//!
//! Models Amazon SQS's FIFO queues: a request is given as many of one group as it takes before any of another ("FIFO queue
//! delivery logic in Amazon SQS", Developer Guide); which group is the next is not said there: it is the one whose first
//! message is the oldest. Left out: that a queue looks for free groups among its first 120,000 messages only ("Avoid large
//! message backlogs with the same message group ID").

use super::queue::Entry;
use crate::message::KeyId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The groups of a queue: what waits, by group, and which of them are free.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    lines: BTreeMap<KeyId, Line>,
    /// Groups of which something waits and nothing is held, by the rank of the first that waits.
    free: BTreeSet<(u32, KeyId)>,
    /// By rank: the group of each message of the queue.
    keys: BTreeMap<u32, KeyId>,
    len: usize,
    /// The group that the request under way is given.
    current: Option<KeyId>,
}

#[derive(Clone, Debug, Default)]
struct Line {
    waits: VecDeque<Entry>,
    held: u32,
}

impl Line {
    fn first(&self) -> Option<u32> {
        self.waits.front().map(|entry| entry.rank)
    }
}

impl Groups {
    /// The message of this rank is of this group.
    pub(super) fn learn(&mut self, rank: u32, key: KeyId) {
        self.keys.insert(rank, key);
    }

    /// The message of this rank is gone for good.
    pub(super) fn forget(&mut self, rank: u32) {
        self.keys.remove(&rank);
    }

    /// How many wait, in all groups.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn key(&self, rank: u32) -> KeyId {
        *self.keys.get(&rank).expect("every message of the queue has a group")
    }

    /// Does something to the line of a group, and keeps account of whether the group is free.
    fn change<T>(&mut self, key: KeyId, change: impl FnOnce(&mut Line) -> T) -> T {
        let line = self.lines.entry(key).or_default();
        if let Some(first) = line.first().filter(|_| line.held == 0) {
            self.free.remove(&(first, key));
        }
        let outcome = change(line);
        match line.first() {
            Some(first) if line.held == 0 => drop(self.free.insert((first, key))),
            None if line.held == 0 => drop(self.lines.remove(&key)),
            _ => {}
        }
        outcome
    }

    /// A message waits: at its place in its group.
    pub(super) fn put(&mut self, entry: Entry) {
        self.len += 1;
        self.change(self.key(entry.rank), |line| {
            let place = line.waits.partition_point(|other| other.rank < entry.rank);
            line.waits.insert(place, entry);
        });
    }

    /// The group that is served next: that of the request under way, while it has more; else the free one whose first
    /// message is the oldest.
    fn next(&self) -> Option<KeyId> {
        let more = |key: &KeyId| self.lines.get(key).is_some_and(|line| !line.waits.is_empty());
        self.current.filter(more).or_else(|| self.free.first().map(|(_, key)| *key))
    }

    /// The message that is served next.
    pub(super) fn head(&self) -> Option<&Entry> {
        self.lines.get(&self.next()?)?.waits.front()
    }

    /// Takes it out. It is held from now on, or goes for good.
    pub(super) fn pop(&mut self) -> Option<Entry> {
        let key = self.next()?;
        self.current = Some(key);
        let entry = self.change(key, |line| line.waits.pop_front())?;
        self.len -= 1;
        Some(entry)
    }

    /// Takes the message of this rank out, if it waits.
    pub(super) fn take(&mut self, rank: u32) -> Option<Entry> {
        let key = *self.keys.get(&rank)?;
        let entry = self.change(key, |line| {
            let index = line.waits.binary_search_by_key(&rank, |entry| entry.rank).ok()?;
            line.waits.remove(index)
        })?;
        self.len -= 1;
        Some(entry)
    }

    /// A request begins: no group is its own.
    pub(super) fn begin_request(&mut self) {
        self.current = None;
    }

    /// A message that was taken out is held from now on.
    pub(super) fn hold(&mut self, rank: u32) {
        self.change(self.key(rank), |line| line.held += 1);
    }

    /// It is no more.
    pub(super) fn release(&mut self, rank: u32) {
        self.change(self.key(rank), |line| line.held -= 1);
    }

    /// What waits, group by group.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.lines.values().flat_map(|line| &line.waits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::MessageRef;
    use redeliver_sim::Time;

    fn entry(rank: u32) -> Entry {
        Entry {
            m: MessageRef::NONE,
            rank,
            size: 0,
            history: 0,
            attempts: 0,
            priority: 0,
            in_memory: true,
            position: None,
            expires: Time::NEVER,
        }
    }

    /// Messages of groups 0 and 1, by turns: 0, 2, 4 and 1, 3, 5.
    fn groups() -> Groups {
        let mut groups = Groups::default();
        for rank in 0..6 {
            groups.learn(rank, KeyId(rank % 2));
            groups.put(entry(rank));
        }
        groups
    }

    /// What a request for so many is given.
    fn request(groups: &mut Groups, n: usize) -> Vec<u32> {
        groups.begin_request();
        let mut given = Vec::new();
        while given.len() < n {
            let Some(entry) = groups.pop() else { break };
            groups.hold(entry.rank);
            given.push(entry.rank);
        }
        given
    }

    // "FIFO queue delivery logic in Amazon SQS": as many as possible of one group, then others.
    #[test]
    fn a_request_is_given_one_group_and_then_the_next() {
        assert_eq!(request(&mut groups(), 4), [0, 2, 4, 1]);
    }

    // ReceiveMessage, `ReceiveRequestAttemptId`: while messages of a group are invisible no more of it are returned.
    #[test]
    fn while_one_of_a_group_is_held_the_others_wait() {
        let mut groups = groups();
        assert_eq!(request(&mut groups, 1), [0]);
        assert_eq!(request(&mut groups, 2), [1, 3]);
        assert_eq!(request(&mut groups, 9), []);
        groups.release(0);
        assert_eq!((groups.head().map(|entry| entry.rank), request(&mut groups, 9)), (Some(2), vec![2, 4]));
        // What comes back stands before what followed it.
        groups.release(1);
        groups.put(entry(1));
        assert_eq!(request(&mut groups, 9), [], "3 is held");
        groups.release(3);
        assert_eq!((request(&mut groups, 9), groups.len()), (vec![1, 5], 0));
    }

    #[test]
    fn what_is_taken_from_between_others_leaves_them_in_order() {
        let mut groups = groups();
        assert_eq!(groups.take(2).map(|entry| entry.rank), Some(2));
        assert!(groups.take(2).is_none());
        groups.forget(2);
        assert!(groups.take(2).is_none());
        assert_eq!((groups.len(), request(&mut groups, 9)), (5, vec![0, 4, 1, 3, 5]));
    }
}
