//! `SlowHandler`: the handler needs longer on some messages.

use super::{Handler, Planned, Stage, Typed};
use crate::diagnostic::{Diagnostic, Place};
use crate::nodes::Patterns;
use redeliver_models::setup::FaultKind;
use redeliver_sim::Distribution;
use serde::Deserialize;

/// A handler that is slow.
#[derive(Clone, Debug, Deserialize)]
pub struct SlowHandler(pub Handler);

impl Typed for SlowHandler {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        if self.0.work.is_none() {
            let diagnostic = Diagnostic::new("`SlowHandler` needs `work`: how long the handler takes");
            patterns.findings.push(diagnostic.at(place).hint("write for example `work: \"2s\"`"));
        }
        let work = self.0.work.as_ref().map_or(Distribution::ZERO, |work| work.0.clone());
        self.0.plan(place, stage, patterns.findings, |subscription, which| FaultKind::SlowHandler {
            subscription,
            which,
            work: work.clone(),
        })
    }
}
