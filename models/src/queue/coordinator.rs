//! A consumer whose effect and ack are one transaction: two-phase commit, with the coordinator in its process.
//!
//! DDIA 1st ed., chapter 9, "Two-phase commit" and "Distributed transactions in practice"; JTA and X/Open XA. When the
//! work is done, database and broker are asked to prepare. When both have, the coordinator writes its decision into its
//! log, on its own machine's disk: with the sync of that the transaction is committed, whatever happens (*commit
//! point*). Then both are told. What one of them refuses, or what the coordinator has not decided when its process dies
//! or its connection breaks, is rolled back (presumed abort). A coordinator that boots reads its log, and asks what else
//! is prepared (`xa_recover`). Until then a prepared message is in doubt: its broker neither delivers it again nor
//! forgets it, and no time-out ends that.
//!
//! It costs a round trip more than an ack, and syncs of the broker, of the database and of the coordinator, each for one
//! message: none is shared. The next message begins when the database has committed.
//!
//! Left out: heuristic decisions (a participant that decides by itself), a database that votes no, several transactions
//! of one consumer at once. What a coordinator finds as it boots its database commits at once.

use super::consumer::{Consumer, Token};
use crate::domain::Out;
use crate::fact::Fact;
use crate::packet::{Packet, Record, Timer};
use crate::transactions::{Prepared, Transactions};
use crate::worker::Held;
use redeliver_sim::{FileId, Position};

/// The log of decisions.
const LOG: FileId = FileId(0);
const DECISION_BYTES: u64 = 64;

/// The coordinator.
#[derive(Clone, Default, Debug)]
pub(super) struct Coordinator {
    current: Option<Transaction>,
    decided: Vec<Decision>,
}

/// The transaction of the message in work.
#[derive(Clone, Copy, Debug)]
struct Transaction {
    xid: u32,
    /// The broker has prepared it.
    broker: bool,
    /// The database has.
    database: bool,
}

/// A decision to commit that somebody may still ask for.
#[derive(Clone, Copy, Debug)]
struct Decision {
    xid: u32,
    /// Where it is in the log.
    position: Position,
    /// It is behind the commit point: its record is synced.
    safe: bool,
    /// The broker has committed.
    broker: bool,
    /// The database has.
    database: bool,
}

impl Consumer {
    /// The work is done: both are asked to prepare.
    #[cold]
    pub(super) fn prepare(&mut self, held: Held<Token>, out: &mut Out<'_>) {
        if !self.is_of_session(&held) {
            // The broker delivers it again.
            return self.roll_back(out);
        }
        let xid = self.transactions(out).begin();
        let transaction = Transaction { xid, broker: false, database: false };
        self.coordinator.current = Some(transaction);
        self.tell(Packet::Prepare { m: held.m, tag: held.token.tag, xid }, out);
        out.delay(self.spec.commit, Timer::DatabasePrepared { xid });
    }

    #[cold]
    pub(super) fn on_database_prepared(&mut self, xid: u32, out: &mut Out<'_>) {
        let Some(transaction) = self.current(xid) else { return };
        transaction.database = true;
        let (held, worked) = self.worker.lend();
        let prepared = Prepared { m: held.m, member: out.node(), attempt: held.attempt, worked };
        self.transactions(out).prepare(xid, prepared);
        self.decide(out);
    }

    /// The broker's vote; it votes again when it is asked what is in doubt.
    #[cold]
    pub(super) fn on_vote(&mut self, xid: u32, yes: bool, out: &mut Out<'_>) {
        if self.has_decided(xid) {
            // It is told, or will be as soon as that is safe.
            return;
        }
        match self.current(xid) {
            Some(transaction) if yes => {
                transaction.broker = true;
                self.decide(out);
            }
            Some(_) => {
                self.roll_back(out);
                self.go_on(out);
            }
            None => self.tell(Packet::Resolve { xid, commit: false }, out),
        }
    }

    /// When both have prepared, the decision is written.
    fn decide(&mut self, out: &mut Out<'_>) {
        let ready = |transaction: &Transaction| transaction.broker && transaction.database;
        let Some(Transaction { xid, .. }) = self.coordinator.current.filter(ready) else { return };
        let (m, s) = (self.worker.current_message(), self.worker.s);
        out.note(Fact::Prepared { m, s });
        if out.is_cut() {
            return;
        }
        let Ok(position) = out.append(LOG, Record::Decision { xid }, DECISION_BYTES) else {
            // Nothing is decided that is not written.
            self.roll_back(out);
            self.tell(Packet::Resolve { xid, commit: false }, out);
            return self.go_on(out);
        };
        let decision = Decision { xid, position, safe: false, broker: false, database: false };
        self.coordinator.decided.push(decision);
        out.sync(Timer::DecisionSynced { xid });
    }

    /// The commit point is behind it: both are told.
    #[cold]
    pub(super) fn on_decision_synced(&mut self, xid: u32, out: &mut Out<'_>) {
        let mine = |decision: &&mut Decision| decision.xid == xid;
        if let Some(decision) = self.coordinator.decided.iter_mut().find(mine) {
            decision.safe = true;
        }
        let (m, s) = (self.worker.current_message(), self.worker.s);
        out.note(Fact::Decided { m, s });
        self.tell(Packet::Resolve { xid, commit: true }, out);
        out.delay(self.spec.commit, Timer::DatabaseCommitted { xid });
    }

    #[cold]
    pub(super) fn on_database_committed(&mut self, xid: u32, out: &mut Out<'_>) {
        self.transactions(out).end(xid);
        self.coordinator.current = None;
        self.worker.commit(out);
        self.note_committed(xid, |decision| decision.database = true, out);
        self.go_on(out);
    }

    /// The broker has committed, or rolled back.
    #[cold]
    pub(super) fn on_resolved(&mut self, xid: u32, out: &mut Out<'_>) {
        self.note_committed(xid, |decision| decision.broker = true, out);
    }

    /// When both have committed, nobody will ask for the decision any more.
    fn note_committed(&mut self, xid: u32, who: impl Fn(&mut Decision), out: &mut Out<'_>) {
        let decided = &mut self.coordinator.decided;
        let Some(index) = decided.iter().position(|decision| decision.xid == xid) else { return };
        who(&mut decided[index]);
        if decided[index].broker && decided[index].database {
            out.remove(LOG, decided.remove(index).position);
        }
    }

    /// The message goes back: to a broker that has not prepared it by itself, to one that has when it is told.
    fn roll_back(&mut self, out: &mut Out<'_>) {
        let transaction = self.coordinator.current.take();
        if let Some(Transaction { xid, .. }) = transaction {
            self.transactions(out).end(xid);
        }
        let held = self.worker.release();
        match transaction {
            Some(Transaction { broker: false, .. }) => self.nack(&held, true, out),
            _ => out.note(Fact::GivenBack { m: held.m, s: self.worker.s }),
        }
    }

    // What a broken connection and a crash leave.

    /// The connection is gone: what is not decided will not be.
    pub(super) fn give_up_undecided(&mut self, out: &mut Out<'_>) {
        if self.coordinator.current.is_some_and(|transaction| !self.has_decided(transaction.xid)) {
            self.roll_back(out);
        }
    }

    /// It is back: the broker is asked what is in doubt. What it commits, or has committed, it says.
    pub(super) fn ask_what_is_in_doubt(&mut self, out: &mut Out<'_>) {
        self.tell(Packet::InDoubt, out);
        for decision in self.coordinator.decided.iter().filter(|decision| decision.safe && !decision.broker) {
            self.tell(Packet::Resolve { xid: decision.xid, commit: true }, out);
        }
    }

    /// It boots: reads its log, and acts on what is surely on the disk.
    pub(super) fn read_log(&mut self, out: &mut Out<'_>) {
        let decision = |(position, record)| match record {
            Record::Decision { xid } => {
                Some(Decision { xid, position, safe: true, broker: false, database: true })
            }
            _ => None,
        };
        self.coordinator.decided = out.disk().records(LOG).filter_map(decision).collect();
        if self.coordinator.decided.is_empty() {
            return self.end_what_was_prepared(out);
        }
        out.sync(Timer::LogRead);
    }

    /// Commits what was decided, and rolls the rest back; then it is ready.
    pub(super) fn end_what_was_prepared(&mut self, out: &mut Out<'_>) {
        let (s, node) = (self.worker.s, out.node());
        for xid in self.transactions(out).of(node) {
            let Some(Prepared { m, attempt, worked, .. }) = self.transactions(out).end(xid) else { continue };
            out.note(if self.has_decided(xid) {
                Fact::Processed { m, s, attempt, worked }
            } else {
                Fact::GivenBack { m, s }
            });
            if out.is_cut() {
                return;
            }
        }
        out.connect(self.spec.connection);
    }

    fn has_decided(&self, xid: u32) -> bool {
        self.coordinator.decided.iter().any(|decision| decision.xid == xid)
    }

    fn current(&mut self, xid: u32) -> Option<&mut Transaction> {
        self.coordinator.current.as_mut().filter(|transaction| transaction.xid == xid)
    }

    fn transactions<'a>(&self, out: &'a mut Out<'_>) -> &'a mut Transactions {
        &mut out.shared().subscriptions[self.worker.s.0 as usize].transactions
    }

    fn tell(&self, packet: Packet, out: &mut Out<'_>) {
        if out.is_open(self.spec.connection) {
            out.send(self.spec.connection, packet);
        }
    }
}
