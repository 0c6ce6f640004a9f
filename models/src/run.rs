//! Runs a setup to its end, and asserts what must hold then.

use crate::census::Census;
use crate::checks::Recorder;
use crate::domain::World;
use crate::limits::Limits;
use crate::setup::Setup;
use redeliver_sim::{INSTANT_EVENTS_MAX, Time};

/// A run that has ended.
#[derive(Clone)]
pub struct Ended {
    /// The world as it is then.
    pub world: World,
    /// When that was.
    pub at: Time,
    /// It ended before its time, without a verdict: why.
    pub stopped: Option<String>,
}

/// Runs until the duration and the drain are over, or nothing is left to wait for.
pub fn run(setup: &Setup, recorder: Recorder) -> Ended {
    let mut world = crate::build::build(setup, recorder);
    let stopped = advance(&mut world, setup.limits, u64::MAX);
    finish(world, stopped.flatten())
}

/// Goes on for at most so many events. `None`: it has not ended yet. Else it has, and why if that was before its time.
pub fn advance(world: &mut World, limits: Limits, mut steps: u64) -> Option<Option<String>> {
    while steps > 0 {
        // What ends a slice is not looked at within it.
        let until_limit = limits.events_max.saturating_add(1).saturating_sub(world.events());
        let slice = steps.min(Limits::until_look(world)).min(until_limit);
        let end = world.events() + slice;
        while world.events() < end {
            if !world.step() {
                let loops = world.events_now() > INSTANT_EVENTS_MAX;
                return Some(if loops { limits.reached(world) } else { None });
            }
            if world.checks().open == 0 && is_over(world) {
                return Some(None);
            }
        }
        if let Some(stopped) = limits.reached(world) {
            return Some(Some(stopped));
        }
        steps -= slice;
    }
    None
}

/// No message is open, no producer or fault has work left, no consumer is still to join, nothing is on its way, and no
/// broker will deliver again what was processed but never settled.
#[inline(always)]
fn is_over(world: &World) -> bool {
    world.shared().sources_active == 0
        && world.is_quiet()
        && world.now() >= world.shared().joined_by
        && world.faults_scheduled() == 0
        && world.checks().subscriptions.iter().all(|checks| checks.ledger.resident == 0)
}

/// Closes the books: the ledger balances, agrees with the copies that are there, and Little's law holds.
pub fn finish(mut world: World, stopped: Option<String>) -> Ended {
    let at = world.now();
    world.drop_void_packets();
    let difference = Census::of(&world).difference();
    assert!(difference.is_none(), "the ledger and the census do not agree: {difference:?}");
    let (book, shared) = world.checks_mut();
    book.finish(at, shared);
    Ended { world, at, stopped }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part::Part;
    use crate::setup::{Design, FactKind};
    use crate::testing::{consumer, crash, fault_on, queue, setup};
    use redeliver_sim::{NodeId, Span};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// A queue broker with a backlog at 55 ms; then perhaps the bug, and on to the end of the run.
    fn ended_world(bug: bool) -> World {
        let mut setup = setup(Design::Queue(queue()), 5);
        setup.consumers = vec![consumer("stock", 1, 30)];
        let mut world = crate::build::build(&setup, Recorder::Off);
        while world.next_time().is_some_and(|next| next.0 < 55_000_000) {
            world.step();
        }
        if bug {
            let mark = world.new_mark();
            world.command(NodeId(0), mark, |part, _| match part {
                Part::QueueBroker(broker) => broker.forget_silently(),
                _ => panic!("the broker comes first"),
            });
        }
        assert_eq!(advance(&mut world, setup.limits, u64::MAX), Some(None));
        world
    }

    #[test]
    fn what_is_recorded_is_what_happens() {
        // A fault that waits for a fact, and one whose fact comes after the end of all faults.
        let mut setup = setup(Design::Queue(queue()), 20);
        setup.consumers = vec![consumer("stock", 1, 30)];
        setup.faults = [2, 15].map(|n| fault_on(FactKind::Delivered, n, crash("stock/1", Some(100)))).into();
        setup.heal_at = Some(Span::millis(300));
        let [plain, recorded] =
            [Recorder::Off, Recorder::All(Vec::new())].map(|recorder| run(&setup, recorder));
        assert_eq!(plain.world.checks().fingerprint(), recorded.world.checks().fingerprint());
        assert_eq!(plain.world.checks().subscriptions[0].ledger.duplicates_total(), 0);
        assert_eq!(plain.world.checks().subscriptions[0].ledger.processed, 20);
    }

    #[test]
    fn an_honest_broker_agrees_with_the_ledger_and_with_little() {
        let world = ended_world(false);
        assert_eq!(Census::of(&world).difference(), None);
        assert_eq!(world.checks().littles_difference(world.now(), world.shared()), None);
        assert_eq!(finish(world, None).stopped, None);
    }

    #[test]
    fn a_broker_that_forgets_a_message_is_found_out_twice() {
        let world = ended_world(true);
        let census = Census::of(&world).difference();
        insta::assert_snapshot!(census.expect("the ledger knows of it"), @"copies of shop#3 for stock: 1 in the ledger, 0 found");
        let little = world.checks().littles_difference(world.now(), world.shared());
        insta::assert_snapshot!(little.expect("the ledger's record is still there"), @"stock: L·t = 284000000, Σ W = 200219000000");
        assert!(catch_unwind(AssertUnwindSafe(|| finish(world, None))).is_err());
    }
}
