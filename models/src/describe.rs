//! A fact as a person says it: for timelines, witnesses and a message's life.

use crate::causes::{DuplicateCause, LossCause};
use crate::checks::{Event, Recorded};
use crate::fact::Fact;
use crate::message::SubscriptionId;
use crate::setup::Role;
use crate::shared::Shared;
use redeliver_sim::News;

/// What was recorded, without the time and the place.
pub fn describe(recorded: &Recorded, shared: &Shared) -> String {
    match recorded.event {
        Event::Fact(fact, about) => {
            describe_fact(fact, &message_name(about, shared), line_of(fact, shared), shared)
        }
        Event::News(news) => describe_news(news).into(),
    }
}

fn describe_fact(fact: Fact, name: &str, line: &str, shared: &Shared) -> String {
    let to = |s: SubscriptionId| shared.names.subscriptions[s.0 as usize].as_str();
    match fact {
        Fact::Published { .. } => format!("published {name}"),
        Fact::Resent { attempt, .. } => format!("sent {name} again, attempt {attempt}"),
        Fact::Sent { .. } => format!("sent {name}"),
        Fact::PublishDropped { why: why @ LossCause::BrokerMemory, .. } => {
            format!("lost {name} before it had answered for it: {}", lost(why))
        }
        Fact::PublishDropped { why, .. } => format!("lost {name} before it was stored: {}", lost(why)),
        Fact::PublishDuplicated { .. } | Fact::DeliveryDuplicated { .. } => {
            format!("the network doubled {name}")
        }
        Fact::Stored { rank: place, .. } | Fact::Appended { offset: place, .. } => {
            format!("stored {name} at {line}@{place}")
        }
        Fact::NotTaken { why: LossCause::Unroutable, .. } => format!("has no queue for {name}"),
        Fact::NotTaken { why, .. } => format!("refused {name}: {}", lost(why)),
        Fact::TurnedAway { s, .. } => format!("had no room for {name} in {}", to(s)),
        Fact::PassedOver { s, why, .. } => format!("has {name} not for {}: {}", to(s), lost(why)),
        Fact::HeldAlready { .. } => format!("holds {name} already"),
        Fact::Retained { .. } => format!("kept {name}"),
        Fact::StoredBefore { .. } => format!("has {name} already"),
        Fact::Replicated { s, .. } => format!("has {name} for {}, too", to(s)),
        Fact::ReplicaGone { written: true, .. } => format!("no longer has {name}: it is settled"),
        Fact::ReplicaGone { .. } => format!("needs no copy of {name}"),
        Fact::Copied { s, .. } => format!("copied {name} for {}", to(s)),
        Fact::Forwarded { .. } => format!("sent {name} on"),
        Fact::Unreadable { .. } => format!("cannot read {name}: its checksum is wrong"),
        Fact::Deduplicated { .. } => format!("knows {name}: no second effect"),
        Fact::Prepared { .. } => format!("{name} is prepared by broker and database"),
        Fact::Decided { .. } => format!("decided to commit {name}"),
        Fact::Confirmed { .. } => format!("confirmed {name}"),
        Fact::ConfirmDropped { .. } => format!("lost the confirm of {name}"),
        Fact::GaveUp { refused: true, .. } => format!("was refused {name}"),
        Fact::GaveUp { .. } => format!("gave up {name}"),
        Fact::Dispatched { s, attempt, .. } => format!("sent {name} to {}, attempt {attempt}", to(s)),
        Fact::DeliveryDropped { s, why, .. } => format!("lost {name} on its way to {}: {}", to(s), lost(why)),
        Fact::Delivered { attempt, .. } => format!("delivered {name}, attempt {attempt}"),
        Fact::Processed { attempt, .. } => format!("processed {name}, attempt {attempt}"),
        Fact::Failed { attempt, .. } => format!("failed at {name}, attempt {attempt}"),
        Fact::Discarded { why, .. } | Fact::Removed { why, .. } => {
            format!("lost its copy of {name}: {}", lost(why))
        }
        Fact::Acked { s, .. } => format!("{name} settled for {}", to(s)),
        Fact::AckDropped { .. } => format!("lost the ack of {name}"),
        Fact::StrayAck { .. } => format!("an ack of {name} came too late"),
        Fact::Requeued { why, .. } => format!("requeued {name}: {}", again(why)),
        Fact::Rewound { why, .. } => format!("will read {name} again: {}", again(why)),
        Fact::DeadLettered { .. } | Fact::PutAside { .. } => format!("put {name} aside"),
        Fact::GivenBack { .. } => format!("gave {name} back"),
        Fact::Found { s, .. } => format!("{} finds {name} in the log", to(s)),
        Fact::Released { .. } => format!("deleted {name}"),
        Fact::StateChanged { .. } => "committed a change of its state".into(),
        Fact::Blocked => "held up".into(),
        Fact::Unblocked => "goes on".into(),
        Fact::Assigned { s, .. } => format!("has {line} for {}", to(s)),
        Fact::Revoked { s, .. } => format!("no longer has {line} for {}", to(s)),
        Fact::Committed { s, offset, .. } => format!("committed {line}@{offset} for {}", to(s)),
        Fact::EmptyPoll { .. } => "asked and got nothing".into(),
        Fact::Forgotten { .. } => format!("has sent {name} to all"),
        Fact::ControlDropped => "a packet without a message was lost".into(),
        Fact::ControlDuplicated => "a packet without a message came twice".into(),
    }
}

/// `shop#3 "Payment successful"`; of a story's client the label alone.
fn message_name(about: Option<(u32, u32, u32)>, shared: &Shared) -> String {
    let Some((source, number, label)) = about else { return "a message that is gone".into() };
    let label = &shared.labels[label as usize];
    if label.is_empty() {
        return shared.name_of(source, number);
    }
    if is_client(source, shared) {
        label.clone()
    } else {
        format!("{} \"{label}\"", shared.name_of(source, number))
    }
}

fn is_client(source: u32, shared: &Shared) -> bool {
    let name = &shared.names.sources[source as usize];
    let node = shared.names.nodes.iter().position(|node| node == name);
    node.is_some_and(|node| shared.names.roles[node] == Role::Client)
}

/// The queue or partition that a fact is about.
fn line_of(fact: Fact, shared: &Shared) -> &str {
    let line = match fact {
        Fact::Stored { line, .. }
        | Fact::Appended { line, .. }
        | Fact::Assigned { line, .. }
        | Fact::Revoked { line, .. }
        | Fact::Committed { line, .. } => line,
        _ => return "",
    };
    shared.names.lines.get(line as usize).map_or("", String::as_str)
}

fn lost(why: LossCause) -> String {
    why.name().replace('_', " ")
}

fn again(why: DuplicateCause) -> String {
    why.name().replace('_', " ")
}

fn describe_news(news: News) -> &'static str {
    match news {
        News::Crashed => "crashed",
        News::MachineCrashed => "machine crashed",
        News::Restarted => "restarted",
        News::ConnectionReset => "connections reset",
        News::PartitionBegan => "cut off",
        News::PartitionEnded => "no longer cut off",
        News::ImpairmentBegan => "links impaired",
        News::ImpairmentEnded => "links as before",
        News::DiskFilled => "disk full",
        News::Paused => "paused",
        News::Resumed => "goes on after the pause",
        News::Slowed => "slowed down",
        News::SlowEnded => "at full speed again",
        News::DiskSlowed => "disk slowed down",
        News::DiskStalled => "disk stalled",
        News::SyncsLie => "disk begins to lie about syncs",
        News::DiskRecovered => "disk as it was again",
        News::RecordsDamaged => "records on the disk damaged",
        News::ClockChanged => "clock changed",
        News::Stopped => "stopped",
    }
}
