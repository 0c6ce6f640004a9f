//! Several nodes of a queue broker.
//!
//! A client is connected to one of them, and is known in all by that connection. A queue is on one node (RabbitMQ:
//! classic), with the same parts as a broker that is alone, or it has members on several (quorum), which copy its leader's
//! log. Files: `topology.rs` who is where; `node.rs` a node; `channel.rs` and `commands.rs` what it does for its clients; `peers.rs` what it
//! knows of the other nodes; `quorum.rs`, `log.rs`, `replica.rs`, `election.rs`, `replication.rs` replicated queues;
//! `alarm.rs` memory and disks.
//!
//! Left out: dead letters between nodes, times to live and consumer timeouts in replicated queues, changes of members,
//! `cluster_partition_handling` other than `ignore`.

mod alarm;
mod channel;
mod commands;
mod election;
mod log;
mod node;
mod peers;
mod quorum;
mod replica;
mod replication;
#[cfg(test)]
mod tests;
mod topology;

use super::broker::Broker;
use crate::domain::Out;
use crate::packet::Packet;
pub use node::{ClusterNode, ClusterSpec};
use quorum::Command;
pub use quorum::Quorum;
use redeliver_sim::Node;
pub use topology::Topology;
pub(super) use topology::{Post, REPLICATED};

impl Broker {
    /// A replicated queue does what a client wanted. Who says again that he consumes is heard if he does no more.
    fn follow(&mut self, command: Command, out: &mut Out<'_>) {
        let Command { client, packet, again, .. } = command;
        match packet {
            Packet::Consume { queue, .. } if self.service[queue as usize].count_of(client) < again => {
                self.on_message(client, packet, out);
            }
            Packet::Consume { .. } if again > 0 => {}
            _ => self.on_message(client, packet, out),
        }
    }
}
