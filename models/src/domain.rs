//! Messaging as a domain of the kernel: which nodes there are, and what packets and facts mean to it.

use crate::causes::LossCause;
use crate::checks::Book;
use crate::fact::Fact;
use crate::handler::Selection;
use crate::message::{KeyId, MessageRef, SubscriptionId};
use crate::packet::{Packet, Record, Timer};
use crate::part::Part;
use crate::setup::PacketKind;
use crate::shared::Shared;
use crate::shelf::NOWHERE;
use redeliver_sim::{Domain, DropCause, Luck, NodeId, RecordLoss, Time, mix};

/// The domain.
#[derive(Clone, Copy, Debug)]
pub struct Messaging;

/// What a node answers with.
pub type Out<'a> = redeliver_sim::Out<'a, Messaging>;
/// A world of messaging.
pub type World = redeliver_sim::World<Messaging>;

/// Which facts a fault waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FactPattern {
    /// Number of the kind.
    pub kind: u32,
    /// Only about this message: source and number.
    pub message: Option<(u32, u32)>,
    /// Only about messages of this key.
    pub key: Option<KeyId>,
    /// Only for this subscription.
    pub subscription: Option<SubscriptionId>,
    /// Only noted by these nodes.
    pub nodes: Option<Vec<NodeId>>,
}

/// Which packets a fault takes out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PacketPattern {
    /// The kind.
    pub kind: PacketKind,
    /// Only about this message: source and number. A commit is about all that it passes.
    pub message: Option<(u32, u32)>,
}

/// Which records a fault damages.
#[derive(Clone, Debug)]
pub struct RecordPattern {
    /// Of which messages.
    pub which: Selection,
    /// The fault acts for the `time`-th time, from 0.
    pub time: u64,
}

/// Bytes of a packet beside the message that it carries: headers of the protocols, roughly.
const OVERHEAD: u64 = 64;

impl Packet {
    /// The message that it is about.
    #[inline(always)]
    pub fn message(&self) -> Option<MessageRef> {
        match *self {
            Packet::Publish { m, .. }
            | Packet::Confirm { m, .. }
            | Packet::Deliver { m, .. }
            | Packet::Offer { m, .. }
            | Packet::Ack { m, .. }
            | Packet::Nack { m, .. }
            | Packet::Record { m, .. }
            | Packet::Datagram { m, .. }
            | Packet::Request { m, .. }
            | Packet::Response { m, .. } => Some(m),
            Packet::Command { m, .. } | Packet::Append { m, .. } if m != MessageRef::NONE => Some(m),
            _ => None,
        }
    }

    /// Whether it carries the message itself, and not news of it.
    #[inline(always)]
    fn carries(&self) -> bool {
        matches!(
            self,
            Packet::Publish { .. }
                | Packet::Deliver { .. }
                | Packet::Offer { .. }
                | Packet::Record { .. }
                | Packet::Datagram { .. }
                | Packet::Request { .. }
                | Packet::Command { .. }
                | Packet::Append { .. }
        )
    }

    fn kind(&self) -> Option<PacketKind> {
        match self {
            Packet::Publish { .. } => Some(PacketKind::Publish),
            Packet::Confirm { .. } => Some(PacketKind::Confirm),
            Packet::Deliver { .. }
            | Packet::Offer { .. }
            | Packet::Record { .. }
            | Packet::Datagram { .. }
            | Packet::Request { .. } => Some(PacketKind::Deliver),
            Packet::Ack { .. } | Packet::Response { .. } => Some(PacketKind::Ack),
            Packet::Commit { .. } => Some(PacketKind::Commit),
            _ => None,
        }
    }
}

impl Domain for Messaging {
    type Node = Part;
    type Message = Packet;
    type Timer = Timer;
    type Fact = Fact;
    type Checks = Book;
    type Shared = Shared;
    type Record = Record;
    type FactPattern = FactPattern;
    type MessagePattern = PacketPattern;
    type RecordPattern = RecordPattern;

    #[inline(always)]
    fn luck(packet: &Packet, shared: &Shared, now: Time) -> Luck {
        // Acks and confirms travel over other links than messages do, so the attempt is enough to tell them apart.
        match *packet {
            Packet::Publish { m, attempt, .. }
            | Packet::Confirm { m, attempt, .. }
            | Packet::Deliver { m, attempt, .. }
            | Packet::Offer { m, attempt, .. }
            | Packet::Ack { m, attempt, .. }
            | Packet::Nack { m, attempt, .. }
            | Packet::Record { m, attempt, .. }
            | Packet::Request { m, attempt, .. }
            | Packet::Response { m, attempt, .. } => shared.messages.get(m).luck.attempt(u64::from(attempt)),
            Packet::Datagram { m, .. } => shared.messages.get(m).luck,
            _ => control_luck(packet, now),
        }
    }

    #[inline(always)]
    fn bytes(packet: &Packet, shared: &Shared) -> u64 {
        match packet.message() {
            Some(m) if packet.carries() => shared.messages.get(m).size + OVERHEAD,
            _ => OVERHEAD,
        }
    }

    fn dropped(packet: &Packet, cause: DropCause, shared: &mut Shared) -> Fact {
        let why = match cause {
            DropCause::Loss => LossCause::Network,
            DropCause::Partition => LossCause::Partition,
            DropCause::Fault => LossCause::Dropped,
            DropCause::NodeDown => LossCause::ReceiverDown,
            DropCause::Reset => LossCause::ConnectionReset,
            DropCause::Buffer => LossCause::LinkBuffer,
            DropCause::TooLarge => LossCause::TooLarge,
        };
        if let Packet::Command { number, queue, .. } = *packet {
            shared.let_go(usize::from(queue), number);
        }
        match *packet {
            Packet::Publish { m, .. } => Fact::PublishDropped { m, why },
            Packet::Command { m, .. } if m != MessageRef::NONE => Fact::PublishDropped { m, why },
            Packet::Append { m, s, .. } if m != MessageRef::NONE => Fact::DeliveryDropped { m, s, why },
            Packet::Confirm { m, .. } => Fact::ConfirmDropped { m },
            Packet::Deliver { m, s, .. }
            | Packet::Offer { m, s, .. }
            | Packet::Record { m, s, .. }
            | Packet::Datagram { m, s }
            | Packet::Request { m, s, .. } => Fact::DeliveryDropped { m, s, why },
            Packet::Ack { m, s, .. } | Packet::Nack { m, s, .. } | Packet::Response { m, s, .. } => {
                Fact::AckDropped { m, s }
            }
            _ => Fact::ControlDropped,
        }
    }

    fn duplicated(packet: &Packet) -> Fact {
        match *packet {
            Packet::Publish { m, .. } => Fact::PublishDuplicated { m },
            Packet::Deliver { m, s, .. }
            | Packet::Offer { m, s, .. }
            | Packet::Record { m, s, .. }
            | Packet::Datagram { m, s }
            | Packet::Request { m, s, .. } => Fact::DeliveryDuplicated { m, s },
            _ => Fact::ControlDuplicated,
        }
    }

    fn record_lost(record: &Record, why: RecordLoss, shared: &mut Shared) -> Fact {
        match *record {
            Record::Queued { m, s, .. }
            | Record::Held { m, s, .. }
            | Record::Ahead { m, s, .. }
            | Record::Pending { m, s, .. }
            | Record::Hidden { m, s, .. }
            | Record::Owned { m, s, .. }
            | Record::Behind { m, s, .. } => Fact::Removed { m, s, why: loss_of(why) },
            Record::Logged { id, .. } => Fact::Released { m: shared.take_out(id, |_| NOWHERE) },
            Record::Streamed { m, .. }
            | Record::SavedMessage { m, .. }
            | Record::SavedRetained { m, .. }
            | Record::SavedIncoming { m, .. } => Fact::Released { m },
            Record::Outbox { m, .. } => Fact::PublishDropped { m, why: loss_of(why) },
            Record::Offset { .. }
            | Record::Entry { .. }
            | Record::Ballot { .. }
            | Record::Tail { .. }
            | Record::Committed { .. }
            | Record::Bound
            | Record::Sequence { .. }
            | Record::Read { .. }
            | Record::KnownId { .. }
            | Record::GivenUp { .. }
            | Record::SavedStream { .. }
            | Record::SavedReader { .. }
            | Record::SavedDelivery { .. }
            | Record::SavedSubscription { .. }
            | Record::Change
            | Record::Decision { .. }
            | Record::Prepared { .. }
            | Record::Shutdown { .. }
            | Record::DeliveredBelow { .. } => Fact::ControlDropped,
        }
    }

    #[inline(always)]
    fn kind(fact: &Fact) -> u32 {
        fact.kind()
    }

    fn pattern_kind(pattern: &FactPattern) -> u32 {
        pattern.kind
    }

    fn matches(pattern: &FactPattern, node: NodeId, fact: &Fact, shared: &Shared) -> bool {
        let subscription = pattern.subscription.is_none_or(|wanted| fact.subscription() == Some(wanted));
        let place = pattern.nodes.as_ref().is_none_or(|nodes| nodes.contains(&node));
        let message = fact.message().map(|m| shared.messages.get(m));
        let named = pattern
            .message
            .is_none_or(|wanted| message.is_some_and(|message| (message.source.0, message.number) == wanted));
        let keyed = pattern.key.is_none_or(|key| message.is_some_and(|message| message.key == key));
        subscription && place && named && keyed
    }

    fn record_matches(pattern: &RecordPattern, record: &Record, shared: &Shared) -> bool {
        // A message has a record in each queue.
        let (message, place) = match *record {
            Record::Queued { m, s, .. }
            | Record::Held { m, s, .. }
            | Record::Ahead { m, s, .. }
            | Record::Pending { m, s, .. }
            | Record::Hidden { m, s, .. }
            | Record::Owned { m, s, .. }
            | Record::Behind { m, s, .. } => (*shared.messages.get(m), 1 + u64::from(s.0)),
            Record::Logged { id, .. } => (shared.retained(id), 0),
            Record::Streamed { m, .. } => (*shared.messages.get(m), 0),
            Record::SavedMessage { .. } | Record::SavedRetained { .. } | Record::SavedIncoming { .. } => {
                return false;
            }
            Record::Offset { .. }
            | Record::Entry { .. }
            | Record::Ballot { .. }
            | Record::Tail { .. }
            | Record::Committed { .. }
            | Record::Outbox { .. }
            | Record::Bound
            | Record::Sequence { .. }
            | Record::Read { .. }
            | Record::KnownId { .. }
            | Record::GivenUp { .. }
            | Record::SavedStream { .. }
            | Record::SavedReader { .. }
            | Record::SavedDelivery { .. }
            | Record::SavedSubscription { .. }
            | Record::Change
            | Record::Decision { .. }
            | Record::Prepared { .. }
            | Record::Shutdown { .. }
            | Record::DeliveredBelow { .. } => return false,
        };
        pattern.which.has(&message, pattern.time << 17 | place)
    }

    fn message_matches(pattern: &PacketPattern, packet: &Packet, shared: &Shared) -> bool {
        let is_about = |wanted| match *packet {
            Packet::Commit { partition, offset, .. } => shared.is_passed(wanted, partition, offset),
            _ => packet.message().is_some_and(|m| {
                let message = shared.messages.get(m);
                (message.source.0, message.number) == wanted
            }),
        };
        packet.kind() == Some(pattern.kind) && pattern.message.is_none_or(is_about)
    }
}

/// Why a crash of the machine took a record, as a cause of loss.
pub(crate) fn loss_of(why: RecordLoss) -> LossCause {
    match why {
        RecordLoss::Unsynced => LossCause::Unsynced,
        RecordLoss::SyncLied => LossCause::SyncLied,
        RecordLoss::Torn => LossCause::TornRecord,
    }
}

/// Control traffic draws by what it says, and when: a member's fetches are all alike.
#[cold]
#[inline(never)]
fn control_luck(packet: &Packet, now: Time) -> Luck {
    let (a, b) = match *packet {
        Packet::Received { m, attempt, .. } => (m.index() as u64 | 1 << 39, u64::from(attempt)),
        Packet::Release { m, attempt, .. } => (m.index() as u64 | 1 << 40, u64::from(attempt)),
        Packet::Accepted { m } => (m.index() as u64 | 1 << 41, 0),
        Packet::Proceed { m, attempt } => (m.index() as u64 | 1 << 42, u64::from(attempt)),
        Packet::Command { number, .. } => (u64::from(number) | 1 << 37, 0),
        Packet::Append { id, index, .. } => (u64::from(id) | 1 << 38, u64::from(index)),
        Packet::Fetch { group, member, .. } => (u64::from(group) | 1 << 35, u64::from(member)),
        Packet::Seek { partition, offset, .. } => (u64::from(partition) | 1 << 36, u64::from(offset)),
        Packet::Commit { partition, offset, .. } => (u64::from(partition) | 1 << 32, u64::from(offset)),
        Packet::CommitAnswer { partition, offset, .. } => (u64::from(partition) | 1 << 33, u64::from(offset)),
        Packet::Join { group, member }
        | Packet::Leave { group, member }
        | Packet::Heartbeat { group, member } => (u64::from(group) | 1 << 34, u64::from(member)),
        _ => (0, 0),
    };
    Luck(mix(mix(mix(a) ^ b).wrapping_add(now.0)))
}
