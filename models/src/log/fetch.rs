//! The broker's part in a fetch: one request for all that a member reads, answered when there is something.
//!
//! The broker remembers where each member stands (Kafka's fetch sessions, KIP-227); a member says so only when it
//! goes on elsewhere. An answer never crosses a segment's end, and brings at most 1 MiB of each partition, but one
//! record at least. The partition that comes first changes from answer to answer.

use super::broker::Broker;
use super::damage::first_damaged;
use super::group::Reading;
use crate::causes::DuplicateCause;
use crate::domain::Out;
use crate::fact::Fact;
use crate::packet::{Packet, Timer};
use redeliver_sim::{ConnectionId, Span};

/// Bytes of one partition in an answer, unless its first record is larger. Kafka: `max.partition.fetch.bytes`.
const PARTITION_BYTES_MAX: u64 = 1 << 20;
/// A fetch that finds nothing is held for so long at least, so that asking is never a loop that takes no time.
const HOLD_MIN: Span = Span::millis(1);

impl Broker {
    #[inline(always)]
    pub(super) fn on_fetch(
        &mut self,
        from: ConnectionId,
        number: u16,
        id: u32,
        records_max: u16,
        out: &mut Out<'_>,
    ) {
        out.shared().brokers[0].requests += 1;
        if !self.hear(from, number, id, out) {
            return;
        }
        let hold = self.spec.fetch_waits[from.0 as usize].max(HOLD_MIN);
        let until = out.now() + hold;
        let group = number as usize;
        let Some(index) = self.groups[group].members.iter().position(|member| member.id == id) else {
            return;
        };
        let member = &mut self.groups[group].members[index];
        member.waiting = true;
        member.records_max = records_max.max(1);
        member.hold_until = until;
        self.serve(group, index, out);
        let member = &mut self.groups[group].members[index];
        if member.waiting && !member.hold_armed {
            member.hold_armed = true;
            out.deadline(hold, Timer::FetchExpired { group: number, member: id });
        }
    }

    /// A member goes on elsewhere.
    pub(super) fn on_seek(
        &mut self,
        from: ConnectionId,
        number: u16,
        id: u32,
        (partition, offset): (u32, u32),
        out: &mut Out<'_>,
    ) {
        if !self.hear(from, number, id, out) {
            return;
        }
        let group = number as usize;
        let Some(index) = self.groups[group].members.iter().position(|member| member.id == id) else {
            return;
        };
        let member = &mut self.groups[group].members[index];
        let Some(read) = member.reads.iter_mut().find(|read| read.partition == partition) else { return };
        if read.position.is_some() {
            read.why = DuplicateCause::RewoundOffset;
        }
        read.position = Some(offset);
        self.serve(group, index, out);
    }

    /// Something has come to a partition: whoever waits for it gets it.
    #[inline(always)]
    pub(super) fn wake(&mut self, group: usize, partition: u32, out: &mut Out<'_>) {
        let state = &self.groups[group];
        if let Some(owner) = state.owners[state.local(partition)]
            && state.members[owner].waiting
        {
            self.serve(group, owner, out);
        }
    }

    /// Answers a member's fetch, if it waits for one and there is something.
    fn serve(&mut self, group: usize, index: usize, out: &mut Out<'_>) {
        let member = &self.groups[group].members[index];
        if !member.waiting || self.offline {
            return;
        }
        let (connection, turn, count) = (member.connection, member.turn, member.reads.len());
        let records_max = member.records_max;
        let mut room = records_max;
        let mut whole = out.is_tampered_with().then(Vec::new);
        let damage = out.disk().has_damage();
        for i in 0..count {
            let place = if turn + i < count { turn + i } else { turn + i - count };
            if damage && self.meets_damage(group, index, place, out) {
                if room == records_max {
                    return self.serve_damaged(group, index, place, out);
                }
                continue;
            }
            let sent = self.serve_partition(group, index, place, room, &mut whole, out);
            room -= sent;
            if sent > 0 {
                self.groups[group].members[index].turn = if place + 1 == count { 0 } else { place + 1 };
            }
            if room == 0 {
                break;
            }
        }
        if room < records_max {
            self.groups[group].members[index].waiting = false;
            send_part(connection, Packet::FetchEnd { count: records_max - room }, &mut whole, out);
        }
        if let Some(parts) = whole {
            out.send_whole(connection, &parts);
        }
    }

    /// Sends a member what it may have of one partition; says how many records that were.
    fn serve_partition(
        &mut self,
        group: usize,
        index: usize,
        place: usize,
        room: u16,
        whole: &mut Option<Vec<Packet>>,
        out: &mut Out<'_>,
    ) -> u16 {
        let s = self.groups[group].spec.s;
        let slot = out.shared().slot(s);
        let member = &mut self.groups[group].members[index];
        let connection = member.connection;
        let Reading { partition, position: Some(first), why } = member.reads[place] else { return 0 };
        let log = &self.partitions[partition as usize];
        let (start, end) = (log.start(), log.high_watermark());
        if first < start || first > end {
            member.reads[place].position = None;
            out.shared().brokers[0].out_of_range += 1;
            send_part(connection, Packet::OutOfRange { partition, start, end }, whole, out);
            return 0;
        }
        let mut limit = log.segment_end(first).min(first.saturating_add(u32::from(room)));
        if out.disk().has_damage() {
            limit = whole_until(partition, first, limit, out);
        }
        let (mut offset, mut bytes) = (first, 0);
        while offset < limit {
            bytes += log.size(offset, out.disk());
            if offset > first && bytes > PARTITION_BYTES_MAX {
                break;
            }
            let m = log.message(offset, out);
            let delivery = out.shared().messages.delivery(m, slot);
            let dispatches = delivery.dispatches;
            // Another record of the same message has not been read before: its producer has sent it again.
            if dispatches > 0 && delivery.rank == offset {
                out.note(Fact::Requeued { m, s, why });
            }
            let attempt = dispatches.saturating_add(1);
            out.note(Fact::Dispatched { m, s, attempt, member: connection.0 });
            let partition = u16::try_from(partition).expect("a plan has at most 65,535 partitions");
            send_part(connection, Packet::Record { m, s, attempt, partition, offset }, whole, out);
            offset += 1;
        }
        self.groups[group].members[index].reads[place].position = Some(offset);
        (offset - first) as u16
    }

    /// A held fetch is answered without a record when its time is over.
    pub(super) fn on_fetch_expired(&mut self, number: u16, id: u32, out: &mut Out<'_>) {
        let now = out.now();
        let Some(member) = self.groups[number as usize].member(id) else { return };
        member.hold_armed = false;
        if !member.waiting {
            return;
        }
        if member.hold_until > now {
            member.hold_armed = true;
            let left = member.hold_until.since(now);
            return out.deadline(left, Timer::FetchExpired { group: number, member: id });
        }
        member.waiting = false;
        out.send(member.connection, Packet::FetchEnd { count: 0 });
        out.shared().brokers[0].empty_polls += 1;
    }
}

/// The first damaged record of a partition between two offsets, or the second of them.
#[cold]
fn whole_until(partition: u32, first: u32, limit: u32, out: &mut Out<'_>) -> u32 {
    first_damaged(out.disk(), partition, first, limit).unwrap_or(limit)
}

/// An answer is one message of the protocol. Where a fault may take it out, its parts wait until all are there.
#[inline(always)]
fn send_part(connection: ConnectionId, part: Packet, whole: &mut Option<Vec<Packet>>, out: &mut Out<'_>) {
    match whole {
        None => out.send(connection, part),
        Some(parts) => parts.push(part),
    }
}
