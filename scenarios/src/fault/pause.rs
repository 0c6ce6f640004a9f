//! `Pause`: a process stands still for a while, as in a long garbage collection or by SIGSTOP.

use super::timing::timed;
use super::{Planned, Stage, Typed, target};
use crate::diagnostic::Place;
use crate::named::{OneOrMore, Placed};
use crate::needs::Need;
use crate::nodes::{NodeText, Patterns};
use crate::units::Duration;
use redeliver_models::setup::FaultKind;
use redeliver_sim::{Span, Trouble};

timed! {
    /// A pause.
    pub struct Pause {
        /// Whose.
        pub node: OneOrMore<NodeText>,
        /// How long it lasts.
        pub lasts: Placed<Duration>,
    }
}

impl Typed for Pause {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        let lasts = self.lasts.value.0;
        if lasts == Span::ZERO {
            patterns.findings.refuse(self.lasts.place, "a pause of no length never happens");
        }
        let trouble = Trouble::Pause { lasts };
        let kind = |target| FaultKind::Trouble { target, trouble, lasts: None };
        target::at_suited(&self.node, self.timing(), place, stage, patterns, (Need::Process, kind))
    }
}
