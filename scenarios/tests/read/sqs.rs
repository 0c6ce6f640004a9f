//! What Amazon SQS would refuse, and what of it is not modelled.

use redeliver_scenarios::{Options, read};

fn messages(text: &str) -> String {
    match read("sqs.ron", text, &Options::default()) {
        Ok(_) => "accepted".into(),
        Err(report) => report.diagnostics.iter().map(|d| d.message.clone()).collect::<Vec<_>>().join("; "),
    }
}

/// Queues and a story.
fn told(queues: &str, script: &str) -> String {
    messages(&format!(
        "(format: 1, title: \"Told\", designs: {{\"sqs\": Sqs(queues: {{{queues}}})}}, \
         script: [(\"p\", Wait(\"1s\")), {script}])"
    ))
}

/// Consumers of the topic `orders`, and a design.
fn loaded(key: &str, consumers: &str, design: &str) -> String {
    messages(&format!(
        "(format: 1, title: \"Loaded\", producers: {{\"shop\": (publish: \"orders\", schedule: Every(\"1s\"), count: 1{key})}}, \
         consumers: {{{consumers}}}, designs: {{\"sqs\": Sqs({design})}})"
    ))
}

// API reference, SetQueueAttributes: the range of each attribute. "Using dead-letter queues in Amazon SQS": of one kind.
#[test]
fn attributes_keep_to_their_ranges_and_dead_letter_queues_are_of_one_kind() {
    let all = [
        told(r#""q": {"VisibilityTimeout": 43200, "DelaySeconds": 900}"#, ""),
        told(r#""q": {"VisibilityTimeout": 43201}"#, ""),
        told(r#""q": {"MessageRetentionPeriod": 59}"#, ""),
        told(r#""q": {"DelaySeconds": 901}"#, ""),
        told(r#""q": {"ReceiveMessageWaitTimeSeconds": 21}"#, ""),
        told(r#""q": {"MaximumMessageSize": 1023}"#, ""),
        told(r#""q": {"MaximumMessageSize": "1 MiB"}"#, ""),
        told(r#""q": {"DeduplicationScope": "messageGroup"}"#, ""),
        told(r#""q": {"Visibility": 3}"#, ""),
        told(r#""q": {"ContentBasedDeduplication": true}"#, ""),
        told(r#""q": {"RedrivePolicy": "q"}"#, ""),
        told(r#""q": {"RedrivePolicy": {"maxReceiveCount": 3}}"#, ""),
        told(
            r#""q": {"RedrivePolicy": {"deadLetterTargetArn": "dead", "maxReceiveCount": 1001}}, "dead": {}"#,
            "",
        ),
        told(r#""q": {"RedrivePolicy": {"deadLetterTargetArn": "dead"}}"#, ""),
        told(r#""q": {"FifoQueue": true, "RedrivePolicy": {"deadLetterTargetArn": "dead"}}, "dead": {}"#, ""),
        told(r#""q": {"RedrivePolicy": {"deadLetterTargetArn": "q"}}"#, ""),
        told(
            r#""q": {"RedrivePolicy": {"deadLetterTargetArn": "a:b:r"}}, "r": {"RedrivePolicy": {"deadLetterTargetArn": "q"}}"#,
            "",
        ),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    accepted
    `VisibilityTimeout` must be a whole number from 0 to 43200, not 43201
    `MessageRetentionPeriod` must be a whole number from 60 to 1209600, not 59
    `DelaySeconds` must be a whole number from 0 to 900, not 901
    `ReceiveMessageWaitTimeSeconds` must be a whole number from 0 to 20, not 21
    `MaximumMessageSize` must be a whole number from 1024 to 1048576, not 1023
    `MaximumMessageSize` must be a whole number from 1024 to 1048576, not "1 MiB"
    `DeduplicationScope` is a setting of a queue of SQS, but it is not modelled yet
    `Visibility` is no setting of a queue of SQS
    only a FIFO queue knows what it was sent before
    `RedrivePolicy` must be settings in braces, not "q"
    a redrive policy says where messages go
    `maxReceiveCount` must be a whole number from 1 to 1000, not 1001
    there is no queue `dead` for dead letters
    `q` is a FIFO queue, and its dead-letter queue a standard one
    dead letters of `q` lead back to it
    dead letters of `q` lead back to it; dead letters of `r` lead back to it
    "#);
}

// API reference, SendMessage and ReceiveMessage.
#[test]
fn a_story_does_what_sqs_has_an_action_for() {
    let fifo = r#""q": {"FifoQueue": true}"#;
    let all = [
        told(
            r#""q": {}"#,
            r#"("p", Send("m1", "q"), Poll(from: "q", n: 10, wait: "20s"), Extend("m1", {"VisibilityTimeout": 0}))"#,
        ),
        told(r#""q": {}"#, r#"("p", Send("m1", "r"))"#),
        told(r#""q": {}"#, r#"("p", Consume("q"))"#),
        told(r#""q": {}"#, r#"("p", PollAll(from: "q"))"#),
        told(r#""q": {}"#, r#"("p", Poll(from: "q", n: 11))"#),
        told(r#""q": {}"#, r#"("p", Poll(from: "q", wait: "21s"))"#),
        told(r#""q": {}"#, r#"("p", Extend("m1", {"VisibilityTimeout": 43201}))"#),
        told(r#""q": {}"#, r#"("p", Ack("m1", {"multiple": true}))"#),
        told(r#""q": {}"#, r#"("p", Reject("m1", {"requeue": false}))"#),
        told(r#""q": {}"#, r#"("p", Send("m1", "q", {"priority": 3}))"#),
        told(fifo, r#"("p", Send("m1", "q", {"MessageDeduplicationId": "a"}))"#),
        told(fifo, r#"("p", Send("g=m1", "q"))"#),
        told(fifo, r#"("p", Send("g=m1", "q", {"MessageDeduplicationId": "a"}))"#),
        told(r#""q": {"FifoQueue": true, "ContentBasedDeduplication": true}"#, r#"("p", Send("g=m1", "q"))"#),
    ];
    insta::assert_snapshot!(all.join("\n"), @"
    accepted
    design `sqs` has no queue `r`
    this design has no verb `Consume`
    this design has no verb `PollAll`
    SQS does not have a receive for more than 10 messages
    SQS does not have a receive that waits for longer than 20 s
    `VisibilityTimeout` must be a whole number from 0 to 43200, not 43201
    this design has no setting `multiple`
    SQS does not have a way to reject a message
    this design has no setting `priority`
    `m1` has no group: `q` is a FIFO queue
    a message without an id is sent to the FIFO queue `q`
    accepted
    accepted
    ");
}

// A message is in one queue; API reference, SendMessage: a FIFO queue wants a group, and an id.
#[test]
fn a_load_sends_what_a_queue_takes_and_each_message_to_one_queue() {
    let one = r#""stock": (read: "orders")"#;
    let key = ", key: Uniform(3)";
    let fifo = r#"queues: {"stock": {"FifoQueue": true}}"#;
    let all = [
        loaded("", one, ""),
        loaded("", r#""stock": (read: "orders"), "bills": (read: "orders")"#, ""),
        loaded("", one, r#"queues: {"orders": {}}"#),
        loaded(
            "",
            r#""stock": (read: "orders"), "dead": (read: "dead")"#,
            r#"queues: {"stock": {"RedrivePolicy": {"deadLetterTargetArn": "dead"}}, "dead": {}}"#,
        ),
        loaded("", r#""stock": (read: "order")"#, ""),
        loaded("", r#""stock": (read: "orders"), "dead": (read: "dead")"#, r#"queues: {"dead": {}}"#),
        loaded(
            "",
            r#""orders": (read: "dead")"#,
            r#"queues: {"stock": {"RedrivePolicy": {"deadLetterTargetArn": "dead"}}, "dead": {}}"#,
        ),
        loaded("", one, fifo),
        loaded(key, one, fifo),
        loaded(
            key,
            one,
            r#"queues: {"stock": {"FifoQueue": true}}, clients: {"shop/*": (message_ids: false)}"#,
        ),
        loaded("", one, "in_flight_max: 0"),
        loaded("", one, r#"clients: {"stock/*": (poll_pause: "0s")}"#),
        loaded("", one, r#"clients: {"stock/*": (extend_every: "0s")}"#),
        loaded("", one, r#"clients: {"stock/*": (config: {"MaxNumberOfMessages": 11})}"#),
        loaded("", one, r#"clients: {"stock/*": (config: {"VisibilityTimeout": 5})}"#),
    ];
    insta::assert_snapshot!(all.join("\n"), @"
    accepted
    `stock` and `bills` read the same: a message of SQS is in one queue
    the subscription of the queue `orders` has its name, `orders`
    accepted
    nobody publishes to `order`
    nothing that is published reaches the queue `dead`
    `orders` is a topic, and a subscription that reads something else; nobody publishes to `dead`; the subscription of the queue `dead` has its name, `dead`
    messages of `shop` have no group: `stock` is a FIFO queue
    accepted
    messages of `shop` have no id: `stock` is a FIFO queue
    `in_flight_max` of 0 lets nobody receive anything
    `poll_pause` must be above zero: polls would never end
    `extend_every` must be above zero
    `MaxNumberOfMessages` must be a whole number from 1 to 10, not 11
    `VisibilityTimeout` is a setting of a client of SQS, but it is not modelled yet
    ");
}
