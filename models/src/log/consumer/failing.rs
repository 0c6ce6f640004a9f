//! What a consumer does about a record that it cannot read, or that its handler fails on.
//!
//! A record whose checksum is wrong (`check.crcs`) is an exception out of `poll`, and so is every poll after it, until
//! the application seeks past the record (KAFKA-5211; `FetchCollector.collectFetch`, `CompletedFetch.fetchRecords`). So
//! the consumer stands still in all its partitions; it remains a member, and commits what it has done. One whose
//! failures are dropped or put aside seeks; there is nothing to put aside.

use super::{Consumer, Token};
use crate::causes::LossCause;
use crate::domain::Out;
use crate::fact::Fact;
use crate::log::Commit;
use crate::message::MessageRef;
use crate::setup::OnFailure;
use crate::worker::Held;
use redeliver_sim::Time;

impl Consumer {
    /// Nothing but a damaged record has come.
    #[cold]
    pub(super) fn on_damaged(&mut self, m: MessageRef, partition: u32, offset: u32, out: &mut Out<'_>) {
        if !self.polling {
            return;
        }
        out.note(Fact::Unreadable { m, s: self.worker.s });
        if !matches!(self.spec.on_failure, OnFailure::Drop | OnFailure::DeadLetter) {
            // No poll will bring anything from now on.
            self.poll_due = Time::NEVER;
            return self.commit_interval(Time::NEVER, out);
        }
        self.polling = false;
        if let Some(place) = self.place(partition) {
            place.position = offset + 1;
        }
        self.seek(partition, offset + 1, out);
        if self.spec.commit != Commit::Never {
            if let Some(place) = self.place(partition) {
                place.done = offset + 1;
            }
            self.commit(partition, offset + 1, false, out);
        }
        self.go_on(out);
    }

    /// What was committed before the work cannot be read again: it can be tried again in place, or be dropped.
    pub(super) fn on_failure(&mut self, held: Held<Token>, out: &mut Out<'_>) {
        let (m, s) = (held.m, self.worker.s);
        match self.spec.on_failure {
            OnFailure::RetryInPlace(pause) => self.worker.retry(held, pause, out),
            OnFailure::Requeue if self.spec.commit != Commit::BeforeWork => self.seek_back(held, out),
            OnFailure::DeadLetter => {
                out.note(Fact::PutAside { m, s });
                self.finish(held.token, out);
            }
            OnFailure::Drop | OnFailure::Requeue => {
                out.note(Fact::Discarded { m, s, why: LossCause::HandlerFailed });
                self.finish(held.token, out);
            }
        }
    }

    /// Reads again from this record on; the rest of the batch will come again.
    fn seek_back(&mut self, held: Held<Token>, out: &mut Out<'_>) {
        out.note(Fact::GivenBack { m: held.m, s: self.worker.s });
        let Token { partition, offset, generation } = held.token;
        self.rewind_waiting(true, out);
        if generation == self.generation && !self.lost {
            if let Some(place) = self.place(partition) {
                place.position = offset;
            }
            self.seek(partition, offset, out);
        }
    }
}
