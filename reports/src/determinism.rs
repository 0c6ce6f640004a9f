//! `--check-determinism`: runs a design twice, side by side, and compares fact by fact.

use crate::follow::Follower;
use redeliver_models::checks::Recorded;
use redeliver_models::{Shared, describe};
use redeliver_scenarios::{Plan, PlannedDesign};

/// How two runs compare.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// All facts are the same.
    Same {
        /// How many.
        facts: u64,
        /// 16 hex digits.
        fingerprint: String,
    },
    /// One fact differs; what comes after it means nothing.
    Differs {
        /// Which fact, from 1.
        number: u64,
        /// As the first run had it.
        first: String,
        /// As the second run had it.
        second: String,
    },
}

/// Runs a design twice.
pub fn compare(plan: &Plan, design: &PlannedDesign) -> Comparison {
    compare_runs(Follower::new(plan, design), Follower::new(plan, design))
}

fn compare_runs(mut first: Follower, mut second: Follower) -> Comparison {
    let mut facts = 0;
    loop {
        let (one, other) = (first.next(), second.next());
        if one != other {
            let (first, second) = (said(one, first.shared()), said(other, second.shared()));
            return Comparison::Differs { number: facts + 1, first, second };
        }
        if one.is_none() {
            break;
        }
        facts += 1;
    }
    let fingerprint = |run: &Follower| format!("{:016x}", run.fingerprint());
    let (one, other) = (fingerprint(&first), fingerprint(&second));
    if one != other {
        let said = |fingerprint| format!("fingerprint {fingerprint}");
        return Comparison::Differs { number: facts + 1, first: said(one), second: said(other) };
    }
    Comparison::Same { facts, fingerprint: one }
}

/// All there is to a fact: what is not in its text may be what differs.
fn said(fact: Option<Recorded>, shared: &Shared) -> String {
    let Some(fact) = fact else { return "the run was over".into() };
    let (time, node) = (fact.at.seconds(), shared.names.node(fact.node));
    format!("{time:.9} s  {node}  {}  {:?}", describe(&fact, shared), fact.event)
}

impl std::fmt::Display for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Comparison::Same { facts, fingerprint } => {
                write!(f, "same: {facts} facts, fingerprint {fingerprint}")
            }
            Comparison::Differs { number, first, second } => {
                write!(f, "differs at fact {number}\n  first run:  {first}\n  second run: {second}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redeliver_models::build;
    use redeliver_models::checks::Recorder;
    use redeliver_scenarios::{Options, read};
    use redeliver_sim::{Distribution, NodeId};

    fn plan(seed: u64, latency: &str) -> Plan {
        let set = vec![("network.latency".into(), latency.into())];
        let text = include_str!("../../tests/data/figure.ron");
        read("hello", text, &Options { set, seed: Some(seed), folder: None })
            .unwrap_or_else(|report| panic!("{report}"))
    }

    #[test]
    fn a_run_is_the_same_twice() {
        let plan = plan(1, "exp(2ms)");
        let Comparison::Same { facts, fingerprint } = compare(&plan, &plan.designs["queue"]) else {
            panic!("it should be the same");
        };
        assert!(facts > 30);
        let once = crate::run(&plan, &mut |_, _| ());
        assert_eq!(once.result.designs["queue"].fingerprint, fingerprint);
    }

    #[test]
    fn a_node_that_is_not_the_same_is_found_at_its_first_fact() {
        let plan = plan(1, "1ms");
        let setup = &plan.designs["queue"].setup;
        let mut slow = setup.clone();
        slow.consumers[0].members[0].work.span = Distribution::Constant(81_000_000);
        let world = |setup| build(setup, Recorder::All(Vec::new()));
        // The bug: one of the nodes is another one.
        let mut broken = world(setup);
        let other = world(&slow).nodes()[1].clone();
        let mark = broken.new_mark();
        broken.command(NodeId(1), mark, |node, _| *node = other);
        let compared =
            compare_runs(Follower::of(world(setup), setup.limits), Follower::of(broken, setup.limits));
        insta::assert_snapshot!(compared, @r"
        differs at fact 20
          first run:  0.082000000 s  fulfilment/1  processed shop#1, attempt 1  Fact(Processed { m: MessageRef { slot: 0, generation: 0 }, s: SubscriptionId(0), attempt: 1, worked: Span(80000000) }, Some((0, 1, 0)))
          second run: 0.083000000 s  fulfilment/1  processed shop#1, attempt 1  Fact(Processed { m: MessageRef { slot: 0, generation: 0 }, s: SubscriptionId(0), attempt: 1, worked: Span(81000000) }, Some((0, 1, 0)))
        ");
        let honest =
            compare_runs(Follower::of(world(setup), setup.limits), Follower::of(world(setup), setup.limits));
        assert!(matches!(honest, Comparison::Same { .. }));
    }

    #[test]
    fn another_seed_differs_where_it_draws() {
        let runs = |latency| {
            let follower = |plan: Plan| Follower::new(&plan, &plan.designs["queue"]);
            compare_runs(follower(plan(1, latency)), follower(plan(2, latency)))
        };
        assert!(matches!(runs("1ms"), Comparison::Same { .. }));
        let Comparison::Differs { number, first, second } = runs("exp(2ms)") else {
            panic!("it should differ");
        };
        assert!(number > 1);
        assert_ne!(first, second);
    }
}
