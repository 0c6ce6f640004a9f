//! The calls of a client that have not returned, in the order in which they were made; a story may have as many as it
//! has messages, so each is found without a look at all the others.

use super::calls::{Call, Task};
use crate::message::MessageRef;
use std::collections::{BTreeMap, BTreeSet};

/// Where a call stands among all that the process has made.
pub(super) type Place = u64;

/// All of them. What the ways to a call rest on does not change while it is in here: it is taken out for that.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    all: BTreeMap<Place, Call>,
    made: Place,
    by_token: BTreeSet<(u32, Place)>,
    /// Sends that wait for an answer, by what they have sent.
    sending: BTreeMap<MessageRef, Place>,
    /// Those that wait for a connection.
    to_begin: BTreeSet<Place>,
    /// All but the sends.
    others: BTreeSet<Place>,
}

impl Calls {
    /// One more.
    pub(super) fn push(&mut self, call: Call) {
        self.put(self.made, call);
        self.made += 1;
    }

    /// A call that was taken out goes on waiting.
    pub(super) fn put(&mut self, place: Place, call: Call) {
        self.by_token.insert((call.token, place));
        if !call.begun {
            self.to_begin.insert(place);
        }
        match &call.task {
            Task::Send { current: Some(sending), .. } => {
                self.sending.insert(sending.m, place);
            }
            Task::Send { current: None, .. } => {}
            _ => {
                self.others.insert(place);
            }
        }
        self.all.insert(place, call);
    }

    /// Takes a call out.
    pub(super) fn take(&mut self, place: Place) -> Option<Call> {
        let call = self.all.remove(&place)?;
        self.by_token.remove(&(call.token, place));
        self.to_begin.remove(&place);
        self.others.remove(&place);
        if let Task::Send { current: Some(sending), .. } = &call.task {
            self.sending.remove(&sending.m);
        }
        Some(call)
    }

    /// Takes all of them out.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Call> + use<> {
        let Calls { all, made, .. } = std::mem::take(self);
        self.made = made;
        all.into_values()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Call> {
        self.all.values()
    }

    /// Whether a call with this number in the story has not returned.
    pub(super) fn has(&self, token: u32) -> bool {
        self.by_token.range((token, 0)..=(token, Place::MAX)).next().is_some()
    }

    /// Those that wait for a connection.
    pub(super) fn to_begin(&self) -> Vec<Place> {
        self.to_begin.iter().copied().collect()
    }

    /// The send that waits for what becomes of this message.
    pub(super) fn sending(&self, m: MessageRef) -> Option<Place> {
        self.sending.get(&m).copied()
    }

    /// A call as it waits.
    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Call> {
        self.all.get_mut(&place)
    }

    /// The calls that are no sends.
    pub(super) fn others(&self) -> impl Iterator<Item = (Place, &Call)> {
        self.others.iter().filter_map(|place| Some((*place, self.all.get(place)?)))
    }

    /// The first of these of which `is` says that it is the one.
    pub(super) fn find_other(&mut self, mut is: impl FnMut(&mut Call) -> bool) -> Option<Place> {
        let all = &mut self.all;
        self.others.iter().copied().find(|place| all.get_mut(place).is_some_and(&mut is))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Message, Messages};
    use crate::story::calls::Sending;

    fn get(token: u32, begun: bool) -> Call {
        let task = Task::Get { queue: 0, s: crate::message::SubscriptionId(0), left: 1, got: Vec::new() };
        Call { token, begun, task }
    }

    fn send(token: u32, current: Option<MessageRef>) -> Call {
        let to = crate::story::calls::Destination::Exchange(0);
        let current = current.map(|m| Sending::first(m, 0, "m1".into()));
        Call { token, begun: true, task: Task::Send { left: Default::default(), to, size: 1, current } }
    }

    #[test]
    fn a_call_is_found_by_what_it_waits_for_until_it_is_taken_out() {
        let mut messages = Messages::new(1);
        let [first, second] = [(); 2].map(|()| messages.open(Message { live: true, ..Message::NONE }));
        let mut calls = Calls::default();
        [get(7, false), send(0, Some(first)), send(0, Some(second)), send(8, None)]
            .into_iter()
            .for_each(|call| calls.push(call));
        assert_eq!((calls.sending(first), calls.sending(second)), (Some(1), Some(2)));
        assert_eq!((calls.to_begin(), calls.find_other(|_| true)), (vec![0], Some(0)));
        assert!(calls.has(7));
        assert!(!calls.has(6));
        let taken = calls.take(2).expect("it is there");
        assert_eq!((calls.sending(second), calls.take(2).is_none()), (None, true));
        calls.put(2, taken);
        let tokens: Vec<u32> = calls.iter().map(|call| call.token).collect();
        assert_eq!((tokens, calls.sending(second)), (vec![7, 0, 0, 8], Some(2)));
        assert_eq!(calls.take_all().count(), 4);
        assert!(calls.is_empty());
        assert!(!calls.has(7));
        assert_eq!((calls.sending(first), calls.find_other(|_| true)), (None, None));
    }
}
