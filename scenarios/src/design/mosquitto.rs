//! `Mosquitto(…)`: MQTT 3.1.1 under the real names: sessions, topic filters, qualities of service.

use super::mosquitto_clients::{Client, ClientSettings};
use super::mosquitto_names::BROKER;
use super::queue::sort_queues;
use super::settings::{Reader, Real};
use super::{Designed, Load, is_of_series, unknown_version};
use crate::assumptions::Assumptions;
use crate::defaults::*;
use crate::diagnostic::{Diagnostic, Findings};
use crate::named::{Named, Placed};
use redeliver_models::queue::{
    Behaviour, Config, ConfirmAfter, DeadLetter, ExchangeConfig, ExchangeKind, Filter, QueueConfig,
    SessionConfig, SessionLimits, Snapshots, Transport, filter_fits,
};
use redeliver_models::setup::{self, Role};
use redeliver_models::story::{Dialect, Verb, Who};
use redeliver_sim::Span;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Mosquitto, one broker. Parentheses hold our words, braces the broker's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mosquitto {
    /// Whose defaults hold: `"2.0.11"`.
    pub version: Placed<String>,
    /// Settings of the broker.
    #[serde(default)]
    pub config: Real,
    /// Settings of clients, by name or glob; of several that match the later wins.
    #[serde(default)]
    pub clients: Named<Client>,
}

impl Mosquitto {
    pub(crate) fn plan(
        &self,
        load: &Load<'_>,
        assumptions: &mut Assumptions,
        findings: &mut Findings,
    ) -> Designed {
        if !is_of_series(&self.version.value, "2.0") {
            unknown_version("Mosquitto", &self.version, "\"2.0.11\"", findings);
        }
        BROKER.check(&self.config, findings);
        check_topics(load, findings);
        assumptions.text("version", Some(self.version.value.clone()), "", "");
        let (snapshots, limits) = self.broker(assumptions, findings);
        let clients = super::mosquitto_clients::plan(&self.clients, load, assumptions, findings);
        let mut config = Config {
            cluster: None,
            node: "mosquitto".into(),
            transport: Transport::Connections,
            queues: sessions(load, &clients),
            streams: Vec::new(),
            exchanges: topics(load),
            persistent: true,
            confirm_after: ConfirmAfter::Written,
            overdue: None,
            checksums: false,
            memory_high_watermark: f64::MAX,
            dialect: Dialect::Mqtt,
            paging: None,
            disk_free_limit: None,
            flow: None,
            snapshots,
            output_limits: None,
            sessions: Some(limits),
            clients: clients.named(load),
        };
        sort_queues(&mut config);
        come_late(&mut config, load);
        if load.nodes().len() > usize::from(u16::MAX) {
            let message = format!("a design of Mosquitto may have {} clients at most", u16::MAX);
            findings.push(Diagnostic::new(message).hint("take fewer members"));
        }
        let brokers = vec![config.node.clone()];
        let consumers = load.consumers_of_topics(findings);
        Designed { design: setup::Design::Queue(config), declared: BTreeMap::new(), consumers, brokers }
    }

    /// When it saves itself, and what its sessions have in common.
    fn broker(
        &self,
        assumptions: &mut Assumptions,
        findings: &mut Findings,
    ) -> (Option<Snapshots>, SessionLimits) {
        let mut reader = Reader { settings: &self.config, findings };
        let persistent = assumptions.pick("persistence", reader.flag("persistence"), &PERSISTENCE);
        let interval =
            reader.whole("autosave_interval", 0, i64::from(u32::MAX)).map(|seconds| seconds as u32);
        if persistent {
            assumptions.pick("autosave_interval", interval, &AUTOSAVE_INTERVAL);
        } else if let Some(place) = reader.place("autosave_interval") {
            let diagnostic =
                Diagnostic::new("`autosave_interval` says nothing without `persistence`").at(place);
            reader.findings.push(diagnostic.hint("add `\"persistence\": true`"));
        }
        let every = Span::seconds(u64::from(interval.unwrap_or(AUTOSAVE_INTERVAL.value)));
        let every = (every > Span::ZERO).then_some(every);
        let limits = SessionLimits {
            inflight_max: assumptions.pick(
                "max_inflight_messages",
                reader.whole("max_inflight_messages", 0, i64::from(u16::MAX)).map(|max| max as u32),
                &MAX_INFLIGHT_MESSAGES,
            ),
            queued_max: assumptions.pick(
                "max_queued_messages",
                reader.count("max_queued_messages", 0),
                &MAX_QUEUED_MESSAGES,
            ),
            queued_bytes_max: reader.size("max_queued_bytes").unwrap_or(0),
            queues_qos0: assumptions.pick(
                "queue_qos0_messages",
                reader.flag("queue_qos0_messages"),
                &QUEUE_QOS0_MESSAGES,
            ),
        };
        (persistent.then_some(Snapshots { rules: Vec::new(), every }), limits)
    }
}

/// The topics that anybody publishes to.
fn topics(load: &Load<'_>) -> Vec<ExchangeConfig> {
    let sent = load.script.into_iter().flat_map(|script| script.all_verbs()).filter_map(|verb| match verb {
        Verb::Send { to, .. } => to.clone(),
        _ => None,
    });
    let names: BTreeSet<String> = load.topics.iter().cloned().chain(sent).collect();
    let topic = |name: String| ExchangeConfig {
        kind: ExchangeKind::Sessions,
        ..ExchangeConfig::fanout(name, Vec::new())
    };
    names.into_iter().map(topic).collect()
}

/// One session for each client that ever subscribes: the members of a subscription share what it reads.
fn sessions(load: &Load<'_>, clients: &ClientSettings) -> Vec<QueueConfig> {
    let mut sessions = Vec::new();
    for (read, consumer) in load.consumers {
        for member in 0..consumer.members.len() {
            let client = consumer.member_name(member);
            let settings = clients.of(&client, Role::Consumer);
            let filter = Filter {
                text: read.value.clone(),
                qos: settings.said.qos.unwrap_or(0),
                group: (consumer.members.len() > 1).then(|| consumer.name.clone()),
            };
            let (of, clean) = (Some(consumer.name.clone()), settings.clean_session);
            sessions.push(SessionConfig { client, of, clean, filters: vec![filter] });
        }
    }
    for (index, client) in load.clients.iter().enumerate() {
        let settings = clients.of(client, Role::Client);
        let filters = subscribed(load, index, settings.said.qos.unwrap_or(0));
        if !filters.is_empty() {
            let clean = settings.clean_session;
            sessions.push(SessionConfig { client: client.clone(), of: None, clean, filters });
        }
    }
    let queue = |session: SessionConfig| QueueConfig {
        name: session.client.clone(),
        behaviour: Behaviour::SESSION,
        durable: false,
        dead_letter: DeadLetter::Dropped,
        session: Some(Box::new(session)),
        ..QueueConfig::default()
    };
    sessions.into_iter().map(queue).collect()
}

/// What a story's client subscribes to, each once.
pub(super) fn subscribed(load: &Load<'_>, client: usize, qos: u8) -> Vec<Filter> {
    let lines = load.script.into_iter().flat_map(|script| &script.lines);
    let verbs = lines.filter(|line| line.who.contains(&Who::Client(client))).flat_map(|line| &line.verbs);
    let mut filters: Vec<Filter> = Vec::new();
    for verb in verbs.flat_map(Verb::all) {
        let Verb::Consume { from, qos: said, .. } = verb else { continue };
        let filter = filter(from, said.unwrap_or(qos));
        if !filters.contains(&filter) {
            filters.push(filter);
        }
    }
    filters
}

/// `a/+`, or `$share/GROUP/a/+`.
fn filter(text: &str, qos: u8) -> Filter {
    match text.strip_prefix("$share/").and_then(|rest| rest.split_once('/')) {
        Some((group, text)) => Filter { text: text.into(), qos, group: Some(group.into()) },
        None => Filter { text: text.into(), qos, group: None },
    }
}

/// What is wrong with a topic filter, if anything is.
pub(crate) fn wrong_filter(text: &str) -> Option<&'static str> {
    let Filter { text, group, .. } = filter(text, 0);
    let levels: Vec<&str> = text.split('/').collect();
    let (last, others) = levels.split_last()?;
    if text.is_empty() || group.as_deref() == Some("") || text.starts_with("$share") {
        return Some("write `$share/GROUP/FILTER`, or a filter such as `a/b`, `a/+`, `a/#`");
    }
    if group.is_some_and(|group| group.contains(['+', '#'])) {
        return Some("the name of a group has no `+` and no `#`");
    }
    if others.contains(&"#") {
        return Some("`#` stands at the end");
    }
    let is_mixed = |level: &&str| level.len() > 1 && level.contains(['+', '#']);
    (is_mixed(last) || others.iter().any(is_mixed)).then_some("`+` and `#` are whole levels")
}

/// Why nobody can publish to a topic, if that is so. Mosquitto takes what comes to `$SYS` and `$share`, and gives it to
/// nobody (`acl__check_dollar`).
pub(crate) fn wrong_topic(topic: &str) -> Option<&'static str> {
    if topic.is_empty() {
        return Some("name one, such as `a/b`");
    }
    if topic.starts_with("$SYS") || topic.starts_with("$share") {
        return Some("`$SYS` and `$share` are the broker's own: name a topic of your own");
    }
    topic.contains(['+', '#']).then_some("wildcards are for subscribers: name one topic")
}

/// Refuses topics of the load that nobody can publish to.
fn check_topics(load: &Load<'_>, findings: &mut Findings) {
    for (topic, place) in load.topics.iter().zip(load.topic_places) {
        if let Some(hint) = wrong_topic(topic) {
            let message = format!("`{topic}` is no topic to publish to");
            findings.push(Diagnostic::new(message).at(*place).hint(hint));
        }
    }
}

/// Subscriptions all of whose members come late are not meant for what is published before.
fn come_late(config: &mut Config, load: &Load<'_>) {
    for (index, queue) in config.queues.iter().enumerate() {
        let Some(of) = queue.session.as_ref().and_then(|session| session.of.as_ref()) else { continue };
        let Some((read, consumer)) = load.consumers.iter().find(|(_, c)| c.name == *of) else { continue };
        if consumer.members.iter().all(|member| member.joins > Span::ZERO) {
            let topic = config.exchanges.iter_mut().find(|exchange| filter_fits(read, &exchange.name));
            topic.into_iter().for_each(|topic| topic.late.push(index));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_refused_as_the_standard_says() {
        // MQTT 3.1.1, 4.7.1.2 and 4.7.1.3; MQTT 5, 4.8.2.
        let wrong = [
            "sport/tennis#",
            "sport/tennis/#/ranking",
            "sport+",
            "",
            "$share/g",
            "$share//a",
            "$share/g/",
            "$share/+/a",
            "$share/g#/a",
        ];
        let right = ["#", "sport/+/player1", "+", "+/tennis/#", "/", "$share/g/a/+", "$SYS/#"];
        assert_eq!(wrong.map(|text| wrong_filter(text).is_some()), [true; 9]);
        assert_eq!(right.map(|text| wrong_filter(text).is_some()), [false; 7]);
    }
}
