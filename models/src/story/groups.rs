//! The places of a story's client in the groups of a log: it joins, is assigned partitions, and gives them up.

use super::client::Client;
use crate::domain::Out;
use crate::fact::Fact;
use crate::log::Commit;
use crate::message::{MessageRef, SubscriptionId};
use crate::packet::{Packet, Timer};
use redeliver_sim::{Span, Time};
use std::collections::VecDeque;

/// The member number of one who has none.
const NOBODY: u32 = u32::MAX;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    Outside,
    Joining,
    Member,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) partition: u32,
    /// The next offset that the application gets.
    pub(super) position: u32,
    /// What it has committed by itself.
    pub(super) committed: u32,
}

/// Its place in one group.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    pub(super) group: SubscriptionId,
    pub(super) topic: usize,
    pub(super) standing: Standing,
    pub(super) member: u32,
    pub(super) generation: u16,
    pub(super) places: Vec<Place>,
    pub(super) fetching: bool,
    /// It has been asked to join again.
    pub(super) leaving: bool,
    /// It keeps polling.
    pub(super) consuming: bool,
    /// Come, and not handed over: record, attempt, partition, offset.
    pub(super) fetched: VecDeque<(MessageRef, u16, u32, u32)>,
    pub(super) commit_due: Time,
}

impl Client {
    /// The client's place in its group for this topic; it joins if it has none.
    pub(super) fn membership(&mut self, topic: Option<&str>, out: &mut Out<'_>) -> Option<usize> {
        let found = self.log_side().and_then(|side| {
            let topic = side.topic(topic)?.0;
            Some((topic, side.topics[topic].group?))
        });
        let Some((topic, group)) = found else {
            self.error("there is no such topic", out);
            return None;
        };
        if let Some(index) = self.memberships.iter().position(|membership| membership.group == group) {
            return Some(index);
        }
        if self.memberships.is_empty() {
            let heartbeat = self.log_side().map_or(Span::seconds(3), |side| side.heartbeat);
            out.deadline(heartbeat, Timer::Periodic);
        }
        self.memberships.push(Membership {
            group,
            topic,
            standing: Standing::Outside,
            member: NOBODY,
            generation: 0,
            places: Vec::new(),
            fetching: false,
            leaving: false,
            consuming: false,
            fetched: VecDeque::new(),
            commit_due: Time::ZERO,
        });
        let index = self.memberships.len() - 1;
        self.begin_calls(out);
        if out.is_open(self.spec.connection) {
            self.join(index, out);
        }
        Some(index)
    }

    pub(super) fn join(&mut self, index: usize, out: &mut Out<'_>) {
        let membership = &mut self.memberships[index];
        membership.standing = Standing::Joining;
        let (group, member) = (membership.group.0, membership.member);
        out.send(self.spec.connection, Packet::Join { group, member });
    }

    /// Gives up what it had, and joins again.
    pub(super) fn rejoin(&mut self, index: usize, out: &mut Out<'_>) {
        self.give_back_fetched(index, out);
        let places = std::mem::take(&mut self.memberships[index].places);
        let group = self.memberships[index].group;
        for place in places {
            out.note(Fact::Revoked { s: group, line: place.partition });
            let text = format!("revoked {}", self.partition_name(place.partition));
            self.journal(out).seen.events.push(text);
        }
        self.memberships[index].leaving = false;
        self.join(index, out);
    }

    /// What has come and was not handed over will come again.
    pub(super) fn give_back_fetched(&mut self, index: usize, out: &mut Out<'_>) {
        let membership = &mut self.memberships[index];
        for (m, ..) in membership.fetched.drain(..) {
            out.note(Fact::GivenBack { m, s: membership.group });
        }
    }

    pub(super) fn on_assigned(&mut self, generation: u16, member: u32, out: &mut Out<'_>) {
        let joining = |membership: &Membership| membership.standing == Standing::Joining;
        let Some(index) = self.memberships.iter().position(joining) else { return };
        let span = match self.log_side().map(|side| side.commit) {
            Some(Commit::Every(span)) => span,
            _ => Span::ZERO,
        };
        let membership = &mut self.memberships[index];
        (membership.generation, membership.member) = (generation, member);
        (membership.standing, membership.fetching) = (Standing::Member, false);
        membership.commit_due = out.now() + span;
        let (group, places) = (membership.group, membership.places.clone());
        for place in places {
            out.note(Fact::Assigned { s: group, line: place.partition });
            let text = format!("assigned {}", self.partition_name(place.partition));
            self.journal(out).seen.events.push(text);
        }
        self.drive(out);
    }

    /// All members are to join again: one that polls does so at once.
    pub(super) fn on_revoke(&mut self, generation: u16, out: &mut Out<'_>) {
        let of = |membership: &&mut Membership| {
            membership.standing == Standing::Member && membership.generation == generation
        };
        if let Some(membership) = self.memberships.iter_mut().find(of) {
            (membership.leaving, membership.fetching) = (true, false);
        }
        self.drive(out);
    }

    pub(super) fn on_not_member(&mut self, group: SubscriptionId, out: &mut Out<'_>) {
        let known = |membership: &&mut Membership| membership.group == group && membership.member != NOBODY;
        if let Some(membership) = self.memberships.iter_mut().find(known) {
            membership.member = NOBODY;
            match membership.standing {
                Standing::Member => (membership.leaving, membership.fetching) = (true, false),
                Standing::Joining | Standing::Outside => membership.standing = Standing::Outside,
            }
        }
        self.drive(out);
    }

    /// It says that it is there.
    pub(super) fn on_heartbeat(&mut self, out: &mut Out<'_>) {
        let Some(heartbeat) = self.log_side().map(|side| side.heartbeat) else { return };
        for membership in self.memberships.iter().filter(|membership| membership.member != NOBODY) {
            if out.is_open(self.spec.connection) {
                let (group, member) = (membership.group.0, membership.member);
                out.send(self.spec.connection, Packet::Heartbeat { group, member });
            }
        }
        if !self.memberships.is_empty() {
            out.deadline(heartbeat, Timer::Periodic);
        }
    }

    /// Leaves all groups in good order.
    pub(super) fn leave_groups(&mut self, out: &mut Out<'_>) {
        for index in 0..self.memberships.len() {
            self.commit_interval(index, Time::NEVER, out);
            self.give_back_fetched(index, out);
            let membership = &self.memberships[index];
            if membership.standing == Standing::Member {
                let (group, member) = (membership.group.0, membership.member);
                out.send(self.spec.connection, Packet::Leave { group, member });
            }
        }
        self.memberships.clear();
    }
}
