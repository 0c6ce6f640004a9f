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
