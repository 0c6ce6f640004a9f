//! What a restart of a queue broker leaves: of which queues, and what of them comes again.

use super::*;
use crate::properties::Said;

/// Four messages in a durable queue, two of them held by a consumer; and two in a queue that is not durable.
fn story(ends: Verb) -> StoryEnded {
    let mut setup = with_client(setup(&["passing", "q"]), "c", |client| client.prefetch = 2);
    if let Design::Queue(config) = &mut setup.design {
        config.queues[0].durable = false;
    }
    let lines = vec![
        ("p", vec![send_to("m1 m2 m3 m4", "q"), send_to("a b", "passing")]),
        ("c", vec![consume("q")]),
        ("n1", vec![ends, Verb::Restart]),
        ("d", vec![Verb::PollAll { from: text("q") }]),
        ("e", vec![Verb::PollAll { from: text("passing") }]),
        ("p2", vec![send_to("late", "passing")]),
    ];
    tell(setup, lines)
}

#[test]
fn after_a_crash_nobody_knows_what_was_delivered() {
    let ended = story(Verb::Crash);
    insta::assert_snapshot!(show(&ended), @r#"
    c closed: got m1, m2
    d open: got m1 redelivered, m2 redelivered, m3 redelivered, m4 redelivered; holds m1 redelivered, m2 redelivered, m3 redelivered, m4 redelivered; polls [["m1 redelivered", "m2 redelivered", "m3 redelivered", "m4 redelivered"]]
    e open: errors 404 NOT_FOUND; polls [[]]
    p closed: sent m1 ack, m2 ack, m3 ack, m4 ack, a ack, b ack (6/0/0)
    p2 open: sent late ack (1/0/0)
    q (0 ready): m1 redelivered, m2 redelivered, m3 redelivered, m4 redelivered
    passing lost ["a broker_memory", "b broker_memory"] again []
    "#);
    assert_eq!(ended.picture.clients["e"].errors, ["404 NOT_FOUND"]);
}

#[test]
fn a_broker_that_ends_in_good_order_knows_what_it_had_delivered() {
    let ended = story(Verb::Shutdown);
    insta::assert_snapshot!(show(&ended), @r#"
    c closed: got m1, m2
    d open: got m1 redelivered, m2 redelivered, m3, m4; holds m1 redelivered, m2 redelivered, m3, m4; polls [["m1 redelivered", "m2 redelivered", "m3", "m4"]]
    e open: errors 404 NOT_FOUND; polls [[]]
    p closed: sent m1 ack, m2 ack, m3 ack, m4 ack, a ack, b ack (6/0/0)
    p2 open: sent late ack (1/0/0)
    q (0 ready): m1 redelivered, m2 redelivered, m3, m4
    passing lost ["a broker_memory", "b broker_memory"] again []
    "#);
    assert_eq!(ended.picture.clients["e"].errors, ["404 NOT_FOUND"]);
    assert!(!ended.picture.queues.contains_key("passing"));
}

#[test]
fn a_life_that_ends_badly_after_one_that_ended_well_leaves_no_knowledge() {
    let lines = vec![
        ("p", vec![send_to("m1 m2", "q")]),
        ("n1", vec![Verb::Shutdown, Verb::Restart, Verb::Crash, Verb::Restart]),
        ("d", vec![Verb::PollAll { from: text("q") }]),
    ];
    insta::assert_snapshot!(show(&tell(setup(&["q"]), lines)), @r#"
    d open: got m1 redelivered, m2 redelivered; holds m1 redelivered, m2 redelivered; polls [["m1 redelivered", "m2 redelivered"]]
    p closed: sent m1 ack, m2 ack (2/0/0)
    q (0 ready): m1 redelivered, m2 redelivered
    "#);
}

#[test]
fn a_message_that_is_not_persistent_is_lost_with_the_process() {
    let send = |messages: &str, persistent| match send(messages) {
        Verb::Send { messages, to, size, .. } => {
            Verb::Send { messages, to, size, said: vec![Said { persistent, ..Said::default() }] }
        }
        verb => verb,
    };
    let lines = vec![
        ("p", vec![send("m1", None), send("m2", Some(false)), send("m3", Some(true))]),
        ("n1", vec![Verb::Shutdown, Verb::Restart]),
    ];
    insta::assert_snapshot!(show(&tell(setup(&["q"]), lines)), @r#"
    p closed: sent m1 ack, m2 ack, m3 ack (3/0/0)
    q (2 ready): m1, m3
    q lost ["m2 broker_memory"] again []
    "#);
}
