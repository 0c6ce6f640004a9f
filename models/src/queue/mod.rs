//! A queue broker (RabbitMQ-like).

mod behaviour;
mod broker;
mod config;
mod consumer;
mod dead_letters;
mod delivering;
mod flights;
mod paging;
mod publishing;
#[allow(clippy::module_inception)] // a queue is a queue
mod queue;
mod recovery;
mod restart;
mod returning;
mod routing;
mod service;
#[cfg(test)]
mod tests;
pub use behaviour::*;
pub use broker::{Broker, BrokerSpec};
pub use config::*;
pub use consumer::{Consumer, ConsumerSpec, Token};
pub use dead_letters::{Death, Histories, History, Reason};
pub use paging::Paging;
pub use queue::{Entry, Queue};
pub use routing::{ExchangeKind, Routes};
