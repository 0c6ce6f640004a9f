//! A client of a story: does what the script says, one call after the other, and keeps what it is given.
//!
//! What it holds dies with it; what the onlooker has seen of it is in its [`super::Journal`]. It connects when a verb
//! needs a connection, and does not call again by itself.

use super::call_list::Calls;
use super::calls::{Destination, Task};
use super::groups::Membership;
use super::handling::Handling;
use super::hands::{Hand, Hands};
use super::log::{LogSide, POLL_STEP};
use super::picture::ClientPicture;
use super::queue::QueueSide;
use super::script::{Rule, Verb};
use super::sessions::Offered;
use super::{Dialect, Journal};
use crate::causes::LossCause;
use crate::census::Census;
use crate::domain::{Messaging, Out};
use crate::fact::Fact;
use crate::message::{SourceId, TopicId};
use crate::packet::{Packet, Record, Timer};
use crate::part::Holder;
use crate::properties::Said;
use crate::shared::Shared;
use redeliver_sim::{ConnectionChange, ConnectionId, Disk, Node};

/// What a client is made from.
#[derive(Clone, Debug)]
pub struct ClientSpec {
    /// Its number among the clients.
    pub index: usize,
    /// The source that numbers what it sends.
    pub source: SourceId,
    /// The topic of what it sends.
    pub topic: TopicId,
    /// To the broker.
    pub connection: ConnectionId,
    /// What it talks to.
    pub side: Side,
}

/// What a client talks to.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // clients are few
pub enum Side {
    /// A queue broker.
    Queue(QueueSide),
    /// A log broker.
    Log(LogSide),
}

/// The client.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) spec: ClientSpec,
    /// It has called the broker, and waits for the answer; or it will call again.
    pub(super) calling: bool,
    /// Connections so far: what settles a delivery is good in its own session only.
    pub(super) session: u32,
    /// Its channel to a queue broker is open, if the connection is.
    pub(super) channel: bool,
    pub(super) hands: Hands,
    pub(super) calls: Calls,
    pub(super) handling: Option<Handling>,
    /// Pauses of the handler so far.
    pub(super) pauses: u32,
    /// Which of its pulls what comes next is for.
    pub(super) for_pull: usize,
    /// What it has been offered, and not been told to hand on.
    pub(super) offered: Vec<Offered>,
    /// Its places in groups of a log.
    pub(super) memberships: Vec<Membership>,
    /// For messages to a log without a key.
    pub(super) round: u32,
}

impl Client {
    /// A client that has not done anything.
    pub fn new(spec: ClientSpec) -> Self {
        Client {
            spec,
            calling: false,
            session: 0,
            channel: false,
            hands: Hands::default(),
            calls: Calls::default(),
            handling: None,
            pauses: 0,
            for_pull: 0,
            offered: Vec::new(),
            memberships: Vec::new(),
            round: 0,
        }
    }

    /// Whether this call has not returned.
    pub(crate) fn is_calling(&self, token: u32) -> bool {
        self.calls.has(token)
    }

    /// Begins with what a verb says; the call is known by this number until it returns.
    pub(crate) fn act(&mut self, verb: &Verb, token: u32, out: &mut Out<'_>) {
        match verb {
            Verb::Send { messages, to, size, said, .. } => {
                let to = match &self.spec.side {
                    Side::Queue(side) => side.target(to.as_deref()).map(Destination::Exchange),
                    Side::Log(side) => side.destination(to.as_deref()),
                };
                let Some(to) = to else {
                    return self.error("there is no such queue, exchange or topic", out);
                };
                let said =
                    (0..messages.len()).map(|i| said.get(i).or(said.last()).cloned().unwrap_or_default());
                let left = messages.iter().cloned().zip(said).collect();
                self.call(token, Task::Send { left, to, size: *size, current: None }, out);
            }
            _ if verb.reads() && matches!(self.spec.side, Side::Log(_)) => self.act_on_log(verb, token, out),
            Verb::Consume { from, qos, .. } if self.session().is_some() => {
                self.subscribe(token, from, *qos, out);
            }
            Verb::Consume { from, priority, .. } => self.consume(token, from, *priority, out),
            Verb::Poll { from, n, .. } => self.ask(token, verb, from.as_ref(), n.unwrap_or(1), out),
            Verb::PollAll { from } => self.ask(token, verb, from.as_ref(), u32::MAX, out),
            Verb::Claim { idle, batch } => self.claim(token, *idle, *batch, out),
            Verb::Ack { message, multiple } => {
                for hand in self.to_settle(message.as_deref(), *multiple, out) {
                    self.ack(hand, out);
                }
            }
            Verb::Nack { message, multiple, requeue } => {
                for hand in self.to_settle(message.as_deref(), *multiple, out) {
                    self.nack(hand, *requeue, out);
                }
            }
            Verb::Extend { message, wait } => {
                for hand in self.to_settle(message.as_deref(), false, out) {
                    self.extend(hand, *wait, out);
                }
            }
            Verb::Process(labels) => self.process_named(labels, out),
            Verb::Handle(rules) => {
                self.journal(out).program = Rule::in_turn(rules);
                self.hands.unsee();
                self.handle(out);
            }
            Verb::Declare(queue) if queue.refused => self.on_refused(out),
            Verb::Declare(queue) => self.declare(token, &queue.name, out),
            Verb::Close => self.close(out),
            Verb::Cancel | Verb::Recover | Verb::CloseChannel => self.act_on_channel(verb, out),
            Verb::Async(verb) => self.act(verb, token, out),
            // The rest is the driver's, or another design's.
            _ => {}
        }
    }

    pub(super) fn queue_side(&self) -> Option<&QueueSide> {
        match &self.spec.side {
            Side::Queue(side) => Some(side),
            Side::Log(_) => None,
        }
    }

    pub(super) fn is_datagrams(&self) -> bool {
        self.queue_side().is_some_and(|side| side.datagrams)
    }

    /// Whether it waits for a confirm of what it sends there, and says this of.
    pub(super) fn confirms(&self, to: Destination, said: &Said) -> bool {
        match (&self.spec.side, to) {
            (Side::Queue(side), _) if side.dialect == Dialect::Mqtt => {
                said.qos.or(side.said.qos).unwrap_or(0) > 0
            }
            (Side::Queue(side), Destination::Exchange(number)) => {
                side.confirms && !side.unconfirmed.get(number as usize).is_some_and(|plain| *plain)
            }
            (Side::Queue(side), _) => side.confirms,
            (Side::Log(side), _) => side.confirms,
        }
    }

    pub(super) fn auto_ack(&self) -> bool {
        self.queue_side().is_some_and(|side| side.auto_ack)
    }

    pub(super) fn is_handling(&self) -> bool {
        self.handling.is_some()
    }

    pub(super) fn journal<'o>(&self, out: &'o mut Out<'_>) -> &'o mut Journal {
        &mut out.shared().journals[self.spec.index]
    }

    pub(super) fn error(&self, text: &str, out: &mut Out<'_>) {
        self.journal(out).seen.errors.push(text.into());
    }

    /// Leaves in good order.
    fn close(&mut self, out: &mut Out<'_>) {
        self.fail_calls("ConnectionClosed", out);
        self.leave_groups(out);
        self.let_go_of_all(out);
        self.handling = None;
        self.journal(out).program.clear();
        out.close(self.spec.connection);
    }

    /// What the onlooker sees of it now.
    pub(crate) fn picture(&self, shared: &Shared, open: bool) -> ClientPicture {
        let seen = &shared.journals[self.spec.index].seen;
        let outlives = self.queue_side().is_some_and(|side| side.outlives_connection);
        let here = |hand: &&Hand| outlives || hand.session == self.session || hand.at.is_some();
        let held = self.hands.iter().filter(|hand| !hand.settled).filter(here);
        let mut picture = ClientPicture {
            news: shared.journals[self.spec.index].news(),
            holds: held.map(|hand| hand.text.clone()).collect(),
            connection: if open { "open" } else { "closed" },
            channel: if open && self.channel { "open" } else { "closed" },
            ..seen.clone()
        };
        picture.calls.extend(self.pending_calls());
        self.add_positions(&mut picture);
        picture
    }

    /// Its connection to the broker.
    pub(crate) fn connection(&self) -> ConnectionId {
        self.spec.connection
    }
}

impl Node<Messaging> for Client {
    fn start(&mut self, out: &mut Out<'_>) {
        // One whose session goes on calls by itself when it lives again.
        if out.deaths() > 0 && self.session().is_some() {
            self.calling = true;
            out.connect(self.spec.connection);
        }
    }

    fn on_message(&mut self, _from: ConnectionId, packet: Packet, out: &mut Out<'_>) {
        match packet {
            Packet::Confirm { m, positive, offset, .. } => self.on_confirm(m, positive, offset, out),
            Packet::Return { m, label } => self.on_return(m, label, out),
            Packet::Deliver { m, s, attempt, tag } => self.on_deliver(m, s, attempt, tag, out),
            Packet::ForPull { place } => self.for_pull = usize::from(place),
            Packet::Offer { m, s, attempt, tag } => self.on_offer((m, s, attempt, tag), out),
            Packet::Release { m, s, attempt, tag } => self.on_release((m, s, attempt, tag), out),
            Packet::Accepted { m } => self.on_accepted(m, out),
            Packet::GetEmpty { queue } => self.on_empty(queue, out),
            Packet::PageEnd { queue, .. } => self.on_page_end(queue, out),
            Packet::Emptied { queue, sequence } => self.on_emptied(queue, sequence, out),
            Packet::NoQueue => {
                let word = self.queue_side().map_or("", |side| side.dialect.missing());
                self.fail_calls(word, out);
                self.channel = false;
            }
            Packet::ConsumeOk { queue } => self.on_done(queue, true, out),
            Packet::DeclareOk { queue } => self.on_done(queue, false, out),
            Packet::Cancelled { .. } => self.journal(out).seen.events.push("cancelled".into()),
            Packet::Unavailable { queue, internal } => self.on_unavailable(queue, internal, out),
            Packet::ChannelClosed => self.on_channel_closed(out),
            Packet::Block { blocked } => {
                let word = if blocked { "blocked" } else { "unblocked" };
                self.journal(out).seen.events.push(word.into());
            }
            _ => self.on_log_message(packet, out),
        }
    }

    fn on_timer(&mut self, timer: Timer, out: &mut Out<'_>) {
        match timer {
            Timer::Step { token } if token & POLL_STEP != 0 => {
                self.on_pull_over(token & !POLL_STEP, out);
                self.on_poll_over(token & !POLL_STEP, out);
            }
            Timer::Step { token } if token == self.pauses => {
                self.run_handler(out);
                self.handle(out);
                self.drive(out);
            }
            Timer::Periodic => self.on_heartbeat(out),
            Timer::Reconnect { .. } => out.connect(self.spec.connection),
            _ => {}
        }
    }

    fn on_connection(&mut self, _connection: ConnectionId, change: ConnectionChange, out: &mut Out<'_>) {
        match change {
            ConnectionChange::Connected => {
                (self.calling, self.channel) = (false, true);
                self.send_again(out);
                self.begin_calls(out);
                self.resume_log(out);
            }
            _ if change != ConnectionChange::Writable && matches!(self.spec.side, Side::Log(_)) => {
                self.lose_log(out);
            }
            ConnectionChange::Refused | ConnectionChange::Closed | ConnectionChange::Reset
                if self.session().is_some_and(|session| session.clean) =>
            {
                self.lose_offered(LossCause::SessionEnded, out);
                self.fail_calls("ConnectionClosed", out);
            }
            ConnectionChange::Refused => self.fail_calls("ConnectionRefused", out),
            ConnectionChange::Closed | ConnectionChange::Reset => self.fail_calls("ConnectionClosed", out),
            ConnectionChange::Writable => {}
        }
    }

    fn on_crash(&mut self, _machine: bool, out: &mut Out<'_>) {
        for hand in self.hands.unprocessed() {
            out.note(Fact::Discarded { m: hand.m, s: hand.s, why: LossCause::TakenNeverProcessed });
        }
        for call in self.calls.iter() {
            if let Task::Send { current: Some(sending), .. } = &call.task {
                out.note(Fact::PublishDropped { m: sending.m, why: LossCause::ProducerBuffer });
            }
        }
        self.lose_fetched(out);
        self.lose_offered(LossCause::TakenNeverProcessed, out);
    }
}

impl Holder for Client {
    fn count(&self, up: bool, _disk: &Disk<Record>, census: &mut Census<'_>) {
        if !up {
            return;
        }
        self.hands.unprocessed().for_each(|hand| census.copy(hand.m, hand.s));
        for call in self.calls.iter() {
            if let Task::Send { current: Some(sending), .. } = &call.task {
                census.upstream(sending.m);
            }
        }
        self.offered.iter().for_each(|offered| census.copy(offered.m, offered.s));
        self.fetched().for_each(|(m, s)| census.copy(m, s));
    }
}
