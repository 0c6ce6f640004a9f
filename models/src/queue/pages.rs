//! What a consumer asks for beside new messages, page by page: what an earlier life of it has not settled, and what others
//! have left.
//!
//! Models the loop that Redis's documentation shows ("Redis Streams": recovering from permanent failures): a consumer that
//! begins reads its own pending entries first; from time to time it claims, from where the last claim has ended.

use super::consumer::ConsumerSpec;
use crate::packet::Packet;
use redeliver_sim::Time;

/// How far it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pages {
    asked: Asked,
    /// It has read all that an earlier life had left.
    caught_up: bool,
    /// Up to this sequence.
    read: u32,
    /// It claims again from this sequence on,
    claim_from: u32,
    /// at this time or later.
    claim_at: Time,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Asked {
    #[default]
    Nothing,
    OwnAgain,
    Claim,
}

impl Pages {
    /// What it asks for in place of new messages, if it is time for that.
    pub(super) fn ask(&mut self, spec: &ConsumerSpec, now: Time) -> Option<Packet> {
        let (queue, pulls) = (spec.queue, spec.pulls.as_ref()?);
        if spec.rereads && !self.caught_up {
            self.asked = Asked::OwnAgain;
            return Some(Packet::Reread { queue, batch: pulls.batch, after: self.read });
        }
        let claims = spec.claims.filter(|_| now >= self.claim_at)?;
        self.asked = Asked::Claim;
        self.claim_at = now + claims.every;
        let idle = (claims.idle.0 / 1_000_000).min(u64::from(u32::MAX)) as u32;
        Some(Packet::Claim { queue, idle, batch: claims.batch, from: self.claim_from })
    }

    /// Whether it has asked for a page.
    #[inline(always)]
    pub(super) fn is_asking(&self) -> bool {
        self.asked != Asked::Nothing
    }

    /// A page has ended, and the next begins there; 0: it was the last.
    pub(super) fn end(&mut self, next: u32) {
        match std::mem::take(&mut self.asked) {
            Asked::OwnAgain => (self.read, self.caught_up) = (next, next == 0),
            Asked::Claim => self.claim_from = next,
            Asked::Nothing => {}
        }
    }

    /// Nothing will come of what it has asked for.
    pub(super) fn break_off(&mut self) {
        self.asked = Asked::Nothing;
    }
}
