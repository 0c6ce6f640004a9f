//! Facts as a person says them.

use crate::checks::{Event, Recorded};
use crate::fact::Fact;
use crate::shared::Shared;
use redeliver_sim::News;

/// What a recorded fact says; the message is called by its id and its label, if it has one.
pub fn describe(recorded: &Recorded, shared: &Shared) -> String {
    match recorded.event {
        Event::News(news) => news_text(news).to_string(),
        Event::Fact(fact, about) => {
            let name = about.map_or(String::new(), |(source, number, label)| {
                let name = shared.name_of(source, number);
                if label == 0 { name } else { format!("{name} \"{}\"", shared.labels[label as usize]) }
            });
            fact_text(fact, &name, shared)
        }
    }
}

fn news_text(news: News) -> &'static str {
    match news {
        News::Crashed => "crashed",
        News::MachineCrashed => "crashed with its machine",
        News::Restarted => "restarted",
        News::ConnectionReset => "lost its connections",
        News::PartitionBegan => "was cut off",
        News::PartitionEnded => "was reachable again",
        News::DiskFilled => "had a full disk",
    }
}

fn fact_text(fact: Fact, name: &str, shared: &Shared) -> String {
    let line = |line: u32| shared.names.lines.get(line as usize).map_or("?", String::as_str);
    match fact {
        Fact::Published { sent: true, .. } => format!("published {name}"),
        Fact::Published { .. } => format!("published {name}, and had to keep it back"),
        Fact::Sent { .. } => format!("sent {name}"),
        Fact::PutAside { .. } => format!("put {name} aside"),
        Fact::Resent { attempt, .. } => format!("sent {name} again, attempt {attempt}"),
        Fact::PublishDropped { why, .. } => format!("{name} never reached the broker: {}", words(why.name())),
        Fact::PublishDuplicated { .. } => format!("the network made two of {name}"),
        Fact::Stored { line: queue, .. } => format!("stored {name} in {}", line(queue)),
        Fact::Appended { line: partition, rank, .. } => {
            format!("appended {name} at {}@{rank}", line(partition))
        }
        Fact::NotTaken { why, .. } => format!("did not take {name}: {}", words(why.name())),
        Fact::ConfirmDropped { .. } => format!("the confirm of {name} was lost"),
        Fact::Confirmed { .. } => format!("{name} was confirmed"),
        Fact::GaveUp { refused: true, .. } => format!("was refused {name}"),
        Fact::GaveUp { .. } => format!("gave {name} up"),
        Fact::Forgotten { .. } => format!("was done with {name}"),
        Fact::Dispatched { attempt: 1, .. } => format!("sent {name}"),
        Fact::Dispatched { attempt, .. } => format!("sent {name}, attempt {attempt}"),
        Fact::DeliveryDropped { why, .. } => format!("{name} was lost on its way: {}", words(why.name())),
        Fact::DeliveryDuplicated { .. } => format!("the network made two of {name}"),
        Fact::Delivered { attempt: 1, .. } => format!("got {name}"),
        Fact::Delivered { attempt, .. } => format!("got {name}, attempt {attempt}"),
        Fact::Processed { .. } => format!("processed {name}"),
        Fact::Failed { attempt, .. } => format!("failed to process {name}, attempt {attempt}"),
        Fact::Discarded { why, .. } => format!("{name} ended with it: {}", words(why.name())),
        Fact::GivenBack { .. } => format!("let go of {name}"),
        Fact::Acked { .. } => format!("settled {name}"),
        Fact::AckDropped { .. } => format!("the ack of {name} was lost"),
        Fact::StrayAck { .. } => format!("got an ack of {name} that was too late"),
        Fact::Requeued { why, .. } => format!("will deliver {name} again: {}", words(why.name())),
        Fact::Rewound { why, .. } => format!("went back to {name}: {}", words(why.name())),
        Fact::Found { .. } => format!("found {name} in the log"),
        Fact::Removed { why, .. } => format!("no longer has {name}: {}", words(why.name())),
        Fact::DeadLettered { .. } => format!("put {name} aside"),
        Fact::Released { .. } => format!("deleted {name}"),
        Fact::Blocked => "was held up".to_string(),
        Fact::Unblocked => "went on".to_string(),
        Fact::Assigned { line: partition, .. } => format!("was given {}", line(partition)),
        Fact::Revoked { line: partition, .. } => format!("gave up {}", line(partition)),
        Fact::Committed { line: partition, offset, .. } => {
            format!("committed {} up to {offset}", line(partition))
        }
        Fact::EmptyPoll { .. } => "asked and got nothing".to_string(),
        Fact::ControlDropped => "a packet without a message was lost".to_string(),
        Fact::ControlDuplicated => "a packet without a message came twice".to_string(),
    }
}

/// `taken_never_processed` as words.
fn words(name: &str) -> String {
    name.replace('_', " ")
}
