//! Settings of the direct designs: no broker between producer and consumer.

pub use crate::setup::Share;
use redeliver_sim::Span;

/// Datagrams from the producer to every receiver (UDP multicast).
#[derive(Clone, Debug)]
pub struct UdpConfig {
    /// How the members of a subscription share.
    pub share: Share,
    /// Bytes a receiver's socket holds while its consumer works; what comes then is dropped. Linux: `SO_RCVBUF`,
    /// 212,992 bytes. 0 is no limit.
    pub receive_buffer: u64,
}

/// Requests from the producer to every receiver, retried until answered (HTTP).
#[derive(Clone, Debug)]
pub struct WebhookConfig {
    /// How the members of a subscription share.
    pub share: Share,
    /// Without an answer for so long, an attempt has failed.
    pub timeout: Span,
    /// How many attempts, all counted, before the sender gives up.
    pub attempts: u32,
    /// Pause before the second attempt.
    pub backoff: Span,
    /// Each further pause is so many times the one before.
    pub backoff_factor: u32,
    /// Requests that a sender has under way to one receiver, at most; the rest wait. 0 is no limit.
    pub concurrency: u32,
    /// Requests that wait at a receiver while its handler works, at most: it answers others with an error. None is no
    /// limit; with 0 a receiver that works takes nothing else.
    pub backlog: Option<u32>,
}
