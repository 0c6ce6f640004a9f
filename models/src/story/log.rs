//! How a client of a story talks to a log broker: it joins groups (`groups.rs`), polls (`polls.rs`), commits
//! where the story says so (`commits.rs`).
//!
//! Models Kafka's consumer as far as [`crate::log::Consumer`] does. Polls are calls, and a client that consumes keeps
//! polling. One that does not poll learns nothing of a rebalance until it does.

use super::calls::Destination;
use super::client::{Client, Side};
use super::groups::{Membership, Place, Standing};
use super::picture::ClientPicture;
use super::script::Verb;
use crate::causes::LossCause;
use crate::domain::Out;
use crate::fact::Fact;
use crate::log::{Commit, OffsetReset};
use crate::message::{MessageRef, SubscriptionId, TopicId};
use crate::packet::{Packet, Timer};
use redeliver_sim::Span;

/// What it knows of the broker, and how it is set.
#[derive(Clone, Debug)]
pub struct LogSide {
    /// The topics, by number.
    pub topics: Vec<LogTopic>,
    /// It waits for an answer to each message.
    pub confirms: bool,
    /// How often a message is sent again.
    pub retries: u32,
    /// When it commits by itself.
    pub commit: Commit,
    /// Records of a poll, at most.
    pub poll_records_max: u16,
    /// Where it goes on when what it wants to read is gone.
    pub offset_reset: OffsetReset,
    /// How often it says that it is there.
    pub heartbeat: Span,
    /// A lost connection is tried again after this long.
    pub reconnect_after: Span,
}

/// A topic, as a client knows it.
#[derive(Clone, Debug)]
pub struct LogTopic {
    /// Its name.
    pub name: String,
    /// Its number.
    pub id: TopicId,
    /// Its first partition.
    pub first: u32,
    /// How many partitions it has.
    pub partitions: u32,
    /// The client's group, if it reads the topic.
    pub group: Option<SubscriptionId>,
}

/// A message is given up after so long. Kafka: `delivery.timeout.ms`.
pub(super) const DELIVERY_TIMEOUT: Span = Span::seconds(120);
/// A poll of a log ends after so long, unless the story says otherwise.
const POLL_WAIT: Span = Span::seconds(10);
/// Marks the timers of polls among the steps of a story.
pub(super) const POLL_STEP: u32 = 1 << 31;

impl LogSide {
    /// The topic of this name, and which partition of it, if one is named; the only topic if none is.
    pub(super) fn topic(&self, name: Option<&str>) -> Option<(usize, Option<u32>)> {
        let Some(name) = name else { return (self.topics.len() == 1).then_some((0, None)) };
        let find = |name: &str| self.topics.iter().position(|topic| topic.name == name);
        if let Some(topic) = find(name) {
            return Some((topic, None));
        }
        let (topic, partition) = name.rsplit_once('-')?;
        let topic = find(topic)?;
        let partition = partition.parse::<u32>().ok().filter(|n| *n < self.topics[topic].partitions)?;
        Some((topic, Some(self.topics[topic].first + partition)))
    }

    /// Where a message goes.
    pub(super) fn destination(&self, name: Option<&str>) -> Option<Destination> {
        self.topic(name).map(|(topic, partition)| Destination::Topic { topic, partition })
    }

    /// `t-0`.
    pub(super) fn partition_name(&self, partition: u32) -> String {
        let found = self.topics.iter().rfind(|topic| topic.first <= partition);
        found.map_or_else(String::new, |topic| format!("{}-{}", topic.name, partition - topic.first))
    }
}

impl Client {
    pub(super) fn log_side(&self) -> Option<&LogSide> {
        match &self.spec.side {
            Side::Log(side) => Some(side),
            Side::Queue(_) => None,
        }
    }

    pub(super) fn partition_name(&self, partition: u32) -> String {
        self.log_side().map_or_else(String::new, |side| side.partition_name(partition))
    }

    /// Begins with a verb that reads a log.
    pub(super) fn act_on_log(&mut self, verb: &Verb, token: u32, out: &mut Out<'_>) {
        match verb {
            Verb::Subscribe(topic) => drop(self.membership(Some(topic), out)),
            Verb::Consume { from: topic, .. } => {
                if let Some(index) = self.membership(Some(topic), out) {
                    self.memberships[index].consuming = true;
                }
            }
            Verb::Poll { from, n, wait } => {
                let wait = wait.unwrap_or(POLL_WAIT);
                self.ask_log(token, from.as_deref(), *n, Some(wait), out);
            }
            Verb::PollAll { from } => self.ask_log(token, from.as_deref(), None, None, out),
            Verb::Commit { offset, of } => self.commit_call(token, *offset, of.as_deref(), out),
            _ => {}
        }
        self.drive(out);
    }

    pub(super) fn on_log_message(&mut self, packet: Packet, out: &mut Out<'_>) {
        match packet {
            Packet::Record { m, s, attempt, partition, offset } => {
                let partition = u32::from(partition);
                match self.memberships.iter_mut().find(|membership| membership.group == s) {
                    Some(membership) => membership.fetched.push_back((m, attempt, partition, offset)),
                    None => out.note(Fact::GivenBack { m, s }),
                }
            }
            Packet::FetchEnd { count } => {
                let Some(index) = self.memberships.iter().position(|membership| membership.fetching) else {
                    return;
                };
                self.memberships[index].fetching = false;
                if count == 0 {
                    out.note(Fact::EmptyPoll { s: self.memberships[index].group });
                    self.hand_over(index, out);
                    self.end_polls(index, |asking| asking.all, out);
                }
                self.drive(out);
            }
            Packet::Assign { partition, offset, .. } => {
                let joining = |membership: &&mut Membership| membership.standing == Standing::Joining;
                if let Some(membership) = self.memberships.iter_mut().find(joining) {
                    membership.places.push(Place { partition, position: offset, committed: offset });
                }
            }
            Packet::Assigned { generation, member } => self.on_assigned(generation, member, out),
            Packet::Revoke { generation } => self.on_revoke(generation, out),
            Packet::NotMember { group, .. } => self.on_not_member(SubscriptionId(group), out),
            Packet::OutOfRange { partition, start, end } => self.on_out_of_range(partition, start, end, out),
            Packet::CommitAnswer { partition, offset, ok } => {
                self.on_commit_answer(partition, offset, ok, out);
            }
            _ => {}
        }
    }

    fn on_out_of_range(&mut self, partition: u32, start: u32, end: u32, out: &mut Out<'_>) {
        let Some(reset) = self.log_side().map(|side| side.offset_reset) else { return };
        let of = |place: &&mut Place| place.partition == partition;
        for membership in &mut self.memberships {
            let (group, member) = (membership.group.0, membership.member);
            let Some(place) = membership.places.iter_mut().find(of) else { continue };
            let offset = match reset {
                OffsetReset::Earliest if place.position <= end => start,
                OffsetReset::Earliest | OffsetReset::Latest => end,
                OffsetReset::None => {
                    return self.error("OffsetOutOfRangeException", out);
                }
            };
            place.position = offset;
            out.send(self.spec.connection, Packet::Seek { group, member, partition, offset });
        }
    }

    /// The connection is back: it says where it stands.
    pub(super) fn resume_log(&mut self, out: &mut Out<'_>) {
        for index in 0..self.memberships.len() {
            let membership = &self.memberships[index];
            if membership.standing != Standing::Member {
                self.join(index, out);
                continue;
            }
            let (group, member) = (membership.group.0, membership.member);
            out.send(self.spec.connection, Packet::Heartbeat { group, member });
            for place in &membership.places {
                let (partition, offset) = (place.partition, place.position);
                out.send(self.spec.connection, Packet::Seek { group, member, partition, offset });
            }
        }
        self.drive(out);
    }

    /// The connection is gone: what was under way is void. It calls again while it is in a group or has to send.
    pub(super) fn lose_log(&mut self, out: &mut Out<'_>) {
        self.calling = false;
        for index in 0..self.memberships.len() {
            self.give_back_fetched(index, out);
            let membership = &mut self.memberships[index];
            membership.fetching = false;
            if membership.standing == Standing::Joining {
                membership.standing = Standing::Outside;
                membership.places.clear();
            }
        }
        let Some(after) = self.log_side().map(|side| side.reconnect_after) else { return };
        if !self.memberships.is_empty() || !self.calls.is_empty() {
            self.calling = true;
            out.deadline(after, Timer::Reconnect { peer: 0 });
        }
    }

    /// Names, at its death, what has come and was not handed over; and counts it.
    pub(super) fn fetched(&self) -> impl Iterator<Item = (MessageRef, SubscriptionId)> {
        let all = self.memberships.iter();
        all.flat_map(|membership| membership.fetched.iter().map(|(m, ..)| (*m, membership.group)))
    }

    pub(super) fn lose_fetched(&self, out: &mut Out<'_>) {
        for (m, s) in self.fetched() {
            out.note(Fact::Discarded { m, s, why: LossCause::TakenNeverProcessed });
        }
    }

    /// Its partitions and positions.
    pub(super) fn add_positions(&self, picture: &mut ClientPicture) {
        let Some(side) = self.log_side() else { return };
        for membership in &self.memberships {
            let topic = &side.topics[membership.topic];
            let mut positions = vec![None; topic.partitions as usize];
            for place in membership.places.iter().filter(|_| membership.standing == Standing::Member) {
                picture.assigned.push(side.partition_name(place.partition));
                positions[(place.partition - topic.first) as usize] = Some(u64::from(place.position));
            }
            picture.position.insert(topic.name.clone(), positions);
        }
    }
}
