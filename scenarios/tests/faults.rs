//! Faults that can never act are errors; those that some designs do not know do not apply there, and it is said.

use redeliver_scenarios::{Options, read};

fn text(run: &str, fault: &str, designs: &str) -> String {
    format!(
        r#"(format: 1, title: "T", run: (duration: "10s", drain: "5s", {run}),
            producers: {{"p": (publish: "t", schedule: Every("1s"), key: Cycle(["a", "b"]))}},
            consumers: {{"c": (read: "t", members: 2)}},
            faults: [{fault}],
            designs: {{ {designs} }})"#
    )
}

/// What is wrong with a fault, or in which designs it does not apply.
fn said(fault: &str, designs: &str) -> String {
    match read("test.ron", &text("", fault, designs), &Options::default()) {
        Ok(plan) => {
            let idle = plan.designs.iter().filter(|(_, design)| !design.does_not_apply.is_empty());
            let names: Vec<&str> = idle.map(|(name, _)| name.as_str()).collect();
            format!("{fault}: not in [{}]", names.join(", "))
        }
        Err(report) => {
            let all = report.diagnostics.iter();
            let lines = all.map(|d| format!("{} | {}", d.message, d.hint.as_deref().unwrap_or("-")));
            format!("{fault}: {}", lines.collect::<Vec<String>>().join("; "))
        }
    }
}

#[test]
fn what_no_design_has_is_an_error_and_what_one_lacks_does_not_apply_to_it() {
    let all = r#""queue": Queue(), "log": Log(), "udp": Udp(), "webhook": Webhook()"#;
    let mut lines = Vec::new();
    for fault in [
        "Drop(packet: Publish)",
        "Drop(packet: Confirm)",
        "Drop(packet: Deliver)",
        "Drop(packet: Ack)",
        "Drop(packet: Commit)",
        "Crash(node: \"brokers\", at: \"1s\")",
        "Crash(node: \"c\", when: Stored())",
        "Crash(node: \"c\", when: Confirmed())",
        "Crash(node: \"c\", when: Acked())",
        "ErrorReply(request: 1, status: 500)",
    ] {
        lines.push(said(fault, all));
    }
    for (fault, design) in [
        ("Drop(packet: Commit)", "\"queue\": Queue()"),
        ("Drop(packet: Ack)", "\"queue\": Queue(ack: Auto)"),
        ("Drop(packet: Confirm)", "\"queue\": Queue(confirms: false), \"log\": Log(acks: None)"),
        ("Drop(packet: Publish)", "\"udp\": Udp()"),
        ("Crash(node: \"c\", when: Confirmed())", "\"log\": Log(acks: None)"),
        ("ErrorReply(request: 1, status: 500)", "\"queue\": Queue(), \"udp\": Udp()"),
    ] {
        lines.push(said(fault, design));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Drop(packet: Publish): not in [udp, webhook]
    Drop(packet: Confirm): not in [udp, webhook]
    Drop(packet: Deliver): not in []
    Drop(packet: Ack): not in [log, udp]
    Drop(packet: Commit): not in [queue, udp, webhook]
    Crash(node: "brokers", at: "1s"): not in [udp, webhook]
    Crash(node: "c", when: Stored()): not in [udp]
    Crash(node: "c", when: Confirmed()): not in [udp]
    Crash(node: "c", when: Acked()): not in [udp]
    ErrorReply(request: 1, status: 500): not in [queue, log, udp]
    Drop(packet: Commit): this can never happen: the fault applies to no design | no design has what it meets, or notes what it waits for: leave it out, or add a design that does
    Drop(packet: Ack): this can never happen: the fault applies to no design | no design has what it meets, or notes what it waits for: leave it out, or add a design that does
    Drop(packet: Confirm): this can never happen: the fault applies to no design | no design has what it meets, or notes what it waits for: leave it out, or add a design that does
    Drop(packet: Publish): this can never happen: the fault applies to no design | no design has what it meets, or notes what it waits for: leave it out, or add a design that does
    Crash(node: "c", when: Confirmed()): this can never happen: the fault applies to no design | no design has what it meets, or notes what it waits for: leave it out, or add a design that does
    ErrorReply(request: 1, status: 500): this can never happen: the fault applies to no design | no design has what it meets, or notes what it waits for: leave it out, or add a design that does
    "#);
}

#[test]
fn what_can_never_happen_is_refused_with_a_hint() {
    let queue = "\"queue\": Queue()";
    let mut lines = Vec::new();
    for fault in [
        "Crash(node: \"c\", every: \"1s\", after: \"1s\")",
        "Crash(node: \"c\", at: \"1s\", times: 2)",
        "Crash(node: \"c\", at: \"1s\", since: \"2s\")",
        "Crash(node: \"c\", when: Stored(), until: \"2s\")",
        "Crash(node: \"c\", every: \"1s\", since: \"20s\")",
        "Crash(node: \"c\", every: \"1s\", since: \"3s\", until: \"2s\")",
        "Crash(node: \"c\", every: \"1s\", times: 0)",
        "Crash(node: \"c\", when: Stored(key: \"A\"))",
        "Poison(key: \"c\")",
        "ErrorReply(status: 500)",
        "ErrorReply(request: 0, status: 200)",
        "RollingRestart(nodes: \"d\", down: \"1s\", pause: \"1s\", at: \"1s\")",
    ] {
        lines.push(said(fault, queue));
    }
    let healed = |heal_at: &str, fault: &str| {
        let text = text(&format!("heal_at: \"{heal_at}\""), fault, queue);
        let report = read("test.ron", &text, &Options::default()).expect_err("it is refused");
        report.diagnostics.iter().map(|d| d.message.clone()).collect::<Vec<String>>().join("; ")
    };
    lines.push(healed("4s", "Crash(node: \"c\", at: \"4s\")"));
    lines.push(healed("0s", ""));
    lines.push(healed("16s", ""));
    let budget = text("", "", queue).replace("faults:", "fault_budget: {\"c\": 0, \"d\": 1}, faults:");
    let report = read("test.ron", &budget, &Options::default()).expect_err("it is refused");
    lines.extend(report.diagnostics.iter().map(|d| d.message.clone()));
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Crash(node: "c", every: "1s", after: "1s"): `after` belongs to `when` | -
    Crash(node: "c", at: "1s", times: 2): `times` belongs to `when` and to `every` | -
    Crash(node: "c", at: "1s", since: "2s"): `since` and `until` belong to `every` | -
    Crash(node: "c", when: Stored(), until: "2s"): `since` and `until` belong to `every` | -
    Crash(node: "c", every: "1s", since: "20s"): this can never happen: it begins at 20 s and is over at 10 s | `until` is the end of `run.duration` unless it is said
    Crash(node: "c", every: "1s", since: "3s", until: "2s"): this can never happen: it begins at 3 s and is over at 2 s | `until` is the end of `run.duration` unless it is said
    Crash(node: "c", every: "1s", times: 0): `times: 0` never happens; write at least 1, or leave the fault out | -
    Crash(node: "c", when: Stored(key: "A")): this can never happen: no message has the key `A` | did you mean `a`?
    Poison(key: "c"): this can never happen: no message has the key `c` | known: `a`, `b`
    ErrorReply(status: 500): say which requests by exactly one of `request` and `message` | write for example `request: 3`
    ErrorReply(request: 0, status: 200): requests are counted from 1 | -; a status of 200 is no error | write for example `status: 503`
    RollingRestart(nodes: "d", down: "1s", pause: "1s", at: "1s"): no design has a node `d` | known: `broker/1`, `brokers`, `c`, `c/1`, `c/2`, `consumers`, `p/1`, `producers`
    this can never happen: all faults end at 4 s
    `heal_at` of zero: no fault would ever act
    this can never happen: the run ends at 15 s at the latest
    a budget of 0 lets no fault take a node down
    no design has a node `d`
    "#);
}

#[test]
fn a_disks_faults_are_refused_where_there_is_no_disk_and_no_rule() {
    let queue = r#""queue": Queue()"#;
    let rabbit = |version: &str| format!(r#""rabbit": RabbitMQ(version: "{version}")"#);
    let damage = r#"CorruptRecord(node: "brokers", message: "p#3", at: "1s")"#;
    let lines = [
        said(r#"TornWrite(node: "brokers", at: "1s")"#, r#""queue": Queue(), "log": Log(), "udp": Udp()"#),
        said(r#"TornWrite(node: "c", at: "1s")"#, queue),
        said(damage, r#""queue": Queue(), "log": Log(), "udp": Udp()"#),
        said(damage, &rabbit("4.0.5")),
        said(damage, &rabbit("3.10.8")),
        said(r#"CorruptRecord(node: "c", chance: "1%", at: "1s")"#, queue),
        said(r#"CorruptRecord(node: "brokers", at: "1s")"#, queue),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    TornWrite(node: "brokers", at: "1s"): not in [udp]
    TornWrite(node: "c", at: "1s"): this fault meets the disks of brokers only | write `node: "brokers"`
    CorruptRecord(node: "brokers", message: "p#3", at: "1s"): not in [udp]
    CorruptRecord(node: "brokers", message: "p#3", at: "1s"): not in []
    CorruptRecord(node: "brokers", message: "p#3", at: "1s"): queues of RabbitMQ before 4.0, Redis and Mosquitto have no checksums: what they do with a damaged record is not modelled | write `version: "4.0.5"`, or leave the fault out
    CorruptRecord(node: "c", chance: "1%", at: "1s"): this fault meets the disks of brokers only | write `node: "brokers"`
    CorruptRecord(node: "brokers", at: "1s"): say which messages by exactly one of `message`, `messages`, `key` and `chance` | write for example `message: "shop#3"`
    "#);
    let large = text("", damage, queue).replace("publish: \"t\"", "publish: \"t\", size: \"4096 B\"");
    let report = read("test.ron", &large, &Options::default()).expect_err("there is no rule for it");
    assert!(report.to_string().contains("messages from 4096 B on"), "{report}");
}
