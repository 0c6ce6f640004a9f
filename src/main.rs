//! The `redeliver` command: reads a scenario, runs its designs, shows what happened. One file per verb.

mod arguments;
mod check;
mod ending;
mod explain;
mod input;
mod list;
mod new;
mod output;
mod progress;
mod run;

use arguments::{Arguments, Verb};
use clap::Parser;
use ending::{Ending, Failure};
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(answer) => {
            // Help and version come this way, too. If they cannot be shown, nobody is there to be told.
            let _ = answer.print();
            return if answer.use_stderr() { Ending::Unusable.into() } else { Ending::Fine.into() };
        }
    };
    let ending = match arguments.verb {
        Verb::Run(wanted) => run::run(&wanted),
        Verb::Check(wanted) => check::check(&wanted),
        Verb::List => list::list(),
        Verb::New(wanted) => new::new(&wanted),
        Verb::Explain(wanted) => explain::explain(&wanted),
    };
    match ending {
        Ok(ending) => ending.into(),
        Err(Failure { ending, text }) => {
            let _ = std::io::stderr().write_all(text.as_bytes());
            ending.into()
        }
    }
}
