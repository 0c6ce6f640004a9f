//! Streaming folds over facts: the ledger first, then the other checks, in one pass.
//!
//! Their memory grows with keys and with messages in flight or retained, never with messages sent.

mod backlog;
mod copies;
mod fingerprint;
mod journey;
mod latency;
mod ledger;
mod order;
mod rare;
mod recorder;
mod subscription;

pub use backlog::Backlog;
pub use latency::Latency;
pub use ledger::{End, Ledger};
pub use order::{Order, StampOrder, Violation};
pub use recorder::{Event, Recorded, Recorder};
pub use subscription::{About, SubscriptionChecks};

use crate::Messaging;
use crate::fact::Fact;
use crate::message::{Message, MessageRef};
use crate::shared::{Shared, Subscription};
use fingerprint::Fingerprint;
use redeliver_sim::{Checks, News, NodeId, Span, Time};

/// Everything that listens to the facts.
#[derive(Clone, Debug)]
pub struct Book {
    /// By [`crate::message::SubscriptionId`].
    pub subscriptions: Vec<SubscriptionChecks>,
    /// By [`crate::message::SourceId`].
    pub sources: Vec<SourceChecks>,
    /// By [`NodeId`].
    pub members: Vec<MemberChecks>,
    /// Messages that are open in some subscription: what a run waits for.
    pub open: u64,
    /// Keeps facts, if it is asked to.
    pub recorder: Recorder,
    /// By topic and key: how many messages were accepted.
    key_next: Vec<Vec<u32>>,
    fingerprint: Fingerprint,
    keep: usize,
}

/// What became of one source's messages.
#[derive(Clone, Debug, Default)]
pub struct SourceChecks {
    /// Sends called.
    pub published: u64,
    /// Positive acknowledgements.
    pub confirmed: u64,
    /// Definite refusals.
    pub refused: u64,
    /// Changes of its own state.
    pub state_changes: u64,
    /// It was held up for so long.
    pub blocked: Span,
    blocked_since: Option<Time>,
}

/// What one consumer did: the first entries.
#[derive(Clone, Debug, Default)]
pub struct MemberChecks {
    /// What came to it, with the number of the attempt.
    pub delivered: Vec<(About, u16)>,
    /// The effects, with their times.
    pub processed: Vec<(About, Time)>,
    /// There were more.
    pub truncated: bool,
}

/// What a book is opened with.
#[derive(Clone, Debug)]
pub struct BookSpec {
    /// How many topics, subscriptions, sources and nodes there are.
    pub counts: [usize; 4],
    /// Averages cover this.
    pub window: (Time, Time),
    /// The run ends here at the latest.
    pub end: Time,
    /// How many entries each kept list has.
    pub keep: usize,
}

impl Book {
    /// An empty book.
    pub fn new(spec: &BookSpec, recorder: Recorder) -> Self {
        let [topics, subscriptions, sources, nodes] = spec.counts;
        let subscription = SubscriptionChecks::new(spec.window, spec.end);
        Book {
            subscriptions: vec![subscription; subscriptions],
            sources: vec![SourceChecks::default(); sources],
            members: vec![MemberChecks::default(); nodes],
            open: 0,
            recorder,
            key_next: vec![Vec::new(); topics],
            fingerprint: Fingerprint::default(),
            keep: spec.keep,
        }
    }

    /// What the checks of each subscription need to know of it.
    pub(crate) fn describe(&mut self, subscriptions: &[Subscription]) {
        for (checks, subscription) in self.subscriptions.iter_mut().zip(subscriptions) {
            checks.slot = usize::from(subscription.slot);
            checks.resides_at_receiver = subscription.resides_at_receiver;
        }
    }

    /// Of all facts so far.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint.value()
    }

    /// The run has ended: counts what is left, and asserts that every ledger balances and that Little's law holds.
    pub fn finish(&mut self, now: Time, shared: &mut Shared) {
        // In the order in which they were published: which slots they have depends on what was put away meanwhile.
        let mut left: Vec<MessageRef> = shared.messages.all_live().collect();
        left.sort_by_key(|m| {
            let message = shared.messages.get(*m);
            (message.born, message.source, message.number)
        });
        for m in left {
            self.count_ends(m, shared);
        }
        self.count_put_away(shared);
        for (checks, name) in self.subscriptions.iter_mut().zip(&shared.names.subscriptions) {
            checks.backlog.finish(now);
            let difference = checks.ledger.difference();
            assert!(difference.is_none(), "the ledger of {name}: {difference:?} in {:?}", checks.ledger);
        }
        let difference = self.littles_difference(now, shared);
        assert!(difference.is_none(), "Little's law does not hold: {difference:?}");
        for source in &mut self.sources {
            source.unblock(now);
        }
    }

    /// Little's law: what brokers hold, integrated over time by themselves, is the sum of the times that the ledger's
    /// records were there. Where it does not hold, the first subscription for which it does not.
    pub(crate) fn littles_difference(&self, now: Time, shared: &Shared) -> Option<String> {
        let all = self.subscriptions.iter().zip(&shared.subscriptions).zip(&shared.names.subscriptions);
        all.into_iter().find_map(|((checks, subscription), name)| {
            let (area, residence) = (subscription.level.area(now), checks.ledger.residence_until(now));
            (area as i128 != residence).then(|| format!("{name}: L·t = {area}, Σ W = {residence}"))
        })
    }
}

impl SourceChecks {
    fn unblock(&mut self, at: Time) {
        if let Some(since) = self.blocked_since.take() {
            self.blocked += at.since(since);
        }
    }
}

impl Checks<Messaging> for Book {
    // Inlined where a fact is noted its kind is known, which is worth a third of the speed; but the code is twelve
    // times as long to compile, so only where speed is asked for.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn fold(&mut self, at: Time, node: NodeId, fact: Fact, shared: &mut Shared) {
        let message = match fact {
            // Of what every message brings, it is certain.
            Fact::Published { m, .. }
            | Fact::Stored { m, .. }
            | Fact::Dispatched { m, .. }
            | Fact::Delivered { m, .. }
            | Fact::Processed { m, .. }
            | Fact::Acked { m, .. } => Some(shared.messages.get(m)),
            _ => fact.message().and_then(|m| shared.messages.current(m)),
        };
        let about = message.map_or(0, Message::about);
        let subscription = fact.subscription().map_or(0, |s| u64::from(s.0) + 1);
        self.fingerprint.fold(at, node, fact.kind(), about ^ subscription << 48, fact.detail());
        match fact {
            Fact::Published { m, buffered, sent } => self.published(at, m, buffered, sent, shared),
            Fact::Stored { m, s, line, rank, last } => {
                self.stored(at, m, s, (line, rank), shared);
                if last {
                    self.end_upstream(at, m, shared);
                }
            }
            Fact::Dispatched { m, s, attempt, member } => self.dispatched(at, m, s, attempt, member, shared),
            Fact::Delivered { m, s, attempt } => self.delivered(at, node, m, s, attempt, shared),
            Fact::Processed { m, s, worked, .. } => self.processed(at, node, m, s, worked, shared),
            Fact::Acked { m, s } => {
                let checks = &mut self.subscriptions[s.0 as usize];
                checks.ledger.leaves(at);
                let (message, delivery) = shared.messages.both_mut(m, checks.slot);
                if delivery.copies == 1 && delivery.effects == 0 && !delivery.dead_lettered {
                    let before = delivery.cause;
                    return self.skipped(at, m, s, before, shared);
                }
                if self.end_copy(at, s, message, delivery) {
                    self.close(m, shared);
                }
            }
            Fact::Confirmed { m } => {
                let message = shared.messages.get_mut(m);
                message.confirmed = true;
                self.sources[message.source.0 as usize].confirmed += 1;
                if message.harmed {
                    self.confirmed_after_harm(m, shared);
                }
                if shared.messages.get(m).buffered {
                    shared.messages.get_mut(m).buffered = false;
                    self.end_upstream(at, m, shared);
                }
            }
            rare => self.fold_rare(at, node, &rare, shared),
        }
    }

    fn keeps_facts(&self) -> bool {
        self.recorder.is_on()
    }

    fn keep(&mut self, at: Time, node: NodeId, fact: &Fact, shared: &Shared) {
        self.recorder.keep(at, node, fact, &shared.messages);
    }

    fn told(&mut self, at: Time, node: NodeId, news: News) {
        self.fingerprint.fold(at, node, 48 + news as u32, 0, 0);
        self.recorder.told(at, node, news);
    }
}
