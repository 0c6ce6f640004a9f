//! Which verbs of a story, and which settings of them, a design knows.
//!
//! A script is for all designs of a file: what some of them know is left out by the others, and what none knows is refused.

use crate::design::Designed;
use crate::design::mosquitto::{wrong_filter, wrong_topic};
use crate::diagnostic::{Diagnostic, Findings, Place};
use redeliver_models::properties::Said;
use redeliver_models::setup::Design;
use redeliver_models::story::{Dialect, Script, Verb, Who};
use redeliver_sim::Span;

/// What every design with a broker knows.
const EVERY: &[&str] = &[
    "Close", "Crash", "Handle", "Look", "Pause", "Poll", "Process", "Restart", "Resume", "Send", "Shutdown",
    "Until", "Wait",
];
const AMQP: &[&str] = &[
    "Ack",
    "Alter",
    "Bind",
    "Cancel",
    "CloseChannel",
    "Consume",
    "Declare",
    "Nack",
    "PollAll",
    "Recover",
    "delivery_mode",
    "expiration",
    "mandatory",
    "multiple",
    "priority",
    "routing_key",
    "x-priority",
];
const NATS: &[&str] = &["Ack", "Cancel", "Consume", "Declare", "Extend", "Nack", "PollAll", "Nats-Msg-Id"];
const SQS: &[&str] = &["Ack", "Declare", "Extend", "Nack", "MessageDeduplicationId", "VisibilityTimeout"];
const REDIS: &[&str] = &["Ack", "Claim", "Consume", "Declare", "PollAll", "MAXLEN"];
const MQTT: &[&str] = &["Ack", "Consume", "qos", "retain"];
const LOG: &[&str] = &["Commit", "Consume", "PollAll", "Subscribe"];
/// Without a broker a story is refused as a whole.
const DIRECT: &[&str] = &["Consume", "PollAll"];
/// What a node does, and what is done to it.
const NODE: &[&str] = &[
    "Alter", "Bind", "Close", "Crash", "Declare", "Look", "Pause", "Restart", "Resume", "Shutdown", "Until",
    "Wait",
];
/// Words that begin as verbs do, and are settings.
const SETTINGS: &[&str] = &["MAXLEN", "Nats-Msg-Id", "MessageDeduplicationId", "VisibilityTimeout"];

/// The words of a design beside those that every one knows.
fn words(design: &Design) -> &'static [&'static str] {
    match design {
        Design::Queue(config) => match config.dialect {
            Dialect::Amqp => AMQP,
            Dialect::Nats => NATS,
            Dialect::Sqs => SQS,
            Dialect::Redis => REDIS,
            Dialect::Mqtt => MQTT,
        },
        Design::Log(_) => LOG,
        Design::Udp(_) | Design::Webhook(_) => DIRECT,
    }
}

/// The words of a verb itself: its name, and those settings that not every design knows.
fn words_of(verb: &Verb) -> Vec<&'static str> {
    let said_if = |said: bool, word: &'static str| said.then_some(word);
    let settings: Vec<&'static str> = match verb {
        Verb::Send { said, .. } => said.iter().flat_map(words_said).collect(),
        Verb::Consume { priority, qos, .. } => {
            let all = [said_if(priority.is_some(), "x-priority"), said_if(qos.is_some(), "qos")];
            all.into_iter().flatten().collect()
        }
        Verb::Ack { multiple, .. } | Verb::Nack { multiple, .. } => {
            said_if(*multiple, "multiple").into_iter().collect()
        }
        Verb::Extend { wait, .. } => said_if(*wait > Span::ZERO, "VisibilityTimeout").into_iter().collect(),
        _ => Vec::new(),
    };
    std::iter::once(verb.name()).chain(settings).collect()
}

fn words_said(said: &Said) -> impl Iterator<Item = &'static str> {
    let all = [
        (said.priority > 0, "priority"),
        (said.expiration.is_some(), "expiration"),
        (said.mandatory, "mandatory"),
        (said.persistent.is_some(), "delivery_mode"),
        (said.routing_key.is_some(), "routing_key"),
        (said.id.is_some(), "Nats-Msg-Id"),
        (said.deduplication_id.is_some(), "MessageDeduplicationId"),
        (said.length_max.is_some(), "MAXLEN"),
        (said.qos.is_some(), "qos"),
        (said.retain.is_some(), "retain"),
    ];
    all.into_iter().filter(|(said, _)| *said).map(|(_, word)| word)
}

fn knows(design: &Design, word: &str) -> bool {
    // A session of MQTT is given what comes: nobody asks for it.
    let is_lacking = |word| word == "Poll" && words(design) == MQTT;
    EVERY.contains(&word) && !is_lacking(word) || words(design).contains(&word)
}

/// Refuses what no design knows; `places` has those of each line's verbs.
pub(crate) fn check(script: &Script, places: &[Vec<Place>], designs: &[&Designed], findings: &mut Findings) {
    for (verb, place) in with_places(script, places) {
        for word in verb.all().into_iter().flat_map(words_of) {
            if designs.iter().any(|designed| knows(&designed.design, word)) {
                continue;
            }
            let what = if word.starts_with(char::is_uppercase) && !SETTINGS.contains(&word) {
                "verb"
            } else {
                "setting"
            };
            let message = match designs {
                [_] => format!("this design has no {what} `{word}`"),
                _ => format!("none of the designs has the {what} `{word}`"),
            };
            let hint = match designs.first().map(|designed| words(&designed.design)) {
                None | Some([]) => "nothing of the kind is modelled here".to_string(),
                Some(known) => format!("beside what all know: {}", known.join(", ")),
            };
            findings.push(Diagnostic::new(message).at(place).hint(hint));
        }
    }
}

/// Refuses what only clients do, of nodes: of brokers and members of a load.
pub(crate) fn check_nodes(
    script: &Script,
    places: &[Vec<Place>],
    is_node: impl Fn(&str) -> bool,
    findings: &mut Findings,
) {
    for (line, places) in script.lines.iter().zip(places) {
        let mut nodes =
            line.who.iter().filter_map(|who| if let Who::Node(name) = who { Some(name) } else { None });
        let Some(node) = nodes.find(|name| is_node(name)) else { continue };
        let verbs = line.verbs.iter().zip(places);
        for (verb, place) in verbs.filter(|(verb, _)| !NODE.contains(&verb.name())) {
            let message = format!("`{node}` is a node, and no client: it has no verb `{}`", verb.name());
            let hint = format!("a node knows {}; a client has a name of its own", NODE.join(", "));
            findings.push(Diagnostic::new(message).at(*place).hint(hint));
        }
    }
}

/// Refuses to be given what is asked for, and the other way round.
pub(crate) fn check_pulls(
    script: &Script,
    places: &[Vec<Place>],
    designed: &Designed,
    findings: &mut Findings,
) {
    let Design::Queue(config) = &designed.design else { return };
    if config.dialect != Dialect::Nats {
        return;
    }
    let pulled = |name: &String| {
        let queue =
            config.queues.iter().find(|queue| queue.name == *name).or_else(|| designed.declared.get(name))?;
        (queue.redelivery.is_some() && !queue.passing).then_some(queue.pulled.is_some())
    };
    for (verb, place) in with_places(script, places) {
        for verb in verb.all() {
            let (name, message, hint) = match verb {
                Verb::Consume { from, .. } if pulled(from) == Some(true) => {
                    (from, "is a pull consumer: `Poll` it", "or give it a `\"deliver_subject\"`")
                }
                Verb::Poll { from: Some(from), .. } | Verb::PollAll { from: Some(from) }
                    if pulled(from) == Some(false) =>
                {
                    (from, "is a push consumer: `Consume` it", "or leave its `\"deliver_subject\"` out")
                }
                _ => continue,
            };
            findings.push(Diagnostic::new(format!("`{name}` {message}")).at(place).hint(hint));
        }
    }
}

/// Refuses filters that MQTT does not allow, and to publish to one.
pub(crate) fn check_topics(
    script: &Script,
    places: &[Vec<Place>],
    designed: &Designed,
    findings: &mut Findings,
) {
    let Design::Queue(config) = &designed.design else { return };
    if config.dialect != Dialect::Mqtt {
        return;
    }
    for (verb, place) in with_places(script, places) {
        for verb in verb.all() {
            let (message, hint) = match verb {
                Verb::Consume { from, .. } => match wrong_filter(from) {
                    Some(hint) => (format!("`{from}` is no topic filter"), hint),
                    None => continue,
                },
                Verb::Send { to: Some(to), .. } => match wrong_topic(to) {
                    Some(hint) => (format!("`{to}` is no topic to publish to"), hint),
                    None => continue,
                },
                Verb::Send { to: None, .. } if config.exchanges.len() != 1 => {
                    ("`Send` does not say its topic".to_string(), "write `Send(\"m1\", \"a/b\")`")
                }
                _ => continue,
            };
            findings.push(Diagnostic::new(message).at(place).hint(hint));
        }
    }
}

fn with_places<'a>(script: &'a Script, places: &'a [Vec<Place>]) -> impl Iterator<Item = (&'a Verb, Place)> {
    let lines = script.lines.iter().zip(places);
    lines.flat_map(|(line, places)| line.verbs.iter().zip(places.iter().copied()))
}

/// The script as this design plays it: without what it does not know.
pub(crate) fn leave_out(script: &mut Script, design: &Design) {
    for line in &mut script.lines {
        leave_out_of(&mut line.verbs, design);
    }
}

fn leave_out_of(verbs: &mut Vec<Verb>, design: &Design) {
    verbs.retain(|verb| knows(design, verb.name()));
    for verb in verbs {
        match verb {
            Verb::Handle(rules) => rules.iter_mut().for_each(|rule| leave_out_of(&mut rule.verbs, design)),
            Verb::Send { said, .. } => said.iter_mut().for_each(|said| {
                if words_said(said).any(|word| !knows(design, word)) {
                    // The two ids are each for a product of its own.
                    let id = said.id.take().filter(|_| knows(design, "Nats-Msg-Id"));
                    let own =
                        said.deduplication_id.take().filter(|_| knows(design, "MessageDeduplicationId"));
                    let qos = said.qos.filter(|_| knows(design, "qos"));
                    let retain = said.retain.filter(|_| knows(design, "retain"));
                    *said = Said { qos, retain, id, deduplication_id: own, ..Said::default() };
                }
            }),
            Verb::Extend { wait, .. } if !knows(design, "VisibilityTimeout") => *wait = Span::ZERO,
            Verb::Consume { priority, qos, .. } => {
                *priority = priority.filter(|_| knows(design, "x-priority"));
                *qos = qos.filter(|_| knows(design, "qos"));
            }
            Verb::Ack { multiple, .. } | Verb::Nack { multiple, .. } => {
                *multiple &= knows(design, "multiple")
            }
            _ => {}
        }
    }
}
