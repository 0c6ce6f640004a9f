//! The verbs, their options, their output and their exit codes.

use crate::command::{FIGURE, call, call_with, directory, directory_with, program};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

const EXPECTED: &str = "order.key.late == 1";

#[test]
fn expectations_decide_the_exit_code() {
    let code = |expected: &str| {
        let directory = directory_with(EXPECTED, expected);
        call(directory.path(), &["run", "figure.ron"]).code
    };
    assert_eq!(code(EXPECTED), 0);
    assert_eq!(code("order.key.late == 0"), 1);
    // Nothing was deleted, so there is no window.
    assert_eq!(code("headroom.min > 1.0"), 3);
    assert_eq!(code("headroom.min > 1.0\", \"1.0 == 2.0"), 1);
}

#[test]
fn an_expectation_that_tested_nothing_is_not_fine() {
    let directory = directory();
    let code = |expected: &str| call(directory.path(), &["run", "hello", "--set", expected]).code;
    assert_eq!(code("expect=[\"designs.queue.consumers.fulfilment.lost.total == 0\"]"), 3);
    assert_eq!(code("expect=[\"designs.queue.consumers.fulfilment.lost.total == 0 // quiet\"]"), 0);
}

#[test]
fn a_limit_that_is_reached_leaves_the_verdict_open() {
    let directory = directory();
    for set in [&["--set", "run.max_events=20"][..], &["--max-events", "20"]] {
        let arguments: Vec<&str> =
            ["run", "hello", "--set", "expect=[]"].iter().chain(set).copied().collect();
        let limited = call(directory.path(), &arguments);
        assert_eq!(limited.code, 3, "{}{}", limited.out, limited.err);
        assert!(limited.out.contains("20 events"), "{}", limited.out);
        assert!(limited.out.contains("--max-events"), "{}", limited.out);
    }
}

#[test]
fn what_a_stopped_design_would_have_come_to_is_not_decided() {
    let directory = directory();
    let limited = call(directory.path(), &["run", "hello", "--max-events", "20", "-o", "report"]);
    assert_eq!(limited.code, 3, "{}{}", limited.out, limited.err);
    assert!(
        limited.out.starts_with("queue was stopped before its end (more than 20 events"),
        "{}",
        limited.out
    );
    assert!(limited.out.contains("0 of 6 expectations hold, 6 not decided."), "{}", limited.out);
    let written =
        |name: &str| fs::read_to_string(directory.path().join("report").join(name)).expect("it is there");
    let result: serde_json::Value = serde_json::from_str(&written("result.json")).expect("it is JSON");
    for line in result["expect"].as_array().expect("it has expectations") {
        assert_eq!(line["verdict"], "not_decided");
        assert_eq!(
            line["read"].as_array().and_then(|read| read.last()).expect("it says why"),
            "not decided: design `queue` was stopped before its end"
        );
    }
    for line in result["require"].as_array().expect("it is a list") {
        assert!(line["met"].is_null());
    }
    for page in [written("report.md"), written("report.html")] {
        assert!(page.contains("not decided") && page.contains("was stopped before its end"), "{page}");
    }
}

#[test]
fn what_reads_no_stopped_design_is_broken_all_the_same() {
    let directory = directory();
    let code = |expected: &str| {
        call(directory.path(), &["run", "hello", "--max-events", "20", "--set", expected]).code
    };
    assert_eq!(code("expect=[\"seed == 43\"]"), 1);
    assert_eq!(code("expect=[\"designs.queue.stopped == null\"]"), 1);
    assert_eq!(code("expect=[\"designs.queue.stopped != null\"]"), 3);
}

#[test]
fn a_scenario_is_not_overwritten_by_what_is_made_of_it() {
    let directory = directory();
    fs::create_dir(directory.path().join("sub")).expect("there is room for tests");
    let scenario = directory.path().join("figure.ron");
    fs::hard_link(&scenario, directory.path().join("sub/report.md")).expect("there is room for tests");
    for arguments in [
        &["figure.ron", "--trace", "figure.ron"][..],
        &["./sub/../figure.ron", "--trace", "figure.ron"],
        &["sub/report.md", "--trace", "figure.ron"],
        &["sub/report.md", "-o", "sub"],
    ] {
        let refused = call(directory.path(), &[&["run"], arguments].concat());
        assert_eq!(refused.code, 2, "{arguments:?}: {}", refused.err);
        assert!(refused.err.contains("is the scenario itself: it would be overwritten"), "{}", refused.err);
        assert_eq!(fs::read_to_string(&scenario).expect("it is there"), FIGURE, "{arguments:?}");
    }
    let beside = call(directory.path(), &["run", "figure.ron", "--trace", "facts.jsonl", "-o", "out"]);
    assert_eq!(beside.code, 0, "{}", beside.err);
    // A name of the library is no file here.
    assert_eq!(call(directory.path(), &["run", "hello", "--trace", "hello"]).code, 0);
}

#[test]
fn wrong_usage_is_2() {
    let directory = directory();
    for arguments in [
        &[][..],
        &["fly"],
        &["run"],
        &["run", "figure.ron", "--format", "xml"],
        &["run", "figure.ron", "--seed", "x"],
        &["run", "figure.ron", "--set", "designs.queue.prefetch"],
        &["run", "figure.ron", "--set", "designs.quue.prefetch=2"],
        &["run", "figure.ron", "--set", "designs.queue.prefetch=\"many\""],
        &["run", "figure.ron", "--trace", "-"],
        &["run", "no-such-scenario"],
        &["check", "no-such-scenario"],
        &["explain", "no-such-topic"],
        &["explain", "lost", "--design", "queue"],
        &["new", "mine", "--from", "no-such-scenario"],
        &["new", ".."],
    ] {
        let call = call(directory.path(), arguments);
        assert_eq!(call.code, 2, "{arguments:?}");
        assert!(call.out.is_empty() && !call.err.is_empty(), "{arguments:?}");
    }
    assert_eq!(call(directory.path(), &["--help"]).code, 0);
    assert_eq!(call(directory.path(), &["--version"]).code, 0);
}

#[test]
fn the_answer_comes_first() {
    let directory = directory();
    let human = call(directory.path(), &["run", "figure.ron"]);
    assert!(human.out.starts_with("queue broke the order per key"), "{}", human.out);
    assert_eq!(human.err, "");
    assert!(human.out.lines().all(|line| line.chars().count() <= 120));
    let markdown = call(directory.path(), &["run", "figure.ron", "--format", "md"]);
    assert!(markdown.out.starts_with("# Redelivery"), "{}", markdown.out);
}

#[test]
fn json_is_one_object() {
    let directory = directory();
    let run = call(directory.path(), &["run", "figure.ron", "--format", "json", "--seed", "7"]);
    let result: serde_json::Value = serde_json::from_str(&run.out).expect("it is JSON");
    assert_eq!(result["schema"], 1);
    assert_eq!(result["seed"], 7);
    assert_eq!(result["designs"]["queue"]["consumers"]["fulfilment"]["order"]["key"]["late"], 1);
}

#[test]
fn a_scenario_comes_from_a_file_from_the_library_or_from_standard_input() {
    let directory = directory();
    let file = call(directory.path(), &["run", "figure.ron", "--format", "json"]);
    let input = call_with(directory.path(), &["run", "-", "--format", "json"], FIGURE.as_bytes());
    assert_eq!((file.code, &file.out), (input.code, &input.out));
    assert_eq!(call(directory.path(), &["run", "hello"]).code, 0);
    // A file goes before a name of the library, a directory does not.
    fs::create_dir(directory.path().join("hello")).expect("there is room for tests");
    assert_eq!(call(directory.path(), &["run", "hello"]).code, 0);
    fs::remove_dir(directory.path().join("hello")).expect("it was just made");
    fs::write(directory.path().join("hello"), FIGURE).expect("there is room for tests");
    assert_eq!(call(directory.path(), &["run", "hello", "--format", "json"]).out, file.out);
    let wrong = call_with(directory.path(), &["check", "-"], b"(format: 1,");
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("stdin:1"), "{}", wrong.err);
}

#[test]
fn a_reader_who_has_gone_does_not_change_the_verdict() {
    for (expected, code) in [(EXPECTED, 0), ("order.key.late == 0", 1)] {
        let directory = directory_with(EXPECTED, expected);
        let mut command = program(directory.path(), &["run", "figure.ron", "--format", "json"]);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program is there");
        drop(child.stdout.take());
        assert_eq!(child.wait().expect("it ends").code(), Some(code));
        let mut said = String::new();
        child.stderr.take().expect("it is a pipe").read_to_string(&mut said).expect("it writes UTF-8");
        assert_eq!(said, "");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_told() {
    let directory = directory();
    let full = fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let mut command = program(directory.path(), &["run", "figure.ron"]);
    let output = command.stdout(full).output().expect("the program is there");
    assert_eq!(output.status.code(), Some(4));
    assert!(!output.stderr.is_empty());
}

#[test]
fn a_report_is_the_same_twice() {
    let directory = directory();
    let once = call(directory.path(), &["run", "figure.ron", "-o", "deep/one"]);
    let again = call(directory.path(), &["run", "figure.ron", "-o", "two"]);
    assert_eq!((once.code, &once.out), (0, &again.out));
    for name in ["report.html", "report.md", "result.json"] {
        let read = |folder: &str| fs::read(directory.path().join(folder).join(name)).expect("it is there");
        assert!(!read("deep/one").is_empty());
        assert_eq!(read("deep/one"), read("two"), "{name}");
    }
    assert_eq!(entries(&directory.path().join("two")), ["report.html", "report.md", "result.json"]);
    let json = call(directory.path(), &["run", "figure.ron", "--format", "json"]).out;
    assert_eq!(fs::read_to_string(directory.path().join("two/result.json")).expect("it is there"), json);
}

#[test]
fn what_cannot_be_written_is_4_and_leaves_nothing() {
    let directory = directory_with(EXPECTED, "order.key.late == 0");
    let path = directory.path();
    // A file stands where a directory should be, and a directory where a file should be.
    let blocked = call(path, &["run", "figure.ron", "-o", "figure.ron/deep"]);
    assert_eq!((blocked.code, blocked.out.as_str()), (4, ""));
    assert!(blocked.err.contains("cannot be written"), "{}", blocked.err);
    fs::create_dir_all(path.join("out/report.md")).expect("there is room for tests");
    assert_eq!(call(path, &["run", "figure.ron", "-o", "out"]).code, 4);
    assert_eq!(entries(&path.join("out")), ["report.md"]);
    assert_eq!(call(path, &["run", "figure.ron", "--trace", "no/such/place"]).code, 4);
    assert_eq!(call(path, &["run", "figure.ron", "--trace", "out"]).code, 4);
    assert_eq!(entries(path), ["figure.ron", "out"]);
}

#[test]
fn a_trace_has_a_fact_a_line() {
    let directory = directory();
    assert_eq!(call(directory.path(), &["run", "figure.ron", "--trace", "facts.jsonl"]).code, 0);
    let text = fs::read_to_string(directory.path().join("facts.jsonl")).expect("it is there");
    let facts: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
    let kinds = |kind: &str| facts.iter().filter(|fact| fact["fact"] == kind).count();
    assert_eq!((kinds("published"), kinds("processed"), kinds("crashed")), (5, 5, 1));
    assert!(facts.iter().all(|fact| fact["design"] == "queue" && fact["text"].is_string()));
    assert!(facts.is_sorted_by_key(|fact| fact["time"].as_f64().map(f64::to_bits)));
    assert_eq!(entries(directory.path()), ["facts.jsonl", "figure.ron"]);
}

#[test]
fn a_run_is_compared_with_itself() {
    let directory = directory();
    let human = call(directory.path(), &["run", "figure.ron", "--check-determinism"]);
    assert_eq!(human.code, 0);
    let last = human.out.lines().last().expect("it says something");
    assert!(last.starts_with("queue: same: "), "{last}");
    let json = call(directory.path(), &["run", "figure.ron", "--format", "json", "--check-determinism"]);
    let result: serde_json::Value = serde_json::from_str(&json.out).expect("it is JSON");
    let fingerprint = result["designs"]["queue"]["fingerprint"].as_str().expect("it is a text");
    assert!(last.ends_with(fingerprint) && json.err.trim_end().ends_with(fingerprint), "{last}");
}

#[test]
fn there_is_no_colour_off_a_terminal() {
    let directory = directory();
    for value in ["", "1"] {
        for arguments in [&["run", "figure.ron"][..], &["check", "no-such-scenario"]] {
            let output = program(directory.path(), arguments).env("NO_COLOR", value).output();
            let output = output.expect("the program is there");
            assert!(!output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b));
        }
    }
}

#[test]
fn a_file_is_checked_without_a_run() {
    let directory = directory();
    let fine = call(directory.path(), &["check", "figure.ron"]);
    assert_eq!(fine.code, 0);
    insta::assert_snapshot!(fine.out, @"figure.ron is fine: 1 design (queue), 1 producer, 1 consumer, 2 expectations, 2 requirements");
}

#[test]
fn a_topic_or_a_message_is_explained() {
    let directory = directory();
    let topic = call(directory.path(), &["explain", "lost.confirmed"]);
    assert_eq!(topic.code, 0);
    assert!(!topic.out.is_empty());
    let reference = call(directory.path(), &["explain", "faults"]);
    std::fs::write(directory.path().join("faults.ron"), reference.out).expect("it can be written");
    assert_eq!(call(directory.path(), &["check", "faults.ron"]).code, 0, "a reference is a scenario");
    let unknown = call(directory.path(), &["explain", "prefecth"]);
    assert!(
        unknown.err.ends_with("\nhelp: for a message's life: `redeliver explain FILE MESSAGE`\n"),
        "{}",
        unknown.err
    );
    let life = call(directory.path(), &["explain", "figure.ron", "shop#3", "--design", "queue"]);
    assert_eq!(life.code, 0);
    assert!(life.out.starts_with("queue\n  0.020 s  shop/1 "), "{}", life.out);
    assert!(life.out.ends_with("  fulfilment: processed once, in 2 deliveries\n"), "{}", life.out);
    for (message, design) in [("shop#9", "queue"), ("shp#3", "queue"), ("shop#3", "quue")] {
        let wrong = call(directory.path(), &["explain", "figure.ron", message, "--design", design]);
        assert_eq!((wrong.code, wrong.out.as_str()), (2, ""), "{message} {design}");
        assert!(wrong.err.contains("help: "), "{}", wrong.err);
    }
}

#[test]
fn the_library_is_listed() {
    let directory = directory();
    let list = call(directory.path(), &["list"]);
    assert_eq!(list.code, 0);
    assert!(list.out.lines().any(|line| line.trim_start().starts_with("hello ")), "{}", list.out);
    assert!(!list.out.contains("cannot be read"), "{}", list.out);
    // The long names of recorded cases push nobody else's titles aside.
    let column = |title: &str| list.out.lines().find_map(|line| line.find(title));
    assert!(column("Hello: five") < column("A worker dies holding m3: nobody"), "{}", list.out);
}

#[test]
fn a_new_scenario_runs_and_is_not_overwritten() {
    let directory = directory();
    let path = directory.path();
    let new = call(path, &["new", "mine"]);
    assert_eq!(new.code, 0);
    assert!(new.out.contains("redeliver run mine.ron"), "{}", new.out);
    assert_eq!(call(path, &["run", "mine.ron"]).code, 0);
    assert_eq!(call(path, &["new", "mine.ron", "--from", "redelivery-reorders"]).code, 4);
    assert_eq!(call(path, &["run", "mine.ron"]).code, 0);
    assert_eq!(call(path, &["new", "no/such/place"]).code, 4);
    assert_eq!(entries(path), ["figure.ron", "mine.ron"]);
    let unknown = call(path, &["new", "other", "--from", "helo"]);
    insta::assert_snapshot!(unknown.err, @r"
    error: the library has no scenario `helo`
    help: did you mean `hello`? `redeliver list` shows them all
    ");
}

/// Names of what is in a directory, hidden files too.
fn entries(directory: &Path) -> Vec<String> {
    let all = fs::read_dir(directory).expect("it is a directory");
    let mut names: Vec<String> =
        all.map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
