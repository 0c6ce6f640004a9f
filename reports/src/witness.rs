//! The witnesses that are shown: which guarantees they prove broken, and the facts as a timeline.

use crate::format;
use crate::result::{Verdict, Witness};
use crate::show::{Findings, TimelineLine};
use crate::summary;

/// A witness, and what it stands for.
pub(crate) struct Shown<'a> {
    /// The design.
    pub(crate) design: &'a str,
    /// The subscription, where there are several.
    pub(crate) consumer: Option<&'a str>,
    /// The guarantees that it proves broken, in words.
    pub(crate) guarantees: Vec<String>,
    /// The finding in a sentence, the message, the facts.
    pub(crate) witness: &'a Witness,
    /// The facts with times and nodes; empty if there are none.
    pub(crate) timeline: &'a [TimelineLine],
}

impl Shown<'_> {
    /// `Broken in queue: order per key and order as stored`.
    pub(crate) fn title(&self) -> String {
        let place = match self.consumer {
            Some(consumer) => format!("{} / {consumer}", self.design),
            None => self.design.to_string(),
        };
        format!("Broken in {place}: {}", format::listed(&self.guarantees))
    }

    fn shows_the_same_as(&self, other: &Shown) -> bool {
        self.design == other.design
            && self.consumer == other.consumer
            && self.witness.message == other.witness.message
            && self.witness.finding == other.witness.finding
            && self.witness.facts == other.witness.facts
    }
}

/// One witness of each broken guarantee, in the first design that broke it.
pub(crate) fn firsts(findings: &Findings) -> Vec<Shown<'_>> {
    let mut shown: Vec<Shown> = Vec::new();
    for guarantee in summary::guarantees(findings) {
        if let Some(first) = broken(findings, guarantee).into_iter().next() {
            merge(&mut shown, first);
        }
    }
    shown
}

/// The witness of each broken guarantee in every design and subscription.
pub(crate) fn all(findings: &Findings) -> Vec<Shown<'_>> {
    let mut shown: Vec<Shown> = Vec::new();
    for guarantee in summary::guarantees(findings) {
        for next in broken(findings, guarantee) {
            merge(&mut shown, next);
        }
    }
    let place = |shown: &Shown| findings.result.designs.get_index_of(shown.design);
    shown.sort_by_key(place);
    shown
}

fn merge<'a>(shown: &mut Vec<Shown<'a>>, mut next: Shown<'a>) {
    match shown.iter_mut().find(|known| known.shows_the_same_as(&next)) {
        Some(known) => known.guarantees.append(&mut next.guarantees),
        None => shown.push(next),
    }
}

/// Where this guarantee is broken, with the witnesses.
fn broken<'a>(findings: &'a Findings, guarantee: &str) -> Vec<Shown<'a>> {
    let mut shown = Vec::new();
    for (index, (design, result)) in findings.result.designs.iter().enumerate() {
        for (consumer, guarantees) in &result.guarantees {
            let Some(found) = guarantees.get(guarantee) else { continue };
            let witness = found.witness.and_then(|index| Some((index, result.witnesses.get(index)?)));
            let Some((number, witness)) = witness.filter(|_| found.verdict == Verdict::Broken) else {
                continue;
            };
            let timelines = findings.designs.get(index).map(|show| show.timelines.as_slice());
            let timeline = timelines.and_then(|timelines| timelines.get(number));
            shown.push(Shown {
                design,
                consumer: (result.consumers.len() > 1).then_some(consumer),
                guarantees: vec![summary::guarantee_words(guarantee)],
                witness,
                timeline: timeline.map_or(&[], Vec::as_slice),
            });
        }
    }
    shown
}

/// At most `most` lines: those that prove the finding, then from the front; and how many were left out before each.
pub(crate) fn shortened(timeline: &[TimelineLine], most: usize) -> Vec<(usize, &TimelineLine)> {
    let mut room = most.saturating_sub(timeline.iter().filter(|line| line.proof).count());
    let mut kept = Vec::new();
    let mut skipped = 0;
    for line in timeline {
        if line.proof || room > 0 {
            room -= usize::from(!line.proof);
            kept.push((std::mem::take(&mut skipped), line));
        } else {
            skipped += 1;
        }
    }
    kept
}
