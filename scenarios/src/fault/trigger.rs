//! When a fault acts: a time, a schedule, a fact about a message.

use super::{Fact, Stage};
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::Placed;
use crate::nodes::{NodeText, Patterns};
use crate::units::{Duration, SpanSpread, show_span};
use redeliver_models::setup::{self, FactKind, MessageName, When};
use redeliver_sim::{Span, Time};

/// When a fault acts, borrowed from its fields.
pub(super) struct Timing<'a> {
    pub(super) at: &'a Option<Placed<Duration>>,
    pub(super) every: &'a Option<Placed<SpanSpread>>,
    pub(super) when: &'a Option<Placed<Fact>>,
    pub(super) after: &'a Option<Duration>,
    pub(super) times: &'a Option<Placed<u32>>,
}

impl Timing<'_> {
    /// The times at which the fault acts; several where its trigger's subscription is split.
    pub(super) fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<When> {
        let said = [self.at.is_some(), self.every.is_some(), self.when.is_some()];
        if said.iter().filter(|said| **said).count() != 1 {
            let diagnostic =
                Diagnostic::new("say when the fault acts by exactly one of `at`, `every` and `when`");
            patterns.findings.push(diagnostic.at(place).hint("write for example `at: \"2s\"`"));
            return Vec::new();
        }
        if self.when.is_none() && (self.after.is_some() || self.times.is_some()) {
            patterns.findings.refuse(place, "`after` and `times` belong to `when`");
        }
        if let Some(every) = self.every {
            if every.0.mean() < 1.0 {
                patterns
                    .findings
                    .refuse(every.place, "`every` needs a span above zero: time would never move on");
            }
            return vec![When::Every { span: every.value.0.clone(), stream: stage.stream.clone() }];
        }
        let Some(fact) = self.when else { return vec![from(self.at, stage, patterns.findings)] };
        let after = self.after.as_ref().map_or(Span::ZERO, |after| after.0);
        let times = times(self.times, patterns.findings);
        let on = |fact| When::On { fact, after, times };
        fact.value.plan(stage, patterns).into_iter().map(on).collect()
    }
}

impl Fact {
    fn plan(&self, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<setup::FactPattern> {
        let (kind, about) = match self {
            Fact::Published(about) => (FactKind::Published, about),
            Fact::Stored(about) => (FactKind::Stored, about),
            Fact::Confirmed(about) => (FactKind::Confirmed, about),
            Fact::Delivered(about) => (FactKind::Delivered, about),
            Fact::Processed(about) => (FactKind::Processed, about),
            Fact::Acked(about) => (FactKind::Acked, about),
        };
        let name = match &about.message {
            None => None,
            Some(name) => match message(name, stage, patterns.findings) {
                None => return Vec::new(),
                some => some,
            },
        };
        let node = match about.node.as_ref().map(|node| (&node.value, node.place)) {
            None => None,
            Some((NodeText::Name(name), place)) => Some(patterns.one(name, place, stage.all_casts)),
            Some((NodeText::Receiver, place)) => {
                patterns
                    .findings
                    .refuse(place, "name the node here: `Receiver` is whoever the fact will be about");
                return Vec::new();
            }
        };
        let before_consumers = matches!(kind, FactKind::Published | FactKind::Stored | FactKind::Confirmed);
        if let Some(to) = about.to.as_ref().filter(|_| before_consumers) {
            let diagnostic =
                Diagnostic::new("`to` belongs to `Delivered`, `Processed` and `Acked`").at(to.place);
            patterns.findings.push(diagnostic.hint("nobody consumes at the other facts: leave it out"));
        }
        let subscriptions = match &about.to {
            None => vec![None],
            Some(to) => {
                let found = subscriptions(to, stage, patterns.findings);
                check_meeting(name.as_ref(), to, &found, stage, patterns.findings);
                found.into_iter().map(Some).collect()
            }
        };
        let pattern = |subscription| setup::FactPattern {
            kind,
            message: name.clone(),
            key: about.key.clone(),
            subscription,
            node: node.clone(),
        };
        subscriptions.into_iter().map(pattern).collect()
    }
}

/// From this time on, or from the beginning.
pub(super) fn from(at: &Option<Placed<Duration>>, stage: &Stage<'_>, findings: &mut Findings) -> When {
    let Some(at) = at else { return When::At(Time::ZERO) };
    if at.value.0 > stage.end {
        let message =
            format!("this can never happen: the run ends at {} at the latest", show_span(stage.end));
        findings
            .push(Diagnostic::new(message).at(at.place).hint("make `run.duration` or `run.drain` longer"));
    }
    When::At(Time(at.value.0.0))
}

pub(super) fn times(times: &Option<Placed<u32>>, findings: &mut Findings) -> u32 {
    let Some(times) = times else { return 1 };
    if times.value == 0 {
        findings.refuse(times.place, "`times: 0` never happens; write at least 1, or leave the fault out");
    }
    times.value
}

/// The subscriptions of this name: one, or one for each member where the design splits them.
pub(super) fn subscriptions(name: &Placed<String>, stage: &Stage<'_>, findings: &mut Findings) -> Vec<usize> {
    let part = |consumer: &str| {
        consumer == name.value
            || consumer.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('/'))
    };
    let found: Vec<usize> = (0..stage.consumers.len()).filter(|i| part(&stage.consumers[*i].name)).collect();
    let group = name.split('/').next().unwrap_or_default();
    if found.is_empty() && !stage.groups.iter().any(|known| known == group) {
        let diagnostic = Diagnostic::new(format!("there is no subscription `{}`", name.value)).at(name.place);
        findings.push(diagnostic.nearest(&name.value, stage.groups.iter().map(String::as_str)));
    }
    found
}

/// Refuses a message that never reaches the subscription.
pub(super) fn check_meeting(
    message: Option<&MessageName>,
    to: &Placed<String>,
    found: &[usize],
    stage: &Stage<'_>,
    findings: &mut Findings,
) {
    let Some(message) = message else { return };
    let producer = &stage.producers[message.producer];
    if !found.is_empty() && found.iter().all(|i| stage.consumers[*i].topic != producer.topic) {
        let text =
            format!("this can never happen: `{}` does not read what `{}` publishes", to.value, producer.name);
        findings.push(Diagnostic::new(text).at(to.place).hint("name a subscription of that topic"));
    }
}

/// A message of a load by its name: `shop#3`, or `shop/2#3` where the producer has several members.
pub(super) fn message(
    name: &Placed<String>,
    stage: &Stage<'_>,
    findings: &mut Findings,
) -> Option<MessageName> {
    let example = "write for example \"shop#3\", or \"shop/2#3\" for member 2";
    let refused = |message: String| Some(Diagnostic::new(message).at(name.place).hint(example));
    let find = || -> Result<MessageName, Option<Diagnostic>> {
        let form = || refused(format!("`{}` is no name of a message", name.value));
        let (who, number) = name.split_once('#').ok_or_else(form)?;
        let number: u32 = number.parse().ok().filter(|n| *n > 0).ok_or_else(form)?;
        let (group, member) = match who.split_once('/') {
            None => (who, None),
            Some((group, member)) => (group, Some(member.parse::<u32>().map_err(|_| form())?)),
        };
        let producer = stage.producers.iter().position(|p| p.name == group).ok_or_else(|| {
            let diagnostic = Diagnostic::new(format!("there is no producer `{group}`")).at(name.place);
            Some(diagnostic.nearest(group, stage.producers.iter().map(|p| p.name.as_str())))
        })?;
        let members = stage.producers[producer].members;
        if member.is_none() && members > 1 {
            let message = format!("`{group}` has {members} members: say whose message");
            let fix = format!("\"{group}/1#{number}\"");
            return Err(Some(Diagnostic::new(message).at(name.place).hint(format!("write {fix}")).fix(fix)));
        }
        let member = member.unwrap_or(1);
        if member == 0 || member > members {
            return Err(refused(format!("`{group}` has no member {member}: it has {members}")));
        }
        if let Some(count) = stage.counts[producer].filter(|count| u64::from(number) > *count) {
            let message = format!("this can never happen: `{group}` publishes only {count} messages");
            return Err(Some(
                Diagnostic::new(message).at(name.place).hint("raise its `count`, or name another"),
            ));
        }
        Ok(MessageName { producer, member: member - 1, number })
    };
    match find() {
        Ok(name) => Some(name),
        Err(diagnostic) => {
            diagnostic.into_iter().for_each(|d| findings.push(d));
            None
        }
    }
}
