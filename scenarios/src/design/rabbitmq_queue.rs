//! A queue of RabbitMQ by its real arguments.

use super::rabbitmq_names::QUEUE;
use super::settings::{Reader, Real};
use crate::defaults::*;
use crate::diagnostic::{Diagnostic, Findings};
use redeliver_models::queue::{Config, DeadLetter, Overflow, Priorities, QueueConfig};

/// A queue by its name and its real arguments.
pub(crate) fn queue(name: &str, arguments: &Real, findings: &mut Findings) -> QueueConfig {
    QUEUE.check(arguments, findings);
    let mut reader = Reader { settings: arguments, findings };
    let kind = reader.word("x-queue-type", &["classic", "quorum", "stream"]);
    if let Some(kind) = kind.filter(|kind| kind != "classic") {
        let place = reader.place("x-queue-type").unwrap_or_default();
        let diagnostic = Diagnostic::new(format!("queues of type `{kind}` are not modelled yet")).at(place);
        reader.findings.push(diagnostic.hint("modelled: \"classic\""));
    }
    let priority_max = reader.whole("x-max-priority", 0, 255);
    QueueConfig {
        name: name.into(),
        durable: reader.flag("durable").unwrap_or(DURABLE.value),
        length_max: reader.count("x-max-length", 0),
        overflow: overflow(&mut reader),
        message_ttl: reader.millis("x-message-ttl", 0),
        delivery_limit: reader.count("x-delivery-limit", 0),
        bytes_max: reader.whole("x-max-length-bytes", 0, i64::MAX).map(|bytes| bytes as u64),
        dead_letter: dead_letter(&mut reader),
        priorities: priority_max.map_or(Priorities::None, |max| Priorities::Strict(max as u8)),
    }
}

fn overflow(reader: &mut Reader<'_>) -> Overflow {
    match reader.word("x-overflow", &["drop-head", "reject-publish", "reject-publish-dlx"]).as_deref() {
        Some("reject-publish") => Overflow::RejectPublish,
        Some("reject-publish-dlx") => Overflow::RejectPublishDeadLetter,
        _ => Overflow::DropHead,
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
    let mut parts = vec![if queue.durable { "durable".to_string() } else { "not durable".to_string() }];
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
    parts.join(", ")
}
