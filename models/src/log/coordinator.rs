//! The broker's part in a group: who joins, who is missed, who gets which partition, who may commit.

use super::broker::Broker;
use super::group::Member;
use crate::causes::DuplicateCause;
use crate::domain::Out;
use crate::fact::Fact;
use crate::packet::{Packet, Timer};
use redeliver_sim::{ConnectionId, Span};

/// A member that has been asked to join again and does not is waited for so long. Kafka: `max.poll.interval.ms`.
const REBALANCE_MAX: Span = Span::seconds(300);

/// The member number of one who has none.
pub(super) const NOBODY: u32 = u32::MAX;

impl Broker {
    /// Somebody who has no number is new, whoever came over the same connection before.
    pub(super) fn on_join(&mut self, from: ConnectionId, number: u16, member: u32, out: &mut Out<'_>) {
        out.shared().brokers[0].requests += 1;
        let group = number as usize;
        self.bind(group, out);
        let now = out.now();
        let state = &mut self.groups[group];
        if member == NOBODY {
            state.admit(from, now);
        } else if let Some(member) = state.member(member) {
            (member.connection, member.connected) = (from, true);
            (member.heard, member.joined) = (now, true);
        } else {
            return out.send(from, Packet::NotMember { group: number, member });
        }
        self.watch(group, out);
        self.rebalance(group, out);
        self.deal_if_all_joined(group, out);
    }

    /// A group that comes late begins to read: at the oldest record, or at the end.
    fn bind(&mut self, group: usize, out: &mut Out<'_>) {
        if self.is_bound(group, out) {
            return;
        }
        let spec = self.groups[group].spec.clone();
        out.shared().subscriptions[spec.s.0 as usize].bound = true;
        for local in 0..spec.partitions {
            let line = spec.first + local;
            let partition = &self.partitions[line as usize];
            let (start, end) = (partition.start(), partition.end());
            let low = if spec.from_beginning { start } else { end };
            self.groups[group].low[local as usize] = low;
            self.groups[group].held += u64::from(end - low);
            for offset in low..end {
                let rank = out.shared().ranks[line as usize].rank(offset);
                let m = partition.message(offset, out);
                out.note(Fact::Found { m, s: spec.s, line, rank });
            }
        }
        self.set_level(group, out);
    }

    /// Asks all who have not joined again to do so.
    fn rebalance(&mut self, group: usize, out: &mut Out<'_>) {
        let state = &mut self.groups[group];
        if state.rebalancing {
            return;
        }
        state.rebalancing = true;
        state.owners.fill(None);
        let generation = state.generation;
        for member in &mut state.members {
            member.waiting = false;
            if !member.joined && member.connected {
                out.send(member.connection, Packet::Revoke { generation });
            }
        }
        let timer = Timer::RebalanceExpired { group: group as u16 };
        out.set_alarm(2 * group as u32 + 1, REBALANCE_MAX, timer);
    }

    fn deal_if_all_joined(&mut self, group: usize, out: &mut Out<'_>) {
        let state = &mut self.groups[group];
        if !state.rebalancing || !state.members.iter().all(|member| member.joined) {
            return;
        }
        out.cancel_alarm(2 * group as u32 + 1);
        if state.members.is_empty() {
            state.rebalancing = false;
            return;
        }
        state.deal();
        let generation = state.generation;
        for i in 0..self.groups[group].members.len() {
            for read in 0..self.groups[group].members[i].reads.len() {
                let partition = self.groups[group].members[i].reads[read].partition;
                let offset = self.position(group, partition, out);
                let member = &mut self.groups[group].members[i];
                member.reads[read].position = Some(offset);
                out.send(member.connection, Packet::Assign { partition, generation, offset });
            }
            let member = &self.groups[group].members[i];
            out.send(member.connection, Packet::Assigned { generation, member: member.id });
        }
    }

    /// Where a new owner begins: at the committed offset. Without one, a group that starts at the end skips what has
    /// come since it began (recorded: `ak-c3-no-committed-latest`).
    fn position(&mut self, group: usize, partition: u32, out: &mut Out<'_>) -> u32 {
        let state = &self.groups[group];
        let local = state.local(partition);
        if let Some(offset) = state.committed[local] {
            return offset;
        }
        if !state.spec.from_beginning {
            let end = self.partitions[partition as usize].end();
            self.move_low(group, local, end, DuplicateCause::RewoundOffset, out);
        }
        self.groups[group].low[local]
    }

    // Who is there.

    /// A member is heard of. If there is no such one, or all are to join again, it is told so. True: it may go on.
    #[inline(always)]
    pub(super) fn hear(&mut self, from: ConnectionId, number: u16, id: u32, out: &mut Out<'_>) -> bool {
        let now = out.now();
        let state = &mut self.groups[number as usize];
        let (rebalancing, generation) = (state.rebalancing, state.generation);
        let Some(member) = state.member(id) else {
            out.send(from, Packet::NotMember { group: number, member: id });
            return false;
        };
        (member.connection, member.connected, member.heard) = (from, true, now);
        if rebalancing && !member.joined {
            out.send(from, Packet::Revoke { generation });
        }
        !rebalancing
    }

    /// Whose connection is gone may come back. Who was never told his number cannot, and is forgotten (KIP-394).
    pub(super) fn on_gone(&mut self, connection: ConnectionId, out: &mut Out<'_>) {
        for group in 0..self.groups.len() {
            let members = &mut self.groups[group].members;
            let before = members.len();
            members.retain(|member| member.connection != connection || member.known);
            let changed = members.len() != before;
            for member in members.iter_mut().filter(|member| member.connection == connection) {
                (member.connected, member.waiting) = (false, false);
                for read in &mut member.reads {
                    read.position = None;
                    read.why = DuplicateCause::ConnectionClosed;
                }
            }
            if changed {
                self.deal_if_all_joined(group, out);
            }
        }
    }

    pub(super) fn on_leave(&mut self, number: u16, id: u32, out: &mut Out<'_>) {
        self.remove(number as usize, |member| member.id == id, out);
    }

    fn remove(&mut self, group: usize, gone: impl Fn(&Member) -> bool, out: &mut Out<'_>) {
        let members = &mut self.groups[group].members;
        let before = members.len();
        members.retain(|member| !gone(member));
        if members.len() != before {
            self.rebalance(group, out);
            self.deal_if_all_joined(group, out);
        }
    }

    /// Sets the timer for the member who will be missed first.
    fn watch(&mut self, group: usize, out: &mut Out<'_>) {
        let timeout = self.spec.config.session_timeout;
        let state = &mut self.groups[group];
        if let Some(expiry) = state.next_expiry(timeout)
            && !state.watched
        {
            state.watched = true;
            let timer = Timer::SessionExpired { group: group as u16 };
            out.set_alarm(2 * group as u32, expiry.since(out.now()), timer);
        }
    }

    /// Members who were silent for too long are out. Whoever waits for a rebalance to end need not say anything.
    pub(super) fn on_session_expired(&mut self, group: usize, out: &mut Out<'_>) {
        let (now, timeout) = (out.now(), self.spec.config.session_timeout);
        let state = &mut self.groups[group];
        state.watched = false;
        for member in state.members.iter_mut().filter(|member| member.joined && member.connected) {
            member.heard = now;
        }
        self.remove(group, |member| member.heard + timeout <= now, out);
        self.watch(group, out);
    }

    /// Members who have kept the others waiting for too long are out.
    pub(super) fn on_rebalance_expired(&mut self, group: usize, out: &mut Out<'_>) {
        if self.groups[group].rebalancing {
            self.remove(group, |member| !member.joined, out);
        }
    }

    // Commits.

    /// Only a member of the group's present generation may commit; before the partitions are dealt out anew, still.
    #[inline(always)]
    pub(super) fn on_commit(&mut self, from: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        let Packet::Commit { group, generation, member, partition, offset, answer } = packet else { return };
        out.shared().brokers[0].requests += 1;
        let end = self.partitions[partition as usize].end();
        let offline = self.offline;
        let state = &mut self.groups[group as usize];
        let current = state.generation == generation;
        let owner = state.member(member).filter(|_| current);
        let owns = owner.is_some_and(|member| member.reads.iter().any(|read| read.partition == partition));
        let ok = owns && offset <= end && !offline;
        if ok {
            self.commit(group as usize, partition, offset, out);
        }
        if answer || !ok {
            out.send(from, Packet::CommitAnswer { partition, offset, ok });
        }
    }
}
