//! The rules of the house that no compiler holds: who may use whom, and how files begin.

use std::fs;
use std::path::{Path, PathBuf};

/// The crates, each of which may use those before it, and nothing else of the workspace.
const CRATES: [(&str, &str); 5] = [
    ("redeliver-sim", "sim"),
    ("redeliver-models", "models"),
    ("redeliver-scenarios", "scenarios"),
    ("redeliver-reports", "reports"),
    ("redeliver", "."),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn manifest(folder: &str) -> toml::Table {
    let path = root().join(folder).join("Cargo.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Names of all packages that a manifest asks for, for whatever purpose.
fn dependencies(manifest: &toml::Table) -> Vec<String> {
    let sections = ["dependencies", "dev-dependencies", "build-dependencies"];
    let tables = sections.iter().filter_map(|section| manifest.get(*section)?.as_table());
    tables.flat_map(|table| table.keys().cloned()).collect()
}

/// The crates that `user` asks for and may not: those that do not stand before it.
fn forbidden(user: usize, asked: &[String]) -> Vec<String> {
    let ours = |name: &&String| name.starts_with("redeliver");
    let before = |name: &&String| CRATES[..user].iter().any(|(known, _)| known == name);
    asked.iter().filter(ours).filter(|name| !before(name)).cloned().collect()
}

#[test]
fn dependencies_point_one_way() {
    for (place, (name, folder)) in CRATES.iter().enumerate() {
        let manifest = manifest(folder);
        assert_eq!(manifest["package"]["name"].as_str(), Some(*name));
        assert_eq!(forbidden(place, &dependencies(&manifest)), Vec::<String>::new(), "{name}");
    }
    assert_eq!(forbidden(1, &["redeliver-reports".into(), "redeliver-sim".into()]), ["redeliver-reports"]);
}

#[test]
fn a_plain_cargo_test_tests_all() {
    let manifest = manifest(".");
    let members = manifest["workspace"]["default-members"].as_array().expect("it is a list");
    let members: Vec<&str> = members.iter().filter_map(|member| member.as_str()).collect();
    for (name, folder) in CRATES {
        assert!(members.contains(&folder), "{name}");
    }
}

#[test]
fn lints_are_inherited() {
    for (name, folder) in CRATES {
        let manifest = manifest(folder);
        let inherited = manifest.get("lints").and_then(|lints| lints.get("workspace")?.as_bool());
        assert_eq!(inherited, Some(true), "{name}");
    }
}

#[test]
fn every_file_says_what_it_is() {
    for file in sources() {
        let text = read(&file);
        assert!(text.starts_with("//! "), "{} does not begin with `//!`", file.display());
    }
}

#[test]
fn no_map_has_a_random_order() {
    let banned = ["Hash", "Map"].concat();
    for file in sources() {
        for (number, line) in read(&file).lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            assert!(!code.contains(&banned), "{}:{}: {line}", file.display(), number + 1);
        }
    }
}

/// All Rust files of the workspace.
fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in CRATES.iter().flat_map(|(_, folder)| ["src", "tests", "benches"].map(|part| (folder, part)))
    {
        find(&root().join(folder.0).join(folder.1), &mut files);
    }
    assert!(files.len() > 50);
    files
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
