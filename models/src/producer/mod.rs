//! Producers: sources of events, and the clients that publish them to a broker.

mod bursts;
mod database;
mod publisher;
pub(crate) mod source;
#[cfg(test)]
mod tests;

pub use bursts::Bursts;
pub use database::StateChange;
pub use publisher::{Publisher, PublisherSpec, Target};
pub use source::{Arrivals, Keys, MESSAGE_BYTES_MAX, Purposes, Source};
