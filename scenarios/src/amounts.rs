//! How much one file may ask for. What a file lists is checked before anything is made of it, what its designs come to
//! before a world is built: a scenario can neither fill the memory nor hang before its run has limits of its own.

use crate::defaults::*;
use crate::design::Designed;
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::Placed;
use crate::nodes::Cast;
use crate::producer::{Key, Producer};
use crate::scenario::Scenario;
use crate::schedule::Schedule;
use redeliver_models::queue::{Config, QueueConfig};
use redeliver_models::setup::{self, Design, FaultKind, KeyChoice, When, Which};
use redeliver_sim::{Distribution, Span};
use std::collections::BTreeSet;

/// Refuses more than there may be of `what`.
fn most(found: u64, most: u64, what: &str, place: Option<Place>, hint: &str, findings: &mut Findings) {
    if found > most {
        let message = format!("{found} {what}: there may be {most} at most");
        findings.push(Diagnostic { place, ..Diagnostic::new(message).hint(hint) });
    }
}

/// What a file lists.
pub(crate) fn check_scenario(scenario: &Scenario, findings: &mut Findings) {
    let groups = scenario.producers.len() + scenario.consumers.len();
    let all = scenario.producers.iter().map(|(_, producer)| &producer.members);
    let all = all.chain(scenario.consumers.iter().map(|(_, consumer)| &consumer.members));
    let nodes: u64 = all.map(members).sum();
    let ends = |end: &Option<_>| end.as_ref().map_or(1, |ends: &crate::named::OneOrMore<_>| ends.0.len());
    let links: usize = scenario.network.links.0.iter().map(|rule| ends(&rule.from) * ends(&rule.to)).sum();
    let first = scenario.faults.0.get(FAULTS_MAX).map(|fault| fault.place);
    let line = scenario.script.0.get(SCRIPT_LINES_MAX).map(|line| line.place);
    let counts: [(usize, usize, &str, Option<Place>, &str); 6] = [
        (groups, GROUPS_MAX, "groups", None, "groups that are alike can be members of one"),
        (
            scenario.designs.value.len(),
            DESIGNS_MAX,
            "designs",
            Some(scenario.designs.place),
            "each is a run of its own: use several files",
        ),
        (scenario.faults.0.len(), FAULTS_MAX, "faults", first, "`every: \"exp(45s)\"` is many in one"),
        (scenario.nodes.len(), RULES_MAX, "entries of `nodes`", None, "`shop/*` is all members of a group"),
        (links, RULES_MAX, "pairs of ends in `network.links`", None, "`shop/*` is all members of a group"),
        (
            scenario.script.0.len(),
            SCRIPT_LINES_MAX,
            "lines of a script",
            line,
            "a load has producers instead",
        ),
    ];
    for (found, limit, what, place, hint) in counts {
        most(found as u64, limit as u64, what, place, hint, findings);
    }
    let hint = "fewer members that publish faster make the same load";
    most(nodes, NODES_MAX, "members in all groups", None, hint, findings);
    let mut so_far = 0;
    for (_, producer) in scenario.producers.iter().filter(|(_, producer)| entries(producer) > 0) {
        so_far += entries(producer);
        let place = producer.key.as_ref().map_or(producer.schedule.place, |key| key.place);
        let hint = "each member has its own: take fewer members, or shorter lists";
        let what = "times, keys and labels over all members of producers";
        most(so_far, ENTRIES_MAX, what, Some(place), hint, findings);
        if so_far > ENTRIES_MAX {
            break;
        }
    }
    if let Some(keep) = scenario.run.keep.as_ref().filter(|keep| keep.value > KEEP_MAX) {
        let diagnostic = Diagnostic::new(format!("`keep` may be {KEEP_MAX} at most")).at(keep.place);
        findings.push(diagnostic.hint("`--trace FILE` writes every fact of a run into a file"));
    }
}

/// More members than one group may have are refused there.
fn members(said: &Option<Placed<u32>>) -> u64 {
    said.as_ref().map_or(1, |members| u64::from(members.value.min(MEMBERS_MAX)))
}

/// Entries of the lists that every member of a producer has.
fn entries(producer: &Producer) -> u64 {
    let times = if let Schedule::At(times) = &producer.schedule.value { times.len() } else { 0 };
    let keys = match producer.key.as_ref().map(|key| &key.value) {
        Some(Key::Cycle(keys)) => keys.len(),
        // More are refused there.
        Some(Key::Zipf { n, .. }) if *n <= KEYS_MAX => *n as usize,
        _ => 0,
    };
    (times + keys + producer.labels.len()) as u64 * members(&producer.members)
}

/// What a design comes to, before its world is built.
pub(crate) fn check_design(
    place: Place,
    designed: &Designed,
    cast: &Cast,
    producers: &[setup::Producer],
    findings: &mut Findings,
) {
    let place = Some(place);
    let subscriptions = match &designed.design {
        Design::Queue(config) => count_subscriptions(config),
        Design::Log(_) | Design::Udp(_) | Design::Webhook(_) => designed.consumers.len(),
    } as u64;
    let hint = "each has its own checks: members of one subscription share its messages";
    most(subscriptions, SUBSCRIPTIONS_MAX, "subscriptions in this design", place, hint, findings);
    let hint = "fewer members or clients make the same load";
    most(cast.nodes.len() as u64, NODES_MAX, "nodes in this design", place, hint, findings);
    let mut lines = producers.iter().map(|producer| u64::from(producer.members)).sum::<u64>();
    lines += producers.iter().map(|producer| keys(&producer.key).0).max().unwrap_or(0);
    lines += producers.iter().map(|producer| keys(&producer.key).1).sum::<u64>();
    if let Design::Log(config) = &designed.design {
        let hint = "each has its own index: take fewer topics, or fewer partitions in each";
        most(config.topics.len() as u64, TOPICS_MAX, "topics in this design", place, hint, findings);
        let partitions: u64 = config.topics.iter().map(|topic| u64::from(topic.partitions)).sum();
        most(partitions, ALL_PARTITIONS_MAX, "partitions of all topics", place, hint, findings);
        lines += partitions;
        let members = designed.consumers.iter().map(|consumer| consumer.members.len()).max().unwrap_or(0);
        let hint = "at every join the group deals its partitions anew, to all: take fewer members";
        most(members as u64, GROUP_MEMBERS_MAX, "members of one group in this design", place, hint, findings);
    }
    let hint = "every subscription checks the order of each: take fewer keys, or fewer subscriptions";
    let what = "keys, producers and partitions times subscriptions";
    most(lines * subscriptions, LINES_MAX, what, place, hint, findings);
    if let Design::Udp(_) | Design::Webhook(_) = &designed.design {
        let receivers = |topic| {
            let all = designed.consumers.iter().filter(|consumer| consumer.topic == topic);
            all.map(|consumer| consumer.members.len() as u64).sum::<u64>()
        };
        let all = producers.iter().map(|producer| u64::from(producer.members) * receivers(producer.topic));
        let hint = "every producer talks to every receiver: take fewer members, or a design with a broker";
        most(all.sum(), CONNECTIONS_MAX, "connections in this design", place, hint, findings);
    }
}

/// The sessions of a subscription's members are one.
fn count_subscriptions(config: &Config) -> usize {
    let shared = |queue: &QueueConfig| queue.session.as_ref()?.of.clone();
    let names: BTreeSet<String> = config.queues.iter().filter_map(shared).collect();
    names.len() + config.queues.iter().filter(|queue| shared(queue).is_none()).count()
}

/// Keys that are numbers, which producers share, and keys that have names.
fn keys(key: &KeyChoice) -> (u64, u64) {
    match key {
        KeyChoice::None => (0, 0),
        KeyChoice::Const(_) => (0, 1),
        KeyChoice::Cycle(keys) => (0, keys.len() as u64),
        KeyChoice::Uniform(n) | KeyChoice::Zipf { n, .. } => (u64::from(*n), 0),
    }
}

/// What the faults of a design come to: every act of each at every node that it may meet.
pub(crate) struct Acts {
    so_far: u64,
    nodes: u64,
}

impl Acts {
    pub(crate) fn new(cast: &Cast) -> Self {
        Acts { so_far: 0, nodes: cast.nodes.len() as u64 + 1 }
    }

    /// One fault more; refused if that is too much.
    pub(crate) fn add(&mut self, what: &FaultKind, when: &When, place: Place, findings: &mut Findings) {
        let times = match when {
            When::Every { span, from, until, times, .. } => {
                expected_draws(span, until.since(*from)).min(times.map_or(u64::MAX, u64::from))
            }
            When::At(_) | When::On { .. } => 1,
        };
        let each = match what {
            FaultKind::FailingHandler { which: Which::Messages(messages), .. }
            | FaultKind::SlowHandler { which: Which::Messages(messages), .. } => messages.len() as u64,
            _ => 1,
        };
        let before = self.so_far <= ACTS_MAX;
        self.so_far = self.so_far.saturating_add(times.saturating_mul(each).saturating_mul(self.nodes));
        if before && self.so_far > ACTS_MAX {
            let message = format!(
                "this fault acts about {times} times, with {} nodes to meet: too often to be planned",
                self.nodes - 1
            );
            let hint = "make `every` longer, `run.duration` shorter, or the groups smaller";
            findings.push(Diagnostic::new(message).at(place).hint(hint));
        }
    }
}

/// How many draws fill a span, at the most: every second one is not below the median.
fn expected_draws(draw: &Distribution, span: Span) -> u64 {
    2 * (span.0 / draw.sample(1 << 63).max(1)) + 1
}
