//! `DiskFull`: a disk takes no more.

use super::timing::timed;
use super::{Planned, Stage, Typed, target};
use crate::diagnostic::Place;
use crate::named::OneOrMore;
use crate::needs::Need;
use crate::nodes::{NodeText, Patterns};
use crate::units::Duration;
use redeliver_models::setup::FaultKind;

timed! {
    /// A full disk.
    pub struct DiskFull {
        /// Whose. A broker's.
        pub node: OneOrMore<NodeText>,
        /// How long it lasts. Default: for ever.
        pub lasts: Option<Duration>,
    }
}

impl Typed for DiskFull {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        let lasts = self.lasts.as_ref().map(|span| span.0);
        let kind = |target| FaultKind::DiskFull { target, lasts };
        target::at_suited(&self.node, self.timing(), place, stage, patterns, (Need::BrokerDisk, kind))
    }
}
