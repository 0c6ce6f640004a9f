//! What a channel wants of a replicated queue: a command with a number, which it keeps until the queue's leader has done
//! it, and sends again to the next leader (`rabbit_fifo_client`); leaders know by the numbers what they have already.
//!
//! Some of it is a call, for whose answer the channel waits: to consume and to stop it, to get, and to publish for the first
//! time, which makes the channel known to the queue (`rabbit_fifo_client`: `checkout`, `cancel_checkout`, `dequeue`,
//! `enqueue` with `make_register_enqueuer`). A member that knows of no leader keeps a call until it does
//! (`ra_server_proc:maybe_redirect`, `pending_commands`): so no version forgets it. All else is sent on without waiting
//! (`ra:pipeline_command`), and is what RabbitMQ before 4.2 may forget.
//!
//! Left out: a call without an answer fails after `net_ticktime` and 5 s. Here it waits on.

use super::channel::{Pending, end_copy};
use super::node::ClusterNode;
use super::quorum::KnownCommand;
use crate::causes::LossCause;
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::MessageRef;
use crate::packet::Packet;
use redeliver_sim::ConnectionId;

impl ClusterNode {
    /// A client wants something of a replicated queue; with `m` the channel keeps that message.
    pub(super) fn command(
        &mut self,
        client: ConnectionId,
        queue: usize,
        packet: Packet,
        m: Option<MessageRef>,
        out: &mut Out<'_>,
    ) {
        self.put_command(client, queue, (packet, 0), m, out);
    }

    fn put_command(
        &mut self,
        client: ConnectionId,
        queue: usize,
        (packet, again): (Packet, usize),
        m: Option<MessageRef>,
        out: &mut Out<'_>,
    ) {
        let session = self.channel(client).session;
        let channel = (session, out.deaths());
        let before = self.channel(client).pending.iter().rfind(|pending| pending.queue == queue);
        let before = before.map_or(0, |pending| pending.number);
        let number = out.shared().quorum(queue).command(client, channel, (packet, again), before);
        let pending = Pending { queue, number, packet, m };
        self.channel(client).pending.push_back(pending);
        self.send_command(client, pending, out);
    }

    fn send_command(&mut self, client: ConnectionId, pending: Pending, out: &mut Out<'_>) {
        let Pending { queue, number, m, .. } = pending;
        // That a channel has ended the leader sees for itself: it watches its process.
        let ends = pending.packet == Packet::CloseChannel;
        let Some((_, leader)) = self.leaders[queue] else {
            let forgets = self.spec.forgets_without_majority && !self.reaches_majority(queue);
            if forgets && !ends && !self.is_call(client, pending) {
                self.channel(client).stuck.insert(queue);
            }
            return;
        };
        if out.is_cut() || self.channel(client).stuck.contains(&queue) && !ends {
            return;
        }
        if let Some(m) = m {
            out.note(Fact::Forwarded { m });
        }
        let m = m.unwrap_or(MessageRef::NONE);
        if leader == self.me {
            return self.on_command(queue, number, Some(m), out);
        }
        if let Some(known) = out.shared().quorum(queue).commands.get_mut(&number) {
            known.references += 1;
        }
        let packet = Packet::Command { number, queue: queue as u16, m };
        out.send(self.spec.topology.links[self.me][leader], packet);
    }

    /// Whether its channel waits for the answer before it goes on.
    fn is_call(&mut self, client: ConnectionId, pending: Pending) -> bool {
        match pending.packet {
            Packet::Publish { .. } => !self.channel(client).known_to.contains(&pending.queue),
            Packet::Consume { .. } | Packet::Cancel | Packet::Get { .. } => true,
            _ => false,
        }
    }

    /// A queue has another leader: it is sent what the one before has not done; and who consumes says so again, in case
    /// that he was taken for dead.
    pub(super) fn learn_leader(&mut self, queue: usize, term: u32, leader: usize, out: &mut Out<'_>) {
        if self.leaders[queue].is_some_and(|(known, _)| known > term) {
            return;
        }
        self.leaders[queue] = Some((term, leader));
        for client in self.channels.keys().copied().collect::<Vec<_>>() {
            let pending: Vec<Pending> = self.channel(client).pending.iter().copied().collect();
            for pending in pending.iter().filter(|pending| pending.queue == queue) {
                self.send_command(client, *pending, out);
            }
            // Even if it has just said so: the one before may have heard it, and taken it for dead then.
            let again: Vec<_> =
                self.channel(client).consumes.iter().filter(|(of, _)| *of == queue).copied().collect();
            for (before, (_, packet)) in again.into_iter().enumerate() {
                self.put_command(client, queue, (packet, before + 1), None, out);
            }
        }
    }

    /// A command has come to a leader, or to who was one. `m` is what came with it; none if it has waited here.
    pub(super) fn on_command(&mut self, queue: usize, number: u32, m: Option<MessageRef>, out: &mut Out<'_>) {
        let m = m.filter(|m| *m != MessageRef::NONE);
        let known = out.shared().quorum(queue).commands.get(&number).copied();
        let leads = self.replicas[queue].as_ref().is_some_and(super::replica::Replica::leads);
        let (Some(KnownCommand { command, refused, before, .. }), true) = (known, leads) else {
            m.into_iter().for_each(|m| end_copy(m, out));
            return;
        };
        let client = command.client;
        let seen = self.replicas[queue].as_ref().and_then(|replica| replica.seen.get(&client)).copied();
        if seen.is_some_and(|seen| seen >= number) {
            m.into_iter().for_each(|m| end_copy(m, out));
            let done = out.shared().quorum(queue).done.get(&client).is_some_and(|done| *done >= number);
            if refused || done {
                self.report(client, queue, number, !refused, out);
            }
            return;
        }
        if self.replicas[queue].as_ref().is_some_and(|replica| !replica.to_dismiss.is_empty()) {
            self.dismiss_the_dead(queue, out);
        }
        let waits = self.deferred.iter().any(|(of, _)| *of == queue);
        let overtakes = seen.is_none_or(|seen| seen < before)
            && out.shared().quorum(queue).commands.get(&before).is_some_and(|before| !before.refused);
        if overtakes && !waits {
            // It was sent to an earlier term. Its channel sends it again, with what comes before it.
            return m.into_iter().for_each(|m| end_copy(m, out));
        }
        if !waits && self.enter(queue, Some(command), out) {
            out.shared().quorum(queue).is_refused(number, false);
            return;
        }
        match m {
            Some(m) => {
                out.note(Fact::NotTaken { m, why: LossCause::DiskFull });
                out.shared().quorum(queue).is_refused(number, true);
                self.report(client, queue, number, false, out);
            }
            None => self.deferred.push((queue, number)),
        }
    }

    /// Tells a client's node that something is done.
    pub(super) fn report(
        &mut self,
        client: ConnectionId,
        queue: usize,
        number: u32,
        accepted: bool,
        out: &mut Out<'_>,
    ) {
        let home = self.spec.topology.home(client);
        if home == self.me {
            return self.on_applied(client, queue, number, accepted, out);
        }
        let packet = Packet::Applied { client: client.0, number, queue: queue as u16, accepted };
        if self.peers[home].up {
            out.send(self.spec.topology.links[self.me][home], packet);
        }
    }

    pub(super) fn on_applied(
        &mut self,
        client: ConnectionId,
        queue: usize,
        number: u32,
        accepted: bool,
        out: &mut Out<'_>,
    ) {
        // A crash leaves the channel as it was.
        if out.is_cut() {
            return;
        }
        let channel = self.channel(client);
        let is = |pending: &Pending| (pending.queue, pending.number) == (queue, number);
        let Some(index) = channel.pending.iter().position(is) else { return };
        let pending = channel.pending.remove(index).expect("it was found there");
        out.shared().quorum(queue).let_go(number);
        if let (Packet::Publish { attempt, .. }, Some(m)) = (pending.packet, pending.m) {
            channel.known_to.insert(queue);
            out.note(Fact::Forgotten { m });
            self.on_confirm(client, (m, attempt), accepted, out);
        }
    }
}
