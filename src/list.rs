//! `list`: the scenarios that the program carries, by folder.

use crate::ending::{Ending, Failure};
use crate::output;
use redeliver_scenarios::{Options, library, read};
use std::collections::BTreeMap;

pub(crate) fn list() -> Result<Ending, Failure> {
    let mut folders: BTreeMap<&str, Vec<(&str, String)>> = BTreeMap::new();
    for (name, text) in library::all() {
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        folders.entry(folder).or_default().push((name, title(name, text)));
    }
    let mut page = String::new();
    for (folder, scenarios) in folders {
        if !folder.is_empty() {
            page += &format!("\n{folder}\n");
        }
        let width = scenarios.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
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
