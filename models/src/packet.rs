//! What travels, what nodes tell themselves, and what disks store.

use crate::message::{KeyId, MessageRef, SubscriptionId};
use crate::queue::SnapshotStep;
use crate::shelf::ShelfId;
use redeliver_sim::{InTornWrite, Span, Stored};

/// After so long the operating system writes back what nobody has synced. Linux: `dirty_expire_centisecs`.
pub(crate) const WRITE_BACK: Span = Span::seconds(30);

/// A delivery at a queue broker: a slot and its generation, so that a late ack of an earlier one is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C, packed(2))] // a packet has 20 bytes, and an event 48
pub struct Tag {
    /// The slot.
    pub slot: u32,
    /// Its generation.
    pub generation: u16,
}

impl Tag {
    /// Of a delivery that was settled as it was sent.
    pub(crate) const NONE: Tag = Tag { slot: u32::MAX, generation: 0 };

    /// Whether an ack will settle it.
    pub(crate) fn is_settled_by_ack(self) -> bool {
        self != Tag::NONE
    }
}

/// A message of a protocol. What is not about a message is control traffic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // the variants say it
pub enum Packet {
    /// A producer's message for an exchange or a partition.
    Publish { m: MessageRef, attempt: u16, target: u32 },
    /// The broker has it (for a log: at this offset), or will not take it.
    Confirm { m: MessageRef, attempt: u16, positive: bool, offset: u32 },
    /// No queue took this message, and its publisher wants to know. AMQP: `basic.return`.
    Return { m: MessageRef, label: u32 },
    /// A publisher's connection is blocked, or no longer.
    Block { blocked: bool },
    /// A broker does not read from a publisher's connection, or reads again: it stands for the network's full buffers, of
    /// which nobody is told.
    Throttle { on: bool },
    /// A client wants a queue's messages, with so many unacked at most (0: no limit), or none to be acked.
    Consume { queue: u32, prefetch: u16, auto_ack: bool, priority: i32 },
    /// It wants no more of any queue's; what it holds it will settle. AMQP: `basic.cancel`, of all its consumers.
    Cancel,
    /// It wants all that it holds to be sent again. AMQP: `basic.recover`, with requeue.
    Recover,
    /// It closes its channel: what it holds goes back.
    CloseChannel,
    /// A queue's messages will come. AMQP: `basic.consume-ok`; only nodes of a cluster say so.
    ConsumeOk { queue: u32 },
    /// A client wants a queue to be there, or to know whether it is.
    Declare { queue: u32 },
    /// It is.
    DeclareOk { queue: u32 },
    /// The broker gives a client no more of a queue's messages. AMQP: `basic.cancel`, from the server.
    Cancelled { queue: u32 },
    /// A queue of a cluster could not be asked: AMQP 404 after a time, which closes the channel, or 541, which closes
    /// the connection.
    Unavailable { queue: u32, internal: bool },
    /// The broker has closed a client's channel.
    ChannelClosed,
    /// A client asks for one message of a queue. AMQP: `basic.get`.
    Get { queue: u32, auto_ack: bool },
    /// A client asks for so many messages of a queue, for so many milliseconds. What `fills` ends when all have come,
    /// another with the first that come. JetStream: a pull request; SQS: `ReceiveMessage`.
    Pull { queue: u32, batch: u16, fills: bool, auto_ack: bool, wait: u32 },
    /// A client claims what others have held for so many milliseconds, so many messages at most, from this sequence on.
    /// Redis: `XAUTOCLAIM`.
    Claim { queue: u32, idle: u32, batch: u16, from: u32 },
    /// It asks again for what it has not settled, so many messages at most, behind this sequence. Redis: `XREADGROUP`
    /// with an id.
    Reread { queue: u32, batch: u16, after: u32 },
    /// The message at this sequence, of which nothing is left.
    Emptied { queue: u32, sequence: u32 },
    /// An answer to these ends; the next begins at, or behind, this sequence; 0: there is no more.
    PageEnd { queue: u32, next: u32 },
    /// A consumer is still at work on this message, whoever was given it last. JetStream: `+WPI`.
    InProgress { m: MessageRef, s: SubscriptionId },
    /// It has what it holds for so many milliseconds from now, or for 0 as long as at first. SQS: `ChangeMessageVisibility`.
    Extend { s: SubscriptionId, attempt: u16, tag: Tag, wait: u32 },
    /// The next packet is for this one of the client's pulls of a queue that are open, in the order in which they were made.
    /// Said if there are several. JetStream: each has an inbox of its own.
    ForPull { place: u16 },
    /// There is none, or no more.
    GetEmpty { queue: u32 },
    /// There is no such queue: the channel on which the client asked is closed. AMQP: 404, `NOT_FOUND`.
    NoQueue,
    /// A client subscribes its session, this queue, to one of the filters that it has, or to all of them. MQTT: SUBSCRIBE.
    Subscribe { queue: u32, filter: u32 },
    /// A message for a consumer, which keeps it back until it is released. MQTT: PUBLISH at QoS 2.
    Offer { m: MessageRef, s: SubscriptionId, attempt: u16, tag: Tag },
    /// The consumer has it, and will not be offered it again. MQTT: PUBREC.
    Received { m: MessageRef, s: SubscriptionId, attempt: u16, tag: Tag },
    /// It may be handed to the application, which happens once. MQTT: PUBREL.
    Release { m: MessageRef, s: SubscriptionId, attempt: u16, tag: Tag },
    /// The broker keeps a publisher's message back until that says to go on. MQTT: PUBREC.
    Accepted { m: MessageRef },
    /// The publisher will not send it again: the broker passes it on, once. MQTT: PUBREL.
    Proceed { m: MessageRef, attempt: u16 },
    /// A message for a consumer.
    Deliver { m: MessageRef, s: SubscriptionId, attempt: u16, tag: Tag },
    /// Settled.
    Ack { m: MessageRef, s: SubscriptionId, attempt: u16, tag: Tag },
    /// Not processed: back into the queue, or away.
    Nack { m: MessageRef, s: SubscriptionId, attempt: u16, tag: Tag, requeue: bool },
    /// A transaction's coordinator wants the broker to promise that it will settle this delivery, if it is told so.
    Prepare { m: MessageRef, tag: Tag, xid: u32 },
    /// It promises, or not.
    Promise { xid: u32, yes: bool },
    /// The transaction ends: the delivery is settled, or goes back.
    Resolve { xid: u32, commit: bool },
    /// The broker knows.
    Resolved { xid: u32 },
    /// A coordinator asks for votes on all that is prepared and has not ended. XA: `xa_recover`.
    InDoubt,
    /// A client binds a queue to an exchange.
    Bind { exchange: u32, queue: u32 },

    /// Between nodes of a cluster: the next packet is of this client's channel, or for it; `session` is its number among
    /// those that the client has had.
    To { client: u32, session: u32 },
    /// Something that a client wants of a replicated queue, for its leader; perhaps with a message.
    Command { number: u32, queue: u16, m: MessageRef },
    /// The leader has done what this client wanted, and taken or refused its message.
    Applied { client: u32, number: u32, queue: u16, accepted: bool },
    /// An entry of a replicated queue's log, for another member.
    Append { id: u32, index: u32, s: SubscriptionId, m: MessageRef },
    /// A member has all entries of this leader's log up to here, and safe on its disk.
    Appended { queue: u16, term: u32, index: u32 },
    /// A member leads a queue in this term.
    Lead { queue: u16, term: u32 },
    /// A member follows, and has what was committed up to here.
    Follow { queue: u16, term: u32, index: u32 },
    /// What comes from here on stands behind this index of the leader's log.
    Resume { queue: u16, term: u32, index: u32 },
    /// All up to here is committed.
    Commits { queue: u16, term: u32, index: u32 },
    /// A member wants to lead, in this term; or only to know whether it would be elected (`pre`). Its log ends here.
    Canvass { queue: u16, pre: bool, term: u32, last_term: u32, last_index: u32 },
    /// The answer.
    Vote { queue: u16, pre: bool, granted: bool, term: u32 },
    /// A node is there, in this life of its process.
    Alive { life: u32 },
    /// A node has too little memory or disk left, or enough again.
    Alarm { on: bool },

    /// A consumer wants to join its group.
    Join { group: u16, member: u32 },
    /// It is alive.
    Heartbeat { group: u16, member: u32 },
    /// It leaves in good order.
    Leave { group: u16, member: u32 },
    /// In this generation of the group, the member has this partition from this offset on.
    Assign { partition: u32, generation: u16, offset: u32 },
    /// The member must give up all that it has had since this generation, and join again.
    Revoke { generation: u16 },
    /// The assignment of this generation is complete; the member is known by this number.
    Assigned { generation: u16, member: u32 },
    /// The broker knows no such member: it has been silent for too long, or the broker began anew.
    NotMember { group: u16, member: u32 },
    /// A member wants more of what it reads, from where it stands, at most so many records.
    Fetch { group: u16, member: u32, records_max: u16 },
    /// A member goes on reading a partition here.
    Seek { group: u16, member: u32, partition: u32, offset: u32 },
    /// One record of an answer to a fetch.
    Record { m: MessageRef, s: SubscriptionId, attempt: u16, partition: u16, offset: u32 },
    /// The end of an answer of so many records.
    FetchEnd { count: u16 },
    /// All of an answer: the record where a member stands is damaged.
    Damaged { m: MessageRef, partition: u32, offset: u32 },
    /// Where a member stands in a partition nothing is left: the log begins and ends here.
    OutOfRange { partition: u32, start: u32, end: u32 },
    /// A member writes a group's position down: the next offset to read. It waits for an answer, or only wants to
    /// know of a refusal.
    Commit { group: u16, generation: u16, member: u32, partition: u32, offset: u32, answer: bool },
    /// It is written, or not: the member is not in this generation.
    CommitAnswer { partition: u32, offset: u32, ok: bool },

    /// A datagram with a message for a receiver.
    Datagram { m: MessageRef, s: SubscriptionId },
    /// A request with a message for a receiver.
    Request { m: MessageRef, s: SubscriptionId, attempt: u16 },
    /// Its answer.
    Response { m: MessageRef, s: SubscriptionId, attempt: u16, status: u16 },
}

const _: () = assert!(size_of::<Packet>() == 20);

/// What a node tells itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // the variants say it
pub enum Timer {
    /// A source has an event.
    Tick,
    /// The work on a message is done.
    Done { m: MessageRef, slot: u32, generation: u16 },
    /// The oldest of a list of equal deadlines.
    Deadline,
    /// A sync is over.
    Synced,
    /// Try to connect again: to the n-th peer.
    Reconnect { peer: u32 },
    /// Open a channel again, over the same connection.
    OpenChannel,
    /// A pause before another attempt is over.
    Retry { m: MessageRef, slot: u32, generation: u16 },
    /// Something periodic: say that one is alive, delete old segments.
    Periodic,
    /// A consumer asks again.
    Poll,
    /// A held fetch may have waited long enough.
    FetchExpired { group: u16, member: u32 },
    /// A member of this group may not have been heard of for too long.
    SessionExpired { group: u16 },
    /// A member of this group has kept the others waiting for too long.
    RebalanceExpired { group: u16 },
    /// The operating system writes the page cache back.
    WriteBack,
    /// It has done so.
    WrittenBack,
    /// A step of a story.
    Step { token: u32 },
    /// A database has prepared a transaction.
    DatabasePrepared { xid: u32 },
    /// A coordinator's decision is safe.
    DecisionSynced { xid: u32 },
    /// A database has committed a transaction.
    DatabaseCommitted { xid: u32 },
    /// A coordinator has read its log, and it is safe.
    LogRead,
    /// A queue broker's promise is safe.
    PreparedSynced { connection: u32, xid: u32 },
    /// A producer's change of state is committed.
    Committed,
    /// A queue broker publishes the next dead letter.
    DeadLetter,
    /// A disk has taken the oldest message that waited for it.
    Taken,
    /// A queue's next messages have been read from disk.
    PagedIn { queue: u32 },
    /// A delivery of this queue may not have been settled in time.
    AckWait { queue: u32 },
    /// A message of this queue may have lived long enough.
    LifeEnds { queue: u32 },
    /// A pull may have waited long enough.
    PullExpired { queue: u32 },
    /// A snapshot's next step.
    Snapshot { step: SnapshotStep },
    /// A subscriber may have been slow for too long.
    SlowSubscriber { connection: u32 },
    /// The first message of this stream may be too old.
    StreamAge { stream: u32 },
    /// A broker looks how much room its disk has.
    WatchDisk,
    /// A consumer says that it is still at work.
    Extend { generation: u16 },
    /// A member of a replicated queue has heard of no leader for a while.
    Elect { queue: u16, round: u32 },
    /// What members of replicated queues have written is safe.
    ReplicasSynced,
    /// A client has waited for long for a queue that is away.
    Waited { client: u32 },
}

/// What disks store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // the variants say it
pub enum Record {
    /// A message in a queue, at this rank; what it died of before it came there. In a queue whose log has an index: at
    /// this index, never delivered.
    Queued { m: MessageRef, s: SubscriptionId, rank: u32, history: u32 },
    /// A consumer holds it, since this index; so often it was delivered. Counts of deliveries stop at 255.
    Held { m: MessageRef, s: SubscriptionId, index: u32, history: u32, attempts: u8 },
    /// It has come back, at this index, to go ahead of the others.
    Ahead { m: MessageRef, s: SubscriptionId, index: u32, history: u32, attempts: u8 },
    /// It has come back, at this index, to go behind the others.
    Behind { m: MessageRef, s: SubscriptionId, index: u32, history: u32, attempts: u8 },
    /// A message in a log; perhaps the first of a segment. Its offset is its position.
    Logged { id: ShelfId, begins: bool },
    /// A committed offset.
    Offset { offset: u32 },
    /// An entry without a message in a replicated queue's log.
    Entry { id: u32 },
    /// For whom a member has voted in this term, if for anybody.
    Ballot { term: u32, vote: u32 },
    /// Where a member's log ends.
    Tail { term: u32, index: u32 },
    /// Up to where a member knows its log to be committed.
    Committed { index: u32 },
    /// A queue was declared, or bound to an exchange.
    Bound,
    /// Whether the broker's last life ended in good order.
    Shutdown { clean: bool },
    /// A producer's change of state.
    Change,
    /// A committed one, with its message.
    Outbox { m: MessageRef, sent: bool },
    /// A coordinator has decided to commit.
    Decision { xid: u32 },
    /// A delivery to the client at this connection, of the message that stands here in its queue's file, is prepared.
    Prepared { queue: u32, position: u32, connection: u32, xid: u32 },
    /// What a queue had delivered when the broker ended in good order: all of its messages with a rank below this.
    DeliveredBelow { rank: u32 },
    /// A message in a stream, at this sequence; over which exchange it came.
    Streamed { m: MessageRef, sequence: u32, exchange: u32 },
    /// A reader of a stream was given it so often (0: not yet), at last at so many milliseconds, and has not settled it.
    Pending { m: MessageRef, s: SubscriptionId, sequence: u32, at: u32, attempts: u8 },
    /// A reader of a stream has given up the message at this sequence, and the stream still has it.
    GivenUp { m: MessageRef, sequence: u32, attempts: u8 },
    /// A message that lives in a queue since so many hundredths of a second, hidden until so many, delivered so often.
    Hidden { m: MessageRef, s: SubscriptionId, since: u32, until: u32, attempts: u8 },
    /// An id that a queue knows since so many hundredths of a second: this word, or a message's own, or what it contains.
    KnownId { own: bool, id: KeyId, source: u32, number: u32, at: u32 },
    /// The same where deliveries are claimed: the client at this connection was given it. Its sequence is in the stream.
    Owned { m: MessageRef, s: SubscriptionId, owner: u16, at: u32, attempts: u8 },
    /// In a snapshot: a stream's last sequence.
    SavedStream { stream: u32, last: u32 },
    /// In a snapshot: the last sequence that a reader was given; how many it has read, and one, or 0 if nobody knows.
    SavedReader { queue: u32, delivered: u32, read: u32 },
    /// In a snapshot: the client at this connection has been given it, and has not settled it.
    SavedDelivery { queue: u32, sequence: u32, owner: u16, at: u32, attempts: u8 },
    /// In a snapshot: a session is subscribed to this of its filters.
    SavedSubscription { queue: u32, filter: u32 },
    /// In a snapshot: a message of a session, at this rank; how often it was delivered, at which quality of service, and
    /// whether its client has it already and only waits for its release.
    SavedMessage { m: MessageRef, queue: u16, rank: u32, attempts: u8, qos: u8, received: bool },
    /// In a snapshot: the last message that a topic retains.
    SavedRetained { m: MessageRef, exchange: u32 },
    /// In a snapshot: what the publisher at this connection has not told to go on.
    SavedIncoming { m: MessageRef, connection: u32, exchange: u16 },
    /// A stream's last sequence; or which snapshot is the last.
    Sequence { last: u32 },
    /// How far a reader of a stream has read. It stands apart from the stream, in a small file that is written anew and put
    /// in place of the old one, or in the one file of all.
    Read { last: u32, apart: bool },
}

impl Record {
    /// The message that a snapshot has, if this is a part of one that has a message.
    pub fn in_snapshot(&self) -> Option<MessageRef> {
        match *self {
            Record::Streamed { m, .. }
            | Record::SavedMessage { m, .. }
            | Record::SavedRetained { m, .. }
            | Record::SavedIncoming { m, .. } => Some(m),
            _ => None,
        }
    }

    /// The message, if it is one in a queue, and the queue's subscription.
    pub fn in_queue(&self) -> Option<(MessageRef, SubscriptionId)> {
        match *self {
            Record::Queued { m, s, .. }
            | Record::Held { m, s, .. }
            | Record::Ahead { m, s, .. }
            | Record::Pending { m, s, .. }
            | Record::Hidden { m, s, .. }
            | Record::Owned { m, s, .. }
            | Record::Behind { m, s, .. } => Some((m, s)),
            _ => None,
        }
    }
}

const _: () = assert!(size_of::<Record>() == 20);

impl Stored for Record {
    fn word(&self) -> Option<u32> {
        match *self {
            Record::Logged { id, begins } => Some((id.index() as u32) << 1 | u32::from(begins)),
            _ => None,
        }
    }

    fn of_word(word: u32) -> Self {
        Record::Logged { id: ShelfId::new(word >> 1), begins: word & 1 == 1 }
    }

    /// What a reader of a stream knows of a message goes with the message, which is in the stream's file. An id that is
    /// known without its message would take what is sent again for stored: rather it is stored twice.
    fn in_torn_write(&self) -> InTornWrite {
        match *self {
            Record::Read { apart: true, .. } => InTornWrite::Either,
            Record::Read { .. } | Record::Pending { .. } | Record::Owned { .. } | Record::GivenUp { .. } => {
                InTornWrite::Whole
            }
            Record::KnownId { .. } => InTornWrite::Nothing,
            _ => InTornWrite::InLine,
        }
    }
}
