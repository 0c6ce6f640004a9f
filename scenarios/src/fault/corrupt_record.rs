//! `CorruptRecord`: records that are on a disk are damaged, and nothing is noticed until they are read.
//!
//! A log hands the record out as it is, and its consumer's checksum (`check.crcs`) makes every poll an exception until
//! it seeks past the record; a broker that boots after a crash cuts the log off at the first record of its last segment
//! that is wrong (Kafka: `CompletedFetch`, `FetchCollector`, `LogLoader.recoverLog`). A queue holds its messages in
//! memory, and reads them when it boots: what fails its checksum is dropped (RabbitMQ: `check_msg_on_disk` in
//! `rabbit_classic_queue_store_v2`).
//!
//! Refused, because there is no rule for it: queues of RabbitMQ before 4.0 and messages from 4096 bytes on
//! (`queue_index_embed_msgs_below`), whose stores have no checksums; stories.

use super::message::Choice;
use super::timing::timed;
use super::{Planned, Stage, Typed, target};
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::{OneOrMore, Placed};
use crate::needs::Need;
use crate::nodes::{NodeText, Patterns};
use crate::units::Probability;
use redeliver_models::setup::{Design, FaultKind};

/// From so many bytes on a message is in the store that all queues share. RabbitMQ: `queue_index_embed_msgs_below`.
const SHARED_STORE_FROM: u64 = 4096;

timed! {
    /// Damaged records. Say of which messages by one of `message`, `messages`, `key` and `chance`.
    pub struct CorruptRecord {
        /// On whose disk. A broker's.
        pub node: OneOrMore<NodeText>,
        /// Those of this message: `"shop#3"`.
        pub message: Option<Placed<String>>,
        /// Those of these messages.
        pub messages: Option<Vec<Placed<String>>>,
        /// Those of messages of this key.
        pub key: Option<Placed<String>>,
        /// Each record with this chance.
        pub chance: Option<Probability>,
    }
}

impl Typed for CorruptRecord {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        let CorruptRecord { message, messages, key, chance, .. } = self;
        let which = Choice { message, messages, key, chance }.plan(place, stage, patterns.findings);
        let Some(which) = which else { return Vec::new() };
        let kind = |target| FaultKind::CorruptRecord { target, which: which.clone() };
        let suited = (Need::BrokerDisk, kind);
        let planned = target::at_suited(&self.node, self.timing(), place, stage, patterns, suited);
        if !planned.is_empty() {
            refuse_unknown(place, stage, patterns.findings);
        }
        planned
    }
}

/// Refuses what nobody has a rule for.
fn refuse_unknown(place: Place, stage: &Stage<'_>, findings: &mut Findings) {
    let mut refuse = |text: &str, hint: &str| findings.push(Diagnostic::new(text).at(place).hint(hint));
    if stage.has_script {
        refuse("a story's clients do not know damaged records yet", "use producers and consumers");
    }
    let Design::Queue(queue) = stage.design else { return };
    if !queue.checksums {
        let text = "queues of RabbitMQ before 4.0, Redis and Mosquitto have no checksums: what they do with a damaged record is not modelled";
        refuse(text, "write `version: \"4.0.5\"`, or leave the fault out");
    }
    if stage.producers.iter().any(|producer| producer.size.greatest() >= SHARED_STORE_FROM) {
        let text = "a queue keeps messages from 4096 B on in a store without checksums: what it does with a damaged one is not modelled";
        refuse(text, "make all messages smaller (`size`), or leave the fault out");
    }
}
