//! What is drawn of faults depends on what each of them says: which others there are changes no time and no node. And a
//! design's facts do not depend on which others there are.

use crate::common::{design, plan};
use crate::facts;
use redeliver_models::checks::{Event, Recorded};
use redeliver_sim::{News, NodeId, Time};

/// Random faults, of which none keeps another from acting, and the news by which each is known.
const FAULTS: [(&str, News); 11] = [
    (r#"Crash(node: "c/1", every: "exp(1s)", restart_after: "1ms")"#, News::Crashed),
    (r#"MachineCrash(node: "c/2", every: "exp(1s)", restart_after: "1ms")"#, News::MachineCrashed),
    (r#"RollingRestart(nodes: "c/3", every: "exp(1s)", down: "1ms", pause: "1ms")"#, News::Stopped),
    (r#"Pause(node: "c/4", every: "exp(1s)", lasts: "1ms")"#, News::Paused),
    (r#"SlowNode(node: "c/5", every: "exp(1s)", factor: 2, lasts: "1ms")"#, News::Slowed),
    (r#"DiskStall(node: "brokers", every: "exp(1s)", lasts: "1ms")"#, News::DiskStalled),
    (r#"DiskSlow(node: "brokers", every: "exp(1s)", factor: 2, lasts: "1ms")"#, News::DiskSlowed),
    (r#"SyncLies(node: "brokers", every: "exp(1s)", lasts: "1ms")"#, News::SyncsLie),
    (r#"DiskFull(node: "brokers", every: "exp(1s)", lasts: "1ms")"#, News::DiskFilled),
    (r#"Partition(shape: One, every: "exp(1s)", lasts: "1ms")"#, News::PartitionBegan),
    (r#"Swizzle(over: "1ms", every: "exp(1s)")"#, News::ImpairmentBegan),
];

/// One of each kind.
const DESIGNS: [&str; 4] = [
    r#""datagrams": Udp()"#,
    r#""webhook": Webhook()"#,
    r#""queue": Queue(prefetch: 10)"#,
    r#""log": Log(partitions: 2)"#,
];

fn scenario(faults: &[&str], designs: &[&str]) -> String {
    format!(
        r#"(
    format: 1,
    title: "Random faults",
    run: (duration: "20s", drain: "20s"),
    producers: {{"p": (publish: "t", members: 2, schedule: Poisson("5/s"))}},
    consumers: {{"c": (read: "t", members: 5, work: "exp(20ms)")}},
    network: (latency: "1ms", jitter: "exp(2ms)", loss: "2%"),
    faults: [{}],
    designs: {{{}}},
)"#,
        faults.join(", "),
        designs.join(", ")
    )
}

/// All but the n-th.
fn without<T: Copy>(all: &[T], n: usize) -> Vec<T> {
    [&all[..n], &all[n + 1..]].concat()
}

fn facts_of(faults: &[&str], designs: &[&str], name: &str) -> Vec<Recorded> {
    facts(&design(&plan(&scenario(faults, designs), 42), name).setup)
}

/// When there was such news, and of whom.
fn acts(facts: &[Recorded], news: News) -> Vec<(Time, NodeId)> {
    let such = facts.iter().filter(|entry| entry.event == Event::News(news));
    such.map(|entry| (entry.at, entry.node)).collect()
}

#[test]
fn a_fault_acts_when_and_where_it_would_without_the_others() {
    let queue = &DESIGNS[2..3];
    let faults = FAULTS.map(|(fault, _)| fault);
    let whole = facts_of(&faults, queue, "queue");
    for n in 0..FAULTS.len() {
        let rest = facts_of(&without(&faults, n), queue, "queue");
        assert_eq!(acts(&rest, FAULTS[n].1), [], "without {}", faults[n]);
        for (fault, news) in without(&FAULTS, n) {
            let acts = [&whole, &rest].map(|facts| acts(facts, news));
            assert!(acts[0].len() > 5, "{fault} acts {} times", acts[0].len());
            assert_eq!(acts[0], acts[1], "{fault}, without {}", faults[n]);
        }
    }
}

#[test]
fn a_design_does_the_same_without_the_others() {
    let faults = FAULTS.map(|(fault, _)| fault);
    for (n, name) in ["datagrams", "webhook", "queue", "log"].into_iter().enumerate() {
        let whole = facts_of(&faults, &DESIGNS, name);
        assert!(whole.len() > 500, "{name} has {} facts", whole.len());
        for other in (0..DESIGNS.len()).filter(|other| *other != n) {
            assert!(
                whole == facts_of(&faults, &without(&DESIGNS, other), name),
                "{name} without {}",
                DESIGNS[other]
            );
        }
    }
}
