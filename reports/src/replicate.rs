//! The same plan under several seeds, side by side: every figure as a mean, and how sure it is.
//!
//! Which thread makes which run changes nothing: a run depends on its seed alone, and means are taken in the order of
//! the seeds. Verdicts, witnesses and all else that is shown are those of the first seed.

use crate::estimate::Estimate;
use crate::format;
use crate::result::{DesignResult, Named, Replications};
use crate::run::{measure_design, run};
use crate::show::Findings;
use redeliver_scenarios::Plan;
use serde_json::Value;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// The designs of one run, without what only some runs keep.
pub(crate) type Replica = Named<DesignResult>;

/// Runs a plan under so many seeds, from its own on, on so many threads. `progress` hears what is done, and the share.
///
/// The last seed must be one: the plan's seed plus `count` less one does not overflow.
pub fn replicate(plan: &Plan, count: u32, jobs: usize, progress: &(dyn Fn(&str, f64) + Sync)) -> Findings {
    assert!(count > 0);
    assert!(plan.seed.checked_add(u64::from(count) - 1).is_some());
    let (next, done) = (AtomicU32::new(0), AtomicU32::new(0));
    let (first, others) = (Mutex::new(None), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return;
            }
            if index == 0 {
                *first.lock().expect("nobody panicked") = Some(run(plan, &mut |_, _| ()));
            } else {
                let replica = replica(&plan.with_seed(plan.seed + u64::from(index)));
                others.lock().expect("nobody panicked").push((index, replica));
            }
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            progress(&format!("{done} of {count} runs"), f64::from(done) / f64::from(count));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, count as usize) {
            scope.spawn(work);
        }
    });
    let mut findings = first.into_inner().expect("nobody panicked").expect("the first run was made");
    let mut others = others.into_inner().expect("nobody panicked");
    others.sort_by_key(|(index, _)| *index);
    let mut own = findings.result.designs.clone();
    own.values_mut().for_each(lighten);
    findings.replicas = std::iter::once(own).chain(others.into_iter().map(|(_, replica)| replica)).collect();
    findings.result.replications = Some(summary(&findings.replicas));
    findings
}

/// What the figures of a table are, where they are of several seeds.
pub(crate) fn sentence(findings: &Findings) -> Option<String> {
    let replications = findings.result.replications.as_ref()?;
    let (n, seed) = (replications.n, findings.result.seed);
    let stopped = match replications.stopped {
        0 => String::new(),
        stopped => format!(" {} stopped at a limit.", format::counted(u64::from(stopped), "run")),
    };
    Some(format!(
        "Figures are means over {} (seeds {seed} to {}) ± half of the 95 % confidence interval; all else is of seed \
         {seed}.{stopped}",
        format::counted(u64::from(n), "run"),
        seed.saturating_add(u64::from(n) - 1),
    ))
}

fn replica(plan: &Plan) -> Replica {
    let all = plan.designs.iter().map(|(name, design)| {
        let mut result = measure_design(plan, name, design);
        lighten(&mut result);
        (name.clone(), result)
    });
    all.collect()
}

/// Lists and pictures are no figures.
fn lighten(result: &mut DesignResult) {
    result.consumers.values_mut().for_each(|consumer| consumer.members.clear());
    result.witnesses.clear();
    result.picture.clear();
    result.assumptions.clear();
    result
        .guarantees
        .values_mut()
        .flat_map(|all| all.values_mut())
        .for_each(|guarantee| guarantee.witness = None);
}

fn summary(replicas: &[Replica]) -> Replications {
    let stopped = |replica: &&Replica| replica.values().any(|design| design.stopped.is_some());
    let values: Vec<Value> =
        replicas.iter().map(|replica| serde_json::to_value(replica).expect("keys are text")).collect();
    let mut figures = Named::new();
    if let Some(first) = values.first() {
        let all: Vec<&Value> = values.iter().collect();
        gather("designs", first, &all, &mut figures);
    }
    Replications {
        n: replicas.len() as u32,
        stopped: replicas.iter().filter(stopped).count() as u32,
        figures,
    }
}

/// Every number below a value, with its path as an expectation writes it; `all` are that value in all runs.
fn gather(path: &str, first: &Value, all: &[&Value], figures: &mut Named<Estimate>) {
    if let Value::Object(fields) = first {
        for (name, value) in fields {
            let all: Vec<&Value> = all.iter().map(|value| &value[name]).collect();
            gather(&step(path, name), value, &all, figures);
        }
    } else if all.iter().any(|value| value.is_number()) {
        let values: Vec<Option<f64>> = all.iter().map(|value| value.as_f64()).collect();
        figures.insert(path.into(), Estimate::of(&values));
    }
}

/// `path.name`, or `path["name"]` where the name is no identifier.
fn step(path: &str, name: &str) -> String {
    let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    match plain && !name.starts_with(|letter: char| letter.is_ascii_digit()) {
        true => format!("{path}.{name}"),
        false => format!("{path}[{name:?}]"),
    }
}
