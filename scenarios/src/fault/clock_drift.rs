//! `ClockDrift`: a clock goes wrong from now on.

use super::timing::timed;
use super::{Planned, Stage, Typed, target};
use crate::diagnostic::Place;
use crate::named::OneOrMore;
use crate::needs::Need;
use crate::nodes::{NodeText, Patterns};
use crate::units::Drift;
use redeliver_models::setup::FaultKind;
use redeliver_sim::Trouble;

timed! {
    /// A clock that goes wrong.
    pub struct ClockDrift {
        /// Whose. Producers stamp events; a log's broker reads its clock for retention.
        pub node: OneOrMore<NodeText>,
        /// What it gains, or loses: `"-100 ppm"`. `"0 ppm"`: it goes right again.
        pub rate: Drift,
    }
}

impl Typed for ClockDrift {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        let trouble = Trouble::DriftClock { drift: self.rate.0 };
        let kind = |target| FaultKind::Trouble { target, trouble, lasts: None };
        target::at_suited(&self.node, self.timing(), place, stage, patterns, (Need::Clock, kind))
    }
}
