//! A scenario as meant: names resolved, ranges checked. Only a plan runs, and a plan cannot fail.

use crate::assumptions::Assumption;
use crate::diagnostic::Place;
use indexmap::IndexMap;
use redeliver_models::Setup;

/// What will run, and what is asked of it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One line: what happens.
    pub title: String,
    /// The question that the file answers.
    pub question: Option<String>,
    /// Where to look in the result.
    pub look_for: Option<String>,
    /// Where the scenario comes from.
    pub source: Option<String>,
    /// What else a reader should know.
    pub note: Option<String>,
    /// The notions that it teaches.
    pub concepts: Vec<String>,
    /// The seed of every draw.
    pub seed: u64,
    /// What each design will run, by its name, in the order of the file.
    pub designs: IndexMap<String, PlannedDesign>,
    /// The design that others are compared with: an index into `designs`.
    pub baseline: usize,
    /// What must be true of the result.
    pub expect: Vec<Expression>,
    /// What is asked of every design and subscription.
    pub require: Vec<Expression>,
    /// What the script's `Until` wait for.
    pub conditions: Vec<Expression>,
    /// The recorded experiments behind a story.
    pub record: Option<Record>,
    /// The file's name, as it was given.
    pub file: String,
    /// The text that was read, with what `--set` changed.
    pub text: String,
    /// A hash of that text, and of the files that it names.
    pub text_hash: u64,
}

impl Plan {
    /// The same under another seed.
    pub fn with_seed(&self, seed: u64) -> Plan {
        let mut plan = self.clone();
        plan.seed = seed;
        plan.designs.values_mut().for_each(|design| design.setup.seed = seed);
        plan
    }
}

/// What one design will run.
#[derive(Clone, Debug)]
pub struct PlannedDesign {
    /// All of it, as plain data.
    pub setup: Setup,
    /// Its settings, said and default.
    pub assumptions: Vec<Assumption>,
    /// Faults and settings that can do nothing in this design, as the file says them.
    pub does_not_apply: Vec<String>,
}

/// A line of CEL and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expression {
    /// The line.
    pub text: String,
    /// The string literal that holds it.
    pub place: Place,
}

/// The recorded experiments behind a story.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// The name of each design's case.
    pub cases: IndexMap<String, String>,
    /// For each observed field the path in the result that must equal it, or an expression, in the order of the file.
    /// It is read as if its design were the only one.
    pub fields: IndexMap<String, String>,
    /// Observed fields that are not compared.
    pub untested: Vec<String>,
}
