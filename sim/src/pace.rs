//! How fast something works that takes one piece after the other: a process's cores, a disk. It may be slowed down, and
//! it may be stopped for a while.
//!
//! When its pace changes, what is under way is taken out and scheduled anew for what it still needs.

use crate::core::Body;
use crate::node::Domain;
use crate::time::Span;

/// The pace of a process's cores, or of a disk.
#[derive(Clone)]
#[repr(C)]
pub(crate) struct Pace<D: Domain> {
    /// What was scheduled at another pace has another epoch.
    pub(crate) epoch: u32,
    /// It is slowed down or stopped.
    pub(crate) altered: bool,
    /// The faults that slow it down, each with its factor.
    slowed: Vec<(u32, f64)>,
    /// How many times as long everything takes.
    factor: f64,
    /// How many faults have stopped it.
    stops: u32,
    /// What is under way while it is stopped: how long each still needs at the present factor, what then happens, and
    /// the mark.
    suspended: Vec<(Span, Body<D>, u32)>,
}

impl<D: Domain> Pace<D> {
    /// Full speed.
    pub(crate) fn full() -> Self {
        Pace { epoch: 0, altered: false, slowed: Vec::new(), factor: 1.0, stops: 0, suspended: Vec::new() }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stops > 0
    }

    /// How many times as long everything takes.
    pub(crate) fn factor(&self) -> f64 {
        self.factor
    }

    /// How long something takes that would take so long at full speed.
    pub(crate) fn stretch(&self, span: Span) -> Span {
        scale(span, self.factor)
    }

    /// A fault begins to slow it down; says how many times as long everything takes now.
    pub(crate) fn slow(&mut self, fault: u32, factor: f64) -> f64 {
        self.slowed.push((fault, factor));
        self.change()
    }

    /// The fault slows it down no more; says how many times as long everything takes now.
    pub(crate) fn unslow(&mut self, fault: u32) -> f64 {
        let place = self.slowed.iter().position(|(slowing, _)| *slowing == fault);
        place.map(|place| self.slowed.remove(place));
        self.change()
    }

    fn change(&mut self) -> f64 {
        let before = self.factor;
        self.factor = self.slowed.iter().map(|(_, factor)| factor).product();
        self.refresh();
        self.factor / before
    }

    /// True: it was not stopped before.
    pub(crate) fn stop(&mut self) -> bool {
        self.stops += 1;
        self.refresh();
        self.stops == 1
    }

    /// True: it is stopped no more.
    pub(crate) fn go_on(&mut self) -> bool {
        self.stops -= 1;
        self.refresh();
        self.stops == 0
    }

    /// All that is under way is void; the marks of what was suspended. What slows or stops it goes on.
    pub(crate) fn clear(&mut self) -> Vec<u32> {
        self.epoch = self.epoch.wrapping_add(1);
        self.suspended.drain(..).map(|(_, _, mark)| mark).collect()
    }

    fn refresh(&mut self) {
        self.altered = self.stops > 0 || self.factor != 1.0;
    }

    pub(crate) fn suspend(&mut self, left: Span, body: Body<D>, mark: u32) {
        self.suspended.push((left, body, mark));
    }

    pub(crate) fn take_suspended(&mut self) -> Vec<(Span, Body<D>, u32)> {
        std::mem::take(&mut self.suspended)
    }
}

/// A span times a factor.
pub(crate) fn scale(span: Span, factor: f64) -> Span {
    if factor == 1.0 {
        return span;
    }
    Span((span.0 as f64 * factor + 0.5) as u64)
}
