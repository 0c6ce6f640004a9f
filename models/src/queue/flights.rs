//! Deliveries that have not been settled, in slots that are used again, and the order of their deadlines.
//!
//! All deadlines of a broker are equally long, so their order is that of sending: a list through the slots. What is
//! settled leaves it at once, however long its deadline was.

use super::Entry;
use crate::packet::Tag;
use redeliver_sim::{ConnectionId, Time};

/// A delivery that has not been settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    pub(super) entry: Entry,
    pub(super) queue: u32,
    pub(super) connection: ConnectionId,
    /// Who has it, by slot and number among the queue's subscribers; `NOBODY` if it was asked for singly.
    pub(super) slot: u32,
    pub(super) number: u32,
    /// When it is delivered again; never, if nothing is said.
    pub(super) deadline: Time,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    flight: Flight,
    generation: u16,
    live: bool,
    before: u32,
    /// The next by deadline; of a free slot, the next that is free.
    after: u32,
}

const NONE: u32 = u32::MAX;

/// The deliveries.
#[derive(Clone, Debug)]
pub(super) struct Flights {
    slots: Vec<Slot>,
    free: u32,
    first: u32,
    last: u32,
    count: usize,
}

impl Flights {
    pub(super) fn new() -> Self {
        Flights { slots: Vec::new(), free: NONE, first: NONE, last: NONE, count: 0 }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// A delivery begins; no deadline so far is later than its own.
    #[inline(always)]
    pub(super) fn take_off(&mut self, flight: Flight) -> Tag {
        self.count += 1;
        let before = self.last;
        let (index, generation) = match self.slots.get_mut(self.free as usize) {
            Some(place) => {
                let generation = place.generation.wrapping_add(1);
                let index = std::mem::replace(&mut self.free, place.after);
                // Field by field: what is put together elsewhere and copied is waited for.
                place.flight = flight;
                (place.generation, place.live) = (generation, true);
                (place.before, place.after) = (before, NONE);
                (index, generation)
            }
            None => (self.grow(Slot { flight, generation: 0, live: true, before, after: NONE }), 0),
        };
        match self.slots.get_mut(self.last as usize) {
            Some(last) => last.after = index,
            None => self.first = index,
        }
        self.last = index;
        Tag { slot: index, generation }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, slot: Slot) -> u32 {
        self.slots.push(slot);
        self.slots.len() as u32 - 1
    }

    /// What this tag stands for, if that is not settled.
    #[inline(always)]
    pub(super) fn get(&self, tag: Tag) -> Option<&Flight> {
        let slot = self.slots.get(tag.slot as usize)?;
        (slot.live && slot.generation == tag.generation).then_some(&slot.flight)
    }

    /// Settles what this tag stands for, if that is not settled.
    #[inline(always)]
    pub(super) fn land(&mut self, tag: Tag) -> Option<&Flight> {
        let slot = self.slots.get_mut(tag.slot as usize)?;
        if !slot.live || slot.generation != tag.generation {
            return None;
        }
        slot.live = false;
        let before = slot.before;
        let after = std::mem::replace(&mut slot.after, self.free);
        self.free = tag.slot;
        self.count -= 1;
        match self.slots.get_mut(before as usize) {
            Some(slot) => slot.after = after,
            None => self.first = after,
        }
        match self.slots.get_mut(after as usize) {
            Some(slot) => slot.before = before,
            None => self.last = before,
        }
        self.slots.get(tag.slot as usize).map(|slot| &slot.flight)
    }

    /// What this tag stood for until it was settled just now.
    #[inline(always)]
    pub(super) fn landed(&self, tag: Tag) -> &Flight {
        &self.slots[tag.slot as usize].flight
    }

    /// The one whose deadline comes first.
    #[inline(always)]
    pub(super) fn first(&self) -> Option<(Tag, &Flight)> {
        let slot = self.slots.get(self.first as usize)?;
        Some((Tag { slot: self.first, generation: slot.generation }, &slot.flight))
    }

    /// All of them, in the order of sending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Tag, &Flight)> {
        let at = |index: u32| self.slots.get(index as usize).map(|slot| (index, slot));
        let slots = std::iter::successors(at(self.first), move |(_, slot)| at(slot.after));
        slots.map(|(index, slot)| (Tag { slot: index, generation: slot.generation }, &slot.flight))
    }

    /// What is held of a queue's messages.
    pub(super) fn held(&self, queue: usize) -> impl Iterator<Item = &Entry> {
        let of_queue = self.iter().filter(move |(_, flight)| flight.queue as usize == queue);
        of_queue.map(|(_, flight)| &flight.entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::MessageRef;

    fn flight(deadline: u64) -> Flight {
        let entry = Entry {
            m: MessageRef::NONE,
            rank: 0,
            size: 0,
            history: 0,
            attempts: 1,
            priority: 0,
            in_memory: true,
            position: None,
            expires: Time::NEVER,
        };
        Flight { entry, queue: 0, connection: ConnectionId(0), slot: 0, number: 0, deadline: Time(deadline) }
    }

    fn deadlines(flights: &Flights) -> Vec<u64> {
        let mut flights = flights.clone();
        let mut all = Vec::new();
        while let Some((tag, flight)) = flights.first() {
            all.push(flight.deadline.0);
            flights.land(tag);
        }
        all
    }

    #[test]
    fn what_is_settled_leaves_the_order_wherever_it_stands() {
        for settled in 0..4 {
            let mut flights = Flights::new();
            let tags: Vec<Tag> = (0..4).map(|i| flights.take_off(flight(i))).collect();
            flights.land(tags[settled]);
            flights.take_off(flight(9));
            let mut expected = vec![0, 1, 2, 3, 9];
            expected.remove(settled);
            assert_eq!((deadlines(&flights), flights.slots.len()), (expected, 4));
        }
    }

    #[test]
    fn a_tag_of_an_earlier_use_of_the_slot_says_nothing() {
        let mut flights = Flights::new();
        let old = flights.take_off(flight(1));
        assert!(flights.land(old).is_some());
        let new = flights.take_off(flight(2));
        assert!(flights.land(old).is_none() && flights.get(old).is_none());
        assert_eq!((flights.get(new).map(|flight| flight.deadline.0), flights.count()), (Some(2), 1));
        assert_eq!(flights.iter().count(), 1);
    }
}
