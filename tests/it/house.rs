//! The rules of the house that no compiler holds: who may use whom, and how files begin.

use std::collections::BTreeSet;
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

/// All packages that this one is built with, its tests' own left out, as Cargo.lock has them for any choice of features.
fn built_with(lock: &toml::Table, package: &str, folder: &str) -> BTreeSet<String> {
    let tests = manifest(folder);
    let tests = tests.get("dev-dependencies").and_then(|table| table.as_table());
    let only_tests = |name: &str| tests.is_some_and(|tests| tests.contains_key(name));
    let packages = lock["package"].as_array().expect("a lock file lists packages");
    let (mut found, mut open) = (BTreeSet::new(), vec![package.to_string()]);
    while let Some(name) = open.pop() {
        let same = packages.iter().filter(|entry| entry["name"].as_str() == Some(name.as_str()));
        for asked in same.filter_map(|entry| entry.get("dependencies")?.as_array()).flatten() {
            // `name`, or `name version` where there are several.
            let asked = asked.as_str().and_then(|text| text.split(' ').next()).unwrap_or_default();
            let left_out = name == package && only_tests(asked);
            if !left_out && found.insert(asked.to_string()) {
                open.push(asked.to_string());
            }
        }
    }
    found
}

#[test]
fn nothing_that_draws_or_rounds_comes_from_a_crate_that_others_can_change() {
    let lock: toml::Table = read(&root().join("Cargo.lock")).parse().expect("it is TOML");
    let with = |package: &str, folder: &str| built_with(&lock, package, folder);
    let (kernel, models) = (with("redeliver-sim", "sim"), with("redeliver-models", "models"));
    assert!(kernel.contains("libm") && kernel.contains("rand_chacha") && models.contains("hdrhistogram"));
    // Its samples change when any crate of the build turns on the feature `std` of `num-traits`.
    assert!(!kernel.contains("rand_distr") && !models.contains("rand_distr"));
    // So the kernel, which draws, has nothing to do with that one at all.
    assert!(!kernel.contains("num-traits"));
    // The test would see them.
    assert!(models.contains("num-traits") && with("redeliver-reports", "reports").contains("plotters"));
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
