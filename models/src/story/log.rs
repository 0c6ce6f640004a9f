//! How a client of a story talks to a log broker: it joins groups, polls, commits where the story says so.
//!
//! Models Kafka's consumer as far as [`crate::log::Consumer`] does. Polls are calls, and a client that consumes keeps
//! polling. One that does not poll learns nothing of a rebalance until it does.

use super::client::{Client, Destination, Side, Task};
use super::picture::ClientPicture;
use super::script::Verb;
use crate::causes::LossCause;
use crate::domain::Out;
use crate::fact::Fact;
use crate::log::{Commit, OffsetReset};
use crate::message::{MessageRef, SubscriptionId, TopicId};
use crate::packet::{Packet, Timer};
use redeliver_sim::{Span, Time};
use std::collections::VecDeque;

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
/// The member number of one who has none.
const NOBODY: u32 = u32::MAX;

/// What a poll asks for.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    group: SubscriptionId,
    /// So many; without a number, at least one.
    left: Option<u32>,
    /// Until nothing is left.
    all: bool,
    pub(super) got: Vec<String>,
    /// Its time is over, or nothing is left.
    over: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    Outside,
    Joining,
    Member,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    partition: u32,
    /// The next offset that the application gets.
    position: u32,
    /// What it has committed by itself.
    committed: u32,
}

/// Its place in one group.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    group: SubscriptionId,
    topic: usize,
    standing: Standing,
    member: u32,
    generation: u16,
    places: Vec<Place>,
    fetching: bool,
    /// It has been asked to join again.
    leaving: bool,
    /// It keeps polling.
    consuming: bool,
    /// Come, and not handed over: record, attempt, partition, offset.
    fetched: VecDeque<(MessageRef, u16, u32, u32)>,
    commit_due: Time,
}

impl LogSide {
    /// The topic of this name, and which partition of it, if one is named; the only topic if none is.
    fn topic(&self, name: Option<&str>) -> Option<(usize, Option<u32>)> {
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
    fn partition_name(&self, partition: u32) -> String {
        let found = self.topics.iter().rfind(|topic| topic.first <= partition);
        found.map_or_else(String::new, |topic| format!("{}-{}", topic.name, partition - topic.first))
    }
}

impl Client {
    fn log_side(&self) -> Option<&LogSide> {
        match &self.spec.side {
            Side::Log(side) => Some(side),
            Side::Queue(_) => None,
        }
    }

    fn partition_name(&self, partition: u32) -> String {
        self.log_side().map_or_else(String::new, |side| side.partition_name(partition))
    }

    /// Begins with a verb that reads a log.
    pub(super) fn act_on_log(&mut self, verb: &Verb, token: u32, out: &mut Out<'_>) {
        match verb {
            Verb::Subscribe(topic) => drop(self.membership(Some(topic), out)),
            Verb::Consume(topic) => {
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

    fn ask_log(
        &mut self,
        token: u32,
        from: Option<&str>,
        left: Option<u32>,
        wait: Option<Span>,
        out: &mut Out<'_>,
    ) {
        let known = from.is_none() && self.memberships.len() == 1;
        let Some(index) = (if known { Some(0) } else { self.membership(from, out) }) else { return };
        let group = self.memberships[index].group;
        let asking = Asking { group, left, all: wait.is_none(), got: Vec::new(), over: false };
        self.call(token, Task::Poll(asking), out);
        if let Some(wait) = wait {
            out.deadline(wait, Timer::Step { token: POLL_STEP | token });
        }
    }

    /// The client's place in its group for this topic; it joins if it has none.
    fn membership(&mut self, topic: Option<&str>, out: &mut Out<'_>) -> Option<usize> {
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

    fn join(&mut self, index: usize, out: &mut Out<'_>) {
        let membership = &mut self.memberships[index];
        membership.standing = Standing::Joining;
        let (group, member) = (membership.group.0, membership.member);
        out.send(self.spec.connection, Packet::Join { group, member });
    }

    /// Gives up what it had, and joins again.
    fn rejoin(&mut self, index: usize, out: &mut Out<'_>) {
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
    fn give_back_fetched(&mut self, index: usize, out: &mut Out<'_>) {
        let membership = &mut self.memberships[index];
        for (m, ..) in membership.fetched.drain(..) {
            out.note(Fact::GivenBack { m, s: membership.group });
        }
    }

    // Polls.

    /// Does for each group what is due: hands over what has come, joins, asks for more.
    pub(super) fn drive(&mut self, out: &mut Out<'_>) {
        for index in 0..self.memberships.len() {
            self.hand_over(index, out);
            let group = self.memberships[index].group;
            let asked = self.calls.iter().find_map(|call| match &call.task {
                Task::Poll(asking) if asking.group == group => Some(asking.left),
                _ => None,
            });
            let membership = &self.memberships[index];
            let consumes = membership.consuming && !self.is_handling();
            if !consumes && asked.is_none() || !out.is_open(self.spec.connection) {
                continue;
            }
            if membership.leaving {
                self.rejoin(index, out);
            } else if membership.standing == Standing::Outside {
                self.join(index, out);
            } else if membership.standing == Standing::Member && !membership.fetching {
                self.fetch(index, asked.flatten(), out);
            }
        }
    }

    fn fetch(&mut self, index: usize, left: Option<u32>, out: &mut Out<'_>) {
        let Some(limit) = self.log_side().map(|side| side.poll_records_max) else { return };
        if self.memberships[index].places.is_empty() {
            return self.end_polls(index, |asking| asking.all, out);
        }
        self.commit_interval(index, out.now(), out);
        let membership = &mut self.memberships[index];
        membership.fetching = true;
        let records_max = left.map_or(limit, |left| left.min(u32::from(limit)) as u16);
        let (group, member) = (membership.group.0, membership.member);
        out.send(self.spec.connection, Packet::Fetch { group, member, records_max });
    }

    /// Hands what has come to the poll that waits for it, or to the application that keeps polling.
    fn hand_over(&mut self, index: usize, out: &mut Out<'_>) {
        self.end_polls(index, |_| false, out);
        while !self.memberships[index].fetched.is_empty() {
            let group = self.memberships[index].group;
            let poll = self.calls.iter().position(|call| match &call.task {
                Task::Poll(asking) => asking.group == group && asking.left != Some(0),
                _ => false,
            });
            if poll.is_none() && (!self.memberships[index].consuming || self.is_handling()) {
                break;
            }
            let membership = &mut self.memberships[index];
            let Some((m, attempt, partition, offset)) = membership.fetched.pop_front() else { break };
            if let Some(place) = membership.places.iter_mut().find(|place| place.partition == partition) {
                place.position = offset + 1;
            }
            let text = self.receive_record(m, group, attempt, (partition, offset), out);
            if let Some(Task::Poll(asking)) = poll.map(|poll| &mut self.calls[poll].task) {
                asking.got.push(text);
                asking.left = asking.left.map(|left| left - 1);
            }
            self.handle(out);
        }
        self.end_polls(index, |asking| asking.left.is_none() && !asking.all && !asking.got.is_empty(), out);
    }

    /// Polls of a group that have what they want, or of which `also` says that they end, return.
    fn end_polls(&mut self, index: usize, also: impl Fn(&Asking) -> bool, out: &mut Out<'_>) {
        let group = self.memberships[index].group;
        let ends = |task: &Task| match task {
            Task::Poll(asking) => {
                asking.group == group && (asking.over || asking.left == Some(0) || also(asking))
            }
            _ => false,
        };
        while let Some(index) = self.calls.iter().position(|call| ends(&call.task)) {
            if let Task::Poll(asking) = self.calls.remove(index).task {
                self.journal(out).seen.polls.push(asking.got);
            }
        }
    }

    /// The time of a poll is over.
    pub(super) fn on_poll_over(&mut self, token: u32, out: &mut Out<'_>) {
        for call in self.calls.iter_mut().filter(|call| call.token == token) {
            if let Task::Poll(asking) = &mut call.task {
                asking.over = true;
            }
        }
        (0..self.memberships.len()).for_each(|index| self.end_polls(index, |_| false, out));
    }

    // Commits.

    fn commit_call(&mut self, token: u32, offset: Option<u64>, of: Option<&str>, out: &mut Out<'_>) {
        let place = of.and_then(|of| self.log_side().and_then(|side| side.topic(Some(of))));
        let mut waiting = Vec::new();
        for membership in &self.memberships {
            if place.is_some_and(|(topic, _)| topic != membership.topic) {
                continue;
            }
            for held in &membership.places {
                if place.is_none_or(|(_, partition)| partition.is_none_or(|wanted| wanted == held.partition))
                {
                    let offset =
                        offset.map_or(held.position, |offset| offset.min(u64::from(u32::MAX)) as u32);
                    self.send_commit(membership, held.partition, offset, true, out);
                    waiting.push((held.partition, offset));
                }
            }
        }
        if waiting.is_empty() {
            return self.journal(out).seen.calls.push("Commit CommitFailedException".into());
        }
        self.call(token, Task::Commit { waiting, failed: false }, out);
    }

    fn send_commit(
        &self,
        membership: &Membership,
        partition: u32,
        offset: u32,
        answer: bool,
        out: &mut Out<'_>,
    ) {
        let (group, generation, member) = (membership.group.0, membership.generation, membership.member);
        let packet = Packet::Commit { group, generation, member, partition, offset, answer };
        out.send(self.spec.connection, packet);
    }

    /// Commits what was handed over, if the client does so by itself and it is time.
    fn commit_interval(&mut self, index: usize, now: Time, out: &mut Out<'_>) {
        let Some(Commit::Every(span)) = self.log_side().map(|side| side.commit) else { return };
        if now < self.memberships[index].commit_due {
            return;
        }
        self.memberships[index].commit_due = out.now() + span;
        for place in 0..self.memberships[index].places.len() {
            let Place { partition, position, committed } = self.memberships[index].places[place];
            if committed != position {
                self.memberships[index].places[place].committed = position;
                self.send_commit(&self.memberships[index], partition, position, false, out);
                self.hands.settle_below(partition, position);
            }
        }
    }

    fn on_commit_answer(&mut self, partition: u32, offset: u32, ok: bool, out: &mut Out<'_>) {
        let answered = self.calls.iter_mut().position(|call| match &mut call.task {
            Task::Commit { waiting, failed } => {
                let found = waiting.iter().position(|asked| *asked == (partition, offset));
                found.map(|index| waiting.remove(index)).inspect(|_| *failed |= !ok).is_some()
            }
            _ => false,
        });
        if ok {
            self.hands.settle_below(partition, offset);
        }
        let Some(index) = answered else { return };
        if let Task::Commit { waiting, failed } = &self.calls[index].task
            && waiting.is_empty()
        {
            let word = if *failed { "Commit CommitFailedException" } else { "Commit ok" };
            self.calls.remove(index);
            self.journal(out).seen.calls.push(word.into());
        }
    }

    // What the broker says.

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

    fn on_assigned(&mut self, generation: u16, member: u32, out: &mut Out<'_>) {
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
    fn on_revoke(&mut self, generation: u16, out: &mut Out<'_>) {
        let of = |membership: &&mut Membership| {
            membership.standing == Standing::Member && membership.generation == generation
        };
        if let Some(membership) = self.memberships.iter_mut().find(of) {
            (membership.leaving, membership.fetching) = (true, false);
        }
        self.drive(out);
    }

    fn on_not_member(&mut self, group: SubscriptionId, out: &mut Out<'_>) {
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

    // The connection.

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
