//! The names of RabbitMQ's settings that a file may use, and those that exist but are not modelled yet.
//! From the documentation (rabbitmq-website, docs/*.md) of 3.10 to 4.0 and the AMQP 0-9-1 methods.

use super::settings::Table;

/// Arguments of a queue.
pub(crate) const QUEUE: Table = Table {
    of: "a queue of RabbitMQ",
    modelled: &[
        "durable",
        "x-queue-type",
        "x-max-length",
        "x-overflow",
        "x-message-ttl",
        "x-delivery-limit",
        "x-max-length-bytes",
        "x-dead-letter-exchange",
        "x-dead-letter-routing-key",
        "x-max-priority",
        "x-single-active-consumer",
        "x-quorum-initial-group-size",
    ],
    known: &["auto_delete exclusive passive nowait x-dead-letter-strategy x-expires x-max-age x-max-in-memory-length
        x-max-in-memory-bytes x-queue-mode x-queue-version x-queue-leader-locator
        x-queue-master-locator x-quorum-target-group-size x-initial-cluster-size
        x-stream-max-segment-size-bytes x-stream-filter-size-bytes x-consumer-timeout x-ha-policy"],
};

/// The broker's own configuration file.
pub(crate) const BROKER: Table = Table {
    of: "RabbitMQ's configuration",
    modelled: &[
        "vm_memory_high_watermark",
        "vm_memory_high_watermark.relative",
        "vm_memory_high_watermark_paging_ratio",
        "consumer_timeout",
        "channel_tick_interval",
        "net_ticktime",
        "disk_free_limit.absolute",
        "disk_free_limit.relative",
        "credit_flow_default_credit",
        "msg_store_credit_disc_bound",
        "queue_index_embed_msgs_below",
        "quorum_commands_soft_limit",
    ],
    known: &["vm_memory_high_watermark.absolute disk_free_limit heartbeat frame_max
        channel_max cluster_partition_handling max_message_size
        default_consumer_prefetch collect_statistics_interval classic_queue.default_version
        quorum_queue.property_equivalence.relaxed_checks_on_redeclaration raft.wal_max_size_bytes
        queue_leader_locator default_queue_type tcp_listen_options.sndbuf tcp_listen_options.recbuf"],
};

/// What a client asks for, by the names that client libraries share.
pub(crate) const CLIENT: Table = Table {
    of: "a client of RabbitMQ",
    modelled: &[
        "prefetch_count",
        "auto_ack",
        "confirm",
        "delivery_mode",
        "priority",
        "expiration",
        "mandatory",
        "routing_key",
        "x-priority",
    ],
    known: &["no_ack global prefetch_size immediate heartbeat exclusive no_local consumer_tag
        x-stream-offset connection_timeout blocked_connection_timeout channel_max frame_max
        automatic_recovery network_recovery_interval topology_recovery tx"],
};
