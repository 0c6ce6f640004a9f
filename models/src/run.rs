//! Runs a setup to its end, and asserts what must hold then.

use crate::census::Census;
use crate::checks::Recorder;
use crate::domain::World;
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
    let stopped = advance(&mut world, setup.events_max, u64::MAX);
    finish(world, stopped.flatten())
}

/// Goes on for at most so many events. `None`: it has not ended yet. Else it has, and why if that was before its time.
pub fn advance(world: &mut World, events_max: u64, steps: u64) -> Option<Option<String>> {
    for _ in 0..steps {
        if !world.step() || world.is_halted() {
            return Some(None);
        }
        if world.checks().open == 0 && is_over(world) {
            return Some(None);
        }
        if world.events_now() > INSTANT_EVENTS_MAX || world.events() > events_max {
            return Some(Some(limit_reached(world, events_max)));
        }
    }
    None
}

/// No message is open, no producer or fault has work left, and nothing is on its way.
#[inline(always)]
fn is_over(world: &World) -> bool {
    world.shared().sources_active == 0 && world.is_quiet() && world.faults_scheduled() == 0
}

#[cold]
pub(crate) fn limit_reached(world: &World, events_max: u64) -> String {
    if world.events_now() > INSTANT_EVENTS_MAX {
        return format!(
            "more than {INSTANT_EVENTS_MAX} events at {} s: a loop that takes no time",
            world.now()
        );
    }
    format!("more than {events_max} events, at {} s; raise run.max_events if that is meant", world.now())
}

/// Closes the books: the ledger balances, agrees with the copies that are there, and Little's law holds.
pub fn finish(mut world: World, stopped: Option<String>) -> Ended {
    let at = world.now();
    world.drop_void_packets();
    Census::of(&world).assert_agrees();
    let (book, shared) = world.checks_mut();
    book.finish(at, shared);
    Ended { world, at, stopped }
}
