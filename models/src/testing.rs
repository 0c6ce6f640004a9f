//! For tests: setups with defaults, and timelines of what happened.

use crate::checks::{Event, Recorder};
use crate::describe::describe;
use crate::fact::Fact;
use crate::queue::{AckMode, ClientConfig, Config, ExchangeConfig, QueueConfig, Transport};
use crate::run::{Ended, run};
use crate::setup::*;
use redeliver_sim::{Chance, Distribution, Span, Time};

/// A shop that publishes a message every 10 ms, of which nobody has read yet.
pub(crate) fn setup(design: Design, messages: u64) -> Setup {
    Setup {
        seed: 42,
        duration: Span::seconds(100),
        drain: Span::seconds(100),
        warm_up: Span::ZERO,
        keep: 100,
        limits: crate::Limits { events_max: 1_000_000, memory_max: 4 << 30 },
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
            state_change: crate::producer::StateChange::Nothing,
        }],
        consumers: Vec::new(),
        network: Network {
            default: Link {
                latency: Distribution::Constant(1_000_000),
                jitter: Distribution::ZERO,
                loss: Chance::NEVER,
                duplication: Chance::NEVER,
                bandwidth: None,
                impairments: redeliver_sim::Impairments::NONE,
            },
            rules: Vec::new(),
        },
        machines: Vec::new(),
        faults: Vec::new(),
        heal_at: None,
        fault_budget: Vec::new(),
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
        deduplication: None,
        commit: Span::ZERO,
    }
}

/// A queue broker with one queue `stock` for `orders`; consumers take one message at a time.
pub(crate) fn queue() -> Config {
    let client = ClientConfig {
        prefetch: 1,
        priority: 0,
        ack: AckMode::AfterWork,
        confirms: true,
        window: 0,
        confirm_timeout: Span::seconds(5),
        retries: u32::MAX,
        reconnect_after: Span::millis(100),
        node: 0,
        headers: Vec::new(),
        said: Default::default(),
        pulls: None,
        claims: None,
        rereads: false,
        extend_every: None,
        keeps_failed: false,
        clean_session: false,
        manual_ack: false,
        aliases: Vec::new(),
    };
    let queue = QueueConfig { name: "stock".into(), ..QueueConfig::default() };
    Config {
        node: "broker/1".into(),
        transport: Transport::Connections,
        queues: vec![queue],
        exchanges: vec![ExchangeConfig::fanout("orders", vec![0])],
        persistent: true,
        confirm_after: crate::queue::ConfirmAfter::Synced,
        snapshots: None,
        output_limits: None,
        sessions: None,
        overdue: None,
        checksums: true,
        memory_high_watermark: 0.6,
        paging: None,
        disk_free_limit: None,
        flow: None,
        streams: Vec::new(),
        dialect: crate::story::Dialect::Amqp,
        cluster: None,
        clients: vec![(NodePattern::any(), client)],
    }
}

/// What breaks at so many milliseconds.
pub(crate) fn fault_at(milliseconds: u64, what: FaultKind) -> Fault {
    Fault { what, when: When::At(Time::ZERO + Span::millis(milliseconds)), text: String::new() }
}

/// What breaks at the first fact of this kind about the shop's n-th message.
pub(crate) fn fault_on(kind: FactKind, number: u32, what: FaultKind) -> Fault {
    let message = Some(MessageName { producer: 0, member: 0, number });
    let fact = FactPattern { kind, message, key: None, subscription: None, node: None };
    Fault { what, when: When::On { fact, after: Span::ZERO, times: 1 }, text: String::new() }
}

/// The crash of a process.
pub(crate) fn crash(node: &str, restart_after: Option<u64>) -> FaultKind {
    let target = Target::Nodes(NodePattern::Glob(node.into()));
    FaultKind::Crash { target, restart_after: restart_after.map(Span::millis) }
}

/// Runs it and tells what happened, a line for each fact. The run itself asserts that the ledger balances.
pub(crate) fn timeline(setup: &Setup) -> String {
    tell(run(setup, Recorder::All(Vec::new())))
}

fn tell(mut ended: Ended) -> String {
    let kept = ended.world.checks_mut().0.recorder.take();
    let shared = ended.world.shared();
    let lines = kept.iter().filter_map(|recorded| {
        // Bookkeeping, which no person would tell.
        let told = !matches!(
            recorded.event,
            Event::Fact(
                Fact::Forgotten { .. }
                    | Fact::Forwarded { .. }
                    | Fact::Copied { .. }
                    | Fact::ReplicaGone { .. },
                _
            )
        );
        let said = describe(recorded, shared);
        told.then(|| format!("{}  {:<7} {said}\n", recorded.at, shared.names.node(recorded.node)))
    });
    lines.collect()
}
