//! The lines of CEL in a scenario, checked before anything runs, and made ready for a run.

use crate::diagnostic::Diagnostic;
use crate::expect::{Condition, ExpectError, Expectation, Names, Requirement, Scope};
use crate::plan::{Expression, Plan, PlannedDesign};
use redeliver_models::causes::{DuplicateCause, LossCause};
use redeliver_models::node_names;
use redeliver_models::setup::Role;

/// What is wrong with the lines of `expect` and `require`, and with the conditions of `Until`.
pub(crate) fn check(plan: &Plan) -> Vec<Diagnostic> {
    let scope = scope(plan);
    let mut found = Vec::new();
    let mut look = |lines: &[Expression], compile: &dyn Fn(&str) -> Result<(), ExpectError>| {
        for line in lines {
            if let Err(error) = compile(&line.text) {
                let place = line.place.inside_string(&plan.text, error.offset, error.length);
                let diagnostic = Diagnostic::new(error.message).at(place);
                found.push(match error.hint {
                    Some(hint) => diagnostic.hint(hint),
                    None => diagnostic,
                });
            }
        }
    };
    look(&plan.expect, &|text| Expectation::compile(text, &scope).map(drop));
    look(&plan.require, &|text| Requirement::compile(text, &scope).map(drop));
    look(&plan.conditions, &|text| Condition::compile(text, &scope).map(drop));
    found
}

const CHECKED: &str = "it was compiled when the plan was made";

impl Plan {
    /// The lines of `expect`, ready to be evaluated.
    pub fn expectations(&self) -> Vec<Expectation> {
        let scope = scope(self);
        self.expect.iter().map(|line| Expectation::compile(&line.text, &scope).expect(CHECKED)).collect()
    }

    /// The lines of `require`, ready to be evaluated.
    pub fn requirements(&self) -> Vec<Requirement> {
        let scope = scope(self);
        self.require.iter().map(|line| Requirement::compile(&line.text, &scope).expect(CHECKED)).collect()
    }

    /// The conditions of the script's `Until`, by their numbers.
    pub fn conditions(&self) -> Vec<Condition> {
        let scope = scope(self);
        self.conditions.iter().map(|line| Condition::compile(&line.text, &scope).expect(CHECKED)).collect()
    }
}

/// The names that an expression may use.
fn scope(plan: &Plan) -> Scope {
    let designs = plan.designs.iter().map(|(name, design)| (name.clone(), names(design)));
    let causes = LossCause::ALL.iter().map(|cause| cause.name().to_string());
    let duplicates = DuplicateCause::ALL.iter().map(|cause| cause.name().to_string());
    Scope {
        designs: designs.collect(),
        loss_causes: Some(causes.collect()),
        duplicate_causes: Some(duplicates.collect()),
    }
}

fn names(design: &PlannedDesign) -> Names {
    let setup = &design.setup;
    let nodes = node_names(setup);
    let of = |wanted: Role| {
        let those = nodes.iter().filter(move |(_, role)| *role == wanted);
        Some(those.map(|(name, _)| name.clone()).collect())
    };
    Names {
        producers: Some(setup.producers.iter().map(|producer| producer.name.clone()).collect()),
        // A story's subscriptions are the queues and groups that it makes.
        consumers: match setup.script {
            Some(_) => None,
            None => Some(setup.consumers.iter().map(|consumer| consumer.name.clone()).collect()),
        },
        brokers: of(Role::Broker),
        nodes: Some(nodes.iter().map(|(name, _)| name.clone()).collect()),
        clients: of(Role::Client),
        looks: setup.script.as_ref().map(|script| script.look_names()),
    }
}
