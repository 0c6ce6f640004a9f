//! How a client of a story talks to a queue broker.

use super::Dialect;
use crate::message::SubscriptionId;
use crate::properties::Said;
use crate::queue::Filter;
use redeliver_sim::Span;

/// The session of a client, which it has by its name.
#[derive(Clone, Debug)]
pub struct OwnSession {
    /// Its queue.
    pub queue: u32,
    /// What it subscribes to, sooner or later.
    pub filters: Vec<Filter>,
    /// It ends with the connection.
    pub clean: bool,
    /// What it is given it acks by a verb only.
    pub manual_ack: bool,
}

/// What it knows of the broker, and how it is set.
#[derive(Clone, Debug)]
pub struct QueueSide {
    /// Names of the exchanges, by number.
    pub exchanges: Vec<String>,
    /// Names of the queues, by number.
    pub queues: Vec<String>,
    /// Their subscriptions.
    pub subscriptions: Vec<SubscriptionId>,
    /// What carries packets may lose them.
    pub datagrams: bool,
    /// Deliveries unacked at most; 0 is no limit.
    pub prefetch: u16,
    /// Consumers with a higher one are given messages first.
    pub priority: i32,
    /// What it is given is settled at once.
    pub auto_ack: bool,
    /// What it says of a message where the story does not.
    pub said: Said,
    /// It waits for a confirm of each message.
    pub confirms: bool,
    /// The broker is a cluster: it says when a request is done, and may not answer.
    pub waits: bool,
    /// Headers that are shown with each message it is given.
    pub headers: Vec<String>,
    /// Subscriptions of queues that say how often a message was delivered before (`x-delivery-count`).
    pub counting: Vec<SubscriptionId>,
    /// Those where messages bring a count with them.
    pub carrying: Vec<SubscriptionId>,
    /// The words of its library.
    pub dialect: Dialect,
    /// By queue: it is asked for its messages, for several at a time; and how long one waits for them, unless the story
    /// says otherwise.
    pub pulled: Vec<Option<Span>>,
    /// By exchange: what it sends there is not confirmed. NATS: a subject of no stream.
    pub unconfirmed: Vec<bool>,
    /// By exchange: what it sends there is answered with how many have got it. Redis: a channel.
    pub counted: Vec<bool>,
    /// By the subject that it consumes: the queue that it has, alone or with its group.
    pub aliases: Vec<(String, String)>,
    /// What it was given over a connection it may settle over a later one.
    pub outlives_connection: bool,
    /// Its session, if the broker has sessions and it ever consumes.
    pub session: Option<OwnSession>,
}

impl QueueSide {
    /// The queue of this name; the only one if none is named.
    pub(super) fn queue(&self, name: Option<&str>) -> Option<u32> {
        let alias = self.aliases.iter().find(|(subject, _)| subject.as_str() == name.unwrap_or_default());
        let name = alias.map(|(_, queue)| queue.as_str()).or(name);
        let index = match name {
            Some(name) if !name.is_empty() => self.queues.iter().position(|queue| queue == name),
            _ => (self.queues.len() == 1).then_some(0),
        };
        index.map(|index| index as u32)
    }

    /// Where a message goes: by its name to a queue, over the default exchange, or to an exchange.
    pub(super) fn target(&self, name: Option<&str>) -> Option<u32> {
        if matches!(self.dialect, Dialect::Nats | Dialect::Redis | Dialect::Mqtt) {
            let only = self.exchanges.first().filter(|_| self.exchanges.len() == 1).map(String::as_str);
            let index = self.exchanges.iter().position(|subject| name.or(only) == Some(subject.as_str()));
            return index.map(|index| index as u32);
        }
        match self.queue(name) {
            Some(queue) => Some(self.exchanges.len() as u32 + queue),
            None => {
                let index = self.exchanges.iter().position(|exchange| Some(exchange.as_str()) == name);
                index.map(|index| index as u32)
            }
        }
    }
}
