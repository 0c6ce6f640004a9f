//! Stories: `script` in the file, as typed. `story.rs` makes the script that runs.

use crate::design::settings::Real;
use crate::named::{Named, Placed};
use crate::units::Duration;
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use std::fmt;

/// One line of the story: who, and what they do, one thing after the other: `("c1", Consume("q"), Ack("m1"))`.
#[derive(Clone, Debug)]
pub struct Line {
    /// A client, a node, several, `net` or `ops`.
    pub who: Placed<String>,
    /// What is done.
    pub does: Vec<Placed<Verb>>,
}

/// Something that is done.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Verb {
    /// Publish these (`"m1..m6"`, `"x=a y=b"`), where to (the only queue or topic if there is one), with which
    /// properties (`{"size": "1 kB", "delivery_mode": 1}`).
    Send(Placed<String>, #[serde(default)] Option<Placed<String>>, #[serde(default)] Real),
    /// Be given messages from now on.
    Consume(Placed<String>, #[serde(default)] Real),
    /// Ask until `n` have come, or without `n` until something has, or `wait` is over.
    Poll {
        /// Where; the only subscription if none is named.
        from: Option<Placed<String>>,
        /// How many.
        n: Option<Placed<u32>>,
        /// How long.
        wait: Option<Duration>,
    },
    /// Ask until nothing is left.
    PollAll {
        /// Where; the only subscription if none is named.
        from: Option<Placed<String>>,
    },
    /// Settle a message that is held; without one the one at hand in a handler, else all that are held.
    Ack(#[serde(default)] Placed<String>, #[serde(default)] Real),
    /// Give it back (or away, with `{"requeue": false}`).
    Nack(#[serde(default)] Placed<String>, #[serde(default)] Real),
    /// The same; of one message only.
    Reject(#[serde(default)] Placed<String>, #[serde(default)] Real),
    /// Be given no more messages; what is held stays held.
    Cancel,
    /// Have all that is held sent again.
    Recover,
    /// Close the channel, and keep the connection.
    CloseChannel,
    /// Still be at work on it: what it waits for begins anew.
    Extend(#[serde(default)] Placed<String>, #[serde(default)] Real),
    /// Claim what others have held for so long (Redis: XAUTOCLAIM), so many at most (`{"COUNT": 10}`).
    Claim(Duration, #[serde(default)] Real),
    /// The effect takes place.
    Process(#[serde(default)] Placed<String>, #[serde(default)] Real),
    /// What to do with each message from now on, by body (`"m1"`), by body and n-th time (`"m1 #2"`), or `"*"`.
    Handle(Named<Vec<Placed<Verb>>>),
    /// Write the position down.
    Commit {
        /// This offset; without it, the position.
        offset: Option<u64>,
        /// Of this topic, or `topic-partition`.
        of: Option<Placed<String>>,
    },
    /// Join a group for this topic.
    Subscribe(Placed<String>),
    /// Make a queue.
    Declare(Placed<String>, #[serde(default)] Real),
    /// Bind a queue to an exchange: exchange first.
    Bind(Placed<String>, Placed<String>),
    /// Die as by kill -9.
    Crash,
    /// Stand still, as by SIGSTOP: a node.
    Pause,
    /// Go on.
    Resume,
    /// Set a node's settings, by their real names: `Alter("n1", {"vm_memory_high_watermark.absolute": "1MB"})`.
    Alter(Placed<String>, Real),
    /// Start again.
    Restart,
    /// Be told to end (SIGTERM), and end in good order.
    Shutdown,
    /// Leave in good order.
    Close,
    /// Keep the picture under this name.
    Look(String),
    /// Let time pass.
    Wait(Duration),
    /// Let time pass until this line of CEL is true of the picture.
    Until(Placed<String>),
    /// Do it, and go on at once.
    Async(Box<Placed<Verb>>),
}

/// Verbs of the design that nothing here follows yet.
pub(crate) const VERBS_NOT_MODELLED: &[&str] = &[
    "Flush",
    "Seek",
    "OffsetsForTime",
    "PausePartition",
    "ResumePartition",
    "Init",
    "Begin",
    "Abort",
    "SendOffsets",
    "Drop",
    "Jam",
    "Reset",
    "Corrupt",
    "Refuse",
    "Release",
    "CutTail",
    "Wipe",
    "ResizeDisk",
    "Delete",
    "AddPartitions",
    "Reassign",
    "Elect",
    "DeleteRecords",
    "AlterOffsets",
    "Answer",
];

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tuple;
        impl<'de> Visitor<'de> for Tuple {
            type Value = Line;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a line of the script: `(\"who\", Verb, Verb, …)`")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Line, A::Error> {
                let who: Option<Placed<String>> = parts.next_element()?;
                let Some(who) = who else {
                    return Err(de::Error::custom("a line needs somebody who acts: `(\"c1\", Ack(\"m1\"))`"));
                };
                let mut does = Vec::new();
                while let Some(verb) = parts.next_element()? {
                    does.push(verb);
                }
                if does.is_empty() {
                    return Err(de::Error::custom(format!("`{}` does nothing in this line", who.value)));
                }
                Ok(Line { who, does })
            }
        }
        deserializer.deserialize_tuple(2, Tuple)
    }
}
