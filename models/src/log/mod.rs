//! A log broker (Kafka-like).

mod config;
pub(crate) mod partitioner;
pub use config::*;
