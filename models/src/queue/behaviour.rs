//! What kinds of queues differ in: where a message goes that comes back, who is next, what a restart leaves.
//!
//! Each is a policy of its own; a kind of queue is a choice among them. Sources: the records `rabbit-B-*`,
//! `rabbit4-B-*`, `rabbit-X-*`; `rabbit_queue_consumers.erl` and `rabbit_fifo.erl` of RabbitMQ.

/// Where a message that comes back takes its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Where it was, among those that wait.
    Original,
    /// Behind all that wait: it is written anew.
    Back,
    /// Ahead of all that were never delivered, behind those that came back before it.
    Ahead,
}

/// When a consumer that can take no more loses its turn. It has one again, the last, when it can.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TurnLost {
    /// When there is a message that it cannot take.
    WhenAsked,
    /// As it takes the last one that it can.
    AtOnce,
}

/// What a queue that survives a restart has afterwards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    /// Messages that are persistent. Nobody knows what consumers had seen: all are redelivered.
    Persistent,
    /// All messages, and which of them had been delivered: only those are redelivered.
    Everything,
}

/// One choice of each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Behaviour {
    /// Where a message goes that a consumer gives back. AMQP: `basic.nack`, `basic.reject`, `basic.recover`.
    pub given_back: Place,
    /// Where messages go that a consumer leaves behind: its channel is closed, its connection broken.
    pub left_behind: Place,
    /// When a consumer that can take no more loses its turn.
    pub turn_lost: TurnLost,
    /// What a restart leaves.
    pub kept: Kept,
    /// The bug: who gives back a message that the delivery limit then drops may take one more than before.
    /// RabbitMQ before 4.0 (`rabbit_fifo:return` adds the credit that `complete` has added; recorded:
    /// `rabbit-X-B-nack-m2-quorum-unlimited`).
    pub limit_gives_room_twice: bool,
    /// Messages carry with them how often consumers have rejected them or left them behind, and are marked as redelivered
    /// by that where they are delivered for the first time. RabbitMQ since 4.0, quorum queues.
    pub counts_in_message: bool,
}

impl Behaviour {
    /// RabbitMQ's classic queues.
    pub const CLASSIC: Behaviour = Behaviour {
        given_back: Place::Original,
        left_behind: Place::Original,
        turn_lost: TurnLost::WhenAsked,
        kept: Kept::Persistent,
        limit_gives_room_twice: false,
        counts_in_message: false,
    };

    /// Queues whose deliveries come again by time: ahead of all that was never delivered.
    pub const TIMED: Behaviour = Behaviour {
        given_back: Place::Ahead,
        left_behind: Place::Ahead,
        turn_lost: TurnLost::AtOnce,
        kept: Kept::Everything,
        limit_gives_room_twice: false,
        counts_in_message: false,
    };

    /// SQS's queues: what comes again stands where it was ("best-effort ordering" of standard queues, the order of a
    /// message group in FIFO queues).
    pub const HIDING: Behaviour =
        Behaviour { given_back: Place::Original, left_behind: Place::Original, ..Behaviour::TIMED };

    /// MQTT's sessions: what was sent and not acknowledged is sent again in its old order, before all that was not.
    pub const SESSION: Behaviour = Behaviour { turn_lost: TurnLost::AtOnce, ..Behaviour::CLASSIC };

    /// RabbitMQ's quorum queues. Without a delivery limit what is given back is appended to the log anew; with one it
    /// is returned ahead (`rabbit_fifo:handle_aux` of a `#return{}` tells the two apart by the limit alone).
    pub const fn quorum(limited: bool, before_4: bool) -> Behaviour {
        Behaviour {
            given_back: if limited { Place::Ahead } else { Place::Back },
            left_behind: Place::Ahead,
            turn_lost: TurnLost::AtOnce,
            kept: Kept::Everything,
            limit_gives_room_twice: before_4,
            counts_in_message: !before_4,
        }
    }
}
