//! The whole pipeline, checks and fingerprint on: messages per second, and the ratio to a hand-written loop.
//!
//! `cargo bench --bench pipeline -- [MESSAGES] [--peer PATH]`, where PATH is a program that does the same work by hand
//! and prints `msgs/s=N`. The scenario is `bench/pipeline`, with so many messages.
//!
//! `cargo bench --bench pipeline -- table`: the cost of an event by length of the run, and by number of producers.

#![allow(clippy::disallowed_types)] // a benchmark reads the clock

use redeliver_models::checks::Recorder;
use redeliver_scenarios::{Options, read};
use std::time::Instant;

const SCENARIO: &str = include_str!("../../scenarios/library/bench/pipeline.ron");
const PRODUCERS: u64 = 100;
/// Events of a message.
const EVENTS: f64 = 5.0;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if arguments.first().is_some_and(|argument| argument == "table") {
        return print_table();
    }
    let messages: u64 = arguments.first().and_then(|text| text.parse().ok()).unwrap_or(2_000_000);
    let peer =
        arguments.iter().position(|argument| argument == "--peer").and_then(|at| arguments.get(at + 1));
    let mut best = 0.0_f64;
    for round in 1..=5 {
        let (rate, text) = ours(messages, PRODUCERS);
        println!("round {round}: {text}");
        let theirs = peer.map(|path| theirs(path, messages));
        if let Some(theirs) = theirs {
            println!("         the hand-written loop: {theirs:.0} messages/s; ratio {:.2}", rate / theirs);
        }
        best = best.max(rate);
    }
    println!("best: {best:.0} messages/s");
    print_peak();
}

/// The best of three for each line.
fn print_table() {
    println!("messages  producers  ns an event");
    let by_length = [10_000, 100_000, 1_000_000, 10_000_000].map(|messages| (messages, PRODUCERS));
    let by_producers = [10, 1_000].map(|producers| (1_000_000, producers));
    for (messages, producers) in by_length.into_iter().chain(by_producers) {
        let rates = [0; 3].map(|_| ours(messages, producers).0);
        let best = rates.into_iter().fold(0.0, f64::max);
        println!("{messages:>8}  {producers:>9}  {:>11.1}", 1e9 / best / EVENTS);
    }
}

/// Runs the scenario once, its rate of messages shared by so many producers: messages per second, and a line about it.
fn ours(messages: u64, producers: u64) -> (f64, String) {
    let set = |path: &str, value: String| (format!("producers.shop.{path}"), value);
    let set = vec![
        set("members", producers.to_string()),
        set("count", (messages / producers).to_string()),
        set("schedule", format!("Poisson(\"{}/s\")", 100 * PRODUCERS / producers)),
    ];
    let options = Options { set, seed: None, folder: None };
    let plan = match read("bench/pipeline", SCENARIO, &options) {
        Ok(plan) => plan,
        Err(report) => panic!("{}", report.render(false)),
    };
    let setup = &plan.designs[0].setup;
    let begun = Instant::now();
    let ended = redeliver_models::run(setup, Recorder::Off);
    let seconds = begun.elapsed().as_secs_f64();
    let rate = messages as f64 / seconds;
    let book = ended.world.checks();
    let checks = &book.subscriptions[0];
    let text = format!(
        "{messages} messages, {:.2} events each, in {seconds:.3} s: {rate:.0} messages/s, fingerprint {:016x}, \
         late {}, duplicates {}, lost {}, records {}",
        ended.world.events() as f64 / messages as f64,
        book.fingerprint(),
        checks.key.late,
        checks.ledger.duplicates_total(),
        checks.ledger.lost_total(),
        ended.world.shared().messages.slots(),
    );
    (rate, text)
}

/// What the peer says of itself.
fn theirs(path: &str, messages: u64) -> f64 {
    let output = std::process::Command::new(path).args([&messages.to_string(), "enum-hole-fifo"]).output();
    let output = output.unwrap_or_else(|error| panic!("{path}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let word = text.split_whitespace().find_map(|word| word.strip_prefix("msgs/s="));
    word.and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("{path} printed no msgs/s=N: {text}"))
}

/// The most memory that the process ever had, where the system tells.
fn print_peak() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(line) = status.lines().find(|line| line.starts_with("VmHWM")) {
        println!("peak memory: {}", line.trim_start_matches("VmHWM:").trim());
    }
}
