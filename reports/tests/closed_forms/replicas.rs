//! Copies on several nodes, each on a disk whose syncs take an exponential time: when is a message confirmed?

use crate::csv::Params;
use crate::scenario::{Scenario, facts};
use crate::verdict::{Figure, drawn, moments};
use redeliver_models::Fact;
use std::collections::BTreeMap;

/// Subscriptions, whose queues have their names.
const QUEUES: [&str; 5] = ["c", "d", "e", "f", "g"];

/// A quorum queue waits for a majority of its members, the leader among them; an exchange with a durable queue on each
/// node, for all of them.
pub(crate) fn write_latency(params: &Params, seed: u64) -> Vec<Figure> {
    let majority = |nodes: usize| {
        let queue = format!(r#""x-queue-type": "quorum", "x-quorum-initial-group-size": {nodes}"#);
        confirm_latency(params, nodes, 1, &format!(r#"queues: {{"c": {{{queue}}}}}"#), seed)
    };
    let all = |nodes: usize| {
        let homes: String = (0..nodes).map(|i| format!(r#""{}": "n{}","#, QUEUES[i], i + 1)).collect();
        confirm_latency(params, nodes, nodes, &format!("leaders: {{{homes}}}"), seed)
    };
    vec![
        drawn("2_of_3", majority(3)),
        drawn("3_of_5", majority(5)),
        drawn("all_of_3", all(3)),
        drawn("all_of_5", all(5)),
    ]
}

/// How long a publisher waits on average for the confirm of a message that it has alone in the cluster, so that no sync
/// waits for another.
fn confirm_latency(params: &Params, nodes: usize, queues: usize, settings: &str, seed: u64) -> f64 {
    let names: Vec<String> = (1..=nodes).map(|node| format!("\"n{node}\"")).collect();
    let others: String = QUEUES[1..queues].iter().map(|q| format!(r#"), "{q}": (read: "t""#)).collect();
    let mean = params.number("mean");
    let ended = Scenario::new(20_000, format!(r#"schedule: Every("{}s")"#, 50.0 * mean), others)
        .nodes(format!(r#""brokers": (disk: (sync: "exp({mean}s)"))"#))
        .design(format!(r#"RabbitMQ(version: "4.0.5", nodes: [{}], {settings})"#, names.join(", ")))
        .recorded(seed);
    let (mut published, mut spans) = (BTreeMap::new(), Vec::new());
    for (at, fact, name) in facts(&ended) {
        match fact {
            Fact::Published { .. } => {
                published.insert(name, at);
            }
            Fact::Confirmed { .. } => spans.push(at - published[&name]),
            _ => {}
        }
    }
    assert_eq!(spans.len(), published.len(), "all are confirmed");
    moments(&spans).0
}
