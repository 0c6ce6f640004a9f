//! A log broker (Kafka-like), and its consumer.

mod broker;
mod config;
mod consumer;
mod consumer_spec;
mod coordinator;
mod damage;
mod fetch;
mod group;
mod partition;
pub(crate) mod partitioner;
mod retention;
#[cfg(test)]
mod tests;

pub use broker::{Broker, BrokerSpec};
pub use config::*;
pub use consumer::{Consumer, Place, Token};
pub use consumer_spec::ConsumerSpec;
pub use group::{Group, GroupSpec, Member, Reading};
pub use partition::{Partition, Segment};
