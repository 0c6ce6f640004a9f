//! The command and the tests of the library agree: the golden fingerprints are what the program prints.

use crate::command::call;
use serde_json::Value;

const GOLDEN: &str = include_str!("../../reports/tests/golden_fingerprints.txt");

#[test]
fn the_command_has_the_golden_fingerprints() {
    let folder = tempfile::tempdir().expect("a folder of its own");
    for name in ["hello", "redelivery-reorders", "consumer-away", "three-designs-same-chaos"] {
        let ended = call(folder.path(), &["run", name, "--format", "json"]);
        assert_eq!(ended.code, 0, "{}", ended.err);
        let result: Value = serde_json::from_str(&ended.out).expect("it prints JSON");
        let designs = result["designs"].as_object().expect("designs have names");
        for (design, run) in designs {
            let line = format!("{name} {design} {}", run["fingerprint"].as_str().expect("a text"));
            assert!(GOLDEN.lines().any(|golden| golden == line), "not golden: {line}");
        }
    }
}
