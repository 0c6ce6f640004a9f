//! How expectations stand: each rule with a case where it acts and one where it does not.

use super::error_tests::complain;
use super::*;
use redeliver_models::story::{ClientPicture, GroupPicture, PartitionPicture, SendOutcome};
use serde_json::json;

pub(super) fn names(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|name| name.to_string()).collect())
}

/// A scope of these designs, all with the same names.
pub(super) fn scope(designs: &[&str]) -> Scope {
    let within = Names {
        producers: names(&["shop"]),
        consumers: names(&["fulfilment"]),
        brokers: names(&["broker/1"]),
        nodes: names(&["1", "2"]),
        clients: names(&["c1", "c2", "p"]),
        looks: names(&["dealt out", "held"]),
    };
    Scope {
        designs: designs.iter().map(|design| (design.to_string(), within.clone())).collect(),
        loss_causes: names(&["network", "retention"]),
        duplicate_causes: names(&["lost_ack"]),
    }
}

/// One design's part of a result.
fn design() -> Value {
    json!({
        "virtual_time": 20.0,
        "consumers": {"fulfilment": {
            "addressed": 5, "processed": 5,
            "lost": {"total": 0, "confirmed": 0, "by_cause": {"network": 0, "retention": 0}, "messages": []},
            "duplicates": {"total": 1, "by_cause": {"lost_ack": 1}, "messages": ["m2"]},
            "order": {
                "key": {"late": 1, "stale": 0, "inversions": null},
                "producer": {"late": 0, "stale": 0}, "stored": {"late": 0, "stale": 0}},
            "latency": {"p50": 0.5, "p99": 1.5, "max": null},
            "backlog": {"final": 0},
            "headroom": {"min": null},
        }},
        "guarantees": {"fulfilment": {
            "no_loss": {"verdict": "not_exercised"},
            "no_confirmed_loss": {"verdict": "holds"},
            "no_duplicates": {"verdict": "broken"},
            "order_per_key": {"verdict": "broken"},
            "order_per_producer": {"verdict": "not_exercised"},
            "order_stored": {"verdict": "holds"},
        }},
        "witnesses": [{"message": "shop#3", "finding": "late", "facts": ["a", "b"]}],
        "clients": {
            "c1": {"got": ["m1", "m4", "m3 redelivered"], "polls": [["m1"], []], "confirmed": 2, "errors": []},
            "c2": {"got": ["m2"], "polls": [], "confirmed": 0, "errors": []},
            "p": {"got": [], "sent": {"a": 0, "b": "pending", "c": -1}, "confirmed": 5, "errors": []},
        },
        "queues": {"q": {"ready": 2, "messages": ["m5", "m6"], "leader": "n1"}},
        "logs": {"t": [{"records": ["a@0", "b@1"], "high_watermark": 2, "segments": [[0, 210], [3, 140]]}]},
        "groups": {"g": {"committed": {"t": [4, "none"]}, "members": {"m1": ["t-0"]}}},
        "nodes": {"1": {"up": true}, "2": {"up": false}},
        "looks": {"dealt out": {"clients": {"c1": {"got": ["m1"]}}}},
    })
}

pub(super) fn result() -> Value {
    json!({"schema": 1, "seed": 42, "designs": {"queue": design(), "log-1": design()}})
}

#[track_caller]
fn check(expected: Verdict, texts: &[&str]) {
    let result = json!({"schema": 1, "seed": 42, "designs": {"queue": design()}});
    for text in texts {
        let expectation = Expectation::compile(text, &scope(&["queue"]));
        let outcome = expectation.unwrap_or_else(|error| panic!("{text}: {error:?}")).evaluate(&result);
        assert_eq!(outcome.verdict, expected, "{text}: {:?}", outcome.read);
    }
}

#[test]
fn what_is_true_holds() {
    check(
        Verdict::Holds,
        &[
            "designs.queue.consumers.fulfilment.order.key.late == 1",
            "consumers.fulfilment.order.key.late == 1.0 && designs['queue'].virtual_time >= 20",
            "seed == 42",
            "consumers.fulfilment.backlog.final == 0",
            "consumers.fulfilment.latency.p99 < 2 && 1 < consumers.fulfilment.latency.p99",
            "consumers.fulfilment.latency.p50 + 1.0 == consumers.fulfilment.latency.p99",
            "clients.c1.got == ['m1', 'm4', 'm3 redelivered'] && clients.c1.polls == [['m1'], []]",
            "clients.c1.got.size() == 3 && size(clients.c1.got) > 2",
            "clients.c1.got.size() + clients.c2.got.size() == 4",
            "clients.c1.got.filter(m, m.startsWith('m3')).map(m, m.endsWith('redelivered')) == [true]",
            "clients.c1.got.exists(m, m.contains('4')) && 'm1' in clients.c1.got && !('m2' in clients.c1.got)",
            "clients.c1.got.exists_one(m, m == 'm1')",
            "['c1', 'c2'].all(c, clients[c].errors == [])",
            "clients.p.sent == {'a': 0, 'b': 'pending', 'c': -1} && {'a': 0, 'b': 'pending', 'c': -1} == clients.p.sent",
            "clients.p.sent.map(label, label) == ['a', 'b', 'c']",
            "clients.p.sent.filter(label, clients.p.sent[label] == 0) == ['a']",
            "has(clients.p.sent.a) && !has(clients.p.sent.z)",
            "has(clients.p.sent.z) ? clients.p.sent.z == 1 : true",
            "clients.p.sent.a in [0, 1] && clients.c1.confirmed in [1, 2]",
            "groups.g.committed.t[0] == 4 && groups.g.committed['t'][1] == 'none' && groups.g.committed.t == [4, 'none']",
            "groups.g.members == {'m1': ['t-0']}",
            "logs.t[0].segments == [[0, 210], [3, 140]] && logs.t[0].segments.map(s, s[0]) == [0, 3]",
            "logs.t.all(p, p.high_watermark == 2)",
            "nodes['2'].up == false && nodes['1'].up",
            "looks['dealt out'].clients.c1.got == ['m1']",
            "queues.q.leader in ['n1', 'n3'] && queues.q.ready == (true ? 2 : 3)",
            "int(queues.q.ready) % 2 == 0 && double(clients.c1.got.size()) > queues.q.ready",
            "designs.all(d, designs[d].consumers.fulfilment.processed == 5)",
            "witnesses.exists(w, w.message == 'shop#3' && w.facts.size() == 2)",
        ],
    );
}

#[test]
fn what_is_false_is_broken() {
    check(
        Verdict::Broken,
        &[
            "designs.queue.consumers.fulfilment.order.key.late == 0",
            "consumers.fulfilment.duplicates.total == 0",
            "clients.c1.got == ['m1']",
            "clients.c1.got.size() == 2",
            "groups.g.committed.t[0] == 3",
            "clients.p.sent == {'a': 1, 'b': 'pending', 'c': -1}",
            "['c1', 'p'].all(c, clients[c].got != [])",
            "consumers.fulfilment.lost.total > 0",
            "has(clients.p.sent.z)",
            "clients.p.sent.b != 'pending'",
        ],
    );
}

#[test]
fn what_reads_null_or_nothing_is_not_decided() {
    check(
        Verdict::NotDecided,
        &[
            "consumers.fulfilment.latency.max < 2.0",
            "consumers.fulfilment.latency.max == 2.0",
            "true || consumers.fulfilment.headroom.min > 1.0",
            "clients.p.sent.z == 0",
            "logs.t[1].records == []",
            "groups.g.committed.t[2] == 0",
            "queues.dead.ready == 0",
            "looks.held.clients.c1.got == []",
            "['c1', 'c2'].all(c, clients[c].sent.a == 0)",
            "consumers.fulfilment.latency.all(figure, consumers.fulfilment.latency[figure] < 2.0)",
            "consumers.fulfilment.headroom.min == null && consumers.fulfilment.latency.max < 1.0",
            "consumers.fulfilment.latency == {'p50': 0.5}",
            "int(queues.q.leader) == 1",
        ],
    );
}

#[test]
fn what_compares_with_null_is_decided() {
    check(
        Verdict::Holds,
        &[
            "consumers.fulfilment.headroom.min == null",
            "null == consumers.fulfilment.latency.max && consumers.fulfilment.latency.p99 != null",
            "consumers.fulfilment.latency.max == null || consumers.fulfilment.latency.max < 2.0",
        ],
    );
    check(Verdict::Broken, &["consumers.fulfilment.latency.p99 == null"]);
}

#[test]
fn what_reads_a_stopped_design_is_not_decided() {
    let mut result = result();
    result["designs"]["queue"]["stopped"] = json!("more than 20 events");
    let evaluate = |text: &str, result: &Value| {
        let expectation = Expectation::compile(text, &scope(&["queue", "log-1"])).expect("it is right");
        expectation.evaluate(result)
    };
    let late = "designs.queue.consumers.fulfilment.order.key.late";
    for text in [
        &format!("{late} == 1"),
        &format!("{late} == 0"),
        "designs.all(d, designs[d].consumers.fulfilment.processed == 5)",
        "designs['log-1'].events == 5 || designs.queue.nodes['2'].up",
        "designs.queue.clients.exists(c, c == 'c1')",
    ] {
        let outcome = evaluate(text, &result);
        assert_eq!(outcome.verdict, Verdict::NotDecided, "{text}");
        let reason = "not decided: design `queue` was stopped before its end";
        assert_eq!(outcome.read.last().map(String::as_str), Some(reason), "{text}");
    }
    // What is known all the same, and what is of another design, stands.
    let other = |text: &str| evaluate(text, &result).verdict;
    assert_eq!(other("designs.queue.stopped != null && seed == 42"), Verdict::Holds);
    assert_eq!(other("designs['log-1'].consumers.fulfilment.order.key.late == 0"), Verdict::Broken);
    assert_eq!(other("designs.exists(d, d == 'queue')"), Verdict::Holds);
    result["designs"]["queue"]["stopped"] = Value::Null;
    assert_eq!(evaluate(&format!("{late} == 0"), &result).verdict, Verdict::Broken);
}

#[test]
fn the_only_design_may_be_stopped() {
    let stopped = |text: &str| {
        let mut result = json!({"schema": 1, "seed": 42, "designs": {"queue": design()}});
        result["designs"]["queue"]["stopped"] = json!("more than 20 events");
        Expectation::compile(text, &scope(&["queue"])).expect("it is right").evaluate(&result).verdict
    };
    assert_eq!(stopped("consumers.fulfilment.order.key.late == 0"), Verdict::NotDecided);
    assert_eq!(stopped("stopped == null"), Verdict::Broken);
    assert_eq!(stopped("seed == 42"), Verdict::Holds);
}

#[test]
fn what_nothing_tested_is_not_exercised() {
    check(
        Verdict::NotExercised,
        &[
            "designs.queue.consumers.fulfilment.lost.total == 0",
            "consumers.fulfilment.lost.total == 0.0",
            "0 == consumers.fulfilment.lost.by_cause.network",
            "consumers.fulfilment.lost.messages == []",
            "consumers.fulfilment.lost.messages.size() == 0",
            "consumers.fulfilment.lost.total + consumers.fulfilment.lost.confirmed == 0",
            "consumers.fulfilment.order.producer.late == 0",
            "consumers.fulfilment.order['producer'].stale == 0 && seed == 42",
            "consumers.all(c, consumers[c].lost.total == 0)",
        ],
    );
    // The guarantee was exercised, the claim is another one, or the text says that it knows.
    check(
        Verdict::Holds,
        &[
            "consumers.fulfilment.lost.confirmed == 0",
            "consumers.fulfilment.order.stored.late == 0",
            "consumers.fulfilment.order.key.stale == 0",
            "consumers.fulfilment.lost.total == 0 // quiet",
            "consumers.fulfilment.lost.total < 1",
            "!(consumers.fulfilment.lost.total != 0) || seed == 42",
            "consumers.fulfilment.duplicates.total == 1",
        ],
    );
    check(Verdict::Broken, &["consumers.fulfilment.lost.total == 0 && seed == 1"]);
}

#[test]
fn designs_are_told_apart() {
    let mut result = result();
    result["designs"]["log-1"]["guarantees"]["fulfilment"]["no_loss"]["verdict"] = "holds".into();
    let scope = scope(&["queue", "log-1"]);
    let verdict = |text| Expectation::compile(text, &scope).unwrap().evaluate(&result).verdict;
    assert_eq!(verdict("designs.queue.consumers.fulfilment.lost.total == 0"), Verdict::NotExercised);
    assert_eq!(verdict("designs['log-1'].consumers.fulfilment.lost.total == 0"), Verdict::Holds);
}

#[test]
fn what_was_read_is_shown() {
    let result = json!({"designs": {"queue": design()}});
    let texts = [
        "designs.queue.consumers.fulfilment.order.key.late == 0",
        "clients.c1.got.all(m, m.startsWith('m'))",
        "looks['dealt out'].clients.c1.got == [] || logs.t.exists(p, p.high_watermark == 3)",
        "['c1', 'c2'].all(c, clients[c].confirmed > 0)",
        "consumers.fulfilment.lost.total == 0",
        "consumers.fulfilment.latency.max > 0.0 && clients.p.sent.z == 0",
    ];
    let lines = texts.map(|text| {
        let outcome = Expectation::compile(text, &scope(&["queue"])).unwrap().evaluate(&result);
        format!("{text}\n    {:?}\n    {}", outcome.verdict, outcome.read.join("\n    "))
    });
    insta::assert_snapshot!(lines.join("\n"), @r#"
    designs.queue.consumers.fulfilment.order.key.late == 0
        Broken
        designs.queue.consumers.fulfilment.order.key.late = 1
    clients.c1.got.all(m, m.startsWith('m'))
        Holds
        clients.c1.got = ["m1","m4","m3 redelivered"]
    looks['dealt out'].clients.c1.got == [] || logs.t.exists(p, p.high_watermark == 3)
        Broken
        looks['dealt out'].clients.c1.got = ["m1"]
        logs.t[0].high_watermark = 2
    ['c1', 'c2'].all(c, clients[c].confirmed > 0)
        Broken
        clients.c1.confirmed = 2
        clients.c2.confirmed = 0
    consumers.fulfilment.lost.total == 0
        NotExercised
        consumers.fulfilment.lost.total = 0
        not exercised: no_loss of `fulfilment` in design `queue`
    consumers.fulfilment.latency.max > 0.0 && clients.p.sent.z == 0
        NotDecided
        consumers.fulfilment.latency.max = null
        not decided: consumers.fulfilment.latency.max could not be computed (null)
        not decided: clients.p.sent.z is not there in this run
    "#);
}

#[test]
fn a_requirement_reads_one_subscription() {
    let scope = scope(&["queue", "log-1"]);
    let consumer = &design()["consumers"]["fulfilment"];
    for (text, expected) in [
        ("lost.confirmed == 0", Some(true)),
        ("latency.p99 < 1.0", Some(false)),
        ("latency.max < 1.0", None),
        ("order.key.late + duplicates.total == 2", Some(true)),
    ] {
        assert_eq!(Requirement::compile(text, &scope).unwrap().met(consumer), expected, "{text}");
    }
    let texts = ["latency.p9 < 2.0", "p99 < 2.0", "consumers.fulfilment.lost.total == 0", "seed == 1"];
    let complaints = texts.map(|text| complain(Requirement::compile(text, &scope).err(), text));
    insta::assert_snapshot!(complaints.concat(), @"
    latency.p9 < 2.0
            ^^ there is no `p9` in `latency`
    hint: did you mean `p90`?
    p99 < 2.0
    ^^^ there is no `p99` in a subscription's figures
    hint: did you mean `latency.p99`?
    consumers.fulfilment.lost.total == 0
    ^^^^^^^^^ `consumers` is not one of a subscription's figures
    hint: a requirement is asked of every subscription, such as `lost.confirmed == 0`
    seed == 1
    ^^^^ there is no `seed` in a subscription's figures
    hint: there is `addressed`, `processed`, `effects`, `dead_lettered`, `pending`, `superseded`, `withdrawn`, `lost`, `duplicates`, `redeliveries`, `deduplicated`, `most_returned`, `order`, `latency`, `latency_split`, `waiting`, …
    ");
}

#[test]
fn a_condition_reads_the_picture() {
    let client = ClientPicture {
        got: vec!["m1".into()],
        sent: vec![("a".into(), SendOutcome::Pending)],
        ..ClientPicture::default()
    };
    let picture = Picture {
        clients: [("c1".to_string(), client)].into(),
        logs: [(
            "t".to_string(),
            vec![PartitionPicture { high_watermark: 3, ..PartitionPicture::default() }],
        )]
        .into(),
        groups: [(
            "g".to_string(),
            GroupPicture { committed: [("t".to_string(), vec![None])].into(), ..GroupPicture::default() },
        )]
        .into(),
        nodes: [("1".to_string(), true), ("2".to_string(), false)].into(),
        ..Picture::default()
    };
    let scope = scope(&["queue", "log-1"]);
    for (text, expected) in [
        ("clients.c1.got != []", Some(true)),
        ("clients.c2.got != []", None),
        ("clients.c1.sent.a == 'pending' && logs.t[0].high_watermark == 3", Some(true)),
        ("clients.c1.sent.b == 'pending'", None),
        ("logs.t[0].high_watermark > 3", Some(false)),
        ("groups.g.committed.t[0] == 'none'", Some(true)),
        ("nodes.filter(n, nodes[n].up) == ['1']", Some(true)),
        ("queues.q.ready == 0", None),
    ] {
        assert_eq!(Condition::compile(text, &scope).unwrap().holds(&picture), expected, "{text}");
    }
    let texts = [
        "consumers.fulfilment.lost.total == 0",
        "designs.queue.clients.c1.got == []",
        "looks.held.clients.c1.got == []",
        "clints.c1.got == []",
        "clients.c3.got == []",
    ];
    let complaints = texts.map(|text| complain(Condition::compile(text, &scope).err(), text));
    insta::assert_snapshot!(complaints.concat(), @r"
    consumers.fulfilment.lost.total == 0
    ^^^^^^^^^ `consumers` is not part of the picture that `Until` looks at
    hint: it looks at the present: `clients`, `queues`, `logs`, `groups`, `nodes`; the rest belongs under `expect`
    designs.queue.clients.c1.got == []
    ^^^^^^^ `designs` is not part of the picture that `Until` looks at
    hint: it looks at the present: `clients`, `queues`, `logs`, `groups`, `nodes`; the rest belongs under `expect`
    looks.held.clients.c1.got == []
    ^^^^^ `looks` is not part of the picture that `Until` looks at
    hint: it looks at the present: `clients`, `queues`, `logs`, `groups`, `nodes`; the rest belongs under `expect`
    clints.c1.got == []
    ^^^^^^ there is no `clints` in a picture
    hint: did you mean `clients`?
    clients.c3.got == []
            ^^ there is no client `c3`
    hint: did you mean `c1`?
    ");
}

#[test]
fn a_verdict_is_written_in_snake_case() {
    assert_eq!(json!(Verdict::NotExercised), json!("not_exercised"));
}
