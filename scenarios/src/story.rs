//! From the typed script to the story that runs: who is who, which messages, which names.

use crate::defaults::{
    CLIENTS_MAX, MESSAGE_BYTES_MAX, MESSAGE_SIZE, RANGE_MAX, SCRIPT_ACTS_MAX, SCRIPT_MESSAGES_MAX,
};
use crate::design::log::topic_of_story;
use crate::design::rabbitmq_exchange::check_late_bindings;
use crate::design::rabbitmq_queue;
use crate::design::settings::{Reader, Real, Table};
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::Placed;
use crate::nodes::Cast;
use crate::plan::Expression;
use crate::said::said_of_each;
use crate::scenario::Scenario;
use crate::script::{self, Line};
use crate::units::parse_size;
use redeliver_models::setup::{Design, glob_matches};
use redeliver_models::story::{Label, Line as StoryLine, Rule, Script, Verb, Who};
use std::collections::BTreeSet;

/// The story, and what it names.
#[derive(Default)]
pub(crate) struct Story {
    pub(crate) script: Option<Script>,
    pub(crate) conditions: Vec<Expression>,
    /// Queues and topics that it names and does not declare, in order; not those of the load.
    pub(crate) names: Vec<String>,
    /// The same, with their places, the load's included.
    pub(crate) named: Vec<Placed<String>>,
    /// Nodes that act in it.
    nodes: Vec<Placed<String>>,
}

impl Story {
    /// Names of the clients, in order.
    pub(crate) fn clients(&self) -> Vec<String> {
        self.script.as_ref().map(|script| script.clients.clone()).unwrap_or_default()
    }

    /// Refuses who is neither a client nor a node of any design.
    pub(crate) fn check_nodes(&self, casts: &[Cast], findings: &mut Findings) {
        let known =
            || casts.iter().flat_map(|cast| cast.nodes.iter().take(1000).map(|(name, _)| name.as_str()));
        for node in &self.nodes {
            if casts.iter().any(|cast| cast.nodes.iter().any(|(name, _)| *name == node.value)) {
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

    /// Refuses names of queues and topics that a design does not have. Neutral designs have what a story names.
    pub(crate) fn check_names(&self, design_name: &str, design: &Design, findings: &mut Findings) {
        let (what, known): (&str, Vec<&str>) = match design {
            Design::Queue(config) => {
                let queues = config.queues.iter().map(|queue| queue.name.as_str());
                check_late_bindings(self.script.as_ref(), &self.named, config, findings);
                let exchanges = config.exchanges.iter().map(|exchange| exchange.name.as_str());
                ("queue or exchange", queues.chain(exchanges).collect())
            }
            Design::Log(config) => ("topic", config.topics.iter().map(|topic| topic.name.as_str()).collect()),
            Design::Udp(_) | Design::Webhook(_) => return,
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
            findings
                .push(Diagnostic::new(message).at(name.place).nearest(&name.value, known.iter().copied()));
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
        declared: BTreeSet::new(),
        messages: 0,
    };
    let mut story_lines = Vec::new();
    let mut acts = 0;
    let mut line_number = LineNumbers { text, at: 0, line: 1 };
    for line in lines {
        let who = actors.who(&line.value, teller.findings);
        let verbs = teller.verbs(&line.value.does);
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
        story_lines.push(StoryLine { who, verbs, line: line_number.of(line.place) });
    }
    let Teller { conditions, named, declared, .. } = teller;
    let load = |name: &str| {
        scenario.producers.iter().any(|(_, producer)| producer.publish.value == name)
            || scenario.consumers.0.contains_key(name)
    };
    let mut names: Vec<String> =
        named.iter().map(|name| name.value.clone()).filter(|name| !load(name)).collect();
    names.retain(|name| !declared.contains(name));
    names.sort();
    names.dedup();
    Story {
        script: Some(Script { clients: actors.clients, lines: story_lines }),
        conditions,
        names,
        named: named.into_iter().filter(|name| !declared.contains(&name.value)).collect(),
        nodes: actors.nodes,
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

/// Who acts in the story.
struct Actors {
    clients: Vec<String>,
    nodes: Vec<Placed<String>>,
}

impl Actors {
    /// A client lives from its first line on. Who begins with a verb that no client begins with is a node.
    fn find(lines: &[Placed<Line>], scenario: &Scenario, findings: &mut Findings) -> Actors {
        let mut clients: BTreeSet<String> = BTreeSet::new();
        let mut nodes: Vec<Placed<String>> = Vec::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for line in lines {
            for name in line.who.split_whitespace() {
                let known = !seen.insert(name);
                if known || name.contains(['*', '?']) || name == "net" || name == "ops" {
                    continue;
                }
                if begins_a_client(&line.does[0].value) && !name.contains('/') {
                    clients.insert(name.into());
                } else {
                    nodes.push(Placed { value: name.into(), place: line.who.place });
                }
            }
        }
        for line in lines {
            let taken = |name: &&str| {
                scenario.producers.0.contains_key(*name) || scenario.consumers.0.contains_key(*name)
            };
            if let Some(name) = line.who.split_whitespace().find(taken) {
                let message =
                    format!("`{name}` is a group of the load; in a story its members act: `{name}/1`");
                let fix = format!("\"{name}/1\"");
                findings
                    .push(Diagnostic::new(message).at(line.who.place).hint(format!("write {fix}")).fix(fix));
            }
        }
        Actors { clients: clients.into_iter().collect(), nodes }
    }

    fn who(&self, line: &Line, findings: &mut Findings) -> Vec<Who> {
        let mut who = Vec::new();
        for name in line.who.split_whitespace() {
            if who.len() > SCRIPT_ACTS_MAX {
                break;
            }
            let client = |name: &str| {
                self.clients.binary_search_by(|client| client.as_str().cmp(name)).ok().map(Who::Client)
            };
            match name {
                "net" => who.push(Who::Net),
                "ops" => who.push(Who::Ops),
                _ if name.contains(['*', '?']) => {
                    let before = who.len();
                    let all = self.clients.iter().enumerate();
                    who.extend(all.filter(|(_, c)| glob_matches(name, c)).map(|(i, _)| Who::Client(i)));
                    if who.len() == before {
                        let diagnostic =
                            Diagnostic::new(format!("`{name}` matches no client")).at(line.who.place);
                        findings.push(diagnostic.nearest(name, self.clients.iter().map(String::as_str)));
                    }
                }
                _ => who.push(client(name).unwrap_or_else(|| Who::Node(name.into()))),
            }
        }
        if who.is_empty() && line.who.trim().is_empty() {
            findings.refuse(line.who.place, "a line needs somebody who acts");
        }
        who
    }
}

fn begins_a_client(verb: &script::Verb) -> bool {
    use script::Verb::*;
    match verb {
        Async(inner) => begins_a_client(&inner.value),
        Send(..)
        | Consume(..)
        | Subscribe(_)
        | Poll { .. }
        | PollAll { .. }
        | Handle(_)
        | Process(..)
        | Wait(_) => true,
        _ => false,
    }
}

/// Turns verbs into those that run, and gathers what they name.
struct Teller<'f> {
    findings: &'f mut Findings,
    conditions: Vec<Expression>,
    named: Vec<Placed<String>>,
    declared: BTreeSet<String>,
    /// How many messages were named so far.
    messages: usize,
}

impl Teller<'_> {
    fn verbs(&mut self, verbs: &[Placed<script::Verb>]) -> Vec<Verb> {
        verbs.iter().flat_map(|verb| self.verb(verb)).collect()
    }

    /// Usually one; several where a verb names several messages to settle.
    fn verb(&mut self, verb: &Placed<script::Verb>) -> Vec<Verb> {
        use script::Verb as Typed;
        let one = match &verb.value {
            Typed::Send(messages, to, properties) => self.send(messages, to.as_ref(), properties),
            Typed::Consume(from, settings) => {
                NOTHING.check(settings, self.findings);
                Verb::Consume(self.name(from))
            }
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
                self.declared.insert(name.value.clone());
                Verb::Declare(rabbitmq_queue::queue(&name.value, arguments, self.findings))
            }
            Typed::Bind(exchange, queue) => {
                let (exchange, queue) = (self.name(exchange), self.name(queue));
                Verb::Bind { exchange, queue }
            }
            Typed::Crash => Verb::Crash,
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
            Typed::Answer(status) => {
                if !(100..=599).contains(&status.value) {
                    self.findings.refuse(status.place, "an HTTP status is from 100 to 599");
                }
                Verb::Answer(status.value)
            }
        };
        vec![one]
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

/// The bodies of a range: `m1` to `m6`, or `a` to `j`.
fn range(from: &str, to: &str) -> Result<Vec<String>, String> {
    let split = |text: &str| {
        let digits = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
        (text[..digits].to_string(), text[digits..].parse::<u64>().ok())
    };
    let wrong = || format!("`{from}..{to}` is no range of messages");
    if let ((head, Some(first)), (other, Some(last))) = (split(from), split(to)) {
        if head != other || first > last {
            return Err(wrong());
        }
        if last - first >= RANGE_MAX {
            return Err(format!(
                "`{from}..{to}` has more than {RANGE_MAX} messages; a load has producers instead"
            ));
        }
        return Ok((first..=last).map(|n| format!("{head}{n}")).collect());
    }
    let single =
        |text: &str| Some(text.chars().next()?).filter(|c| c.is_ascii_alphabetic() && text.len() == 1);
    match (single(from), single(to)) {
        (Some(first), Some(last)) if first <= last => Ok((first..=last).map(String::from).collect()),
        _ => Err(wrong()),
    }
}

const NOTHING: Table =
    Table { of: "this verb", modelled: &[], known: &["x-priority x-stream-offset exclusive qos"] };
const ACK: Table = Table { of: "`Ack`", modelled: &["multiple"], known: &[] };
const NACK: Table = Table { of: "`Nack`", modelled: &["multiple", "requeue"], known: &["delay"] };
const SEND: Table = Table {
    of: "`Send`",
    modelled: &["size", "delivery_mode", "priority", "expiration", "mandatory", "routing_key"],
    known: &["every until qos headers partition timestamp"],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_of_numbers_or_of_letters() {
        assert_eq!(range("m1", "m3").unwrap(), ["m1", "m2", "m3"]);
        assert_eq!(range("0", "2").unwrap(), ["0", "1", "2"]);
        assert_eq!(range("a", "c").unwrap(), ["a", "b", "c"]);
        for (from, to) in [("m3", "m1"), ("m1", "n3"), ("a", ""), ("", ""), ("0", "99999999999")] {
            assert!(range(from, to).is_err(), "{from}..{to}");
        }
    }
}
