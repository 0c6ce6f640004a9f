//! The ledger: every message of every subscription comes to exactly one end.
//!
//! Runs before all other checks and owns the records. Per subscription it balances:
//! addressed = processed + dead-lettered + pending + lost, each message once, in that order of precedence, each term
//! counted from its own facts. *Lost* has one cause: the fate of the last copy.

use crate::causes::{DuplicateCause, LossCause};
use crate::message::{Delivery, Message};
use redeliver_sim::Time;

/// The ends of one subscription's messages.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Messages meant for it.
    pub addressed: u64,
    /// Messages whose effect took place.
    pub processed: u64,
    /// Effects, repeats counted.
    pub effects: u64,
    /// Messages put aside and never processed.
    pub dead_lettered: u64,
    /// At the end: messages of which a copy is left that would reach it.
    pub pending: u64,
    /// Messages of which no copy is left, by cause.
    pub lost: [u64; LossCause::ALL.len()],
    /// Those of them whose producer holds a confirm.
    pub lost_confirmed: u64,
    /// Effects that took place again, by cause.
    pub duplicates: [u64; DuplicateCause::ALL.len()],
    /// Deliveries after the first of a message.
    pub redeliveries: u64,
    /// Deliveries that had no effect, because a consumer knew that it had processed the message.
    pub deduplicated: u64,
    /// Messages that are neither settled nor without a copy: what a run waits for.
    pub open: u64,
    /// A copy was destroyed or dropped, or its only holder crashed.
    pub loss_exercised: bool,
    /// The same, of a message that was confirmed before or after.
    pub confirmed_loss_exercised: bool,
    /// A message was sent, delivered or handed over more than once.
    pub duplicates_exercised: bool,
    /// Sum over the broker's copies of the time from storing to settling, less that of those still there: times of
    /// ends minus times of beginnings, in nanoseconds.
    pub residence: i128,
    /// Copies at the broker now.
    pub resident: u64,
}

impl Ledger {
    /// Messages lost, whatever the cause.
    pub fn lost_total(&self) -> u64 {
        self.lost.iter().sum()
    }

    /// Effects that took place again, whatever the cause.
    pub fn duplicates_total(&self) -> u64 {
        self.duplicates.iter().sum()
    }

    /// A broker's copy begins.
    #[inline(always)]
    pub(super) fn resides(&mut self, at: Time) {
        self.resident += 1;
        self.residence -= i128::from(at.0);
    }

    /// A broker's copy ends.
    #[inline(always)]
    pub(super) fn leaves(&mut self, at: Time) {
        assert!(self.resident > 0, "a broker's copy ended that never began");
        self.resident -= 1;
        self.residence += i128::from(at.0);
    }

    /// Sum over the broker's copies of the time that each was there until now.
    pub fn residence_until(&self, now: Time) -> i128 {
        self.residence + i128::from(self.resident) * i128::from(now.0)
    }

    /// Counts a message whose record is closed, or that is left at the end of the run.
    #[inline(always)]
    pub(super) fn count_end(&mut self, message: &Message, delivery: &Delivery) -> End {
        if !delivery.addressed {
            return End::NotAddressed;
        }
        if delivery.effects > 0 {
            self.processed += 1;
            return End::Processed;
        }
        if delivery.dead_lettered {
            self.dead_lettered += 1;
            return End::DeadLettered;
        }
        if message.upstream > 0 || delivery.copies > 0 {
            self.pending += 1;
            return End::Pending;
        }
        self.lost[delivery.cause as usize] += 1;
        self.lost_confirmed += u64::from(message.confirmed);
        End::Lost(delivery.cause)
    }

    /// Which of the equations that must hold when the run has ended does not, if any.
    pub fn difference(&self) -> Option<&'static str> {
        let ends = self.processed + self.dead_lettered + self.pending + self.lost_total();
        let broken = [
            (self.addressed != ends, "addressed is not processed + dead-lettered + pending + lost"),
            (self.open != self.pending, "what is pending is not what the run waited for"),
            (self.effects != self.processed + self.duplicates_total(), "effects are not firsts and repeats"),
        ];
        broken.into_iter().find_map(|(broken, what)| broken.then_some(what))
    }
}

/// What a message came to in a subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// It was never meant for it.
    NotAddressed,
    /// Its effect took place.
    Processed,
    /// It was put aside.
    DeadLettered,
    /// A copy is left.
    Pending,
    /// No copy is left.
    Lost(LossCause),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten addressed: six processed (one of them twice), one put aside, one pending, two lost.
    fn balanced() -> Ledger {
        let mut ledger =
            Ledger { addressed: 10, processed: 6, effects: 7, dead_lettered: 1, ..Ledger::default() };
        (ledger.pending, ledger.open) = (1, 1);
        ledger.lost[LossCause::Network as usize] = 2;
        ledger.duplicates[DuplicateCause::LostAck as usize] = 1;
        ledger
    }

    #[test]
    fn a_ledger_that_balances_says_nothing() {
        assert_eq!(balanced().difference(), None);
    }

    #[test]
    fn one_message_too_few_in_any_term_is_a_difference() {
        let changes: [fn(&mut Ledger); 7] = [
            |ledger| ledger.addressed += 1,
            |ledger| ledger.processed -= 1,
            |ledger| ledger.dead_lettered -= 1,
            |ledger| ledger.pending -= 1,
            |ledger| ledger.lost[LossCause::Network as usize] -= 1,
            |ledger| ledger.open += 1,
            |ledger| ledger.effects -= 1,
        ];
        for (i, change) in changes.into_iter().enumerate() {
            let mut ledger = balanced();
            change(&mut ledger);
            assert!(ledger.difference().is_some(), "change {i}");
        }
    }

    #[test]
    fn residence_counts_what_is_still_there() {
        let mut ledger = Ledger::default();
        ledger.resides(Time(10));
        ledger.resides(Time(20));
        ledger.leaves(Time(50));
        assert_eq!((ledger.resident, ledger.residence_until(Time(100))), (1, 120));
    }
}
