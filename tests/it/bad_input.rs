//! Files that are no scenarios: what is said about each, with line, column, the line itself and a hint. Exit code 2.

use crate::command::{FIGURE, call, directory_with};
use std::fs;

/// What is said about the figure with this text replaced by that.
fn refused(from: &str, to: &str) -> String {
    assert_ne!(from, to);
    refused_text(FIGURE.replacen(from, to, 1).as_bytes())
}

/// What is said about a file of this content, by every verb that reads one.
fn refused_text(content: &[u8]) -> String {
    let directory = directory_with("", "");
    fs::write(directory.path().join("bad.ron"), content).expect("there is room for tests");
    refused_file(directory.path(), "bad.ron")
}

fn refused_file(directory: &std::path::Path, file: &str) -> String {
    let run = call(directory, &["run", file, "-o", "out", "--trace", "facts.jsonl"]);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    for arguments in [&["check", file][..], &["explain", file, "shop#1"]] {
        let other = call(directory, arguments);
        assert_eq!((other.code, other.out, &other.err), (2, String::new(), &run.err), "{arguments:?}");
    }
    assert!(!directory.join("out").exists() && !directory.join("facts.jsonl").exists());
    run.err
}

#[test]
fn syntax() {
    insta::assert_snapshot!(refused("seed: 42,", "seed: 42"), @r"
    error: not RON: expected comma
     --> bad.ron:7:13
      |
    7 |     seed: 42
      |             ^
      |
    help: fields and values are separated by commas
      |
    7 |     seed: 42,
      |             +
    ");
    insta::assert_snapshot!(refused("\n)", "\n"), @r#"
    error: the file ends before its value is complete
      --> bad.ron:28:59
       |
    28 |     require: ["lost.confirmed == 0", "latency.p99 < 2.0"],
       |                                                           ^
       |
    help: a `)`, `]`, `}` or `"` is missing
    "#);
}

#[test]
fn unknown_field() {
    insta::assert_snapshot!(refused("prefetch: 1", "prefech: 1"), @r#"
    error: unknown field `prefech`
      --> bad.ron:21:24
       |
    21 |         "queue": Queue(prefech: 1),
       |                        ^^^^^^^
       |
    help: did you mean `prefetch`?
       |
    21 |         "queue": Queue(prefetch: 1),
       |                             +
    "#);
}

#[test]
fn unknown_variant() {
    insta::assert_snapshot!(refused("Queue(", "Quue("), @r#"
    error: unknown word `Quue`
      --> bad.ron:21:18
       |
    21 |         "queue": Quue(prefetch: 1),
       |                  ^^^^
       |
    help: did you mean `Queue`?
       |
    21 |         "queue": Queue(prefetch: 1),
       |                    +
    "#);
}

#[test]
fn wrong_unit() {
    insta::assert_snapshot!(refused("work: \"80ms\"", "work: \"80 kB\""), @r#"
    error: `kB` is no unit of a span of time
      --> bad.ron:14:58
       |
    14 |         "fulfilment": (read: "orders", members: 2, work: "80 kB"),
       |                                                          ^^^^^^^
       |
    help: write for example "80ms"; units are ns, us, ms, s, min, h, d
    "#);
}

#[test]
fn bare_number() {
    insta::assert_snapshot!(refused("duration: \"10s\"", "duration: 10"), @r#"
    error: a bare number where a unit is due: expected a span of time
     --> bad.ron:8:21
      |
    8 |     run: (duration: 10, drain: "60s"),
      |                     ^^
      |
    help: write "10ms"
      |
    8 -     run: (duration: 10, drain: "60s"),
    8 +     run: (duration: "10ms", drain: "60s"),
      |
    "#);
}

#[test]
fn unknown_node_in_a_fault() {
    insta::assert_snapshot!(refused("Crash(node: Receiver", "Crash(node: \"fulfillment/1\""), @r#"
    error: no design has a node `fulfillment/1`
      --> bad.ron:18:21
       |
    18 |         Crash(node: "fulfillment/1", when: Delivered(message: "shop#3", to: "fulfilment"), after: "30ms", restart_after: "5s"),
       |                     ^^^^^^^^^^^^^^^
       |
    help: did you mean `fulfilment/1`?
       |
    18 -         Crash(node: "fulfillment/1", when: Delivered(message: "shop#3", to: "fulfilment"), after: "30ms", restart_after: "5s"),
    18 +         Crash(node: "fulfilment/1", when: Delivered(message: "shop#3", to: "fulfilment"), after: "30ms", restart_after: "5s"),
       |
    "#);
}

#[test]
fn no_partitions() {
    insta::assert_snapshot!(refused("Queue(prefetch: 1)", "Log(partitions: 0)"), @r#"
    error: `partitions` must be from 1 to 10000
      --> bad.ron:21:34
       |
    21 |         "queue": Log(partitions: 0),
       |                                  ^
       |
    help: a topic without a partition holds nothing; write `partitions: 1`
    "#);
}

#[test]
fn a_negative_mean() {
    insta::assert_snapshot!(refused("latency: \"1ms\"", "latency: \"exp(-1ms)\""), @r#"
    error: the mean of a distribution cannot be negative: "-1ms"
      --> bad.ron:16:24
       |
    16 |     network: (latency: "exp(-1ms)"),
       |                        ^^^^^^^^^^^
       |
    help: write for example "80ms"
    "#);
}

#[test]
fn an_expectation_over_a_path_that_is_not_there() {
    insta::assert_snapshot!(refused("order.key.late", "order.key.lat"), @r#"
    error: there is no `lat` in `designs.queue.consumers.fulfilment.order.key`
      --> bad.ron:25:55
       |
    25 |         "designs.queue.consumers.fulfilment.order.key.lat == 1",
       |                                                       ^^^
       |
    help: did you mean `late`?
    "#);
}

#[test]
fn not_utf_8() {
    insta::assert_snapshot!(refused_text(b"(\n  format: \xff1,\n)"), @r"
    error: bad.ron: not UTF-8: byte 13 on line 2 begins no character
    help: a scenario is a text; save it as UTF-8
    ");
}

#[test]
fn empty() {
    insta::assert_snapshot!(refused_text(b""), @r"
    error: bad.ron: the file is empty
    help: `redeliver new NAME` writes one to start from
    ");
    insta::assert_snapshot!(refused_text(b" \n\t\n"), @r"
    error: bad.ron: the file is empty
    help: `redeliver new NAME` writes one to start from
    ");
}

#[test]
fn a_directory_or_nothing() {
    let directory = directory_with("", "");
    fs::create_dir(directory.path().join("folder")).expect("there is room for tests");
    insta::assert_snapshot!(refused_file(directory.path(), "folder"), @r"
    error: folder: this is a directory
    help: name one of the files in it
    ");
    insta::assert_snapshot!(refused_file(directory.path(), "figur.ron"), @r"
    error: figur.ron: there is no such file
    help: `redeliver list` shows the scenarios that can be named without a file
    ");
    insta::assert_snapshot!(refused_file(directory.path(), "helo"), @r"
    error: helo: there is no such file
    help: did you mean `hello`? `redeliver list` shows the scenarios that can be named without a file
    ");
}

#[test]
fn too_long() {
    insta::assert_snapshot!(refused_text(&vec![b' '; (16 << 20) + 1]), @r"
    error: bad.ron: the file is longer than 16 MiB, the most that a scenario may have
    help: messages are described, not listed
    ");
}

#[test]
fn several_at_once() {
    let text = FIGURE
        .replacen("work: \"80ms\"", "work: \"80 kB\"", 1)
        .replacen("prefetch: 1", "prefech: 1", 1)
        .replacen("Every(\"10ms\")", "Every(10)", 1);
    insta::assert_snapshot!(refused_text(text.as_bytes()), @r#"
    error: a bare number where a unit is due: expected a span of time
      --> bad.ron:10:53
       |
    10 |         "shop": (publish: "orders", schedule: Every(10), count: 5, key: Const("order-7"), size: "1 kB",
       |                                                     ^^
       |
    help: write "10ms"
       |
    10 -         "shop": (publish: "orders", schedule: Every(10), count: 5, key: Const("order-7"), size: "1 kB",
    10 +         "shop": (publish: "orders", schedule: Every("10ms"), count: 5, key: Const("order-7"), size: "1 kB",
       |

    error: `kB` is no unit of a span of time
      --> bad.ron:14:58
       |
    14 |         "fulfilment": (read: "orders", members: 2, work: "80 kB"),
       |                                                          ^^^^^^^
       |
    help: write for example "80ms"; units are ns, us, ms, s, min, h, d

    error: unknown field `prefech`
      --> bad.ron:21:24
       |
    21 |         "queue": Queue(prefech: 1),
       |                        ^^^^^^^
       |
    help: did you mean `prefetch`?
       |
    21 |         "queue": Queue(prefetch: 1),
       |                             +
    "#);
}

#[test]
fn wrong_values_on_the_command_line() {
    let directory = directory_with("", "");
    let changed = call(directory.path(), &["run", "figure.ron", "--set", "designs.queue.prefetch=\"many\""]);
    assert_eq!(changed.code, 2);
    insta::assert_snapshot!(changed.err, @r#"
    error: expected a whole number from 0 to 4294967295, found the text "many"
      --> figure.ron:21:34
       |
    21 |         "queue": Queue(prefetch: "many"),
       |                                  ^^^^^^
    "#);
}
