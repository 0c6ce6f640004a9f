//! The parts of a messaging system: messages, producers, direct messaging, queue broker, log broker, consumers,
//! and the ledger over them.

mod build;
pub mod causes;
mod census;
pub mod checks;
pub mod deduplication;
mod describe;
pub mod direct;
mod domain;
pub mod fact;
pub mod handler;
mod limits;
pub mod log;
pub mod message;
pub mod packet;
mod part;
pub mod producer;
pub mod properties;
pub mod queue;
mod run;
pub mod setup;
pub mod shared;
pub mod shelf;
pub mod story;
#[cfg(test)]
mod testing;
pub mod transactions;
pub mod worker;

pub use build::{build, node_names};
pub use census::Census;
pub use describe::describe;
pub use domain::{FactPattern, Messaging, Out, PacketPattern, World};
pub use fact::Fact;
pub use limits::{Limits, memory};
pub use part::Part;
pub use run::{Ended, advance, finish, run};
pub use setup::Setup;
pub use shared::{Names, Shared};
