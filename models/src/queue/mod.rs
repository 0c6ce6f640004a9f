//! A queue broker (RabbitMQ-like).

mod config;
pub use config::*;
