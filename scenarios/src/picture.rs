//! The picture as JSON: what `expect`, `Look` and `Until` read, under one set of keys.

use redeliver_models::story::{
    ClientPicture, GroupPicture, PartitionPicture, Picture, QueuePicture, SendOutcome,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The keys of a picture.
pub(crate) const SECTIONS: [&str; 5] = ["clients", "queues", "logs", "groups", "nodes"];

/// `clients`, `queues`, `logs`, `groups` and `nodes`, as they stand in a design's part of the result.
pub fn picture_to_json(picture: &Picture) -> Map<String, Value> {
    SECTIONS
        .into_iter()
        .map(|section| (section.to_string(), section_to_json(picture, section, |_| true)))
        .collect()
}

/// One section of a picture, with those of its entries whose names are wanted.
pub(crate) fn section_to_json(picture: &Picture, section: &str, wanted: impl Fn(&str) -> bool) -> Value {
    match section {
        "clients" => entries(&picture.clients, wanted, client_to_json),
        "queues" => entries(&picture.queues, wanted, queue_to_json),
        "logs" => entries(&picture.logs, wanted, |log| log.iter().map(partition_to_json).collect()),
        "groups" => entries(&picture.groups, wanted, group_to_json),
        "nodes" => entries(&picture.nodes, wanted, |up| json!({ "up": up })),
        _ => Value::Null,
    }
}

fn entries<T>(
    named: &BTreeMap<String, T>,
    wanted: impl Fn(&str) -> bool,
    to_json: impl Fn(&T) -> Value,
) -> Value {
    let entries =
        named.iter().filter(|(name, _)| wanted(name)).map(|(name, entry)| (name.clone(), to_json(entry)));
    Value::Object(entries.collect())
}

fn client_to_json(client: &ClientPicture) -> Value {
    let sent: Map<String, Value> =
        client.sent.iter().map(|(label, outcome)| (label.clone(), outcome_to_json(outcome))).collect();
    json!({
        "got": client.got,
        "news": client.news,
        "polls": client.polls,
        "holds": client.holds,
        "processed": client.processed,
        "sent": sent,
        "attempts": client.attempts,
        "confirmed": client.confirmed,
        "refused": client.refused,
        "unknown": client.unknown,
        "calls": client.calls,
        "events": client.events,
        "errors": client.errors,
        "assigned": client.assigned,
        "position": offsets_to_json(&client.position),
        "connection": client.connection,
        "channel": client.channel,
        "order": { "producer": { "late": client.late, "gaps": client.gaps } },
    })
}

fn outcome_to_json(outcome: &SendOutcome) -> Value {
    match outcome {
        SendOutcome::Pending => "pending".into(),
        SendOutcome::Offset(offset) => (*offset).into(),
        SendOutcome::Status(status) => (*status).into(),
        SendOutcome::Word(word) => (*word).into(),
    }
}

fn queue_to_json(queue: &QueuePicture) -> Value {
    json!({ "ready": queue.ready, "messages": queue.messages, "leader": queue.leader })
}

fn partition_to_json(partition: &PartitionPicture) -> Value {
    json!({
        "records": partition.records,
        "start": partition.start,
        "end": partition.end,
        "high_watermark": partition.high_watermark,
        "segments": partition.segments,
    })
}

fn group_to_json(group: &GroupPicture) -> Value {
    let mut seen = json!({
        "committed": offsets_to_json(&group.committed),
        "members": group.members,
        "pending": group.pending,
        "advisories": group.advisories,
    });
    if let Some((entries_read, lag)) = group.progress {
        let known = |number: Option<u32>| number.map_or(Value::from("none"), Value::from);
        (seen["entries_read"], seen["lag"]) = (known(entries_read), known(lag));
    }
    seen
}

/// Offsets by topic and partition. Where there is none the broker says so, and so does the picture: `none`.
fn offsets_to_json(offsets: &BTreeMap<String, Vec<Option<u64>>>) -> Value {
    let offset = |offset: &Option<u64>| offset.map_or(Value::from("none"), Value::from);
    let topics = offsets.iter().map(|(topic, offsets)| (topic.clone(), offsets.iter().map(offset).collect()));
    Value::Object(topics.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_written_with_the_keys_of_the_result() {
        let client = ClientPicture {
            got: vec!["m1".into()],
            sent: vec![
                ("a".into(), SendOutcome::Offset(3)),
                ("b".into(), SendOutcome::Pending),
                ("c".into(), SendOutcome::Status(200)),
                ("d".into(), SendOutcome::Word("ack")),
            ],
            connection: "open",
            channel: "open",
            ..ClientPicture::default()
        };
        let group = GroupPicture {
            committed: [("t".to_string(), vec![Some(3), None])].into(),
            members: [("m1".to_string(), vec!["t-0".to_string()])].into(),
            ..GroupPicture::default()
        };
        let partition = PartitionPicture { segments: vec![(0, 210)], ..PartitionPicture::default() };
        let picture = Picture {
            clients: [("c1".to_string(), client)].into(),
            queues: [("q".to_string(), QueuePicture { ready: 2, ..QueuePicture::default() })].into(),
            logs: [("t".to_string(), vec![partition])].into(),
            groups: [("g".to_string(), group)].into(),
            nodes: [("1".to_string(), true)].into(),
        };
        let lines: Vec<_> =
            picture_to_json(&picture).iter().map(|(key, value)| format!("{key}: {value}")).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        clients: {"c1":{"got":["m1"],"news":[],"polls":[],"holds":[],"processed":[],"sent":{"a":3,"b":"pending","c":200,"d":"ack"},"attempts":[],"confirmed":0,"refused":0,"unknown":0,"calls":[],"events":[],"errors":[],"assigned":[],"position":{},"connection":"open","channel":"open","order":{"producer":{"late":0,"gaps":0}}}}
        queues: {"q":{"ready":2,"messages":[],"leader":""}}
        logs: {"t":[{"records":[],"start":0,"end":0,"high_watermark":0,"segments":[[0,210]]}]}
        groups: {"g":{"committed":{"t":[3,"none"]},"members":{"m1":["t-0"]},"pending":[],"advisories":[]}}
        nodes: {"1":{"up":true}}
        "#);
    }
}
