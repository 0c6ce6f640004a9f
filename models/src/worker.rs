//! One worker: takes messages in turn, works on one at a time, and keeps account of what it held up.
//!
//! Every kind of consumer has one. It owns the messages from their coming to the end of their work.

use crate::causes::LossCause;
use crate::census::Census;
use crate::deduplication::{Deduplication, Known, Memory};
use crate::domain::Out;
use crate::fact::Fact;
use crate::handler::{Attempt, Handler, Outcome};
use crate::message::{MessageRef, SubscriptionId};
use crate::packet::Timer;
use redeliver_sim::{Fifo, Span, Time};

/// A message in a worker's hands. `T` is what its consumer needs to settle it.
#[derive(Clone, Copy, Debug)]
pub struct Held<T> {
    /// The message.
    pub m: MessageRef,
    /// Number of the delivery, from 1.
    pub attempt: u16,
    /// Tries in place so far.
    pub tries: u16,
    /// What settles it.
    pub token: T,
    /// What the worker's account of blocked time was when it came.
    stuck_before: Span,
}

/// The worker.
#[derive(Clone, Debug)]
pub struct Worker<T> {
    /// Its subscription.
    pub s: SubscriptionId,
    handler: Handler,
    waiting: Fifo<Held<T>>,
    /// What it works on, and with what outcome.
    current: Option<Held<T>>,
    attempt: Attempt,
    /// When the current attempt began.
    since: Time,
    /// Attempts begun: late ends of earlier ones are void.
    generation: u16,
    /// Time spent so far on messages that were slow or failing.
    stuck: Span,
    /// Its handler meets with something unusual, or its effects are more than the end of the work.
    unusual: bool,
    ids: Ids,
    /// How long its database takes to commit an effect.
    commit: Span,
    /// Effects take place in transactions, which somebody else ends.
    transactional: bool,
    /// The effect of the message in work is prepared in the database, whose copy it is now.
    lent: bool,
    /// The work that an effect took which is being committed.
    worked: Span,
}

/// Where it looks up what it knows.
#[derive(Clone, Debug)]
enum Ids {
    Nowhere,
    Here(Box<Known>),
    InDatabase,
}

impl<T: Copy> Worker<T> {
    /// An idle worker.
    pub fn new(
        s: SubscriptionId,
        handler: Handler,
        deduplication: Option<&Deduplication>,
        commit: Span,
    ) -> Self {
        let ids = match deduplication {
            None => Ids::Nowhere,
            Some(spec) if spec.memory == Memory::Process => Ids::Here(Box::new(Known::new(spec.clone()))),
            Some(_) => Ids::InDatabase,
        };
        Worker {
            s,
            unusual: handler.has_faults() || deduplication.is_some() || commit > Span::ZERO,
            commit,
            transactional: false,
            lent: false,
            worked: Span::ZERO,
            ids,
            handler,
            waiting: Fifo::default(),
            current: None,
            attempt: Attempt::NONE,
            since: Time::ZERO,
            generation: 0,
            stuck: Span::ZERO,
        }
    }

    /// A message has come.
    #[inline(always)]
    pub fn take(&mut self, m: MessageRef, attempt: u16, token: T, out: &mut Out<'_>) {
        out.note(Fact::Delivered { m, s: self.s, attempt });
        self.waiting.push_back(Held { m, attempt, tries: 0, token, stuck_before: self.stuck });
    }

    /// A message has come, and it begins with it at once if it is idle and has no other; says so then.
    #[inline(always)]
    pub fn take_and_begin(
        &mut self,
        m: MessageRef,
        attempt: u16,
        token: T,
        out: &mut Out<'_>,
    ) -> Option<Held<T>> {
        if self.current.is_some() || !self.waiting.is_empty() {
            self.take(m, attempt, token, out);
            return None;
        }
        out.note(Fact::Delivered { m, s: self.s, attempt });
        let held = Held { m, attempt, tries: 0, token, stuck_before: self.stuck };
        self.current = Some(held);
        self.work(m, attempt, out);
        Some(held)
    }

    /// Begins with the next message, if it is idle and there is one; says which.
    #[inline(always)]
    pub fn begin(&mut self, out: &mut Out<'_>) -> Option<Held<T>> {
        if self.current.is_some() {
            return None;
        }
        let held = self.waiting.pop_front()?;
        let stuck = self.stuck - held.stuck_before;
        if stuck > Span::ZERO {
            out.shared().subscriptions[self.s.0 as usize].head_of_line += stuck;
        }
        self.current = Some(held);
        self.work(held.m, held.attempt.saturating_add(held.tries), out);
        Some(held)
    }

    /// A message that was dead-lettered and came back begins anew at its broker, and not for a handler that fails so many
    /// times.
    #[cold]
    fn tries_so_far(&self, held: &Held<T>, number: u16, out: &mut Out<'_>) -> u16 {
        let shared = out.shared();
        let delivery = shared.messages.delivery(held.m, shared.slot(self.s));
        if delivery.history == 0 { number } else { delivery.dispatches.saturating_add(held.tries) }
    }

    #[cold]
    #[inline(never)]
    fn unusual_attempt(&mut self, mut number: u16, out: &mut Out<'_>) -> Attempt {
        let held = self.current.expect("it has begun with it");
        if self.knows(held.m, out) {
            return Attempt { span: Span::ZERO, outcome: Outcome::Known, blocks: false };
        }
        if self.handler.has_faults() {
            number = self.tries_so_far(&held, number, out);
        }
        let now = out.now();
        let mut attempt = self.handler.attempt(now, out.shared().messages.get(held.m), number);
        if attempt.outcome != Outcome::Effect {
            return attempt;
        }
        if self.transactional {
            return Attempt { outcome: Outcome::Transaction, ..attempt };
        }
        if self.commit > Span::ZERO || !matches!(self.ids, Ids::Nowhere) {
            attempt.outcome = Outcome::EffectOnce;
        }
        attempt
    }

    /// What it knows, and a message's id.
    fn ids<'a>(&'a mut self, m: MessageRef, out: &'a mut Out<'_>) -> Option<(&'a mut Known, u64)> {
        let shared = out.shared();
        let known = match &mut self.ids {
            Ids::Nowhere => return None,
            Ids::Here(known) => known,
            Ids::InDatabase => shared.subscriptions[self.s.0 as usize].known.as_mut()?,
        };
        let id = known.id(shared.messages.get(m));
        Some((known, id))
    }

    fn knows(&mut self, m: MessageRef, out: &mut Out<'_>) -> bool {
        let now = out.now();
        self.ids(m, out).is_some_and(|(known, id)| known.has(id, now))
    }

    /// How many ids it keeps in its process.
    pub(crate) fn ids_here(&self) -> usize {
        if let Ids::Here(known) = &self.ids { known.len() } else { 0 }
    }

    /// Begins with its current message, for the `number`-th time.
    #[inline(never)]
    fn work(&mut self, m: MessageRef, number: u16, out: &mut Out<'_>) {
        if self.unusual {
            self.attempt = self.unusual_attempt(number, out);
        } else {
            self.attempt.span = self.handler.span(out.shared().messages.get(m), number);
        }
        self.generation = self.generation.wrapping_add(1);
        self.since = out.now();
        out.work(self.attempt.span, Timer::Done { m, slot: 0, generation: self.generation });
    }

    /// The work that ended now, if it was not given up: the message, and what came of it.
    #[inline(always)]
    pub fn end(&mut self, generation: u16, out: &mut Out<'_>) -> Option<(Held<T>, Outcome)> {
        if generation != self.generation {
            return None;
        }
        let (held, attempt) = (self.current?, self.attempt);
        self.current = None;
        let s = self.s;
        if attempt.outcome == Outcome::Committing {
            self.end_once(&held, self.worked, out);
            return Some((held, attempt.outcome));
        }
        self.account(attempt, out);
        // A pause or a slow machine makes it longer than it was meant to be.
        let worked = out.now().since(self.since);
        if attempt.outcome != Outcome::Effect {
            return self.end_unusually(held, attempt, worked, out);
        }
        out.note(Fact::Processed { m: held.m, s, attempt: held.attempt, worked });
        Some((held, attempt.outcome))
    }

    #[cold]
    #[inline(never)]
    fn end_unusually(
        &mut self,
        held: Held<T>,
        ended: Attempt,
        worked: Span,
        out: &mut Out<'_>,
    ) -> Option<(Held<T>, Outcome)> {
        let (m, s, attempt) = (held.m, self.s, held.attempt);
        match ended.outcome {
            Outcome::Transaction => {
                self.worked = worked;
                (self.current, self.attempt) = (Some(held), ended);
            }
            Outcome::Failure => out.note(Fact::Failed { m, s, attempt, worked }),
            Outcome::Known => out.note(Fact::Deduplicated { m, s }),
            _ if self.commit > Span::ZERO => {
                self.worked = worked;
                (self.current, self.attempt) =
                    (Some(held), Attempt { outcome: Outcome::Committing, ..ended });
                // The database's time, not the processor's.
                out.delay(self.commit, Timer::Done { m, slot: 0, generation: self.generation });
                return None;
            }
            _ => self.end_once(&held, worked, out),
        }
        Some((held, ended.outcome))
    }

    /// The effect takes place, unless another member was faster.
    #[cold]
    fn end_once(&mut self, held: &Held<T>, worked: Span, out: &mut Out<'_>) {
        let (m, s, attempt) = (held.m, self.s, held.attempt);
        if self.knows(m, out) {
            return out.note(Fact::Deduplicated { m, s });
        }
        let now = out.now();
        if let Some((known, id)) = self.ids(m, out) {
            known.add(id, now);
        }
        out.note(Fact::Processed { m, s, attempt, worked });
    }

    #[inline(always)]
    fn account(&mut self, attempt: Attempt, out: &mut Out<'_>) {
        let (since, now) = (self.since, out.now());
        let shared = out.shared();
        let (from, to) = (since.max(shared.window.0), now.min(shared.window.1));
        shared.subscriptions[self.s.0 as usize].busy += to.since(from);
        if attempt.blocks {
            self.stuck += now.since(since);
        }
    }

    /// Its effects take place in transactions, which somebody else ends.
    pub fn in_transactions(self) -> Self {
        Worker { transactional: true, unusual: true, ..self }
    }

    /// The message of the transaction.
    pub fn current_message(&self) -> MessageRef {
        self.current.as_ref().map_or(MessageRef::NONE, |held| held.m)
    }

    /// The database has prepared the effect: its message, and the work that it took.
    pub fn lend(&mut self) -> (Held<T>, Span) {
        let held = self.current.expect("it has worked on a message");
        self.lent = true;
        (held, self.worked)
    }

    /// The database has committed the effect.
    pub fn commit(&mut self, out: &mut Out<'_>) {
        let (s, worked, held) = (self.s, self.worked, self.release());
        out.note(Fact::Processed { m: held.m, s, attempt: held.attempt, worked });
    }

    /// The transaction has ended: its message is not in work any more.
    pub fn release(&mut self) -> Held<T> {
        self.lent = false;
        self.current.take().expect("it has worked on a message")
    }

    /// Tries a message again after a pause; nothing passes it meanwhile.
    pub fn retry(&mut self, held: Held<T>, pause: Span, out: &mut Out<'_>) {
        self.stuck += pause;
        let held = Held { tries: held.tries.saturating_add(1), ..held };
        self.generation = self.generation.wrapping_add(1);
        (self.current, self.attempt) = (Some(held), Attempt::NONE);
        out.deadline(pause, Timer::Retry { m: held.m, slot: 0, generation: self.generation });
    }

    /// The pause is over.
    pub fn on_retry(&mut self, generation: u16, out: &mut Out<'_>) {
        if generation == self.generation
            && let Some(held) = self.current
        {
            self.work(held.m, held.attempt.saturating_add(held.tries), out);
        }
    }

    /// Gives back what it has not begun with.
    pub fn give_back_waiting(&mut self, out: &mut Out<'_>) {
        self.give_back_waiting_but(|_| false, out);
    }

    /// The same, but for what is its own.
    pub fn give_back_waiting_but(&mut self, is_own: impl Fn(&T) -> bool, out: &mut Out<'_>) {
        for _ in 0..self.waiting.len() {
            let Some(held) = self.waiting.pop_front() else { return };
            if is_own(&held.token) {
                self.waiting.push_back(held);
                continue;
            }
            let stuck = self.stuck - held.stuck_before;
            out.shared().subscriptions[self.s.0 as usize].head_of_line += stuck;
            out.note(Fact::GivenBack { m: held.m, s: self.s });
        }
    }

    /// It dies: names what dies with it.
    pub fn on_crash(&self, out: &mut Out<'_>) {
        for held in self.held().skip(usize::from(self.lent)) {
            out.note(Fact::Discarded { m: held.m, s: self.s, why: LossCause::TakenNeverProcessed });
        }
    }

    /// Attempts begun so far: the number of the one that is under way.
    pub fn generation(&self) -> u16 {
        self.generation
    }

    /// What it works on, if that is still this attempt.
    pub fn current(&self, generation: u16) -> Option<&Held<T>> {
        self.current.as_ref().filter(|_| generation == self.generation)
    }

    /// How many messages it holds.
    #[inline(always)]
    pub fn count_held(&self) -> usize {
        self.waiting.len() + usize::from(self.current.is_some())
    }

    /// All that it holds, the one in work first.
    pub fn held(&self) -> impl Iterator<Item = &Held<T>> {
        self.current.iter().chain(self.waiting.iter())
    }

    pub(crate) fn count(&self, census: &mut Census<'_>) {
        self.held().skip(usize::from(self.lent)).for_each(|held| census.copy(held.m, self.s));
    }
}
