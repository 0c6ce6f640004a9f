//! What a run may take before it is stopped, without a verdict: events, and memory.
//!
//! Memory is counted, not measured, so that the same run stops at the same event on every machine: what grows with a
//! run (records of messages and the shelf, what waits to happen, packets that wait, records on disks, facts and lists
//! that are kept)
//! times what one of each takes. The process itself takes up to twice as much while a list grows, and what the nodes
//! take that the plan has from the beginning.

use crate::domain::World;
use redeliver_sim::INSTANT_EVENTS_MAX;

/// What a run may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// It ends, undecided, after so many events (`run.max_events`).
    pub events_max: u64,
    /// It ends, undecided, with more bytes than this in memory (`run.max_memory`).
    pub memory_max: u64,
}

/// Events between two looks at the memory, at the most.
const SLICE_MAX: u64 = 1 << 17;
/// And at the least: a topic with many subscriptions takes much for each message.
const SLICE_MIN: u64 = 1 << 10;

// Bytes, rounded up to what holds on every machine. A test compares them with this one.
const MESSAGE: u64 = 128;
/// A message's state in one subscription, and its entry in a queue.
const DELIVERY: u64 = 128;
const EVENT: u64 = 96;
const PACKET: u64 = 64;
/// A record on a disk.
const RECORD: u64 = 64;
/// One that is a word.
const WORD: u64 = 16;
/// A message's entry on the shelf.
const SHELVED: u64 = 64;
const FACT: u64 = 64;
const ENTRY: u64 = 32;
/// An id that a database holds.
const ID: u64 = 64;
/// What a story keeps of a delivery: a text.
const TEXT: u64 = 64;

impl Limits {
    /// What is said if a limit has been reached, and how to raise it.
    #[inline(never)]
    pub(crate) fn reached(&self, world: &World) -> Option<String> {
        let (now, most) = (world.now(), self.events_max);
        if world.shared().skips_left == 0 {
            let what = "went by while their producers were down";
            let how = "lower the rate, or raise run.max_events (--max-events)";
            return Some(format!("more than {most} messages {what}, at {now} s; {how}"));
        }
        if world.events_now() > INSTANT_EVENTS_MAX {
            let what = "a loop that takes no time, or a batch";
            let how = "give the loop a span above zero, or spread the batch over several instants";
            return Some(format!("more than {INSTANT_EVENTS_MAX} events at {now} s: {what}; {how}"));
        }
        if world.events() > most {
            let how = "raise run.max_events (--max-events) if that is meant";
            return Some(format!("more than {most} events, at {now} s; {how}"));
        }
        let most = self.memory_max;
        if !world.events().is_multiple_of(slice(world)) || memory(world) <= most {
            return None;
        }
        let how = "raise run.max_memory (--max-memory) if that is meant";
        Some(format!("more than {most} bytes of memory, at {now} s; {how}"))
    }

    /// So many events later the memory is looked at: always at the same events of a run, however it is sliced.
    pub(crate) fn until_look(world: &World) -> u64 {
        let slice = slice(world);
        slice - world.events() % slice
    }
}

fn slice(world: &World) -> u64 {
    (SLICE_MAX / world.shared().messages.width() as u64).max(SLICE_MIN)
}

/// Bytes that a run takes now.
pub fn memory(world: &World) -> u64 {
    let (shared, book, kernel) = (world.shared(), world.checks(), world.held());
    let message = MESSAGE + shared.messages.width() as u64 * DELIVERY;
    let kept: usize = book.members.iter().map(|member| member.delivered.len() + member.processed.len()).sum();
    let ids = |subscription: &crate::shared::Subscription| {
        subscription.known.as_ref().map_or(0, |known| known.len())
    };
    let ids: usize = shared.subscriptions.iter().map(ids).sum();
    let processes: usize = world.nodes().iter().map(crate::Part::ids).sum();
    let texts: usize = shared.journals.iter().map(|journal| journal.seen.got.len()).sum();
    [
        (shared.messages.slots(), message),
        (kernel.events, EVENT),
        (kernel.packets, PACKET),
        (shared.messages.shelf_slots(), SHELVED),
        (kernel.records, RECORD),
        (kernel.words, WORD),
        (book.recorder.len(), FACT),
        (kept, ENTRY),
        (ids + processes, ID),
        (texts, TEXT),
    ]
    .iter()
    .map(|(count, bytes)| *count as u64 * bytes)
    .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{Recorded, Recorder};
    use crate::message::{Delivery, Message};
    use crate::queue::Entry;
    use crate::run::run;
    use crate::setup::{Design, Schedule};
    use crate::testing::{consumer, crash, fault_at, queue, setup};
    use redeliver_sim::Span;

    #[test]
    fn what_is_counted_is_not_less_than_what_is_taken() {
        let taken = |bytes: usize| bytes as u64;
        assert!(taken(size_of::<Message>() + size_of::<u32>()) <= MESSAGE);
        assert!(taken(size_of::<Delivery>() + size_of::<Entry>()) <= DELIVERY);
        assert!(taken(crate::shelf::ENTRY_BYTES + 2 * size_of::<u32>()) <= SHELVED);
        assert!(taken(size_of::<Recorded>()) <= FACT);
        assert!(taken(World::event_bytes()) <= EVENT);
    }

    #[test]
    fn messages_that_nobody_takes_reach_the_limit_and_the_run_says_how_to_raise_it() {
        let mut setup = setup(Design::Queue(queue()), 1_000_000);
        setup.consumers = vec![consumer("stock", 1, 100_000_000)];
        setup.drain = Span::seconds(100_000);
        setup.duration = Span::seconds(100_000);
        setup.limits.memory_max = 1_000_000;
        let ended = run(&setup, Recorder::Off);
        let (what, how) = ended.stopped.as_deref().and_then(|text| text.split_once("; ")).expect("it grows");
        assert_eq!(what, "more than 1000000 bytes of memory, at 327.491 s");
        assert_eq!(how, "raise run.max_memory (--max-memory) if that is meant");
        let most = memory(&ended.world);
        assert!((1_000_000..50_000_000).contains(&most), "{most}");
    }

    #[test]
    fn a_batch_that_is_too_large_for_one_instant_is_called_one() {
        let batch = |messages: usize| {
            let mut setup = setup(Design::Queue(queue()), messages as u64);
            setup.consumers = vec![consumer("stock", 1, 1)];
            setup.producers[0].schedule = Schedule::At(vec![Span::ZERO; messages]);
            setup.limits.events_max = u64::MAX;
            run(&setup, Recorder::Off).stopped
        };
        let stopped = batch(INSTANT_EVENTS_MAX as usize + 1).expect("they are too many");
        insta::assert_snapshot!(stopped, @"more than 1000000 events at 0.000 s: a loop that takes no time, or a batch; give the loop a span above zero, or spread the batch over several instants");
        assert_eq!(batch(1_000), None);
    }

    #[test]
    fn messages_that_nobody_publishes_reach_the_limit_too() {
        let mut setup = setup(Design::Queue(queue()), 1_000_000_000);
        setup.consumers = vec![consumer("stock", 1, 1)];
        setup.producers[0].schedule = Schedule::Poisson(1e9);
        setup.duration = Span::seconds(100);
        setup.faults = vec![fault_at(0, crash("shop", Some(50_000)))];
        setup.limits.events_max = 100_000;
        let ended = run(&setup, Recorder::Off);
        let stopped = ended.stopped.expect("they are too many");
        let what = "more than 100000 messages went by while their producers were down, at 50.000";
        assert!(stopped.starts_with(what), "{stopped}");
    }

    #[test]
    fn a_run_that_only_lasts_long_takes_no_more_memory() {
        let mut setup = setup(Design::Queue(queue()), 20_000);
        setup.consumers = vec![consumer("stock", 1, 1)];
        (setup.duration, setup.keep) = (Span::seconds(1_000), 10);
        let ended = run(&setup, Recorder::Off);
        assert_eq!(ended.stopped, None);
        assert!(memory(&ended.world) < 20_000, "{}", memory(&ended.world));
    }
}
