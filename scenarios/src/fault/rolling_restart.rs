//! `RollingRestart`: nodes are restarted one after the other, as by a deploy.

use super::timing::timed;
use super::{Planned, Stage, Typed};
use crate::diagnostic::Place;
use crate::named::OneOrMore;
use crate::nodes::{NodeText, Patterns};
use crate::units::Duration;
use redeliver_models::setup::{FaultKind, NodePattern};

timed! {
    /// A deploy.
    pub struct RollingRestart {
        /// Who: a group, a glob, a role; its members in the order of their numbers.
        pub nodes: OneOrMore<NodeText>,
        /// How long each is down.
        pub down: Duration,
        /// How long until the next is stopped, when one is back.
        pub pause: Duration,
        /// They close their connections and leave their group in good order (SIGTERM); else they are killed. Default
        /// true.
        pub graceful: Option<bool>,
    }
}

impl Typed for RollingRestart {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        let when = self.timing().plan(place, stage, patterns);
        let found = patterns.resolve(&self.nodes, stage.all_casts);
        let Some(nodes) = NodePattern::any_of(stage.here(found)) else { return Vec::new() };
        let kind = FaultKind::RollingRestart {
            nodes,
            down: self.down.0,
            pause: self.pause.0,
            graceful: self.graceful.unwrap_or(true),
        };
        when.into_iter().map(|when| (kind.clone(), when)).collect()
    }
}
