//! How a client of a story commits: as the story says, or by itself.

use super::calls::{Call, Task};
use super::client::Client;
use super::groups::{Membership, Place};
use crate::domain::Out;
use crate::log::Commit;
use crate::packet::Packet;
use redeliver_sim::Time;

impl Client {
    pub(super) fn commit_call(
        &mut self,
        token: u32,
        offset: Option<u64>,
        of: Option<&str>,
        out: &mut Out<'_>,
    ) {
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
    pub(super) fn commit_interval(&mut self, index: usize, now: Time, out: &mut Out<'_>) {
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

    pub(super) fn on_commit_answer(&mut self, partition: u32, offset: u32, ok: bool, out: &mut Out<'_>) {
        let answered = self.calls.find_other(|call| match &mut call.task {
            Task::Commit { waiting, failed } => {
                let found = waiting.iter().position(|asked| *asked == (partition, offset));
                found.map(|index| waiting.remove(index)).inspect(|_| *failed |= !ok).is_some()
            }
            _ => false,
        });
        if ok {
            self.hands.settle_below(partition, offset);
        }
        let Some(place) = answered else { return };
        if let Some(Call { task: Task::Commit { waiting, failed }, .. }) = self.calls.get_mut(place)
            && waiting.is_empty()
        {
            let word = if *failed { "Commit CommitFailedException" } else { "Commit ok" };
            self.calls.take(place);
            self.journal(out).seen.calls.push(word.into());
        }
    }
}
