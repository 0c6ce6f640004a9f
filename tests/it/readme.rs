//! Every command that README.md shows is run, and prints what stands below it.
//!
//! A block ```` ```console ```` has commands behind `$ `, each with its output below, or none to say that it does not
//! matter; a line `…` leaves lines out. `UPDATE_README=1 cargo test --test it readme` writes the output anew, but for
//! blocks that leave something out.

use crate::command::call;
use std::path::Path;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

/// A command and the output that is shown.
struct Shown {
    command: String,
    output: Vec<String>,
}

fn shown(readme: &str) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            all.push(Shown { command: command.into(), output: Vec::new() });
        } else if inside {
            let last = all.last_mut().expect("a block of the README begins with a command");
            last.output.push(line.into());
        }
    }
    all
}

/// What a command of the README prints, run in this folder; none for the one that runs the tests themselves.
fn run(command: &str, folder: &Path) -> Option<Vec<String>> {
    if command == "cargo test" {
        return None;
    }
    let words =
        command.strip_prefix("cargo run -q -- ").unwrap_or_else(|| panic!("not run by this test: {command}"));
    let words: Vec<&str> = words.split_whitespace().collect();
    let ended = call(folder, &words);
    assert!(matches!(ended.code, 0 | 1 | 3), "{command} ends with {}: {}", ended.code, ended.err);
    Some(ended.out.lines().map(str::to_string).collect())
}

/// Whether lines are as shown, where `…` stands for any number of them.
fn fits(shown: &[String], printed: &[String]) -> bool {
    match shown.iter().position(|line| line == "…") {
        None => shown == printed,
        Some(cut) => {
            let rest = &shown[cut + 1..];
            printed.len() >= cut
                && shown[..cut] == printed[..cut]
                && (cut..=printed.len()).any(|from| fits(rest, &printed[from..]))
        }
    }
}

#[test]
#[allow(clippy::disallowed_methods)] // whoever starts it may ask for a new README
fn every_command_of_the_readme_prints_what_it_shows() {
    let readme = std::fs::read_to_string(README).expect("the README is there");
    let folder = tempfile::tempdir().expect("a folder of its own");
    let all = shown(&readme);
    assert!(all.len() >= 5, "the README shows commands");
    let mut renewed = readme.clone();
    for Shown { command, output } in all {
        let Some(printed) = run(&command, folder.path()) else { continue };
        if output.is_empty() {
            continue;
        }
        if std::env::var_os("UPDATE_README").is_some() && !output.contains(&"…".to_string()) {
            let old = format!("$ {command}\n{}\n```", output.join("\n"));
            renewed = renewed.replace(&old, &format!("$ {command}\n{}\n```", printed.join("\n")));
            continue;
        }
        let (shown, printed) = (output.join("\n"), printed.join("\n"));
        assert!(
            fits(&output, &printed.lines().map(str::to_string).collect::<Vec<_>>()),
            "{command} prints\n{printed}\n\nand the README shows\n{shown}"
        );
    }
    if renewed != readme {
        std::fs::write(README, renewed).expect("the README can be written");
    }
}

#[test]
fn a_newcomer_finds_the_first_command_by_line_15() {
    let readme = std::fs::read_to_string(README).expect("the README is there");
    let first = readme.lines().position(|line| line.starts_with("$ cargo run"));
    assert!(first.is_some_and(|line| line < 15), "the first command stands in line {first:?}");
}
