//! The pending events, ordered by (time, class, sequence).
//!
//! Events stand in an arena; their order is kept beside it, in a ring of buckets, each for a span of time about as long
//! as the time between two events: so the next bucket that has something mostly has one or two, and the first of a few
//! is found by looking at them. A bucket that has many is emptied into a heap; so is what is scheduled for an earlier one
//! after that. What is beyond the ring waits in another heap. The order is total, so where an event has waited shows in
//! nothing but speed. (After calendar queues: R. Brown, 1988.)

use crate::arena::{Arena, Entry, NONE, Slot};
use crate::time::Time;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Faults go before ordinary events of the same instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    Fault,
    Ordinary,
}

const ORDINARY: u64 = 1 << 63;
/// Buckets of the ring.
const BUCKETS: usize = 2048;
/// A bucket that has more is sorted.
const FEW: u32 = 8;
/// The width of a bucket before it is first measured: 2^16 ns.
const SHIFT: u32 = 16;
/// It is measured after 64 buckets, or as many sorted events; then after twice as many, and at last after so many each time.
const MEASURED: (u32, u32) = (64, 8192);

/// All that is going to happen.
#[derive(Clone)]
pub(crate) struct Queue<B> {
    arena: Arena<B>,
    ring: Ring,
    /// The first bucket of the ring.
    edge: u64,
    /// A bucket is 2^shift nanoseconds wide.
    shift: u32,
    /// What belongs to a bucket before `edge`: all of it comes before what is in the ring.
    near: BinaryHeap<Reverse<Entry>>,
    /// What belongs to a bucket beyond the ring.
    far: BinaryHeap<Reverse<Entry>>,
    /// When the ring begins here, the first of these is within its reach.
    far_reach: u64,
    /// When the ring begins here, the width of a bucket is measured again.
    measure_at: u64,
    /// The first of the two: until then the ring goes on without a look at anything else.
    stop: u64,
    /// Events sorted since the width was last measured, and how many of them, or of buckets, will do to measure it again.
    sorted: u32,
    sorted_max: u32,
    /// The instant and the sequence number of then.
    measured: (u64, u64),
    sequence: u64,
}

impl<B: Copy + Default> Queue<B> {
    pub(crate) fn new() -> Self {
        Queue {
            arena: Arena { slots: Vec::new(), free: NONE },
            ring: Ring::new(),
            edge: 0,
            shift: SHIFT,
            near: BinaryHeap::new(),
            far: BinaryHeap::new(),
            far_reach: u64::MAX,
            measure_at: u64::from(MEASURED.0),
            stop: u64::from(MEASURED.0),
            sorted: 0,
            sorted_max: MEASURED.0,
            measured: (0, 0),
            sequence: 0,
        }
    }

    /// Something is going to happen then: what, is to be written here.
    #[inline(always)]
    pub(crate) fn push(&mut self, time: Time, class: Class) -> &mut B {
        self.sequence += 1;
        let class = if class == Class::Ordinary { ORDINARY } else { 0 };
        let (time, order) = (time.0, class | self.sequence);
        let bucket = time >> self.shift;
        if self.is_within_ring(bucket) {
            let head = self.ring.head(bucket as usize % BUCKETS);
            let slot = self.arena.put(time, order, *head);
            *head = slot;
            return &mut self.arena.slots[slot as usize].body;
        }
        let slot = self.arena.put(time, order, NONE);
        self.place_outside(Entry { time, order, slot });
        &mut self.arena.slots[slot as usize].body
    }

    /// What is before the edge wraps round to beyond the ring.
    #[inline(always)]
    fn is_within_ring(&self, bucket: u64) -> bool {
        bucket.wrapping_sub(self.edge) < BUCKETS as u64
    }

    fn place(&mut self, entry: Entry) {
        let bucket = entry.time >> self.shift;
        if !self.is_within_ring(bucket) {
            return self.place_outside(entry);
        }
        let head = self.ring.head(bucket as usize % BUCKETS);
        self.arena.slots[entry.slot as usize].next = std::mem::replace(head, entry.slot);
    }

    #[inline(never)]
    fn place_outside(&mut self, entry: Entry) {
        let bucket = entry.time >> self.shift;
        if bucket < self.edge {
            self.near.push(Reverse(entry));
        } else {
            self.far.push(Reverse(entry));
            self.far_reach = self.far_reach.min(reach(bucket));
            self.stop = self.stop.min(self.far_reach);
        }
    }

    /// The slot of the next event, or [`NONE`]. It is free already: what it holds is there until something else is scheduled.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> u32 {
        if !self.near.is_empty() {
            return self.pop_from_all();
        }
        let from = self.edge as usize % BUCKETS;
        let Some(bucket) = self.ring.next(from) else { return self.pop_far() };
        let ahead = (bucket.wrapping_sub(from) % BUCKETS) as u64;
        self.edge += ahead;
        if self.edge >= self.stop {
            self.keep_up();
            return self.pop_from_all();
        }
        // Mostly there are one or two: which of them it is, no processor can foresee, so there is no branch.
        let slots = &mut self.arena.slots;
        let head = self.ring.heads[bucket];
        let second = slots[head as usize].next;
        let is_alone = second == NONE;
        let other = if is_alone { head } else { second };
        if slots[other as usize].next != NONE {
            return self.pop_first_of(bucket);
        }
        let is_second_first = slots[other as usize].rank() < slots[head as usize].rank();
        let (first, rest) = if is_second_first { (other, head) } else { (head, other) };
        slots[rest as usize].next = NONE;
        self.ring.leave(bucket, rest, is_alone);
        self.arena.free(first)
    }

    /// What the slot of the last event holds.
    #[inline(always)]
    pub(crate) fn popped(&self, slot: u32) -> (Time, &B) {
        let place = &self.arena.slots[slot as usize];
        (Time(place.time), &place.body)
    }

    /// A slot as if this were the last event.
    pub(crate) fn pass(&mut self, now: Time, body: B) -> u32 {
        let slot = self.arena.put(now.0, ORDINARY, NONE);
        self.arena.slots[slot as usize].body = body;
        self.arena.free(slot)
    }

    /// Where there are several in a bucket, or one.
    #[inline(never)]
    fn pop_first_of(&mut self, bucket: usize) -> u32 {
        let slots = &mut self.arena.slots;
        let head = self.ring.heads[bucket];
        let (mut first, mut before_first) = (head, NONE);
        let (mut before, mut slot, mut count) = (head, slots[head as usize].next, 1);
        while let Some(place) = slots.get(slot as usize) {
            if place.rank() < slots[first as usize].rank() {
                (first, before_first) = (slot, before);
            }
            (before, slot) = (slot, place.next);
            count += 1;
        }
        if count > FEW {
            self.sort(bucket);
            return self.pop_from_all();
        }
        let next = slots[first as usize].next;
        match slots.get_mut(before_first as usize) {
            Some(before) => before.next = next,
            None if next == NONE => _ = self.ring.empty(bucket),
            None => self.ring.heads[bucket] = next,
        }
        self.arena.free(first)
    }

    /// Empties the first bucket of the ring that has something into the heap.
    #[cold]
    #[inline(never)]
    fn sort(&mut self, bucket: usize) {
        let mut slot = self.ring.empty(bucket);
        while let Some(place) = self.arena.slots.get(slot as usize) {
            self.near.push(Reverse(place.entry(slot)));
            self.sorted += 1;
            slot = place.next;
        }
        self.edge += 1;
        self.keep_up();
    }

    /// Nothing is in the ring: it goes on where the far heap begins, if that has anything.
    #[inline(never)]
    fn pop_far(&mut self) -> u32 {
        let Some(Reverse(first)) = self.far.peek() else { return NONE };
        let before = std::mem::replace(&mut self.edge, first.time >> self.shift);
        // Where nothing was to happen there are no buckets that count.
        self.measure_at = self.measure_at.saturating_add(self.edge.saturating_sub(before));
        self.keep_up();
        self.pop()
    }

    /// Where the first event is not simply the first of the ring.
    #[inline(never)]
    fn pop_from_all(&mut self) -> u32 {
        if let Some(Reverse(first)) = self.near.pop() {
            return self.arena.free(first.slot);
        }
        let Some(bucket) = self.ring.next(self.edge as usize % BUCKETS) else { return self.pop_far() };
        let ahead = bucket.wrapping_sub(self.edge as usize) % BUCKETS;
        self.edge += ahead as u64;
        self.keep_up();
        self.pop_first_of(self.edge as usize % BUCKETS)
    }

    /// The first event.
    fn first(&self) -> Option<Entry> {
        if let Some(Reverse(first)) = self.near.peek() {
            return Some(*first);
        }
        let Some(bucket) = self.ring.next(self.edge as usize % BUCKETS) else {
            return self.far.peek().map(|Reverse(first)| *first);
        };
        self.arena.list(self.ring.heads[bucket]).min()
    }

    /// The instant of the next event.
    pub(crate) fn next_time(&self) -> Option<Time> {
        self.first().map(|first| Time(first.time))
    }

    /// Bytes that a pending event takes.
    pub(crate) fn event_bytes() -> usize {
        size_of::<Slot<B>>() + size_of::<Entry>()
    }

    /// How many events there is room for.
    pub(crate) fn room(&self) -> usize {
        self.arena.slots.len()
    }

    /// Every pending event, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &B> {
        self.arena.slots.iter().filter(|slot| slot.order != 0).map(|slot| &slot.body)
    }

    /// Takes the bodies of the pending events that are meant: what still comes in their place is a default. In their order,
    /// with their times.
    pub(crate) fn take_where(&mut self, is_meant: impl Fn(&B) -> bool) -> Vec<(Time, B)> {
        let pending = self.arena.slots.iter_mut().filter(|slot| slot.order != 0 && is_meant(&slot.body));
        let mut taken: Vec<(u64, u64, B)> =
            pending.map(|slot| (slot.time, slot.order, std::mem::take(&mut slot.body))).collect();
        taken.sort_unstable_by_key(|(time, order, _)| (*time, *order));
        taken.into_iter().map(|(time, _, body)| (Time(time), body)).collect()
    }

    /// Takes into the ring what has come within its reach.
    #[inline(never)]
    fn keep_up(&mut self) {
        if self.edge >= self.measure_at || self.sorted >= self.sorted_max {
            self.spread();
            self.measure_at = self.edge.saturating_add(u64::from(self.sorted_max));
        }
        while self.edge >= self.far_reach
            && let Some(Reverse(entry)) = self.far.pop()
        {
            self.far_reach =
                self.far.peek().map_or(u64::MAX, |Reverse(first)| reach(first.time >> self.shift));
            self.place(entry);
        }
        self.stop = self.far_reach.min(self.measure_at);
    }

    /// Makes a bucket about as wide as the mean time between two events, and puts everything in its place.
    #[cold]
    fn spread(&mut self) {
        self.sorted = 0;
        self.sorted_max = MEASURED.1.min(self.sorted_max * 2);
        let Some(from) = self.first().map(|entry| entry.time) else { return };
        let (since, before) = std::mem::replace(&mut self.measured, (from, self.sequence));
        let gap = from.saturating_sub(since) / (self.sequence - before).max(1);
        let shift = gap.saturating_add(gap / 2).max(2).ilog2();
        if shift.abs_diff(self.shift) <= 1 {
            return;
        }
        let mut pending: Vec<Entry> =
            self.near.drain().chain(self.far.drain()).map(|Reverse(entry)| entry).collect();
        let ring = std::mem::replace(&mut self.ring, Ring::new());
        ring.heads.iter().for_each(|head| pending.extend(self.arena.list(*head)));
        self.far_reach = u64::MAX;
        self.shift = shift;
        self.edge = from >> shift;
        pending.into_iter().for_each(|entry| self.place(entry));
    }
}

/// When the ring begins here, this bucket is within its reach.
fn reach(bucket: u64) -> u64 {
    bucket.saturating_sub(BUCKETS as u64 - 1)
}

/// Buckets of events, unsorted: for each the first slot of a list, and a bit if it has any.
#[derive(Clone)]
struct Ring {
    heads: Box<[u32; BUCKETS]>,
    filled: [u64; BUCKETS / 64],
}

impl Ring {
    fn new() -> Self {
        Ring { heads: Box::new([NONE; BUCKETS]), filled: [0; BUCKETS / 64] }
    }

    /// The head of a bucket's list that is about to get one more.
    #[inline(always)]
    fn head(&mut self, bucket: usize) -> &mut u32 {
        self.filled[bucket / 64] |= 1 << (bucket % 64);
        &mut self.heads[bucket]
    }

    /// A bucket's list has one slot left, or, if that was the last, none.
    #[inline(always)]
    fn leave(&mut self, bucket: usize, slot: u32, is_empty: bool) {
        self.filled[bucket / 64] &= !(u64::from(is_empty) << (bucket % 64));
        self.heads[bucket] = if is_empty { NONE } else { slot };
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
        self.next_word(from / 64)
    }

    #[inline(never)]
    fn next_word(&self, from: usize) -> Option<usize> {
        let mut words = (1..=self.filled.len()).map(|i| (from + i) % self.filled.len());
        let word = words.find(|word| self.filled[*word] != 0)?;
        Some(word * 64 + self.filled[word].trailing_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::mix;

    fn next<B: Copy + Default>(queue: &mut Queue<B>) -> Option<(Time, B)> {
        let slot = queue.pop();
        (slot != NONE).then(|| queue.popped(slot)).map(|(time, body)| (time, *body))
    }

    #[test]
    fn events_come_by_time_then_faults_then_in_the_order_of_scheduling() {
        let mut queue = Queue::new();
        *queue.push(Time(5), Class::Ordinary) = 'c';
        *queue.push(Time(5), Class::Fault) = 'b';
        *queue.push(Time(1), Class::Ordinary) = 'a';
        assert_eq!(next(&mut queue), Some((Time(1), 'a')));
        *queue.push(Time(5), Class::Ordinary) = 'd';
        assert_eq!(next(&mut queue), Some((Time(5), 'b')));
        *queue.push(Time(5), Class::Ordinary) = 'e';
        let rest: String = std::iter::from_fn(|| next(&mut queue)).map(|(_, body)| body).collect();
        assert_eq!(rest, "cde");
    }

    #[test]
    fn what_was_scheduled_for_an_instant_comes_before_what_that_instant_brings() {
        for (scheduled, bucket) in [(1 << 20, "another bucket"), (1 << 40, "beyond the ring")] {
            let mut queue = Queue::new();
            *queue.push(Time(scheduled), Class::Ordinary) = 'a';
            // Nothing was popped: the present has moved on by itself.
            *queue.push(Time(scheduled), Class::Ordinary) = 'b';
            let order: String = std::iter::from_fn(|| next(&mut queue)).map(|(_, body)| body).collect();
            assert_eq!(order, "ab", "{bucket}");
        }
    }

    /// Pushes and pops by turns, with spans that `delay` says; compares with a list that is sorted each time.
    fn compare(steps: u64, delay: impl Fn(u64) -> u64) {
        let mut queue = Queue::new();
        let mut expected = std::collections::BTreeSet::new();
        let mut now = 0;
        for i in 0..steps {
            // Grows to some hundreds, shrinks to nothing, and again.
            let growing = i / 700 % 2 == 0;
            if i % 13 == 0 {
                // The present moves on to the next event, which has not come yet.
                now = expected.first().map_or(now, |(time, _)| *time);
            }
            if i % 11 == 0 {
                *queue.push(Time(now), Class::Ordinary) = i;
                expected.insert((now, i));
            } else if growing || i % 3 == 0 {
                let time = u64::saturating_add(now, delay(i));
                *queue.push(Time(time), Class::Ordinary) = i;
                expected.insert((time, i));
            }
            if !growing || i % 3 == 0 {
                let first = expected.pop_first();
                assert_eq!(next(&mut queue).map(|(time, i)| (time.0, i)), first);
                now = first.map_or(now, |(time, _)| time);
            }
            assert_eq!(queue.iter().count(), expected.len());
        }
        while let Some(first) = expected.pop_first() {
            assert_eq!(queue.next_time(), Some(Time(first.0)));
            assert_eq!(next(&mut queue).map(|(time, i)| (time.0, i)), Some(first));
        }
        assert_eq!(next(&mut queue), None);
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
            *queue.push(Time(if i % 2 == 0 { u64::MAX } else { i }), Class::Ordinary) = i;
        }
        let got: Vec<u64> = std::iter::from_fn(|| next(&mut queue)).map(|(_, body)| body).collect();
        assert!(got.iter().take(50).all(|body| body % 2 == 1) && got.len() == 100, "{got:?}");
    }
}
