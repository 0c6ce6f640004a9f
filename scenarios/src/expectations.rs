//! The lines of CEL in a scenario, checked before anything runs.

use crate::diagnostic::Diagnostic;
use crate::plan::{Expression, Plan};

/// What is wrong with the lines of `expect` and `require`, and with the conditions of `Until`.
pub(crate) fn check(plan: &Plan) -> Vec<Diagnostic> {
    let lines = plan.expect.iter().chain(&plan.require).chain(&plan.conditions);
    lines.filter_map(|line| check_line(line, &plan.text)).collect()
}

fn check_line(line: &Expression, text: &str) -> Option<Diagnostic> {
    if !line.text.trim().is_empty() {
        return None;
    }
    let place = line.place.inside_string(text, 0, line.text.len());
    Some(Diagnostic::new("an expression is missing").at(place))
}
