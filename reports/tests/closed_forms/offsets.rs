//! Consumers of a log that die in the middle of a batch. A crash at a random point is one at each of them, in a group of
//! its own.

use crate::csv::Params;
use crate::scenario::figure;
use crate::verdict::{Figure, exact};

/// Batches of `n` records of a second each. The `i`-th group dies in its second batch, half a second into a record, when
/// it has processed `i` of that batch; this figure of each.
fn after_each_record(params: &Params, commit: &str, path: &str, seed: u64) -> Vec<f64> {
    let n = params.number("n") as usize;
    let all = |entry: &dyn Fn(usize) -> String| (0..n).map(entry).collect::<Vec<_>>().join(", ");
    let consumers = all(&|i| format!(r#""c{i}": (read: "t", joins: "1s", from: Beginning, work: "1s")"#));
    let crashes =
        all(&|i| format!(r#"Crash(node: "c{i}", at: "{}s", restart_after: "1s")"#, (1 + n + i) as f64 + 0.5));
    let text = format!(
        r#"(
            format: 1,
            title: "A crash in the middle of a batch",
            run: (duration: "1h", drain: "1h", keep: 0),
            producers: {{ "p": (publish: "t", schedule: Every("1us"), count: {}) }},
            consumers: {{ {consumers} }},
            network: (latency: "0s"),
            faults: [{crashes}],
            designs: {{ "d": Log(commit: {commit}, max_poll_records: {n}) }},
        )"#,
        3 * n
    );
    let result = crate::common::run(&text, seed);
    let consumers = result["designs"]["d"]["consumers"].as_object().expect("subscriptions by name");
    consumers.values().map(|consumer| figure(consumer, path)).collect()
}

/// With an interval that is shorter than a batch, each poll commits what the one before it has brought.
pub(crate) fn commit_after_each_batch(params: &Params, seed: u64) -> Vec<Figure> {
    let again = after_each_record(params, r#"Every("1ns")"#, "duplicates/total", seed);
    vec![
        exact("E_reprocessed", again.iter().sum::<f64>() / again.len() as f64),
        exact("max", again.into_iter().fold(0.0, f64::max)),
    ]
}

/// The row counts work that is not done; the record in hand, half of which is, is lost as a whole.
pub(crate) fn commit_before_each_batch(params: &Params, seed: u64) -> Vec<Figure> {
    let lost = after_each_record(params, "BeforeWork", "lost/total", seed);
    vec![exact("E_lost", lost.iter().sum::<f64>() / lost.len() as f64 - 0.5)]
}
