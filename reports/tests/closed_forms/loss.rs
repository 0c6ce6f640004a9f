//! Losses: full queues, messages that wait too long, lossy links, and what retries make of them.

use crate::csv::Params;
use crate::scenario::{Scenario, count, facts, figure, queue};
use crate::verdict::{Figure, drawn, moments};
use redeliver_models::Fact;
use std::collections::BTreeMap;

/// A queue that holds so many messages at most, the one in service included, and refuses the rest.
pub(crate) fn bounded_queue(params: &Params, seed: u64) -> Vec<Figure> {
    let producer = format!(r#"schedule: Poisson("{}/s")"#, params.number("lam"));
    let work = format!(r#"work: "exp({}s)""#, 1.0 / params.number("mu"));
    let room = format!("max_length: {}, overflow: RejectPublish", params.number("K") - 1.0);
    let value = Scenario::new(20_000, producer, work).design(queue(&room)).consumer_figures(seed);
    vec![
        drawn("P_loss", figure(&value, "lost/by_cause/queue_overflow") / figure(&value, "addressed")),
        drawn("throughput", figure(&value, "throughput")),
        drawn("L", figure(&value, "backlog/mean")),
        drawn("W_accepted", figure(&value, "latency/mean")),
    ]
}

/// As many consumers as fit, and no queue; the law of the work does not matter, so each seed takes another.
pub(crate) fn no_queue(params: &Params, seed: u64) -> Vec<Figure> {
    let work = ["exp(1s)", "uniform(0s, 2s)", "1s"][seed as usize % 3];
    let producer = format!(r#"schedule: Poisson("{}/s")"#, params.number("a"));
    let consumer = format!(r#"members: {}, work: "{work}""#, params.number("c"));
    let design = queue("max_length: 0, overflow: RejectPublish");
    let value = Scenario::new(2_000, producer, consumer).design(design).consumer_figures(seed);
    vec![drawn("P_loss", figure(&value, "lost/by_cause/queue_overflow") / figure(&value, "addressed"))]
}

pub(crate) fn time_to_live(params: &Params, seed: u64) -> Vec<Figure> {
    let producer = format!(r#"schedule: Poisson("{}/s")"#, params.number("lam"));
    let work = format!(r#"work: "exp({}s)""#, 1.0 / params.number("mu"));
    let design = queue(&format!(r#"message_ttl: "{}s""#, params.number("ttl")));
    let value = Scenario::new(20_000, producer, work).design(design).consumer_figures(seed);
    vec![
        drawn("P_loss", figure(&value, "lost/by_cause/ttl") / figure(&value, "addressed")),
        drawn("P_idle", 1.0 - figure(&value, "utilisation")),
    ]
}

/// Several producers, each with its own thousand datagrams.
pub(crate) fn datagrams(params: &Params, seed: u64) -> Vec<Figure> {
    const PRODUCERS: usize = 200;
    const BLOCKS: usize = 10;
    let n = params.number("n");
    let producer = format!(r#"members: {PRODUCERS}, schedule: Every("1ms"), count: {n}"#);
    let loss = format!(r#"loss: "{}%""#, 100.0 * params.number("p"));
    let scenario = Scenario::new(10, producer, "").network(loss).design("Udp()");
    let ended = Scenario { keep: 100_000, ..scenario }.ended(seed);
    let mut lost = vec![[0.0; BLOCKS]; PRODUCERS];
    for ((source, number, _), ..) in &ended.world.checks().subscriptions[0].lost {
        lost[*source as usize][(*number as usize - 1) * BLOCKS / n as usize] += 1.0;
    }
    let (mean, deviation) = moments(&lost.iter().map(|blocks| blocks.iter().sum()).collect::<Vec<f64>>());
    // None of a thousand is too rare to be seen: none of the first hundred, and none of the second, and so on.
    let unharmed = |block: usize| lost.iter().filter(|blocks| blocks[block] == 0.0).count() as f64;
    let none: f64 = (0..BLOCKS).map(|block| unharmed(block) / PRODUCERS as f64).product();
    vec![drawn("expected_lost", mean), drawn("sd", deviation), drawn("P_none_lost", none)]
}

/// A datagram at each step of a bursty link. When the link is bad does not depend on what it loses then: where it
/// loses all when bad and none when good, its state shows.
pub(crate) fn bursts(params: &Params, seed: u64) -> Vec<Figure> {
    const COUNT: usize = 50_000;
    let lost = |good: f64, bad: f64| {
        let percent = |share: f64| format!("\"{}%\"", 100.0 * share);
        let (to_bad, to_good) = (percent(params.number("p")), percent(params.number("r")));
        let (good, bad) = (percent(good), percent(bad));
        let chain = format!("to_bad: {to_bad}, to_good: {to_good}, loss_good: {good}, loss_bad: {bad}");
        let producer = format!(r#"schedule: Every("1ms"), count: {COUNT}"#);
        let network = format!(r#"burst_loss: GilbertElliott({chain}, step: "1ms")"#);
        let scenario = Scenario::new(100, producer, "").network(network).design("Udp()");
        let ended = Scenario { keep: COUNT as u32, ..scenario }.ended(seed);
        let mut lost = vec![0.0; COUNT];
        for ((_, number, _), ..) in &ended.world.checks().subscriptions[0].lost {
            lost[*number as usize - 1] = 1.0;
        }
        lost
    };
    let pairs = |of: &[f64]| of.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>();
    let (bad, losses) = (lost(0.0, 1.0), lost(params.number("loss_g"), params.number("loss_b")));
    let (mean, deviation) = moments(&bad);
    let begun = bad.windows(2).filter(|pair| pair[0] < pair[1]).count() as f64;
    let both = pairs(&bad) / (COUNT - 1) as f64;
    let lost_all: f64 = losses.iter().sum();
    vec![
        drawn("pi_B", mean),
        drawn("loss", lost_all / COUNT as f64),
        drawn("mean_bad_run", bad.iter().sum::<f64>() / begun),
        drawn("P_loss_after_loss", pairs(&losses) / lost_all),
        drawn("state_autocorr_lag1", (both - mean * mean) / (deviation * deviation)),
    ]
}

/// What a publisher of 25,000 messages and its broker went through, with datagrams that are lost each way with these
/// chances, and so many retries.
struct Retries {
    sends: f64,
    stored: f64,
    /// Shares of the messages that were never stored; given up; stored and given up; stored more than once.
    lost: f64,
    given_up: f64,
    false_failure: f64,
    duplicated: f64,
}

fn retries(to_broker: f64, back: f64, retries: f64, seed: u64) -> Retries {
    let link = |from: &str, to: &str, loss: f64| {
        format!(r#"(from: "{from}", to: "{to}", loss: "{}%")"#, 100.0 * loss)
    };
    let (there, back) = (link("producers", "brokers", to_broker), link("brokers", "producers", back));
    let design = format!(
        r#"Queue(transport: Datagrams, redeliver_after: "1s", retries: {retries}, confirm_timeout: "10ms", durable: false)"#
    );
    let ended = Scenario::new(25, r#"schedule: Every("1ms")"#, "")
        .network(format!("links: [{there}, {back}]"))
        .design(design)
        .recorded(seed);
    // By message: how often it was stored, and whether the publisher gave up.
    let mut messages: BTreeMap<_, (u32, bool)> = BTreeMap::new();
    let mut sends = 0.0;
    for (_, fact, name) in facts(&ended) {
        let message = messages.entry(name).or_default();
        match fact {
            Fact::Published { .. } | Fact::Resent { .. } => sends += 1.0,
            Fact::Stored { .. } => message.0 += 1,
            Fact::GaveUp { .. } => message.1 = true,
            _ => {}
        }
    }
    let n = messages.len() as f64;
    let share = |which: &dyn Fn(u32, bool) -> bool| {
        messages.values().filter(|(stored, given_up)| which(*stored, *given_up)).count() as f64 / n
    };
    Retries {
        sends: sends / n,
        stored: messages.values().map(|(stored, _)| f64::from(*stored)).sum::<f64>() / n,
        lost: share(&|stored, _| stored == 0),
        given_up: share(&|_, given_up| given_up),
        false_failure: share(&|stored, given_up| stored > 0 && given_up),
        duplicated: share(&|stored, _| stored > 1),
    }
}

pub(crate) fn retries_with_perfect_acks(params: &Params, seed: u64) -> Vec<Figure> {
    let found = retries(params.number("p"), 0.0, params.number("r"), seed);
    vec![drawn("P_lost", found.lost), drawn("E_sends", found.sends)]
}

pub(crate) fn retries_with_lost_acks(params: &Params, seed: u64) -> Vec<Figure> {
    let found = retries(params.number("p"), params.number("q"), params.number("r"), seed);
    vec![
        drawn("P_lost", found.lost),
        drawn("P_sender_gives_up", found.given_up),
        drawn("P_delivered_but_reported_failed", found.false_failure),
        drawn("E_sends", found.sends),
        drawn("E_deliveries", found.stored),
        drawn("P_duplicate", found.duplicated),
    ]
}

/// The next message is sent when the one before is confirmed. Losses as in row L05.
pub(crate) fn stop_and_wait(params: &Params, seed: u64) -> Vec<Figure> {
    const MESSAGES: f64 = 5_000.0;
    let design = format!(
        r#"Queue(transport: Datagrams, redeliver_after: "1h", window: 1, confirm_timeout: "{}s", durable: false)"#,
        params.number("rto")
    );
    let one_way = format!(r#"latency: "{}s", loss: "5%""#, params.number("rtt") / 2.0);
    let links = format!(
        r#"links: [(from: "producers", to: "brokers", {one_way}), (from: "brokers", to: "producers", {one_way})]"#
    );
    let producer = format!(r#"schedule: Every("1ms"), count: {MESSAGES}"#);
    let ended = Scenario::new(10, producer, "")
        .network(format!(r#"jitter: "0s", {links}"#))
        .design(design)
        .recorded(seed);
    let confirmed = facts(&ended).filter(|(_, fact, _)| matches!(fact, Fact::Confirmed { .. }));
    vec![drawn("seconds", confirmed.last().expect("all are confirmed").0 / MESSAGES)]
}

pub(crate) fn poison(params: &Params, seed: u64) -> Vec<Figure> {
    let faults = format!(r#"Poison(chance: "{}%")"#, 100.0 * params.number("f"));
    let design = queue(&format!("delivery_limit: {}", params.number("k") - 1.0));
    let ended =
        Scenario::new(10, r#"schedule: Every("1ms")"#, "").faults(faults).design(design).recorded(seed);
    let delivered = count(&ended, |fact| matches!(fact, Fact::Delivered { .. }));
    let published = count(&ended, |fact| matches!(fact, Fact::Published { .. }));
    vec![drawn("deliveries_per_msg", delivered / published)]
}

/// Every consumer's own delay is evenly spread: its 99th percentile is known.
pub(crate) fn slow_of_many(params: &Params, seed: u64) -> Vec<Figure> {
    let consumer = format!("members: {}", params.number("n"));
    let ended = Scenario::new(50, r#"schedule: Every("100ms")"#, consumer)
        .network(r#"jitter: "uniform(0ms, 100ms)""#)
        .design("Udp(share: All)")
        .recorded(seed);
    let p99 = 0.1 * (1.0 - params.number("p"));
    let mut published = BTreeMap::new();
    for (at, fact, name) in facts(&ended) {
        match fact {
            Fact::Published { .. } => {
                published.insert(name, (at, false));
            }
            Fact::Processed { .. } => {
                let (since, slow) = published.get_mut(&name).expect("it was published before");
                *slow |= at - *since > p99;
            }
            _ => {}
        }
    }
    let slow = published.values().filter(|(_, slow)| *slow).count();
    vec![drawn("P", slow as f64 / published.len() as f64)]
}
