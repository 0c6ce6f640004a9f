//! What the onlooker of a story has seen of a client: no crash of the client touches it.

use super::picture::{ClientPicture, SendOutcome};
use super::script::{Rule, Verb};
use std::collections::BTreeMap;

/// One client's journal.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// What it was given, sent, processed, told: the part of its picture that only grows.
    pub seen: ClientPicture,
    /// What its program does with each message: it outlives the process, but not a good-bye.
    pub program: Vec<Rule>,
    /// Its handler ends its process: that, and what is done after it.
    pub(super) last_words: Vec<Verb>,
    /// How often each body came.
    times: BTreeMap<String, u32>,
    /// Sends so far.
    published: u64,
}

impl Journal {
    /// A message came: how often this body has come by now.
    pub(super) fn got(&mut self, body: &str, text: String) -> u32 {
        self.seen.got.push(text);
        let times = self.times.entry(body.into()).or_insert(0);
        *times += 1;
        *times
    }

    /// It sends this.
    pub(super) fn published(&mut self, body: &str) {
        self.published += 1;
        self.outcome(body, SendOutcome::Pending);
        self.seen.unknown = self.published - self.seen.confirmed - self.seen.refused;
    }

    /// What became of the last send of this body.
    pub(super) fn outcome(&mut self, body: &str, outcome: SendOutcome) {
        match self.seen.sent.iter_mut().find(|(label, _)| label == body) {
            Some((_, known)) => *known = outcome,
            None => self.seen.sent.push((body.into(), outcome)),
        }
    }

    /// A send was answered.
    pub(super) fn answered(&mut self, body: &str, positive: bool, outcome: SendOutcome) {
        if positive {
            self.seen.confirmed += 1;
        } else {
            self.seen.refused += 1;
        }
        self.seen.unknown = self.published - self.seen.confirmed - self.seen.refused;
        self.outcome(body, outcome);
    }
}
