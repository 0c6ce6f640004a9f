//! The kernel of redeliver: virtual time, one event queue, randomness, network, nodes, disks and faults.
//!
//! Knows nothing of messaging. Does no I/O, and cannot fail.

mod random;
mod sample;
mod time;

pub use random::{Chance, Luck, Purpose, Stream, mix, name_hash};
pub use sample::{Distribution, Zipf, unit};
pub use time::{Span, Stamp, Time};
