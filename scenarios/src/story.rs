//! From the typed script to the story that runs: who is who, which messages, which names.

use crate::actors::Actors;
use crate::defaults::{
    CLAIM_COUNT, CLIENTS_MAX, IDLE_MEMORY, MESSAGE_BYTES_MAX, MESSAGE_SIZE, SCRIPT_ACTS_MAX,
    SCRIPT_MESSAGES_MAX,
};
use crate::design::Designed;
use crate::design::log::topic_of_story;
use crate::design::rabbitmq_exchange::check_late_bindings;
use crate::design::settings::{Reader, Real, Table};
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::Placed;
use crate::nodes::Cast;
use crate::plan::Expression;
use crate::ranges::range;
use crate::said::said_of_each;
use crate::scenario::Scenario;
use crate::script;
use crate::units::parse_size;
use crate::verb_settings::{ACK, ALTER, CLAIM, CONSUME, EXTEND, NACK, NOTHING, REJECT, SEND};
use crate::vocabulary;
use redeliver_models::queue::{Kept, QueueConfig};
use redeliver_models::setup::{Design, Role};
use redeliver_models::story::{Dialect, Label, Line as StoryLine, Rule, Script, Verb, Who};
use redeliver_sim::Span;
use std::collections::BTreeMap;

/// The story, and what it names.
#[derive(Default)]
pub(crate) struct Story {
    pub(crate) script: Option<Script>,
    pub(crate) conditions: Vec<Expression>,
    /// Queues and topics that it names and does not declare, in order; not those of the load.
    pub(crate) names: Vec<String>,
    /// The same, with their places, the load's included.
    pub(crate) named: Vec<Placed<String>>,
    /// Queues that it declares, with their arguments.
    pub(crate) declared: BTreeMap<String, Real>,
    /// Nodes that act in it.
    nodes: Vec<Placed<String>>,
    /// Where the verbs of each line stand.
    places: Vec<Vec<Place>>,
}

impl Story {
    /// Names of the clients, in order.
    pub(crate) fn clients(&self) -> Vec<String> {
        self.script.as_ref().map(|script| script.clients.clone()).unwrap_or_default()
    }

    /// The script as a design plays it: what it declares is what the design makes of it, and what the design does not know
    /// is left out.
    pub(crate) fn script_for(
        &self,
        declared: &BTreeMap<String, QueueConfig>,
        design: &Design,
    ) -> Option<Script> {
        let mut script = self.script.clone()?;
        vocabulary::leave_out(&mut script, design);
        for verb in script.lines.iter_mut().flat_map(|line| &mut line.verbs) {
            verb.for_each(&mut |verb| {
                if let Verb::Declare(queue) = verb
                    && let Some(known) = declared.get(&queue.name)
                {
                    **queue = known.clone();
                }
            });
        }
        Some(script)
    }

    /// Refuses verbs that no design knows, and those that one cannot follow.
    pub(crate) fn check_verbs(&self, designs: &[&Designed], findings: &mut Findings) {
        let Some(script) = &self.script else { return };
        vocabulary::check(script, &self.places, designs, findings);
        for designed in designs {
            vocabulary::check_pulls(script, &self.places, designed, findings);
            vocabulary::check_topics(script, &self.places, designed, findings);
        }
    }

    /// Refuses who is neither a client nor a node of any design, and of nodes what only clients do.
    pub(crate) fn check_nodes(&self, casts: &[Cast], findings: &mut Findings) {
        let known =
            || casts.iter().flat_map(|cast| cast.nodes.iter().take(1000).map(|(name, _)| name.as_str()));
        let is_node = |node: &str| casts.iter().any(|cast| cast.nodes.iter().any(|(name, _)| *name == node));
        if let Some(script) = &self.script {
            vocabulary::check_nodes(script, &self.places, is_node, findings);
        }
        for node in &self.nodes {
            if is_node(&node.value) {
                continue;
            }
            let message = format!("`{}` is neither a client nor a node", node.value);
            let hint =
                "a client's first verb is Send, Consume, Subscribe, Poll, PollAll, Handle, Process or Wait";
            let diagnostic = Diagnostic::new(message).at(node.place);
            findings.push(match crate::diagnostic::nearest(&node.value, known()) {
                Some(near) => diagnostic.hint(format!("did you mean `{near}`?")).fix(format!("\"{near}\"")),
                None => diagnostic.hint(hint),
            });
        }
    }

    /// Refuses clients that have the name of a broker's node: whoever acts would be the node.
    pub(crate) fn check_clients(&self, casts: &[Cast], findings: &mut Findings) {
        let Some(script) = &self.script else { return };
        for (number, client) in script.clients.iter().enumerate() {
            let is_broker = |(name, role): &(String, Role)| name == client && *role == Role::Broker;
            if !casts.iter().any(|cast| cast.nodes.iter().any(is_broker)) {
                continue;
            }
            let mut lines = script.lines.iter().zip(&self.places);
            let first = lines.find(|(line, _)| line.who.contains(&Who::Client(number)));
            let message = format!("`{client}` is a broker's node: it cannot be a client, too");
            let diagnostic = Diagnostic::new(message).hint("give the client another name");
            let place = first.and_then(|(_, places)| places.first().copied());
            findings.push(Diagnostic { place, ..diagnostic });
        }
    }

    /// Refuses what a queue does not follow yet: in a quorum queue with a single active consumer one with a higher
    /// priority takes over since 4.0, and before that priorities say nothing there.
    pub(crate) fn check_priorities(&self, design: &Design, findings: &mut Findings) {
        let Design::Queue(config) = design else { return };
        let single =
            |queue: &&QueueConfig| queue.single_active_consumer && queue.behaviour.kept == Kept::Everything;
        let Some(queue) = config.queues.iter().find(single) else { return };
        let verbs = self.script.iter().flat_map(Script::all_verbs);
        let said = verbs.filter(|verb| matches!(verb, Verb::Consume { priority: Some(_), .. })).count() > 0;
        if said || config.clients.iter().any(|(_, client)| client.priority != 0) {
            let message = "`x-priority` with a single active consumer in a quorum queue is not modelled yet";
            let hint = format!("leave one of them out; `{}` has a single active consumer", queue.name);
            findings.push(Diagnostic::new(message).hint(hint));
        }
    }

    /// Refuses names of queues and topics that a design does not have. Neutral designs have what a story names.
    pub(crate) fn check_names(&self, design_name: &str, design: &Design, findings: &mut Findings) {
        let (what, known): (&str, Vec<&str>) = match design {
            Design::Queue(config) => {
                let queues = config.queues.iter().map(|queue| queue.name.as_str());
                check_late_bindings(self.script.as_ref(), &self.named, config, findings);
                let exchanges = config.exchanges.iter().map(|exchange| exchange.name.as_str());
                let aliases = config.clients.iter().flat_map(|(_, client)| &client.aliases);
                let aliases = aliases.map(|(subject, _)| subject.as_str());
                let what = match config.dialect {
                    Dialect::Amqp => "queue or exchange",
                    Dialect::Nats => "consumer or subject",
                    Dialect::Sqs => "queue",
                    Dialect::Redis => "group, stream or channel",
                    Dialect::Mqtt => "topic or topic filter",
                };
                (what, queues.chain(exchanges).chain(aliases).collect())
            }
            Design::Log(config) => ("topic", config.topics.iter().map(|topic| topic.name.as_str()).collect()),
            Design::Udp(_) | Design::Webhook(_) if self.script.is_none() => return,
            Design::Udp(_) | Design::Webhook(_) => {
                let message = format!("a story needs a broker, and design `{design_name}` has none");
                let hint = "stories without a broker are not modelled yet: leave the script out";
                return findings.push(Diagnostic::new(message).hint(hint));
            }
        };
        for name in self.named.iter().filter(|name| !known.contains(&name.as_str())) {
            if let Design::Log(config) = design
                && let Some(topic) = config.topics.iter().find(|topic| topic.name == topic_of_story(name))
            {
                let partition = name[topic.name.len() + 1..].parse().unwrap_or(u32::MAX);
                if partition >= topic.partitions {
                    let message = format!("`{}` has no partition {partition} in `{design_name}`", topic.name);
                    let hint = format!("it has {}; they count from 0", topic.partitions);
                    findings.push(Diagnostic::new(message).at(name.place).hint(hint));
                }
                continue;
            }
            let message = format!("design `{design_name}` has no {what} `{}`", name.value);
            let diagnostic = Diagnostic::new(message).at(name.place);
            findings.push(match known.is_empty() {
                true if matches!(design, Design::Log(_)) => diagnostic.hint("let one stand in the design"),
                true => diagnostic.hint("`Declare` one first, or let one stand in the design"),
                false => diagnostic.nearest(&name.value, known.iter().copied()),
            });
        }
    }
}

/// Makes the story of a scenario, if it tells one.
pub(crate) fn plan(text: &str, scenario: &Scenario, findings: &mut Findings) -> Story {
    let lines = &scenario.script.0;
    if lines.is_empty() {
        return Story::default();
    }
    let actors = Actors::find(lines, scenario, findings);
    if actors.clients.len() > CLIENTS_MAX {
        let message = format!("{} clients: a script may have {CLIENTS_MAX} at most", actors.clients.len());
        findings.push(Diagnostic::new(message).hint("a load has members instead"));
        return Story::default();
    }
    let mut teller = Teller {
        findings,
        conditions: Vec::new(),
        named: Vec::new(),
        declared: BTreeMap::new(),
        nodes: Vec::new(),
        messages: 0,
    };
    let (mut story_lines, mut story_places) = (Vec::new(), Vec::new());
    let mut acts = 0;
    let mut line_number = LineNumbers { text, at: 0, line: 1 };
    for line in lines {
        let who = actors.who(&line.value, teller.findings);
        let (verbs, places) = teller.placed(&line.value.does);
        let stands_still = |verb: &Verb| matches!(verb, Verb::Pause | Verb::Resume);
        if verbs.iter().any(stands_still) && who.iter().any(|who| matches!(who, Who::Net | Who::Ops)) {
            let diagnostic = Diagnostic::new("only a process can be paused").at(line.place);
            teller.findings.push(diagnostic.hint("name a client or a node"));
        }
        acts += who.len() * verbs.len().max(1);
        if acts > SCRIPT_ACTS_MAX {
            let message = format!(
                "a script may have {SCRIPT_ACTS_MAX} verbs at most, each counted for everybody who does it"
            );
            teller.findings.push(
                Diagnostic::new(message).at(line.place).hint("a load has producers and consumers instead"),
            );
            break;
        }
        story_places.push(places);
        story_lines.push(StoryLine { who, verbs, line: line_number.of(line.place) });
    }
    let Teller { conditions, named, declared, nodes, .. } = teller;
    let load = |name: &str| {
        scenario.producers.iter().any(|(_, producer)| producer.publish.value == name)
            || scenario.consumers.0.contains_key(name)
    };
    let mut names: Vec<String> =
        named.iter().map(|name| name.value.clone()).filter(|name| !load(name)).collect();
    names.retain(|name| !declared.contains_key(name));
    names.sort();
    names.dedup();
    Story {
        script: Some(Script { clients: actors.clients, lines: story_lines }),
        conditions,
        names,
        named: named.into_iter().filter(|name| !declared.contains_key(&name.value)).collect(),
        declared,
        nodes: actors.nodes.into_iter().chain(nodes).collect(),
        places: story_places,
    }
}

struct LineNumbers<'a> {
    text: &'a str,
    at: usize,
    line: u32,
}

impl LineNumbers<'_> {
    /// The line of a place, from 1; places come in the order of the text.
    fn of(&mut self, place: Place) -> u32 {
        let start = place.start.clamp(self.at, self.text.len());
        self.line +=
            self.text.as_bytes()[self.at..start].iter().filter(|byte| **byte == b'\n').count() as u32;
        self.at = start;
        self.line
    }
}

/// Seconds: 12 hours.
const EXTEND_MAX: i64 = 43_200;

/// Turns verbs into those that run, and gathers what they name.
struct Teller<'f> {
    findings: &'f mut Findings,
    conditions: Vec<Expression>,
    named: Vec<Placed<String>>,
    declared: BTreeMap<String, Real>,
    /// Nodes that it names.
    nodes: Vec<Placed<String>>,
    /// How many messages were named so far.
    messages: usize,
}

impl Teller<'_> {
    fn verbs(&mut self, verbs: &[Placed<script::Verb>]) -> Vec<Verb> {
        self.placed(verbs).0
    }

    /// Verbs, and where each stands.
    fn placed(&mut self, verbs: &[Placed<script::Verb>]) -> (Vec<Verb>, Vec<Place>) {
        let mut placed = Vec::new();
        for verb in verbs {
            placed.extend(self.verb(verb).into_iter().map(|told| (told, verb.place)));
        }
        placed.into_iter().unzip()
    }

    /// Usually one; several where a verb names several messages to settle.
    fn verb(&mut self, verb: &Placed<script::Verb>) -> Vec<Verb> {
        use script::Verb as Typed;
        let one = match &verb.value {
            Typed::Send(messages, to, properties) => self.send(messages, to.as_ref(), properties),
            Typed::Consume(from, settings) => {
                let mut reader = self.settle(settings, &CONSUME);
                let priority = reader.whole("x-priority", i64::from(i32::MIN), i64::from(i32::MAX));
                let qos = reader.whole("qos", 0, 2).map(|qos| qos as u8);
                Verb::Consume { from: self.name(from), priority: priority.map(|number| number as i32), qos }
            }
            Typed::Cancel => Verb::Cancel,
            Typed::Recover => Verb::Recover,
            Typed::CloseChannel => Verb::CloseChannel,
            Typed::Poll { from, n, wait } => {
                if let Some(n) = n.as_ref().filter(|n| n.value == 0) {
                    self.findings.refuse(n.place, "`n` must be at least 1: a poll for nothing never asks");
                }
                Verb::Poll {
                    from: from.as_ref().map(|from| self.name(from)),
                    n: n.as_ref().map(|n| n.value),
                    wait: wait.as_ref().map(|wait| wait.0),
                }
            }
            Typed::PollAll { from } => Verb::PollAll { from: from.as_ref().map(|from| self.name(from)) },
            Typed::Ack(message, settings) => {
                let multiple = self.settle(settings, &ACK).flag("multiple").unwrap_or(false);
                return self.each(message, |message| Verb::Ack { message, multiple });
            }
            Typed::Nack(message, settings) => {
                let mut reader = self.settle(settings, &NACK);
                let multiple = reader.flag("multiple").unwrap_or(false);
                let requeue = reader.flag("requeue").unwrap_or(true);
                return self.each(message, |message| Verb::Nack { message, multiple, requeue });
            }
            Typed::Reject(message, settings) => {
                let requeue = self.settle(settings, &REJECT).flag("requeue").unwrap_or(true);
                return self.each(message, |message| Verb::Nack { message, multiple: false, requeue });
            }
            Typed::Extend(message, settings) => {
                // A visibility timeout of 0 gives it back.
                let span = self.settle(settings, &EXTEND).seconds("VisibilityTimeout", 0, EXTEND_MAX);
                return self.each(message, |message| match span {
                    Some(Span::ZERO) => Verb::Nack { message, multiple: false, requeue: true },
                    span => Verb::Extend { message, wait: span.unwrap_or(Span::ZERO) },
                });
            }
            Typed::Claim(idle, settings) => {
                let batch = self.settle(settings, &CLAIM).whole("COUNT", 1, i64::from(u16::MAX));
                Verb::Claim { idle: idle.0, batch: batch.map_or(CLAIM_COUNT, |batch| batch as u16) }
            }
            Typed::Process(messages, settings) => {
                NOTHING.check(settings, self.findings);
                Verb::Process(self.labels(messages).iter().map(Label::to_string).collect())
            }
            Typed::Handle(rules) => Verb::Handle(
                rules.0.iter().filter_map(|(on, rule)| self.rule(on, rule.name_place, &rule.value)).collect(),
            ),
            Typed::Commit { offset, of } => {
                Verb::Commit { offset: *offset, of: of.as_ref().map(|of| self.name(of)) }
            }
            Typed::Subscribe(topic) => Verb::Subscribe(self.name(topic)),
            Typed::Declare(name, arguments) => {
                self.declared.insert(name.value.clone(), arguments.clone());
                Verb::Declare(Box::new(QueueConfig { name: name.value.clone(), ..QueueConfig::default() }))
            }
            Typed::Bind(exchange, queue) => {
                let (exchange, queue) = (self.name(exchange), self.name(queue));
                Verb::Bind { exchange, queue }
            }
            Typed::Crash => Verb::Crash,
            Typed::Pause => Verb::Pause,
            Typed::Resume => Verb::Resume,
            Typed::Alter(node, settings) => self.alter(node, settings),
            Typed::Restart => Verb::Restart,
            Typed::Shutdown => Verb::Shutdown,
            Typed::Close => Verb::Close,
            Typed::Look(name) => Verb::Look(name.clone()),
            Typed::Wait(span) => Verb::Wait(span.0),
            Typed::Until(condition) => {
                self.conditions.push(Expression { text: condition.value.clone(), place: condition.place });
                Verb::Until(self.conditions.len() - 1)
            }
            Typed::Async(inner) => {
                return self.verb(inner).into_iter().map(|verb| Verb::Async(Box::new(verb))).collect();
            }
        };
        vec![one]
    }

    /// An administrator sets what a node goes by.
    fn alter(&mut self, node: &Placed<String>, settings: &Real) -> Verb {
        self.nodes.push(node.clone());
        let said = self.settle(settings, &ALTER).size("vm_memory_high_watermark.absolute");
        if settings.0.is_empty() {
            let diagnostic = Diagnostic::new("`Alter` needs a number of bytes").at(node.place);
            self.findings.push(diagnostic.hint("write `{\"vm_memory_high_watermark.absolute\": \"1GB\"}`"));
        }
        Verb::LimitMemory {
            node: node.value.clone(),
            limit: said.and_then(|bytes| bytes.checked_sub(IDLE_MEMORY)),
        }
    }

    fn name(&mut self, name: &Placed<String>) -> String {
        self.named.push(name.clone());
        name.value.clone()
    }

    fn settle<'s>(&'s mut self, settings: &'s Real, table: &Table) -> Reader<'s> {
        table.check(settings, self.findings);
        Reader { settings, findings: self.findings }
    }

    /// One verb for each message that is named, or one for none.
    fn each(&mut self, messages: &Placed<String>, verb: impl Fn(Option<String>) -> Verb) -> Vec<Verb> {
        let labels = self.labels(messages);
        if labels.is_empty() {
            return vec![verb(None)];
        }
        labels.iter().map(|label| verb(Some(label.to_string()))).collect()
    }

    fn send(&mut self, messages: &Placed<String>, to: Option<&Placed<String>>, properties: &Real) -> Verb {
        let labels = self.labels(messages);
        if labels.is_empty() {
            self.findings.refuse(messages.place, "`Send` needs messages: `Send(\"m1..m6\")`");
        }
        SEND.check(properties, self.findings);
        let said = said_of_each(properties, labels.len(), self.findings);
        let mut reader = Reader { settings: properties, findings: self.findings };
        let place = reader.place("size");
        let size = match reader.text("size").map(|size| parse_size(&size)) {
            None => MESSAGE_SIZE,
            Some(Ok(size)) if size <= MESSAGE_BYTES_MAX => size,
            Some(Ok(_)) => {
                let message = format!("a message may have {MESSAGE_BYTES_MAX} bytes (2 GiB) at most");
                let diagnostic = Diagnostic::new(message).at(place.unwrap_or_default());
                self.findings.push(diagnostic.hint("send several"));
                MESSAGE_SIZE
            }
            Some(Err(wrong)) => {
                let diagnostic = Diagnostic::new(wrong.message).hint(wrong.hint);
                self.findings.push(diagnostic.at(place.unwrap_or_default()));
                MESSAGE_SIZE
            }
        };
        Verb::Send { messages: labels, to: to.map(|to| self.name(to)), size, said }
    }

    fn rule(&mut self, on: &str, place: Place, verbs: &[Placed<script::Verb>]) -> Option<Rule> {
        if on.starts_with('(') {
            let message = format!("`{on}` in `Handle` is not modelled yet: only bodies are");
            self.findings.push(Diagnostic::new(message).at(place).hint("write \"m1\", \"m1 #2\" or \"*\""));
            return None;
        }
        let (body, time) = match on.split_once(" #") {
            None => (on, None),
            Some((body, time)) => match time.parse() {
                Ok(time) if time > 0 => (body, Some(time)),
                _ => {
                    let diagnostic = Diagnostic::new(format!("`#{time}` is no number from 1 on")).at(place);
                    self.findings.push(diagnostic.hint("\"m1 #2\" is the second time that m1 comes"));
                    return None;
                }
            },
        };
        let verbs = self.verbs(verbs);
        Some(Rule { body: (body != "*").then(|| body.to_string()), time, verbs })
    }

    /// Messages in the story's notation: `m1..m6`, `x=a y=b`, `a..j`.
    fn labels(&mut self, messages: &Placed<String>) -> Vec<Label> {
        let mut labels = Vec::new();
        for word in messages.split_whitespace() {
            let (key, body) = match word.split_once('=') {
                Some((key, body)) => (Some(key.to_string()), body),
                None => (None, word),
            };
            match body.split_once("..") {
                None => labels.push(Label { key, body: body.into() }),
                Some((from, to)) => match range(from, to) {
                    Ok(bodies) => {
                        labels.extend(bodies.into_iter().map(|body| Label { key: key.clone(), body }))
                    }
                    Err(message) => {
                        let diagnostic = Diagnostic::new(message).at(messages.place);
                        self.findings.push(diagnostic.hint("a range is written \"m1..m6\" or \"a..j\""));
                    }
                },
            }
        }
        self.messages += labels.len();
        if self.messages > SCRIPT_MESSAGES_MAX {
            let message = format!("a script may name {SCRIPT_MESSAGES_MAX} messages at most");
            self.findings
                .push(Diagnostic::new(message).at(messages.place).hint("a load has producers instead"));
            return Vec::new();
        }
        labels
    }
}
