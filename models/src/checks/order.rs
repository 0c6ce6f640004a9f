//! Order: late and stale messages, and inversions, of one relation in one subscription.
//!
//! A message is *late* if its first effect comes after that of one that should follow it; *stale* is a repeat after
//! a newer one (RFC 4737 for the ratio). Ranks are dense, so the whole order is a set of bits per line (a key, a
//! producer, a queue or partition), of which the full words are forgotten.

use crate::message::SourceId;
use std::collections::VecDeque;

/// The dense ranks of one line; within one line of the cache, too.
#[derive(Clone, Debug, Default)]
#[repr(align(64))]
struct Line {
    /// Ranks of the first word that had their effect.
    done: u64,
    /// Ranks of the first word that never will.
    void: u64,
    /// The rank of the first bit; a multiple of 64.
    base: u32,
    /// One more than the greatest rank that had its effect.
    top: u32,
    /// The message of that rank.
    top_message: (u32, u32),
    /// Messages of the line that are unsettled now.
    unsettled: u32,
    /// Where one of the line was last sent to, plus one.
    path: u32,
    /// Further words; most lines never need any.
    #[allow(clippy::box_collection)] // there is a line for each key: eight bytes, not thirty-two
    more: Option<Box<VecDeque<[u64; 2]>>>,
}

/// A message that came too late, and the one that should have followed it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Source and number of the late (or stale) message.
    pub message: (u32, u32),
    /// Source and number of one that should follow it, and came first.
    pub newer: (u32, u32),
    /// It was a repeat.
    pub stale: bool,
}

/// Lines of a page.
const PAGE: usize = 16;

/// One relation in one subscription.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// Lines, in pages: of many keys few may ever come.
    pages: Vec<Option<Box<[Line; PAGE]>>>,
    /// First effects after that of a message that should follow.
    pub late: u64,
    /// Repeats after a newer one.
    pub stale: u64,
    /// Pairs in the wrong order.
    pub inversions: u64,
    /// First effects.
    pub effects: u64,
    /// Something could have put a pair out of order.
    pub exercised: bool,
    /// The first message that was late or stale.
    pub first: Option<Violation>,
}

impl Order {
    #[inline(always)]
    fn line(&mut self, line: u32) -> &mut Line {
        let (page, place) = (line as usize / PAGE, line as usize % PAGE);
        if !matches!(self.pages.get(page), Some(Some(_))) {
            return self.first_line(page, place);
        }
        let Some(Some(lines)) = self.pages.get_mut(page) else { unreachable!("it is there") };
        &mut lines[place]
    }

    /// The first line of its page that is needed.
    #[cold]
    #[inline(never)]
    fn first_line(&mut self, page: usize, place: usize) -> &mut Line {
        if page >= self.pages.len() {
            self.pages.resize(page + 1, None);
        }
        let lines = self.pages[page].insert(Box::new(std::array::from_fn(|_| Line::default())));
        &mut lines[place]
    }

    /// A message of this line was accepted.
    #[inline(always)]
    pub fn entered(&mut self, line: u32) {
        if !self.exercised {
            self.line(line).unsettled += 1;
        }
    }

    /// A message of this line is in the way of nothing any more.
    #[inline(always)]
    pub fn settled(&mut self, line: u32) {
        if !self.exercised {
            let line = self.line(line);
            line.unsettled = line.unsettled.saturating_sub(1);
        }
    }

    /// A message of this line was requeued, retried or moved.
    pub fn upset(&mut self, line: u32) {
        if !self.exercised && self.line(line).unsettled >= 2 {
            self.exercised = true;
        }
    }

    /// A message of this line was sent on this path.
    #[inline(always)]
    pub fn sent(&mut self, line: u32, path: u32) {
        if !self.exercised {
            let line = self.line(line);
            let other = line.path != 0 && line.path != path + 1;
            line.path = path + 1;
            if other && line.unsettled >= 2 {
                self.exercised = true;
            }
        }
    }

    /// The first effect of the message of this rank.
    #[inline(always)]
    pub fn first_effect(&mut self, line: u32, rank: u32, source: SourceId, number: u32) {
        self.effects += 1;
        let state = self.line(line);
        assert!(rank >= state.base);
        let offset = rank - state.base;
        if state.top <= rank {
            state.top = rank + 1;
            state.top_message = (source.0, number);
            return state.mark(offset, false);
        }
        let (newer, inversions) = (state.top_message, state.done_above(offset));
        state.mark(offset, false);
        self.late += 1;
        self.inversions += inversions;
        if self.first.is_none() {
            self.first = Some(Violation { message: (source.0, number), newer, stale: false });
        }
    }

    /// The effect of the message of this rank took place again.
    pub fn repeated(&mut self, line: u32, rank: u32, source: SourceId, number: u32) {
        let state = self.line(line);
        if state.top > rank + 1 {
            let newer = state.top_message;
            self.stale += 1;
            let violation = Violation { message: (source.0, number), newer, stale: true };
            self.first.get_or_insert(violation);
        }
    }

    /// The message of this rank will never have an effect.
    #[inline(always)]
    pub fn void(&mut self, line: u32, rank: u32) {
        let state = self.line(line);
        assert!(rank >= state.base);
        let offset = rank - state.base;
        state.mark(offset, true);
    }
}

impl Line {
    #[inline(always)]
    fn mark(&mut self, offset: u32, void: bool) {
        if offset >= 64 {
            return self.mark_far(offset, void);
        }
        if void {
            self.void |= 1 << offset;
        } else {
            self.done |= 1 << offset;
        }
        if self.done | self.void == u64::MAX {
            self.advance();
        }
    }

    /// How many ranks above this offset have had their effect.
    #[inline(never)]
    fn done_above(&self, offset: u32) -> u64 {
        let count = if offset < 64 { (self.done >> offset).count_ones() } else { 0 };
        let Some(more) = &self.more else { return u64::from(count) };
        let (mut word, mut bit) = if offset < 64 { (0, 0) } else { (offset as usize / 64 - 1, offset % 64) };
        let mut count = u64::from(count);
        while let Some([done, _]) = more.get(word) {
            count += u64::from((done >> bit).count_ones());
            (word, bit) = (word + 1, 0);
        }
        count
    }

    #[inline(never)]
    fn mark_far(&mut self, offset: u32, void: bool) {
        let index = offset as usize / 64 - 1;
        let more = self.more.get_or_insert_default();
        while more.len() <= index {
            more.push_back([0; 2]);
        }
        more[index][usize::from(void)] |= 1 << (offset % 64);
    }

    #[inline(never)]
    fn advance(&mut self) {
        while self.done | self.void == u64::MAX {
            self.base += 64;
            let next = self.more.as_mut().and_then(|more| more.pop_front());
            [self.done, self.void] = next.unwrap_or([0; 2]);
        }
    }
}

/// Late and stale by a stamp, over a whole subscription: ranks are not dense, so there are no inversions.
#[derive(Clone, Debug, Default)]
pub struct StampOrder {
    top: i64,
    any: bool,
    /// First effects after that of a message with a later stamp.
    pub late: u64,
    /// Repeats after one with a later stamp.
    pub stale: u64,
    /// First effects.
    pub effects: u64,
}

impl StampOrder {
    /// An effect of a message with this stamp.
    #[inline(always)]
    pub fn effect(&mut self, stamp: i64, first: bool) {
        let behind = self.any && stamp < self.top;
        if first {
            self.effects += 1;
            self.late += u64::from(behind);
        } else {
            self.stale += u64::from(behind);
        }
        if !behind {
            self.top = stamp;
            self.any = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order_of(ranks: &[u32]) -> Order {
        let mut order = Order::default();
        for &rank in ranks {
            order.first_effect(0, rank, SourceId(0), rank);
        }
        order
    }

    #[test]
    fn a_sorted_line_has_nothing_late() {
        let order = order_of(&[0, 1, 2, 5]);
        assert_eq!((order.late, order.inversions, order.first), (0, 0, None));
    }

    #[test]
    fn inversions_are_pairs() {
        let order = order_of(&[2, 0, 1]);
        assert_eq!((order.late, order.inversions), (2, 2));
        let first = Violation { message: (0, 0), newer: (0, 2), stale: false };
        assert_eq!(order.first, Some(first));
    }

    #[test]
    fn far_ranks_are_counted_as_near_ones() {
        let backwards: Vec<u32> = (0..300).rev().collect();
        assert_eq!(order_of(&backwards).inversions, 300 * 299 / 2);
    }

    #[test]
    fn void_ranks_do_not_hold_the_words_back() {
        let mut order = Order::default();
        for rank in 0..64 {
            order.void(0, rank);
        }
        assert_eq!(order.line(0).base, 64);
    }

    #[test]
    fn a_repeat_after_a_newer_one_is_stale() {
        let mut order = order_of(&[0, 1]);
        order.repeated(0, 1, SourceId(0), 1);
        assert_eq!(order.stale, 0);
        order.repeated(0, 0, SourceId(0), 0);
        assert_eq!(order.stale, 1);
    }
}
