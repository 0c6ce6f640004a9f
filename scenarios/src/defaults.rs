//! What holds where a file says nothing, each with its source; and the limits that a plan keeps to.

use redeliver_models::queue::Credit;
use redeliver_sim::Span;

/// A default and where it comes from.
pub(crate) struct Default<T> {
    pub(crate) value: T,
    pub(crate) source: &'static str,
}

const fn from<T>(source: &'static str, value: T) -> Default<T> {
    Default { value, source }
}

const OURS: &str = "redeliver";
/// `Queue(…)` takes the defaults of this version.
const RABBITMQ: &str = "RabbitMQ 4.0.5";
/// `Log(…)` takes the defaults of this version.
const KAFKA: &str = "Kafka 4.1.1";
const NATS: &str = "NATS 2.9.10";
const SQS: &str = "Amazon SQS, 2025";
const LINUX: &str = "Linux, net.core.rmem_default";
const WEBHOOKS: &str = "public pages of webhook vendors: 10 to 15 s, 5 to 10 attempts";

pub(crate) const SEED: u64 = 42;
pub(crate) const DURATION: Span = Span::seconds(10);
/// A story ends with its last line: this is only beyond any.
pub(crate) const STORY_DURATION: Span = Span::seconds(86_400);
pub(crate) const DRAIN: Span = Span::seconds(60);
pub(crate) const KEEP: usize = 100;
pub(crate) const EVENTS_MAX: u64 = 1_000_000_000;
pub(crate) const RUN_MEMORY_MAX: u64 = 4 << 30;

// Network and hardware.
pub(crate) const LATENCY: Default<Span> = from(OURS, Span(500_000));
pub(crate) const DISK_SYNC: Default<Span> = from(OURS, Span::millis(2));
pub(crate) const DISK_BANDWIDTH: Default<f64> = from(OURS, 200e6);
pub(crate) const MEMORY: Default<u64> = from(OURS, 4 << 30);

// Load.
pub(crate) const MESSAGE_SIZE: u64 = 1_000;

// Queue brokers.
pub(crate) const PREFETCH: Default<u32> = from(RABBITMQ, 0);
/// Of quorum queues; before 4.0 they had none.
pub(crate) const DELIVERY_LIMIT: Default<u32> = from("RabbitMQ since 4.0", 20);
pub(crate) const CONSUMER_TIMEOUT: Default<Span> = from("RabbitMQ since 3.8.17", Span::seconds(1_800));
pub(crate) const CHANNEL_TICK: Default<Span> = from(RABBITMQ, Span::seconds(60));
pub(crate) const CONFIRMS: Default<bool> =
    from("redeliver: publishers use confirms unless told otherwise", true);
pub(crate) const DURABLE: Default<bool> = from("redeliver: queues are durable unless told otherwise", true);
pub(crate) const PERSISTENT: Default<bool> =
    from("redeliver: messages are persistent unless told otherwise", true);
/// Of a quorum queue, at first.
pub(crate) const QUORUM_MEMBERS: Default<u32> = from(RABBITMQ, 3);
pub(crate) const NET_TICKTIME: Default<u32> = from(RABBITMQ, 60);
/// What a node takes without any message. A watermark of 1 MB raises the alarm at once (recorded: `cluster-7-*`).
pub(crate) const IDLE_MEMORY: u64 = 100_000_000;
/// Nodes of a cluster: each talks to all others.
pub(crate) const CLUSTER_NODES_MAX: u32 = 15;
pub(crate) const MEMORY_WATERMARK: Default<f64> = from(RABBITMQ, 0.6);
pub(crate) const MEMORY_WATERMARK_BEFORE_4: Default<f64> = from("RabbitMQ before 4.0", 0.4);
/// Bytes.
pub(crate) const DISK_FREE_LIMIT: Default<u64> = from(RABBITMQ, 50_000_000);
/// Credit flow: `rabbit.app`.
pub(crate) const CREDIT_FLOW: Default<Credit> = from(RABBITMQ, Credit { initial: 400, more_after: 200 });
pub(crate) const STORE_CREDIT: Default<Credit> = from(RABBITMQ, Credit { initial: 4_000, more_after: 800 });
/// Bytes.
pub(crate) const EMBEDDED_BELOW: Default<u64> = from(RABBITMQ, 4_096);
pub(crate) const QUORUM_SOFT_LIMIT: Default<u32> = from(RABBITMQ, 32);
pub(crate) const PAGING_RATIO: Default<f64> = from("RabbitMQ before 4.0", 0.5);
pub(crate) const PUBLISH_WINDOW: Default<u32> = from(OURS, 0);
pub(crate) const CONFIRM_TIMEOUT: Default<Span> = from(OURS, Span::seconds(5));
pub(crate) const RETRIES: Default<u32> = from("redeliver: until the run ends", u32::MAX);
pub(crate) const RECONNECT_AFTER: Default<Span> = from(OURS, Span::millis(100));

// NATS. Defaults: `server/consumer.go` and `server/stream.go` of nats-server 2.9 (`JsAckWaitDefault`,
// `JsDefaultMaxAckPending`, `StreamDefaultDuplicatesWindow`); `fetch` and `connect` of nats-py.
pub(crate) const ACK_WAIT: Default<Span> = from(NATS, Span::seconds(30));
pub(crate) const ACK_PENDING_MAX: Default<u32> = from(NATS, 1_000);
pub(crate) const DUPLICATE_WINDOW: Default<Span> = from(NATS, Span::seconds(120));
pub(crate) const PULL_BATCH: Default<u32> = from("nats-py: fetch(batch=1)", 1);
pub(crate) const PULL_EXPIRES: Default<Span> = from("nats-py: fetch(timeout=5)", Span::seconds(5));
pub(crate) const NATS_RECONNECT_AFTER: Default<Span> =
    from("nats-py: reconnect_time_wait=2", Span::seconds(2));
/// Bytes of a message in a file beside its own and its subject's: `fileStoreMsgSize`.
pub(crate) const FILE_STORE_OVERHEAD: u32 = 30;
/// The same in memory: `memStoreMsgSize`.
pub(crate) const MEMORY_STORE_OVERHEAD: u32 = 16;

// Amazon SQS, as its documentation of 2025 has it: API reference, SetQueueAttributes and ReceiveMessage; Developer Guide,
// "Amazon SQS quotas".
pub(crate) const VISIBILITY_TIMEOUT: Default<Span> = from(SQS, Span::seconds(30));
pub(crate) const VISIBILITY_TIMEOUT_MAX: Span = Span::seconds(12 * 3_600);
pub(crate) const MESSAGE_RETENTION: Default<Span> = from(SQS, Span::seconds(4 * 86_400));
pub(crate) const MAXIMUM_MESSAGE_SIZE: Default<u64> = from(SQS, 1 << 20);
pub(crate) const IN_FLIGHT_MAX: Default<u32> = from(SQS, 120_000);
pub(crate) const RECEIVE_BATCH: Default<u32> = from("Amazon SQS: ReceiveMessage", 1);
/// A queue without a redrive policy has none; with one, this is what it says if it does not say.
pub(crate) const MAX_RECEIVE_COUNT: u32 = 10;
pub(crate) const DEDUPLICATION_INTERVAL: Span = Span::seconds(300);
pub(crate) const POLL_PAUSE: Default<Span> = from("redeliver: after an empty receive", Span::millis(100));

// Redis. Defaults: `config.c` of Redis 7.0. COUNT, BLOCK and that a consumer begins with its own pending messages: the
// consumer in "Redis Streams" of its documentation.
const REDIS: &str = "Redis 7.0.15";
pub(crate) const REDIS_DEFAULT: &str = REDIS;
const REDIS_CONSUMER: &str = "Redis Streams, the documentation's consumer";
pub(crate) const SAVE: &str = "3600 1 300 100 60 10000";
pub(crate) const APPEND_SYNC: Default<Span> = from(REDIS, Span::seconds(1));
pub(crate) const STREAM_NODE_ENTRIES: u32 = 100;
pub(crate) const STREAM_NODE_BYTES: u32 = 4_096;
pub(crate) const READ_COUNT: Default<u32> = from(REDIS_CONSUMER, 10);
/// Milliseconds.
pub(crate) const READ_BLOCK: Default<u32> = from(REDIS_CONSUMER, 2_000);
/// XAUTOCLAIM without COUNT.
pub(crate) const CLAIM_COUNT: u16 = 100;
/// Bytes of an entry in a listpack beside its value, roughly.
pub(crate) const STREAM_ENTRY_OVERHEAD: u32 = 12;

// MQTT. Defaults: mosquitto.conf(5) of Mosquitto 2.0 and `conf.c`; paho-mqtt 2.2, the library of the records, which
// itself publishes and subscribes at quality 0, and has clean sessions.
const MOSQUITTO: &str = "Mosquitto 2.0.11";
pub(crate) const PAHO: &str = "paho-mqtt: it acknowledges when on_message has returned";
pub(crate) const PERSISTENCE: Default<bool> = from(MOSQUITTO, false);
/// Seconds.
pub(crate) const AUTOSAVE_INTERVAL: Default<u32> = from(MOSQUITTO, 1_800);
pub(crate) const MAX_INFLIGHT_MESSAGES: Default<u32> = from(MOSQUITTO, 20);
pub(crate) const MAX_QUEUED_MESSAGES: Default<u32> = from(MOSQUITTO, 1_000);
pub(crate) const QUEUE_QOS0_MESSAGES: Default<bool> = from(MOSQUITTO, false);
pub(crate) const QOS: Default<u32> = from("redeliver: at least once unless told otherwise", 1);
pub(crate) const CLEAN_SESSION: Default<bool> =
    from("redeliver: sessions outlive connections unless told otherwise", false);
pub(crate) const MANUAL_ACK: Default<bool> = from("paho-mqtt: Client(manual_ack=False)", false);
pub(crate) const PUBLISHER_INFLIGHT: Default<u32> = from("paho-mqtt: max_inflight_messages_set(20)", 20);
/// The first pause; paho-mqtt doubles it, up to 120 s, which is not modelled.
pub(crate) const MQTT_RECONNECT_AFTER: Default<Span> =
    from("paho-mqtt: reconnect_delay_set(min_delay=1)", Span::seconds(1));

// Log brokers. Names and values as `kafka-configs` and the clients' own tables of version 4.1.1 print them.
pub(crate) const PARTITIONS: Default<u32> = from(KAFKA, 1);
pub(crate) const SESSION_TIMEOUT: Default<Span> = from(KAFKA, Span::seconds(45));
pub(crate) const HEARTBEAT: Default<Span> = from(KAFKA, Span::seconds(3));
pub(crate) const RETENTION_AGE: Default<Span> = from(KAFKA, Span::seconds(7 * 86_400));
pub(crate) const RETENTION_CHECK: Default<Span> = from(KAFKA, Span::seconds(300));
pub(crate) const SEGMENT_BYTES: Default<u64> = from(KAFKA, 1 << 30);
pub(crate) const SEGMENT_AGE: Default<Span> = from(KAFKA, Span::seconds(7 * 86_400));
pub(crate) const POLL_RECORDS_MAX: Default<u32> = from(KAFKA, 500);
pub(crate) const FETCH_WAIT_MAX: Default<Span> = from(KAFKA, Span::millis(500));
pub(crate) const REQUEST_TIMEOUT: Default<Span> = from(KAFKA, Span::seconds(30));
pub(crate) const LOG_RETRIES: Default<u32> = from(KAFKA, 2_147_483_647);
pub(crate) const LOG_RECONNECT_AFTER: Default<Span> = from(KAFKA, Span::millis(50));
pub(crate) const AUTO_COMMIT_INTERVAL: Default<Span> = from(KAFKA, Span::seconds(5));
/// Names the source of defaults that are words of ours.
pub(crate) const KAFKA_DEFAULT: &str = KAFKA;
pub(crate) const OUR_COMMIT: &str = "redeliver: consumers commit after the work on each record";
pub(crate) const OUR_DEFAULT: &str = OURS;

// Direct designs.
pub(crate) const RECEIVE_BUFFER: Default<u64> = from(LINUX, 212_992);
pub(crate) const WEBHOOK_TIMEOUT: Default<Span> = from(WEBHOOKS, Span::seconds(10));
pub(crate) const WEBHOOK_ATTEMPTS: Default<u32> = from(WEBHOOKS, 6);
pub(crate) const WEBHOOK_BACKOFF: Default<Span> = from(WEBHOOKS, Span::seconds(10));
pub(crate) const WEBHOOK_BACKOFF_FACTOR: Default<u32> = from(WEBHOOKS, 2);
pub(crate) const WEBHOOK_CONCURRENCY: Default<u32> = from(OURS, 0);
pub(crate) const WEBHOOK_BACKLOG: Default<u32> = from(OURS, 0);

// Limits. Each is named in the error that it causes.
/// Bytes of a scenario file.
pub const FILE_BYTES_MAX: usize = 16 << 20;
/// Members of one group; each is a node with its own connections.
pub(crate) const MEMBERS_MAX: u32 = 10_000;
/// Members of one group of a log: each that joins makes all the others join again.
pub(crate) const GROUP_MEMBERS_MAX: u64 = 1_000;
/// Members of all groups together.
pub(crate) const NODES_MAX: u64 = 100_000;
/// Groups of producers and consumers together.
pub(crate) const GROUPS_MAX: usize = 10_000;
/// Designs of one file; each is a run of its own.
pub(crate) const DESIGNS_MAX: usize = 100;
/// Subscriptions of one design; each has its own checks.
pub(crate) const SUBSCRIPTIONS_MAX: u64 = 1_000;
/// Topics of one design.
pub(crate) const TOPICS_MAX: u64 = 10_000;
/// Connections of a design without a broker: one from every producer to every receiver.
pub(crate) const CONNECTIONS_MAX: u64 = 200_000;
/// Entries of `nodes`, and pairs of ends in `network.links`: each is compared with every node.
pub(crate) const RULES_MAX: usize = 1_000;
/// Times, keys and labels, over all members of all producers.
pub(crate) const ENTRIES_MAX: u64 = 20_000_000;
/// Keys, producers and partitions, times subscriptions: the order checks keep a few words for each.
pub(crate) const LINES_MAX: u64 = 11_000_000;
/// Acts of all faults of a design that are planned up front, at all nodes.
pub(crate) const ACTS_MAX: u64 = 10_000_000;
/// Entries of each kept list.
pub(crate) const KEEP_MAX: u32 = 1_000_000;
/// Bytes of a message: brokers and clients count them with 32 bits (Kafka: at most 2147483647).
pub(crate) const MESSAGE_BYTES_MAX: u64 = redeliver_models::producer::MESSAGE_BYTES_MAX;
/// Faults of one file; one with `every` counts once.
pub(crate) const FAULTS_MAX: usize = 1_000;
/// Keys of one producer; the checks keep a few words for each.
pub(crate) const KEYS_MAX: u32 = 10_000_000;
/// Partitions of one topic; each has its own index.
pub(crate) const PARTITIONS_MAX: u32 = 10_000;
/// Partitions of all topics of a design.
pub(crate) const ALL_PARTITIONS_MAX: u64 = 100_000;
/// Ids of processed messages that a consumer remembers.
pub(crate) const IDS_MAX: u32 = 10_000_000;
/// Messages of one member; their numbers are 32 bits wide.
pub(crate) const COUNT_MAX: u64 = u32::MAX as u64;
/// Clients of a script.
pub(crate) const CLIENTS_MAX: usize = 1_000;
/// Lines of a script.
pub(crate) const SCRIPT_LINES_MAX: usize = 10_000;
/// Verbs of a script, each counted for everybody who does it.
pub(crate) const SCRIPT_ACTS_MAX: usize = 1_000_000;
/// Messages that one range of a script may name.
pub(crate) const RANGE_MAX: u64 = 100_000;
/// Messages that a whole script may name.
pub(crate) const SCRIPT_MESSAGES_MAX: usize = 1_000_000;
