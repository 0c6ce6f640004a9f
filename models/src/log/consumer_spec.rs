//! How a consumer of a log is set.

use super::{Commit, OffsetReset};
use crate::setup::OnFailure;
use redeliver_sim::{ConnectionId, Span};

/// How a consumer is set.
#[derive(Clone, Debug)]
pub struct ConsumerSpec {
    /// To the broker.
    pub connection: ConnectionId,
    /// Number of its group.
    pub group: u16,
    /// When it commits.
    pub commit: Commit,
    /// Records of a poll, at most.
    pub poll_records_max: u16,
    /// Where it goes on when what it wants to read is gone.
    pub offset_reset: OffsetReset,
    /// How often it says that it is there.
    pub heartbeat: Span,
    /// A commit that is waited for is sent again after this long.
    pub request_timeout: Span,
    /// A fetch that has not been answered after this long never will be: the time that the broker may hold it, and the
    /// request timeout. librdkafka counts so ("FetchRequests will use fetch.wait.max.ms + socket.timeout.ms"); Kafka's
    /// own client counts the hold in.
    pub fetch_timeout: Span,
    /// What follows when its handler fails.
    pub on_failure: OnFailure,
    /// A lost connection is tried again after this long.
    pub reconnect_after: Span,
}
