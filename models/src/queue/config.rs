//! Settings of the queue broker and of its clients.

use super::disk_alarm::DiskFreeLimit;
use super::{
    Behaviour, Claims, Duplicates, ExchangeKind, FlowConfig, Kept, OutputLimits, Paging, Pulls, Redelivery,
    SessionConfig, SessionLimits, Snapshots, StreamConfig, Turns,
};
use crate::properties::Said;
use crate::setup::{NodePattern, StartAt};
use crate::story::Dialect;
use redeliver_sim::Span;

/// A queue broker: exchanges, queues, and how its clients talk to it.
#[derive(Clone, Debug)]
pub struct Config {
    /// The broker's node name: `broker/1`, or a product's.
    pub node: String,
    /// What carries packets between clients and broker.
    pub transport: Transport,
    /// Queues that stand before time 0, in the order of their names.
    pub queues: Vec<QueueConfig>,
    /// Exchanges that stand before time 0, in the order of their names. A topic is published to the exchange of
    /// its name. The default exchange (a queue by its name) always exists and is not listed.
    pub exchanges: Vec<ExchangeConfig>,
    /// Streams that stand before time 0, in the order of their names.
    pub streams: Vec<StreamConfig>,
    /// Messages survive a restart of the broker if their queue is durable, unless their publisher says otherwise.
    /// RabbitMQ: `delivery_mode = 2`.
    pub persistent: bool,
    /// What a confirm of a persistent message in a durable queue waits for. Of others it waits for nothing: they are
    /// in memory. RabbitMQ: "after persisting the message to disk" (Consumer Acknowledgements and Publisher Confirms).
    pub confirm_after: ConfirmAfter,
    /// What follows when a delivery is not acked for long; none waits for ever.
    pub overdue: Option<(Span, Overdue)>,
    /// Records on the disk have checksums. RabbitMQ: classic queues v2, which 4.0 has made of all; those before have
    /// none.
    pub checksums: bool,
    /// Publishers are blocked while the messages in memory are more than this share of the broker's memory.
    /// RabbitMQ: `vm_memory_high_watermark`, 0.4 before 4.0, 0.6 since.
    pub memory_high_watermark: f64,
    /// Publishers are blocked while less than this is free on the broker's disk. RabbitMQ: `disk_free_limit`, 50 MB.
    pub disk_free_limit: Option<DiskFreeLimit>,
    /// Publishers are not read while the disk lags behind them; none: they are.
    pub flow: Option<Box<FlowConfig>>,
    /// Which messages a classic queue has in memory, if not all.
    pub paging: Option<Paging>,
    /// It has all in memory, and takes snapshots; else what is durable is written at once. Not with both.
    pub snapshots: Option<Snapshots>,
    /// How much may wait for a slow subscriber of a channel; none is no limit.
    pub output_limits: Option<OutputLimits>,
    /// What its sessions have in common; none: it has no sessions.
    pub sessions: Option<SessionLimits>,
    /// The words of its clients in a story.
    pub dialect: Dialect,
    /// It has several nodes.
    pub cluster: Option<ClusterConfig>,
    /// How clients of the broker are set, by their names; of several that match the later wins, field by field
    /// (`scenarios` has merged them: the first match counts here, and the last entry matches all).
    pub clients: Vec<(NodePattern, ClientConfig)>,
}

impl Config {
    /// Which messages a queue has in memory, if not all.
    pub(super) fn paging_of(&self, queue: &QueueConfig) -> Option<Paging> {
        self.paging.map(|paging| match queue.behaviour.kept {
            Kept::Everything => Paging::BeyondDemand,
            Kept::Persistent => paging,
        })
    }
}

/// Several nodes of a broker.
#[derive(Clone, PartialEq, Debug)]
pub struct ClusterConfig {
    /// Their names, in order; [`Config::node`] is the first.
    pub nodes: Vec<String>,
    /// A node that has been silent for so long is taken for dead. RabbitMQ: `net_ticktime`, 60 s.
    pub silence_limit: Span,
    /// What a channel sends while a queue has neither a leader nor a majority is never sent to the next leader.
    pub forgets_without_majority: bool,
}

/// What a confirm waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConfirmAfter {
    /// It is in the page cache: it outlives the process. The operating system writes it back after 30 s.
    Written,
    /// The same, and a sync follows within this span. Redis: `appendfsync everysec`.
    SyncedLater(Span),
    /// A sync has covered it: it outlives the machine.
    Synced,
}

/// What follows when a delivery was not acked for as long as it may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Overdue {
    /// It is requeued. SQS: visibility timeout.
    Requeued,
    /// The consumer's channel is closed, and all that it holds is requeued. The broker looks this often. RabbitMQ:
    /// `consumer_timeout`, `channel_tick_interval`.
    ChannelClosed {
        /// How often it looks.
        every: Span,
    },
}

/// What carries packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// Reliable, in order, seen to break.
    Connections,
    /// May be lost, duplicated, reordered; nobody sees a peer die.
    Datagrams,
}

/// One queue.
#[derive(Clone, PartialEq, Debug)]
pub struct QueueConfig {
    /// Its name.
    pub name: String,
    /// What its kind of queue does where kinds differ. RabbitMQ: `x-queue-type`.
    pub behaviour: Behaviour,
    /// It survives a restart of the broker. RabbitMQ: `durable`.
    pub durable: bool,
    /// Ready messages it holds at most; none is no limit. RabbitMQ: `x-max-length`.
    pub length_max: Option<u32>,
    /// What happens beyond that. RabbitMQ: `x-overflow`, `drop-head`.
    pub overflow: Overflow,
    /// A message that waits longer is dropped once it is at the head. RabbitMQ: `x-message-ttl`.
    pub message_ttl: Option<Span>,
    /// Redeliveries of a message, at most; beyond them it is dead-lettered. RabbitMQ: `x-delivery-limit` (n means
    /// n + 1 deliveries).
    pub delivery_limit: Option<u32>,
    /// Bytes of ready messages it holds at most; none is no limit. RabbitMQ: `x-max-length-bytes`.
    pub bytes_max: Option<u64>,
    /// What becomes of messages that it gives up.
    pub dead_letter: DeadLetter,
    /// Which of several ready messages is the next.
    pub priorities: Priorities,
    /// One consumer at a time is given messages; another when it is gone. RabbitMQ: `x-single-active-consumer`.
    pub single_active_consumer: bool,
    /// Its deliveries come again by time, and not when a connection breaks. All queues of a broker have this, or none.
    pub redelivery: Option<Redelivery>,
    /// The stream that it reads: an index into [`Config::streams`]. JetStream: it is a consumer of this stream.
    pub stream: Option<usize>,
    /// Of what goes by the subjects of its stream, or of all, it wants what fits this pattern; `""` is everything.
    /// JetStream: `filter_subject`; NATS: the subject that is subscribed to.
    pub filter: String,
    /// Where it begins in a stream that was there before it. JetStream: `deliver_policy`, `all` or `new`.
    pub from: StartAt,
    /// Its messages are asked for, and not given; who asks waits for so long, unless he says otherwise. JetStream: a
    /// consumer without `deliver_subject`; SQS: `ReceiveMessageWaitTimeSeconds`.
    pub pulled: Option<Span>,
    /// Messages of one key are a group, which goes to one consumer at a time, in order. SQS: `MessageGroupId`.
    pub grouped: bool,
    /// What was sent before is known again, and not stored; none: it is stored again. SQS: `MessageDeduplicationId`.
    pub duplicates: Option<Duplicates>,
    /// Bytes of a message at most; a greater one is refused. None is no limit. SQS: `MaximumMessageSize`.
    pub size_max: Option<u64>,
    /// How those who consume from it take turns.
    pub turns: Turns,
    /// It is there while somebody consumes from it, and keeps nothing for anybody else. NATS: a subscription.
    pub passing: bool,
    /// A broker does not make it: who declares it has his channel closed. AMQP: 406, `PRECONDITION_FAILED`.
    pub refused: bool,
    /// It is a client's session.
    pub session: Option<Box<SessionConfig>>,
    /// In a cluster: the number of the node that leads it at first, or that it is on.
    pub leader: usize,
    /// In a cluster, of a queue that is replicated: on how many nodes it is. RabbitMQ: `x-quorum-initial-group-size`, 3.
    pub members: usize,
}

impl QueueConfig {
    /// The subscription that its messages are for: the load's that it has a part in, or one of its own.
    pub fn subscription(&self) -> &str {
        let of = self.session.as_ref().and_then(|session| session.of.as_deref());
        of.unwrap_or(&self.name)
    }
}

impl Default for QueueConfig {
    /// A durable queue without a name and without limits, whose dead letters are put aside.
    fn default() -> Self {
        QueueConfig {
            name: String::new(),
            behaviour: Behaviour::CLASSIC,
            durable: true,
            length_max: None,
            overflow: Overflow::DropHead,
            message_ttl: None,
            delivery_limit: None,
            bytes_max: None,
            dead_letter: DeadLetter::Aside,
            priorities: Priorities::None,
            single_active_consumer: false,
            redelivery: None,
            stream: None,
            filter: String::new(),
            from: StartAt::Beginning,
            pulled: None,
            grouped: false,
            duplicates: None,
            size_max: None,
            turns: Turns::InLine,
            passing: false,
            refused: false,
            session: None,
            leader: 0,
            members: 3,
        }
    }
}

/// What a full queue does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Overflow {
    /// Drop the oldest ready message. Invisible to the publisher. RabbitMQ: `drop-head`.
    DropHead,
    /// Refuse the new one: with confirms, the publisher learns. RabbitMQ, classic queues: `reject-publish`.
    RejectPublish,
    /// Refuse it, and dead-letter it all the same. RabbitMQ, classic queues: `reject-publish-dlx`.
    RejectPublishDeadLetter,
    /// Tell publishers once the queue is beyond its limit, and take messages again when it is down to 80 % of it: so it
    /// holds one more. RabbitMQ, quorum queues: `reject-publish` (`rabbit_fifo`: `evaluate_limit`, `is_below_soft_limit`;
    /// recorded: `rabbit-X-E4-reject-publish-quorum`).
    RejectPublishLate,
}

/// What becomes of messages that a queue gives up: they were rejected, have expired, found no room, or were returned
/// too often.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DeadLetter {
    /// Those that were rejected or returned too often are put aside, where nobody looks; the others are dropped.
    Aside,
    /// All are dropped. RabbitMQ: no `x-dead-letter-exchange`.
    Dropped,
    /// They are published again, to this exchange.
    Exchange {
        /// Its name; `""` is the default exchange. If there is none of this name, they are dropped. RabbitMQ:
        /// `x-dead-letter-exchange`.
        name: String,
        /// With this routing key; none is the one that they came with. RabbitMQ: `x-dead-letter-routing-key`.
        routing_key: Option<String>,
    },
}

/// Which of several ready messages is the next, by their priorities.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Priorities {
    /// The first, whatever its priority.
    None,
    /// The first of the highest priority; greater ones count as this one. RabbitMQ, classic queues: `x-max-priority`.
    Strict(u8),
    /// Two high ones (above 4) for one other, while there are both. RabbitMQ 4.0, quorum queues (`rabbit_fifo_q`;
    /// recorded: `rabbit4-X-P1-quorum-mix`).
    TwoToOne,
}

/// An exchange.
#[derive(Clone, PartialEq, Debug)]
pub struct ExchangeConfig {
    /// Its name.
    pub name: String,
    /// How it routes.
    pub kind: ExchangeKind,
    /// Queues bound to it before time 0: indexes into [`Config::queues`], in order.
    pub queues: Vec<usize>,
    /// Queues that the first member of their subscription binds, since all of them come late; in order.
    pub late: Vec<usize>,
    /// Which queue is bound with which key, now or later; none for a fanout exchange.
    pub keys: Vec<(usize, String)>,
}

impl ExchangeConfig {
    /// A fanout exchange with these queues.
    pub fn fanout(name: impl Into<String>, queues: Vec<usize>) -> Self {
        let name = name.into();
        ExchangeConfig { name, kind: ExchangeKind::Fanout, queues, late: Vec::new(), keys: Vec::new() }
    }
}

/// How a client of the broker is set.
#[derive(Clone, PartialEq, Debug)]
pub struct ClientConfig {
    /// Deliveries a consumer may hold unacked; 0 is no limit. Void under [`AckMode::Auto`]. RabbitMQ: `prefetch_count`.
    pub prefetch: u32,
    /// A consumer with a higher priority is given messages first. RabbitMQ: `x-priority`, 0.
    pub priority: i32,
    /// When a consumer acks.
    pub ack: AckMode,
    /// The publisher waits for a confirm of every message and sends again what is not confirmed.
    pub confirms: bool,
    /// Unconfirmed messages a publisher holds at most; 0 is no limit. When it is reached the publisher waits.
    pub window: u32,
    /// Without a confirm for so long, a message is sent again.
    pub confirm_timeout: Span,
    /// How often it is sent again, at most.
    pub retries: u32,
    /// A client that lost its connection tries again after this long.
    pub reconnect_after: Span,
    /// In a cluster: the number of the node that it is connected to.
    pub node: usize,
    /// Headers that are shown with each delivery of a story.
    pub headers: Vec<String>,
    /// What a publisher of a load says of its messages.
    pub said: Said,
    /// A consumer of a load asks for its messages; none: it is given them.
    pub pulls: Option<Pulls>,
    /// A consumer of a load claims what others have left; none: never.
    pub claims: Option<Claims>,
    /// A consumer of a load that begins anew asks first for what it had been given and has not settled.
    pub rereads: bool,
    /// A consumer of a load says this often that it is still at work on a message; none: never. JetStream: `+WPI`; SQS:
    /// `ChangeMessageVisibility`.
    pub extend_every: Option<Span>,
    /// What a consumer of a load gives back it only keeps, until its time is over.
    pub keeps_failed: bool,
    /// Its session ends with its connection. MQTT: `clean_session`.
    pub clean_session: bool,
    /// In a story it acks by a verb only. paho-mqtt: `manual_ack`.
    pub manual_ack: bool,
    /// In a story: by the subject that it consumes, the queue that it has, alone or with its group. NATS: a subscription.
    pub aliases: Vec<(String, String)>,
}

/// When a consumer acks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AckMode {
    /// Never: the broker forgets a message as it sends it. RabbitMQ: `auto_ack`, `no_ack`.
    Auto,
    /// On receipt.
    BeforeWork,
    /// When the work is done.
    AfterWork,
    /// In one transaction with the effect. XA: `XAResource`.
    TwoPhaseCommit,
}

impl Config {
    /// Whether messages go from one queue to another.
    pub fn dead_letters(&self) -> bool {
        self.queues.iter().any(|queue| matches!(queue.dead_letter, DeadLetter::Exchange { .. }))
    }

    /// The settings of this client.
    pub fn client(&self, name: &str, role: crate::setup::Role) -> &ClientConfig {
        let found = self.clients.iter().find(|(pattern, _)| pattern.matches(name, role));
        &found.expect("the last entry matches every client").1
    }
}
