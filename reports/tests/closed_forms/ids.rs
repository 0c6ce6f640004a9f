//! Consumers that recognise messages by their ids.

use crate::csv::Params;
use crate::scenario::figure;
use crate::verdict::{Figure, drawn};

/// Whether any of so many random ids are the same. A thousand million ids of 64 bits are too many to be drawn often: half
/// as many of two bits less collide as often, to within 1 % for those that are drawn here.
pub(crate) fn collisions(params: &Params, seed: u64) -> Vec<Figure> {
    const HALVINGS: u32 = 23;
    const GROUPS: usize = 250;
    let (mut n, mut bits) = (params.number("n"), params.number("bits"));
    for _ in 0..HALVINGS {
        (n, bits) = (n / 2.0, bits - 2.0);
    }
    let n = n.round();
    let all = |entry: &dyn Fn(usize) -> String| (0..GROUPS).map(entry).collect::<Vec<_>>().join(", ");
    let producers = all(&|i| format!(r#""p{i}": (publish: "t{i}", schedule: Every("1ms"), count: {n})"#));
    let ids = format!("InProcess(last: 1000, id_bits: {bits})");
    let consumers = all(&|i| format!(r#""c{i}": (read: "t{i}", deduplicate: {ids})"#));
    let text = format!(
        r#"(
            format: 1,
            title: "Ids that collide",
            run: (keep: 0),
            producers: {{ {producers} }},
            consumers: {{ {consumers} }},
            designs: {{ "d": Udp() }},
        )"#
    );
    let result = crate::common::run(&text, seed);
    let consumers = result["designs"]["d"]["consumers"].as_object().expect("subscriptions by name");
    let collided =
        |consumer: &&serde_json::Value| figure(consumer, "lost/by_cause/taken_for_duplicate") > 0.0;
    vec![drawn("P", consumers.values().filter(collided).count() as f64 / GROUPS as f64)]
}
