//! The bits themselves: each as often set as not, bytes evenly spread, no draw like its neighbour, and none about one
//! thing like one about another.

use redeliver_sim::{Luck, Purpose, mix};

use crate::source::{DRAWS, SEED, Source};
use crate::statistics::*;

/// Complains if bits are not evenly spread.
pub(crate) fn unevenness(draws: &[u64]) -> Option<String> {
    let set = |bit: u32| draws.iter().filter(|bits| **bits >> bit & 1 == 1).count();
    let single = furthest((0..64).map(|bit| share_z(set(bit), draws.len(), 0.5)));
    if single.abs() > Z_MAX_OF_64 {
        return Some(format!("a single bit: {single}"));
    }
    for byte in 0..8 {
        let mut counts = [0; 256];
        draws.iter().for_each(|bits| counts[usize::from(bits.to_le_bytes()[byte])] += 1);
        let z = chi_square_z(&counts, |_| draws.len() as f64 / 256.0);
        if z.abs() > Z_MAX {
            return Some(format!("byte {byte}: {z}"));
        }
    }
    let pairs: Vec<(u64, u64)> = draws.iter().map(|bits| (*bits, *bits)).collect();
    let all = agreements(&pairs);
    let two = furthest((0..64).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| all[64 * i + j]));
    (two.abs() > Z_MAX_OF_4096).then(|| format!("two bits of a draw: {two}"))
}

/// Complains if the first of a pair says something of the second.
pub(crate) fn dependence(pairs: &[(u64, u64)]) -> Option<String> {
    let correlation = correlation_z(pairs);
    if correlation.abs() > Z_MAX {
        return Some(format!("correlation: {correlation}"));
    }
    let mut counts = [0; 256];
    pairs.iter().for_each(|(a, b)| counts[(a >> 60 << 4 | b >> 60) as usize] += 1);
    let cells = chi_square_z(&counts, |_| pairs.len() as f64 / 256.0);
    if cells.abs() > Z_MAX {
        return Some(format!("where the pairs lie: {cells}"));
    }
    let agreements = agreements(pairs);
    let together = normal_of_chi_square(agreements.iter().map(|z| z * z).sum(), agreements.len());
    if together.abs() > Z_MAX {
        return Some(format!("all pairs of bits together: {together}"));
    }
    let furthest = furthest(agreements);
    (furthest.abs() > Z_MAX_OF_4096).then(|| format!("a pair of bits: {furthest}"))
}

/// Each draw with the next, in pairs that do not overlap: those that begin at an even place, then the others.
pub(crate) fn neighbours(draws: &[u64]) -> [Vec<(u64, u64)>; 2] {
    [0, 1].map(|from| draws[from..].as_chunks().0.iter().map(|[a, b]| (*a, *b)).collect())
}

/// For the bit of the answer and the bit of the number that have least to do with each other, or most: how much more
/// often than every second time the one turns when the other does.
pub(crate) fn avalanche(mix: impl Fn(u64) -> u64) -> f64 {
    let numbers = &Source::Stream.draws("avalanche")[..10_000];
    let turned = |bit: u32| {
        let mut counts = [0; 64];
        for number in numbers {
            let turned = mix(*number) ^ mix(number ^ 1 << bit);
            counts.iter_mut().enumerate().for_each(|(of, count)| *count += (turned >> of & 1) as usize);
        }
        furthest(counts.map(|count| share_z(count, numbers.len(), 0.5)))
    };
    furthest((0..64).map(turned))
}

#[test]
fn every_bit_of_a_mixed_number_depends_on_every_bit_of_it() {
    let z = avalanche(mix);
    assert!(z.abs() < Z_MAX_OF_4096, "{z}");
}

#[test]
fn bits_are_even_from_every_source() {
    for source in Source::ALL {
        assert_eq!(unevenness(&source.draws("link shop/1>broker")), None, "{source:?}");
    }
}

#[test]
fn neighbours_are_independent_from_every_source() {
    for source in Source::ALL {
        for pairs in neighbours(&source.draws("link shop/1>broker")) {
            assert_eq!(dependence(&pairs), None, "{source:?}");
        }
    }
}

/// Two purposes, links or streams of which only the names differ, and little.
#[test]
fn what_differs_by_a_letter_of_its_name_is_independent() {
    for source in Source::ALL {
        let [first, second] = ["link shop/1>broker", "link shop/2>broker"].map(|name| source.draws(name));
        let pairs: Vec<(u64, u64)> = first.into_iter().zip(second).collect();
        assert_eq!(dependence(&pairs), None, "{source:?}");
    }
}

/// What is drawn about a message: loss and delay on a link, there and back, at one attempt and the next, the work;
/// and about the same message under the next seed.
#[test]
fn draws_about_one_message_are_independent() {
    let draws = |seed, name, attempt, counter| {
        let (purpose, producer) = (Purpose::new(seed, name), Purpose::new(seed, "message shop/1"));
        move |number| purpose.draw(Luck::new(producer, number).attempt(attempt), counter)
    };
    let there = draws(SEED, "link broker>worker/1", 1, 0);
    for (what, other) in [
        ("loss and delay", draws(SEED, "link broker>worker/1", 1, 1)),
        ("there and back", draws(SEED, "link worker/1>broker", 1, 0)),
        ("first and second attempt", draws(SEED, "link broker>worker/1", 2, 0)),
        ("first and second loss", draws(SEED, "link broker>worker/1", 1, 8)),
        ("loss and work", draws(SEED, "work workers", 0, 1)),
        ("one seed and the next", draws(SEED + 1, "link broker>worker/1", 1, 0)),
    ] {
        let pairs: Vec<(u64, u64)> = (0..DRAWS as u64).map(|number| (there(number), other(number))).collect();
        assert_eq!(dependence(&pairs), None, "{what}");
    }
}

/// Of two million draws of 64 bits two are equal once in ten million tries: so no key is another's.
#[test]
fn no_two_draws_are_equal() {
    let names = ["link shop/1>broker", "link shop/2>broker"];
    let mut draws: Vec<u64> = Vec::new();
    for source in Source::ALL {
        names.iter().for_each(|name| draws.extend(source.draws(name)));
    }
    let drawn = draws.len();
    draws.sort_unstable();
    draws.dedup();
    assert_eq!(draws.len(), drawn);
}
