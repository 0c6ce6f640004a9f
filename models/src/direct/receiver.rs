//! A consumer that producers send to: datagrams into a socket's buffer, or requests that it answers.
//!
//! One handler works at a time. Datagrams that come meanwhile wait in the socket's buffer, and what does not fit is
//! dropped without a word. Requests wait up to the backlog, if at all, beyond which they are answered 503 at once; after the work
//! the answer is 200, after a failure 500.
//!
//! A failure is `Drop`ped (a request is answered 200 all the same) or tried again in place. `Requeue` and `DeadLetter`
//! have nowhere to put a datagram, so they drop it; for a request both are an answer of 500.

use crate::causes::LossCause;
use crate::census::Census;
use crate::domain::{Messaging, Out};
use crate::fact::Fact;
use crate::handler::Outcome;
use crate::message::MessageRef;
use crate::packet::{Packet, Record, Timer};
use crate::part::Holder;
use crate::setup::OnFailure;
use crate::worker::{Held, Worker};
use redeliver_sim::{ConnectionChange, ConnectionId, Disk, Node, Time};

/// How a receiver is set.
#[derive(Clone, Debug)]
pub struct ReceiverSpec {
    /// Bytes of datagrams that wait while the handler works, at most; 0 is no limit.
    pub receive_buffer: u64,
    /// Requests that wait while the handler works, at most; none is no limit.
    pub backlog: Option<u32>,
    /// What follows when its handler fails.
    pub on_failure: OnFailure,
    /// Requests that it does not handle, but answers with an error.
    pub error_replies: Vec<ErrorReply>,
}

/// An answer with an error, as by a proxy before the handler.
#[derive(Clone, Debug)]
pub struct ErrorReply {
    /// To which requests.
    pub which: RequestSelection,
    /// The status of the answer.
    pub status: u16,
    /// To so many requests from the first one on, or attempts at the message.
    pub times: u32,
    /// Until when.
    pub until: Time,
}

/// Some of the requests that come to a subscription.
#[derive(Clone, Debug)]
pub enum RequestSelection {
    /// From this one on, counted from 1 over all members.
    From(u32),
    /// Those about this message: source and number.
    About((u32, u32)),
}

/// What settles a message: nothing for a datagram, an answer for a request, in its own session only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token {
    answer: Option<(ConnectionId, u32)>,
}

/// The receiver.
#[derive(Clone, Debug)]
pub struct Receiver {
    spec: ReceiverSpec,
    worker: Worker<Token>,
    /// Bytes that wait in the socket's buffer.
    buffered: u64,
    /// Datagrams that it holds, as it has last said.
    level: u64,
    /// Connections that have broken, and how often.
    broken: Vec<(ConnectionId, u32)>,
}

impl Receiver {
    /// A receiver that has not started.
    pub fn new(spec: ReceiverSpec, worker: Worker<Token>) -> Self {
        Receiver { spec, worker, buffered: 0, level: 0, broken: Vec::new() }
    }

    #[inline(always)]
    fn on_datagram(&mut self, m: MessageRef, out: &mut Out<'_>) {
        let size = out.shared().message(m).size;
        let limit = self.spec.receive_buffer;
        if limit > 0 && self.worker.count_held() > 0 && self.buffered + size > limit {
            return out.note(Fact::DeliveryDropped { m, s: self.worker.s, why: LossCause::ReceiveBuffer });
        }
        self.buffered += size;
        self.worker.take(m, 1, Token { answer: None }, out);
        self.begin(out);
        self.set_level(out);
    }

    #[inline(always)]
    fn on_request(&mut self, from: ConnectionId, m: MessageRef, attempt: u16, out: &mut Out<'_>) {
        let s = self.worker.s;
        if !self.spec.error_replies.is_empty()
            && let Some(status) = self.error_reply(m, attempt, out)
        {
            out.note(Fact::GivenBack { m, s });
            return out.send(from, Packet::Response { m, s, attempt, status });
        }
        if self.spec.backlog.is_some_and(|limit| self.worker.count_held() > limit as usize) {
            out.note(Fact::GivenBack { m, s });
            return out.send(from, Packet::Response { m, s, attempt, status: 503 });
        }
        self.worker.take(m, attempt, Token { answer: Some((from, self.session(from))) }, out);
        self.begin(out);
    }

    /// The error that answers this request, if one does.
    #[cold]
    fn error_reply(&self, m: MessageRef, attempt: u16, out: &mut Out<'_>) -> Option<u16> {
        let now = out.now();
        let shared = out.shared();
        let requests = &mut shared.subscriptions[self.worker.s.0 as usize].requests;
        *requests += 1;
        let (number, message) = (*requests, shared.messages.get(m));
        let is_meant = |reply: &&ErrorReply| {
            let times = match reply.which {
                RequestSelection::From(first) => number.checked_sub(first),
                RequestSelection::About(about) if about == (message.source.0, message.number) => {
                    Some(u32::from(attempt) - 1)
                }
                RequestSelection::About(_) => None,
            };
            now < reply.until && times.is_some_and(|times| times < reply.times)
        };
        self.spec.error_replies.iter().find(is_meant).map(|reply| reply.status)
    }

    #[inline(always)]
    fn session(&self, connection: ConnectionId) -> u32 {
        self.broken.iter().find(|(broken, _)| *broken == connection).map_or(0, |(_, times)| *times)
    }

    #[inline(always)]
    fn begin(&mut self, out: &mut Out<'_>) {
        if let Some(held) = self.worker.begin(out)
            && held.token.answer.is_none()
        {
            self.buffered -= out.shared().message(held.m).size;
        }
    }

    #[inline(always)]
    fn on_done(&mut self, generation: u16, out: &mut Out<'_>) {
        match self.worker.end(generation, out) {
            Some((held, Outcome::Failure)) => self.on_failure(held, out),
            Some((held, _)) => self.answer(&held, 200, out),
            None => {}
        }
        self.begin(out);
        self.set_level(out);
    }

    fn on_failure(&mut self, held: Held<Token>, out: &mut Out<'_>) {
        let (m, s) = (held.m, self.worker.s);
        let answers = held.token.answer.is_some();
        match self.spec.on_failure {
            OnFailure::RetryInPlace(pause) => self.worker.retry(held, pause, out),
            OnFailure::Requeue | OnFailure::DeadLetter if answers => {
                out.note(Fact::GivenBack { m, s });
                self.answer(&held, 500, out);
            }
            OnFailure::Requeue | OnFailure::DeadLetter | OnFailure::Drop => {
                out.note(Fact::Discarded { m, s, why: LossCause::HandlerFailed });
                self.answer(&held, 200, out);
            }
        }
    }

    /// Answers a request, unless its connection is gone.
    #[inline(always)]
    fn answer(&self, held: &Held<Token>, status: u16, out: &mut Out<'_>) {
        if let Some((to, session)) = held.token.answer
            && session == self.session(to)
        {
            let (m, s, attempt) = (held.m, self.worker.s, held.attempt);
            out.send(to, Packet::Response { m, s, attempt, status });
        }
    }

    /// Datagrams reside here; requests at their sender.
    #[inline(always)]
    fn set_level(&mut self, out: &mut Out<'_>) {
        let (s, now, held) = (self.worker.s, out.now(), self.worker.count_held() as u64);
        if out.shared().subscriptions[s.0 as usize].resides_at_receiver {
            out.shared().change_level(s, now, self.level, held);
            self.level = held;
        }
    }
}

impl Node<Messaging> for Receiver {
    fn start(&mut self, _out: &mut Out<'_>) {}

    #[inline(never)]
    fn on_message(&mut self, from: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        match packet {
            Packet::Datagram { m, .. } => self.on_datagram(m, out),
            Packet::Request { m, attempt, .. } => self.on_request(from, m, attempt, out),
            _ => {}
        }
    }

    #[inline(never)]
    fn on_timer(&mut self, timer: Timer, out: &mut Out<'_>) {
        match timer {
            Timer::Done { generation, .. } => self.on_done(generation, out),
            Timer::Retry { generation, .. } => self.worker.on_retry(generation, out),
            _ => {}
        }
    }

    fn on_connection(&mut self, connection: ConnectionId, change: ConnectionChange, _out: &mut Out<'_>) {
        if matches!(change, ConnectionChange::Closed | ConnectionChange::Reset) {
            match self.broken.iter_mut().find(|(broken, _)| *broken == connection) {
                Some((_, times)) => *times += 1,
                None => self.broken.push((connection, 1)),
            }
        }
    }

    fn on_crash(&mut self, _machine: bool, out: &mut Out<'_>) {
        self.worker.on_crash(out);
        let (s, now) = (self.worker.s, out.now());
        out.shared().change_level(s, now, self.level, 0);
    }
}

impl Holder for Receiver {
    fn count(&self, up: bool, _disk: &Disk<Record>, census: &mut Census<'_>) {
        if up {
            self.worker.count(census);
        }
    }

    fn ids(&self) -> usize {
        self.worker.ids_here()
    }
}
