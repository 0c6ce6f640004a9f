//! `Loss`: some links lose more than usual.

use super::links::on_links;
use super::{Planned, Stage, Typed};
use crate::diagnostic::Place;
use crate::nodes::Patterns;
use crate::units::Probability;
use redeliver_models::setup::FaultKind;
use redeliver_sim::Effect;

on_links! {
    /// Links that lose packets.
    pub struct Loss {
        /// Chance that a packet is lost, beside the link's own.
        pub chance: Probability,
    }
}

impl Typed for Loss {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        self.plan_links(place, stage, patterns, |between, lasts| FaultKind::Impair {
            between,
            effect: Effect::Lose(self.chance.0),
            lasts,
        })
    }
}
