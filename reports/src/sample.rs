//! Findings made by hand, for the tests of what people look at.

use crate::result::*;
use crate::show::*;
use indexmap::IndexMap;
use std::collections::BTreeMap;

const LOST_CAUSES: [&str; 4] = ["broker_memory", "network", "retention", "taken_never_processed"];
const DUPLICATE_CAUSES: [&str; 3] = ["lost_ack", "producer_retry", "rebalance"];

/// Figure 11-2 of DDIA (1st ed.): in a queue m3 is redelivered after m4, in a log nothing breaks.
pub(crate) fn figure_11_2() -> Findings {
    let queue = DesignResult {
        guarantees: guarantees(&[
            ("no_loss", Verdict::Holds, 0, None),
            ("no_confirmed_loss", Verdict::Holds, 0, None),
            ("no_duplicates", Verdict::Holds, 0, None),
            ("order_per_key", Verdict::Broken, 1, Some(0)),
            ("order_per_producer", Verdict::Broken, 1, Some(0)),
            ("order_stored", Verdict::Broken, 1, Some(0)),
        ]),
        consumers: BTreeMap::from([(
            "fulfilment".into(),
            ConsumerResult {
                members: BTreeMap::from([
                    member("fulfilment/1", &["m2", "m4", "m3", "m5"], &["m2", "m4", "m3", "m5"]),
                    member("fulfilment/2", &["m1", "m3"], &["m1"]),
                ]),
                redeliveries: 1,
                deduplicated: 0,
                ..consumer(5, 0, 1, Some(0.243))
            },
        )]),
        witnesses: vec![Witness {
            message: "m3".into(),
            finding: "m3 \"Payment successful\" took effect after m4 \"Ship item\"".into(),
            facts: vec!["0.102 fulfilment/2 was given m3".into()],
        }],
        ..design(
            "9f3c0d1e2a4b5c6d",
            &[("prefetch", "1", false, "scenario"), ("reconnect_after", "1s", true, "Queue")],
        )
    };
    let log = DesignResult {
        guarantees: guarantees(&[
            ("no_loss", Verdict::Holds, 0, None),
            ("no_confirmed_loss", Verdict::Holds, 0, None),
            ("no_duplicates", Verdict::Holds, 0, None),
            ("order_per_key", Verdict::Holds, 0, None),
            ("order_per_producer", Verdict::Holds, 0, None),
            ("order_stored", Verdict::Holds, 0, None),
        ]),
        consumers: BTreeMap::from([(
            "fulfilment".into(),
            ConsumerResult {
                members: BTreeMap::from([
                    member("fulfilment/1", &["m1", "m2", "m3"], &["m1", "m2"]),
                    member("fulfilment/2", &["m3", "m4", "m5"], &["m3", "m4", "m5"]),
                ]),
                redeliveries: 1,
                deduplicated: 0,
                ..consumer(5, 0, 0, Some(45.2))
            },
        )]),
        ..design(
            "02468ace13579bdf",
            &[("partitions", "1", false, "scenario"), ("session_timeout", "45s", true, "Kafka 4.1.1")],
        )
    };
    Findings {
        result: result(
            "Redelivery after a crash reorders messages",
            vec![("queue", queue), ("log", log)],
            vec![
                expectation("designs.queue.consumers.fulfilment.order.key.late == 1", Verdict::Holds),
                expectation("designs.queue.consumers.fulfilment.lost.total == 0", Verdict::Holds),
                expectation("designs.log.consumers.fulfilment.order.key.late == 0", Verdict::Holds),
            ],
        ),
        question: Some("Which guarantee breaks when a worker dies holding a message?".into()),
        look_for: Some("m3 is redelivered after m4 was processed: payment after shipment.".into()),
        note: Some("The log waits for its session to time out.".into()),
        source: Some("DDIA 1st ed., figure 11-2".into()),
        baseline: 0,
        replicas: Vec::new(),
        designs: vec![
            DesignShow {
                series: vec![small_series(0.3)],
                effect_times: effect_times(&diagram()),
                diagram: Some(diagram()),
                timelines: vec![timeline()],
            },
            DesignShow { series: vec![small_series(45.2)], ..DesignShow::default() },
        ],
    }
}

/// When each lane's effects took place, from the marks of a diagram.
fn effect_times(diagram: &Diagram) -> BTreeMap<String, Vec<f64>> {
    let effect = |kind| matches!(kind, MarkKind::Effect | MarkKind::Duplicate | MarkKind::Late);
    let lanes = diagram.lanes.iter().enumerate().map(|(lane, name)| {
        let marks = diagram.marks.iter().filter(|mark| mark.lane == lane && effect(mark.kind));
        let mut times: Vec<f64> = marks.map(|mark| mark.time).collect();
        times.sort_by(f64::total_cmp);
        (name.clone(), times)
    });
    lanes.collect()
}

/// Five designs under the same chaos, with two subscriptions.
pub(crate) fn five_designs() -> Findings {
    let plans: [(&str, [u64; 4], f64, &str, f64); 5] = [
        ("udp", [412, 0, 0, 0], 0.0121, "no timeout", 0.0),
        ("webhook", [3, 0, 57, 12], 5.3, "timeout", 5.0),
        ("queue", [0, 0, 41, 96], 31.2, "redeliver_after", 30.0),
        ("queue-auto-ack", [37, 37, 0, 0], 0.211, "redeliver_after", 30.0),
        ("log", [0, 0, 18, 0], 44.8, "session_timeout", 45.0),
    ];
    let mut designs = Vec::new();
    let mut shows = Vec::new();
    for (index, (name, figures, p99, setting, default)) in plans.into_iter().enumerate() {
        let [lost, confirmed, duplicates, late] = figures;
        let verdict = |count: u64| if count > 0 { Verdict::Broken } else { Verdict::Holds };
        let found = guarantees(&[
            ("no_loss", verdict(lost), lost, (lost > 0).then_some(0)),
            (
                "no_confirmed_loss",
                if index < 2 { Verdict::NotExercised } else { verdict(confirmed) },
                confirmed,
                (confirmed > 0).then_some(0),
            ),
            ("no_duplicates", verdict(duplicates), duplicates, (duplicates > 0).then_some(1)),
            ("order_per_key", verdict(late), late, (late > 0).then_some(2)),
        ]);
        let audit =
            guarantees(&[("no_loss", Verdict::Holds, 0, None), ("no_duplicates", Verdict::Holds, 0, None)]);
        let mut consumers = BTreeMap::new();
        let mut figures = consumer(20_000, lost, late, Some(p99));
        figures.lost.confirmed = confirmed;
        figures.lost.messages = (1..=lost.min(3)).map(|number| format!("shop#{}", 17 * number)).collect();
        figures.duplicates.total = duplicates;
        figures.duplicates.by_cause.insert("lost_ack", duplicates);
        consumers.insert("fulfilment".to_string(), figures);
        consumers.insert("audit".to_string(), consumer(20_000, 0, 0, Some(0.004)));
        let guarantees = BTreeMap::from([
            ("fulfilment".to_string(), found.into_values().next().unwrap_or_default()),
            ("audit".to_string(), audit.into_values().next().unwrap_or_default()),
        ]);
        let span = format!("{default}s");
        let witness = |message: &str, finding: &str| Witness {
            message: message.into(),
            finding: finding.into(),
            facts: vec![],
        };
        let base = design(
            &format!("{:016x}", 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(index as u64 + 1)),
            &[
                (setting, span.as_str(), true, "redeliver's own"),
                ("latency", "0.5ms", true, "redeliver's own"),
                ("loss", "2%", false, "scenario"),
            ],
        );
        designs.push((
            name,
            DesignResult {
                consumers,
                guarantees,
                witnesses: vec![
                    witness("shop#17", "shop#17 was lost on the wire and nobody sent it again"),
                    witness("shop#204", "shop#204 took effect twice: its ack was lost"),
                    witness("shop#311", "shop#311 took effect after shop#315, of the same key"),
                ],
                does_not_apply: if name == "udp" {
                    vec!["Crash(node: \"brokers\", at: \"20s\")".into()]
                } else {
                    vec![]
                },
                ..base
            },
        ));
        let own = timeline();
        shows.push(DesignShow {
            series: vec![busy_series("audit", index, 0.004), busy_series("fulfilment", index, p99)],
            effect_times: Default::default(),
            diagram: (index == 2).then(diagram),
            timelines: vec![own[..2].to_vec(), own[2..5].to_vec(), own],
        });
    }
    let mut result = result(
        "Five designs under the same chaos",
        designs,
        vec![
            expectation("designs.log.consumers.fulfilment.lost.total == 0", Verdict::Holds),
            ExpectResult {
                read: vec!["designs.queue.consumers.fulfilment.duplicates.total = 41".into()],
                ..expectation("designs.queue.consumers.fulfilment.duplicates.total == 0", Verdict::Broken)
            },
            ExpectResult {
                read: vec!["designs.log.consumers.fulfilment.headroom.min = null".into()],
                ..expectation("designs.log.consumers.fulfilment.headroom.min > 3600.0", Verdict::NotDecided)
            },
            expectation("designs.udp.consumers.audit.lost.confirmed == 0", Verdict::NotExercised),
        ],
    );
    for design in ["udp", "webhook", "queue", "queue-auto-ack", "log"] {
        for consumer in ["audit", "fulfilment"] {
            let slow = consumer == "fulfilment" && ["queue", "log", "webhook"].contains(&design);
            result.require.push(RequireResult {
                text: "latency.p99 < 2.0".into(),
                design: design.into(),
                consumer: consumer.into(),
                met: Some(!slow),
            });
        }
    }
    Findings {
        result,
        question: Some("Which design keeps what it promised when everything breaks at once?".into()),
        look_for: None,
        note: None,
        source: None,
        baseline: 2,
        designs: shows,
        replicas: Vec::new(),
    }
}

/// The smaller sample, with a design of a hostile name.
pub(crate) fn hostile() -> Findings {
    let mut findings = figure_11_2();
    let designs = std::mem::take(&mut findings.result.designs);
    let names = ["<b>", "\"><script>alert(1)</script>"];
    findings.result.designs =
        names.iter().map(|name| (*name).to_string()).zip(designs.into_values()).collect();
    findings.question = Some("<img src=x onerror=alert(1)> & more?".into());
    if let Some(diagram) = &mut findings.designs[0].diagram {
        diagram.lanes[0] = "<i>shop".into();
        diagram.arrows[0].text = "<u>m1".into();
    }
    findings
}

pub(crate) fn expectation(text: &str, verdict: Verdict) -> ExpectResult {
    ExpectResult { text: text.into(), verdict, read: Vec::new() }
}

fn result(title: &str, designs: Vec<(&str, DesignResult)>, expect: Vec<ExpectResult>) -> RunResult {
    let designs: IndexMap<String, DesignResult> =
        designs.into_iter().map(|(name, design)| (name.to_string(), design)).collect();
    RunResult {
        schema: 1,
        redeliver: "0.1.0".into(),
        title: title.into(),
        seed: 42,
        designs,
        expect,
        require: Vec::new(),
        replications: None,
    }
}

fn design(fingerprint: &str, assumptions: &[(&str, &str, bool, &str)]) -> DesignResult {
    let assumption = |(setting, value, default, source): &(&str, &str, bool, &str)| Assumption {
        setting: (*setting).into(),
        value: (*value).into(),
        default: *default,
        source: (*source).into(),
    };
    DesignResult {
        fingerprint: fingerprint.into(),
        virtual_time: 10.2,
        events: 97,
        stopped: None,
        assumptions: assumptions.iter().map(assumption).collect(),
        does_not_apply: Vec::new(),
        faults_skipped: 0,
        producers: BTreeMap::from([(
            "shop".into(),
            ProducerResult { published: 5, confirmed: 5, ..Default::default() },
        )]),
        consumers: BTreeMap::new(),
        brokers: BTreeMap::from([(
            "broker/1".into(),
            BrokerResult { stored_bytes_max: 5000, ..Default::default() },
        )]),
        cost: Cost { bytes_sent: 12_400, bytes_stored_max: 5000, requests: 14, empty_polls: 0 },
        guarantees: BTreeMap::new(),
        witnesses: Vec::new(),
        picture: BTreeMap::new(),
    }
}

fn guarantees(
    found: &[(&str, Verdict, u64, Option<usize>)],
) -> BTreeMap<String, BTreeMap<String, Guarantee>> {
    let entry = |(name, verdict, count, witness): &(&str, Verdict, u64, Option<usize>)| {
        ((*name).to_string(), Guarantee { verdict: *verdict, count: *count, witness: *witness })
    };
    BTreeMap::from([("fulfilment".to_string(), found.iter().map(entry).collect())])
}

fn consumer(addressed: u64, lost: u64, late: u64, p99: Option<f64>) -> ConsumerResult {
    let processed = addressed - lost;
    let order = Order {
        late,
        reordered_ratio: Some(late as f64 / processed as f64),
        inversions: Some(late),
        stale: 0,
    };
    let mut by_cause: BTreeMap<&str, u64> = LOST_CAUSES.into_iter().map(|cause| (cause, 0)).collect();
    by_cause.insert("network", lost);
    ConsumerResult {
        addressed,
        processed,
        effects: processed,
        dead_lettered: 0,
        pending: 0,
        superseded: 0,
        withdrawn: 0,
        lost: Lost { total: lost, confirmed: 0, by_cause, messages: Vec::new() },
        duplicates: Duplicates {
            by_cause: DUPLICATE_CAUSES.into_iter().map(|cause| (cause, 0)).collect(),
            ..Default::default()
        },
        redeliveries: 0,
        deduplicated: 0,
        most_returned: crate::result::MostReturned::default(),
        order: ["key", "producer", "stored"].into_iter().map(|relation| (relation, order.clone())).collect(),
        latency: Latency { mean: Some(0.1), p50: Some(0.09), p90: Some(0.2), p99, p999: p99, max: p99 },
        latency_split: LatencySplit {
            network: Some(0.002),
            broker: Some(0.01),
            recovery: Some(0.02),
            work: Some(0.08),
        },
        waiting: Mean { mean: Some(0.01) },
        throughput: 50.0,
        utilisation: Some(0.8),
        backlog: Backlog { mean: 0.3, max: 2, final_: 0 },
        head_of_line: 0.0,
        headroom: Headroom { min: None },
        members: BTreeMap::new(),
    }
}

fn member(name: &str, delivered: &[&str], processed: &[&str]) -> (String, MemberResult) {
    let delivered = delivered.iter().map(|message| ((*message).to_string(), 1)).collect();
    let processed = processed.iter().map(|message| (*message).to_string()).collect();
    (name.to_string(), MemberResult { delivered, processed, truncated: false })
}

fn timeline() -> Vec<TimelineLine> {
    let line =
        |time, who: &str, what: &str, proof| TimelineLine { time, who: who.into(), what: what.into(), proof };
    vec![
        line(0.012, "shop/1", "published m3 \"Payment successful\"", false),
        line(0.083, "broker/1", "delivered m3 to fulfilment/2, attempt 1", false),
        line(0.114, "fulfilment/2", "crashed, holding m3", false),
        line(0.115, "broker/1", "requeued m3 at its old position, before m5", false),
        line(0.164, "fulfilment/1", "processed m4 \"Ship item\"", true),
        line(0.165, "broker/1", "delivered m3 to fulfilment/1, attempt 2", false),
        line(0.246, "fulfilment/1", "processed m3 \"Payment successful\"", true),
    ]
}

fn small_series(p99: f64) -> Series {
    Series {
        consumer: "fulfilment".into(),
        backlog: vec![
            (0.0, 0.0),
            (0.01, 1.0),
            (0.02, 3.0),
            (0.03, 4.0),
            (0.08, 3.0),
            (p99 / 2.0, 2.0),
            (p99, 0.0),
        ],
        latency: vec![(0.081, 0.081), (0.082, 0.081), (p99 * 0.8, p99 * 0.7), (p99 + 0.02, p99)],
    }
}

fn busy_series(consumer: &str, index: usize, p99: f64) -> Series {
    let step = |i: usize| i as f64 * 0.5;
    let wave = |i: usize| ((i * (7 + index) + index * 13) % 23) as f64;
    let burst = |i: usize| if (60..90).contains(&i) && p99 > 1.0 { (90 - i) as f64 / 30.0 } else { 0.0 };
    Series {
        consumer: consumer.into(),
        backlog: (0..240).map(|i| (step(i), wave(i) * 2.0 + burst(i) * p99 * 40.0)).collect(),
        latency: (0..240).map(|i| (step(i), 0.002 + wave(i) * 0.0004 + burst(i) * p99)).collect(),
    }
}

fn diagram() -> Diagram {
    let arrow = |from, to, sent, arrived, text: &str, message: &str, kind| Arrow {
        from,
        to,
        sent,
        arrived,
        text: text.into(),
        message: message.into(),
        kind,
    };
    let mark = |lane, time, text: &str, kind| Mark { lane, time, text: text.into(), kind };
    use ArrowKind::{Again, Message, Reply};
    Diagram {
        lanes: ["shop/1", "shop/2", "broker/1", "fulfilment/1", "fulfilment/2"].map(String::from).to_vec(),
        arrows: vec![
            arrow(0, 2, 0.0, Some(0.001), "m1", "m1", Message),
            arrow(2, 4, 0.001, Some(0.002), "m1", "m1", Message),
            arrow(1, 2, 0.0, Some(0.0015), "m2", "m2", Message),
            arrow(2, 3, 0.0015, Some(0.0025), "m2", "m2", Message),
            arrow(0, 2, 0.012, Some(0.013), "m3", "m3", Message),
            arrow(2, 0, 0.013, None, "confirm m3", "m3", Reply),
            arrow(0, 2, 0.022, Some(0.023), "m4", "m4", Message),
            arrow(1, 2, 0.03, Some(0.031), "m5", "m5", Message),
            arrow(4, 2, 0.082, Some(0.083), "ack m1", "m1", Reply),
            arrow(3, 2, 0.0825, Some(0.0835), "ack m2", "m2", Reply),
            arrow(2, 4, 0.083, Some(0.084), "m3", "m3", Message),
            arrow(2, 3, 0.0835, Some(0.0845), "m4", "m4", Message),
            arrow(3, 2, 0.1645, Some(0.1655), "ack m4", "m4", Reply),
            arrow(2, 3, 0.1655, Some(0.1665), "m3 again", "m3", Again),
            arrow(3, 2, 0.2465, Some(0.2475), "ack m3", "m3", Reply),
            arrow(2, 3, 0.2475, Some(0.2485), "m5", "m5", Message),
        ],
        marks: vec![
            mark(4, 0.082, "m1", MarkKind::Effect),
            mark(3, 0.0825, "m2", MarkKind::Effect),
            mark(4, 0.114, "crashed, holding m3", MarkKind::Crash),
            mark(3, 0.1645, "m4", MarkKind::Effect),
            mark(3, 0.2465, "m3, after m4", MarkKind::Late),
            mark(3, 0.3285, "m5", MarkKind::Effect),
            mark(4, 5.114, "restarted", MarkKind::Restart),
        ],
        span: (0.0, 5.2),
        message: "m3".into(),
        others_left_out: false,
    }
}
