//! A chance is exact: it has the threshold that is nearest to its probability, and of four million draws so many are
//! below it that one in a hundred more would show.

use redeliver_sim::{Chance, Luck, Purpose, Stream};

use crate::source::SEED;
use crate::statistics::{Z_MAX, share_z};

const MANY: usize = 4_000_000;

#[test]
fn the_last_draw_that_happens_stands_just_below_the_threshold() {
    // Probability, and how many of 2^32 equal parts are below it.
    for (probability, threshold) in [
        (1e-9, 4),
        (0.001, 4_294_967),
        (0.01, 42_949_673),
        (0.05, 214_748_365),
        (0.1, 429_496_730),
        (0.25, 1 << 30),
        (0.3, 1_288_490_189),
        (0.499, 2_143_188_681),
        (0.5, 1 << 31),
        (0.7, 3_006_477_107),
        (0.99, 4_252_017_623),
        (0.999, 4_290_672_329),
        (1.0 - 1e-9, (1 << 32) - 4),
    ] {
        let (chance, first_not) = (Chance::new(probability), threshold << 32);
        assert!(chance.happens(0), "{probability}");
        assert!(chance.happens(first_not - 1), "{probability}");
        assert!(!chance.happens(first_not), "{probability}");
        assert!(!chance.happens(u64::MAX), "{probability}");
    }
    assert!(!Chance::new(1e-10).happens(0));
    assert!(Chance::new(1.0 - 1e-10).happens(u64::MAX));
}

/// How often something happens in four million draws of a stream, and in as many about messages.
fn shares(happens: impl Fn(u64) -> bool) -> [usize; 2] {
    let mut stream = Stream::new(SEED, "four million");
    let (purpose, messages) = (Purpose::new(SEED, "four million"), Purpose::new(SEED, "message chance/1"));
    let streamed = (0..MANY).filter(|_| happens(stream.draw())).count();
    let keyed =
        (0..MANY as u64).filter(|number| happens(purpose.draw(Luck::new(messages, *number), 0))).count();
    [streamed, keyed]
}

#[test]
fn a_chance_that_is_off_by_one_in_a_hundred_is_found_out() {
    for probability in [0.1, 0.2, 0.3, 0.45, 0.7] {
        let z = |chance: Chance| {
            shares(|bits| chance.happens(bits)).map(|count| share_z(count, MANY, probability))
        };
        let (right, wrong) = (z(Chance::new(probability)), z(Chance::new(probability * 1.01)));
        assert!(right.iter().all(|z| z.abs() < Z_MAX), "{probability}: {right:?}");
        assert!(wrong.iter().all(|z| *z > Z_MAX), "{probability}: {wrong:?}");
    }
}
