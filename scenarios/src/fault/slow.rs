//! `Slow`: some links take longer.

use super::links::on_links;
use super::{Planned, Stage, Typed};
use crate::diagnostic::Place;
use crate::nodes::Patterns;
use crate::units::SpanSpread;
use redeliver_models::setup::FaultKind;
use redeliver_sim::Effect;

on_links! {
    /// Links that are slow.
    pub struct Slow {
        /// What is added to the latency: a span or a distribution.
        pub by: SpanSpread,
    }
}

impl Typed for Slow {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        self.plan_links(place, stage, patterns, |between, lasts| FaultKind::Impair {
            between,
            effect: Effect::Slow(self.by.0.clone()),
            lasts,
        })
    }
}
