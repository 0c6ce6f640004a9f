//! Laws, outages, prefetch, retention and partitions: mostly scenarios in which nothing is random.

use crate::csv::Params;
use crate::scenario::{Name, Scenario, facts, figure, run_alone};
use crate::verdict::{Figure, drawn, exact, within};
use redeliver_models::Fact;
use redeliver_models::checks::Recorder;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn littles_law(params: &Params, seed: u64) -> Vec<Figure> {
    let (rate, w) = (params.number("rate"), params.number("W"));
    let producer = format!(r#"schedule: Every("{}s")"#, 1.0 / rate);
    let consumer = format!(r#"members: {}, work: "{w}s""#, rate * w + 50.0);
    let value = Scenario::new(20, producer, consumer).consumer_figures(seed);
    assert_eq!(figure(&value, "throughput").round(), rate);
    assert_eq!(figure(&value, "latency/mean"), w);
    vec![exact("L", figure(&value, "backlog/mean"))]
}

/// A consumer that is down for a while, and what follows. It goes down as the second minute begins.
pub(crate) fn outage(params: &Params, seed: u64) -> Vec<Figure> {
    let (down, lam, mu) = (params.number("down"), params.number("lam"), params.number("mu"));
    let producer = format!(r#"schedule: Every("{}s")"#, 1.0 / lam);
    let fault = format!(r#"Crash(node: "c/1", at: "60s", restart_after: "{down}s")"#);
    let scenario = Scenario::new(400, producer, format!(r#"work: "{}s""#, 1.0 / mu)).faults(fault);
    let value = scenario.consumer_figures(seed);
    let ended = scenario.recorded(seed);
    let (mut published, mut processed) = (BTreeMap::new(), BTreeMap::new());
    for (at, fact, name) in facts(&ended) {
        match fact {
            Fact::Published { .. } => published.insert(name, at),
            Fact::Processed { .. } => processed.insert(name, at),
            _ => None,
        };
    }
    // A message is affected if it waits; the first that does not wait comes when all is as before.
    let up = 60.0 + down;
    let delay = |name: &Name| processed[name] - published[name];
    let is_affected = |name: &Name| delay(name) > 1.0 / mu + 1e-6 && published[name] >= 60.0;
    let affected: Vec<_> = published.keys().filter(|name| is_affected(name)).collect();
    let delays: f64 = affected.iter().map(|name| delay(name)).sum();
    let over = affected.iter().map(|name| processed[name]).fold(0.0, f64::max);
    let caught_up = processed.values().filter(|at| (up..over).contains(*at)).count() as f64;
    let came = published.values().filter(|at| (60.0..over).contains(*at)).count() as f64;
    vec![
        within("peak_backlog", figure(&value, "backlog/max"), 2.0),
        within("drain_s", over - up, 0.02),
        within("affected_s", over - 60.0, 0.02),
        within("max_age_s", figure(&value, "latency/max"), 0.002),
        within("measured_rate_during_catchup", caught_up / (over - up), 0.02),
        within("true_rate", came / (over - 60.0), 0.02),
        within("mean_delay_of_affected_s", delays / affected.len() as f64, 0.005),
    ]
}

/// A consumer far away that is never without messages.
fn far_consumer(one_way: f64, work: f64, prefetch: u32) -> Scenario {
    let one_way = format!(r#"latency: "{one_way}ms""#);
    let links = format!(
        r#"jitter: "0s", links: [(from: "brokers", to: "consumers", {one_way}), (from: "consumers", to: "brokers", {one_way})]"#
    );
    Scenario::new(100, r#"schedule: Every("3.9ms")"#, format!(r#"work: "{work}ms""#))
        .network(links)
        .design(format!("Queue(prefetch: {prefetch}, confirms: false, durable: false)"))
}

/// Its rate and utilisation with this prefetch.
fn rate_and_utilisation(params: &Params, prefetch: u32) -> (f64, f64) {
    let scenario = far_consumer(params.number("oneway_ms"), params.number("service_ms"), prefetch);
    let value = scenario.consumer_figures(1);
    (figure(&value, "throughput"), figure(&value, "utilisation"))
}

pub(crate) fn prefetch(params: &Params, _seed: u64) -> Vec<Figure> {
    // One round more or less in the measured window.
    let grain = 1.0 / 95.0;
    let [(rate1, utilisation1), (rate10, _), (rate26, _)] =
        [1, 10, 26].map(|n| rate_and_utilisation(params, n));
    let saturating =
        (24..=27).find(|n| rate_and_utilisation(params, *n).0 > 250.0 - grain).expect("some saturates");
    vec![
        exact("prefetch_saturating", f64::from(saturating)),
        within("util_prefetch1", utilisation1, grain * 0.004),
        within("rate_prefetch1", rate1, grain),
        within("rate_prefetch10", rate10, 10.0 * grain),
        within("rate_prefetch26", rate26, grain),
    ]
}

/// The consumer of P01, 50 ms away and with 4 ms of work, is slow from the twentieth second on: how long a message waits
/// there in the end, in milliseconds, and what share that is of its time behind the broker. The source counts whole
/// messages: one of 22.5 that are before it is half done.
pub(crate) fn prefetch_of_a_slow_consumer(params: &Params, seed: u64) -> Vec<Figure> {
    const ONE_WAY: f64 = 50.0;
    const WORK: f64 = 4.0;
    let slow = params.number("service_ms");
    let fault = format!(r#"SlowNode(node: "c", factor: {}, at: "20s")"#, slow / WORK);
    let waits = |prefetch: u32| {
        let ended = far_consumer(ONE_WAY, WORK, prefetch).faults(fault.as_str()).recorded(seed);
        let mut delivered = BTreeMap::new();
        let mut wait = 0.0;
        for (at, fact, name) in facts(&ended).take_while(|(at, ..)| *at < 100.0) {
            match fact {
                Fact::Delivered { .. } => {
                    delivered.insert(name, at);
                }
                Fact::Processed { worked, .. } => wait = at - delivered[&name] - worked.as_seconds(),
                _ => {}
            }
        }
        let messages = wait * 1e3 / slow;
        assert!((messages - (f64::from(prefetch) - 1.0 - 2.0 * ONE_WAY / slow)).abs() < 1e-6, "{messages}");
        let whole = messages.floor() * slow;
        (whole, whole / (whole + ONE_WAY))
    };
    let ((wait26, share26), (wait51, share51)) = (waits(26), waits(51));
    vec![
        exact("wait_prefetch26_ms", wait26),
        exact("share26", share26),
        exact("wait_prefetch51_ms", wait51),
        exact("share51", share51),
    ]
}

/// A log that fills a disk of this capacity at this rate, one segment a second.
fn ring_buffer(capacity: &str, rate: &str, seed: u64) -> Value {
    let text = format!(
        r#"(
            format: 1,
            title: "A disk as a ring buffer",
            run: (duration: "50000s", keep: 0),
            producers: {{ "p": (publish: "t", schedule: Rate("{rate}/s"), size: "{rate}") }},
            consumers: {{ "c": (read: "t") }},
            network: (latency: "0s"),
            nodes: {{ "brokers": (disk: (capacity: "{capacity}")) }},
            designs: {{ "d": Log(when_full: DeleteOldest, segment_bytes: "{rate}", retention_check: "0s") }},
        )"#
    );
    crate::common::run(&text, seed)["designs"]["d"]["brokers"]["broker/1"]["retention"].take()
}

/// The window that is predicted; the first deletion comes when it is over, and from then on what is kept is as old, but
/// for the one message that has made room.
fn window(retention: &Value) -> Vec<Figure> {
    let predicted = figure(retention, "predicted");
    assert!((figure(retention, "first_deletion") - predicted).abs() < 1.0);
    assert!((figure(retention, "window_min") - predicted + 1.0).abs() < 1.0);
    vec![exact("seconds", predicted), exact("hours", predicted / 3_600.0)]
}

pub(crate) fn retention_window(params: &Params, seed: u64) -> Vec<Figure> {
    let (capacity, rate) = (params.number("capacity") / 1e12, params.number("rate") / 1e6);
    window(&ring_buffer(&format!("{capacity} TB"), &format!("{rate} MB"), seed))
}

pub(crate) fn retention_window_in_binary_units(_: &Params, seed: u64) -> Vec<Figure> {
    window(&ring_buffer("6 TiB", "150 MiB", seed))
}

/// A consumer that comes so many hours late to a log that keeps a week. One message is half a minute.
pub(crate) fn catching_up(params: &Params, seed: u64) -> Vec<Figure> {
    let (lam, mu, late) = (params.number("lam"), params.number("mu"), params.number("T"));
    let producer = format!(r#"schedule: Every("{}s")"#, 30.0 / lam);
    let consumer = format!(r#"joins: "{late}h", from: Beginning, work: "{}s""#, 30.0 / mu);
    let scenario = Scenario::new(3 * 24 * 3_600, producer, consumer)
        .design(r#"Log(retention_age: "168h", offset_reset: Earliest)"#);
    let ended = scenario.recorded(seed);
    let mut behind = 0;
    for (at, fact, _) in facts(&ended) {
        match fact {
            Fact::Published { .. } => behind += 1,
            Fact::Processed { .. } => behind -= 1,
            _ => {}
        }
        if behind == 0 {
            return vec![within("catchup_h", at / 3_600.0 - late, 1.0 / 120.0)];
        }
    }
    panic!("the consumer never catches up");
}

/// A log of segments of 64 messages, with room for ten, that is looked through every eleventh message: so what is
/// kept then is, from the first deletion on, everything that it can be.
pub(crate) fn size_retention(params: &Params, seed: u64) -> Vec<Figure> {
    let (limit, segment) = (params.number("B"), params.number("S"));
    let size = segment / 64.0;
    let producer = format!(r#"start: "50ms", schedule: Every("100ms"), size: "{size} B""#);
    let design = format!(
        r#"Log(retention_bytes: "{limit} B", segment_bytes: "{segment} B", retention_check: "1.1s")"#
    );
    let ended = Scenario::new(200, producer, "").design(design).recorded(seed);
    let (mut kept, mut full, mut cuts) = (0.0, false, 0);
    let (mut least, mut greatest) = (f64::INFINITY, 0.0_f64);
    for (at, fact, _) in facts(&ended) {
        if at > f64::from(cuts + 1) * 1.1 + 0.001 {
            cuts += 1;
            if full {
                (least, greatest) = (least.min(kept), greatest.max(kept));
            }
        }
        match fact {
            Fact::Appended { .. } => kept += size,
            Fact::Released { .. } => (kept, full) = (kept - size, true),
            _ => {}
        }
    }
    assert!(greatest < limit + segment);
    vec![exact("min_bytes", least), within("sup_bytes", greatest, size)]
}

/// A hundred topics, each with keys of its own.
pub(crate) fn empty_partitions(params: &Params, seed: u64) -> Vec<Figure> {
    const TOPICS: u32 = 100;
    let (keys, partitions) = (params.number("keys") as u32, params.number("P"));
    let producer = |topic: u32| {
        let names: Vec<String> = (0..keys).map(|key| format!(r#""{seed}/{topic}/{key}""#)).collect();
        format!(
            r#""p{topic}": (publish: "t{topic}", schedule: Every("1ms"), count: {keys}, key: Cycle([{}])),"#,
            names.join(",")
        )
    };
    let text = format!(
        r#"(
            format: 1,
            title: "Keys over partitions",
            producers: {{ {} }},
            consumers: {{ "c": (read: "t0") }},
            network: (latency: "0s"),
            designs: {{ "d": Log(partitions: {partitions}) }},
        )"#,
        (0..TOPICS).map(producer).collect::<String>()
    );
    let ended = run_alone(&text, seed, Recorder::All(Vec::new()));
    let lines: BTreeSet<u32> = facts(&ended)
        .filter_map(|(_, fact, _)| if let Fact::Appended { line, .. } = fact { Some(line) } else { None })
        .collect();
    vec![drawn("E_empty", partitions - lines.len() as f64 / f64::from(TOPICS))]
}

pub(crate) fn parallelism(params: &Params, seed: u64) -> Vec<Figure> {
    let (partitions, members) = (params.number("P"), params.number("c"));
    let value = Scenario::new(10, r#"schedule: Every("10ms")"#, format!("members: {members}"))
        .design(format!("Log(partitions: {partitions})"))
        .consumer_figures(seed);
    let delivered = value["members"].as_object().expect("an object").values();
    let active = delivered.filter(|member| member["delivered"] != Value::Array(Vec::new())).count() as f64;
    vec![exact("active", active), exact("idle", members - active)]
}
