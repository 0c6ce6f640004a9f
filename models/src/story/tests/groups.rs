//! Consumer groups: what consumers claim and read again, what trimming leaves of them, what a snapshot remembers. The
//! answers are those of Redis 7.0.15, which was asked.

use super::*;
use crate::properties::{LengthMax, Said};
use crate::queue::Turns;
use crate::queue::{
    Behaviour, Discard, ExchangeKind, NodeLimits, Redelivery, Retention, Settles, Snapshots, StreamConfig,
};
use crate::setup::StartAt;

fn stream() -> StreamConfig {
    StreamConfig {
        name: "s".into(),
        durable: false,
        retention: Retention::Limits,
        discard: Discard::Old,
        messages_max: None,
        bytes_max: None,
        age_max: None,
        duplicate_window: Span::ZERO,
        overhead: 12,
        made_anew: true,
        nodes: Some(NodeLimits { entries_max: 100, bytes_max: 4_096 }),
    }
}

fn group(name: &str) -> QueueConfig {
    let redelivery = Redelivery {
        ack_wait: Span::ZERO,
        backoff: Vec::new(),
        window: None,
        settles: Settles::Message,
        at_once: false,
        keeps_place: false,
        held_max: None,
        delay: Span::ZERO,
        lifetime: None,
        claimed: true,
    };
    QueueConfig {
        behaviour: Behaviour::TIMED,
        durable: false,
        redelivery: Some(redelivery),
        stream: Some(0),
        pulled: Some(Span::ZERO),
        turns: Turns::OneByOne,
        dead_letter: crate::queue::DeadLetter::Dropped,
        ..queue(name)
    }
}

/// A stream `s`, with the group `g`.
fn redis(change: impl FnOnce(&mut Config)) -> Setup {
    let aliases = ["s@0", "s@2", "s@3"].map(|place| (place.to_string(), "g".to_string()));
    let mut setup = with_client(setup(&[]), "*", |client| client.aliases = aliases.to_vec());
    let Design::Queue(config) = &mut setup.design else { unreachable!("it is a queue broker") };
    let key = ExchangeConfig::fanout("s", vec![0]);
    config.exchanges = vec![ExchangeConfig { kind: ExchangeKind::Stream(0), ..key }];
    (config.queues, config.streams, config.dialect) = (vec![group("g")], vec![stream()], Dialect::Redis);
    change(config);
    setup
}

fn add(messages: &str, length_max: u32) -> Verb {
    let length_max = (length_max > 0).then_some(LengthMax { count: length_max, about: false });
    match send_to(messages, "s") {
        Verb::Send { messages, to, size, .. } => {
            Verb::Send { messages, to, size, said: vec![Said { length_max, ..Said::default() }] }
        }
        verb => verb,
    }
}

fn read(n: u32) -> Verb {
    Verb::Poll { from: text("g"), n: Some(n), wait: None }
}

fn read_again(from: &str) -> Verb {
    Verb::Poll { from: text(from), n: None, wait: None }
}

fn claim(idle: u64, batch: u16) -> Verb {
    Verb::Claim { idle: Span::millis(idle), batch }
}

fn wait(millis: u64) -> Verb {
    Verb::Wait(Span::millis(millis))
}

fn polls(ended: &StoryEnded, client: &str) -> Vec<String> {
    ended.picture.clients[client].polls.iter().map(|poll| poll.join(" ")).collect()
}

fn pending(ended: &StoryEnded) -> &[String] {
    &ended.picture.groups["g"].pending
}

#[test]
fn a_claim_takes_what_is_idle_in_the_order_of_the_stream_and_begins_the_idle_time_anew() {
    let lines = vec![
        ("p", vec![add("m1 m2 m3 m4", 0)]),
        ("a", vec![read(2), wait(100)]),
        ("b", vec![read(1), claim(50, 10), claim(50, 10), claim(0, 1)]),
    ];
    let ended = tell(redis(|_| ()), lines);
    assert_eq!(polls(&ended, "b"), ["m3", "m1 m2", "", "m1"]);
    assert_eq!(pending(&ended), ["m1 b 3", "m2 b 2", "m3 b 1"]);
}

#[test]
fn a_claim_looks_at_ten_times_as_many_as_it_may_take() {
    let all: Vec<String> = (1..=12).map(|n| format!("m{n}")).collect();
    let lines = vec![
        ("p", vec![add(&all.join(" "), 0)]),
        ("a", vec![read(11)]),
        // The first ten have been idle for no time.
        ("b", vec![wait(10), Verb::Poll { from: text("g"), n: Some(1), wait: None }, wait(10)]),
        ("a", vec![read_again("s@0")]),
        ("b", vec![claim(5, 1), claim(5, 2)]),
    ];
    let ended = tell(redis(|_| ()), lines);
    assert_eq!(polls(&ended, "b"), ["m12", "", "m12"]);
}

#[test]
fn an_ack_of_who_has_lost_a_delivery_settles_it() {
    let lines = vec![
        ("p", vec![add("m1 m2", 0)]),
        ("a", vec![read(2)]),
        ("b", vec![claim(0, 1)]),
        ("a", vec![ack("m1")]),
        ("b", vec![ack("m1")]),
    ];
    let ended = tell(redis(|_| ()), lines);
    assert_eq!(pending(&ended), ["m2 a 1"]);
    assert_eq!(ended.picture.clients["b"].processed, ["m1"]);
}

#[test]
fn a_consumer_reads_its_own_again_behind_an_id_and_that_counts() {
    let lines = vec![
        ("p", vec![add("m1 m2 m3 m4", 0)]),
        ("a", vec![read(1)]),
        (
            "b",
            vec![
                read(2),
                Verb::Crash,
                Verb::Restart,
                read_again("s@0"),
                read_again("s@2"),
                read_again("s@3"),
            ],
        ),
    ];
    let ended = tell(redis(|_| ()), lines);
    assert_eq!(polls(&ended, "b"), ["m2 m3", "m2 m3", "m3", ""]);
    assert_eq!(pending(&ended), ["m1 a 1", "m2 b 2", "m3 b 3"]);
}

#[test]
fn what_is_trimmed_stays_pending_without_its_message_until_somebody_claims_it() {
    let lines = vec![
        ("p", vec![add("m1 m2 m3 m4", 0)]),
        ("a", vec![read(3)]),
        ("p", vec![add("m5", 2)]),
        ("ops", vec![look("trimmed")]),
        ("a", vec![read_again("s@0"), ack("m2")]),
        ("b", vec![claim(0, 1), claim(0, 1), read(9)]),
    ];
    let ended = tell(redis(|_| ()), lines);
    let trimmed = &ended.looks[0].1.groups["g"];
    assert_eq!(trimmed.pending, ["m1 a 1", "m2 a 1", "m3 a 1"]);
    assert_eq!(polls(&ended, "a"), ["m1 m2 m3", "nil@1 nil@2 nil@3"]);
    // What is gone counts as taken.
    assert_eq!(polls(&ended, "b"), ["", "", "m4 m5"]);
    assert_eq!(pending(&ended), ["m4 b 1", "m5 b 1"]);
}

#[test]
fn what_the_server_says_of_a_groups_progress() {
    let all: Vec<String> = (1..=10).map(|n| format!("m{n}")).collect();
    // As asked: XLEN 5 of 10; a group at 0; one by one; XLEN 2; one by one.
    let lines = vec![
        ("p", vec![add(&all.join(" "), 5)]),
        ("ops", vec![Verb::Declare(Box::new(group("h"))), look("new")]),
        ("a", vec![Verb::Poll { from: text("h"), n: Some(1), wait: None }]),
        ("ops", vec![look("first")]),
        ("a", vec![Verb::Poll { from: text("h"), n: Some(1), wait: None }]),
        ("ops", vec![look("second")]),
        ("p", vec![add("x", 2)]),
        ("a", vec![Verb::Poll { from: text("h"), n: Some(1), wait: None }]),
        (
            "ops",
            vec![look("skipped"), Verb::Declare(Box::new(QueueConfig { from: StartAt::End, ..group("k") }))],
        ),
    ];
    let nobody = |config: &mut Config| {
        config.queues.clear();
        config.exchanges[0].queues.clear();
    };
    let ended = tell(redis(nobody), lines);
    let progress = |look: usize| ended.looks[look].1.groups["h"].progress;
    assert_eq!(progress(0), Some((None, Some(5))));
    assert_eq!(progress(1), Some((Some(6), Some(4))));
    assert_eq!(progress(2), Some((Some(7), Some(3))));
    // m8 and m9 are gone, and it does not know: m10 counts as the eighth.
    assert_eq!(progress(3), Some((Some(8), Some(3))));
    assert_eq!(ended.picture.groups["k"].progress, Some((None, Some(0))));
}

#[test]
fn a_crash_goes_back_to_the_last_snapshot() {
    let snapshots = Snapshots { rules: vec![(Span::seconds(10), 1)], every: None };
    let lines = vec![
        ("p", vec![add("m1 m2 m3", 0)]),
        ("a", vec![read(2), wait(11_000)]),
        // Since then m1 is settled, m2 claimed, m4 there.
        ("a", vec![ack("m1")]),
        ("b", vec![claim(0, 9)]),
        ("p", vec![add("m4", 0)]),
        ("n1", vec![Verb::Crash, Verb::Restart]),
        ("b", vec![read(9), claim(0, 9)]),
    ];
    let ended = tell(redis(|config| config.snapshots = Some(snapshots)), lines);
    assert_eq!(polls(&ended, "b"), ["m2", "m3", "m1 m2 m3"]);
    assert_eq!(ended.picture.logs["s"][0].records, ["m1@1", "m2@2", "m3@3"]);
    assert_eq!(pending(&ended), ["m1 b 2", "m2 b 2", "m3 b 2"]);
}

#[test]
fn who_ends_in_good_order_takes_a_snapshot_first_and_without_one_nothing_is_left() {
    let told = |snapshots: Option<Snapshots>| {
        let lines = vec![
            ("p", vec![add("m1 m2", 0)]),
            ("a", vec![read(1)]),
            ("n1", vec![Verb::Shutdown, Verb::Restart]),
            ("b", vec![read(9)]),
        ];
        tell(redis(|config| config.snapshots = snapshots), lines)
    };
    let ended = told(Some(Snapshots { rules: vec![(Span::seconds(3_600), 1)], every: None }));
    assert_eq!(
        (polls(&ended, "b"), pending(&ended)),
        (vec!["m2".into()], &["m1 a 1".into(), "m2 b 1".into()][..])
    );
    let ended = told(None);
    assert_eq!(ended.picture.clients["b"].errors, ["NOGROUP"]);
    assert_eq!(ended.picture.logs["s"][0].records, [""; 0]);
}
