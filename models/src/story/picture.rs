//! The picture: what a story's onlooker sees, as a plain struct, made on demand from the nodes' state.

use std::collections::BTreeMap;

/// What clients, queues, logs, groups and nodes look like at one instant. Messages are in the story's notation.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Picture {
    /// By the client's name: the story's clients.
    pub clients: BTreeMap<String, ClientPicture>,
    /// By the queue's name.
    pub queues: BTreeMap<String, QueuePicture>,
    /// By the topic's name: its partitions, in order.
    pub logs: BTreeMap<String, Vec<PartitionPicture>>,
    /// By the group's name.
    pub groups: BTreeMap<String, GroupPicture>,
    /// By the node's name: whether it is up. All nodes.
    pub nodes: BTreeMap<String, bool>,
}

/// A client.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ClientPicture {
    /// All it was given, in order.
    pub got: Vec<String>,
    /// What of it came since the last look.
    pub news: Vec<String>,
    /// Deliveries that came behind one that the same producer had sent later.
    pub late: u64,
    /// Messages of a producer that were passed over as a later one came.
    pub gaps: u64,
    /// What each poll returned.
    pub polls: Vec<Vec<String>>,
    /// What it was given and has not settled.
    pub holds: Vec<String>,
    /// The effects, in order.
    pub processed: Vec<String>,
    /// What became of what it sent, by label, in order of sending; of a label sent twice the last.
    pub sent: Vec<(String, SendOutcome)>,
    /// Every attempt with its outcome (webhook): `m2 500`.
    pub attempts: Vec<String>,
    /// Sends with a positive answer.
    pub confirmed: u64,
    /// Sends with a definite no.
    pub refused: u64,
    /// Sends with neither.
    pub unknown: u64,
    /// Calls and how they ended: `Commit ok`.
    pub calls: Vec<String>,
    /// What the library told the application: `assigned t-0`, `revoked t-0`, `blocked`, `unblocked`.
    pub events: Vec<String>,
    /// Errors the application saw.
    pub errors: Vec<String>,
    /// Its partitions.
    pub assigned: Vec<String>,
    /// The next offset it will read, by topic and partition; none where it has no position.
    pub position: BTreeMap<String, Vec<Option<u64>>>,
    /// `open` or `closed`.
    pub connection: &'static str,
    /// The same of its channel, with a queue broker.
    pub channel: &'static str,
}

/// What became of a message that was sent, in the client's own words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SendOutcome {
    /// Nothing yet.
    Pending,
    /// A log's answer.
    Offset(u64),
    /// A status (HTTP).
    Status(u16),
    /// `ack`, `nack`, `returned`, `sent`, an error's name.
    Word(&'static str),
}

/// A queue.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct QueuePicture {
    /// How many messages wait.
    pub ready: u64,
    /// All it holds, waiting or held by a consumer, in the queue's order: `m4 redelivered`.
    pub messages: Vec<String>,
    /// The node that leads it; `none` where there is no leader.
    pub leader: String,
    /// In which term.
    pub term: u32,
}

/// A partition of a log.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PartitionPicture {
    /// `a@0`, in order.
    pub records: Vec<String>,
    /// The oldest offset that can be read.
    pub start: u64,
    /// The next offset that will be given.
    pub end: u64,
    /// What consumers can see ends here.
    pub high_watermark: u64,
    /// First offset and bytes of each segment.
    pub segments: Vec<(u64, u64)>,
}

/// A consumer group.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct GroupPicture {
    /// The committed offset (the next one to read), by topic and partition; none where none is.
    pub committed: BTreeMap<String, Vec<Option<u64>>>,
    /// The partitions of each member.
    pub members: BTreeMap<String, Vec<String>>,
    /// What a reader of a stream was given and has not settled, in order: `m1 num_delivered=2`; where deliveries are
    /// claimed, whose they are, and how often they were delivered: `m1 c1 2`.
    pub pending: Vec<String>,
    /// What it was given often enough: `max_deliver m1`.
    pub advisories: Vec<String>,
    /// Of a group of Redis: how many messages it has read (`entries-read`) and how many it has not (`lag`), as the server
    /// says; none where it does not know.
    pub progress: Option<(Option<u32>, Option<u32>)>,
}
