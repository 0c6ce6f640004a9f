//! Which partition a message goes to: by its key's hash, or around if it has none.
//!
//! The hash is our own and stable. Left out: the Java client's murmur2 and librdkafka's CRC32, which place the same
//! key differently, and sticky batches for messages without a key.

use crate::message::KeyId;
use crate::shared::Names;
use redeliver_sim::{mix, name_hash};

/// The partition, below `partitions`; `round` counts the producer's messages.
#[inline]
pub(crate) fn partition(key: KeyId, names: &Names, partitions: u32, round: u32) -> u32 {
    if partitions == 1 {
        return 0;
    }
    if key == KeyId::NONE {
        return round % partitions;
    }
    let hash = if key.0 < names.keys_numbered {
        mix(u64::from(key.0) + 1)
    } else {
        name_hash(&names.keys[(key.0 - names.keys_numbered) as usize])
    };
    (hash % u64::from(partitions)) as u32
}
