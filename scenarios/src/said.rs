//! What publishers say of their messages, by the names of AMQP 0-9-1, NATS, SQS, Redis and MQTT: properties of `Send` in a
//! story, settings of the publishers of a load.

use crate::design::settings::{Reader, Real, Setting};
use crate::diagnostic::{Diagnostic, Findings};
use redeliver_models::properties::{LengthMax, Said};

/// Names of what can be said.
pub(crate) const SAID: [&str; 10] = [
    "priority",
    "expiration",
    "mandatory",
    "delivery_mode",
    "routing_key",
    "Nats-Msg-Id",
    "MessageDeduplicationId",
    "MAXLEN",
    "qos",
    "retain",
];

/// What is said of all messages.
pub(crate) fn said(settings: &Real, findings: &mut Findings) -> Said {
    let length_max = length_max(settings, findings);
    let mut reader = Reader { settings, findings };
    Said {
        length_max,
        priority: reader.whole("priority", 0, 255).unwrap_or(0) as u8,
        expiration: reader.millis("expiration", 0),
        mandatory: reader.flag("mandatory").unwrap_or(false),
        persistent: reader.whole("delivery_mode", 1, 2).map(|mode| mode == 2),
        routing_key: reader.text("routing_key"),
        id: reader.text("Nats-Msg-Id"),
        deduplication_id: reader.text("MessageDeduplicationId"),
        own_id: false,
        qos: reader.whole("qos", 0, 2).map(|qos| qos as u8),
        retain: reader.flag("retain"),
    }
}

/// How long a stream may be with a message: `10`, `"= 10"`, `"~ 10"`.
pub(crate) fn length_max(settings: &Real, findings: &mut Findings) -> Option<LengthMax> {
    let setting = settings.get("MAXLEN")?;
    let text = match &setting.value {
        Setting::Text(text) => text.trim().to_string(),
        other => other.to_string(),
    };
    let (about, number) = match text.strip_prefix('~') {
        Some(number) => (true, number),
        None => (false, text.strip_prefix('=').unwrap_or(&text)),
    };
    let count = number.trim().parse().ok();
    if count.is_none() {
        let diagnostic = Diagnostic::new("`MAXLEN` must be a number of messages").at(setting.place);
        findings.push(diagnostic.hint("write 1000, or \"~ 1000\" for whole nodes"));
    }
    Some(LengthMax { count: count?, about })
}

/// What is said of each of so many messages: where a value is a list, its n-th of the n-th. One entry if there is no list,
/// and none if nothing is said.
pub(crate) fn said_of_each(settings: &Real, messages: usize, findings: &mut Findings) -> Vec<Said> {
    let is_list =
        |name: &&&str| matches!(settings.get(name).map(|setting| &setting.value), Some(Setting::List(_)));
    let lists: Vec<&str> = SAID.iter().filter(is_list).copied().collect();
    for name in &lists {
        if let Some(setting) = settings.get(name)
            && let Setting::List(values) = &setting.value
            && values.len() != messages
        {
            let message = format!("`{name}` has {} values for {messages} messages", values.len());
            let hint = "a list has one value for each message; a single value is said of all";
            findings.push(Diagnostic::new(message).at(setting.place).hint(hint));
            return Vec::new();
        }
    }
    if lists.is_empty() {
        let said = said(settings, findings);
        return if said == Said::default() { Vec::new() } else { vec![said] };
    }
    let before = findings.0.len();
    let mut all = Vec::new();
    let mut of_one = settings.clone();
    for i in 0..messages {
        for name in &lists {
            let Some(entry) = of_one.0.get_mut(*name) else { continue };
            if let Some(Setting::List(values)) = settings.get(name).map(|setting| &setting.value) {
                entry.value.value = values[i].clone();
            }
        }
        all.push(said(&of_one, findings));
        if findings.0.len() > before {
            break;
        }
    }
    all
}
