//! The figures of a report.

use super::{Topic, topic};

pub(super) static METRICS: &[Topic] = &[
    // Metrics: messages.
    topic(
        &["addressed"],
        "Messages meant for a subscription: all that its topic accepted since it was there. Count. At the \
         end of every run addressed = processed + dead_lettered + pending + lost.total + superseded + \
         withdrawn; the run asserts it.",
    ),
    topic(
        &["published"],
        "Sends that producers called, whatever became of them. Count. published = confirmed + refused + \
         unknown.",
    ),
    topic(
        &["confirmed"],
        "Sends for which the producer holds a positive acknowledgement: a publisher confirm, a log's \
         answer, a 2xx. Count. A message that is lost after that is a broken promise: see lost.confirmed.",
    ),
    topic(
        &["refused"],
        "Sends that got a definite no: the producer knows that the message was not taken. Count.",
    ),
    topic(
        &["unknown"],
        "Sends with neither a yes nor a no when the producer gave up or the run ended. The message may be \
         in the broker or not; only the producer cannot tell. Count.",
    ),
    topic(
        &["delivered"],
        "A message was handed to a consumer. It counts once per attempt; that its effect took place is \
         another matter: see processed.",
    ),
    topic(
        &["processed"],
        "Messages whose effect took place at least once in this subscription. Count. Repeats are in effects \
         and in duplicates.",
    ),
    topic(
        &["effects"],
        "Effects that took place, repeats included. Count. effects - processed = duplicates.total.",
    ),
    topic(
        &["acked"],
        "The consumer settled a message: an AMQP ack, or a committed offset above it. Before the work it \
         means at most once, after it at least once.",
    ),
    topic(
        &["pending"],
        "Messages of which a copy is left that would still reach the subscription without an operator: in a \
         queue, on a wire, in a log above the committed position. Count, at the end of the run.",
    ),
    topic(
        &["dead_lettered"],
        "Messages put aside after their delivery limit or by the handler's failure rule. Count. They are \
         neither processed nor lost.",
    ),
    topic(
        &["superseded"],
        "Messages that log compaction removed behind a newer value of the same key. Count. They are not \
         lost: the newer value stands for them.",
    ),
    topic(&["withdrawn"], "Messages of transactions that were aborted. Count."),
    topic(
        &["redeliveries"],
        "Deliveries of a message after its first to the subscription. Count. A redelivery becomes a \
         duplicate only if an effect had taken place before.",
    ),
    topic(
        &["deduplicated", "de-duplication window", "idempotent consumer", "deduplicate"],
        "Deliveries of a message that its consumer knew to have processed: settled without a second effect. Count. A \
         consumer remembers ids in its process (a crash forgets them, and other members never knew) or in its \
         database, with the effect; and only for a window, the last so many ids or so long. What comes again after \
         it is a duplicate.",
    ),
    topic(
        &["two-phase commit", "in doubt", "XA", "prepared", "decided"],
        "Effect and ack in one transaction (`Queue(ack: TwoPhaseCommit)`): broker and database prepare, the coordinator \
         in the consumer's process writes its decision, both commit. Nothing is lost or repeated by a crash; but what \
         is prepared waits, in doubt, until its coordinator is back, and each message costs a round trip and three \
         syncs more.",
    ),
    topic(
        &["state_changes", "state_change", "outbox", "dual write"],
        "Changes of its own state that a producer has committed in its database. Count. Fewer than published: others \
         hear of what never happened (`PublishFirst`, a dual write). With `CommitFirst` a crash between the two loses \
         the message (lost.by_cause.producer_buffer). With an `Outbox` neither: a relay publishes what is committed, \
         and after a crash perhaps again.",
    ),
    topic(
        &[
            "most_returned",
            "most_returned.deliveries",
            "most_returned.message",
            "most_returned.rate",
            "requeue loop",
        ],
        "The message that came back to its queue most often, how often it had been delivered by then, and how often a \
         second. From 100 on the answer calls it a requeue loop: somebody gives it back and gets it again at once, \
         and nothing but a delivery limit or a pause ends that.",
    ),
    topic(
        &["lost", "lost.total"],
        "Messages of which no copy is left that would reach the subscription. Count. Each has one cause, \
         the fate of its last copy: see lost.by_cause.",
    ),
    topic(
        &["lost.confirmed", "confirmed lost", "confirmed loss"],
        "Lost messages whose producer holds a confirm. Count. This is the broken promise: the producer will \
         not send them again.",
    ),
    topic(
        &["lost.by_cause"],
        "Lost messages by the fate of their last copy: network, producer_buffer, broker_memory, page_cache, \
         ttl, overflow, retention, taken, offset_skipped, refused, not_subscribed and others. Every known \
         cause is present, with 0 if it did not happen.",
    ),
    topic(
        &["duplicates", "duplicates.total"],
        "Effects that took place again. Count. Only effects count: a message that is delivered twice and \
         processed once is no duplicate.",
    ),
    topic(
        &["duplicates.by_cause"],
        "Duplicates by what made the message come again: lost_ack, visibility_timeout, rebalance, \
         rewound_offset, producer_retry, network_duplicate and others. Every known cause is present, with 0 \
         if it did not happen.",
    ),
    // Metrics: order.
    topic(
        &["order", "relation"],
        "Order is looked at in several relations: key (same key, in the order in which the topic accepted \
         them), producer (same producer, by number), stored (whole queue or partition), causal (an effect \
         before that of its cause), event_time (by the source's stamp) and true_time.",
    ),
    topic(
        &["late", "late per key", "late per producer", "late as stored"],
        "Messages whose first effect came after that of a message that should follow them. Count, per \
         relation. What should come first is the one that is late.",
    ),
    topic(
        &["stale", "stale per key"],
        "Repeated effects of a message after a newer one had taken effect: an old value overwrites a new \
         one. Count, per relation.",
    ),
    topic(
        &["reordered_ratio"],
        "Late messages / messages with an effect, as RFC 4737 defines it. A share of one; null without any \
         effect.",
    ),
    topic(
        &["inversions"],
        "Pairs of messages that took effect in the wrong order. Count; null where messages have no dense \
         rank (causal, event_time, true_time). One message that is very late makes many inversions.",
    ),
    // Metrics: time.
    topic(
        &["latency"],
        "From the true moment of the event to the end of its first effect. Seconds, as mean, p50, p90, p99, \
         p999 and max over messages with an effect; null without one. Messages that never took effect do \
         not count: read it beside lost and pending.",
    ),
    topic(
        &["p99", "latency.p99", "p99 latency", "p50 latency"],
        "99 of 100 messages had a latency of at most this (p50: half of them). Seconds. If it is close to a \
         timeout that nobody set, the report names that default beside it.",
    ),
    topic(
        &["latency_split"],
        "Where the mean latency went: network, broker, recovery (waiting for crashes, timeouts and \
         redelivery) and work. Seconds; the parts add up to the mean.",
    ),
    topic(
        &["waiting"],
        "Latency less all attempts' work: what a message spent not being worked on. Mean in seconds.",
    ),
    topic(
        &["throughput"],
        "First effects a second between the end of the warm-up and the end of the duration.",
    ),
    topic(
        &["utilisation"],
        "Share of the members' time at work between the end of the warm-up and the end of the duration. As \
         it nears 1, waiting grows without bound (M/M/1: waiting is proportional to u / (1 - u)).",
    ),
    topic(
        &["backlog", "backlog max"],
        "Messages addressed and not yet processed or given up, over time: mean, max and final. By Little's \
         law its mean is arrivals a second times the mean time in the system; every run checks it.",
    ),
    topic(
        &["head_of_line", "head-of-line blocking"],
        "Time that messages ready in a partition or queue waited behind one that was slow or failing. \
         Seconds, summed over messages. More partitions or members help only those behind other keys.",
    ),
    topic(
        &["blocked"],
        "Time that producers were held up by a blocked connection or a full window. Seconds, summed over \
         members. It is how back-pressure looks from the producer's side.",
    ),
    // Metrics: retention.
    topic(
        &["retention", "window_min", "retention window"],
        "The age of the oldest message that can still be read, from the first deletion on; shown is the \
         least. Seconds; null before anything was deleted. Prediction: capacity / rate of writing (6 TB at \
         150 MB/s: 40,000 s = 11.1 h; DDIA 1st ed., chapter 11).",
    ),
    topic(
        &["predicted", "retention.predicted"],
        "What the retention window should be: capacity / rate of writing. Seconds; null without a limit. \
         Unit trap: 6 TB is 6e12 bytes, 6 TiB is a tenth more.",
    ),
    topic(
        &["first_deletion"],
        "When the log deleted for the first time to make room. Seconds since the start; null if it never \
         did.",
    ),
    topic(
        &["headroom"],
        "The retention window less the age of the next unread message of a subscription. Seconds, the least \
         over the run; null before the first deletion or with nothing unread. At zero the subscription \
         falls off: the next message it wanted is gone.",
    ),
    topic(
        &["cost", "bytes sent", "bytes stored", "requests", "empty polls"],
        "What a design spent: bytes_sent over the network, bytes_stored_max on disks, requests, and \
         empty_polls (fetches that came back with nothing).",
    ),
    topic(&["stored_bytes_max"], "Most bytes on a broker's disk at any time. Bytes, SI."),
    topic(&["memory_max"], "Most bytes of messages in a broker's memory at any time. Bytes, SI."),
];
