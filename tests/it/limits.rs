//! Limits: a run that would fill the memory, times and sizes beyond what can be added up, lists without end.

use crate::command::{FIGURE, call, directory, directory_with};

/// What is said about the figure with this text replaced by that.
fn refused(from: &str, to: &str) -> String {
    assert!(FIGURE.contains(from), "{from} is not in the figure");
    let directory = directory_with(from, to);
    let ended = call(directory.path(), &["run", "figure.ron"]);
    assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{to}");
    ended.err
}

#[test]
fn messages_that_nobody_takes_stop_at_the_memory() {
    let directory =
        directory_with("schedule: Every(\"10ms\"), count: 5", "schedule: Every(\"1us\"), count: 1000000000");
    let changes =
        ["--set", "run.duration=10000s", "--set", "consumers.fulfilment.joins=1h", "--set", "expect=[]"];
    let arguments: Vec<&str> = ["run", "figure.ron", "--max-memory", "20 MB"]
        .iter()
        .chain(&changes)
        .chain(&["--set", "faults=[]"])
        .copied()
        .collect();
    let ended = call(directory.path(), &arguments);
    assert_eq!((ended.code, ended.err.as_str()), (3, ""), "{}", ended.out);
    insta::assert_snapshot!(ended.out.lines().next().unwrap_or_default(), @"");
    let json = call(directory.path(), &[&arguments[..], &["--format", "json"]].concat());
    let result: serde_json::Value = serde_json::from_str(&json.out).expect("it is JSON");
    assert_eq!(json.code, 3);
    let stopped = result["designs"]["queue"]["stopped"].as_str().expect("it was stopped");
    assert!(ended.out.replace('\n', " ").contains(stopped), "{stopped}");
    let markdown = call(directory.path(), &[&arguments[..], &["--format", "md"]].concat());
    assert_eq!(markdown.code, 3);
    assert!(markdown.out.contains("raise run.max_memory"), "{}", markdown.out);
}

#[test]
fn limits_that_are_none() {
    let directory = directory();
    let refused = |arguments: &[&str]| {
        let ended = call(directory.path(), &[&["run", "figure.ron"], arguments].concat());
        assert_eq!(ended.code, 2);
        ended.err
    };
    insta::assert_snapshot!(refused(&["--max-memory", "lots"]), @"");
    insta::assert_snapshot!(refused(&["--max-memory", "0 B"]), @"");
    insta::assert_snapshot!(refused(&["--max-events", "0"]), @"");
}

#[test]
fn times_beyond_the_end_of_time() {
    insta::assert_snapshot!(refused("duration: \"10s\"", "duration: \"109500d\""), @"");
    insta::assert_snapshot!(refused("duration: \"10s\"", "duration: \"300y\""), @"");
    insta::assert_snapshot!(refused("Every(\"10ms\")", "Every(\"0ms\")"), @"");
    insta::assert_snapshot!(refused("Every(\"10ms\")", "Poisson(\"10000000000/s\")"), @"");
}

#[test]
fn sizes_beyond_what_adds_up() {
    insta::assert_snapshot!(refused("size: \"1 kB\"", "size: \"10 EB\""), @"");
    insta::assert_snapshot!(refused("size: \"1 kB\"", "size: \"10000 PB\""), @"");
    insta::assert_snapshot!(refused("size: \"1 kB\"", "size: \"3 GiB\""), @"");
    insta::assert_snapshot!(refused("latency: \"1ms\"", "latency: \"1ms\", bandwidth: \"0 MB/s\""), @"");
}

#[test]
fn more_than_there_may_be() {
    insta::assert_snapshot!(refused("members: 2", "members: 1000000000"), @"");
    insta::assert_snapshot!(refused("Queue(prefetch: 1)", "Log(partitions: 1000000000)"), @"");
    insta::assert_snapshot!(refused("Const(\"order-7\")", "Uniform(1000000000000)"), @"");
    insta::assert_snapshot!(refused("Const(\"order-7\")", "Zipf(n: 10000001, s: 1.0)"), @"");
    insta::assert_snapshot!(refused("drain: \"60s\"", "drain: \"60s\", keep: 2000000"), @"");
}

#[test]
fn more_than_there_may_be_in_all() {
    insta::assert_snapshot!(refused("key: Const(\"order-7\")", "members: 100, key: Zipf(n: 1000000, s: 1.0)"), @"");
    insta::assert_snapshot!(
        refused("Crash(node: Receiver, when: Delivered(message: \"shop#3\", to: \"fulfilment\"), after: \"30ms\"", "Crash(node: \"consumers\", every: \"1ns\""),
        @""
    );
    let changed = |changes: &[&str]| {
        let directory = directory();
        let ended = call(directory.path(), &[&["run", "figure.ron"], changes].concat());
        assert_eq!(ended.code, 2, "{changes:?}");
        ended.err
    };
    let many = ["--set", "consumers.fulfilment.members=5000", "--set"];
    insta::assert_snapshot!(changed(&[&many[..], &["designs.queue=Udp(share: All)"]].concat()), @"");
    let producers = ["--set", "faults=[]", "--set", "producers.shop.members=5000"];
    insta::assert_snapshot!(changed(&[&many[..], &["designs.queue=Webhook()"], &producers].concat()), @"");
}
