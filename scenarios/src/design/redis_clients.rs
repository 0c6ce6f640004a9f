//! How clients of Redis are set.

use super::queue::{Ack, ack_mode};
use super::redis::Group;
use super::redis_names::CLIENT;
use super::settings::{Reader, Real};
use super::{Load, clients};
use crate::assumptions::Assumptions;
use crate::defaults::*;
use crate::diagnostic::{Diagnostic, Findings};
use crate::named::{Named, Placed};
use crate::said::length_max;
use crate::units::Duration;
use redeliver_models::properties::Said;
use redeliver_models::queue::{AckMode, Claims, ClientConfig, Pulls};
use redeliver_models::setup::{NodePattern, Role};
use redeliver_models::story::{Verb, Who};
use redeliver_sim::{Distribution, Span};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Settings of some clients.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The library, for the reader.
    pub library: Option<String>,
    /// When a consumer acks. Default `AfterWork`. `Auto` is `NOACK`.
    pub ack: Option<Placed<Ack>>,
    /// A consumer of a load that begins asks first for what it has not settled (`XREADGROUP` with id 0). Default true.
    pub rereads: Option<bool>,
    /// A consumer of a load claims this often what others have left (`XAUTOCLAIM`). Default: never.
    pub claim_every: Option<Placed<Duration>>,
    /// A publisher of a load waits for the answer to each `XADD`. Default true.
    pub confirms: Option<bool>,
    /// Unanswered messages that a publisher holds at most; 0 is no limit. Default 0.
    pub window: Option<u32>,
    /// Without an answer for so long, a message is sent again. Default `"5s"`.
    pub confirm_timeout: Option<Duration>,
    /// How often it is sent again, at most. Default: until the run ends.
    pub retries: Option<u32>,
    /// Settings by their real names.
    #[serde(default)]
    pub config: Real,
}

/// What is merged for a client.
#[derive(Clone, PartialEq)]
struct Merged {
    client: ClientConfig,
    group: Option<String>,
    /// Who has been idle for so long loses what it holds.
    idle: Option<Span>,
    claim_every: Option<Span>,
}

/// The settings of all clients.
pub(super) fn plan(
    typed: &Named<Client>,
    load: &Load<'_>,
    groups: &[Group],
    assumptions: &mut Assumptions,
    findings: &mut Findings,
) -> Vec<(NodePattern, ClientConfig)> {
    let client = ClientConfig {
        node: 0,
        prefetch: 0,
        priority: 0,
        ack: AckMode::AfterWork,
        confirms: CONFIRMS.value,
        window: PUBLISH_WINDOW.value,
        confirm_timeout: CONFIRM_TIMEOUT.value,
        retries: RETRIES.value,
        reconnect_after: RECONNECT_AFTER.value,
        headers: Vec::new(),
        said: Said::default(),
        pulls: Some(Pulls {
            batch: READ_COUNT.value as u16,
            expires: Some(Span::millis(u64::from(READ_BLOCK.value))),
            fills: false,
            gets: false,
            pause: Distribution::ZERO,
        }),
        claims: None,
        keeps_failed: true,
        rereads: true,
        extend_every: None,
        clean_session: false,
        manual_ack: false,
        aliases: Vec::new(),
    };
    assumptions.text("ack", None, "AfterWork", OUR_DEFAULT);
    assumptions.pick("confirms", None, &CONFIRMS);
    assumptions.pick("COUNT", None, &READ_COUNT);
    assumptions.pick("BLOCK", None, &READ_BLOCK);
    for (_, client) in typed.iter() {
        CLIENT.check(&client.config, findings);
    }
    clients::check_globs(typed, load, findings);
    clients::assume(typed.iter().map(|(glob, client)| (glob, &client.config)), assumptions);
    let base = Merged { client, group: None, idle: None, claim_every: None };
    let merged = clients::merge(typed, load, &base, |merged, client| client.apply(merged, groups, findings));
    for (_, client) in typed.iter() {
        client.check(findings);
    }
    let finish = |merged: &Merged| {
        let claims = merged.claim_every.zip(merged.idle);
        let claims = claims.map(|(every, idle)| Claims { every, idle, batch: CLAIM_COUNT });
        ClientConfig { claims, ..merged.client.clone() }
    };
    let lacks_idle = |merged: &Merged| merged.claim_every.is_some() && merged.idle.is_none();
    if merged.iter().any(|(_, merged)| lacks_idle(merged)) {
        let message = "`claim_every` without `min-idle-time`: XAUTOCLAIM has no default for it";
        findings.push(Diagnostic::new(message).hint("add `config: {\"min-idle-time\": 60000}` beside it"));
    }
    let mut planned = Vec::new();
    for (index, name) in load.clients.iter().enumerate() {
        let matches = |(pattern, _): &&(NodePattern, Merged)| pattern.matches(name, Role::Client);
        let Some((_, merged)) = merged.iter().find(matches) else { continue };
        let aliases = aliases(load, (index, name), merged.group.as_deref(), groups);
        planned.push((NodePattern::Glob(name.clone()), ClientConfig { aliases, ..finish(merged) }));
    }
    planned.extend(merged.into_iter().map(|(pattern, merged)| (pattern, finish(&merged))));
    planned
}

/// What a story's client may call what it reads: its group by itself, by its stream, and by where it reads again; the
/// channels that it is subscribed to.
fn aliases(
    load: &Load<'_>,
    (index, client): (usize, &String),
    group: Option<&str>,
    groups: &[Group],
) -> Vec<(String, String)> {
    let only = groups.first().filter(|_| groups.len() == 1).map(|group| group.name.as_str());
    let own = groups.iter().find(|other| Some(other.name.as_str()) == group.or(only));
    let lines = load.script.into_iter().flat_map(|script| &script.lines);
    let verbs = lines.filter(|line| line.who.contains(&Who::Client(index))).flat_map(|line| &line.verbs);
    let (mut channels, mut aliases) = (BTreeSet::new(), BTreeSet::new());
    aliases.extend(
        own.iter().flat_map(|own| ["", own.stream.as_str()].map(|name| (name.into(), own.name.clone()))),
    );
    for verb in verbs.flat_map(Verb::all) {
        match verb {
            Verb::Consume { from, .. } => drop(channels.insert(from.clone())),
            Verb::Poll { from: Some(from), .. } | Verb::PollAll { from: Some(from) } => {
                let Some((place, after)) = from.rsplit_once('@') else { continue };
                let called = |group: &&Group| {
                    group.name == place
                        || own.is_some_and(|own| own.name == group.name && own.stream == place)
                };
                if let Some(group) = groups.iter().find(called).filter(|_| after.parse::<u32>().is_ok()) {
                    aliases.insert((from.clone(), group.name.clone()));
                }
            }
            _ => {}
        }
    }
    let alone = channels.len() == 1;
    let name = |channel: &String| if alone { client.clone() } else { format!("{client}/{channel}") };
    aliases.into_iter().chain(channels.iter().map(|channel| (channel.clone(), name(channel)))).collect()
}

impl Client {
    fn apply(&self, merged: &mut Merged, groups: &[Group], findings: &mut Findings) {
        let mut reader = Reader { settings: &self.config, findings };
        if let Some(pulls) = &mut merged.client.pulls {
            let count = reader.whole("COUNT", 1, i64::from(u16::MAX));
            pulls.batch = count.map_or(pulls.batch, |count| count as u16);
            let block = reader.whole("BLOCK", 0, i64::from(u32::MAX));
            // For ever: as long as there is a number for it, 49 days.
            let millis = block.map(|millis| if millis == 0 { u64::from(u32::MAX) } else { millis as u64 });
            pulls.expires = millis.map(Span::millis).or(pulls.expires);
        }
        merged.idle = reader.millis("min-idle-time", 0).or(merged.idle);
        let place = reader.place("group");
        if let Some(name) = reader.text("group") {
            if !groups.iter().any(|group| group.name == name) {
                let known = groups.iter().map(|group| group.name.as_str());
                let diagnostic = Diagnostic::new(format!("there is no group `{name}`"));
                findings.push(diagnostic.at(place.unwrap_or_default()).nearest(&name, known));
            }
            merged.group = Some(name);
        }
        let client = &mut merged.client;
        client.said.length_max = length_max(&self.config, findings).or(client.said.length_max);
        client.ack = self.ack.as_ref().map_or(client.ack, |ack| ack_mode(ack.value));
        client.rereads = self.rereads.unwrap_or(client.rereads);
        merged.claim_every = self.claim_every.as_ref().map(|every| every.value.0).or(merged.claim_every);
        client.confirms = self.confirms.unwrap_or(client.confirms);
        client.window = self.window.unwrap_or(client.window);
        client.confirm_timeout = self.confirm_timeout.as_ref().map_or(client.confirm_timeout, |span| span.0);
        client.retries = self.retries.unwrap_or(client.retries);
    }

    fn check(&self, findings: &mut Findings) {
        if let Some(ack) = self.ack.as_ref().filter(|ack| matches!(ack.value, Ack::TwoPhaseCommit)) {
            let diagnostic = Diagnostic::new("Redis takes part in no two-phase commit").at(ack.place);
            findings.push(diagnostic.hint("write `AfterWork`, `BeforeWork` or `Auto`"));
        }
        if let Some(every) = self.claim_every.as_ref().filter(|every| every.value.0 == Span::ZERO) {
            let diagnostic = Diagnostic::new("`claim_every` must be above zero").at(every.place);
            findings.push(diagnostic.hint("leave it out for never"));
        }
    }
}
