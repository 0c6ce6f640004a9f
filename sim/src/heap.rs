//! A 4-ary heap that moves a hole.
//!
//! The top is taken and leaves a hole, which the next push fills: most events schedule another, so a pop and a push
//! cost one walk. The other entries stand in families of four, the children of one parent; where a family has fewer,
//! the rest are vacant places that come after everything.

/// When something is going to happen, by instant and then by order, and in which slot it stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Entry {
    pub(crate) time: u64,
    pub(crate) order: u64,
    pub(crate) slot: u32,
}

impl Entry {
    /// Nothing: it comes after everything.
    const VACANT: Entry = Entry { time: u64::MAX, order: u64::MAX, slot: u32::MAX };

    /// Instants nearly always differ: the order is looked at only where they do not.
    #[inline(always)]
    pub(crate) fn is_before(&self, other: &Self) -> bool {
        self.time < other.time || (self.time == other.time && self.order < other.order)
    }
}

/// The heap.
#[derive(Clone)]
pub(crate) struct Heap {
    /// The first of all; none right after a pop.
    top: Option<Entry>,
    /// The children of the top, then those of its first child, and so on: the children of the entry at place `p` (a
    /// family's number times four, plus the place in it) are family `p + 1`.
    families: Vec<[Entry; 4]>,
    /// Entries in the families.
    count: usize,
}

impl Heap {
    pub(crate) fn new() -> Self {
        Heap { top: None, families: Vec::new(), count: 0 }
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, entry: Entry) {
        if self.top.is_none() {
            self.sink(entry);
        } else {
            self.rise(entry);
        }
    }

    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<Entry> {
        self.settle();
        self.top.take()
    }

    #[inline(always)]
    pub(crate) fn first(&mut self) -> Option<&Entry> {
        self.settle();
        self.top.as_ref()
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0 && self.top.is_none()
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.count + usize::from(self.top.is_some())
    }

    /// Closes the hole that the last pop left, if no push did: the last entry goes there.
    #[inline(always)]
    fn settle(&mut self) {
        if self.top.is_none() && self.count > 0 {
            self.count -= 1;
            let place = &mut self.families[self.count / 4][self.count % 4];
            let last = std::mem::replace(place, Entry::VACANT);
            if self.count.is_multiple_of(4) {
                self.families.pop();
            }
            self.sink(last);
        }
    }

    /// Puts an entry behind the last one, and lets it rise.
    #[inline(always)]
    fn rise(&mut self, entry: Entry) {
        let mut at = self.count;
        self.count += 1;
        if at.is_multiple_of(4) {
            self.families.push([Entry::VACANT; 4]);
        }
        while at >= 4 {
            let parent = at / 4 - 1;
            let above = self.families[parent / 4][parent % 4];
            if above.is_before(&entry) {
                break;
            }
            self.families[at / 4][at % 4] = above;
            at = parent;
        }
        if at < 4
            && let Some(top) = self.top.as_mut().filter(|top| entry.is_before(top))
        {
            self.families[0][at] = std::mem::replace(top, entry);
        } else {
            self.families[at / 4][at % 4] = entry;
        }
    }

    /// Puts an entry into the hole at the top, and lets it sink.
    #[inline(always)]
    fn sink(&mut self, entry: Entry) {
        let Some(children) = self.families.first() else {
            self.top = Some(entry);
            return;
        };
        let mut at = least_of(children);
        if entry.is_before(&children[at]) {
            self.top = Some(entry);
            return;
        }
        self.top = Some(children[at]);
        while let Some(children) = self.families.get(at + 1) {
            let least = least_of(children);
            let child = children[least];
            if entry.is_before(&child) {
                break;
            }
            self.families[at / 4][at % 4] = child;
            at = (at + 1) * 4 + least;
        }
        self.families[at / 4][at % 4] = entry;
    }
}

/// Which of four comes first: compared in pairs, by instant alone; only where two are the same does the order decide.
#[inline(always)]
fn least_of(four: &[Entry; 4]) -> usize {
    let times = [four[0].time, four[1].time, four[2].time, four[3].time];
    let (a, time_a) = if times[1] < times[0] { (1, times[1]) } else { (0, times[0]) };
    let (b, time_b) = if times[3] < times[2] { (3, times[3]) } else { (2, times[2]) };
    if times[0] == times[1] || times[2] == times[3] || time_a == time_b {
        return least_by_order(four);
    }
    if time_b < time_a { b } else { a }
}

#[inline(never)]
fn least_by_order(four: &[Entry; 4]) -> usize {
    (1..4).fold(0, |least, i| if four[i] < four[least] { i } else { least })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::mix;

    #[test]
    fn it_sorts_whatever_comes() {
        let mut heap = Heap::new();
        let mut expected = Vec::new();
        for order in 0..1000 {
            let time = mix(order) % 100;
            heap.push(Entry { time, order, slot: 0 });
            expected.push((time, order));
        }
        expected.sort();
        assert_eq!(heap.len(), 1000);
        let got: Vec<_> = std::iter::from_fn(|| heap.pop()).map(|entry| (entry.time, entry.order)).collect();
        assert_eq!(got, expected);
    }
}
