//! `Swizzle`: the links of some nodes are jammed one by one and released in another order (FoundationDB).

use super::links::ends;
use super::timing::timed;
use super::{Planned, Stage, Typed};
use crate::diagnostic::{Diagnostic, Place};
use crate::named::{OneOrMore, Placed};
use crate::nodes::{NodeText, Patterns};
use crate::units::Duration;
use redeliver_models::setup::FaultKind;
use redeliver_sim::Span;

timed! {
    /// A swizzle. The orders are drawn before the run begins.
    pub struct Swizzle {
        /// Whose links. Default: all.
        pub nodes: Option<OneOrMore<NodeText>>,
        /// How long it takes until all are jammed; and then as long again until all are released.
        pub over: Placed<Duration>,
    }
}

impl Typed for Swizzle {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        if self.over.value.0 == Span::ZERO {
            let diagnostic = Diagnostic::new("`over` must be above zero: nothing would be jammed");
            patterns.findings.push(diagnostic.at(self.over.place).hint("write for example `over: \"5s\"`"));
        }
        let times = self.timing().plan(place, stage, patterns);
        let Some(nodes) = ends(&self.nodes, stage, patterns) else { return Vec::new() };
        let kind = FaultKind::Swizzle { nodes, over: self.over.value.0 };
        times.into_iter().map(|when| (kind.clone(), when)).collect()
    }
}
