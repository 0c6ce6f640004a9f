//! Where messages go that come back, and what of that outlives a restart of the broker.

use super::*;
use crate::queue::Behaviour;

/// Six messages in a queue that behaves so, of which `c` is given four.
fn after(behaviour: Behaviour, lines: Vec<(&str, Vec<Verb>)>) -> String {
    let mut setup = with_client(setup(&["q"]), "c*", |client| client.prefetch = 4);
    let Design::Queue(config) = &mut setup.design else { unreachable!("it is a queue") };
    config.queues[0].behaviour = behaviour;
    let begin = vec![("p", vec![send("m1 m2 m3 m4 m5 m6")]), ("c", vec![consume("q")])];
    let ended = tell(setup, begin.into_iter().chain(lines).collect());
    let messages = ended.picture.queues["q"].messages.iter();
    messages.map(|text| text.replace(" redelivered", "*")).collect::<Vec<_>>().join(" ")
}

fn restart() -> (&'static str, Vec<Verb>) {
    ("n1", vec![Verb::Crash, Verb::Restart])
}

#[test]
fn a_restart_keeps_the_order_of_what_has_come_back() {
    let nacked = || ("c", vec![Verb::Cancel, nack("m3", false, true), nack("m2", false, true)]);
    let both = |behaviour| {
        let gone = after(behaviour, vec![nacked(), ("c", vec![Verb::Crash])]);
        format!("{gone}\n{}", after(behaviour, vec![nacked(), restart()]))
    };
    // Given back ahead, then left behind; behind the others, and left behind ahead; each at its place. A classic queue
    // knows nothing of deliveries afterwards.
    insta::assert_snapshot!(both(Behaviour::quorum(true, false)), @r"
    m3* m2* m1* m4* m5 m6
    m3* m2* m1* m4* m5 m6
    ");
    insta::assert_snapshot!(both(Behaviour::quorum(false, true)), @r"
    m1* m4* m5 m6 m3* m2*
    m1* m4* m5 m6 m3* m2*
    ");
    insta::assert_snapshot!(both(Behaviour::CLASSIC), @r"
    m1* m2* m3* m4* m5 m6
    m1* m2* m3* m4* m5* m6*
    ");
}

#[test]
fn a_second_restart_keeps_it_too() {
    let lines = || vec![("c", vec![nack("m2", false, true)]), restart(), restart()];
    assert_eq!(after(Behaviour::quorum(false, true), lines()), "m1* m3* m4* m5* m6 m2*");
    assert_eq!(after(Behaviour::quorum(true, false), lines()), "m1* m3* m4* m2* m5 m6");
}

#[test]
fn what_a_closed_channel_held_cannot_be_settled_any_more() {
    let lines = vec![("c", vec![Verb::CloseChannel, ack("m1"), consume("q"), ack("m1")])];
    assert_eq!(after(Behaviour::CLASSIC, lines), "m2* m3* m4* m5 m6");
}

#[test]
fn recover_gives_all_back_and_they_come_again() {
    let lines = || vec![("c", vec![Verb::Recover, ack("m1")])];
    assert_eq!(after(Behaviour::CLASSIC, lines()), "m2* m3* m4* m5 m6");
    // Without a limit m5 and m6 come first: m1 is held again, and settled.
    assert_eq!(after(Behaviour::quorum(false, true), lines()), "m5 m6 m2* m3* m4*");
}
