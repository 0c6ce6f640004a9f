//! Who leads a replicated queue.
//!
//! Models Raft as `ra` does it: a member that has lost its leader waits for a while, asks whether it would be elected
//! (pre-vote), and stands only then; a member votes once in a term, for nobody whose log ends before its own, and says so
//! when that is safe on its disk. A leader whose process dies is missed at once, because its connections close; one that
//! falls silent when the failure detector says so. Times: `ra_server_proc.erl` (`DEFAULT_BROADCAST_TIME` 100 ms,
//! `DEFAULT_ELECTION_MULT` 5); recorded: a new leader 0.2 to 0.4 s after a crash (`cluster-1-*`).

use super::node::ClusterNode;
use super::replica::{Role, Standing};
use crate::domain::Out;
use crate::packet::{Packet, Timer};
use redeliver_sim::{Luck, Span};

/// A round of messages to all members, generously.
const BROADCAST: Span = Span::millis(100);
/// An election takes as many of them, at random.
const ROUNDS: u64 = 5;

/// What is said when a ballot is safe on disk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ballot {
    /// To all members: vote for me.
    Canvass(usize),
    /// To this node.
    Vote(usize, Packet),
}

impl ClusterNode {
    /// A member without a leader stands for election after a while, unless one turns up.
    pub(super) fn miss_leader(&mut self, queue: usize, out: &mut Out<'_>) {
        let Some(replica) = &mut self.replicas[queue] else { return };
        (replica.role, replica.leader) = (Role::Follower, None);
        self.arm_election(queue, BROADCAST, out);
    }

    fn arm_election(&mut self, queue: usize, least: Span, out: &mut Out<'_>) {
        let luck = Luck::new(self.spec.lots, u64::from(out.deaths()) << 32 | self.draws);
        self.draws += 1;
        let more = self.spec.lots.draw(luck, queue as u64) % (BROADCAST.0 * ROUNDS);
        let Some(replica) = &mut self.replicas[queue] else { return };
        replica.round = replica.round.wrapping_add(1);
        out.deadline(least + Span(more), Timer::Elect { queue: queue as u16, round: replica.round });
    }

    pub(super) fn on_elect(&mut self, queue: usize, round: u32, out: &mut Out<'_>) {
        let Some(replica) = &mut self.replicas[queue] else { return };
        if replica.round != round || replica.broken || replica.leader.is_some() {
            return;
        }
        (replica.role, replica.votes) = (Role::Asking, 1 << self.me);
        self.arm_election(queue, BROADCAST.times(ROUNDS), out);
        self.canvass(queue, true, out);
        self.count_votes(queue, out);
    }

    fn canvass(&mut self, queue: usize, pre: bool, out: &mut Out<'_>) {
        let Some(replica) = &self.replicas[queue] else { return };
        let term = replica.term + u32::from(pre);
        let (last_term, last_index) = replica.log.last;
        let packet = Packet::Canvass { queue: queue as u16, pre, term, last_term, last_index };
        self.tell_members(queue, packet, out);
    }

    /// Tells all other members that can be reached.
    pub(super) fn tell_members(&mut self, queue: usize, packet: Packet, out: &mut Out<'_>) {
        for &node in &self.spec.topology.members[queue] {
            if node != self.me && self.peers[node].up {
                out.send(self.spec.topology.links[self.me][node], packet);
            }
        }
    }

    pub(super) fn on_canvass(
        &mut self,
        from: usize,
        (queue, pre): (usize, bool),
        term: u32,
        last: (u32, u32),
        out: &mut Out<'_>,
    ) {
        if !pre {
            self.adopt_term(queue, term, out);
        }
        let Some(replica) = &mut self.replicas[queue] else { return };
        let is_complete = last >= replica.log.last && !replica.broken;
        let granted = match pre {
            true => is_complete && term > replica.term && replica.leader.is_none_or(|leader| leader == from),
            false => is_complete && term == replica.term && replica.vote.is_none_or(|vote| vote == from),
        };
        let said = if granted { term } else { replica.term };
        let packet = Packet::Vote { queue: queue as u16, pre, granted, term: said };
        if pre || !granted {
            return out.send(self.spec.topology.links[self.me][from], packet);
        }
        replica.vote = Some(from);
        replica.log.set_ballot(term, Some(from), out);
        self.ballots.push(Ballot::Vote(from, packet));
        self.sync(out);
    }

    pub(super) fn on_vote(
        &mut self,
        from: usize,
        (queue, pre): (usize, bool),
        granted: bool,
        term: u32,
        out: &mut Out<'_>,
    ) {
        if !granted {
            return self.adopt_term(queue, term, out);
        }
        let Some(replica) = &mut self.replicas[queue] else { return };
        let is_mine = match replica.role {
            Role::Asking => pre && term == replica.term + 1,
            Role::Candidate => !pre && term == replica.term,
            Role::Follower | Role::Leader => false,
        };
        if is_mine {
            replica.votes |= 1 << from;
            self.count_votes(queue, out);
        }
    }

    fn count_votes(&mut self, queue: usize, out: &mut Out<'_>) {
        let majority = self.spec.topology.majority(queue);
        let Some(replica) = &mut self.replicas[queue] else { return };
        if (replica.votes.count_ones() as usize) < majority {
            return;
        }
        match replica.role {
            Role::Asking => {
                replica.term += 1;
                (replica.role, replica.vote, replica.votes) = (Role::Candidate, Some(self.me), 0);
                replica.log.set_ballot(replica.term, replica.vote, out);
                self.ballots.push(Ballot::Canvass(queue));
                self.sync(out);
            }
            Role::Candidate => self.lead(queue, out),
            Role::Follower | Role::Leader => {}
        }
    }

    /// Ballots are safe on disk: they are cast.
    pub(super) fn cast(&mut self, ballots: Vec<Ballot>, out: &mut Out<'_>) {
        for ballot in ballots {
            match ballot {
                Ballot::Vote(to, packet) if self.peers[to].up => {
                    out.send(self.spec.topology.links[self.me][to], packet);
                }
                Ballot::Vote(..) => {}
                Ballot::Canvass(queue) => {
                    let Some(replica) = &mut self.replicas[queue] else { continue };
                    if replica.role == Role::Candidate {
                        replica.votes |= 1 << self.me;
                        self.canvass(queue, false, out);
                        self.count_votes(queue, out);
                    }
                }
            }
        }
    }

    /// A later term is going on: who leads in an earlier one leads no more.
    pub(super) fn adopt_term(&mut self, queue: usize, term: u32, out: &mut Out<'_>) {
        let Some(replica) = &mut self.replicas[queue] else { return };
        if term <= replica.term {
            return;
        }
        (replica.term, replica.vote) = (term, None);
        replica.log.set_ballot(term, None, out);
        if matches!(replica.role, Role::Leader | Role::Candidate) {
            replica.others.fill(Standing::default());
            if self.leaders[queue].is_some_and(|(_, node)| node == self.me) {
                self.leaders[queue] = None;
            }
            self.miss_leader(queue, out);
        }
    }
}
