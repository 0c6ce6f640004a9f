//! Gets: a consumer asks for one message at a time, and is told at once if there is none.
//!
//! Models a loop around AMQP's `basic.get`, as clients of RabbitMQ have it that are not to be given more than they take:
//! get, work, ack, get; after `basic.get-empty` a pause. A get takes the first message that is ready, whoever stands in line
//! for it, and what it gives counts for no prefetch ("Fetching Individual Messages", which advises against it).
//!
//! A client whose get is not answered, because a node of a cluster died with it, asks again after 30 s: the time after
//! which a queue's command fails (`rabbit_fifo_client`). Left out: that the real one is told so by an error, which closes its
//! connection.

use super::consumer::Consumer;
use super::{AckMode, Pulls};
use crate::domain::Out;
use crate::packet::{Packet, Timer};
use redeliver_sim::{Distribution, Luck, Span};

/// A get that is not answered for so long will not be.
const ANSWER_MAX: Span = Span::seconds(30);

/// The timer that looks after answers, among those that end pulls.
pub(super) const WATCH: u32 = u32::MAX;

impl Pulls {
    /// One message at a time; after an answer without one it waits so long.
    pub fn gets(pause: Distribution) -> Self {
        Pulls { batch: 1, expires: None, fills: false, gets: true, pause }
    }
}

impl Consumer {
    #[cold]
    pub(super) fn get(&mut self, out: &mut Out<'_>) {
        let (queue, auto_ack) = (self.spec.queue, self.spec.ack == AckMode::Auto);
        out.send(self.spec.connection, Packet::Get { queue, auto_ack });
        self.asked_at = out.now();
        if !std::mem::replace(&mut self.watched, true) {
            out.deadline(ANSWER_MAX, Timer::Step { token: WATCH });
        }
    }

    /// One timer looks after all gets: it comes back while something is asked.
    #[cold]
    pub(super) fn watch_gets(&mut self, out: &mut Out<'_>) {
        let waited = out.now().since(self.asked_at);
        self.watched = self.asked > 0 && waited < ANSWER_MAX;
        if self.watched {
            out.deadline(ANSWER_MAX - waited, Timer::Step { token: WATCH });
        } else if self.asked > 0 {
            self.end_pull(out);
        }
    }

    /// How long it waits after an empty answer.
    pub(super) fn draw_pause(&self) -> Span {
        let pause = self.spec.pulls.as_ref().map_or(&Distribution::ZERO, |pulls| &pulls.pause);
        Span(pause.sample(self.spec.pauses.draw(Luck::default(), u64::from(self.pulls))))
    }
}
