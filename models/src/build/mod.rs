//! From a [`Setup`] to a world: nodes, links, sources, names, faults. Cannot fail: `scenarios` has checked it all.
//!
//! Brokers come first, then consumers, then producers, each in the order of the names; so they are numbered, and so
//! they boot before time 0.

mod cluster;
mod direct;
mod faults;
mod links;
mod log;
mod names;
pub use names::node_names;
mod queue;
mod story;

use crate::checks::{Book, BookSpec, Recorder};
use crate::deduplication::{Known, Memory};
use crate::domain::World;
use crate::handler::{Handler, HandlerEffect, HandlerFault, Selection};
use crate::message::{Messages, SourceId, SubscriptionId, TopicId};
use crate::part::Part;
use crate::producer::{Arrivals, Bursts, Keys, Purposes, Source};
use crate::properties::Properties;
use crate::queue::{Histories, Routes};
use crate::setup::{
    Consumer, Design, FaultKind, KeyChoice, Link, LinkRule, Role, Schedule, Setup, When, Which,
};
use crate::shared::{BrokerFigures, Names, Ranks, Shared, Subscription, Topic};
use crate::worker::Worker;
use redeliver_sim::{
    ConnectionId, DiskSpec, Distribution, Impairments, LinkSpec, Machine, NodeId, Purpose, Span, Stream,
    Time, Zipf,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A world under construction.
struct Builder<'a> {
    setup: &'a Setup,
    world: World,
    names: Arc<Names>,
    booting: Vec<NodeId>,
}

/// Makes the world of a setup. What `recorder` asks for is kept.
pub fn build(setup: &Setup, recorder: Recorder) -> World {
    let names = Arc::new(names::names(setup));
    let shared = shared(setup, &names);
    let end = Time::ZERO + setup.duration + setup.drain;
    let counts = [shared.topics.len(), shared.subscriptions.len(), shared.sources.len(), names.nodes.len()];
    // A story keeps every delivery, and ends with its last line.
    let keep = if setup.script.is_some() { usize::MAX } else { setup.keep };
    let window = shared.window;
    let mut book = Book::new(&BookSpec { counts, window, end, keep }, recorder);
    book.describe(&shared.subscriptions);
    let world = World::new(setup.seed, shared, book);
    let mut builder = Builder { setup, world, names, booting: Vec::new() };
    match &setup.design {
        Design::Queue(config) => builder.queue(config),
        Design::Log(config) => builder.log(config),
        Design::Udp(config) => builder.udp(config),
        Design::Webhook(config) => builder.webhook(config),
    }
    builder.faults();
    let Builder { mut world, booting, .. } = builder;
    world.boot(&booting, setup.limits.events_max);
    world.begin();
    if setup.script.is_none() {
        world.halt_at(end);
    }
    world
}

impl Builder<'_> {
    fn add_node(&mut self, name: &str, role: Role, part: Part, starts: Time) -> NodeId {
        let machine = self.machine(name, role, starts);
        let node = self.world.add_node(part, machine);
        assert_eq!(self.names.nodes[node.0 as usize], name, "names and nodes are in the same order");
        self.booting.push(node);
        node
    }

    fn machine(&self, name: &str, role: Role, starts: Time) -> Machine {
        let mut disk = DiskSpec { capacity: None, bandwidth: 200e6, sync: Distribution::ZERO };
        let mut machine = Machine { disk: disk.clone(), cores: 1, clock_offset: 0, clock_drift: 0, starts };
        for (_, change) in self.setup.machines.iter().filter(|(pattern, _)| pattern.matches(name, role)) {
            disk.capacity = change.disk_capacity.unwrap_or(disk.capacity);
            disk.bandwidth = change.disk_bandwidth.unwrap_or(disk.bandwidth);
            disk.sync = change.disk_sync.clone().unwrap_or(disk.sync);
            machine.clock_offset = change.clock_offset.unwrap_or(machine.clock_offset);
            machine.clock_drift = change.clock_drift.unwrap_or(machine.clock_drift);
        }
        machine.disk = disk;
        machine
    }

    /// Bytes of memory of a node's machine.
    fn memory(&self, name: &str, role: Role) -> u64 {
        let matching = self.setup.machines.iter().filter(|(pattern, _)| pattern.matches(name, role));
        matching.filter_map(|(_, change)| change.memory).next_back().unwrap_or(u64::MAX)
    }

    /// Two nodes that talk; `client` connects.
    fn connect(&mut self, client: NodeId, server: NodeId) -> ConnectionId {
        let there = self.link(client, server);
        let back = self.link(server, client);
        let purposes = [self.link_purpose(client, server), self.link_purpose(server, client)];
        self.world.add_connection([client, server], [there, back], purposes)
    }

    fn link_purpose(&self, from: NodeId, to: NodeId) -> Purpose {
        Purpose::new(self.setup.seed, &format!("link {}>{}", self.names.node(from), self.names.node(to)))
    }

    fn link(&self, from: NodeId, to: NodeId) -> LinkSpec {
        let Link { mut latency, mut jitter, mut loss, mut duplication, mut bandwidth, mut impairments } =
            self.setup.network.default.clone();
        let matches = |pattern: &crate::setup::NodePattern, node: NodeId| {
            pattern.matches(self.names.node(node), self.names.roles[node.0 as usize])
        };
        for rule in &self.setup.network.rules {
            if matches(&rule.from, from) && matches(&rule.to, to) {
                latency = rule.latency.clone().unwrap_or(latency);
                jitter = rule.jitter.clone().unwrap_or(jitter);
                loss = rule.loss.unwrap_or(loss);
                duplication = rule.duplication.unwrap_or(duplication);
                bandwidth = rule.bandwidth.or(bandwidth);
                impair(&mut impairments, rule);
            }
        }
        let impairments = (impairments != Impairments::NONE).then(|| Box::new(impairments));
        LinkSpec { latency, jitter, loss, duplication, bandwidth, impairments }
    }

    /// The handler of a subscription's member.
    fn handler(&self, s: SubscriptionId, member: usize) -> Handler {
        let consumer = &self.setup.consumers[s.0 as usize];
        // A design that makes each member a subscription of its own draws the same work.
        let group = consumer.name.split('/').next().unwrap_or(&consumer.name);
        let purpose = Purpose::new(self.setup.seed, &format!("work {group}"));
        let mut alike: BTreeMap<&str, u32> = BTreeMap::new();
        let faults = self.setup.faults.iter().filter_map(|fault| {
            let (subscription, which, effect) = match &fault.what {
                FaultKind::FailingHandler { subscription, which, times } => {
                    (subscription, which, HandlerEffect::Fails(*times))
                }
                FaultKind::SlowHandler { subscription, which, work } => {
                    (subscription, which, HandlerEffect::Slow(work.clone()))
                }
                _ => return None,
            };
            if subscription.is_some_and(|wanted| wanted != s.0 as usize) {
                return None;
            }
            // Named after what it says, not after its place: another fault changes nothing in its draws.
            let copies = alike.entry(&fault.text).or_insert(0);
            *copies += 1;
            let stream = format!("handler {} {copies}", fault.text);
            let from = if let When::At(time) = fault.when { time } else { Time::ZERO };
            Some(HandlerFault {
                which: self.selection(which, Purpose::new(self.setup.seed, &stream)),
                effect,
                from,
                until: self.healed_at(),
            })
        });
        let faults: Vec<HandlerFault> = faults.collect();
        Handler { work: consumer.members[member].work.clone(), purpose, faults }
    }

    /// What a subscription's member works with.
    fn worker<T: Copy>(&self, s: SubscriptionId, member: usize) -> Worker<T> {
        let consumer = &self.setup.consumers[s.0 as usize];
        Worker::new(s, self.handler(s, member), consumer.deduplication.as_ref(), consumer.commit)
    }

    /// When all faults end.
    fn healed_at(&self) -> Time {
        self.setup.heal_at.map_or(Time::NEVER, |span| Time::ZERO + span)
    }

    fn selection(&self, which: &Which, purpose: Purpose) -> Selection {
        match which {
            Which::Messages(names) => {
                Selection::Messages(names.iter().map(|name| self.about(name)).collect())
            }
            Which::Chance(chance) => Selection::Chance(*chance, purpose),
            Which::Key(key) => match self.names.find_key(key) {
                Some(key) => Selection::Key(key),
                None => Selection::Messages(Vec::new()),
            },
        }
    }

    /// Source and number of a message.
    fn about(&self, name: &crate::setup::MessageName) -> (u32, u32) {
        let before: u32 = self.setup.producers[..name.producer].iter().map(|producer| producer.members).sum();
        (before + name.member, name.number)
    }
}

/// What a rule says of impairments.
fn impair(impairments: &mut Impairments, rule: &LinkRule) {
    let Impairments { burst, reordering, reordering_delay, duplication_delay, buffer, mtu } = impairments;
    *burst = rule.burst.clone().or(burst.take());
    *reordering = rule.reordering.unwrap_or(*reordering);
    *reordering_delay = rule.reordering_delay.clone().or(reordering_delay.take());
    if let Some(delay) = &rule.duplication_delay {
        *duplication_delay = delay.clone();
    }
    *buffer = rule.buffer.clone().or(buffer.take());
    *mtu = rule.mtu.or(*mtu);
}

/// What is known at first in the database of a subscription's members.
fn known(consumer: &Consumer) -> Option<Box<Known>> {
    let deduplication = consumer.deduplication.as_ref();
    let spec = deduplication.filter(|deduplication| deduplication.memory == Memory::Database)?;
    Some(Box::new(Known::new(spec.clone())))
}

/// The members of all producers, in order: producer, member, source.
fn members(setup: &Setup) -> impl Iterator<Item = (usize, u32, SourceId)> {
    let all = setup.producers.iter().enumerate();
    let all = all.flat_map(|(i, producer)| (0..producer.members).map(move |member| (i, member)));
    all.enumerate().map(|(source, (producer, member))| (producer, member, SourceId(source as u32)))
}

/// Whether what is published at time 0 is meant for this subscription.
fn is_bound(setup: &Setup, consumer: &Consumer) -> bool {
    match &setup.design {
        Design::Queue(config) => {
            let mut late = config.exchanges.iter().flat_map(|exchange| &exchange.late);
            !late.any(|queue| config.queues[*queue].subscription() == consumer.name)
        }
        Design::Log(_) => consumer.members.iter().any(|member| member.joins == Span::ZERO),
        Design::Udp(_) | Design::Webhook(_) => true,
    }
}

fn shared(setup: &Setup, names: &Arc<Names>) -> Shared {
    let mut topics: Vec<Topic> = (0..setup.topics.len())
        .map(|topic| Topic {
            subscriptions: subscriptions_of(setup, topic),
            addressed_at_birth: true,
            // A webhook's sender stores what it publishes, at once: that is its acceptance.
            accepted_at_birth: matches!(setup.design, Design::Udp(_)),
            routes: routes(setup, names, topic),
        })
        .collect();
    let mut subscriptions: Vec<Subscription> = setup
        .consumers
        .iter()
        .enumerate()
        .map(|(i, consumer)| {
            let readers = topics.get(consumer.topic).map_or(&[][..], |topic| &topic.subscriptions);
            let slot = readers.iter().position(|s| s.0 as usize == i);
            Subscription {
                topic: TopicId(consumer.topic as u16),
                slot: slot.unwrap_or(0) as u16,
                bound: is_bound(setup, consumer),
                known: known(consumer),
                resides_at_receiver: matches!(setup.design, Design::Udp(_)),
                ..Subscription::of(TopicId(consumer.topic as u16))
            }
        })
        .collect();
    if let Design::Log(config) = &setup.design {
        add_groups(setup, config, &mut topics, &mut subscriptions);
    }
    if let Design::Queue(config) = &setup.design
        && (names.subscriptions.len() > subscriptions.len()
            || config.dead_letters()
            || setup.script.is_some())
    {
        add_queues(&mut topics, &mut subscriptions, names.subscriptions.len());
    }
    let mut labels = vec![String::new()];
    let mut sources: Vec<Source> = Vec::new();
    for (producer, member, source) in members(setup) {
        sources.push(make_source(setup, names, producer, member, source, &mut labels));
    }
    sources.extend(story::sources(setup, names));
    labels.extend(story::labels(setup));
    let joins =
        setup.consumers.iter().flat_map(|consumer| consumer.members.iter().map(|member| member.joins));
    let sources_active = sources.iter().filter(|source| !source.is_done()).count() as u32;
    let width = topics.iter().map(|topic| topic.subscriptions.len()).max().unwrap_or(0);
    Shared {
        messages: Messages::new(width),
        subscriptions,
        topics,
        sources,
        sources_active,
        skips_left: setup.limits.events_max,
        joined_by: Time::ZERO + joins.max().unwrap_or(Span::ZERO),
        label_numbers: story::label_numbers(setup, &labels),
        labels,
        properties: vec![Properties::default()],
        histories: Histories::default(),
        journals: story::journals(setup),
        quorums: Vec::new(),
        brokers: vec![
            BrokerFigures::default();
            names.roles.iter().filter(|role| **role == Role::Broker).count()
        ],
        ranks: vec![Ranks::default(); names.lines.len()],
        sought: Vec::new(),
        window: (Time::ZERO + setup.warm_up, Time::ZERO + setup.duration),
        names: Arc::clone(names),
    }
}

/// What a story sends, and queues that no consumer of the load reads, or that dead letters come to: such messages are
/// addressed when they are routed. A message of any topic can reach any queue then, so all topics have all
/// subscriptions.
fn add_queues(topics: &mut Vec<Topic>, subscriptions: &mut Vec<Subscription>, count: usize) {
    let hidden = TopicId(topics.len() as u16);
    subscriptions.resize(count, Subscription { bound: true, ..Subscription::of(hidden) });
    topics.push(Topic {
        subscriptions: Vec::new(),
        addressed_at_birth: false,
        accepted_at_birth: false,
        routes: None,
    });
    for (slot, subscription) in subscriptions.iter_mut().enumerate() {
        subscription.slot = slot as u16;
    }
    for topic in topics {
        topic.subscriptions = (0..count).map(|s| SubscriptionId(s as u16)).collect();
    }
}

/// Groups of a story's clients, and the topics that only a story has.
fn add_groups(
    setup: &Setup,
    config: &crate::log::Config,
    topics: &mut Vec<Topic>,
    subscriptions: &mut Vec<Subscription>,
) {
    let none = Topic {
        subscriptions: Vec::new(),
        addressed_at_birth: false,
        accepted_at_birth: false,
        routes: None,
    };
    topics.extend(story::topics(setup).iter().map(|_| none.clone()));
    let mut groups = story::groups(setup, config);
    groups.retain(|group| setup.consumers.iter().all(|consumer| consumer.name != group.subscription));
    groups.sort_by(|a, b| a.subscription.cmp(&b.subscription));
    for group in groups {
        let topic = story::topic_id(setup, &group.topic);
        let readers = &mut topics[topic.0 as usize].subscriptions;
        readers.push(SubscriptionId(subscriptions.len() as u16));
        subscriptions.push(Subscription { slot: readers.len() as u16 - 1, ..Subscription::of(topic) });
    }
}

/// How the messages of a topic are routed, where its exchange does not give all to all.
fn routes(setup: &Setup, names: &Names, topic: usize) -> Option<Box<Routes>> {
    let Design::Queue(config) = &setup.design else { return None };
    let exchange = config.exchanges.iter().find(|exchange| exchange.name == setup.topics[topic])?;
    let bound = |(queue, key): &(usize, String)| {
        let name = &config.queues[*queue].name;
        let s = names.subscriptions.iter().position(|other| other == name);
        (s.map(|s| SubscriptionId(s as u16)), key.clone())
    };
    let bindings = exchange.keys.iter().map(bound).collect();
    (!exchange.kind.gives_all()).then(|| Box::new(Routes { kind: exchange.kind, bindings }))
}

fn subscriptions_of(setup: &Setup, topic: usize) -> Vec<SubscriptionId> {
    let all = setup.consumers.iter().enumerate();
    all.filter(|(_, consumer)| consumer.topic == topic).map(|(i, _)| SubscriptionId(i as u16)).collect()
}

fn make_source(
    setup: &Setup,
    names: &Names,
    producer: usize,
    member: u32,
    id: SourceId,
    labels: &mut Vec<String>,
) -> Source {
    let spec = &setup.producers[producer];
    let name = format!("{}/{}", spec.name, member + 1);
    let start = Time::ZERO + spec.start;
    let arrivals = match &spec.schedule {
        Schedule::Every(span) => Arrivals::Every { start, span: *span },
        Schedule::Poisson(rate) => Arrivals::Poisson {
            stream: Stream::new(setup.seed, &format!("arrivals {name}")),
            gap: Distribution::Exponential { mean: 1e9 / rate },
        },
        Schedule::Rate(bytes_per_second) => {
            Arrivals::Rate { start, bytes_per_second: *bytes_per_second, bytes: 0 }
        }
        Schedule::At(after) => Arrivals::At { start, after: after.clone() },
        Schedule::OnOff { on, off, rate } => {
            let stream = Stream::new(setup.seed, &format!("arrivals {name}"));
            Arrivals::OnOff(Bursts::new(stream, on.clone(), off.clone(), *rate))
        }
        Schedule::Think(span) => {
            Arrivals::Think { purpose: Purpose::new(setup.seed, "think"), span: span.clone() }
        }
    };
    let key = |name: &String| names.find_key(name).expect("every key of a producer has a number");
    let keys = match &spec.key {
        KeyChoice::None => Keys::None,
        KeyChoice::Const(name) => Keys::Cycle(vec![key(name)]),
        KeyChoice::Cycle(names) => Keys::Cycle(names.iter().map(key).collect()),
        KeyChoice::Uniform(n) => Keys::Uniform(*n),
        KeyChoice::Zipf { n, s } => Keys::Zipf(Zipf::new(*n, *s)),
    };
    let label = |text: &String| {
        if text.is_empty() {
            return 0;
        }
        labels.push(text.clone());
        labels.len() as u32 - 1
    };
    let mut source = Source {
        id,
        topic: TopicId(spec.topic as u16),
        arrivals,
        keys,
        size: spec.size.clone(),
        labels: spec.labels.iter().map(label).collect(),
        purposes: Purposes {
            luck: Purpose::new(setup.seed, &format!("message {name}")),
            key: Purpose::new(setup.seed, "key"),
            size: Purpose::new(setup.seed, "size"),
        },
        ends: Time::ZERO + setup.duration,
        // Messages are numbered with 32 bits.
        left: spec.count.unwrap_or(u64::MAX).min(u64::from(u32::MAX)),
        events: 0,
        number: 0,
        next_at: Time::NEVER,
    };
    source.begin(start);
    source
}
