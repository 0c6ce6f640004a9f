//! Flow: publishers' connections are not read while the disk lags behind what was published.
//!
//! Models the chain of RabbitMQ (3.7 to 4.0; "Flow Control"; `rabbit_reader`, `rabbit_channel`, `rabbit_amqqueue_process`,
//! `rabbit_msg_store`, `rabbit_fifo_client`), each of which grants the one before it credit for what it has taken
//! (`credit.rs`): a connection sends to its channel, the channel to queues, a classic queue to the message store. A classic
//! queue writes small messages by itself, and takes the next when that is done; of others it takes as many as the store
//! has credit for. A channel is blocked, too, while a quorum queue has as many of its messages that are not written as
//! the soft limit says. A blocked channel grants its connection nothing, and that stops reading from its socket when its
//! own credit is used up. So what waits for the disk is bounded.
//!
//! The delay is the disk's: all these processes take no time. A message is written when the disk has taken it, at its
//! bandwidth: that an operating system takes more at once, until a fifth of the memory waits to be written, is left out, and
//! so is what the network's buffers take before a publisher's call blocks, that a message which was acked before it is
//! written need not be, and what is not written at all. What comes within the first 5 ms of a lag is not counted, and
//! credit begins full with each lag. Of a cluster nothing of this is modelled.

use super::Kept;
use super::broker::Broker;
use super::credit::{Credit, Receiver, Sender};
use crate::domain::Out;
use crate::message::MessageRef;
use crate::packet::{Packet, Timer};
use redeliver_sim::{ConnectionId, Span};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How much credit there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FlowConfig {
    /// Between connections and channels, channels and classic queues. RabbitMQ: `credit_flow_default_credit`, {400, 200}.
    pub credit: Credit,
    /// Between classic queues and the message store. RabbitMQ: `msg_store_credit_disc_bound`, {4000, 800}.
    pub store: Credit,
    /// Messages from here on are the store's, in bytes. RabbitMQ: `queue_index_embed_msgs_below`, 4096.
    pub embedded_below: u64,
    /// A channel's messages in a quorum queue that are not written. RabbitMQ: `quorum_commands_soft_limit`, 32.
    pub soft_limit: u32,
}

/// A disk that is behind by less does not lag.
const LAG: Span = Span::millis(5);

/// What a broker knows of credit; all is as at first while its disk does not lag.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    config: FlowConfig,
    /// A disk that is behind by so much lags; while it does, all is counted.
    lag: Span,
    /// What the disk has not taken, in order.
    writing: VecDeque<Writing>,
    channels: BTreeMap<ConnectionId, Channel>,
    queues: BTreeMap<usize, ClassicQueue>,
}

#[derive(Clone, Copy, Debug)]
struct Writing {
    connection: ConnectionId,
    queue: usize,
    by: Writer,
}

/// Who has a message that is not written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Writer {
    Queue,
    Store,
    Log,
}

/// A connection and its channel.
#[derive(Clone, Debug)]
struct Channel {
    /// Of the connection, for its channel.
    reader: Sender,
    read: Receiver,
    /// Of the channel, for classic queues.
    senders: BTreeMap<usize, Sender>,
    /// By quorum queue: what is not written.
    pending: BTreeMap<usize, u32>,
    /// The queues that block it.
    blocked_by: BTreeSet<usize>,
    /// What it would grant its connection.
    deferred: u32,
    /// Its connection is not read.
    stopped: bool,
}

/// A classic queue.
#[derive(Clone, Debug)]
struct ClassicQueue {
    /// For the store.
    sender: Sender,
    stored: Receiver,
    blocked: bool,
    /// It writes a message by itself, and whose wait behind it.
    writes: bool,
    mailbox: VecDeque<ConnectionId>,
    takes: BTreeMap<ConnectionId, Receiver>,
    /// What it would grant channels.
    deferred: Vec<(ConnectionId, u32)>,
}

impl Flow {
    pub(super) fn new(config: Option<FlowConfig>) -> Self {
        let off = Credit { initial: 0, more_after: 0 };
        let none = FlowConfig { credit: off, store: off, embedded_below: 0, soft_limit: 0 };
        Flow {
            lag: if config.is_some() { LAG } else { Span(u64::MAX) },
            config: config.unwrap_or(none),
            writing: VecDeque::new(),
            channels: BTreeMap::new(),
            queues: BTreeMap::new(),
        }
    }

    /// Whether a disk that is behind by this much lags.
    #[inline(always)]
    pub(super) fn is_due(&self, behind: Span) -> bool {
        behind >= self.lag
    }

    fn channel(&mut self, connection: ConnectionId) -> &mut Channel {
        let credit = self.config.credit;
        self.channels.entry(connection).or_insert_with(|| Channel {
            reader: credit.sender(),
            read: credit.receiver(),
            senders: BTreeMap::new(),
            pending: BTreeMap::new(),
            blocked_by: BTreeSet::new(),
            deferred: 0,
            stopped: false,
        })
    }

    fn queue(&mut self, queue: usize) -> &mut ClassicQueue {
        let store = self.config.store;
        self.queues.entry(queue).or_insert_with(|| ClassicQueue {
            sender: store.sender(),
            stored: store.receiver(),
            blocked: false,
            writes: false,
            mailbox: VecDeque::new(),
            takes: BTreeMap::new(),
            deferred: Vec::new(),
        })
    }

    /// The channel has read a message. True: its connection is to stop.
    fn read(&mut self, connection: ConnectionId) -> bool {
        let credit = self.config.credit;
        let channel = self.channel(connection);
        let is_last = channel.reader.send();
        channel.stopped |= is_last;
        channel.deferred += channel.read.take(credit).unwrap_or(0);
        self.settle(connection);
        is_last && self.channel(connection).stopped
    }

    /// What a channel keeps back it grants when nothing blocks it.
    fn settle(&mut self, connection: ConnectionId) {
        let channel = self.channel(connection);
        if channel.blocked_by.is_empty() && channel.reader.grant(std::mem::take(&mut channel.deferred)) {
            channel.stopped = false;
        }
    }

    /// The channel hands it to a queue, which writes it or has it written.
    fn hand_on(&mut self, connection: ConnectionId, queue: usize, by: Writer) {
        let (credit, soft_limit) = (self.config.credit, self.config.soft_limit);
        self.writing.push_back(Writing { connection, queue, by });
        let channel = self.channel(connection);
        if by == Writer::Log {
            let pending = channel.pending.entry(queue).or_default();
            *pending += 1;
            if *pending >= soft_limit && soft_limit > 0 {
                channel.blocked_by.insert(queue);
            }
            return;
        }
        if channel.senders.entry(queue).or_insert_with(|| credit.sender()).send() {
            channel.blocked_by.insert(queue);
        }
        let state = self.queue(queue);
        if by == Writer::Queue && std::mem::replace(&mut state.writes, true) {
            return state.mailbox.push_back(connection);
        }
        self.queue_takes(connection, queue);
        if by == Writer::Store {
            let state = self.queue(queue);
            state.blocked |= state.sender.send();
        }
    }

    /// A classic queue has taken a channel's message.
    fn queue_takes(&mut self, connection: ConnectionId, queue: usize) {
        let credit = self.config.credit;
        let state = self.queue(queue);
        if let Some(more) = state.takes.entry(connection).or_insert_with(|| credit.receiver()).take(credit) {
            state.deferred.push((connection, more));
        }
        self.settle_queue(queue);
    }

    /// What a queue keeps back it grants when the store does not block it.
    fn settle_queue(&mut self, queue: usize) {
        let state = self.queue(queue);
        if state.blocked {
            return;
        }
        for (connection, more) in std::mem::take(&mut state.deferred) {
            let Some(channel) = self.channels.get_mut(&connection) else { continue };
            if channel.senders.get_mut(&queue).is_some_and(|sender| sender.grant(more)) {
                channel.blocked_by.remove(&queue);
                self.settle(connection);
            }
        }
    }

    /// The disk has taken the oldest message.
    fn written(&mut self) {
        let Writing { connection, queue, by } = self.writing.pop_front().expect("the disk says it once");
        let store = self.config.store;
        match by {
            Writer::Queue => {
                let state = self.queue(queue);
                let next = state.mailbox.pop_front();
                state.writes = next.is_some();
                next.into_iter().for_each(|connection| self.queue_takes(connection, queue));
            }
            Writer::Store => {
                let state = self.queue(queue);
                if let Some(more) = state.stored.take(store)
                    && state.sender.grant(more)
                {
                    state.blocked = false;
                }
                self.settle_queue(queue);
            }
            Writer::Log => {
                let soft_limit = self.config.soft_limit;
                let Some(channel) = self.channels.get_mut(&connection) else { return };
                let pending = channel.pending.entry(queue).or_default();
                *pending = pending.saturating_sub(1);
                if *pending < soft_limit {
                    channel.blocked_by.remove(&queue);
                    self.settle(connection);
                }
            }
        }
    }
}

impl Broker {
    /// The disk lags, and a message of this publisher has come to queues that write it.
    #[cold]
    #[inline(never)]
    pub(super) fn count_writing(
        &mut self,
        from: ConnectionId,
        m: MessageRef,
        queues: &[usize],
        out: &mut Out<'_>,
    ) {
        if out.is_cut() {
            return;
        }
        let size = out.shared().messages.get(m).size;
        self.flow.lag = Span::ZERO;
        let stops = self.flow.read(from);
        for &queue in queues {
            if !self.writes(queue, m, out) {
                continue;
            }
            let by = match self.queues[queue].config.behaviour.kept {
                Kept::Everything => Writer::Log,
                Kept::Persistent if size < self.flow.config.embedded_below => Writer::Queue,
                Kept::Persistent => Writer::Store,
            };
            self.flow.hand_on(from, queue, by);
            out.after_transfers(Timer::Taken);
        }
        if stops {
            self.throttle(from, true, out);
        }
    }

    /// The disk has taken a message.
    pub(super) fn on_taken(&mut self, out: &mut Out<'_>) {
        let stopped: Vec<ConnectionId> = self.stopped().collect();
        self.flow.written();
        for connection in stopped {
            if !self.flow.channel(connection).stopped {
                self.throttle(connection, false, out);
            }
        }
        if self.flow.writing.is_empty() {
            assert!(self.stopped().next().is_none(), "all credit is granted when all is written");
            self.flow.lag = LAG;
            self.flow.channels.clear();
            self.flow.queues.clear();
        }
    }

    /// The connections that are not read for want of credit.
    pub(super) fn stopped(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.flow.channels.iter().filter(|(_, channel)| channel.stopped).map(|(connection, _)| *connection)
    }

    /// A publisher is gone, and its credit with it.
    pub(super) fn forget_credit(&mut self, connection: ConnectionId) {
        self.flow.channels.remove(&connection);
        for queue in self.flow.queues.values_mut() {
            queue.takes.remove(&connection);
        }
    }

    /// While an alarm holds up all publishers, nothing changes for one of them.
    fn throttle(&mut self, connection: ConnectionId, on: bool, out: &mut Out<'_>) {
        if self.blocking || !out.is_open(connection) {
            return;
        }
        out.send(connection, Packet::Throttle { on });
        if on {
            out.stop_reading(connection);
        } else {
            out.resume_reading(connection);
        }
    }
}
