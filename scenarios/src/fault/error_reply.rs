//! `ErrorReply`: a receiver of webhooks answers some requests with an error, before its handler sees them.

use super::message::{message, subscriptions};
use super::timing::times;
use super::{Planned, Stage, Typed};
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::Placed;
use crate::nodes::Patterns;
use redeliver_models::setup::{Design, FaultKind, Requests, When};
use redeliver_sim::Time;
use serde::Deserialize;

/// An answer with an error. Say which requests by `request` or by `message`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorReply {
    /// The n-th request that comes to the subscription, from 1, over all its members.
    pub request: Option<Placed<u32>>,
    /// Requests about this message: `"shop#3"`.
    pub message: Option<Placed<String>>,
    /// The status of the answer, of HTTP: 300 to 599.
    pub status: Placed<u16>,
    /// How many requests, from the first one on; of a message, how many attempts. Default 1.
    pub times: Option<Placed<u32>>,
    /// Only in this subscription. Default: in all.
    #[serde(rename = "in")]
    pub subscription: Option<Placed<String>>,
}

impl Typed for ErrorReply {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        let findings = &mut *patterns.findings;
        if !(300..600).contains(&self.status.value) {
            let diagnostic = Diagnostic::new(format!("a status of {} is no error", self.status.value));
            findings.push(diagnostic.at(self.status.place).hint("write for example `status: 503`"));
        }
        let times = times(&self.times, findings);
        let subscriptions = match &self.subscription {
            None => vec![None],
            Some(name) => subscriptions(name, stage, findings).into_iter().map(Some).collect(),
        };
        let Some(which) = self.which(place, stage, findings) else { return Vec::new() };
        if !matches!(stage.design, Design::Webhook(_)) {
            return Vec::new();
        }
        let kind = |subscription| FaultKind::ErrorReply {
            subscription,
            which: which.clone(),
            status: self.status.value,
            times,
        };
        subscriptions.into_iter().map(|s| (kind(s), When::At(Time::ZERO))).collect()
    }
}

impl ErrorReply {
    fn which(&self, place: Place, stage: &Stage<'_>, findings: &mut Findings) -> Option<Requests> {
        match (&self.request, &self.message) {
            (Some(request), None) => {
                if request.value == 0 {
                    findings.refuse(request.place, "requests are counted from 1");
                }
                Some(Requests::From(request.value))
            }
            (None, Some(name)) => message(name, stage, findings).map(Requests::About),
            _ => {
                let text = "say which requests by exactly one of `request` and `message`";
                findings.push(Diagnostic::new(text).at(place).hint("write for example `request: 3`"));
                None
            }
        }
    }
}
