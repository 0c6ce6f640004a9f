//! Direct messaging: no broker between producer and consumer.

mod config;
pub use config::*;
