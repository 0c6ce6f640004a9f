//! The registry of nodes: one line per kind. Dispatch is a match.

use crate::census::Census;
use crate::direct;
use crate::domain::{Messaging, Out};
use crate::log;
use crate::packet::{Packet, Record, Timer};
use crate::producer::Publisher;
use crate::queue;
use crate::story::Client;
use redeliver_sim::{ConnectionChange, ConnectionId, Disk, Node};

/// What every kind of node does, beside what the kernel asks of it.
pub(crate) trait Holder {
    /// Counts the copies that it holds; `disk` is all that counts while it is down.
    fn count(&self, up: bool, disk: &Disk<Record>, census: &mut Census<'_>);

    /// How many ids of processed messages its process keeps.
    fn ids(&self) -> usize {
        0
    }
}

macro_rules! parts {
    ($($(#[$doc:meta])* $kind:ident($type:ty),)*) => {
        /// A node. Its kind stands first, in one line of the cache with what is needed first.
        #[derive(Clone, Debug)]
        #[repr(u8, align(64))]
        #[allow(clippy::large_enum_variant)] // nodes are few
        pub enum Part {
            $($(#[$doc])* $kind($type),)*
        }

        impl Node<Messaging> for Part {
            fn start(&mut self, out: &mut Out<'_>) {
                match self { $(Part::$kind(part) => part.start(out),)* }
            }

            // What a kind of nodes does is one function each, whoever takes the next event.
            #[inline(always)]
            fn on_message(&mut self, from: ConnectionId, packet: Packet, out: &mut Out<'_>) {
                match self { $(Part::$kind(part) => part.on_message(from, packet, out),)* }
            }

            #[inline(always)]
            fn on_timer(&mut self, timer: Timer, out: &mut Out<'_>) {
                match self { $(Part::$kind(part) => part.on_timer(timer, out),)* }
            }

            fn on_connection(&mut self, connection: ConnectionId, change: ConnectionChange, out: &mut Out<'_>) {
                match self { $(Part::$kind(part) => part.on_connection(connection, change, out),)* }
            }

            fn on_stop(&mut self, out: &mut Out<'_>) {
                match self { $(Part::$kind(part) => part.on_stop(out),)* }
            }

            fn on_crash(&mut self, machine: bool, out: &mut Out<'_>) {
                match self { $(Part::$kind(part) => part.on_crash(machine, out),)* }
            }
        }

        impl Part {
            pub(crate) fn count(&self, up: bool, disk: &Disk<Record>, census: &mut Census<'_>) {
                match self { $(Part::$kind(part) => part.count(up, disk, census),)* }
            }

            pub(crate) fn ids(&self) -> usize {
                match self { $(Part::$kind(part) => part.ids(),)* }
            }
        }
    };
}

parts! {
    /// Publishes to a broker.
    Publisher(Publisher),
    /// A queue broker.
    QueueBroker(queue::Broker),
    /// A node of a cluster of queue brokers.
    ClusterNode(Box<queue::ClusterNode>),
    /// Consumes from a queue broker.
    QueueConsumer(queue::Consumer),
    /// A log broker.
    LogBroker(log::Broker),
    /// Consumes from a log broker.
    LogConsumer(log::Consumer),
    /// Sends datagrams to receivers.
    UdpSender(direct::UdpSender),
    /// Sends requests to receivers.
    WebhookSender(direct::WebhookSender),
    /// Receives directly from producers.
    Receiver(direct::Receiver),
    /// A client of a story.
    Client(Client),
}
