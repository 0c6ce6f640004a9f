//! What the faults of links have in common: between whom, each way, how long.

use super::Stage;
use crate::named::OneOrMore;
use crate::nodes::{NodeText, Patterns};
use redeliver_models::setup::{Between, NodePattern};

/// Makes the type of a fault of links: its own fields, those that say which links, and those that say when it acts.
macro_rules! on_links {
    ($(#[$doc:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)* }) => {
        $crate::fault::timing::timed! {
            $(#[$doc])*
            pub struct $name {
                $($(#[$field_meta])* pub $field: $type,)*
                /// The sending ends: nodes, globs or roles. Default: all.
                pub from: Option<$crate::named::OneOrMore<$crate::nodes::NodeText>>,
                /// The receiving ends. Default: all.
                pub to: Option<$crate::named::OneOrMore<$crate::nodes::NodeText>>,
                /// The links back, too. Default false.
                #[serde(default)]
                pub both_ways: bool,
                /// How long it lasts. Default: for ever.
                pub lasts: Option<$crate::units::Duration>,
            }
        }

        impl $name {
            /// The fault at each of its times, made of its links and of how long it lasts.
            fn plan_links(
                &self,
                place: $crate::diagnostic::Place,
                stage: &$crate::fault::Stage<'_>,
                patterns: &mut $crate::nodes::Patterns<'_>,
                kind: impl Fn(redeliver_models::setup::Between, Option<redeliver_sim::Span>)
                    -> redeliver_models::setup::FaultKind,
            ) -> Vec<$crate::fault::Planned> {
                let times = self.timing().plan(place, stage, patterns);
                let ends = (&self.from, &self.to, self.both_ways);
                let Some(between) = $crate::fault::links::between(ends, stage, patterns) else {
                    return Vec::new();
                };
                let lasts = self.lasts.as_ref().map(|span| span.0);
                times.into_iter().map(|when| (kind(between.clone(), lasts), when)).collect()
            }
        }
    };
}
pub(super) use on_links;

/// The links in this design; none if one of the ends is not there.
pub(super) fn between(
    (from, to, both_ways): (&Option<OneOrMore<NodeText>>, &Option<OneOrMore<NodeText>>, bool),
    stage: &Stage<'_>,
    patterns: &mut Patterns<'_>,
) -> Option<Between> {
    let (from, to) = (ends(from, stage, patterns), ends(to, stage, patterns));
    Some(Between { from: from?, to: to?, both_ways })
}

/// The nodes that are there; all if none is said.
pub(super) fn ends(
    nodes: &Option<OneOrMore<NodeText>>,
    stage: &Stage<'_>,
    patterns: &mut Patterns<'_>,
) -> Option<Vec<NodePattern>> {
    let Some(nodes) = nodes else { return Some(Vec::new()) };
    let found = stage.here(patterns.resolve(nodes, stage.all_casts));
    (!found.is_empty()).then_some(found)
}
