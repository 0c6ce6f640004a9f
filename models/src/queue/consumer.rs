//! A consumer of a queue broker: takes what it is given, works, acks.
//!
//! A channel that the broker closes is opened again as a connection that broke is. One handler works at a time; what else was delivered waits, up to the prefetch. With acks before the work, the ack
//! goes out when the handler begins.

use super::{AckMode, Transport};
use crate::causes::LossCause;
use crate::census::Census;
use crate::domain::{Messaging, Out};
use crate::fact::Fact;
use crate::packet::{Packet, Record, Tag, Timer};
use crate::part::Holder;
use crate::setup::OnFailure;
use crate::worker::{Held, Worker};
use redeliver_sim::{ConnectionChange, ConnectionId, Disk, Node, Span};

/// How a consumer is set.
#[derive(Clone, Debug)]
pub struct ConsumerSpec {
    /// To the broker.
    pub connection: ConnectionId,
    /// What carries packets.
    pub transport: Transport,
    /// Which queue.
    pub queue: u32,
    /// It comes late: the queue is bound to this exchange when it is there.
    pub bind_to: Option<u32>,
    /// Deliveries unacked at most; 0 is no limit.
    pub prefetch: u32,
    /// Those with a higher one are given messages first.
    pub priority: i32,
    /// When it acks.
    pub ack: AckMode,
    /// What follows when its handler fails.
    pub on_failure: OnFailure,
    /// A lost connection is tried again after this long.
    pub reconnect_after: Span,
}

/// What settles a delivery: its tag, which is good in its own session only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token {
    tag: Tag,
    session: u32,
}

/// The consumer.
#[derive(Clone, Debug)]
pub struct Consumer {
    spec: ConsumerSpec,
    worker: Worker<Token>,
    /// Channels so far.
    session: u32,
    /// It has said that it consumes, and nothing has ended that.
    consuming: bool,
}

impl Consumer {
    /// A consumer that has not started.
    pub fn new(spec: ConsumerSpec, worker: Worker<Token>) -> Self {
        Consumer { spec, worker, session: 0, consuming: false }
    }

    #[inline(always)]
    fn reply(&self, packet: Packet, out: &mut Out<'_>) {
        match self.spec.transport {
            Transport::Connections => out.send(self.spec.connection, packet),
            Transport::Datagrams => out.datagram(self.spec.connection, packet),
        }
    }

    #[inline(always)]
    fn ack(&self, held: &Held<Token>, out: &mut Out<'_>) {
        let (m, s, attempt, tag) = (held.m, self.worker.s, held.attempt, held.token.tag);
        if held.token.session == self.session {
            self.reply(Packet::Ack { m, s, attempt, tag }, out);
        }
    }

    fn nack(&self, held: &Held<Token>, requeue: bool, out: &mut Out<'_>) {
        let (m, s, attempt, tag) = (held.m, self.worker.s, held.attempt, held.token.tag);
        out.note(Fact::GivenBack { m, s });
        if held.token.session == self.session {
            self.reply(Packet::Nack { m, s, attempt, tag, requeue }, out);
        }
    }

    #[inline(never)]
    fn begin(&mut self, out: &mut Out<'_>) {
        if let Some(held) = self.worker.begin(out)
            && self.spec.ack == AckMode::BeforeWork
        {
            self.ack(&held, out);
        }
    }

    #[inline(always)]
    fn on_done(&mut self, generation: u16, out: &mut Out<'_>) {
        match self.worker.end(generation, out) {
            Some((held, true)) => self.on_failure(held, out),
            Some((held, false)) if self.spec.ack == AckMode::AfterWork => self.ack(&held, out),
            Some((_, false)) | None => {}
        }
        self.begin(out);
    }

    /// With acks that went out before, a failure can only be tried again in place, or be dropped.
    fn on_failure(&mut self, held: Held<Token>, out: &mut Out<'_>) {
        let (m, s) = (held.m, self.worker.s);
        let open = self.spec.ack == AckMode::AfterWork;
        match self.spec.on_failure {
            OnFailure::RetryInPlace(pause) => self.worker.retry(held, pause, out),
            OnFailure::Requeue if open => self.nack(&held, true, out),
            OnFailure::DeadLetter if open => self.nack(&held, false, out),
            OnFailure::Requeue | OnFailure::DeadLetter | OnFailure::Drop => {
                out.note(Fact::Discarded { m, s, why: LossCause::HandlerFailed });
                if open {
                    self.ack(&held, out);
                }
            }
        }
    }
}

impl Consumer {
    /// Opens a new channel after the broker has closed one, if the connection is still there.
    #[cold]
    fn consume_again(&mut self, out: &mut Out<'_>) {
        if !self.consuming && out.is_open(self.spec.connection) {
            self.consume(out);
        }
    }

    fn consume(&mut self, out: &mut Out<'_>) {
        self.consuming = true;
        let prefetch = self.spec.prefetch.min(u32::from(u16::MAX)) as u16;
        let (queue, auto_ack, priority) =
            (self.spec.queue, self.spec.ack == AckMode::Auto, self.spec.priority);
        out.send(self.spec.connection, Packet::Consume { queue, prefetch, auto_ack, priority });
    }

    /// What waits will come again; the one in work is finished, and can no longer be acked. Without acks all that has
    /// come is the consumer's own.
    fn lose_channel(&mut self, out: &mut Out<'_>) {
        self.consuming = false;
        self.session += 1;
        if self.spec.ack != AckMode::Auto {
            self.worker.give_back_waiting(out);
        }
    }
}

impl Node<Messaging> for Consumer {
    fn start(&mut self, out: &mut Out<'_>) {
        if self.spec.transport == Transport::Connections {
            out.connect(self.spec.connection);
        }
    }

    #[inline(always)]
    fn on_message(&mut self, _from: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        match packet {
            Packet::Deliver { m, attempt, tag, .. } => {
                self.worker.take(m, attempt, Token { tag, session: self.session }, out);
                self.begin(out);
            }
            Packet::ChannelClosed => {
                self.lose_channel(out);
                out.deadline(self.spec.reconnect_after, Timer::OpenChannel);
            }
            _ => {}
        }
    }

    #[inline(always)]
    fn on_timer(&mut self, timer: Timer, out: &mut Out<'_>) {
        match timer {
            Timer::Done { generation, .. } => self.on_done(generation, out),
            Timer::Retry { generation, .. } => self.worker.on_retry(generation, out),
            Timer::OpenChannel => self.consume_again(out),
            Timer::Reconnect { .. } => out.connect(self.spec.connection),
            _ => {}
        }
    }

    fn on_connection(&mut self, connection: ConnectionId, change: ConnectionChange, out: &mut Out<'_>) {
        match change {
            ConnectionChange::Connected => {
                if let Some(exchange) = self.spec.bind_to {
                    let s = self.worker.s;
                    out.shared().subscriptions[s.0 as usize].bound = true;
                    out.send(connection, Packet::Bind { exchange, queue: self.spec.queue });
                }
                self.consume(out);
            }
            ConnectionChange::Refused | ConnectionChange::Closed | ConnectionChange::Reset => {
                self.lose_channel(out);
                out.deadline(self.spec.reconnect_after, Timer::Reconnect { peer: 0 });
            }
            ConnectionChange::Writable => {}
        }
    }

    fn on_crash(&mut self, _machine: bool, out: &mut Out<'_>) {
        self.worker.on_crash(out);
    }
}

impl Holder for Consumer {
    fn count(&self, up: bool, _disk: &Disk<Record>, census: &mut Census<'_>) {
        if up {
            self.worker.count(census);
        }
    }

    fn ids(&self) -> usize {
        self.worker.ids_here()
    }
}
