//! Queues of Amazon SQS by their real attributes.

use super::settings::{Reader, Real};
use super::sqs_names::{QUEUE, REDRIVE};
use crate::assumptions::Show;
use crate::defaults::*;
use crate::diagnostic::{Diagnostic, Findings, Place};
use redeliver_models::queue::{
    Behaviour, DeadLetter, Duplicates, Lifetime, QueueConfig, Redelivery, Settles, Turns,
};
use redeliver_sim::Span;

/// A queue by its name and its attributes.
pub(super) fn queue(name: &str, settings: &Real, in_flight_max: u32, findings: &mut Findings) -> QueueConfig {
    QUEUE.check(settings, findings);
    let mut reader = Reader { settings, findings };
    let fifo = reader.flag("FifoQueue").unwrap_or(false);
    let by_content = reader.flag("ContentBasedDeduplication").unwrap_or(false);
    let seconds_max = |span: Span| (span.0 / 1_000_000_000) as i64;
    let visibility = reader.seconds("VisibilityTimeout", 0, seconds_max(VISIBILITY_TIMEOUT_MAX));
    let retention = reader.seconds("MessageRetentionPeriod", 60, 14 * 86_400);
    let delay = reader.seconds("DelaySeconds", 0, 900);
    let wait = reader.seconds("ReceiveMessageWaitTimeSeconds", 0, 20);
    let size = reader.whole("MaximumMessageSize", 1_024, 1 << 20);
    let redrive = reader.map("RedrivePolicy");
    if by_content && !fifo {
        let place = reader.place("ContentBasedDeduplication").unwrap_or_default();
        let diagnostic = Diagnostic::new("only a FIFO queue knows what it was sent before").at(place);
        reader.findings.push(diagnostic.hint("add `\"FifoQueue\": true`, or leave it out"));
    }
    let (delivery_limit, dead_letter) = match redrive {
        Some(redrive) => redrive_policy(&redrive, place_of(settings, "RedrivePolicy"), findings),
        None => (None, DeadLetter::Dropped),
    };
    let span = retention.unwrap_or(MESSAGE_RETENTION.value);
    QueueConfig {
        name: name.into(),
        behaviour: Behaviour::HIDING,
        delivery_limit,
        dead_letter,
        redelivery: Some(Redelivery {
            ack_wait: visibility.unwrap_or(VISIBILITY_TIMEOUT.value),
            backoff: Vec::new(),
            window: Some(in_flight_max),
            keeps_place: false,
            settles: if fifo { Settles::WhileHeld } else { Settles::LastDelivery },
            at_once: false,
            claimed: false,
            held_max: Some(VISIBILITY_TIMEOUT_MAX),
            delay: delay.unwrap_or(Span::ZERO),
            lifetime: Some(Lifetime { span, from_first: !fifo }),
        }),
        pulled: Some(wait.unwrap_or(Span::ZERO)),
        turns: Turns::OneByOne,
        grouped: fifo,
        duplicates: fifo.then_some(Duplicates { window: DEDUPLICATION_INTERVAL, by_content }),
        size_max: Some(size.map_or(MAXIMUM_MESSAGE_SIZE.value, |size| size as u64)),
        ..QueueConfig::default()
    }
}

fn place_of(settings: &Real, name: &str) -> Place {
    settings.get(name).map(|setting| setting.place).unwrap_or_default()
}

/// How often a message is received, and where it goes then.
fn redrive_policy(settings: &Real, place: Place, findings: &mut Findings) -> (Option<u32>, DeadLetter) {
    REDRIVE.check(settings, findings);
    let mut reader = Reader { settings, findings };
    let count = reader.whole("maxReceiveCount", 1, 1_000).map_or(MAX_RECEIVE_COUNT, |count| count as u32);
    let Some(arn) = reader.text("deadLetterTargetArn") else {
        if settings.get("deadLetterTargetArn").is_none() {
            let diagnostic = Diagnostic::new("a redrive policy says where messages go").at(place);
            findings.push(diagnostic.hint("add `\"deadLetterTargetArn\": \"…\"`: a queue of this design"));
        }
        return (None, DeadLetter::Dropped);
    };
    // arn:aws:sqs:region:account:name, or the name alone.
    let target = arn.rsplit(':').next().unwrap_or_default();
    (Some(count - 1), DeadLetter::Exchange { name: String::new(), routing_key: Some(target.into()) })
}

/// Where a queue's dead letters go.
pub(super) fn target(queue: &QueueConfig) -> Option<&str> {
    match &queue.dead_letter {
        DeadLetter::Exchange { routing_key, .. } => routing_key.as_deref(),
        DeadLetter::Aside | DeadLetter::Dropped => None,
    }
}

/// Refuses dead-letter queues that are not there, of the other kind, or that lead back.
pub(super) fn check_targets(queues: &[QueueConfig], place: impl Fn(&str) -> Place, findings: &mut Findings) {
    let find = |name: &str| queues.iter().find(|queue| queue.name == name);
    for queue in queues {
        let Some(name) = target(queue) else { continue };
        let at = place(&queue.name);
        let Some(dead) = find(name) else {
            let diagnostic = Diagnostic::new(format!("there is no queue `{name}` for dead letters")).at(at);
            findings.push(diagnostic.nearest(name, queues.iter().map(|queue| queue.name.as_str())));
            continue;
        };
        if dead.grouped != queue.grouped {
            let (one, other) = if queue.grouped { ("FIFO", "standard") } else { ("standard", "FIFO") };
            let message =
                format!("`{}` is a {one} queue, and its dead-letter queue a {other} one", queue.name);
            findings.push(Diagnostic::new(message).at(at).hint("SQS wants both of one kind"));
        }
        let mut next = Some(dead);
        for _ in queues {
            next = next.and_then(target).and_then(find);
            if next.is_some_and(|next| next.name == queue.name) || name == queue.name {
                let message = format!("dead letters of `{}` lead back to it", queue.name);
                findings
                    .push(Diagnostic::new(message).at(at).hint("that is not modelled: end in another queue"));
                break;
            }
        }
    }
}

/// A queue as the assumptions show it.
pub(super) fn show_queue(queue: &QueueConfig) -> String {
    let mut parts = vec![if queue.grouped { "FIFO" } else { "standard" }.to_string()];
    if let Some(redelivery) = &queue.redelivery {
        parts.push(format!("VisibilityTimeout {}", redelivery.ack_wait.show()));
        parts.extend(redelivery.lifetime.map(|life| format!("MessageRetentionPeriod {}", life.span.show())));
        if redelivery.delay > Span::ZERO {
            parts.push(format!("DelaySeconds {}", redelivery.delay.show()));
        }
    }
    let wait = queue.pulled.unwrap_or(Span::ZERO);
    parts.push(format!("ReceiveMessageWaitTimeSeconds {}", wait.show()));
    parts.extend(queue.size_max.map(|size| format!("MaximumMessageSize {}", size.show())));
    if queue.duplicates.is_some_and(|duplicates| duplicates.by_content) {
        parts.push("ContentBasedDeduplication".into());
    }
    if let (Some(limit), Some(target)) = (queue.delivery_limit, target(queue)) {
        parts.push(format!("maxReceiveCount {} to {target}", limit + 1));
    }
    parts.join(", ")
}
