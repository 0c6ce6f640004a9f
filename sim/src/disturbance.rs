//! Links that are not as others are: how packets pass them, what partitions and other faults do to them, and how ends
//! that have gone without a word answer. All of it is off the path of links without faults.

use crate::core::{Body, Core, DATAGRAM, READ};
use crate::fault::Links;
use crate::flying::DEADLINE;
use crate::impairment::Effect;
use crate::network::{DropCause, LinkId, RETRANSMISSION_MIN, Segment};
use crate::node::{Domain, News, NodeId};
use crate::time::Span;

impl<D: Domain> Core<D> {
    /// One datagram over a link that is not as others are.
    #[cold]
    #[inline(never)]
    pub(crate) fn send_datagram_unusually(
        &mut self,
        node: NodeId,
        id: LinkId,
        message: D::Message,
        bytes: u64,
    ) {
        let luck = D::luck(&message, &self.shared, self.now);
        let now = self.now;
        let link = &mut self.links[id.0 as usize];
        if link.is_too_large(bytes) {
            return self.dropped(node, &message, DropCause::TooLarge);
        }
        if !link.has_room(now, bytes, luck) {
            return self.dropped(node, &message, DropCause::Buffer);
        }
        let left = link.departure(now, bytes);
        if link.spec.loss.happens(link.purpose.draw(luck, 0)) || link.loses(now, luck, 0) {
            return self.dropped(node, &message, DropCause::Loss);
        }
        let (delay, again) = (link.datagram_delay(luck), link.copy_delay(luck));
        let twice = link.spec.duplication.happens(link.purpose.draw(luck, 3)) || link.doubles(luck);
        if link.cuts > 0 {
            return self.dropped(node, &message, DropCause::Partition);
        }
        if !self.drops.is_empty() && self.takes_out(&message) {
            return self.dropped(node, &message, DropCause::Fault);
        }
        self.push_or_jam(id, message, left.since(now) + delay);
        if twice {
            self.note(node, D::duplicated(&message));
            self.push_or_jam(id, message, left.since(now) + again);
        }
    }

    fn push_or_jam(&mut self, id: LinkId, message: D::Message, delay: Span) {
        let link = &mut self.links[id.0 as usize];
        match link.unusual.as_deref_mut().filter(|unusual| unusual.is_jammed()) {
            Some(unusual) => {
                unusual.jammed.push_back((Segment { message, mark: self.mark }, delay));
                self.flying.add(self.mark);
            }
            None => self.push(self.now + delay, id.0, DATAGRAM, Body::Message(message)),
        }
    }

    /// One message over a connection whose link is not as others are.
    #[cold]
    #[inline(never)]
    pub(crate) fn send_segment_unusually(&mut self, id: LinkId, epoch: u32, message: D::Message, bytes: u64) {
        let luck = D::luck(&message, &self.shared, self.now);
        let now = self.now;
        let link = &mut self.links[id.0 as usize];
        let room = link.has_room(now, bytes, luck);
        let left = if room { link.departure(now, bytes) } else { now };
        if link.stream.stalled {
            return self.hold(id, message, bytes);
        }
        if link.is_blocked() {
            return self.stall(id, message, bytes, 0);
        }
        let (loss, purpose) = (link.spec.loss, link.purpose);
        let mut losses = u64::from(!room || link.loses(now, luck, 0));
        while loss.happens(purpose.draw(luck, losses * 8)) && losses < 16 {
            losses += 1;
        }
        if losses > 0 {
            return self.stall(id, message, bytes, losses as u32);
        }
        let usual =
            link.spec.latency.sample(purpose.draw(luck, 1)) + link.spec.jitter.sample(purpose.draw(luck, 2));
        let arrival = link.stream.last_arrival.max(left + Span(usual) + link.slowed(luck, 0));
        link.stream.last_arrival = arrival;
        self.push(arrival, id.0, epoch, Body::Message(message));
    }

    /// Whether the missing segment of a stalled stream, sent again, does not come this time either.
    #[cold]
    #[inline(never)]
    pub(crate) fn is_lost_again(&mut self, id: LinkId) -> bool {
        let now = self.now;
        let link = &mut self.links[id.0 as usize];
        let Some(first) = link.stream.held.front() else { return false };
        let luck = D::luck(&first.message, &self.shared, self.now);
        let tries = u64::from(link.stream.tries);
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
            let link = &self.links[id.0 as usize];
            if was_jammed && !link.is_blocked() && link.stream.stalled_at >= link.blocked_since {
                let epoch = self.connections[id.connection().0 as usize].epoch;
                self.release(id, epoch, self.links[id.0 as usize].stream.stall);
            }
        }
    }

    /// Takes out what is on its way over these links: datagrams for good; segments are sent again.
    fn lose_in_flight(&mut self, links: &[LinkId]) {
        let mut found = Vec::new();
        for (order, event) in self.queue.iter_mut() {
            let Body::Message(message) = event.body else { continue };
            let is_there = event.epoch & READ != 0 && event.epoch != DATAGRAM;
            if !is_there && links.iter().any(|link| link.0 == event.at) {
                found.push((order, *event, message));
                event.body = Body::Void;
            }
        }
        found.sort_by_key(|(order, ..)| *order);
        // What is held already was sent later.
        let held = |core: &mut Self, id: LinkId| std::mem::take(&mut core.links[id.0 as usize].stream.held);
        let later: Vec<_> = links.iter().map(|id| held(self, *id)).collect();
        let mark = self.mark;
        for (_, event, message) in found {
            let id = LinkId(event.at);
            let connection = &self.connections[id.connection().0 as usize];
            let from = self.links[id.0 as usize].from;
            if event.epoch == DATAGRAM {
                self.dropped(from, &message, DropCause::Partition);
            } else if event.epoch != connection.epoch || !connection.open[id.receiver()] {
                self.dropped(from, &message, DropCause::Reset);
            } else {
                self.mark = event.mark;
                let bytes = D::bytes(&message, &self.shared);
                if self.links[id.0 as usize].stream.stalled {
                    self.hold_segment(id, message, bytes);
                } else {
                    self.stall(id, message, bytes, 0);
                }
            }
        }
        self.mark = mark;
        for (id, later) in links.iter().zip(later) {
            self.links[id.0 as usize].stream.held.extend(later);
        }
    }

    /// A segment reaches an end that may have gone without a word. If its machine is up it answers by a reset; a dead
    /// one does not, and the sender goes on trying.
    pub(crate) fn answer_stray(&mut self, id: LinkId) {
        let (connection, side) = (id.connection(), id.receiver());
        let to = self.links[id.0 as usize].to;
        let state = &mut self.connections[connection.0 as usize];
        if !state.unheard[side] {
            return;
        }
        if self.machine_down[to.0 as usize] {
            state.unanswered[side].get_or_insert(self.now);
            return;
        }
        let epoch = state.epoch;
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
            let (epoch, id) = (state.epoch, connection.link(1 - side));
            let mut wait = Span(RETRANSMISSION_MIN.0.max(2 * self.links[id.0 as usize].round_trip().0));
            let mut next = first + wait;
            while next < self.now {
                wait = wait.times(2);
                next = next + wait;
            }
            self.push_marked(next, id.0, epoch, Body::Retried, DEADLINE);
        }
    }
}
