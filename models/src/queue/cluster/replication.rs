//! What a leader appends, its followers copy, and a majority has made safe is committed, and takes place.
//!
//! Models `ra`: the leader sends each entry to all members as it writes it itself, with no round trip between; a member
//! answers when a sync covers it; a leader commits what a majority has, of its own term or before one of its own term. A
//! member that comes back says up to where it knows its log to be committed, and is sent what comes behind.

use super::super::Entry;
use super::node::ClusterNode;
use super::quorum::{Command, LogEntry};
use super::replica::{Role, Standing};
use crate::causes::LossCause;
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::{MessageRef, SubscriptionId};
use crate::packet::{Packet, Timer};
use redeliver_sim::{ConnectionId, Time};

fn is_settled(m: MessageRef, s: SubscriptionId) -> Fact {
    Fact::ReplicaGone { m, s, written: true }
}

fn is_overruled(m: MessageRef, s: SubscriptionId) -> Fact {
    Fact::Removed { m, s, why: LossCause::NotReplicated }
}

/// The number of no entry: one that was there is needed no more.
const GONE: u32 = 0;

/// Sends an entry to another member.
fn copy(
    link: ConnectionId,
    (id, index): (u32, u32),
    (m, s): (Option<MessageRef>, SubscriptionId),
    out: &mut Out<'_>,
) {
    if let Some(m) = m {
        out.note(Fact::Copied { m, s });
    }
    out.send(link, Packet::Append { id, index, s, m: m.unwrap_or(MessageRef::NONE) });
}

impl ClusterNode {
    /// It was elected: it begins its term with an entry of its own, and says so to all nodes. If the last vote was on its
    /// way for so long that there is a later leader, or a disk that lied has let a member vote twice, it stands back.
    pub(super) fn lead(&mut self, queue: usize, out: &mut Out<'_>) {
        let me = self.me;
        let term = self.replicas[queue].as_ref().map_or(0, |replica| replica.term);
        if let Err(later) = out.shared().quorum(queue).is_led(term, me) {
            self.adopt_term(queue, later, out);
            return self.miss_leader(queue, out);
        }
        self.sweep(queue, out);
        let Some(replica) = &mut self.replicas[queue] else { return };
        (replica.role, replica.leader, replica.suspected) = (Role::Leader, Some(me), None);
        replica.round = replica.round.wrapping_add(1);
        replica.others.fill(Standing::default());
        let quorum = out.shared().quorum(queue);
        let items = &replica.log.items;
        quorum.keep_only(queue, |index, id| items.get(&index).is_some_and(|item| item.id == id));
        replica.seen = quorum.done.clone();
        replica.dismissed.clear();
        replica.to_dismiss.clear();
        for item in replica.log.items.range(quorum.applied + 1..).map(|(_, item)| item) {
            if let Some(command) = quorum.entries.get(&item.id).and_then(|entry| entry.command)
                && command.number > 0
            {
                replica.seen.insert(command.client, command.number);
            }
        }
        // After a disk that lied: nothing is entered where something was applied before.
        let end = replica.log.last.1.max(quorum.applied);
        replica.log.last.1 = end;
        self.begin_term(queue, out);
        for node in (0..self.peers.len()).filter(|node| *node != me) {
            if self.peers[node].up {
                let link = self.spec.topology.links[me][node];
                out.send(link, Packet::Lead { queue: queue as u16, term });
            }
        }
        // What the dead held is back before anybody is given more.
        self.dismiss_the_dead(queue, out);
        self.learn_leader(queue, term, me, out);
    }

    /// The entry with which a leader begins its term: what its predecessors have left is decided by it. A full disk takes
    /// it at a later tick.
    pub(super) fn begin_term(&mut self, queue: usize, out: &mut Out<'_>) {
        let entered = self.enter(queue, None, out);
        if let Some(replica) = &mut self.replicas[queue] {
            replica.owes_entry = !entered;
        }
    }

    /// Appends an entry, and sends it to the others. False: the disk takes no more.
    pub(super) fn enter(&mut self, queue: usize, command: Option<Command>, out: &mut Out<'_>) -> bool {
        let s = self.spec.topology.subscriptions[queue];
        let Some(replica) = &mut self.replicas[queue] else { return false };
        let (term, index) = (replica.term, replica.log.last.1 + 1);
        let m = match command {
            Some(Command { packet: Packet::Publish { m, .. }, .. }) => Some(m),
            _ => None,
        };
        let (message, said, rank) = match m {
            Some(m) => {
                let shared = out.shared();
                let size = shared.messages.get(m).size;
                if !out.disk().has_room(size) {
                    return false;
                }
                let shared = out.shared();
                let rank = shared.next_rank(s, queue as u32);
                (Some((m, size, 0)), shared.properties(m).priority, Some(rank))
            }
            None => (None, 0, None),
        };
        let entry = message.map(|(m, size, history)| Entry {
            m,
            rank: index,
            size: size as u32,
            history,
            attempts: 0,
            priority: said,
            position: Some(super::REPLICATED),
            expires: Time::NEVER,
            in_memory: true,
        });
        let quorum = out.shared().quorum(queue);
        let id = quorum.enter(LogEntry { term, index, command, message: entry, applied: false });
        if !replica.log.append((id, term, index), message, rank, out) {
            out.shared().quorum(queue).entries.remove(&id);
            return false;
        }
        if let Some(command) = command.filter(|command| command.number > 0) {
            replica.seen.insert(command.client, command.number);
        }
        replica.unsynced = true;
        if out.is_cut() {
            return true;
        }
        for node in (0..replica.others.len()).filter(|node| replica.others[*node].follows) {
            copy(self.spec.topology.links[self.me][node], (id, index), (m, s), out);
        }
        self.sync(out);
        true
    }

    /// All that is written is made safe, unless a sync is under way: then when that has ended.
    pub(super) fn sync(&mut self, out: &mut Out<'_>) {
        if self.syncing {
            return;
        }
        self.syncing = true;
        for replica in self.replicas.iter_mut().flatten().filter(|replica| replica.unsynced) {
            replica.unsynced = false;
            replica.syncing = Some(replica.log.last.1);
        }
        self.casting = std::mem::take(&mut self.ballots);
        out.sync(Timer::ReplicasSynced);
    }

    pub(super) fn on_synced(&mut self, out: &mut Out<'_>) {
        self.syncing = false;
        for queue in 0..self.replicas.len() {
            let Some(replica) = &mut self.replicas[queue] else { continue };
            let Some(to) = replica.syncing.take() else { continue };
            replica.safe = to;
            if replica.leads() {
                self.commit(queue, out);
            } else {
                self.answer(queue, out);
            }
        }
        let ballots = std::mem::take(&mut self.casting);
        self.cast(ballots, out);
        if !self.ballots.is_empty() || self.replicas.iter().flatten().any(|replica| replica.unsynced) {
            self.sync(out);
        }
    }

    /// A follower tells its leader what it has.
    fn answer(&mut self, queue: usize, out: &mut Out<'_>) {
        let Some(replica) = &self.replicas[queue] else { return };
        let Some(leader) = replica.leader.filter(|leader| self.peers[*leader].up) else { return };
        let (term, index) = (replica.term, replica.safe.min(replica.matched));
        out.send(
            self.spec.topology.links[self.me][leader],
            Packet::Appended { queue: queue as u16, term, index },
        );
    }

    pub(super) fn on_lead(&mut self, from: usize, queue: usize, term: u32, out: &mut Out<'_>) {
        self.adopt_term(queue, term, out);
        let link = self.spec.topology.links[self.me][from];
        if let Some(replica) = &mut self.replicas[queue] {
            if term < replica.term {
                let packet =
                    Packet::Vote { queue: queue as u16, pre: false, granted: false, term: replica.term };
                return out.send(link, packet);
            }
            if replica.broken {
                return self.learn_leader(queue, term, from, out);
            }
            (replica.role, replica.leader, replica.suspected) = (Role::Follower, Some(from), None);
            replica.round = replica.round.wrapping_add(1);
            (replica.matched, replica.lags) = (replica.commit, true);
            let index = replica.matched;
            self.sweep(queue, out);
            out.send(link, Packet::Follow { queue: queue as u16, term, index });
        }
        self.learn_leader(queue, term, from, out);
    }

    pub(super) fn on_follow(&mut self, from: usize, queue: usize, term: u32, index: u32, out: &mut Out<'_>) {
        let Some(replica) = &mut self.replicas[queue] else { return };
        if !replica.leads() || replica.term != term {
            return;
        }
        replica.others[from] = Standing { follows: true, has: replica.others[from].has };
        let link = self.spec.topology.links[self.me][from];
        out.send(link, Packet::Resume { queue: queue as u16, term, index });
        let s = self.spec.topology.subscriptions[queue];
        let mut sent = index;
        for (index, item) in replica.log.items.range(index + 1..) {
            copy(link, (item.id, *index), (item.m, s), out);
            sent = *index;
        }
        // What it has beyond the last of these is applied, and gone; or only the other has it, and it will never be.
        if replica.log.last.1 > sent {
            copy(link, (GONE, replica.log.last.1), (None, s), out);
        }
        out.send(link, Packet::Commits { queue: queue as u16, term, index: replica.commit });
    }

    pub(super) fn on_resume(&mut self, from: usize, queue: usize, term: u32, index: u32) {
        let Some(replica) = &mut self.replicas[queue] else { return };
        if replica.leader == Some(from) && replica.term == term {
            (replica.matched, replica.lags) = (index, false);
        }
    }

    pub(super) fn on_append(
        &mut self,
        from: usize,
        s: SubscriptionId,
        entry: (u32, u32),
        m: MessageRef,
        out: &mut Out<'_>,
    ) {
        let Some(queue) = self.spec.topology.queue_of(s) else { return };
        if !self.write(from, queue, entry, out) && m != MessageRef::NONE {
            out.note(Fact::ReplicaGone { m, s, written: false });
        }
        // Who has led is told of the term that has come since.
        let Some(replica) = &self.replicas[queue] else { return };
        if replica.leader != Some(from) {
            let packet = Packet::Vote { queue: queue as u16, pre: false, granted: false, term: replica.term };
            out.send(self.spec.topology.links[self.me][from], packet);
        }
    }

    /// Writes an entry that its leader has sent. False: it does not, or has it already.
    fn write(&mut self, from: usize, queue: usize, (id, index): (u32, u32), out: &mut Out<'_>) -> bool {
        let Some(replica) = &mut self.replicas[queue] else { return false };
        if replica.leader != Some(from) || replica.leads() || replica.lags || index <= replica.matched {
            return false;
        }
        // What the leader does not have between two entries is settled, or was never committed.
        let is_there = replica.log.items.get(&index).is_some_and(|item| item.id == id);
        let end = if is_there { index } else { u32::MAX };
        let odd: Vec<u32> =
            replica.log.items.range(replica.matched + 1..end).map(|(index, _)| *index).collect();
        if let Some(first) = odd.first() {
            replica.cut(*first);
        }
        let matched = replica.matched;
        for odd in odd {
            self.drop_item(queue, odd, out);
        }
        let quorum = out.shared().quorum(queue);
        let entry = quorum.entries.get(&id).copied();
        let [term, term_before] = [index, matched].map(|index| quorum.term_at(index));
        let term = entry.map_or(term, |entry| entry.term);
        let Some(replica) = &mut self.replicas[queue] else { return false };
        if !is_there {
            let before = replica.log.items.get(&matched).map_or(term_before, |item| item.term);
            replica.log.note_end((before, matched), out);
            let message =
                entry.and_then(|entry| entry.message).map(|entry| (entry.m, u64::from(entry.size), 0));
            let written = match entry {
                Some(_) => replica.log.append((id, term, index), message, None, out),
                // Nobody needs any more what is no longer among the entries.
                None => {
                    replica.log.note_end((term, index), out);
                    true
                }
            };
            if !written {
                replica.lags = true;
                return false;
            }
        }
        replica.matched = index;
        replica.unsynced = true;
        self.sync(out);
        !is_there && entry.is_some()
    }

    /// An entry that the leader does not have goes.
    fn drop_item(&mut self, queue: usize, index: u32, out: &mut Out<'_>) {
        let Some(replica) = &mut self.replicas[queue] else { return };
        let Some(item) = replica.log.items.get(&index).copied() else { return };
        let quorum = out.shared().quorum(queue);
        let was_open = quorum.entries.get(&item.id).is_some_and(|entry| !entry.applied);
        replica.log.remove(index, Some(if was_open { is_overruled } else { is_settled }), out);
    }

    pub(super) fn on_appended(
        &mut self,
        from: usize,
        queue: usize,
        term: u32,
        index: u32,
        out: &mut Out<'_>,
    ) {
        self.adopt_term(queue, term, out);
        let Some(replica) = &mut self.replicas[queue] else { return };
        if !replica.leads() || replica.term != term {
            return;
        }
        replica.others[from].has = replica.others[from].has.max(index);
        self.commit(queue, out);
    }

    /// What a majority has made safe is committed.
    fn commit(&mut self, queue: usize, out: &mut Out<'_>) {
        let majority = self.spec.topology.majority(queue);
        let Some(replica) = &mut self.replicas[queue] else { return };
        let members = &self.spec.topology.members[queue];
        let has = |node: &usize| if *node == self.me { replica.safe } else { replica.others[*node].has };
        let mut all: Vec<u32> = members.iter().map(has).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        let index = all[majority - 1];
        let own_term = replica.log.items.get(&index).is_some_and(|item| item.term == replica.term);
        if index <= replica.commit || !own_term {
            return;
        }
        replica.commit = index;
        replica.log.set_committed(index, out);
        let packet = Packet::Commits { queue: queue as u16, term: replica.term, index };
        for node in (0..replica.others.len()).filter(|node| replica.others[*node].follows) {
            out.send(self.spec.topology.links[self.me][node], packet);
        }
        self.apply(queue, out);
    }

    pub(super) fn on_commits(&mut self, from: usize, queue: usize, term: u32, index: u32, out: &mut Out<'_>) {
        let Some(replica) = &mut self.replicas[queue] else { return };
        if replica.leader != Some(from) || replica.leads() || replica.term != term {
            return;
        }
        let index = index.min(replica.matched);
        if index > replica.commit {
            replica.commit = index;
            replica.log.set_committed(index, out);
        }
        self.forget_settled(queue, out);
    }

    /// A follower lets go of messages that have left the queue.
    fn forget_settled(&mut self, queue: usize, out: &mut Out<'_>) {
        let Some(replica) = &mut self.replicas[queue] else { return };
        let quorum = out.shared().quorum(queue);
        let (cursor, since) = quorum.released_since(replica.log.cursor);
        let since: Option<Vec<(u32, u32)>> = since.map(Iterator::collect);
        let applied = quorum.applied;
        let Some(since) = since else { return self.sweep(queue, out) };
        replica.log.cursor = cursor;
        for (index, id) in since {
            if replica.log.items.get(&index).is_some_and(|item| item.id == id) {
                replica.log.remove(index, Some(is_settled), out);
            }
        }
        replica.log.forget_bare(replica.commit.min(applied), out);
    }

    /// Lets go of all that has left the queue while the member did not listen.
    pub(super) fn sweep(&mut self, queue: usize, out: &mut Out<'_>) {
        let Some(replica) = &mut self.replicas[queue] else { return };
        let quorum = out.shared().quorum(queue);
        replica.log.cursor = quorum.released_since(0).0;
        let applied = quorum.applied;
        let gone = replica.log.items.iter().filter(|(_, item)| !quorum.entries.contains_key(&item.id));
        let gone: Vec<u32> = gone.filter(|(_, item)| item.m.is_some()).map(|(index, _)| *index).collect();
        for index in gone {
            replica.log.remove(index, Some(is_settled), out);
        }
        replica.log.forget_bare(replica.commit.min(applied), out);
    }

    /// What is committed takes place.
    fn apply(&mut self, queue: usize, out: &mut Out<'_>) {
        let mut watches = false;
        while !out.is_cut() {
            let Some(replica) = &self.replicas[queue] else { return };
            let quorum = out.shared().quorum(queue);
            let next = quorum.applied + 1;
            if next > replica.commit {
                break;
            }
            let Some(item) = replica.log.items.get(&next).copied() else { break };
            let Some(entry) = quorum.entries.get(&item.id).copied() else { break };
            quorum.count_applied(item.id, &entry);
            let accepted = self.take_place(queue, &entry, out);
            if let Some(command) = entry.command.filter(|command| command.number > 0) {
                out.shared().quorum(queue).is_done(command.client, command.number, accepted);
                self.report(command.client, queue, command.number, accepted, out);
                watches |= matches!(command.packet, Packet::Consume { .. } | Packet::Get { .. });
            }
        }
        // Its node may have gone before that was committed.
        if watches {
            self.dismiss_the_dead(queue, out);
        }
        if let Some(replica) = &mut self.replicas[queue] {
            let applied = out.shared().quorum(queue).applied;
            replica.log.forget_bare(replica.commit.min(applied), out);
        }
    }

    /// The queue does what an entry says. False: it does not take the message.
    fn take_place(&mut self, queue: usize, entry: &LogEntry, out: &mut Out<'_>) -> bool {
        let Some(replica) = &mut self.replicas[queue] else { return false };
        let Some(mut quorum) = out.shared().quorums[queue].take() else { return false };
        let machine = &mut quorum.machine;
        machine.spec.number = self.me;
        if let Some(post) = &mut machine.post {
            (post.me, post.log) = (self.me, Some(replica.log.take()));
            post.channels = std::mem::take(&mut self.channels);
            if let Some(command) = entry.command.filter(|command| command.number > 0) {
                post.sessions.insert(command.client, command.session);
            }
        }
        if std::mem::take(&mut quorum.taken_over) {
            machine.send_again(out);
        }
        let mut accepted = true;
        match (entry.command, entry.message) {
            (_, Some(message)) if machine.is_full(queue, u64::from(message.size)) => {
                let (m, s) = (message.m, self.spec.topology.subscriptions[queue]);
                machine.release_replica(message, out);
                out.note(Fact::Removed { m, s, why: LossCause::QueueOverflow });
                accepted = false;
            }
            (_, Some(message)) => machine.place(queue, message, out),
            // Who has asked is gone by now (recorded: `cluster-2-minority-keep-leader-giveup`).
            (Some(Command { packet: Packet::Get { .. } | Packet::Consume { .. }, number, .. }), None)
                if !quorum.commands.contains_key(&number) => {}
            (Some(command), None) => {
                match command.packet {
                    Packet::Get { .. } | Packet::Consume { .. } => {
                        quorum.lives.insert(command.client, command.life);
                    }
                    Packet::CloseChannel => {
                        quorum.lives.remove(&command.client);
                        replica.dismissed.remove(&command.client);
                        replica.to_dismiss.remove(&command.client);
                    }
                    _ => {}
                }
                quorum.machine.follow(command, out);
            }
            (None, None) => machine.dispatch(queue, out),
        }
        if let Some(post) = &mut quorum.machine.post {
            replica.log = post.log.take().expect("it was lent");
            self.channels = std::mem::take(&mut post.channels);
            let released = std::mem::take(&mut post.released);
            released.into_iter().for_each(|entry| quorum.leave(entry));
        }
        out.shared().quorums[queue] = Some(quorum);
        accepted
    }
}
