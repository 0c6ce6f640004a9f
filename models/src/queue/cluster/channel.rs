//! What a node does for its clients: it asks the queues for what they want, wherever these are, and answers them.
//!
//! Models a channel of RabbitMQ; what it wants of replicated queues is in `commands.rs`. A confirm waits for all queues
//! that a message was routed to. A queue that is on one node only is away with it: publishes are refused, its consumers are
//! told (`basic.cancel`), who asks for it waits for a minute (recorded: `cluster-4-*`; `rabbit_amqqueue:with`, 2,000 tries
//! every 30 ms).

use super::node::ClusterNode;
use crate::causes::LossCause;
use crate::domain::{Messaging, Out};
use crate::fact::Fact;
use crate::message::MessageRef;
use crate::packet::{Packet, Timer};
use redeliver_sim::{ConnectionId, Domain, DropCause, Node, Span, Time};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Who asks for a queue that is away is told so after this long.
const WAIT_FOR_QUEUE: Span = Span::seconds(60);

/// What a replicated queue has not answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) queue: usize,
    pub(super) number: u32,
    pub(super) packet: Packet,
    /// The message that the channel keeps for it.
    pub(super) m: Option<MessageRef>,
}

/// A client's channel.
#[derive(Clone, Default, Debug)]
pub(super) struct Channel {
    pub(super) open: bool,
    /// Its number among those that the client has had: what is meant for another one is void.
    pub(super) session: u32,
    pub(super) pending: VecDeque<Pending>,
    /// By message and attempt: how many queues have not answered, and whether one has refused it.
    pub(super) confirms: BTreeMap<(MessageRef, u16), (usize, bool)>,
    /// Sent to queues of other nodes, and not answered.
    pub(super) forwarded: Vec<(MessageRef, u16, usize)>,
    /// What it consumes.
    pub(super) consumes: Vec<(usize, Packet)>,
    /// Queues that it has used.
    pub(super) used: BTreeSet<usize>,
    /// Replicated queues that have taken a message of it, and so know it as a publisher.
    pub(super) known_to: BTreeSet<usize>,
    /// Replicated queues that get nothing more of it: [`super::ClusterSpec::forgets_without_majority`].
    pub(super) stuck: BTreeSet<usize>,
    /// What it published as it was held up.
    pub(super) held: Option<Packet>,
    /// Requests for queues that are away, and until when they wait.
    pub(super) waiting: Vec<(usize, Packet, Time)>,
}

impl Channel {
    /// Opens it over a new connection, in this life of its node's process.
    pub(super) fn open(&mut self, life: u32) {
        let pending = std::mem::take(&mut self.pending);
        let session = self.session.max(life << 16) + 1;
        *self = Channel { open: true, session, pending, ..Channel::default() };
    }

    /// The messages that it keeps.
    pub(super) fn upstream(&self) -> impl Iterator<Item = MessageRef> + '_ {
        let held = self.held.and_then(|packet| packet.message());
        self.pending.iter().filter_map(|pending| pending.m).chain(held)
    }
}

impl ClusterNode {
    pub(super) fn channel(&mut self, client: ConnectionId) -> &mut Channel {
        self.channels.entry(client).or_default()
    }

    pub(super) fn on_client(&mut self, client: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        match packet {
            Packet::Publish { .. } if self.is_alarmed() => self.hold_up(client, packet, out),
            Packet::Publish { m, attempt, target } => {
                self.publish(client, (m, attempt), target as usize, out)
            }
            Packet::Ack { m, s, .. } | Packet::Nack { m, s, .. } => {
                let Some(queue) = self.spec.topology.queue_of(s) else { return };
                if !self.ask(client, queue, packet, out) {
                    out.note(Fact::AckDropped { m, s });
                }
            }
            Packet::Consume { queue, .. } => {
                self.channel(client).consumes.push((queue as usize, packet));
                self.want(client, queue as usize, packet, out);
            }
            Packet::Get { queue, .. } | Packet::Declare { queue } => {
                self.want(client, queue as usize, packet, out);
            }
            Packet::Cancel | Packet::Recover => {
                if packet == Packet::Cancel {
                    self.channel(client).consumes.clear();
                }
                self.tell_queues(client, packet, out);
            }
            Packet::CloseChannel => self.close_channel(client, out),
            Packet::Bind { exchange, queue } => {
                self.bind(exchange, queue, out);
                for node in (0..self.peers.len()).filter(|node| self.peers[*node].up) {
                    out.send(self.spec.topology.links[self.me][node], packet);
                }
            }
            _ => {}
        }
    }

    /// A request that has to be answered. While its queue is away it waits.
    fn want(&mut self, client: ConnectionId, queue: usize, packet: Packet, out: &mut Out<'_>) {
        self.channel(client).used.insert(queue);
        let replicated = self.spec.topology.replicated[queue];
        let asks = matches!(packet, Packet::Get { .. });
        if replicated && asks && self.leaders[queue].is_none() && !self.reaches_majority(queue) {
            out.send(client, Packet::Unavailable { queue: queue as u32, internal: true });
            out.close(client);
            return self.on_client_gone(client, out);
        }
        let home = self.spec.topology.members[queue][0];
        let is_there = replicated || home == self.me || self.peers[home].up;
        if is_there && matches!(packet, Packet::Declare { .. }) {
            return out.send(client, Packet::DeclareOk { queue: queue as u32 });
        }
        if !self.ask(client, queue, packet, out) {
            self.channel(client).waiting.push((queue, packet, out.now() + WAIT_FOR_QUEUE));
            out.deadline(WAIT_FOR_QUEUE, Timer::Waited { client: client.0 });
        }
    }

    pub(super) fn on_waited(&mut self, client: ConnectionId, out: &mut Out<'_>) {
        let now = out.now();
        let Some(channel) = self.channels.get_mut(&client) else { return };
        if let Some((queue, ..)) = channel.waiting.iter().find(|(.., until)| *until <= now).copied() {
            out.send(client, Packet::Unavailable { queue: queue as u32, internal: false });
            self.close_channel(client, out);
        }
    }

    /// A node is back: who has waited for its queues asks again.
    pub(super) fn ask_again(&mut self, node: usize, out: &mut Out<'_>) {
        for client in self.channels.keys().copied().collect::<Vec<_>>() {
            let waiting = std::mem::take(&mut self.channel(client).waiting);
            for (queue, packet, until) in waiting {
                if self.spec.topology.members[queue][0] == node {
                    self.want(client, queue, packet, out);
                } else {
                    self.channel(client).waiting.push((queue, packet, until));
                }
            }
        }
    }

    /// Sends a queue what a client wants of it. False: the queue is away.
    fn ask(&mut self, client: ConnectionId, queue: usize, packet: Packet, out: &mut Out<'_>) -> bool {
        if self.spec.topology.replicated[queue] {
            self.command(client, queue, packet, None, out);
            return true;
        }
        let home = self.spec.topology.members[queue][0];
        if home == self.me {
            self.local.on_message(client, packet, out);
        } else if self.peers[home].up {
            self.send_to(home, client, packet, out);
        } else {
            return false;
        }
        true
    }

    fn send_to(&mut self, node: usize, client: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        let session = self.channel(client).session;
        out.send_whole(
            self.spec.topology.links[self.me][node],
            &[Packet::To { client: client.0, session }, packet],
        );
    }

    /// All queues that it has used hear of it.
    fn tell_queues(&mut self, client: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        let mut nodes = BTreeSet::new();
        for queue in self.channel(client).used.clone() {
            if self.spec.topology.replicated[queue] {
                self.command(client, queue, packet, None, out);
            } else {
                nodes.insert(self.spec.topology.members[queue][0]);
            }
        }
        for node in nodes {
            if node == self.me {
                self.local.on_message(client, packet, out);
            } else if self.peers[node].up {
                self.send_to(node, client, packet, out);
            }
        }
    }

    /// It ends, and all that it remembers: what no leader has yet is lost. Only of ends of channels all queues learn.
    fn close_channel(&mut self, client: ConnectionId, out: &mut Out<'_>) {
        let channel = self.channel(client);
        channel.known_to.clear();
        channel.stuck.clear();
        let is_end = |pending: &Pending| pending.packet == Packet::CloseChannel;
        let (ends, lost) = std::mem::take(&mut channel.pending).into_iter().partition(is_end);
        channel.pending = ends;
        let lost: VecDeque<Pending> = lost;
        for Pending { queue, number, m, .. } in lost {
            out.shared().let_go(queue, number);
            m.into_iter().for_each(|m| end_copy(m, out));
        }
        self.tell_queues(client, Packet::CloseChannel, out);
        let channel = self.channel(client);
        channel.session += 1;
        channel.consumes.clear();
        channel.used.clear();
        channel.waiting.clear();
        channel.confirms.clear();
        channel.forwarded.clear();
    }

    /// Its channel dies with it.
    pub(super) fn on_client_gone(&mut self, client: ConnectionId, out: &mut Out<'_>) {
        let Some(channel) = self.channels.get_mut(&client) else { return };
        channel.open = false;
        if let Some(m) = channel.held.take().and_then(|packet| packet.message()) {
            out.note(Fact::PublishDropped { m, why: LossCause::ConnectionReset });
        }
        self.close_channel(client, out);
    }

    // Publishing.

    fn publish(
        &mut self,
        client: ConnectionId,
        (m, attempt): (MessageRef, u16),
        target: usize,
        out: &mut Out<'_>,
    ) {
        if out.is_cut() {
            return self.torn.push((m, 1));
        }
        let key = out.shared().routing_key(m);
        let queues = self.local.routed(target, key, out);
        let message = out.shared().messages.get(m);
        let (buffered, label) = (message.buffered, message.label);
        if queues.is_empty() {
            if out.shared().properties(m).mandatory {
                out.send(client, Packet::Return { m, label });
            }
            out.note(Fact::NotTaken { m, why: LossCause::Unroutable });
            if buffered {
                out.send(client, Packet::Confirm { m, attempt, positive: true, offset: 0 });
            }
            return;
        }
        if buffered {
            self.channel(client).confirms.insert((m, attempt), (queues.len(), false));
        }
        queues.iter().skip(1).for_each(|_| out.note(Fact::Forwarded { m }));
        for (before, &queue) in queues.iter().enumerate() {
            if out.is_cut() {
                return self.torn.push((m, queues.len() - before));
            }
            if self.spec.topology.replicated[queue] {
                self.command(client, queue, Packet::Publish { m, attempt, target: 0 }, Some(m), out);
            } else {
                self.publish_to_one(client, queue, (m, attempt), out);
            }
        }
    }

    /// To a queue that is on one node only.
    fn publish_to_one(
        &mut self,
        client: ConnectionId,
        queue: usize,
        (m, attempt): (MessageRef, u16),
        out: &mut Out<'_>,
    ) {
        let target = self.local.default_exchange(queue as u32);
        if !self.ask(client, queue, Packet::Publish { m, attempt, target }, out) {
            out.note(Fact::NotTaken { m, why: LossCause::QueueAway });
            return self.on_confirm(client, (m, attempt), false, out);
        }
        if self.spec.topology.members[queue][0] != self.me {
            self.channel(client).forwarded.push((m, attempt, queue));
        }
    }

    /// A queue has answered.
    pub(super) fn on_confirm(
        &mut self,
        client: ConnectionId,
        (m, attempt): (MessageRef, u16),
        positive: bool,
        out: &mut Out<'_>,
    ) {
        let channel = self.channel(client);
        let Some((left, refused)) = channel.confirms.get_mut(&(m, attempt)) else { return };
        *left -= 1;
        *refused |= !positive;
        if *left == 0 {
            let positive = !*refused;
            channel.confirms.remove(&(m, attempt));
            out.send(client, Packet::Confirm { m, attempt, positive, offset: 0 });
        }
    }

    /// A queue of this node has something for a client of this node.
    pub(super) fn pass_on(&mut self, client: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        match packet {
            Packet::Confirm { m, attempt, positive, .. } => {
                self.on_confirm(client, (m, attempt), positive, out)
            }
            _ => out.send(client, packet),
        }
    }

    /// From another node: something of its client for a queue of this one, or the other way round.
    pub(super) fn on_forwarded(
        &mut self,
        client: ConnectionId,
        session: u32,
        packet: Packet,
        out: &mut Out<'_>,
    ) {
        if self.spec.topology.home(client) == self.me {
            if !self.is_due(client, session, packet, out) {
                let fact = Messaging::dropped(&packet, DropCause::Reset, out.shared());
                return out.note(fact);
            }
            if let Packet::Confirm { m, attempt, .. } = packet {
                let channel = self.channel(client);
                let is = |other: &(MessageRef, u16, usize)| (other.0, other.1) == (m, attempt);
                if let Some(index) = channel.forwarded.iter().position(is) {
                    channel.forwarded.remove(index);
                }
            }
            return self.pass_on(client, packet, out);
        }
        self.strangers.insert(client);
        if let Some(post) = &mut self.local.post {
            post.sessions.insert(client, session);
        }
        self.local.on_message(client, packet, out);
    }

    /// Whether what has come is for the client's present channel, and no delivery that has come before.
    fn is_due(&mut self, client: ConnectionId, session: u32, packet: Packet, out: &mut Out<'_>) -> bool {
        let is_new = match packet {
            Packet::Deliver { s, tag, .. } if tag.is_settled_by_ack() => {
                let queue = self.spec.topology.queue_of(s);
                let queue = queue.filter(|queue| self.spec.topology.replicated[*queue]);
                queue.is_none_or(|queue| out.shared().quorum(queue).has_come(client, tag))
            }
            _ => true,
        };
        is_new && self.channel(client).session == session
    }

    /// A node is gone, and the queues that are there only.
    pub(super) fn lose_queues_of(&mut self, node: usize, out: &mut Out<'_>) {
        let topology = std::sync::Arc::clone(&self.spec.topology);
        let is_lost = |queue: &usize| !topology.replicated[*queue] && topology.members[*queue][0] == node;
        for client in self.channels.keys().copied().collect::<Vec<_>>() {
            let channel = self.channel(client);
            let lost: Vec<_> = channel.forwarded.extract_if(.., |(.., queue)| is_lost(queue)).collect();
            let consumed: Vec<_> = channel.consumes.extract_if(.., |(queue, _)| is_lost(queue)).collect();
            for (m, attempt, _) in lost {
                self.on_confirm(client, (m, attempt), false, out);
            }
            for (queue, _) in consumed {
                out.send(client, Packet::Cancelled { queue: queue as u32 });
            }
        }
    }
}

/// A copy of a message on its way ends, because there is another one; if there is none, the message is lost here.
pub(super) fn end_copy(m: MessageRef, out: &mut Out<'_>) {
    let message = out.shared().messages.get(m);
    let is_last = message.upstream == 1 && message.copies == 0;
    out.note(if is_last {
        Fact::PublishDropped { m, why: LossCause::QueueAway }
    } else {
        Fact::Forgotten { m }
    });
}
