//! `Drop`: a packet of the protocol is taken out of its connection for good, as a proxy would.

use super::message::message;
use super::timing::{from, times};
use super::{Planned, Stage, Typed};
use crate::diagnostic::Place;
use crate::named::Placed;
use crate::nodes::Patterns;
use crate::units::Duration;
use redeliver_models::log::{Acks, Commit};
use redeliver_models::queue::AckMode;
use redeliver_models::setup::{Design, FaultKind, PacketKind};
use serde::Deserialize;

/// A packet that is taken out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drop {
    /// Its kind.
    pub packet: Packet,
    /// Only of this message.
    pub message: Option<Placed<String>>,
    /// How many. Default 1.
    pub times: Option<Placed<u32>>,
    /// From this time on. Default: from the beginning.
    pub at: Option<Placed<Duration>>,
}

/// Packets that can be taken out.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Packet {
    /// From a publisher to the broker.
    Publish,
    /// The broker's positive answer.
    Confirm,
    /// From the broker to a consumer.
    Deliver,
    /// A consumer's ack.
    Ack,
    /// A consumer's commit.
    Commit,
}

impl Packet {
    /// Whether this design sends such packets at all. In a story a client may, whatever its settings.
    fn exists_in(self, design: &Design, has_script: bool) -> bool {
        match (self, design) {
            (Packet::Deliver, _) => true,
            (Packet::Publish, Design::Queue(_) | Design::Log(_)) => true,
            (Packet::Confirm, Design::Queue(config)) => {
                has_script || config.clients.iter().any(|(_, client)| client.confirms)
            }
            (Packet::Confirm, Design::Log(config)) => {
                has_script || config.clients.iter().any(|(_, client)| client.acks != Acks::None)
            }
            (Packet::Ack, Design::Queue(config)) => {
                has_script
                    || config
                        .clients
                        .iter()
                        .any(|(_, client)| matches!(client.ack, AckMode::BeforeWork | AckMode::AfterWork))
            }
            (Packet::Ack, Design::Webhook(_)) => true,
            (Packet::Commit, Design::Log(config)) => {
                has_script || config.clients.iter().any(|(_, client)| client.commit != Commit::Never)
            }
            (Packet::Publish | Packet::Confirm | Packet::Ack | Packet::Commit, _) => false,
        }
    }
}

impl Typed for Drop {
    fn plan(&self, _place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        let findings = &mut *patterns.findings;
        let message = self.message.as_ref().map(|name| message(name, stage, findings));
        if !self.packet.exists_in(stage.design, stage.has_script) {
            return Vec::new();
        }
        let kind = FaultKind::Drop {
            packet: match self.packet {
                Packet::Publish => PacketKind::Publish,
                Packet::Confirm => PacketKind::Confirm,
                Packet::Deliver => PacketKind::Deliver,
                Packet::Ack => PacketKind::Ack,
                Packet::Commit => PacketKind::Commit,
            },
            message: match message {
                Some(None) => return Vec::new(),
                Some(some) => some,
                None => None,
            },
            times: times(&self.times, findings),
        };
        vec![(kind, from(&self.at, stage, findings))]
    }
}
