//! `RabbitMQ(…)`: a queue broker under the real names.

use super::polling::gets;
use super::queue::{Ack, ack_mode, place_topics, sort_queues};
use super::rabbitmq_exchange::{Exchange, exchanges};
use super::rabbitmq_names::{BROKER, CLIENT};
use super::rabbitmq_queue::{check_dead_letters, gets_dead_letters, queue, show_queue};
use super::settings::{Reader, Real, Setting};
use super::{Designed, Load, clients, unknown_version};
use crate::assumptions::Assumptions;
use crate::defaults::*;
use crate::diagnostic::{Diagnostic, Findings};
use crate::named::{Named, Placed};
use crate::said::said;
use crate::units::{Duration, SpanSpread, show_distribution};
use redeliver_models::properties::Said;
use redeliver_models::queue::{
    AckMode, ClientConfig, Config, ConfirmAfter, DiskFreeLimit, ExchangeConfig, ExchangeKind, Kept, Overdue,
    Paging, Transport,
};
use redeliver_models::setup::{self, NodePattern};
use redeliver_models::story::Dialect;
use redeliver_sim::Span;
use serde::Deserialize;

/// RabbitMQ, one node or several. Parentheses hold our words, braces the broker's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RabbitMQ {
    /// Whose defaults hold: `"3.10.8"`, `"4.0.5"`, …
    pub version: Placed<String>,
    /// Names of its nodes. Default `["n1"]`.
    #[serde(default)]
    pub nodes: Placed<Vec<String>>,
    /// Settings of the broker.
    #[serde(default)]
    pub config: Real,
    /// Queues that stand before time 0, with their arguments.
    #[serde(default)]
    pub queues: Named<Real>,
    /// Exchanges that stand before time 0.
    #[serde(default)]
    pub exchanges: Named<Exchange>,
    /// By queue: the node that leads it at first, or that a classic one is on. Default: the first node.
    #[serde(default)]
    pub leaders: Named<Placed<String>>,
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
    /// The node that it is connected to.
    pub node: Option<Placed<String>>,
    /// Headers that are shown with each delivery of a story.
    #[serde(default)]
    pub headers: Vec<String>,
    /// When a consumer of a load acks. Default `AfterWork`.
    pub ack: Option<Placed<Ack>>,
    /// A consumer of a load asks for one message at a time, and after `get-empty` it waits so long (`basic.get`).
    /// Default: it is given its messages (`basic.consume`).
    pub poll_pause: Option<Placed<SpanSpread>>,
    /// Unconfirmed messages that a publisher holds at most; 0 is no limit. Default 0.
    pub window: Option<u32>,
    /// Without a confirm for so long, a message is sent again. Default `"5s"`.
    pub confirm_timeout: Option<Duration>,
    /// How often it is sent again, at most. Default: until the run ends.
    pub retries: Option<u32>,
    /// Settings by their real names.
    #[serde(default)]
    pub config: Real,
}

impl RabbitMQ {
    pub(crate) fn plan(
        &self,
        load: &Load<'_>,
        assumptions: &mut Assumptions,
        findings: &mut Findings,
    ) -> Designed {
        let nodes = self.node_names(findings);
        let node = nodes[0].clone();
        let before_4 = self.before_4(findings);
        assumptions.text("version", Some(self.version.value.clone()), "", "");
        let mut config = Config {
            transport: Transport::Connections,
            queues: (self.queues.sorted().iter())
                .map(|(name, _, args)| queue(name, args, before_4, findings))
                .collect(),
            exchanges: Vec::new(),
            confirm_after: ConfirmAfter::Synced,
            persistent: assumptions.pick("delivery_mode = 2", None, &PERSISTENT),
            overdue: self.overdue(assumptions, findings),
            checksums: !before_4,
            memory_high_watermark: self.watermark(before_4, assumptions, findings),
            paging: Some(self.paging(before_4, assumptions, findings)),
            disk_free_limit: self.disk_free_limit(assumptions, findings),
            flow: self.flow(&nodes, assumptions, findings).map(Box::new),
            snapshots: None,
            output_limits: None,
            sessions: None,
            streams: Vec::new(),
            dialect: Dialect::Amqp,
            clients: self.clients(&nodes, load, assumptions, findings),
            cluster: self.cluster(&nodes, assumptions, findings),
            node,
        };
        config.exchanges = exchanges(&self.exchanges, &config, findings);
        for queue in &config.queues {
            let shown = show_queue(queue);
            assumptions.text(&format!("queues.{}", queue.name), Some(shown), "", "");
        }
        let consumers = self.consumers(&mut config, load, findings);
        let template = queue("", &Real::default(), before_4, findings);
        let own: Vec<setup::Consumer> = consumers
            .iter()
            .zip(load.consumers)
            .filter(|(_, (read, _))| !self.queues.0.contains_key(&read.value))
            .map(|(consumer, _)| consumer.clone())
            .collect();
        // A topic that has a queue's name is published to that queue, as by the default exchange.
        for topic in load.topics.iter().filter(|topic| self.queues.0.contains_key(*topic)) {
            let queues = config.queues.iter().position(|queue| queue.name == *topic).into_iter().collect();
            config.exchanges.push(ExchangeConfig::fanout(topic, queues));
        }
        place_topics(&mut config, load.topics, &own, &template);
        for (name, _, arguments) in self.queues.sorted() {
            check_dead_letters(name, arguments, &config, findings);
        }
        self.check_reach(&config, load, findings);
        self.place_queues(&nodes, &mut config, findings);
        sort_queues(&mut config);
        self.check_gets(&config, &consumers, findings);
        let declared = load.declared_queues(before_4, findings);
        if nodes.len() > 1 {
            self.refuse_in_cluster(&config, &declared, load, findings);
        }
        let brokers = nodes;
        Designed { design: setup::Design::Queue(config), declared, consumers, brokers }
    }

    /// Refuses gets that the broker would refuse.
    fn check_gets(&self, config: &Config, consumers: &[setup::Consumer], findings: &mut Findings) {
        for consumer in consumers {
            let mut alone = config.queues.iter().filter(|queue| {
                queue.name == consumer.name
                    && queue.single_active_consumer
                    && queue.behaviour.kept == Kept::Everything
            });
            let gets = |n: usize| {
                let client = config.client(&consumer.member_name(n), setup::Role::Consumer);
                client.pulls.as_ref().is_some_and(|pulls| pulls.gets)
            };
            if alone.next().is_some() && (0..consumer.members.len()).any(gets) {
                let message = format!(
                    "`{}` is a quorum queue with a single active consumer: it takes no `basic.get`",
                    consumer.name
                );
                let place = self.clients.iter().find_map(|(_, client)| client.poll_pause.as_ref());
                let hint = "RabbitMQ answers 405 RESOURCE_LOCKED; leave `poll_pause` out";
                let place = place.map(|pause| pause.place).unwrap_or_default();
                findings.push(Diagnostic::new(message).at(place).hint(hint));
            }
        }
    }

    fn before_4(&self, findings: &mut Findings) -> bool {
        let major = self.version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if !matches!(major, Some(3 | 4)) {
            unknown_version("RabbitMQ", &self.version, "\"3.10.8\", \"4.0.5\"", findings);
        }
        major == Some(3)
    }

    fn watermark(&self, before_4: bool, assumptions: &mut Assumptions, findings: &mut Findings) -> f64 {
        BROKER.check(&self.config, findings);
        let names = ["vm_memory_high_watermark", "vm_memory_high_watermark.relative"];
        let setting = names.iter().find_map(|name| self.config.get(name));
        let said = setting.and_then(|setting| share(setting, 1.0, "the memory watermark", findings));
        let default = if before_4 { &MEMORY_WATERMARK_BEFORE_4 } else { &MEMORY_WATERMARK };
        assumptions.pick("vm_memory_high_watermark", said, default)
    }

    /// Which messages classic queues have in memory.
    fn paging(&self, before_4: bool, assumptions: &mut Assumptions, findings: &mut Findings) -> Paging {
        const RATIO: &str = "vm_memory_high_watermark_paging_ratio";
        let setting = self.config.get(RATIO);
        if !before_4 {
            if let Some(setting) = setting {
                let message = format!("`{RATIO}` means nothing since 4.0");
                let hint = "its classic queues have at most 2048 messages in memory: leave it out";
                findings.push(Diagnostic::new(message).at(setting.place).hint(hint));
            }
            return Paging::BeyondDemand;
        }
        let said = setting.and_then(|setting| share(setting, 100.0, "the paging ratio", findings));
        Paging::AboveShare(assumptions.pick(RATIO, said, &PAGING_RATIO))
    }

    /// How much of each node's disk is to be free.
    fn disk_free_limit(
        &self,
        assumptions: &mut Assumptions,
        findings: &mut Findings,
    ) -> Option<DiskFreeLimit> {
        const ABSOLUTE: &str = "disk_free_limit.absolute";
        const RELATIVE: &str = "disk_free_limit.relative";
        if let Some(setting) = self.config.get(RELATIVE) {
            let share = share(setting, 1_000.0, "the free disk limit", findings).unwrap_or(1.0);
            assumptions.text("disk_free_limit", Some(format!("{share} of the memory")), "", "");
            return Some(DiskFreeLimit::OfMemory(share));
        }
        let said = Reader { settings: &self.config, findings }.size(ABSOLUTE);
        Some(DiskFreeLimit::Bytes(assumptions.pick("disk_free_limit", said, &DISK_FREE_LIMIT)))
    }

    /// Who holds a message for too long loses the channel.
    fn overdue(&self, assumptions: &mut Assumptions, findings: &mut Findings) -> Option<(Span, Overdue)> {
        let mut reader = Reader { settings: &self.config, findings };
        let (timeout, tick) =
            (reader.millis("consumer_timeout", 1), reader.millis("channel_tick_interval", 1));
        let timeout = assumptions.pick("consumer_timeout", timeout, &CONSUMER_TIMEOUT);
        let every = assumptions.pick("channel_tick_interval", tick, &CHANNEL_TICK);
        Some((timeout, Overdue::ChannelClosed { every }))
    }

    /// Each subscription with its topic. One that reads a queue of the design has that queue's name; the messages
    /// come from the topic whose exchange it is bound to, or that has its name.
    fn consumers(
        &self,
        config: &mut Config,
        load: &Load<'_>,
        findings: &mut Findings,
    ) -> Vec<setup::Consumer> {
        let mut planned = Vec::new();
        for (read, consumer) in load.consumers {
            let Some(index) = config.queues.iter().position(|queue| queue.name == read.value) else {
                let is_it = |exchange: &&ExchangeConfig| exchange.name == read.value;
                let exchange = config.exchanges.iter().find(is_it);
                if exchange.is_some_and(|exchange| exchange.kind != ExchangeKind::Fanout) {
                    let message =
                        format!("`{}` does not give all to all: a queue is read instead", read.value);
                    let hint = "name a queue that is bound to it";
                    findings.push(Diagnostic::new(message).at(read.place).hint(hint));
                }
                let topic = load.topics.binary_search(&read.value).unwrap_or_else(|_| {
                    findings.push(load.unknown_topic(read));
                    0
                });
                planned.push(setup::Consumer { topic, ..consumer.clone() });
                continue;
            };
            if consumer.name != read.value {
                let message = format!("the subscription of the queue `{0}` has its name, `{0}`", read.value);
                let hint =
                    format!("call the consumer \"{}\"; who shares a queue is one subscription", read.value);
                findings.push(Diagnostic::new(message).at(read.place).hint(hint));
            }
            let feeds = |topic: &&String| {
                **topic == read.value
                    || config.exchanges.iter().any(|e| e.name == **topic && e.queues.contains(&index))
            };
            let topic = load.topics.iter().position(|topic| feeds(&topic));
            if topic.is_none() && gets_dead_letters(config, index) {
                // It is nobody's topic.
                planned.push(setup::Consumer { topic: load.topics.len(), ..consumer.clone() });
                continue;
            }
            if topic.is_none() {
                let message = format!("nothing that is published reaches the queue `{}`", read.value);
                let diagnostic = Diagnostic::new(message).at(read.place);
                findings.push(diagnostic.hint("bind it to an exchange that a producer publishes to"));
            }
            planned.push(setup::Consumer { topic: topic.unwrap_or(0), ..consumer.clone() });
        }
        planned
    }

    fn clients(
        &self,
        nodes: &[String],
        load: &Load<'_>,
        assumptions: &mut Assumptions,
        findings: &mut Findings,
    ) -> Vec<(NodePattern, ClientConfig)> {
        let base = ClientConfig {
            prefetch: PREFETCH.value,
            priority: 0,
            ack: AckMode::AfterWork,
            confirms: CONFIRMS.value,
            window: PUBLISH_WINDOW.value,
            confirm_timeout: CONFIRM_TIMEOUT.value,
            retries: RETRIES.value,
            reconnect_after: RECONNECT_AFTER.value,
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
        assumptions.pick("prefetch_count", None, &PREFETCH);
        assumptions.text("ack", None, "AfterWork", OUR_DEFAULT);
        assumptions.pick("confirm", None, &CONFIRMS);
        assumptions.pick("confirm_timeout", None, &CONFIRM_TIMEOUT);
        for (_, client) in self.clients.iter() {
            CLIENT.check(&client.config, findings);
            if let Some(other) = client.node.as_ref().filter(|other| !nodes.contains(&other.value)) {
                findings.push(
                    Diagnostic::new(format!("there is no node `{}`", other.value))
                        .at(other.place)
                        .nearest(&other.value, nodes.iter().map(String::as_str)),
                );
            }
        }
        clients::check_globs(&self.clients, load, findings);
        clients::check_roles(&self.clients, load, Client::for_roles, findings);
        clients::assume(self.clients.iter().map(|(glob, client)| (glob, &client.config)), assumptions);
        for (glob, client) in self.clients.iter() {
            let pause = client.poll_pause.as_ref().map(|pause| show_distribution(&pause.value.0));
            let setting = format!("clients.{glob}.poll_pause");
            pause.into_iter().for_each(|pause| assumptions.text(&setting, Some(pause), "", ""));
        }
        clients::merge(&self.clients, load, &base, |merged, client| client.apply(merged, nodes, findings))
    }
}

/// A setting that is a share of something, at most this.
fn share(setting: &Placed<Setting>, max: f64, what: &str, findings: &mut Findings) -> Option<f64> {
    let share = setting.value.to_string().trim_matches('"').parse::<f64>().ok();
    let share = share.filter(|share| *share > 0.0 && *share <= max);
    if share.is_none() {
        findings.refuse(setting.place, format!("{what} is a share above 0 and up to {max}, such as 0.6"));
    }
    share
}

impl Client {
    /// What of it is for consumers, or for producers.
    fn for_roles(&self) -> Vec<clients::ForRole> {
        use setup::Role::{Consumer, Producer};
        let named = [
            ("prefetch_count", Consumer),
            ("x-priority", Consumer),
            ("auto_ack", Consumer),
            ("confirm", Producer),
            ("delivery_mode", Producer),
            ("priority", Producer),
            ("expiration", Producer),
            ("mandatory", Producer),
            ("routing_key", Producer),
        ];
        let ours = [
            ("ack", self.ack.as_ref().map(|ack| Some(ack.place)), Consumer),
            ("poll_pause", self.poll_pause.as_ref().map(|pause| Some(pause.place)), Consumer),
            ("window", self.window.map(|_| None), Producer),
            ("confirm_timeout", self.confirm_timeout.as_ref().map(|_| None), Producer),
            ("retries", self.retries.map(|_| None), Producer),
        ];
        let named = named.into_iter().filter_map(|(name, role)| {
            self.config.get(name).map(|setting| (name, Some(setting.place), role))
        });
        named.chain(ours.into_iter().filter_map(|(name, said, role)| Some((name, said?, role)))).collect()
    }

    fn apply(&self, merged: &mut ClientConfig, nodes: &[String], findings: &mut Findings) {
        let node = self.node.as_ref().and_then(|node| nodes.iter().position(|name| *name == node.value));
        merged.node = node.unwrap_or(merged.node);
        let mut reader = Reader { settings: &self.config, findings };
        if let Some(prefetch) = reader.whole("prefetch_count", 0, 65_535) {
            merged.prefetch = prefetch as u32;
        }
        if let Some(priority) = reader.whole("x-priority", i64::from(i32::MIN), i64::from(i32::MAX)) {
            merged.priority = priority as i32;
        }
        let auto_ack = reader.flag("auto_ack");
        if let Some(auto) = auto_ack {
            merged.ack = if auto { AckMode::Auto } else { AckMode::AfterWork };
        }
        if let Some(confirm) = reader.flag("confirm") {
            merged.confirms = confirm;
        }
        let said = said(&self.config, findings);
        for (name, _) in self.config.iter() {
            match name {
                "priority" => merged.said.priority = said.priority,
                "expiration" => merged.said.expiration = said.expiration,
                "mandatory" => merged.said.mandatory = said.mandatory,
                // They are persistent unless it says otherwise.
                "delivery_mode" => merged.said.persistent = said.persistent.filter(|persistent| !persistent),
                "routing_key" => merged.said.routing_key = said.routing_key.clone(),
                _ => {}
            }
        }
        if let Some(ack) = &self.ack {
            let refused = match ack.value {
                Ack::TwoPhaseCommit => Some((
                    "RabbitMQ takes no part in two-phase commit",
                    "`Queue(ack: TwoPhaseCommit)` is a broker that does",
                )),
                Ack::Auto => Some(("a client of RabbitMQ has no `ack: Auto`", "write `\"auto_ack\": true`")),
                Ack::AfterWork | Ack::BeforeWork if auto_ack == Some(true) => {
                    Some(("`ack` contradicts `\"auto_ack\"`", "leave one of them out"))
                }
                Ack::AfterWork | Ack::BeforeWork => None,
            };
            if let Some((message, hint)) = refused {
                findings.push(Diagnostic::new(message).at(ack.place).hint(hint));
            }
            merged.ack = ack_mode(ack.value);
        }
        if let Some(window) = self.window {
            merged.window = window;
        }
        if let Some(timeout) = &self.confirm_timeout {
            merged.confirm_timeout = timeout.0;
        }
        if let Some(retries) = self.retries {
            merged.retries = retries;
        }
        let given = ["prefetch_count", "x-priority"].into_iter().find_map(|name| {
            let setting = self.config.get(name)?;
            (setting.value.to_string() != "0").then_some((setting.place, name))
        });
        gets(merged, self.poll_pause.as_ref(), given, findings);
        if !self.headers.is_empty() {
            merged.headers = self.headers.clone();
        }
    }
}
