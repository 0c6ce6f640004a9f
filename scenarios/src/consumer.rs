//! Who consumes: `consumers` in the file. Each entry is a subscription.

use crate::diagnostic::{Diagnostic, Findings};
use crate::named::{Named, Placed};
use crate::producer::members;
use crate::units::{Duration, WorkText};
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
        }
    }
}

const NO_WORK: setup::Work = setup::Work { span: Distribution::ZERO, rate: None };
