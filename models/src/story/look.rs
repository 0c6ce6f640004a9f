//! Takes the picture: from the state of the nodes, at any instant.

use super::picture::{PartitionPicture, Picture, QueuePicture};
use crate::domain::World;
use crate::log;
use crate::message::{Message, MessageRef};
use crate::packet::Record;
use crate::part::Part;
use crate::queue;
use crate::shared::Shared;
use crate::shelf::ShelfId;
use redeliver_sim::{Disk, NodeId};

/// What clients, queues, logs, groups and nodes look like now.
pub fn picture(world: &World) -> Picture {
    let shared = world.shared();
    let mut picture = Picture::default();
    for (i, part) in world.nodes().iter().enumerate() {
        let node = NodeId(i as u32);
        let (name, up) = (shared.names.node(node), world.is_up(node));
        picture.nodes.insert(name.into(), up);
        match part {
            Part::Client(client) => {
                let open = world.is_open(client.connection(), 0);
                picture.clients.insert(name.into(), client.picture(shared, open));
            }
            Part::QueueBroker(broker) if up => {
                add_queues(broker, name, shared, &mut picture);
                add_streams(broker, shared, &mut picture);
            }
            Part::ClusterNode(node) if up => add_cluster_queues(node, name, shared, &mut picture),
            Part::LogBroker(broker) if up => add_logs(broker, world.disk(node), shared, &mut picture),
            _ => {}
        }
    }
    picture
}

/// The queues that are there; none while the broker is down.
fn add_queues(broker: &queue::Broker, node: &str, shared: &Shared, picture: &mut Picture) {
    let is_queue = |(i, queue): &(usize, &queue::Queue)| {
        broker.is_declared(*i) && queue.config.stream.is_none() && !queue.config.passing
    };
    for (i, queue) in broker.queues().iter().enumerate().filter(is_queue) {
        let flag = if queue.config.session.is_some() { "dup" } else { "redelivered" };
        let text = |(m, _, again): (MessageRef, u16, bool)| {
            let name = shared.notation(m).1;
            if again { format!("{name} {flag}") } else { name }
        };
        let seen = QueuePicture {
            ready: queue.len() as u64,
            messages: broker.contents(i).into_iter().map(text).collect(),
            leader: node.into(),
            term: 0,
        };
        picture.queues.insert(queue.config.name.clone(), seen);
    }
}

/// The streams that are there, and what their readers have been given and not settled.
fn add_streams(broker: &queue::Broker, shared: &Shared, picture: &mut Picture) {
    for stream in broker.streams().iter().filter(|stream| stream.declared) {
        let text = |(n, kept): (u32, &queue::Retained)| format!("{}@{n}", shared.notation(kept.m).1);
        let seen = PartitionPicture {
            records: stream.entries().map(text).collect(),
            start: u64::from(stream.first()),
            end: u64::from(stream.next()),
            high_watermark: u64::from(stream.next()),
            segments: Vec::new(),
        };
        picture.logs.insert(stream.config.name.clone(), vec![seen]);
    }
    for (i, queue) in broker.queues().iter().enumerate().filter(|(i, _)| broker.is_declared(*i)) {
        let (Some(_), Some(pending)) = (queue.config.stream, &queue.pending) else { continue };
        if queue.config.redelivery.as_ref().is_some_and(|redelivery| redelivery.claimed) {
            let seen = picture.groups.entry(queue.config.name.clone()).or_default();
            seen.pending = broker.claimable(i).map(|claimable| claimed(claimable, shared)).collect();
            seen.progress = Some(broker.progress(i));
            continue;
        }
        let text = |entry: queue::Entry| {
            let name = shared.notation(entry.m).1;
            if entry.attempts > 1 { format!("{name} num_delivered={}", entry.attempts) } else { name }
        };
        let seen = picture.groups.entry(queue.config.name.clone()).or_default();
        seen.pending = broker.pending(i).into_iter().map(text).collect();
        seen.advisories = pending.advisories.clone();
    }
}

/// A delivery that somebody may claim: its message, whose it is, how often it was delivered.
fn claimed(claimable: queue::Claimable<'_>, shared: &Shared) -> String {
    let name = claimable.gone.map_or_else(|| shared.notation(claimable.entry.m).1, str::to_string);
    // Connections are numbered like their clients, which come after the broker.
    let consumer = &shared.names.nodes[claimable.consumer.0 as usize + 1];
    format!("{name} {consumer} {}", claimable.entry.attempts)
}

/// The queues that are only on this node, and those that it leads: of several that think so, the last.
fn add_cluster_queues(node: &queue::ClusterNode, name: &str, shared: &Shared, picture: &mut Picture) {
    for (i, queue) in node.local().queues().iter().enumerate() {
        let contents = match &shared.quorums[i] {
            Some(quorum) => quorum.contents(i),
            None if node.has(i) => (queue.len() as u64, node.local().contents(i)),
            None => continue,
        };
        let text = |(m, _, again): (MessageRef, u16, bool)| {
            let name = shared.notation(m).1;
            if again { format!("{name} redelivered") } else { name }
        };
        let term = if shared.quorums[i].is_some() { node.leads(i) } else { Some(0) };
        let seen = picture.queues.entry(queue.config.name.clone()).or_default();
        if term.is_some_and(|term| seen.leader.is_empty() || term > seen.term) || seen.leader.is_empty() {
            (seen.ready, seen.messages) = (contents.0, contents.1.into_iter().map(text).collect());
            seen.leader = if term.is_some() { name.into() } else { "none".into() };
            seen.term = term.unwrap_or(0);
        }
    }
}

/// The logs and their groups; none while the broker is down.
fn add_logs(broker: &log::Broker, disk: &Disk<Record>, shared: &Shared, picture: &mut Picture) {
    let topic_of = |line: u32| {
        let name = &shared.names.lines[line as usize];
        name.rsplit_once('-').map_or(name.as_str(), |(topic, _)| topic).to_string()
    };
    for (line, partition) in broker.partitions().iter().enumerate() {
        let text =
            |(offset, id): (u32, ShelfId)| format!("{}@{offset}", shared.notation_of(&shared.retained(id)).1);
        let seen = PartitionPicture {
            records: partition.records(disk).map(text).collect(),
            start: u64::from(partition.start()),
            end: u64::from(partition.end()),
            high_watermark: u64::from(partition.high_watermark()),
            segments: partition.segments().map(|segment| (u64::from(segment.first), segment.bytes)).collect(),
        };
        picture.logs.entry(topic_of(line as u32)).or_default().push(seen);
    }
    for group in broker.groups() {
        let topic = topic_of(group.spec.first);
        let subscription = &shared.names.subscriptions[group.spec.s.0 as usize];
        let both = format!("/{topic}");
        let name = subscription.strip_suffix(&both).unwrap_or(subscription);
        let seen = picture.groups.entry(name.into()).or_default();
        let committed = group.committed.iter().map(|offset| offset.map(u64::from));
        seen.committed.insert(topic, committed.collect());
        for member in &group.members {
            // Connections are numbered like their clients, which come after the broker.
            let client = shared.names.nodes[member.connection.0 as usize + 1].clone();
            let reads = member.reads.iter().map(|read| shared.names.lines[read.partition as usize].clone());
            seen.members.entry(client).or_default().extend(reads);
        }
    }
}

impl Shared {
    /// A message in a story's notation: its body, and with its key. A load's message is written by its id.
    pub(crate) fn notation(&self, m: MessageRef) -> (String, String) {
        self.notation_of(self.messages.get(m))
    }

    fn notation_of(&self, message: &Message) -> (String, String) {
        let body = self.name(message);
        let name = match self.names.key(message.key) {
            Some(key) => format!("{key}={body}"),
            None => body.clone(),
        };
        (body, name)
    }
}
