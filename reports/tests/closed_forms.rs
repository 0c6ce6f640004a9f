//! Scenarios whose figures are known in closed form: queues, losses, orders, retention.
//!
//! Each scenario runs under a fixed number of seeds. A figure that is exact in the limit must be within four standard
//! errors of its mean over the seeds, and the standard error must be small; the others must be exact. Network and
//! disk take no time here, so that what is left is the queue of the textbook.

mod common;

use common::{design, plan, run};
use redeliver_models::checks::{Event, Recorded, Recorder};
use redeliver_models::{Ended, Fact};
use serde_json::Value;
use std::collections::BTreeMap;

/// The figures of one run.
type Figures = Vec<f64>;

/// A row of the table of closed forms: the value of this quantity.
fn expected(id: &str, quantity: &str) -> f64 {
    let table = include_str!("../../tests/data/closed_forms.csv");
    let mut rows = table.lines().skip(1).map(cells);
    let found = rows.find(|cells| cells[0] == id && cells[5] == quantity);
    found.expect("the table has this row")[6].parse().expect("a number")
}

/// Comma-separated; a cell in quotes may hold commas.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            _ => cells.last_mut().expect("there is one").push(c),
        }
    }
    cells
}

/// Runs under seeds 1 to `seeds`, and compares the mean of each figure with its row.
fn check(id: &str, quantities: &[&str], seeds: u64, figures: impl Fn(u64) -> Figures) {
    let runs: Vec<Figures> = (1..=seeds).map(figures).collect();
    for (i, quantity) in quantities.iter().enumerate() {
        let values: Vec<f64> = runs.iter().map(|run| run[i]).collect();
        check_mean(&format!("{id} {quantity}"), expected(id, quantity), &values);
    }
}

/// |z| < 4, and a standard error that is a small part of the value: else the test would say nothing.
fn check_mean(what: &str, expected: f64, values: &[f64]) {
    let (mean, deviation) = moments(values);
    let error = deviation / (values.len() as f64).sqrt();
    let z = (mean - expected) / error;
    println!("{what}: {mean:.6}, expected {expected}, standard error {error:.6}, z {z:.2}");
    assert!(error > 0.0, "{what}: all runs are alike");
    assert!(error < 0.15 * expected, "{what}: {mean} with a standard error of {error} says nothing");
    assert!(z.abs() < 4.0, "{what}: {mean} instead of {expected}, z = {z:.2}");
}

/// Mean and standard deviation.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

/// A queue that takes no time of its own: arrivals, service and settings as given.
fn queue(rate: &str, members: u32, work: &str, settings: &str, seconds: u32) -> String {
    format!(
        r#"(
            format: 1,
            title: "A queue",
            run: (duration: "{seconds}s", drain: "1h", warm_up: "{}s", keep: 0),
            producers: {{ "p": (publish: "t", schedule: Poisson("{rate}/s")) }},
            consumers: {{ "c": (read: "t", members: {members}, work: "{work}") }},
            network: (latency: "0s"),
            designs: {{ "d": Queue(prefetch: 1, confirms: false, durable: false, {settings}) }},
        )"#,
        seconds / 20
    )
}

/// The figures of the subscription in the only design.
fn consumer(text: &str, seed: u64) -> Value {
    run(text, seed)["designs"]["d"]["consumers"]["c"].clone()
}

fn figure(value: &Value, path: &str) -> f64 {
    let found = value.pointer(&format!("/{path}")).and_then(Value::as_f64);
    found.unwrap_or_else(|| panic!("no figure {path}"))
}

/// rho, L, W, Wq, and Lq as what is in the system less what is being served.
fn queue_figures(value: &Value, members: f64) -> Figures {
    let (l, rho) = (figure(value, "backlog/mean"), figure(value, "utilisation"));
    vec![rho, l, figure(value, "latency/mean"), figure(value, "waiting/mean"), l - rho * members]
}

/// The only design's run by itself, for what the result does not show.
fn ended(text: &str, seed: u64, recorder: Recorder) -> Ended {
    redeliver_models::run(&design(&plan(text, seed), "d").setup, recorder)
}

fn facts(ended: &Ended) -> &[Recorded] {
    let Recorder::All(facts) = &ended.world.checks().recorder else { panic!("all facts are kept") };
    facts
}

#[test]
fn q01_one_exponential_server() {
    let text = queue("0.8", 1, "exp(1s)", "", 20_000);
    check("Q01", &["rho", "L", "W", "Wq", "Lq", "W_p50", "W_p99", "P_W_gt_10"], 20, |seed| {
        let value = consumer(&text, seed);
        let mut figures = queue_figures(&value, 1.0);
        figures.extend([figure(&value, "latency/p50"), figure(&value, "latency/p99")]);
        let ended = ended(&text, seed, Recorder::Off);
        let latency = &ended.world.checks().subscriptions[0].latency;
        figures.push(latency.share_above(10_000_000_000).expect("messages were processed"));
        figures
    });
}

#[test]
fn q04_five_servers_compete() {
    let text = queue("4", 5, "exp(1s)", "", 5_000);
    check("Q04", &["L", "W", "Wq", "Lq", "P_wait"], 20, |seed| {
        let mut figures = queue_figures(&consumer(&text, seed), 5.0).split_off(1);
        figures.push(share_that_waits(&ended(&text, seed, Recorder::All(Vec::new()))));
        figures
    });
}

/// Share of the messages that were not sent to a consumer at the moment they were stored.
fn share_that_waits(ended: &Ended) -> f64 {
    let warm_up = ended.world.shared().window.0;
    let mut stored = BTreeMap::new();
    let (mut all, mut waited) = (0u32, 0u32);
    for entry in facts(ended) {
        match entry.event {
            Event::Fact(Fact::Stored { .. }, about) => {
                stored.insert(about, entry.at);
            }
            Event::Fact(Fact::Dispatched { .. }, about) => {
                let since = stored.remove(&about).expect("stored before");
                all += u32::from(since >= warm_up);
                waited += u32::from(since >= warm_up && entry.at > since);
            }
            _ => {}
        }
    }
    f64::from(waited) / f64::from(all)
}

#[test]
fn q06_one_server_that_always_takes_as_long() {
    let text = queue("0.8", 1, "1s", "", 20_000);
    check("Q06", &["rho", "L", "W", "Wq", "Lq"], 20, |seed| queue_figures(&consumer(&text, seed), 1.0));
}

#[test]
fn q11_a_queue_of_ten_refuses_what_is_too_much() {
    let text = queue("0.9", 1, "exp(1s)", "max_length: 9, overflow: RejectPublish", 20_000);
    check("Q11", &["P_loss", "throughput", "L", "W_accepted"], 20, |seed| {
        let value = consumer(&text, seed);
        let lost = figure(&value, "lost/by_cause/queue_overflow") / figure(&value, "addressed");
        let figures = ["throughput", "backlog/mean", "latency/mean"].map(|path| figure(&value, path));
        [&[lost], &figures[..]].concat()
    });
}

#[test]
fn q14_ten_servers_and_no_queue_whatever_the_service() {
    for work in ["exp(1s)", "uniform(0s, 2s)", "1s"] {
        let text = queue("8", 10, work, "max_length: 0, overflow: RejectPublish", 2_000);
        check("Q14", &["P_loss"], 20, |seed| {
            let value = consumer(&text, seed);
            vec![figure(&value, "lost/by_cause/queue_overflow") / figure(&value, "addressed")]
        });
    }
}

#[test]
fn q33_littles_law() {
    // 1,000 a second, each in the system for 0.25 s: 250 at any time.
    let text = queue("1", 300, "250ms", "", 5).replace("Poisson(\"1/s\")", "Every(\"1ms\")");
    let value = consumer(&text.replace("warm_up: \"0s\"", "warm_up: \"1s\""), 1);
    assert_eq!(figure(&value, "throughput").round(), 1_000.0);
    assert_eq!(figure(&value, "latency/mean"), 0.25);
    assert_eq!(figure(&value, "backlog/mean"), expected("Q33", "L"));
}

#[test]
fn l03_three_retries_and_perfect_acks() {
    let text = r#"(
        format: 1,
        title: "Retries over a lossy link",
        run: (duration: "10s", keep: 0),
        producers: { "p": (publish: "t", schedule: Every("1ms")) },
        consumers: { "c": (read: "t") },
        network: (latency: "0s", links: [(from: "producers", to: "brokers", loss: "10%")]),
        designs: {
            "d": Queue(transport: Datagrams, redeliver_after: "1s", retries: 3, confirm_timeout: "10ms", durable: false),
        },
    )"#;
    check("L03", &["P_lost", "E_sends"], 60, |seed| {
        let ended = ended(text, seed, Recorder::All(Vec::new()));
        let is_resent = |entry: &&Recorded| matches!(entry.event, Event::Fact(Fact::Resent { .. }, _));
        let resent = facts(&ended).iter().filter(is_resent).count() as f64;
        let book = ended.world.checks();
        let published = book.sources[0].published as f64;
        vec![book.subscriptions[0].ledger.lost_total() as f64 / published, 1.0 + resent / published]
    });
}

#[test]
fn r01_the_ring_buffer_of_the_book() {
    // One message a second, each a segment: the window is the capacity over the rate, less one message at the most.
    let text = r#"(
        format: 1,
        title: "6 TB at 150 MB/s",
        run: (duration: "50000s", keep: 0),
        producers: { "p": (publish: "t", schedule: Rate("150 MB/s"), size: "150 MB") },
        consumers: { "c": (read: "t") },
        network: (latency: "0s"),
        nodes: { "brokers": (disk: (capacity: "6 TB")) },
        designs: { "d": Log(when_full: DeleteOldest, segment_bytes: "150 MB", retention_check: "0s") },
    )"#;
    let retention = &run(text, 1)["designs"]["d"]["brokers"]["broker/1"]["retention"];
    assert_eq!(figure(retention, "predicted"), expected("R01", "seconds"));
    assert_eq!(figure(retention, "first_deletion"), expected("R01", "seconds"));
    assert_eq!(figure(retention, "window_min"), expected("R01", "seconds") - 1.0);
    assert_eq!((expected("R01", "hours") * 3_600.0).round(), expected("R01", "seconds"));
}
