//! A member's log: which entries of a replicated queue stand on its node's disk.
//!
//! It has gaps: what has been applied, and is no message in the queue any more, is gone from it. Where it ends is written
//! beside it, and so is up to where it is known to be committed, and for whom the member has voted.

use crate::domain::Out;
use crate::fact::Fact;
use crate::message::{MessageRef, SubscriptionId};
use crate::packet::Record;
use redeliver_sim::{FileId, Position};
use std::collections::{BTreeMap, VecDeque};

/// An entry on disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) id: u32,
    pub(super) term: u32,
    /// The message, if it brings one.
    pub(super) m: Option<MessageRef>,
    position: Position,
}

/// The log.
#[derive(Clone, Debug)]
pub(super) struct Log {
    queue: u32,
    s: SubscriptionId,
    pub(super) items: BTreeMap<u32, Item>,
    /// Indexes of entries without a message, in order.
    bare: VecDeque<u32>,
    /// Messages in it.
    pub(super) held: u64,
    /// Term and index of the last entry that it has had.
    pub(super) last: (u32, u32),
    /// How much of what has left the queue it has heard of.
    pub(super) cursor: u64,
}

/// Of each queue's three registers, the first.
fn register(queue: u32) -> u32 {
    (1 << 30) + queue * 3
}

impl Log {
    pub(super) fn new(queue: u32, s: SubscriptionId) -> Self {
        let (items, bare) = (BTreeMap::new(), VecDeque::new());
        Log { queue, s, items, bare, held: 0, last: (0, 0), cursor: 0 }
    }

    /// The log, to be lent; an empty one stays.
    pub(super) fn take(&mut self) -> Log {
        let empty = Log::new(self.queue, self.s);
        std::mem::replace(self, empty)
    }

    fn change_held(&mut self, held: u64, out: &mut Out<'_>) {
        let (now, s) = (out.now(), self.s);
        out.shared().change_level(s, now, self.held, held);
        self.held = held;
    }

    /// Writes an entry behind all others, if the disk takes it. `rank` tells of a message that its leader writes; else
    /// another member has it already.
    pub(super) fn append(
        &mut self,
        (id, term, index): (u32, u32, u32),
        message: Option<(MessageRef, u64, u32)>,
        rank: Option<u32>,
        out: &mut Out<'_>,
    ) -> bool {
        let s = self.s;
        let (record, bytes) = match message {
            Some((m, bytes, history)) => (Record::Queued { m, s, rank: id, history }, bytes),
            None => (Record::Entry { id }, 0),
        };
        let Ok(position) = out.append(FileId(self.queue), record, bytes) else { return false };
        let m = message.map(|(m, ..)| m);
        self.items.insert(index, Item { id, term, m, position });
        self.note_end((term, index), out);
        match m {
            Some(m) => {
                self.change_held(self.held + 1, out);
                out.note(match rank {
                    Some(rank) => Fact::Stored { m, s, line: self.queue, rank, last: true },
                    None => Fact::Replicated { m, s },
                });
            }
            None => self.bare.push_back(index),
        }
        true
    }

    /// The log ends here now.
    pub(super) fn note_end(&mut self, last: (u32, u32), out: &mut Out<'_>) {
        self.last = last;
        out.set_register(register(self.queue), Record::Tail { term: last.0, index: last.1 });
    }

    /// An entry goes; `settled` is the fact with which its message's copy ends, if the queue has not said so.
    pub(super) fn remove(
        &mut self,
        index: u32,
        settled: Option<fn(MessageRef, SubscriptionId) -> Fact>,
        out: &mut Out<'_>,
    ) {
        let Some(item) = self.items.remove(&index) else { return };
        out.remove(FileId(self.queue), item.position);
        if let Some(m) = item.m {
            self.change_held(self.held - 1, out);
            if let Some(fact) = settled {
                out.note(fact(m, self.s));
            }
        }
    }

    /// Entries without a message go, up to this index: they have been applied.
    pub(super) fn forget_bare(&mut self, to: u32, out: &mut Out<'_>) {
        while let Some(index) = self.bare.pop_front_if(|index| *index <= to) {
            // Another entry may have taken its place meanwhile.
            if self.items.get(&index).is_some_and(|item| item.m.is_none()) {
                self.remove(index, None, out);
            }
        }
    }

    // What the disk says after a crash.

    pub(super) fn ballot(&self, out: &Out<'_>) -> (u32, Option<usize>) {
        match out.disk().register(register(self.queue) + 1) {
            Some(Record::Ballot { term, vote }) => (term, (vote != u32::MAX).then_some(vote as usize)),
            _ => (1, None),
        }
    }

    pub(super) fn set_ballot(&self, term: u32, vote: Option<usize>, out: &mut Out<'_>) {
        let vote = vote.map_or(u32::MAX, |node| node as u32);
        out.set_register(register(self.queue) + 1, Record::Ballot { term, vote });
    }

    pub(super) fn committed(&self, out: &Out<'_>) -> u32 {
        match out.disk().register(register(self.queue) + 2) {
            Some(Record::Committed { index }) => index,
            _ => 0,
        }
    }

    pub(super) fn set_committed(&self, index: u32, out: &mut Out<'_>) {
        out.set_register(register(self.queue) + 2, Record::Committed { index });
    }

    /// The process has died: the onlooker's count goes by the disk from now on.
    pub(super) fn lose(&self, out: &mut Out<'_>) {
        let (now, left) = (out.now(), self.on_disk(out));
        out.shared().change_level(self.s, now, self.held, left);
    }

    /// How many messages of the queue are on this node's disk.
    pub(super) fn on_disk(&self, out: &Out<'_>) -> u64 {
        out.disk().records(FileId(self.queue)).filter(|(_, record)| record.in_queue().is_some()).count()
            as u64
    }

    /// Reads the disk. False: a record is damaged, and the member stays away.
    pub(super) fn recover(&mut self, out: &mut Out<'_>) -> bool {
        let file = FileId(self.queue);
        let kept: Vec<(Position, Record)> = out.disk().records(file).collect();
        self.held = self.on_disk(out);
        if let Some(Record::Tail { term, index }) = out.disk().register(register(self.queue)) {
            self.last = (term, index);
        }
        let mut sound = true;
        for (position, record) in kept {
            let (id, m) = match record {
                Record::Queued { m, rank, .. } => (rank, Some(m)),
                Record::Entry { id } => (id, None),
                _ => continue,
            };
            let next = Position(position.0 + 1);
            let damaged = out.disk().has_damage() && out.disk().first_damaged(file, position, next).is_some();
            sound &= !damaged;
            let queue = self.queue as usize;
            let entry = out.shared().quorum(queue).entries.get(&id).copied();
            if let (Some(entry), false) = (entry, damaged) {
                self.items.insert(entry.index, Item { id, term: entry.term, m, position });
                if m.is_none() {
                    self.bare.push_back(entry.index);
                }
                continue;
            }
            out.remove(file, position);
            if let Some(m) = m {
                self.change_held(self.held - 1, out);
                let why = crate::causes::LossCause::CorruptRecord;
                let gone = Fact::ReplicaGone { m, s: self.s, written: true };
                out.note(if damaged { Fact::Removed { m, s: self.s, why } } else { gone });
            }
        }
        // A machine that dies while it writes may have come further than the news of it.
        if let Some((index, item)) = self.items.last_key_value().filter(|(index, _)| **index > self.last.1) {
            self.last = (item.term, *index);
        }
        sound
    }
}
