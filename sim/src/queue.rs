//! The pending events, ordered by (time, class, sequence): a 4-ary heap that moves a hole, and a FIFO for "now".
//!
//! The top of the heap is taken by copying it and leaving a hole at the root, which the next push fills: most
//! events schedule another, so a pop and a push cost one walk. What is scheduled for the present instant comes
//! after everything that is already scheduled for it, so a FIFO is its order.

use crate::time::Time;
use std::collections::VecDeque;

/// Faults go before ordinary events of the same instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    Fault,
    Ordinary,
}

const ORDINARY: u64 = 1 << 63;

#[derive(Clone, Copy)]
struct Entry<B> {
    time: u64,
    order: u64,
    body: B,
}

impl<B> Entry<B> {
    #[inline(always)]
    fn rank(&self) -> u128 {
        u128::from(self.time) << 64 | u128::from(self.order)
    }
}

/// All that is going to happen.
#[derive(Clone)]
pub(crate) struct Queue<B> {
    heap: Vec<Entry<B>>,
    /// The root has been taken and not been replaced.
    hole: bool,
    now: VecDeque<Entry<B>>,
    sequence: u64,
}

impl<B: Copy> Queue<B> {
    pub(crate) fn new() -> Self {
        Queue { heap: Vec::new(), hole: false, now: VecDeque::new(), sequence: 0 }
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, time: Time, class: Class, body: B) {
        self.sequence += 1;
        let class = if class == Class::Ordinary { ORDINARY } else { 0 };
        let entry = Entry { time: time.0, order: class | self.sequence, body };
        if self.hole {
            self.hole = false;
            self.sink(entry);
        } else {
            self.rise(entry);
        }
    }

    /// For an ordinary event at the present instant.
    #[inline(always)]
    pub(crate) fn push_now(&mut self, now: Time, body: B) {
        self.sequence += 1;
        self.now.push_back(Entry { time: now.0, order: ORDINARY | self.sequence, body });
    }

    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<(Time, B)> {
        self.settle();
        if let Some(front) = self.now.front()
            && self.heap.first().is_none_or(|top| front.rank() < top.rank())
        {
            return self.now.pop_front().map(|entry| (Time(entry.time), entry.body));
        }
        let top = *self.heap.first()?;
        self.hole = true;
        Some((Time(top.time), top.body))
    }

    /// The instant of the next event.
    pub(crate) fn next_time(&mut self) -> Option<Time> {
        self.settle();
        let times = [self.now.front(), self.heap.first()];
        times.into_iter().flatten().map(|entry| Time(entry.time)).min()
    }

    /// Every pending event, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &B> {
        self.heap.iter().skip(usize::from(self.hole)).chain(&self.now).map(|entry| &entry.body)
    }

    /// Closes the hole that the last pop left, if no push did.
    #[inline(always)]
    fn settle(&mut self) {
        if self.hole {
            self.hole = false;
            if let Some(last) = self.heap.pop()
                && !self.heap.is_empty()
            {
                self.sink(last);
            }
        }
    }

    #[inline(always)]
    fn rise(&mut self, entry: Entry<B>) {
        self.heap.push(entry);
        let mut at = self.heap.len() - 1;
        let heap = &mut self.heap[..];
        let rank = entry.rank();
        while at > 0 {
            let parent = (at - 1) / 4;
            if heap[parent].rank() <= rank {
                break;
            }
            heap[at] = heap[parent];
            at = parent;
        }
        heap[at] = entry;
    }

    /// Puts an entry into the hole at the root.
    #[inline(always)]
    fn sink(&mut self, entry: Entry<B>) {
        let heap = &mut self.heap[..];
        let rank = entry.rank();
        let mut at = 0;
        loop {
            let first = at * 4 + 1;
            if first >= heap.len() {
                break;
            }
            let (least, least_rank) = least_of(heap, first);
            if rank <= least_rank {
                break;
            }
            heap[at] = heap[least];
            at = least;
        }
        heap[at] = entry;
    }
}

/// The least of the up to four children that begin at `first`; a full family is compared in pairs.
#[inline(always)]
fn least_of<B>(heap: &[Entry<B>], first: usize) -> (usize, u128) {
    if let Some(four) = heap.get(first..first + 4) {
        let ranks = [four[0].rank(), four[1].rank(), four[2].rank(), four[3].rank()];
        let (a, rank_a) = if ranks[1] < ranks[0] { (1, ranks[1]) } else { (0, ranks[0]) };
        let (b, rank_b) = if ranks[3] < ranks[2] { (3, ranks[3]) } else { (2, ranks[2]) };
        return if rank_b < rank_a { (first + b, rank_b) } else { (first + a, rank_a) };
    }
    let mut least = (first, heap[first].rank());
    for (i, entry) in heap.iter().enumerate().skip(first + 1) {
        if entry.rank() < least.1 {
            least = (i, entry.rank());
        }
    }
    least
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

    #[test]
    fn it_sorts_whatever_comes() {
        let mut queue = Queue::new();
        let mut expected = Vec::new();
        for i in 0..1000u64 {
            let time = mix(i) % 100;
            queue.push(Time(time), Class::Ordinary, i);
            expected.push((time, i));
        }
        expected.sort();
        let got: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|(time, body)| (time.0, body)).collect();
        assert_eq!(got, expected);
    }
}
