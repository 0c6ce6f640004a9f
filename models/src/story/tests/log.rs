//! Stories over a log broker.

use super::*;

fn subscribe(topic: &str) -> Verb {
    Verb::Subscribe(topic.into())
}

fn poll_n(n: u32) -> Verb {
    Verb::Poll { from: None, n: Some(n), wait: None }
}

fn commit(offset: Option<u64>) -> Verb {
    Verb::Commit { offset, of: None }
}

/// Logs, groups, and where each client is, after what [`show`] says.
fn show_log(ended: &StoryEnded) -> String {
    let mut text = show(ended);
    for (topic, partitions) in &ended.picture.logs {
        for (n, partition) in partitions.iter().enumerate() {
            let PartitionPicture { records, start, end, .. } = partition;
            text += &format!("{topic}-{n} {start}..{end}: {}\n", records.join(", "));
        }
    }
    for (name, group) in &ended.picture.groups {
        text += &format!("{name} {:?} {:?}\n", group.committed, group.members);
    }
    for (name, client) in ended.picture.clients.iter().filter(|(_, client)| !client.assigned.is_empty()) {
        text += &format!("{name} at {:?}\n", client.position);
    }
    text
}

#[test]
fn a_commit_before_the_work_loses_and_one_after_it_repeats() {
    let tell = |c1: Vec<Verb>| {
        let lines = vec![
            ("p", vec![send("m1 m2 m3 m4")]),
            ("c1", c1),
            (
                "c2",
                vec![
                    Verb::Handle(vec![rule("*", 0, vec![process("")])]),
                    consume("t"),
                    Verb::Wait(Span::seconds(60)),
                ],
            ),
        ];
        tell(log_setup(&[("t", 1)], "g"), lines)
    };
    let before =
        tell(vec![subscribe("t"), poll_n(3), commit(None), process("m1"), look("held"), Verb::Crash]);
    insta::assert_snapshot!(show_log(&before), @r#"
    held:
    c1 open: got m1, m2, m3; processed m1; events assigned t-0; calls Commit ok; polls [["m1", "m2", "m3"]]
    c2 closed:
    p open: sent m1 Offset(0), m2 Offset(1), m3 Offset(2), m4 Offset(3) (4/0/0)
    c1 closed: got m1, m2, m3; processed m1; events assigned t-0; calls Commit ok; polls [["m1", "m2", "m3"]]
    c2 open: got m4; holds m4; processed m4; events assigned t-0
    p open: sent m1 Offset(0), m2 Offset(1), m3 Offset(2), m4 Offset(3) (4/0/0)
    g lost ["m2 taken_never_processed", "m3 taken_never_processed"] again []
    t-0 0..4: m1@0, m2@1, m3@2, m4@3
    g {"t": [Some(3)]} {"c2": ["t-0"]}
    c2 at {"t": [Some(4)]}
    "#);
    let after = tell(vec![subscribe("t"), poll_n(3), process("m1 m2 m3"), commit(Some(1)), Verb::Crash]);
    insta::assert_snapshot!(show_log(&after), @r#"
    c1 closed: got m1, m2, m3; processed m1, m2, m3; events assigned t-0; calls Commit ok; polls [["m1", "m2", "m3"]]
    c2 open: got m2, m3, m4; holds m2, m3, m4; processed m2, m3, m4; events assigned t-0
    p open: sent m1 Offset(0), m2 Offset(1), m3 Offset(2), m4 Offset(3) (4/0/0)
    g lost [] again ["m2 rebalance", "m3 rebalance"]
    t-0 0..4: m1@0, m2@1, m3@2, m4@3
    g {"t": [Some(1)]} {"c2": ["t-0"]}
    c2 at {"t": [Some(4)]}
    "#);
}

#[test]
fn polls_end_at_what_they_ask_for_or_at_their_time() {
    let ended = tell(
        log_setup(&[("t", 1)], ""),
        vec![
            ("p", vec![send("x=a b c")]),
            ("c", vec![subscribe("t"), poll_n(2), poll(), poll_n(1), look("empty"), commit(None)]),
            ("p", vec![send("d e")]),
            ("c", vec![poll_all(), poll_all()]),
            ("late", vec![poll_all()]),
        ],
    );
    insta::assert_snapshot!(show_log(&ended), @r#"
    empty:
    c open: got x=a, b, c; holds x=a, b, c; events assigned t-0; polls [["x=a", "b"], ["c"], []]
    late closed:
    p open: sent a Offset(0), b Offset(1), c Offset(2) (3/0/0)
    c open: got x=a, b, c, d, e; holds d, e; events assigned t-0; calls Commit ok; polls [["x=a", "b"], ["c"], [], ["d", "e"], []]
    late open: got x=a, b, c, d, e; holds x=a, b, c, d, e; events assigned t-0; polls [["x=a", "b", "c", "d", "e"]]
    p open: sent a Offset(0), b Offset(1), c Offset(2), d Offset(3), e Offset(4) (5/0/0)
    t-0 0..5: x=a@0, b@1, c@2, d@3, e@4
    c {"t": [Some(3)]} {"c": ["t-0"]}
    late {"t": [None]} {"late": ["t-0"]}
    c at {"t": [Some(5)]}
    late at {"t": [Some(5)]}
    "#);
}

#[test]
fn a_new_member_shares_the_partitions_when_the_other_polls() {
    let ended = tell(
        log_setup(&[("t", 2)], "g"),
        vec![
            ("a", vec![subscribe("t"), look("alone")]),
            ("b", vec![subscribe("t"), look("asked")]),
            ("a", vec![poll_all()]),
            ("p", vec![send_to("m1 m2", "t-0"), send_to("m3", "t-1")]),
            ("a", vec![poll_all()]),
            ("b", vec![poll_all(), commit(None), Verb::Close]),
            ("a", vec![poll_all(), commit(None)]),
        ],
    );
    insta::assert_snapshot!(show_log(&ended), @r#"
    alone:
    a open: events assigned t-0, assigned t-1
    b closed:
    p closed:
    asked:
    a open: events assigned t-0, assigned t-1
    b open:
    p closed:
    a open: got m1, m2, m1, m2; events assigned t-0, assigned t-1, revoked t-0, revoked t-1, assigned t-0, revoked t-0, assigned t-0, assigned t-1; calls Commit ok; polls [[], ["m1", "m2"], ["m1", "m2"]]
    b closed: got m3; events assigned t-1; calls Commit ok; polls [["m3"]]
    p open: sent m1 Offset(0), m2 Offset(1), m3 Offset(0) (3/0/0)
    g lost ["m3 taken_never_processed"] again []
    t-0 0..2: m1@0, m2@1
    t-1 0..1: m3@0
    g {"t": [Some(2), Some(1)]} {"a": ["t-0", "t-1"]}
    a at {"t": [Some(2), Some(1)]}
    "#);
}

#[test]
fn sends_wait_for_a_broker_that_comes_back() {
    let ended = tell(
        log_setup(&[("t", 1)], "g"),
        vec![
            ("p", vec![send("a")]),
            ("c", vec![consume("t")]),
            ("n1", vec![Verb::Crash]),
            ("p", vec![Verb::Async(Box::new(send("b c")))]),
            ("ops", vec![Verb::Wait(Span::seconds(1)), look("down")]),
            ("n1", vec![Verb::Restart]),
            ("ops", vec![Verb::Wait(Span::seconds(1))]),
        ],
    );
    insta::assert_snapshot!(show_log(&ended), @r#"
    down:
    c closed: got a; holds a; events assigned t-0
    p closed: sent a Offset(0), b Pending (1/0/1)
    c open: got a, a, b, c; holds a, a, b, c; events assigned t-0, revoked t-0, assigned t-0
    p open: sent a Offset(0), b Offset(1), c Offset(2) (3/0/0)
    t-0 0..3: a@0, b@1, c@2
    g {"t": [None]} {"c": ["t-0"]}
    c at {"t": [Some(3)]}
    "#);
}
