//! Direct messaging: no broker between producer and consumer.

mod config;
mod outlet;
mod receiver;
mod udp;
mod webhook;

pub use config::*;
pub use outlet::Outlet;
pub use receiver::{ErrorReply, Receiver, ReceiverSpec, RequestSelection};
pub use udp::UdpSender;
pub use webhook::{WebhookSender, WebhookSpec};

#[cfg(test)]
mod tests;
