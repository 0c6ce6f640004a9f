//! Clusters whose nodes go away and come back one after the other: a majority of each queue's members is always there.

use super::case::{ALL, Case, Range, cases};
use super::designs::cluster;
use proptest::prelude::*;
use proptest::sample::select;

/// So long after a node is back, at least, another one goes: all have heard of it by then, also after the silent death of a
/// machine, which the others notice when they next say that they are there.
const SETTLED: u64 = 3_000;

/// Scenarios with a cluster, whose clients are at all of its nodes.
pub(crate) fn restarts() -> impl Strategy<Value = Case> {
    let nodes = prop::collection::vec(select(vec!["n1", "n2", "n3"]), 4);
    let outages = prop_oneof![3 => outages().boxed(), 1 => rolling().boxed()];
    (cases(Range { faults: 0, ..ALL }), cluster(), nodes, any::<bool>(), outages).prop_map(
        |(case, mut cluster, nodes, has_exchange, faults)| {
            spread(&case, &mut cluster, &nodes);
            if has_exchange {
                let queues = if case.consumers.len() == 2 { r#""c", "d""# } else { r#""c""# };
                cluster.push(format!("exchanges: {{\"t\": (type: \"fanout\", queues: [{queues}])}}"));
            }
            // A queue with one member has no majority without it.
            let alone = r#", "x-quorum-initial-group-size": 1"#;
            cluster.iter_mut().for_each(|setting| *setting = setting.replace(alone, ""));
            let mut case = Case { designs: vec![cluster], faults, ..case };
            if case.has("4.0.5") {
                // With it nodes may find each other late.
                case.network.loss = "0%";
            }
            case
        },
    )
}

/// Puts clients on these nodes.
fn spread(case: &Case, cluster: &mut [String], nodes: &[&str]) {
    let mut clients = Vec::new();
    if case.producers.len() == 2 {
        clients.extend(["q/1", "q/2"]);
    }
    for (consumer, name) in case.consumers.iter().zip(["c", "d"]) {
        clients.extend((consumer.members >= 2).then_some(if name == "c" { "c/2" } else { "d/2" }));
    }
    let placed: Vec<String> = clients
        .iter()
        .zip(nodes)
        .map(|(client, node)| format!(", \"{client}\": (node: \"{node}\")"))
        .collect();
    let setting = cluster.iter_mut().find(|setting| setting.starts_with("clients:"));
    let setting = setting.expect("a cluster says where its clients are");
    assert_eq!(setting.pop(), Some('}'));
    setting.push_str(&placed.concat());
    setting.push('}');
}

/// Single nodes, one after the other.
fn outages() -> impl Strategy<Value = Vec<String>> {
    let kinds = select(vec!["Crash", "Crash", "MachineCrash", "TornWrite", "Stop"]);
    let outage = (kinds, select(vec!["n1", "n2", "n3"]), 50..5_000u64, 0..2_000u64);
    (1..1_500u64, prop::collection::vec(outage, 1..=4)).prop_map(|(start, outages)| {
        let mut at = start;
        let mut faults = Vec::new();
        for (kind, node, down, pause) in outages {
            faults.push(match kind {
                "Stop" => format!(
                    "RollingRestart(nodes: \"{node}\", down: \"{down}ms\", pause: \"1s\", at: \"{at}ms\")"
                ),
                _ => format!("{kind}(node: \"{node}\", at: \"{at}ms\", restart_after: \"{down}ms\")"),
            });
            at += down + SETTLED + pause;
        }
        faults
    })
}

/// All nodes, one after the other.
fn rolling() -> impl Strategy<Value = Vec<String>> {
    (1..1_500u64, 50..5_000u64, 1_000..3_000u64, any::<bool>()).prop_map(|(at, down, pause, graceful)| {
        let spans = format!("at: \"{at}ms\", down: \"{down}ms\", pause: \"{pause}ms\"");
        vec![format!("RollingRestart(nodes: \"brokers\", {spans}, graceful: {graceful})")]
    })
}
