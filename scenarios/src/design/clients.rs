//! Settings of clients by glob, as product designs have them: of several entries that match the later wins, setting
//! by setting. They are merged here, so that a model takes the first that matches.

use super::Load;
use super::settings::Real;
use crate::assumptions::Assumptions;
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::Named;
use crate::nodes::matches_client;
use redeliver_models::setup::{NodePattern, Role};

/// For every name that some entry matches, the merged settings; the base for all others comes last.
pub(crate) fn merge<C, M: Clone + PartialEq>(
    entries: &Named<C>,
    load: &Load<'_>,
    base: &M,
    mut apply: impl FnMut(&mut M, &C),
) -> Vec<(NodePattern, M)> {
    let mut merged_for = |name: &str| {
        let matching: Vec<&C> =
            entries.iter().filter(|(glob, _)| matches_client(glob, name)).map(|(_, c)| c).collect();
        (!matching.is_empty()).then(|| {
            let mut merged = base.clone();
            matching.iter().for_each(|client| apply(&mut merged, client));
            merged
        })
    };
    let mut planned: Vec<(NodePattern, M)> = Vec::new();
    let producers = load.producers.iter().map(|producer| (producer.name.as_str(), producer.members as usize));
    let consumers =
        load.consumers.iter().map(|(_, consumer)| (consumer.name.as_str(), consumer.members.len()));
    for (group, members) in producers.chain(consumers) {
        let all: Vec<Option<M>> = (1..=members).map(|n| merged_for(&format!("{group}/{n}"))).collect();
        if all.iter().all(|merged| *merged == all[0]) {
            planned.extend(all[0].clone().map(|merged| (NodePattern::Glob(format!("{group}/*")), merged)));
            continue;
        }
        for (i, merged) in all.into_iter().enumerate() {
            let name = NodePattern::Glob(format!("{group}/{}", i + 1));
            planned.push((name, merged.unwrap_or_else(|| base.clone())));
        }
    }
    for client in load.clients {
        planned.extend(merged_for(client).map(|merged| (NodePattern::Glob(client.clone()), merged)));
    }
    planned.push((NodePattern::any(), base.clone()));
    planned
}

/// Refuses globs that match nobody.
pub(crate) fn check_globs<C>(entries: &Named<C>, load: &Load<'_>, findings: &mut Findings) {
    let nodes = load.nodes();
    for (glob, entry) in &entries.0 {
        if nodes.iter().any(|(name, _)| matches_client(glob, name)) {
            continue;
        }
        let diagnostic = Diagnostic::new(format!("`{glob}` matches no client")).at(entry.name_place);
        findings.push(diagnostic.nearest(glob, nodes.iter().take(1000).map(|(name, _)| name.as_str())));
    }
}

/// A setting of some clients: its name, where it stands, and whom it is for.
pub(super) type ForRole = (&'static str, Option<Place>, Role);

/// Refuses settings for one role where a glob matches only clients of the other.
pub(super) fn check_roles<C>(
    entries: &Named<C>,
    load: &Load<'_>,
    said: impl Fn(&C) -> Vec<ForRole>,
    findings: &mut Findings,
) {
    let nodes = load.nodes();
    for (glob, entry) in &entries.0 {
        let matching = || nodes.iter().filter(|(name, _)| matches_client(glob, name));
        for (setting, place, role) in said(&entry.value) {
            // A story's client does both.
            if matching().next().is_none()
                || matching().any(|(_, other)| *other == role || *other == Role::Client)
            {
                continue;
            }
            let (wanted, found) = match role {
                Role::Consumer => ("consumers", "producers"),
                _ => ("producers", "consumers"),
            };
            let message = format!("`{setting}` is for {wanted}, and `{glob}` matches only {found}");
            let diagnostic = Diagnostic::new(message).at(place.unwrap_or(entry.name_place));
            let some = nodes.iter().find(|(_, other)| *other == role).map(|(name, _)| name.as_str());
            findings.push(diagnostic.hint(match some {
                Some(name) => format!("one of the {wanted} is `{name}`"),
                None => format!("there are no {wanted}: leave it out"),
            }));
        }
    }
}

/// Shows every setting that was said.
pub(crate) fn assume<'a>(entries: impl Iterator<Item = (&'a str, &'a Real)>, assumptions: &mut Assumptions) {
    for (glob, settings) in entries {
        for (name, value) in settings.iter() {
            assumptions.text(&format!("clients.{glob}.{name}"), Some(value.value.to_string()), "", "");
        }
    }
}
