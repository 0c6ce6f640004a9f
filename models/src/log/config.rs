//! Settings of the log broker and of its clients.

use crate::setup::NodePattern;
use redeliver_sim::Span;

/// A log broker with one node: topics of partitions, groups with offsets.
#[derive(Clone, Debug)]
pub struct Config {
    /// The broker's node name: `broker/1`, or a product's.
    pub node: String,
    /// Topics, in the order of their names. Every topic of the load is among them.
    pub topics: Vec<TopicConfig>,
    /// A member that is not heard of for so long is out of its group. Kafka: `session.timeout.ms`, 45 s.
    pub session_timeout: Span,
    /// How often a member is heard of. Kafka: `heartbeat.interval.ms`, 3 s.
    pub heartbeat: Span,
    /// How often retention is enforced. Kafka: `log.retention.check.interval.ms`, 5 min. Zero: at every append.
    pub retention_check: Span,
    /// What happens when the disk is full.
    pub when_full: WhenFull,
    /// How clients of the broker are set: the first match counts, and the last entry matches all.
    pub clients: Vec<(NodePattern, ClientConfig)>,
}

/// One topic.
#[derive(Clone, PartialEq, Debug)]
pub struct TopicConfig {
    /// Its name.
    pub name: String,
    /// How many partitions; at least one.
    pub partitions: u32,
    /// Age at which the log forgets a closed segment. Kafka: `retention.ms`, 7 days.
    pub retention_age: Option<Span>,
    /// Bytes a partition keeps: closed segments go while what is left is at least this. Kafka: `retention.bytes`.
    pub retention_bytes: Option<u64>,
    /// Bytes at which a segment is closed. Kafka: `segment.bytes`, 1 GiB.
    pub segment_bytes: u64,
    /// Age at which a segment is closed. Kafka: `segment.ms`, 7 days.
    pub segment_age: Option<Span>,
}

/// What a log does when its disk is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhenFull {
    /// Deletes its oldest segment: the bounded ring buffer of DDIA, 1st ed., chapter 11.
    DeleteOldest,
    /// Takes the disk offline and answers no more. Kafka: the log directory fails.
    Offline,
}

/// How a client of the broker is set.
#[derive(Clone, PartialEq, Debug)]
pub struct ClientConfig {
    /// What a producer waits for. Kafka: `acks`, `all`.
    pub acks: Acks,
    /// Without an answer for so long, a message is sent again; a fetch, so long after `fetch_wait_max`. Kafka:
    /// `request.timeout.ms`, 30 s.
    pub request_timeout: Span,
    /// How often it is sent again, at most. Kafka: `retries`.
    pub retries: u32,
    /// Unanswered messages a producer holds at most; 0 is no limit. When it is reached the producer waits.
    pub window: u32,
    /// The consumer's group; none is the name of the subscription. Kafka: `group.id`.
    pub group: Option<String>,
    /// When a consumer commits its position.
    pub commit: Commit,
    /// Records a poll returns at most. Kafka: `max.poll.records`, 500.
    pub poll_records_max: u32,
    /// How long the broker may hold a fetch that finds nothing. Kafka: `fetch.max.wait.ms`, 500 ms.
    pub fetch_wait_max: Span,
    /// Where to start without a valid committed offset. Kafka: `auto.offset.reset`, `latest`.
    pub offset_reset: OffsetReset,
    /// A client that lost its connection tries again after this long.
    pub reconnect_after: Span,
}

/// What a producer waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acks {
    /// Nothing. Kafka: `acks=0`.
    None,
    /// The leader has written it (to the page cache). Kafka: `acks=1`.
    Leader,
    /// All in-sync replicas have it; with one replica the same as `Leader`. Kafka: `acks=all`.
    All,
    /// The leader has written and synced it.
    Synced,
}

/// When a consumer commits its position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Commit {
    /// After each poll, before any work on its records.
    BeforeWork,
    /// After the work on each record.
    AfterWork,
    /// At the first poll after each interval, what was handed over by the polls before. Kafka: `enable.auto.commit`.
    Every(Span),
    /// Only where a story says so.
    Never,
}

/// Where to start without a valid committed offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OffsetReset {
    /// At the oldest record.
    Earliest,
    /// At the end.
    Latest,
    /// Nowhere: the application gets an error.
    None,
}

impl Config {
    /// The settings of this client.
    pub fn client(&self, name: &str, role: crate::setup::Role) -> &ClientConfig {
        let found = self.clients.iter().find(|(pattern, _)| pattern.matches(name, role));
        &found.expect("the last entry matches every client").1
    }
}
