//! How the command ends: its exit codes, and what is said when it fails.

use redeliver_reports::result::{RunResult, Verdict};
use redeliver_scenarios::{Diagnostic, Report};
use std::process::ExitCode;

/// The exit codes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// 0: all that was asked was done, and all expectations hold.
    Fine,
    /// 1: an expectation is broken.
    Broken,
    /// 2: wrong usage, or a file that is no scenario.
    Unusable,
    /// 3: an expectation is not decided or not exercised, a limit was reached, or two runs differ.
    Undecided,
    /// 4: what was asked for cannot be written.
    Unwritable,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        ExitCode::from(match ending {
            Ending::Fine => 0,
            Ending::Broken => 1,
            Ending::Unusable => 2,
            Ending::Undecided => 3,
            Ending::Unwritable => 4,
        })
    }
}

impl Ending {
    /// What a result ends with. A broken expectation outweighs undecided ones.
    pub(crate) fn of(result: &RunResult) -> Self {
        let any = |wanted: &[Verdict]| result.expect.iter().any(|line| wanted.contains(&line.verdict));
        let replicas = result.replications.as_ref().map_or(0, |replications| replications.stopped);
        let stopped = || replicas > 0 || result.designs.values().any(|design| design.stopped.is_some());
        if any(&[Verdict::Broken]) {
            Ending::Broken
        } else if any(&[Verdict::NotDecided, Verdict::NotExercised]) || stopped() {
            Ending::Undecided
        } else {
            Ending::Fine
        }
    }

    /// What it ends with if all was run twice, and was the same or not.
    pub(crate) fn compared(self, same: bool) -> Self {
        if self == Ending::Fine && !same { Ending::Undecided } else { self }
    }
}

/// It could not be done, and why.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) ending: Ending,
    /// For standard error, with its line ends.
    pub(crate) text: String,
}

impl Failure {
    /// Wrong usage.
    pub(crate) fn unusable(diagnostic: &Diagnostic) -> Self {
        let mut text = format!("error: {}\n", diagnostic.message);
        if let Some(hint) = &diagnostic.hint {
            text += &format!("help: {hint}\n");
        }
        Failure { ending: Ending::Unusable, text }
    }

    /// Something cannot be written.
    pub(crate) fn unwritable(what: &str, why: &std::io::Error) -> Self {
        Failure { ending: Ending::Unwritable, text: format!("error: {what} cannot be written: {why}\n") }
    }

    /// A file that is no scenario.
    pub(crate) fn unreadable(report: &Report) -> Self {
        Failure { ending: Ending::Unusable, text: report.render(crate::output::colour(&std::io::stderr())) }
    }
}
