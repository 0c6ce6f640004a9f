//! A log broker, with its consumers and publishers.

use super::{Builder, story};
use crate::log::{
    Acks, Broker, BrokerSpec, ClientConfig, Config, Consumer, ConsumerSpec, GroupSpec, OffsetReset,
};
use crate::message::SubscriptionId;
use crate::part::Part;
use crate::producer::{Publisher, PublisherSpec, Target};
use crate::properties::PropertiesId;
use crate::setup::{Role, StartAt};
use redeliver_sim::{ConnectionId, NodeId, Span, Time};

impl Builder<'_> {
    pub(super) fn log(&mut self, config: &Config) {
        let (consumers, producers) = (self.consumer_nodes(), self.producer_nodes());
        let spec = self.log_broker(config, &consumers, &producers);
        self.add_node(&config.node, Role::Broker, Part::LogBroker(Broker::new(spec)), Time::ZERO);
        for (i, (s, member)) in consumers.iter().enumerate() {
            self.log_consumer(config, *s, *member, ConnectionId(i as u32));
        }
        for (i, (name, producer, source)) in producers.iter().enumerate() {
            let client = config.client(name, Role::Producer);
            let (first, partitions) = self.partitions_of(config, self.setup.producers[*producer].topic);
            let publisher = PublisherSpec {
                source: *source,
                connection: ConnectionId((consumers.len() + i) as u32),
                datagrams: false,
                target: Target::Topic { first, partitions },
                properties: PropertiesId::NONE,
                clean_session: false,
                confirms: client.acks != Acks::None,
                window: client.window,
                confirm_timeout: client.request_timeout,
                retries: client.retries,
                reconnect_after: client.reconnect_after,
                state_change: self.setup.producers[*producer].state_change,
                synchronous: self.setup.producers[*producer].schedule.waits(),
            };
            self.add_node(name, Role::Producer, Part::Publisher(Publisher::new(publisher)), Time::ZERO);
        }
        self.log_clients(config, ConnectionId((consumers.len() + producers.len()) as u32));
        for client in 1..self.booting.len() as u32 {
            self.connect(NodeId(client), NodeId(0));
        }
    }

    /// Connections are numbered like their clients: the broker is told of them before any node is made.
    fn log_broker(
        &self,
        config: &Config,
        consumers: &[(SubscriptionId, usize)],
        producers: &[(String, usize, crate::message::SourceId)],
    ) -> BrokerSpec {
        let names = consumers.iter().map(|(s, member)| (self.member_name(*s, *member), Role::Consumer));
        let names = names.chain(producers.iter().map(|(name, _, _)| (name.clone(), Role::Producer)));
        let story = self.setup.script.iter().flat_map(|script| script.clients.iter().cloned());
        let names = names.chain(story.map(|name| (name, Role::Client)));
        let clients: Vec<_> = names.map(|(name, role)| config.client(&name, role)).collect();
        let load = (0..self.setup.consumers.len()).map(|i| self.group(config, SubscriptionId(i as u16)));
        let mut groups: Vec<GroupSpec> = load.chain(self.story_groups(config)).collect();
        let mut registers = 0;
        for group in &mut groups {
            group.register = registers;
            registers += group.partitions;
        }
        let count: u32 = config.topics.iter().map(|topic| topic.partitions).sum();
        let reads = |partition: u32, group: &GroupSpec| {
            (group.first..group.first + group.partitions).contains(&partition)
        };
        let readers = |partition: u32| {
            (0..groups.len()).filter(|group| reads(partition, &groups[*group])).collect::<Vec<usize>>()
        };
        BrokerSpec {
            config: config.clone(),
            readers: (0..count).map(readers).collect(),
            groups: groups.clone(),
            acks: clients.iter().map(|client| client.acks).collect(),
            fetch_waits: clients.iter().map(|client| client.fetch_wait_max).collect(),
        }
    }

    /// A subscription that is there at time 0 starts at the beginning; one that comes later as its members are set.
    fn group(&self, config: &Config, s: SubscriptionId) -> GroupSpec {
        let consumer = &self.setup.consumers[s.0 as usize];
        let (first, partitions) = self.partitions_of(config, consumer.topic);
        let present = consumer.members.iter().any(|member| member.joins == Span::ZERO);
        let client = config.client(&self.member_name(s, 0), Role::Consumer);
        let asked = consumer.from == StartAt::Beginning || client.offset_reset == OffsetReset::Earliest;
        GroupSpec { s, first, partitions, register: 0, from_beginning: present || asked }
    }

    /// Groups of a story begin with their first member, as that one is set.
    fn story_groups(&self, config: &Config) -> Vec<GroupSpec> {
        let load = self.setup.consumers.len();
        let mut specs: Vec<GroupSpec> = Vec::new();
        for group in story::groups(self.setup, config) {
            let s = self.subscription_of(&group.subscription);
            if (s.0 as usize) < load {
                continue;
            }
            let (first, partitions) = partitions_of(config, &group.topic);
            let members = self.setup.script.iter().flat_map(|script| &script.clients);
            let mut settings = members.map(|name| config.client(name, Role::Client));
            let mine = |settings: &&ClientConfig| settings.group.as_deref() == Some(group.name.as_str());
            let settings = settings.find(mine).unwrap_or_else(|| config.client(&group.name, Role::Client));
            let from_beginning = settings.offset_reset == OffsetReset::Earliest;
            specs.push(GroupSpec { s, first, partitions, register: 0, from_beginning });
        }
        specs.sort_by_key(|spec| spec.s);
        specs
    }

    fn log_consumer(&mut self, config: &Config, s: SubscriptionId, member: usize, connection: ConnectionId) {
        let name = self.member_name(s, member);
        let client = config.client(&name, Role::Consumer);
        let consumer = &self.setup.consumers[s.0 as usize];
        let spec = ConsumerSpec {
            connection,
            group: s.0,
            commit: client.commit,
            poll_records_max: client.poll_records_max.clamp(1, u32::from(u16::MAX)) as u16,
            offset_reset: client.offset_reset,
            heartbeat: config.heartbeat,
            request_timeout: client.request_timeout,
            fetch_timeout: client.fetch_wait_max + client.request_timeout,
            on_failure: consumer.on_failure,
            reconnect_after: client.reconnect_after,
        };
        let starts = Time::ZERO + consumer.members[member].joins;
        let worker = self.worker(s, member);
        self.add_node(&name, Role::Consumer, Part::LogConsumer(Consumer::new(spec, worker)), starts);
    }

    fn partitions_of(&self, config: &Config, topic: usize) -> (u32, u32) {
        partitions_of(config, &self.setup.topics[topic])
    }
}

/// The partitions of a topic: the first, and how many there are.
fn partitions_of(config: &Config, name: &str) -> (u32, u32) {
    let index = config.topics.iter().position(|topic| topic.name == *name);
    let index = index.expect("every topic of the load is in the log");
    let before = config.topics[..index].iter().map(|topic| topic.partitions).sum();
    (before, config.topics[index].partitions)
}
