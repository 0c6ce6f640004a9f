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
        ["--set", "run.duration=10000s", "--set", "consumers.fulfilment.work=1h", "--set", "expect=[]"];
    let arguments: Vec<&str> = ["run", "figure.ron", "--max-memory", "20 MB"]
        .iter()
        .chain(&changes)
        .chain(&["--set", "faults=[]"])
        .copied()
        .collect();
    let ended = call(directory.path(), &arguments);
    assert_eq!((ended.code, ended.err.as_str()), (3, ""), "{}", ended.out);
    insta::assert_snapshot!(ended.out.lines().next().unwrap_or_default(), @"queue was stopped before its end (more than 20000000 bytes of memory, at 0.065 s; raise");
    let json = call(directory.path(), &[&arguments[..], &["--format", "json"]].concat());
    let result: serde_json::Value = serde_json::from_str(&json.out).expect("it is JSON");
    assert_eq!(json.code, 3);
    let stopped = result["designs"]["queue"]["stopped"].as_str().expect("it was stopped");
    assert!(ended.out.replace('\n', " ").contains(stopped), "{stopped}");
    let markdown = call(directory.path(), &[&arguments[..], &["--format", "md"]].concat());
    assert_eq!(markdown.code, 3);
    assert!(markdown.out.contains("(--max-memory) if that is meant"), "{}", markdown.out);
}

#[test]
fn limits_that_are_none() {
    let directory = directory();
    let refused = |arguments: &[&str]| {
        let ended = call(directory.path(), &[&["run", "figure.ron"], arguments].concat());
        assert_eq!(ended.code, 2);
        ended.err
    };
    insta::assert_snapshot!(refused(&["--max-memory", "lots"]), @r#"
    error: expected a size, found "lots"
     --> figure.ron:8:54
      |
    8 |     run: (duration: "10s", drain: "60s", max_memory: "lots"),
      |                                                      ^^^^^^
      |
    help: write for example "1 kB"
    "#);
    insta::assert_snapshot!(refused(&["--max-memory", "0 B"]), @r#"
    error: `max_memory` must be above zero
     --> figure.ron:8:54
      |
    8 |     run: (duration: "10s", drain: "60s", max_memory: "0 B"),
      |                                                      ^^^^^
      |
    help: write for example `max_memory: "4 GiB"`
    "#);
    insta::assert_snapshot!(refused(&["--max-events", "0"]), @r#"
    error: `max_events` must be at least 1
     --> figure.ron:8:54
      |
    8 |     run: (duration: "10s", drain: "60s", max_events: 0),
      |                                                      ^
    "#);
}

#[test]
fn times_beyond_the_end_of_time() {
    insta::assert_snapshot!(refused("duration: \"10s\"", "duration: \"109500d\""), @r#"
    error: "109500d" is more than 100 years, the longest span
     --> figure.ron:8:21
      |
    8 |     run: (duration: "109500d", drain: "60s"),
      |                     ^^^^^^^^^
      |
    help: the longest is "36525d": virtual time ends after 584 years
    "#);
    insta::assert_snapshot!(refused("duration: \"10s\"", "duration: \"300y\""), @r#"
    error: `y` is no unit of a span of time
     --> figure.ron:8:21
      |
    8 |     run: (duration: "300y", drain: "60s"),
      |                     ^^^^^^
      |
    help: write for example "300ms"; units are ns, us, ms, s, min, h, d
    "#);
    insta::assert_snapshot!(refused("Every(\"10ms\")", "Every(\"0ms\")"), @r#"
    error: `Every` needs a span above zero: else time never moves on
      --> figure.ron:10:47
       |
    10 |         "shop": (publish: "orders", schedule: Every("0ms"), count: 5, key: Const("order-7"), size: "1 kB",
       |                                               ^^^^^^^^^^^^
       |
    help: all at once: `At(["0s", "0s"])`
    "#);
    insta::assert_snapshot!(refused("Every(\"10ms\")", "Poisson(\"10000000000/s\")"), @r#"
    error: this is more than one message a nanosecond, the smallest step of virtual time
      --> figure.ron:10:47
       |
    10 |         "shop": (publish: "orders", schedule: Poisson("10000000000/s"), count: 5, key: Const("order-7"), size: "1 kB",
       |                                               ^^^^^^^^^^^^^^^^^^^^^^^^
       |
    help: lower the rate, or take greater messages
    "#);
}

#[test]
fn sizes_beyond_what_adds_up() {
    insta::assert_snapshot!(refused("size: \"1 kB\"", "size: \"10 EB\""), @r#"
    error: `EB` is no unit of size
      --> figure.ron:10:101
       |
    10 |         "shop": (publish: "orders", schedule: Every("10ms"), count: 5, key: Const("order-7"), size: "10 EB",
       |                                                                                                     ^^^^^^^
       |
    help: write for example "10 kB"; units are B, kB, MB, GB, TB, PB, KiB, MiB, GiB, TiB, PiB
    "#);
    insta::assert_snapshot!(refused("size: \"1 kB\"", "size: \"10000 PB\""), @r#"
    error: "10000 PB" is more than 1000 PB, the greatest size
      --> figure.ron:10:101
       |
    10 |         "shop": (publish: "orders", schedule: Every("10ms"), count: 5, key: Const("order-7"), size: "10000 PB",
       |                                                                                                     ^^^^^^^^^^
       |
    help: write for example "6 TB"
    "#);
    insta::assert_snapshot!(refused("size: \"1 kB\"", "size: \"3 GiB\""), @r#"
    error: a message may have 2147483647 bytes (2 GiB) at most
      --> figure.ron:10:101
       |
    10 |         "shop": (publish: "orders", schedule: Every("10ms"), count: 5, key: Const("order-7"), size: "3 GiB",
       |                                                                                                     ^^^^^^^
       |
    help: more and smaller messages make the same load
    "#);
    insta::assert_snapshot!(refused("latency: \"1ms\"", "latency: \"1ms\", bandwidth: \"0 MB/s\""), @r#"
    error: a rate must be more than 0 and at most 1e18 a second: "0 MB/s"
      --> figure.ron:16:42
       |
    16 |     network: (latency: "1ms", bandwidth: "0 MB/s"),
       |                                          ^^^^^^^^
       |
    help: write for example "150 MB/s"
    "#);
}

#[test]
fn more_than_there_may_be() {
    insta::assert_snapshot!(refused("members: 2", "members: 1000000000"), @r#"
    error: `members` may be 10000 at most
      --> figure.ron:14:49
       |
    14 |         "fulfilment": (read: "orders", members: 1000000000, work: "80ms"),
       |                                                 ^^^^^^^^^^
       |
    help: each member is a node; make several groups, or publish faster with fewer
    "#);
    insta::assert_snapshot!(refused("Queue(prefetch: 1)", "Log(partitions: 1000000000)"), @r#"
    error: `partitions` must be from 1 to 10000
      --> figure.ron:21:34
       |
    21 |         "queue": Log(partitions: 1000000000),
       |                                  ^^^^^^^^^^
       |
    help: a topic without a partition holds nothing; write `partitions: 1`
    "#);
    insta::assert_snapshot!(refused("Const(\"order-7\")", "Uniform(1000000000000)"), @r#"
    error: expected a whole number from 0 to 4294967295, found the number 1000000000000
      --> figure.ron:10:85
       |
    10 |         "shop": (publish: "orders", schedule: Every("10ms"), count: 5, key: Uniform(1000000000000), size: "1 kB",
       |                                                                                     ^^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(refused("Const(\"order-7\")", "Zipf(n: 10000001, s: 1.0)"), @r#"
    error: the number of keys must be from 1 to 10000000
      --> figure.ron:10:77
       |
    10 |         "shop": (publish: "orders", schedule: Every("10ms"), count: 5, key: Zipf(n: 10000001, s: 1.0), size: "1 kB",
       |                                                                             ^^^^^^^^^^^^^^^^^^^^^^^^^
       |
    help: the order checks keep every key in memory: take fewer, wider keys
    "#);
    insta::assert_snapshot!(refused("drain: \"60s\"", "drain: \"60s\", keep: 2000000"), @r#"
    error: `keep` may be 1000000 at most
     --> figure.ron:8:48
      |
    8 |     run: (duration: "10s", drain: "60s", keep: 2000000),
      |                                                ^^^^^^^
      |
    help: `--trace FILE` writes every fact of a run into a file
    "#);
}

#[test]
fn more_than_there_may_be_in_all() {
    insta::assert_snapshot!(refused("key: Const(\"order-7\")", "members: 100, key: Zipf(n: 1000000, s: 1.0)"), @r#"
    error: 100000400 times, keys and labels over all members of producers: there may be 20000000 at most
      --> figure.ron:10:91
       |
    10 |         "shop": (publish: "orders", schedule: Every("10ms"), count: 5, members: 100, key: Zipf(n: 1000000, s: 1.0), size: "1 kB",
       |                                                                                           ^^^^^^^^^^^^^^^^^^^^^^^^
       |
    help: each member has its own: take fewer members, or shorter lists
    "#);
    insta::assert_snapshot!(
        refused("Crash(node: Receiver, when: Delivered(message: \"shop#3\", to: \"fulfilment\"), after: \"30ms\"", "Crash(node: \"consumers\", every: \"1ns\""),
        @r#"
        error: this fault acts about 20000000001 times, with 4 nodes to meet: too often to be planned
          --> figure.ron:18:9
           |
        18 |         Crash(node: "consumers", every: "1ns", restart_after: "5s"),
           |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           |
        help: make `every` longer, `run.duration` shorter, or the groups smaller
        "#
    );
    let changed = |changes: &[&str]| {
        let directory = directory();
        let ended = call(directory.path(), &[&["run", "figure.ron"], changes].concat());
        assert_eq!(ended.code, 2, "{changes:?}");
        ended.err
    };
    let many = ["--set", "consumers.fulfilment.members=5000", "--set"];
    insta::assert_snapshot!(changed(&[&many[..], &["designs.queue=Udp(share: All)"]].concat()), @r#"
    error: 5000 subscriptions in this design: there may be 1000 at most
      --> figure.ron:21:18
       |
    21 |         "queue": Udp(share: All),
       |                  ^^^^^^^^^^^^^^^
       |
    help: each has its own checks: members of one subscription share its messages
    "#);
    let producers = ["--set", "faults=[]", "--set", "producers.shop.members=5000"];
    insta::assert_snapshot!(changed(&[&many[..], &["designs.queue=Webhook()"], &producers].concat()), @r#"
    error: 25000000 connections in this design: there may be 200000 at most
      --> figure.ron:19:18
       |
    19 |         "queue": Webhook(),
       |                  ^^^^^^^^^
       |
    help: every producer talks to every receiver: take fewer members, or a design with a broker
    "#);
}
