//! A consumer of a log: a member of a group that polls, works through what it was given, commits, polls again.
//!
//! Models Kafka's consumer as one thread (poll, then the batch, then poll) beside one that sends heartbeats. It learns
//! of a rebalance or of its exclusion when its batch is done, as an application does in `poll`; only one that commits
//! after each record learns from the refused commit, and drops the rest of its batch. Commits before the work are
//! waited for (`commitSync`), those after it are not (`commitAsync`). A failing message is sought back to: its
//! partition stands still (recorded: `ak-c9-poison-seek`). A fetch without an answer ends the connection, and the next
//! one goes on from where it stood.
//!
//! Left out: `max.poll.interval.ms` while nobody rebalances, pausing, prefetching of the next batch, and a topic for
//! dead letters (what is put aside is gone at once).

mod failing;

use super::coordinator::NOBODY;
use super::{Commit, ConsumerSpec, OffsetReset};
use crate::census::Census;
use crate::domain::{Messaging, Out};
use crate::fact::Fact;
use crate::handler::Outcome;
use crate::message::MessageRef;
use crate::packet::{Packet, Record, Timer};
use crate::part::Holder;
use crate::worker::Worker;
use redeliver_sim::{ConnectionChange, ConnectionId, Disk, Node, Span, Time};

/// A partition that it reads.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The partition.
    pub partition: u32,
    /// The next offset that it will be handed.
    pub position: u32,
    /// The next offset to commit: what it is done with, or begins to do.
    pub done: u32,
    /// A commit of it is waited for.
    awaited: bool,
}

/// Where a record came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token {
    partition: u32,
    offset: u32,
    generation: u16,
}

/// Where it stands with its group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    Outside,
    Joining,
    Member,
}

/// The consumer.
#[derive(Clone, Debug)]
pub struct Consumer {
    spec: ConsumerSpec,
    worker: Worker<Token>,
    standing: Standing,
    member: u32,
    generation: u16,
    places: Vec<Place>,
    /// A fetch is under way.
    polling: bool,
    /// Without an answer until then, it never comes.
    poll_due: Time,
    /// A timer looks after `poll_due`.
    poll_watched: bool,
    /// At the end of its batch it joins again.
    leaving: bool,
    /// It is no member any more.
    lost: bool,
    /// With [`Commit::Every`]: the next poll from then on commits.
    commit_due: Time,
    /// Partitions that it cannot go on with: their records are gone, and nothing says where to start.
    pub errors: u32,
}

impl Consumer {
    /// A consumer that has not started.
    pub fn new(spec: ConsumerSpec, worker: Worker<Token>) -> Self {
        Consumer {
            spec,
            worker,
            standing: Standing::Outside,
            member: NOBODY,
            generation: 0,
            places: Vec::new(),
            polling: false,
            poll_due: Time::NEVER,
            poll_watched: false,
            leaving: false,
            lost: false,
            commit_due: Time::ZERO,
            errors: 0,
        }
    }

    /// The partitions that it has, and where it is in each.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// What it was given and is not done with, with offsets.
    pub fn holds(&self) -> impl Iterator<Item = (MessageRef, u32)> {
        self.worker.held().map(|held| (held.m, held.token.offset))
    }

    /// It leaves its group in good order. What it holds is given back.
    pub fn leave(&mut self, out: &mut Out<'_>) {
        if self.standing == Standing::Member {
            self.commit_interval(Time::NEVER, out);
            out.send(self.spec.connection, Packet::Leave { group: self.spec.group, member: self.member });
        }
        self.worker.give_back_waiting(out);
        self.places.clear();
        (self.standing, self.member) = (Standing::Outside, NOBODY);
    }

    // Membership.

    fn join(&mut self, out: &mut Out<'_>) {
        self.standing = Standing::Joining;
        out.send(self.spec.connection, Packet::Join { group: self.spec.group, member: self.member });
    }

    fn on_revoke(&mut self, lost: bool, out: &mut Out<'_>) {
        match self.standing {
            Standing::Outside => return,
            Standing::Joining if lost => {
                self.member = NOBODY;
                return self.join(out);
            }
            Standing::Joining => return,
            Standing::Member => {}
        }
        (self.leaving, self.polling) = (true, false);
        if lost {
            self.lost = true;
            let awaited = self.places.iter().any(|place| place.awaited);
            self.places.iter_mut().for_each(|place| place.awaited = false);
            if awaited || self.spec.commit == Commit::AfterWork {
                self.worker.give_back_waiting(out);
            }
        }
        self.go_on(out);
    }

    /// The batch is done: it gives up what it had, and joins again.
    fn rejoin(&mut self, out: &mut Out<'_>) {
        if !self.lost {
            self.commit_interval(Time::NEVER, out);
        }
        for place in std::mem::take(&mut self.places) {
            out.note(Fact::Revoked { s: self.worker.s, line: place.partition });
        }
        if self.lost {
            self.member = NOBODY;
        }
        (self.leaving, self.lost) = (false, false);
        self.join(out);
    }

    fn on_assigned(&mut self, generation: u16, member: u32, out: &mut Out<'_>) {
        (self.generation, self.member) = (generation, member);
        self.standing = Standing::Member;
        for place in &self.places {
            out.note(Fact::Assigned { s: self.worker.s, line: place.partition });
        }
        if let Commit::Every(span) = self.spec.commit {
            self.commit_due = out.now() + span;
        }
        self.go_on(out);
    }

    // Polling.

    /// Begins with the next record; with none left, polls or joins again.
    #[inline(always)]
    fn go_on(&mut self, out: &mut Out<'_>) {
        if self.polling || self.places.iter().any(|place| place.awaited) {
            return;
        }
        self.worker.begin(out);
        if self.worker.count_held() == 0 {
            self.poll(out);
        }
    }

    #[inline(always)]
    fn poll(&mut self, out: &mut Out<'_>) {
        if self.standing != Standing::Member || !out.is_open(self.spec.connection) {
            return;
        }
        if self.leaving {
            return self.rejoin(out);
        }
        if self.places.is_empty() {
            return;
        }
        self.commit_interval(out.now(), out);
        self.polling = true;
        self.poll_due = out.now() + self.spec.fetch_timeout;
        if !self.poll_watched {
            self.watch_poll(self.spec.fetch_timeout, out);
        }
        let (group, member, records_max) = (self.spec.group, self.member, self.spec.poll_records_max);
        out.send(self.spec.connection, Packet::Fetch { group, member, records_max });
    }

    fn watch_poll(&mut self, span: Span, out: &mut Out<'_>) {
        self.poll_watched = true;
        out.deadline(span, Timer::Deadline);
    }

    /// The fetch that the timer was set for, or a later one, may have waited for too long.
    fn on_poll_due(&mut self, out: &mut Out<'_>) {
        self.poll_watched = false;
        if !self.polling || self.poll_due == Time::NEVER {
            return;
        }
        let left = self.poll_due.since(out.now());
        if left > Span::ZERO {
            return self.watch_poll(left, out);
        }
        out.close(self.spec.connection);
        self.on_lost_connection(out);
    }

    #[inline(always)]
    fn on_record(&mut self, m: MessageRef, attempt: u16, partition: u32, offset: u32, out: &mut Out<'_>) {
        self.worker.take(m, attempt, Token { partition, offset, generation: self.generation }, out);
        if let Some(place) = self.place(partition) {
            place.position = offset + 1;
        }
    }

    fn on_fetch_end(&mut self, count: u16, out: &mut Out<'_>) {
        if !self.polling {
            return;
        }
        self.polling = false;
        if count == 0 {
            out.note(Fact::EmptyPoll { s: self.worker.s });
        } else if self.spec.commit == Commit::BeforeWork {
            for place in self.places.iter_mut().filter(|place| place.done != place.position) {
                (place.done, place.awaited) = (place.position, true);
            }
            self.send_awaited(out);
        }
        self.go_on(out);
    }

    fn on_out_of_range(&mut self, partition: u32, start: u32, end: u32, out: &mut Out<'_>) {
        let reset = self.spec.offset_reset;
        let Some(place) = self.place(partition) else { return };
        let beyond = place.position > end;
        place.position = match reset {
            _ if beyond => end,
            OffsetReset::Earliest => start,
            OffsetReset::Latest => end,
            OffsetReset::None => {
                self.errors += 1;
                return;
            }
        };
        place.done = place.position;
        let offset = place.position;
        self.seek(partition, offset, out);
    }

    fn seek(&self, partition: u32, offset: u32, out: &mut Out<'_>) {
        let (group, member) = (self.spec.group, self.member);
        out.send(self.spec.connection, Packet::Seek { group, member, partition, offset });
    }

    #[inline(always)]
    fn place(&mut self, partition: u32) -> Option<&mut Place> {
        self.places.iter_mut().find(|place| place.partition == partition)
    }

    // Commits.

    #[inline(always)]
    fn commit(&self, partition: u32, offset: u32, answer: bool, out: &mut Out<'_>) {
        let (group, generation, member) = (self.spec.group, self.generation, self.member);
        let packet = Packet::Commit { group, generation, member, partition, offset, answer };
        out.send(self.spec.connection, packet);
    }

    /// Commits what the polls so far have handed over, if it does so at intervals and one is over.
    #[inline(always)]
    fn commit_interval(&mut self, now: Time, out: &mut Out<'_>) {
        let Commit::Every(span) = self.spec.commit else { return };
        if now < self.commit_due {
            return;
        }
        self.commit_due = out.now() + span;
        for i in 0..self.places.len() {
            let place = &mut self.places[i];
            if place.done != place.position {
                place.done = place.position;
                let (partition, offset) = (place.partition, place.position);
                self.commit(partition, offset, false, out);
            }
        }
    }

    /// Sends the commits that the work waits for, and sends them again if no answer comes.
    fn send_awaited(&self, out: &mut Out<'_>) {
        for place in self.places.iter().filter(|place| place.awaited) {
            self.commit(place.partition, place.done, true, out);
        }
        out.deadline(self.spec.request_timeout, Timer::Poll);
    }

    fn on_commit_answer(&mut self, partition: u32, offset: u32, ok: bool, out: &mut Out<'_>) {
        let Some(place) = self.place(partition) else { return };
        if !place.awaited || place.done != offset {
            return;
        }
        place.awaited = false;
        if !ok {
            self.rewind_waiting(true, out);
        }
        self.go_on(out);
    }

    // Work.

    #[inline(always)]
    fn on_done(&mut self, generation: u16, out: &mut Out<'_>) {
        match self.worker.end(generation, out) {
            Some((held, Outcome::Failure)) => self.on_failure(held, out),
            Some((held, _)) => self.finish(held.token, out),
            None => return,
        }
        self.go_on(out);
    }

    /// A record needs nothing more.
    #[inline(always)]
    fn finish(&mut self, token: Token, out: &mut Out<'_>) {
        if self.spec.commit != Commit::AfterWork || token.generation != self.generation {
            return;
        }
        let Some(place) = self.place(token.partition) else { return };
        place.done = token.offset + 1;
        self.commit(token.partition, token.offset + 1, false, out);
    }

    /// Gives back what waits, and goes back to the first of it in each partition.
    fn rewind_waiting(&mut self, seek: bool, out: &mut Out<'_>) {
        for i in 0..self.places.len() {
            let place = self.places[i];
            let waiting = self.worker.held().filter(|held| held.token.partition == place.partition);
            let Some(first) = waiting.map(|held| held.token.offset).min() else { continue };
            self.places[i].position = first;
            if seek && !self.lost {
                self.seek(place.partition, first, out);
            }
        }
        self.worker.give_back_waiting(out);
    }

    // The connection.

    /// The broker no longer knows where it stands; and perhaps no longer knows it.
    fn resume(&mut self, out: &mut Out<'_>) {
        let (group, member) = (self.spec.group, self.member);
        out.send(self.spec.connection, Packet::Heartbeat { group, member });
        for i in 0..self.places.len() {
            let Place { partition, position, done, awaited } = self.places[i];
            self.seek(partition, position, out);
            if self.spec.commit == Commit::AfterWork {
                self.commit(partition, done, false, out);
            } else if awaited {
                self.commit(partition, done, true, out);
            }
        }
        self.go_on(out);
    }

    fn on_lost_connection(&mut self, out: &mut Out<'_>) {
        // An answer that had not come to its end is void; a batch that had is worked through.
        if std::mem::take(&mut self.polling) {
            self.rewind_waiting(false, out);
        }
        // An assignment that had not come to its end is void.
        if self.standing == Standing::Joining {
            self.places.clear();
        }
        out.deadline(self.spec.reconnect_after, Timer::Reconnect { peer: 0 });
    }
}

impl Node<Messaging> for Consumer {
    fn start(&mut self, out: &mut Out<'_>) {
        out.connect(self.spec.connection);
        out.deadline(self.spec.heartbeat, Timer::Periodic);
    }

    #[inline(never)]
    fn on_message(&mut self, _from: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        match packet {
            Packet::Record { m, attempt, partition, offset, .. } => {
                self.on_record(m, attempt, u32::from(partition), offset, out)
            }
            Packet::FetchEnd { count } => self.on_fetch_end(count, out),
            Packet::CommitAnswer { partition, offset, ok } => {
                self.on_commit_answer(partition, offset, ok, out)
            }
            Packet::Assign { partition, offset, .. } => {
                self.places.push(Place { partition, position: offset, done: offset, awaited: false })
            }
            Packet::Assigned { generation, member } => self.on_assigned(generation, member, out),
            Packet::Revoke { generation } if generation == self.generation => self.on_revoke(false, out),
            Packet::NotMember { member, .. } if member == self.member => self.on_revoke(true, out),
            Packet::Damaged { m, partition, offset } => self.on_damaged(m, partition, offset, out),
            Packet::OutOfRange { partition, start, end } => self.on_out_of_range(partition, start, end, out),
            _ => {}
        }
    }

    #[inline(never)]
    fn on_timer(&mut self, timer: Timer, out: &mut Out<'_>) {
        match timer {
            Timer::Done { generation, .. } => self.on_done(generation, out),
            Timer::Retry { generation, .. } => self.worker.on_retry(generation, out),
            Timer::Deadline => self.on_poll_due(out),
            Timer::Reconnect { .. } => out.connect(self.spec.connection),
            Timer::Poll if self.places.iter().any(|place| place.awaited) => self.send_awaited(out),
            Timer::Periodic => {
                if self.member != NOBODY && out.is_open(self.spec.connection) {
                    let (group, member) = (self.spec.group, self.member);
                    out.send(self.spec.connection, Packet::Heartbeat { group, member });
                }
                out.deadline(self.spec.heartbeat, Timer::Periodic);
            }
            _ => {}
        }
    }

    fn on_connection(&mut self, _connection: ConnectionId, change: ConnectionChange, out: &mut Out<'_>) {
        match change {
            ConnectionChange::Connected if self.standing == Standing::Member => self.resume(out),
            ConnectionChange::Connected => self.join(out),
            ConnectionChange::Refused | ConnectionChange::Closed | ConnectionChange::Reset => {
                self.on_lost_connection(out)
            }
            ConnectionChange::Writable => {}
        }
    }

    fn on_stop(&mut self, out: &mut Out<'_>) {
        self.leave(out);
    }

    fn on_crash(&mut self, _machine: bool, out: &mut Out<'_>) {
        self.worker.on_crash(out);
    }
}

impl Holder for Consumer {
    fn count(&self, up: bool, _disk: &Disk<Record>, census: &mut Census<'_>) {
        if up {
            self.worker.count(census);
        }
    }

    fn ids(&self) -> usize {
        self.worker.ids_here()
    }
}
