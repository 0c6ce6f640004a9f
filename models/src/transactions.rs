//! The transactions of a subscription's database that are prepared: their effects are on its disk, and neither committed
//! nor rolled back. Only their coordinator knows which it will be.
//!
//! The database stands outside of the consumers' processes, and never fails; all members share it.
//!
//! Left out: locks. What is in doubt holds its rows, so that in a real database whoever wants to write them waits, too
//! (DDIA 1st ed., chapter 9, "Holding locks while in doubt").

use crate::message::MessageRef;
use redeliver_sim::{NodeId, Span};
use std::collections::BTreeMap;

/// The transactions.
#[derive(Clone, Default, Debug)]
pub struct Transactions {
    begun: u32,
    prepared: BTreeMap<u32, Prepared>,
}

/// An effect that is prepared.
#[derive(Clone, Copy, Debug)]
pub struct Prepared {
    /// Of this message.
    pub m: MessageRef,
    /// Whose coordinator decides.
    pub member: NodeId,
    /// Number of the delivery, from 1.
    pub attempt: u16,
    /// The work that it took.
    pub worked: Span,
}

impl Transactions {
    /// A transaction begins: its number.
    pub fn begin(&mut self) -> u32 {
        self.begun = self.begun.wrapping_add(1);
        self.begun
    }

    /// It is on the disk.
    pub fn prepare(&mut self, xid: u32, prepared: Prepared) {
        let before = self.prepared.insert(xid, prepared);
        assert!(before.is_none(), "a transaction was prepared twice");
    }

    /// It has ended, if it was prepared.
    pub fn end(&mut self, xid: u32) -> Option<Prepared> {
        self.prepared.remove(&xid)
    }

    /// Those whose coordinator is at this member. XA: `xa_recover`.
    pub fn of(&self, member: NodeId) -> Vec<u32> {
        let mine = self.prepared.iter().filter(|(_, prepared)| prepared.member == member);
        mine.map(|(xid, _)| *xid).collect()
    }

    /// The messages of all.
    pub(crate) fn messages(&self) -> impl Iterator<Item = MessageRef> {
        self.prepared.values().map(|prepared| prepared.m)
    }
}
