//! `Duplicate`: some links deliver datagrams twice.

use super::links::on_links;
use super::{Planned, Stage, Typed};
use crate::diagnostic::Place;
use crate::needs::{self, Need};
use crate::nodes::Patterns;
use crate::units::Probability;
use redeliver_models::setup::FaultKind;
use redeliver_sim::Effect;

on_links! {
    /// Links that make copies.
    pub struct Duplicate {
        /// Chance that a datagram comes twice, beside the link's own.
        pub chance: Probability,
    }
}

impl Typed for Duplicate {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        let planned = self.plan_links(place, stage, patterns, |between, lasts| FaultKind::Impair {
            between,
            effect: Effect::Duplicate(self.chance.0),
            lasts,
        });
        let is_met = needs::is_met_in(stage.cast, stage.all_casts, Need::Datagrams, place, patterns.findings);
        if is_met { planned } else { Vec::new() }
    }
}
