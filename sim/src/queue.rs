//! The pending events, ordered by (time, class, sequence).
//!
//! Events stand in an arena; their order is kept beside it. Only what is imminent is sorted, in a short list. What
//! comes later waits unsorted in a ring of buckets, each for a short span of time; when nothing imminent is left the
//! next bucket that has something is sorted. What is beyond the ring waits in a heap. With few events pending the
//! list is all there is; where it would grow long, a heap takes what the list does not. The order is total, so where
//! an event has waited shows in nothing but speed. (After calendar and ladder queues: R. Brown, 1988; Tang, Goh,
//! Thng, 2005.)
//!
//! What is scheduled for the present instant comes after everything that is already scheduled for it, so a FIFO is
//! its order.

use crate::time::Time;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Faults go before ordinary events of the same instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    Fault,
    Ordinary,
}

const ORDINARY: u64 = 1 << 63;
/// Buckets of the ring.
const BUCKETS: usize = 2048;
/// The list of what is imminent gets no longer than this; where it is all there is and would, the ring is taken into
/// use.
const CROWD: usize = 16;
/// After so many buckets, their width is measured against the rate of events again.
const OPENED_MAX: u32 = 8192;
/// No slot.
const NONE: u32 = u32::MAX;

/// When something is going to happen, by instant and then by order, and in which slot it stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Entry {
    time: u64,
    order: u64,
    slot: u32,
}

impl Entry {
    /// Instants nearly always differ: the order is looked at only where they do not.
    #[inline(always)]
    fn is_before(&self, other: &Self) -> bool {
        self.time < other.time || (self.time == other.time && self.order < other.order)
    }
}

/// All that is going to happen.
#[derive(Clone)]
pub(crate) struct Queue<B> {
    arena: Arena<B>,
    /// What belongs to a bucket before `edge`, the first event last.
    imminent: Vec<Entry>,
    /// The same, while the list is long.
    near: BinaryHeap<Reverse<Entry>>,
    ring: Ring,
    /// What belongs to a bucket beyond the ring.
    far: BinaryHeap<Reverse<Entry>>,
    /// The first bucket that has not been opened; without the ring, one that nothing reaches.
    edge: u64,
    /// A bucket is 2^shift nanoseconds wide.
    shift: u32,
    /// Buckets opened since the width was last measured.
    opened: u32,
    /// The instant and the sequence number of then.
    measured: (u64, u64),
    /// What happens at the present instant, behind all that is already scheduled for it; each with its order.
    now: VecDeque<(u64, B)>,
    /// The instant of these.
    instant: u64,
    sequence: u64,
}

impl<B: Copy> Queue<B> {
    pub(crate) fn new() -> Self {
        Queue {
            arena: Arena { slots: Vec::new(), free: NONE },
            imminent: Vec::new(),
            near: BinaryHeap::new(),
            ring: Ring::new(),
            far: BinaryHeap::new(),
            edge: u64::MAX,
            shift: 1,
            opened: 0,
            measured: (0, 0),
            now: VecDeque::new(),
            instant: 0,
            sequence: 0,
        }
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, time: Time, class: Class, body: B) {
        self.sequence += 1;
        let class = if class == Class::Ordinary { ORDINARY } else { 0 };
        let Entry { time, order, slot } = self.arena.put(time.0, class | self.sequence, body);
        self.place(time, order, slot);
    }

    /// One function for all who schedule: what runs for each message has to fit into the nearest cache.
    #[inline(never)]
    fn place(&mut self, time: u64, order: u64, slot: u32) {
        let entry = Entry { time, order, slot };
        let bucket = entry.time >> self.shift;
        if bucket < self.edge {
            self.insert(entry);
        } else if bucket - self.edge < BUCKETS as u64 {
            let head = self.ring.add(bucket as usize % BUCKETS);
            self.arena.slots[entry.slot as usize].next = std::mem::replace(head, entry.slot);
        } else {
            self.far.push(Reverse(entry));
        }
    }

    /// Puts an event among those that are imminent: most come after the first ones, which are last in the list.
    #[inline(always)]
    fn insert(&mut self, entry: Entry) {
        let mut at = self.imminent.len();
        if at >= CROWD {
            return self.insert_in_crowd(entry);
        }
        self.imminent.push(entry);
        while at > 0 && self.imminent[at - 1].is_before(&entry) {
            self.imminent[at] = self.imminent[at - 1];
            at -= 1;
        }
        self.imminent[at] = entry;
    }

    #[inline(never)]
    fn insert_in_crowd(&mut self, entry: Entry) {
        self.near.push(Reverse(entry));
        if self.edge == u64::MAX {
            self.spread();
        }
    }

    /// For an ordinary event at the present instant.
    #[inline(never)]
    pub(crate) fn push_now(&mut self, now: Time, body: B) {
        self.sequence += 1;
        self.instant = now.0;
        self.now.push_back((ORDINARY | self.sequence, body));
    }

    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<(Time, B)> {
        if self.imminent.is_empty() || !self.near.is_empty() {
            return self.pop_from_all();
        }
        if !self.now.is_empty() && self.imminent.last().is_none_or(|first| self.is_now_before(first)) {
            return self.pop_now();
        }
        let first = self.imminent.pop()?;
        Some((Time(first.time), self.arena.take(first.slot)))
    }

    #[inline(always)]
    fn is_now_before(&self, first: &Entry) -> bool {
        first.time > self.instant || self.now.front().is_some_and(|(order, _)| *order < first.order)
    }

    #[inline(always)]
    fn pop_now(&mut self) -> Option<(Time, B)> {
        self.now.pop_front().map(|(_, body)| (Time(self.instant), body))
    }

    /// Where the first event is not simply the last of the list.
    #[inline(never)]
    fn pop_from_all(&mut self) -> Option<(Time, B)> {
        let first = self.first();
        if !self.now.is_empty() && first.is_none_or(|(first, _)| self.is_now_before(&first)) {
            return self.pop_now();
        }
        let (entry, is_near) = first?;
        if is_near {
            self.near.pop();
        } else {
            self.imminent.pop();
        }
        Some((Time(entry.time), self.arena.take(entry.slot)))
    }

    /// The first event but for those at the present instant, and whether it is in the heap.
    #[inline(always)]
    fn first(&mut self) -> Option<(Entry, bool)> {
        if self.imminent.is_empty() && self.near.is_empty() {
            self.open();
        }
        match (self.imminent.last(), self.near.peek()) {
            (Some(first), None) => Some((*first, false)),
            (Some(first), Some(Reverse(near))) if first.is_before(near) => Some((*first, false)),
            (_, near) => near.map(|Reverse(near)| (*near, true)),
        }
    }

    /// The instant of the next event.
    pub(crate) fn next_time(&mut self) -> Option<Time> {
        let first = self.first().map(|(entry, _)| entry.time);
        let times = [self.now.front().map(|_| self.instant), first];
        times.into_iter().flatten().min().map(Time)
    }

    /// Bytes that a pending event takes.
    pub(crate) fn event_bytes() -> usize {
        size_of::<Slot<B>>() + size_of::<Entry>()
    }

    /// How many events there is room for.
    pub(crate) fn room(&self) -> usize {
        self.arena.slots.len() + self.now.len()
    }

    /// All pending events, to be changed, with what orders them; in no order.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = ((u64, u64), &mut B)> {
        let slots = self.arena.slots.iter_mut().filter(|slot| slot.order != 0);
        let slots = slots.map(|slot| ((slot.time, slot.order), &mut slot.body));
        let instant = self.instant;
        slots.chain(self.now.iter_mut().map(move |(order, body)| ((instant, *order), body)))
    }

    /// Every pending event, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &B> {
        let slots = self.arena.slots.iter().filter(|slot| slot.order != 0).map(|slot| &slot.body);
        slots.chain(self.now.iter().map(|(_, body)| body))
    }

    /// The pending events that are meant, in their order, with their times.
    #[cold]
    pub(crate) fn pending_where(&self, is_meant: impl Fn(&B) -> bool) -> Vec<(Time, B)> {
        let slots = self.arena.slots.iter().filter(|slot| slot.order != 0);
        let slots = slots.map(|slot| (slot.time, slot.order, slot.body));
        let all = slots.chain(self.now.iter().map(|(order, body)| (self.instant, *order, *body)));
        let mut meant: Vec<(u64, u64, B)> = all.filter(|(_, _, body)| is_meant(body)).collect();
        meant.sort_unstable_by_key(|(time, order, _)| (*time, *order));
        meant.into_iter().map(|(time, _, body)| (Time(time), body)).collect()
    }

    /// Sorts the next bucket that has something; nothing imminent is left.
    #[inline(always)]
    fn open(&mut self) {
        let from = self.edge as usize % BUCKETS;
        let Some(bucket) = self.ring.next(from) else { return self.go_far() };
        self.edge += ((bucket + BUCKETS - from) % BUCKETS) as u64 + 1;
        let mut slot = self.ring.empty(bucket);
        while let Some(place) = self.arena.slots.get(slot as usize) {
            let entry = Entry { time: place.time, order: place.order, slot };
            slot = place.next;
            self.insert(entry);
        }
        self.keep_up();
    }

    /// The ring is empty: it goes on where the far heap begins, if that has anything.
    #[inline(never)]
    fn go_far(&mut self) {
        if let Some(Reverse(first)) = self.far.peek() {
            self.edge = (first.time >> self.shift) + 1;
            self.keep_up();
        }
    }

    /// Takes into the ring what has come within its reach.
    #[inline(always)]
    fn keep_up(&mut self) {
        let end = self.edge.saturating_add(BUCKETS as u64);
        while self.far.peek().is_some_and(|Reverse(first)| first.time >> self.shift < end)
            && let Some(Reverse(entry)) = self.far.pop()
        {
            self.place(entry.time, entry.order, entry.slot);
        }
        self.opened += 1;
        if self.opened == OPENED_MAX {
            self.spread();
        }
    }

    /// Makes a bucket about twice as wide as the mean time between two events, and puts everything in its place.
    #[cold]
    #[inline(never)]
    fn spread(&mut self) {
        let Some(from) = self.next_time().map(|time| time.0) else { return };
        let slots = self.arena.slots.iter().enumerate().filter(|(_, slot)| slot.order != 0);
        let entry =
            |(i, slot): (usize, &Slot<B>)| Entry { time: slot.time, order: slot.order, slot: i as u32 };
        let pending: Vec<Entry> = slots.map(entry).collect();
        let (since, before) = std::mem::replace(&mut self.measured, (from, self.sequence));
        let without_ring = self.edge == u64::MAX;
        let gap = if without_ring {
            let ahead: u64 = pending.iter().fold(0, |sum, entry| sum.saturating_add(entry.time - from));
            ahead / (pending.len() * pending.len()) as u64
        } else {
            (from - since) / (self.sequence - before).max(1)
        };
        let crowd = pending.len() > CROWD / 2;
        let shift = gap.max(2).ilog2() + 1;
        self.opened = 0;
        if crowd && !without_ring && shift.abs_diff(self.shift) <= 1 {
            return;
        }
        self.imminent.clear();
        self.near.clear();
        self.far.clear();
        self.ring = Ring::new();
        self.shift = shift;
        self.edge = if crowd { (from >> shift) + 1 } else { u64::MAX };
        pending.into_iter().for_each(|entry| self.place(entry.time, entry.order, entry.slot));
    }
}

/// Where events stand.
#[derive(Clone)]
struct Arena<B> {
    slots: Vec<Slot<B>>,
    /// The first slot that is free, of a list.
    free: u32,
}

#[derive(Clone, Copy)]
struct Slot<B> {
    time: u64,
    /// 0: it is free.
    order: u64,
    body: B,
    /// The next in its bucket, or among the free.
    next: u32,
}

impl<B: Copy> Arena<B> {
    #[inline(always)]
    fn put(&mut self, time: u64, order: u64, body: B) -> Entry {
        if let Some(place) = self.slots.get_mut(self.free as usize) {
            let index = std::mem::replace(&mut self.free, place.next);
            *place = Slot { time, order, body, next: NONE };
            return Entry { time, order, slot: index };
        }
        self.grow(Slot { time, order, body, next: NONE })
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, slot: Slot<B>) -> Entry {
        self.slots.push(slot);
        Entry { time: slot.time, order: slot.order, slot: self.slots.len() as u32 - 1 }
    }

    #[inline(always)]
    fn take(&mut self, slot: u32) -> B {
        let place = &mut self.slots[slot as usize];
        (place.order, place.next) = (0, std::mem::replace(&mut self.free, slot));
        place.body
    }
}

/// Buckets of events, unsorted: for each the first slot of a list, and a bit if it has any.
#[derive(Clone)]
struct Ring {
    heads: Vec<u32>,
    filled: [u64; BUCKETS / 64],
}

impl Ring {
    fn new() -> Self {
        Ring { heads: vec![NONE; BUCKETS], filled: [0; BUCKETS / 64] }
    }

    /// The head of a bucket's list that is about to get one more.
    #[inline(always)]
    fn add(&mut self, bucket: usize) -> &mut u32 {
        self.filled[bucket / 64] |= 1 << (bucket % 64);
        &mut self.heads[bucket]
    }

    /// The first slot of a bucket's list; the bucket has none from now on.
    #[inline(always)]
    fn empty(&mut self, bucket: usize) -> u32 {
        self.filled[bucket / 64] &= !(1 << (bucket % 64));
        std::mem::replace(&mut self.heads[bucket], NONE)
    }

    /// The first bucket from this one on, around the ring, that has something.
    #[inline(always)]
    fn next(&self, from: usize) -> Option<usize> {
        let ahead = self.filled[from / 64] >> (from % 64);
        if ahead != 0 {
            return Some(from + ahead.trailing_zeros() as usize);
        }
        let mut words = (1..=self.filled.len()).map(|i| (from / 64 + i) % self.filled.len());
        let word = words.find(|word| self.filled[*word] != 0)?;
        Some(word * 64 + self.filled[word].trailing_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::mix;

    #[test]
    fn events_come_by_time_then_faults_then_in_the_order_of_scheduling() {
        let mut queue = Queue::new();
        queue.push(Time(5), Class::Ordinary, 'c');
        queue.push(Time(5), Class::Fault, 'b');
        queue.push(Time(1), Class::Ordinary, 'a');
        assert_eq!(queue.pop(), Some((Time(1), 'a')));
        queue.push(Time(5), Class::Ordinary, 'd');
        assert_eq!(queue.pop(), Some((Time(5), 'b')));
        queue.push_now(Time(5), 'e');
        let rest: String = std::iter::from_fn(|| queue.pop()).map(|(_, body)| body).collect();
        assert_eq!(rest, "cde");
    }

    /// Pushes and pops by turns, with spans that `delay` says; compares with a list that is sorted each time.
    fn compare(steps: u64, delay: impl Fn(u64) -> u64) {
        let mut queue = Queue::new();
        let mut expected = std::collections::BTreeSet::new();
        let mut now = 0;
        for i in 0..steps {
            // Grows to some hundreds, shrinks to nothing, and again.
            let growing = i / 700 % 2 == 0;
            if growing || i % 3 == 0 {
                let time = u64::saturating_add(now, delay(i));
                queue.push(Time(time), Class::Ordinary, i);
                expected.insert((time, i));
            }
            if !growing || i % 3 == 0 {
                let next = expected.pop_first();
                assert_eq!(queue.pop().map(|(time, i)| (time.0, i)), next);
                now = next.map_or(now, |(time, _)| time);
            }
            assert_eq!(queue.iter().count(), expected.len());
        }
        while let Some(next) = expected.pop_first() {
            assert_eq!(queue.next_time(), Some(Time(next.0)));
            assert_eq!(queue.pop().map(|(time, i)| (time.0, i)), Some(next));
        }
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn it_sorts_whatever_comes() {
        compare(20_000, |i| mix(i) % 1_000_000);
        compare(20_000, |i| mix(i) % 3 * 500_000);
        compare(20_000, |_| 0);
        compare(20_000, |i| 1 << (mix(i) % 50));
        compare(20_000, |i| if i % 7 == 0 { 1_800_000_000_000 } else { mix(i) % 100_000 });
        // The rate of events changes a thousandfold, and back.
        compare(60_000, |i| mix(i) % if i / 20_000 == 1 { 1_000 } else { 1_000_000 });
    }

    #[test]
    fn the_end_of_time_is_a_time() {
        compare(2_000, |i| if i % 5 == 0 { u64::MAX / 4 } else { mix(i) % 1_000 });
        let mut queue = Queue::new();
        for i in 0..100 {
            queue.push(Time(if i % 2 == 0 { u64::MAX } else { i }), Class::Ordinary, i);
        }
        let got: Vec<u64> = std::iter::from_fn(|| queue.pop()).map(|(_, body)| body).collect();
        assert!(got.iter().take(50).all(|body| body % 2 == 1) && got.len() == 100, "{got:?}");
    }
}
