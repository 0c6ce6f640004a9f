//! What can be said on the command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use redeliver_scenarios::Options;
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Exit codes:
  0  all expectations hold
  1  an expectation is broken
  2  wrong usage, or a file that is no scenario
  3  an expectation is not decided or not exercised, a limit was reached, or two runs differ
  4  the output cannot be written

FILE is a path, `-` for standard input, or a name that `redeliver list` shows. A named pipe is a path, too:
the command waits until somebody has written into it.";

/// A deterministic simulator of messaging designs: what each one loses, duplicates, reorders and delays, and why.
#[derive(Parser, Debug)]
#[command(version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// Run all designs of a scenario and show what happened
    Run(Run),
    /// Read a scenario and say what is wrong with it
    Check(Check),
    /// List the scenarios that the program carries
    List,
    /// Write a new scenario, as a copy of one that the program carries
    New(New),
    /// Explain a metric, a guarantee, a cause, a setting or a part of a scenario; or tell a message's life
    Explain(Explain),
}

/// Run all designs of a scenario.
#[derive(Args, Debug)]
pub(crate) struct Run {
    /// The scenario: a path, `-`, or a name from `redeliver list`
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) changes: Changes,
    /// How to show the result
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// Write report.html, report.md and result.json into this directory
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Write every fact into this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// Run every design twice more and compare fact by fact
    #[arg(long)]
    pub(crate) check_determinism: bool,
    /// Run under N seeds, from the file's on, and show every figure as a mean with its 95 % confidence interval;
    /// verdicts and witnesses are those of the first seed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) replications: Option<u32>,
    /// Runs side by side, each within its own --max-memory; no number depends on it [default: one for each core]
    #[arg(long, value_name = "J", requires = "replications", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,
}

/// What is different from the file.
#[derive(Args, Debug)]
pub(crate) struct Changes {
    /// Another seed than the file's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Change a value of the scenario, such as designs.queue.prefetch=5; may be repeated
    #[arg(long, value_name = "PATH=VALUE", value_parser = change)]
    set: Vec<(String, String)>,
    /// Stop undecided (exit code 3) after so many events; the same as --set run.max_events=N
    #[arg(long, value_name = "N")]
    max_events: Option<u64>,
    /// Stop undecided (exit code 3) with more than this in memory, such as "8 GiB"; the same as
    /// --set run.max_memory=SIZE
    #[arg(long, value_name = "SIZE")]
    max_memory: Option<String>,
}

impl Changes {
    /// As the reader of scenarios wants it.
    pub(crate) fn options(&self) -> Options {
        let mut set = self.set.clone();
        set.extend(self.max_events.map(|most| ("run.max_events".into(), most.to_string())));
        set.extend(self.max_memory.as_ref().map(|most| ("run.max_memory".into(), format!("{most:?}"))));
        Options { set, seed: self.seed, folder: None }
    }
}

/// How to show the result.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub(crate) enum Format {
    /// For the terminal
    Human,
    /// One object, with stable keys
    Json,
    /// Markdown
    Md,
}

/// Read a scenario and say what is wrong with it.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// The scenario: a path, `-`, or a name from `redeliver list`
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) changes: Changes,
}

/// Write a new scenario.
#[derive(Args, Debug)]
pub(crate) struct New {
    /// Name of the file, without `.ron`
    #[arg(value_name = "NAME")]
    pub(crate) name: PathBuf,
    /// The scenario to copy
    #[arg(long, value_name = "NAME", default_value = "hello")]
    pub(crate) from: String,
}

/// Explain a topic, or tell a message's life.
#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// A metric, a guarantee, a cause, a setting, a part of a scenario; or, before MESSAGE, the scenario
    #[arg(value_name = "TOPIC|FILE")]
    pub(crate) topic: PathBuf,
    /// A message: shop#3, or shop/2#3 where there are several shops
    #[arg(value_name = "MESSAGE")]
    pub(crate) message: Option<String>,
    /// Only in this design
    #[arg(long, value_name = "DESIGN", requires = "message")]
    pub(crate) design: Option<String>,
    #[command(flatten)]
    pub(crate) changes: Changes,
}

/// `path=value`, at the first `=` outside quotes.
fn change(text: &str) -> Result<(String, String), String> {
    let mut quoted = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '=' if !quoted => return Ok((text[..at].to_string(), text[at + 1..].to_string())),
            _ => {}
        }
    }
    Err("write a path and its value, for example designs.queue.prefetch=5".into())
}
