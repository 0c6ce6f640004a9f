//! `Jam`: some links hold what is sent, and release it later.

use super::links::on_links;
use super::{Planned, Stage, Typed};
use crate::diagnostic::Place;
use crate::nodes::Patterns;
use redeliver_models::setup::FaultKind;
use redeliver_sim::Effect;

on_links! {
    /// Links that jam.
    pub struct Jam {
    }
}

impl Typed for Jam {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        self.plan_links(place, stage, patterns, |between, lasts| FaultKind::Impair {
            between,
            effect: Effect::Jam,
            lasts,
        })
    }
}
