//! Scenario files: the RON schema, its diagnostics, from scenario to plan; and the library.
//!
//! Two stages: as typed ([`scenario::Scenario`]), then names resolved and ranges checked ([`Plan`]). Only a plan
//! runs, and a plan cannot fail.

mod actors;
mod amounts;
pub mod assumptions;
pub mod consumer;
mod decode;
mod defaults;
pub mod design;
mod diagnostic;
pub mod expect;
mod expectations;
pub mod fault;
pub mod impairments;
pub mod library;
pub mod machine;
pub mod named;
pub mod needs;
mod network;
mod nodes;
pub mod picture;
mod plan;
mod planner;
pub mod producer;
mod ranges;
mod record;
mod recorded;
pub mod reference;
mod said;
pub mod scenario;
pub mod schedule;
pub mod script;
mod set;
mod story;
mod tree;
pub mod units;
mod verb_settings;
mod vocabulary;

use std::path::PathBuf;

pub use assumptions::Assumption;
pub use defaults::FILE_BYTES_MAX;
pub use diagnostic::{Diagnostic, Place, Report};
pub use nodes::NodeText;
pub use plan::{Expression, Plan, PlannedDesign, Record};

/// What the command line changes in a scenario.
#[derive(Clone, Default, Debug)]
pub struct Options {
    /// Paths and their new values, in order: `--set designs.queue.prefetch=5`.
    pub set: Vec<(String, String)>,
    /// Another seed.
    pub seed: Option<u64>,
    /// Where the files are that a scenario names; none: it can name none.
    pub folder: Option<PathBuf>,
}

/// Reads a scenario from the bytes of a file.
pub fn read_bytes(name: &str, bytes: &[u8], options: &Options) -> Result<Plan, Report> {
    let refused = |diagnostic| Report::new(name, "", vec![diagnostic]);
    if bytes.len() > FILE_BYTES_MAX {
        let message = "the file is longer than 16 MiB, the most that a scenario may have";
        return Err(refused(Diagnostic::new(message).hint("messages are described, not listed")));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => read(name, text, options),
        Err(error) => {
            let at = error.valid_up_to();
            let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
            let message = format!("not UTF-8: byte {} on line {line} begins no character", at + 1);
            Err(refused(Diagnostic::new(message).hint("a scenario is a text; save it as UTF-8")))
        }
    }
}

/// The report on a file that could not even be read: it is missing, a directory, or not allowed.
pub fn unreadable(name: &str, error: &std::io::Error) -> Report {
    use std::io::ErrorKind;
    let diagnostic = match error.kind() {
        ErrorKind::NotFound => {
            let near =
                library::nearest(name).map_or(String::new(), |near| format!("did you mean `{near}`? "));
            let listed = "`redeliver list` shows the scenarios that can be named without a file";
            Diagnostic::new("there is no such file").hint(near + listed)
        }
        ErrorKind::IsADirectory => Diagnostic::new("this is a directory").hint("name one of the files in it"),
        ErrorKind::PermissionDenied => Diagnostic::new("this file may not be read"),
        _ => Diagnostic::new(format!("this file cannot be read: {error}")),
    };
    Report::new(name, "", vec![diagnostic])
}

/// Reads a scenario from its text.
pub fn read(name: &str, text: &str, options: &Options) -> Result<Plan, Report> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > FILE_BYTES_MAX {
        return read_bytes(name, text.as_bytes(), options);
    }
    if text.trim().is_empty() {
        let diagnostic =
            Diagnostic::new("the file is empty").hint("`redeliver new NAME` writes one to start from");
        return Err(Report::new(name, text, vec![diagnostic]));
    }
    let mut changed = text.to_string();
    for (path, value) in &options.set {
        changed = set::apply(&changed, path, value).map_err(|d| Report::new(name, &changed, vec![d]))?;
    }
    let plan = || {
        let mut tree = tree::parse(&changed).map_err(|diagnostic| vec![diagnostic])?;
        let hash = recorded::insert(&mut tree, options.folder.as_deref())?;
        let scenario = decode::decode::<scenario::Scenario>(&tree)?;
        let mut plan = planner::plan(name, &changed, &scenario, options.seed)?;
        plan.text_hash ^= hash;
        Ok(plan)
    };
    plan().map_err(|diagnostics| Report::new(name, &changed, diagnostics))
}
