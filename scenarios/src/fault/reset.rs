//! `Reset`: all connections of a node break, without a crash.

use super::timing::timed;
use super::{Planned, Stage, Typed, target};
use crate::diagnostic::Place;
use crate::named::OneOrMore;
use crate::needs::Need;
use crate::nodes::{NodeText, Patterns};
use redeliver_models::setup::FaultKind;

timed! {
    /// A reset of connections.
    pub struct Reset {
        /// Who.
        pub node: OneOrMore<NodeText>,
    }
}

impl Typed for Reset {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        let kind = |target| FaultKind::Reset { target };
        target::at_suited(&self.node, self.timing(), place, stage, patterns, (Need::Connections, kind))
    }
}
