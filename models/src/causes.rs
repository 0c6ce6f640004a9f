//! Why messages are lost, and why effects take place again: closed lists, each with its name in the result.

/// The fate of a message's last copy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum LossCause {
    /// The network dropped it.
    Network = 0,
    /// A partition was in its way.
    Partition = 1,
    /// A fault took it out of the wire.
    Dropped = 2,
    /// It was on its way over a connection that broke.
    ConnectionReset = 3,
    /// Nobody was there to receive it.
    ReceiverDown = 4,
    /// The receiver's buffer was full.
    ReceiveBuffer = 5,
    /// Its producer died and took its buffer along.
    ProducerBuffer = 6,
    /// Its producer stopped trying.
    GaveUp = 7,
    /// The broker said no, and the producer took that for an answer.
    Refused = 8,
    /// It was in the memory of a broker that died.
    BrokerMemory = 9,
    /// It was written, but no sync had covered it when the machine died.
    Unsynced = 10,
    /// It waited longer than its time to live.
    TimeToLive = 11,
    /// The queue was full.
    QueueOverflow = 12,
    /// Retention deleted it before it was read.
    Retention = 13,
    /// A consumer had taken it, and never processed it.
    TakenNeverProcessed = 14,
    /// The group's committed offset had passed it.
    OffsetSkipped = 15,
    /// Its handler failed, and the failure was dropped.
    HandlerFailed = 16,
    /// It fitted no queue.
    Unroutable = 17,
    /// Nobody was subscribed.
    NotSubscribed = 18,
    /// The broker's disk took no more.
    DiskFull = 19,
    /// A sync had said that it was safe, and it was not when the machine died.
    SyncLied = 20,
    /// The buffer of a link had no room for it.
    LinkBuffer = 21,
    /// It was larger than a datagram may be on its way.
    TooLarge = 22,
    /// Half of it had been written when the machine died; it was cut off as the disk was read again.
    TornRecord = 23,
    /// Its record was damaged on the disk, or stood behind one that was, and that was found as it was read.
    CorruptRecord = 24,
    /// A consumer rejected it, and its queue had nowhere to send it aside.
    Rejected = 25,
    /// It was returned more often than its queue allows, and the queue had nowhere to send it aside.
    DeliveryLimit = 26,
    /// A consumer that remembers ids took it for another, which it had processed.
    TakenForDuplicate = 27,
    /// It was with too few members of its queue as another leader was elected, which had never heard of it.
    NotReplicated = 28,
    /// The node of its queue was away.
    QueueAway = 29,
    /// Its subscriber's session ended, and took along what the subscriber was still to be given.
    SessionEnded = 30,
}

impl LossCause {
    /// All of them, by their numbers.
    pub const ALL: [LossCause; 31] = [
        LossCause::Network,
        LossCause::Partition,
        LossCause::Dropped,
        LossCause::ConnectionReset,
        LossCause::ReceiverDown,
        LossCause::ReceiveBuffer,
        LossCause::ProducerBuffer,
        LossCause::GaveUp,
        LossCause::Refused,
        LossCause::BrokerMemory,
        LossCause::Unsynced,
        LossCause::TimeToLive,
        LossCause::QueueOverflow,
        LossCause::Retention,
        LossCause::TakenNeverProcessed,
        LossCause::OffsetSkipped,
        LossCause::HandlerFailed,
        LossCause::Unroutable,
        LossCause::NotSubscribed,
        LossCause::DiskFull,
        LossCause::SyncLied,
        LossCause::LinkBuffer,
        LossCause::TooLarge,
        LossCause::TornRecord,
        LossCause::CorruptRecord,
        LossCause::Rejected,
        LossCause::DeliveryLimit,
        LossCause::TakenForDuplicate,
        LossCause::NotReplicated,
        LossCause::QueueAway,
        LossCause::SessionEnded,
    ];

    /// Its name in the result.
    pub fn name(self) -> &'static str {
        match self {
            LossCause::Network => "network",
            LossCause::Partition => "partition",
            LossCause::Dropped => "dropped",
            LossCause::ConnectionReset => "connection_reset",
            LossCause::ReceiverDown => "receiver_down",
            LossCause::ReceiveBuffer => "receive_buffer",
            LossCause::ProducerBuffer => "producer_buffer",
            LossCause::GaveUp => "gave_up",
            LossCause::Refused => "refused",
            LossCause::BrokerMemory => "broker_memory",
            LossCause::Unsynced => "unsynced",
            LossCause::TimeToLive => "ttl",
            LossCause::QueueOverflow => "queue_overflow",
            LossCause::Retention => "retention",
            LossCause::TakenNeverProcessed => "taken_never_processed",
            LossCause::OffsetSkipped => "offset_skipped",
            LossCause::HandlerFailed => "handler_failed",
            LossCause::Unroutable => "unroutable",
            LossCause::NotSubscribed => "not_subscribed",
            LossCause::DiskFull => "disk_full",
            LossCause::SyncLied => "sync_lied",
            LossCause::LinkBuffer => "link_buffer",
            LossCause::TooLarge => "too_large",
            LossCause::TornRecord => "torn_record",
            LossCause::CorruptRecord => "corrupt_record",
            LossCause::Rejected => "rejected",
            LossCause::DeliveryLimit => "delivery_limit",
            LossCause::TakenForDuplicate => "taken_for_duplicate",
            LossCause::NotReplicated => "not_replicated",
            LossCause::QueueAway => "queue_away",
            LossCause::SessionEnded => "session_ended",
        }
    }
}

/// Why an effect took place again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum DuplicateCause {
    /// The ack was lost or too late, or came from a connection that had broken.
    LostAck = 0,
    /// Nothing was heard for the redelivery timeout.
    VisibilityTimeout = 1,
    /// The consumer's connection broke while it held the message.
    ConnectionClosed = 2,
    /// The consumer gave it back.
    Returned = 3,
    /// A partition moved to another member, which began at the committed offset.
    Rebalance = 4,
    /// A consumer began again at the committed offset.
    RewoundOffset = 5,
    /// The producer sent it again.
    ProducerRetry = 6,
    /// The network delivered a packet twice.
    NetworkDuplicate = 7,
    /// The broker had lost what it knew of deliveries.
    BrokerRestart = 8,
    /// It was dead-lettered, and came back to its queue.
    Republished = 9,
    /// It is retained, and its subscriber has subscribed again.
    Resubscribed = 10,
}

impl DuplicateCause {
    /// All of them, by their numbers.
    pub const ALL: [DuplicateCause; 11] = [
        DuplicateCause::LostAck,
        DuplicateCause::VisibilityTimeout,
        DuplicateCause::ConnectionClosed,
        DuplicateCause::Returned,
        DuplicateCause::Rebalance,
        DuplicateCause::RewoundOffset,
        DuplicateCause::ProducerRetry,
        DuplicateCause::NetworkDuplicate,
        DuplicateCause::BrokerRestart,
        DuplicateCause::Republished,
        DuplicateCause::Resubscribed,
    ];

    /// Its name in the result.
    pub fn name(self) -> &'static str {
        match self {
            DuplicateCause::LostAck => "lost_ack",
            DuplicateCause::VisibilityTimeout => "visibility_timeout",
            DuplicateCause::ConnectionClosed => "connection_closed",
            DuplicateCause::Returned => "returned",
            DuplicateCause::Rebalance => "rebalance",
            DuplicateCause::RewoundOffset => "rewound_offset",
            DuplicateCause::ProducerRetry => "producer_retry",
            DuplicateCause::NetworkDuplicate => "network_duplicate",
            DuplicateCause::BrokerRestart => "broker_restart",
            DuplicateCause::Republished => "republished",
            DuplicateCause::Resubscribed => "resubscribed",
        }
    }
}
