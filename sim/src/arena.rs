//! Where pending events stand: slots that are used again, and lists through them.

/// No slot.
pub(crate) const NONE: u32 = u32::MAX;

/// When something is going to happen, by instant and then by order, and in which slot it stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Entry {
    pub(crate) time: u64,
    pub(crate) order: u64,
    pub(crate) slot: u32,
}

/// Where events stand.
#[derive(Clone)]
pub(crate) struct Arena<B> {
    pub(crate) slots: Vec<Slot<B>>,
    /// The first slot that is free, of a list.
    pub(crate) free: u32,
}

/// Within one line of the cache.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Slot<B> {
    pub(crate) time: u64,
    /// 0: it is free.
    pub(crate) order: u64,
    /// The next in its bucket, or among the free.
    pub(crate) next: u32,
    pub(crate) body: B,
}

impl<B> Slot<B> {
    #[inline(always)]
    pub(crate) fn rank(&self) -> u128 {
        u128::from(self.time) << 64 | u128::from(self.order)
    }

    pub(crate) fn entry(&self, slot: u32) -> Entry {
        Entry { time: self.time, order: self.order, slot }
    }
}

impl<B: Copy + Default> Arena<B> {
    /// A slot for what is going to happen then; whoever asked for it writes what it is, where it stands: what is put together
    /// elsewhere and copied is waited for.
    #[inline(always)]
    pub(crate) fn put(&mut self, time: u64, order: u64, next: u32) -> u32 {
        if self.free == NONE {
            self.grow();
        }
        let index = self.free;
        let place = &mut self.slots[index as usize];
        self.free = place.next;
        place.time = time;
        place.order = order;
        place.next = next;
        index
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        self.free = self.slots.len() as u32;
        self.slots.push(Slot { time: 0, order: 0, next: NONE, body: B::default() });
    }

    /// The events of a list.
    pub(crate) fn list(&self, head: u32) -> impl Iterator<Item = Entry> {
        let at = |slot: u32| self.slots.get(slot as usize).map(|place| (place, slot));
        let slots = std::iter::successors(at(head), move |(place, _)| at(place.next));
        slots.map(|(place, slot)| place.entry(slot))
    }

    /// The slot can be used again.
    #[inline(always)]
    pub(crate) fn free(&mut self, slot: u32) -> u32 {
        let place = &mut self.slots[slot as usize];
        (place.order, place.next) = (0, std::mem::replace(&mut self.free, slot));
        slot
    }
}
