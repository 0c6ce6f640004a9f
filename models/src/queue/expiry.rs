//! Times to live of a queue's messages: they act at its head only.
//!
//! RabbitMQ's rules (Time-To-Live and Expiration); what a queue and a publisher say of a message's time is heeded in
//! `publishing.rs`, what becomes of one whose time is over is in `dead_letters.rs`.

use super::broker::Broker;
use super::dead_letters::Reason;
use super::queue::Entry;
use crate::domain::Out;
use crate::message::MessageRef;
use crate::packet::Timer;
use redeliver_sim::Time;

impl Broker {
    /// A message expires at the head only, and never while a consumer holds it.
    #[inline(always)]
    pub(super) fn drop_expired(&mut self, queue: usize, out: &mut Out<'_>) {
        if self.queues[queue].ages {
            self.drop_head_if_expired(queue, out);
        }
    }

    #[cold]
    #[inline(never)]
    fn drop_head_if_expired(&mut self, queue: usize, out: &mut Out<'_>) {
        let state = &self.queues[queue];
        let (now, spared) = (out.now(), state.spared);
        let is_over = |entry: &Entry| entry.expires <= now && entry.rank != spared;
        while self.queues[queue].head().is_some_and(is_over) {
            let entry = self.queues[queue].pop().expect("it has a head");
            self.dead_letter(queue, entry, Reason::Expired, out);
        }
    }

    #[inline(always)]
    pub(super) fn arm_expiry(&mut self, queue: usize, out: &mut Out<'_>) {
        if self.queues[queue].ages {
            self.arm_expiry_of_head(queue, out);
        }
    }

    #[cold]
    #[inline(never)]
    fn arm_expiry_of_head(&mut self, queue: usize, out: &mut Out<'_>) {
        let state = &mut self.queues[queue];
        let expires = state.head().map_or(Time::NEVER, |entry| entry.expires);
        if expires != Time::NEVER && state.expiry_armed != expires {
            state.expiry_armed = expires;
            out.set_alarm(
                queue as u32,
                expires.since(out.now()),
                Timer::Retry { m: MessageRef::NONE, slot: queue as u32, generation: 0 },
            );
        }
    }

    pub(super) fn on_expiry(&mut self, queue: usize, out: &mut Out<'_>) {
        self.queues[queue].expiry_armed = Time::NEVER;
        self.drop_expired(queue, out);
        self.set_level(queue, out);
        self.arm_expiry(queue, out);
    }
}
