//! The command and the tests of the library agree: the golden fingerprints are what the program prints. All of them are
//! looked at where another build of the program is tried, some where the tests have just run the library themselves.

use crate::command::{call, other_build};
use serde_json::Value;

const GOLDEN: &str = include_str!("../../reports/tests/golden_fingerprints.txt");

#[test]
fn the_command_has_the_golden_fingerprints() {
    let folder = tempfile::tempdir().expect("a folder of its own");
    let mut names = vec!["hello", "redelivery-reorders", "consumer-away", "three-designs-same-chaos"];
    if other_build().is_some() {
        names = GOLDEN.lines().filter_map(|line| line.split(' ').next()).collect();
        names.dedup();
    }
    let mut seen = 0;
    for name in names {
        let ended = call(folder.path(), &["run", name, "--format", "json"]);
        assert_eq!(ended.code, 0, "{}", ended.err);
        let result: Value = serde_json::from_str(&ended.out).expect("it prints JSON");
        let designs = result["designs"].as_object().expect("designs have names");
        for (design, run) in designs {
            let line = format!("{name} {design} {}", run["fingerprint"].as_str().expect("a text"));
            assert!(GOLDEN.lines().any(|golden| golden == line), "not golden: {line}");
            seen += 1;
        }
    }
    assert!(other_build().is_none() || seen == GOLDEN.lines().count(), "{seen} designs");
}
