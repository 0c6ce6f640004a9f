//! Routing, limits and dead letters, in short stories.

use super::*;
use crate::properties::Said;
use crate::queue::{DeadLetter, ExchangeKind};

fn config(setup: &mut Setup) -> &mut Config {
    let Design::Queue(config) = &mut setup.design else { unreachable!("it is a queue") };
    config
}

/// `q` gives its dead letters to `dead`, both of which the change may set.
fn with_dead(change: impl Fn(&mut Config)) -> Setup {
    let mut setup = setup(&["dead", "q"]);
    config(&mut setup).queues[1].dead_letter = to("dead");
    change(config(&mut setup));
    setup
}

fn to(queue: &str) -> DeadLetter {
    DeadLetter::Exchange { name: String::new(), routing_key: Some(queue.into()) }
}

fn said(messages: &str, to: &str, said: Said) -> Verb {
    let Verb::Send { messages, to, size, .. } = send_to(messages, to) else { unreachable!("it sends") };
    Verb::Send { messages, to, size, said: vec![said] }
}

fn messages(ended: &StoryEnded, queue: &str) -> String {
    ended.picture.queues[queue].messages.join(" ")
}

/// What became of what `p` sent.
fn outcomes(ended: &StoryEnded) -> Vec<&'static str> {
    let word = |outcome: &SendOutcome| match outcome {
        SendOutcome::Word(word) => *word,
        _ => "?",
    };
    ended.picture.clients["p"].sent.iter().map(|(_, outcome)| word(outcome)).collect()
}

#[test]
fn a_topic_exchange_routes_by_words_and_what_fits_nowhere_comes_back_if_it_is_mandatory() {
    let mut setup = setup(&["all", "eu", "paid"]);
    let keys = [(0, "#"), (1, "orders.eu.*"), (1, "*.eu.paid"), (2, "#.paid")];
    config(&mut setup).exchanges.push(ExchangeConfig {
        kind: ExchangeKind::Topic,
        keys: keys.map(|(queue, key)| (queue, key.to_string())).to_vec(),
        ..ExchangeConfig::fanout("x", vec![1, 2])
    });
    let key = |key: &str| Said { routing_key: Some(key.into()), mandatory: true, ..Said::default() };
    let ended = tell(
        setup,
        vec![(
            "p",
            vec![
                said("a", "x", key("orders.eu.paid")),
                said("b", "x", key("orders.us.paid")),
                said("c", "x", key("orders.us.open")),
                send_to("orders.eu.open=d orders.us.open=e", "x"),
            ],
        )],
    );
    assert_eq!(outcomes(&ended), ["ack", "ack", "returned", "ack", "ack"]);
    assert_eq!(messages(&ended, "eu"), "a orders.eu.open=d", "a fits two bindings, and comes once");
    assert_eq!((messages(&ended, "paid"), messages(&ended, "all")), ("a b".into(), String::new()));
}

#[test]
fn a_queue_that_dead_letters_what_it_refuses_keeps_what_the_publisher_saw_nacked() {
    let ended = tell(
        with_dead(|config| {
            config.queues[1].length_max = Some(1);
            config.queues[1].overflow = Overflow::RejectPublishDeadLetter;
        }),
        vec![("p", vec![send_to("m1 m2", "q")])],
    );
    assert_eq!(outcomes(&ended), ["ack", "nack"]);
    assert_eq!((messages(&ended, "q"), messages(&ended, "dead")), ("m1".into(), "m2".into()));
}

#[test]
fn bytes_count_too_and_what_comes_back_counts_before_it_is_served_again() {
    let ended = tell(
        with_dead(|config| config.queues[1].bytes_max = Some(2_500)),
        vec![
            ("c", vec![consume("q")]),
            ("p", vec![send_to("m1 m2", "q")]),
            ("c", vec![Verb::Crash]),
            ("p", vec![send_to("m3", "q")]),
        ],
    );
    assert_eq!(messages(&ended, "q"), "m2 redelivered m3");
    assert_eq!(messages(&ended, "dead"), "m1");
}

#[test]
fn a_cycle_without_a_rejection_ends_and_one_with_a_rejection_goes_on() {
    let circle = |ttl: Option<u64>| {
        with_dead(|config| {
            config.queues[0].dead_letter = to("q");
            config.queues[0].message_ttl = Some(Span::millis(5));
            config.queues[1].message_ttl = ttl.map(Span::millis);
        })
    };
    let wait = ("ops", vec![Verb::Wait(Span::seconds(1))]);
    let automatic = tell(circle(Some(10)), vec![("p", vec![send_to("m", "q")]), wait.clone()]);
    assert_eq!((messages(&automatic, "q"), messages(&automatic, "dead")), (String::new(), String::new()));
    let lost = &automatic.ended.world.checks().subscriptions;
    assert_eq!((lost[0].ledger.lost_total(), lost[1].ledger.dead_lettered), (1, 1));

    let reject = rule("m", 0, vec![nack("", false, false)]);
    let rejected = tell(
        circle(None),
        vec![("c", vec![Verb::Handle(vec![reject]), consume("q")]), ("p", vec![send_to("m", "q")]), wait],
    );
    let got = rejected.picture.clients["c"].got.len();
    assert!((100..200).contains(&got), "every 6 ms for a second: {got}");
}

#[test]
fn a_queue_that_is_its_own_dead_letter_queue_puts_the_message_at_its_end() {
    let ended = tell(
        with_dead(|config| config.queues[1].dead_letter = to("q")),
        vec![
            ("p", vec![send_to("m1 m2", "q")]),
            ("c", vec![Verb::Poll { from: text("q"), n: None, wait: None }, nack("m1", false, false)]),
            ("d", vec![Verb::PollAll { from: text("q") }]),
        ],
    );
    assert_eq!(ended.picture.clients["d"].got, ["m2", "m1"]);
    assert_eq!(ended.ended.world.checks().subscriptions[1].ledger.dead_lettered, 0);
}

#[test]
fn no_time_to_live_at_all_is_enough_for_a_consumer_that_waits() {
    let ended = tell(
        with_dead(|config| config.queues[1].message_ttl = Some(Span::ZERO)),
        vec![
            ("p", vec![send_to("m1", "q")]),
            ("c", vec![consume("q")]),
            ("p", vec![send_to("m2", "q")]),
            ("c", vec![nack("m2", false, true)]),
        ],
    );
    assert_eq!(ended.picture.clients["c"].got, ["m2"]);
    assert_eq!(messages(&ended, "dead"), "m1 m2", "what comes back past its time expires at once");
}

#[test]
fn dead_letters_and_what_they_died_of_outlive_a_crash_where_they_are_written() {
    let setup = with_client(with_dead(|_| ()), "d", |client| client.headers = vec!["x-death".into()]);
    let ended = tell(
        setup,
        vec![
            ("p", vec![send_to("m", "q")]),
            ("c", vec![Verb::Poll { from: text("q"), n: None, wait: None }, nack("m", false, false)]),
            ("n1", vec![Verb::Crash, Verb::Restart]),
            ("d", vec![Verb::PollAll { from: text("dead") }]),
        ],
    );
    assert_eq!(ended.picture.clients["d"].got, ["m redelivered x-death=rejected:1"]);
}
