//! What the onlooker of a story has seen of a client: no crash of the client touches it.

use super::picture::{ClientPicture, SendOutcome};
use super::script::{Rule, Verb};
use crate::message::SourceId;
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
    /// How many of its messages the onlooker had seen at the last look.
    looked: usize,
    /// The highest number that came of each producer.
    latest: BTreeMap<u32, u32>,
    /// How often each body came.
    times: BTreeMap<String, u32>,
    /// Where each body stands among `seen.sent`.
    sent: BTreeMap<String, usize>,
    /// Sends so far.
    published: u64,
}

impl Journal {
    /// A message came, the n-th of its producer: how often this body has come by now.
    pub(super) fn got(&mut self, body: &str, text: String, (producer, number): (SourceId, u32)) -> u32 {
        self.seen.got.push(text);
        let latest = self.latest.entry(producer.0).or_insert(0);
        self.seen.late += u64::from(number < *latest);
        self.seen.gaps += u64::from(number.saturating_sub(*latest).saturating_sub(1));
        *latest = number.max(*latest);
        let times = self.times.entry(body.into()).or_insert(0);
        *times += 1;
        *times
    }

    /// What it was given since the last look.
    pub(super) fn news(&self) -> Vec<String> {
        self.seen.got[self.looked..].to_vec()
    }

    /// The onlooker has taken a look.
    pub(super) fn look(&mut self) {
        self.looked = self.seen.got.len();
    }

    /// It sends this.
    pub(super) fn published(&mut self, body: &str) {
        self.published += 1;
        self.outcome(body, SendOutcome::Pending);
        self.seen.unknown = self.published - self.seen.confirmed - self.seen.refused;
    }

    /// What became of the last send of this body.
    pub(super) fn outcome(&mut self, body: &str, outcome: SendOutcome) {
        match self.sent.get(body) {
            Some(place) => self.seen.sent[*place].1 = outcome,
            None => {
                self.sent.insert(body.into(), self.seen.sent.len());
                self.seen.sent.push((body.into(), outcome));
            }
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
