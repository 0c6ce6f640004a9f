//! A log broker (Kafka-like).

mod config;
pub use config::*;
