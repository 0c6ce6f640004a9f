//! `Redis(…)`: streams with consumer groups, and channels, under the real names.

use super::queue::sort_queues;
use super::redis_clients::Client;
use super::redis_names::{GROUP, SERVER};
use super::redis_server::Server;
use super::settings::{Reader, Real};
use super::{Designed, Load, is_of_series, unknown_version};
use crate::assumptions::Assumptions;
use crate::diagnostic::{Diagnostic, Findings};
use crate::named::{Named, Placed};
use redeliver_models::queue::{
    Behaviour, Config, DeadLetter, ExchangeConfig, ExchangeKind, QueueConfig, Redelivery, Settles, Transport,
    Turns,
};
use redeliver_models::setup::{self, StartAt};
use redeliver_models::story::{Dialect, Verb};
use redeliver_sim::Span;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Redis, one server. Parentheses hold our words, braces the server's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// Whose defaults hold: `"7.0.15"`.
    pub version: Placed<String>,
    /// Settings of the server.
    #[serde(default)]
    pub config: Real,
    /// Consumer groups that stand before time 0: each with its stream, and where it begins: `"orders@0"`, `"orders@$"`.
    #[serde(default)]
    pub groups: Named<Placed<String>>,
    /// Settings of clients, by name or glob; of several that match the later wins.
    #[serde(default)]
    pub clients: Named<Client>,
}

/// A consumer group.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) stream: String,
    from: StartAt,
    /// A story makes it.
    late: bool,
}

impl Redis {
    pub(crate) fn plan(
        &self,
        load: &Load<'_>,
        assumptions: &mut Assumptions,
        findings: &mut Findings,
    ) -> Designed {
        if !is_of_series(&self.version.value, "7.0") {
            unknown_version("Redis", &self.version, "\"7.0.15\"", findings);
        }
        SERVER.check(&self.config, findings);
        assumptions.text("version", Some(self.version.value.clone()), "", "");
        let server = Server::plan(&self.config, assumptions, findings);
        let groups = self.groups(load, findings);
        for group in &groups {
            assumptions.text(&format!("groups.{}", group.name), Some(group.show()), "", "");
        }
        let channels = channels(load, &groups, findings);
        let exchanges = keys(load, &groups, &channels);
        let queue = |group: &Group| group.queue(&server, &exchanges);
        let mut config = Config {
            cluster: None,
            node: "redis".into(),
            transport: Transport::Connections,
            queues: groups.iter().filter(|group| !group.late).map(queue).collect(),
            streams: server.streams(&exchanges),
            exchanges: exchanges.clone(),
            persistent: true,
            confirm_after: server.confirm_after,
            overdue: None,
            checksums: false,
            memory_high_watermark: f64::MAX,
            dialect: Dialect::Redis,
            paging: None,
            disk_free_limit: None,
            flow: None,
            snapshots: server.snapshots.clone(),
            output_limits: Some(server.output_limits),
            sessions: None,
            clients: super::redis_clients::plan(&self.clients, load, &groups, assumptions, findings),
        };
        add_subscriptions(&mut config);
        sort_queues(&mut config);
        bind(&mut config, load);
        if load.nodes().len() > usize::from(u16::MAX) {
            let message = format!("a design of Redis may have {} clients at most", u16::MAX);
            findings.push(Diagnostic::new(message).hint("take fewer members"));
        }
        let declared = groups.iter().filter(|group| group.late);
        let declared: BTreeMap<String, QueueConfig> =
            declared.map(|group| (group.name.clone(), queue(group))).collect();
        let brokers = vec![config.node.clone()];
        let consumers = load.consumers_of_topics(findings);
        Designed { design: setup::Design::Queue(config), declared, consumers, brokers }
    }

    /// Those that are named, one for each subscription, and those that a story makes.
    fn groups(&self, load: &Load<'_>, findings: &mut Findings) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for (name, place, text) in self.groups.sorted() {
            if load.declared.contains_key(name) {
                let message = format!("the group `{name}` stands before time 0, and the story makes it");
                findings.push(Diagnostic::new(message).at(place).hint("leave one of them out"));
                continue;
            }
            if let Some((stream, from)) = stream_and_id(text, findings) {
                groups.push(Group { name: name.into(), stream, from, late: false });
            }
        }
        for (read, consumer) in load.consumers {
            let (name, stream) = (consumer.name.clone(), read.value.clone());
            match groups.iter().find(|group| group.name == name) {
                None => groups.push(Group { name, stream, from: StartAt::Beginning, late: false }),
                Some(group) if group.stream != stream => {
                    let message = format!("the group `{name}` reads another stream than its subscription");
                    let hint = format!("write `\"{name}\": \"{stream}@0\"`");
                    findings.push(Diagnostic::new(message).at(read.place).hint(hint));
                }
                Some(_) => {}
            }
        }
        for (name, settings) in load.declared {
            groups.extend(declared(name, settings, findings));
        }
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        groups
    }
}

impl Group {
    fn show(&self) -> String {
        format!("{}@{}", self.stream, if self.from == StartAt::End { "$" } else { "0" })
    }

    fn queue(&self, server: &Server, exchanges: &[ExchangeConfig]) -> QueueConfig {
        let kind =
            exchanges.iter().find(|exchange| exchange.name == self.stream).map(|exchange| exchange.kind);
        let stream = match kind {
            Some(ExchangeKind::Stream(stream)) => Some(stream as usize),
            _ => None,
        };
        QueueConfig {
            name: self.name.clone(),
            behaviour: Behaviour::TIMED,
            durable: server.durable,
            dead_letter: DeadLetter::Dropped,
            redelivery: Some(Redelivery { claimed: true, ..plain_redelivery() }),
            stream,
            from: self.from,
            pulled: Some(Span::ZERO),
            turns: Turns::OneByOne,
            ..QueueConfig::default()
        }
    }
}

/// Nothing comes again by itself, and what is acked is settled, whoever acks it.
fn plain_redelivery() -> Redelivery {
    Redelivery {
        ack_wait: Span::ZERO,
        backoff: Vec::new(),
        window: None,
        settles: Settles::Message,
        at_once: false,
        keeps_place: false,
        held_max: None,
        delay: Span::ZERO,
        lifetime: None,
        claimed: false,
    }
}

/// `"orders@0"`: a stream, and where a group begins in it.
fn stream_and_id(text: &Placed<String>, findings: &mut Findings) -> Option<(String, StartAt)> {
    let parts = text.value.rsplit_once('@').filter(|(stream, _)| !stream.is_empty());
    let from = parts.and_then(|(_, id)| start(id));
    let Some(((stream, _), from)) = parts.zip(from) else {
        let message = format!("`{}` does not say where a group begins", text.value);
        let hint = "write the stream and the id: \"orders@0\" (all), \"orders@$\" (what comes from now on)";
        findings.push(Diagnostic::new(message).at(text.place).hint(hint));
        return None;
    };
    Some((stream.into(), from))
}

fn start(id: &str) -> Option<StartAt> {
    match id {
        "0" | "0-0" => Some(StartAt::Beginning),
        "$" => Some(StartAt::End),
        _ => None,
    }
}

/// A group that a story makes: `XGROUP CREATE`.
fn declared(name: &str, settings: &Real, findings: &mut Findings) -> Option<Group> {
    GROUP.check(settings, findings);
    let mut reader = Reader { settings, findings };
    let stream = reader.text("stream");
    let id_place = reader.place("id");
    let id = settings.get("id").map(|setting| setting.value.to_string().replace('"', ""));
    let place = settings.0.values().next().map(|entry| entry.name_place).unwrap_or_default();
    let Some(stream) = stream else {
        let diagnostic = Diagnostic::new(format!("the group `{name}` does not say its stream")).at(place);
        findings.push(diagnostic.hint("write `{\"stream\": \"orders\", \"id\": \"$\"}`"));
        return None;
    };
    let text =
        Placed { value: format!("{stream}@{}", id.unwrap_or_default()), place: id_place.unwrap_or(place) };
    let (stream, from) = stream_and_id(&text, findings)?;
    Some(Group { name: name.into(), stream, from, late: true })
}

/// What clients of a story are subscribed to: no stream, and no group.
fn channels(load: &Load<'_>, groups: &[Group], findings: &mut Findings) -> BTreeSet<String> {
    let verbs = load.script.into_iter().flat_map(|script| script.all_verbs());
    let consumed = verbs.filter_map(|verb| match verb {
        Verb::Consume { from, .. } => Some(from.clone()),
        _ => None,
    });
    let channels: BTreeSet<String> = consumed.collect();
    for channel in &channels {
        let place = |name: &&Group| name.name == *channel || name.stream == *channel;
        let (message, hint) = if groups.iter().any(|group| place(&group)) || load.topics.contains(channel) {
            (format!("`{channel}` is a stream or a group: nobody is given its messages"), "`Poll` it")
        } else if channel.contains(['*', '?', '[', '>']) {
            (format!("`{channel}`: channels by a pattern (PSUBSCRIBE) are not modelled yet"), "name each")
        } else {
            continue;
        };
        findings.push(Diagnostic::new(message).hint(hint));
    }
    channels
}

/// What anybody publishes to, and what groups read: streams, but for the channels.
fn keys(load: &Load<'_>, groups: &[Group], channels: &BTreeSet<String>) -> Vec<ExchangeConfig> {
    let sent = load.script.into_iter().flat_map(|script| script.all_verbs()).filter_map(|verb| match verb {
        Verb::Send { to, .. } => to.clone(),
        _ => None,
    });
    let read = groups.iter().map(|group| group.stream.clone());
    let names: BTreeSet<String> =
        load.topics.iter().cloned().chain(sent).chain(read).chain(channels.iter().cloned()).collect();
    let mut streams = 0;
    let key = |name: String| {
        let kind = match channels.contains(&name) {
            true => ExchangeKind::Channel,
            false => {
                streams += 1;
                ExchangeKind::Stream(streams - 1)
            }
        };
        ExchangeConfig { kind, ..ExchangeConfig::fanout(name, Vec::new()) }
    };
    names.into_iter().map(key).collect()
}

/// Who is subscribed to a channel is there while it is, and nothing is kept for it.
fn add_subscriptions(config: &mut Config) {
    let is_channel =
        |name: &String| config.exchanges.iter().any(|e| e.name == *name && e.kind == ExchangeKind::Channel);
    let all = config.clients.iter().flat_map(|(_, client)| client.aliases.clone());
    for (channel, name) in all.filter(|(name, _)| is_channel(name)).collect::<Vec<_>>() {
        if config.queues.iter().any(|queue| queue.name == name) {
            continue;
        }
        config.queues.push(QueueConfig {
            name,
            behaviour: Behaviour::TIMED,
            durable: false,
            redelivery: Some(Redelivery { at_once: true, ..plain_redelivery() }),
            filter: channel,
            passing: true,
            turns: Turns::InLine,
            ..QueueConfig::default()
        });
    }
}

/// Each group reads its stream, from the beginning or from when its first member comes.
fn bind(config: &mut Config, load: &Load<'_>) {
    for (index, queue) in config.queues.iter().enumerate() {
        let Some(stream) = queue.stream else { continue };
        let subscription = load.consumers.iter().find(|(_, consumer)| consumer.name == queue.name);
        let comes_late =
            subscription.is_some_and(|(_, c)| c.members.iter().all(|member| member.joins > Span::ZERO));
        let kind = ExchangeKind::Stream(stream as u32);
        for exchange in config.exchanges.iter_mut().filter(|exchange| exchange.kind == kind) {
            (if comes_late { &mut exchange.late } else { &mut exchange.queues }).push(index);
        }
    }
}
