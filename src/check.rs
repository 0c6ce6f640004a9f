//! `check FILE`: reads a scenario and says what is wrong, or what it holds.

use crate::arguments::Check;
use crate::ending::{Ending, Failure};
use crate::{input, output};
use redeliver_scenarios::Plan;

pub(crate) fn check(wanted: &Check) -> Result<Ending, Failure> {
    let plan = input::plan(&wanted.file, &wanted.changes.options())?;
    output::show(&format!("{} is fine: {}\n", input::name(&wanted.file), holds(&plan)))?;
    Ok(Ending::Fine)
}

/// `2 designs (queue, log), 1 producer, 1 consumer, 3 expectations`.
fn holds(plan: &Plan) -> String {
    let designs: Vec<&str> = plan.designs.keys().map(String::as_str).collect();
    let mut parts = vec![format!("{} ({})", counted(designs.len(), "design"), designs.join(", "))];
    if let Some((_, baseline)) = plan.designs.get_index(plan.baseline) {
        let setup = &baseline.setup;
        if let Some(script) = &setup.script {
            parts.push(counted(script.lines.len(), "step"));
            parts.push(counted(script.clients.len(), "client"));
        }
        parts.push(counted(setup.producers.len(), "producer"));
        parts.push(counted(setup.consumers.len(), "consumer"));
    }
    parts.push(counted(plan.expect.len(), "expectation"));
    if !plan.require.is_empty() {
        parts.push(counted(plan.require.len(), "requirement"));
    }
    parts.join(", ")
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
