//! `DiskSlow`: transfers and syncs of a disk take longer.

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
    /// A slow disk.
    pub struct DiskSlow {
        /// Whose. A broker's.
        pub node: OneOrMore<NodeText>,
        /// How many times as long transfers and syncs take.
        pub factor: Placed<f64>,
        /// How long it lasts. Default: for ever.
        pub lasts: Option<Duration>,
    }
}

impl Typed for DiskSlow {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        let factor = super::slow_node::factor(&self.factor, patterns.findings);
        let lasts = self.lasts.as_ref().map(|span| span.0);
        let kind = |target| FaultKind::Trouble { target, trouble: Trouble::SlowDisk { factor }, lasts };
        target::at_suited(&self.node, self.timing(), place, stage, patterns, (Need::BrokerDisk, kind))
    }
}
