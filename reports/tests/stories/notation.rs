//! From the notation of the records into ours, by one function for each family of cases.

use serde_json::{Value, json};

/// An observed value of this case, as the result would show it.
pub(crate) fn ours(case: &str, observed: &Value) -> Value {
    match case.split('-').next() {
        Some("rabbit" | "rabbit4" | "cluster" | "kafka") => rabbit(observed),
        other => panic!("no notation is known for the cases of {other:?}"),
    }
}

/// RabbitMQ and Kafka: a pair [body, redelivered] is a message with its flag.
fn rabbit(observed: &Value) -> Value {
    match observed {
        Value::Array(items) => match items.as_slice() {
            [Value::String(body), Value::Bool(again)] => {
                json!(if *again { format!("{body} redelivered") } else { body.clone() })
            }
            _ => items.iter().map(rabbit).collect(),
        },
        other => other.clone(),
    }
}
