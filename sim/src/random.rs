//! Randomness without state: keyed draws for what concerns a message, and ChaCha8 streams for sequences.
//!
//! A message's [`Luck`] is hashed well once, at its birth. Every draw about it is one finaliser over a key
//! of the purpose (already mixed), the luck and a counter, so that a packet fewer here changes nothing there.
//! The finaliser is SplitMix64's (Stafford's variant 13); the stream is ChaCha8 with the seed expanded by us.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64's finaliser: every bit of the answer depends on every bit of `z`.
#[inline(always)]
pub fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A stable hash of a name: FNV-1a, mixed. The same on every machine and in every version.
pub fn name_hash(name: &str) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }
    mix(hash)
}

/// What a draw is about: a link, a subscription, a schedule. Made from the seed and a name, well mixed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Purpose(u64);

impl Purpose {
    /// The purpose of this name under this seed.
    pub fn new(seed: u64, name: &str) -> Self {
        Purpose(mix(mix(seed.wrapping_add(GAMMA)) ^ name_hash(name)))
    }

    /// A sequence of draws for this purpose that no message owns.
    pub(crate) fn stream(self, name: &str) -> Stream {
        Stream::new(self.0, name)
    }

    /// The `counter`-th draw about this luck: 64 uniform bits.
    ///
    /// The luck must be a hash already: with lucks that count up, bits that stand 31 apart are correlated.
    #[inline(always)]
    pub fn draw(self, luck: Luck, counter: u64) -> u64 {
        mix((self.0 ^ luck.0).wrapping_add(counter.wrapping_mul(GAMMA)))
    }
}

/// A message's own randomness: a well-mixed hash of the seed and of its identity.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Luck(pub u64);

impl Luck {
    /// The luck of the `number`-th thing of this purpose.
    #[inline(always)]
    pub fn new(purpose: Purpose, number: u64) -> Self {
        Luck(mix(mix(purpose.0.wrapping_add(number.wrapping_mul(GAMMA))).wrapping_add(GAMMA)))
    }

    /// The luck of another attempt at the same thing.
    #[inline(always)]
    pub fn attempt(self, attempt: u64) -> Self {
        Luck(self.0.wrapping_add(attempt.wrapping_mul(0xD6E8_FEB8_6659_FD93)))
    }
}

/// A sequence of draws that no message owns: arrivals, random faults. One stream per purpose.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of this name under this seed.
    pub fn new(seed: u64, name: &str) -> Self {
        let mut key = [0u8; 32];
        for (i, part) in key.chunks_exact_mut(8).enumerate() {
            part.copy_from_slice(&mix(seed.wrapping_add((i as u64 + 1).wrapping_mul(GAMMA))).to_le_bytes());
        }
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(name_hash(name));
        Stream(rng)
    }

    /// The next 64 uniform bits.
    #[inline(always)]
    pub fn draw(&mut self) -> u64 {
        self.0.next_u64()
    }
}

/// A probability, as an exact threshold of 2^32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Chance(u64);

impl Chance {
    /// It never happens.
    pub const NEVER: Chance = Chance(0);
    /// It always happens.
    pub const ALWAYS: Chance = Chance(1 << 32);

    /// The nearest chance to a probability; below 0 counts as 0, above 1 as 1.
    pub fn new(probability: f64) -> Self {
        Chance((probability.clamp(0.0, 1.0) * 4_294_967_296.0 + 0.5) as u64)
    }

    /// Whether it happens, for these 64 uniform bits (the upper half decides).
    #[inline(always)]
    pub fn happens(self, bits: u64) -> bool {
        bits >> 32 < self.0
    }

    /// As a number between 0 and 1.
    pub fn probability(self) -> f64 {
        self.0 as f64 / 4_294_967_296.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chance_is_exact_at_both_ends() {
        assert!(!Chance::NEVER.happens(0));
        assert!(Chance::ALWAYS.happens(u64::MAX));
        assert!(Chance::new(0.5).happens((1 << 63) - 1));
        assert!(!Chance::new(0.5).happens(1 << 63));
    }

    #[test]
    fn streams_and_draws_differ_by_seed_name_and_counter() {
        let draws = |seed, name| (Purpose::new(seed, name).draw(Luck(7), 0), Stream::new(seed, name).draw());
        assert_eq!(draws(1, "a"), draws(1, "a"));
        for (seed, name) in [(1, "b"), (2, "a")] {
            assert_ne!(draws(1, "a").0, draws(seed, name).0);
            assert_ne!(draws(1, "a").1, draws(seed, name).1);
        }
    }
}
