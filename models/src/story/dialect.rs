//! The words of a product's clients, where a story shows them.

use crate::queue::DeclareError;

/// Which product's words a client of a queue broker uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// RabbitMQ's, with pika, the library of the records.
    Amqp,
    /// NATS's, with nats-py, the library of the records.
    Nats,
    /// Amazon SQS's, with botocore.
    Sqs,
    /// Redis's, with redis-py, the library of the records.
    Redis,
    /// MQTT's, with paho-mqtt, the library of the records.
    Mqtt,
}

impl Dialect {
    /// A publish that was refused.
    pub(super) fn refused(self) -> &'static str {
        match self {
            Dialect::Amqp => "nack",
            Dialect::Nats => "ServiceUnavailableError",
            Dialect::Sqs => "InvalidParameterValue",
            Dialect::Redis => "MISCONF",
            // MQTT 3.1.1 has no word for no.
            Dialect::Mqtt => "refused",
        }
    }

    /// What was asked for is not there.
    pub(super) fn missing(self) -> &'static str {
        match self {
            Dialect::Amqp => "404 NOT_FOUND",
            Dialect::Nats => "NotFoundError",
            Dialect::Sqs => "QueueDoesNotExist",
            Dialect::Redis => "NOGROUP",
            Dialect::Mqtt => "MQTT_ERR_NO_CONN",
        }
    }

    /// A verb needs a channel or a connection that is not open.
    pub(super) fn closed(self) -> &'static str {
        match self {
            Dialect::Amqp => "ChannelWrongStateError",
            Dialect::Nats => "ConnectionClosedError",
            Dialect::Sqs => "EndpointConnectionError",
            Dialect::Redis => "ConnectionError",
            Dialect::Mqtt => "MQTT_ERR_NO_CONN",
        }
    }

    /// A reader of a stream could not be made. JetStream's error codes: `server/errors.json` of nats-server 2.9.
    pub(super) fn undeclared(error: DeclareError) -> &'static str {
        match error {
            DeclareError::NoStream => "NotFoundError",
            DeclareError::MultipleUnfiltered => "BadRequestError err_code=10099",
            DeclareError::NotUnique => "BadRequestError err_code=10100",
        }
    }
}
