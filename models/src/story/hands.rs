//! The messages in a client's hands: given to it, and not both settled and processed.

use crate::message::{MessageRef, SubscriptionId};
use crate::packet::Tag;
use std::collections::BTreeMap;

/// A message in a client's hands.
#[derive(Clone, Debug)]
pub(super) struct Hand {
    /// Its number among all that the process was given.
    pub(super) id: u32,
    pub(super) m: MessageRef,
    pub(super) s: SubscriptionId,
    pub(super) attempt: u16,
    /// What settles it at a queue, and in which session.
    pub(super) tag: Option<Tag>,
    /// Its partition and offset in a log.
    pub(super) at: Option<(u32, u32)>,
    pub(super) session: u32,
    /// `m3`, and with key and flags `x=m3 redelivered`. Its record may be closed before it leaves the hands.
    pub(super) body: String,
    pub(super) name: String,
    pub(super) text: String,
    /// How often this body had come when it came.
    pub(super) time: u32,
    pub(super) processed: bool,
    pub(super) settled: bool,
    /// The handler has seen it.
    pub(super) handled: bool,
}

impl Hand {
    fn is(&self, label: &str) -> bool {
        self.body == label || self.name == label
    }
}

/// All of them, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Hands {
    held: BTreeMap<u32, Hand>,
    given: u32,
    /// The handler has seen all before this one.
    seen: u32,
}

impl Hands {
    /// Takes one more.
    pub(super) fn take(&mut self, hand: Hand) {
        self.held.insert(self.given, Hand { id: self.given, ..hand });
        self.given += 1;
    }

    /// Those that are to be settled by a verb that names one, or none. Of several of this name, one of this session.
    pub(super) fn to_settle(&self, label: Option<&str>, multiple: bool, session: u32) -> Vec<u32> {
        let open = || self.held.values().filter(|hand| !hand.settled);
        let Some(label) = label else { return open().map(|hand| hand.id).collect() };
        let Some(last) = first(open(), label, session) else { return Vec::new() };
        open().filter(|hand| hand.id == last || multiple && hand.id < last).map(|hand| hand.id).collect()
    }

    /// The first one of this label that has not been processed, of this session if there is one.
    pub(super) fn to_process(&self, label: &str, session: u32) -> Option<u32> {
        first(self.held.values().filter(|hand| !hand.processed), label, session)
    }

    /// All that have not been processed.
    pub(super) fn unprocessed(&self) -> impl Iterator<Item = &Hand> {
        self.held.values().filter(|hand| !hand.processed)
    }

    /// The first one that the handler has not seen.
    pub(super) fn unhandled(&mut self) -> Option<&mut Hand> {
        let found = self.held.range_mut(self.seen..).map(|(_, hand)| hand).find(|hand| !hand.handled);
        self.seen = found.as_ref().map_or(self.given, |hand| hand.id);
        found
    }

    /// A new handler sees all of them.
    pub(super) fn unsee(&mut self) {
        self.held.values_mut().for_each(|hand| hand.handled = false);
        self.seen = 0;
    }

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Hand> {
        self.held.get_mut(&id)
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Hand> {
        self.held.values()
    }

    /// A group's offset was committed: what is before it is settled.
    pub(super) fn settle_below(&mut self, partition: u32, offset: u32) {
        let passed = |hand: &&mut Hand| hand.at.is_some_and(|(p, at)| p == partition && at < offset);
        self.held.values_mut().filter(passed).for_each(|hand| hand.settled = true);
        self.sort_out();
    }

    /// Lets go of one, if it is settled and processed.
    pub(super) fn let_go(&mut self, id: u32) {
        if self.held.get(&id).is_some_and(|hand| hand.processed && hand.settled) {
            self.held.remove(&id);
        }
    }

    /// Lets go of what is settled and processed.
    pub(super) fn sort_out(&mut self) {
        self.held.retain(|_, hand| !hand.processed || !hand.settled);
    }

    /// Lets go of everything.
    pub(super) fn drop_all(&mut self) -> impl Iterator<Item = Hand> + use<> {
        std::mem::take(&mut self.held).into_values()
    }
}

/// The first with this label: of this session, or of a log, else of all.
fn first<'h>(hands: impl Iterator<Item = &'h Hand> + Clone, label: &str, session: u32) -> Option<u32> {
    let mut called = hands.filter(|hand| hand.is(label));
    let here = called.clone().find(|hand| hand.session == session || hand.at.is_some());
    here.or_else(|| called.next()).map(|hand| hand.id)
}
