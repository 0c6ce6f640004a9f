//! The fingerprint: a running fold over all facts, as integers. Two runs with the same one did the same.
//!
//! Three lanes with xxHash64's round: the time; kind, node and detail; the message and its subscription. The codes are never
//! used again for something else; the seed is no part of it.

use redeliver_sim::{NodeId, Time, mix};

const P1: u64 = 0x9E37_79B1_85EB_CA87;
const P2: u64 = 0xC2B2_AE3D_27D4_EB4F;

/// The fold.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fingerprint {
    times: u64,
    facts: u64,
    abouts: u64,
}

#[inline(always)]
fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1)
}

impl Fingerprint {
    /// Takes in a fact: its kind, where it was noted, which message it is about (source and number), the rest.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn fold(&mut self, at: Time, node: NodeId, kind: u32, about: u64, detail: u64) {
        self.times = round(self.times, at.0);
        self.facts = round(self.facts, u64::from(kind) << 56 ^ u64::from(node.0) << 36 ^ detail);
        self.abouts = round(self.abouts, about);
    }

    /// The value, for people and for golden files.
    pub(super) fn value(&self) -> u64 {
        mix(mix(mix(self.times).wrapping_add(self.facts)).wrapping_add(self.abouts))
    }
}
