//! Producers that send directly to every receiver.

use super::Builder;
use crate::direct::{
    ErrorReply, Outlet, Receiver, ReceiverSpec, RequestSelection, Share, UdpConfig, UdpSender, WebhookConfig,
};
use crate::direct::{WebhookSender, WebhookSpec};
use crate::message::{SourceId, SubscriptionId};
use crate::part::Part;
use crate::setup::{FaultKind, Requests, Role};
use redeliver_sim::{ConnectionId, NodeId, Time};

/// What a producer's member sends to: each subscription with the ways to its members.
type Outlets = Vec<(Outlet, Vec<ConnectionId>)>;

impl Builder<'_> {
    pub(super) fn udp(&mut self, config: &UdpConfig) {
        self.receivers(config.receive_buffer, None);
        for (name, source, synchronous, outlets) in self.senders(config.share) {
            let sender = UdpSender::new(source, synchronous, outlets);
            self.add_node(&name, Role::Producer, Part::UdpSender(sender), Time::ZERO);
        }
    }

    pub(super) fn webhook(&mut self, config: &WebhookConfig) {
        self.receivers(0, config.backlog);
        for (name, source, synchronous, outlets) in self.senders(config.share) {
            let spec = WebhookSpec { source, synchronous, config: config.clone() };
            let sender = WebhookSender::new(spec, outlets);
            self.add_node(&name, Role::Producer, Part::WebhookSender(sender), Time::ZERO);
        }
    }

    fn receivers(&mut self, receive_buffer: u64, backlog: Option<u32>) {
        for (s, member) in self.consumer_nodes() {
            let consumer = &self.setup.consumers[s.0 as usize];
            let error_replies = self.error_replies(s);
            let spec =
                ReceiverSpec { receive_buffer, backlog, on_failure: consumer.on_failure, error_replies };
            let starts = Time::ZERO + consumer.members[member].joins;
            let worker = self.worker(s, member);
            let name = self.member_name(s, member);
            self.add_node(&name, Role::Consumer, Part::Receiver(Receiver::new(spec, worker)), starts);
        }
    }

    fn error_replies(&self, s: SubscriptionId) -> Vec<ErrorReply> {
        let reply = |what: &FaultKind| match what {
            FaultKind::ErrorReply { subscription, which, status, times }
                if subscription.is_none_or(|wanted| wanted == s.0 as usize) =>
            {
                let which = match which {
                    Requests::From(number) => RequestSelection::From(*number),
                    Requests::About(name) => RequestSelection::About(self.about(name)),
                };
                Some(ErrorReply { which, status: *status, times: *times, until: self.healed_at() })
            }
            _ => None,
        };
        self.setup.faults.iter().filter_map(|fault| reply(&fault.what)).collect()
    }

    /// All members of all producers: name, source, and what they send to. Makes the connections, one for each pair of
    /// a producer's member and a consumer's; the sender is the client.
    /// Every producer's member: its name, its source, whether that waits, and the ways from it.
    fn senders(&mut self, share: Share) -> Vec<(String, SourceId, bool, Outlets)> {
        let producers = self.producer_nodes();
        let consumers = self.consumer_nodes();
        let mut senders = Vec::new();
        for (i, (name, producer, source)) in producers.into_iter().enumerate() {
            let client = NodeId((consumers.len() + i) as u32);
            let topic = self.setup.producers[producer].topic;
            let mut outlets: Outlets = Vec::new();
            for (j, (s, _)) in consumers.iter().enumerate() {
                if self.setup.consumers[s.0 as usize].topic == topic {
                    let connection = self.connect(client, NodeId(j as u32));
                    self.add_to_outlet(&mut outlets, *s, share, connection);
                }
            }
            senders.push((name, source, self.setup.producers[producer].schedule.waits(), outlets));
        }
        senders
    }

    fn add_to_outlet(&self, outlets: &mut Outlets, s: SubscriptionId, share: Share, to: ConnectionId) {
        match outlets.last_mut().filter(|(outlet, _)| outlet.s == s) {
            Some((_, members)) => members.push(to),
            None => {
                let members = self.setup.consumers[s.0 as usize].members.len();
                outlets.push((Outlet::new(s, share, members), vec![to]));
            }
        }
    }
}
