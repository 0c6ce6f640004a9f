//! A node's member of a replicated queue: what it knows of its leader, its term and its followers.

use super::log::Log;
use redeliver_sim::ConnectionId;
use std::collections::{BTreeMap, BTreeSet};

/// What a member does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Follower,
    /// It asks whether it would be elected.
    Asking,
    Candidate,
    Leader,
}

/// What a leader knows of another member.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Standing {
    /// It is sent what is appended.
    pub(super) follows: bool,
    /// It has all up to here, safe on its disk.
    pub(super) has: u32,
}

/// The member. What is not on its disk is gone after a crash.
#[derive(Clone, Debug)]
pub(super) struct Replica {
    pub(super) log: Log,
    pub(super) term: u32,
    pub(super) vote: Option<usize>,
    pub(super) role: Role,
    /// Whom it follows, or itself.
    pub(super) leader: Option<usize>,
    /// Whom it would follow if it were heard of again.
    pub(super) suspected: Option<usize>,
    pub(super) commit: u32,
    /// Up to here its log is its leader's.
    pub(super) matched: u32,
    /// Up to here it is safe on disk.
    pub(super) safe: u32,
    /// It has written something that no sync covers.
    pub(super) unsynced: bool,
    /// The sync that is under way covers it up to here.
    pub(super) syncing: Option<u32>,
    /// Timers of earlier rounds are void.
    pub(super) round: u32,
    /// Who has voted for it, by the bits of their numbers.
    pub(super) votes: u64,
    /// By node, for its leader.
    pub(super) others: Vec<Standing>,
    /// By client, for its leader: the last command that is in the log.
    pub(super) seen: BTreeMap<ConnectionId, u32>,
    /// For its leader: whose node is gone, which is in its log and not applied.
    pub(super) dismissed: BTreeSet<ConnectionId>,
    /// For its leader: whose node was gone when its disk was full. It may be back; what was on the way to it is not.
    pub(super) to_dismiss: BTreeSet<ConnectionId>,
    /// It has asked its leader for what it does not have, or will ask again, because its disk took no more. What comes
    /// before the answer does not follow on what it has.
    pub(super) lags: bool,
    /// A record of its log is damaged: it stays away.
    pub(super) broken: bool,
    /// It leads, and its disk has not taken the entry with which it begins its term.
    pub(super) owes_entry: bool,
}

impl Replica {
    pub(super) fn new(log: Log, nodes: usize) -> Self {
        Replica {
            log,
            term: 1,
            vote: None,
            role: Role::Follower,
            leader: None,
            suspected: None,
            commit: 0,
            matched: 0,
            safe: 0,
            unsynced: false,
            syncing: None,
            round: 0,
            votes: 0,
            others: vec![Standing::default(); nodes],
            seen: BTreeMap::new(),
            dismissed: BTreeSet::new(),
            to_dismiss: BTreeSet::new(),
            lags: false,
            broken: false,
            owes_entry: false,
        }
    }

    pub(super) fn leads(&self) -> bool {
        self.role == Role::Leader
    }

    /// What was written from this index on is cut off.
    pub(super) fn cut(&mut self, from: u32) {
        self.safe = self.safe.min(from - 1);
        self.syncing = self.syncing.map(|to| to.min(from - 1));
    }
}
