//! The settings that verbs of a story take, by their real names.

use crate::design::settings::Table;

pub(crate) const NOTHING: Table = Table { of: "this verb", modelled: &[], known: &["qos"] };
pub(crate) const CONSUME: Table =
    Table { of: "`Consume`", modelled: &["x-priority", "qos"], known: &["x-stream-offset exclusive"] };
pub(crate) const ACK: Table = Table { of: "`Ack`", modelled: &["multiple"], known: &[] };
pub(crate) const ALTER: Table = Table {
    of: "`Alter`",
    modelled: &["vm_memory_high_watermark.absolute"],
    known: &["vm_memory_high_watermark vm_memory_high_watermark.relative disk_free_limit"],
};
pub(crate) const NACK: Table = Table { of: "`Nack`", modelled: &["multiple", "requeue"], known: &["delay"] };
pub(crate) const REJECT: Table = Table { of: "`Reject`", modelled: &["requeue"], known: &[] };
pub(crate) const CLAIM: Table = Table { of: "`Claim`", modelled: &["COUNT"], known: &["start JUSTID"] };
pub(crate) const EXTEND: Table = Table { of: "`Extend`", modelled: &["VisibilityTimeout"], known: &[] };
pub(crate) const SEND: Table = Table {
    of: "`Send`",
    modelled: &[
        "size",
        "delivery_mode",
        "priority",
        "expiration",
        "mandatory",
        "routing_key",
        "Nats-Msg-Id",
        "MessageDeduplicationId",
        "MAXLEN",
        "qos",
        "retain",
    ],
    known: &["every until headers partition timestamp MessageGroupId DelaySeconds MINID LIMIT NOMKSTREAM"],
};
