//! How a client of a story talks to a queue broker.

use crate::message::SubscriptionId;
use crate::properties::Said;

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
    /// Headers that are shown with each message it is given.
    pub headers: Vec<String>,
    /// Subscriptions of queues that say how often a message was delivered before (`x-delivery-count`).
    pub counting: Vec<SubscriptionId>,
}

impl QueueSide {
    /// The queue of this name; the only one if none is named.
    pub(super) fn queue(&self, name: Option<&str>) -> Option<u32> {
        let index = match name {
            Some(name) if !name.is_empty() => self.queues.iter().position(|queue| queue == name),
            _ => (self.queues.len() == 1).then_some(0),
        };
        index.map(|index| index as u32)
    }

    /// Where a message goes: by its name to a queue, over the default exchange, or to an exchange.
    pub(super) fn target(&self, name: Option<&str>) -> Option<u32> {
        match self.queue(name) {
            Some(queue) => Some(self.exchanges.len() as u32 + queue),
            None => {
                let index = self.exchanges.iter().position(|exchange| Some(exchange.as_str()) == name);
                index.map(|index| index as u32)
            }
        }
    }
}
