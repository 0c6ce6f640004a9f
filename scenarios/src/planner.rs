//! From scenario to plan: names resolved, ranges checked, everything brought into the order of names.

use crate::amounts::Acts;
use crate::assumptions::Assumptions;
use crate::defaults::*;
use crate::design::{Designed, Load};
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::fault::{Fault, Stage};
use crate::named::Placed;
use crate::needs::{self, Means};
use crate::nodes::{Cast, Patterns};
use crate::plan::{Expression, Plan, PlannedDesign};
use crate::record::RecordText;
use crate::scenario::Scenario;
use crate::story::{self, Story};
use crate::units::show_span;
use crate::{amounts, expectations, machine};
use indexmap::IndexMap;
use redeliver_models::setup::{self, Role};
use redeliver_models::{Limits, Setup};
use redeliver_sim::{Span, name_hash};
use std::collections::BTreeMap;

/// Makes the plan, or says all that is wrong.
pub(crate) fn plan(
    name: &str,
    text: &str,
    scenario: &Scenario,
    seed: Option<u64>,
) -> Result<Plan, Vec<Diagnostic>> {
    let mut findings = Findings::default();
    amounts::check_scenario(scenario, &mut findings);
    if !findings.0.is_empty() {
        return Err(findings.0);
    }
    let seed = seed.or(scenario.seed).unwrap_or(SEED);
    let workload = Workload::plan(text, scenario, &mut findings);
    let designs = plan_designs(scenario, text, seed, &workload, &mut findings);
    let baseline = baseline(scenario, &mut findings);
    // Where a design cannot be planned there are none to name.
    let record = scenario.record.as_ref().filter(|_| !designs.is_empty());
    let record = record.map(|record| RecordText::plan(record, &designs, &mut findings));
    let plan = Plan {
        title: scenario.title.clone(),
        question: scenario.question.clone(),
        look_for: scenario.look_for.clone(),
        source: scenario.source.clone(),
        note: scenario.note.clone(),
        concepts: scenario.concepts.clone(),
        seed,
        designs,
        baseline,
        expect: expressions(&scenario.expect.0),
        require: expressions(&scenario.require.0),
        conditions: workload.story.conditions,
        record,
        file: name.into(),
        text: text.into(),
        text_hash: name_hash(text),
    };
    findings.0.extend(expectations::check(&plan));
    if findings.0.is_empty() { Ok(plan) } else { Err(findings.0) }
}

fn expressions(lines: &[Placed<String>]) -> Vec<Expression> {
    lines.iter().map(|line| Expression { text: line.value.clone(), place: line.place }).collect()
}

/// What is the same in every design.
struct Workload {
    topics: Vec<String>,
    /// Where each of them is named first.
    topic_places: Vec<Place>,
    producers: Vec<setup::Producer>,
    counts: Vec<Option<u64>>,
    consumers: Vec<(Placed<String>, setup::Consumer)>,
    groups: Vec<String>,
    story: Story,
    duration: Span,
    drain: Span,
    warm_up: Span,
    heal_at: Option<Span>,
    keep: usize,
    limits: Limits,
}

impl Workload {
    fn plan(text: &str, scenario: &Scenario, findings: &mut Findings) -> Workload {
        if scenario.format.value != 1 {
            let diagnostic = Diagnostic::new("this version reads format 1").at(scenario.format.place);
            findings.push(diagnostic.hint("write `format: 1`").fix("1"));
        }
        check_names(scenario, findings);
        let mut topics: Vec<String> =
            scenario.producers.iter().map(|(_, p)| p.publish.value.clone()).collect();
        topics.sort();
        topics.dedup();
        let producers = scenario.producers.sorted();
        let counts = producers.iter().map(|(_, _, producer)| producer.count_known()).collect();
        let consumers = scenario.consumers.sorted();
        let story = story::plan(text, scenario, findings);
        let is_story = producers.is_empty() && consumers.is_empty();
        if is_story && story.script.is_none() {
            let diagnostic = Diagnostic::new("nothing happens: there are neither producers nor a script");
            findings.push(
                diagnostic
                    .hint("add `producers: {\"shop\": (publish: \"orders\", schedule: Every(\"10ms\"))}`"),
            );
        }
        let named = |topic: &String| producers.iter().find(|(.., producer)| producer.publish.value == *topic);
        let topic_places = topics.iter().filter_map(|topic| Some(named(topic)?.2.publish.place)).collect();
        let duration = scenario.run.duration.as_ref();
        let default = if is_story { STORY_DURATION } else { DURATION };
        let drain = if is_story { Span::ZERO } else { DRAIN };
        let workload = Workload {
            producers: producers
                .iter()
                .map(|(name, _, producer)| producer.plan(name, &topics, findings))
                .collect(),
            consumers: consumers
                .iter()
                .map(|(name, _, c)| (c.read.clone(), c.plan(name, findings)))
                .collect(),
            groups: consumers.iter().map(|(name, _, _)| name.to_string()).collect(),
            topics,
            topic_places,
            counts,
            story,
            duration: duration.map_or(default, |duration| duration.value.0),
            drain: scenario.run.drain.as_ref().map_or(drain, |drain| drain.0),
            warm_up: scenario.run.warm_up.as_ref().map_or(Span::ZERO, |warm_up| warm_up.value.0),
            heal_at: scenario.run.heal_at.as_ref().map(|heal_at| heal_at.value.0),
            keep: scenario.run.keep.as_ref().map_or(KEEP, |keep| keep.value as usize),
            limits: Limits {
                events_max: scenario.run.max_events.as_ref().map_or(EVENTS_MAX, |max| max.value),
                memory_max: scenario.run.max_memory.as_ref().map_or(RUN_MEMORY_MAX, |max| max.value.0),
            },
        };
        workload.check(scenario, findings);
        workload
    }

    fn check(&self, scenario: &Scenario, findings: &mut Findings) {
        if let Some(duration) =
            scenario.run.duration.as_ref().filter(|duration| duration.value.0 == Span::ZERO)
        {
            findings.refuse(duration.place, "`duration` must be above zero: nothing would be published");
        }
        if let Some(warm_up) = scenario.run.warm_up.as_ref().filter(|_| self.warm_up >= self.duration) {
            let diagnostic =
                Diagnostic::new("the warm-up takes all of the duration: no time is left to average over");
            findings.push(diagnostic.at(warm_up.place).hint("make it shorter, or `duration` longer"));
        }
        if let Some(heal_at) = &scenario.run.heal_at {
            let end = self.duration + self.drain;
            if heal_at.value.0 == Span::ZERO {
                let diagnostic =
                    Diagnostic::new("`heal_at` of zero: no fault would ever act").at(heal_at.place);
                findings.push(diagnostic.hint("make it later, or leave the faults out"));
            } else if heal_at.value.0 > end && self.story.script.is_none() {
                let message =
                    format!("this can never happen: the run ends at {} at the latest", show_span(end));
                let diagnostic = Diagnostic::new(message).at(heal_at.place);
                findings.push(diagnostic.hint("make `run.duration` or `run.drain` longer"));
            }
        }
        if let Some(max) = scenario.run.max_events.as_ref().filter(|max| max.value == 0) {
            findings.refuse(max.place, "`max_events` must be at least 1");
        }
        if let Some(max) = scenario.run.max_memory.as_ref().filter(|max| max.value.0 == 0) {
            let diagnostic = Diagnostic::new("`max_memory` must be above zero").at(max.place);
            findings.push(diagnostic.hint("write for example `max_memory: \"4 GiB\"`"));
        }
    }

    fn load<'a>(&'a self, story_names: &'a [String], clients: &'a [String]) -> Load<'a> {
        Load {
            topics: &self.topics,
            topic_places: &self.topic_places,
            consumers: &self.consumers,
            producers: &self.producers,
            clients,
            story_names,
            script: self.story.script.as_ref(),
            declared: &self.story.declared,
        }
    }
}

/// Names of producers, consumers and clients: one space of names, of letters that no other notation uses.
fn check_names(scenario: &Scenario, findings: &mut Findings) {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    let producers = scenario.producers.0.iter().map(|(name, entry)| (name, entry.name_place, "producer"));
    let consumers = scenario.consumers.0.iter().map(|(name, entry)| (name, entry.name_place, "consumer"));
    for (name, place, kind) in producers.chain(consumers) {
        check_name(name, place, findings);
        if let Some(other) = seen.insert(name, kind) {
            let diagnostic =
                Diagnostic::new(format!("`{name}` is the name of a {other} and of a {kind}")).at(place);
            findings.push(diagnostic.hint("their members' nodes would have the same names: rename one"));
        }
    }
    for (name, entry) in &scenario.designs.value.0 {
        if name.is_empty() {
            findings.refuse(entry.name_place, "a design needs a name");
        }
    }
}

const RESERVED: [&str; 7] = ["producers", "brokers", "consumers", "clients", "net", "ops", "broker"];

fn check_name(name: &str, place: Place, findings: &mut Findings) {
    let fine = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || !name.chars().all(fine) {
        let message = format!("`{name}` cannot be a name: use letters, digits, `_`, `-` and `.`");
        findings
            .push(Diagnostic::new(message).at(place).hint("`/`, `#` and `*` have a meaning in node names"));
    } else if RESERVED.contains(&name) {
        findings.refuse(place, format!("`{name}` has a meaning of its own: take another name"));
    }
}

fn baseline(scenario: &Scenario, findings: &mut Findings) -> usize {
    let designs = &scenario.designs.value.0;
    if designs.is_empty() {
        let diagnostic = Diagnostic::new("there is no design").at(scenario.designs.place);
        findings.push(diagnostic.hint("write for example `designs: {\"queue\": Queue()}`"));
    }
    let Some(baseline) = &scenario.baseline else { return 0 };
    designs.get_index_of(&baseline.value).unwrap_or_else(|| {
        let diagnostic =
            Diagnostic::new(format!("there is no design `{}`", baseline.value)).at(baseline.place);
        findings.push(diagnostic.nearest(&baseline.value, designs.keys().map(String::as_str)));
        0
    })
}

/// Each design with the load, the hardware and the faults, in the order of the file.
fn plan_designs(
    scenario: &Scenario,
    text: &str,
    seed: u64,
    workload: &Workload,
    findings: &mut Findings,
) -> IndexMap<String, PlannedDesign> {
    let Some(designed) = design_all(scenario, workload, findings) else { return IndexMap::new() };
    let casts: Vec<Cast> = designed.iter().map(|(.., cast)| cast.clone()).collect();
    let mut patterns = Patterns { findings, groups: &workload.groups };
    let doubled = scenario.faults.0.iter().any(|fault| matches!(fault.value, Fault::Duplicate(_)));
    let network = scenario.network.plan(&casts, doubled, &mut patterns);
    let machines = machine::plan(&scenario.nodes, &casts, &mut patterns);
    let fault_budget = plan_budget(scenario, &casts, &mut patterns);
    let mut demands = scenario.network.demands(text);
    demands.extend(machine::demands(&scenario.nodes, &workload.groups, text));
    needs::refuse_unmet(&demands, &casts, patterns.findings);
    let mut planned = IndexMap::new();
    let mut idle: Vec<Vec<(usize, String)>> = Vec::new();
    for (name, assumptions, design, cast) in designed {
        let mut does_not_apply = Vec::new();
        let stage = |stream| Stage {
            cast: &cast,
            producers: &workload.producers,
            counts: &workload.counts,
            consumers: &design.consumers,
            groups: &workload.groups,
            all_casts: &casts,
            duration: workload.duration,
            end: workload.duration + workload.drain,
            heal_at: workload.heal_at,
            has_script: workload.story.script.is_some(),
            stream,
            design: &design.design,
        };
        let acts = Acts::new(&cast);
        let faults = plan_faults(scenario, text, stage, acts, &mut does_not_apply, &mut patterns);
        let setup = Setup {
            seed,
            duration: workload.duration,
            drain: workload.drain,
            warm_up: workload.warm_up,
            keep: workload.keep,
            limits: workload.limits,
            topics: workload.topics.clone(),
            producers: workload.producers.clone(),
            consumers: design.consumers,
            network: network.clone(),
            machines: machines.clone(),
            faults,
            heal_at: workload.heal_at,
            fault_budget: fault_budget.clone(),
            script: workload.story.script_for(&design.declared, &design.design),
            design: design.design,
        };
        let unmet =
            demands.iter().filter(|demand| !demand.is_met_in(&cast)).map(|demand| demand.text.clone());
        let texts = unmet.chain(does_not_apply.iter().map(|(_, text)| text.clone())).collect();
        idle.push(does_not_apply);
        let design = PlannedDesign { setup, assumptions: assumptions.0, does_not_apply: texts };
        planned.insert(name.clone(), design);
    }
    refuse_idle_faults(scenario, &idle, findings);
    planned
}

/// A design by its name: what it assumes, what it is made of, and its nodes.
type Built<'a> = (&'a String, Assumptions, Designed, Cast);

/// Each design with the load and the story, in the order of the file; none if one of them is too much.
fn design_all<'a>(
    scenario: &'a Scenario,
    workload: &Workload,
    findings: &mut Findings,
) -> Option<Vec<Built<'a>>> {
    let clients = workload.story.clients();
    let load = workload.load(&workload.story.names, &clients);
    let mut too_much = false;
    let mut designed: Vec<Built<'_>> = Vec::new();
    for (name, entry) in &scenario.designs.value.0 {
        let mut assumptions = Assumptions::new();
        let before = findings.0.len();
        let design = entry.value.plan(&load, &mut assumptions, findings);
        findings.place_at(before, entry.value.place);
        findings.forget_repeated(before);
        scenario
            .producers
            .sorted()
            .iter()
            .for_each(|(name, _, producer)| producer.assume(name, &mut assumptions));
        let mut cast = Cast { nodes: load.nodes(), means: Means::of(&design.design, &workload.producers) };
        cast.nodes.extend(design.brokers.iter().map(|broker| (broker.clone(), Role::Broker)));
        scenario.network.assume(cast.means.has_datagrams(), &mut assumptions);
        let broker = design.brokers.first().map(String::as_str);
        machine::assume(&scenario.nodes, &cast, broker, &mut assumptions);
        let before = findings.0.len();
        amounts::check_design(entry.value.place, &design, &cast, &workload.producers, findings);
        too_much |= findings.0.len() > before;
        designed.push((name, assumptions, design, cast));
    }
    let casts: Vec<Cast> = designed.iter().map(|(.., cast)| cast.clone()).collect();
    workload.story.check_nodes(&casts, findings);
    workload.story.check_clients(&casts, findings);
    let all: Vec<&Designed> = designed.iter().map(|(_, _, design, _)| design).collect();
    workload.story.check_verbs(&all, findings);
    for (name, _, design, _) in &designed {
        let before = findings.0.len();
        workload.story.check_names(name, &design.design, findings);
        workload.story.check_priorities(&design.design, findings);
        findings.place_at(before, scenario.designs.value.0[*name].value.place);
    }
    (!too_much).then_some(designed)
}

/// Refuses faults that apply to no design. `idle`: by design, those that do not apply to it, by their numbers.
fn refuse_idle_faults(scenario: &Scenario, idle: &[Vec<(usize, String)>], findings: &mut Findings) {
    let Some((first, others)) = idle.split_first() else { return };
    let everywhere = |number: usize| others.iter().all(|design| design.iter().any(|(n, _)| *n == number));
    for (number, _) in first.iter().filter(|(number, _)| everywhere(*number)) {
        let diagnostic = Diagnostic::new("this can never happen: the fault applies to no design");
        let hint = "no design has what it meets, or notes what it waits for: leave it out, or add a design that does";
        findings.push(diagnostic.at(scenario.faults.0[*number].place).hint(hint));
    }
}

fn plan_budget(
    scenario: &Scenario,
    casts: &[Cast],
    patterns: &mut Patterns<'_>,
) -> Vec<(setup::NodePattern, u32)> {
    let mut budget = Vec::new();
    for (name, place, most) in scenario.fault_budget.sorted() {
        if most.value == 0 {
            let diagnostic = Diagnostic::new("a budget of 0 lets no fault take a node down").at(most.place);
            patterns.findings.push(diagnostic.hint("write at least 1, or leave those faults out"));
        }
        budget.push((patterns.one(name, place, casts), most.value));
    }
    budget
}

fn plan_faults<'a>(
    scenario: &Scenario,
    text: &str,
    stage: impl Fn(String) -> Stage<'a>,
    mut acts: Acts,
    does_not_apply: &mut Vec<(usize, String)>,
    patterns: &mut Patterns<'_>,
) -> Vec<setup::Fault> {
    let mut planned = Vec::new();
    let mut streams: BTreeMap<String, u32> = BTreeMap::new();
    for (number, fault) in scenario.faults.0.iter().enumerate() {
        let written = text.get(fault.place.start..fault.place.end).unwrap_or_default();
        let line: Vec<&str> = written.split_whitespace().collect();
        let line = line.join(" ");
        // Named after what it says, not after its place in the file: another fault changes nothing in its draws.
        let copies = streams.entry(line.replace(' ', "")).or_insert(0);
        *copies += 1;
        let stream = format!("fault {} {copies}", line.replace(' ', ""));
        let before = patterns.findings.0.len();
        let found = fault.value.plan(fault.place, &stage(stream), patterns);
        if found.is_empty() && patterns.findings.0.len() == before {
            does_not_apply.push((number, line.clone()));
        }
        let fine = patterns.findings.0.len() == before;
        for (what, when) in found.iter().filter(|_| fine) {
            acts.add(what, when, fault.place, patterns.findings);
        }
        planned.extend(found.into_iter().map(|(what, when)| setup::Fault { what, when, text: line.clone() }));
    }
    planned
}
