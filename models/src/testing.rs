//! For tests: setups with defaults.

use crate::queue::{AckMode, ClientConfig, Config, ExchangeConfig, Overflow, QueueConfig, Transport};
use crate::setup::*;
use redeliver_sim::{Chance, Distribution, Span};

/// A shop that publishes a message every 10 ms, of which nobody has read yet.
pub(crate) fn setup(design: Design, messages: u64) -> Setup {
    Setup {
        seed: 42,
        duration: Span::seconds(100),
        drain: Span::seconds(100),
        warm_up: Span::ZERO,
        keep: 100,
        events_max: 1_000_000,
        topics: vec!["orders".into()],
        producers: vec![Producer {
            name: "shop".into(),
            topic: 0,
            members: 1,
            start: Span::ZERO,
            schedule: Schedule::Every(Span::millis(10)),
            count: Some(messages),
            key: KeyChoice::None,
            size: Distribution::Constant(100),
            labels: Vec::new(),
        }],
        consumers: Vec::new(),
        network: Network {
            default: Link {
                latency: Distribution::Constant(1_000_000),
                jitter: Distribution::ZERO,
                loss: Chance::NEVER,
                duplication: Chance::NEVER,
                bandwidth: None,
            },
            rules: Vec::new(),
        },
        machines: Vec::new(),
        faults: Vec::new(),
        design,
        script: None,
    }
}

/// A subscription of `orders` with so many members that work for so many milliseconds.
pub(crate) fn consumer(name: &str, members: usize, work: u64) -> Consumer {
    let work = Work { span: Distribution::Constant(Span::millis(work).0), rate: None };
    Consumer {
        name: name.into(),
        topic: 0,
        members: vec![Member { work, joins: Span::ZERO }; members],
        from: StartAt::Beginning,
        on_failure: OnFailure::Requeue,
    }
}

/// A queue broker with one queue `stock` for `orders`; consumers take one message at a time.
pub(crate) fn queue() -> Config {
    let client = ClientConfig {
        prefetch: 1,
        ack: AckMode::AfterWork,
        confirms: true,
        window: 0,
        confirm_timeout: Span::seconds(5),
        retries: u32::MAX,
        reconnect_after: Span::millis(100),
        headers: Vec::new(),
    };
    let queue = QueueConfig {
        name: "stock".into(),
        durable: true,
        length_max: None,
        overflow: Overflow::DropHead,
        message_ttl: None,
        delivery_limit: None,
    };
    Config {
        node: "broker/1".into(),
        transport: Transport::Connections,
        queues: vec![queue],
        exchanges: vec![ExchangeConfig { name: "orders".into(), queues: vec![0] }],
        persistent: true,
        redeliver_after: None,
        memory_high_watermark: 0.6,
        clients: vec![(NodePattern::any(), client)],
    }
}
