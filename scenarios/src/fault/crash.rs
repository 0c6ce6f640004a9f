//! `Crash`: the process dies, as by kill -9.

use super::timing::timed;
use super::{Planned, Stage, Typed, target};
use crate::diagnostic::Place;
use crate::named::OneOrMore;
use crate::nodes::{NodeText, Patterns};
use crate::units::Duration;
use redeliver_models::setup::{FaultKind, Target};
use redeliver_sim::Span;

timed! {
    /// A crash.
    pub struct Crash {
        /// Who: a node, a glob, a role, or `Receiver` (whoever notes the fact of `when`).
        pub node: OneOrMore<NodeText>,
        /// It starts again so long after. Default: never.
        pub restart_after: Option<Duration>,
    }
}

impl Typed for Crash {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        self.plan_as(place, stage, patterns, |target, restart_after| FaultKind::Crash {
            target,
            restart_after,
        })
    }
}

impl Crash {
    /// Any kind of crash.
    pub(super) fn plan_as(
        &self,
        place: Place,
        stage: &Stage<'_>,
        patterns: &mut Patterns<'_>,
        kind: impl Fn(Target, Option<Span>) -> FaultKind,
    ) -> Vec<Planned> {
        let restart_after = self.restart_after.as_ref().map(|span| span.0);
        let kind = |target| kind(target, restart_after);
        target::at_nodes(&self.node, self.timing(), place, stage, patterns, kind)
    }
}
