//! Guarantees, what breaks them, and machines in trouble.

use super::{Topic, topic};

pub(super) static CAUSES: &[Topic] = &[
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
         run; or one of a design that was stopped at a limit before its end. Exit code 3.",
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
    topic(
        &["torn_record", "torn write"],
        "A machine crashed in the middle of writing the message (`TornWrite`): half of it was on the disk, and the \
         broker cut it off when it booted. Only what no sync has covered can be torn: a confirm that waits for a \
         sync is not broken by it.",
    ),
    topic(
        &["corrupt_record", "corruption"],
        "Its record was damaged on the disk (`CorruptRecord`), and a checksum told so when it was read: a queue drops it \
         when it boots, a log's consumer seeks past it, and a log that boots after a crash is cut off there, with all \
         that stood behind it.",
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
         See headroom. A queue of SQS deletes what is too old, even while somebody works on it.",
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
        "Nobody was listening when it was sent: in a direct design, where a broker would have kept it; or its \
         subscriber's session was a clean one, which had ended with its connection (MQTT).",
    ),
    topic(
        &["session_ended", "clean_session"],
        "Its subscriber's session ended with its connection (MQTT: a clean session), and took along what the subscriber \
         had not acknowledged; or a publisher's did, with what it had not told the broker to pass on (QoS 2).",
    ),
    topic(
        &["not_replicated", "leader election"],
        "The leader of a replicated queue had it, and too few other members, as another one was elected that had \
         never heard of it. It was not confirmed.",
    ),
    topic(
        &["queue_away"],
        "The node of its queue was away, or its queue had no leader until the channel that kept it was closed. A \
         classic queue is on one node of a cluster; its publishers are refused while that is down.",
    ),
    topic(
        &["taken_for_duplicate"],
        "A consumer that remembers ids (`deduplicate`) knew its id from another message, and settled it without an \
         effect. Ids that are drawn at random collide: n of b bits with the chance 1 - exp(-n (n - 1) / 2^(b + 1)).",
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
        &["resubscribed"],
        "It is retained by its topic (MQTT), and its subscriber has subscribed again, as clients do whenever they connect.",
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
];
