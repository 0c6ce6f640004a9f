//! What breaks, and when: `faults` in the file.

mod plan;
mod trigger;

pub(crate) use plan::Stage;

use crate::named::{OneOrMore, Placed};
use crate::nodes::NodeText;
use crate::units::{Duration, Probability, SpanSpread};
use redeliver_models::setup;
use serde::Deserialize;

/// A fault. Each acts `at` a time, `every` so often, or `when` a fact is noted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Fault {
    /// The process dies: peers see a reset at once; the page cache survives.
    Crash(Crash),
    /// The machine dies: peers see silence; what was not synced is gone.
    MachineCrash(Crash),
    /// Nothing passes between some nodes and the others.
    Partition(Partition),
    /// All connections of a node break, without a crash.
    Reset(Reset),
    /// A packet is taken out of its connection for good.
    Drop(Drop),
    /// A disk takes no more.
    DiskFull(DiskFull),
    /// The handler always fails on some messages.
    Poison(Handler),
    /// The handler fails on some messages so many times.
    FailingHandler(Handler),
    /// The handler needs longer on some messages.
    SlowHandler(Handler),
}

/// A crash.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crash {
    /// Who: a node, a glob, a role, or `Receiver` (whoever the trigger's message went to).
    pub node: OneOrMore<NodeText>,
    /// It starts again so long after. Default: never.
    pub restart_after: Option<Duration>,
    /// At this time.
    pub at: Option<Placed<Duration>>,
    /// Again and again, the spans between drawn from this distribution: `"exp(45s)"`.
    pub every: Option<Placed<SpanSpread>>,
    /// When this is noted.
    pub when: Option<Placed<Fact>>,
    /// So long after `when`. Default `"0s"`: at the fact itself.
    pub after: Option<Duration>,
    /// How often `when` counts, at most. Default 1.
    pub times: Option<Placed<u32>>,
}

/// A partition of the network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// One side.
    pub nodes: OneOrMore<NodeText>,
    /// The other side. Default: all others.
    pub from_others: Option<OneOrMore<NodeText>>,
    /// Only what goes out of `nodes` is cut. Default false.
    #[serde(default)]
    pub one_way: bool,
    /// How long it lasts. Default: for ever.
    pub lasts: Option<Duration>,
    /// See [`Crash::at`].
    pub at: Option<Placed<Duration>>,
    /// See [`Crash::every`].
    pub every: Option<Placed<SpanSpread>>,
    /// See [`Crash::when`].
    pub when: Option<Placed<Fact>>,
    /// See [`Crash::after`].
    pub after: Option<Duration>,
    /// See [`Crash::times`].
    pub times: Option<Placed<u32>>,
}

/// A reset of connections.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// Who.
    pub node: OneOrMore<NodeText>,
    /// See [`Crash::at`].
    pub at: Option<Placed<Duration>>,
    /// See [`Crash::every`].
    pub every: Option<Placed<SpanSpread>>,
    /// See [`Crash::when`].
    pub when: Option<Placed<Fact>>,
    /// See [`Crash::after`].
    pub after: Option<Duration>,
    /// See [`Crash::times`].
    pub times: Option<Placed<u32>>,
}

/// A packet that is taken out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drop {
    /// Its kind.
    pub packet: Packet,
    /// Only of this message.
    pub message: Option<Placed<String>>,
    /// How many. Default 1.
    pub times: Option<Placed<u32>>,
    /// From this time on. Default: from the beginning.
    pub at: Option<Placed<Duration>>,
}

/// A full disk.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskFull {
    /// Whose.
    pub node: OneOrMore<NodeText>,
    /// How long it lasts. Default: for ever.
    pub lasts: Option<Duration>,
    /// See [`Crash::at`].
    pub at: Option<Placed<Duration>>,
    /// See [`Crash::every`].
    pub every: Option<Placed<SpanSpread>>,
    /// See [`Crash::when`].
    pub when: Option<Placed<Fact>>,
    /// See [`Crash::after`].
    pub after: Option<Duration>,
    /// See [`Crash::times`].
    pub times: Option<Placed<u32>>,
}

/// A handler that fails or is slow. Say which messages by one of `message`, `messages`, `key` and `chance`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handler {
    /// This message: `"shop#3"`.
    pub message: Option<Placed<String>>,
    /// These messages.
    pub messages: Option<Vec<Placed<String>>>,
    /// Messages of this key.
    pub key: Option<String>,
    /// Each message with this chance.
    pub chance: Option<Probability>,
    /// Only in this subscription. Default: in all.
    #[serde(rename = "in")]
    pub subscription: Option<Placed<String>>,
    /// How often it fails on each message (`FailingHandler`).
    pub times: Option<Placed<u32>>,
    /// How long it needs (`SlowHandler`).
    pub work: Option<SpanSpread>,
    /// From this time on. Default: from the beginning.
    pub at: Option<Placed<Duration>>,
}

/// Packets that can be taken out.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Packet {
    /// From a publisher to the broker.
    Publish,
    /// The broker's positive answer.
    Confirm,
    /// From the broker to a consumer.
    Deliver,
    /// A consumer's ack.
    Ack,
    /// A consumer's commit.
    Commit,
}

impl Packet {
    /// Whether this design sends such packets at all.
    fn exists_in(self, design: &setup::Design) -> bool {
        match (design, self) {
            (_, Packet::Publish | Packet::Deliver) => true,
            (setup::Design::Queue(_), packet) => !matches!(packet, Packet::Commit),
            (setup::Design::Log(_), packet) => !matches!(packet, Packet::Ack),
            (setup::Design::Webhook(_), packet) => !matches!(packet, Packet::Commit),
            (setup::Design::Udp(_), _) => false,
        }
    }
}

/// A fact that a fault can wait for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Fact {
    /// A send was called.
    Published(About),
    /// The broker has it.
    Stored(About),
    /// The producer holds a positive answer.
    Confirmed(About),
    /// It was handed to a consumer.
    Delivered(About),
    /// Its effect took place.
    Processed(About),
    /// The consumer settled it.
    Acked(About),
}

/// What the fact is about.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Only this message.
    pub message: Option<Placed<String>>,
    /// Only messages of this key.
    pub key: Option<String>,
    /// Only in this subscription.
    pub to: Option<Placed<String>>,
    /// Only at these nodes.
    pub node: Option<Placed<NodeText>>,
}
