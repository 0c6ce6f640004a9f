//! The texts of `explain`, by kind.

/// Something that can be explained.
pub(crate) struct Topic {
    /// Its names; the first is the one that lists show.
    pub(crate) names: &'static [&'static str],
    /// What it means, in one to four sentences.
    pub(crate) text: &'static str,
}

const fn topic(names: &'static [&'static str], text: &'static str) -> Topic {
    Topic { names, text }
}

/// All topics.
pub(crate) static TOPICS: &[Topic] = &[
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
    // Guarantees.
    topic(
        &["guarantee", "verdict", "holds", "broken"],
        "A promise, looked at in each design and subscription. It holds, is broken (with a witness), or was \
         not exercised.",
    ),
    topic(
        &["not exercised"],
        "Nothing in this run could have broken the guarantee, so that it was not broken says nothing. An \
         expectation that rests on it is not exercised either, unless it ends in `// quiet`. Add a fault, \
         or load.",
    ),
    topic(
        &["not decided"],
        "An expectation that reads a figure that could not be computed (null), or that is not there in this \
         run. Exit code 3.",
    ),
    topic(
        &["no_loss"],
        "No message was lost. Broken if lost.total > 0. Exercised when at least one copy was destroyed or \
         dropped, or its only holder crashed.",
    ),
    topic(
        &["no_confirmed_loss"],
        "No message was lost whose producer holds a confirm. Broken if lost.confirmed > 0. Exercised when a \
         copy of such a message was destroyed or dropped, or its only holder crashed.",
    ),
    topic(
        &["no_duplicates"],
        "No effect took place again. Broken if duplicates.total > 0. Exercised when at least one message \
         was sent, delivered or handed over more than once.",
    ),
    topic(
        &["order_per_key"],
        "Messages of the same key took effect in the order in which the topic accepted them. Broken if one \
         is late or stale. Exercised when two such messages were unsettled at once and one was requeued, \
         retried, moved or on another path.",
    ),
    topic(
        &["order_per_producer"],
        "Messages of the same producer took effect in the order of their numbers. Broken if one is late or \
         stale. Exercised like order_per_key.",
    ),
    topic(
        &["order_stored"],
        "Messages of the same queue or partition took effect in its order. Broken if one is late or stale; \
         with several members this is the first to go. Exercised like order_per_key.",
    ),
    topic(
        &["witness"],
        "The shortest chain of facts that proves and explains a finding: both effects out of order, say, \
         and why the earlier message was late. Facts that prove it are marked; the others explain it.",
    ),
    // Causes of loss.
    topic(
        &["network"],
        "Lost on the wire: a datagram that the link, a partition or a full buffer dropped, and nobody sent \
         again. Connections do not lose messages this way; they delay them.",
    ),
    topic(&["producer_buffer"], "The producer crashed, or gave up, with the only copy in its own memory."),
    topic(
        &["broker_memory"],
        "A broker crashed and the message had only been in its memory: a transient message, or a queue that \
         is not durable.",
    ),
    topic(
        &["page_cache", "unsynced"],
        "A machine crashed before the message, written but not synced, had reached the disk. A crash of the \
         process alone does not lose it.",
    ),
    topic(
        &["sync_lied", "lying fsync"],
        "A machine crashed, and took what its disk had said to be safe: a sync (fsync) that lies (`SyncLies`). \
         Confirms after a sync are worth nothing on such a disk; replicas on other machines help.",
    ),
    topic(&["unclean_election"], "A replica without the message became leader, and the others followed it."),
    topic(
        &["ttl", "expired"],
        "It waited longer than its time to live and was dropped. In RabbitMQ only at the head of the queue.",
    ),
    topic(
        &["overflow", "queue overflow"],
        "The queue was full and dropped its oldest message (`DropHead`), or a socket's receive buffer was \
         full.",
    ),
    topic(
        &["retention loss", "fell_off"],
        "The log deleted the message to make room, by age or by size, before the subscription had read it. \
         See headroom.",
    ),
    topic(
        &["taken", "taken_never_processed"],
        "It was settled before its work was done, and its consumer died: automatic ack, ack before work, or \
         an offset committed too early.",
    ),
    topic(
        &["offset_skipped"],
        "The group's position moved past the message without it being processed: a reset to the end, or a \
         commit above it.",
    ),
    topic(
        &["not_subscribed"],
        "In a direct design nobody was listening when it was sent. A broker would have kept it.",
    ),
    // Causes of duplicates.
    topic(
        &["lost_ack"],
        "The effect took place, but the ack never reached the broker: the consumer died or its connection \
         broke in between. The broker must deliver again.",
    ),
    topic(
        &["visibility_timeout"],
        "The work took longer than the broker waits for an ack (`redeliver_after`), and it gave the message \
         to another.",
    ),
    topic(
        &["rebalance"],
        "A partition moved to another member, which started from the committed offset and repeated what had \
         been done above it.",
    ),
    topic(&["rewound_offset"], "The group's position went back: offsets were lost, reset or set by hand."),
    topic(
        &["producer_retry"],
        "The producer heard no confirm in time and sent again what had been stored. Only an idempotent \
         producer or a consumer that remembers ids helps.",
    ),
    topic(&["network_duplicate"], "The network delivered a datagram twice."),
    topic(
        &["failing handler", "handler_failed"],
        "The handler failed after its effect had taken place, or the message was given back and worked on \
         again.",
    ),
    // Machines in trouble.
    topic(
        &["pause", "GC pause", "SIGSTOP"],
        "A process stands still, and does not know it. What comes waits and is handled in its order; work \
         under way takes so much longer. Peers take silence for death: a connection after 60 s, a group's member \
         after session_timeout, a delivery after redeliver_after. What was given to another is then done twice.",
    ),
    topic(
        &["clock_ahead", "clock_behind", "clock_drift", "clock"],
        "How far off a node's own clock is. Events are stamped with their producer's clock (see event_time), \
         and a log's retention compares these stamps with its broker's. Timers run on a monotonic clock, which \
         is right.",
    ),
    // Settings.
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
        &["durable"],
        "The queue survives a restart of its broker, and with it the messages that are persistent.",
    ),
    topic(
        &["delivery_limit"],
        "Redeliveries of a message, at most; beyond them it is dead-lettered. It is what stops a poison \
         message. RabbitMQ: `x-delivery-limit`, 20 in quorum queues from 4.0.",
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
    // Exit codes.
    topic(
        &["exit codes", "exit"],
        "0: all expectations hold. 1: one is broken. 2: usage, or not readable as a scenario. 3: one is not \
         decided or not exercised, or a limit was reached. 4: output that cannot be written. 2 and 4 come \
         before all; 1 before 3.",
    ),
    topic(&["exit 0", "0"], "All expectations hold, or there are none."),
    topic(
        &["exit 1", "1"],
        "At least one expectation is broken, even if others are undecided. Requirements have no effect on \
         the exit code.",
    ),
    topic(
        &["exit 2", "2"],
        "The command line is wrong, or the file is not readable as a scenario: missing, a directory, empty, \
         not UTF-8, over 16 MiB, or wrong in what it says.",
    ),
    topic(
        &["exit 3", "3"],
        "No expectation is broken, but one is not decided or not exercised, or the run reached a limit: a \
         loop at one instant, too many events, a call that never returned.",
    ),
    topic(
        &["exit 4", "4"],
        "Output could not be written: a full disk, a folder that may not be written to. A closed pipe on \
         stdout is no error.",
    ),
];
