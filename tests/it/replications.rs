//! `run --replications N`: means over seeds, whatever the number of jobs.

use crate::command::{call, directory};
use serde_json::Value;

const DRAWN: [&str; 4] = ["run", "figure.ron", "--set", "network.latency=exp(2ms)"];

fn replicated(more: &[&str]) -> crate::command::Call {
    let directory = directory();
    let arguments: Vec<&str> =
        DRAWN.iter().chain(["--set", "expect=[]"].iter()).chain(more).copied().collect();
    call(directory.path(), &arguments)
}

#[test]
fn no_byte_depends_on_the_number_of_jobs() {
    let run = |jobs: &str| replicated(&["--replications", "12", "--format", "json", "--jobs", jobs]);
    let (one, eight) = (run("1"), run("8"));
    assert_eq!((one.code, one.err.as_str()), (0, ""));
    assert_eq!(one.out, eight.out);
    let result: Value = serde_json::from_str(&one.out).expect("it is JSON");
    assert_eq!(result["replications"]["n"], 12);
    assert_eq!(result["seed"], 42);
    let path = "designs.queue.consumers.fulfilment.latency.p99";
    let half = result["replications"]["figures"][path]["half_width"].as_f64();
    assert!(half.is_some_and(|half| half > 0.0), "{half:?}");
}

#[test]
fn eight_side_by_side_are_what_they_are_one_after_another() {
    let directory = directory();
    for name in ["hello", "poison-message", "leader-dies", "claimed-too-soon", "three-designs-same-chaos"] {
        let run = |jobs: &str| {
            let ended = call(
                directory.path(),
                &["run", name, "--replications", "8", "--jobs", jobs, "--format", "json"],
            );
            assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{name}");
            ended.out
        };
        assert!(run("1") == run("8"), "{name}");
    }
}

#[test]
fn the_table_says_how_sure_its_means_are() {
    let shown = replicated(&["--replications", "5"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert!(shown.out.contains(" ± "), "{}", shown.out);
    assert!(shown.out.contains("means over 5 runs (seeds 42 to 46)"), "{}", shown.out);
    let single = replicated(&["--replications", "1"]);
    assert!(
        !single.out.lines().any(|line| line.starts_with("queue") && line.contains('±')),
        "{}",
        single.out
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_a_hint() {
    let directory = directory();
    let refused = |more: &[&str]| {
        let arguments: Vec<&str> = ["run", "figure.ron"].iter().chain(more).copied().collect();
        let ended = call(directory.path(), &arguments);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{more:?}");
        ended.err
    };
    insta::assert_snapshot!(refused(&["--replications", "3", "--trace", "facts.jsonl"]), @r"
    error: a trace is of one run, not of several replications
    help: leave out `--replications`, and choose the run by `--seed N`
    ");
    insta::assert_snapshot!(refused(&["--replications", "3", "--seed", "18446744073709551615"]), @r"
    error: there are no 3 seeds from 18446744073709551615 on
    help: a seed has 64 bits: choose a smaller one by `--seed N`
    ");
    for more in [&["--replications", "0"][..], &["--jobs", "2"], &["--replications", "2", "--jobs", "0"]] {
        refused(more);
    }
    assert!(!directory.path().join("facts.jsonl").exists());
}

#[test]
fn a_limit_that_any_run_reaches_leaves_the_verdict_open() {
    let limited = replicated(&["--replications", "3", "--max-events", "20"]);
    assert_eq!(limited.code, 3, "{}{}", limited.out, limited.err);
    assert!(limited.out.contains("3 runs stopped at a limit"), "{}", limited.out);
}
