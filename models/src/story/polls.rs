//! How a client of a story polls a log: what a poll waits for, and when it returns.

use super::calls::{Call, Task};
use super::client::Client;
use super::groups::Standing;
use super::log::POLL_STEP;
use crate::domain::Out;
use crate::message::SubscriptionId;
use crate::packet::{Packet, Timer};
use redeliver_sim::Span;

/// What a poll asks for.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    pub(super) group: SubscriptionId,
    /// So many; without a number, at least one.
    pub(super) left: Option<u32>,
    /// Until nothing is left.
    pub(super) all: bool,
    pub(super) got: Vec<String>,
    /// Its time is over, or nothing is left.
    pub(super) over: bool,
}

impl Client {
    pub(super) fn ask_log(
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

    /// Does for each group what is due: hands over what has come, joins, asks for more.
    pub(super) fn drive(&mut self, out: &mut Out<'_>) {
        for index in 0..self.memberships.len() {
            self.hand_over(index, out);
            let group = self.memberships[index].group;
            let asked = self.calls.others().find_map(|(_, call)| match &call.task {
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
    pub(super) fn hand_over(&mut self, index: usize, out: &mut Out<'_>) {
        self.end_polls(index, |_| false, out);
        while !self.memberships[index].fetched.is_empty() {
            let group = self.memberships[index].group;
            let poll = self.calls.find_other(|call| match &call.task {
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
            let call = poll.and_then(|poll| self.calls.get_mut(poll));
            if let Some(Call { task: Task::Poll(asking), .. }) = call {
                asking.got.push(text);
                asking.left = asking.left.map(|left| left - 1);
            }
            self.handle(out);
        }
        self.end_polls(index, |asking| asking.left.is_none() && !asking.all && !asking.got.is_empty(), out);
    }

    /// Polls of a group that have what they want, or of which `also` says that they end, return.
    pub(super) fn end_polls(&mut self, index: usize, also: impl Fn(&Asking) -> bool, out: &mut Out<'_>) {
        let group = self.memberships[index].group;
        let ends = |task: &Task| match task {
            Task::Poll(asking) => {
                asking.group == group && (asking.over || asking.left == Some(0) || also(asking))
            }
            _ => false,
        };
        while let Some(place) = self.calls.find_other(|call| ends(&call.task)) {
            if let Some(Call { task: Task::Poll(asking), .. }) = self.calls.take(place) {
                self.journal(out).seen.polls.push(asking.got);
            }
        }
    }

    /// The time of a poll is over.
    pub(super) fn on_poll_over(&mut self, token: u32, out: &mut Out<'_>) {
        self.calls.find_other(|call| match &mut call.task {
            Task::Poll(asking) if call.token == token => {
                asking.over = true;
                true
            }
            _ => false,
        });
        (0..self.memberships.len()).for_each(|index| self.end_polls(index, |_| false, out));
    }
}
