//! Every row of the table of closed forms (`tests/data/closed_forms.csv`) has a scenario here whose figures must agree
//! with it, or stands in [`rows::NOT_YET`] with what is missing.
//!
//! A scenario runs under fixed seeds. A figure that differs from seed to seed must be within four standard errors of
//! its mean; one of a scenario in which nothing is random must be exact. A value that is wrong by a tenth must be found
//! out, so that agreement says something.

#[path = "../common/mod.rs"]
mod common;
mod csv;
mod ids;
mod loss;
mod offsets;
mod order;
mod queue;
mod replicas;
mod rows;
mod scenario;
mod sources;
mod system;
mod verdict;

use csv::{Params, Row, table};
use rows::{COVERED, Covered, NOT_YET, NotYet, RARE};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use verdict::{Figure, judge};

/// What the scenarios have measured: by place in [`COVERED`], by seed.
type Measured = Vec<Vec<Vec<Figure>>>;

static MEASURED: LazyLock<Measured> = LazyLock::new(measure);

/// Runs every scenario under all its seeds, on two threads. Who takes which run does not matter.
fn measure() -> Measured {
    let rows = table();
    let runs: Vec<(usize, u64, Params)> = COVERED
        .iter()
        .enumerate()
        .flat_map(|(index, covered)| {
            let row = rows.iter().find(|row| row.id == covered.id).expect("the table has this row");
            (1..=covered.seeds).map(move |seed| (index, seed, row.params.clone()))
        })
        .collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((index, seed, params)) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((*index, *seed, (COVERED[*index].measure)(params, *seed)));
        }
        done
    };
    let mut done = std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let mine = work();
        [mine, other.join().expect("every scenario runs")].concat()
    });
    done.sort_by_key(|(index, seed, _)| (*index, *seed));
    let mut measured = vec![Vec::new(); COVERED.len()];
    for (index, _, figures) in done {
        measured[index].push(figures);
    }
    measured
}

/// The rows that are covered, each with what the seeds said about its quantity.
fn covered_rows(rows: &[Row]) -> impl Iterator<Item = (&Row, Vec<Figure>)> {
    rows.iter().filter_map(|row| {
        if NOT_YET.iter().any(|entry| entry.means(row)) {
            return None;
        }
        let index = COVERED.iter().position(|covered| covered.id == row.id)?;
        let find = |figures: &Vec<Figure>| {
            let found = figures.iter().copied().find(|figure| figure.quantity == row.quantity);
            found.unwrap_or_else(|| panic!("no figure for {} {}", row.id, row.quantity))
        };
        Some((row, MEASURED[index].iter().map(find).collect()))
    })
}

#[test]
fn every_covered_row_holds() {
    let rows = table();
    let mut wrong = Vec::new();
    for (row, figures) in covered_rows(&rows) {
        let verdict = judge(row.value, &figures);
        println!("{} {}: {}", row.id, row.quantity, verdict.as_ref().unwrap_or_else(|text| text));
        if let Err(text) = verdict {
            wrong.push(format!("{} {}: {text}", row.id, row.quantity));
        }
    }
    assert!(wrong.is_empty(), "rows that do not hold:\n{}", wrong.join("\n"));
}

#[test]
fn a_value_that_is_wrong_by_a_tenth_is_found_out() {
    let rows = table();
    for (id, quantity, _) in RARE {
        assert!(rows.iter().any(|row| row.id == *id && row.quantity == *quantity), "no row {id} {quantity}");
    }
    let mut unnoticed = Vec::new();
    for (row, figures) in covered_rows(&rows) {
        let rare = RARE.iter().find(|(id, quantity, _)| *id == row.id && *quantity == row.quantity);
        for factor in rare.map_or([0.9, 1.1], |(_, _, factor)| [1.0 / factor, *factor]) {
            if let Ok(text) = judge(row.value * factor, &figures) {
                unnoticed.push(format!("{} {} times {factor}: {text}", row.id, row.quantity));
            }
        }
    }
    assert!(unnoticed.is_empty(), "nobody would notice:\n{}", unnoticed.join("\n"));
}

/// What is wrong with the lists: every row is in one of them, and every entry has a row and, if need be, a reason.
fn complaints(rows: &[Row], covered: &[Covered], not_yet: &[NotYet]) -> Vec<String> {
    let mut complaints = Vec::new();
    for row in rows {
        let missing: Vec<_> = not_yet.iter().filter(|entry| entry.means(row)).collect();
        // A row may be the exception among those of its id.
        let excepted = missing.iter().any(|entry| entry.quantity.is_some());
        let found = covered.iter().filter(|entry| entry.id == row.id && !excepted).count();
        match found + missing.len() {
            0 => complaints.push(format!("{} {} is in neither list", row.id, row.quantity)),
            1 => {}
            _ => complaints.push(format!("{} {} is listed twice", row.id, row.quantity)),
        }
    }
    let unknown = covered.iter().filter(|entry| !rows.iter().any(|row| row.id == entry.id));
    complaints.extend(unknown.map(|entry| format!("{} is not in the table", entry.id)));
    let unknown = not_yet.iter().filter(|entry| !rows.iter().any(|row| entry.means(row)));
    complaints.extend(unknown.map(|entry| format!("{} is not in the table", entry.id)));
    let unreasoned = not_yet.iter().filter(|entry| entry.missing.is_empty());
    complaints.extend(unreasoned.map(|entry| format!("{} has no reason", entry.id)));
    complaints
}

#[test]
fn every_row_is_covered_or_listed_with_a_reason() {
    assert_eq!(complaints(&table(), COVERED, NOT_YET), Vec::<String>::new());
}

#[test]
fn a_row_in_no_list_or_in_two_is_complained_of() {
    let rows = table();
    let covered = |id| Covered { id, seeds: 1, measure: |_, _| Vec::new() };
    let not_yet = |id, missing| NotYet { id, quantity: None, missing };
    let but = |quantity| NotYet { id: "Q01", quantity: Some(quantity), missing: "much" };
    let check = |covered: &[Covered], not_yet: &[NotYet]| complaints(&rows[..1], covered, not_yet).join("; ");
    assert_eq!(check(&[covered("Q01")], &[]), "");
    assert_eq!(check(&[], &[not_yet("Q01", "much")]), "");
    assert_eq!(check(&[], &[]), "Q01 rho is in neither list");
    assert_eq!(check(&[covered("Q01")], &[not_yet("Q01", "much")]), "Q01 rho is listed twice");
    assert_eq!(check(&[covered("Q01"), covered("Z1")], &[]), "Z1 is not in the table");
    assert_eq!(check(&[covered("Q01")], &[not_yet("Z1", "much")]), "Z1 is not in the table");
    assert_eq!(check(&[], &[not_yet("Q01", "")]), "Q01 has no reason");
    assert_eq!(check(&[covered("Q01")], &[but("rho")]), "");
    assert_eq!(check(&[], &[but("rho")]), "");
    assert_eq!(check(&[], &[but("rho"), not_yet("Q01", "much")]), "Q01 rho is listed twice");
    assert_eq!(check(&[covered("Q01")], &[but("rhododendron")]), "Q01 is not in the table");
}
