//! Queues: how many wait, and how long.

use crate::common::{plan, result};
use crate::csv::Params;
use crate::scenario::{Scenario, facts, figure};
use crate::verdict::{Figure, drawn, moments};
use redeliver_models::setup::Schedule;
use redeliver_models::{Ended, Fact};
use redeliver_sim::{Distribution, Span, Stream, unit};
use serde_json::Value;
use std::collections::BTreeMap;

/// Arrivals at random, so many a second on average, and one consumer that works so long.
fn single(rate: f64, work: &str, seconds: u32) -> Scenario {
    Scenario::new(seconds, format!(r#"schedule: Poisson("{rate}/s")"#), format!(r#"work: "{work}""#))
}

/// rho, L, W, Wq, and Lq as what is in the system less what is being served.
fn queue_figures(value: &Value, members: f64) -> Vec<Figure> {
    let (rho, l) = (figure(value, "utilisation"), figure(value, "backlog/mean"));
    vec![
        drawn("rho", rho),
        drawn("L", l),
        drawn("W", figure(value, "latency/mean")),
        drawn("Wq", figure(value, "waiting/mean")),
        drawn("Lq", l - rho * members),
    ]
}

pub(crate) fn exponential_server(params: &Params, seed: u64) -> Vec<Figure> {
    let work = format!("exp({}s)", 1.0 / params.number("mu"));
    let scenario = single(params.number("lam"), &work, 24_000);
    let value = scenario.consumer_figures(seed);
    let mut figures = queue_figures(&value, 1.0);
    let ended = scenario.ended(seed);
    let latency = &ended.world.checks().subscriptions[0].latency;
    figures.extend([
        drawn("W_p50", figure(&value, "latency/p50")),
        drawn("W_p99", figure(&value, "latency/p99")),
        drawn("P_W_gt_10", latency.share_above(10_000_000_000).expect("messages were processed")),
    ]);
    figures
}

pub(crate) fn exponential_server_at_half_load(params: &Params, seed: u64) -> Vec<Figure> {
    let work = format!("exp({}s)", 1.0 / params.number("mu"));
    let scenario = single(params.number("lam"), &work, 16_000);
    let mut figures = queue_figures(&scenario.consumer_figures(seed), 1.0);
    let shares = shares_of_time(&scenario.recorded(seed));
    figures.push(drawn("P_N_ge_5", shares[5..].iter().sum()));
    figures
}

/// By the number in the system, where ten stands for all above: its share of the measured time.
fn shares_of_time(ended: &Ended) -> Vec<f64> {
    let (from, to) = ended.world.shared().window;
    let (from, to) = (from.seconds(), to.seconds());
    let changes = facts(ended).filter_map(|(at, fact, _)| match fact {
        Fact::Stored { .. } => Some((at, 1)),
        Fact::Processed { .. } => Some((at, -1)),
        _ => None,
    });
    let (mut shares, mut number, mut since) = (vec![0.0; 11], 0_i32, from);
    for (at, change) in changes.chain([(to, 0)]) {
        let at = at.clamp(from, to);
        shares[number.min(10) as usize] += (at - since) / (to - from);
        (number, since) = (number + change, at);
    }
    assert_eq!(number, 0, "the run has ended with an empty queue");
    shares
}

pub(crate) fn several_servers(params: &Params, seed: u64) -> Vec<Figure> {
    let members = params.number("c");
    let schedule = format!(r#"schedule: Poisson("{}/s")"#, params.number("lam"));
    let consumer = format!(r#"members: {members}, work: "exp({}s)""#, 1.0 / params.number("mu"));
    let scenario = Scenario::new(5_000, schedule, consumer);
    let mut figures = queue_figures(&scenario.consumer_figures(seed), members);
    figures.push(drawn("P_wait", share_that_waits(&scenario.recorded(seed))));
    figures
}

/// Share of the messages whose work did not begin at the moment they came.
fn share_that_waits(ended: &Ended) -> f64 {
    let warm_up = ended.world.shared().window.0.seconds();
    let mut came = BTreeMap::new();
    let (mut all, mut waited) = (0.0, 0.0);
    for (at, fact, name) in facts(ended) {
        match fact {
            Fact::Published { .. } => {
                came.insert(name, at);
            }
            Fact::Processed { worked, .. } => {
                let since = came.remove(&name).expect("it was published before");
                if since >= warm_up {
                    all += 1.0;
                    waited += f64::from(u8::from(at - since > worked.as_seconds() + 1e-6));
                }
            }
            _ => {}
        }
    }
    waited / all
}

pub(crate) fn fixed_work(params: &Params, seed: u64) -> Vec<Figure> {
    let scenario = single(params.number("lam"), &format!("{}s", params.number("D")), 20_000);
    queue_figures(&scenario.consumer_figures(seed), 1.0)
}

pub(crate) fn fixed_work_number_in_system(params: &Params, seed: u64) -> Vec<Figure> {
    let scenario = single(params.number("lam"), &format!("{}s", params.number("D")), 30_000);
    let shares = shares_of_time(&scenario.recorded(seed));
    let quantities = ["p0", "p1", "p2", "p3"].into_iter().zip(&shares);
    let mut figures: Vec<Figure> = quantities.map(|(quantity, share)| drawn(quantity, *share)).collect();
    figures.push(drawn("P_N_ge_10", shares[10]));
    figures
}

/// Two kinds of messages: most are quick, some slow.
pub(crate) fn hyperexponential_server(params: &Params, seed: u64) -> Vec<Figure> {
    let quick = format!("exp({}s)", params.at("means", 0));
    let (chance, slow) = (100.0 * params.at("p", 1), params.at("means", 1));
    let faults = format!(r#"SlowHandler(chance: "{chance}%", work: "exp({slow}s)")"#);
    let scenario = single(params.number("lam"), &quick, 60_000).faults(faults);
    queue_figures(&scenario.consumer_figures(seed), 1.0)
}

/// Two exponential spans, one after the other: the work's own, and one that its size takes.
pub(crate) fn erlang_server(params: &Params, seed: u64) -> Vec<Figure> {
    assert_eq!(params.number("k"), 2.0);
    let producer = format!(r#"schedule: Poisson("{}/s"), size: "exp(500 kB)""#, params.number("lam"));
    let scenario = Scenario::new(24_000, producer, r#"work: "exp(0.5s) + 1 MB/s""#);
    queue_figures(&scenario.consumer_figures(seed), 1.0)
}

/// Every second of twice as many messages: two receivers take turns, and to each of them the spans between two are the
/// sum of two exponential ones.
pub(crate) fn erlang_arrivals(params: &Params, seed: u64) -> Vec<Figure> {
    let members = 2.0;
    let producer = format!(r#"schedule: Poisson("{}/s")"#, members * params.number("lam"));
    let consumer = format!(r#"members: {members}, work: "exp({}s)""#, 1.0 / params.number("mu"));
    let scenario =
        Scenario::new(10_000, producer, consumer).design(r#"Udp(share: RoundRobin, receive_buffer: "0 B")"#);
    let value = scenario.consumer_figures(seed);
    let waits = share_that_waits(&scenario.recorded(seed));
    vec![
        drawn("sigma", waits),
        drawn("P_wait", waits),
        drawn("W", figure(&value, "latency/mean")),
        drawn("Wq", figure(&value, "waiting/mean")),
        drawn("L", figure(&value, "backlog/mean") / members),
    ]
}

/// Batches at random, each of a geometric number of messages. The times of so many are put into the plan, not into
/// the text.
pub(crate) fn batch_arrivals(params: &Params, seed: u64) -> Vec<Figure> {
    let seconds = 60_000;
    let gap = Distribution::Exponential { mean: 1e9 / params.number("batch_rate") };
    let mut stream = Stream::new(seed, "batches");
    let (mut at, mut times) = (0, Vec::new());
    while at < u64::from(seconds) * 1_000_000_000 {
        at += gap.sample(stream.draw());
        times.push(Span(at));
        while unit(stream.draw()) > 1.0 / params.number("mean_batch") {
            times.push(Span(at));
        }
    }
    let work = format!(r#"work: "exp({}s)""#, 1.0 / params.number("mu"));
    let mut plan = plan(&Scenario::new(seconds, r#"schedule: At(["0s"])"#, work).text(), seed);
    plan.designs["d"].setup.producers[0].schedule = Schedule::At(times);
    queue_figures(&result(&plan)["designs"]["d"]["consumers"]["c"], 1.0)
}

/// A consumer that asks for one message after the other, and goes away for a while when there is none (short polling).
pub(crate) fn polling(params: &Params, seed: u64) -> Vec<Figure> {
    let wait = |pause: String| {
        let sqs = format!(
            r#"Sqs(queues: {{"c": {{"VisibilityTimeout": 43200}}}}, clients: {{"*": (poll_pause: "{pause}")}})"#
        );
        let work = format!("exp({}s)", 1.0 / params.number("mu"));
        let scenario = single(params.number("lam"), &work, 20_000).design(sqs);
        figure(&scenario.nodes(r#""brokers": (disk: (sync: "0s"))"#).consumer_figures(seed), "waiting/mean")
    };
    let away = params.number("V");
    vec![drawn("Wq_fixed", wait(format!("{away}s"))), drawn("Wq_exponential", wait(format!("exp({away}s)")))]
}

/// The first stage is the broker's wire: a message of exponential size takes its time; the second stage works.
pub(crate) fn tandem(params: &Params, seed: u64) -> Vec<Figure> {
    let producer = format!(r#"schedule: Poisson("{}/s"), size: "exp(1 MB)""#, params.number("lam"));
    let work = format!(r#"work: "exp({}s)""#, 1.0 / params.at("mu", 1));
    let bandwidth = params.at("mu", 0);
    let wire = format!(r#"links: [(from: "producers", to: "brokers", bandwidth: "{bandwidth} MB/s")]"#);
    let ended = Scenario::new(16_000, producer, work).network(wire).recorded(seed);
    let warm_up = ended.world.shared().window.0.seconds();
    let (mut began, mut last) = (BTreeMap::new(), 0.0);
    let (mut first, mut second, mut gaps) = (Vec::new(), Vec::new(), Vec::new());
    for (at, fact, name) in facts(&ended) {
        match fact {
            Fact::Published { .. } => {
                began.insert(name, at);
            }
            Fact::Stored { .. } => {
                let since = began.insert(name, at).expect("it was published before");
                if since >= warm_up {
                    first.push(at - since);
                    gaps.push(at - last);
                }
                last = at;
            }
            Fact::Processed { .. } => second.push(at - began.remove(&name).expect("it was stored before")),
            _ => {}
        }
    }
    let second = &second[second.len() - first.len()..];
    let (w1, w2) = (moments(&first).0, moments(second).0);
    let (gap, deviation) = moments(&gaps);
    let cv = deviation / gap;
    vec![drawn("W1", w1), drawn("W2", w2), drawn("W_total", w1 + w2), drawn("cv2_departures", cv * cv)]
}

/// A log's consumer tries again in place: a geometric number of attempts, each of the same length.
pub(crate) fn retries_in_place(params: &Params, seed: u64) -> Vec<Figure> {
    let (attempt, p) = (params.number("D"), params.number("p"));
    let producer = format!(r#"schedule: Poisson("{}/s")"#, params.number("lam"));
    let consumer = format!(r#"work: "{attempt}s", on_failure: RetryInPlace("0s")"#);
    let value = Scenario::new(20_000, producer, consumer)
        .design("Log(retention_age: \"1000d\")")
        .faults(geometric_failures(p))
        .consumer_figures(seed);
    let (rho, l) = (figure(&value, "utilisation"), figure(&value, "backlog/mean"));
    let (w, wq) = (figure(&value, "latency/mean"), figure(&value, "waiting/mean"));
    vec![drawn("rho", rho), drawn("L", l), drawn("W", w), drawn("Wq", wq), drawn("Lq", l - rho)]
}

/// Handlers that fail `n` times on a message with chance (1 - p) p^n. Of several that match the first counts, so each
/// has its chance among the messages that are left to it.
fn geometric_failures(p: f64) -> String {
    let (mut left, mut chance, mut faults) = (1.0, 1.0 - p, String::new());
    for n in 1..=12 {
        chance *= p;
        faults += &format!(r#"FailingHandler(chance: "{:.9}%", times: {n}),"#, 100.0 * chance / left);
        left -= chance;
    }
    faults
}

/// Two subscriptions work on every message side by side; it is done when both have.
pub(crate) fn fork_and_join(params: &Params, seed: u64) -> Vec<Figure> {
    let work = format!("exp({}s)", 1.0 / params.number("mu"));
    let other = format!(r#"work: "{work}") , "e": (read: "t", work: "{work}""#);
    let producer = format!(r#"schedule: Poisson("{}/s")"#, params.number("lam"));
    let ended = Scenario::new(24_000, producer, other).recorded(seed);
    let warm_up = ended.world.shared().window.0.seconds();
    let (mut published, mut done) = (BTreeMap::new(), BTreeMap::new());
    let mut spans = Vec::new();
    for (at, fact, name) in facts(&ended) {
        match fact {
            Fact::Published { .. } => {
                published.insert(name, at);
            }
            Fact::Processed { .. } if done.insert(name, at).is_some() => {
                let since = published[&name];
                if since >= warm_up {
                    spans.push(at - since);
                }
            }
            _ => {}
        }
    }
    vec![drawn("W", moments(&spans).0)]
}
