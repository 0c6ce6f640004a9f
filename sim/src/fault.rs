//! Faults: what breaks, and when. A fault acts at a time, or at a fact.

use crate::impairment::Effect;
use crate::network::LinkId;
use crate::node::{Domain, NodeId};
use crate::time::{Span, Time};

/// When a fault acts.
#[derive(Clone, Debug)]
pub enum Trigger<P> {
    /// At this time.
    At(Time),
    /// After each fact that matches, up to `times` of them. `after` zero acts at the fact itself: what the node
    /// does after it does not happen.
    On {
        /// Which facts.
        pattern: P,
        /// The delay.
        after: Span,
        /// How often, at the most.
        times: u32,
    },
}

/// Whom a fault meets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Victims {
    /// These nodes.
    Nodes(Vec<NodeId>),
    /// The node that noted the fact.
    Noter,
}

/// Which links a fault meets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Links {
    /// These.
    These(Vec<LinkId>),
    /// Those of the node that noted the fact.
    Noter {
        /// Only to and from these nodes; empty: to and from all.
        others: Vec<NodeId>,
        /// Only those that lead away from it.
        one_way: bool,
    },
}

/// What a fault does.
#[derive(Clone, Debug)]
pub enum Action<M, R> {
    /// Processes or machines die.
    Crash {
        /// Whose.
        victims: Victims,
        /// What of them.
        death: Death,
        /// They boot again so long after; none is never.
        restart_after: Option<Span>,
    },
    /// Processes are told to end, and do so in good order: they say good-bye and close their connections.
    Stop {
        /// Whose.
        victims: Victims,
        /// They boot again so long after.
        restart_after: Span,
    },
    /// Links stop: datagrams are lost, connections stall.
    Cut {
        /// Which.
        links: Links,
        /// What is on its way is lost too: datagrams for good, segments until they are sent again.
        in_flight_lost: bool,
        /// How long; none is for ever.
        lasts: Option<Span>,
    },
    /// Links are worse than they are.
    Impair {
        /// Which.
        links: Links,
        /// In what way.
        effect: Effect,
        /// How long; none is for ever.
        lasts: Option<Span>,
    },
    /// All connections of these nodes break.
    Reset {
        /// Whose.
        victims: Victims,
    },
    /// The next messages that match are taken out of the wire.
    Drop {
        /// Which.
        pattern: M,
        /// How many.
        times: u32,
    },
    /// Something is wrong with machines that do not die of it.
    Trouble {
        /// Whose.
        victims: Victims,
        /// What.
        trouble: Trouble,
        /// How long; none is for ever. A pause says it itself; a clock stays as it is.
        lasts: Option<Span>,
    },
    /// Records that are on a disk now are damaged: whoever reads them finds it.
    Damage {
        /// Whose.
        victims: Victims,
        /// Which.
        pattern: R,
    },
    /// The disk takes no more.
    FillDisk {
        /// Whose.
        victims: Victims,
        /// How long; none is for ever.
        lasts: Option<Span>,
    },
}

/// What dies in a crash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Death {
    /// The process: its memory is gone, the page cache is not.
    Process,
    /// The machine: what was not synced is gone, too.
    Machine,
    /// The machine, while it writes the page cache back: of what was not synced in a file some has reached the disk,
    /// and of the next record a half. How much is drawn.
    MachineInWrite,
}

/// What can be wrong with a machine.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Trouble {
    /// The process stands still: it is told nothing. One that begins at a fact begins when the node has done what it
    /// does at that fact.
    Pause {
        /// For so long.
        lasts: Span,
    },
    /// Work takes longer.
    Slow {
        /// So many times as long.
        factor: f64,
    },
    /// Transfers and syncs take longer.
    SlowDisk {
        /// So many times as long.
        factor: f64,
    },
    /// No transfer and no sync ends.
    StallDisk,
    /// Syncs end in their time, and make nothing safe.
    LieAboutSyncs,
    /// The clock is set.
    StepClock {
        /// On by so many nanoseconds, or back.
        by: i64,
    },
    /// The clock goes wrong from now on.
    DriftClock {
        /// It gains so many nanoseconds in a second, or loses them; 0: it goes right again.
        drift: i64,
    },
}

/// A fault: when, and what.
#[derive(Clone, Debug)]
pub struct Fault<D: Domain> {
    /// When it acts.
    pub trigger: Trigger<D::FactPattern>,
    /// What it does.
    pub action: Action<D::MessagePattern, D::RecordPattern>,
}

/// Part of a fault that is under way or still to come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// The fault acts; `noter` is the node that noted the fact that triggered it.
    Act { fault: u32, noter: Option<NodeId> },
    /// Its effect is over.
    End { fault: u32, noter: Option<NodeId> },
    /// All faults end.
    Heal,
}

impl<M, R> Action<M, R> {
    /// Whether nodes are down afterwards.
    pub(crate) fn takes_down(&self) -> bool {
        matches!(self, Action::Crash { .. } | Action::Stop { .. })
    }

    /// Whether this node crashes where it has noted the fact.
    pub(crate) fn crashes(&self, noter: NodeId) -> bool {
        match self {
            Action::Crash { victims: Victims::Nodes(nodes), .. } => nodes.contains(&noter),
            Action::Crash { victims: Victims::Noter, .. } => true,
            _ => false,
        }
    }
}
