//! What the faults of handlers have in common: on which messages, in which subscription.

use super::message::{Choice, check_meeting, subscriptions};
use super::timing::from;
use super::{Planned, Stage};
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::Placed;
use crate::units::{Duration, Probability, SpanSpread};
use redeliver_models::setup::{FaultKind, Which};
use serde::Deserialize;

/// A handler that fails or is slow. Say which messages by one of `message`, `messages`, `key` and `chance`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handler {
    /// This message: `"shop#3"`.
    pub message: Option<Placed<String>>,
    /// These messages.
    pub messages: Option<Vec<Placed<String>>>,
    /// Messages of this key.
    pub key: Option<Placed<String>>,
    /// Each message with this chance.
    pub chance: Option<Probability>,
    /// Only in this subscription. Default: in all.
    #[serde(rename = "in")]
    pub subscription: Option<Placed<String>>,
    /// How often it fails on each message (`FailingHandler`).
    pub times: Option<Placed<u32>>,
    /// How long it needs (`SlowHandler`).
    pub work: Option<SpanSpread>,
    /// From this time on. Default: from the beginning.
    pub at: Option<Placed<Duration>>,
}

impl Handler {
    pub(super) fn plan(
        &self,
        place: Place,
        stage: &Stage<'_>,
        findings: &mut Findings,
        kind: impl Fn(Option<usize>, Which) -> FaultKind,
    ) -> Vec<Planned> {
        let when = from(&self.at, stage, findings);
        let Some(which) = self.which(place, stage, findings) else { return Vec::new() };
        let subscriptions = match &self.subscription {
            None => vec![None],
            Some(name) => {
                let found = subscriptions(name, stage, findings);
                if let Which::Messages(messages) = &which {
                    messages.iter().for_each(|m| check_meeting(Some(m), name, &found, stage, findings));
                }
                found.into_iter().map(Some).collect()
            }
        };
        subscriptions.into_iter().map(|s| (kind(s, which.clone()), when.clone())).collect()
    }

    fn which(&self, place: Place, stage: &Stage<'_>, findings: &mut Findings) -> Option<Which> {
        let Handler { message, messages, key, chance, .. } = self;
        Choice { message, messages, key, chance }.plan(place, stage, findings)
    }

    pub(super) fn refuse_work(&self, findings: &mut Findings, place: Place, name: &str) {
        if self.work.is_some() {
            let diagnostic = Diagnostic::new(format!("`{name}` has no `work`")).at(place);
            findings.push(diagnostic.hint("a handler that takes long is a `SlowHandler`"));
        }
    }
}
