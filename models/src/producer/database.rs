//! A producer that also changes a state of its own, in a database on its machine's disk, with a message for each change.
//!
//! *Dual writes* are two: a crash between them leaves one without the other. Committed first, the change has happened
//! and nobody hears of it; published first, others hear of what never happened. With an *outbox* there is one: the
//! message is written in the transaction of the change, and a relay publishes what it finds there, and deletes it when
//! it is confirmed. A crash between the two publishes it again: at least once (microservices.io, "Transactional
//! outbox" and "Transaction log tailing"; DDIA 1st ed., chapter 11, "Keeping systems in sync").
//!
//! A transaction takes a sync of the disk, and one follows the other. What a crash interrupts has not happened; what a
//! full disk refuses happens neither. The relay runs in the producer's process and follows the database's log: it is
//! there at once, in the order of the commits. It sends until it has a confirm, however many `retries` there are, and
//! gives up only what the broker refuses; without confirms it deletes what it has sent. That a message was sent before is
//! marked with it for the account alone: a relay that boots sends all that is left.
//!
//! Left out: a relay that polls; the bytes of messages on that disk.

use super::publisher::Publisher;
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::MessageRef;
use crate::packet::{Record, Timer};
use crate::producer::source;
use redeliver_sim::{Disk, FileId, Position, Time};
use std::collections::BTreeMap;

/// What a producer's own state has to do with its messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StateChange {
    /// It has none.
    Nothing,
    /// The change is committed, then the message is published.
    CommitFirst,
    /// The message is published, then the change is committed.
    PublishFirst,
    /// The message is in an outbox, with the change.
    Outbox,
}

/// The database's file.
const FILE: FileId = FileId(0);
/// Bytes of a change.
const CHANGE_BYTES: u64 = 64;

/// What the process knows of its database.
#[derive(Clone, Default, Debug)]
pub(super) struct Database {
    /// The change that is being committed.
    change: Option<Position>,
    /// Where messages are in the outbox.
    outbox: BTreeMap<MessageRef, Position>,
}

/// The messages of an outbox.
pub(super) fn outbox(disk: &Disk<Record>) -> impl Iterator<Item = MessageRef> {
    disk.records(FILE).filter_map(|(_, record)| match record {
        Record::Outbox { m, .. } => Some(m),
        _ => None,
    })
}

impl Publisher {
    /// An event, of a producer that has a state.
    #[cold]
    #[inline(never)]
    pub(super) fn on_change(&mut self, out: &mut Out<'_>) {
        let publish_first = self.spec.state_change == StateChange::PublishFirst;
        if publish_first {
            self.publish(out);
            if out.is_cut() {
                return;
            }
        }
        if let Ok(position) = out.append(FILE, Record::Change, CHANGE_BYTES) {
            self.database.change = Some(position);
            return out.sync(Timer::Committed);
        }
        if !publish_first {
            let after = Time(out.now().0 + 1);
            out.shared().skip_events(self.spec.source, after);
        }
        source::arm(self.spec.source, out);
    }

    /// The change has been committed.
    #[cold]
    pub(super) fn on_committed(&mut self, out: &mut Out<'_>) {
        let position = self.database.change.take().expect("a change is being committed");
        if self.spec.state_change == StateChange::Outbox {
            let m = self.open(out);
            out.amend(FILE, position, Record::Outbox { m, sent: false });
            self.database.outbox.insert(m, position);
            out.note(Fact::StateChanged { source: self.spec.source });
            out.note(Fact::Published { m, buffered: true, sent: false });
            if !out.is_cut() {
                self.relay(m, 0, out);
            }
        } else {
            out.remove(FILE, position);
            out.note(Fact::StateChanged { source: self.spec.source });
            if self.spec.state_change == StateChange::CommitFirst {
                self.publish(out);
            }
        }
        source::arm(self.spec.source, out);
    }

    /// The process boots: what was not committed has not happened, and what is in the outbox is published, perhaps again.
    #[cold]
    pub(super) fn read_database(&mut self, out: &mut Out<'_>) {
        let records: Vec<(Position, Record)> = out.disk().records(FILE).collect();
        for (position, record) in records {
            match record {
                Record::Outbox { m, sent } => {
                    self.database.outbox.insert(m, position);
                    self.relay(m, u16::from(sent), out);
                }
                _ => out.remove(FILE, position),
            }
        }
    }

    /// A message of the outbox was confirmed, or given up.
    #[cold]
    pub(super) fn delete(&mut self, m: MessageRef, out: &mut Out<'_>) {
        if let Some(position) = self.database.outbox.remove(&m) {
            out.remove(FILE, position);
        }
    }

    /// A message of the outbox is sent: without confirms nobody will hear of it.
    #[cold]
    pub(super) fn mark_sent(&mut self, m: MessageRef, out: &mut Out<'_>) {
        if self.spec.confirms {
            if let Some(position) = self.database.outbox.get(&m) {
                out.amend(FILE, *position, Record::Outbox { m, sent: true });
            }
        } else {
            self.delete(m, out);
            out.note(Fact::Forgotten { m });
        }
    }
}
