//! `Log(…)`: a log broker in neutral words, with the defaults of Kafka 4.1.1.

use super::queue::said_word;
use super::{Designed, Load};
use crate::assumptions::{Assumptions, Show};
use crate::defaults::*;
use crate::diagnostic::{Diagnostic, Findings};
use crate::named::{Placed, said};
use crate::units::{Duration, Size};
use redeliver_models::log::{self, ClientConfig, Config, TopicConfig};
use redeliver_models::setup::{self, NodePattern};
use redeliver_sim::Span;
use serde::Deserialize;

/// A log broker. Every topic is a log of partitions, every subscription a group with offsets.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Partitions of every topic; order is kept in each. Default 1. Kafka: `num.partitions`.
    pub partitions: Option<Placed<u32>>,
    /// What a producer waits for. Default `All`. Kafka: `acks`.
    #[serde(default, deserialize_with = "said")]
    pub acks: Option<Acks>,
    /// When a consumer commits its position. Default `AfterWork`, which is redeliver's own.
    pub commit: Option<Commit>,
    /// A member that is not heard of for so long is out of its group. Default `"45s"`. Kafka: `session.timeout.ms`.
    pub session_timeout: Option<Placed<Duration>>,
    /// How often a member is heard of. Default `"3s"`. Kafka: `heartbeat.interval.ms`.
    pub heartbeat: Option<Duration>,
    /// Age at which a closed segment is forgotten. Default `"7d"`. Kafka: `retention.ms`.
    pub retention_age: Option<Duration>,
    /// Bytes that a partition keeps. Default: no limit. Kafka: `retention.bytes`.
    pub retention_bytes: Option<Size>,
    /// Bytes at which a segment is closed. Default `"1 GiB"`. Kafka: `segment.bytes`.
    pub segment_bytes: Option<Placed<Size>>,
    /// Age at which a segment is closed. Default `"7d"`. Kafka: `segment.ms`.
    pub segment_age: Option<Duration>,
    /// How often retention is enforced; `"0s"`: at every append. Default `"5min"`.
    /// Kafka: `log.retention.check.interval.ms`.
    pub retention_check: Option<Duration>,
    /// What happens when the disk is full. Default `Offline`, as Kafka does.
    pub when_full: Option<WhenFull>,
    /// Records that a poll returns at most. Default 500. Kafka: `max.poll.records`.
    pub max_poll_records: Option<Placed<u32>>,
    /// How long the broker may hold a fetch that finds nothing. Default `"500ms"`. Kafka: `fetch.max.wait.ms`.
    pub fetch_wait: Option<Duration>,
    /// Where to start without a valid committed offset. Default `Latest`. Kafka: `auto.offset.reset`.
    #[serde(default, deserialize_with = "said")]
    pub offset_reset: Option<OffsetReset>,
    /// Without an answer for so long, a message is sent again; a fetch, so long after `fetch_wait`. Default `"30s"`. Kafka: `request.timeout.ms`.
    pub request_timeout: Option<Duration>,
    /// How often it is sent again, at most. Default 2147483647. Kafka: `retries`.
    pub retries: Option<u32>,
    /// Unanswered messages that a producer holds at most; 0 is no limit. Default 0: messages are not batched here,
    /// so Kafka's limit of 5 batches would say something else.
    pub window: Option<u32>,
    /// A client that lost its connection tries again after this long. Default `"50ms"`. Kafka: `reconnect.backoff.ms`.
    pub reconnect_after: Option<Duration>,
}

/// What a producer waits for.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Acks {
    /// Nothing. Kafka: `acks=0`.
    None,
    /// The leader has written it. Kafka: `acks=1`.
    Leader,
    /// All in-sync replicas have it. Kafka: `acks=all`.
    All,
    /// The leader has written and synced it.
    Synced,
}

/// When a consumer commits its position.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Commit {
    /// After each poll, before any work.
    BeforeWork,
    /// After the work on each record.
    AfterWork,
    /// At the first poll after each interval, what was handed over before. Kafka: `enable.auto.commit`.
    Every(Duration),
}

/// What a log does when its disk is full.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum WhenFull {
    /// Deletes its oldest segment: the ring buffer of DDIA, 1st ed., chapter 11.
    DeleteOldest,
    /// Takes the disk offline, as Kafka does.
    Offline,
}

/// Where to start without a valid committed offset.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum OffsetReset {
    /// At the oldest record.
    Earliest,
    /// At the end.
    Latest,
    /// Nowhere: an error.
    None,
}

impl Log {
    pub(crate) fn plan(
        &self,
        load: &Load<'_>,
        assumptions: &mut Assumptions,
        findings: &mut Findings,
    ) -> Designed {
        let template = self.topic(assumptions, findings);
        let client = self.client(assumptions, findings);
        let (session_timeout, heartbeat) = self.session(assumptions, findings);
        let stories = load.story_names.iter().map(|name| topic_of_story(name).to_string());
        let mut names: Vec<String> = load.topics.iter().cloned().chain(stories).collect();
        names.sort();
        names.dedup();
        let mut clients = Vec::new();
        if !matches!(self.commit, Some(Commit::Every(_))) {
            // A story says itself when its clients commit.
            let never = ClientConfig { commit: log::Commit::Never, ..client.clone() };
            clients.extend(load.clients.iter().map(|name| (NodePattern::Glob(name.clone()), never.clone())));
        }
        clients.push((NodePattern::any(), client));
        let config = Config {
            node: "broker/1".into(),
            topics: names.into_iter().map(|name| TopicConfig { name, ..template.clone() }).collect(),
            session_timeout,
            heartbeat,
            retention_check: assumptions.pick(
                "retention_check",
                span(&self.retention_check),
                &RETENTION_CHECK,
            ),
            when_full: match said_word(
                assumptions,
                "when_full",
                self.when_full,
                WhenFull::Offline,
                KAFKA_DEFAULT,
            ) {
                WhenFull::DeleteOldest => log::WhenFull::DeleteOldest,
                WhenFull::Offline => log::WhenFull::Offline,
            },
            clients,
        };
        let brokers = vec![config.node.clone()];
        let consumers = load.consumers_of_topics(findings);
        let declared = load.declared_queues(false, findings);
        Designed { design: setup::Design::Log(config), declared, consumers, brokers }
    }

    fn topic(&self, assumptions: &mut Assumptions, findings: &mut Findings) -> TopicConfig {
        let segment_bytes = self.segment_bytes.as_ref().map(|size| {
            if size.0 == 0 {
                findings.refuse(size.place, "`segment_bytes` must be above zero");
            }
            size.value.0
        });
        let retention_bytes = self.retention_bytes.as_ref().map(|size| size.0);
        TopicConfig {
            name: String::new(),
            partitions: partitions(&self.partitions, assumptions, findings),
            retention_age: Some(assumptions.pick("retention_age", span(&self.retention_age), &RETENTION_AGE)),
            retention_bytes: assumptions.optional(
                "retention_bytes",
                retention_bytes,
                "unlimited",
                KAFKA_DEFAULT,
            ),
            segment_bytes: assumptions.pick("segment_bytes", segment_bytes, &SEGMENT_BYTES),
            segment_age: Some(assumptions.pick("segment_age", span(&self.segment_age), &SEGMENT_AGE)),
        }
    }

    fn client(&self, assumptions: &mut Assumptions, findings: &mut Findings) -> ClientConfig {
        let records = self.max_poll_records.as_ref().map(|records| {
            if records.value == 0 {
                findings.refuse(records.place, "`max_poll_records` must be at least 1");
            }
            records.value
        });
        ClientConfig {
            acks: match said_word(assumptions, "acks", self.acks, Acks::All, KAFKA_DEFAULT) {
                Acks::None => log::Acks::None,
                Acks::Leader => log::Acks::Leader,
                Acks::All => log::Acks::All,
                Acks::Synced => log::Acks::Synced,
            },
            request_timeout: assumptions.pick(
                "request_timeout",
                span(&self.request_timeout),
                &REQUEST_TIMEOUT,
            ),
            retries: assumptions.pick("retries", self.retries, &LOG_RETRIES),
            window: assumptions.pick("window", self.window, &PUBLISH_WINDOW),
            group: None,
            commit: self.commit(assumptions, findings),
            poll_records_max: assumptions.pick("max_poll_records", records, &POLL_RECORDS_MAX),
            fetch_wait_max: assumptions.pick("fetch_wait", span(&self.fetch_wait), &FETCH_WAIT_MAX),
            offset_reset: match said_word(
                assumptions,
                "offset_reset",
                self.offset_reset,
                OffsetReset::Latest,
                KAFKA_DEFAULT,
            ) {
                OffsetReset::Earliest => log::OffsetReset::Earliest,
                OffsetReset::Latest => log::OffsetReset::Latest,
                OffsetReset::None => log::OffsetReset::None,
            },
            reconnect_after: assumptions.pick(
                "reconnect_after",
                span(&self.reconnect_after),
                &LOG_RECONNECT_AFTER,
            ),
        }
    }

    fn commit(&self, assumptions: &mut Assumptions, findings: &mut Findings) -> log::Commit {
        let (commit, shown) = match &self.commit {
            None => (log::Commit::AfterWork, None),
            Some(Commit::AfterWork) => (log::Commit::AfterWork, Some("AfterWork".into())),
            Some(Commit::BeforeWork) => (log::Commit::BeforeWork, Some("BeforeWork".into())),
            Some(Commit::Every(interval)) => {
                if interval.0 == Span::ZERO {
                    let message = "`commit: Every(…)` needs an interval above zero";
                    findings.push(Diagnostic::new(message).hint("after every record: `commit: AfterWork`"));
                }
                (log::Commit::Every(interval.0), Some(format!("every {}", interval.0.show())))
            }
        };
        assumptions.text("commit", shown, "AfterWork", OUR_COMMIT);
        commit
    }

    fn session(&self, assumptions: &mut Assumptions, findings: &mut Findings) -> (Span, Span) {
        let said = self.session_timeout.as_ref().map(|timeout| timeout.value.0);
        let timeout = assumptions.pick("session_timeout", said, &SESSION_TIMEOUT);
        let heartbeat = assumptions.pick("heartbeat", span(&self.heartbeat), &HEARTBEAT);
        if heartbeat >= timeout || heartbeat == Span::ZERO {
            let message = format!(
                "the heartbeat ({}) must be above zero and below the session timeout ({})",
                heartbeat.show(),
                timeout.show()
            );
            let diagnostic = Diagnostic::new(message).hint("usual: a third of it, `heartbeat: \"3s\"`");
            findings.push(match &self.session_timeout {
                Some(placed) => diagnostic.at(placed.place),
                None => diagnostic,
            });
        }
        (timeout, heartbeat)
    }
}

fn span(span: &Option<Duration>) -> Option<Span> {
    span.as_ref().map(|span| span.0)
}

/// The number of partitions, within its limits.
pub(crate) fn partitions(
    said: &Option<Placed<u32>>,
    assumptions: &mut Assumptions,
    findings: &mut Findings,
) -> u32 {
    if let Some(placed) = said
        && !(1..=PARTITIONS_MAX).contains(&placed.value)
    {
        let diagnostic = Diagnostic::new(format!("`partitions` must be from 1 to {PARTITIONS_MAX}"));
        findings.push(
            diagnostic
                .at(placed.place)
                .hint("a topic without a partition holds nothing; write `partitions: 1`"),
        );
    }
    assumptions
        .pick("partitions", said.as_ref().map(|placed| placed.value), &PARTITIONS)
        .clamp(1, PARTITIONS_MAX)
}

/// The topic in a story's `t` or `t-0`.
pub(crate) fn topic_of_story(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((topic, partition)) if !topic.is_empty() && partition.parse::<u32>().is_ok() => topic,
        _ => name,
    }
}
