//! Streams and their readers: what comes again by time, what an ack settles, what a stream lets go of.

use super::*;
use crate::properties::Said;
use crate::queue::{Behaviour, Discard, ExchangeKind, Redelivery, Retention, Settles, StreamConfig};
use crate::setup::StartAt;

fn stream() -> StreamConfig {
    StreamConfig {
        name: "S".into(),
        durable: true,
        retention: Retention::Limits,
        discard: Discard::Old,
        messages_max: None,
        bytes_max: None,
        age_max: None,
        duplicate_window: Span::seconds(2),
        overhead: 30,
        made_anew: false,
        nodes: None,
    }
}

/// One that pulls, with an ack wait of a second.
fn reader(name: &str) -> QueueConfig {
    let redelivery = Redelivery {
        ack_wait: Span::seconds(1),
        backoff: Vec::new(),
        window: Some(3),
        keeps_place: true,
        settles: Settles::Message,
        at_once: false,
        held_max: None,
        delay: Span::ZERO,
        lifetime: None,
        claimed: false,
    };
    QueueConfig {
        behaviour: Behaviour::TIMED,
        redelivery: Some(redelivery),
        stream: Some(0),
        pulled: Some(Span::seconds(5)),
        dead_letter: crate::queue::DeadLetter::Dropped,
        ..queue(name)
    }
}

/// A stream with the subject `s`, and these readers.
fn streaming(stream: StreamConfig, readers: Vec<QueueConfig>) -> Setup {
    let mut setup = setup(&[]);
    let Design::Queue(config) = &mut setup.design else { unreachable!("it is a queue broker") };
    let subject = ExchangeConfig::fanout("s", (0..readers.len()).collect());
    config.exchanges = vec![ExchangeConfig { kind: ExchangeKind::Stream(0), ..subject }];
    (config.queues, config.streams, config.dialect) = (readers, vec![stream], Dialect::Nats);
    setup
}

fn pull(from: &str, n: u32) -> Verb {
    Verb::Poll { from: text(from), n: Some(n), wait: Some(Span::millis(100)) }
}

fn wait(millis: u64) -> Verb {
    Verb::Wait(Span::millis(millis))
}

/// What each client did, the stream, and what its readers have not settled.
fn told(setup: Setup, lines: Vec<(&str, Vec<Verb>)>) -> String {
    let ended = tell(setup, lines);
    let mut told = show(&ended);
    for (name, partitions) in &ended.picture.logs {
        told += format!("{name}: {}", partitions[0].records.join(", ")).trim_end();
        told += "\n";
    }
    for (name, group) in &ended.picture.groups {
        let all = group.pending.iter().chain(&group.advisories).cloned().collect::<Vec<_>>();
        told += format!("{name}: {}", all.join(", ")).trim_end();
        told += "\n";
    }
    told
}

#[test]
fn an_ack_settles_the_message_wherever_it_is_by_then() {
    let setup = streaming(stream(), vec![reader("r")]);
    // m1 waits to come again as it is acked; m2 has come again, to the other one.
    let lines = vec![
        ("p", vec![send("m1 m2 m3")]),
        ("a", vec![pull("r", 2), wait(1_100), ack("m1")]),
        ("b", vec![pull("r", 1)]),
        ("a", vec![ack("m2")]),
        ("b", vec![pull("r", 5)]),
    ];
    insta::assert_snapshot!(told(setup, lines), @r#"
    a open: got m1, m2; processed m1, m2; polls [["m1", "m2"]]
    b open: got m2 num_delivered=2, m3; holds m2 num_delivered=2, m3; polls [["m2 num_delivered=2"], ["m3"]]
    p open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    S: m1@1, m2@2, m3@3
    r: m3
    "#);
}

#[test]
fn who_is_still_at_work_has_the_ack_wait_again() {
    let setup = streaming(stream(), vec![reader("r")]);
    let extend = |wait| Verb::Extend { message: None, wait };
    let lines = vec![
        ("p", vec![send("m1 m2")]),
        ("a", vec![pull("r", 1), wait(800), extend(Span::ZERO), wait(800)]),
        ("b", vec![pull("r", 1), pull("r", 1), wait(300), pull("r", 1)]),
    ];
    insta::assert_snapshot!(told(setup, lines), @r#"
    a open: got m1; holds m1; polls [["m1"]]
    b open: got m2, m1 num_delivered=2; holds m2, m1 num_delivered=2; polls [["m2"], [], ["m1 num_delivered=2"]]
    p open: sent m1 ack, m2 ack (2/0/0)
    S: m1@1, m2@2
    r: m1 num_delivered=2, m2
    "#);
}

#[test]
fn who_says_that_it_is_at_work_is_heard_over_another_connection_and_after_a_restart() {
    let setup = streaming(stream(), vec![reader("r")]);
    let extend = || Verb::Extend { message: None, wait: Span::ZERO };
    // Given at 0 s; said at 0.8 s, after a restart, and at 1.4 s, before another one: it comes again at 2.4 s.
    let lines = vec![
        ("p", vec![send("m1")]),
        ("a", vec![pull("r", 1), wait(400)]),
        ("n1", vec![Verb::Crash, Verb::Restart]),
        ("a", vec![pull("r", 1), wait(300), extend(), wait(600), extend()]),
        ("n1", vec![Verb::Crash, Verb::Restart]),
        ("b", vec![wait(500), pull("r", 1), wait(500), pull("r", 1)]),
    ];
    insta::assert_snapshot!(told(setup, lines), @r#"
    a closed: got m1; holds m1; polls [["m1"], []]
    b open: got m1 num_delivered=2; holds m1 num_delivered=2; polls [[], ["m1 num_delivered=2"]]
    p closed: sent m1 ack (1/0/0)
    S: m1@1
    r: m1 num_delivered=2
    "#);
}

#[test]
fn what_a_work_queue_has_given_up_stays_there_also_after_a_restart_until_it_is_acked() {
    let work = StreamConfig { retention: Retention::WorkQueue, ..stream() };
    let given_up = || {
        let reader = QueueConfig { delivery_limit: Some(0), ..reader("r") };
        (
            streaming(work.clone(), vec![reader]),
            vec![
                ("p", vec![send("m1 m2")]),
                ("c", vec![pull("r", 2), ack("m2"), wait(1_000), pull("r", 1)]),
                ("n1", vec![Verb::Crash, Verb::Restart]),
                ("c", vec![pull("r", 1)]),
            ],
        )
    };
    let (setup, lines) = given_up();
    insta::assert_snapshot!(told(setup, lines), @r#"
    c open: got m1, m2; holds m1; processed m2; polls [["m1", "m2"], [], []]
    p closed: sent m1 ack, m2 ack (2/0/0)
    S: m1@1
    r: max_deliver m1
    "#);
    let (setup, mut lines) = given_up();
    lines.push(("c", vec![ack("m1")]));
    insta::assert_snapshot!(told(setup, lines), @r#"
    c open: got m1, m2; processed m2, m1; polls [["m1", "m2"], [], []]
    p closed: sent m1 ack, m2 ack (2/0/0)
    S:
    r: max_deliver m1
    "#);
}

#[test]
fn pulls_of_one_client_take_turns_and_each_ends_at_its_own_time() {
    let setup = streaming(stream(), vec![reader("r")]);
    let asks = |n, millis| {
        let wait = Some(Span::millis(millis));
        Verb::Async(Box::new(Verb::Poll { from: text("r"), n: Some(n), wait }))
    };
    let lines = vec![
        ("c", vec![asks(2, 900), asks(2, 300), asks(1, 600)]),
        ("p", vec![send("m1 m2"), wait(400), send("m3")]),
        ("c", vec![wait(1_000)]),
    ];
    insta::assert_snapshot!(told(setup, lines), @r#"
    c open: got m1, m2, m3; holds m1, m2, m3; polls [["m2"], ["m3"], ["m1"]]
    p open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    S: m1@1, m2@2, m3@3
    r: m1, m2, m3
    "#);
}

#[test]
fn what_is_given_back_comes_again_at_once_and_what_is_given_away_never() {
    let setup = streaming(stream(), vec![reader("r")]);
    let lines = vec![
        ("p", vec![send("m1 m2 m3")]),
        ("a", vec![pull("r", 2), nack("m2", false, true), nack("m1", false, false), pull("r", 2)]),
    ];
    insta::assert_snapshot!(told(setup, lines), @r#"
    a open: got m1, m2, m2 num_delivered=2, m3; holds m2 num_delivered=2, m3; polls [["m1", "m2"], ["m2 num_delivered=2", "m3"]]
    p open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    r lost ["m1 rejected"] again []
    S: m1@1, m2@2, m3@3
    r: m2 num_delivered=2, m3
    "#);
}

#[test]
fn what_comes_again_needs_no_room_in_the_window() {
    let setup = streaming(stream(), vec![reader("r")]);
    let lines = vec![
        ("p", vec![send("m1 m2 m3 m4")]),
        ("a", vec![pull("r", 3), pull("r", 1), wait(1_000), pull("r", 4), pull("r", 1)]),
    ];
    insta::assert_snapshot!(told(setup, lines), @r#"
    a open: got m1, m2, m3, m1 num_delivered=2, m2 num_delivered=2, m3 num_delivered=2; holds m1, m2, m3, m1 num_delivered=2, m2 num_delivered=2, m3 num_delivered=2; polls [["m1", "m2", "m3"], [], ["m1 num_delivered=2", "m2 num_delivered=2", "m3 num_delivered=2"], []]
    p open: sent m1 ack, m2 ack, m3 ack, m4 ack (4/0/0)
    S: m1@1, m2@2, m3@3, m4@4
    r: m1 num_delivered=2, m2 num_delivered=2, m3 num_delivered=2
    "#);
}

#[test]
fn a_stream_lets_go_of_what_is_in_hand_and_it_does_not_come_again() {
    let stream = StreamConfig { age_max: Some(Span::millis(500)), ..stream() };
    let setup = streaming(stream, vec![reader("r")]);
    let lines = vec![
        ("p", vec![send("m1 m2")]),
        ("a", vec![pull("r", 1), wait(600), process("m1"), pull("r", 1)]),
        ("p", vec![send("m3")]),
        ("a", vec![ack("m1"), wait(1_000), pull("r", 2)]),
    ];
    insta::assert_snapshot!(told(setup, lines), @r#"
    a open: got m1; processed m1; polls [["m1"], [], []]
    p open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    r lost ["m2 retention", "m3 retention"] again []
    S:
    r:
    "#);
}

#[test]
fn a_message_with_the_id_of_an_earlier_one_is_acked_and_not_stored() {
    let setup = streaming(stream(), vec![reader("r")]);
    let id = |messages: &str, id: &str| match send(messages) {
        Verb::Send { messages, to, size, .. } => {
            let said = Said { id: text(id), ..Said::default() };
            Verb::Send { messages, to, size, said: vec![said] }
        }
        other => other,
    };
    let lines = vec![
        ("p", vec![id("m1", "a"), id("m2", "a"), id("m3", "b"), wait(2_000), id("m4", "a")]),
        ("c", vec![pull("r", 5)]),
    ];
    insta::assert_snapshot!(told(setup, lines), @r#"
    c open: got m1, m3, m4; holds m1, m3, m4; polls [["m1", "m3", "m4"]]
    p open: sent m1 ack, m2 ack, m3 ack, m4 ack (4/0/0)
    S: m1@1, m3@2, m4@3
    r: m1, m3, m4
    "#);
}

#[test]
fn a_reader_that_comes_late_begins_with_what_is_there_or_with_what_is_new() {
    let setup = streaming(stream(), vec![reader("r")]);
    let late = |name: &str, from| Verb::Declare(Box::new(QueueConfig { from, ..reader(name) }));
    let lines = vec![
        ("p", vec![send("m1 m2")]),
        ("c", vec![pull("r", 2), ack("m1"), ack("m2")]),
        ("ops", vec![late("all", StartAt::Beginning), late("new", StartAt::End)]),
        ("p", vec![send("m3")]),
        ("c", vec![pull("all", 3), pull("new", 3)]),
    ];
    insta::assert_snapshot!(told(setup, lines), @r#"
    c open: got m1, m2, m1, m2, m3, m3; holds m1, m2, m3, m3; processed m1, m2; polls [["m1", "m2"], ["m1", "m2", "m3"], ["m3"]]
    p open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    S: m1@1, m2@2, m3@3
    all: m1, m2, m3
    new: m3
    r:
    "#);
}

#[test]
fn a_late_reader_of_several_subjects_reads_them_in_the_order_of_the_stream() {
    let mut setup = streaming(stream(), Vec::new());
    let Design::Queue(config) = &mut setup.design else { unreachable!("it is a queue broker") };
    let another = ExchangeConfig { name: "t".into(), ..config.exchanges[0].clone() };
    config.exchanges.push(another);
    let late = Verb::Declare(Box::new(reader("late")));
    let lines = vec![
        ("p", vec![send_to("m1", "t"), send_to("m2", "s"), send_to("m3", "t")]),
        ("ops", vec![late]),
        ("c", vec![pull("late", 3), process("")]),
    ];
    let ended = tell(setup, lines);
    let stored = &ended.ended.world.checks().subscriptions[0].stored;
    assert_eq!((ended.picture.clients["c"].got.join(" "), stored.late), ("m1 m2 m3".into(), 0));
}

#[test]
fn interest_keeps_what_somebody_has_not_settled() {
    let interest = StreamConfig { retention: Retention::Interest, ..stream() };
    let setup = streaming(interest.clone(), vec![reader("a"), reader("b")]);
    let lines = vec![
        ("p", vec![send("m1 m2")]),
        ("c", vec![pull("a", 2), ack("m1"), ack("m2"), pull("b", 1), ack("m1")]),
    ];
    insta::assert_snapshot!(told(setup, lines), @r#"
    c open: got m1, m2, m1; processed m1, m2, m1; polls [["m1", "m2"], ["m1"]]
    p open: sent m1 ack, m2 ack (2/0/0)
    S: m2@2
    a:
    b:
    "#);
    insta::assert_snapshot!(told(streaming(interest, Vec::new()), vec![("p", vec![send("m1")])]), @"
    p open: sent m1 ack (1/0/0)
    S:
    ");
}

#[test]
fn a_restart_knows_who_was_given_what_and_when() {
    let setup = streaming(stream(), vec![reader("r")]);
    let lines = vec![
        ("p", vec![send("m1 m2 m3")]),
        ("a", vec![pull("r", 2), wait(500)]),
        ("n1", vec![Verb::Crash, Verb::Restart]),
        // Over another connection, of what an earlier life of the broker gave it.
        ("a", vec![pull("r", 1), ack("m1"), wait(600), pull("r", 2)]),
    ];
    insta::assert_snapshot!(told(setup, lines), @r#"
    a open: got m1, m2, m3, m2 num_delivered=2; holds m2, m3, m2 num_delivered=2; processed m1; polls [["m1", "m2"], ["m3"], ["m2 num_delivered=2"]]
    p closed: sent m1 ack, m2 ack, m3 ack (3/0/0)
    S: m1@1, m2@2, m3@3
    r: m2 num_delivered=2, m3
    "#);
}

#[test]
fn a_backoff_takes_the_place_of_the_ack_wait() {
    let mut reader = reader("r");
    if let Some(redelivery) = &mut reader.redelivery {
        redelivery.backoff = vec![Span::millis(200), Span::millis(600)];
    }
    reader.delivery_limit = Some(2);
    let lines = vec![
        ("p", vec![send("m1")]),
        ("c", vec![pull("r", 1), wait(110), pull("r", 1), wait(510), pull("r", 1), wait(510), pull("r", 1)]),
    ];
    insta::assert_snapshot!(told(streaming(stream(), vec![reader]), lines), @r#"
    c open: got m1, m1 num_delivered=2, m1 num_delivered=3; holds m1, m1 num_delivered=2, m1 num_delivered=3; polls [["m1"], ["m1 num_delivered=2"], ["m1 num_delivered=3"], []]
    p open: sent m1 ack (1/0/0)
    S: m1@1
    r: max_deliver m1
    "#);
}
