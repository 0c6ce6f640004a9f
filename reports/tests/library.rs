//! The library: every expectation of every scenario holds, a second run is the same, and the fingerprints are those
//! that `golden_fingerprints.txt` has, whatever the machine and the build.

mod common;

use common::library::{GOLDEN, in_parallel};
use redeliver_scenarios::expect::Verdict;
use redeliver_scenarios::{Options, library, read};
use std::path::Path;

/// What two runs of a scenario came to.
struct Ran {
    /// `hello queue c237f0fa869c5ddf`, a line for each design.
    fingerprints: Vec<String>,
    complaints: Vec<String>,
}

fn fingerprints(name: &str, text: &str) -> (Vec<String>, Vec<String>) {
    let plan = read(name, text, &Options::default()).unwrap_or_else(|report| panic!("{report}"));
    let result = redeliver_reports::run(&plan, &mut |_, _| ()).result;
    let lines = result.designs.iter().map(|(design, run)| format!("{name} {design} {}", run.fingerprint));
    let not_held = result.expect.iter().filter(|expectation| expectation.verdict != Verdict::Holds);
    let complaints = not_held.map(|expectation| {
        let read = expectation.read.join("; ");
        format!("{name}: {:?}: {} ({read})", expectation.verdict, expectation.text)
    });
    let stopped = result.designs.iter().filter_map(|(design, run)| Some((design, run.stopped.as_ref()?)));
    let stopped = stopped.map(|(design, why)| format!("{name}: {design} stopped: {why}"));
    (lines.collect(), complaints.chain(stopped).collect())
}

fn run_twice(name: &str, text: &str) -> Ran {
    let (first, mut complaints) = fingerprints(name, text);
    let (again, _) = fingerprints(name, text);
    let differ = first.iter().zip(&again).filter(|(first, again)| first != again);
    complaints.extend(differ.map(|(first, again)| format!("{first}, and at the second run {again}")));
    Ran { fingerprints: first, complaints }
}

/// Where golden lines and these differ; and what to do.
fn compare(golden: &str, lines: &[String]) -> Result<(), String> {
    let golden: Vec<&str> = golden.lines().collect();
    let gone = golden.iter().filter(|line| !lines.iter().any(|known| known == **line));
    let new = lines.iter().filter(|line| !golden.contains(&line.as_str()));
    let differences: Vec<String> =
        gone.map(|line| format!("- {line}")).chain(new.map(|line| format!("+ {line}"))).collect();
    if differences.is_empty() {
        return Ok(());
    }
    Err(format!(
        "fingerprints are not the golden ones:\n{}\nIf the change is meant, write them anew with\n  \
         UPDATE_GOLDEN=1 cargo test -p redeliver-reports --test library\nand say in CHANGELOG.md what changed.",
        differences.join("\n")
    ))
}

#[test]
#[allow(clippy::disallowed_methods)] // whoever starts it may ask for new fingerprints
fn every_scenario_holds_and_is_the_same_every_time() {
    let ran = in_parallel(run_twice);
    let complaints: Vec<&str> = ran.iter().flat_map(|ran| &ran.complaints).map(String::as_str).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    let lines: Vec<String> = ran.into_iter().flat_map(|ran| ran.fingerprints).collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(GOLDEN, lines.join("\n") + "\n").expect("the golden file can be written");
        return;
    }
    let golden = std::fs::read_to_string(Path::new(GOLDEN)).expect("the golden file is there");
    if let Err(message) = compare(&golden, &lines) {
        panic!("{message}");
    }
}

#[test]
fn what_does_not_hold_is_told() {
    let hello = library::find("hello").expect("the library has it");
    let wrong = hello.replace("effects == 5", "effects == 6");
    let complaints = run_twice("hello", &wrong).complaints;
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(complaints[0].starts_with("hello: Broken: "), "{complaints:?}");
    assert!(run_twice("hello", hello).complaints.is_empty());
}

#[test]
fn another_fingerprint_is_told() {
    let lines = ["a queue 01".to_string(), "a log 02".to_string()];
    assert_eq!(compare("a queue 01\na log 02\n", &lines), Ok(()));
    let told = compare("a queue 01\na log 03\n", &lines).expect_err("the log differs");
    assert!(told.contains("- a log 03\n+ a log 02\n"), "{told}");
}

#[test]
fn every_scenario_says_what_it_asks_and_where_it_comes_from() {
    for (name, text) in library::all().iter().filter(|(name, _)| !name.contains('/')) {
        let plan = read(name, text, &Options::default()).unwrap_or_else(|report| panic!("{report}"));
        assert!(plan.question.as_ref().is_some_and(|question| question.ends_with('?')), "{name}");
        assert!(plan.look_for.is_some() && plan.source.is_some(), "{name}");
        assert!(!plan.expect.is_empty(), "{name}");
    }
}
