//! `FailingHandler`: the handler fails on some messages so many times, then it does its work.

use super::timing::times;
use super::{Handler, Planned, Stage, Typed};
use crate::diagnostic::Place;
use crate::nodes::Patterns;
use redeliver_models::setup::FaultKind;
use serde::Deserialize;

/// A handler that fails so many times.
#[derive(Clone, Debug, Deserialize)]
pub struct FailingHandler(pub Handler);

impl Typed for FailingHandler {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        self.0.refuse_work(patterns.findings, place, "FailingHandler");
        let times = times(&self.0.times, patterns.findings);
        self.0.plan(place, stage, patterns.findings, |subscription, which| FaultKind::FailingHandler {
            subscription,
            which,
            times: Some(times),
        })
    }
}
