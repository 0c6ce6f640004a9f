//! A run that is followed fact by fact, a slice of events at a time, so that no history is held in memory.

use crate::run::{SLICE, run_once};
use redeliver_models::checks::{Recorded, Recorder};
use redeliver_models::{Ended, Limits, Shared, World, advance, build, finish};
use redeliver_scenarios::{Plan, PlannedDesign};

/// The facts of one design, in order.
pub(crate) struct Follower {
    state: State,
    /// Facts that were noted and not yet handed over.
    facts: std::vec::IntoIter<Recorded>,
    limits: Limits,
}

enum State {
    Running(Box<World>),
    Over(Box<Ended>),
    /// Only between two states.
    Moving,
}

impl Follower {
    /// Before the first fact. A story has run to its end by then: it is short.
    pub(crate) fn new(plan: &Plan, design: &PlannedDesign) -> Self {
        let recorder = Recorder::All(Vec::new());
        let setup = &design.setup;
        let mut facts = Vec::new();
        let state = if setup.script.is_some() {
            let mut ended = run_once(plan, "", design, recorder, &mut |_, _| ()).ended;
            facts = ended.world.checks_mut().0.recorder.take();
            State::Over(Box::new(ended))
        } else {
            State::Running(Box::new(build(setup, recorder)))
        };
        Follower { state, facts: facts.into_iter(), limits: setup.limits }
    }

    /// From this world on.
    #[cfg(test)]
    pub(crate) fn of(world: World, limits: Limits) -> Self {
        Follower { state: State::Running(Box::new(world)), facts: Vec::new().into_iter(), limits }
    }

    fn world(&self) -> &World {
        match &self.state {
            State::Running(world) => world,
            State::Over(ended) => &ended.world,
            State::Moving => unreachable!("it is moved on within one call"),
        }
    }

    /// What all nodes share, as it is after the facts noted so far.
    pub(crate) fn shared(&self) -> &Shared {
        self.world().shared()
    }

    /// Of the facts noted so far.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.world().checks().fingerprint()
    }

    /// Goes on for a slice, and keeps its facts; at the end also those that closing the books notes.
    fn go_on(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Moving) {
            State::Running(mut world) => match advance(&mut world, self.limits, SLICE) {
                None => State::Running(world),
                Some(stopped) => State::Over(Box::new(finish(*world, stopped))),
            },
            other => other,
        };
        let checks = match &mut self.state {
            State::Running(world) => world.checks_mut().0,
            State::Over(ended) => ended.world.checks_mut().0,
            State::Moving => unreachable!("it was just replaced"),
        };
        self.facts = checks.recorder.take().into_iter();
    }
}

impl Iterator for Follower {
    type Item = Recorded;

    fn next(&mut self) -> Option<Recorded> {
        loop {
            if let Some(fact) = self.facts.next() {
                return Some(fact);
            }
            if matches!(self.state, State::Over(_)) {
                return None;
            }
            self.go_on();
        }
    }
}
