//! Running a scenario's text, for the tests beside this folder.
#![allow(dead_code)] // each test uses a part

pub(crate) mod case;
mod designs;
pub(crate) mod library;
pub(crate) mod restarts;

use redeliver_scenarios::{Options, Plan, PlannedDesign, read};
use serde_json::Value;

/// The plan of a scenario that must be a good one.
pub(crate) fn plan(text: &str, seed: u64) -> Plan {
    let options = Options { seed: Some(seed), ..Options::default() };
    read("test.ron", text, &options).unwrap_or_else(|report| panic!("{report}"))
}

/// A plan's design by its name.
pub(crate) fn design<'a>(plan: &'a Plan, name: &str) -> &'a PlannedDesign {
    plan.designs.iter().find(|(found, _)| *found == name).expect("the design is there").1
}

/// The result of a run, as JSON.
pub(crate) fn run(text: &str, seed: u64) -> Value {
    result(&plan(text, seed))
}

/// The result of a plan's run, as JSON.
pub(crate) fn result(plan: &Plan) -> Value {
    let findings = redeliver_reports::run(plan, &mut |_, _| ());
    serde_json::to_value(&findings.result).expect("a result is JSON")
}
