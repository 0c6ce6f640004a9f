//! `list`: the scenarios that the program carries, by lesson.

use crate::ending::{Ending, Failure};
use crate::output;
use redeliver_scenarios::{Options, library, read};
use std::collections::BTreeMap;

pub(crate) fn list() -> Result<Ending, Failure> {
    let mut lessons: BTreeMap<&str, Vec<(&str, String)>> = BTreeMap::new();
    for (name, text) in library::all() {
        let lesson = name.rsplit_once('/').map_or("", |(lesson, _)| lesson);
        lessons.entry(lesson).or_default().push((name, title(name, text)));
    }
    let width = library::all().iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut page = String::new();
    for (lesson, scenarios) in lessons {
        if !lesson.is_empty() {
            page += &format!("\n{lesson}\n");
        }
        for (name, title) in scenarios {
            page += &format!("  {name:<width$}  {title}\n");
        }
    }
    page += "\nrun one:   redeliver run NAME\ncopy one:  redeliver new MINE --from NAME\n";
    output::show(&page)?;
    Ok(Ending::Fine)
}

fn title(name: &str, text: &str) -> String {
    read(name, text, &Options::default()).map_or_else(|_| "(cannot be read)".into(), |plan| plan.title)
}
