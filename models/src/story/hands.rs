//! The messages in a client's hands: given to it, and not both settled and processed.

use crate::message::{MessageRef, SubscriptionId};
use crate::packet::Tag;

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
    held: Vec<Hand>,
    given: u32,
}

impl Hands {
    /// Takes one more.
    pub(super) fn take(&mut self, hand: Hand) {
        self.held.push(Hand { id: self.given, ..hand });
        self.given += 1;
    }

    /// Those that are to be settled by a verb that names one, or none. Of several of this name, one of this session.
    pub(super) fn to_settle(&self, label: Option<&str>, multiple: bool, session: u32) -> Vec<u32> {
        let open = || self.held.iter().filter(|hand| !hand.settled);
        let Some(label) = label else { return open().map(|hand| hand.id).collect() };
        let Some(last) = first(open(), label, session) else { return Vec::new() };
        open().filter(|hand| hand.id == last || multiple && hand.id < last).map(|hand| hand.id).collect()
    }

    /// The first one of this label that has not been processed, of this session if there is one.
    pub(super) fn to_process(&self, label: &str, session: u32) -> Option<u32> {
        first(self.held.iter().filter(|hand| !hand.processed), label, session)
    }

    /// All that have not been processed.
    pub(super) fn unprocessed(&self) -> impl Iterator<Item = &Hand> {
        self.held.iter().filter(|hand| !hand.processed)
    }

    /// The first one that the handler has not seen.
    pub(super) fn unhandled(&mut self) -> Option<&mut Hand> {
        self.held.iter_mut().find(|hand| !hand.handled)
    }

    /// A new handler sees all of them.
    pub(super) fn unsee(&mut self) {
        self.held.iter_mut().for_each(|hand| hand.handled = false);
    }

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Hand> {
        self.held.iter_mut().find(|hand| hand.id == id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Hand> {
        self.held.iter()
    }

    /// A group's offset was committed: what is before it is settled.
    pub(super) fn settle_below(&mut self, partition: u32, offset: u32) {
        let passed = |hand: &&mut Hand| hand.at.is_some_and(|(p, at)| p == partition && at < offset);
        self.held.iter_mut().filter(passed).for_each(|hand| hand.settled = true);
        self.sort_out();
    }

    /// Lets go of what is settled and processed.
    pub(super) fn sort_out(&mut self) {
        self.held.retain(|hand| !hand.processed || !hand.settled);
    }

    /// Lets go of everything.
    pub(super) fn drop_all(&mut self) -> Vec<Hand> {
        std::mem::take(&mut self.held)
    }
}

/// The first with this label: of this session, or of a log, else of all.
fn first<'h>(hands: impl Iterator<Item = &'h Hand> + Clone, label: &str, session: u32) -> Option<u32> {
    let mut called = hands.filter(|hand| hand.is(label));
    let here = called.clone().find(|hand| hand.session == session || hand.at.is_some());
    here.or_else(|| called.next()).map(|hand| hand.id)
}
