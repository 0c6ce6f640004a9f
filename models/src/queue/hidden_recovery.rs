//! What a restart finds of queues whose deliveries come again by time, and that read no stream: all messages, how often each
//! was delivered and until when it is hidden, and the ids that they know.
//!
//! Amazon SQS loses no message that it has confirmed; a crash of the one node that stands for it here is a time when the
//! service cannot be reached. After it, times are known to the hundredth of a second, and counts of deliveries up to 255.

use super::arrivals::unrounded;
use super::broker::Broker;
use super::queue::Entry;
use crate::causes::{DuplicateCause, LossCause};
use crate::domain::Out;
use crate::fact::Fact;
use crate::message::KeyId;
use crate::packet::Record;
use crate::properties::MessageId;
use redeliver_sim::{FileId, Position, Time};

impl Broker {
    pub(super) fn recover_hidden(&mut self, queue: usize, out: &mut Out<'_>) {
        let (file, s) = (FileId(queue as u32), self.queues[queue].s);
        let records: Vec<(Position, Record)> = out.disk().records(file).collect();
        let now = out.now();
        let lifetime = self.queues[queue].config.redelivery.as_ref().and_then(|r| r.lifetime);
        for (position, record) in records {
            let Record::Hidden { m, since, until, attempts, .. } = record else { continue };
            if out.disk().has_damage() && self.drop_damaged(file, position, out) {
                out.note(Fact::Removed { m, s, why: LossCause::CorruptRecord });
                continue;
            }
            let size = out.shared().messages.get(m).size;
            let entry = Entry {
                m,
                // In the order of those before; whatever comes later has a greater one.
                rank: position.0 as u32,
                size: size as u32,
                history: 0,
                attempts: u16::from(attempts),
                priority: 0,
                in_memory: true,
                position: Some(position),
                expires: lifetime.map_or(Time::NEVER, |lifetime| unrounded(since, now) + lifetime.span),
            };
            self.add_memory(size, out);
            if unrounded(until, now) <= now && attempts > 0 {
                out.note(Fact::Requeued { m, s, why: DuplicateCause::VisibilityTimeout });
            }
            self.settle_in(queue, entry, unrounded(until, now), out);
        }
        self.recover_ids(queue, out);
        self.arm_ends(queue, out);
    }

    fn recover_ids(&mut self, queue: usize, out: &mut Out<'_>) {
        let file = self.ids_file(queue);
        let records: Vec<(Position, Record)> = out.disk().records(file).collect();
        for (position, record) in records {
            let Record::KnownId { own, id, source, number, at } = record else { continue };
            let id = match (own, id) {
                (true, _) => MessageId::Own,
                (false, KeyId::NONE) => MessageId::None,
                (false, id) => MessageId::Named(id),
            };
            if let Some(pending) = &mut self.queues[queue].pending {
                pending.ids.learn(unrounded(at, out.now()), (id, source, number), Some(position));
            }
        }
    }
}
