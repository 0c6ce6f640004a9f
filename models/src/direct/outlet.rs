//! Where a sender's messages go for one subscription: to its members in turn, or by key.

use super::Share;
use crate::log::partitioner;
use crate::message::{KeyId, SubscriptionId};
use crate::shared::Names;

/// One subscription as its senders see it.
#[derive(Clone, Debug)]
pub struct Outlet {
    /// The subscription.
    pub s: SubscriptionId,
    /// How its members share.
    share: Share,
    /// How many there are.
    members: u32,
    /// Messages without a key, or all that go around: so many so far.
    round: u32,
}

impl Outlet {
    /// An outlet to so many members (at least one).
    pub fn new(s: SubscriptionId, share: Share, members: usize) -> Self {
        assert!(members > 0);
        Outlet { s, share, members: members as u32, round: 0 }
    }

    /// The member that gets a message of this key, whether it is there or not: nobody has told the sender.
    #[inline(always)]
    pub fn choose(&mut self, key: KeyId, names: &Names) -> usize {
        let by_key = self.share == Share::ByKey && key != KeyId::NONE;
        let key = if by_key { key } else { KeyId::NONE };
        let chosen = partitioner::partition(key, names, self.members, self.round);
        self.round = self.round.wrapping_add(u32::from(!by_key));
        chosen as usize
    }
}
