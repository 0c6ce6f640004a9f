//! What a broker knows of its sessions, and what it does with a message for each of them: gives it, or passes it over.

use super::Queue;
use super::session_topics::{Filter, Topics};
use crate::causes::LossCause;
use crate::message::{MessageRef, SubscriptionId};
use crate::packet::Tag;
use redeliver_sim::ConnectionId;
use std::collections::VecDeque;

/// What a broker's sessions have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionLimits {
    /// Messages under way to a client at most; 0 is no limit. Mosquitto: `max_inflight_messages`.
    pub inflight_max: u32,
    /// Messages that wait beside them; 0 is no limit. Mosquitto: `max_queued_messages`.
    pub queued_max: u32,
    /// The same in bytes, with those under way; 0 is no limit. Mosquitto: `max_queued_bytes`.
    pub queued_bytes_max: u64,
    /// Messages at quality 0 wait for a client that is away. Mosquitto: `queue_qos0_messages`.
    pub queues_qos0: bool,
}

/// A queue that is the session of one client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionConfig {
    /// Whose it is.
    pub client: String,
    /// The subscription of the load that it has a part in; none: it is one of its own.
    pub of: Option<String>,
    /// It ends with the connection. MQTT: `clean_session`.
    pub clean: bool,
    /// What its client subscribes to, sooner or later.
    pub filters: Vec<Filter>,
}

/// A message that its client has, and has not handed to its application yet, as far as the broker knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    pub(super) m: MessageRef,
    pub(super) attempt: u16,
    pub(super) tag: Tag,
    pub(super) size: u32,
    pub(super) rank: u32,
}

/// One session.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) connection: ConnectionId,
    pub(super) clean: bool,
    /// Its client is connected.
    pub(super) online: bool,
    /// Messages above quality 0, under way and waiting; and their bytes.
    pub(super) count: u32,
    pub(super) bytes: u64,
    pub(super) received: VecDeque<Received>,
    /// Its filters that its client is subscribed to.
    pub(super) subscribed: Vec<bool>,
    /// What it held when that was counted last.
    pub(super) level: u64,
    /// Its client's place among those who consume, with its number.
    pub(super) place: (u32, u32),
    /// The last publish that it has been asked about.
    pub(super) asked: u64,
}

/// What is done with a message for one session, or a subscription that has none.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Give { queue: usize, qos: u8 },
    PassOver { s: SubscriptionId, why: LossCause },
}

/// What publishers have sent at quality 2, and not told to go on: in their order, with the exchange of each.
#[derive(Clone, Debug, Default)]
pub(super) struct Incoming(pub(super) Vec<((ConnectionId, MessageRef), u32)>);

impl Incoming {
    fn place(&self, from: ConnectionId, m: MessageRef) -> Result<usize, usize> {
        self.0.binary_search_by_key(&(from, m), |(key, _)| *key)
    }

    /// One more, if it is not there yet; whether it was.
    pub(super) fn add(&mut self, from: ConnectionId, m: MessageRef, exchange: u32) -> bool {
        let place = self.place(from, m);
        if let Err(place) = place {
            self.0.insert(place, ((from, m), exchange));
        }
        place.is_ok()
    }

    pub(super) fn take(&mut self, from: ConnectionId, m: MessageRef) -> Option<u32> {
        self.place(from, m).ok().map(|place| self.0.remove(place).1)
    }

    pub(super) fn has(&self, from: ConnectionId, m: MessageRef) -> bool {
        self.place(from, m).is_ok()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ConnectionId, MessageRef, u32)> + '_ {
        self.0.iter().map(|((from, m), exchange)| (*from, *m, *exchange))
    }
}

/// The sessions of a broker.
#[derive(Clone, Debug)]
pub(super) struct Sessions {
    pub(super) limits: SessionLimits,
    /// By queue.
    pub(super) seats: Vec<Seat>,
    pub(super) topics: Topics,
    /// What publishers have sent at quality 2, and not told to go on.
    pub(super) incoming: Incoming,
    /// By connection: the queue that is its client's session.
    pub(super) queues: Vec<Option<usize>>,
    /// By subscription: the last publish of which something is done for it.
    pub(super) heard: Vec<u64>,
    /// Room for what is done with a message; else empty.
    pub(super) steps: Vec<Step>,
    /// Publishes so far.
    pub(super) publishes: u64,
}

impl Sessions {
    pub(super) fn new(limits: SessionLimits, broker: &super::BrokerSpec) -> Self {
        let queues = &broker.config.queues;
        let seats = queues.iter().zip(&broker.seats).map(|(queue, connection)| Seat {
            connection: *connection,
            clean: queue.session.as_ref().is_some_and(|session| session.clean),
            online: false,
            count: 0,
            bytes: 0,
            received: VecDeque::new(),
            subscribed: vec![false; queue.session.as_ref().map_or(0, |session| session.filters.len())],
            level: 0,
            place: (0, 0),
            asked: 0,
        });
        let seats: Vec<Seat> = seats.collect();
        let mut by_connection = Vec::new();
        for (queue, seat) in seats.iter().enumerate() {
            let connection = seat.connection.0 as usize;
            by_connection.resize(by_connection.len().max(connection + 1), None);
            by_connection[connection] = Some(queue);
        }
        let last = broker.subscriptions.iter().map(|s| usize::from(s.0)).max().unwrap_or(0);
        Sessions {
            limits,
            seats,
            topics: Topics::new(&broker.config.exchanges, queues, &broker.subscriptions),
            incoming: Incoming::default(),
            queues: by_connection,
            heard: vec![0; last + 1],
            steps: Vec::new(),
            publishes: 0,
        }
    }

    pub(super) fn seat_of(&self, connection: ConnectionId) -> Option<usize> {
        *self.queues.get(connection.0 as usize)?
    }

    /// What is done with a message that is published at this quality of service.
    pub(super) fn plan(&mut self, exchange: usize, qos: u8, queues: &[Queue], steps: &mut Vec<Step>) {
        self.publishes += 1;
        for n in 0..self.topics.count(exchange) {
            let Some((queue, granted)) = self.topics.receiver(exchange, n) else { continue };
            if std::mem::replace(&mut self.seats[queue].asked, self.publishes) == self.publishes {
                continue;
            }
            let qos = qos.min(granted);
            self.heard[usize::from(queues[queue].s.0)] = self.publishes;
            steps.push(match self.refusal(queue, qos, &queues[queue]) {
                None => Step::Give { queue, qos },
                Some(why) => Step::PassOver { s: queues[queue].s, why },
            });
        }
        let others = self.topics.read_by(exchange).iter().copied();
        let unheard = others.filter(|s| self.heard[usize::from(s.0)] != self.publishes);
        steps.extend(unheard.map(|s| Step::PassOver { s, why: LossCause::NotSubscribed }));
    }

    /// Why a session does not take a message, if it does not. What is sent at once has room; of what waits, as many as may
    /// be under way do not count while the client is there (`db__ready_for_queue`). The message that goes beyond the limit
    /// in bytes is still taken.
    pub(super) fn refusal(&self, queue: usize, qos: u8, state: &Queue) -> Option<LossCause> {
        let (seat, limits) = (&self.seats[queue], self.limits);
        if qos == 0 && (seat.online || !limits.queues_qos0) {
            return (!seat.online).then_some(LossCause::ReceiverDown);
        }
        let under_way = state.unacked as usize + seat.received.len();
        let flies = limits.inflight_max == 0 || under_way < limits.inflight_max as usize;
        if seat.online && flies && state.len() == 0 {
            return None;
        }
        let aside = if seat.online { limits.inflight_max } else { 0 };
        let long = limits.queued_max > 0 && seat.count.saturating_sub(aside) >= limits.queued_max;
        let large = limits.queued_bytes_max > 0 && seat.bytes >= limits.queued_bytes_max;
        (long || large).then_some(LossCause::QueueOverflow)
    }
}

impl Seat {
    /// A message of so many bytes is settled.
    pub(super) fn settle(&mut self, size: u32) {
        self.count -= 1;
        self.bytes -= u64::from(size);
    }
}
