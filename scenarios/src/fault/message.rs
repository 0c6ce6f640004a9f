//! Messages and subscriptions that a fault names.

use super::Stage;
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::Placed;
use crate::units::Probability;
use redeliver_models::setup::{KeyChoice, MessageName, Which};

/// Some messages, as typed: by exactly one of these.
pub(super) struct Choice<'a> {
    pub(super) message: &'a Option<Placed<String>>,
    pub(super) messages: &'a Option<Vec<Placed<String>>>,
    pub(super) key: &'a Option<Placed<String>>,
    pub(super) chance: &'a Option<Probability>,
}

impl Choice<'_> {
    pub(super) fn plan(&self, place: Place, stage: &Stage<'_>, findings: &mut Findings) -> Option<Which> {
        let said =
            [self.message.is_some(), self.messages.is_some(), self.key.is_some(), self.chance.is_some()];
        if said.iter().filter(|said| **said).count() != 1 {
            let message = "say which messages by exactly one of `message`, `messages`, `key` and `chance`";
            findings.push(Diagnostic::new(message).at(place).hint("write for example `message: \"shop#3\"`"));
            return None;
        }
        if let Some(key) = self.key {
            check_key(key, stage, findings);
            return Some(Which::Key(key.value.clone()));
        }
        if let Some(chance) = self.chance {
            return Some(Which::Chance(chance.0));
        }
        let names = self.message.iter().chain(self.messages.iter().flatten());
        let mut found: Vec<MessageName> = names.filter_map(|name| message(name, stage, findings)).collect();
        found.sort();
        Some(Which::Messages(found))
    }
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
    if !found.is_empty() && found.iter().all(|i| !stage.meets(*i, producer.topic)) {
        let text =
            format!("this can never happen: `{}` does not read what `{}` publishes", to.value, producer.name);
        findings.push(Diagnostic::new(text).at(to.place).hint("name a subscription of that topic"));
    }
}

/// Refuses a key that no message has. A story's messages may have any.
pub(super) fn check_key(key: &Placed<String>, stage: &Stage<'_>, findings: &mut Findings) {
    let has = |choice: &KeyChoice| match choice {
        KeyChoice::None => false,
        KeyChoice::Const(one) => *one == key.value,
        KeyChoice::Cycle(keys) => keys.contains(&key.value),
        KeyChoice::Uniform(n) | KeyChoice::Zipf { n, .. } => {
            key.parse::<u32>().is_ok_and(|number| number < *n && number.to_string() == key.value)
        }
    };
    if stage.has_script || stage.producers.iter().any(|producer| has(&producer.key)) {
        return;
    }
    let known = stage.producers.iter().flat_map(|producer| match &producer.key {
        KeyChoice::Const(one) => std::slice::from_ref(one).iter(),
        KeyChoice::Cycle(keys) => keys.iter(),
        KeyChoice::None | KeyChoice::Uniform(_) | KeyChoice::Zipf { .. } => [].iter(),
    });
    let diagnostic =
        Diagnostic::new(format!("this can never happen: no message has the key `{}`", key.value));
    findings.push(diagnostic.at(key.place).nearest(&key.value, known.map(String::as_str)));
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
