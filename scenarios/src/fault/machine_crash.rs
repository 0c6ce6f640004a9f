//! `MachineCrash`: the machine dies, and with it what was not synced to its disk.

use super::{Crash, Planned, Stage, Typed};
use crate::diagnostic::Place;
use crate::nodes::Patterns;
use redeliver_models::setup::FaultKind;
use serde::Deserialize;

/// A crash of the machine. It has the fields of a process' crash.
#[derive(Clone, Debug, Deserialize)]
pub struct MachineCrash(pub Crash);

impl Typed for MachineCrash {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        let kind = |target, restart_after| FaultKind::MachineCrash { target, restart_after };
        self.0.plan_as(place, stage, patterns, kind)
    }
}
