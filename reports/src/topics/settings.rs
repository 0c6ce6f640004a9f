//! The settings of a scenario.

use super::{Topic, topic};

pub(super) static SETTINGS: &[Topic] = &[
    topic(
        &["prefetch"],
        "Deliveries that a consumer of a queue may hold unacked; 0 is no limit. More hides the network's \
         latency; less shares more evenly, and a crash gives back fewer. RabbitMQ: `prefetch_count`, no \
         limit by default.",
    ),
    topic(
        &["ack"],
        "When a consumer of a queue acks: `Auto` (the broker forgets as it sends), `BeforeWork` (a crash \
         loses) or `AfterWork` (a crash repeats).",
    ),
    topic(
        &["confirms"],
        "The publisher waits for a confirm of every message and sends again what was not confirmed. Without \
         it a loss on the way is silent. redeliver's publishers use it unless told otherwise; RabbitMQ's \
         clients do not.",
    ),
    topic(
        &["confirm_timeout"],
        "Without a confirm for so long, a message is sent again: a slow broker then makes duplicates.",
    ),
    topic(
        &["redeliver_after"],
        "A delivery that is not acked for so long goes back to the queue. SQS: visibility timeout, 30 s. \
         Too short repeats slow work; too long delays recovery.",
    ),
    topic(
        &["message group", "MessageGroupId", "FifoQueue"],
        "In a FIFO queue of SQS the messages of a group, those of one key, are received in order: while one of them is \
         hidden, the others wait. A poison message holds its group up until it is moved to a dead-letter queue; then \
         the group goes on without it.",
    ),
    topic(
        &["durable"],
        "The queue survives a restart of its broker, and with it the messages that are persistent.",
    ),
    topic(
        &["delivery_limit"],
        "Redeliveries of a message, at most; beyond them it is dead-lettered. It is what stops a poison \
         message. RabbitMQ: `x-delivery-limit`, 20 in quorum queues from 4.0.",
    ),
    topic(
        &["leaders", "quorum queue", "cluster"],
        "A quorum queue has a log on several nodes of a cluster. Its leader confirms what more than half of them have \
         on disk; if it dies, the others elect another one. Without a majority nothing is confirmed or delivered.",
    ),
    topic(
        &["net_ticktime"],
        "A node of a cluster that is silent for so long is taken for dead: what its clients hold is given to others. \
         RabbitMQ: 60 s. A leader that is silent is replaced sooner, after 6 to 8 s.",
    ),
    topic(
        &["length_max"],
        "Ready messages that a queue holds, at most. What happens beyond that is `overflow`: `DropHead` \
         (silent) or `RejectPublish` (the producer learns). RabbitMQ: `x-max-length`.",
    ),
    topic(
        &["message_ttl"],
        "A message that waits longer is dropped once it is at the head. RabbitMQ: `x-message-ttl`.",
    ),
    topic(
        &["memory_high_watermark"],
        "Publishers are blocked while messages in memory take more than this share of the broker's memory: \
         back-pressure. RabbitMQ: 0.4 before 4.0, 0.6 since.",
    ),
    topic(
        &["partitions"],
        "Into how many logs a topic is split. Order holds within one only; a group has at most so many \
         working members.",
    ),
    topic(
        &["acks"],
        "What a producer of a log waits for: `None`, `Leader` (written to the page cache), `All` (every \
         in-sync replica) or `Synced` (on disk). Kafka: `acks`, `all`.",
    ),
    topic(
        &["commit"],
        "When a consumer of a log commits its position: `BeforeWork` (a crash loses), `AfterWork` (a crash \
         repeats), `Every(\"5s\")` (Kafka's auto-commit: either) or `Never`.",
    ),
    topic(
        &["session_timeout"],
        "A member that is not heard of for so long is out of its group, and its partitions move. Kafka: \
         `session.timeout.ms`, 45 s: after a crash nothing is read from them for that long.",
    ),
    topic(
        &["retention_age"],
        "Age at which a log forgets a closed segment. Kafka: `retention.ms`, 7 days. The window can be \
         longer by a segment's age and the check's interval.",
    ),
    topic(&["retention_bytes"], "Bytes that a partition keeps. Kafka: `retention.bytes`, no limit."),
    topic(
        &["when_full"],
        "What a log does when its disk is full: `DeleteOldest` (the ring buffer of DDIA 1st ed., chapter \
         11) or `Offline` (Kafka: the log directory fails).",
    ),
    topic(
        &["offset_reset"],
        "Where a group starts without a valid committed offset. Kafka: `auto.offset.reset`, `latest`: what \
         was written before is skipped.",
    ),
    topic(
        &["share"],
        "How members share in a direct design: `RoundRobin`, `ByKey`, or `All` (each member is a \
         subscription of its own).",
    ),
    topic(
        &["on_failure"],
        "What a failing handler leads to: `Requeue`, `Drop`, `DeadLetter`, or `RetryInPlace(\"1s\")`, which \
         keeps the order and lets nothing pass meanwhile.",
    ),
    topic(
        &["seed"],
        "Where all draws come from. The same scenario, seed and version give the same bytes; another seed \
         is another run of the same system.",
    ),
    topic(&["warm_up"], "Averages start when this is over."),
    topic(
        &["heal_at"],
        "When all faults end: partitions heal, disks recover, handlers work again, who was down boots again, and \
         no fault acts after it. What is left to do is done in peace.",
    ),
    topic(
        &["fault_budget", "faults_skipped"],
        "How many of some nodes may be down at once, as `fault_budget: {\"brokers\": 1}`. A crash or a stop that \
         would make them more does not happen; `faults_skipped` says how often.",
    ),
    topic(
        &["drain"],
        "How much longer than its duration a run may go on, so that what is under way can end.",
    ),
    topic(&["baseline"], "The design that the others are compared with; it changes no figure."),
    topic(
        &["fingerprint"],
        "A 64-bit fold of everything that happened in a run. Two runs with the same fingerprint went the \
         same way.",
    ),
];
