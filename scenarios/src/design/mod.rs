//! Designs: how messages travel. One file each; this one lists them and holds what they share.

mod clients;
pub mod direct;
pub mod kafka;
mod kafka_names;
pub mod log;
pub mod mosquitto;
pub mod mosquitto_clients;
mod mosquitto_names;
pub mod nats;
mod nats_names;
mod nats_show;
mod nats_stream;
mod polling;
pub mod queue;
pub mod rabbitmq;
mod rabbitmq_cluster;
pub(crate) mod rabbitmq_exchange;
mod rabbitmq_flow;
mod rabbitmq_names;
pub(crate) mod rabbitmq_queue;
mod rabbitmq_reach;
pub mod redis;
pub mod redis_clients;
mod redis_names;
mod redis_server;
pub mod settings;
pub mod sqs;
mod sqs_names;
mod sqs_queue;

use crate::assumptions::Assumptions;
use crate::diagnostic::{Diagnostic, Findings, Place, nearest};
use crate::named::Placed;
use redeliver_models::queue::QueueConfig;
use redeliver_models::setup::{self, Role};
use redeliver_models::story::{Script, Verb, Who};
use serde::Deserialize;
use settings::Real;
use std::collections::BTreeMap;

/// A way for messages to travel, as typed. `Queue(…)` and `Log(…)` have neutral names and the defaults of RabbitMQ
/// 4.0.5 and Kafka 4.1.1; product designs have the real names.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Design {
    /// A queue broker: a message is gone once it is acked.
    Queue(queue::Queue),
    /// A log broker: reading deletes nothing.
    Log(log::Log),
    /// Datagrams to every receiver.
    Udp(direct::Udp),
    /// Requests to every receiver, retried until answered.
    Webhook(direct::Webhook),
    /// A queue broker under the names of RabbitMQ.
    RabbitMQ(rabbitmq::RabbitMQ),
    /// A log broker under the names of Apache Kafka.
    Kafka(kafka::Kafka),
    /// A queue broker with streams under the names of NATS.
    Nats(nats::Nats),
    /// Queues under the names of Amazon SQS.
    Sqs(sqs::Sqs),
    /// Streams with consumer groups, and channels, under the names of Redis.
    Redis(redis::Redis),
    /// MQTT 3.1.1 under the names of Mosquitto.
    Mosquitto(mosquitto::Mosquitto),
}

/// Designs that nothing follows yet.
pub(crate) const DESIGNS_NOT_MODELLED: &[&str] = &["ZeroMQ", "PubSub", "PerTopic"];

/// What every design is given: the load, and the names in a story.
pub(crate) struct Load<'a> {
    /// Names of the topics that are published to, in order.
    pub(crate) topics: &'a [String],
    /// Where each of them is named first.
    pub(crate) topic_places: &'a [Place],
    /// Subscriptions, in the order of their names, with what they read.
    pub(crate) consumers: &'a [(Placed<String>, setup::Consumer)],
    /// Names of the producers' groups and of how many members they have.
    pub(crate) producers: &'a [setup::Producer],
    /// Names of a story's clients, in order.
    pub(crate) clients: &'a [String],
    /// Names of queues and topics in a story, in order.
    pub(crate) story_names: &'a [String],
    /// The story, if there is one.
    pub(crate) script: Option<&'a Script>,
    /// What it declares, by name, with its settings.
    pub(crate) declared: &'a BTreeMap<String, Real>,
}

/// A design as it will run.
pub(crate) struct Designed {
    pub(crate) design: setup::Design,
    /// What a story declares, by name.
    pub(crate) declared: BTreeMap<String, QueueConfig>,
    pub(crate) consumers: Vec<setup::Consumer>,
    /// The brokers' nodes.
    pub(crate) brokers: Vec<String>,
}

impl Design {
    /// The design as it will run; its settings go to `assumptions`.
    pub(crate) fn plan(
        &self,
        load: &Load<'_>,
        assumptions: &mut Assumptions,
        findings: &mut Findings,
    ) -> Designed {
        match self {
            Design::Queue(queue) => queue.plan(load, assumptions, findings),
            Design::Log(log) => log.plan(load, assumptions, findings),
            Design::Udp(udp) => udp.plan(load, assumptions, findings),
            Design::Webhook(webhook) => webhook.plan(load, assumptions, findings),
            Design::RabbitMQ(rabbitmq) => rabbitmq.plan(load, assumptions, findings),
            Design::Kafka(kafka) => kafka.plan(load, assumptions, findings),
            Design::Nats(nats) => nats.plan(load, assumptions, findings),
            Design::Sqs(sqs) => sqs.plan(load, assumptions, findings),
            Design::Redis(redis) => redis.plan(load, assumptions, findings),
            Design::Mosquitto(mosquitto) => mosquitto.plan(load, assumptions, findings),
        }
    }
}

impl Load<'_> {
    /// Every node that is no broker: members of producers and consumers, and a story's clients.
    pub(crate) fn nodes(&self) -> Vec<(String, Role)> {
        let mut nodes = Vec::new();
        for producer in self.producers {
            nodes.extend((1..=producer.members).map(|n| (format!("{}/{n}", producer.name), Role::Producer)));
        }
        for (_, consumer) in self.consumers {
            nodes.extend(
                (1..=consumer.members.len()).map(|n| (format!("{}/{n}", consumer.name), Role::Consumer)),
            );
        }
        nodes.extend(self.clients.iter().map(|client| (client.clone(), Role::Client)));
        nodes
    }

    /// What a story declares, as queues of RabbitMQ.
    pub(crate) fn declared_queues(
        &self,
        before_4: bool,
        findings: &mut Findings,
    ) -> BTreeMap<String, QueueConfig> {
        let queue = |(name, arguments): (&String, &Real)| {
            // A story's client is told; nobody else would be.
            let refused =
                self.is_declared_by_clients(name).then(|| rabbitmq_queue::without_what_is_refused(arguments));
            let (arguments, refused) = match refused.flatten() {
                Some(rest) => (&rest.clone(), true),
                None => (arguments, false),
            };
            (
                name.clone(),
                QueueConfig { refused, ..rabbitmq_queue::queue(name, arguments, before_4, findings) },
            )
        };
        self.declared.iter().map(queue).collect()
    }

    /// Whether only clients of the story declare this queue.
    fn is_declared_by_clients(&self, name: &str) -> bool {
        let declares = |verb: &Verb| matches!(verb, Verb::Declare(queue) if queue.name == name);
        let lines = self.script.iter().flat_map(|script| &script.lines);
        let mut found = lines.filter(|line| line.verbs.iter().flat_map(Verb::all).any(declares));
        found.all(|line| line.who.iter().all(|who| matches!(who, Who::Client(_))))
    }

    /// The subscriptions where each reads a topic; what is no topic is refused.
    pub(crate) fn consumers_of_topics(&self, findings: &mut Findings) -> Vec<setup::Consumer> {
        self.consumers
            .iter()
            .map(|(read, consumer)| setup::Consumer { topic: self.topic(read, findings), ..consumer.clone() })
            .collect()
    }

    fn topic(&self, read: &Placed<String>, findings: &mut Findings) -> usize {
        self.topics.binary_search(&read.value).unwrap_or_else(|_| {
            findings.push(self.unknown_topic(read));
            0
        })
    }

    /// Nobody publishes to what is read here.
    pub(crate) fn unknown_topic(&self, read: &Placed<String>) -> Diagnostic {
        let known = || self.topics.iter().map(String::as_str);
        let diagnostic = Diagnostic::new(format!("nobody publishes to `{}`", read.value)).at(read.place);
        let diagnostic = diagnostic.nearest(&read.value, known());
        match nearest(&read.value, known()) {
            Some(name) => diagnostic.fix(format!("\"{name}\"")),
            None => diagnostic,
        }
    }
}

/// Whether a version is one of a series: `2.0.11` of `2.0`.
pub(crate) fn is_of_series(version: &str, series: &str) -> bool {
    let patch = version.strip_prefix(series).and_then(|rest| rest.strip_prefix('.'));
    patch.is_some_and(|patch| patch.parse::<u32>().is_ok())
}

/// A version whose defaults are not known.
pub(crate) fn unknown_version(product: &str, version: &Placed<String>, known: &str, findings: &mut Findings) {
    let message = format!("the defaults of {product} \"{}\" are not known", version.value);
    findings
        .push(Diagnostic::new(message).at(version.place).hint(format!("versions that are known: {known}")));
}
