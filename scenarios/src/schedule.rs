//! When producers publish: `schedule` in the file.

use crate::defaults::MESSAGE_SIZE;
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::producer::{Producer, StateChange};
use crate::units::{ByteRate, Duration, MessageRate, SpanSpread, show_distribution};
use redeliver_models::setup;
use redeliver_sim::{Distribution, Span};
use serde::Deserialize;

/// When a producer's member publishes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Schedule {
    /// At the start and every so often: `Every("10ms")`.
    Every(Duration),
    /// At random times, independent of each other: `Poisson("200/s")`.
    Poisson(MessageRate),
    /// As fast as the sizes of its messages allow at so many bytes a second: `Rate("150 MB/s")`.
    Rate(ByteRate),
    /// At these times after the start: `At(["0ms", "12ms"])`.
    At(Vec<Duration>),
    /// In bursts, with silence between them; it is off at first: `OnOff(on: "exp(10s)", off: "exp(30s)", rate: "2000/s")`.
    OnOff {
        /// How long a burst lasts. Its first message comes as it begins.
        on: SpanSpread,
        /// How long it is off.
        off: SpanSpread,
        /// Messages a second while it is on, evenly.
        rate: MessageRate,
    },
    /// A synchronous client: so long after the start, and after its last message was confirmed, refused or given up:
    /// `Think("exp(20ms)")`. So the design decides how many messages there are.
    Think(SpanSpread),
}

impl Schedule {
    /// The schedule of this producer as it will run.
    pub(crate) fn plan(&self, producer: &Producer, findings: &mut Findings) -> setup::Schedule {
        let place = producer.schedule.place;
        match self {
            Schedule::Every(span) => {
                if span.0 == Span::ZERO {
                    let message = "`Every` needs a span above zero: else time never moves on";
                    findings
                        .push(Diagnostic::new(message).at(place).hint("all at once: `At([\"0s\", \"0s\"])`"));
                }
                setup::Schedule::Every(span.0)
            }
            Schedule::Poisson(rate) => {
                check_rate(rate.0, place, findings);
                setup::Schedule::Poisson(rate.0)
            }
            Schedule::Rate(rate) => {
                if producer.size.as_ref().is_some_and(|size| size.0.mean() < 0.5) {
                    findings.refuse(place, "`Rate` needs messages that have a size");
                }
                let size = producer.size.as_ref().map_or(MESSAGE_SIZE as f64, |size| size.0.mean());
                check_rate(rate.0 / size.max(1.0), place, findings);
                setup::Schedule::Rate(rate.0)
            }
            Schedule::At(times) => plan_times(times, place, findings),
            Schedule::OnOff { on, off, rate } => {
                check_rate(rate.0, place, findings);
                check_bursts(&on.0, &off.0, place, findings);
                setup::Schedule::OnOff { on: on.0.clone(), off: off.0.clone(), rate: rate.0 }
            }
            Schedule::Think(span) => {
                if !matches!(producer.state_change, None | Some(StateChange::Nothing)) {
                    let message =
                        "a producer that waits until its message has come to an end has no `state_change`";
                    let hint = "leave `state_change` out, or take a schedule of its own, such as `Poisson(\"50/s\")`";
                    findings.push(Diagnostic::new(message).at(place).hint(hint));
                }
                setup::Schedule::Think(span.0.clone())
            }
        }
    }

    /// What a report says beside the figures of a producer whose workload its design decides.
    pub(crate) fn show_waiting(&self) -> Option<String> {
        let Schedule::Think(span) = self else { return None };
        let span = show_distribution(&span.0);
        Some(format!("{span} after the last message came to an end: the design decides how many there are"))
    }
}

fn plan_times(times: &[Duration], place: Place, findings: &mut Findings) -> setup::Schedule {
    if times.is_empty() {
        let diagnostic = Diagnostic::new("the schedule is empty: nothing is ever published");
        findings.push(diagnostic.at(place).hint("write for example `At([\"0ms\", \"12ms\"])`"));
    }
    let mut spans: Vec<Span> = times.iter().map(|time| time.0).collect();
    spans.sort();
    if spans.iter().zip(times).any(|(sorted, written)| *sorted != written.0) {
        findings.refuse(place, "the times of `At` must ascend: messages are numbered in their order");
    }
    setup::Schedule::At(spans)
}

/// Time is whole nanoseconds: with more, it would stand still.
fn check_rate(messages_per_second: f64, place: Place, findings: &mut Findings) {
    if messages_per_second > 1e9 {
        let message = "this is more than one message a nanosecond, the smallest step of virtual time";
        findings.push(Diagnostic::new(message).at(place).hint("lower the rate, or take greater messages"));
    }
}

/// Each burst has a message at least.
fn check_bursts(on: &Distribution, off: &Distribution, place: Place, findings: &mut Findings) {
    if on.mean() + off.mean() < 1.0 {
        let message = "`on` and `off` take no time: bursts would follow each other without end";
        let hint = "write for example `OnOff(on: \"exp(10s)\", off: \"exp(30s)\", rate: \"2000/s\")`";
        findings.push(Diagnostic::new(message).at(place).hint(hint));
    }
}
