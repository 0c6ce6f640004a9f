//! `Sqs(…)`: Amazon SQS, standard and FIFO queues, under the real names.
//!
//! Left out: that standard queues deliver twice and out of order by themselves, now and then ("best-effort ordering",
//! "at-least-once delivery"); here only a visibility timeout, or a message that was sent twice, makes duplicates. Fair
//! queues, throughput quotas, `VisibilityTimeout` of a single receive, timers of single messages, and fan-out (Amazon SNS).
//! Errors that a late delete or a full flight would answer are seen by what they leave undone.

use super::polling::pause;
use super::settings::{Reader, Real};
use super::sqs_names::CLIENT;
use super::sqs_queue::{check_targets, queue, show_queue, target};
use super::{Designed, Load, clients};
use crate::assumptions::Assumptions;
use crate::defaults::*;
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::{Named, Placed};
use crate::units::{Duration, SpanSpread};
use redeliver_models::properties::Said;
use redeliver_models::queue::{
    AckMode, ClientConfig, Config, ConfirmAfter, ExchangeConfig, Pulls, QueueConfig, Transport,
};
use redeliver_models::setup::{self, KeyChoice, NodePattern};
use redeliver_models::story::{Dialect, Verb};
use redeliver_sim::{Distribution, Span};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Amazon SQS. Parentheses hold our words, braces its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sqs {
    /// Queues and their attributes, by name; a subscription has the queue of its name.
    #[serde(default)]
    pub queues: Named<Real>,
    /// Messages in flight at most, of each queue. Default 120000.
    pub in_flight_max: Option<u32>,
    /// Settings of clients, by name or glob; of several that match the later wins.
    #[serde(default)]
    pub clients: Named<Client>,
}

/// Settings of some clients.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The library, for the reader.
    pub library: Option<String>,
    /// A consumer of a load changes the visibility of the message that it works on this often, to the queue's visibility
    /// timeout (`ChangeMessageVisibility`). Default: never.
    pub extend_every: Option<Duration>,
    /// What a consumer of a load does with a message that it gives back (`on_failure: Requeue`). Default `AtTimeout`.
    pub returns: Option<Returns>,
    /// After a receive without a message it waits so long before the next. Default `"100ms"`.
    pub poll_pause: Option<Placed<SpanSpread>>,
    /// A publisher of a load gives each message an id of its own (`MessageDeduplicationId`). Default true.
    pub message_ids: Option<bool>,
    /// Unconfirmed messages that a publisher holds at most; 0 is no limit. Default 0.
    pub window: Option<u32>,
    /// Without an answer for so long, a message is sent again. Default `"5s"`.
    pub confirm_timeout: Option<Duration>,
    /// How often it is sent again, at most. Default: until the run ends.
    pub retries: Option<u32>,
    /// Settings by their real names.
    #[serde(default)]
    pub config: Real,
}

/// How a message is given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub enum Returns {
    /// It is not deleted: the visibility timeout brings it back.
    AtTimeout,
    /// Its visibility timeout is set to 0 (`ChangeMessageVisibility`).
    AtOnce,
}

impl Sqs {
    pub(crate) fn plan(
        &self,
        load: &Load<'_>,
        assumptions: &mut Assumptions,
        findings: &mut Findings,
    ) -> Designed {
        let in_flight_max = assumptions.pick("in_flight_max", self.in_flight_max, &IN_FLIGHT_MAX);
        if in_flight_max == 0 {
            findings.push(
                Diagnostic::new("`in_flight_max` of 0 lets nobody receive anything").hint("usual: 120000"),
            );
        }
        let planned = |name: &str, settings: &Real, findings: &mut Findings| {
            queue(name, settings, in_flight_max, findings)
        };
        let said = self.queues.sorted();
        let mut config = Config {
            cluster: None,
            node: "sqs".into(),
            transport: Transport::Connections,
            queues: said.iter().map(|(name, _, settings)| planned(name, settings, findings)).collect(),
            exchanges: Vec::new(),
            streams: Vec::new(),
            persistent: true,
            confirm_after: ConfirmAfter::Synced,
            overdue: None,
            checksums: true,
            memory_high_watermark: f64::MAX,
            dialect: Dialect::Sqs,
            paging: None,
            disk_free_limit: None,
            flow: None,
            snapshots: None,
            output_limits: None,
            sessions: None,
            clients: self.clients(load, assumptions, findings),
        };
        let consumers = self.consumers(load, &mut config, findings, &planned);
        let mut declared = BTreeMap::new();
        for (name, settings) in load.declared {
            declared.insert(name.clone(), planned(name, settings, findings));
        }
        let all: Vec<QueueConfig> = config.queues.iter().chain(declared.values()).cloned().collect();
        check_targets(&all, |name| self.place(name), findings);
        for queue in &config.queues {
            assumptions.text(&format!("queues.{}", queue.name), Some(show_queue(queue)), "", "");
        }
        check_publishers(load, &config, findings);
        check_verbs(load, &all, findings);
        let brokers = vec![config.node.clone()];
        Designed { design: setup::Design::Queue(config), declared, consumers, brokers }
    }

    fn place(&self, queue: &str) -> Place {
        self.queues.0.get(queue).map(|entry| entry.name_place).unwrap_or_default()
    }

    /// Each topic is sent to one queue: that of the subscription that reads it, or one of its own name.
    fn consumers(
        &self,
        load: &Load<'_>,
        config: &mut Config,
        findings: &mut Findings,
        planned: &impl Fn(&str, &Real, &mut Findings) -> QueueConfig,
    ) -> Vec<setup::Consumer> {
        let mut consumers = Vec::new();
        let mut readers: BTreeMap<usize, &str> = BTreeMap::new();
        for (read, consumer) in load.consumers {
            if self.queues.get(&read.value).is_some() && consumer.name != read.value {
                let message = format!("the subscription of the queue `{0}` has its name, `{0}`", read.value);
                let hint =
                    format!("call the consumer \"{}\"; who shares a queue is one subscription", read.value);
                findings.push(Diagnostic::new(message).at(read.place).hint(hint));
            }
            let topic = load.topics.binary_search(&read.value).ok();
            let is_queue = consumer.name == read.value && self.queues.get(&read.value).is_some();
            if topic.is_none() && !is_queue {
                findings.push(load.unknown_topic(read));
            } else if topic.is_none() && !config.queues.iter().any(|queue| target(queue) == Some(&read.value))
            {
                let message = format!("nothing that is published reaches the queue `{}`", read.value);
                let hint = "publish to it, or have dead letters sent to it";
                findings.push(Diagnostic::new(message).at(read.place).hint(hint));
            }
            if let Some(other) = topic.and_then(|topic| readers.insert(topic, &consumer.name)) {
                let message = format!(
                    "`{}` and `{other}` read the same: a message of SQS is in one queue",
                    consumer.name
                );
                let hint = "make them members of one subscription; copies for each (Amazon SNS) are not modelled yet";
                findings.push(Diagnostic::new(message).at(read.place).hint(hint));
            }
            // What nobody publishes to gets dead letters.
            consumers.push(setup::Consumer { topic: topic.unwrap_or(load.topics.len()), ..consumer.clone() });
        }
        let unread = load.topics.iter().enumerate().filter(|(number, _)| !readers.contains_key(number));
        for (_, topic) in unread {
            if let Some((read, _)) = load.consumers.iter().find(|(_, consumer)| consumer.name == *topic) {
                let message = format!("`{topic}` is a topic, and a subscription that reads something else");
                let hint = "a topic that nobody reads has a queue of its name: rename one of them";
                findings.push(Diagnostic::new(message).at(read.place).hint(hint));
            }
        }
        let plain = Real::default();
        let of_topics = load.topics.iter().enumerate();
        let of_topics: Vec<(&String, String)> = of_topics
            .map(|(number, topic)| {
                (topic, readers.get(&number).map_or(topic.clone(), |reader| reader.to_string()))
            })
            .collect();
        for name in
            of_topics.iter().map(|(_, queue)| queue).chain(load.consumers.iter().map(|(_, c)| &c.name))
        {
            if config.queues.iter().all(|queue| queue.name != *name) {
                config.queues.push(planned(name, &plain, findings));
            }
        }
        config.queues.sort_by(|a, b| a.name.cmp(&b.name));
        for (topic, name) in of_topics {
            let queue = config.queues.iter().position(|queue| queue.name == name).into_iter().collect();
            config.exchanges.push(ExchangeConfig::fanout(topic, queue));
        }
        consumers
    }

    fn clients(
        &self,
        load: &Load<'_>,
        assumptions: &mut Assumptions,
        findings: &mut Findings,
    ) -> Vec<(NodePattern, ClientConfig)> {
        let base = ClientConfig {
            node: 0,
            prefetch: 0,
            priority: 0,
            ack: AckMode::AfterWork,
            confirms: true,
            window: PUBLISH_WINDOW.value,
            confirm_timeout: CONFIRM_TIMEOUT.value,
            retries: RETRIES.value,
            reconnect_after: RECONNECT_AFTER.value,
            headers: Vec::new(),
            said: Said { own_id: true, ..Said::default() },
            pulls: Some(Pulls {
                batch: RECEIVE_BATCH.value as u16,
                expires: None,
                fills: false,
                gets: false,
                pause: Distribution::Constant(POLL_PAUSE.value.0),
            }),
            claims: None,
            rereads: false,
            extend_every: None,
            keeps_failed: true,
            clean_session: false,
            manual_ack: false,
            aliases: Vec::new(),
        };
        assumptions.pick("MaxNumberOfMessages", None, &RECEIVE_BATCH);
        assumptions.text("returns", None, "AtTimeout", OUR_DEFAULT);
        assumptions.pick("poll_pause", None, &POLL_PAUSE);
        assumptions.text("message_ids", None, "true", OUR_DEFAULT);
        assumptions.pick("confirm_timeout", None, &CONFIRM_TIMEOUT);
        for (_, client) in self.clients.iter() {
            CLIENT.check(&client.config, findings);
        }
        clients::check_globs(&self.clients, load, findings);
        clients::assume(self.clients.iter().map(|(glob, client)| (glob, &client.config)), assumptions);
        clients::merge(&self.clients, load, &base, |merged, client| client.apply(merged, findings))
    }
}

impl Client {
    fn apply(&self, merged: &mut ClientConfig, findings: &mut Findings) {
        let mut reader = Reader { settings: &self.config, findings };
        let batch = reader.whole("MaxNumberOfMessages", 1, 10);
        let wait = reader.seconds("WaitTimeSeconds", 0, 20);
        if let Some(pulls) = &mut merged.pulls {
            pulls.batch = batch.map_or(pulls.batch, |batch| batch as u16);
            pulls.expires = wait.or(pulls.expires);
            let hint = "long polling (`WaitTimeSeconds`) waits by itself";
            if let Some(pause) = pause(self.poll_pause.as_ref(), hint, findings) {
                pulls.pause = pause;
            }
        }
        merged.extend_every = self.extend_every.as_ref().map(|span| span.0).or(merged.extend_every);
        if merged.extend_every == Some(Span::ZERO) {
            let diagnostic = Diagnostic::new("`extend_every` must be above zero");
            findings.push(diagnostic.hint("usual: half of the visibility timeout"));
        }
        merged.keeps_failed =
            self.returns.map_or(merged.keeps_failed, |returns| returns == Returns::AtTimeout);
        merged.said.own_id = self.message_ids.unwrap_or(merged.said.own_id);
        merged.window = self.window.unwrap_or(merged.window);
        merged.confirm_timeout = self.confirm_timeout.as_ref().map_or(merged.confirm_timeout, |span| span.0);
        merged.retries = self.retries.unwrap_or(merged.retries);
    }
}

/// The FIFO queue to which a topic is sent, if it is one.
fn fifo_of<'c>(config: &'c Config, topic: &str) -> Option<&'c QueueConfig> {
    let exchange = config.exchanges.iter().find(|exchange| exchange.name == topic)?;
    config.queues.get(*exchange.queues.first()?).filter(|queue| queue.grouped)
}

/// Refuses publishers of a load whose messages a FIFO queue would not take: those without a group, or without an id.
fn check_publishers(load: &Load<'_>, config: &Config, findings: &mut Findings) {
    for producer in load.producers {
        let Some(queue) = load.topics.get(producer.topic).and_then(|topic| fifo_of(config, topic)) else {
            continue;
        };
        if matches!(producer.key, KeyChoice::None) {
            let message =
                format!("messages of `{}` have no group: `{}` is a FIFO queue", producer.name, queue.name);
            let hint = "SQS answers MissingParameter: give the producer a `key`, which is the MessageGroupId";
            findings.push(Diagnostic::new(message).hint(hint));
        }
        let by_content = queue.duplicates.is_some_and(|duplicates| duplicates.by_content);
        let member = |n: u32| format!("{}/{n}", producer.name);
        let client = |n: u32| config.client(&member(n), setup::Role::Producer);
        if !by_content && (1..=producer.members).any(|n| !client(n).said.own_id) {
            let message =
                format!("messages of `{}` have no id: `{}` is a FIFO queue", producer.name, queue.name);
            let hint = "leave `message_ids` out, or add `\"ContentBasedDeduplication\": true` to the queue";
            findings.push(Diagnostic::new(message).hint(hint));
        }
    }
}

/// Refuses what SQS has no action for, and messages that a FIFO queue would not take.
fn check_verbs(load: &Load<'_>, queues: &[QueueConfig], findings: &mut Findings) {
    let mut refuse = |message: String, hint: &str| findings.push(Diagnostic::new(message).hint(hint));
    let queue = |name: &Option<String>| match name {
        Some(name) => queues.iter().find(|queue| queue.name == *name),
        None => queues.first().filter(|_| queues.len() == 1),
    };
    for verb in load.script.into_iter().flat_map(|script| script.all_verbs()) {
        let (what, hint) = match verb {
            Verb::Nack { requeue: false, .. } => {
                ("a way to reject a message", "`maxReceiveCount` moves it to a dead-letter queue")
            }
            Verb::Poll { n: Some(11..), .. } => ("a receive for more than 10 messages", "`Poll` again"),
            Verb::Poll { wait: Some(wait), .. } if *wait > Span::seconds(20) => {
                ("a receive that waits for longer than 20 s", "`Poll` again")
            }
            Verb::Send { messages, to, said, .. } => {
                let Some(queue) = queue(to).filter(|queue| queue.grouped) else { continue };
                if let Some(label) = messages.iter().find(|label| label.key.is_none()) {
                    let message = format!("`{label}` has no group: `{}` is a FIFO queue", queue.name);
                    refuse(
                        message,
                        "SQS answers MissingParameter: write `g=m1`, where g is the MessageGroupId",
                    );
                }
                let by_content = queue.duplicates.is_some_and(|duplicates| duplicates.by_content);
                if !by_content && (said.is_empty() || said.iter().any(|said| said.deduplication_id.is_none()))
                {
                    let message =
                        format!("a message without an id is sent to the FIFO queue `{}`", queue.name);
                    refuse(
                        message,
                        "SQS answers InvalidParameterValue: add `{\"MessageDeduplicationId\": \"a\"}`, or \
                         `\"ContentBasedDeduplication\": true` to the queue",
                    );
                }
                continue;
            }
            _ => continue,
        };
        refuse(format!("SQS does not have {what}"), hint);
    }
}
