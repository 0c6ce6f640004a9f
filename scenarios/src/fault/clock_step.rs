//! `ClockStep`: a clock is set.

use super::timing::timed;
use super::{Planned, Stage, Typed, target};
use crate::diagnostic::Place;
use crate::named::OneOrMore;
use crate::needs::Need;
use crate::nodes::{NodeText, Patterns};
use crate::units::SignedDuration;
use redeliver_models::setup::FaultKind;
use redeliver_sim::Trouble;

timed! {
    /// A clock that is set.
    pub struct ClockStep {
        /// Whose. Producers stamp events; a log's broker reads its clock for retention.
        pub node: OneOrMore<NodeText>,
        /// On by so much, or back: `"-2s"`.
        pub by: SignedDuration,
    }
}

impl Typed for ClockStep {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        let trouble = Trouble::StepClock { by: self.by.0 };
        let kind = |target| FaultKind::Trouble { target, trouble, lasts: None };
        target::at_suited(&self.node, self.timing(), place, stage, patterns, (Need::Clock, kind))
    }
}
