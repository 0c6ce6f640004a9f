//! Links, and the two ways over them: datagrams and connections.
//!
//! A **datagram** may be lost, come twice, or be overtaken. A **connection** is reliable and in order: a lost segment
//! stalls it. The segment comes one round trip later if three later ones leave within that time (fast retransmit),
//! else after a retransmission timeout of max(200 ms, 2 round trips) (RFC 6298 with Linux' floor), doubling; what is
//! behind it waits. A partition stalls a connection too, and breaks it after [`SILENCE_LIMIT`]. An end that has gone
//! without a word (a machine that crashed) answers the first segment that reaches it once it is back by a reset
//! (RFC 9293, 3.10.7.1); what had been sent to it meanwhile is sent again with the same back-off.
//!
//! Left out: congestion control, slow start, segmentation (a message is one segment).

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
        let lost = self.loss != Chance::NEVER && self.loss.happens(purpose.draw(luck, 0));
        if lost || self.latency == u64::MAX {
            return None;
        }
        let jitter = if self.jitter > 0.0 { exponential(purpose.draw(luck, 2), self.jitter) } else { 0 };
        Some(Span(self.latency) + Span(jitter))
    }
}

impl<M> Link<M> {
    /// When the last byte has left, for a packet sent now.
    #[inline(always)]
    pub(crate) fn departure(&mut self, now: Time, bytes: u64) -> Time {
        self.bytes += bytes;
        let Some(bandwidth) = self.spec.bandwidth else { return now };
        self.busy_for(now, bytes as f64 / bandwidth)
    }

    /// How long a packet with this luck is on the way.
    #[inline(always)]
    pub(crate) fn delay(&self, luck: Luck) -> Span {
        let draw = |counter| move || self.purpose.draw(luck, counter);
        Span(self.spec.latency.sample_with(draw(1))) + Span(self.spec.jitter.sample_with(draw(2)))
    }

    #[inline(never)]
    fn busy_for(&mut self, now: Time, seconds: f64) -> Time {
        self.busy_until = self.busy_until.max(now) + Span((seconds * 1e9 + 0.5) as u64);
        self.busy_until
    }

    pub(crate) fn round_trip(&self) -> Span {
        Span((2.0 * (self.spec.latency.mean() + self.spec.jitter.mean()).min(1e18)) as u64)
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
    /// Bytes in `held` and `unread`.
    pub(crate) waiting_bytes: u64,
    /// The sender was told that it cannot write.
    pub(crate) choked: bool,
}

/// What a connection carries: messages, and the news that the other end is gone.
#[derive(Clone, Copy)]
pub(crate) struct Segment<M> {
    pub(crate) message: M,
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
            waiting_bytes: 0,
            choked: false,
        }
    }
}

/// A connection: its two ends, each open or not.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) ends: [NodeId; 2],
    /// What belongs to an earlier epoch is void.
    pub(crate) epoch: u32,
    pub(crate) open: [bool; 2],
    /// The client waits for an answer to its call.
    pub(crate) calling: bool,
    /// The call has come to its server: what is open there is of this epoch.
    pub(crate) answered: bool,
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
}
