//! Links, and the two ways over them: datagrams and connections.
//!
//! A **datagram** may be lost, come twice, or be overtaken. A **connection** is reliable and in order: a lost segment
//! stalls it. The segment comes one round trip later if three later ones leave within that time (fast retransmit),
//! else after a retransmission timeout of max(200 ms, 2 round trips) (RFC 6298 with Linux' floor), doubling; what is
//! behind it waits. A partition stalls a connection too. An end that hears nothing for [`SILENCE_LIMIT`], be it for a
//! partition or for a segment that is lost again and again, breaks it. An end that has gone
//! without a word (a machine that crashed) answers the first segment that reaches it once it is back by a reset
//! (RFC 9293, 3.10.7.1); what had been sent to it meanwhile is sent again with the same back-off.
//!
//! Each call begins another connection over the same two links, its **epoch**. An end takes part in one at a time: the
//! client in the next as it calls, the server as the call comes. So a server that is cut off keeps the one of before, and
//! finds out in its time.
//!
//! Left out: congestion control, slow start, segmentation (a message is one segment); a socket that outlives its process
//! once the client calls again.

use crate::impairment::{Impairments, Unusual};
use crate::node::NodeId;
use crate::random::{Chance, Luck, Purpose};
use crate::sample::{Distribution, exponential};
use crate::time::{Span, Time};
use std::collections::VecDeque;
use std::sync::Arc;

/// A directed link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LinkId(pub u32);

/// Two nodes that talk to each other: a pair of links, and perhaps a connection over them. The first end is the
/// client, which connects.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ConnectionId(pub u32);

impl ConnectionId {
    /// The link from the client (side 0) or from the server (side 1).
    #[inline(always)]
    pub fn link(self, side: usize) -> LinkId {
        LinkId(self.0 * 2 + side as u32)
    }
}

impl LinkId {
    pub(crate) fn connection(self) -> ConnectionId {
        ConnectionId(self.0 / 2)
    }

    /// The end that receives: 1 is the server.
    pub(crate) fn receiver(self) -> usize {
        1 - (self.0 as usize & 1)
    }
}

/// A peer that is silent for so long is taken for dead: RabbitMQ's negotiated heartbeat, 60 s.
pub const SILENCE_LIMIT: Span = Span::seconds(60);
/// A peer that does not answer a call for so long is not there.
pub const CONNECT_TIMEOUT: Span = Span::seconds(3);
/// A lost segment is sent again after at least so long.
pub const RETRANSMISSION_MIN: Span = Span::millis(200);
/// Bytes that wait unread at one end of a connection before the other end is told to stop writing.
pub const SOCKET_BUFFER: u64 = 256 * 1024;

/// Counters of the draws about a packet; a segment that is sent again has the next `TRY`.
pub(crate) mod counters {
    pub(crate) const LOSS: u64 = 0;
    /// The jitter's is the next.
    pub(crate) const LATENCY: u64 = 1;
    pub(crate) const DOUBLED: u64 = 3;
    /// The copy's jitter's is the next.
    pub(crate) const COPY_LATENCY: u64 = 4;
    pub(crate) const TRY: u64 = 8;
}

/// What a directed link is like.
#[derive(Clone, PartialEq, Debug)]
pub struct LinkSpec {
    /// One-way delay, in nanoseconds.
    pub latency: Distribution,
    /// Added to the latency, in nanoseconds.
    pub jitter: Distribution,
    /// Chance that a packet is lost.
    pub loss: Chance,
    /// Chance that a datagram comes twice.
    pub duplication: Chance,
    /// Bytes per second; none is no limit.
    pub bandwidth: Option<f64>,
    /// What only some links do.
    pub impairments: Option<Box<Impairments>>,
}

/// Why a packet did not arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DropCause {
    /// The link lost it.
    Loss,
    /// A partition was in its way.
    Partition,
    /// A fault took it out.
    Fault,
    /// Nobody was there.
    NodeDown,
    /// Its connection was broken.
    Reset,
    /// The link's buffer had no room for it.
    Buffer,
    /// It was larger than a datagram may be on this link.
    TooLarge,
}

/// A link and its state. There may be very many: what every packet needs stands first, in one line of the cache.
#[derive(Clone)]
#[repr(C, align(64))]
pub(crate) struct Link<M> {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    /// Links that are alike share it.
    pub(crate) spec: Arc<LinkSpec>,
    pub(crate) purpose: Purpose,
    /// Anything that other links do not have: a partition, a fault, bursts, a buffer.
    pub(crate) unusual: Option<Box<Unusual<M>>>,
    pub(crate) bytes: u64,
    pub(crate) plain: Plain,
    pub(crate) busy_until: Time,
    pub(crate) stream: Stream<M>,
    /// Partitions that cut it now.
    pub(crate) cuts: u32,
    /// Since when it is blocked by partitions or jams, if it is.
    pub(crate) blocked_since: Time,
}

/// What most links are, beside what stands in their specifications: no bandwidth, nothing twice, a constant latency and
/// perhaps an exponential jitter.
#[derive(Clone, Copy)]
pub(crate) struct Plain {
    loss: Chance,
    /// `u64::MAX`: the link is not that plain.
    latency: u64,
    /// Mean of the jitter; 0 is none.
    jitter: f64,
}

impl Plain {
    pub(crate) fn new(spec: &LinkSpec) -> Self {
        let (latency, jitter) = match (&spec.latency, &spec.jitter) {
            (Distribution::Constant(latency), Distribution::Constant(0)) => (*latency, 0.0),
            (Distribution::Constant(latency), Distribution::Exponential { mean }) => (*latency, *mean),
            _ => (u64::MAX, 0.0),
        };
        let plain = spec.bandwidth.is_none() && spec.duplication == Chance::NEVER;
        Plain { loss: spec.loss, latency: if plain { latency } else { u64::MAX }, jitter }
    }

    /// How long a packet with this luck is on the way; none if it is lost, or the link is not that plain.
    #[inline(always)]
    pub(crate) fn delay(self, purpose: Purpose, luck: Luck) -> Option<Span> {
        let lost = self.loss != Chance::NEVER && self.loss.happens(purpose.draw(luck, counters::LOSS));
        if lost || self.latency == u64::MAX {
            return None;
        }
        let jitter = if self.jitter > 0.0 {
            exponential(purpose.draw(luck, counters::LATENCY + 1), self.jitter)
        } else {
            0
        };
        Some(Span(self.latency) + Span(jitter))
    }
}

impl<M> Link<M> {
    /// When the last byte has left, for a packet sent now.
    pub(crate) fn departure(&mut self, now: Time, bytes: u64) -> Time {
        let Some(bandwidth) = self.spec.bandwidth else { return now };
        let seconds = bytes as f64 / bandwidth;
        self.busy_until = self.busy_until.max(now) + Span((seconds * 1e9 + 0.5) as u64);
        self.busy_until
    }

    /// What is to be expected, one way.
    pub(crate) fn mean_delay(&self) -> Span {
        Span((self.spec.latency.mean() + self.spec.jitter.mean()).min(1e18) as u64)
    }
}

/// One direction of a connection. What every segment needs stands first.
#[derive(Clone)]
#[repr(C)]
pub(crate) struct Stream<M> {
    pub(crate) last_arrival: Time,
    /// A segment is missing: what is sent now waits in `held`.
    pub(crate) stalled: bool,
    /// The receiver does not read, or has not yet read all that waited: what arrives waits in `unread`.
    pub(crate) reading_stopped: bool,
    pub(crate) stalled_at: Time,
    /// How many were sent since.
    pub(crate) later: u32,
    /// Releases of former stalls are void.
    pub(crate) stall: u32,
    /// How often the missing segment has been sent.
    pub(crate) tries: u32,
    pub(crate) held: VecDeque<Segment<M>>,
    /// It reads again.
    pub(crate) resumed: bool,
    /// The first of those that waited is being read.
    pub(crate) reading: bool,
    pub(crate) unread: VecDeque<Segment<M>>,
    /// The sender has closed: its end comes behind what is held.
    pub(crate) closing: bool,
    /// Its end has come, behind what is unread.
    pub(crate) closed: bool,
    /// Bytes in `held` and `unread`.
    pub(crate) waiting_bytes: u64,
    /// The sender was told that it cannot write.
    pub(crate) choked: bool,
}

/// A packet that waits. What it is like is asked once: its message's record may be closed before it goes on.
#[derive(Clone, Copy)]
pub(crate) struct Segment<M> {
    pub(crate) message: M,
    pub(crate) bytes: u64,
    pub(crate) luck: Luck,
    /// It has left for the first time then, and waits at the receiver for a missing one; none: it has still to be sent.
    pub(crate) left: Option<Time>,
    pub(crate) mark: u32,
}

impl<M> Stream<M> {
    pub(crate) fn new() -> Self {
        Stream {
            stalled: false,
            stalled_at: Time::ZERO,
            later: 0,
            stall: 0,
            tries: 0,
            last_arrival: Time::ZERO,
            held: VecDeque::new(),
            reading_stopped: false,
            resumed: false,
            reading: false,
            unread: VecDeque::new(),
            closing: false,
            closed: false,
            waiting_bytes: 0,
            choked: false,
        }
    }
}

/// A connection: its two ends, each open or not.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) ends: [NodeId; 2],
    /// In which connection over these links each end takes part, or took part last. What comes to it of another is void.
    pub(crate) epochs: [u32; 2],
    pub(crate) open: [bool; 2],
    /// The client waits for an answer to its call.
    pub(crate) calling: bool,
    /// This end has gone without a word to the other.
    pub(crate) unheard: [bool; 2],
    /// When the first segment came to this end that was dead by then: its sender goes on trying.
    pub(crate) unanswered: [Option<Time>; 2],
}

impl Connection {
    #[inline(always)]
    pub(crate) fn side_of(&self, node: NodeId) -> usize {
        usize::from(self.ends[0] != node)
    }

    /// Whether what comes to this end in this epoch is for it: it is open; or it calls, and the answer comes before.
    pub(crate) fn takes(&self, side: usize, epoch: u32) -> bool {
        self.epochs[side] == epoch && (self.open[side] || side == 0 && self.calling)
    }
}
