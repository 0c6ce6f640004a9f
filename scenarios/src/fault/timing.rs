//! When a fault acts: at a time, by a schedule, at a fact about a message.

use super::{Fact, Stage};
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::Placed;
use crate::nodes::Patterns;
use crate::units::{Duration, SpanSpread, show_span};
use redeliver_models::setup::{Role, When};
use redeliver_sim::{Span, Time};

/// Makes the type of a fault: its own fields, and those that say when it acts.
macro_rules! timed {
    ($(#[$doc:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
            /// At this time.
            pub at: Option<$crate::named::Placed<$crate::units::Duration>>,
            /// Again and again, the spans between drawn from this distribution: `"exp(45s)"`.
            pub every: Option<$crate::named::Placed<$crate::units::SpanSpread>>,
            /// When this is noted.
            pub when: Option<$crate::named::Placed<$crate::fault::Fact>>,
            /// So long after `when`. Default `"0s"`: at the fact itself.
            pub after: Option<$crate::units::Duration>,
            /// How often `when` counts, at most. Default 1.
            pub times: Option<$crate::named::Placed<u32>>,
        }

        impl $name {
            fn timing(&self) -> $crate::fault::timing::Timing<'_> {
                let $name { at, every, when, after, times, .. } = self;
                $crate::fault::timing::Timing { at, every, when, after, times }
            }
        }
    };
}
pub(super) use timed;

/// The fields that [`timed`] adds.
#[cfg(test)]
pub(crate) static TIMING: [&str; 5] = ["at", "every", "when", "after", "times"];

/// When a fault acts, borrowed from its fields.
pub(super) struct Timing<'a> {
    pub(super) at: &'a Option<Placed<Duration>>,
    pub(super) every: &'a Option<Placed<SpanSpread>>,
    pub(super) when: &'a Option<Placed<Fact>>,
    pub(super) after: &'a Option<Duration>,
    pub(super) times: &'a Option<Placed<u32>>,
}

impl Timing<'_> {
    /// What the node is that notes the fact, if the fault waits for one.
    pub(super) fn noter(&self) -> Option<Role> {
        Some(match self.when.as_ref()?.value {
            Fact::Published(_) | Fact::Confirmed(_) => Role::Producer,
            Fact::Stored(_) | Fact::Acked(_) => Role::Broker,
            Fact::Delivered(_) | Fact::Processed(_) => Role::Consumer,
        })
    }

    /// The times at which the fault acts; several where its trigger's subscription is split.
    pub(super) fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<When> {
        let said = [self.at.is_some(), self.every.is_some(), self.when.is_some()];
        if said.iter().filter(|said| **said).count() != 1 {
            let diagnostic =
                Diagnostic::new("say when the fault acts by exactly one of `at`, `every` and `when`");
            patterns.findings.push(diagnostic.at(place).hint("write for example `at: \"2s\"`"));
            return Vec::new();
        }
        if self.when.is_none() && (self.after.is_some() || self.times.is_some()) {
            patterns.findings.refuse(place, "`after` and `times` belong to `when`");
        }
        if let Some(every) = self.every {
            if every.0.mean() < 1.0 {
                patterns
                    .findings
                    .refuse(every.place, "`every` needs a span above zero: time would never move on");
            }
            return vec![When::Every { span: every.value.0.clone(), stream: stage.stream.clone() }];
        }
        let Some(fact) = self.when else { return vec![from(self.at, stage, patterns.findings)] };
        let after = self.after.as_ref().map_or(Span::ZERO, |after| after.0);
        let times = times(self.times, patterns.findings);
        let on = |fact| When::On { fact, after, times };
        fact.value.plan(stage, patterns).into_iter().map(on).collect()
    }
}

/// From this time on, or from the beginning.
pub(super) fn from(at: &Option<Placed<Duration>>, stage: &Stage<'_>, findings: &mut Findings) -> When {
    let Some(at) = at else { return When::At(Time::ZERO) };
    if at.value.0 > stage.end {
        let message =
            format!("this can never happen: the run ends at {} at the latest", show_span(stage.end));
        findings
            .push(Diagnostic::new(message).at(at.place).hint("make `run.duration` or `run.drain` longer"));
    }
    When::At(Time(at.value.0.0))
}

pub(super) fn times(times: &Option<Placed<u32>>, findings: &mut Findings) -> u32 {
    let Some(times) = times else { return 1 };
    if times.value == 0 {
        findings.refuse(times.place, "`times: 0` never happens; write at least 1, or leave the fault out");
    }
    times.value
}
