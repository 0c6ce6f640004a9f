//! Files that are no scenarios, as the command shows them: exit code 2, the error once, nothing half-written. What is
//! said of which mistake is tested where it is found: `scenarios/tests/read`.

use crate::command::{FIGURE, call, directory_with};
use std::fs;
use std::path::Path;

/// What is said about a file of this content, by every verb that reads one.
fn refused(content: &[u8]) -> String {
    let directory = directory_with("", "");
    fs::write(directory.path().join("bad.ron"), content).expect("there is room for tests");
    refused_file(directory.path(), "bad.ron")
}

fn refused_file(directory: &Path, file: &str) -> String {
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
fn several_mistakes_are_shown_each_with_its_line() {
    let text =
        FIGURE.replacen("work: \"80ms\"", "work: \"80 kB\"", 1).replacen("prefetch: 1", "prefech: 1", 1);
    insta::assert_snapshot!(refused(text.as_bytes()), @r#"
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
fn every_kind_of_file_that_holds_no_scenario_is_refused() {
    let directory = directory_with("", "");
    fs::create_dir(directory.path().join("folder")).expect("there is room for tests");
    let all = [
        refused(FIGURE.replacen("\n)", "\n", 1).as_bytes()),
        refused(FIGURE.replacen("order.key.late", "order.key.lat", 1).as_bytes()),
        refused(b"(\n  format: \xff1,\n)"),
        refused(b""),
        refused(&vec![b' '; (16 << 20) + 1]),
        refused_file(directory.path(), "folder"),
        refused_file(directory.path(), "helo"),
    ];
    let first_lines: Vec<&str> = all.iter().filter_map(|said| said.lines().next()).collect();
    insta::assert_snapshot!(first_lines.join("\n"), @r"
    error: the file ends before its value is complete
    error: there is no `lat` in `designs.queue.consumers.fulfilment.order.key`
    error: bad.ron: not UTF-8: byte 13 on line 2 begins no character
    error: bad.ron: the file is empty
    error: bad.ron: the file is longer than 16 MiB, the most that a scenario may have
    error: folder: this is a directory
    error: helo: there is no such file
    ");
}
