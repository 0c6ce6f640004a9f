//! `run FILE`: all designs of a scenario, and what happened in them.

use crate::arguments::{Format, Run};
use crate::ending::{Ending, Failure};
use crate::input;
use crate::output::{self, Draft};
use crate::progress::Bar;
use redeliver_reports::determinism::{Comparison, compare};
use redeliver_reports::html::html;
use redeliver_reports::human::{HumanOptions, human};
use redeliver_reports::markdown::markdown;
use redeliver_reports::show::Findings;
use redeliver_reports::trace;
use redeliver_scenarios::{Diagnostic, Plan};
use std::path::Path;

/// What is written into a directory.
const REPORT: [&str; 3] = ["report.html", "report.md", "result.json"];

pub(crate) fn run(wanted: &Run) -> Result<Ending, Failure> {
    refuse(wanted)?;
    let plan = input::plan(&wanted.file, &wanted.changes.options())?;
    let count = wanted.replications.unwrap_or(1);
    if plan.seed.checked_add(u64::from(count) - 1).is_none() {
        let wrong = Diagnostic::new(format!("there are no {count} seeds from {} on", plan.seed));
        return Err(Failure::unusable(&wrong.hint("a seed has 64 bits: choose a smaller one by `--seed N`")));
    }
    // What cannot be written is found before the long work, not after it.
    if let Some(directory) = &wanted.output {
        output::make_directory(directory)?;
    }
    let draft = wanted.trace.as_deref().map(Draft::begin).transpose()?;
    let findings = {
        let bar = Bar::new();
        match wanted.replications {
            Some(count) => {
                let jobs = wanted.jobs.map_or_else(cores, usize::from);
                redeliver_reports::replicate(&plan, count, jobs, &|runs, share| bar.at(runs, share))
            }
            None => redeliver_reports::run(&plan, &mut |design, share| bar.at(design, share)),
        }
    };
    if let Some(draft) = draft {
        write_trace(&plan, draft)?;
    }
    if let Some(directory) = &wanted.output {
        write_report(&findings, directory)?;
    }
    output::show(&shown(&findings, wanted.format))?;
    let same = !wanted.check_determinism || is_the_same_twice(&plan, wanted.format)?;
    Ok(Ending::of(&findings.result).compared(same))
}

/// Wrong usage that is seen without the scenario.
fn refuse(wanted: &Run) -> Result<(), Failure> {
    if wanted.trace.as_deref() == Some(Path::new("-")) {
        let wrong = Diagnostic::new("the trace goes into a file: standard output has the result");
        return Err(Failure::unusable(&wrong.hint("name one, for example `--trace facts.jsonl`")));
    }
    if wanted.trace.is_some() && wanted.replications.is_some() {
        let wrong = Diagnostic::new("a trace is of one run, not of several replications");
        return Err(Failure::unusable(
            &wrong.hint("leave out `--replications`, and choose the run by `--seed N`"),
        ));
    }
    let in_the_directory = |name| wanted.output.as_ref().map(|directory| directory.join(name));
    for target in wanted.trace.iter().cloned().chain(REPORT.into_iter().filter_map(in_the_directory)) {
        if input::is_read_from(&wanted.file, &target) {
            let target = target.display();
            let wrong = Diagnostic::new(format!("{target} is the scenario itself: it would be overwritten"));
            return Err(Failure::unusable(&wrong.hint("name another file, or another directory")));
        }
    }
    Ok(())
}

#[allow(clippy::disallowed_methods)] // no number depends on how many run side by side
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn shown(findings: &Findings, format: Format) -> String {
    match format {
        Format::Human => {
            let color = output::colour(&std::io::stdout());
            human(findings, HumanOptions { color, width: output::width() })
        }
        Format::Json => json(findings),
        Format::Md => markdown(findings),
    }
}

fn json(findings: &Findings) -> String {
    let text = serde_json::to_string_pretty(&findings.result);
    text.expect("a result has only text keys, and writing to memory cannot fail") + "\n"
}

fn write_report(findings: &Findings, directory: &Path) -> Result<(), Failure> {
    let texts = [html(findings), markdown(findings), json(findings)];
    let files: Vec<(&str, String)> = REPORT.into_iter().zip(texts).collect();
    output::write_files(directory, &files)?;
    output::remark(&format!("Written into {}: {}\n", directory.display(), REPORT.join(", ")));
    Ok(())
}

/// The designs run once more, one after the other.
fn write_trace(plan: &Plan, mut draft: Draft) -> Result<(), Failure> {
    for (name, design) in &plan.designs {
        draft.add(|out| trace::write(plan, name, design, out))?;
    }
    draft.finish()
}

/// Beside the table for people; beside the result, on standard error, for programs.
fn is_the_same_twice(plan: &Plan, format: Format) -> Result<bool, Failure> {
    let mut same = true;
    for (name, design) in &plan.designs {
        let comparison = compare(plan, design);
        same &= is_same(&comparison);
        let line = told(name, &comparison);
        match format {
            Format::Human => output::show(&line)?,
            Format::Json | Format::Md => output::remark(&line),
        }
    }
    Ok(same)
}

fn is_same(comparison: &Comparison) -> bool {
    matches!(comparison, Comparison::Same { .. })
}

fn told(design: &str, comparison: &Comparison) -> String {
    format!("{design}: {comparison}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    // No file makes the program differ from itself, so that no call of it can show this.
    #[test]
    fn runs_that_differ_are_told_and_leave_the_verdict_open() {
        let first = "0.082 s  fulfilment/1  processed shop#1".to_string();
        let second = "0.083 s  fulfilment/1  processed shop#1".to_string();
        let differs = Comparison::Differs { number: 20, first, second };
        insta::assert_snapshot!(told("queue", &differs), @r"
        queue: differs at fact 20
          first run:  0.082 s  fulfilment/1  processed shop#1
          second run: 0.083 s  fulfilment/1  processed shop#1
        ");
        assert_eq!(Ending::Fine.compared(is_same(&differs)), Ending::Undecided);
        assert_eq!(Ending::Broken.compared(is_same(&differs)), Ending::Broken);
    }

    #[test]
    fn runs_that_are_the_same_change_no_verdict() {
        let same = Comparison::Same { facts: 30, fingerprint: "7698ad863051213f".into() };
        insta::assert_snapshot!(told("queue", &same), @"queue: same: 30 facts, fingerprint 7698ad863051213f");
        for ending in [Ending::Fine, Ending::Broken, Ending::Undecided] {
            assert_eq!(ending.compared(is_same(&same)), ending);
        }
    }
}
