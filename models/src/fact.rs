//! What nodes and network report. The ledger and the checks fold over these facts; a witness is a list of them.
//!
//! A copy is a place where a message still is. *Upstream* copies would reach every subscription: the producer's own
//! and those on their way to a broker. All others belong to one subscription. Each fact says which copies begin or
//! end, and the ledger does the sums.

use crate::causes::{DuplicateCause, LossCause};
use crate::message::{MessageRef, SourceId, SubscriptionId};
use redeliver_sim::Span;

/// A fact. The numbers of the kinds are part of the fingerprint: they are never used again for another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[allow(missing_docs)] // m: the message; s: the subscription
pub enum Fact {
    /// Its source published it. An upstream copy begins: with the producer, or on the wire. If the producer keeps it
    /// until it knows the outcome (`buffered`) and has `sent` it at once, there are two.
    Published { m: MessageRef, buffered: bool, sent: bool } = 1,
    /// The producer sent it again. An upstream copy begins.
    Resent { m: MessageRef, attempt: u16 } = 2,
    /// It was lost on its way to a broker. An upstream copy ends.
    PublishDropped { m: MessageRef, why: LossCause } = 3,
    /// A broker put it into a subscription's queue, at this rank of this queue. A copy begins; with `last` the
    /// upstream copy that came ends.
    Stored { m: MessageRef, s: SubscriptionId, line: u32, rank: u32, last: bool } = 4,
    /// A broker appended it to a log. A copy begins in each subscription of its topic, a retained one, and the
    /// upstream copy that came ends. Its offset is its rank, unless a crash has taken offsets back.
    Appended { m: MessageRef, line: u32, rank: u32, offset: u32 } = 5,
    /// A broker did not take it. The upstream copy that came ends.
    NotTaken { m: MessageRef, why: LossCause } = 6,
    /// The broker's answer to a producer was lost.
    ConfirmDropped { m: MessageRef } = 7,
    /// The producer holds a positive acknowledgement. Its own copy ends.
    Confirmed { m: MessageRef } = 8,
    /// The producer was told no, or stopped trying. Its own copy ends.
    GaveUp { m: MessageRef, refused: bool } = 9,
    /// It was sent to a consumer. A copy begins.
    Dispatched { m: MessageRef, s: SubscriptionId, attempt: u16, member: u32 } = 10,
    /// It was lost on its way to a consumer. A copy ends.
    DeliveryDropped { m: MessageRef, s: SubscriptionId, why: LossCause } = 11,
    /// It came to a consumer.
    Delivered { m: MessageRef, s: SubscriptionId, attempt: u16 } = 12,
    /// Its effect took place, after so much work. The consumer's copy ends.
    Processed { m: MessageRef, s: SubscriptionId, attempt: u16, worked: Span } = 13,
    /// A consumer lost it or let it go without an effect. The consumer's copy ends.
    Discarded { m: MessageRef, s: SubscriptionId, why: LossCause } = 14,
    /// It was settled: the ack has come, or a committed offset has passed it. The broker's copy ends.
    Acked { m: MessageRef, s: SubscriptionId } = 15,
    /// An ack was lost.
    AckDropped { m: MessageRef, s: SubscriptionId } = 16,
    /// The broker will deliver it again.
    Requeued { m: MessageRef, s: SubscriptionId, why: DuplicateCause } = 17,
    /// The broker lost it or let it go. The broker's copy ends.
    Removed { m: MessageRef, s: SubscriptionId, why: LossCause } = 18,
    /// Its queue gave it up: it was put aside, or it is in other queues now (or once more at the end of this one:
    /// `back`). The broker's copy ends.
    DeadLettered { m: MessageRef, s: SubscriptionId, back: bool } = 19,
    /// A log or a stream deleted it. The retained copy ends.
    Released { m: MessageRef } = 20,
    /// A subscription's position went back: it will read the message again. A copy begins.
    Rewound { m: MessageRef, s: SubscriptionId, why: DuplicateCause } = 21,
    /// Its handler failed, after so much work.
    Failed { m: MessageRef, s: SubscriptionId, attempt: u16, worked: Span } = 22,
    /// The network made a second packet of one. An upstream copy begins.
    PublishDuplicated { m: MessageRef } = 23,
    /// The network made a second packet of one. A copy begins.
    DeliveryDuplicated { m: MessageRef, s: SubscriptionId } = 24,
    /// A consumer gave it back. The consumer's copy ends.
    GivenBack { m: MessageRef, s: SubscriptionId } = 25,
    /// An ack came for something that was settled already.
    StrayAck { m: MessageRef, s: SubscriptionId } = 26,
    /// A subscription that joined late finds it in the log, at this rank of this partition. A copy begins.
    Found { m: MessageRef, s: SubscriptionId, line: u32, rank: u32 } = 27,
    /// A producer stops: its connection is blocked, or its window full.
    Blocked = 28,
    /// It goes on.
    Unblocked = 29,
    /// A member has this partition now.
    Assigned { s: SubscriptionId, line: u32 } = 30,
    /// It was taken from it.
    Revoked { s: SubscriptionId, line: u32 } = 31,
    /// A group's offset was committed: the next to read.
    Committed { s: SubscriptionId, line: u32, offset: u32 } = 32,
    /// A consumer asked and got nothing.
    EmptyPoll { s: SubscriptionId } = 33,
    /// The producer no longer has it, and needs it no more. The upstream copy ends.
    Forgotten { m: MessageRef } = 34,
    /// A packet that carried no message was lost.
    ControlDropped = 35,
    /// A packet that carried no message came twice.
    ControlDuplicated = 36,
    /// The producer sends what it had to keep back. If it is buffered, an upstream copy begins.
    Sent { m: MessageRef } = 37,
    /// A consumer put it aside by itself, and will settle it. The consumer's copy ends.
    PutAside { m: MessageRef, s: SubscriptionId } = 38,
    /// This subscription's queue did not take it, while others may. No copy ends.
    TurnedAway { m: MessageRef, s: SubscriptionId } = 39,
    /// A consumer got its record, and could not read it. No copy ends.
    Unreadable { m: MessageRef, s: SubscriptionId } = 40,
    /// A stream keeps it, whoever reads it. A retained copy begins; with `last` the upstream copy that came ends.
    Retained { m: MessageRef, last: bool } = 41,
    /// A broker knows it already. The upstream copy that came ends.
    StoredBefore { m: MessageRef } = 42,
    /// It came to a consumer that knows that it has processed it: it has no second effect. The consumer's copy ends.
    Deduplicated { m: MessageRef, s: SubscriptionId } = 44,
    /// Another member of a replicated queue wrote the copy that came. The copy is one of the broker's from now on.
    Replicated { m: MessageRef, s: SubscriptionId } = 43,
    /// Such a member no longer has it, because what became of it is settled; or it did not need the copy that came, and
    /// has not `written` it. The copy ends.
    ReplicaGone { m: MessageRef, s: SubscriptionId, written: bool } = 45,
    /// A node sends it on to one of several queues, or keeps it until that queue has answered. An upstream copy begins.
    Forwarded { m: MessageRef } = 46,
    /// The leader of a replicated queue sent it to another member. A copy begins.
    Copied { m: MessageRef, s: SubscriptionId } = 47,
    /// Broker and database have promised to commit its ack and its effect. The consumer's copy is the database's now.
    Prepared { m: MessageRef, s: SubscriptionId } = 60,
    /// Their transaction's coordinator has decided that they do, and will never say otherwise.
    Decided { m: MessageRef, s: SubscriptionId } = 61,
    /// This subscription does not get it, while others may. With `last` the upstream copy that came ends.
    PassedOver { m: MessageRef, s: SubscriptionId, why: LossCause, last: bool } = 63,
    /// It came again to a consumer that has it, and has not handed it to its application yet. The copy that came ends.
    HeldAlready { m: MessageRef, s: SubscriptionId } = 64,
    /// A producer has committed a change of its own state.
    StateChanged { source: SourceId } = 62,
}

impl Fact {
    /// Number of the kind.
    #[inline(always)]
    pub fn kind(&self) -> u32 {
        match self {
            Fact::Published { .. } => 1,
            Fact::Resent { .. } => 2,
            Fact::PublishDropped { .. } => 3,
            Fact::Stored { .. } => 4,
            Fact::Appended { .. } => 5,
            Fact::NotTaken { .. } => 6,
            Fact::ConfirmDropped { .. } => 7,
            Fact::Confirmed { .. } => 8,
            Fact::GaveUp { .. } => 9,
            Fact::Dispatched { .. } => 10,
            Fact::DeliveryDropped { .. } => 11,
            Fact::Delivered { .. } => 12,
            Fact::Processed { .. } => 13,
            Fact::Discarded { .. } => 14,
            Fact::Acked { .. } => 15,
            Fact::AckDropped { .. } => 16,
            Fact::Requeued { .. } => 17,
            Fact::Removed { .. } => 18,
            Fact::DeadLettered { .. } => 19,
            Fact::Released { .. } => 20,
            Fact::Rewound { .. } => 21,
            Fact::Failed { .. } => 22,
            Fact::PublishDuplicated { .. } => 23,
            Fact::DeliveryDuplicated { .. } => 24,
            Fact::GivenBack { .. } => 25,
            Fact::StrayAck { .. } => 26,
            Fact::Found { .. } => 27,
            Fact::Blocked => 28,
            Fact::Unblocked => 29,
            Fact::Assigned { .. } => 30,
            Fact::Revoked { .. } => 31,
            Fact::Committed { .. } => 32,
            Fact::EmptyPoll { .. } => 33,
            Fact::Forgotten { .. } => 34,
            Fact::ControlDropped => 35,
            Fact::ControlDuplicated => 36,
            Fact::Sent { .. } => 37,
            Fact::PutAside { .. } => 38,
            Fact::TurnedAway { .. } => 39,
            Fact::Unreadable { .. } => 40,
            Fact::Retained { .. } => 41,
            Fact::StoredBefore { .. } => 42,
            Fact::Deduplicated { .. } => 44,
            Fact::Replicated { .. } => 43,
            Fact::ReplicaGone { .. } => 45,
            Fact::Forwarded { .. } => 46,
            Fact::Copied { .. } => 47,
            Fact::Prepared { .. } => 60,
            Fact::Decided { .. } => 61,
            Fact::StateChanged { .. } => 62,
            Fact::PassedOver { .. } => 63,
            Fact::HeldAlready { .. } => 64,
        }
    }

    /// Its name in a trace.
    pub fn name(&self) -> &'static str {
        match self {
            Fact::Published { .. } => "published",
            Fact::Resent { .. } => "resent",
            Fact::PublishDropped { .. } => "publish_dropped",
            Fact::Stored { .. } => "stored",
            Fact::Appended { .. } => "appended",
            Fact::NotTaken { .. } => "not_taken",
            Fact::ConfirmDropped { .. } => "confirm_dropped",
            Fact::Confirmed { .. } => "confirmed",
            Fact::GaveUp { .. } => "gave_up",
            Fact::Dispatched { .. } => "dispatched",
            Fact::DeliveryDropped { .. } => "delivery_dropped",
            Fact::Delivered { .. } => "delivered",
            Fact::Processed { .. } => "processed",
            Fact::Discarded { .. } => "discarded",
            Fact::Acked { .. } => "acked",
            Fact::AckDropped { .. } => "ack_dropped",
            Fact::Requeued { .. } => "requeued",
            Fact::Removed { .. } => "removed",
            Fact::DeadLettered { .. } => "dead_lettered",
            Fact::Released { .. } => "released",
            Fact::Rewound { .. } => "rewound",
            Fact::Failed { .. } => "failed",
            Fact::PublishDuplicated { .. } => "publish_duplicated",
            Fact::DeliveryDuplicated { .. } => "delivery_duplicated",
            Fact::GivenBack { .. } => "given_back",
            Fact::StrayAck { .. } => "stray_ack",
            Fact::Found { .. } => "found",
            Fact::Blocked => "blocked",
            Fact::Unblocked => "unblocked",
            Fact::Assigned { .. } => "assigned",
            Fact::Revoked { .. } => "revoked",
            Fact::Committed { .. } => "committed",
            Fact::EmptyPoll { .. } => "empty_poll",
            Fact::Forgotten { .. } => "forgotten",
            Fact::ControlDropped => "control_dropped",
            Fact::ControlDuplicated => "control_duplicated",
            Fact::Sent { .. } => "sent",
            Fact::PutAside { .. } => "put_aside",
            Fact::TurnedAway { .. } => "turned_away",
            Fact::Unreadable { .. } => "unreadable",
            Fact::Retained { .. } => "retained",
            Fact::StoredBefore { .. } => "stored_before",
            Fact::Deduplicated { .. } => "deduplicated",
            Fact::Replicated { .. } => "replicated",
            Fact::ReplicaGone { .. } => "replica_gone",
            Fact::Forwarded { .. } => "forwarded",
            Fact::Copied { .. } => "copied",
            Fact::Prepared { .. } => "prepared",
            Fact::Decided { .. } => "decided",
            Fact::StateChanged { .. } => "state_changed",
            Fact::PassedOver { .. } => "passed_over",
            Fact::HeldAlready { .. } => "held_already",
        }
    }

    /// The message that it is about.
    #[inline(always)]
    pub fn message(&self) -> Option<MessageRef> {
        match *self {
            Fact::Published { m, .. }
            | Fact::Resent { m, .. }
            | Fact::PublishDropped { m, .. }
            | Fact::Stored { m, .. }
            | Fact::Appended { m, .. }
            | Fact::NotTaken { m, .. }
            | Fact::ConfirmDropped { m }
            | Fact::Confirmed { m }
            | Fact::GaveUp { m, .. }
            | Fact::Dispatched { m, .. }
            | Fact::DeliveryDropped { m, .. }
            | Fact::Delivered { m, .. }
            | Fact::Processed { m, .. }
            | Fact::Discarded { m, .. }
            | Fact::Acked { m, .. }
            | Fact::AckDropped { m, .. }
            | Fact::Requeued { m, .. }
            | Fact::Removed { m, .. }
            | Fact::DeadLettered { m, .. }
            | Fact::Released { m }
            | Fact::Rewound { m, .. }
            | Fact::Failed { m, .. }
            | Fact::PublishDuplicated { m }
            | Fact::DeliveryDuplicated { m, .. }
            | Fact::GivenBack { m, .. }
            | Fact::StrayAck { m, .. }
            | Fact::Found { m, .. }
            | Fact::PutAside { m, .. }
            | Fact::TurnedAway { m, .. }
            | Fact::PassedOver { m, .. }
            | Fact::HeldAlready { m, .. }
            | Fact::Unreadable { m, .. }
            | Fact::Deduplicated { m, .. }
            | Fact::Replicated { m, .. }
            | Fact::Copied { m, .. }
            | Fact::ReplicaGone { m, .. }
            | Fact::Forwarded { m }
            | Fact::Prepared { m, .. }
            | Fact::Decided { m, .. }
            | Fact::Forgotten { m }
            | Fact::Retained { m, .. }
            | Fact::StoredBefore { m }
            | Fact::Sent { m } => Some(m),
            Fact::Blocked
            | Fact::Unblocked
            | Fact::StateChanged { .. }
            | Fact::ControlDropped
            | Fact::ControlDuplicated
            | Fact::Assigned { .. }
            | Fact::Revoked { .. }
            | Fact::Committed { .. }
            | Fact::EmptyPoll { .. } => None,
        }
    }

    /// The subscription that it is about, if it is about one.
    #[inline(always)]
    pub fn subscription(&self) -> Option<SubscriptionId> {
        match *self {
            Fact::Stored { s, .. }
            | Fact::Dispatched { s, .. }
            | Fact::DeliveryDropped { s, .. }
            | Fact::Delivered { s, .. }
            | Fact::Processed { s, .. }
            | Fact::Discarded { s, .. }
            | Fact::Acked { s, .. }
            | Fact::AckDropped { s, .. }
            | Fact::Requeued { s, .. }
            | Fact::Removed { s, .. }
            | Fact::DeadLettered { s, .. }
            | Fact::Rewound { s, .. }
            | Fact::Failed { s, .. }
            | Fact::DeliveryDuplicated { s, .. }
            | Fact::GivenBack { s, .. }
            | Fact::StrayAck { s, .. }
            | Fact::Found { s, .. }
            | Fact::PutAside { s, .. }
            | Fact::TurnedAway { s, .. }
            | Fact::PassedOver { s, .. }
            | Fact::HeldAlready { s, .. }
            | Fact::Unreadable { s, .. }
            | Fact::Deduplicated { s, .. }
            | Fact::Replicated { s, .. }
            | Fact::Copied { s, .. }
            | Fact::ReplicaGone { s, .. }
            | Fact::Prepared { s, .. }
            | Fact::Decided { s, .. }
            | Fact::Assigned { s, .. }
            | Fact::Revoked { s, .. }
            | Fact::Committed { s, .. }
            | Fact::EmptyPoll { s } => Some(s),
            _ => None,
        }
    }

    /// What the fingerprint takes in beside kind, time, node, message and subscription.
    #[inline(always)]
    pub fn detail(&self) -> u64 {
        match *self {
            Fact::Published { buffered, sent, .. } => u64::from(buffered) << 1 | u64::from(sent),
            Fact::Resent { attempt, .. } | Fact::Delivered { attempt, .. } | Fact::Failed { attempt, .. } => {
                u64::from(attempt)
            }
            Fact::Processed { attempt, .. } => u64::from(attempt),
            Fact::Dispatched { attempt, member, .. } => u64::from(attempt) << 32 | u64::from(member),
            Fact::Stored { line, rank, .. }
            | Fact::Appended { line, rank, .. }
            | Fact::Found { line, rank, .. } => u64::from(line) << 32 | u64::from(rank),
            Fact::Committed { line, offset, .. } => u64::from(line) << 32 | u64::from(offset),
            Fact::Assigned { line, .. } | Fact::Revoked { line, .. } => u64::from(line),
            Fact::PublishDropped { why, .. }
            | Fact::NotTaken { why, .. }
            | Fact::DeliveryDropped { why, .. }
            | Fact::Discarded { why, .. }
            | Fact::Removed { why, .. } => why as u64,
            Fact::Requeued { why, .. } | Fact::Rewound { why, .. } => why as u64,
            Fact::PassedOver { why, last, .. } => (why as u64) << 1 | u64::from(last),
            Fact::GaveUp { refused, .. } => u64::from(refused),
            Fact::Retained { last, .. } => u64::from(last),
            Fact::DeadLettered { back, .. } => u64::from(back),
            Fact::ReplicaGone { written, .. } => u64::from(written),
            Fact::StateChanged { source } => u64::from(source.0) + 1,
            _ => 0,
        }
    }
}
