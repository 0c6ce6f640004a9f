//! Deliveries that a queue broker has promised to settle as it will be told: its part of a two-phase commit.
//!
//! A prepared delivery outlives its consumer's connection and the broker's own crash: a record of it is synced before the
//! broker votes yes. It is not delivered again, and no deadline counts for it, until its coordinator says how it ends.
//! RabbitMQ knows nothing of the kind; brokers with JMS do (`XAResource`). The vote on a message that is in memory only
//! waits for no sync, and says nothing of what a crash leaves.

use super::broker::Broker;
use super::flights::Flight;
use super::service::NOBODY;
use crate::causes::DuplicateCause;
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::MessageRef;
use crate::packet::{Packet, Record, Tag, Timer};
use redeliver_sim::{ConnectionId, FileId, Position, Time};
use std::collections::BTreeSet;

const RECORD_BYTES: u64 = 64;

/// A prepared delivery.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prepared {
    pub(super) flight: Flight,
    /// Where the record of it is.
    log: Option<Position>,
    /// The record is synced.
    is_safe: bool,
}

impl Broker {
    /// What transactions ask of a broker.
    #[cold]
    #[inline(never)]
    pub(super) fn on_transaction(&mut self, from: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        match packet {
            Packet::Prepare { m, tag, xid } => self.on_prepare(from, (m, tag), xid, out),
            Packet::Resolve { xid, commit } => self.on_resolve(from, xid, commit, out),
            Packet::InDoubt => {
                let mine = self.prepared.range((from, 0)..=(from, u32::MAX));
                let safe: Vec<u32> =
                    mine.filter(|(_, prepared)| prepared.is_safe).map(|((_, xid), _)| *xid).collect();
                for xid in safe {
                    self.reply(from, Packet::Promise { xid, yes: true }, out);
                }
            }
            _ => {}
        }
    }

    fn on_prepare(&mut self, from: ConnectionId, (m, tag): (MessageRef, Tag), xid: u32, out: &mut Out<'_>) {
        let held = self.flights.get(tag).filter(|flight| flight.entry.m == m && flight.connection == from);
        let Some(&flight) = held else { return self.reply(from, Packet::Promise { xid, yes: false }, out) };
        let log = match flight.entry.position {
            None => None,
            Some(Position(position)) => {
                let (queue, position) = (flight.queue, position as u32);
                let record = Record::Prepared { queue, position, connection: from.0, xid };
                let Ok(log) = out.append(self.log_of_prepared(), record, RECORD_BYTES) else {
                    return self.reply(from, Packet::Promise { xid, yes: false }, out);
                };
                Some(log)
            }
        };
        self.flights.land(tag);
        self.prepared.insert((from, xid), Prepared { flight, log, is_safe: log.is_none() });
        if log.is_some() {
            out.sync(Timer::PreparedSynced { connection: from.0, xid });
        } else {
            self.reply(from, Packet::Promise { xid, yes: true }, out);
        }
    }

    pub(super) fn on_prepared_synced(&mut self, connection: u32, xid: u32, out: &mut Out<'_>) {
        let from = ConnectionId(connection);
        if let Some(prepared) = self.prepared.get_mut(&(from, xid)) {
            prepared.is_safe = true;
            self.reply(from, Packet::Promise { xid, yes: true }, out);
        }
    }

    /// The end of a transaction; of one that is not known here, it was told before.
    fn on_resolve(&mut self, from: ConnectionId, xid: u32, commit: bool, out: &mut Out<'_>) {
        if let Some(Prepared { flight, log, .. }) = self.prepared.remove(&(from, xid)) {
            if let Some(log) = log {
                out.remove(self.log_of_prepared(), log);
            }
            let queue = flight.queue as usize;
            self.queues[queue].unacked -= 1;
            self.service[queue].give_room(flight.slot, flight.number);
            if commit {
                self.forget(queue, flight.entry, out);
                out.note(Fact::Acked { m: flight.entry.m, s: self.queues[queue].s });
            } else {
                let place = self.queues[queue].config.behaviour.given_back;
                self.requeue(queue, flight.entry, place, DuplicateCause::Returned, out);
            }
            self.go_on(queue, out);
        }
        self.reply(from, Packet::Resolved { xid }, out);
    }

    /// After a crash: what was prepared is not delivered.
    pub(super) fn recover_prepared(&mut self, out: &mut Out<'_>) {
        let log = self.log_of_prepared();
        let kept: Vec<(Position, Record)> = out.disk().records(log).collect();
        for (place, record) in kept {
            let Record::Prepared { queue, position, connection, xid } = record else { continue };
            let Some(entry) = self.queues[queue as usize].take_at(position) else {
                // The message's own record was lost or damaged.
                out.remove(log, place);
                continue;
            };
            self.queues[queue as usize].unacked += 1;
            let connection = ConnectionId(connection);
            let (slot, number, deadline) = (u32::MAX, NOBODY, Time::NEVER);
            let flight = Flight { entry, queue, connection, slot, number, deadline };
            self.prepared.insert((connection, xid), Prepared { flight, log: Some(place), is_safe: true });
        }
    }

    /// Where in a queue's file the messages stand that transactions will settle.
    pub(super) fn promised(&self, queue: usize, out: &Out<'_>) -> BTreeSet<u32> {
        let position = |record| match record {
            Record::Prepared { queue: of, position, .. } if of as usize == queue => Some(position),
            _ => None,
        };
        out.disk().records(self.log_of_prepared()).filter_map(|(_, record)| position(record)).collect()
    }

    /// The file behind those of queues and streams.
    fn log_of_prepared(&self) -> FileId {
        FileId((self.queues.len() + self.streams.len()) as u32)
    }
}
