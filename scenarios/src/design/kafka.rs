//! `Kafka(…)`: a log broker under the real names.

use super::kafka_names::{BROKER, CLIENT, GROUP, TOPIC};
use super::log::{Commit, partitions};
use super::settings::{Reader, Real};
use super::{Designed, Load, clients, unknown_version};
use crate::assumptions::{Assumptions, Show};
use crate::defaults::*;
use crate::diagnostic::{Diagnostic, Findings};
use crate::named::{Named, Placed};
use redeliver_models::log::{self, Acks, ClientConfig, Config, OffsetReset, TopicConfig, WhenFull};
use redeliver_models::setup::{self, NodePattern};
use redeliver_sim::Span;
use serde::Deserialize;

/// Apache Kafka, one broker. Parentheses hold our words, braces the broker's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    /// Whose defaults hold: `"4.1.1"`, `"librdkafka mock 2.16.0"`, …
    pub version: Placed<String>,
    /// How many brokers. Default 1; more are not modelled yet.
    pub brokers: Option<Placed<u32>>,
    /// Settings of the broker.
    #[serde(default)]
    pub config: Real,
    /// Topics that stand before time 0.
    #[serde(default)]
    pub topics: Named<Topic>,
    /// Settings of groups.
    #[serde(default)]
    pub groups: Named<Real>,
    /// Settings of clients, by name or glob; of several that match the later wins.
    #[serde(default)]
    pub clients: Named<Client>,
}

/// A topic.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// How many partitions. Default: the broker's `num.partitions`, 1.
    pub partitions: Option<Placed<u32>>,
    /// The brokers that hold it. With one broker: `[1]`.
    #[serde(default)]
    pub replicas: Placed<Vec<u32>>,
    /// Settings by their real names.
    #[serde(default)]
    pub config: Real,
}

/// Settings of some clients.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The library, for the reader.
    pub library: Option<String>,
    /// The broker that it asks first.
    pub node: Option<String>,
    /// When a consumer of a load commits, if `enable.auto.commit` is false. Default `AfterWork`.
    pub commit: Option<Commit>,
    /// Unanswered messages that a producer holds at most; 0 is no limit. Default 0.
    pub window: Option<u32>,
    /// Settings by their real names.
    #[serde(default)]
    pub config: Real,
}

/// A client's settings while they are merged.
#[derive(Clone, PartialEq)]
struct Merged {
    config: ClientConfig,
    auto_commit: bool,
    interval: Span,
    commit: Option<log::Commit>,
}

impl Kafka {
    pub(crate) fn plan(
        &self,
        load: &Load<'_>,
        assumptions: &mut Assumptions,
        findings: &mut Findings,
    ) -> Designed {
        self.check(findings);
        assumptions.text("version", Some(self.version.value.clone()), "", "");
        let template = self.template(assumptions, findings);
        let mut topics: Vec<TopicConfig> = self
            .topics
            .sorted()
            .iter()
            .map(|(name, _, topic)| topic.plan(name, &template, findings))
            .collect();
        for topic in &topics {
            assumptions.text(
                &format!("topics.{}.partitions", topic.name),
                Some(topic.partitions.to_string()),
                "",
                "",
            );
        }
        for name in load.topics {
            if !topics.iter().any(|topic| topic.name == *name) {
                topics.push(TopicConfig { name: name.clone(), ..template.clone() });
            }
        }
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        let (session_timeout, heartbeat) = self.session(assumptions, findings);
        let mut reader = Reader { settings: &self.config, findings };
        let check = reader.millis("log.retention.check.interval.ms", 1);
        let config = Config {
            node: "1".into(),
            topics,
            session_timeout,
            heartbeat,
            retention_check: assumptions.pick("log.retention.check.interval.ms", check, &RETENTION_CHECK),
            when_full: WhenFull::Offline,
            clients: self.clients(load, assumptions, findings),
        };
        let brokers = vec![config.node.clone()];
        let consumers = load.consumers_of_topics(findings);
        let declared = load.declared_queues(false, findings);
        Designed { design: setup::Design::Log(config), declared, consumers, brokers }
    }

    fn check(&self, findings: &mut Findings) {
        let version = self.version.as_str();
        let plain = version.strip_prefix("librdkafka mock ").unwrap_or(version);
        let major = plain.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if !matches!(major, Some(2..=4)) {
            unknown_version("Kafka", &self.version, "\"4.1.1\", \"librdkafka mock 2.16.0\"", findings);
        }
        if let Some(brokers) = self.brokers.as_ref().filter(|brokers| brokers.value != 1) {
            let message = match brokers.value {
                0 => "a Kafka without a broker holds nothing",
                _ => "several Kafka brokers (replication) are not modelled yet",
            };
            findings.push(Diagnostic::new(message).at(brokers.place).hint("write `brokers: 1`").fix("1"));
        }
        BROKER.check(&self.config, findings);
        for (_, settings) in self.groups.iter() {
            GROUP.check(settings, findings);
        }
    }

    /// What a topic has unless it says otherwise.
    fn template(&self, assumptions: &mut Assumptions, findings: &mut Findings) -> TopicConfig {
        let mut reader = Reader { settings: &self.config, findings };
        let count = reader.count("num.partitions", 1);
        let age = reader.millis_or_never("log.retention.ms");
        let bytes =
            reader.whole("log.retention.bytes", -1, i64::MAX).and_then(|bytes| u64::try_from(bytes).ok());
        let segment_bytes = reader.whole("log.segment.bytes", 1, i64::MAX).map(|bytes| bytes as u64);
        let segment_age = reader.millis("log.roll.ms", 1);
        assumptions.text(
            "log.retention.ms",
            age.map(|age| age.map_or("unlimited".into(), |age| age.show())),
            "7 d",
            KAFKA_DEFAULT,
        );
        TopicConfig {
            name: String::new(),
            partitions: assumptions.pick("num.partitions", count, &PARTITIONS).min(PARTITIONS_MAX),
            retention_age: age.unwrap_or(Some(RETENTION_AGE.value)),
            retention_bytes: assumptions.optional("log.retention.bytes", bytes, "unlimited", KAFKA_DEFAULT),
            segment_bytes: assumptions.pick("log.segment.bytes", segment_bytes, &SEGMENT_BYTES),
            segment_age: Some(assumptions.pick("log.roll.ms", segment_age, &SEGMENT_AGE)),
        }
    }

    /// Timeouts of group members. One answer for all clients: the model has one.
    fn session(&self, assumptions: &mut Assumptions, findings: &mut Findings) -> (Span, Span) {
        let mut one = |name: &str| {
            let mut said: Option<Span> = None;
            for (_, client) in self.clients.iter() {
                let mut reader = Reader { settings: &client.config, findings };
                let Some(span) = reader.millis(name, 1) else { continue };
                if said.is_some_and(|said| said != span) {
                    let place = reader.place(name).unwrap_or_default();
                    findings.refuse(
                        place,
                        format!("different values of `{name}` in one design are not modelled yet"),
                    );
                }
                said = Some(span);
            }
            said
        };
        let (timeout, heartbeat) = (one("session.timeout.ms"), one("heartbeat.interval.ms"));
        let timeout = assumptions.pick("session.timeout.ms", timeout, &SESSION_TIMEOUT);
        let heartbeat = assumptions.pick("heartbeat.interval.ms", heartbeat, &HEARTBEAT);
        if heartbeat >= timeout {
            let message = "`heartbeat.interval.ms` must be below `session.timeout.ms`";
            findings.push(Diagnostic::new(message).hint("usual: a third of it; the default is 3000"));
        }
        (timeout, heartbeat)
    }

    fn clients(
        &self,
        load: &Load<'_>,
        assumptions: &mut Assumptions,
        findings: &mut Findings,
    ) -> Vec<(NodePattern, ClientConfig)> {
        let base = Merged {
            config: ClientConfig {
                acks: Acks::All,
                request_timeout: REQUEST_TIMEOUT.value,
                retries: LOG_RETRIES.value,
                window: PUBLISH_WINDOW.value,
                group: None,
                commit: log::Commit::Every(AUTO_COMMIT_INTERVAL.value),
                poll_records_max: POLL_RECORDS_MAX.value,
                fetch_wait_max: FETCH_WAIT_MAX.value,
                offset_reset: OffsetReset::Latest,
                reconnect_after: LOG_RECONNECT_AFTER.value,
            },
            auto_commit: true,
            interval: AUTO_COMMIT_INTERVAL.value,
            commit: None,
        };
        assumptions.text("acks", None, "all", KAFKA_DEFAULT);
        assumptions.text("enable.auto.commit", None, "true", KAFKA_DEFAULT);
        assumptions.pick("auto.commit.interval.ms", None, &AUTO_COMMIT_INTERVAL);
        assumptions.text("auto.offset.reset", None, "latest", KAFKA_DEFAULT);
        assumptions.text("max.poll.records", None, "500", KAFKA_DEFAULT);
        self.clients.iter().for_each(|(_, client)| CLIENT.check(&client.config, findings));
        clients::check_globs(&self.clients, load, findings);
        clients::assume(self.clients.iter().map(|(glob, client)| (glob, &client.config)), assumptions);
        let merged =
            clients::merge(&self.clients, load, &base, |merged, client| client.apply(merged, findings));
        let story = |pattern: &NodePattern| match pattern {
            NodePattern::Glob(name) => load.clients.contains(name),
            NodePattern::Role(_) | NodePattern::AnyOf(_) => false,
        };
        merged
            .into_iter()
            .map(|(pattern, merged)| (pattern.clone(), merged.finish(story(&pattern))))
            .collect()
    }
}

impl Merged {
    /// Without auto-commit a story says itself when its clients commit; a load's consumers do after the work.
    fn finish(self, story: bool) -> ClientConfig {
        let commit = match (self.auto_commit, self.commit) {
            (true, _) => log::Commit::Every(self.interval),
            (false, _) if story => log::Commit::Never,
            (false, said) => said.unwrap_or(log::Commit::AfterWork),
        };
        ClientConfig { commit, ..self.config }
    }
}

impl Topic {
    fn plan(&self, name: &str, template: &TopicConfig, findings: &mut Findings) -> TopicConfig {
        TOPIC.check(&self.config, findings);
        if self.replicas.value.len() > 1 {
            findings
                .refuse(self.replicas.place, "replication is not modelled yet: one broker holds the topic");
        }
        let count = self
            .partitions
            .is_some()
            .then(|| partitions(&self.partitions, &mut Assumptions::new(), findings));
        let mut reader = Reader { settings: &self.config, findings };
        let age = reader.millis_or_never("retention.ms");
        let bytes = reader.whole("retention.bytes", -1, i64::MAX).map(|bytes| u64::try_from(bytes).ok());
        let segment_bytes = reader.whole("segment.bytes", 1, i64::MAX).map(|bytes| bytes as u64);
        TopicConfig {
            name: name.into(),
            partitions: count.unwrap_or(template.partitions),
            retention_age: age.unwrap_or(template.retention_age),
            retention_bytes: bytes.unwrap_or(template.retention_bytes),
            segment_bytes: segment_bytes.unwrap_or(template.segment_bytes),
            segment_age: reader.millis("segment.ms", 1).or(template.segment_age),
        }
    }
}

impl Client {
    fn apply(&self, merged: &mut Merged, findings: &mut Findings) {
        let mut reader = Reader { settings: &self.config, findings };
        let config = &mut merged.config;
        match reader.word("acks", &["0", "1", "-1", "all"]).as_deref() {
            Some("0") => config.acks = Acks::None,
            Some("1") => config.acks = Acks::Leader,
            Some(_) => config.acks = Acks::All,
            None => {}
        }
        set(&mut config.retries, reader.count("retries", 0));
        set(&mut config.request_timeout, reader.millis("request.timeout.ms", 1));
        set(&mut config.window, reader.count("max.in.flight.requests.per.connection", 1));
        set(&mut config.window, self.window);
        if let Some(group) = reader.text("group.id") {
            config.group = Some(group);
        }
        set(&mut config.poll_records_max, reader.count("max.poll.records", 1));
        set(&mut config.fetch_wait_max, reader.millis("fetch.max.wait.ms", 0));
        set(&mut config.reconnect_after, reader.millis("reconnect.backoff.ms", 1));
        let words = ["earliest", "smallest", "beginning", "latest", "largest", "end", "none", "error"];
        match reader.word("auto.offset.reset", &words).as_deref() {
            Some("earliest" | "smallest" | "beginning") => config.offset_reset = OffsetReset::Earliest,
            Some("latest" | "largest" | "end") => config.offset_reset = OffsetReset::Latest,
            Some(_) => config.offset_reset = OffsetReset::None,
            None => {}
        }
        set(&mut merged.auto_commit, reader.flag("enable.auto.commit"));
        set(&mut merged.interval, reader.millis("auto.commit.interval.ms", 1));
        if let Some(commit) = &self.commit {
            merged.commit = Some(match commit {
                Commit::BeforeWork => log::Commit::BeforeWork,
                Commit::AfterWork => log::Commit::AfterWork,
                Commit::Every(span) => log::Commit::Every(span.0),
            });
        }
    }
}

fn set<T>(field: &mut T, said: Option<T>) {
    if let Some(value) = said {
        *field = value;
    }
}
