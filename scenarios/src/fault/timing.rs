//! When a fault acts: at a time, by a schedule, at a fact about a message.

use super::{Fact, Stage};
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::Placed;
use crate::nodes::Patterns;
use crate::units::{Duration, SpanSpread, show_span};
use redeliver_models::setup::{FactKind, When};
use redeliver_sim::{Distribution, Span, Time};

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
            /// Again and again: periodic (`"45s"`), or at random, the spans between drawn from a distribution
            /// (`"exp(45s)"`).
            pub every: Option<$crate::named::Placed<$crate::units::SpanSpread>>,
            /// The first span of `every` begins here. Default `"0s"`.
            pub since: Option<$crate::named::Placed<$crate::units::Duration>>,
            /// `every` is over here. Default: at the end of `run.duration`.
            pub until: Option<$crate::named::Placed<$crate::units::Duration>>,
            /// When this is noted.
            pub when: Option<$crate::named::Placed<$crate::fault::Fact>>,
            /// So long after `when`. Default `"0s"`: at the fact itself.
            pub after: Option<$crate::named::Placed<$crate::units::Duration>>,
            /// How often, at most. Default: 1 with `when`, no limit with `every`.
            pub times: Option<$crate::named::Placed<u32>>,
        }

        impl $name {
            pub(in crate::fault) fn timing(&self) -> $crate::fault::timing::Timing<'_> {
                let $name { at, every, since, until, when, after, times, .. } = self;
                $crate::fault::timing::Timing { at, every, since, until, when, after, times }
            }
        }
    };
}
pub(super) use timed;

/// The fields that [`timed`] adds.
#[cfg(test)]
pub(crate) static TIMING: [&str; 7] = ["at", "every", "since", "until", "when", "after", "times"];

/// When a fault acts, borrowed from its fields.
pub(super) struct Timing<'a> {
    pub(super) at: &'a Option<Placed<Duration>>,
    pub(super) every: &'a Option<Placed<SpanSpread>>,
    pub(super) since: &'a Option<Placed<Duration>>,
    pub(super) until: &'a Option<Placed<Duration>>,
    pub(super) when: &'a Option<Placed<Fact>>,
    pub(super) after: &'a Option<Placed<Duration>>,
    pub(super) times: &'a Option<Placed<u32>>,
}

impl Timing<'_> {
    /// Which kind of fact the fault waits for, if it waits for one.
    pub(super) fn kind(&self) -> Option<FactKind> {
        Some(self.when.as_ref()?.value.kind())
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
        self.refuse_strangers(place, patterns.findings);
        if let Some(every) = self.every {
            return self.plan_every(every, stage, patterns.findings);
        }
        let Some(fact) = self.when else { return vec![from(self.at, stage, patterns.findings)] };
        let after = self.after.as_ref().map_or(Span::ZERO, |after| after.value.0);
        if let Some(said) = self.after {
            refuse_too_late(after, said.place, stage, patterns.findings);
        }
        let times = times(self.times, patterns.findings);
        let on = |fact| When::On { fact, after, times };
        fact.value.plan(stage, patterns).into_iter().map(on).collect()
    }

    /// Refuses what does not belong to how it is said when the fault acts.
    fn refuse_strangers(&self, place: Place, findings: &mut Findings) {
        if self.when.is_none() && self.after.is_some() {
            findings.refuse(place, "`after` belongs to `when`");
        }
        if self.at.is_some() && self.times.is_some() {
            findings.refuse(place, "`times` belongs to `when` and to `every`");
        }
        if let Some(bound) = [self.since, self.until].into_iter().flatten().find(|_| self.every.is_none()) {
            findings.refuse(bound.place, "`since` and `until` belong to `every`");
        }
    }

    fn plan_every(
        &self,
        every: &Placed<SpanSpread>,
        stage: &Stage<'_>,
        findings: &mut Findings,
    ) -> Vec<When> {
        if every.0.mean() < 1.0 {
            findings.refuse(every.place, "`every` needs a span above zero: time would never move on");
        }
        let bound = |bound: &Option<Placed<Duration>>| bound.as_ref().map(|bound| bound.value.0);
        let from = bound(self.since).unwrap_or(Span::ZERO);
        let until = bound(self.until).unwrap_or(stage.duration);
        let said = [self.since, self.until].into_iter().flatten().next();
        if let Some(said) = said.filter(|_| from >= until) {
            let message = format!("this can never happen: it begins at {}", show_span(from));
            let diagnostic = Diagnostic::new(format!("{message} and is over at {}", show_span(until)));
            findings.push(
                diagnostic.at(said.place).hint("`until` is the end of `run.duration` unless it is said"),
            );
        }
        let first = Span(from.0.saturating_add(least(&every.value.0).max(1)));
        if from < until && first >= until {
            let message = format!("this can never happen: it acts first at {}", show_span(first));
            let diagnostic = Diagnostic::new(format!("{message} and is over at {}", show_span(until)));
            findings.push(
                diagnostic.at(every.place).hint("`until` is the end of `run.duration` unless it is said"),
            );
        } else if from < until {
            refuse_too_late(first, every.place, stage, findings);
        }
        let (span, stream) = (every.value.0.clone(), stage.stream.clone());
        let times = self.times.as_ref().map(|_| times(self.times, findings));
        vec![When::Every { span, from: Time(from.0), until: Time(until.0), times, stream }]
    }
}

/// From this time on, or from the beginning.
pub(super) fn from(at: &Option<Placed<Duration>>, stage: &Stage<'_>, findings: &mut Findings) -> When {
    let Some(at) = at else { return When::At(Time::ZERO) };
    refuse_too_late(at.value.0, at.place, stage, findings);
    When::At(Time(at.value.0.0))
}

/// Refuses a fault that acts at this time at the earliest, if nothing acts any more then.
fn refuse_too_late(first: Span, place: Place, stage: &Stage<'_>, findings: &mut Findings) {
    if let Some(heal_at) = stage.heal_at.filter(|heal_at| first >= *heal_at) {
        let message = format!("this can never happen: all faults end at {}", show_span(heal_at));
        findings.push(Diagnostic::new(message).at(place).hint("make `run.heal_at` later"));
    }
    if first > stage.end {
        let message =
            format!("this can never happen: the run ends at {} at the latest", show_span(stage.end));
        findings.push(Diagnostic::new(message).at(place).hint("make `run.duration` or `run.drain` longer"));
    }
}

/// The least value that it can give, as far as that is known.
fn least(spread: &Distribution) -> u64 {
    match spread {
        Distribution::Constant(value) => *value,
        Distribution::Uniform { low, .. } => *low,
        Distribution::Pareto { scale, .. } => *scale as u64,
        Distribution::Empirical(values) => values.first().copied().unwrap_or_default(),
        Distribution::Exponential { .. } | Distribution::LogNormal { .. } => 0,
    }
}

pub(super) fn times(times: &Option<Placed<u32>>, findings: &mut Findings) -> u32 {
    let Some(times) = times else { return 1 };
    if times.value == 0 {
        findings.refuse(times.place, "`times: 0` never happens; write at least 1, or leave the fault out");
    }
    times.value
}
