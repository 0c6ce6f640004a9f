//! `--trace`: every fact of a run as one line of JSON, written as it happens.

use crate::follow::Follower;
use redeliver_models::checks::{Event, Recorded};
use redeliver_models::{Fact, Shared, describe};
use redeliver_scenarios::{Plan, PlannedDesign};
use redeliver_sim::News;
use serde::Serialize;
use std::io::Write;

/// Runs a design and writes its facts, one object a line.
pub fn write(plan: &Plan, name: &str, design: &PlannedDesign, out: &mut dyn Write) -> std::io::Result<()> {
    let mut run = Follower::new(plan, design);
    while let Some(recorded) = run.next() {
        serde_json::to_writer(&mut *out, &Line::new(name, &recorded, run.shared()))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// One fact. What it says nothing about is left out.
#[derive(Default, Serialize)]
struct Line<'a> {
    design: &'a str,
    /// Seconds.
    time: f64,
    node: &'a str,
    fact: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription: Option<&'a str>,
    #[serde(flatten)]
    detail: Detail<'a>,
    /// The same, as a person says it.
    text: String,
}

/// What only some facts say.
#[derive(Default, Serialize)]
struct Detail<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rank: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<bool>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    worked: Option<f64>,
}

impl<'a> Line<'a> {
    fn new(design: &'a str, recorded: &Recorded, shared: &'a Shared) -> Self {
        let mut line = Line {
            design,
            time: recorded.at.seconds(),
            node: shared.names.node(recorded.node),
            text: describe(recorded, shared),
            ..Line::default()
        };
        match recorded.event {
            Event::News(news) => line.fact = news_name(news),
            Event::Fact(fact, about) => {
                line.fact = fact.name();
                line.detail = Detail::of(fact, shared);
                let subscription = fact.subscription();
                line.subscription = subscription.map(|s| shared.names.subscriptions[s.0 as usize].as_str());
                if let Some((source, number, label)) = about {
                    line.message = Some(shared.name_of(source, number));
                    line.label = (label != 0).then(|| shared.labels[label as usize].as_str());
                }
            }
        }
        line
    }
}

impl<'a> Detail<'a> {
    fn of(fact: Fact, shared: &'a Shared) -> Self {
        let place = |line: u32| shared.names.lines.get(line as usize).map(String::as_str);
        let nothing = Detail::default();
        match fact {
            Fact::Published { sent, .. } => Detail { sent: Some(sent), ..nothing },
            Fact::Resent { attempt, .. }
            | Fact::Dispatched { attempt, .. }
            | Fact::Delivered { attempt, .. } => Detail { attempt: Some(attempt), ..nothing },
            Fact::Processed { attempt, worked, .. } | Fact::Failed { attempt, worked, .. } => {
                Detail { attempt: Some(attempt), worked: Some(worked.as_seconds()), ..nothing }
            }
            Fact::Stored { line, rank, .. } => Detail { queue: place(line), rank: Some(rank), ..nothing },
            Fact::Appended { line, offset, .. } | Fact::Committed { line, offset, .. } => {
                Detail { partition: place(line), offset: Some(offset), ..nothing }
            }
            Fact::Assigned { line, .. } | Fact::Revoked { line, .. } | Fact::Found { line, .. } => {
                Detail { partition: place(line), ..nothing }
            }
            Fact::PublishDropped { why, .. }
            | Fact::NotTaken { why, .. }
            | Fact::DeliveryDropped { why, .. }
            | Fact::Discarded { why, .. }
            | Fact::Removed { why, .. } => Detail { why: Some(why.name()), ..nothing },
            Fact::Requeued { why, .. } | Fact::Rewound { why, .. } => {
                Detail { why: Some(why.name()), ..nothing }
            }
            Fact::GaveUp { refused, .. } => Detail { refused: Some(refused), ..nothing },
            _ => nothing,
        }
    }
}

fn news_name(news: News) -> &'static str {
    match news {
        News::Crashed => "crashed",
        News::MachineCrashed => "machine_crashed",
        News::Restarted => "restarted",
        News::ConnectionReset => "connection_reset",
        News::PartitionBegan => "partition_began",
        News::PartitionEnded => "partition_ended",
        News::ImpairmentBegan => "impairment_began",
        News::ImpairmentEnded => "impairment_ended",
        News::DiskFilled => "disk_filled",
        News::Paused => "paused",
        News::Resumed => "resumed",
        News::Slowed => "slowed",
        News::SlowEnded => "slow_ended",
        News::DiskSlowed => "disk_slowed",
        News::DiskStalled => "disk_stalled",
        News::SyncsLie => "syncs_lie",
        News::DiskRecovered => "disk_recovered",
        News::RecordsDamaged => "records_damaged",
        News::ClockChanged => "clock_changed",
        News::Stopped => "stopped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redeliver_scenarios::{Options, read};

    #[test]
    fn facts_are_lines_of_json() {
        let text = include_str!("../../tests/data/figure.ron");
        let plan = read("hello", text, &Options::default()).unwrap_or_else(|report| panic!("{report}"));
        let mut written = Vec::new();
        write(&plan, "queue", &plan.designs["queue"], &mut written).expect("a vector takes all");
        let written = String::from_utf8(written).expect("JSON is UTF-8");
        let first: Vec<&str> = written.lines().take(7).collect();
        insta::assert_snapshot!(first.join("\n"), @r#"
        {"design":"queue","time":0.0,"node":"shop/1","fact":"published","message":"shop#1","sent":true,"text":"published shop#1"}
        {"design":"queue","time":0.001,"node":"broker/1","fact":"stored","message":"shop#1","subscription":"fulfilment","queue":"fulfilment","rank":0,"text":"stored shop#1 at fulfilment@0"}
        {"design":"queue","time":0.001,"node":"broker/1","fact":"dispatched","message":"shop#1","subscription":"fulfilment","attempt":1,"text":"sent shop#1 to fulfilment, attempt 1"}
        {"design":"queue","time":0.002,"node":"fulfilment/1","fact":"delivered","message":"shop#1","subscription":"fulfilment","attempt":1,"text":"delivered shop#1, attempt 1"}
        {"design":"queue","time":0.004005,"node":"shop/1","fact":"confirmed","message":"shop#1","text":"confirmed shop#1"}
        {"design":"queue","time":0.01,"node":"shop/1","fact":"published","message":"shop#2","sent":true,"text":"published shop#2"}
        {"design":"queue","time":0.011,"node":"broker/1","fact":"stored","message":"shop#2","subscription":"fulfilment","queue":"fulfilment","rank":1,"text":"stored shop#2 at fulfilment@1"}
        "#);
    }
}
