//! What Mosquitto would refuse, and what of it is not modelled.

use redeliver_scenarios::{Options, read};

fn messages(text: &str) -> String {
    match read("mosquitto.ron", text, &Options::default()) {
        Ok(_) => "accepted".into(),
        Err(report) => report.diagnostics.iter().map(|d| d.message.clone()).collect::<Vec<_>>().join("; "),
    }
}

/// A broker and a story.
fn told(design: &str, script: &str) -> String {
    messages(&format!(
        "(format: 1, title: \"Told\", designs: {{\"m\": Mosquitto({design})}}, \
         script: [(\"p\", Wait(\"1s\")), {script}])"
    ))
}

/// Consumers of the topic `orders`, and a design.
fn loaded(consumers: &str, design: &str) -> String {
    messages(&format!(
        "(format: 1, title: \"Loaded\", producers: {{\"shop\": (publish: \"orders\", schedule: Every(\"1s\"), count: 1)}}, \
         consumers: {{{consumers}}}, designs: {{\"m\": Mosquitto(version: \"2.0.11\", {design})}})"
    ))
}

#[test]
fn settings_are_those_of_mosquitto_conf_and_of_mqtt() {
    let all = [
        told(r#"version: "2.0.11""#, ""),
        told(r#"version: "1.6.9""#, ""),
        told(r#"version: "2.0.11", config: {"max_queued_message": 3}"#, ""),
        told(r#"version: "2.0.11", config: {"autosave_on_changes": true}"#, ""),
        told(r#"version: "2.0.11", config: {"persistence": "yes"}"#, ""),
        told(r#"version: "2.0.11", config: {"autosave_interval": 60}"#, ""),
        told(r#"version: "2.0.11", config: {"max_inflight_messages": 65536}"#, ""),
        told(r#"version: "2.0.11", clients: {"p": (config: {"qos": 3})}"#, ""),
        told(r#"version: "2.0.11", clients: {"p": (config: {"will": "gone"})}"#, ""),
        told(r#"version: "2.0.11", clients: {"q": (config: {"qos": 1})}"#, ""),
        loaded(r#""c": (read: "orders", members: 2)"#, r#"clients: {"c/*": (ack: BeforeWork)}"#),
        loaded(r#""c": (read: "orders")"#, r#"clients: {"c/*": (ack: Auto)}"#),
        loaded(r#""c": (read: "orders")"#, r#"clients: {"c/*": (ack: TwoPhaseCommit)}"#),
        loaded(r#""c": (read: "orders/#")"#, ""),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    accepted
    the defaults of Mosquitto "1.6.9" are not known
    `max_queued_message` is no setting of Mosquitto's configuration
    `autosave_on_changes` is a setting of Mosquitto's configuration, but it is not modelled yet
    `persistence` must be true or false, not "yes"
    `autosave_interval` says nothing without `persistence`
    `max_inflight_messages` must be a whole number from 0 to 65535, not 65536
    `qos` must be a whole number from 0 to 2, not 3
    `will` is a setting of a client of MQTT, but it is not modelled yet
    `q` matches no client
    accepted
    MQTT has no `ack: Auto`
    MQTT takes part in no two-phase commit
    nobody publishes to `orders/#`
    "#);
}

// MQTT 3.1.1, 4.7.1, 3.3.2.1: wildcards.
#[test]
fn topics_and_filters_are_those_that_mqtt_allows() {
    let broker = r#"version: "2.0.11""#;
    let all = [
        told(broker, r#"("s", Consume("a/+/c")), ("p", Send("m1", "a/b/c"))"#),
        told(
            broker,
            r#"("s", Consume("$share/g/#", {"qos": 2})), ("p", Send("m1", "a", {"qos": 0, "retain": true}))"#,
        ),
        told(broker, r#"("s", Consume("a/#/c"))"#),
        told(broker, r##"("s", Consume("a#"))"##),
        told(broker, r#"("s", Consume("$share/g"))"#),
        told(broker, r#"("s", Consume("a/+")), ("p", Send("m1", "a/+"))"#),
        told(broker, r#"("p", Send("m1"), Send("m2", "a"), Send("m3", "b"))"#),
        told(broker, r#"("s", Consume("a", {"qos": 3}))"#),
        told(broker, r#"("s", Consume("a"), Nack("m1"))"#),
        told(broker, r#"("s", Consume("a"), Cancel)"#),
        told(broker, r#"("p", Send("m1", "a", {"priority": 3}))"#),
    ];
    insta::assert_snapshot!(all.join("\n"), @"
    accepted
    accepted
    `a/#/c` is no topic filter
    `a#` is no topic filter
    `$share/g` is no topic filter
    `a/+` is no topic to publish to
    `Send` does not say its topic
    `qos` must be a whole number from 0 to 2, not 3
    this design has no verb `Nack`
    this design has no verb `Cancel`
    this design has no setting `priority`
    ");
}

#[test]
fn a_load_publishes_to_topics_and_to_no_filters() {
    let to = |topic: &str| {
        messages(&format!(
            "(format: 1, title: \"Loaded\", producers: {{\"shop\": (publish: \"{topic}\", schedule: Every(\"1s\"), count: 1)}}, \
             designs: {{\"m\": Mosquitto(version: \"2.0.11\")}})"
        ))
    };
    let all = ["a/b", "/", "a/+", "#", "", "$SYS/x", "$share/g/a"].map(to);
    insta::assert_snapshot!(all.join("\n"), @"
    accepted
    accepted
    `a/+` is no topic to publish to
    `#` is no topic to publish to
    `` is no topic to publish to
    `$SYS/x` is no topic to publish to
    `$share/g/a` is no topic to publish to
    ");
}

#[test]
fn sessions_are_given_what_comes_and_clients_are_no_brokers() {
    let broker = r#"version: "2.0.11""#;
    let all = [
        told(broker, r#"("s", Consume("a"), Poll(from: "a"))"#),
        told(broker, r#"("mosquitto", Consume("a"))"#),
        told(broker, r#"("s", Consume("a")), ("mosquitto", Crash, Restart)"#),
        told(broker, r#"("s", Consume("a")), ("mosquitto", Crash, Send("m", "a"))"#),
        told(broker, r#"("s", Consume())"#),
        told(r#"version: "2.0.11", clients: {"s": (config: {"qos": 1.0})}"#, r#"("s", Consume("a"))"#),
        told(r#"version: "2.0.""#, r#"("s", Consume("a"))"#),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    this design has no verb `Poll`
    `mosquitto` is a broker's node: it cannot be a client, too
    accepted
    `mosquitto` is a node, and no client: it has no verb `Send`
    a value is missing: there are 0
    `qos` must be a whole number from 0 to 2, not 1.0
    the defaults of Mosquitto "2.0." are not known
    "#);
}

#[test]
fn members_of_one_subscription_may_be_many() {
    let of = |members: u32| loaded(&format!(r#""c": (read: "orders", members: {members})"#), "");
    assert_eq!(of(10_000), "accepted");
    let many = (0..1_001).map(|n| format!(r#""c{n}": (read: "orders")"#)).collect::<Vec<_>>().join(", ");
    assert_eq!(loaded(&many, ""), "1001 subscriptions in this design: there may be 1000 at most");
}

#[test]
fn a_setting_that_is_not_modelled_is_not_suggested() {
    let text = r#"(format: 1, title: "Told", designs: {"m": Mosquitto(version: "2.0.11", config: {"max_inflight": 5})},
        script: [("p", Wait("1s"))])"#;
    let report = read("told.ron", text, &Options::default()).expect_err("there is no such setting");
    let hints: Vec<Option<&str>> = report.diagnostics.iter().map(|found| found.hint.as_deref()).collect();
    assert_eq!(hints, [Some("did you mean `max_inflight_messages`?")]);
}
