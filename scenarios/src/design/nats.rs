//! `Nats(…)`: a queue broker with streams, under the real names.

use super::nats_names::{CLIENT, SERVER};
use super::nats_show::{show_consumer, show_stream};
use super::nats_stream::{Taken, consumer, plain_stream, span, streams};
use super::queue::{Ack, ack_mode, sort_queues};
use super::settings::{Reader, Real};
use super::{Designed, Load, clients, is_of_series, unknown_version};
use crate::assumptions::Assumptions;
use crate::defaults::*;
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::{Named, Placed};
use crate::units::Duration;
use redeliver_models::properties::Said;
use redeliver_models::queue::{
    AckMode, Behaviour, ClientConfig, Config, ConfirmAfter, ExchangeConfig, ExchangeKind, Pulls, QueueConfig,
    Redelivery, Retention, Settles, Transport, Turns, subject_fits, subjects_overlap,
};
use redeliver_models::setup::{self, NodePattern, Role};
use redeliver_models::story::{Dialect, Verb, Who};
use redeliver_sim::{Distribution, Span};
use serde::Deserialize;
use std::collections::BTreeMap;

/// NATS, one server. Parentheses hold our words, braces the server's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nats {
    /// Whose defaults hold: `"2.9.10"`.
    pub version: Placed<String>,
    /// Settings of the server; none is modelled yet.
    #[serde(default)]
    pub config: Real,
    /// Streams that stand before time 0.
    #[serde(default)]
    pub streams: Named<Real>,
    /// Durable consumers that stand before time 0.
    #[serde(default)]
    pub consumers: Named<Real>,
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
    /// When a consumer of a load acks. Default `AfterWork`.
    pub ack: Option<Placed<Ack>>,
    /// A consumer of a load says this often that it is still at work (`in_progress`). Default: never.
    pub extend_every: Option<Duration>,
    /// A publisher of a load waits for the ack of each message. Default true.
    pub confirms: Option<bool>,
    /// A publisher of a load gives each message an id of its own (`Nats-Msg-Id`). Default false.
    pub message_ids: Option<bool>,
    /// Unconfirmed messages that a publisher holds at most; 0 is no limit. Default 0.
    pub window: Option<u32>,
    /// Without an ack for so long, a message is sent again. Default `"5s"`.
    pub confirm_timeout: Option<Duration>,
    /// How often it is sent again, at most. Default: until the run ends.
    pub retries: Option<u32>,
    /// Settings by their real names.
    #[serde(default)]
    pub config: Real,
}

impl Nats {
    pub(crate) fn plan(
        &self,
        load: &Load<'_>,
        assumptions: &mut Assumptions,
        findings: &mut Findings,
    ) -> Designed {
        if !is_of_series(&self.version.value, "2.9") {
            unknown_version("NATS", &self.version, "\"2.9.10\"", findings);
        }
        SERVER.check(&self.config, findings);
        assumptions.text("version", Some(self.version.value.clone()), "", "");
        let taken = self.streams(load, findings);
        let mut config = Config {
            cluster: None,
            node: "nats".into(),
            transport: Transport::Connections,
            queues: Vec::new(),
            exchanges: subjects(load, &taken),
            streams: taken.iter().map(|taken| taken.stream.clone()).collect(),
            persistent: true,
            confirm_after: ConfirmAfter::Written,
            overdue: None,
            checksums: true,
            memory_high_watermark: f64::MAX,
            dialect: Dialect::Nats,
            paging: None,
            disk_free_limit: None,
            flow: None,
            snapshots: None,
            output_limits: None,
            sessions: None,
            clients: self.clients(load, assumptions, findings),
        };
        let consumers = self.consumers(load, &taken, &mut config, findings);
        add_subscriptions(&mut config);
        for queue in config.queues.iter().filter(|queue| !queue.passing) {
            assumptions.text(
                &format!("consumers.{}", queue.name),
                Some(show_consumer(queue, &taken)),
                "",
                "",
            );
        }
        for taken in &taken {
            assumptions.text(&format!("streams.{}", taken.stream.name), Some(show_stream(taken)), "", "");
        }
        sort_queues(&mut config);
        let mut declared = BTreeMap::new();
        for (name, settings) in load.declared {
            let place = settings.0.values().next().map(|entry| entry.name_place).unwrap_or_default();
            declared.insert(name.clone(), consumer(name, place, settings, &taken, None, findings));
        }
        let brokers = vec![config.node.clone()];
        Designed { design: setup::Design::Queue(config), declared, consumers, brokers }
    }

    /// The streams that are named, and one for each topic that none of them takes.
    fn streams(&self, load: &Load<'_>, findings: &mut Findings) -> Vec<Taken> {
        let mut taken = streams(&self.streams, findings);
        for topic in load.topics {
            if stream_of(&taken, topic).is_some() {
                continue;
            }
            if taken.iter().any(|taken| taken.stream.name == *topic) {
                let message = format!("the stream `{topic}` does not take the subject `{topic}`");
                let hint = "add it to the stream's `\"subjects\"`, or name the stream otherwise";
                findings.push(Diagnostic::new(message).at(self.place_of(topic)).hint(hint));
            }
            taken.push(plain_stream(topic));
        }
        taken.sort_by(|a, b| a.stream.name.cmp(&b.stream.name));
        taken
    }

    fn place_of(&self, stream: &str) -> Place {
        self.streams.0.get(stream).map(|entry| entry.name_place).unwrap_or_default()
    }

    /// One durable consumer for each subscription, and those that are named.
    fn consumers(
        &self,
        load: &Load<'_>,
        taken: &[Taken],
        config: &mut Config,
        findings: &mut Findings,
    ) -> Vec<setup::Consumer> {
        let mut planned = Vec::new();
        let plain = Real::default();
        let mut filters = BTreeMap::new();
        for (read, consumer) in load.consumers {
            let Some((topic, stream)) = what_is_read(read, load, taken, findings) else { continue };
            filters.insert(consumer.name.clone(), stream);
            planned.push(setup::Consumer { topic, ..consumer.clone() });
        }
        for (read, subscription) in
            load.consumers.iter().filter(|(_, c)| self.consumers.get(&c.name).is_none())
        {
            let Some(stream) = filters.get(&subscription.name) else { continue };
            let mut queue = consumer(&subscription.name, read.place, &plain, taken, Some(*stream), findings);
            if load.topics.contains(&read.value) {
                queue.filter.clone_from(&read.value);
            }
            config.queues.push(queue);
        }
        for (name, place, settings) in self.consumers.sorted() {
            let of = filters.get(name).copied();
            let queue = consumer(name, place, settings, taken, of, findings);
            if of.is_some_and(|of| queue.stream.is_some_and(|stream| stream != of)) {
                let message = format!("the consumer `{name}` reads another stream than its subscription");
                findings.push(Diagnostic::new(message).at(place).hint("leave `\"stream\"` out"));
            }
            let members =
                load.consumers.iter().find(|(_, c)| c.name == name).map_or(1, |(_, c)| c.members.len());
            if members > 1 && queue.pulled.is_none() && queue.turns == Turns::InLine {
                let message =
                    format!("`{name}` has {members} members, and one subscriber may have it at a time");
                let hint = "add `\"deliver_group\"`, or leave `\"deliver_subject\"` out: they pull";
                findings.push(Diagnostic::new(message).at(place).hint(hint));
            }
            config.queues.push(queue);
        }
        config.queues.sort_by(|a, b| a.name.cmp(&b.name));
        bind(config, load, &planned, findings);
        check_work_queues(config, taken, findings);
        planned
    }

    fn clients(
        &self,
        load: &Load<'_>,
        assumptions: &mut Assumptions,
        findings: &mut Findings,
    ) -> Vec<(NodePattern, ClientConfig)> {
        let base = ClientConfig {
            node: 0,
            prefetch: 0,
            priority: 0,
            ack: AckMode::AfterWork,
            confirms: CONFIRMS.value,
            window: PUBLISH_WINDOW.value,
            confirm_timeout: CONFIRM_TIMEOUT.value,
            retries: RETRIES.value,
            reconnect_after: NATS_RECONNECT_AFTER.value,
            headers: Vec::new(),
            said: Said::default(),
            pulls: Some(Pulls {
                batch: PULL_BATCH.value as u16,
                expires: Some(PULL_EXPIRES.value),
                fills: true,
                gets: false,
                pause: Distribution::ZERO,
            }),
            claims: None,
            rereads: false,
            extend_every: None,
            keeps_failed: false,
            clean_session: false,
            manual_ack: false,
            aliases: Vec::new(),
        };
        assumptions.text("ack", None, "AfterWork", OUR_DEFAULT);
        assumptions.pick("confirms", None, &CONFIRMS);
        assumptions.pick("batch", None, &PULL_BATCH);
        assumptions.pick("expires", None, &PULL_EXPIRES);
        assumptions.pick("reconnect_time_wait", None, &NATS_RECONNECT_AFTER);
        for (_, client) in self.clients.iter() {
            CLIENT.check(&client.config, findings);
        }
        clients::check_globs(&self.clients, load, findings);
        clients::assume(self.clients.iter().map(|(glob, client)| (glob, &client.config)), assumptions);
        let merged: Vec<(NodePattern, (ClientConfig, Option<String>))> =
            clients::merge(&self.clients, load, &(base, None), |merged, client| {
                client.apply(merged, findings)
            });
        let mut planned = Vec::new();
        // A story's clients subscribe to subjects of no stream as they are set.
        for (index, client) in load.clients.iter().enumerate() {
            let matches = |(pattern, _): &&(NodePattern, _)| pattern.matches(client, Role::Client);
            let Some((_, (settings, queue))) = merged.iter().find(matches) else { continue };
            let aliases = self.aliases(load, (index, client), queue.as_ref());
            if !aliases.is_empty() {
                planned
                    .push((NodePattern::Glob(client.clone()), ClientConfig { aliases, ..settings.clone() }));
            }
        }
        planned.extend(merged.into_iter().map(|(pattern, (settings, _))| (pattern, settings)));
        planned
    }

    /// The subjects that a story's client subscribes to, with what that is called: its queue group, or itself.
    fn aliases(
        &self,
        load: &Load<'_>,
        (index, client): (usize, &String),
        queue: Option<&String>,
    ) -> Vec<(String, String)> {
        let lines = load.script.into_iter().flat_map(|script| &script.lines);
        let mine = lines.filter(|line| line.who.contains(&Who::Client(index)));
        let consumes = mine.flat_map(|line| &line.verbs).filter_map(consumed);
        let is_durable =
            |name: &&String| self.consumers.get(name).is_some() || load.declared.contains_key(*name);
        let mut subjects: Vec<String> = consumes.filter(|name| !is_durable(name)).cloned().collect();
        subjects.sort();
        subjects.dedup();
        let name = queue.unwrap_or(client);
        let called = |subject: &String| format!("{name}/{subject}");
        subjects.into_iter().map(|subject| (subject.clone(), called(&subject))).collect()
    }
}

impl Client {
    fn apply(&self, (merged, queue): &mut (ClientConfig, Option<String>), findings: &mut Findings) {
        let mut reader = Reader { settings: &self.config, findings };
        let mut pulls = merged.pulls.clone();
        if let (Some(pulls), Some(batch)) = (&mut pulls, reader.whole("batch", 1, 10_000)) {
            pulls.batch = batch as u16;
        }
        if let (Some(pulls), Some(expires)) =
            (&mut pulls, span(&mut reader, "expires").filter(|span| *span > Span::ZERO))
        {
            pulls.expires = Some(expires);
        }
        merged.pulls = pulls;
        if let Some(name) = reader.text("queue") {
            *queue = Some(name);
        }
        if let Some(ack) = &self.ack {
            let hint = match ack.value {
                Ack::Auto => Some("a consumer with `\"ack_policy\": \"none\"` has nothing to ack"),
                Ack::TwoPhaseCommit => Some("NATS takes no part in such transactions; `Queue` can"),
                Ack::AfterWork | Ack::BeforeWork => None,
            };
            if let Some(hint) = hint {
                let diagnostic = Diagnostic::new(format!("a client of NATS has no `ack: {:?}`", ack.value));
                findings.push(diagnostic.at(ack.place).hint(hint));
            }
            merged.ack = ack_mode(ack.value);
        }
        merged.extend_every = self.extend_every.as_ref().map(|span| span.0).or(merged.extend_every);
        if merged.extend_every == Some(Span::ZERO) {
            findings
                .push(Diagnostic::new("`extend_every` must be above zero").hint("usual: half of `ack_wait`"));
        }
        merged.confirms = self.confirms.unwrap_or(merged.confirms);
        merged.said.own_id = self.message_ids.unwrap_or(merged.said.own_id);
        merged.window = self.window.unwrap_or(merged.window);
        merged.confirm_timeout = self.confirm_timeout.as_ref().map_or(merged.confirm_timeout, |span| span.0);
        merged.retries = self.retries.unwrap_or(merged.retries);
    }
}

/// Which stream takes what is published to this subject.
fn stream_of(taken: &[Taken], subject: &str) -> Option<usize> {
    taken.iter().position(|taken| taken.subjects.iter().any(|pattern| subject_fits(pattern, subject)))
}

/// The subjects that anybody publishes to, and those that streams name; what no stream takes is given to those who have
/// subscribed.
fn subjects(load: &Load<'_>, taken: &[Taken]) -> Vec<ExchangeConfig> {
    let sent = load.script.into_iter().flat_map(|script| script.all_verbs()).filter_map(|verb| match verb {
        Verb::Send { to, .. } => to.clone(),
        _ => None,
    });
    let plain = |subject: &&String| !subject.contains(['*', '>']);
    let named = taken.iter().flat_map(|taken| &taken.subjects).filter(plain).cloned();
    let mut names: Vec<String> = load.topics.iter().cloned().chain(sent).chain(named).collect();
    names.sort();
    names.dedup();
    let exchange = |name: String| {
        let kind = stream_of(taken, &name).map_or(ExchangeKind::Fanout, |i| ExchangeKind::Stream(i as u32));
        ExchangeConfig { kind, ..ExchangeConfig::fanout(name, Vec::new()) }
    };
    names.into_iter().map(exchange).collect()
}

/// What a subscription reads: a subject of the load, or a stream that takes one. Its topic, and its stream.
fn what_is_read(
    read: &Placed<String>,
    load: &Load<'_>,
    taken: &[Taken],
    findings: &mut Findings,
) -> Option<(usize, usize)> {
    if let Ok(topic) = load.topics.binary_search(&read.value) {
        return Some((topic, stream_of(taken, &read.value)?));
    }
    let Some(stream) = taken.iter().position(|taken| taken.stream.name == read.value) else {
        findings.push(load.unknown_topic(read));
        return None;
    };
    let mut topics =
        (0..load.topics.len()).filter(|topic| stream_of(taken, &load.topics[*topic]) == Some(stream));
    let (first, second) = (topics.next(), topics.next());
    if first.is_none() || second.is_some() {
        let message = match first {
            None => format!("nobody publishes to a subject of the stream `{}`", read.value),
            Some(_) => {
                format!("`{}` takes several topics: one consumer of all is not modelled yet", read.value)
            }
        };
        findings.push(
            Diagnostic::new(message).at(read.place).hint("read a subject that a producer publishes to"),
        );
        return None;
    }
    Some((first?, stream))
}

/// Each consumer is bound to the subjects of its stream that its filter lets through.
fn bind(config: &mut Config, load: &Load<'_>, planned: &[setup::Consumer], findings: &mut Findings) {
    for (index, queue) in config.queues.iter().enumerate() {
        let Some(stream) = queue.stream else { continue };
        let of_stream = |exchange: &&mut ExchangeConfig| {
            exchange.kind == ExchangeKind::Stream(stream as u32)
                && subject_fits(&queue.filter, &exchange.name)
        };
        let subscription = load.consumers.iter().find(|(_, consumer)| consumer.name == queue.name);
        let comes_late =
            subscription.is_some_and(|(_, c)| c.members.iter().all(|member| member.joins > Span::ZERO));
        for exchange in config.exchanges.iter_mut().filter(of_stream) {
            (if comes_late { &mut exchange.late } else { &mut exchange.queues }).push(index);
        }
    }
    for subscription in planned {
        let Some((read, _)) = load.consumers.iter().find(|(_, c)| c.name == subscription.name) else {
            continue;
        };
        let Some(index) = config.queues.iter().position(|queue| queue.name == subscription.name) else {
            continue;
        };
        let is_bound = |e: &&ExchangeConfig| e.queues.contains(&index) || e.late.contains(&index);
        let topics = config.exchanges.iter().filter(is_bound).map(|exchange| &exchange.name);
        let (name, topic) = (&subscription.name, &load.topics[subscription.topic]);
        let (own, others): (Vec<&String>, Vec<&String>) =
            topics.filter(|name| load.topics.contains(name)).partition(|name| *name == topic);
        let filter = format!("`\"filter_subject\": {topic:?}`");
        if let Some(other) = others.first() {
            let message =
                format!("`{name}` reads `{other}`, too: one consumer of several topics is not modelled yet");
            findings.push(Diagnostic::new(message).at(read.place).hint(format!("give it {filter}")));
        } else if own.is_empty() {
            let message = format!("nothing that is published passes the filter of `{name}`");
            findings.push(Diagnostic::new(message).at(read.place).hint(format!("look at its {filter}")));
        }
    }
}

/// A message of a work queue has one reader.
fn check_work_queues(config: &Config, taken: &[Taken], findings: &mut Findings) {
    for (i, taken) in taken.iter().enumerate() {
        if taken.stream.retention != Retention::WorkQueue {
            continue;
        }
        let readers: Vec<&QueueConfig> =
            config.queues.iter().filter(|queue| queue.stream == Some(i)).collect();
        let pairs =
            readers.iter().enumerate().flat_map(|(n, a)| readers[n + 1..].iter().map(move |b| (*a, *b)));
        if let Some((a, b)) = pairs.into_iter().find(|(a, b)| subjects_overlap(&a.filter, &b.filter)) {
            let message = format!("`{}` and `{}` read the same of a work queue", a.name, b.name);
            let hint = "NATS answers 400, err_code 10099 or 10100: give them filters that do not overlap";
            findings.push(Diagnostic::new(message).hint(hint));
        }
    }
}

/// What clients subscribe to without a stream: it is there while they are, and nothing is kept for them.
fn add_subscriptions(config: &mut Config) {
    let all = config.clients.iter().flat_map(|(_, client)| client.aliases.clone());
    for (subject, name) in all.collect::<Vec<_>>() {
        if config.queues.iter().any(|queue| queue.name == name) {
            continue;
        }
        let redelivery = Redelivery {
            ack_wait: ACK_WAIT.value,
            backoff: Vec::new(),
            window: None,
            keeps_place: true,
            settles: Settles::Message,
            held_max: None,
            delay: Span::ZERO,
            lifetime: None,
            at_once: true,
            claimed: false,
        };
        let queue = QueueConfig {
            name,
            behaviour: Behaviour::TIMED,
            durable: false,
            redelivery: Some(redelivery),
            filter: subject,
            passing: true,
            turns: Turns::AtRandom,
            ..QueueConfig::default()
        };
        config.queues.push(queue);
    }
}

/// What a verb subscribes to, those within others included only where they stand alone.
fn consumed(verb: &Verb) -> Option<&String> {
    match verb {
        Verb::Consume { from, .. } => Some(from),
        Verb::Async(verb) => consumed(verb),
        _ => None,
    }
}
