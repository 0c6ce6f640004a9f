//! Files that are damaged at random: each is refused with an error, or is a plan that runs to its end or to a limit that
//! says how to raise it. Nothing panics, hangs or fills the memory.
//!
//! `FUZZ_INPUTS=100000 cargo test -p redeliver-reports --test fuzz -- --nocapture` tries so many, from number
//! `FUZZ_FROM` on, and tells which took longest.

mod mutate;

use mutate::mutated;
use redeliver_reports::human::{HumanOptions, human};
use redeliver_reports::{html::html, markdown::markdown};
use redeliver_scenarios::{Options, Plan, read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// So many are tried by a plain `cargo test`.
const INPUTS: u64 = 2_000;
/// Accepted plans run so far, if they do not end before.
const EVENTS_MAX: u64 = 3_000;
const MEMORY_MAX: u64 = 64 << 20;

/// What became of an input.
enum Tried {
    Refused,
    Ran { stopped: bool },
}

/// Reads a text, and runs it if it is a scenario.
fn attempt(text: &str) -> Tried {
    match read("fuzz.ron", text, &Options::default()) {
        Err(report) => {
            assert!(!report.diagnostics.is_empty(), "refused without a reason");
            assert!(report.render(false).starts_with("error: "));
            Tried::Refused
        }
        Ok(mut plan) => Tried::Ran { stopped: run(&mut plan) },
    }
}

fn run(plan: &mut Plan) -> bool {
    for design in plan.designs.values_mut() {
        let limits = &mut design.setup.limits;
        limits.events_max = limits.events_max.min(EVENTS_MAX);
        limits.memory_max = limits.memory_max.min(MEMORY_MAX);
    }
    let findings = redeliver_reports::run(plan, &mut |_, _| ());
    assert!(!serde_json::to_string(&findings.result).expect("a result is JSON").is_empty());
    let shown =
        [human(&findings, HumanOptions { color: false, width: 80 }), markdown(&findings), html(&findings)];
    assert!(shown.iter().all(|page| !page.is_empty()));
    let stopped = findings.result.designs.values().filter_map(|design| design.stopped.as_deref());
    let mut any = false;
    for why in stopped {
        let told = ["raise run.max_", "give it a span", "never returns", "wait for less", "not told yet"];
        assert!(told.iter().any(|words| why.contains(words)), "stopped, and does not say what to do: {why}");
        any = true;
    }
    any
}

/// What many inputs came to.
#[derive(Default)]
struct Sum {
    refused: u64,
    ended: u64,
    stopped: u64,
    /// Numbers of inputs that panicked, with what was said and where.
    panics: Vec<(u64, String)>,
    /// The longest: milliseconds and numbers.
    slowest: Vec<(u128, u64)>,
}

#[allow(clippy::disallowed_types, clippy::disallowed_methods)] // only to tell which inputs took longest or panicked
fn try_one(number: u64, sum: &Mutex<Sum>, said: &Mutex<Vec<(std::thread::ThreadId, String)>>) {
    let begun = std::time::Instant::now();
    let tried = catch_unwind(AssertUnwindSafe(|| attempt(&mutated(number))));
    let took = begun.elapsed().as_millis();
    let mut sum = sum.lock().expect("no test panics in here");
    match tried {
        Ok(Tried::Refused) => sum.refused += 1,
        Ok(Tried::Ran { stopped: false }) => sum.ended += 1,
        Ok(Tried::Ran { stopped: true }) => sum.stopped += 1,
        Err(_) => {
            let me = std::thread::current().id();
            let said = said.lock().expect("no test panics in here");
            let last = said.iter().rev().find(|(thread, _)| *thread == me);
            sum.panics.push((number, last.map_or(String::new(), |(_, text)| text.clone())));
        }
    }
    sum.slowest.push((took, number));
    sum.slowest.sort_unstable_by(|a, b| b.cmp(a));
    sum.slowest.truncate(5);
}

#[allow(clippy::disallowed_methods)] // only how many are tried side by side, and by whom
fn try_all(from: u64, count: u64) -> Sum {
    let said = std::sync::Arc::new(Mutex::new(Vec::new()));
    let heard = std::sync::Arc::clone(&said);
    std::panic::set_hook(Box::new(move |panic| {
        let mut said = heard.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        said.push((std::thread::current().id(), panic.to_string()));
    }));
    let (next, sum) = (AtomicU64::new(from), Mutex::new(Sum::default()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(number) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < from + count)
                {
                    try_one(number, &sum, &said);
                }
            });
        }
    });
    drop(std::panic::take_hook());
    sum.into_inner().expect("no test panics in here")
}

#[allow(clippy::disallowed_methods)] // whoever starts it says how much it tries
fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The most memory that this process has had, in bytes, where the system tells.
fn memory_peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}

#[test]
fn damaged_files_are_refused_or_run_to_an_end_or_a_limit() {
    let (from, count) = (number("FUZZ_FROM", 0), number("FUZZ_INPUTS", INPUTS));
    let Sum { refused, ended, stopped, mut panics, slowest } = try_all(from, count);
    let peak = memory_peak().unwrap_or(0);
    println!("{refused} refused, {ended} ended, {stopped} stopped at a limit, peak {} MB", peak >> 20);
    println!("slowest (ms, number): {slowest:?}");
    panics.sort();
    for (number, said) in &panics {
        println!("input {number}: {said}");
    }
    let first = panics.first().map(|(number, _)| mutated(*number));
    assert!(panics.is_empty(), "{} inputs panic; the first is\n{}", panics.len(), first.unwrap_or_default());
    assert!(peak < 1 << 30, "{peak} bytes of memory");
    // The damage is neither all too great nor all without effect.
    assert!(count < INPUTS || ended + stopped > count / 10 && refused > count / 10);
}

#[test]
fn an_input_is_a_function_of_its_number() {
    assert_eq!(mutated(7), mutated(7));
    assert!((0..20).any(|number| mutated(number) != mutated(number + 1)));
}
