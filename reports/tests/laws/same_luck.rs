//! The law of common random numbers, over random scenarios: taking a fault or a design away changes nothing for others.
//! `on_the_wire.rs` and `acts.rs` hold the same of scenarios in which nothing hides what was drawn.

use crate::check;
use crate::common::case::{ALL, Case, Range};
use crate::common::plan;
use redeliver_models::causes::LossCause;
use redeliver_models::checks::{Event, Recorder};
use redeliver_models::message::SubscriptionId;
use redeliver_models::{Fact, Setup, advance, build};
use redeliver_scenarios::{Options, read};
use redeliver_sim::{News, NodeId, Time};
use std::cell::Cell;
use std::collections::BTreeMap;

/// A message by its source and number.
type Name = (u32, u32);

/// What a run was given: when each message was published, its key, its size, its luck; and what it drew: the work of
/// its first attempt in each subscription, and what became of each datagram that carried it to a consumer.
#[derive(PartialEq, Debug, Default)]
struct Given {
    published: BTreeMap<Name, (u64, u32, u64, u64)>,
    worked: BTreeMap<(Name, String), u64>,
    carried: BTreeMap<(Name, SubscriptionId, u16), Passage>,
    /// When faults began to act, and on whom.
    acts: Vec<(Time, NodeId, News)>,
}

/// One sending of a message to a consumer.
#[derive(PartialEq, Eq, Debug, Default)]
struct Passage {
    sent_at: u64,
    /// To whom; a sender without a broker does not say, and takes all in turn.
    member: u32,
    /// How often the same attempt was sent: a broker that has crashed counts anew.
    sendings: u32,
    /// It was lost on the wire, by chance.
    lost: bool,
    /// To whom it came, and after how many nanoseconds.
    arrivals: BTreeMap<NodeId, Vec<u64>>,
}

impl Passage {
    /// Whether two runs that carried the same datagram over the same link drew the same for it. What met a partition,
    /// a proxy or a dead receiver tells nothing.
    fn agrees(&self, other: &Passage) -> bool {
        let arrived = |passage: &Passage| !passage.arrivals.is_empty();
        if self.member != other.member || self.sendings > 1 || other.sendings > 1 {
            return true;
        }
        if self.lost && arrived(other) || other.lost && arrived(self) {
            return false;
        }
        self.arrivals.iter().all(|(node, delays)| {
            let again = other.arrivals.get(node).filter(|again| again.len() == delays.len());
            again.is_none_or(|again| again == delays)
        })
    }
}

/// By what news the beginning of a fault is known that acts at its time, whatever the nodes do.
const BEGINNINGS: [News; 10] = [
    News::Crashed,
    News::MachineCrashed,
    News::Paused,
    News::Slowed,
    News::DiskStalled,
    News::DiskSlowed,
    News::SyncsLie,
    News::DiskFilled,
    News::PartitionBegan,
    News::ImpairmentBegan,
];

fn given(setup: &Setup) -> Given {
    let mut given = Given::default();
    let mut world = build(setup, Recorder::All(Vec::new()));
    loop {
        let over = advance(&mut world, setup.limits, 1).is_some();
        for entry in world.checks_mut().0.recorder.take() {
            if let Event::News(news) = entry.event
                && BEGINNINGS.contains(&news)
            {
                given.acts.push((entry.at, entry.node, news));
            }
            let Event::Fact(fact, Some((source, number, _))) = entry.event else { continue };
            let name = (source, number);
            match fact {
                Fact::Published { m, .. } => {
                    let message = world.shared().messages.get(m);
                    let what = (message.born.0, message.key.0, message.size, message.luck.0);
                    given.published.insert(name, what);
                }
                Fact::Processed { s, attempt: 1, worked, .. } => {
                    let group = &world.shared().names.subscriptions[s.0 as usize];
                    let group = group.split('/').next().unwrap_or(group).to_string();
                    given.worked.entry((name, group)).or_insert(worked.0);
                }
                Fact::Dispatched { s, attempt, member, .. } => {
                    let passage = given.carried.entry((name, s, attempt)).or_default();
                    (passage.sent_at, passage.member) = (entry.at.0, member);
                    passage.sendings += 1;
                }
                Fact::DeliveryDropped { s, why: LossCause::Network, .. } => {
                    // Lost as it was sent, and so it is the last attempt.
                    let passages = given.carried.range_mut((name, s, 0)..=(name, s, u16::MAX));
                    match passages.last() {
                        Some((_, passage)) => passage.lost = true,
                        None => given.carried.entry((name, s, 1)).or_default().lost = true,
                    }
                }
                Fact::Delivered { s, attempt, .. } => {
                    let passage = given.carried.entry((name, s, attempt)).or_default();
                    // Without a broker it leaves as it is published.
                    let since = if passage.sendings > 0 { passage.sent_at } else { given.published[&name].0 };
                    let delay = entry.at.0.saturating_sub(since);
                    passage.arrivals.entry(entry.node).or_default().push(delay);
                }
                _ => {}
            }
        }
        if over {
            return given;
        }
    }
}

/// What breaks in a setup, and when, in the order of what the file says.
fn schedule(setup: &Setup) -> Vec<String> {
    let mut all: Vec<String> = setup.faults.iter().map(|fault| format!("{fault:?}")).collect();
    all.sort();
    all
}

/// Faults that change when a datagram is handed over.
const MOVES_ARRIVALS: [&str; 6] = ["Pause(", "Slow(", "Jam(", "Swizzle(", "Loss(", "Duplicate("];

/// Whether a crash may keep a fault from acting: a pause does not hold who is down.
fn is_missed(fault: &str, crash: &str) -> bool {
    fault.starts_with("Pause(") && crash.contains("Crash(")
}

#[test]
fn a_fault_or_a_design_changes_nothing_for_others() {
    let (carried, acted, alone) = (Cell::new(0), Cell::new(0), Cell::new(0));
    check(Range { producers_crash: false, ..ALL }, 200, |case| {
        let planned = plan(&case.text(), case.seed);
        let runs: Vec<Given> = planned.designs.values().map(|design| given(&design.setup)).collect();
        for n in 0..case.faults.len() {
            let changed = plan(&case.without_fault(n).text(), case.seed);
            let handler =
                ["Poison", "FailingHandler", "SlowHandler"].iter().any(|k| case.faults[n].starts_with(k));
            for ((name, settings), before) in case.names().zip(&runs) {
                let setup = &changed.designs[name].setup;
                let again = given(setup);
                hold_common(case, before, &again, !handler);
                if !changed.text.contains(&case.faults[n]) {
                    hold_schedule(&planned.designs[name].setup, setup, &case.faults[n]);
                }
                acted.set(acted.get() + hold_acts(case, n, before, &again));
                carried.set(carried.get() + hold_datagrams(case, n, settings, before, &again));
            }
        }
        for other in &runs[1..] {
            hold_common(case, &runs[0], other, true);
        }
        alone.set(alone.get() + hold_alone(case));
    });
    let [carried, acted, alone] = [carried, acted, alone].map(Cell::into_inner);
    assert!(
        carried > 500 && acted > 500 && alone > 200,
        "compared were {carried} datagrams, {acted} acts, {alone} designs"
    );
}

/// Each design is planned the same without the others. How many can be: without others, faults may have nobody to meet.
fn hold_alone(case: &Case) -> usize {
    let alone_too = (0..case.designs.len()).filter(|n| {
        let mut designs = case.designs.clone();
        designs.rotate_left(*n);
        let together = Case { designs, ..case.clone() }.fit_for_the_first();
        let alone = Case { designs: together.designs[..1].to_vec(), ..together.clone() };
        let setup = |case: &Case| {
            let options = Options { seed: Some(case.seed), ..Options::default() };
            let plan = read("test.ron", &case.text(), &options).ok()?;
            Some(format!("{:?}", plan.designs["first"].setup))
        };
        let Some(setup_alone) = setup(&alone) else { return false };
        assert_eq!(Some(setup_alone), setup(&together));
        true
    });
    alone_too.count()
}

/// The same faults with the same draws, but for the one that was removed.
fn hold_schedule(before: &Setup, again: &Setup, removed: &str) {
    // Of faults that say the same each has a stream of its own: which of them is gone is not told.
    let removed = removed.split_whitespace().collect::<Vec<&str>>().join(" ");
    let mut others = before.clone();
    others.faults.retain(|fault| fault.text != removed);
    assert_eq!(schedule(&others), schedule(again), "without {removed}");
}

/// What faults still do without the n-th one they did before, at the same instants. How many such acts were found.
fn hold_acts(case: &Case, n: usize, before: &Given, again: &Given) -> usize {
    // Whoever is down or paused cannot be so once more, and what waits for a fact may come at another time.
    let hides = ["Crash(", "TornWrite(", "RollingRestart(", "Pause("];
    if hides.iter().any(|kind| case.faults[n].contains(kind))
        || case.faults.iter().any(|fault| fault.contains("when:"))
    {
        return 0;
    }
    for act in &again.acts {
        assert!(before.acts.contains(act), "{act:?} without {}", case.faults[n]);
    }
    again.acts.len()
}

/// What both runs carried in datagrams had the same fate. How many there were.
fn hold_datagrams(case: &Case, n: usize, settings: &[String], before: &Given, again: &Given) -> usize {
    if !settings.iter().any(|setting| setting == "Udp" || setting.contains("Datagrams")) {
        return 0;
    }
    // What a fault does to links or to a process goes with it; one that waits for a fact may come at another time; any
    // other does the same to what is sent at the same time.
    let moves = |fault: &String| MOVES_ARRIVALS.iter().any(|kind| fault.trim_start().starts_with(kind));
    let is_timed = case.faults.iter().any(moves);
    let is_shifted = case.faults.iter().enumerate().any(|(other, fault)| {
        moves(fault) && (other == n || fault.contains("when:") || is_missed(fault, &case.faults[n]))
    });
    if is_shifted {
        return 0;
    }
    let mut compared = 0;
    for (which, passage) in &before.carried {
        let Some(other) = again.carried.get(which) else { continue };
        if is_timed && passage.sent_at != other.sent_at {
            continue;
        }
        assert!(passage.agrees(other), "{which:?}: {passage:?}, then {other:?}");
        compared += 1;
    }
    compared
}

/// The same workload, and the same work on what both have processed.
fn hold_common(case: &Case, one: &Given, other: &Given, same_handlers: bool) {
    if case.has("Think(") {
        // When a message comes depends on the one before: what it is does not.
        for (name, (_, key, size, luck)) in &one.published {
            let again = other.published.get(name).map(|(_, key, size, luck)| (key, size, luck));
            assert!(again.is_none_or(|again| again == (key, size, luck)), "{name:?}");
        }
    } else {
        assert_eq!(one.published, other.published);
    }
    // Tries in place draw anew, so that the first attempt's work is not told; pauses and slow machines stretch it.
    let other_work = ["RetryInPlace", "SlowNode(", "Pause("].into_iter().any(|text| case.has(text));
    if !same_handlers || other_work {
        return;
    }
    for (message, worked) in &one.worked {
        if let Some(again) = other.worked.get(message) {
            assert_eq!(worked, again, "the work of {message:?}");
        }
    }
}
