//! Who of a queue's consumers is given the next message.
//!
//! Those that can take one stand in a line, by priority, then by how long they have stood; who was served goes to its
//! end. With a single active consumer the others wait beside the line. Source: `rabbit_queue_consumers.erl`
//! (classic), `rabbit_fifo.erl` (quorum: `service_queue`, `waiting_consumers`).

use super::TurnLost;
use redeliver_sim::{ConnectionId, Fifo};

/// How those who consume from a queue take turns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turns {
    /// They stand in a line.
    InLine,
    /// They stand in a line, and who is first is given all that he takes. SQS: a receive.
    OneByOne,
    /// Each time it is one of those that can take a message, with equal chances. NATS: a queue group.
    AtRandom,
}

/// Somebody who consumes from a queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subscriber {
    pub(super) connection: ConnectionId,
    /// Its number among all that ever were.
    pub(super) number: u32,
    pub(super) auto_ack: bool,
    /// It is a request, for so many in all; `Some(false)`: what there is by the time of the first is enough.
    pub(super) fills: Option<bool>,
    /// How many more it takes.
    pub(super) room: u32,
    priority: i32,
    /// It is here; else its slot is free.
    here: bool,
    stands: bool,
}

/// The consumers of a queue.
#[derive(Clone, Debug)]
pub(super) struct Service {
    slots: Vec<Subscriber>,
    free: Vec<u32>,
    /// Who is next, by slot.
    line: Fifo<u32>,
    /// With a single active consumer: who it is, and who will be.
    active: Option<u32>,
    waiting: Fifo<u32>,
    /// Subscribers so far.
    count: u32,
    turn_lost: TurnLost,
    single_active: bool,
    /// Somebody has a priority.
    uneven: bool,
    /// Somebody has had several requests open at once.
    several: bool,
}

/// Nobody's number.
pub(super) const NOBODY: u32 = u32::MAX;

impl Service {
    pub(super) fn new(turn_lost: TurnLost, single_active: bool) -> Self {
        Service {
            slots: Vec::new(),
            free: Vec::new(),
            line: Fifo::default(),
            active: None,
            waiting: Fifo::default(),
            count: 0,
            turn_lost,
            single_active,
            uneven: false,
            several: false,
        }
    }

    /// One more, who takes so many at a time; `u32::MAX` is no limit. Its slot and its number.
    pub(super) fn add(
        &mut self,
        connection: ConnectionId,
        room: u32,
        auto_ack: bool,
        priority: i32,
    ) -> (u32, u32) {
        let slot = self.seat(connection, room, (auto_ack, None), priority);
        let number = self.slots[slot as usize].number;
        if !self.single_active {
            self.line_up(slot);
            return (slot, number);
        }
        let ahead = |other: &u32| self.slots[*other as usize].priority >= priority;
        let place = self.waiting.iter().take_while(|other| ahead(other)).count();
        self.waiting.insert(place, slot);
        self.activate();
        (slot, number)
    }

    /// A request for so many in all. Its slot and its number.
    pub(super) fn add_request(
        &mut self,
        connection: ConnectionId,
        room: u32,
        auto_ack: bool,
        fills: bool,
    ) -> (u32, u32) {
        let another = self.requests(connection).next().is_some();
        self.several |= another;
        let slot = self.seat(connection, room, (auto_ack, Some(fills)), 0);
        self.line_up(slot);
        (slot, self.slots[slot as usize].number)
    }

    fn requests(&self, connection: ConnectionId) -> impl Iterator<Item = &Subscriber> {
        let open = |subscriber: &&Subscriber| subscriber.here && subscriber.fills.is_some();
        self.slots.iter().filter(open).filter(move |subscriber| subscriber.connection == connection)
    }

    /// If its client has several requests open: which of them this is, in the order in which they were made.
    pub(super) fn place(&self, slot: u32) -> Option<(ConnectionId, u16)> {
        let request = self.slots.get(slot as usize).filter(|request| self.several && request.here)?;
        let all = || self.requests(request.connection);
        let before = all().filter(|other| other.number < request.number).count();
        (all().count() > 1).then_some((request.connection, before.min(usize::from(u16::MAX)) as u16))
    }

    /// Whether a request has not ended.
    pub(super) fn is_open(&self, slot: u32, number: u32) -> bool {
        self.slots.get(slot as usize).is_some_and(|request| request.here && request.number == number)
    }

    /// A request ends, if it has not ended before. Whose it was.
    pub(super) fn end_request(&mut self, slot: u32, number: u32) -> Option<ConnectionId> {
        if !self.is_open(slot, number) {
            return None;
        }
        let subscriber = &mut self.slots[slot as usize];
        let connection = subscriber.connection;
        if std::mem::take(&mut subscriber.stands) {
            self.line.retain(|other| *other != slot);
        }
        self.slots[slot as usize].here = false;
        self.free.push(slot);
        Some(connection)
    }

    fn seat(
        &mut self,
        connection: ConnectionId,
        room: u32,
        (auto_ack, fills): (bool, Option<bool>),
        priority: i32,
    ) -> u32 {
        let (number, here) = (self.count, true);
        self.count = self.count.wrapping_add(1) % NOBODY;
        let subscriber =
            Subscriber { connection, number, auto_ack, fills, room, priority, here, stands: false };
        self.uneven |= priority != 0;
        match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = subscriber;
                slot
            }
            None => {
                self.slots.push(subscriber);
                self.slots.len() as u32 - 1
            }
        }
    }

    /// Whether nobody is here.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.iter().all(|subscriber| !subscriber.here)
    }

    /// Who is first in line; he stays there while he has room.
    pub(super) fn first(&mut self) -> Option<(u32, Subscriber)> {
        let slot = *self.line.front()?;
        let subscriber = &mut self.slots[slot as usize];
        subscriber.room = subscriber.room.checked_sub(1)?;
        let chosen = *subscriber;
        if chosen.room == 0 {
            subscriber.stands = false;
            self.line.pop_front();
        }
        Some((slot, chosen))
    }

    /// One of those that can take a message, by this draw. None of them has a limit.
    pub(super) fn at_random(&mut self, draw: u64) -> Option<(u32, Subscriber)> {
        let index = ((u128::from(draw) * self.line.len() as u128) >> 64) as usize;
        let slot = *self.line.get(index)?;
        Some((slot, self.slots[slot as usize]))
    }

    /// How many consumers this connection has.
    pub(super) fn count_of(&self, connection: ConnectionId) -> usize {
        let here = |subscriber: &&Subscriber| subscriber.here && subscriber.connection == connection;
        self.slots.iter().filter(here).count()
    }

    /// All of this connection leave.
    pub(super) fn remove(&mut self, connection: ConnectionId) {
        for slot in 0..self.slots.len() as u32 {
            let subscriber = &mut self.slots[slot as usize];
            if subscriber.here && subscriber.connection == connection {
                (subscriber.here, subscriber.stands) = (false, false);
                self.free.push(slot);
                self.line.retain(|other| *other != slot);
                self.waiting.retain(|other| *other != slot);
                self.active = self.active.filter(|active| *active != slot);
            }
        }
        self.activate();
    }

    /// If nobody is the single active consumer, the first that waits is.
    fn activate(&mut self) {
        if self.active.is_none()
            && let Some(slot) = self.waiting.pop_front()
        {
            self.active = Some(slot);
            self.line_up(slot);
        }
    }

    /// Who is given the next message; it takes the room that it needs, and the last place in the line.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<(u32, Subscriber)> {
        while let Some(&slot) = self.line.front() {
            let subscriber = &mut self.slots[slot as usize];
            if subscriber.room == 0 {
                subscriber.stands = false;
                self.line.pop_front();
                continue;
            }
            if subscriber.room != u32::MAX {
                subscriber.room -= 1;
            }
            let stays = subscriber.room > 0 || self.turn_lost == TurnLost::WhenAsked;
            let chosen = *subscriber;
            if self.line.len() > 1 || !stays {
                self.line.pop_front();
                self.slots[slot as usize].stands = false;
                if stays {
                    self.line_up(slot);
                }
            }
            return Some((slot, chosen));
        }
        None
    }

    /// A delivery to this subscriber was settled: it takes one more, if it is still there.
    #[inline(always)]
    pub(super) fn give_room(&mut self, slot: u32, number: u32) {
        let Some(subscriber) = self.slots.get_mut(slot as usize) else { return };
        if !subscriber.here || subscriber.number != number || subscriber.room == u32::MAX {
            return;
        }
        subscriber.room += 1;
        if !subscriber.stands && (!self.single_active || self.active == Some(slot)) {
            self.line_up(slot);
        }
    }

    /// Whether somebody could take a message now.
    pub(super) fn has_room(&self) -> bool {
        self.line.iter().any(|slot| self.slots[*slot as usize].room > 0)
    }

    #[inline(always)]
    fn line_up(&mut self, slot: u32) {
        self.slots[slot as usize].stands = true;
        if self.uneven {
            return self.line_up_by_priority(slot);
        }
        self.line.push_back(slot);
    }

    #[cold]
    fn line_up_by_priority(&mut self, slot: u32) {
        let priority = self.slots[slot as usize].priority;
        let ahead = |other: &&u32| self.slots[**other as usize].priority >= priority;
        let place = self.line.iter().take_while(ahead).count();
        self.line.insert(place, slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who is served, by letter, while there is room; `a` is the first subscriber.
    fn served(service: &mut Service, times: usize) -> String {
        let letter = |subscriber: Subscriber| char::from(b'a' + subscriber.connection.0 as u8);
        (0..times).map_while(|_| service.next()).map(|(_, subscriber)| letter(subscriber)).collect()
    }

    fn service(turn_lost: TurnLost, single_active: bool, members: &[(u32, i32)]) -> Service {
        let mut service = Service::new(turn_lost, single_active);
        for (i, (room, priority)) in members.iter().enumerate() {
            service.add(ConnectionId(i as u32), *room, false, *priority);
        }
        service
    }

    #[test]
    fn all_take_turns_while_they_have_room() {
        let mut service = service(TurnLost::WhenAsked, false, &[(2, 0), (1, 0), (3, 0)]);
        assert_eq!(served(&mut service, 9), "abcacc");
    }

    #[test]
    fn who_could_not_take_a_message_is_last_when_it_can_again() {
        let kinds = [(TurnLost::WhenAsked, "ab"), (TurnLost::AtOnce, "ba")];
        for (turn_lost, then) in kinds {
            let mut service = service(turn_lost, false, &[(1, 0), (1, 0)]);
            assert_eq!(served(&mut service, 2), "ab");
            // Nothing waits meanwhile. A classic queue has asked nobody in vain: the turns are as they were.
            service.give_room(1, 1);
            service.give_room(0, 0);
            assert_eq!(served(&mut service, 2), then, "{turn_lost:?}");
            // Now somebody is asked in vain.
            assert_eq!(served(&mut service, 1), "");
            service.give_room(1, 1);
            service.give_room(0, 0);
            assert_eq!(served(&mut service, 2), "ba", "{turn_lost:?}");
        }
    }

    #[test]
    fn a_higher_priority_is_served_until_it_has_no_room() {
        let mut service = service(TurnLost::WhenAsked, false, &[(2, 0), (2, 5), (2, 5), (1, -1)]);
        assert_eq!(served(&mut service, 9), "bcbcaad");
        service.give_room(3, 3);
        service.give_room(1, 1);
        assert_eq!(served(&mut service, 9), "bd");
    }

    #[test]
    fn requests_take_turns_until_each_has_what_it_asked_for() {
        let mut service = Service::new(TurnLost::AtOnce, false);
        let [first, second] = [2, 3].map(|n| service.add_request(ConnectionId(n), n, false, true));
        assert_eq!(served(&mut service, 9), "cdcdd");
        assert_eq!(service.end_request(first.0, first.1), Some(ConnectionId(2)));
        assert_eq!(service.end_request(first.0, first.1), None);
        let third = service.add_request(ConnectionId(0), 1, false, true);
        assert_eq!(
            (third.0, service.end_request(first.0, first.1)),
            (first.0, None),
            "the slot is another's"
        );
        assert_eq!(service.end_request(second.0, second.1), Some(ConnectionId(3)));
        assert_eq!(served(&mut service, 9), "a");
    }

    #[test]
    fn one_by_one_each_request_is_given_all_that_it_asked_for() {
        let mut service = Service::new(TurnLost::AtOnce, false);
        for n in [2, 3] {
            service.add_request(ConnectionId(n), n, false, false);
        }
        let served: Vec<(u32, u32)> = std::iter::from_fn(|| service.first())
            .map(|(_, subscriber)| (subscriber.connection.0, subscriber.room))
            .collect();
        assert_eq!(served, [(2, 1), (2, 0), (3, 2), (3, 1), (3, 0)]);
    }

    #[test]
    fn a_draw_chooses_evenly_among_all_that_are_here() {
        let mut service = service(TurnLost::WhenAsked, false, &[(u32::MAX, 0), (u32::MAX, 0)]);
        let mut at = |draw: u64| service.at_random(draw).map(|(slot, _)| slot);
        assert_eq!([at(0), at(u64::MAX / 2), at(u64::MAX / 2 + 1), at(u64::MAX)], [0, 0, 1, 1].map(Some));
    }

    #[test]
    fn a_single_active_consumer_is_followed_by_the_next_that_waits() {
        let mut service = service(TurnLost::AtOnce, true, &[(1, 0), (2, 0), (2, 5)]);
        assert_eq!(served(&mut service, 9), "a");
        service.give_room(0, 0);
        assert_eq!(served(&mut service, 9), "a");
        service.remove(ConnectionId(0));
        // The one with the highest priority, then who came first.
        assert_eq!(served(&mut service, 9), "cc");
        service.remove(ConnectionId(2));
        assert_eq!(served(&mut service, 9), "bb");
        // What an earlier subscriber of the slot had does not make room.
        service.give_room(0, 0);
        service.remove(ConnectionId(1));
        assert_eq!(served(&mut service, 9), "");
    }
}
