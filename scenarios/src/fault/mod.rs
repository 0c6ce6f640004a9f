//! What breaks, and when: `faults` in the file. One file for each fault, and a line in the registry below.

mod clock_drift;
mod clock_step;
mod corrupt_record;
mod crash;
mod disk_full;
mod disk_slow;
mod disk_stall;
mod drop;
mod duplicate;
mod error_reply;
mod fact;
mod failing_handler;
mod handler;
mod jam;
mod links;
mod loss;
mod machine_crash;
mod message;
mod partition;
mod pause;
mod poison;
mod reset;
mod rolling_restart;
mod slow;
mod slow_handler;
mod slow_node;
mod stop;
mod swizzle;
mod sync_lies;
mod target;
mod timing;
mod torn_write;

pub use clock_drift::ClockDrift;
pub use clock_step::ClockStep;
pub use corrupt_record::CorruptRecord;
pub use crash::Crash;
pub use disk_full::DiskFull;
pub use disk_slow::DiskSlow;
pub use disk_stall::DiskStall;
pub use drop::{Drop, Packet};
pub use duplicate::Duplicate;
pub use error_reply::ErrorReply;
pub use fact::{About, Fact};
pub use failing_handler::FailingHandler;
pub use handler::Handler;
pub use jam::Jam;
pub use loss::Loss;
pub use machine_crash::MachineCrash;
pub use partition::{InFlight, Partition, Shape};
pub use pause::Pause;
pub use poison::Poison;
pub use reset::Reset;
pub use rolling_restart::RollingRestart;
pub use slow::Slow;
pub use slow_handler::SlowHandler;
pub use slow_node::SlowNode;
pub use stop::Stop;
pub use swizzle::Swizzle;
pub use sync_lies::SyncLies;
#[cfg(test)]
pub(crate) use timing::TIMING;
pub use torn_write::TornWrite;

use crate::diagnostic::Place;
use crate::nodes::{Cast, Patterns};
use redeliver_models::setup::{self, FaultKind, MessageName, NodePattern, When};
use redeliver_sim::Span;
use serde::Deserialize;

/// What a fault does in one design, and when.
pub(crate) type Planned = (FaultKind, When);

/// A fault as typed.
trait Typed {
    /// The fault in one design: several where it meets several nodes or where a subscription is split; none where it
    /// does not apply.
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned>;
}

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A fault. Each acts `at` a time, `every` so often, or `when` a fact is noted.
        #[derive(Clone, Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub enum Fault {
            $($(#[$doc])* $name($name),)*
        }

        impl Fault {
            /// The fault in one design: several where a subscription is split; none where it does not apply.
            pub(crate) fn plan(
                &self,
                place: Place,
                stage: &Stage<'_>,
                patterns: &mut Patterns<'_>,
            ) -> Vec<Planned> {
                match self { $(Fault::$name(fault) => fault.plan(place, stage, patterns),)* }
            }
        }
    };
}

faults! {
    /// The process dies: peers see a reset at once; the page cache survives.
    Crash,
    /// The machine dies: peers see silence; what was not synced is gone.
    MachineCrash,
    /// Nothing passes between some nodes and the others.
    Partition,
    /// Nothing passes over some links.
    Stop,
    /// Some links hold what is sent, and release it later.
    Jam,
    /// Some links take longer.
    Slow,
    /// Some links lose more than usual.
    Loss,
    /// Some links deliver datagrams twice.
    Duplicate,
    /// Links are jammed one by one and released in another order.
    Swizzle,
    /// All connections of a node break, without a crash.
    Reset,
    /// A packet is taken out of its connection for good.
    Drop,
    /// A disk takes no more.
    DiskFull,
    /// A disk's transfers and syncs take longer.
    DiskSlow,
    /// No transfer and no sync of a disk ends.
    DiskStall,
    /// A disk's syncs make nothing safe.
    SyncLies,
    /// The machine dies while it writes: half a record is on its disk.
    TornWrite,
    /// Records on a disk are damaged, and nobody knows until he reads them.
    CorruptRecord,
    /// A process stands still: peers hear nothing, and what comes waits.
    Pause,
    /// A machine does its work at a fraction of its speed.
    SlowNode,
    /// A clock is set.
    ClockStep,
    /// A clock goes wrong from now on.
    ClockDrift,
    /// Nodes are restarted one after the other, as by a deploy.
    RollingRestart,
    /// A receiver of webhooks answers some requests with an error.
    ErrorReply,
    /// The handler always fails on some messages.
    Poison,
    /// The handler fails on some messages so many times.
    FailingHandler,
    /// The handler needs longer on some messages.
    SlowHandler,
}

/// One design, as faults see it.
pub(crate) struct Stage<'a> {
    pub(crate) cast: &'a Cast,
    pub(crate) producers: &'a [setup::Producer],
    /// How many messages each member of a producer publishes, where that is known.
    pub(crate) counts: &'a [Option<u64>],
    pub(crate) consumers: &'a [setup::Consumer],
    /// Names of the consumers in the file: in a design that splits them, `fulfilment` is `fulfilment/1`, ….
    pub(crate) groups: &'a [String],
    pub(crate) all_casts: &'a [Cast],
    /// How long producers work, at most.
    pub(crate) duration: Span,
    /// When the run ends at the latest.
    pub(crate) end: Span,
    /// When all faults end.
    pub(crate) heal_at: Option<Span>,
    /// There is a story, whose messages may have any key.
    pub(crate) has_script: bool,
    pub(crate) stream: String,
    pub(crate) design: &'a setup::Design,
}

impl Stage<'_> {
    /// Whether a subscription may be given what is published to this topic: dead letters may be of any.
    fn meets(&self, consumer: usize, topic: usize) -> bool {
        let reads = self.consumers[consumer].topic;
        let topics = self.producers.iter().map(|producer| producer.topic + 1).max().unwrap_or(0);
        reads == topic || reads >= topics
    }

    /// The node that publishes this message.
    fn publisher(&self, message: &MessageName) -> String {
        format!("{}/{}", self.producers[message.producer].name, message.member + 1)
    }

    /// Those of these patterns that match a node of this design.
    fn here(&self, mut patterns: Vec<NodePattern>) -> Vec<NodePattern> {
        patterns.retain(|pattern| self.cast.has(pattern));
        patterns
    }
}
