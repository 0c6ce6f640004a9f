//! `explain FILE MESSAGE`: what happened to one message, in each design, in the order of time.

use crate::follow::Follower;
use crate::format::{counted, instants, times};
use crate::run::life;
use redeliver_models::checks::{Event, Recorded};
use redeliver_models::{Fact, Shared, describe};
use redeliver_scenarios::{Diagnostic, Plan, PlannedDesign};
use redeliver_sim::NodeId;
use std::fmt::Write;

/// The message's life in every design, or in this one. The message is `shop#3`, `shop/2#3`, or its label.
pub fn lives(plan: &Plan, only: Option<&str>, message: &str) -> Result<String, Diagnostic> {
    if let Some(only) = only.filter(|only| !plan.designs.contains_key(*only)) {
        let unknown = Diagnostic::new(format!("there is no design `{}`", only.escape_debug()));
        return Err(unknown.nearest(only, plan.designs.keys().map(String::as_str)));
    }
    let mut pages = Vec::new();
    let mut wrong = Vec::new();
    for (name, design) in plan.designs.iter().filter(|(name, _)| only.is_none_or(|only| only == *name)) {
        match life_in(plan, design, message) {
            Ok(lines) => pages.push(format!("{name}\n{lines}")),
            Err(diagnostic) => {
                pages.push(format!("{name}: {}\n", diagnostic.message));
                wrong.push(diagnostic);
            }
        }
    }
    if wrong.len() == pages.len() && !wrong.is_empty() {
        return Err(wrong.swap_remove(0));
    }
    Ok(pages.join("\n"))
}

fn life_in(plan: &Plan, design: &PlannedDesign, message: &str) -> Result<String, Diagnostic> {
    let wanted = find(plan, design, message)?;
    let (ended, recorded) = life(plan, design, wanted);
    let shared = ended.world.shared();
    let facts = touching(&recorded);
    if facts.is_empty() {
        return Err(unpublished(wanted, shared));
    }
    let clock = instants(&facts.iter().map(|fact| fact.at.seconds()).collect::<Vec<_>>());
    let width = clock.iter().map(String::len).max().unwrap_or(0);
    let nodes = facts.iter().map(|fact| shared.names.node(fact.node));
    let node_width = nodes.map(|name| name.chars().count()).max().unwrap_or(0);
    let mut lines = String::new();
    for (fact, time) in facts.iter().zip(&clock) {
        let (node, text) = (shared.names.node(fact.node), describe(fact, shared));
        let _ = writeln!(lines, "  {time:>width$} s  {node:<node_width$}  {text}");
    }
    for (s, name) in shared.names.subscriptions.iter().enumerate() {
        if let Some(outcome) = outcome(s, &facts) {
            let _ = writeln!(lines, "  {name}: {outcome}");
        }
    }
    Ok(lines)
}

/// The facts about the message, and the news of the nodes that had to do with it, while they had.
fn touching(recorded: &[Recorded]) -> Vec<Recorded> {
    let is_fact = |entry: &&Recorded| matches!(entry.event, Event::Fact(..));
    let about: Vec<&Recorded> = recorded.iter().filter(is_fact).collect();
    let (Some(first), Some(last)) = (about.first(), about.last()) else { return Vec::new() };
    let mut nodes: Vec<NodeId> = about.iter().map(|entry| entry.node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let meets = |entry: &&Recorded| {
        is_fact(entry)
            || entry.at >= first.at && entry.at <= last.at && nodes.binary_search(&entry.node).is_ok()
    };
    recorded.iter().filter(meets).copied().collect()
}

/// What became of it in a subscription, if it had anything to do with it.
fn outcome(s: usize, facts: &[Recorded]) -> Option<String> {
    let all = || {
        facts.iter().filter_map(|entry| match entry.event {
            Event::Fact(fact, _) => fact.subscription().filter(|id| id.0 as usize == s).map(|_| fact),
            Event::News(_) => None,
        })
    };
    let count = |wanted: fn(&Fact) -> bool| all().filter(wanted).count() as u64;
    let effects = count(|fact| matches!(fact, Fact::Processed { .. }));
    let deliveries = count(|fact| matches!(fact, Fact::Delivered { .. }));
    all().next()?;
    Some(match effects {
        0 => format!("never processed, in {}", plural(deliveries)),
        _ => format!("processed {}, in {}", times(effects), plural(deliveries)),
    })
}

fn plural(deliveries: u64) -> String {
    match deliveries {
        1 => "1 delivery".into(),
        _ => format!("{deliveries} deliveries"),
    }
}

/// Source and number of the message of this name, or of the first one of this label.
fn find(plan: &Plan, design: &PlannedDesign, message: &str) -> Result<(u32, u32), Diagnostic> {
    let run = Follower::new(plan, design);
    let names = run.shared().names.clone();
    let numbered = message.rsplit_once('#').and_then(|(source, n)| Some((source, n.parse::<u32>().ok()?)));
    if let Some((source, number)) = numbered {
        // A single member may be called by its number, too.
        let alone = source.strip_suffix("/1").unwrap_or(source);
        let found = names.sources.iter().position(|name| name == source);
        let found = found.or_else(|| names.sources.iter().position(|name| name == alone));
        if let Some(found) = found {
            return Ok((found as u32, number));
        }
    }
    if let Some(label) = run.shared().labels.iter().skip(1).position(|label| label == message) {
        for fact in run {
            if let Event::Fact(_, Some((source, number, l))) = fact.event
                && l as usize == label + 1
            {
                return Ok((source, number));
            }
        }
        return Err(Diagnostic::new(format!("`{}` was never published", message.escape_debug())));
    }
    Err(unknown(message, &names.sources))
}

/// A message is named by its producer and its number, and this one is not.
fn unknown(message: &str, sources: &[String]) -> Diagnostic {
    let said = message.escape_debug();
    let (source, number) = message.rsplit_once('#').unwrap_or((message, ""));
    if number.parse::<u32>().is_err() {
        let example = sources.first().map_or("shop", String::as_str);
        let diagnostic = Diagnostic::new(format!("`{said}` names no message"));
        return diagnostic.hint(format!("write a producer and a number, for example `{example}#1`"));
    }
    let members =
        sources.iter().filter(|name| name.rsplit_once('/').is_some_and(|(group, _)| group == source));
    let members = members.count();
    if members > 0 {
        let diagnostic =
            Diagnostic::new(format!("{} of `{source}` could be meant", counted(members as u64, "member")));
        return diagnostic.hint(format!("say which: `{source}/1#{number}`"));
    }
    let diagnostic = Diagnostic::new(format!("there is no producer `{}`", source.escape_debug()));
    diagnostic.nearest(source, sources.iter().map(String::as_str))
}

fn unpublished((source, number): (u32, u32), shared: &Shared) -> Diagnostic {
    let diagnostic = Diagnostic::new(format!("{} was never published", shared.name_of(source, number)));
    let last = shared.sources.get(source as usize).map_or(0, |source| source.number);
    match last {
        0 => diagnostic.hint("this producer published nothing in this run"),
        1 => diagnostic.hint(format!("this producer published only {}", shared.name_of(source, 1))),
        _ => {
            let (first, last) = (shared.name_of(source, 1), shared.name_of(source, last));
            diagnostic.hint(format!("this producer published {first} to {last}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redeliver_scenarios::{Options, read};

    fn told(message: &str, only: Option<&str>) -> String {
        let text = include_str!("../../tests/data/figure.ron");
        let plan = read("file", text, &Options::default()).unwrap_or_else(|report| panic!("{report}"));
        match lives(&plan, only, message) {
            Ok(page) => page,
            Err(wrong) => format!("{}; {}", wrong.message, wrong.hint.unwrap_or_default()),
        }
    }

    #[test]
    fn a_message_that_was_redelivered() {
        insta::assert_snapshot!(told("shop#3", Some("queue")), @r#"
        queue
          0.020 s  shop/1        published shop#3 "Payment successful"
          0.021 s  broker/1      stored shop#3 "Payment successful" at fulfilment@2
          0.024 s  shop/1        confirmed shop#3 "Payment successful"
          0.083 s  broker/1      sent shop#3 "Payment successful" to fulfilment, attempt 1
          0.084 s  fulfilment/1  delivered shop#3 "Payment successful", attempt 1
          0.114 s  fulfilment/1  crashed
          0.114 s  fulfilment/1  lost its copy of shop#3 "Payment successful": taken never processed
          0.115 s  broker/1      requeued shop#3 "Payment successful": connection closed
          0.175 s  broker/1      sent shop#3 "Payment successful" to fulfilment, attempt 2
          0.176 s  fulfilment/2  delivered shop#3 "Payment successful", attempt 2
          0.256 s  fulfilment/2  processed shop#3 "Payment successful", attempt 2
          0.257 s  broker/1      shop#3 "Payment successful" settled for fulfilment
          fulfilment: processed once, in 2 deliveries
        "#);
        assert_eq!(told("shop/1#3", Some("queue")), told("shop#3", Some("queue")));
        assert_eq!(told("Payment successful", Some("queue")), told("shop#3", Some("queue")));
    }

    #[test]
    fn a_message_that_is_not_there() {
        let all = [
            told("shop#0", Some("queue")),
            told("shop#6", Some("queue")),
            told("shp#3", Some("queue")),
            told("shop", Some("queue")),
            told("#", Some("queue")),
            told("shop#3", Some("quue")),
        ];
        insta::assert_snapshot!(all.join("\n"), @r"
        shop#0 was never published; this producer published shop#1 to shop#5
        shop#6 was never published; this producer published shop#1 to shop#5
        there is no producer `shp`; did you mean `shop`?
        `shop` names no message; write a producer and a number, for example `shop#1`
        `#` names no message; write a producer and a number, for example `shop#1`
        there is no design `quue`; did you mean `queue`?
        ");
    }

    #[test]
    fn one_of_several_members_is_meant() {
        let sources = ["shop/1".to_string(), "shop/2".to_string()];
        let wrong = unknown("shop#3", &sources);
        insta::assert_snapshot!(format!("{}; {}", wrong.message, wrong.hint.unwrap_or_default()), @"2 members of `shop` could be meant; say which: `shop/1#3`");
    }
}
