//! A consumer group: who is in it, who has which partition, and how far it has read.
//!
//! Models Kafka's classic protocol with the range assignor, eager: when a member comes or goes all are asked to give
//! up what they have and to join again; when all have, or were silent for too long, the partitions are dealt out
//! anew from the committed offsets. A crashed member is missed only when its session is over, even if its process is
//! back: that one is a new member, and the group waits for the old one (recorded: `ak-c4-kill-classic`).
//!
//! Left out: static members, the initial rebalance delay, the cooperative protocol and KIP-848.

use crate::causes::DuplicateCause;
use crate::message::SubscriptionId;
use redeliver_sim::{ConnectionId, Span, Time};

/// What a group is made from.
#[derive(Clone, Debug)]
pub struct GroupSpec {
    /// The subscription; the group's number is its number.
    pub s: SubscriptionId,
    /// The first partition of its topic.
    pub first: u32,
    /// How many partitions the topic has.
    pub partitions: u32,
    /// Where its committed offsets are on the disk: one register per partition, from this one on.
    pub register: u32,
    /// Without a committed offset it starts at the oldest record, else at the end.
    pub from_beginning: bool,
}

/// A member of a group.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its number: of its connection, and of its life.
    pub id: u32,
    /// Its connection.
    pub connection: ConnectionId,
    /// The connection has not broken since it was last heard of.
    pub connected: bool,
    /// When it was last heard of.
    pub heard: Time,
    /// It waits for the rebalance to end.
    pub joined: bool,
    /// It has been told its number.
    pub known: bool,
    /// What it reads, from where.
    pub reads: Vec<Reading>,
    /// Which of them comes first in the next answer.
    pub turn: usize,
    /// It waits for records.
    pub waiting: bool,
    /// How many it takes.
    pub records_max: u16,
    /// It waits until then at most.
    pub hold_until: Time,
    /// The timer for it is set.
    pub hold_armed: bool,
}

/// A member's place in a partition.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The partition.
    pub partition: u32,
    /// The next offset to send; none until the member says where to go on.
    pub position: Option<u32>,
    /// Why what was sent before is sent again.
    pub why: DuplicateCause,
}

/// The group.
#[derive(Clone, Debug)]
pub struct Group {
    /// What it was made from.
    pub spec: GroupSpec,
    /// How often the partitions were dealt out.
    pub generation: u16,
    /// In the order of their connections.
    pub members: Vec<Member>,
    /// Partitions are being dealt out anew.
    pub rebalancing: bool,
    /// By partition of the topic: the committed offset, the next to read.
    pub committed: Vec<Option<u32>>,
    /// By partition of the topic: the first record that the group has not passed.
    pub low: Vec<u32>,
    /// Records that it has not passed.
    pub held: u64,
    /// By partition of the topic: the index of the member that has it.
    pub owners: Vec<Option<usize>>,
    /// By partition of the topic: who had it last.
    pub last: Vec<Option<ConnectionId>>,
    /// The session timer is set.
    pub watched: bool,
}

impl Group {
    /// A group without members.
    pub fn new(spec: GroupSpec) -> Self {
        let count = spec.partitions as usize;
        Group {
            spec,
            generation: 0,
            members: Vec::new(),
            rebalancing: false,
            committed: vec![None; count],
            low: vec![0; count],
            held: 0,
            owners: vec![None; count],
            last: vec![None; count],
            watched: false,
        }
    }

    /// The place of a partition in its topic.
    #[inline(always)]
    pub fn local(&self, partition: u32) -> usize {
        (partition - self.spec.first) as usize
    }

    /// The member of this number.
    #[inline(always)]
    pub fn member(&mut self, id: u32) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == id)
    }

    /// Somebody comes: a number that none of those has who came over the same connection before.
    pub(super) fn admit(&mut self, connection: ConnectionId, now: Time) {
        let base = connection.0 << LIVES;
        let lives = self.members.iter().filter(|member| member.id >> LIVES == connection.0);
        let id = lives.map(|member| member.id + 1).max().unwrap_or(base);
        let place = self.members.partition_point(|member| member.id < id);
        let member = Member {
            id,
            connection,
            connected: true,
            heard: now,
            joined: true,
            known: false,
            reads: Vec::new(),
            turn: 0,
            waiting: false,
            records_max: 1,
            hold_until: now,
            hold_armed: false,
        };
        self.members.insert(place, member);
    }

    /// When the first of those who are not known to be there is missed.
    pub(super) fn next_expiry(&self, timeout: Span) -> Option<Time> {
        self.members.iter().map(|member| member.heard + timeout).min()
    }

    /// Deals the partitions out: each member gets a range, in order, the first ones one more if they do not divide.
    pub(super) fn deal(&mut self) {
        self.generation = self.generation.wrapping_add(1);
        self.rebalancing = false;
        let (members, partitions) = (self.members.len() as u32, self.spec.partitions);
        let mut next = 0;
        for (i, member) in self.members.iter_mut().enumerate() {
            let share = partitions / members + u32::from((i as u32) < partitions % members);
            member.reads.clear();
            for local in next..next + share {
                let why = match self.last[local as usize] {
                    Some(last) if last == member.connection => DuplicateCause::RewoundOffset,
                    Some(_) => DuplicateCause::Rebalance,
                    None => DuplicateCause::BrokerRestart,
                };
                member.reads.push(Reading { partition: self.spec.first + local, position: None, why });
                self.owners[local as usize] = Some(i);
                self.last[local as usize] = Some(member.connection);
            }
            next += share;
            member.turn = 0;
            member.joined = false;
            member.known = true;
        }
    }
}

/// Bits of a member's number that tell the lives of one process apart.
const LIVES: u32 = 10;
