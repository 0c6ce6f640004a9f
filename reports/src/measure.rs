//! From the checks of one run to its figures in the result.

use crate::result::{
    Backlog, BrokerResult, ConsumerResult, Cost, Duplicates, Headroom, Latency, LatencySplit, Lost, Mean,
    MemberResult, MostReturned, Order, ProducerResult, Retention,
};
use redeliver_models::causes::{DuplicateCause, LossCause};
use redeliver_models::checks::{About, SourceChecks, StampOrder, SubscriptionChecks};
use redeliver_models::setup::{Design, Role, Schedule, Setup};
use redeliver_models::{Ended, Part, Shared};
use redeliver_sim::{NodeId, Time};
use std::collections::BTreeMap;

/// A run and what it was a run of.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) setup: &'a Setup,
    pub(crate) ended: &'a Ended,
}

impl Run<'_> {
    pub(crate) fn shared(&self) -> &Shared {
        self.ended.world.shared()
    }

    /// What a message is called in lists: its id, in a story its label.
    pub(crate) fn name(&self, (source, number, label): About) -> String {
        let shared = self.shared();
        if label != 0 && self.setup.script.is_some() && source as usize >= self.load_sources() {
            return shared.labels[label as usize].clone();
        }
        shared.name_of(source, number)
    }

    /// How many of the sources are members of a load; a story's clients come after them.
    fn load_sources(&self) -> usize {
        self.setup.producers.iter().map(|producer| producer.members as usize).sum()
    }

    pub(crate) fn producers(&self) -> BTreeMap<String, ProducerResult> {
        let book = self.ended.world.checks();
        let mut sources = book.sources.iter();
        let groups = self.setup.producers.iter().map(|producer| {
            let members = sources.by_ref().take(producer.members as usize);
            (producer.name.clone(), members.fold(ProducerResult::default(), add_source))
        });
        groups.collect()
    }

    pub(crate) fn consumers(&self) -> BTreeMap<String, ConsumerResult> {
        let subscriptions = self.ended.world.checks().subscriptions.iter().enumerate();
        let names = &self.shared().names.subscriptions;
        subscriptions.map(|(s, checks)| (names[s].clone(), self.consumer(s, checks))).collect()
    }

    /// Seconds that averages cover.
    fn measured(&self) -> f64 {
        let (from, to) = self.shared().window;
        self.ended.at.min(to).since(from).as_seconds()
    }

    fn consumer(&self, s: usize, checks: &SubscriptionChecks) -> ConsumerResult {
        let ledger = &checks.ledger;
        let subscription = &self.shared().subscriptions[s];
        let members = self.members(s);
        let (measured, at_work) = (self.measured(), subscription.busy.as_seconds());
        let latency = &checks.latency;
        let split = |sum: u128| latency.mean_of(sum as f64);
        ConsumerResult {
            addressed: ledger.addressed,
            processed: ledger.processed,
            effects: ledger.effects,
            dead_lettered: ledger.dead_lettered,
            pending: ledger.pending,
            superseded: 0,
            withdrawn: 0,
            lost: self.lost(checks),
            duplicates: self.duplicates(checks),
            redeliveries: ledger.redeliveries,
            deduplicated: ledger.deduplicated,
            most_returned: checks.most_returned.map_or_else(
                MostReturned::default,
                |(deliveries, within, about)| {
                    let rate = f64::from(deliveries.saturating_sub(1)) * 1e9 / within.0 as f64;
                    MostReturned {
                        message: Some(self.name(about)),
                        deliveries: u64::from(deliveries),
                        rate: (within.0 > 0).then_some(rate),
                    }
                },
            ),
            order: orders(checks),
            latency: Latency {
                mean: latency.mean(),
                p50: latency.quantile(0.5),
                p90: latency.quantile(0.9),
                p99: latency.quantile(0.99),
                p999: latency.quantile(0.999),
                max: (latency.count() > 0).then_some(latency.max as f64 / 1e9),
            },
            latency_split: LatencySplit {
                network: split(latency.network),
                broker: split(latency.broker),
                recovery: split(latency.recovery),
                work: split(latency.work),
            },
            waiting: Mean { mean: latency.mean_of(latency.waiting as f64) },
            throughput: if measured > 0.0 { checks.effects_measured as f64 / measured } else { 0.0 },
            utilisation: (!members.is_empty() && measured > 0.0)
                .then(|| at_work / (measured * members.len() as f64)),
            backlog: Backlog {
                mean: checks.backlog.mean(self.ended.at),
                max: checks.backlog.max,
                final_: checks.backlog.now(),
            },
            head_of_line: subscription.head_of_line.as_seconds(),
            headroom: Headroom { min: subscription.headroom_min.map(|headroom| headroom as f64 / 1e9) },
            members,
        }
    }

    fn lost(&self, checks: &SubscriptionChecks) -> Lost {
        let ledger = &checks.ledger;
        Lost {
            total: ledger.lost_total(),
            confirmed: ledger.lost_confirmed,
            by_cause: LossCause::ALL
                .iter()
                .map(|cause| (cause.name(), ledger.lost[*cause as usize]))
                .collect(),
            messages: self.in_order(checks.lost.iter().map(|(about, _, _)| *about)),
        }
    }

    fn duplicates(&self, checks: &SubscriptionChecks) -> Duplicates {
        let ledger = &checks.ledger;
        let by_cause = DuplicateCause::ALL.iter();
        Duplicates {
            total: ledger.duplicates_total(),
            by_cause: by_cause.map(|cause| (cause.name(), ledger.duplicates[*cause as usize])).collect(),
            messages: self.in_order(checks.duplicates.iter().map(|(about, _)| *about)),
        }
    }

    /// Names of messages, in the order of their sources and numbers, each once.
    fn in_order(&self, messages: impl Iterator<Item = About>) -> Vec<String> {
        let mut messages: Vec<About> = messages.collect();
        messages.sort_unstable();
        messages.dedup();
        messages.into_iter().map(|about| self.name(about)).collect()
    }

    fn members(&self, s: usize) -> BTreeMap<String, MemberResult> {
        let Some(consumer) = self.setup.consumers.get(s) else { return BTreeMap::new() };
        let names = &self.shared().names;
        let prefix = format!("{}/", consumer.name);
        let book = self.ended.world.checks();
        let nodes = names.nodes.iter().zip(&names.roles).zip(&book.members);
        let mine = nodes.filter(|((name, role), _)| {
            let own = consumer.members.len() == 1 && **name == consumer.name;
            **role == Role::Consumer && (own || name.strip_prefix(&prefix).is_some_and(is_number))
        });
        mine.map(|((name, _), member)| {
            let delivered = member.delivered.iter();
            let result = MemberResult {
                delivered: delivered
                    .map(|(about, attempt)| (self.name(*about), u32::from(*attempt)))
                    .collect(),
                processed: member.processed.iter().map(|(about, _)| self.name(*about)).collect(),
                truncated: member.truncated,
            };
            (name.clone(), result)
        })
        .collect()
    }

    /// When each consumer's kept effects took place, in seconds, by its node.
    pub(crate) fn effect_times(&self) -> BTreeMap<String, Vec<f64>> {
        let names = &self.shared().names;
        let members = names.nodes.iter().zip(&self.ended.world.checks().members);
        let times = members.filter(|(_, member)| !member.processed.is_empty()).map(|(name, member)| {
            (name.clone(), member.processed.iter().map(|(_, at)| at.seconds()).collect())
        });
        times.collect()
    }

    pub(crate) fn brokers(&self) -> BTreeMap<String, BrokerResult> {
        let names = &self.shared().names;
        let nodes = names.nodes.iter().zip(&names.roles).enumerate();
        let brokers = nodes.filter(|(_, (_, role))| **role == Role::Broker);
        brokers.map(|(i, (name, _))| (name.clone(), self.broker(NodeId(i as u32)))).collect()
    }

    fn broker(&self, node: NodeId) -> BrokerResult {
        let disk = self.ended.world.disk(node);
        let figures = &self.shared().brokers[node.0 as usize];
        BrokerResult {
            stored_bytes_max: disk.used_max(),
            memory_max: figures.memory_max,
            retention: Retention {
                window_min: figures.window_min.map(|span| span.as_seconds()),
                first_deletion: figures.first_deletion.map(Time::seconds),
                predicted: disk.capacity().and_then(|capacity| self.predicted_window(capacity)),
            },
            contents: self.contents(node),
        }
    }

    /// Capacity / rate of writing, in seconds, of a log. Where producers wait for their answers there is no such rate.
    fn predicted_window(&self, capacity: u64) -> Option<f64> {
        let Design::Log(_) = self.setup.design else { return None };
        let rates = self.setup.producers.iter().map(|producer| {
            let size = producer.size.mean();
            let rate = match &producer.schedule {
                Schedule::OnOff { on, off, rate } => size * rate * on.mean() / (on.mean() + off.mean()),
                Schedule::Think(_) => f64::INFINITY,
                Schedule::Every(span) => size / span.as_seconds(),
                Schedule::Poisson(rate) => size * rate,
                Schedule::Rate(bytes) => *bytes,
                Schedule::At(_) => 0.0,
            };
            rate * f64::from(producer.members)
        });
        let rate: f64 = rates.sum();
        (rate > 0.0 && rate.is_finite()).then(|| capacity as f64 / rate)
    }

    fn contents(&self, node: NodeId) -> Vec<String> {
        let shared = self.shared();
        let refs: Vec<_> = match &self.ended.world.nodes()[node.0 as usize] {
            Part::QueueBroker(broker) => {
                let queues = 0..broker.queues().len();
                queues.flat_map(|queue| broker.contents(queue)).map(|(m, ..)| m).collect()
            }
            Part::ClusterNode(node) => {
                let queues = 0..node.local().queues().len();
                let of = |queue: usize| match &shared.quorums[queue] {
                    Some(quorum) if node.leads(queue).is_some() => quorum.contents(queue).1,
                    _ => node.local().contents(queue),
                };
                queues.flat_map(of).map(|(m, ..)| m).collect()
            }
            _ => Vec::new(),
        };
        let kept = refs.into_iter().take(self.setup.keep);
        kept.map(|m| {
            let message = shared.messages.get(m);
            self.name((message.source.0, message.number, message.label))
        })
        .collect()
    }

    pub(crate) fn cost(&self) -> Cost {
        let brokers = &self.shared().brokers;
        let stored = self.brokers();
        Cost {
            bytes_sent: self.ended.world.bytes_sent(),
            bytes_stored_max: stored.values().map(|broker| broker.stored_bytes_max).sum(),
            requests: brokers.iter().map(|broker| broker.requests).sum(),
            empty_polls: brokers.iter().map(|broker| broker.empty_polls).sum(),
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn add_source(sum: ProducerResult, source: &SourceChecks) -> ProducerResult {
    ProducerResult {
        published: sum.published + source.published,
        confirmed: sum.confirmed + source.confirmed,
        refused: sum.refused + source.refused,
        unknown: sum.unknown + source.published - source.confirmed - source.refused,
        state_changes: sum.state_changes + source.state_changes,
        blocked: sum.blocked + source.blocked.as_seconds(),
    }
}

fn orders(checks: &SubscriptionChecks) -> BTreeMap<&'static str, Order> {
    let dense = |order: &redeliver_models::checks::Order| Order {
        late: order.late,
        stale: order.stale,
        reordered_ratio: ratio(order.late, order.effects),
        inversions: Some(order.inversions),
    };
    let stamped = |order: &StampOrder| Order {
        late: order.late,
        stale: order.stale,
        reordered_ratio: ratio(order.late, order.effects),
        inversions: None,
    };
    BTreeMap::from([
        ("key", dense(&checks.key)),
        ("producer", dense(&checks.producer)),
        ("stored", dense(&checks.stored)),
        // No model makes messages out of messages yet, so nothing has a cause.
        ("causal", Order::default()),
        ("event_time", stamped(&checks.event_time)),
        ("true_time", stamped(&checks.true_time)),
    ])
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
