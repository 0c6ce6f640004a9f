//! What only some links do, as a file says it: loss in bursts, a finite buffer.

use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::Placed;
use crate::units::{Duration, Probability, Size, show_size, show_span, thousandths};
use redeliver_sim::{Buffer, Burst, Chance, EarlyDrop, Span};
use serde::Deserialize;

/// A link's state may change so often at the most: its changes are drawn one by one.
const STEP_MIN: Span = Span(100_000);
/// Floyd and Jacobson, 1993.
const EARLY_WEIGHT: f64 = 0.002;

/// Loss in bursts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum BurstLoss {
    /// A link is good or bad; netem's `loss gemodel`.
    GilbertElliott(GilbertElliott),
}

/// A link that is good or bad, in steps of virtual time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GilbertElliott {
    /// Chance that a good link is bad after a step; netem's `p`.
    pub to_bad: Probability,
    /// Chance that a bad link is good after a step; netem's `r`.
    pub to_good: Placed<Probability>,
    /// Chance that a good link loses a packet; netem's `1-k`. Default none.
    pub loss_good: Option<Probability>,
    /// Chance that a bad link loses a packet; netem's `1-h`. Default `"100%"`.
    pub loss_bad: Option<Probability>,
    /// How long a step is. Default `"1ms"`.
    pub step: Option<Placed<Duration>>,
}

impl BurstLoss {
    pub(crate) fn plan(&self, findings: &mut Findings) -> Burst {
        let BurstLoss::GilbertElliott(burst) = self;
        if let Some(step) = burst.step.as_ref().filter(|step| step.value.0 < STEP_MIN) {
            let diagnostic = Diagnostic::new("a step takes 0.1 ms at least").at(step.place);
            findings.push(diagnostic.hint("write for example `step: \"1ms\"`"));
        }
        if burst.to_good.0 == Chance::NEVER {
            let diagnostic = Diagnostic::new("a link that has become bad never recovers");
            let hint = "make `to_good` more than 0%; `Loss(…)` among the faults is for ever without `lasts`";
            findings.push(diagnostic.at(burst.to_good.place).hint(hint));
        }
        self.spec()
    }

    fn spec(&self) -> Burst {
        let BurstLoss::GilbertElliott(burst) = self;
        Burst {
            to_bad: burst.to_bad.0,
            to_good: burst.to_good.0,
            loss_good: burst.loss_good.as_ref().map_or(Chance::NEVER, |chance| chance.0),
            loss_bad: burst.loss_bad.as_ref().map_or(Chance::ALWAYS, |chance| chance.0),
            step: burst.step.as_ref().map_or(Span::millis(1), |step| step.value.0.max(STEP_MIN)),
        }
    }

    pub(crate) fn show(&self) -> String {
        let Burst { to_bad, to_good, loss_good, loss_bad, step } = self.spec();
        let percent = |chance: Chance| thousandths(chance.probability() * 100.0);
        let chances = [to_bad, to_good, loss_good, loss_bad].map(percent);
        let [to_bad, to_good, loss_good, loss_bad] = chances;
        let step = show_span(step);
        format!("to bad {to_bad} %, to good {to_good} % each {step}; loss {loss_good} % and {loss_bad} %")
    }
}

/// Packets that wait for a link.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum BufferText {
    /// A packet that does not fit is dropped.
    DropTail(Size),
    /// Random early drop: the more bytes wait on average, the more packets are dropped.
    RandomEarly(RandomEarly),
}

/// Random early drop.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomEarly {
    /// Bytes that may wait.
    pub size: Size,
    /// Below so many bytes on average none is dropped.
    pub min: Size,
    /// From so many on average all are.
    pub max: Size,
    /// Chance of a drop just below `max`.
    pub chance: Probability,
    /// Weight of a new measurement in the average. Default 0.002.
    pub weight: Option<Placed<f64>>,
}

impl BufferText {
    pub(crate) fn plan(&self, place: Place, findings: &mut Findings) -> Buffer {
        let early = match self {
            BufferText::DropTail(size) => return Buffer { bytes: size.0, early: None },
            BufferText::RandomEarly(early) => early,
        };
        if early.min.0 >= early.max.0 || early.max.0 > early.size.0 {
            let diagnostic =
                Diagnostic::new("`min` must be below `max`, and `max` not above `size`").at(place);
            let example = "`RandomEarly(size: \"64 kB\", min: \"16 kB\", max: \"48 kB\", chance: \"10%\")`";
            findings.push(diagnostic.hint(format!("write for example {example}")));
        }
        let weight = early.weight.as_ref().map_or(EARLY_WEIGHT, |weight| weight.value);
        if let Some(said) = early.weight.as_ref().filter(|_| !(weight > 0.0 && weight <= 1.0)) {
            let diagnostic = Diagnostic::new("`weight` is a share: above 0 and at most 1").at(said.place);
            findings.push(diagnostic.hint("leave it out for 0.002, the authors' value"));
        }
        let early = EarlyDrop { min: early.min.0, max: early.max.0, chance: early.chance.0, weight };
        Buffer { bytes: self.size(), early: Some(early) }
    }

    fn size(&self) -> u64 {
        match self {
            BufferText::DropTail(size) => size.0,
            BufferText::RandomEarly(early) => early.size.0,
        }
    }

    pub(crate) fn show(&self) -> String {
        let kind = match self {
            BufferText::DropTail(_) => "drop tail",
            BufferText::RandomEarly(_) => "random early drop",
        };
        format!("{}, {kind}", show_size(self.size()))
    }
}
