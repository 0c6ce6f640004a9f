//! How long a consumer of a load waits after an answer without a message: a setting that designs share.

use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::Placed;
use crate::units::SpanSpread;
use redeliver_models::queue::{ClientConfig, Pulls};
use redeliver_sim::Distribution;

/// The pause, if it is one.
pub(super) fn pause(
    typed: Option<&Placed<SpanSpread>>,
    hint: &str,
    findings: &mut Findings,
) -> Option<Distribution> {
    let typed = typed?;
    // Of 1000 draws, not one.
    if typed.value.0.sample(u64::MAX / 1000 * 999) == 0 {
        let diagnostic = Diagnostic::new("`poll_pause` must be above zero: polls would never end");
        findings.push(diagnostic.at(typed.place).hint(hint));
    }
    Some(typed.value.0.clone())
}

/// A consumer asks a queue that would give by itself for one message at a time; what is said beside it of consumers that
/// are given their messages is refused: where it stands, and what it is.
pub(super) fn gets(
    merged: &mut ClientConfig,
    typed: Option<&Placed<SpanSpread>>,
    beside: Option<(Place, &str)>,
    findings: &mut Findings,
) {
    let hint = "usual: \"100ms\"; leave it out for a consumer that is given its messages";
    let Some(pause) = pause(typed, hint, findings) else { return };
    merged.pulls = Some(Pulls::gets(pause));
    if let Some((place, what)) = beside {
        let message = format!("`{what}` means nothing to a consumer with `poll_pause`");
        let hint = "basic.get gives one message at a time, to whoever asks: leave one of them out";
        findings.push(Diagnostic::new(message).at(place).hint(hint));
    }
}
