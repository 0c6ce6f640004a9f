//! Who consumes: `consumers` in the file. Each entry is a subscription.

use crate::defaults::IDS_MAX;
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::{Named, Placed};
use crate::producer::members;
use crate::units::{Duration, WorkText};
use redeliver_models::deduplication::{Deduplication, Memory};
use redeliver_models::setup;
use redeliver_sim::{Distribution, Span};
use serde::Deserialize;

/// A subscription: members that share a topic's messages. Kafka: a consumer group; AMQP: consumers of one queue.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consumer {
    /// The topic, or a queue that a product design names.
    pub read: Placed<String>,
    /// How many members. Default 1.
    pub members: Option<Placed<u32>>,
    /// How long a message's work takes: a span, a distribution, a rate, or `"5ms + 100 MB/s"`. Default `"0ms"`.
    pub work: Option<WorkText>,
    /// When the members start. Default: they are there before time 0.
    pub joins: Option<Duration>,
    /// Where a subscription that joins later starts, in designs that have a history. Default `End`.
    /// Kafka: `auto.offset.reset`.
    pub from: Option<From>,
    /// What differs for single members, by their number: `{"2": (work: "40ms")}`.
    #[serde(default)]
    pub each: Named<Each>,
    /// What follows when a handler fails. Default `Requeue`.
    pub on_failure: Option<OnFailure>,
    /// What the members remember of what they have processed, so that what comes again has no second effect. Default
    /// `Nothing`. Apache Camel: `idempotentConsumer`.
    pub deduplicate: Option<Placed<Deduplicate>>,
    /// The database in which effects are written. All members share it, and it never fails.
    pub database: Option<Database>,
}

/// A subscription's database.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// How long it takes to commit a transaction, there and back; and to prepare one, in a two-phase commit. Default
    /// `"0ms"`.
    pub commit: Option<Duration>,
}

/// Where the ids of processed messages are kept. An id is forgotten when so many others have come after it (`last`), or
/// after so long (`window`): one of the two must be said. JetStream: `duplicate_window`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Deduplicate {
    /// Nowhere: every delivery has its effect.
    Nothing,
    /// In each member's process: a crash forgets them. Camel: `MemoryIdempotentRepository`.
    InProcess {
        /// So many at most.
        last: Option<u32>,
        /// For so long.
        window: Option<Duration>,
        /// Ids are random numbers of so many bits. Default: no two messages have the same.
        id_bits: Option<u32>,
    },
    /// In the database of the subscription, in the transaction of the effect.
    InDatabase {
        /// So many at most.
        last: Option<u32>,
        /// For so long.
        window: Option<Duration>,
        /// Ids are random numbers of so many bits. Default: no two messages have the same.
        id_bits: Option<u32>,
    },
}

/// Where to start.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum From {
    /// With the oldest message that is kept.
    Beginning,
    /// With the next message.
    End,
}

/// What differs for one member.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Each {
    /// Its own work.
    pub work: Option<WorkText>,
    /// When it starts.
    pub joins: Option<Duration>,
}

/// What follows when a handler fails.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum OnFailure {
    /// Give it back (queue; AMQP: `basic.nack` with requeue), or read again from the committed offset (log).
    Requeue,
    /// Settle it as if it had been processed.
    Drop,
    /// Send it aside, settle it and go on.
    DeadLetter,
    /// Try again after this span; nothing passes meanwhile.
    RetryInPlace(Duration),
}

impl Consumer {
    /// The subscription as it will run. Its topic is filled in by the design.
    pub(crate) fn plan(&self, name: &str, findings: &mut Findings) -> setup::Consumer {
        let count = members(&self.members, findings);
        let default = setup::Member {
            work: self.work.as_ref().map_or(NO_WORK, |work| work.0.clone()),
            joins: self.joins.as_ref().map_or(Span::ZERO, |joins| joins.0),
        };
        let mut all = vec![default; count as usize];
        for (number, place, each) in self.each.sorted() {
            let member = number.parse::<usize>().ok().filter(|n| *n >= 1).and_then(|n| all.get_mut(n - 1));
            let Some(member) = member else {
                let diagnostic = Diagnostic::new(format!("`{name}` has no member {number}")).at(place);
                findings.push(diagnostic.hint(format!("its members are 1 to {count}")));
                continue;
            };
            if let Some(work) = &each.work {
                member.work = work.0.clone();
            }
            if let Some(joins) = &each.joins {
                member.joins = joins.0;
            }
        }
        setup::Consumer {
            name: name.into(),
            topic: 0,
            members: all,
            from: match self.from {
                Some(From::Beginning) => setup::StartAt::Beginning,
                Some(From::End) | None => setup::StartAt::End,
            },
            on_failure: match &self.on_failure {
                Some(OnFailure::Drop) => setup::OnFailure::Drop,
                Some(OnFailure::DeadLetter) => setup::OnFailure::DeadLetter,
                Some(OnFailure::RetryInPlace(span)) => setup::OnFailure::RetryInPlace(span.0),
                Some(OnFailure::Requeue) | None => setup::OnFailure::Requeue,
            },
            commit: self
                .database
                .as_ref()
                .and_then(|said| said.commit.as_ref())
                .map_or(Span::ZERO, |span| span.0),
            deduplication: self.deduplicate.as_ref().and_then(|said| said.value.plan(said.place, findings)),
        }
    }
}

impl Deduplicate {
    fn plan(&self, place: Place, findings: &mut Findings) -> Option<Deduplication> {
        let (memory, name, last, window, id_bits) = match self {
            Deduplicate::Nothing => return None,
            Deduplicate::InProcess { last, window, id_bits } => {
                (Memory::Process, "InProcess", *last, window, *id_bits)
            }
            Deduplicate::InDatabase { last, window, id_bits } => {
                (Memory::Database, "InDatabase", *last, window, *id_bits)
            }
        };
        let window = window.as_ref().map(|window| window.0);
        let mut refuse = |wrong: bool, message: String, hint: &str| {
            if wrong {
                findings.push(Diagnostic::new(message).at(place).hint(hint));
            }
        };
        let said = format!("`{name}` needs `last` or `window`: nothing can be remembered for ever");
        refuse(last.is_none() && window.is_none(), said, &format!("write for example `{name}(last: 1000)`"));
        let said = format!("`last` must be from 1 to {IDS_MAX}");
        refuse(
            last.is_some_and(|last| last == 0 || last > IDS_MAX),
            said,
            "each id takes memory; `window` forgets by age",
        );
        let said = "`window` must be above zero: else every id is forgotten at once".to_string();
        refuse(window == Some(Span::ZERO), said, "to remember nothing: `deduplicate: Nothing`");
        let said = "`id_bits` must be from 1 to 64".to_string();
        refuse(
            id_bits.is_some_and(|bits| bits == 0 || bits > 64),
            said,
            "leave it out for ids that are never the same",
        );
        Some(Deduplication { memory, last, window, id_bits: id_bits.map(|bits| bits.clamp(1, 64)) })
    }
}

const NO_WORK: setup::Work = setup::Work { span: Distribution::ZERO, rate: None };
