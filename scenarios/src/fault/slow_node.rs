//! `SlowNode`: a machine does its work at a fraction of its speed.

use super::timing::timed;
use super::{Planned, Stage, Typed, target};
use crate::diagnostic::Place;
use crate::named::{OneOrMore, Placed};
use crate::needs::Need;
use crate::nodes::{NodeText, Patterns};
use crate::units::Duration;
use redeliver_models::setup::FaultKind;
use redeliver_sim::Trouble;

timed! {
    /// A slow machine.
    pub struct SlowNode {
        /// Whose. Only consumers have work that could be slow.
        pub node: OneOrMore<NodeText>,
        /// How many times as long its work takes.
        pub factor: Placed<f64>,
        /// How long it lasts. Default: for ever.
        pub lasts: Option<Duration>,
    }
}

impl Typed for SlowNode {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        let trouble = Trouble::Slow { factor: factor(&self.factor, patterns.findings) };
        let lasts = self.lasts.as_ref().map(|span| span.0);
        let kind = |target| FaultKind::Trouble { target, trouble, lasts };
        target::at_suited(&self.node, self.timing(), place, stage, patterns, (Need::Work, kind))
    }
}

/// How many times as long something takes.
pub(super) fn factor(factor: &Placed<f64>, findings: &mut crate::diagnostic::Findings) -> f64 {
    if !(factor.value > 1.0 && factor.value <= 1e6) {
        findings
            .refuse(factor.place, "`factor` says how many times as long it takes: above 1, at most 1000000");
    }
    factor.value
}
