//! Designs with settings drawn at random: the kind, then the settings.

use proptest::prelude::*;
use proptest::sample::select;

/// `name: one of these`, or nothing.
fn setting(name: &'static str, values: &[&'static str]) -> impl Strategy<Value = Option<String>> {
    prop::option::of(select(values.to_vec())).prop_map(move |value| value.map(|v| format!("{name}: {v}")))
}

fn design(
    kind: &'static str,
    settings: impl Strategy<Value = Vec<Option<String>>> + 'static,
) -> BoxedStrategy<Vec<String>> {
    let named = settings.prop_map(move |settings| {
        std::iter::once(kind.to_string()).chain(settings.into_iter().flatten()).collect()
    });
    // All together they would not fit on the stack of a test.
    named.boxed()
}

/// Nothing, where a limit is not wanted.
fn limit(wanted: bool, name: &'static str, values: &[&'static str]) -> impl Strategy<Value = Option<String>> {
    setting(name, values).prop_map(move |setting| setting.filter(|_| wanted))
}

pub(super) fn queue(limits: bool) -> impl Strategy<Value = Vec<String>> {
    let carrier = select(vec![
        None,
        Some("redeliver_after: \"100ms\""),
        Some("transport: Datagrams, redeliver_after: \"100ms\""),
        Some("transport: Datagrams, redeliver_after: \"1s\""),
    ])
    .prop_map(|carrier| carrier.map(String::from));
    let consuming = (
        setting("prefetch", &["1", "3"]),
        setting("ack", &["Auto", "BeforeWork", "TwoPhaseCommit", "TwoPhaseCommit"]),
        setting("delivery_limit", &["0", "2"]),
        carrier,
        setting("reconnect_after", &["\"1ms\""]),
        setting("poll_pause", &["\"1ms\"", "\"exp(30ms)\""]),
    );
    let publishing = (
        setting("confirms", &["false"]),
        setting("window", &["1", "3"]),
        setting("confirm_timeout", &["\"50ms\""]),
        setting("retries", &["0", "2"]),
    );
    let keeping = (
        setting("durable", &["false"]),
        prop_oneof![setting("persistent", &["false"]), setting("confirm_after", &["Written"])],
        limit(limits, "max_length", &["0", "1", "5"]),
        setting("overflow", &["RejectPublish"]),
        limit(limits, "message_ttl", &["\"0s\"", "\"20ms\"", "\"200ms\""]),
    );
    let all = (consuming, publishing, keeping)
        .prop_map(|(mut c, p, k)| {
            if c.3.as_ref().is_some_and(|carrier| carrier.contains("Datagrams")) {
                c.1 = c.1.filter(|ack| !ack.contains("TwoPhaseCommit"));
                (c.4, c.5) = (None, None);
            }
            // It is given one at a time anyway.
            c.0 = c.0.filter(|_| c.5.is_none());
            (c, p, k)
        })
        .prop_map(|(c, p, k)| {
            vec![c.0, c.1, c.2, c.3, c.4, c.5, p.0, p.1, p.2, p.3, k.0, k.1, k.2, k.3, k.4]
        });
    design("Queue", all)
}

/// Two queues of RabbitMQ, for the subscriptions that there may be. Without limits no message is given up.
pub(super) fn rabbitmq(limits: bool) -> impl Strategy<Value = Vec<String>> {
    let kept = vec![
        ("3.10.8", ""),
        ("4.0.5", ""),
        ("3.10.8", r#""x-queue-type": "quorum""#),
        ("4.0.5", r#""x-queue-type": "quorum", "x-delivery-limit": -1"#),
    ];
    let given_up = vec![
        ("3.10.8", r#""x-queue-type": "quorum", "x-delivery-limit": -1"#),
        ("3.10.8", r#""x-queue-type": "quorum", "x-delivery-limit": 2"#),
        ("4.0.5", r#""x-queue-type": "quorum""#),
        ("4.0.5", r#""x-queue-type": "quorum", "x-delivery-limit": 1"#),
    ];
    let kinds = if limits { [kept, given_up].concat() } else { kept };
    let alone = select(vec!["", r#""x-single-active-consumer": true"#]);
    let timeout = vec![
        "",
        r#""consumer_timeout": 20, "channel_tick_interval": 5"#,
        // With little credit a stalled disk holds up publishers at once.
        r#""credit_flow_default_credit": [1, 1], "quorum_commands_soft_limit": 1"#,
        r#""credit_flow_default_credit": [2, 1], "queue_index_embed_msgs_below": 0, "msg_store_credit_disc_bound": [1, 1]"#,
    ];
    let taking = taking();
    let all = (select(kinds), alone, select(timeout), taking, any::<bool>()).prop_map(
        |((version, kind), alone, timeout, taking, first)| {
            let arguments = [kind, alone].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
            let queue = format!("{{{}}}", arguments.join(", "));
            // A consumer's priority; with a single active consumer a quorum queue heeds none yet.
            let first =
                if first && alone.is_empty() { r#""c/1": (config: {"x-priority": 1}), "# } else { "" };
            // Such a quorum queue takes no gets.
            let taking = if alone.is_empty() || kind.is_empty() { taking } else { "" };
            vec![
                Some(format!("version: \"{version}\"")),
                Some(format!("queues: {{\"c\": {queue}, \"d\": {queue}}}")),
                Some(format!("config: {{{timeout}}}")),
                Some(format!("clients: {{{first}\"*\": ({taking})}}")),
            ]
        },
    );
    design("RabbitMQ", all)
}

/// How RabbitMQ's consumers come by their messages.
fn taking() -> impl Strategy<Value = &'static str> {
    select(vec![
        "",
        r#"config: {"prefetch_count": 1}"#,
        r#"config: {"prefetch_count": 3}"#,
        r#"poll_pause: "5ms""#,
        r#"poll_pause: "exp(30ms)""#,
    ])
}

fn log(limits: bool) -> impl Strategy<Value = Vec<String>> {
    let session = select(vec![None, Some("session_timeout: \"500ms\", heartbeat: \"100ms\"")])
        .prop_map(|session| session.map(String::from));
    let consuming = (
        setting("commit", &["BeforeWork", "Every(\"100ms\")"]),
        setting("max_poll_records", &["1", "5"]),
        setting("fetch_wait", &["\"10ms\""]),
        setting("offset_reset", &["Earliest", "None"]),
        session,
    );
    let publishing = (
        setting("acks", &["None", "Leader", "Synced"]),
        setting("window", &["1", "3"]),
        setting("request_timeout", &["\"50ms\""]),
        setting("retries", &["0", "2"]),
        setting("reconnect_after", &["\"1ms\""]),
    );
    let keeping = (
        setting("partitions", &["2", "5"]),
        setting("segment_bytes", &["\"2 kB\"", "\"10 kB\""]),
        limit(limits, "retention_bytes", &["\"4 kB\""]),
        limit(limits, "retention_age", &["\"50ms\"", "\"500ms\""]),
        limit(limits, "retention_check", &["\"0s\"", "\"20ms\""]),
        setting("when_full", &["DeleteOldest"]),
    );
    let all = (consuming, publishing, keeping).prop_map(|(c, p, k)| {
        vec![c.0, c.1, c.2, c.3, c.4, p.0, p.1, p.2, p.3, p.4, k.0, k.1, k.2, k.3, k.4, k.5]
    });
    design("Log", all)
}

pub(super) fn designs(limits: bool) -> impl Strategy<Value = Vec<String>> {
    prop_oneof![
        queue(limits).boxed(),
        rabbit(limits).boxed(),
        rabbitmq(limits).boxed(),
        nats(limits).boxed(),
        sqs(limits),
        redis(limits).boxed(),
        mosquitto(limits),
        log(limits).boxed(),
        udp(limits).boxed(),
        webhook(limits).boxed()
    ]
}

/// One of these entries, with a comma behind it, or nothing.
fn entry(values: &[&'static str]) -> impl Strategy<Value = String> + use<> {
    let values: Vec<String> = values.iter().map(|value| format!("{value}, ")).collect();
    prop::option::of(select(values)).prop_map(Option::unwrap_or_default)
}

/// A stream of NATS, and a consumer of it for each subscription that there may be.
pub(super) fn nats(limits: bool) -> impl Strategy<Value = Vec<String>> {
    let only_if = move |text: String| if limits { text } else { String::new() };
    let stream = (
        entry(&[r#""storage": "memory""#]),
        entry(&[r#""retention": "interest""#, r#""retention": "workqueue""#]),
        entry(&[r#""max_msgs": 1"#, r#""max_msgs": 5"#, r#""max_bytes": 3500"#]).prop_map(only_if),
        entry(&[r#""discard": "new""#]),
        entry(&[r#""max_age": "30ms""#, r#""max_age": "300ms""#]).prop_map(only_if),
        entry(&[r#""duplicate_window": "20ms""#]),
    );
    let stream = stream.prop_map(|(a, b, c, d, e, f)| format!("{a}{b}{c}{d}{e}{f}"));
    let consumer = || {
        let pushed = [
            r#""deliver_subject": "x", "deliver_group": "g""#,
            r#""deliver_subject": "x", "deliver_group": "g", "ack_policy": "none""#,
        ];
        let all = (
            entry(&[r#""ack_wait": "20ms""#, r#""ack_wait": "200ms""#, r#""backoff": ["10ms", "50ms"]"#]),
            entry(&[r#""max_deliver": 2"#, r#""max_deliver": 3"#]).prop_map(only_if),
            entry(&[r#""max_ack_pending": 1"#, r#""max_ack_pending": 3"#, r#""max_ack_pending": -1"#]),
            if limits { entry(&pushed).boxed() } else { entry(&pushed[..1]).boxed() },
        );
        all.prop_map(|(a, b, c, d)| format!("{{\"stream\": \"S\", {a}{b}{c}{d}}}"))
    };
    let client = (
        entry(&["ack: BeforeWork"]),
        entry(&["extend_every: \"10ms\""]),
        entry(&["confirms: false"]),
        entry(&["message_ids: true"]),
        entry(&["confirm_timeout: \"50ms\"", "window: 1", "retries: 0"]),
        entry(&[r#"config: {"batch": 5}"#, r#"config: {"batch": 2, "expires": "50ms"}"#]),
    );
    let client = client.prop_map(|(a, b, c, d, e, f)| format!("{a}{b}{c}{d}{e}{f}"));
    let all = (stream, consumer(), consumer(), client).prop_map(|(stream, c, d, client)| {
        // A work queue has one reader, and where nothing may be lost nobody reads nothing.
        let d = if stream.contains("workqueue") { String::new() } else { format!(", \"d\": {d}") };
        let c = if stream.contains("workqueue") { c.replace(r#", "ack_policy": "none""#, "") } else { c };
        vec![
            Some("version: \"2.9.10\"".into()),
            Some(format!("streams: {{\"S\": {{\"subjects\": [\"t\"], {stream}}}}}")),
            Some(format!("consumers: {{\"c\": {c}{d}}}")),
            Some(format!("clients: {{\"*\": ({client})}}")),
        ]
    });
    design("Nats", all)
}

/// A queue of Amazon SQS for one consumer, and one for its dead letters. Without limits no message is given up.
pub(super) fn sqs(limits: bool) -> BoxedStrategy<Vec<String>> {
    let only_if = move |text: String| if limits { text } else { String::new() };
    let redrive =
        |n: u32| format!(r#""RedrivePolicy": {{"deadLetterTargetArn": "dead", "maxReceiveCount": {n}}}, "#);
    let queue = (
        prop_oneof![1 => Just(""), 2 => Just(r#""FifoQueue": true, "#)],
        any::<bool>(),
        entry(&[r#""VisibilityTimeout": 0"#, r#""VisibilityTimeout": 1"#, r#""VisibilityTimeout": 1"#]),
        entry(&[r#""DelaySeconds": 1"#]),
        entry(&[r#""ReceiveMessageWaitTimeSeconds": 1"#, r#""ReceiveMessageWaitTimeSeconds": 20"#]),
        entry(&[r#""MaximumMessageSize": 1024"#]).prop_map(only_if),
        select(vec![String::new(), redrive(1), redrive(2)]).prop_map(only_if),
        entry(&[r#""MessageRetentionPeriod": 60"#]).prop_map(only_if),
    );
    let client = (
        entry(&["extend_every: \"500ms\"", "extend_every: \"10ms\""]),
        entry(&["returns: AtOnce"]),
        entry(&["poll_pause: \"10ms\"", "poll_pause: \"1s\""]),
        entry(&["message_ids: false"]),
        entry(&["confirm_timeout: \"50ms\"", "window: 1", "retries: 0"]),
        entry(&[
            r#"config: {"MaxNumberOfMessages": 10}"#,
            r#"config: {"MaxNumberOfMessages": 3, "WaitTimeSeconds": 2}"#,
        ]),
    );
    let in_flight = select(vec!["", "in_flight_max: 1", "in_flight_max: 3"]);
    (queue, client, in_flight)
        .prop_map(|(queue, client, in_flight)| {
            let (fifo, content, visibility, delay, wait, size, redrive, retention) = queue;
            let (extend, returns, pause, ids, confirm, receive) = client;
            // A FIFO queue wants ids of one sort or the other.
            let content =
                if fifo.is_empty() || !content { "" } else { r#""ContentBasedDeduplication": true, "# };
            let ids = if fifo.is_empty() || !content.is_empty() { ids } else { String::new() };
            let queue = format!("{fifo}{content}{visibility}{delay}{wait}{size}{redrive}{retention}");
            vec![
                "Sqs".into(),
                format!("queues: {{\"c\": {{{queue}}}, \"dead\": {{{fifo}{delay}{retention}}}}}"),
                format!("clients: {{\"*\": ({extend}{returns}{pause}{ids}{confirm}{receive})}}"),
            ]
            .into_iter()
            .chain((!in_flight.is_empty()).then(|| in_flight.into()))
            .collect()
        })
        .boxed()
}

/// A stream of Redis, and a group for each subscription.
pub(super) fn redis(limits: bool) -> impl Strategy<Value = Vec<String>> {
    let kept = entry(&[
        r#""appendonly": "yes""#,
        r#""appendonly": "yes", "appendfsync": "always""#,
        r#""appendonly": "yes", "appendfsync": "no""#,
        r#""save": "1 1""#,
        r#""save": "1 30""#,
        r#""save": """#,
    ]);
    let nodes = entry(&[r#""stream-node-max-entries": 3"#, r#""stream-node-max-bytes": 2500"#]);
    let groups = entry(&[r#""c": "t@$""#, r#""c": "t@0", "d": "t@$""#]);
    let asks = (
        entry(&[r#""COUNT": 1"#, r#""COUNT": 3"#]),
        entry(&[r#""BLOCK": 20"#, r#""BLOCK": 0"#]),
        entry(&[r#""MAXLEN": 1"#, r#""MAXLEN": "~ 3""#, r#""MAXLEN": "~ 20""#])
            .prop_map(move |text| if limits { text } else { String::new() }),
        entry(&[r#""min-idle-time": 0"#, r#""min-idle-time": 30"#]),
    );
    let client = (
        entry(&["ack: BeforeWork", "ack: Auto"]),
        entry(&["rereads: false"]),
        entry(&["confirms: false"]),
        entry(&["confirm_timeout: \"50ms\"", "window: 1", "retries: 0"]),
        entry(&["claim_every: \"10ms\"", "claim_every: \"100ms\""]),
    );
    let all = (kept, nodes, groups, asks, client).prop_map(|(kept, nodes, groups, asks, client)| {
        let (count, block, length, idle) = asks;
        let (ack, rereads, confirms, publisher, claims) = client;
        // XAUTOCLAIM has no default for how long others have to be idle.
        let claims = if idle.is_empty() { String::new() } else { claims };
        vec![
            Some("version: \"7.0.15\"".into()),
            Some(format!("config: {{{kept}{nodes}}}")),
            Some(format!("groups: {{{groups}}}")),
            Some(format!(
                "clients: {{\"*\": ({ack}{rereads}{confirms}{publisher}{claims}config: {{{count}{block}{length}{idle}}})}}"
            )),
        ]
    });
    design("Redis", all)
}

/// Sessions of MQTT.
pub(super) fn mosquitto(limits: bool) -> BoxedStrategy<Vec<String>> {
    let kept = entry(&[
        r#""persistence": true"#,
        r#""persistence": true, "autosave_interval": 1"#,
        r#""persistence": true, "autosave_interval": 0"#,
    ]);
    let under_way = entry(&[r#""max_inflight_messages": 1"#, r#""max_inflight_messages": 0"#]);
    let waits = entry(&[
        r#""max_queued_messages": 1"#,
        r#""max_queued_messages": 5"#,
        r#""max_queued_messages": 0, "max_queued_bytes": 2500"#,
    ])
    .prop_map(move |text| if limits { text } else { String::new() });
    let at_0 = entry(&[r#""queue_qos0_messages": true"#]);
    let client = (
        entry(&["ack: BeforeWork"]),
        entry(&["reconnect_after: \"20ms\"", "reconnect_after: \"100ms\""]),
        entry(&[r#""qos": 0"#, r#""qos": 2"#, r#""qos": 2"#]),
        entry(&[r#""clean_session": true"#]),
        entry(&[r#""retain": true"#]),
        entry(&[r#""max_inflight_messages": 1"#]),
    );
    // Who consumes may have another quality of service than who publishes.
    let consumer = entry(&[r#""c/*": (config: {"qos": 0})"#, r#""c/*": (config: {"qos": 2})"#]);
    let all = (kept, under_way, waits, at_0, client, consumer).prop_map(
        |(kept, way, waits, at_0, client, other)| {
            let (ack, reconnect, qos, clean, retain, window) = client;
            vec![
                Some("version: \"2.0.11\"".into()),
                Some(format!("config: {{{kept}{way}{waits}{at_0}}}")),
                Some(format!(
                    "clients: {{\"*\": ({ack}{reconnect}config: {{{qos}{clean}{retain}{window}}}), {other}}}"
                )),
            ]
        },
    );
    design("Mosquitto", all)
}

/// RabbitMQ's queues for both consumers, and one for their dead letters, which may send them back.
fn rabbit(limits: bool) -> impl Strategy<Value = Vec<String>> {
    let argument = |name: &str, values: &[&str]| {
        let values: Vec<String> = values.iter().map(|value| format!("\"{name}\": {value}")).collect();
        prop::option::of(select(values)).prop_map(move |argument| argument.filter(|_| limits))
    };
    let to =
        |key: &str| format!("\"x-dead-letter-exchange\": \"\", \"x-dead-letter-routing-key\": \"{key}\"");
    let letters =
        prop::option::of(select(vec![to("dead"), to("c"), "\"x-dead-letter-exchange\": \"t\"".into()]));
    let arguments = (
        argument("x-max-length", &["0", "1", "5"]),
        argument("x-max-length-bytes", &["1500"]),
        argument("x-overflow", &["\"reject-publish\"", "\"reject-publish-dlx\""]),
        argument("x-message-ttl", &["0", "20", "200"]),
        argument("x-max-priority", &["2"]),
        letters,
    );
    let arguments = arguments.prop_map(|(a, b, c, d, e, f)| {
        let all: Vec<String> = [a, b, c, d, e, f].into_iter().flatten().collect();
        format!("{{{}}}", all.join(", "))
    });
    let back = select(vec![String::new(), format!("\"x-message-ttl\": 10, {}", to("c"))]);
    let said = select(vec!["", "\"priority\": 9", "\"expiration\": \"20\"", "\"mandatory\": true"])
        .prop_map(move |said| if limits { said } else { "" });
    let settings = (arguments.clone(), arguments, back, said).prop_map(|(c, d, dead, said)| {
        let queues = format!("queues: {{\"c\": {c}, \"d\": {d}, \"dead\": {{{dead}}}}}");
        let clients = format!("clients: {{\"p/*\": (config: {{{said}}})}}");
        vec![Some("version: \"4.0.5\"".into()), Some(queues), Some(clients)]
    });
    design("RabbitMQ", settings)
}

/// Three nodes, or five, with a queue of one kind for each consumer.
pub(super) fn cluster() -> impl Strategy<Value = Vec<String>> {
    let kinds =
        vec!["", r#""x-queue-type": "quorum""#, r#""x-queue-type": "quorum", "x-delivery-limit": -1"#];
    let node = || select(vec!["n1", "n2", "n3"]);
    let alone = vec!["", "", r#", "x-single-active-consumer": true"#];
    let lengths =
        vec!["", "", r#", "x-max-length": 5"#, r#", "x-max-length": 1"#, r#", "x-max-length-bytes": 1500"#];
    let overflows = vec!["", r#", "x-overflow": "reject-publish""#, r#", "x-overflow": "reject-publish""#];
    let sizes =
        vec!["", "", r#", "x-quorum-initial-group-size": 1"#, r#", "x-quorum-initial-group-size": 5"#];
    let queue = (select(kinds), select(alone), select(lengths), select(overflows), select(sizes));
    let queue = queue.prop_map(|(kind, alone, length, overflow, size)| {
        let overflow = if length.is_empty() { "" } else { overflow };
        let size = if kind.is_empty() { "" } else { size };
        let all = format!("{kind}{alone}{length}{overflow}{size}");
        format!("{{{}}}", all.trim_start_matches(", "))
    });
    let nodes = select(vec![r#"["n1", "n2", "n3"]"#, r#"["n1", "n2", "n3", "n4", "n5"]"#]);
    let clients = (node(), node(), node(), taking());
    let versions = select(vec!["4.0.5", "4.2.0"]);
    let all = (versions, nodes, queue.clone(), queue, node(), node(), clients, select(vec!["60", "2"]));
    let settings = all.prop_map(|(version, nodes, c, d, leads_c, leads_d, clients, tick)| {
        let (p, q, consumers, taking) = clients;
        let gets_from_one = taking.contains("poll_pause") && (c.clone() + &d).contains("single-active");
        let taking = if gets_from_one { "" } else { taking };
        vec![
            Some(format!("version: \"{version}\"")),
            Some(format!("nodes: {nodes}")),
            Some(format!("queues: {{\"c\": {c}, \"d\": {d}}}")),
            Some(format!("leaders: {{\"c\": \"{leads_c}\", \"d\": \"{leads_d}\"}}")),
            Some(format!("config: {{\"net_ticktime\": {tick}}}")),
            Some(format!(
                "clients: {{\"*\": (node: \"{consumers}\", {taking}), \"p/*\": (node: \"{p}\"), \"c/1\": (node: \"{q}\")}}"
            )),
        ]
    });
    design("RabbitMQ", settings)
}

fn udp(limits: bool) -> impl Strategy<Value = Vec<String>> {
    let buffer = limit(limits, "receive_buffer", &["\"2 kB\"", "\"100 kB\""])
        .prop_map(|buffer| buffer.or(Some("receive_buffer: \"0 B\"".into())));
    let all = (setting("share", &["ByKey", "All"]), buffer).prop_map(|(share, buffer)| vec![share, buffer]);
    design("Udp", all)
}

fn webhook(limits: bool) -> impl Strategy<Value = Vec<String>> {
    let all = (
        setting("share", &["ByKey", "All"]),
        setting("timeout", &["\"20ms\"", "\"1s\""]),
        setting("attempts", &["1", "2"]),
        setting("backoff", &["\"10ms\""]),
        setting("backoff_factor", &["1"]),
        setting("concurrency", &["1", "3"]),
        limit(limits, "backlog", &["1", "3", "0, when_busy: Refuse"]),
    );
    design("Webhook", all.prop_map(|(a, b, c, d, e, f, g)| vec![a, b, c, d, e, f, g]))
}
