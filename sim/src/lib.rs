//! The kernel of redeliver: virtual time, one event queue, randomness, network, nodes, disks and faults.
//!
//! Knows nothing of messaging. Does no I/O, and cannot fail.

mod arena;
mod budget;
mod clock;
mod connection;
mod core;
mod damage;
mod disk;
mod disturbance;
mod entries;
mod fault;
mod fifo;
mod flying;
mod heal;
mod impairment;
mod lifecycle;
mod machine;
mod network;
mod node;
mod out;
mod outside;
mod pace;
mod queue;
mod random;
mod sample;
mod time;
mod wire;
mod world;

pub use disk::{Disk, DiskFull, DiskSpec, FileId, Position, RecordLoss};
pub use entries::{InTornWrite, Stored};
pub use fault::{Action, Death, Fault, Links, Trigger, Trouble, Victims};
pub use fifo::Fifo;
pub use impairment::{Buffer, Burst, EarlyDrop, Effect, Impairments};
pub use network::{
    CONNECT_TIMEOUT, ConnectionId, DropCause, LinkId, LinkSpec, RETRANSMISSION_MIN, SILENCE_LIMIT,
    SOCKET_BUFFER,
};
pub use node::{Checks, ConnectionChange, Domain, Machine, News, Node, NodeId};
pub use out::Out;
pub use outside::{Held, Mark};
pub use random::{Chance, Luck, Purpose, Stream, mix, name_hash};

pub use sample::{Distribution, Zipf, unit};
pub use time::{Span, Stamp, Time};
pub use world::{INSTANT_EVENTS_MAX, World};
