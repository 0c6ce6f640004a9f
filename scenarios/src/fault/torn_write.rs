//! `TornWrite`: the machine dies while it writes its page cache back, and leaves half a record.
//!
//! Both brokers read what is not known to be safe when they boot again, and cut off a record that is not whole: Kafka's
//! `LogSegment.recover` truncates at the first batch whose size or CRC is wrong, RabbitMQ's classic queues drop what
//! `check_msg_on_disk` does not accept.

use super::{Crash, Planned, Stage, Typed, target};
use crate::diagnostic::Place;
use crate::needs::Need;
use crate::nodes::Patterns;
use redeliver_models::setup::FaultKind;
use serde::Deserialize;

/// A crash of the machine in a write. It has the fields of a process' crash.
#[derive(Clone, Debug, Deserialize)]
pub struct TornWrite(pub Crash);

impl Typed for TornWrite {
    fn plan(&self, place: Place, stage: &Stage<'_>, patterns: &mut Patterns<'_>) -> Vec<Planned> {
        let restart_after = self.0.restart_after.as_ref().map(|span| span.0);
        let kind = |target| FaultKind::TornWrite { target, restart_after };
        target::at_suited(&self.0.node, self.0.timing(), place, stage, patterns, (Need::BrokerDisk, kind))
    }
}
