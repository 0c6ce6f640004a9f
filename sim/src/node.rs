//! Nodes: state machines that are told what happened, and answer with effects.

use crate::clock::Clock;
use crate::core::Event;
use crate::disk::{Disk, DiskSpec, RecordLoss};
use crate::entries::Stored;
use crate::fifo::Fifo;
use crate::network::{ConnectionId, DropCause};
use crate::out::Out;
use crate::pace::Pace;
use crate::random::Luck;
use crate::time::{Span, Stamp, Time};

/// A node, by number: nodes are numbered as they are added to the world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct NodeId(pub u32);

/// The types of one world.
pub trait Domain: Copy + 'static {
    /// The nodes, an enum: dispatch is a match.
    type Node: Node<Self>;
    /// What travels.
    type Message: Copy;
    /// What a node tells itself: the token of a timer, of work, of a disk operation.
    type Timer: Copy;
    /// What nodes and network report.
    type Fact: Copy;
    /// What listens to the facts.
    type Checks: Checks<Self>;
    /// Records that handles in messages and facts point to.
    type Shared: Clone;
    /// What a disk stores.
    type Record: Stored;
    /// Which facts a fault waits for.
    type FactPattern: Clone;
    /// Which messages a fault takes out.
    type MessagePattern: Clone;
    /// Which records a fault damages.
    type RecordPattern: Clone;

    /// The luck of a message that is sent now: whom it is about, and which attempt. What says the same each time may
    /// take the time.
    fn luck(message: &Self::Message, shared: &Self::Shared, now: Time) -> Luck;
    /// Bytes on the wire.
    fn bytes(message: &Self::Message, shared: &Self::Shared) -> u64;
    /// The fact that a message did not arrive. Who keeps something for it in what is shared keeps it no longer.
    fn dropped(message: &Self::Message, cause: DropCause, shared: &mut Self::Shared) -> Self::Fact;
    /// The fact that a message will arrive once more.
    fn duplicated(message: &Self::Message) -> Self::Fact;
    /// The fact that a machine crash took this record from the disk.
    fn record_lost(record: &Self::Record, why: RecordLoss, shared: &mut Self::Shared) -> Self::Fact;
    /// Number of the fact's kind.
    fn kind(fact: &Self::Fact) -> u32;
    /// Number of the kind that a pattern is about.
    fn pattern_kind(pattern: &Self::FactPattern) -> u32;
    /// Whether a fact of that kind, noted by this node, is meant.
    fn matches(pattern: &Self::FactPattern, node: NodeId, fact: &Self::Fact, shared: &Self::Shared) -> bool;
    /// Whether a record is meant.
    fn record_matches(pattern: &Self::RecordPattern, record: &Self::Record, shared: &Self::Shared) -> bool;
    /// Whether a message is meant.
    fn message_matches(
        pattern: &Self::MessagePattern,
        message: &Self::Message,
        shared: &Self::Shared,
    ) -> bool;
}

/// A state machine. What survives a crash is on its disk; the rest is replaced by its blueprint.
pub trait Node<D: Domain>: Clone {
    /// It boots, for the first time or after a crash: [`Out::disk`] has what survived.
    fn start(&mut self, out: &mut Out<'_, D>);
    /// A message came over a connection, or as a datagram between its ends.
    fn on_message(&mut self, from: ConnectionId, message: D::Message, out: &mut Out<'_, D>);
    /// A timer, work, a transfer, a sync or a read has ended.
    fn on_timer(&mut self, timer: D::Timer, out: &mut Out<'_, D>);
    /// A connection has changed.
    fn on_connection(&mut self, connection: ConnectionId, change: ConnectionChange, out: &mut Out<'_, D>);
    /// It is told to end, and may say good-bye: its connections will close behind what it sends. Then it dies.
    fn on_stop(&mut self, _out: &mut Out<'_, D>) {}
    /// It is about to die: it names, as facts, the copies that die with it. `out` is for notes only; the disk shows
    /// what survives, and the kernel itself names what the disk has lost.
    fn on_crash(&mut self, machine: bool, out: &mut Out<'_, D>);
}

/// Listens to all facts, as they happen.
pub trait Checks<D: Domain>: Clone {
    /// A fact.
    fn fold(&mut self, at: Time, node: NodeId, fact: D::Fact, shared: &mut D::Shared);
    /// Whether it wants to keep facts, beside folding over them. That is so for the whole run, or not at all.
    fn keeps_facts(&self) -> bool {
        false
    }
    /// A fact, before it is folded in: if it keeps facts.
    fn keep(&mut self, _at: Time, _node: NodeId, _fact: &D::Fact, _shared: &D::Shared) {}
    /// The kernel's own news.
    fn told(&mut self, at: Time, node: NodeId, news: News);
}

/// What the kernel itself reports. It is numbered, in fingerprints too: what is new comes last, and the gap stays a gap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
    /// The process died.
    Crashed,
    /// The machine died.
    MachineCrashed,
    /// It is back.
    Restarted,
    /// A connection of this node broke.
    ConnectionReset,
    /// A partition began at this node.
    PartitionBegan,
    /// It is over.
    PartitionEnded,
    /// The disk took no more.
    DiskFilled,
    /// The process stands still.
    Paused,
    /// It goes on.
    Resumed,
    /// Work takes longer.
    Slowed,
    /// It takes its time again.
    SlowEnded,
    /// Transfers and syncs take longer.
    DiskSlowed,
    /// No transfer and no sync ends.
    DiskStalled,
    /// Syncs make nothing safe.
    SyncsLie,
    /// What was wrong with the disk is over.
    DiskRecovered,
    /// The clock was set, or goes otherwise.
    ClockChanged,
    /// The process was told to end, and does so in good order.
    Stopped = 31,
    /// Links from this node are worse from now on.
    ImpairmentBegan,
    /// They are as they were.
    ImpairmentEnded,
    /// Records on the disk are damaged from now on.
    RecordsDamaged,
}

/// What a node learns of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConnectionChange {
    /// It is open.
    Connected,
    /// Nobody answered, or the peer said no.
    Refused,
    /// The peer closed it in good order: all it sent before has come.
    Closed,
    /// It broke: what was under way is lost.
    Reset,
    /// The peer reads again.
    Writable,
}

/// A machine, and a process on it. What every event needs stands first, in one line of the cache.
#[derive(Clone)]
#[repr(C, align(64))]
pub(crate) struct Process<D: Domain> {
    pub(crate) incarnation: u32,
    pub(crate) cores: u32,
    pub(crate) cores_busy: u32,
    pub(crate) up: bool,
    pub(crate) clock: Clock,
    /// Of the cores.
    pub(crate) pace: Pace<D>,
    /// Work that waits for a core: span, token, mark.
    pub(crate) work: Fifo<(Span, D::Timer, u32)>,
    pub(crate) disk: Disk<D::Record>,
    pub(crate) disk_pace: Pace<D>,
    /// It is paused until then; zero: it is not.
    pub(crate) paused_until: Time,
    pub(crate) paused_since: Time,
    /// What it will be told when it is no longer paused.
    pub(crate) postponed: Vec<Event<D>>,
}

/// What a node's machine is like.
#[derive(Clone, PartialEq, Debug)]
pub struct Machine {
    /// Its disk.
    pub disk: DiskSpec,
    /// Pieces of work that it does side by side.
    pub cores: u32,
    /// What its clock shows beyond the true time, in nanoseconds.
    pub clock_offset: i64,
    /// What its clock gains in a second of true time, in nanoseconds.
    pub clock_drift: i64,
    /// When it boots; zero: before time 0.
    pub starts: Time,
}

impl<D: Domain> Process<D> {
    #[inline(always)]
    pub(crate) fn clock(&self, now: Time) -> Stamp {
        self.clock.at(now)
    }
}
