//! `Stop`: nothing passes over some links.

use super::links::on_links;
use super::partition::InFlight;
use super::{Planned, Stage, Typed};
use crate::diagnostic::Place;
use crate::nodes::Patterns;
use redeliver_models::setup::FaultKind;

on_links! {
    /// Links that stop.
    pub struct Stop {
        /// What becomes of what is on its way. Default `Arrives`.
        #[serde(default)]
        pub in_flight: InFlight,
    }
}

impl Typed for Stop {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        let in_flight_lost = self.in_flight == InFlight::Lost;
        self.plan_links(place, stage, patterns, |between, lasts| FaultKind::Stop {
            between,
            in_flight_lost,
            lasts,
        })
    }
}
