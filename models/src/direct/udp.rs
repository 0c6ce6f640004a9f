//! A producer that sends datagrams to every subscription, and forgets them.
//!
//! Models UDP fan-out: one datagram per subscription and message, to the member whose turn it is. Nobody answers, so
//! what is lost on the way, or comes while the receiver is away, is lost for good.
//!
//! Left out: IP fragmentation (a datagram is one packet), multicast groups on the switch.

use super::Outlet;
use crate::causes::LossCause;
use crate::census::Census;
use crate::domain::{Messaging, Out};
use crate::fact::Fact;
use crate::message::{MessageRef, SourceId};
use crate::packet::{Packet, Record, Timer};
use crate::part::Holder;
use crate::producer::source;
use redeliver_sim::{ConnectionChange, ConnectionId, Disk, Node};

/// The producer.
#[derive(Clone, Debug)]
pub struct UdpSender {
    source: SourceId,
    /// Its source waits until a message has left it: nobody answers.
    synchronous: bool,
    outlets: Vec<(Outlet, Vec<ConnectionId>)>,
    /// What it is sending, if it dies at that.
    in_hand: Option<MessageRef>,
}

impl UdpSender {
    /// A sender to these subscriptions, with the way to each of their members.
    pub fn new(source: SourceId, synchronous: bool, outlets: Vec<(Outlet, Vec<ConnectionId>)>) -> Self {
        UdpSender { source, synchronous, outlets, in_hand: None }
    }

    #[inline(always)]
    fn on_tick(&mut self, out: &mut Out<'_>) {
        let m = source::open(self.source, out);
        let key = out.shared().messages.get(m).key;
        self.in_hand = Some(m);
        out.note(Fact::Published { m, buffered: false, sent: true });
        for (outlet, members) in &mut self.outlets {
            if out.is_cut() {
                return;
            }
            let to = members[outlet.choose(key, &out.shared().names)];
            let s = outlet.s;
            out.note(Fact::Dispatched { m, s, attempt: 1, member: to.0 });
            out.datagram(to, Packet::Datagram { m, s });
        }
        if !out.is_cut() {
            self.in_hand = None;
            out.note(Fact::Forgotten { m });
        }
        if self.synchronous {
            source::settled(self.source, out);
        } else {
            source::arm(self.source, out);
        }
    }
}

impl Node<Messaging> for UdpSender {
    fn start(&mut self, out: &mut Out<'_>) {
        source::start(self.source, out);
    }

    fn on_message(&mut self, _from: ConnectionId, _packet: Packet, _out: &mut Out<'_>) {}

    #[inline(never)]
    fn on_timer(&mut self, timer: Timer, out: &mut Out<'_>) {
        if timer == Timer::Tick {
            self.on_tick(out);
        }
    }

    fn on_connection(&mut self, _connection: ConnectionId, _change: ConnectionChange, _out: &mut Out<'_>) {}

    fn on_crash(&mut self, _machine: bool, out: &mut Out<'_>) {
        if let Some(m) = self.in_hand {
            out.note(Fact::PublishDropped { m, why: LossCause::ProducerBuffer });
        }
    }
}

impl Holder for UdpSender {
    fn count(&self, _up: bool, _disk: &Disk<Record>, _census: &mut Census<'_>) {}
}
