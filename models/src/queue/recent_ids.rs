//! By what a broker knows again what was sent before: the ids of what has come, each for as long as a window.

use crate::properties::MessageId;
use redeliver_sim::{Position, Span, Time};
use std::collections::{BTreeSet, VecDeque};

/// By what a message is known again: the id that it has, and if that is its own, its source and number.
pub(super) type Identity = (MessageId, u32, u32);

/// The ids that came not too long ago.
#[derive(Clone, Debug, Default)]
pub(super) struct RecentIds {
    ids: BTreeSet<Identity>,
    /// The same, in the order in which they came, and where each stands on disk.
    order: VecDeque<(Time, Identity, Option<Position>)>,
}

impl RecentIds {
    /// Forgets the first id that came before so long, and says where it stands on disk.
    pub(super) fn forget(&mut self, now: Time, window: Span) -> Option<Option<Position>> {
        let (_, old, position) = self.order.pop_front_if(|(at, ..)| *at + window <= now)?;
        self.ids.remove(&old);
        Some(position)
    }

    /// Whether it has come.
    pub(super) fn has(&self, identity: &Identity) -> bool {
        self.ids.contains(identity)
    }

    /// It is known from now on.
    pub(super) fn learn(&mut self, now: Time, identity: Identity, position: Option<Position>) {
        self.ids.insert(identity);
        self.order.push_back((now, identity, position));
    }
}
