//! What an idempotent consumer knows that it has processed: the ids of its last messages, so that what comes again has
//! no second effect.
//!
//! *Idempotent Receiver* of Hohpe and Woolf's "Enterprise Integration Patterns"; Apache Camel's `idempotentConsumer`
//! with a `MemoryIdempotentRepository` (in the process: the last 1000 ids, gone when the process dies; each member has
//! its own) or with the ids in a table of the consumer's database, written in the transaction of the effect (DDIA 1st
//! ed., chapter 11, "Idempotence": the ids are committed together with the effect, or not at all). An id is known for so
//! long, or until so many others have come: a window, as JetStream's `duplicate_window` and SQS's five minutes. Seeing
//! a message again does not prolong it.
//!
//! All members of a subscription share the database. It stands outside of their processes, and never fails; to ask it
//! takes no time. A message is looked up when the work on it begins, and again when its effect would take place: of two
//! members that work on the same message the first to end wins, as with a unique index.
//!
//! Left out: ids that are written before the effect, in a transaction of their own (a crash between them loses the
//! message), and filters that may be wrong (Bloom).

use crate::message::Message;
use redeliver_sim::{Span, Time};
use std::collections::{BTreeSet, VecDeque};

/// How a subscription's members recognise what comes again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deduplication {
    /// Where they keep the ids.
    pub memory: Memory,
    /// So many ids at most: the oldest is forgotten.
    pub last: Option<u32>,
    /// An id is forgotten after so long.
    pub window: Option<Span>,
    /// An id is a random number of so many bits; without it no two messages have the same.
    pub id_bits: Option<u32>,
}

/// Where ids are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Memory {
    /// In each member's process.
    Process,
    /// In the database that all members share, with the effect.
    Database,
}

/// The ids that are known.
#[derive(Clone, Debug)]
pub struct Known {
    spec: Deduplication,
    /// The oldest first, with the time since when each is known.
    order: VecDeque<(Time, u64)>,
    ids: BTreeSet<u64>,
}

impl Known {
    /// Nothing is known.
    pub fn new(spec: Deduplication) -> Self {
        Known { spec, order: VecDeque::new(), ids: BTreeSet::new() }
    }

    /// A message's id.
    pub fn id(&self, message: &Message) -> u64 {
        match self.spec.id_bits {
            Some(bits) => message.luck.0 >> (64 - bits),
            None => u64::from(message.source.0) << 32 | u64::from(message.number),
        }
    }

    /// Whether an id is known now.
    pub fn has(&mut self, id: u64, now: Time) -> bool {
        self.forget(now);
        self.ids.contains(&id)
    }

    /// From now on it is.
    pub fn add(&mut self, id: u64, now: Time) {
        let new = self.ids.insert(id);
        assert!(new, "an effect took place of what was known");
        self.order.push_back((now, id));
        self.forget(now);
    }

    /// How many ids are kept.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    fn forget(&mut self, now: Time) {
        let most = self.spec.last.map_or(usize::MAX, |last| last as usize);
        while let Some((since, id)) = self.order.front() {
            let old = self.spec.window.is_some_and(|window| now.since(*since) >= window);
            if !old && self.order.len() <= most {
                return;
            }
            self.ids.remove(id);
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::*;
    use crate::testing::*;
    use insta::assert_snapshot;

    fn spec(memory: Memory) -> Deduplication {
        Deduplication { memory, last: Some(100), window: None, id_bits: None }
    }

    /// One message to two members that work for 5 ms; the first dies when its effect has taken place, before its ack.
    fn told(spec: Deduplication) -> String {
        let mut setup = setup(Design::Queue(queue()), 1);
        setup.consumers = vec![Consumer { deduplication: Some(spec), ..consumer("stock", 2, 5) }];
        setup.faults = vec![fault_on(FactKind::Processed, 1, crash("stock/1", None))];
        timeline(&setup)
    }

    #[test]
    fn what_a_dead_member_has_processed_the_database_knows() {
        assert_snapshot!(told(spec(Memory::Database)), @"
        0.000  shop/1  published shop#1
        0.001  broker/1 stored shop#1 at stock@0
        0.001  broker/1 sent shop#1 to stock, attempt 1
        0.002  stock/1 delivered shop#1, attempt 1
        0.002  shop/1  confirmed shop#1
        0.007  stock/1 processed shop#1, attempt 1
        0.007  stock/1 crashed
        0.008  broker/1 requeued shop#1: connection closed
        0.008  broker/1 sent shop#1 to stock, attempt 2
        0.009  stock/2 delivered shop#1, attempt 2
        0.009  stock/2 knows shop#1: no second effect
        0.010  broker/1 shop#1 settled for stock
        ");
    }

    #[test]
    fn what_a_dead_member_has_processed_no_other_process_knows() {
        assert_snapshot!(told(spec(Memory::Process)), @"
        0.000  shop/1  published shop#1
        0.001  broker/1 stored shop#1 at stock@0
        0.001  broker/1 sent shop#1 to stock, attempt 1
        0.002  stock/1 delivered shop#1, attempt 1
        0.002  shop/1  confirmed shop#1
        0.007  stock/1 processed shop#1, attempt 1
        0.007  stock/1 crashed
        0.008  broker/1 requeued shop#1: connection closed
        0.008  broker/1 sent shop#1 to stock, attempt 2
        0.009  stock/2 delivered shop#1, attempt 2
        0.014  stock/2 processed shop#1, attempt 2
        0.015  broker/1 shop#1 settled for stock
        ");
    }

    /// The visibility timeout gives the message to the second member while the first works on it.
    #[test]
    fn of_two_members_at_work_on_one_message_the_first_to_end_has_its_effect() {
        let mut config = queue();
        config.overdue = Some((Span::millis(3), crate::queue::Overdue::Requeued));
        let mut setup = setup(Design::Queue(config), 1);
        setup.consumers =
            vec![Consumer { deduplication: Some(spec(Memory::Database)), ..consumer("stock", 2, 5) }];
        assert_snapshot!(timeline(&setup), @"
        0.000  shop/1  published shop#1
        0.001  broker/1 stored shop#1 at stock@0
        0.001  broker/1 sent shop#1 to stock, attempt 1
        0.002  stock/1 delivered shop#1, attempt 1
        0.002  shop/1  confirmed shop#1
        0.004  broker/1 requeued shop#1: visibility timeout
        0.004  broker/1 sent shop#1 to stock, attempt 2
        0.005  stock/2 delivered shop#1, attempt 2
        0.007  stock/1 processed shop#1, attempt 1
        0.007  broker/1 requeued shop#1: visibility timeout
        0.007  broker/1 sent shop#1 to stock, attempt 3
        0.008  broker/1 an ack of shop#1 came too late
        0.008  stock/1 delivered shop#1, attempt 3
        0.008  stock/1 knows shop#1: no second effect
        0.009  broker/1 shop#1 settled for stock
        0.010  stock/2 knows shop#1: no second effect
        0.011  broker/1 an ack of a message that is gone came too late
        ");
    }

    /// What is known of three ids that were added at 0, 10 and 20 ms, at so many milliseconds.
    fn known(last: Option<u32>, window: Option<u64>, at: u64) -> Vec<u64> {
        let window = window.map(Span::millis);
        let mut known = Known::new(Deduplication { last, window, ..spec(Memory::Process) });
        let time = |milliseconds: u64| Time::ZERO + Span::millis(milliseconds);
        (1..=3).for_each(|id| known.add(id, time(10 * (id - 1))));
        (1..=3).filter(|id| known.has(*id, time(at))).collect()
    }

    #[test]
    fn an_id_is_forgotten_when_so_many_have_come_after_it_or_after_so_long() {
        assert_eq!(known(Some(100), None, 1_000_000), [1, 2, 3]);
        assert_eq!(known(Some(2), None, 20), [2, 3]);
        assert_eq!(known(None, Some(25), 24), [1, 2, 3]);
        assert_eq!(known(None, Some(25), 25), [2, 3]);
        assert_eq!(known(Some(1), Some(25), 24), [3]);
        assert_eq!(known(Some(100), Some(25), 45), [0; 0]);
    }
}
