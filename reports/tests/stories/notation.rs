//! From the notation of the records into ours, by one function for each family of cases.

use serde_json::{Value, json};

/// An observed value of this case, as the result would show it.
pub(crate) fn ours(case: &str, observed: &Value) -> Value {
    match case.split('-').next() {
        Some("rabbit" | "rabbit4" | "cluster" | "kafka") => rabbit(observed),
        // In this case the number beside a body is its sequence.
        Some("nats") if case == "nats-G1" => nats(observed, &|body, sequence| format!("{body}@{sequence}")),
        Some("nats") => nats(observed, &|body, deliveries| match deliveries {
            1 => body.into(),
            _ => format!("{body} num_delivered={deliveries}"),
        }),
        Some("redis") => redis(observed),
        Some("mqtt") => mqtt(observed),
        other => panic!("no notation is known for the cases of {other:?}"),
    }
}

/// What RabbitMQ's messages die of.
const REASONS: [&str; 4] = ["rejected", "expired", "maxlen", "delivery_limit"];

/// RabbitMQ and Kafka: a pair [body, redelivered] is a message with its flag. Behind it, or alone behind the body, stands
/// what it has died of, and how often: once if nothing is said; or how often it was returned. An error has its code and
/// its name.
fn rabbit(observed: &Value) -> Value {
    match observed {
        Value::Array(items) => match items.as_slice() {
            [Value::String(body), Value::Bool(again)] => {
                json!(if *again { format!("{body} redelivered") } else { body.clone() })
            }
            // Some bodies are numbers.
            [Value::Number(body), Value::Bool(again)] => {
                json!(if *again { format!("{body} redelivered") } else { body.to_string() })
            }
            [Value::String(body), Value::String(reason)] if REASONS.contains(&reason.as_str()) => {
                json!(format!("{body} x-death={reason}:1"))
            }
            [Value::String(body), Value::Bool(again), Value::String(reason), Value::Number(count)] => {
                let flag = if *again { " redelivered" } else { "" };
                json!(format!("{body}{flag} x-death={reason}:{count}"))
            }
            [Value::String(body), Value::Bool(again), Value::Number(count)] => {
                let flag = if *again { " redelivered" } else { "" };
                let returned = count.as_u64().filter(|count| *count > 0);
                let header = returned.map_or(String::new(), |count| format!(" x-delivery-count={count}"));
                json!(format!("{body}{flag}{header}"))
            }
            _ => items.iter().map(rabbit).collect(),
        },
        Value::String(text) if text == "queue gone: 404" => json!("404 NOT_FOUND"),
        Value::String(text) if text.starts_with("ChannelClosedByBroker: (406, \"PRECONDITION_FAILED - ") => {
            json!("406 PRECONDITION_FAILED")
        }
        other => other.clone(),
    }
}

/// NATS: a pair [body, number] is a message with a number. An error of the server has its name and its code.
fn nats(observed: &Value, message: &impl Fn(&str, u64) -> String) -> Value {
    match observed {
        Value::Array(items) => match items.as_slice() {
            [Value::String(body), Value::Number(number)] => {
                json!(message(body, number.as_u64().expect("it counts")))
            }
            _ => items.iter().map(|item| nats(item, message)).collect(),
        },
        Value::String(text) if text.starts_with("nats: ") => {
            let words: Vec<&str> = text.split_whitespace().collect();
            let code = words.iter().find(|word| word.starts_with("err_code=")).expect("an error has a code");
            json!(format!("{} {code}", words[1].trim_end_matches(':')))
        }
        other => other.clone(),
    }
}

/// Redis: a pair [consumer, number] is whose an entry is, and how often it was delivered.
fn redis(observed: &Value) -> Value {
    match observed {
        Value::Array(items) => match items.as_slice() {
            [Value::String(consumer), Value::Number(deliveries)] => json!(format!("{consumer} {deliveries}")),
            _ => items.iter().map(redis).collect(),
        },
        other => other.clone(),
    }
}

/// MQTT: a pair [body, dup] is a message with its flag.
fn mqtt(observed: &Value) -> Value {
    match observed {
        Value::Array(items) => match items.as_slice() {
            [Value::String(body), Value::Bool(dup)] => {
                json!(if *dup { format!("{body} dup") } else { body.clone() })
            }
            _ => items.iter().map(mqtt).collect(),
        },
        other => other.clone(),
    }
}
