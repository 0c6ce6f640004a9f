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

/// All packages that this one is built with, as Cargo.lock has them for any choice of features; those that only its tests
/// use are left out.
fn built_with(lock: &toml::Table, package: &str, manifest: &toml::Table) -> BTreeSet<String> {
    let asks = |section: &str, name: &str| {
        manifest.get(section).and_then(|table| table.as_table()).is_some_and(|table| table.contains_key(name))
    };
    let only_tests = |name: &str| {
        asks("dev-dependencies", name) && !asks("dependencies", name) && !asks("build-dependencies", name)
    };
    let (mut found, mut open) = (BTreeSet::new(), vec![package.to_string()]);
    while let Some(name) = open.pop() {
        for asked in asked_by(lock, &name) {
            let left_out = name == package && only_tests(&asked);
            if !left_out && found.insert(asked.clone()) {
                open.push(asked);
            }
        }
    }
    found
}

/// What packages of this name depend on directly.
fn asked_by(lock: &toml::Table, name: &str) -> Vec<String> {
    let same = packages(lock).filter(|entry| entry["name"].as_str() == Some(name));
    let asked = same.filter_map(|entry| entry.get("dependencies")?.as_array()).flatten();
    // `name`, or `name version` where there are several.
    asked.filter_map(|text| Some(text.as_str()?.split(' ').next()?.to_string())).collect()
}

fn packages(lock: &toml::Table) -> impl Iterator<Item = &toml::Value> {
    lock["package"].as_array().expect("a lock file lists packages").iter()
}

fn lock() -> toml::Table {
    read(&root().join("Cargo.lock")).parse().expect("it is TOML")
}

#[test]
fn what_is_used_beside_tests_too_is_not_left_out() {
    let lock =
        "[[package]]\nname = \"ours\"\ndependencies = [\"both\", \"tests\"]".parse().expect("it is TOML");
    for section in ["dependencies", "build-dependencies"] {
        let manifest = format!("[dev-dependencies]\nboth = \"1\"\ntests = \"1\"\n[{section}]\nboth = \"1\"");
        let found = built_with(&lock, "ours", &manifest.parse().expect("it is TOML"));
        assert_eq!(found.into_iter().collect::<Vec<String>>(), ["both"]);
    }
}

#[test]
fn nothing_that_draws_or_rounds_comes_from_a_crate_that_others_can_change() {
    let lock = lock();
    let with = |package: &str, folder: &str| built_with(&lock, package, &manifest(folder));
    let (kernel, models) = (with("redeliver-sim", "sim"), with("redeliver-models", "models"));
    assert!(kernel.contains("libm") && kernel.contains("rand_chacha") && models.contains("hdrhistogram"));
    // Its samples change when any crate of the build turns on the feature `std` of `num-traits`.
    assert!(!kernel.contains("rand_distr") && !models.contains("rand_distr"));
    // So the kernel, which draws, has nothing to do with that one at all.
    assert!(!kernel.contains("num-traits"));
    // The test would see them.
    assert!(models.contains("num-traits") && with("redeliver-reports", "reports").contains("plotters"));
}

/// With its feature `arch`, libm calls instructions that only some processors have.
#[test]
fn libm_is_the_same_on_every_processor() {
    let libm = &manifest(".")["workspace"]["dependencies"]["libm"];
    assert!(libm["version"].as_str().is_some_and(|version| version.starts_with('=')), "{libm}");
    assert_eq!(libm["default-features"].as_bool(), Some(false));
    assert!(libm.get("features").is_none(), "{libm}");
    // Nor does anybody else turn it on: only ours use libm, and they take it as it stands there.
    let lock = lock();
    let names = packages(&lock).filter_map(|entry| entry["name"].as_str());
    let users: Vec<&str> = names.filter(|name| asked_by(&lock, name).contains(&"libm".to_string())).collect();
    assert_eq!(users, ["redeliver-scenarios", "redeliver-sim"]);
    for folder in ["scenarios", "sim"] {
        let taken = manifest(folder)["dependencies"]["libm"].to_string();
        assert_eq!(taken, "{ workspace = true }", "{folder}");
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
    let banned = [["Hash", "Map"], ["Hash", "Set"], ["Random", "State"]].map(|parts| parts.concat());
    for file in sources() {
        for (number, line) in read(&file).lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let found = banned.iter().find(|banned| code.contains(*banned));
            assert_eq!(found, None, "{}:{}: {line}", file.display(), number + 1);
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
