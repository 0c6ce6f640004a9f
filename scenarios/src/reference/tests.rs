//! The reference files are held equal to the code.
//!
//! A line `// or …` stands in place of the line above it, so a file stands for several texts. All of them must plan,
//! and each must mean something else than the file. Together they must say every name that the schema knows: a
//! scenario is a struct, all of whose fields must be said, so what can stand in these is read as well, and so on down.
//! A line that ends in `// default…` must mean the same as none; any other must not.

use super::{all, shown};
use crate::diagnostic::Place;
use crate::{Options, Plan, read};
use redeliver_models::setup::{MachineChange, NodePattern, When};

#[test]
fn every_name_of_the_schema_is_shown() {
    for (name, text) in all() {
        for (_, changed) in alternatives(text) {
            planned(name, &changed);
        }
        planned(name, text);
    }
    let (missing, said) = shown::missing();
    assert_eq!(missing, Vec::<String>::new(), "no file in scenarios/reference shows these");
    assert!(said > 200, "only {said} names were seen: does anybody note them?");
}

#[test]
fn every_alternative_means_something_else() {
    let mut idle = Vec::new();
    for (name, text) in all() {
        let meaning = meaning(planned(name, text));
        for (number, changed) in alternatives(text) {
            let line = text.lines().nth(number).unwrap_or_default().trim();
            if self::meaning(planned(name, &changed)) == meaning && !line.ends_with("for the reader") {
                idle.push(format!("{name}.ron:{}: `{line}` changes nothing", number + 1));
            }
        }
    }
    assert_eq!(idle, Vec::<String>::new());
}

#[test]
fn what_is_marked_as_default_is() {
    let mut wrong = Vec::new();
    for (name, text) in all() {
        let meaning = meaning(planned(name, text));
        for (number, line) in text.lines().enumerate() {
            let (code, comment) = parted(line);
            let marked = comment.starts_with("default");
            if !marked && !is_setting(code) {
                continue;
            }
            let without = read(name, &replaced(text, number, ""), &Options::default());
            let same = without.is_ok_and(|plan| self::meaning(plan) == meaning);
            if same != marked {
                let found = if marked { "is not the default" } else { "is the default: mark it" };
                wrong.push(format!("{name}.ron:{}: `{}` {found}", number + 1, code.trim()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_line_is_explained() {
    let mut bare = Vec::new();
    for (name, text) in all() {
        assert!(text.starts_with("// "), "{name}.ron does not say what it is about");
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let (code, _) = parted(line);
            let inside = line.starts_with("        ") || *name == "scenario" && line.starts_with("    ");
            let opens = code.trim().starts_with(|c: char| c.is_alphanumeric() || c == '(');
            let opens = opens || code.trim().starts_with('"') && code.contains("\": ");
            let above = lines[number.saturating_sub(1)].trim();
            let explained = above.starts_with("// ") && !above.starts_with("// or ");
            if inside && opens && !explained {
                bare.push(format!("{name}.ron:{}: no comment above `{}`", number + 1, code.trim()));
            }
        }
    }
    assert_eq!(bare, Vec::<String>::new());
}

#[test]
fn lines_are_taken_apart() {
    let text =
        "(\n    a: \"//\", // default: no\n    // what it is\n    // or a: 2, b: 3, // both\n    c: 1,\n)";
    assert_eq!(
        alternatives(text),
        [(
            3,
            "(\n    a: 2, b: 3, // both\n    // what it is\n    // or a: 2, b: 3, // both\n    c: 1,\n)"
                .into()
        )]
    );
    assert_eq!(parted("a: \"//\", // default: no"), ("a: \"//\", ", "default: no"));
    let settings =
        ["a: 1,", "\"a.b\": [1],", "a: (b: 1),", "a: (", "),", "Crash(", "(\"c\", Wait(\"1s\")),", ""];
    assert_eq!(settings.map(is_setting), [true, true, true, false, false, false, false, false]);
}

fn planned(name: &str, text: &str) -> Plan {
    read(name, text, &Options::default()).unwrap_or_else(|report| panic!("scenarios/reference/{report}"))
}

/// What a plan says, but for where in which text it says so, and who said it.
fn meaning(mut plan: Plan) -> String {
    plan.text.clear();
    plan.text_hash = 0;
    for line in plan.expect.iter_mut().chain(&mut plan.require).chain(&mut plan.conditions) {
        line.place = Place::default();
    }
    for design in plan.designs.values_mut() {
        // A setting that does not apply is what it is where it is not said.
        design.does_not_apply.retain(|text| !text.starts_with("network: ") && !text.starts_with("nodes: "));
        design.does_not_apply.iter_mut().for_each(String::clear);
        for fault in &mut design.setup.faults {
            fault.text.clear();
            if let When::Every { stream, .. } = &mut fault.when {
                stream.clear();
            }
        }
        // A setting of clients is listed where it is said, beside the one that holds for all.
        design.assumptions.retain(|assumption| !assumption.setting.starts_with("clients."));
        for assumption in &mut design.assumptions {
            assumption.default = false;
            assumption.source.clear();
        }
        fill_machines(&mut design.setup.machines);
    }
    format!("{plan:?}")
}

/// Machines with all their properties: what an entry does not say it has from the first, which matches all.
fn fill_machines(machines: &mut [(NodePattern, MachineChange)]) {
    let Some(((_, all), others)) = machines.split_first_mut() else { return };
    assert!(others.len() <= 1, "of several entries the later would have them from the earlier");
    for (_, machine) in others {
        let said = std::mem::replace(machine, all.clone());
        machine.disk_capacity = said.disk_capacity.or(machine.disk_capacity);
        machine.disk_bandwidth = said.disk_bandwidth.or(machine.disk_bandwidth);
        machine.disk_sync = said.disk_sync.or(machine.disk_sync.take());
        machine.memory = said.memory.or(machine.memory);
        machine.clock_offset = said.clock_offset.or(machine.clock_offset);
        machine.clock_drift = said.clock_drift.or(machine.clock_drift);
    }
}

/// The texts in which a line `// or …` stands in place of the nearest line above that is no comment; with its number.
fn alternatives(text: &str) -> Vec<(usize, String)> {
    let mut last = 0;
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        match line.trim().strip_prefix("// or ") {
            Some(other) => {
                let indent = " ".repeat(line.len() - line.trim_start().len());
                found.push((number, replaced(text, last, &format!("{indent}{other}"))));
            }
            None if line.trim().starts_with("//") => {}
            None => last = number,
        }
    }
    found
}

fn replaced(text: &str, number: usize, by: &str) -> String {
    let lines: Vec<&str> =
        text.lines().enumerate().map(|(n, line)| if n == number { by } else { line }).collect();
    lines.join("\n")
}

/// A line's code and its comment.
fn parted(line: &str) -> (&str, &str) {
    let mut quoted = false;
    for (at, letter) in line.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '/' if !quoted && line[at..].starts_with("//") => return (&line[..at], line[at + 2..].trim()),
            _ => {}
        }
    }
    (line, "")
}

/// Whether a line is a name and all of its value.
fn is_setting(code: &str) -> bool {
    let code = code.trim();
    let name = code.split(':').next().unwrap_or_default();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '"' | '*' | '/');
    let count = |letters: [char; 3]| code.matches(letters).count();
    code.ends_with(',')
        && code.contains(": ")
        && name.chars().all(is_name)
        && count(['(', '[', '{']) == count([')', ']', '}'])
}
