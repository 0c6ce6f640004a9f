//! `Poison`: the handler always fails on some messages.

use super::{Handler, Planned, Stage, Typed};
use crate::diagnostic::{Diagnostic, Place};
use crate::nodes::Patterns;
use redeliver_models::setup::FaultKind;
use serde::Deserialize;

/// A handler that always fails.
#[derive(Clone, Debug, Deserialize)]
pub struct Poison(pub Handler);

impl Typed for Poison {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        if let Some(times) = &self.0.times {
            let diagnostic = Diagnostic::new("`Poison` always fails").at(times.place);
            patterns.findings.push(diagnostic.hint("write `FailingHandler(…, times: …)`"));
        }
        self.0.refuse_work(patterns.findings, place, "Poison");
        self.0.plan(place, stage, patterns.findings, |subscription, which| FaultKind::FailingHandler {
            subscription,
            which,
            times: None,
        })
    }
}
