//! `explain TOPIC`: what a word of the result means. `explain FILE MESSAGE`: a message's life.

use crate::arguments::Explain;
use crate::ending::{Ending, Failure};
use crate::{input, output};
use redeliver_reports::{explain, life};
use redeliver_scenarios::Diagnostic;

pub(crate) fn explain(wanted: &Explain) -> Result<Ending, Failure> {
    let text = match &wanted.message {
        Some(message) => {
            let plan = input::plan(&wanted.topic, &wanted.changes.options())?;
            let lives = life::lives(&plan, wanted.design.as_deref(), message);
            lives.map_err(|wrong| Failure::unusable(&wrong))?
        }
        None => explain::explain(&wanted.topic.to_string_lossy()).map_err(|wrong| {
            let hint = "for a message's life: `redeliver explain FILE MESSAGE`";
            Failure::unusable(&Diagnostic::new(wrong).hint(hint))
        })?,
    };
    output::show(&text)?;
    Ok(Ending::Fine)
}
