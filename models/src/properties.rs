//! What a publisher says of a message beside its body and its key.

use crate::message::KeyId;
use crate::shared::Names;
use redeliver_sim::Span;

/// Properties of a message. All messages that say the same share one entry of [`crate::Shared::properties`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Properties {
    /// The higher the sooner, in queues that heed it. AMQP: `priority`.
    pub priority: u8,
    /// It expires after so long in a queue. AMQP: `expiration`.
    pub expiration: Option<Span>,
    /// It comes back if no queue takes it. AMQP: `mandatory`.
    pub mandatory: bool,
    /// Whether it outlives a restart of the broker; none is what the design says of all. AMQP: `delivery_mode`, 2 or 1.
    pub persistent: Option<bool>,
    /// By which it is routed; none is its key. AMQP: `routing_key`.
    pub routing_key: Option<KeyId>,
    /// By which a stream knows it again.
    pub id: MessageId,
    /// How long its stream may be with it. Redis: `MAXLEN` of `XADD`.
    pub length_max: Option<LengthMax>,
    /// The quality of service at which it is published: at most once, at least once, once. MQTT: `qos`.
    pub qos: u8,
    /// Its topic keeps it for those who subscribe later, in place of the one before. MQTT: `retain`.
    pub retain: bool,
}

/// How long a stream may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LengthMax {
    /// So many messages.
    pub count: u32,
    /// About so many, and not fewer: what is let go of are whole nodes. Redis: `~`.
    pub about: bool,
}

/// By what a broker knows a message again that was sent before. JetStream: `Nats-Msg-Id`; SQS: `MessageDeduplicationId`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum MessageId {
    /// By nothing.
    #[default]
    None,
    /// By its source and its number there.
    Own,
    /// By this word.
    Named(KeyId),
}

/// A set of properties: an index into [`crate::Shared::properties`]. The first says nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PropertiesId(pub u32);

impl PropertiesId {
    /// Nothing is said.
    pub const NONE: PropertiesId = PropertiesId(0);
}

/// Properties as a publisher is told to set them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Said {
    /// See [`Properties::priority`].
    pub priority: u8,
    /// See [`Properties::expiration`].
    pub expiration: Option<Span>,
    /// See [`Properties::mandatory`].
    pub mandatory: bool,
    /// See [`Properties::persistent`].
    pub persistent: Option<bool>,
    /// See [`Properties::routing_key`].
    pub routing_key: Option<String>,
    /// See [`Properties::id`]: this word, for NATS.
    pub id: Option<String>,
    /// The same, for SQS.
    pub deduplication_id: Option<String>,
    /// See [`Properties::id`]: its own.
    pub own_id: bool,
    /// See [`Properties::length_max`].
    pub length_max: Option<LengthMax>,
    /// See [`Properties::qos`].
    pub qos: Option<u8>,
    /// See [`Properties::retain`].
    pub retain: Option<bool>,
}

impl Said {
    /// What it leaves open is as here.
    pub(crate) fn or(&self, other: &Said) -> Said {
        Said {
            priority: if self.priority > 0 { self.priority } else { other.priority },
            expiration: self.expiration.or(other.expiration),
            mandatory: self.mandatory || other.mandatory,
            persistent: self.persistent.or(other.persistent),
            routing_key: self.routing_key.clone().or_else(|| other.routing_key.clone()),
            id: self.id.clone().or_else(|| other.id.clone()),
            deduplication_id: self.deduplication_id.clone().or_else(|| other.deduplication_id.clone()),
            own_id: self.own_id || other.own_id,
            length_max: self.length_max.or(other.length_max),
            qos: self.qos.or(other.qos),
            retain: self.retain.or(other.retain),
        }
    }

    /// The properties; a routing key that means nothing to any exchange is none.
    pub(crate) fn properties(&self, names: &Names) -> Properties {
        let id = self.id.as_ref().or(self.deduplication_id.as_ref());
        let named = id.and_then(|id| names.find_key(id)).map(MessageId::Named);
        Properties {
            id: named.unwrap_or(if self.own_id { MessageId::Own } else { MessageId::None }),
            priority: self.priority,
            expiration: self.expiration,
            mandatory: self.mandatory,
            persistent: self.persistent,
            length_max: self.length_max,
            qos: self.qos.unwrap_or(0),
            retain: self.retain.unwrap_or(false),
            routing_key: self.routing_key.as_ref().and_then(|key| names.find_key(key)),
        }
    }
}
