//! What an expectation may read is what a result has: the list of known paths against results that were written.

use redeliver_scenarios::expect::{known_paths, paths_of};
use redeliver_scenarios::{Options, library, read};
use std::collections::BTreeSet;

/// The paths of some results that have everything between them: loads, stories, queues, logs.
fn written() -> BTreeSet<String> {
    let names = [
        "redelivery-reorders",
        "retention-unit-trap",
        "real/rabbit-A1-classic",
        "real/kafka-H1-after",
        "real/rabbit-C1",
        "real/redis-G1",
    ];
    let paths = names.iter().flat_map(|name| {
        let text = library::find(name).expect("it is in the library");
        let plan = read(name, text, &Options::default()).unwrap_or_else(|report| panic!("{report}"));
        let findings = redeliver_reports::run(&plan, &mut |_, _| ());
        paths_of(&serde_json::to_value(&findings.result).expect("JSON"))
    });
    paths.collect()
}

#[test]
fn every_path_that_is_written_is_known_and_every_known_one_is_written() {
    let known: BTreeSet<String> = known_paths().into_iter().collect();
    let written = written();
    let unknown: Vec<_> = written.difference(&known).collect();
    assert!(unknown.is_empty(), "written, and no expectation could read them: {unknown:#?}");
    // A look has what the picture has at the end; and of a list that was empty in all of these runs no element shows.
    let excused = |path: &str| path.ends_with("[]") || written.contains(&path.replace("looks.NAME.", ""));
    let missing: Vec<_> = known.difference(&written).filter(|path| !excused(path)).collect();
    assert!(missing.is_empty(), "expectations could read them, and nothing writes them: {missing:#?}");
}
