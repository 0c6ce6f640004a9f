//! A queue broker (RabbitMQ-like).

mod arrivals;
mod behaviour;
mod broker;
mod cluster;
mod config;
mod consumer;
mod coordinator;
mod dead_letters;
mod delivering;
mod flights;
mod groups;
mod hidden_recovery;
mod paging;
mod prepared;
mod publishing;
mod pulls;
#[allow(clippy::module_inception)] // a queue is a queue
mod queue;
mod recent_ids;
mod recovery;
mod redelivery;
mod restart;
mod returning;
mod routing;
mod service;
mod stream;
mod stream_recovery;
mod streaming;
#[cfg(test)]
mod tests;
mod timed;
pub use behaviour::*;
pub use broker::{Broker, BrokerSpec};
pub use cluster::{ClusterNode, ClusterSpec, Quorum, Topology};
pub use config::*;
pub use consumer::{Consumer, ConsumerSpec, Token};
pub use dead_letters::{Death, Histories, History, Reason};
pub use paging::Paging;
pub(crate) use pulls::PULL_GRACE;
pub use pulls::Pulls;
pub use queue::{Entry, Queue};
pub use redelivery::{Duplicates, Lifetime, Pending, Redelivery, Settles};
pub use routing::{ExchangeKind, Routes, subject_fits, subjects_overlap};
pub use service::Turns;
pub use stream::{Discard, Retained, Retention, Stream, StreamConfig};
pub use streaming::DeclareError;
