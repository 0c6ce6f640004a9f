//! `Queue(…)`: a queue broker in neutral words, with the defaults of RabbitMQ 4.0.5.

use super::polling::gets;
use super::{Designed, Load};
use crate::assumptions::Assumptions;
use crate::defaults::*;
use crate::diagnostic::{Diagnostic, Findings};
use crate::named::Placed;
use crate::units::{Duration, Probability, SpanSpread};
use redeliver_models::properties::Said;
use redeliver_models::queue::{self, ClientConfig, Config, ExchangeConfig, QueueConfig, Transport};
use redeliver_models::setup::{self, NodePattern};
use redeliver_models::story::Dialect;
use redeliver_sim::Span;
use serde::Deserialize;

/// A queue broker. Every topic is a fanout exchange with one queue per subscription.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// Deliveries a consumer may hold unacked; 0 is no limit. Default 0. AMQP: `prefetch_count`.
    pub prefetch: Option<Placed<u32>>,
    /// When a consumer acks. Default `AfterWork`.
    pub ack: Option<Ack>,
    /// Consumers ask for one message at a time, and after an answer without one they wait so long. Default: they are given
    /// their messages. AMQP: `basic.get`.
    pub poll_pause: Option<Placed<SpanSpread>>,
    /// Publishers wait for confirms and send again what is not confirmed. Default true, which is redeliver's own.
    pub confirms: Option<bool>,
    /// Queues survive a restart of the broker. Default true.
    pub durable: Option<bool>,
    /// Messages do, in durable queues. Default true. AMQP: `delivery_mode` 2.
    pub persistent: Option<bool>,
    /// What a confirm of a message that survives a restart waits for. Default `Synced`.
    pub confirm_after: Option<ConfirmAfter>,
    /// What carries packets. Default `Connections`.
    pub transport: Option<Carrier>,
    /// A delivery that is not acked for so long is requeued. Default: never. SQS: visibility timeout.
    pub redeliver_after: Option<Duration>,
    /// Ready messages that a queue holds at most. Default: no limit. RabbitMQ: `x-max-length`.
    pub max_length: Option<u32>,
    /// What happens beyond that. Default `DropHead`. RabbitMQ: `x-overflow`.
    pub overflow: Option<Overflow>,
    /// A message that waits longer is dropped at the head. Default: never. RabbitMQ: `x-message-ttl`.
    pub message_ttl: Option<Duration>,
    /// Redeliveries of a message, at most. Default: no limit, as in classic queues. RabbitMQ: `x-delivery-limit`.
    pub delivery_limit: Option<u32>,
    /// Publishers are blocked above this share of the memory. Default `"60%"`. RabbitMQ: `vm_memory_high_watermark`.
    pub memory_watermark: Option<Placed<Probability>>,
    /// Unconfirmed messages that a publisher holds at most; 0 is no limit. Default 0.
    pub window: Option<u32>,
    /// Without a confirm for so long, a message is sent again. Default `"5s"`.
    pub confirm_timeout: Option<Duration>,
    /// How often it is sent again, at most. Default: until the run ends.
    pub retries: Option<u32>,
    /// A client that lost its connection tries again after this long. Default `"100ms"`.
    pub reconnect_after: Option<Placed<Duration>>,
}

/// What a confirm waits for.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum ConfirmAfter {
    /// It is in the page cache: it outlives the process.
    Written,
    /// A sync has covered it: it outlives the machine.
    Synced,
}

/// When a consumer acks.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Ack {
    /// Never: the broker forgets a message as it sends it. AMQP: `no_ack`.
    Auto,
    /// On receipt.
    BeforeWork,
    /// When the work is done.
    AfterWork,
    /// In one transaction with the effect in the consumer's database. XA; RabbitMQ has nothing of the kind.
    TwoPhaseCommit,
}

/// What carries packets.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Carrier {
    /// Reliable, in order, seen to break. TCP.
    Connections,
    /// May be lost, duplicated, reordered. UDP.
    Datagrams,
}

/// What a full queue does.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Overflow {
    /// Drops its oldest ready message.
    DropHead,
    /// Refuses the new one.
    RejectPublish,
}

impl Queue {
    pub(crate) fn plan(
        &self,
        load: &Load<'_>,
        assumptions: &mut Assumptions,
        findings: &mut Findings,
    ) -> Designed {
        let template = self.queue(assumptions);
        let mut config = Config {
            node: "broker/1".into(),
            transport: match said_word(
                assumptions,
                "transport",
                self.transport,
                Carrier::Connections,
                OUR_DEFAULT,
            ) {
                Carrier::Connections => Transport::Connections,
                Carrier::Datagrams => Transport::Datagrams,
            },
            queues: Vec::new(),
            exchanges: Vec::new(),
            persistent: assumptions.pick("persistent", self.persistent, &PERSISTENT),
            confirm_after: self.confirm_after(assumptions),
            overdue: assumptions
                .optional(
                    "redeliver_after",
                    self.redeliver_after.as_ref().map(|span| span.0),
                    "never",
                    PREFETCH.source,
                )
                .map(|span| (span, queue::Overdue::Requeued)),
            checksums: true,
            memory_high_watermark: self.watermark(assumptions, findings),
            paging: None,
            disk_free_limit: None,
            flow: None,
            snapshots: None,
            output_limits: None,
            sessions: None,
            streams: Vec::new(),
            dialect: Dialect::Amqp,
            cluster: None,
            clients: vec![(NodePattern::any(), self.client(assumptions, findings))],
        };
        self.check(&config, load, findings);
        let consumers = load.consumers_of_topics(findings);
        place_topics(&mut config, load.topics, &consumers, &template);
        for name in load.story_names {
            if !config.queues.iter().any(|queue| queue.name == *name) {
                config.queues.push(QueueConfig { name: name.clone(), ..template.clone() });
            }
        }
        sort_queues(&mut config);
        let declared = load.declared_queues(false, findings);
        let brokers = vec![config.node.clone()];
        Designed { design: setup::Design::Queue(config), declared, consumers, brokers }
    }

    fn confirm_after(&self, assumptions: &mut Assumptions) -> queue::ConfirmAfter {
        let (said, default) = (self.confirm_after, ConfirmAfter::Synced);
        match said_word(assumptions, "confirm_after", said, default, PREFETCH.source) {
            ConfirmAfter::Written => queue::ConfirmAfter::Written,
            ConfirmAfter::Synced => queue::ConfirmAfter::Synced,
        }
    }

    fn check(&self, config: &Config, load: &Load<'_>, findings: &mut Findings) {
        if config.transport == Transport::Datagrams && self.redeliver_after.is_none() {
            findings.push(
                Diagnostic::new(
                    "`transport: Datagrams` needs `redeliver_after`: a lost delivery is never seen otherwise",
                )
                .hint("write for example `redeliver_after: \"100ms\"`"),
            );
        }
        if let Some(pause) = self.poll_pause.as_ref().filter(|_| config.transport == Transport::Datagrams) {
            let what = "`poll_pause` over `transport: Datagrams` is not modelled";
            let hint = "a request needs an answer: leave the transport out";
            findings.push(Diagnostic::new(what).at(pause.place).hint(hint));
        }
        if !config.clients.iter().any(|(_, client)| client.ack == queue::AckMode::TwoPhaseCommit) {
            return;
        }
        if config.transport == Transport::Datagrams {
            let what = "`ack: TwoPhaseCommit` over `transport: Datagrams` is not modelled";
            findings
                .push(Diagnostic::new(what).hint("its packets need a connection: leave the transport out"));
        }
        if load.consumers.iter().any(|(_, consumer)| consumer.deduplication.is_some()) {
            let what = "`deduplicate` with `ack: TwoPhaseCommit` is not modelled";
            findings.push(Diagnostic::new(what).hint("take one of the two: a transaction repeats nothing"));
        }
    }

    fn queue(&self, assumptions: &mut Assumptions) -> QueueConfig {
        QueueConfig {
            name: String::new(),
            durable: assumptions.pick("durable", self.durable, &DURABLE),
            length_max: assumptions.optional("max_length", self.max_length, "unlimited", PREFETCH.source),
            overflow: match said_word(
                assumptions,
                "overflow",
                self.overflow,
                Overflow::DropHead,
                PREFETCH.source,
            ) {
                Overflow::DropHead => queue::Overflow::DropHead,
                Overflow::RejectPublish => queue::Overflow::RejectPublish,
            },
            message_ttl: assumptions.optional(
                "message_ttl",
                self.message_ttl.as_ref().map(|span| span.0),
                "never",
                PREFETCH.source,
            ),
            delivery_limit: assumptions.optional(
                "delivery_limit",
                self.delivery_limit,
                "unlimited",
                "RabbitMQ 4.0.5, classic queues",
            ),
            ..QueueConfig::default()
        }
    }

    fn client(&self, assumptions: &mut Assumptions, findings: &mut Findings) -> ClientConfig {
        let said = self.prefetch.as_ref();
        let mut client = ClientConfig {
            prefetch: assumptions.pick("prefetch", said.map(|prefetch| prefetch.value), &PREFETCH),
            priority: 0,
            ack: ack_mode(said_word(assumptions, "ack", self.ack, Ack::AfterWork, OUR_DEFAULT)),
            confirms: assumptions.pick("confirms", self.confirms, &CONFIRMS),
            window: assumptions.pick("window", self.window, &PUBLISH_WINDOW),
            confirm_timeout: assumptions.pick(
                "confirm_timeout",
                self.confirm_timeout.as_ref().map(|span| span.0),
                &CONFIRM_TIMEOUT,
            ),
            retries: assumptions.pick("retries", self.retries, &RETRIES),
            reconnect_after: self.reconnect_after(assumptions, findings),
            node: 0,
            headers: Vec::new(),
            said: Said::default(),
            pulls: None,
            claims: None,
            rereads: false,
            extend_every: None,
            keeps_failed: false,
            clean_session: false,
            manual_ack: false,
            aliases: Vec::new(),
        };
        let given = said.filter(|prefetch| prefetch.value > 0).map(|prefetch| (prefetch.place, "prefetch"));
        gets(&mut client, self.poll_pause.as_ref(), given, findings);
        if let Some(pause) = &self.poll_pause {
            assumptions.optional("poll_pause", Some(pause.value.0.clone()), "", "");
        }
        client
    }

    /// Over datagrams there is nothing to connect to.
    fn reconnect_after(&self, assumptions: &mut Assumptions, findings: &mut Findings) -> Span {
        let said = self.reconnect_after.as_ref();
        if !matches!(self.transport, Some(Carrier::Datagrams)) {
            return assumptions.pick("reconnect_after", said.map(|span| span.value.0), &RECONNECT_AFTER);
        }
        if let Some(said) = said {
            let diagnostic = Diagnostic::new("`transport: Datagrams` has no connections to make again");
            findings.push(diagnostic.at(said.place).hint("leave `reconnect_after` out, or the transport"));
        }
        RECONNECT_AFTER.value
    }

    fn watermark(&self, assumptions: &mut Assumptions, findings: &mut Findings) -> f64 {
        let said = self.memory_watermark.as_ref().map(|share| {
            if share.0 == redeliver_sim::Chance::NEVER {
                findings.refuse(
                    share.place,
                    "`memory_watermark` must be above 0%: publishers would be blocked for ever",
                );
            }
            // A chance is kept in steps of 2^-32; the share that was written is the nearest with so many digits.
            (share.0.probability() * 1e9).round() / 1e9
        });
        assumptions.pick("memory_watermark", said, &MEMORY_WATERMARK)
    }
}

/// When a consumer acks, in the model's words.
pub(crate) fn ack_mode(ack: Ack) -> queue::AckMode {
    match ack {
        Ack::Auto => queue::AckMode::Auto,
        Ack::BeforeWork => queue::AckMode::BeforeWork,
        Ack::AfterWork => queue::AckMode::AfterWork,
        Ack::TwoPhaseCommit => queue::AckMode::TwoPhaseCommit,
    }
}

/// Every topic gets its fanout exchange, and every subscription its queue, named after it and bound to that exchange.
/// What stands there already keeps its settings.
pub(crate) fn place_topics(
    config: &mut Config,
    topics: &[String],
    consumers: &[setup::Consumer],
    template: &QueueConfig,
) {
    for (index, topic) in topics.iter().enumerate() {
        let exchange =
            config.exchanges.iter().position(|exchange| exchange.name == *topic).unwrap_or_else(|| {
                config.exchanges.push(ExchangeConfig::fanout(topic, Vec::new()));
                config.exchanges.len() - 1
            });
        for consumer in consumers.iter().filter(|consumer| consumer.topic == index) {
            let queue =
                config.queues.iter().position(|queue| queue.name == consumer.name).unwrap_or_else(|| {
                    config.queues.push(QueueConfig { name: consumer.name.clone(), ..template.clone() });
                    config.queues.len() - 1
                });
            let comes_late = consumer.members.iter().all(|member| member.joins > Span::ZERO);
            let exchange = &mut config.exchanges[exchange];
            if !exchange.queues.contains(&queue) {
                (if comes_late { &mut exchange.late } else { &mut exchange.queues }).push(queue);
            }
        }
    }
}

/// Brings queues and exchanges into the order of their names.
pub(crate) fn sort_queues(config: &mut Config) {
    let mut order: Vec<usize> = (0..config.queues.len()).collect();
    order.sort_by(|a, b| config.queues[*a].name.cmp(&config.queues[*b].name));
    let mut place = vec![0; order.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old] = new;
    }
    config.queues.sort_by(|a, b| a.name.cmp(&b.name));
    for exchange in &mut config.exchanges {
        let bound = exchange.queues.iter_mut().chain(&mut exchange.late);
        bound.for_each(|queue| *queue = place[*queue]);
        exchange.keys.iter_mut().for_each(|(queue, _)| *queue = place[*queue]);
        exchange.keys.sort();
        exchange.queues.sort();
        // A binding that is there already is not made again.
        exchange.queues.dedup();
    }
    config.exchanges.sort_by(|a, b| a.name.cmp(&b.name));
}

/// A word that was said, or the default; noted with its source.
pub(crate) fn said_word<T: std::fmt::Debug + Clone>(
    assumptions: &mut Assumptions,
    setting: &str,
    said: Option<T>,
    default: T,
    source: &str,
) -> T {
    assumptions.text(setting, said.as_ref().map(|word| format!("{word:?}")), &format!("{default:?}"), source);
    said.unwrap_or(default)
}
