//! How the guarantees stand in one subscription, and which messages prove it where one is broken.

use redeliver_models::checks::{About, Order, SubscriptionChecks, Violation};
use redeliver_scenarios::expect::Verdict;

/// A guarantee's standing.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) name: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) count: u64,
    /// What proves that it is broken.
    pub(crate) proof: Option<Proof>,
}

/// The messages that prove that a guarantee is broken, by source and number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Proof {
    /// It was lost; its producer held a confirm, or not.
    Lost { message: (u32, u32), confirmed: bool },
    /// Its effect took place again.
    Again { message: (u32, u32) },
    /// It came after one that should follow it.
    Order(Violation),
}

impl Proof {
    /// The message that it is about.
    pub(crate) fn message(&self) -> (u32, u32) {
        match self {
            Proof::Lost { message, .. } | Proof::Again { message } => *message,
            Proof::Order(violation) => violation.message,
        }
    }

    /// All messages that it speaks of.
    pub(crate) fn messages(&self) -> Vec<(u32, u32)> {
        match self {
            Proof::Order(violation) => vec![violation.message, violation.newer],
            _ => vec![self.message()],
        }
    }
}

/// All guarantees of a subscription.
pub(crate) fn standings(checks: &SubscriptionChecks) -> Vec<Standing> {
    let ledger = &checks.ledger;
    let plain = |(source, number, _): About| (source, number);
    let lost = |confirmed: bool| {
        let mut found = checks.lost.iter().filter(|(_, _, was)| *was || !confirmed);
        found.next().map(|(about, _, was)| Proof::Lost { message: plain(*about), confirmed: *was })
    };
    let again = checks.duplicates.first().map(|(about, _)| Proof::Again { message: plain(*about) });
    vec![
        standing("no_loss", ledger.lost_total(), ledger.loss_exercised, lost(false)),
        standing("no_confirmed_loss", ledger.lost_confirmed, ledger.confirmed_loss_exercised, lost(true)),
        standing("no_duplicates", ledger.duplicates_total(), ledger.duplicates_exercised, again),
        order("order_per_key", &checks.key),
        order("order_per_producer", &checks.producer),
        order("order_stored", &checks.stored),
    ]
}

fn order(name: &'static str, order: &Order) -> Standing {
    let proof = order.first.map(Proof::Order);
    standing(name, order.late + order.stale, order.exercised, proof)
}

fn standing(name: &'static str, count: u64, exercised: bool, proof: Option<Proof>) -> Standing {
    let verdict = match (count, exercised) {
        (1.., _) => Verdict::Broken,
        (0, true) => Verdict::Holds,
        (0, false) => Verdict::NotExercised,
    };
    Standing { name, verdict, count, proof: proof.filter(|_| count > 0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redeliver_models::causes::{DuplicateCause, LossCause};
    use redeliver_models::checks::{Book, BookSpec, Recorder};
    use redeliver_sim::Time;

    fn checks() -> SubscriptionChecks {
        let spec = BookSpec { counts: [1; 4], window: (Time::ZERO, Time(1)), end: Time(1), keep: 10 };
        Book::new(&spec, Recorder::Off).subscriptions.remove(0)
    }

    fn verdicts(checks: &SubscriptionChecks) -> Vec<Verdict> {
        standings(checks).iter().map(|standing| standing.verdict).collect()
    }

    #[test]
    fn where_nothing_could_break_them_they_are_not_exercised() {
        assert_eq!(verdicts(&checks()), [Verdict::NotExercised; 6]);
    }

    #[test]
    fn each_holds_by_itself_once_something_could_have_broken_it() {
        let exercise: [fn(&mut SubscriptionChecks); 6] = [
            |checks| checks.ledger.loss_exercised = true,
            |checks| checks.ledger.confirmed_loss_exercised = true,
            |checks| checks.ledger.duplicates_exercised = true,
            |checks| checks.key.exercised = true,
            |checks| checks.producer.exercised = true,
            |checks| checks.stored.exercised = true,
        ];
        for (i, exercise) in exercise.into_iter().enumerate() {
            let mut checks = checks();
            exercise(&mut checks);
            let mut expected = [Verdict::NotExercised; 6];
            expected[i] = Verdict::Holds;
            assert_eq!(verdicts(&checks), expected);
        }
    }

    #[test]
    fn a_loss_that_nobody_had_confirmed_breaks_one_promise_only() {
        let mut checks = checks();
        checks.ledger.loss_exercised = true;
        checks.ledger.lost[LossCause::Network as usize] = 1;
        checks.lost = vec![((0, 3, 0), LossCause::Network, false)];
        let all = standings(&checks);
        assert_eq!((all[0].verdict, all[1].verdict), (Verdict::Broken, Verdict::NotExercised));
        assert_eq!(all[0].proof, Some(Proof::Lost { message: (0, 3), confirmed: false }));
        assert_eq!(all[1].proof, None);
    }

    #[test]
    fn what_breaks_a_guarantee_is_its_proof() {
        let mut checks = checks();
        checks.ledger.duplicates[DuplicateCause::LostAck as usize] = 2;
        checks.duplicates = vec![((0, 1, 0), DuplicateCause::LostAck), ((0, 2, 0), DuplicateCause::LostAck)];
        let violation = Violation { message: (0, 1), newer: (0, 2), stale: true };
        (checks.key.stale, checks.key.first) = (1, Some(violation));
        let all = standings(&checks);
        assert_eq!((all[2].count, all[2].proof), (2, Some(Proof::Again { message: (0, 1) })));
        assert_eq!((all[3].count, all[3].proof), (1, Some(Proof::Order(violation))));
        assert_eq!(all[3].proof.expect("it is broken").messages(), [(0, 1), (0, 2)]);
        assert_eq!((all[4].verdict, all[4].proof), (Verdict::NotExercised, None));
    }
}
