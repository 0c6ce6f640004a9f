//! A queue of RabbitMQ by its real arguments.

use super::rabbitmq_names::QUEUE;
use super::settings::{Reader, Real, Setting};
use crate::defaults::*;
use crate::diagnostic::{Diagnostic, Findings};
use crate::named::Placed;
use redeliver_models::queue::{Behaviour, Config, DeadLetter, Overflow, Priorities, QueueConfig};

/// A queue by its name and its real arguments. Defaults differ before 4.0.
pub(crate) fn queue(name: &str, arguments: &Real, before_4: bool, findings: &mut Findings) -> QueueConfig {
    QUEUE.check(arguments, findings);
    let mut reader = Reader { settings: arguments, findings };
    let kind = reader.word("x-queue-type", &["classic", "quorum", "stream"]);
    if kind.as_deref() == Some("stream") {
        let place = reader.place("x-queue-type").unwrap_or_default();
        let diagnostic = Diagnostic::new("queues of type `stream` are not modelled yet").at(place);
        reader.findings.push(diagnostic.hint("modelled: \"classic\", \"quorum\""));
    }
    let quorum = kind.as_deref() == Some("quorum");
    let delivery_limit = delivery_limit(quorum, before_4, &mut reader);
    QueueConfig {
        name: name.into(),
        behaviour: if quorum {
            Behaviour::quorum(delivery_limit.is_some(), before_4)
        } else {
            Behaviour::CLASSIC
        },
        durable: durable(quorum, &mut reader),
        length_max: reader.count("x-max-length", 0),
        overflow: overflow(quorum, &mut reader),
        message_ttl: reader.millis("x-message-ttl", 0),
        delivery_limit,
        bytes_max: reader.whole("x-max-length-bytes", 0, i64::MAX).map(|bytes| bytes as u64),
        dead_letter: dead_letter(&mut reader),
        priorities: priorities(quorum, before_4, &mut reader),
        single_active_consumer: reader.flag("x-single-active-consumer").unwrap_or(false),
        members: members(quorum, &mut reader),
        ..QueueConfig::default()
    }
}

/// On how many nodes a quorum queue is; on all, if there are fewer.
fn members(quorum: bool, reader: &mut Reader<'_>) -> usize {
    let name = "x-quorum-initial-group-size";
    let said = reader.whole(name, 1, i64::from(CLUSTER_NODES_MAX));
    if said.is_some() && !quorum {
        let place = reader.place(name).unwrap_or_default();
        let diagnostic = Diagnostic::new("only a quorum queue has members on several nodes").at(place);
        reader.findings.push(diagnostic.hint("write `\"x-queue-type\": \"quorum\"` beside it"));
    }
    said.map_or(QUORUM_MEMBERS.value as usize, |count| count as usize)
}

fn durable(quorum: bool, reader: &mut Reader<'_>) -> bool {
    let durable = reader.flag("durable").unwrap_or(DURABLE.value);
    if quorum && !durable {
        let place = reader.place("durable").unwrap_or_default();
        let diagnostic = Diagnostic::new("a quorum queue is always durable").at(place);
        reader
            .findings
            .push(diagnostic.hint("RabbitMQ answers 406 PRECONDITION_FAILED; leave `durable` out"));
    }
    durable
}

/// Only quorum queues have one. Before 4.0 a negative one drops a message as it comes back for the first time
/// (recorded: `rabbit-X-B-nack-m2-quorum-unlimited`); since then it is none.
fn delivery_limit(quorum: bool, before_4: bool, reader: &mut Reader<'_>) -> Option<u32> {
    let said = reader.whole("x-delivery-limit", -1, i64::from(u32::MAX));
    if !quorum {
        if said.is_some() {
            let place = reader.place("x-delivery-limit").unwrap_or_default();
            let diagnostic = Diagnostic::new("only a quorum queue has a delivery limit").at(place);
            reader.findings.push(diagnostic.hint("write `\"x-queue-type\": \"quorum\"` beside it"));
        }
        return None;
    }
    match said {
        None => (!before_4).then_some(DELIVERY_LIMIT.value),
        Some(-1) => before_4.then_some(0),
        Some(limit) => Some(limit as u32),
    }
}

/// Quorum queues refuse late, and know no `reject-publish-dlx`: with it they drop the first ready message (recorded:
/// `rabbit-X-E4-reject-publish-quorum`; brokers.md, section 5).
fn overflow(quorum: bool, reader: &mut Reader<'_>) -> Overflow {
    match reader.word("x-overflow", &["drop-head", "reject-publish", "reject-publish-dlx"]).as_deref() {
        Some("reject-publish") if quorum => Overflow::RejectPublishLate,
        Some("reject-publish") => Overflow::RejectPublish,
        Some("reject-publish-dlx") if !quorum => Overflow::RejectPublishDeadLetter,
        _ => Overflow::DropHead,
    }
}

/// The arguments of a queue that RabbitMQ does not make, without the one that it does not take (recorded:
/// `rabbit-X-P1-arg-quorum`); nothing if it takes all.
pub(crate) fn without_what_is_refused(arguments: &Real) -> Option<Real> {
    let is_quorum =
        |setting: &Placed<Setting>| matches!(&setting.value, Setting::Text(text) if text == "quorum");
    arguments.get("x-queue-type").filter(|setting| is_quorum(setting))?;
    arguments.get("x-max-priority")?;
    let mut rest = arguments.clone();
    rest.0.shift_remove("x-max-priority");
    Some(rest)
}

/// Quorum queues have two classes since 4.0 (recorded: `rabbit4-X-P1-quorum-mix`), and ignored priorities before.
fn priorities(quorum: bool, before_4: bool, reader: &mut Reader<'_>) -> Priorities {
    let max = reader.whole("x-max-priority", 0, 255);
    match max {
        Some(_) if quorum => {
            let place = reader.place("x-max-priority").unwrap_or_default();
            let diagnostic = Diagnostic::new("a quorum queue takes no `x-max-priority`").at(place);
            reader.findings.push(diagnostic.hint("RabbitMQ answers 406 PRECONDITION_FAILED; leave it out"));
            Priorities::None
        }
        Some(max) => Priorities::Strict(max as u8),
        None if quorum && !before_4 => Priorities::TwoToOne,
        None => Priorities::None,
    }
}

fn dead_letter(reader: &mut Reader<'_>) -> DeadLetter {
    let routing_key = reader.text("x-dead-letter-routing-key");
    let Some(name) = reader.text("x-dead-letter-exchange") else {
        if let Some(place) = reader.place("x-dead-letter-routing-key") {
            let message =
                "`x-dead-letter-routing-key` without `x-dead-letter-exchange`: RabbitMQ answers 406";
            let hint = "add `\"x-dead-letter-exchange\": \"\"` for the default exchange";
            reader.findings.push(Diagnostic::new(message).at(place).hint(hint));
        }
        return DeadLetter::Dropped;
    };
    DeadLetter::Exchange { name, routing_key }
}

/// Refuses dead letters to an exchange that is not there.
pub(crate) fn check_dead_letters(queue: &str, arguments: &Real, config: &Config, findings: &mut Findings) {
    let found = config.queues.iter().find(|other| other.name == queue);
    let Some(DeadLetter::Exchange { name, .. }) = found.map(|queue| &queue.dead_letter) else { return };
    let mut known = config.exchanges.iter().map(|exchange| exchange.name.as_str());
    if name.is_empty() || known.clone().any(|exchange| exchange == name) {
        return;
    }
    let message = format!("there is no exchange `{name}`: RabbitMQ would drop the dead letters");
    let place = arguments.get("x-dead-letter-exchange").map(|setting| setting.place).unwrap_or_default();
    findings.push(Diagnostic::new(message).at(place).nearest(name, known.by_ref()));
}

/// Whether dead letters of one of these queues may come to this one.
pub(crate) fn gets_dead_letters(config: &Config, index: usize) -> bool {
    let queue = &config.queues[index];
    config.queues.iter().any(|source| match &source.dead_letter {
        DeadLetter::Exchange { name, routing_key } if name.is_empty() => {
            routing_key.as_ref().is_none_or(|key| *key == queue.name)
        }
        DeadLetter::Exchange { name, .. } => {
            config.exchanges.iter().any(|exchange| exchange.name == *name && exchange.queues.contains(&index))
        }
        DeadLetter::Aside | DeadLetter::Dropped => false,
    })
}

/// A queue as the assumptions show it.
pub(crate) fn show_queue(queue: &QueueConfig) -> String {
    let kind = if queue.behaviour == Behaviour::CLASSIC { "classic" } else { "quorum" };
    let durable = if queue.durable { "durable" } else { "not durable" };
    let mut parts = vec![kind.to_string(), durable.to_string()];
    parts.extend(queue.length_max.map(|n| format!("x-max-length {n}")));
    parts.extend(queue.bytes_max.map(|n| format!("x-max-length-bytes {n}")));
    match queue.overflow {
        Overflow::DropHead => {}
        Overflow::RejectPublish | Overflow::RejectPublishLate => {
            parts.push("x-overflow reject-publish".into())
        }
        Overflow::RejectPublishDeadLetter => parts.push("x-overflow reject-publish-dlx".into()),
    }
    parts.extend(queue.message_ttl.map(|ttl| format!("x-message-ttl {}", crate::units::show_span(ttl))));
    parts.extend(queue.delivery_limit.map(|n| format!("x-delivery-limit {n}")));
    if let DeadLetter::Exchange { name, routing_key } = &queue.dead_letter {
        parts.push(format!("x-dead-letter-exchange {name:?}"));
        parts.extend(routing_key.as_ref().map(|key| format!("x-dead-letter-routing-key {key}")));
    }
    if let Priorities::Strict(max) = queue.priorities {
        parts.push(format!("x-max-priority {max}"));
    }
    parts.extend(queue.single_active_consumer.then(|| "x-single-active-consumer".to_string()));
    parts.join(", ")
}
