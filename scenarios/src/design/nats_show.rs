//! Streams and consumers of NATS as the assumptions show them.

use super::nats_stream::Taken;
use crate::assumptions::Show;
use redeliver_models::queue::{Discard, QueueConfig, Retention};

pub(super) fn show_stream(taken: &Taken) -> String {
    let stream = &taken.stream;
    let mut parts = vec![format!("subjects {}", taken.subjects.join(" "))];
    parts.push(format!("storage {}", if stream.durable { "file" } else { "memory" }));
    let retention = match stream.retention {
        Retention::Limits => "limits",
        Retention::Interest => "interest",
        Retention::WorkQueue => "workqueue",
    };
    parts.push(format!("retention {retention}"));
    parts.extend(stream.messages_max.map(|max| format!("max_msgs {max}")));
    parts.extend(stream.bytes_max.map(|max| format!("max_bytes {max}")));
    parts.extend(stream.age_max.map(|age| format!("max_age {}", age.show())));
    if stream.messages_max.is_some() || stream.bytes_max.is_some() {
        let discard = if stream.discard == Discard::Old { "old" } else { "new" };
        parts.push(format!("discard {discard}"));
    }
    parts.push(format!("duplicate_window {}", stream.duplicate_window.show()));
    parts.join(", ")
}

pub(super) fn show_consumer(queue: &QueueConfig, taken: &[Taken]) -> String {
    let mut parts = Vec::new();
    parts.extend(queue.stream.map(|stream| format!("stream {}", taken[stream].stream.name)));
    if let Some(redelivery) = &queue.redelivery {
        parts.push(format!("ack_policy {}", if redelivery.at_once { "none" } else { "explicit" }));
        if redelivery.backoff.is_empty() {
            parts.push(format!("ack_wait {}", redelivery.ack_wait.show()));
        } else {
            let spans: Vec<String> = redelivery.backoff.iter().map(|span| span.show()).collect();
            parts.push(format!("backoff {}", spans.join(" ")));
        }
        let window = redelivery.window.map_or("unlimited".into(), |window| window.to_string());
        parts.push(format!("max_ack_pending {window}"));
    }
    let deliveries = queue.delivery_limit.map_or("unlimited".into(), |limit| (limit + 1).to_string());
    parts.push(format!("max_deliver {deliveries}"));
    parts.push(if queue.pulled.is_some() { "pull".into() } else { "push".to_string() });
    parts.join(", ")
}
