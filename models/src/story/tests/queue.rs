//! Stories over a queue broker; the recorded ones are of RabbitMQ.

use super::*;

#[test]
fn m3_comes_again_behind_m4_as_recorded() {
    let setup = with_client(setup(&["q"]), "c*", |client| client.prefetch = 1);
    let ended = tell(
        setup,
        vec![
            ("c1", vec![consume("q")]),
            ("c2", vec![consume("q")]),
            ("p", vec![send("m1 m2 m3 m4 m5 m6")]),
            ("c2", vec![ack("m2")]),
            ("c1", vec![ack("m1")]),
            ("ops", vec![look("before the crash")]),
            ("c2", vec![Verb::Crash]),
            ("c1", vec![Verb::Handle(vec![rule("*", 0, vec![ack("")])])]),
        ],
    );
    insta::assert_snapshot!(show(&ended), @r#"
    before the crash:
    c1 open: got m1, m4; holds m4; processed m1
    c2 open: got m2, m3; holds m3; processed m2
    p open: sent m1 ack, m2 ack, m3 ack, m4 ack, m5 ack, m6 ack (6/0/0)
    q (2 ready): m3, m4, m5, m6
    c1 open: got m1, m4, m3 redelivered, m5, m6; processed m1, m4, m3, m5, m6
    c2 closed: got m2, m3; processed m2
    p open: sent m1 ack, m2 ack, m3 ack, m4 ack, m5 ack, m6 ack (6/0/0)
    q (0 ready):
    "#);
}

#[test]
fn what_an_auto_acking_consumer_had_not_processed_is_lost_as_recorded() {
    let setup = with_client(setup(&["q"]), "c", |client| client.ack = AckMode::Auto);
    let ended = tell(
        setup,
        vec![
            ("p", vec![send("m1 m2 m3 m4 m5")]),
            ("c", vec![consume("q"), process("m1 m2 m3")]),
            ("c", vec![Verb::Crash]),
        ],
    );
    insta::assert_snapshot!(show(&ended), @r#"
    c closed: got m1, m2, m3, m4, m5; processed m1, m2, m3
    p open: sent m1 ack, m2 ack, m3 ack, m4 ack, m5 ack (5/0/0)
    q (0 ready):
    q lost ["m4 taken_never_processed", "m5 taken_never_processed"] again []
    "#);
}

#[test]
fn what_a_dead_consumer_held_is_in_the_queue_again() {
    let setup = with_client(setup(&["q"]), "c", |client| client.prefetch = 4);
    let ended = tell(
        setup,
        vec![
            ("p", vec![send("m1 m2 m3 m4 m5 m6")]),
            ("c", vec![consume("q"), ack("m2"), look("held"), Verb::Crash]),
            ("ops", vec![look("after")]),
            ("d", vec![poll_all(), poll()]),
        ],
    );
    insta::assert_snapshot!(show(&ended), @r#"
    held:
    c open: got m1, m2, m3, m4, m5; holds m1, m3, m4, m5; processed m2
    d closed:
    p open: sent m1 ack, m2 ack, m3 ack, m4 ack, m5 ack, m6 ack (6/0/0)
    q (1 ready): m1, m3, m4, m5, m6
    after:
    c closed: got m1, m2, m3, m4, m5; processed m2
    d closed:
    p open: sent m1 ack, m2 ack, m3 ack, m4 ack, m5 ack, m6 ack (6/0/0)
    q (5 ready): m1 redelivered, m3 redelivered, m4 redelivered, m5 redelivered, m6
    c closed: got m1, m2, m3, m4, m5; processed m2
    d open: got m1 redelivered, m3 redelivered, m4 redelivered, m5 redelivered, m6; holds m1 redelivered, m3 redelivered, m4 redelivered, m5 redelivered, m6; polls [["m1 redelivered", "m3 redelivered", "m4 redelivered", "m5 redelivered", "m6"], []]
    p open: sent m1 ack, m2 ack, m3 ack, m4 ack, m5 ack, m6 ack (6/0/0)
    q (0 ready): m1 redelivered, m3 redelivered, m4 redelivered, m5 redelivered, m6
    "#);
}

#[test]
fn an_exchange_gives_all_to_each_queue_and_nothing_old_to_a_late_one() {
    let mut setup = with_client(setup(&["q1", "q2"]), "c2", |client| client.prefetch = 1);
    if let Design::Queue(config) = &mut setup.design {
        config.exchanges.push(ExchangeConfig::fanout("x", vec![0, 1]));
    }
    let bind = Verb::Bind { exchange: "x".into(), queue: "late".into() };
    let ended = tell(
        setup,
        vec![
            ("c1", vec![consume("q1")]),
            ("c3", vec![consume("q1")]),
            ("c2", vec![consume("q2")]),
            ("p", vec![send_to("m1 m2 m3 m4 m5 m6", "x")]),
            ("c2", vec![ack("m1"), ack("m2")]),
            ("ops", vec![Verb::Declare(Box::new(queue("late"))), bind, look("bound")]),
            ("p", vec![send_to("m7", "x"), send_to("m8", "late")]),
            ("n1", vec![Verb::Crash, Verb::Restart]),
        ],
    );
    insta::assert_snapshot!(show(&ended), @r#"
    bound:
    c1 open: got m1, m3, m5; holds m1, m3, m5
    c2 open: got m1, m2, m3; holds m3; processed m1, m2
    c3 open: got m2, m4, m6; holds m2, m4, m6
    p open: sent m1 ack, m2 ack, m3 ack, m4 ack, m5 ack, m6 ack (6/0/0)
    late (0 ready):
    q1 (0 ready): m1, m2, m3, m4, m5, m6
    q2 (3 ready): m3, m4, m5, m6
    c1 closed: got m1, m3, m5, m7
    c2 closed: got m1, m2, m3; processed m1, m2
    c3 closed: got m2, m4, m6
    p closed: sent m1 ack, m2 ack, m3 ack, m4 ack, m5 ack, m6 ack, m7 ack, m8 ack (8/0/0)
    late (2 ready): m7 redelivered, m8 redelivered
    q1 (7 ready): m1 redelivered, m2 redelivered, m3 redelivered, m4 redelivered, m5 redelivered, m6 redelivered, m7 redelivered
    q2 (5 ready): m3 redelivered, m4 redelivered, m5 redelivered, m6 redelivered, m7 redelivered
    "#);
}

#[test]
fn nack_gives_back_and_away() {
    let ended = tell(
        setup(&["q"]),
        vec![
            ("p", vec![send("m1 m2 m3 m4")]),
            ("c", vec![consume("q"), nack("m2", false, false), nack("m3", true, true)]),
        ],
    );
    insta::assert_snapshot!(show(&ended), @r#"
    c open: got m1, m2, m3, m4, m1 redelivered, m3 redelivered; holds m4, m1 redelivered, m3 redelivered
    p open: sent m1 ack, m2 ack, m3 ack, m4 ack (4/0/0)
    q (0 ready): m1 redelivered, m3 redelivered, m4
    "#);
}

#[test]
fn a_handler_goes_by_body_and_time_and_pauses() {
    let rules = vec![
        rule("m1", 1, vec![nack("", false, true)]),
        rule("m2", 0, vec![]),
        rule("*", 0, vec![process(""), Verb::Wait(Span::millis(40)), ack("")]),
    ];
    let ended = tell(
        setup(&["q"]),
        vec![
            ("p", vec![send("m1 m2")]),
            ("c", vec![consume("q"), Verb::Handle(rules)]),
            ("p", vec![Verb::Async(Box::new(send("m3"))), Verb::Wait(Span::millis(20)), look("at work")]),
            ("p", vec![send("m4")]),
        ],
    );
    insta::assert_snapshot!(show(&ended), @r#"
    at work:
    c open: got m1, m2, m1 redelivered, m3; holds m2, m3; processed m1, m3
    p open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    q (0 ready): m2, m3
    c open: got m1, m2, m1 redelivered, m3, m4; holds m2, m3, m4; processed m1, m3
    p open: sent m1 ack, m2 ack, m3 ack, m4 ack (4/0/0)
    q (0 ready): m2, m3, m4
    "#);
}

#[test]
fn of_the_rules_that_match_the_one_that_says_most_is_followed() {
    let rules = [
        rule("m1", 2, vec![ack("")]),
        rule("m1", 0, vec![nack("", false, true)]),
        rule("*", 3, vec![Verb::Process(Vec::new())]),
        rule("*", 0, vec![ack("")]),
    ];
    let told = |order: [usize; 4]| {
        let rules = order.map(|number| rules[number].clone()).to_vec();
        let lines = vec![
            ("p", vec![send("m1 m2 m3")]),
            ("c", vec![consume("q"), Verb::Handle(rules)]),
            ("p", vec![send("m2 m2 m3")]),
        ];
        show(&tell(setup(&["q"]), lines))
    };
    insta::assert_snapshot!(told([0, 1, 2, 3]), @"
    c open: got m1, m2, m3, m1 redelivered, m2, m2, m3; holds m2; processed m2, m3, m1, m2, m2, m3
    p open: sent m1 ack, m2 ack, m3 ack (6/0/0)
    q (0 ready): m2
    ");
    for order in [[3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 1, 0]] {
        assert_eq!(told(order), told([0, 1, 2, 3]));
    }
}

#[test]
fn the_program_survives_a_crash_and_not_a_good_bye() {
    let program = || Verb::Handle(vec![rule("*", 0, vec![ack("")])]);
    let ended = tell(
        setup(&["q"]),
        vec![
            ("c", vec![program(), Verb::Crash, Verb::Restart, consume("q")]),
            ("d", vec![program(), consume("q"), Verb::Close, consume("q")]),
            ("p", vec![send("m1 m2 m3 m4")]),
        ],
    );
    insta::assert_snapshot!(show(&ended), @r#"
    c open: got m1, m3; processed m1, m3
    d open: got m2, m4; holds m2, m4
    p open: sent m1 ack, m2 ack, m3 ack, m4 ack (4/0/0)
    q (0 ready): m2, m4
    "#);
}

#[test]
fn sends_have_outcomes_and_a_dead_broker_refuses_the_connection() {
    let mut setup = with_client(setup(&["q"]), "fast", |client| client.confirms = false);
    if let Design::Queue(config) = &mut setup.design {
        config.queues[0].length_max = Some(2);
        config.queues[0].overflow = Overflow::RejectPublish;
    }
    let ended = tell(
        setup,
        vec![
            ("p", vec![send("x=a b c")]),
            ("fast", vec![send("d")]),
            ("n1", vec![Verb::Crash]),
            ("p", vec![send("e")]),
            ("n1", vec![Verb::Restart]),
            ("d", vec![poll_all()]),
        ],
    );
    insta::assert_snapshot!(show(&ended), @r#"
    d open: got x=a redelivered, b redelivered; holds x=a redelivered, b redelivered; polls [["x=a redelivered", "b redelivered"]]
    fast closed: sent d sent (0/0/1)
    p closed: errors ConnectionRefused; sent a ack, b ack, c nack, e ConnectionRefused (2/1/1)
    q (0 ready): x=a redelivered, b redelivered
    "#);
}

#[test]
fn until_waits_for_the_picture_and_a_line_that_never_ends_is_named() {
    let wait = |body: &'static str, lines: Vec<(&str, Vec<Verb>)>| {
        run_story(&with_script(setup(&["q"]), lines), Recorder::Off, &mut |_, picture| {
            Some(picture.clients["c"].got.iter().any(|got| got == body))
        })
    };
    let lines = || {
        vec![
            ("c", vec![consume("q")]),
            ("p", vec![Verb::Async(Box::new(send("m1 m2 m3")))]),
            ("ops", vec![Verb::Until(0), look("seen")]),
        ]
    };
    insta::assert_snapshot!(show(&wait("m2", lines())), @r#"
    seen:
    c open: got m1, m2; holds m1, m2
    p open: sent m1 ack, m2 Pending (1/0/1)
    q (0 ready): m1, m2
    c open: got m1, m2; holds m1, m2
    p open: sent m1 ack, m2 Pending (1/0/1)
    q (0 ready): m1, m2
    "#);
    insta::assert_snapshot!(show(&wait("m9", lines())), @r#"
    stopped: line 3 never returns: Until
    c open: got m1, m2, m3; holds m1, m2, m3
    p open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    q (0 ready): m1, m2, m3
    "#);
}

#[test]
fn a_handler_can_end_its_own_process() {
    let rules =
        vec![rule("poison", 0, vec![Verb::Crash, Verb::Restart, consume("q")]), rule("*", 0, vec![ack("")])];
    let setup = with_client(setup(&["q"]), "c", |client| client.prefetch = 2);
    let ended = tell(
        setup,
        vec![
            ("p", vec![send("m1 poison m2")]),
            ("c", vec![Verb::Handle(rules), Verb::Async(Box::new(consume("q")))]),
            ("ops", vec![Verb::Wait(Span::millis(6))]),
            ("c", vec![Verb::Handle(vec![rule("*", 0, vec![ack("")])])]),
            ("ops", vec![Verb::Wait(Span::millis(10))]),
        ],
    );
    insta::assert_snapshot!(show(&ended), @r"
    c open: got m1, poison, poison redelivered, poison redelivered, poison redelivered, m2 redelivered; processed m1, poison, m2
    p open: sent m1 ack, poison ack, m2 ack (3/0/0)
    q (0 ready):
    ");
}

#[test]
fn an_ack_of_several_settles_all_before_and_one_of_nothing_says_so() {
    let multiple = Verb::Ack { message: text("m2"), multiple: true };
    let ended = tell(
        setup(&["q"]),
        vec![("p", vec![send("m1 m2 m3")]), ("c", vec![consume("q"), multiple, ack("m9"), ack(""), ack("")])],
    );
    insta::assert_snapshot!(show(&ended), @r#"
    c open: got m1, m2, m3; processed m1, m2, m3; errors m9 is not held
    p open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    q (0 ready):
    "#);
}

#[test]
fn who_polls_a_queue_that_has_to_read_gets_what_it_has_read() {
    let mut setup = setup(&["q"]);
    if let Design::Queue(config) = &mut setup.design {
        config.paging = Some(crate::queue::Paging::BeyondDemand);
    }
    // One message of 1 kB fits into the page cache, a second does not.
    let machine = MachineChange { memory: Some(4000), ..MachineChange::default() };
    setup.machines = vec![(NodePattern::any(), machine)];
    let both = |verb: fn() -> Verb| vec![("c", vec![verb()]), ("d", vec![verb()])];
    let mut lines = vec![("p", vec![send_to("m1 m2 m3 m4", "q")])];
    lines.extend(both(|| Verb::Poll { from: text("q"), n: None, wait: None }));
    lines.push(("c", vec![Verb::PollAll { from: text("q") }]));
    lines.push(("d", vec![nack("m2", false, true), Verb::PollAll { from: text("q") }]));
    insta::assert_snapshot!(show(&tell(setup, lines)), @r#"
    c open: got m1, m3, m4; holds m1, m3, m4; polls [["m1"], ["m3", "m4"]]
    d open: got m2, m2 redelivered; holds m2 redelivered; polls [["m2"], ["m2 redelivered"]]
    p open: events blocked; sent m1 ack, m2 ack, m3 ack, m4 ack (4/0/0)
    q (0 ready): m1, m2 redelivered, m3, m4
    "#);
}

#[test]
fn an_alarm_holds_up_who_publishes_until_it_is_over() {
    let limit = |limit| Verb::LimitMemory { node: "n1".into(), limit };
    let ended = tell(
        with_client(setup(&["q"]), "p", |client| client.confirms = false),
        vec![
            ("c", vec![consume("q")]),
            ("p", vec![send_to("m1", "q")]),
            ("ops", vec![limit(None)]),
            ("p", vec![send_to("m2", "q")]),
            ("c", vec![ack("m1")]),
            ("ops", vec![look("alarm"), limit(Some(1 << 30)), look("over")]),
        ],
    );
    insta::assert_snapshot!(show(&ended), @"
    alarm:
    c open: got m1; processed m1
    p open: events blocked; sent m1 sent, m2 sent (0/0/2)
    q (0 ready):
    over:
    c open: got m1, m2; holds m2; processed m1
    p open: events blocked, unblocked; sent m1 sent, m2 sent (0/0/2)
    q (0 ready): m2
    c open: got m1, m2; holds m2; processed m1
    p open: events blocked, unblocked; sent m1 sent, m2 sent (0/0/2)
    q (0 ready): m2
    ");
}
