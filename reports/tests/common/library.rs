//! The whole library on all cores, and the fingerprints that its runs must have.

use redeliver_scenarios::library;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where the golden fingerprints stand.
pub(crate) const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden_fingerprints.txt");

/// The golden fingerprints of a scenario: `hello queue c237f0fa869c5ddf`, a line for each design, sorted.
pub(crate) fn golden(name: &str) -> Vec<String> {
    let all = std::fs::read_to_string(GOLDEN).expect("the golden file is there");
    let mine = all.lines().filter(|line| line.split(' ').next() == Some(name));
    let mut lines: Vec<String> = mine.map(str::to_string).collect();
    lines.sort();
    lines
}

#[allow(clippy::disallowed_methods)] // only how many run side by side
/// What this makes of every scenario (its name and text), in the order of their names.
pub(crate) fn in_parallel<T: Send>(of: impl Fn(&str, &str) -> T + Sync) -> Vec<T> {
    let all = library::all();
    let (next, made) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((name, text)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            let one = of(name, text);
            made.lock().expect("nobody panicked").push((*name, one));
        }
    };
    std::thread::scope(|scope| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        (0..cores).for_each(|_| drop(scope.spawn(work)));
    });
    let mut made = made.into_inner().expect("nobody panicked");
    made.sort_by_key(|(name, _)| *name);
    made.into_iter().map(|(_, one)| one).collect()
}
