//! Writes the tables of the files in `library/` and `reference/`, so that the program carries them.

use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() {
    for folder in ["library", "reference"] {
        write_table(folder);
    }
}

#[allow(clippy::disallowed_methods)] // cargo says where things are
fn write_table(folder: &str) {
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says it")).join(folder);
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    find(&root, &mut files);
    let mut named: Vec<(String, PathBuf)> =
        files.into_iter().map(|file| (name(&root, &file), file)).collect();
    named.sort();
    let mut table = String::from("&[\n");
    for (name, file) in named {
        let _ = writeln!(table, "    ({name:?}, include_str!({:?})),", file.display().to_string());
    }
    table += "]\n";
    let out = std::env::var("OUT_DIR").expect("cargo says it");
    std::fs::write(Path::new(&out).join(format!("{folder}_table.rs")), table)
        .expect("OUT_DIR can be written");
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "ron") {
            files.push(path);
        }
    }
}

/// `hello`, `real/rabbit-A1-classic`: the path without its ending, with `/` on every system.
fn name(root: &Path, file: &Path) -> String {
    let path = file.strip_prefix(root).expect("it was found there").with_extension("");
    let steps: Vec<String> = path.iter().map(|step| step.to_string_lossy().into_owned()).collect();
    steps.join("/")
}
