//! The names of NATS's settings that a file may use, and those that exist but are not modelled yet. From the
//! configuration of nats-server 2.9 (`StreamConfig`, `ConsumerConfig`: `server/stream.go`, `server/consumer.go`; "Streams",
//! "Consumers" of docs.nats.io) and from nats-py, the library of the records.

use super::settings::Table;

/// A stream.
pub(crate) const STREAM: Table = Table {
    of: "a stream of NATS",
    modelled: &[
        "subjects",
        "storage",
        "retention",
        "discard",
        "max_msgs",
        "max_bytes",
        "max_age",
        "duplicate_window",
    ],
    known: &["name description max_consumers max_msgs_per_subject max_msg_size num_replicas no_ack template_owner
        placement mirror sources sealed deny_delete deny_purge allow_rollup_hdrs republish allow_direct mirror_direct
        discard_new_per_subject"],
};

/// A consumer.
pub(crate) const CONSUMER: Table = Table {
    of: "a consumer of NATS",
    modelled: &[
        "stream",
        "ack_policy",
        "ack_wait",
        "max_deliver",
        "backoff",
        "max_ack_pending",
        "filter_subject",
        "deliver_policy",
        "deliver_subject",
        "deliver_group",
    ],
    known: &["name durable_name description opt_start_seq opt_start_time replay_policy rate_limit_bps sample_freq
        max_waiting flow_control idle_heartbeat headers_only max_batch max_expires max_bytes inactive_threshold
        num_replicas mem_storage"],
};

/// The server's configuration file.
pub(crate) const SERVER: Table = Table {
    of: "NATS's configuration",
    modelled: &[],
    known: &["host port max_payload max_pending max_connections max_subscriptions max_control_line ping_interval
        ping_max write_deadline no_fast_producer_stall jetstream store_dir max_memory_store max_file_store sync_interval
        max_outstanding_catchup unique_tag cluster gateway leafnodes websocket mqtt"],
};

/// What a client says.
pub(crate) const CLIENT: Table = Table {
    of: "a client of NATS",
    modelled: &["queue", "batch", "expires"],
    known: &["no_wait idle_heartbeat max_bytes timeout connect_timeout reconnect_time_wait max_reconnect_attempts
        pending_msgs_limit pending_bytes_limit pending_size flush_timeout ordered_consumer manual_ack flow_control
        allow_reconnect ping_interval max_outstanding_pings no_echo publish_async_max_pending"],
};
