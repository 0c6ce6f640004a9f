//! What is not plain: how packets pass links to which more happens than that they take their time, what partitions and
//! other faults do to links, and how ends that have gone without a word answer.

use crate::core::{Body, Core, DATAGRAM, READ};
use crate::fault::Links;
use crate::flying::DEADLINE;
use crate::impairment::Effect;
use crate::network::{DropCause, LinkId, Segment, counters};
use crate::node::{Domain, News, NodeId};
use crate::random::Luck;
use crate::time::Span;

impl<D: Domain> Core<D> {
    /// One datagram to which more may happen than that it takes its time.
    #[cold]
    #[inline(never)]
    pub(crate) fn send_datagram_unusually(
        &mut self,
        node: NodeId,
        id: LinkId,
        message: D::Message,
        bytes: u64,
        luck: Luck,
    ) {
        let now = self.now;
        let link = &mut self.links[id.0 as usize];
        if link.is_too_large(bytes) {
            return self.dropped(node, &message, DropCause::TooLarge);
        }
        if !link.has_room(now, bytes, luck) {
            return self.dropped(node, &message, DropCause::Buffer);
        }
        link.bytes += bytes;
        let left = link.departure(now, bytes);
        let purpose = link.purpose;
        if link.spec.loss.happens(purpose.draw(luck, counters::LOSS)) || link.loses(now, luck, 0) {
            return self.dropped(node, &message, DropCause::Loss);
        }
        let delay = link.datagram_delay(luck);
        let twice =
            link.spec.duplication.happens(purpose.draw(luck, counters::DOUBLED)) || link.doubles(luck);
        let again = twice.then(|| link.copy_delay(luck));
        if link.cuts > 0 {
            return self.dropped(node, &message, DropCause::Partition);
        }
        if !self.drops.is_empty() && self.takes_out(&message) {
            return self.dropped(node, &message, DropCause::Fault);
        }
        let packet = Segment { message, bytes, luck, left: Some(left), mark: self.mark };
        self.push_or_jam(id, packet, left.since(now) + delay);
        if let Some(again) = again {
            self.note(node, D::duplicated(&message));
            self.push_or_jam(id, packet, left.since(now) + again);
        }
    }

    fn push_or_jam(&mut self, id: LinkId, packet: Segment<D::Message>, delay: Span) {
        let link = &mut self.links[id.0 as usize];
        match link.unusual.as_deref_mut().filter(|unusual| unusual.is_jammed()) {
            Some(unusual) => {
                unusual.jammed.push_back((packet, delay));
                self.flying.add(packet.mark);
            }
            None => self.push(self.now + delay, id.0, DATAGRAM, Body::Message(packet.message)),
        }
    }

    /// One message over a connection, to which more may happen than that it takes its time.
    #[cold]
    #[inline(never)]
    pub(crate) fn send_segment_unusually(
        &mut self,
        id: LinkId,
        epoch: u32,
        message: D::Message,
        bytes: u64,
        luck: Luck,
    ) {
        let now = self.now;
        let link = &mut self.links[id.0 as usize];
        let passes = link.has_room(now, bytes, luck) && !link.is_blocked();
        let left = passes.then(|| link.departure(now, bytes));
        link.bytes += bytes;
        let segment = Segment { message, bytes, luck, left, mark: self.mark };
        if link.stream.stalled {
            return self.hold(id, segment);
        }
        let missing = Segment { left: None, ..segment };
        if link.is_blocked() {
            return self.stall(id, missing, 0);
        }
        let losses = link.losses(now, luck).max(u64::from(!passes));
        let Some(left) = left.filter(|_| losses == 0) else { return self.stall(id, missing, losses) };
        let arrival = link.stream.last_arrival.max(left + link.segment_delay(luck, 0));
        link.stream.last_arrival = arrival;
        self.push(arrival, id.0, epoch, Body::Message(message));
    }

    /// Whether the missing segment of a stalled stream, sent again, does not come this time either.
    pub(crate) fn is_lost_again(&mut self, id: LinkId) -> bool {
        let now = self.now;
        let link = &mut self.links[id.0 as usize];
        let Some(missing) = link.stream.held.front() else { return false };
        let (luck, tries) = (missing.luck, u64::from(link.stream.tries));
        link.is_blocked() || link.loses(now, luck, tries.max(1))
    }

    fn links_of(&self, links: &Links, noter: Option<NodeId>) -> Vec<LinkId> {
        let (others, one_way) = match links {
            Links::These(links) => return links.clone(),
            Links::Noter { others, one_way } => (others, *one_way),
        };
        let meant = |node| others.is_empty() || others.contains(&node);
        let all = self.links.iter().enumerate();
        let found = all.filter(|(_, link)| {
            Some(link.from) == noter && meant(link.to)
                || !one_way && Some(link.to) == noter && meant(link.from)
        });
        found.map(|(i, _)| LinkId(i as u32)).collect()
    }

    fn tell_senders(&mut self, links: &[LinkId], news: News) {
        let mut nodes: Vec<NodeId> = links.iter().map(|link| self.links[link.0 as usize].from).collect();
        nodes.sort();
        nodes.dedup();
        nodes.into_iter().for_each(|node| self.tell_checks(node, news));
    }

    pub(crate) fn begin_cut(&mut self, links: &Links, noter: Option<NodeId>, in_flight_lost: bool) {
        let links = self.links_of(links, noter);
        self.tell_senders(&links, News::PartitionBegan);
        for &id in &links {
            if self.links[id.0 as usize].set_cut(true) {
                self.expect_silence(id);
            }
        }
        if in_flight_lost {
            self.lose_in_flight(&links);
        }
    }

    pub(crate) fn end_cut(&mut self, links: &Links, noter: Option<NodeId>) {
        let links = self.links_of(links, noter);
        self.tell_senders(&links, News::PartitionEnded);
        for id in links {
            self.links[id.0 as usize].set_cut(false);
        }
    }

    pub(crate) fn begin_effect(&mut self, links: &Links, noter: Option<NodeId>, fault: u32, effect: &Effect) {
        let links = self.links_of(links, noter);
        self.tell_senders(&links, News::ImpairmentBegan);
        for id in links {
            if self.links[id.0 as usize].add_effect(fault, effect.clone()) {
                self.expect_silence(id);
            }
        }
    }

    /// What waited for the end of a jam goes on its way now.
    pub(crate) fn end_effect(&mut self, links: &Links, noter: Option<NodeId>, fault: u32) {
        let links = self.links_of(links, noter);
        self.tell_senders(&links, News::ImpairmentEnded);
        for id in links {
            let link = &mut self.links[id.0 as usize];
            let was_jammed = link.is_jammed();
            for (segment, delay) in link.end_effect(fault) {
                self.flying.remove(segment.mark);
                let (time, body) = (self.now + delay, Body::Message(segment.message));
                self.push_marked(time, id.0, DATAGRAM, body, segment.mark);
            }
            let link = &mut self.links[id.0 as usize];
            if was_jammed && !link.is_blocked() && link.stream.stalled_at >= link.blocked_since {
                // In the place of the release that is scheduled.
                link.stream.stall = link.stream.stall.wrapping_add(1);
                let stall = link.stream.stall;
                self.release(id, self.epoch_of_sender(id), stall);
            }
        }
    }

    /// Takes out what is on its way over these links: datagrams for good; segments are sent again.
    fn lose_in_flight(&mut self, links: &[LinkId]) {
        let found = self.take_pending(|event| {
            let read = event.epoch & READ != 0 && event.epoch != DATAGRAM;
            matches!(event.body, Body::Message(_)) && !read && links.iter().any(|link| link.0 == event.at)
        });
        // What is held already was sent later.
        let held = |core: &mut Self, id: LinkId| std::mem::take(&mut core.links[id.0 as usize].stream.held);
        let later: Vec<_> = links.iter().map(|id| held(self, *id)).collect();
        for (_, event) in found {
            let Body::Message(message) = event.body else { unreachable!("nothing else was taken") };
            let id = LinkId(event.at);
            let connection = &self.connections[id.connection().0 as usize];
            let from = self.links[id.0 as usize].from;
            if event.epoch == DATAGRAM {
                self.dropped(from, &message, DropCause::Partition);
            } else if !connection.takes(id.receiver(), event.epoch) {
                self.dropped(from, &message, DropCause::Reset);
            } else {
                let bytes = D::bytes(&message, &self.shared);
                let luck = D::luck(&message, &self.shared, self.now);
                let segment = Segment { message, bytes, luck, left: None, mark: event.mark };
                if self.links[id.0 as usize].stream.stalled {
                    self.hold_segment(id, segment);
                } else {
                    self.stall(id, segment, 0);
                }
            }
        }
        for (id, later) in links.iter().zip(later) {
            self.links[id.0 as usize].stream.held.extend(later);
        }
    }

    /// A segment reaches an end that may have gone without a word. If its machine is up it answers by a reset; a dead
    /// one does not, and the sender goes on trying.
    pub(crate) fn answer_stray(&mut self, id: LinkId, epoch: u32) {
        let (connection, side) = (id.connection(), id.receiver());
        let to = self.links[id.0 as usize].to;
        let state = &mut self.connections[connection.0 as usize];
        if !state.unheard[side] || state.epochs[1 - side] != epoch {
            return;
        }
        if self.machine_down[to.0 as usize] {
            state.unanswered[side].get_or_insert(self.now);
            return;
        }
        let back = connection.link(side);
        if let Some(arrival) = self.arrival_of_news(back) {
            self.connections[connection.0 as usize].unheard[side] = false;
            self.push(arrival, back.0, epoch, Body::Ending { reset: true });
        }
    }

    /// A machine is up again: what was sent to it meanwhile is sent again, in its time.
    #[cold]
    #[inline(never)]
    pub(crate) fn expect_retries(&mut self, node: NodeId) {
        for (connection, side) in self.connections_of(node) {
            let state = &self.connections[connection.0 as usize];
            let (Some(first), true) = (state.unanswered[side], state.unheard[side]) else { continue };
            let (epoch, id) = (state.epochs[1 - side], connection.link(1 - side));
            let mut wait = self.retransmission_timeout(id);
            let mut next = first + wait;
            while next < self.now {
                wait = wait.times(2);
                next = next + wait;
            }
            self.push_marked(next, id.0, epoch, Body::Retried, DEADLINE);
        }
    }
}
