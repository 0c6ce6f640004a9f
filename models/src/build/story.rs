//! What a story adds to a load: subscriptions that no load consumer has, the clients' sources, labels and keys.
//!
//! Every queue is a subscription of its name; its messages belong to one hidden topic, and are addressed when the
//! broker has routed them. In a log, every group that a client is in is a subscription, once per topic.

use super::Builder;
use crate::log::{self, Acks, TopicConfig};
use crate::message::{SourceId, SubscriptionId, TopicId};
use crate::part::Part;
use crate::producer::{Arrivals, Keys, Purposes, Source};
use crate::properties::Said;
use crate::queue::{self, AckMode, ExchangeKind, Kept, QueueConfig, Transport};
use crate::setup::{Design, Role, Setup};
use crate::shared::Names;
use crate::story::{
    Client, ClientSpec, Dialect, Journal, Label, LogSide, LogTopic, OwnSession, QueueSide, Script, Side, Verb,
};
use redeliver_sim::{ConnectionId, Distribution, Purpose, Time};
use std::collections::BTreeMap;

/// All queues: those that stand before time 0, then those that a story declares, in the order of their names.
pub(super) fn queues(setup: &Setup, config: &queue::Config) -> Vec<QueueConfig> {
    let mut declared: Vec<QueueConfig> = Vec::new();
    for verb in setup.script.iter().flat_map(Script::all_verbs) {
        if let Verb::Declare(queue) = verb
            && config.queues.iter().all(|other| other.name != queue.name)
            && declared.iter().all(|other| other.name != queue.name)
        {
            declared.push(QueueConfig::clone(queue));
        }
    }
    declared.sort_by(|a, b| a.name.cmp(&b.name));
    config.queues.iter().cloned().chain(declared).collect()
}

/// A group of a story's clients, and a topic that it reads.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) topic: String,
    /// Its name, and the topic's where it reads several.
    pub(super) subscription: String,
}

/// The groups of a story, in the order of their names, each once for every topic that it reads. A client without a
/// group is one by itself.
pub(super) fn groups(setup: &Setup, config: &log::Config) -> Vec<Group> {
    let Some(script) = &setup.script else { return Vec::new() };
    let mut reads: Vec<(String, String)> = Vec::new();
    for (i, client) in script.clients.iter().enumerate() {
        for verb in script.verbs_of(i) {
            let from = match verb {
                Verb::Subscribe(topic) | Verb::Consume { from: topic, .. } => Some(topic.as_str()),
                Verb::Poll { from, .. } | Verb::PollAll { from } => from.as_deref(),
                _ => continue,
            };
            if let Some(topic) = topic_of(config, from) {
                reads.push((group_of(config, client), topic.name.clone()));
            }
        }
    }
    reads.sort();
    reads.dedup();
    let named = |(name, topic): &(String, String)| {
        let alone = reads.iter().filter(|(other, _)| other == name).count() == 1;
        let subscription = if alone { name.clone() } else { format!("{name}/{topic}") };
        Group { name: name.clone(), topic: topic.clone(), subscription }
    };
    reads.iter().map(named).collect()
}

fn group_of(config: &log::Config, client: &str) -> String {
    config.client(client, Role::Client).group.clone().unwrap_or_else(|| client.into())
}

/// The topic of `t` or `t-0`; the only one if none is named.
fn topic_of<'c>(config: &'c log::Config, name: Option<&str>) -> Option<&'c TopicConfig> {
    let Some(name) = name else {
        return config.topics.first().filter(|_| config.topics.len() == 1);
    };
    let find = |name: &str| config.topics.iter().find(|topic| topic.name == name);
    find(name).or_else(|| find(name.rsplit_once('-')?.0))
}

/// Topics beside those of the load: a story's messages are addressed when a log has them.
pub(super) fn topics(setup: &Setup) -> Vec<String> {
    let Design::Log(config) = &setup.design else { return Vec::new() };
    let names = config.topics.iter().map(|topic| topic.name.clone());
    names.filter(|name| !setup.topics.contains(name)).collect()
}

/// The number of a topic of the log.
pub(super) fn topic_id(setup: &Setup, name: &str) -> TopicId {
    let all = setup.topics.iter().cloned().chain(topics(setup));
    let index = all.into_iter().position(|topic| topic == name);
    TopicId(index.expect("every topic of the log has a number") as u16)
}

/// Subscriptions beside those of the load: names, in order.
pub(super) fn subscriptions(setup: &Setup) -> Vec<String> {
    let taken = |name: &String| setup.consumers.iter().any(|consumer| consumer.name == *name);
    let mut names: Vec<String> = match &setup.design {
        Design::Queue(config) => {
            queues(setup, config).iter().map(|queue| queue.subscription().to_string()).collect()
        }
        Design::Log(config) => groups(setup, config).into_iter().map(|group| group.subscription).collect(),
        Design::Udp(_) | Design::Webhook(_) => Vec::new(),
    };
    names.retain(|name| !taken(name));
    names.sort();
    names.dedup();
    names
}

/// The labels that a story's messages have, once each, in the order of the story.
pub(super) fn labels(setup: &Setup) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for label in sent(setup) {
        if seen.insert(&label.body) {
            labels.push(label.body.clone());
        }
    }
    labels
}

/// The number of each label that a story's messages have.
pub(super) fn label_numbers(setup: &Setup, labels: &[String]) -> BTreeMap<String, u32> {
    let mut numbers = BTreeMap::new();
    if setup.script.is_some() {
        for (label, number) in labels.iter().zip(0..) {
            numbers.entry(label.clone()).or_insert(number);
        }
    }
    numbers
}

/// The keys that a story's messages have.
pub(super) fn keys(setup: &Setup) -> impl Iterator<Item = String> + use<'_> {
    sent(setup).filter_map(|label| label.key.clone())
}

fn sent(setup: &Setup) -> impl Iterator<Item = &Label> {
    let verbs = setup.script.iter().flat_map(Script::all_verbs);
    verbs.flat_map(|verb| match verb {
        Verb::Send { messages, .. } => messages.as_slice(),
        _ => &[],
    })
}

/// What a story's publishers say of their messages.
pub(super) fn said(setup: &Setup) -> impl Iterator<Item = &Said> {
    let verbs = setup.script.iter().flat_map(Script::all_verbs);
    verbs.flat_map(|verb| match verb {
        Verb::Send { said, .. } => said.as_slice(),
        _ => &[],
    })
}

/// One source per client: it has no schedule, and numbers what the client sends.
pub(super) fn sources(setup: &Setup, names: &Names) -> Vec<Source> {
    let clients = &names.sources[names.clients_from..];
    let source = |(i, name): (usize, &String)| Source {
        id: SourceId((names.clients_from + i) as u32),
        topic: TopicId(setup.topics.len() as u16),
        arrivals: Arrivals::At { start: Time::ZERO, after: Vec::new() },
        keys: Keys::None,
        size: Distribution::ZERO,
        labels: Vec::new(),
        purposes: Purposes {
            luck: Purpose::new(setup.seed, &format!("message {name}")),
            key: Purpose::new(setup.seed, "key"),
            size: Purpose::new(setup.seed, "size"),
        },
        ends: Time::ZERO,
        left: 0,
        events: 0,
        number: 0,
        next_at: Time::NEVER,
    };
    clients.iter().enumerate().map(source).collect()
}

/// An empty journal for each client.
pub(super) fn journals(setup: &Setup) -> Vec<Journal> {
    let clients = setup.script.as_ref().map_or(0, |script| script.clients.len());
    vec![Journal::default(); clients]
}

impl Builder<'_> {
    /// The clients' nodes, each with its connection to the broker.
    pub(super) fn queue_clients(&mut self, config: &queue::Config, first: ConnectionId) {
        let Some(script) = &self.setup.script else { return };
        for (i, name) in script.clients.iter().enumerate() {
            let settings = config.client(name, Role::Client);
            let side = QueueSide {
                exchanges: config.exchanges.iter().map(|exchange| exchange.name.clone()).collect(),
                queues: config.queues.iter().map(|queue| queue.name.clone()).collect(),
                subscriptions: (config.queues.iter())
                    .map(|queue| self.subscription_of(queue.subscription()))
                    .collect(),
                datagrams: config.transport == Transport::Datagrams,
                prefetch: settings.prefetch.min(u32::from(u16::MAX)) as u16,
                auto_ack: settings.ack == AckMode::Auto,
                said: settings.said.clone(),
                confirms: settings.confirms,
                waits: config.cluster.is_some(),
                headers: settings.headers.clone(),
                priority: settings.priority,
                counting: (config.queues.iter().filter(|queue| queue.behaviour.kept == Kept::Everything))
                    .map(|queue| self.subscription_of(queue.subscription()))
                    .collect(),
                carrying: (config.queues.iter().filter(|queue| queue.behaviour.counts_in_message))
                    .map(|queue| self.subscription_of(&queue.name))
                    .collect(),
                dialect: config.dialect,
                pulled: config.queues.iter().map(|queue| queue.pulled).collect(),
                unconfirmed: (config.exchanges.iter())
                    .map(|exchange| config.dialect == Dialect::Nats && exchange.kind == ExchangeKind::Fanout)
                    .collect(),
                counted: (config.exchanges.iter())
                    .map(|exchange| exchange.kind == ExchangeKind::Channel)
                    .collect(),
                session: (config.queues.iter())
                    .position(|queue| queue.session.as_ref().is_some_and(|session| session.client == *name))
                    .map(|queue| OwnSession {
                        queue: queue as u32,
                        filters: (config.queues[queue].session.iter())
                            .flat_map(|session| session.filters.clone())
                            .collect(),
                        clean: settings.clean_session,
                        manual_ack: settings.manual_ack,
                    }),
                aliases: settings.aliases.clone(),
                outlives_connection: (config.queues.iter().filter_map(|queue| queue.redelivery.as_ref()))
                    .any(|redelivery| !redelivery.at_once),
            };
            self.client(i, name, ConnectionId(first.0 + i as u32), Side::Queue(side));
        }
    }

    pub(super) fn log_clients(&mut self, config: &log::Config, first: ConnectionId) {
        let Some(script) = &self.setup.script else { return };
        let groups = groups(self.setup, config);
        for (i, name) in script.clients.iter().enumerate() {
            let settings = config.client(name, Role::Client);
            let mut partition = 0;
            let topics = config.topics.iter().map(|topic| {
                let first = partition;
                partition += topic.partitions;
                let mine = group_of(config, name);
                let group = groups.iter().find(|group| group.name == mine && group.topic == topic.name);
                LogTopic {
                    name: topic.name.clone(),
                    id: topic_id(self.setup, &topic.name),
                    first,
                    partitions: topic.partitions,
                    group: group.map(|group| self.subscription_of(&group.subscription)),
                }
            });
            let side = LogSide {
                topics: topics.collect(),
                confirms: settings.acks != Acks::None,
                retries: settings.retries,
                commit: settings.commit,
                poll_records_max: settings.poll_records_max.clamp(1, u32::from(u16::MAX)) as u16,
                offset_reset: settings.offset_reset,
                heartbeat: config.heartbeat,
                reconnect_after: settings.reconnect_after,
            };
            self.client(i, name, ConnectionId(first.0 + i as u32), Side::Log(side));
        }
    }

    fn client(&mut self, index: usize, name: &str, connection: ConnectionId, side: Side) {
        let spec = ClientSpec {
            index,
            source: SourceId((self.names.clients_from + index) as u32),
            topic: TopicId(self.setup.topics.len() as u16),
            connection,
            side,
        };
        self.add_node(name, Role::Client, Part::Client(Client::new(spec)), Time::ZERO);
    }

    /// The subscription of this name.
    pub(super) fn subscription_of(&self, name: &str) -> SubscriptionId {
        let index = self.names.subscriptions.iter().position(|other| other == name);
        SubscriptionId(index.expect("every queue is a subscription") as u16)
    }

    /// Clients of the story that publish, by number: a broker under pressure blocks them.
    pub(super) fn publishing_clients(&self) -> Vec<usize> {
        let Some(script) = &self.setup.script else { return Vec::new() };
        (0..script.clients.len()).filter(|client| script.publishes(*client)).collect()
    }
}
