//! Same scenario, same seed, same facts: whatever the order of the file, whether the world was forked on the way, and on
//! any number of threads. What all these runs are held to are the golden fingerprints, to which `library.rs` holds the
//! plain runs.

mod common;

use common::library::{golden, in_parallel};
use redeliver_models::checks::Recorder;
use redeliver_models::{Ended, Setup, World, advance, build, finish};
use redeliver_reports::result::RunResult;
use redeliver_scenarios::{Options, Plan, library, read};

fn plan_of(name: &str, text: &str) -> Plan {
    read(name, text, &Options::default()).unwrap_or_else(|report| panic!("{report}"))
}

/// A line for each design, as the golden file has them, sorted.
fn lines(name: &str, result: &RunResult) -> Vec<String> {
    let all = result.designs.iter().map(|(design, run)| format!("{name} {design} {}", run.fingerprint));
    let mut lines: Vec<String> = all.collect();
    lines.sort();
    lines
}

fn run(plan: &Plan) -> RunResult {
    redeliver_reports::run(plan, &mut |_, _| ()).result
}

/// Runs a world to its end.
fn end(setup: &Setup, mut world: World) -> Ended {
    let stopped = advance(&mut world, setup.limits, u64::MAX).flatten();
    finish(world, stopped)
}

fn fingerprint(ended: &Ended) -> String {
    format!("{:016x}", ended.world.checks().fingerprint())
}

/// Fingerprints of a design's run, and of both copies of a second run that was forked half-way.
fn forked(setup: &Setup) -> [String; 3] {
    let whole = end(setup, build(setup, Recorder::Off));
    let mut world = build(setup, Recorder::Off);
    assert_eq!(advance(&mut world, setup.limits, whole.world.events() / 2), None);
    let copy = world.clone();
    [whole, end(setup, world), end(setup, copy)].map(|ended| fingerprint(&ended))
}

#[test]
fn both_copies_of_a_forked_world_go_on_identically() {
    let ran = in_parallel(|name, text| {
        let plan = plan_of(name, text);
        // A story is told line by line, from outside its world, which is not forked.
        let loads = plan.designs.iter().filter(|(_, design)| design.setup.script.is_none());
        let golden = golden(name);
        for (design, planned) in loads.clone() {
            for fingerprint in forked(&planned.setup) {
                let line = format!("{name} {design} {fingerprint}");
                assert!(golden.contains(&line), "not golden: {line}");
            }
        }
        loads.count()
    });
    assert!(ran.iter().sum::<usize>() > 30);
}

#[test]
fn the_order_of_maps_in_the_file_changes_no_fact() {
    let changed = in_parallel(|name, text| {
        let other = permuted(text);
        assert_eq!(lines(name, &run(&plan_of(name, &other))), golden(name), "{other}");
        usize::from(plan_of(name, &other).designs.keys().next() != plan_of(name, text).designs.keys().next())
    });
    assert!(changed.iter().sum::<usize>() > 5, "some files have several designs");
}

#[test]
fn no_number_depends_on_how_many_run_side_by_side() {
    in_parallel(|name, text| {
        let plan = plan_of(name, text);
        let jobs = |jobs| redeliver_reports::replicate(&plan, 3, jobs, &|_, _| ()).result;
        let (one, eight) = (jobs(1), jobs(8));
        assert_eq!(lines(name, &one), golden(name));
        let bytes = |result: &RunResult| serde_json::to_string(result).expect("a result is JSON");
        assert_eq!(bytes(&one), bytes(&eight), "{name}");
    });
}

#[test]
fn a_mean_is_that_of_the_single_runs() {
    let text = library::find("three-designs-same-chaos").expect("the library has it");
    let plan = plan_of("three-designs-same-chaos", text);
    let replicated = redeliver_reports::replicate(&plan, 4, 2, &|_, _| ()).result;
    let replications = replicated.replications.expect("it was asked for");
    let path = "designs.udp.consumers.fulfilment.latency.mean";
    let estimate = replications.figures[path];
    let single = (plan.seed..plan.seed + 4).map(|seed| {
        let result = run(&plan.with_seed(seed));
        result.designs["udp"].consumers["fulfilment"].latency.mean.expect("some arrived")
    });
    assert_eq!(estimate.mean, Some(single.sum::<f64>() / 4.0));
    assert!(estimate.half_width.is_some_and(|half| half > 0.0));
    assert_eq!(replications.n, 4);
}

/// The same file with the entries of its maps backwards.
fn permuted(text: &str) -> String {
    let mut text = without_comments(text);
    let maps = ["producers", "consumers", "designs", "nodes", "clients", "queues", "topics", "each"];
    for map in maps.map(|map| format!("{map}: {{")).iter().map(String::as_str).chain(["Handle({"]) {
        let mut from = 0;
        while let Some(found) = text[from..].find(map) {
            let start = from + found + map.len();
            let entries = entries(&text[start..]);
            let length = entries.iter().map(|entry| entry.len() + 1).sum::<usize>() - 1;
            // Of several globs or roles that match, the later wins: their order means something.
            let plain = !entries.iter().any(|entry| entry.contains(['*', '?']) || entry.contains("ers\""));
            if plain || !matches!(map, "nodes: {" | "clients: {") {
                let backwards: Vec<&str> =
                    entries.iter().rev().filter(|e| !e.trim().is_empty()).copied().collect();
                let backwards = backwards.join(",");
                text.replace_range(start..start + length, &backwards);
            }
            from = start;
        }
    }
    text
}

/// The entries of a map, up to its closing brace; the last is empty where it ends with a comma.
fn entries(text: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut start) = (0, false, 0);
    let mut entries = Vec::new();
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            '}' if depth == 0 => {
                entries.push(&text[start..at]);
                return entries;
            }
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                entries.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    panic!("the map has no end")
}

/// Without what stands behind `//`, outside texts.
fn without_comments(text: &str) -> String {
    let code = |line: &str| {
        let quotes_before = |at: usize| line[..at].matches('"').count();
        let comment = line.match_indices("//").find(|(at, _)| quotes_before(*at) % 2 == 0);
        line[..comment.map_or(line.len(), |(at, _)| at)].to_string()
    };
    text.lines().map(code).collect::<Vec<_>>().join("\n")
}

#[test]
fn entries_are_permuted_and_nothing_else() {
    let text = "(\n designs: {\"a\": Queue(clients: {\"x\": 1, \"y\": 2}), \"b,}\": Log(), // the last\n },\n nodes: {\"*\": 1, \"a\": 2},\n script: [(\"c\", Handle({\"m1 #2\": [Ack()], \"*\": []}))],\n)";
    let expected = "(\n designs: { \"b,}\": Log(),\"a\": Queue(clients: { \"y\": 2,\"x\": 1})},\n nodes: {\"*\": 1, \"a\": 2},\n script: [(\"c\", Handle({ \"*\": [],\"m1 #2\": [Ack()]}))],\n)";
    assert_eq!(permuted(text), expected);
}
