//! From a plan to findings: runs every design, measures, judges, and runs again with a recorder where a broken
//! guarantee wants a witness.

use crate::guarantee::{Standing, standings};
use crate::measure::Run;
use crate::recount;
use crate::result::{Assumption, DesignResult, ExpectResult, Guarantee, RequireResult, RunResult};
use crate::show::{DesignShow, Findings, Series};
use redeliver_models::checks::{Recorded, Recorder};
use redeliver_models::story::run_story;
use redeliver_models::{Ended, Setup, World, advance, build, finish};
use redeliver_scenarios::picture::picture_to_json;
use redeliver_scenarios::{Plan, PlannedDesign};
use redeliver_sim::{Span, Time};
use serde_json::Value;
use std::collections::BTreeMap;

/// The version of the result's format.
pub const SCHEMA: u32 = 1;
/// Events between two looks at the time: progress, traces.
pub(crate) const SLICE: u64 = 200_000;
/// Up to so many events, all facts are kept for the diagram of the first violation; beyond, those of its messages.
const EVENTS_RECORDED: u64 = 50_000;

/// Hears how far a run is: the design's name, and the share of the virtual time that is over.
pub type Progress<'a> = &'a mut dyn FnMut(&str, f64);

/// Runs every design of a plan.
pub fn run(plan: &Plan, progress: Progress<'_>) -> Findings {
    let mut result = RunResult {
        schema: SCHEMA,
        redeliver: env!("CARGO_PKG_VERSION").to_string(),
        title: plan.title.clone(),
        seed: plan.seed,
        designs: Default::default(),
        expect: Vec::new(),
        require: Vec::new(),
        replications: None,
    };
    let mut designs = Vec::new();
    for (name, design) in &plan.designs {
        let (figures, show) = run_design(plan, name, design, progress);
        result.designs.insert(name.clone(), figures);
        designs.push(show);
    }
    judge(plan, &mut result);
    Findings {
        result,
        question: plan.question.clone(),
        look_for: plan.look_for.clone(),
        note: plan.note.clone(),
        source: plan.source.clone(),
        baseline: plan.baseline,
        designs,
        replicas: Vec::new(),
    }
}

/// What a run leaves behind.
pub(crate) struct Finished {
    pub(crate) ended: Ended,
    /// When all guarantees that it broke were broken.
    found_by: Time,
    /// `clients`, `queues`, … and `looks` of a story.
    picture: BTreeMap<String, Value>,
}

pub(crate) fn run_once(
    plan: &Plan,
    name: &str,
    design: &PlannedDesign,
    recorder: Recorder,
    progress: Progress<'_>,
) -> Finished {
    let setup = &design.setup;
    if setup.script.is_some() {
        return tell(plan, setup, recorder);
    }
    let mut world = build(setup, recorder);
    let whole = (setup.duration + setup.drain).as_seconds();
    let (mut proofs, mut found_by) = (0, Time::ZERO);
    loop {
        let over = advance(&mut world, setup.limits, SLICE);
        if let Some(stopped) = over {
            let ended = finish(world, stopped);
            let found_by = if count_proofs(&ended.world) > proofs { Time::NEVER } else { found_by };
            return Finished { ended, found_by, picture: BTreeMap::new() };
        }
        if count_proofs(&world) > proofs {
            (proofs, found_by) = (count_proofs(&world), world.now());
        }
        progress(name, world.now().seconds() / whole);
    }
}

/// How many guarantees are broken: what proves it once proves it for good.
fn count_proofs(world: &World) -> usize {
    let all = world.checks().subscriptions.iter().flat_map(standings);
    all.filter(|standing| standing.proof.is_some()).count()
}

/// Runs a story to its last line.
fn tell(plan: &Plan, setup: &Setup, recorder: Recorder) -> Finished {
    let conditions = plan.conditions();
    let told = run_story(setup, recorder, &mut |condition, picture| conditions[condition].holds(picture));
    let looks = told.looks.iter().map(|(name, look)| (name.clone(), Value::Object(picture_to_json(look))));
    let mut picture: BTreeMap<String, Value> = picture_to_json(&told.picture).into_iter().collect();
    picture.insert("looks".into(), Value::Object(looks.collect()));
    Finished { ended: told.ended, found_by: Time::NEVER, picture }
}

fn run_design(
    plan: &Plan,
    name: &str,
    design: &PlannedDesign,
    progress: Progress<'_>,
) -> (DesignResult, DesignShow) {
    let Finished { ended, found_by, picture } = run_once(plan, name, design, Recorder::Off, progress);
    let run = Run { setup: &design.setup, ended: &ended };
    let book = ended.world.checks();
    let standings: Vec<Vec<Standing>> = book.subscriptions.iter().map(standings).collect();
    let recorded = if standings.iter().flatten().any(|standing| standing.proof.is_some()) {
        record(plan, name, design, &standings, (ended.world.events(), found_by), progress)
    } else {
        Vec::new()
    };
    let mut witnesses = Vec::new();
    let mut timelines = Vec::new();
    let mut guarantees = BTreeMap::new();
    let mut diagram = None;
    for (s, standings) in standings.iter().enumerate() {
        let mut by_name = BTreeMap::new();
        for standing in standings {
            let witness = standing.proof.map(|proof| {
                let (witness, timeline) = recount::witness(&run, s, proof, &recorded);
                if diagram.is_none() {
                    diagram = recount::diagram(&run, s, proof, &recorded);
                }
                // One chain of facts may prove several guarantees broken.
                witnesses.iter().position(|known| *known == witness).unwrap_or_else(|| {
                    witnesses.push(witness);
                    timelines.push(timeline);
                    witnesses.len() - 1
                })
            });
            let guarantee = Guarantee { verdict: standing.verdict, count: standing.count, witness };
            by_name.insert(standing.name.to_string(), guarantee);
        }
        guarantees.insert(run.shared().names.subscriptions[s].clone(), by_name);
    }
    let result = DesignResult { guarantees, witnesses, picture, ..figures(&run, design) };
    let show = DesignShow { series: series(&run), effect_times: run.effect_times(), diagram, timelines };
    (result, show)
}

/// The figures of a design, and how its guarantees stand: no witnesses, no picture.
pub(crate) fn measure_design(plan: &Plan, name: &str, design: &PlannedDesign) -> DesignResult {
    let ended = run_once(plan, name, design, Recorder::Off, &mut |_, _| ()).ended;
    let run = Run { setup: &design.setup, ended: &ended };
    let all = ended.world.checks().subscriptions.iter().zip(&run.shared().names.subscriptions);
    let guarantees = all.map(|(checks, name)| {
        let plain = |standing: Standing| {
            let guarantee = Guarantee { verdict: standing.verdict, count: standing.count, witness: None };
            (standing.name.to_string(), guarantee)
        };
        (name.clone(), standings(checks).into_iter().map(plain).collect())
    });
    DesignResult { guarantees: guarantees.collect(), ..figures(&run, design) }
}

fn figures(run: &Run<'_>, design: &PlannedDesign) -> DesignResult {
    DesignResult {
        fingerprint: format!("{:016x}", run.ended.world.checks().fingerprint()),
        virtual_time: run.ended.at.seconds(),
        events: run.ended.world.events(),
        stopped: run.ended.stopped.clone(),
        assumptions: assumptions(design),
        does_not_apply: design.does_not_apply.clone(),
        faults_skipped: u64::from(run.ended.world.faults_skipped()),
        producers: run.producers(),
        consumers: run.consumers(),
        brokers: run.brokers(),
        cost: run.cost(),
        guarantees: BTreeMap::new(),
        witnesses: Vec::new(),
        picture: BTreeMap::new(),
    }
}

fn assumptions(design: &PlannedDesign) -> Vec<Assumption> {
    let all = design.assumptions.iter();
    all.map(|assumption| Assumption {
        setting: assumption.setting.clone(),
        value: assumption.value.clone(),
        default: assumption.default,
        source: assumption.source.clone(),
    })
    .collect()
}

/// The same run again, keeping the facts that witnesses want; `first`: how many events it had, and when all was found.
fn record(
    plan: &Plan,
    name: &str,
    design: &PlannedDesign,
    standings: &[Vec<Standing>],
    first: (u64, Time),
    progress: Progress<'_>,
) -> Vec<Recorded> {
    let (events, found_by) = first;
    let recorder = if events <= EVENTS_RECORDED {
        Recorder::All(Vec::new())
    } else {
        let proofs = standings.iter().flatten().filter_map(|standing| standing.proof);
        let mut wanted: Vec<(u32, u32)> = proofs.flat_map(|proof| proof.messages()).collect();
        wanted.sort_unstable();
        wanted.dedup();
        Recorder::Of(wanted, Vec::new())
    };
    if events <= EVENTS_RECORDED || found_by == Time::NEVER {
        let mut ended = run_once(plan, name, design, recorder, progress).ended;
        return ended.world.checks_mut().0.recorder.take();
    }
    // A diagram goes on for a moment after its finding.
    let enough = found_by + Span(found_by.0 / recount::MARGIN);
    let mut world = build(&design.setup, recorder);
    while world.now() <= enough && advance(&mut world, design.setup.limits, SLICE).is_none() {
        progress(name, world.now().seconds() / enough.seconds());
    }
    world.checks_mut().0.recorder.take()
}

fn series(run: &Run<'_>) -> Vec<Series> {
    let names = &run.shared().names.subscriptions;
    let all = run.ended.world.checks().subscriptions.iter().zip(names);
    all.map(|(checks, name)| {
        let points = &checks.backlog.points;
        let backlog = points.iter().map(|(at, backlog, _)| (at.seconds(), *backlog as f64));
        let latency =
            points.iter().filter_map(|(at, _, latency)| Some((at.seconds(), (*latency)? as f64 / 1e9)));
        Series { consumer: name.clone(), backlog: backlog.collect(), latency: latency.collect() }
    })
    .collect()
}

/// Evaluates expectations and requirements.
fn judge(plan: &Plan, result: &mut RunResult) {
    let value = serde_json::to_value(&*result).expect("a result has only text keys");
    for (expectation, line) in plan.expectations().iter().zip(&plan.expect) {
        let outcome = expectation.evaluate(&value);
        result.expect.push(ExpectResult {
            text: line.text.clone(),
            verdict: outcome.verdict,
            read: outcome.read,
        });
    }
    for (requirement, line) in plan.requirements().iter().zip(&plan.require) {
        for (design, figures) in &result.designs {
            for consumer in figures.consumers.keys() {
                let met = match figures.stopped {
                    Some(_) => None,
                    None => requirement.met(&value["designs"][design]["consumers"][consumer]),
                };
                let (design, consumer) = (design.clone(), consumer.clone());
                result.require.push(RequireResult { text: line.text.clone(), design, consumer, met });
            }
        }
    }
}

/// The life of one message (source and number) in a design.
pub(crate) fn life(plan: &Plan, design: &PlannedDesign, message: (u32, u32)) -> (Ended, Vec<Recorded>) {
    let recorder = Recorder::Of(vec![message], Vec::new());
    let mut ended = run_once(plan, "", design, recorder, &mut |_, _| ()).ended;
    let facts = ended.world.checks_mut().0.recorder.take();
    (ended, facts)
}
