//! A queue broker, with its consumers and publishers.

use super::{Builder, members, story};
use crate::message::SubscriptionId;
use crate::part::Part;
use crate::producer::{Publisher, PublisherSpec, Target};
use crate::properties::{PropertiesId, Said};
use crate::queue::{
    AckMode, Broker, BrokerSpec, ClientConfig, Config, Consumer, ConsumerSpec, ExchangeKind, Pulls,
    QueueConfig, Settles, Transport,
};
use crate::setup::{Design, Fault, FaultKind, Role};
use crate::story::Dialect;
use redeliver_sim::{ConnectionId, NodeId, Purpose, Span, Time};
use std::collections::BTreeMap;

impl Builder<'_> {
    /// What is to be free on a broker's disk, if that can ever be too little.
    pub(super) fn disk_free_limit(&self, config: &Config, broker: &str, memory: u64) -> Option<u64> {
        let mut machines = self.setup.machines.iter().filter(|(node, _)| node.matches(broker, Role::Broker));
        let fills = |fault: &Fault| matches!(fault.what, FaultKind::DiskFull { .. });
        let ends = machines.any(|(_, change)| change.disk_capacity.flatten().is_some())
            || self.setup.faults.iter().any(fills);
        config.disk_free_limit.filter(|_| ends).map(|limit| limit.bytes(memory))
    }

    pub(super) fn queue(&mut self, config: &Config) {
        let standing = config.queues.len();
        let config = &Config { queues: story::queues(self.setup, config), ..config.clone() };
        let (consumers, producers) = (self.consumer_nodes(), self.producer_nodes());
        let homes = self.homes(config, &consumers, &producers);
        // Connections are numbered like their clients: the broker is told of them before any node is made.
        let consumer_connection = |i: usize| ConnectionId(i as u32);
        let producer_connection = |i: usize| ConnectionId((consumers.len() + i) as u32);
        let client_connection = |i: usize| producer_connection(producers.len() + i);
        let publishing_clients = self.publishing_clients().into_iter().map(client_connection);
        let memory = self.memory(&config.node, Role::Broker);
        let memory_limit = (memory as f64 * config.memory_high_watermark) as u64;
        let spec = BrokerSpec {
            config: config.clone(),
            subscriptions: (config.queues.iter())
                .map(|queue| self.subscription_of(queue.subscription()))
                .collect(),
            standing,
            declared_anew: config.queues.iter().map(|queue| self.is_consumed(&queue.name)).collect(),
            memory_limit,
            disk_free_limit: self.disk_free_limit(config, &config.node, memory),
            page_cache: memory.saturating_sub(memory_limit),
            number: 0,
            publishers: (0..producers.len()).map(producer_connection).chain(publishing_clients).collect(),
            consumers: self.silent_consumers(config, &consumers),
            streams_anew: (0..config.streams.len())
                .map(|stream| self.is_published_to(config, stream))
                .collect(),
            turns: Purpose::new(self.setup.seed, "turns"),
            seats: self.seats(config),
            clean: self.clean_publishers(config),
        };
        let brokers = match &config.cluster {
            None => {
                self.add_node(&config.node, Role::Broker, Part::QueueBroker(Broker::new(spec)), Time::ZERO);
                1
            }
            Some(cluster) => self.cluster(config, cluster, &homes, &spec),
        };
        for (i, (s, member)) in consumers.iter().enumerate() {
            self.queue_consumer(config, *s, *member, consumer_connection(i));
        }
        for (i, (name, producer, source)) in producers.iter().enumerate() {
            let client = config.client(name, Role::Producer);
            let topic = &self.setup.topics[self.setup.producers[*producer].topic];
            let exchange = config.exchanges.iter().position(|exchange| exchange.name == *topic);
            let publisher = PublisherSpec {
                source: *source,
                connection: producer_connection(i),
                datagrams: config.transport == Transport::Datagrams,
                target: Target::Exchange(exchange.expect("every topic has an exchange") as u32),
                properties: self.properties(&client.said, topic),
                confirms: client.confirms,
                clean_session: client.clean_session,
                window: client.window,
                confirm_timeout: client.confirm_timeout,
                retries: client.retries,
                reconnect_after: client.reconnect_after,
                state_change: self.setup.producers[*producer].state_change,
                synchronous: self.setup.producers[*producer].schedule.waits(),
            };
            self.add_node(name, Role::Producer, Part::Publisher(Publisher::new(publisher)), Time::ZERO);
        }
        self.queue_clients(config, client_connection(0));
        for (client, home) in homes.iter().enumerate() {
            self.connect(NodeId((brokers + client) as u32), NodeId(*home as u32));
        }
        for node in 1..brokers {
            for other in 0..node {
                self.connect(NodeId(node as u32), NodeId(other as u32));
            }
        }
    }

    /// Consumers that nobody hears of when they begin: over datagrams.
    fn silent_consumers(
        &self,
        config: &Config,
        consumers: &[(SubscriptionId, usize)],
    ) -> Vec<(ConnectionId, u32, u16, bool)> {
        if config.transport == Transport::Connections {
            return Vec::new();
        }
        let silent = |(i, (s, member)): (usize, &(SubscriptionId, usize))| {
            let name = self.member_name(*s, *member);
            let client = config.client(&name, Role::Consumer);
            let prefetch = client.prefetch.min(u32::from(u16::MAX)) as u16;
            let queue = self.queue_of(config, *s, &name);
            (ConnectionId(i as u32), queue, prefetch, client.ack == AckMode::Auto)
        };
        consumers.iter().enumerate().map(silent).collect()
    }

    /// All clients, by the numbers of their connections: consumers, producers, those of the story.
    fn clients(&self) -> impl Iterator<Item = (String, Role)> + '_ {
        let first = self.names.roles.iter().position(|role| *role != Role::Broker).unwrap_or(0);
        self.names.nodes[first..].iter().cloned().zip(self.names.roles[first..].iter().copied())
    }

    /// By queue: the connection of the client whose session it is.
    fn seats(&self, config: &Config) -> Vec<ConnectionId> {
        if config.sessions.is_none() {
            return Vec::new();
        }
        let numbers: BTreeMap<String, u32> = self.clients().map(|(name, _)| name).zip(0..).collect();
        let seat = |queue: &QueueConfig| {
            let client = queue.session.as_ref().and_then(|session| numbers.get(&session.client));
            ConnectionId(*client.expect("every session has a client"))
        };
        config.queues.iter().map(seat).collect()
    }

    /// Connections of those who publish and whose sessions end with them.
    fn clean_publishers(&self, config: &Config) -> Vec<ConnectionId> {
        if config.sessions.is_none() {
            return Vec::new();
        }
        let all =
            self.clients().zip(0..).filter(|((name, role), _)| config.client(name, *role).clean_session);
        all.map(|(_, number)| ConnectionId(number)).collect()
    }

    /// What a publisher says. A topic that is a queue's name is routed to that queue, as by the default exchange.
    fn properties(&mut self, said: &Said, topic: &str) -> PropertiesId {
        let mut properties = said.properties(&self.names);
        if let Design::Queue(config) = &self.setup.design
            && config.queues.iter().any(|queue| queue.name == topic)
        {
            properties.routing_key = properties.routing_key.or(self.names.find_key(topic));
        }
        self.world.shared_mut().properties_id(properties)
    }

    /// Whether a load consumes from this queue.
    fn is_consumed(&self, queue: &str) -> bool {
        self.setup.consumers.iter().any(|consumer| consumer.name == queue)
    }

    /// Whether a load publishes to this stream.
    fn is_published_to(&self, config: &Config, stream: usize) -> bool {
        let of_stream = config.exchanges.iter().filter(|e| e.kind == ExchangeKind::Stream(stream as u32));
        of_stream.into_iter().any(|exchange| self.setup.topics.contains(&exchange.name))
    }

    fn queue_consumer(
        &mut self,
        config: &Config,
        s: SubscriptionId,
        member: usize,
        connection: ConnectionId,
    ) {
        let name = self.member_name(s, member);
        let client = config.client(&name, Role::Consumer);
        let consumer = &self.setup.consumers[s.0 as usize];
        let queue = self.queue_of(config, s, &name);
        let exchange = config.exchanges.iter().position(|exchange| exchange.late.contains(&(queue as usize)));
        let redelivery = config.queues[queue as usize].redelivery.as_ref();
        let settled_at_once = redelivery.is_some_and(|redelivery| redelivery.at_once);
        let spec = ConsumerSpec {
            connection,
            transport: config.transport,
            queue,
            bind_to: exchange.map(|exchange| exchange as u32),
            prefetch: client.prefetch,
            priority: client.priority,
            ack: if settled_at_once { AckMode::Auto } else { client.ack },
            on_failure: consumer.on_failure,
            commit: consumer.commit,
            reconnect_after: client.reconnect_after,
            pulls: asks(client, config.queues[queue as usize].pulled),
            pauses: Purpose::new(self.setup.seed, &format!("polls {name}")),
            extend_every: client.extend_every,
            extends_message: redelivery.is_some_and(|redelivery| redelivery.settles == Settles::Message),
            claims: client.claims,
            rereads: client.rereads,
            keeps_failed: client.keeps_failed,
            puts_aside: matches!(config.dialect, Dialect::Sqs | Dialect::Redis | Dialect::Mqtt),
            session: config.sessions.map(|_| client.clean_session),
            outlives_connection: redelivery.is_some_and(|redelivery| !redelivery.at_once)
                && client.ack != AckMode::Auto,
        };
        let starts = Time::ZERO + consumer.members[member].joins;
        let mut worker = self.worker(s, member);
        if client.ack == AckMode::TwoPhaseCommit {
            worker = worker.in_transactions();
        }
        self.add_node(&name, Role::Consumer, Part::QueueConsumer(Consumer::new(spec, worker)), starts);
    }

    /// The queue of a subscription, or its member's session.
    fn queue_of(&self, config: &Config, s: SubscriptionId, member: &str) -> u32 {
        let name = if config.sessions.is_some() { member } else { &self.setup.consumers[s.0 as usize].name };
        let index = config.queues.iter().position(|queue| queue.name == *name);
        index.expect("every subscription has a queue") as u32
    }

    /// All members of all subscriptions, in order.
    pub(super) fn consumer_nodes(&self) -> Vec<(SubscriptionId, usize)> {
        let all = self.setup.consumers.iter().enumerate();
        all.flat_map(|(s, consumer)| {
            (0..consumer.members.len()).map(move |member| (SubscriptionId(s as u16), member))
        })
        .collect()
    }

    /// All members of all producers, in order: name, producer, source.
    pub(super) fn producer_nodes(&self) -> Vec<(String, usize, crate::message::SourceId)> {
        let name =
            |producer: usize, member: u32| format!("{}/{}", self.setup.producers[producer].name, member + 1);
        members(self.setup)
            .map(|(producer, member, source)| (name(producer, member), producer, source))
            .collect()
    }

    pub(super) fn member_name(&self, s: SubscriptionId, member: usize) -> String {
        self.setup.consumers[s.0 as usize].member_name(member)
    }
}

/// How a client asks a queue that gives nothing by itself, and whose answers wait so long; or one that would give.
fn asks(client: &ClientConfig, pulled: Option<Span>) -> Option<Pulls> {
    let pulls = client.pulls.clone()?;
    match pulled {
        Some(wait) => Some(Pulls { expires: pulls.expires.or(Some(wait)), ..pulls }),
        None => Some(pulls).filter(|pulls| pulls.gets),
    }
}
