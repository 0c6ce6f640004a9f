//! Queues whose messages are hidden while somebody works on them: the rules of Amazon SQS, each with its page of the SQS
//! Developer Guide or of the API reference.

use super::*;
use crate::properties::Said;
use crate::queue::{Behaviour, DeadLetter, Duplicates, Lifetime, Redelivery, Settles, Turns};

/// A standard queue with a visibility timeout of 30 s.
fn standard(name: &str) -> QueueConfig {
    let redelivery = Redelivery {
        ack_wait: Span::seconds(30),
        backoff: Vec::new(),
        window: Some(120_000),
        keeps_place: false,
        settles: Settles::LastDelivery,
        at_once: false,
        claimed: false,
        held_max: Some(Span::seconds(12 * 3_600)),
        delay: Span::ZERO,
        lifetime: Some(Lifetime { span: Span::seconds(4 * 86_400), from_first: true }),
    };
    QueueConfig {
        behaviour: Behaviour::HIDING,
        redelivery: Some(redelivery),
        pulled: Some(Span::ZERO),
        turns: Turns::OneByOne,
        size_max: Some(1 << 20),
        dead_letter: DeadLetter::Dropped,
        ..queue(name)
    }
}

fn fifo(name: &str) -> QueueConfig {
    let duplicates = Duplicates { window: Span::seconds(300), by_content: true };
    let mut queue = QueueConfig { grouped: true, duplicates: Some(duplicates), ..standard(name) };
    with(&mut queue, |redelivery| {
        redelivery.settles = Settles::WhileHeld;
        redelivery.lifetime = redelivery.lifetime.map(|lifetime| Lifetime { from_first: false, ..lifetime });
    });
    queue
}

fn with(queue: &mut QueueConfig, change: impl Fn(&mut Redelivery)) {
    queue.redelivery.as_mut().into_iter().for_each(change);
}

/// With a redrive policy.
fn redriven(queue: QueueConfig, max_receive_count: u32, to: &str) -> QueueConfig {
    let dead_letter = DeadLetter::Exchange { name: String::new(), routing_key: Some(to.into()) };
    QueueConfig { delivery_limit: Some(max_receive_count - 1), dead_letter, ..queue }
}

fn hiding(queues: Vec<QueueConfig>) -> Setup {
    let mut setup = setup(&[]);
    let Design::Queue(config) = &mut setup.design else { unreachable!("it is a queue broker") };
    (config.queues, config.dialect) = (queues, Dialect::Sqs);
    config.queues.sort_by(|a, b| a.name.cmp(&b.name));
    setup
}

fn told(setup: Setup, lines: Vec<(&str, Vec<Verb>)>) -> String {
    show(&tell(setup, lines))
}

fn receive(from: &str, n: u32) -> Verb {
    Verb::Poll { from: text(from), n: Some(n), wait: None }
}

fn receive_for(from: &str, n: u32, seconds: u64) -> Verb {
    Verb::Poll { from: text(from), n: Some(n), wait: Some(Span::seconds(seconds)) }
}

fn wait(seconds: u64) -> Verb {
    Verb::Wait(Span::seconds(seconds))
}

fn extend(message: &str, seconds: u64) -> Verb {
    Verb::Extend { message: text(message), wait: Span::seconds(seconds) }
}

// "Amazon SQS visibility timeout"; API reference, DeleteMessage: an old receipt handle deletes nothing.
#[test]
fn who_deletes_too_late_deletes_nothing_once_another_has_received_it() {
    let lines = vec![
        ("shop", vec![send("m1")]),
        ("c1", vec![receive("q", 1)]),
        ("ops", vec![wait(29)]),
        ("c2", vec![receive("q", 1)]),
        ("ops", vec![wait(2)]),
        ("c2", vec![receive("q", 1)]),
        ("c1", vec![ack("m1")]),
        ("ops", vec![look("c1 has deleted")]),
        ("c2", vec![ack("m1")]),
    ];
    insta::assert_snapshot!(told(hiding(vec![standard("q")]), lines), @r#"
    c1 has deleted:
    c1 open: got m1; processed m1; polls [["m1"]]
    c2 open: got m1 ApproximateReceiveCount=2; holds m1 ApproximateReceiveCount=2; polls [[], ["m1 ApproximateReceiveCount=2"]]
    shop open: sent m1 ack (1/0/0)
    q (0 ready): m1 redelivered
    c1 open: got m1; processed m1; polls [["m1"]]
    c2 open: got m1 ApproximateReceiveCount=2; processed m1; polls [[], ["m1 ApproximateReceiveCount=2"]]
    shop open: sent m1 ack (1/0/0)
    q (0 ready):
    q lost [] again ["m1 visibility_timeout"]
    "#);
}

// API reference, DeleteMessage: the most recent handle; "ReceiptHandleIsInvalid" (AWS re:Post): in a FIFO queue a handle
// expires with the visibility timeout, in a standard queue it may still do.
#[test]
fn when_its_time_is_over_a_handle_still_deletes_in_a_standard_queue_and_not_in_a_fifo_queue() {
    let lines = || {
        vec![
            ("shop", vec![send("g=m1")]),
            ("c1", vec![receive("q", 1), wait(31), ack("m1")]),
            ("c2", vec![receive("q", 1)]),
        ]
    };
    insta::assert_snapshot!(told(hiding(vec![standard("q")]), lines()), @r#"
    c1 open: got g=m1; processed g=m1; polls [["g=m1"]]
    c2 open: polls [[]]
    shop open: sent m1 ack (1/0/0)
    q (0 ready):
    "#);
    insta::assert_snapshot!(told(hiding(vec![fifo("q")]), lines()), @r#"
    c1 open: got g=m1; processed g=m1; polls [["g=m1"]]
    c2 open: got g=m1 ApproximateReceiveCount=2; holds g=m1 ApproximateReceiveCount=2; polls [["g=m1 ApproximateReceiveCount=2"]]
    shop open: sent m1 ack (1/0/0)
    q (0 ready): g=m1 redelivered
    "#);
}

// API reference, ChangeMessageVisibility: counts from the call; 0 shows it at once; 12 hours from the receive at most.
#[test]
fn visibility_is_changed_from_the_time_of_the_call() {
    let lines = vec![
        ("shop", vec![send("m1 m2 m3")]),
        ("c1", vec![receive("q", 3), wait(20), extend("m1", 60), nack("m2", false, true)]),
        ("c1", vec![extend("m3", 12 * 3_600)]),
        ("ops", vec![look("m2 is shown"), wait(11), look("m3 is shown"), wait(50)]),
    ];
    insta::assert_snapshot!(told(hiding(vec![standard("q")]), lines), @r#"
    m2 is shown:
    c1 open: got m1, m2, m3; holds m1, m3; polls [["m1", "m2", "m3"]]
    shop open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    q (1 ready): m1, m2 redelivered, m3
    m3 is shown:
    c1 open: got m1, m2, m3; holds m1, m3; polls [["m1", "m2", "m3"]]
    shop open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    q (2 ready): m1, m2 redelivered, m3 redelivered
    c1 open: got m1, m2, m3; holds m1, m3; polls [["m1", "m2", "m3"]]
    shop open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    q (3 ready): m1 redelivered, m2 redelivered, m3 redelivered
    "#);
}

// "Amazon SQS short and long polling".
#[test]
fn a_short_poll_returns_at_once_and_a_long_one_with_the_first_that_come() {
    let lines = vec![
        ("c1", vec![receive("q", 10), Verb::Async(Box::new(receive_for("q", 10, 20)))]),
        ("c2", vec![Verb::Async(Box::new(receive_for("q", 10, 20)))]),
        ("ops", vec![wait(5)]),
        ("shop", vec![send("m1 m2 m3")]),
        ("ops", vec![look("both are served")]),
        ("c3", vec![receive_for("q", 10, 20)]),
        ("c4", vec![receive_for("q", 10, 20)]),
    ];
    insta::assert_snapshot!(told(hiding(vec![standard("q")]), lines), @r#"
    both are served:
    c1 open: got m1; holds m1; polls [[], ["m1"]]
    c2 open: got m2; holds m2; polls [["m2"]]
    c3 closed:
    c4 closed:
    shop open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    q (1 ready): m1, m2, m3
    c1 open: got m1; holds m1; polls [[], ["m1"]]
    c2 open: got m2; holds m2; polls [["m2"]]
    c3 open: got m3; holds m3; polls [["m3"]]
    c4 open: polls [[]]
    shop open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    q (0 ready): m1, m2, m3
    "#);
}

// "FIFO queue delivery logic in Amazon SQS".
#[test]
fn a_receive_takes_one_group_and_then_others_and_the_rest_of_a_group_waits() {
    let lines = vec![
        ("shop", vec![send("a=m1 a=m2 a=m3 b=m4 b=m5")]),
        ("c1", vec![receive("q", 2)]),
        ("c2", vec![receive("q", 10)]),
        ("c3", vec![receive("q", 10)]),
        ("c1", vec![ack("m1")]),
        ("c3", vec![receive("q", 10)]),
        ("c1", vec![ack("m2")]),
        ("c3", vec![receive("q", 10)]),
    ];
    insta::assert_snapshot!(told(hiding(vec![fifo("q")]), lines), @r#"
    c1 open: got a=m1, a=m2; processed a=m1, a=m2; polls [["a=m1", "a=m2"]]
    c2 open: got b=m4, b=m5; holds b=m4, b=m5; polls [["b=m4", "b=m5"]]
    c3 open: got a=m3; holds a=m3; polls [[], [], ["a=m3"]]
    shop open: sent m1 ack, m2 ack, m3 ack, m4 ack, m5 ack (5/0/0)
    q (0 ready): a=m3, b=m4, b=m5
    "#);
}

// API reference, ReceiveMessage (`ReceiveRequestAttemptId`): the group waits until the visibility timeout is over, and the
// messages remain in order.
#[test]
fn a_group_keeps_its_order_when_a_consumer_dies_and_a_standard_queue_does_not() {
    let lines = || {
        vec![
            ("shop", vec![send("a=m1 a=m2 a=m3")]),
            ("c1", vec![receive("q", 1), Verb::Crash]),
            ("c2", vec![receive("q", 10)]),
            ("ops", vec![wait(31)]),
            ("c2", vec![receive("q", 10), ack("")]),
        ]
    };
    insta::assert_snapshot!(told(hiding(vec![fifo("q")]), lines()), @r#"
    c1 closed: got a=m1; polls [["a=m1"]]
    c2 open: got a=m1 ApproximateReceiveCount=2, a=m2, a=m3; processed a=m1, a=m2, a=m3; polls [[], ["a=m1 ApproximateReceiveCount=2", "a=m2", "a=m3"]]
    shop open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    q (0 ready):
    "#);
    insta::assert_snapshot!(told(hiding(vec![standard("q")]), lines()), @r#"
    c1 closed: got a=m1; polls [["a=m1"]]
    c2 open: got a=m2, a=m3, a=m1 ApproximateReceiveCount=2, a=m2 ApproximateReceiveCount=2, a=m3 ApproximateReceiveCount=2; processed a=m2, a=m3, a=m1, a=m2, a=m3; polls [["a=m2", "a=m3"], ["a=m1 ApproximateReceiveCount=2", "a=m2 ApproximateReceiveCount=2", "a=m3 ApproximateReceiveCount=2"]]
    shop open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    q (0 ready):
    q lost [] again ["m2 visibility_timeout", "m3 visibility_timeout"]
    "#);
}

// "Exactly-once processing in Amazon SQS"; API reference, SendMessage (`MessageDeduplicationId`).
#[test]
fn what_a_fifo_queue_was_sent_in_the_last_five_minutes_is_accepted_and_not_stored() {
    let id = |id: &str| {
        let Verb::Send { messages, to, size, .. } = send("g=m2") else { unreachable!("it sends") };
        let said = vec![Said { deduplication_id: Some(id.into()), ..Said::default() }];
        Verb::Send { messages, to, size, said }
    };
    let lines = vec![
        ("shop", vec![send("g=m1 h=m1"), id("x"), id("x"), id("y")]),
        ("c1", vec![receive("q", 10), ack("")]),
        ("ops", vec![wait(200)]),
        ("n1", vec![Verb::Crash, Verb::Restart]),
        ("shop", vec![send("g=m1")]),
        ("ops", vec![look("after a restart"), wait(101)]),
        ("shop", vec![send("g=m1")]),
        ("ops", vec![look("after five minutes")]),
    ];
    insta::assert_snapshot!(told(hiding(vec![fifo("q")]), lines), @r#"
    after a restart:
    c1 closed: got g=m1, g=m2, g=m2; processed g=m1, g=m2, g=m2; polls [["g=m1", "g=m2", "g=m2"]]
    shop open: sent m1 ack, m2 ack (6/0/0)
    q (0 ready):
    after five minutes:
    c1 closed: got g=m1, g=m2, g=m2; processed g=m1, g=m2, g=m2; polls [["g=m1", "g=m2", "g=m2"]]
    shop open: sent m1 ack, m2 ack (7/0/0)
    q (1 ready): g=m1
    c1 closed: got g=m1, g=m2, g=m2; processed g=m1, g=m2, g=m2; polls [["g=m1", "g=m2", "g=m2"]]
    shop open: sent m1 ack, m2 ack (7/0/0)
    q (1 ready): g=m1
    "#);
}

// "Using dead-letter queues in Amazon SQS": moved when it is received once more than `maxReceiveCount`; the exact order of
// a FIFO queue is broken.
#[test]
fn what_was_received_too_often_is_moved_when_it_would_be_received_again() {
    let lines = || {
        vec![
            ("shop", vec![send_to("a=m1 a=m2 b=m3", "q")]),
            ("c1", vec![receive("q", 1), wait(31), receive("q", 1), wait(31)]),
            ("ops", vec![look("received twice")]),
            ("c1", vec![receive("q", 10)]),
        ]
    };
    let queues = |queue: fn(&str) -> QueueConfig| vec![redriven(queue("q"), 2, "dead"), queue("dead")];
    insta::assert_snapshot!(told(hiding(queues(standard)), lines()), @r#"
    received twice:
    c1 open: got a=m1, a=m1 ApproximateReceiveCount=2; holds a=m1, a=m1 ApproximateReceiveCount=2; polls [["a=m1"], ["a=m1 ApproximateReceiveCount=2"]]
    shop open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    dead (0 ready):
    q (3 ready): a=m1 redelivered, a=m2, b=m3
    c1 open: got a=m1, a=m1 ApproximateReceiveCount=2, a=m2, b=m3; holds a=m1, a=m1 ApproximateReceiveCount=2, a=m2, b=m3; polls [["a=m1"], ["a=m1 ApproximateReceiveCount=2"], ["a=m2", "b=m3"]]
    shop open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    dead (1 ready): a=m1
    q (0 ready): a=m2, b=m3
    "#);
    insta::assert_snapshot!(told(hiding(queues(fifo)), lines()), @r#"
    received twice:
    c1 open: got a=m1, a=m1 ApproximateReceiveCount=2; holds a=m1, a=m1 ApproximateReceiveCount=2; polls [["a=m1"], ["a=m1 ApproximateReceiveCount=2"]]
    shop open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    dead (0 ready):
    q (3 ready): a=m1 redelivered, a=m2, b=m3
    c1 open: got a=m1, a=m1 ApproximateReceiveCount=2, a=m2, b=m3; holds a=m1, a=m1 ApproximateReceiveCount=2, a=m2, b=m3; polls [["a=m1"], ["a=m1 ApproximateReceiveCount=2"], ["a=m2", "b=m3"]]
    shop open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    dead (1 ready): a=m1
    q (0 ready): a=m2, b=m3
    "#);
}

// "Amazon SQS delay queues".
#[test]
fn in_a_delay_queue_a_message_is_hidden_at_first() {
    let mut queue = fifo("q");
    with(&mut queue, |redelivery| redelivery.delay = Span::seconds(10));
    let lines = vec![
        ("shop", vec![send("g=m1"), wait(5), send("g=m2")]),
        ("c1", vec![receive("q", 10), receive_for("q", 10, 20)]),
        ("c2", vec![receive_for("q", 10, 20)]),
        ("c1", vec![ack("m1")]),
        ("c2", vec![receive_for("q", 10, 20)]),
    ];
    insta::assert_snapshot!(told(hiding(vec![queue]), lines), @r#"
    c1 open: got g=m1; processed g=m1; polls [[], ["g=m1"]]
    c2 open: got g=m2; holds g=m2; polls [[], ["g=m2"]]
    shop open: sent m1 ack, m2 ack (2/0/0)
    q (0 ready): g=m2
    "#);
}

// API reference, DeleteMessage: messages left longer than the retention period are deleted. "Setting-up dead-letter queue
// retention in Amazon SQS": in standard queues it counts from the first queue, in FIFO queues from the move.
#[test]
fn retention_takes_what_is_too_old_whoever_works_on_it() {
    let minute = |mut queue: QueueConfig| {
        with(&mut queue, |redelivery| {
            let of = |lifetime: Lifetime| Lifetime { span: Span::seconds(60), ..lifetime };
            redelivery.lifetime = redelivery.lifetime.map(of);
        });
        queue
    };
    let lines = || {
        vec![
            ("shop", vec![send_to("a=m1 b=m2 c=m3", "q")]),
            ("c1", vec![receive("q", 3), wait(20), extend("m2", 600), extend("m3", 600), wait(11)]),
            ("c2", vec![receive("q", 1)]),
            ("ops", vec![look("m1 is moved"), wait(31), look("a minute later"), wait(30)]),
            ("c1", vec![ack("m2")]),
        ]
    };
    let queues =
        |queue: fn(&str) -> QueueConfig| vec![minute(redriven(queue("q"), 1, "dead")), minute(queue("dead"))];
    insta::assert_snapshot!(told(hiding(queues(standard)), lines()), @r#"
    m1 is moved:
    c1 open: got a=m1, b=m2, c=m3; holds a=m1, b=m2, c=m3; polls [["a=m1", "b=m2", "c=m3"]]
    c2 open: polls [[]]
    shop open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    dead (1 ready): a=m1
    q (0 ready): b=m2, c=m3
    a minute later:
    c1 open: got a=m1, b=m2, c=m3; holds a=m1, b=m2, c=m3; polls [["a=m1", "b=m2", "c=m3"]]
    c2 open: polls [[]]
    shop open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    dead (0 ready):
    q (0 ready):
    c1 open: got a=m1, b=m2, c=m3; holds a=m1, c=m3; processed b=m2; polls [["a=m1", "b=m2", "c=m3"]]
    c2 open: polls [[]]
    shop open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    dead (0 ready):
    q (0 ready):
    dead lost ["m1 retention"] again []
    "#);
    insta::assert_snapshot!(told(hiding(queues(fifo)), lines()), @r#"
    m1 is moved:
    c1 open: got a=m1, b=m2, c=m3; holds a=m1, b=m2, c=m3; polls [["a=m1", "b=m2", "c=m3"]]
    c2 open: polls [[]]
    shop open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    dead (1 ready): a=m1
    q (0 ready): b=m2, c=m3
    a minute later:
    c1 open: got a=m1, b=m2, c=m3; holds a=m1, b=m2, c=m3; polls [["a=m1", "b=m2", "c=m3"]]
    c2 open: polls [[]]
    shop open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    dead (1 ready): a=m1
    q (0 ready):
    c1 open: got a=m1, b=m2, c=m3; holds a=m1, c=m3; processed b=m2; polls [["a=m1", "b=m2", "c=m3"]]
    c2 open: polls [[]]
    shop open: sent m1 ack, m2 ack, m3 ack (3/0/0)
    dead (0 ready):
    q (0 ready):
    dead lost ["m1 retention"] again []
    "#);
}

// "Amazon SQS standard queue quotas", "Amazon SQS FIFO queue quotas": messages in flight. "Amazon SQS message quotas":
// MaximumMessageSize.
#[test]
fn so_many_messages_are_in_flight_and_what_is_too_large_is_refused() {
    let mut queue = QueueConfig { size_max: Some(1024), ..standard("q") };
    with(&mut queue, |redelivery| redelivery.window = Some(2));
    let large = |messages: &str| {
        let Verb::Send { messages, to, said, .. } = send(messages) else { unreachable!("it sends") };
        Verb::Send { messages, to, size: 1025, said }
    };
    let lines = vec![
        ("shop", vec![send("m1 m2 m3"), large("m4")]),
        ("c1", vec![receive("q", 10), receive("q", 10), ack("m1"), receive("q", 10)]),
        ("ops", vec![wait(31)]),
        ("c2", vec![receive("q", 10), receive("q", 10)]),
    ];
    insta::assert_snapshot!(told(hiding(vec![queue]), lines), @r#"
    c1 open: got m1, m2, m3; holds m2, m3; processed m1; polls [["m1", "m2"], [], ["m3"]]
    c2 open: got m2 ApproximateReceiveCount=2, m3 ApproximateReceiveCount=2; holds m2 ApproximateReceiveCount=2, m3 ApproximateReceiveCount=2; polls [["m2 ApproximateReceiveCount=2", "m3 ApproximateReceiveCount=2"], []]
    shop open: sent m1 ack, m2 ack, m3 ack, m4 InvalidParameterValue (3/1/0)
    q (0 ready): m2 redelivered, m3 redelivered
    "#);
}

#[test]
fn a_time_when_the_service_is_away_changes_nothing_of_what_it_keeps() {
    let lines = vec![
        ("shop", vec![send("a=m1 a=m2 b=m3")]),
        ("c1", vec![receive("q", 1), wait(20)]),
        ("n1", vec![Verb::Crash, Verb::Restart]),
        ("c2", vec![receive("q", 10)]),
        ("ops", vec![wait(11), look("m1 is shown again")]),
        ("c2", vec![ack("m3"), receive("q", 10)]),
        ("ops", vec![wait(31)]),
        ("n1", vec![Verb::Crash, wait(5), Verb::Restart]),
        ("c2", vec![receive("q", 10), ack("")]),
    ];
    insta::assert_snapshot!(told(hiding(vec![fifo("q")]), lines), @r#"
    m1 is shown again:
    c1 closed: got a=m1; holds a=m1; polls [["a=m1"]]
    c2 open: got b=m3; holds b=m3; polls [["b=m3"]]
    shop closed: sent m1 ack, m2 ack, m3 ack (3/0/0)
    q (2 ready): a=m1 redelivered, a=m2, b=m3
    c1 closed: got a=m1; holds a=m1; polls [["a=m1"]]
    c2 open: got b=m3, a=m1 ApproximateReceiveCount=2, a=m2, a=m1 ApproximateReceiveCount=3, a=m2 ApproximateReceiveCount=2; processed b=m3, a=m1, a=m2, a=m1, a=m2; polls [["b=m3"], ["a=m1 ApproximateReceiveCount=2", "a=m2"], ["a=m1 ApproximateReceiveCount=3", "a=m2 ApproximateReceiveCount=2"]]
    shop closed: sent m1 ack, m2 ack, m3 ack (3/0/0)
    q (0 ready):
    q lost [] again ["m1 visibility_timeout", "m2 visibility_timeout"]
    "#);
}
