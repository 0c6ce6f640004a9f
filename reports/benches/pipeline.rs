//! The whole pipeline, checks and fingerprint on: messages per second, and how many times as fast that is as other
//! programs.
//!
//! `cargo bench --bench pipeline -- [MESSAGES] [--rounds N] [--peer "COMMAND"]...`, where a peer is a program with its
//! arguments that does the same work and prints `msgs/s=N`. The scenario is `bench/pipeline`, with so many messages.
//!
//! `cargo bench --bench pipeline -- table`: the cost of an event by length of the run, and by number of producers.

#![allow(clippy::disallowed_types)] // a benchmark reads the clock

#[path = "../../sim/benches/peers/mod.rs"]
mod peers;

use peers::Peers;
use redeliver_models::checks::Recorder;
use redeliver_scenarios::{Options, read};
use std::time::Instant;

const SCENARIO: &str = include_str!("../../scenarios/library/bench/pipeline.ron");
const PRODUCERS: u64 = 100;
/// Events of a message.
const EVENTS: f64 = 5.0;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (mut messages, mut rounds, mut commands) = (2_000_000, 5, Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "table" => return print_table(),
            "--peer" => commands.extend(arguments.next()),
            "--rounds" => {
                rounds = arguments.next().and_then(|text| text.parse().ok()).expect("a number of rounds")
            }
            text => messages = text.parse().expect("a number of messages"),
        }
    }
    let mut peers = Peers::new("msgs/s=", 1.0, commands);
    for round in 1..=rounds {
        let (rate, text) = ours(messages, PRODUCERS);
        println!("round {round}: {text}");
        peers.follow(rate);
    }
    peers.print_table();
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

/// The most memory that the process ever had, where the system tells.
fn print_peak() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(line) = status.lines().find(|line| line.starts_with("VmHWM")) {
        println!("peak memory: {}", line.trim_start_matches("VmHWM:").trim());
    }
}
