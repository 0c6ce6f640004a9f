//! The parts of a messaging system: messages, producers, direct messaging, queue broker, log broker, consumers,
//! and the ledger over them.

pub mod direct;
pub mod log;
pub mod queue;
pub mod setup;
pub mod story;

pub use setup::Setup;
