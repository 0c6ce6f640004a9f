//! A replicated queue, as its log makes it: the entries of its members' logs, and the queue after all that is committed.
//!
//! Members have their logs on their own disks: which entries, and nothing else. What an entry says stands here once,
//! as a message's content stands once in its record. So does the queue that follows from the committed entries: every
//! member that applies the same log comes to the same queue, and what is committed is in the log of whoever is elected
//! (Raft's state machine safety), so the next leader goes on with it. Where a disk has lied and that is not so, the new
//! leader takes out what it does not have.

use super::super::Entry;
use super::super::broker::Broker;
use super::Post;
use crate::message::MessageRef;
use crate::packet::{Packet, Tag};
use redeliver_sim::ConnectionId;
use std::collections::{BTreeMap, VecDeque};

/// What a client wants of a replicated queue, or its leader for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Command {
    pub(super) client: ConnectionId,
    /// Which of the client's channels wants it, and in which life of its node's process.
    pub(super) session: u32,
    pub(super) life: u32,
    pub(super) packet: Packet,
    /// 0, if the leader wants it.
    pub(super) number: u32,
    /// It has said so before: that it consumes, as the n-th of its consumers. 0: it is new.
    pub(super) again: usize,
}

/// A command that somebody may ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownCommand {
    pub(super) command: Command,
    /// How many still refer to it: the client's channel, and packets on their way.
    pub(super) references: u32,
    /// The queue has not taken its message.
    pub(super) refused: bool,
    /// What its channel had wanted before it, if that had not been done: it comes behind that. 0: nothing.
    pub(super) before: u32,
}

/// What an entry of the log says.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogEntry {
    pub(super) term: u32,
    pub(super) index: u32,
    /// Who wants what; none in the entry with which a leader begins its term.
    pub(super) command: Option<Command>,
    /// The message, if it brings one.
    pub(super) message: Option<Entry>,
    /// It has taken place: no other entry ever will at its index.
    pub(super) applied: bool,
}

/// A replicated queue.
#[derive(Clone, Debug)]
pub struct Quorum {
    /// The queue after all that was applied.
    pub(super) machine: Broker,
    /// Up to which index that is.
    pub(super) applied: u32,
    /// By number: entries that have not been applied, and messages that are in the queue.
    pub(super) entries: BTreeMap<u32, LogEntry>,
    next_entry: u32,
    /// Where terms begin in what was applied.
    terms: Vec<(u32, u32)>,
    /// By number.
    pub(super) commands: BTreeMap<u32, KnownCommand>,
    next_command: u32,
    /// By client: its last command that was applied.
    pub(super) done: BTreeMap<ConnectionId, u32>,
    /// Index and number of entries whose messages have left the queue, the last ones; and how many there were before.
    released: VecDeque<(u32, u32)>,
    released_before: u64,
    /// Clients that hold or consume, and the life of the node that they are connected to.
    pub(super) lives: BTreeMap<ConnectionId, u32>,
    /// The last term that had a leader, and who it was.
    led: (u32, usize),
    /// Its leader is new, and has not applied anything.
    pub(super) taken_over: bool,
    /// The disk of a member that has begun anew had lied: it may have voted twice.
    pub(super) deceived: bool,
}

/// So many entries that have left are remembered for members that lag.
const RELEASED_MAX: usize = 1 << 16;

impl Quorum {
    /// An empty queue, led in term 1 by this node; `machine` is a broker that has nothing else.
    pub fn new(mut machine: Broker, topology: std::sync::Arc<super::Topology>, leader: usize) -> Self {
        machine.post = Some(Post::new(topology, leader));
        machine.queues.iter_mut().for_each(|queue| queue.here = false);
        machine.declared.iter_mut().for_each(|declared| *declared = true);
        Quorum {
            machine,
            applied: 0,
            entries: BTreeMap::new(),
            next_entry: 0,
            terms: Vec::new(),
            commands: BTreeMap::new(),
            next_command: 1,
            done: BTreeMap::new(),
            released: VecDeque::new(),
            released_before: 0,
            lives: BTreeMap::new(),
            led: (1, leader),
            taken_over: false,
            deceived: false,
        }
    }

    /// The queue, for a picture.
    pub fn contents(&self, queue: usize) -> (u64, Vec<(MessageRef, u16, bool)>) {
        (self.machine.queues[queue].len() as u64, self.machine.contents(queue))
    }

    /// A new command, to which its channel refers.
    pub(super) fn command(
        &mut self,
        client: ConnectionId,
        (session, life): (u32, u32),
        (packet, again): (Packet, usize),
        before: u32,
    ) -> u32 {
        let number = self.next_command;
        self.next_command += 1;
        let command = Command { client, session, life, packet, number, again };
        self.commands.insert(number, KnownCommand { command, references: 1, refused: false, before });
        number
    }

    /// A command was applied; its message is in the queue, or was refused.
    pub(super) fn is_done(&mut self, client: ConnectionId, number: u32, accepted: bool) {
        self.done.insert(client, number);
        self.is_refused(number, !accepted);
    }

    /// The message of a command was refused, or it was not.
    pub(super) fn is_refused(&mut self, number: u32, refused: bool) {
        if let Some(known) = self.commands.get_mut(&number) {
            known.refused = refused;
        }
    }

    /// A delivery has come to its client's node. False: it has come before, or was given up.
    pub(super) fn has_come(&mut self, client: ConnectionId, tag: Tag) -> bool {
        let Some(post) = &mut self.machine.post else { return false };
        let Some(tags) = post.under_way.get_mut(&client) else { return false };
        let Some(place) = tags.iter().position(|other| *other == tag) else { return false };
        tags.remove(place);
        true
    }

    /// One reference to a command less.
    pub(crate) fn let_go(&mut self, number: u32) {
        let Some(command) = self.commands.get_mut(&number) else { return };
        command.references -= 1;
        if command.references == 0 {
            self.commands.remove(&number);
        }
    }

    /// A new entry.
    pub(super) fn enter(&mut self, entry: LogEntry) -> u32 {
        self.next_entry += 1;
        self.entries.insert(self.next_entry, entry);
        self.next_entry
    }

    /// The term of an entry that was applied.
    pub(super) fn term_at(&self, index: u32) -> u32 {
        self.terms.iter().rfind(|(from, _)| *from <= index).map_or(0, |(_, term)| *term)
    }

    /// An entry is applied now. With a message it stays, as long as that is in the queue.
    pub(super) fn count_applied(&mut self, id: u32, entry: &LogEntry) {
        assert_eq!(entry.index, self.applied + 1, "entries are applied in their order");
        self.applied = entry.index;
        if entry.message.is_none() {
            self.entries.remove(&id);
        } else if let Some(entry) = self.entries.get_mut(&id) {
            entry.applied = true;
        }
        if self.terms.last().is_none_or(|(_, term)| *term != entry.term) {
            self.terms.push((entry.index, entry.term));
        }
    }

    /// A message has left the queue: where its entry stood, and its number.
    pub(super) fn leave(&mut self, entry: (u32, u32)) {
        self.entries.remove(&entry.1);
        self.released.push_back(entry);
        if self.released.len() > RELEASED_MAX {
            self.released.pop_front();
            self.released_before += 1;
        }
    }

    /// What has left since a member last asked; none if that is too long ago. And where to ask from the next time.
    pub(super) fn released_since(&self, cursor: u64) -> (u64, Option<impl Iterator<Item = (u32, u32)>>) {
        let end = self.released_before + self.released.len() as u64;
        let since = cursor.checked_sub(self.released_before);
        (end, since.map(|since| self.released.iter().skip(since as usize).copied()))
    }

    /// A node is to lead in this term. If another one does, or somebody has since: in which term.
    pub(super) fn is_led(&mut self, term: u32, node: usize) -> Result<(), u32> {
        let (last, leader) = self.led;
        assert!(term != last || node == leader || self.deceived, "one leader for each term");
        if term < last || term == last && node != leader {
            return Err(last);
        }
        (self.led, self.taken_over) = ((term, node), true);
        Ok(())
    }

    /// Takes out the messages that a leader does not have: an onlooker's account of a disk that lied. What was never
    /// applied is in no queue; another entry may have taken its index.
    pub(super) fn keep_only(&mut self, queue: usize, has: impl Fn(u32, u32) -> bool) {
        let there = self.entries.iter().filter(|(_, entry)| entry.applied);
        let there = there.map(|(id, entry)| (entry.index, *id));
        let gone: Vec<(u32, u32)> = there.filter(|(index, id)| !has(*index, *id)).collect();
        let is_gone = |entry: &Entry| gone.iter().any(|(index, _)| *index == entry.rank);
        let held = self.machine.flights.iter().filter(|(_, flight)| is_gone(&flight.entry));
        for tag in held.map(|(tag, _)| tag).collect::<Vec<_>>() {
            self.machine.land(tag);
        }
        if !gone.is_empty() {
            self.machine.queues[queue].take_out(is_gone);
        }
        gone.into_iter().for_each(|entry| self.leave(entry));
    }
}
