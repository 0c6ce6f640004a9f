//! The answer in a sentence: which design broke which guarantee, how often, and how the others compare.

use crate::figures;
use crate::format::{self, counted, listed, times};
use crate::result::{ConsumerResult, DesignResult, Guarantee, Verdict};
use crate::show::Findings;
use crate::summary::{self, GUARANTEES, guarantee_words};

/// Designs may differ so much in their p99 before the answer mentions it.
const WORTH_SAYING: f64 = 2.0;

/// A message that came back so often goes round in a loop.
const LOOP: u64 = 100;

/// Deliveries of one message are counted so far.
const COUNTED_MAX: u64 = u16::MAX as u64;

/// A true sentence about the result; two, if expectations are broken.
pub fn answer(findings: &Findings) -> String {
    let mut parts: Vec<String> = Vec::new();
    let expect = &findings.result.expect;
    let broken = expect.iter().filter(|line| line.verdict == Verdict::Broken).count();
    if broken > 0 {
        let verb = if broken == 1 { "is" } else { "are" };
        parts.push(format!("{broken} of {} {verb} broken.", counted(expect.len() as u64, "expectation")));
    }
    for (name, design) in &findings.result.designs {
        if let Some(reason) = &design.stopped {
            parts.push(format!("{name} was stopped before its end ({}).", reason.trim_end_matches('.')));
        }
    }
    parts.extend(findings.result.designs.iter().filter_map(|(name, design)| requeue_loop(name, design)));
    parts.push(match findings.result.designs.is_empty() {
        true => "There is no design to compare.".into(),
        false if findings.result.designs.values().any(breaks) => broken_sentence(findings),
        false => unbroken_sentence(findings),
    });
    parts.join(" ")
}

/// `rabbit delivered poison 998 times, 3,300 times a second, and got it back each time: a requeue loop. …`
fn requeue_loop(name: &str, design: &DesignResult) -> Option<String> {
    let all = design.consumers.values().map(|consumer| &consumer.most_returned);
    let most = all.max_by_key(|most| most.deliveries).filter(|most| most.deliveries >= LOOP)?;
    let (message, deliveries) = (most.message.as_ref()?, format::count(most.deliveries));
    let at_least = if most.deliveries >= COUNTED_MAX { "at least " } else { "" };
    let rate = most.rate.filter(|rate| *rate >= 1.0);
    let rate = rate.map_or(String::new(), |rate| format!(" {} times a second,", format::count(rate as u64)));
    Some(format!(
        "{name} delivered {message} {at_least}{deliveries} times,{rate} and got it back each time: a requeue loop, which \
         only a delivery limit, a dead letter or a pause before the next try would end."
    ))
}

fn breaks(design: &DesignResult) -> bool {
    design.guarantees.values().flat_map(|all| all.values()).any(is_broken)
}

fn is_broken(guarantee: &Guarantee) -> bool {
    guarantee.verdict == Verdict::Broken
}

/// `queue (the baseline) broke the order per key once; log kept it, at a p99 of 45 s against 5.2 s.`
fn broken_sentence(findings: &Findings) -> String {
    let designs = &findings.result.designs;
    let at_stake: Vec<&str> = summary::guarantees(findings)
        .into_iter()
        .filter(|name| designs.values().any(|design| standing(design, name) == Some(Verdict::Broken)))
        .collect();
    let mut clauses: Vec<(String, Vec<String>)> = Vec::new();
    let (broken, clean): (Vec<_>, Vec<_>) =
        designs.iter().enumerate().partition(|(_, (_, design))| breaks(design));
    let compared = broken.iter().map(|(index, _)| *index).find(|index| *index == findings.baseline);
    let compared = compared.or(broken.first().map(|(index, _)| *index));
    let count = broken.len();
    let mut wheres: Vec<String> = broken.iter().map(|(_, (_, design))| places(design)).collect();
    wheres.dedup();
    let common = match wheres.as_slice() {
        [only] => only.strip_prefix(" for ").map(str::to_string),
        _ => None,
    };
    for (index, (name, design)) in broken {
        let place = if common.is_some() { String::new() } else { places(design) };
        group(&mut clauses, broken_clause(design) + &place, subject(findings, index, name));
    }
    for (index, (name, design)) in clean {
        let mut clause = kept_clause(design, &at_stake);
        let kept = at_stake.iter().all(|name| standing(design, name) == Some(Verdict::Holds));
        if let Some(price) = compared.filter(|_| kept).and_then(|compared| price(findings, index, compared)) {
            clause += &price;
        }
        group(&mut clauses, clause, subject(findings, index, name));
    }
    let mut lead = match designs.len() {
        0..=3 => String::new(),
        all if all == count => format!("all {all} designs broke a guarantee: "),
        all => format!("{count} of {all} designs broke a guarantee: "),
    };
    if let Some(place) = common {
        lead = format!("In {place} {lead}");
    }
    let clauses: Vec<String> =
        clauses.iter().map(|(clause, names)| format!("{} {clause}", each(names))).collect();
    format!("{lead}{}.", clauses.join("; "))
}

fn group(clauses: &mut Vec<(String, Vec<String>)>, clause: String, name: String) {
    match clauses.iter_mut().find(|(known, _)| *known == clause) {
        Some((_, names)) => names.push(name),
        None => clauses.push((clause, vec![name])),
    }
}

fn each(names: &[String]) -> String {
    if names.len() > 1 { format!("{} each", listed(names)) } else { listed(names) }
}

fn subject(findings: &Findings, index: usize, name: &str) -> String {
    let baseline = index == findings.baseline && findings.result.designs.len() > 1;
    if baseline { format!("{name} (the baseline)") } else { name.to_string() }
}

/// `lost 12 messages, 3 of them confirmed, had 4 duplicates and broke the order per key twice`.
fn broken_clause(design: &DesignResult) -> String {
    let count = |name: &str| -> u64 {
        let found = design.guarantees.values().filter_map(|all| all.get(name));
        found.filter(|guarantee| is_broken(guarantee)).map(|guarantee| guarantee.count).sum()
    };
    let mut parts = Vec::new();
    match (count("no_loss"), count("no_confirmed_loss")) {
        (0, 0) => {}
        (0, confirmed) => parts.push(format!("lost {}", counted(confirmed, "confirmed message"))),
        (lost, 0) if lost == refused(design) => {
            parts.push(format!(
                "lost {} ({})",
                counted(lost, "message"),
                if lost == 1 { "refused" } else { "all refused" }
            ));
        }
        (lost, 0) => parts.push(format!("lost {}", counted(lost, "message"))),
        (1, _) => parts.push("lost 1 message (confirmed)".into()),
        (lost, all) if lost == all => {
            parts.push(format!("lost {} (all confirmed)", counted(lost, "message")))
        }
        (lost, some) => {
            parts.push(format!("lost {} ({} confirmed)", counted(lost, "message"), format::count(some)))
        }
    }
    if count("no_duplicates") > 0 {
        parts.push(format!("had {}", counted(count("no_duplicates"), "duplicate")));
    }
    let orders =
        [("per key", "order_per_key"), ("per producer", "order_per_producer"), ("as stored", "order_stored")];
    let orders: Vec<(&str, u64)> = orders.into_iter().map(|(words, name)| (words, count(name))).collect();
    let orders: Vec<(&str, u64)> = orders.into_iter().filter(|(_, count)| *count > 0).collect();
    if let [(_, first), ..] = orders.as_slice() {
        let same = orders.iter().all(|(_, count)| count == first);
        let words: Vec<String> = match same {
            true => orders.iter().map(|(words, _)| (*words).to_string()).collect(),
            false => orders.iter().map(|(words, count)| format!("{words} {}", times(*count))).collect(),
        };
        let often = if same { format!(" {}", times(*first)) } else { String::new() };
        parts.push(format!("broke the order {}{often}", listed(&words)));
    }
    for name in names_of(design).into_iter().filter(|name| !GUARANTEES.contains(name) && count(name) > 0) {
        parts.push(format!("broke {} {}", guarantee_words(name), times(count(name))));
    }
    if parts.is_empty() { "broke a guarantee".into() } else { listed(&parts) }
}

/// Losses that the producer was told of.
fn refused(design: &DesignResult) -> u64 {
    design.consumers.values().filter_map(|consumer| consumer.lost.by_cause.get("refused")).sum()
}

/// Which subscriptions are meant, if there are several.
fn places(design: &DesignResult) -> String {
    let broken = design.guarantees.iter().filter(|(_, all)| all.values().any(is_broken));
    let broken: Vec<&str> = broken.map(|(consumer, _)| consumer.as_str()).collect();
    match (design.consumers.len(), broken.as_slice()) {
        (0 | 1, _) => String::new(),
        (_, [only]) => format!(" for {only}"),
        (all, some) => format!(" over {} of {all} subscriptions", some.len()),
    }
}

fn names_of(design: &DesignResult) -> Vec<&str> {
    let mut names: Vec<&str> =
        design.guarantees.values().flat_map(|all| all.keys()).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The worst that a guarantee came to over a design's subscriptions.
fn standing(design: &DesignResult, name: &str) -> Option<Verdict> {
    let found: Vec<Verdict> =
        design.guarantees.values().filter_map(|all| Some(all.get(name)?.verdict)).collect();
    [Verdict::Broken, Verdict::NotDecided, Verdict::Holds, Verdict::NotExercised]
        .into_iter()
        .find(|verdict| found.contains(verdict))
}

/// What a design that broke nothing did with what others broke.
fn kept_clause(design: &DesignResult, at_stake: &[&str]) -> String {
    let untested: Vec<&&str> =
        at_stake.iter().filter(|name| standing(design, name) != Some(Verdict::Holds)).collect();
    let pronoun = if at_stake.len() == 1 { "it" } else { "them" };
    let clause = match untested.len() {
        0 => kept(at_stake).into(),
        all if all == at_stake.len() => format!("broke nothing, but did not exercise {pronoun}"),
        _ => {
            let words: Vec<String> = untested.into_iter().map(|name| guarantee_words(name)).collect();
            format!("broke nothing, but did not exercise {}", listed(&words))
        }
    };
    match leftovers(design) {
        Some(left) => format!("{clause}, with {left}"),
        None => clause,
    }
}

/// What others lost or repeated is not what is kept.
fn kept(at_stake: &[&str]) -> &'static str {
    let is_order = |name: &&str| !matches!(*name, "no_loss" | "no_confirmed_loss" | "no_duplicates");
    match at_stake {
        ["no_duplicates"] => "had none",
        all if all.contains(&"no_duplicates") => "broke nothing",
        all if !all.iter().any(is_order) => "lost none",
        all if !all.iter().all(is_order) => "broke nothing",
        [_] => "kept it",
        _ => "kept them",
    }
}

/// Messages that are neither processed nor lost: `12 messages still pending and 1 dead-lettered`.
fn leftovers(design: &DesignResult) -> Option<String> {
    let sum = |read: fn(&ConsumerResult) -> u64| -> u64 { design.consumers.values().map(read).sum() };
    let (pending, aside) = (sum(|consumer| consumer.pending), sum(|consumer| consumer.dead_lettered));
    match (pending, aside) {
        (0, 0) => None,
        (_, 0) => Some(format!("{} still pending", counted(pending, "message"))),
        (0, _) => Some(format!("{} dead-lettered", counted(aside, "message"))),
        _ => Some(format!(
            "{} still pending and {} dead-lettered",
            counted(pending, "message"),
            format::count(aside)
        )),
    }
}

/// What keeping the guarantee cost, if it is a lot: `, at a p99 of 45 s against 5.2 s`.
fn price(findings: &Findings, index: usize, compared: usize) -> Option<String> {
    let (own, other) = (p99_worst(findings, index)?, p99_worst(findings, compared)?);
    (own >= WORTH_SAYING * other)
        .then(|| format!(", at a p99 of {} against {}", format::seconds(own), format::seconds(other)))
}

fn p99_worst(findings: &Findings, index: usize) -> Option<f64> {
    let (_, design) = findings.result.designs.get_index(index)?;
    design.consumers.values().filter_map(|consumer| consumer.latency.p99).reduce(f64::max)
}

/// Nothing was broken: what held, what was not put to the test, and what the designs differ in.
fn unbroken_sentence(findings: &Findings) -> String {
    let designs = &findings.result.designs;
    let standings = |name: &str| -> Vec<Option<Verdict>> {
        designs.values().map(|design| standing(design, name)).collect()
    };
    let (mut held, mut untested, mut mixed) = (Vec::new(), Vec::new(), Vec::new());
    for name in summary::guarantees(findings) {
        let all = standings(name);
        let words = guarantee_words(name);
        if all.iter().all(|verdict| *verdict == Some(Verdict::Holds)) {
            held.push(words);
        } else if !all.contains(&Some(Verdict::Holds)) {
            untested.push(words);
        } else {
            let tested = designs.iter().filter(|(_, design)| standing(design, name) == Some(Verdict::Holds));
            let tested: Vec<&str> = tested.map(|(design, _)| design.as_str()).collect();
            mixed.push(format!("{words} held in {} and was not exercised elsewhere", listed(&tested)));
        }
    }
    let mut clauses = Vec::new();
    let scope = match designs.len() {
        1 => String::new(),
        2 => " in both designs".into(),
        all => format!(" in all {all} designs"),
    };
    let tested = !held.is_empty() || !mixed.is_empty();
    let spread = p99_spread(findings).or_else(|| p99_spread_of_rows(findings).filter(|_| !tested));
    if !held.is_empty() {
        clauses.push(format!("{} held{scope}", listed(&held)));
    }
    clauses.append(&mut mixed);
    let figures_lead = !tested && !untested.is_empty() && spread.is_some();
    if !untested.is_empty() && !figures_lead {
        let verb = if untested.len() == 1 { "was" } else { "were" };
        clauses.push(format!(
            "{} {verb} not exercised, as nothing in this run could have broken {}",
            listed(&untested),
            if untested.len() == 1 { "it" } else { "them" }
        ));
    }
    if clauses.is_empty() && !figures_lead {
        clauses.push("no guarantee was checked".into());
    }
    for (name, design) in designs {
        if let Some(left) = leftovers(design) {
            clauses.push(format!("{name} ended with {left}"));
        }
    }
    if let Some(spread) = spread.as_ref().filter(|_| figures_lead) {
        let what = if let [only] = untested.as_slice() { only } else { "a guarantee" };
        clauses.insert(0, format!("The {spread}"));
        return format!("{}. Nothing in this run could have broken {what}.", clauses.join("; "));
    }
    clauses.extend(spread);
    let lead = if tested { "Nothing was broken" } else { "Nothing was put to the test" };
    format!("{lead}: {}.", clauses.join("; "))
}

/// `p99 runs from 0.3 s (queue) to 45 s (log)`, if that is far.
fn p99_spread(findings: &Findings) -> Option<String> {
    let designs = findings.result.designs.keys().enumerate();
    let worst: Vec<(f64, &String)> =
        designs.filter_map(|(index, name)| Some((p99_worst(findings, index)?, name))).collect();
    spread(&worst)
}

/// `p99 runs from 30 ms (direct / tested) to 4.4 s (queue / used)`: designs are alike, what they serve is not.
fn p99_spread_of_rows(findings: &Findings) -> Option<String> {
    let rows = summary::rows(findings);
    let all: Vec<(f64, String)> =
        rows.iter().filter_map(|row| Some((figures::p99(row)?, row.label()))).collect();
    let all: Vec<(f64, &String)> = all.iter().map(|(p99, label)| (*p99, label)).collect();
    spread(&all)
}

fn spread(all: &[(f64, &String)]) -> Option<String> {
    let least = all.iter().min_by(|one, other| one.0.total_cmp(&other.0))?;
    let most = all.iter().max_by(|one, other| one.0.total_cmp(&other.0))?;
    (most.0 >= WORTH_SAYING * least.0 && most.0 > 0.0).then(|| {
        let (low, high) = (format::seconds(least.0), format::seconds(most.0));
        format!("p99 runs from {low} ({}) to {high} ({})", least.1, most.1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, expectation};

    /// The small sample with each verdict on the order per key, and no other guarantee.
    fn with(verdicts: &[(Verdict, u64)]) -> Findings {
        let mut findings = sample::figure_11_2();
        for (design, (verdict, count)) in findings.result.designs.values_mut().zip(verdicts) {
            for guarantees in design.guarantees.values_mut() {
                guarantees.retain(|name, _| name == "order_per_key");
                for guarantee in guarantees.values_mut() {
                    *guarantee = Guarantee { verdict: *verdict, count: *count, witness: None };
                }
            }
        }
        findings
    }

    #[test]
    fn a_message_that_comes_back_for_ever_is_a_loop() {
        let told = |deliveries, rate| {
            let mut findings = with(&[(Verdict::Holds, 0), (Verdict::Holds, 0)]);
            for consumer in findings.result.designs["queue"].consumers.values_mut() {
                consumer.most_returned.message = Some("m3".into());
                consumer.most_returned.deliveries = deliveries;
                consumer.most_returned.rate = rate;
            }
            answer(&findings)
        };
        insta::assert_snapshot!(told(1_500, Some(3_333.3)), @"queue delivered m3 1500 times, 3333 times a second, and got it back each time: a requeue loop, which only a delivery limit, a dead letter or a pause before the next try would end. Nothing was broken: order per key held in both designs; p99 runs from 0.243 s (queue) to 45.2 s (log).");
        insta::assert_snapshot!(told(65_535, None), @"queue delivered m3 at least 65,535 times, and got it back each time: a requeue loop, which only a delivery limit, a dead letter or a pause before the next try would end. Nothing was broken: order per key held in both designs; p99 runs from 0.243 s (queue) to 45.2 s (log).");
        insta::assert_snapshot!(told(150, Some(0.1)), @"queue delivered m3 150 times, and got it back each time: a requeue loop, which only a delivery limit, a dead letter or a pause before the next try would end. Nothing was broken: order per key held in both designs; p99 runs from 0.243 s (queue) to 45.2 s (log).");
        assert_eq!(told(99, Some(3_333.3)), told(2, None));
    }

    #[test]
    fn one_broke_it_and_the_other_kept_it() {
        insta::assert_snapshot!(answer(&with(&[(Verdict::Broken, 1), (Verdict::Holds, 0)])), @"queue (the baseline) broke the order per key once; log kept it, at a p99 of 45.2 s against 0.243 s.");
    }

    #[test]
    fn the_other_was_never_put_to_the_test() {
        insta::assert_snapshot!(answer(&with(&[(Verdict::Broken, 2), (Verdict::NotExercised, 0)])), @"queue (the baseline) broke the order per key twice; log broke nothing, but did not exercise it.");
    }

    #[test]
    fn both_broke_it_alike() {
        insta::assert_snapshot!(answer(&with(&[(Verdict::Broken, 3), (Verdict::Broken, 3)])), @"queue (the baseline) and log each broke the order per key 3 times.");
    }

    #[test]
    fn nothing_was_broken() {
        insta::assert_snapshot!(answer(&with(&[(Verdict::Holds, 0), (Verdict::Holds, 0)])), @"Nothing was broken: order per key held in both designs; p99 runs from 0.243 s (queue) to 45.2 s (log).");
        insta::assert_snapshot!(answer(&with(&[(Verdict::Holds, 0), (Verdict::NotExercised, 0)])), @"Nothing was broken: order per key held in queue and was not exercised elsewhere; p99 runs from 0.243 s (queue) to 45.2 s (log).");
    }

    #[test]
    fn nothing_was_put_to_the_test() {
        insta::assert_snapshot!(answer(&with(&[(Verdict::NotExercised, 0), (Verdict::NotExercised, 0)])), @"The p99 runs from 0.243 s (queue) to 45.2 s (log). Nothing in this run could have broken order per key.");
        let mut findings = with(&[(Verdict::NotExercised, 0), (Verdict::NotExercised, 0)]);
        for design in findings.result.designs.values_mut() {
            design.consumers.values_mut().for_each(|consumer| consumer.latency.p99 = Some(2.0));
        }
        insta::assert_snapshot!(answer(&findings), @"Nothing was put to the test: order per key was not exercised, as nothing in this run could have broken it.");
        // Designs that are alike as a whole, and serve one subscription faster than another.
        for design in findings.result.designs.values_mut() {
            let mut quick = design.consumers.values().next().expect("it has one").clone();
            quick.latency.p99 = Some(0.01);
            design.consumers.insert("quick".into(), quick);
        }
        insta::assert_snapshot!(answer(&findings), @"The p99 runs from 10 ms (queue / quick) to 2 s (log / fulfilment). Nothing in this run could have broken order per key.");
    }

    #[test]
    fn what_others_lost_or_repeated_is_not_what_was_kept() {
        assert_eq!(kept(&["no_duplicates"]), "had none");
        assert_eq!(kept(&["no_loss", "no_confirmed_loss"]), "lost none");
        assert_eq!(kept(&["no_loss", "no_duplicates"]), "broke nothing");
        assert_eq!(kept(&["no_loss", "order_per_key"]), "broke nothing");
        assert_eq!(kept(&["order_per_key"]), "kept it");
        assert_eq!(kept(&["order_per_key", "order_stored"]), "kept them");
    }

    #[test]
    fn what_is_left_is_said() {
        let mut findings = with(&[(Verdict::Holds, 0), (Verdict::Holds, 0)]);
        for consumer in findings.result.designs["log"].consumers.values_mut() {
            consumer.pending = 12_000;
            consumer.dead_lettered = 1;
            consumer.latency.p99 = Some(0.25);
        }
        insta::assert_snapshot!(answer(&findings), @"Nothing was broken: order per key held in both designs; log ended with 12,000 messages still pending and 1 dead-lettered.");
    }

    #[test]
    fn broken_expectations_and_limits_come_first() {
        let mut findings = with(&[(Verdict::Holds, 0), (Verdict::Broken, 1)]);
        findings.result.expect.push(expectation("false", Verdict::Broken));
        findings.result.designs["log"].stopped = Some("10,000,000 events".into());
        insta::assert_snapshot!(answer(&findings), @"1 of 4 expectations is broken. log was stopped before its end (10,000,000 events). log broke the order per key once; queue (the baseline) kept it.");
    }

    #[test]
    fn losses_and_duplicates_are_counted() {
        let mut findings = sample::five_designs();
        findings.result.expect.clear();
        for name in ["webhook", "queue", "queue-auto-ack"] {
            findings.result.designs.shift_remove(name);
        }
        findings.baseline = 1;
        insta::assert_snapshot!(answer(&findings), @"In fulfilment udp lost 412 messages; log (the baseline) had 18 duplicates.");
        findings.result.designs.shift_remove("log");
        findings.baseline = 0;
        insta::assert_snapshot!(answer(&findings), @"In fulfilment udp lost 412 messages.");
        let fulfilment = findings.result.designs["udp"].consumers.get_mut("fulfilment");
        fulfilment.expect("it is there").lost.by_cause.insert("refused", 412);
        insta::assert_snapshot!(answer(&findings), @"In fulfilment udp lost 412 messages (all refused).");
        findings.result.designs.clear();
        insta::assert_snapshot!(answer(&findings), @"There is no design to compare.");
    }
}
