//! What breaks, and when: `faults` in the file.

use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::{OneOrMore, Placed};
use crate::nodes::{Cast, NodeText, Patterns};
use crate::units::{Duration, Probability, SpanSpread};
use redeliver_models::setup::{
    self, FactKind, FaultKind, MessageName, NodePattern, PacketKind, Target, When, Which,
};
use redeliver_sim::{Distribution, Span, Time};
use serde::Deserialize;

/// A fault. Each acts `at` a time, `every` so often, or `when` a fact is noted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Fault {
    /// The process dies: peers see a reset at once; the page cache survives.
    Crash(Crash),
    /// The machine dies: peers see silence; what was not synced is gone.
    MachineCrash(Crash),
    /// Nothing passes between some nodes and the others.
    Partition(Partition),
    /// All connections of a node break, without a crash.
    Reset(Reset),
    /// A packet is taken out of its connection for good.
    Drop(Drop),
    /// A disk takes no more.
    DiskFull(DiskFull),
    /// The handler always fails on some messages.
    Poison(Handler),
    /// The handler fails on some messages so many times.
    FailingHandler(Handler),
    /// The handler needs longer on some messages.
    SlowHandler(Handler),
}

/// A crash.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crash {
    /// Who: a node, a glob, a role, or `Receiver` (whoever the trigger's message went to).
    pub node: OneOrMore<NodeText>,
    /// It starts again so long after. Default: never.
    pub restart_after: Option<Duration>,
    /// At this time.
    pub at: Option<Placed<Duration>>,
    /// Again and again, the spans between drawn from this distribution: `"exp(45s)"`.
    pub every: Option<Placed<SpanSpread>>,
    /// When this is noted.
    pub when: Option<Placed<Fact>>,
    /// So long after `when`. Default `"0s"`: at the fact itself.
    pub after: Option<Duration>,
    /// How often `when` counts, at most. Default 1.
    pub times: Option<Placed<u32>>,
}

/// A partition of the network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// One side.
    pub nodes: OneOrMore<NodeText>,
    /// The other side. Default: all others.
    pub from_others: Option<OneOrMore<NodeText>>,
    /// Only what goes out of `nodes` is cut. Default false.
    #[serde(default)]
    pub one_way: bool,
    /// How long it lasts. Default: for ever.
    pub lasts: Option<Duration>,
    /// See [`Crash::at`].
    pub at: Option<Placed<Duration>>,
    /// See [`Crash::every`].
    pub every: Option<Placed<SpanSpread>>,
    /// See [`Crash::when`].
    pub when: Option<Placed<Fact>>,
    /// See [`Crash::after`].
    pub after: Option<Duration>,
    /// See [`Crash::times`].
    pub times: Option<Placed<u32>>,
}

/// A reset of connections.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// Who.
    pub node: OneOrMore<NodeText>,
    /// See [`Crash::at`].
    pub at: Option<Placed<Duration>>,
    /// See [`Crash::every`].
    pub every: Option<Placed<SpanSpread>>,
    /// See [`Crash::when`].
    pub when: Option<Placed<Fact>>,
    /// See [`Crash::after`].
    pub after: Option<Duration>,
    /// See [`Crash::times`].
    pub times: Option<Placed<u32>>,
}

/// A packet that is taken out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drop {
    /// Its kind.
    pub packet: Packet,
    /// Only of this message.
    pub message: Option<Placed<String>>,
    /// How many. Default 1.
    pub times: Option<Placed<u32>>,
    /// From this time on. Default: from the beginning.
    pub at: Option<Placed<Duration>>,
}

/// A full disk.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskFull {
    /// Whose.
    pub node: OneOrMore<NodeText>,
    /// How long it lasts. Default: for ever.
    pub lasts: Option<Duration>,
    /// See [`Crash::at`].
    pub at: Option<Placed<Duration>>,
    /// See [`Crash::every`].
    pub every: Option<Placed<SpanSpread>>,
    /// See [`Crash::when`].
    pub when: Option<Placed<Fact>>,
    /// See [`Crash::after`].
    pub after: Option<Duration>,
    /// See [`Crash::times`].
    pub times: Option<Placed<u32>>,
}

/// A handler that fails or is slow. Say which messages by one of `message`, `messages`, `key` and `chance`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handler {
    /// This message: `"shop#3"`.
    pub message: Option<Placed<String>>,
    /// These messages.
    pub messages: Option<Vec<Placed<String>>>,
    /// Messages of this key.
    pub key: Option<String>,
    /// Each message with this chance.
    pub chance: Option<Probability>,
    /// Only in this subscription. Default: in all.
    #[serde(rename = "in")]
    pub subscription: Option<Placed<String>>,
    /// How often it fails on each message (`FailingHandler`).
    pub times: Option<Placed<u32>>,
    /// How long it needs (`SlowHandler`).
    pub work: Option<SpanSpread>,
    /// From this time on. Default: from the beginning.
    pub at: Option<Placed<Duration>>,
}

/// Packets that can be taken out.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Packet {
    /// From a publisher to the broker.
    Publish,
    /// The broker's positive answer.
    Confirm,
    /// From the broker to a consumer.
    Deliver,
    /// A consumer's ack.
    Ack,
    /// A consumer's commit.
    Commit,
}

impl Packet {
    /// Whether this design sends such packets at all.
    fn exists_in(self, design: &setup::Design) -> bool {
        match (design, self) {
            (_, Packet::Publish | Packet::Deliver) => true,
            (setup::Design::Queue(_), packet) => !matches!(packet, Packet::Commit),
            (setup::Design::Log(_), packet) => !matches!(packet, Packet::Ack),
            (setup::Design::Webhook(_), packet) => !matches!(packet, Packet::Commit),
            (setup::Design::Udp(_), _) => false,
        }
    }
}

/// A fact that a fault can wait for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Fact {
    /// A send was called.
    Published(About),
    /// The broker has it.
    Stored(About),
    /// The producer holds a positive answer.
    Confirmed(About),
    /// It was handed to a consumer.
    Delivered(About),
    /// Its effect took place.
    Processed(About),
    /// The consumer settled it.
    Acked(About),
}

/// What the fact is about.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Only this message.
    pub message: Option<Placed<String>>,
    /// Only messages of this key.
    pub key: Option<String>,
    /// Only in this subscription.
    pub to: Option<Placed<String>>,
    /// Only at these nodes.
    pub node: Option<Placed<NodeText>>,
}

/// When a fault acts, borrowed from its fields.
struct Timing<'a> {
    at: &'a Option<Placed<Duration>>,
    every: &'a Option<Placed<SpanSpread>>,
    when: &'a Option<Placed<Fact>>,
    after: &'a Option<Duration>,
    times: &'a Option<Placed<u32>>,
}

macro_rules! timing {
    ($fault:expr) => {
        Timing {
            at: &$fault.at,
            every: &$fault.every,
            when: &$fault.when,
            after: &$fault.after,
            times: &$fault.times,
        }
    };
}

/// One design, as faults see it.
pub(crate) struct Stage<'a> {
    pub(crate) cast: &'a Cast,
    pub(crate) producers: &'a [setup::Producer],
    /// How many messages each member of a producer publishes, where that is known.
    pub(crate) counts: &'a [Option<u64>],
    pub(crate) consumers: &'a [setup::Consumer],
    /// Names of the consumers in the file: in a design that splits them, `fulfilment` is `fulfilment/1`, ….
    pub(crate) groups: &'a [String],
    pub(crate) all_casts: &'a [Cast],
    /// When the run ends at the latest.
    pub(crate) end: Span,
    pub(crate) stream: String,
    pub(crate) design: &'a setup::Design,
}

impl Fault {
    /// The fault in one design: several where a subscription is split; none where it does not apply.
    pub(crate) fn plan(
        &self,
        place: Place,
        stage: &Stage<'_>,
        patterns: &mut Patterns<'_>,
    ) -> Vec<(FaultKind, When)> {
        match self {
            Fault::Crash(f) => {
                let restart_after = f.restart_after.as_ref().map(|span| span.0);
                let kind = |target| FaultKind::Crash { target, restart_after };
                at_nodes(&f.node, timing!(f), place, stage, patterns, kind)
            }
            Fault::MachineCrash(f) => {
                let restart_after = f.restart_after.as_ref().map(|span| span.0);
                let kind = |target| FaultKind::MachineCrash { target, restart_after };
                at_nodes(&f.node, timing!(f), place, stage, patterns, kind)
            }
            Fault::Reset(f) => {
                at_nodes(&f.node, timing!(f), place, stage, patterns, |target| FaultKind::Reset { target })
            }
            Fault::DiskFull(f) => {
                let lasts = f.lasts.as_ref().map(|span| span.0);
                let kind = |target| FaultKind::DiskFull { target, lasts };
                at_nodes(&f.node, timing!(f), place, stage, patterns, kind)
            }
            Fault::Partition(f) => f.plan(place, stage, patterns),
            Fault::Drop(f) => f.plan(stage, patterns.findings),
            Fault::Poison(f) => {
                if let Some(times) = &f.times {
                    let diagnostic = Diagnostic::new("`Poison` always fails").at(times.place);
                    patterns.findings.push(diagnostic.hint("write `FailingHandler(…, times: …)`"));
                }
                f.refuse_work(patterns.findings, place, "Poison");
                f.plan(place, stage, patterns.findings, |subscription, which| FaultKind::FailingHandler {
                    subscription,
                    which,
                    times: None,
                })
            }
            Fault::FailingHandler(f) => {
                f.refuse_work(patterns.findings, place, "FailingHandler");
                let times = times(&f.times, patterns.findings);
                f.plan(place, stage, patterns.findings, |subscription, which| FaultKind::FailingHandler {
                    subscription,
                    which,
                    times: Some(times),
                })
            }
            Fault::SlowHandler(f) => {
                if f.work.is_none() {
                    let diagnostic =
                        Diagnostic::new("`SlowHandler` needs `work`: how long the handler takes");
                    patterns.findings.push(diagnostic.at(place).hint("write for example `work: \"2s\"`"));
                }
                let work = f.work.as_ref().map_or(Distribution::ZERO, |work| work.0.clone());
                f.plan(place, stage, patterns.findings, |subscription, which| FaultKind::SlowHandler {
                    subscription,
                    which,
                    work: work.clone(),
                })
            }
        }
    }
}

/// A fault that meets nodes: one for each pattern that matches in this design.
fn at_nodes(
    nodes: &OneOrMore<NodeText>,
    timing: Timing<'_>,
    place: Place,
    stage: &Stage<'_>,
    patterns: &mut Patterns<'_>,
    kind: impl Fn(Target) -> FaultKind,
) -> Vec<(FaultKind, When)> {
    let when = timing.plan(place, stage, patterns);
    let mut planned = Vec::new();
    for node in &nodes.0 {
        let target = match &node.value {
            NodeText::Receiver if timing.when.is_none() => {
                let diagnostic =
                    Diagnostic::new("`Receiver` is only known to a fault with `when`").at(node.place);
                patterns.findings.push(diagnostic.hint("add `when: Delivered(message: \"shop#3\")`"));
                continue;
            }
            NodeText::Receiver => Target::Receiver,
            NodeText::Name(name) => {
                let pattern = patterns.one(name, node.place, stage.all_casts);
                if !stage.cast.has(&pattern) {
                    continue;
                }
                Target::Nodes(pattern)
            }
        };
        planned.extend(when.iter().map(|when| (kind(target.clone()), when.clone())));
    }
    planned
}

impl Partition {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<(FaultKind, When)> {
        let when = timing!(self).plan(place, stage, patterns);
        let here = |found: Vec<NodePattern>| -> Vec<NodePattern> {
            found.into_iter().filter(|pattern| stage.cast.has(pattern)).collect()
        };
        let receiver = self.nodes.0.iter().any(|node| node.value == NodeText::Receiver);
        if receiver && self.nodes.0.len() == 1 && self.when.is_some() {
            let others = self.from_others.as_ref().map(|o| here(patterns.resolve(o, stage.all_casts)));
            return when
                .into_iter()
                .map(|when| (self.kind(Target::Receiver, others.clone().unwrap_or_default()), when))
                .collect();
        }
        let nodes = here(patterns.resolve(&self.nodes, stage.all_casts));
        if nodes.is_empty() {
            return Vec::new();
        }
        let others = match &self.from_others {
            Some(others) => {
                let found = here(patterns.resolve(others, stage.all_casts));
                if found.is_empty() {
                    return Vec::new();
                }
                found
            }
            // Several patterns make one side: they are cut off from the rest, not from each other.
            None if nodes.len() > 1 => stage.cast.outside(&nodes),
            None => Vec::new(),
        };
        let mut planned = Vec::new();
        for node in nodes {
            let target = Target::Nodes(node);
            planned.extend(when.iter().map(|w| (self.kind(target.clone(), others.clone()), w.clone())));
        }
        planned
    }

    fn kind(&self, nodes: Target, others: Vec<NodePattern>) -> FaultKind {
        let lasts = self.lasts.as_ref().map(|span| span.0);
        FaultKind::Partition { nodes, others, one_way: self.one_way, lasts }
    }
}

impl Drop {
    fn plan(&self, stage: &Stage<'_>, findings: &mut Findings) -> Vec<(FaultKind, When)> {
        let message = self.message.as_ref().map(|name| message(name, stage, findings));
        if !self.packet.exists_in(stage.design) {
            return Vec::new();
        }
        let kind = FaultKind::Drop {
            packet: match self.packet {
                Packet::Publish => PacketKind::Publish,
                Packet::Confirm => PacketKind::Confirm,
                Packet::Deliver => PacketKind::Deliver,
                Packet::Ack => PacketKind::Ack,
                Packet::Commit => PacketKind::Commit,
            },
            message: match message {
                Some(None) => return Vec::new(),
                Some(some) => some,
                None => None,
            },
            times: times(&self.times, findings),
        };
        vec![(kind, from(&self.at, stage, findings))]
    }
}

impl Handler {
    fn plan(
        &self,
        place: Place,
        stage: &Stage<'_>,
        findings: &mut Findings,
        kind: impl Fn(Option<usize>, Which) -> FaultKind,
    ) -> Vec<(FaultKind, When)> {
        let when = from(&self.at, stage, findings);
        let Some(which) = self.which(place, stage, findings) else { return Vec::new() };
        let subscriptions = match &self.subscription {
            None => vec![None],
            Some(name) => {
                let found = subscriptions(name, stage, findings);
                if let Which::Messages(messages) = &which {
                    messages.iter().for_each(|m| check_meeting(Some(m), name, &found, stage, findings));
                }
                found.into_iter().map(Some).collect()
            }
        };
        subscriptions.into_iter().map(|s| (kind(s, which.clone()), when.clone())).collect()
    }

    fn which(&self, place: Place, stage: &Stage<'_>, findings: &mut Findings) -> Option<Which> {
        let said =
            [self.message.is_some(), self.messages.is_some(), self.key.is_some(), self.chance.is_some()];
        if said.iter().filter(|said| **said).count() != 1 {
            let message = "say which messages by exactly one of `message`, `messages`, `key` and `chance`";
            findings.push(Diagnostic::new(message).at(place).hint("write for example `message: \"shop#3\"`"));
            return None;
        }
        if let Some(key) = &self.key {
            return Some(Which::Key(key.clone()));
        }
        if let Some(chance) = &self.chance {
            return Some(Which::Chance(chance.0));
        }
        let names = self.message.iter().chain(self.messages.iter().flatten());
        let mut found: Vec<MessageName> = names.filter_map(|name| message(name, stage, findings)).collect();
        found.sort();
        Some(Which::Messages(found))
    }

    fn refuse_work(&self, findings: &mut Findings, place: Place, name: &str) {
        if self.work.is_some() {
            let diagnostic = Diagnostic::new(format!("`{name}` has no `work`")).at(place);
            findings.push(diagnostic.hint("a handler that takes long is a `SlowHandler`"));
        }
    }
}

impl Timing<'_> {
    /// The times at which the fault acts; several where its trigger's subscription is split.
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<When> {
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
fn from(at: &Option<Placed<Duration>>, stage: &Stage<'_>, findings: &mut Findings) -> When {
    let Some(at) = at else { return When::At(Time::ZERO) };
    if at.value.0 > stage.end {
        let message = format!("this can never happen: the run ends at {} at the latest", show(stage.end));
        findings
            .push(Diagnostic::new(message).at(at.place).hint("make `run.duration` or `run.drain` longer"));
    }
    When::At(Time(at.value.0.0))
}

fn show(span: Span) -> String {
    crate::units::show_span(span)
}

fn times(times: &Option<Placed<u32>>, findings: &mut Findings) -> u32 {
    let Some(times) = times else { return 1 };
    if times.value == 0 {
        findings.refuse(times.place, "`times: 0` never happens; write at least 1, or leave the fault out");
    }
    times.value
}

/// The subscriptions of this name: one, or one for each member where the design splits them.
fn subscriptions(name: &Placed<String>, stage: &Stage<'_>, findings: &mut Findings) -> Vec<usize> {
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
fn check_meeting(
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
fn message(name: &Placed<String>, stage: &Stage<'_>, findings: &mut Findings) -> Option<MessageName> {
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
