//! What a fault or a setting needs to have any effect, and which nodes of which designs have it.
//!
//! This is the one place that knows it. What no design has is an error where it is asked for; what only some have does
//! not apply to the others.

use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::nodes::Cast;
use redeliver_models::producer::StateChange;
use redeliver_models::queue::{AckMode, Config, Transport};
use redeliver_models::setup::{Design, FactKind, NodePattern, Producer, Role};

/// What a fault or a setting acts on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    /// Packets that each go on their own, and may be lost, come twice or out of turn.
    Datagrams,
    /// What may break between two nodes.
    Connections,
    /// A clock that somebody reads.
    Clock,
    /// Memory that messages may take too much of.
    Memory,
    /// Cores for several messages at a time: no node of any design works on more than one.
    Cores,
    /// A disk that something is written to.
    Disk,
    /// The disk of a broker: faults spare those of outboxes and coordinators.
    BrokerDisk,
    /// Work that takes a while.
    Work,
    /// A process that can stand still.
    Process,
}

impl Need {
    /// What is wrong where no design has it.
    pub(crate) fn refusal(self, place: Place) -> Diagnostic {
        let (message, hint) = match self {
            Need::Datagrams => (
                "no design sends datagrams: this would change nothing",
                "leave it out, or add a design that does: `Udp()`, `Queue(transport: Datagrams, …)`",
            ),
            Need::Connections => (
                "no design that has such a node has connections: this would change nothing",
                "datagrams need none: leave it out, or add a design with connections, like `Queue()`",
            ),
            Need::Clock => (
                "nobody reads this clock: it would change nothing",
                "name a producer, whose clock stamps events, or a log's broker, whose clock retention by age goes by",
            ),
            Need::Memory => (
                "nothing depends on this memory: it would change nothing",
                "name the broker of a `Queue` or a `RabbitMQ`, which blocks publishers at a share of it",
            ),
            Need::Cores => ("no node works on several messages at a time", "leave it out"),
            Need::Disk => (
                "nothing is written to this disk: it would change nothing",
                "name a broker, a producer with a `state_change`, or a consumer with `ack: TwoPhaseCommit`",
            ),
            Need::BrokerDisk => ("this fault meets the disks of brokers only", "write `node: \"brokers\"`"),
            Need::Work => (
                "only consumers can be slow: brokers and producers handle a message in no time here",
                "slow a broker's disk (`DiskSlow`), or its links (`network`)",
            ),
            Need::Process => (
                "a story's client does what its lines say, and cannot be paused",
                "let it wait: `(\"c1\", Wait(\"5s\"))`; brokers and members of a load can be paused",
            ),
        };
        Diagnostic::new(message).at(place).hint(hint)
    }
}

/// What there is in one design.
#[derive(Clone, Default, Debug)]
pub(crate) struct Means {
    /// There is a broker between producers and consumers.
    broker: bool,
    /// All packets are datagrams; else they go over connections.
    datagrams: bool,
    /// The broker deletes what its clock says is too old.
    retention_by_age: bool,
    /// The broker blocks publishers whose messages take too much of its memory.
    memory_limit: bool,
    /// Consumers keep on their disks what a transaction has decided.
    coordinators: bool,
    /// Producers that keep a state of their own on their disks.
    databases: Vec<String>,
}

impl Means {
    pub(crate) fn of(design: &Design, producers: &[Producer]) -> Self {
        let queue: Option<&Config> = if let Design::Queue(config) = design { Some(config) } else { None };
        let stateful = producers.iter().filter(|producer| producer.state_change != StateChange::Nothing);
        Means {
            broker: matches!(design, Design::Queue(_) | Design::Log(_)),
            datagrams: match design {
                Design::Udp(_) => true,
                Design::Queue(config) => config.transport == Transport::Datagrams,
                Design::Log(_) | Design::Webhook(_) => false,
            },
            retention_by_age: match design {
                Design::Log(config) => config.topics.iter().any(|topic| topic.retention_age.is_some()),
                Design::Queue(_) | Design::Udp(_) | Design::Webhook(_) => false,
            },
            memory_limit: queue.is_some_and(|config| config.memory_high_watermark < f64::MAX),
            coordinators: queue.is_some_and(|config| {
                config.clients.iter().any(|(_, client)| client.ack == AckMode::TwoPhaseCommit)
            }),
            databases: stateful.map(|producer| producer.name.clone()).collect(),
        }
    }

    /// Whether its packets are datagrams.
    pub(crate) fn has_datagrams(&self) -> bool {
        self.datagrams
    }

    /// Whether a node of this name and role has it.
    fn has(&self, need: Need, name: &str, role: Role) -> bool {
        let is_stateful = || self.databases.iter().any(|group| is_member(name, group));
        match (need, role) {
            (Need::Datagrams, _) => self.datagrams,
            (Need::Connections, _) => !self.datagrams,
            (Need::Clock, Role::Producer | Role::Client) => true,
            (Need::Clock, Role::Broker) => self.retention_by_age,
            (Need::Clock, Role::Consumer) => false,
            (Need::Cores, _) => false,
            (Need::Memory, role) => role == Role::Broker && self.memory_limit,
            (Need::Disk | Need::BrokerDisk, Role::Broker) => true,
            (Need::Disk, Role::Producer) => is_stateful(),
            (Need::Disk, Role::Consumer) => self.coordinators,
            (Need::Disk | Need::BrokerDisk, _) => false,
            (Need::Work, role) => role == Role::Consumer,
            (Need::Process, role) => role != Role::Client,
        }
    }
}

/// `shop/2` of `shop`.
pub(crate) fn is_member(name: &str, group: &str) -> bool {
    name.strip_prefix(group).is_some_and(|rest| rest.starts_with('/'))
}

impl Cast {
    /// Whether one of the nodes that are meant has it.
    pub(crate) fn meets(&self, need: Need, pattern: &NodePattern) -> bool {
        self.any(|name, role| pattern.matches(name, role) && self.means.has(need, name, role))
    }

    /// Whether one of the nodes that may note the fact has it.
    pub(crate) fn noter_meets(&self, need: Need, kind: FactKind) -> bool {
        self.any(|name, role| self.may_note(kind, role) && self.means.has(need, name, role))
    }

    /// Whether nodes of this role note such facts.
    pub(crate) fn may_note(&self, kind: FactKind, role: Role) -> bool {
        match kind {
            FactKind::Published | FactKind::Confirmed => matches!(role, Role::Producer | Role::Client),
            // Without a broker the producer keeps what it sends until it is settled.
            FactKind::Stored | FactKind::Acked => {
                role == if self.means.broker { Role::Broker } else { Role::Producer }
            }
            FactKind::Delivered | FactKind::Processed => matches!(role, Role::Consumer | Role::Client),
            FactKind::Prepared | FactKind::Decided => role == Role::Consumer,
        }
    }

    pub(crate) fn any(&self, mut is: impl FnMut(&str, Role) -> bool) -> bool {
        self.nodes.iter().any(|(name, role)| is(name, *role))
    }
}

/// Whether this design has it; that no design has it is an error.
pub(crate) fn is_met_in(
    cast: &Cast,
    all_casts: &[Cast],
    need: Need,
    place: Place,
    findings: &mut Findings,
) -> bool {
    let any = NodePattern::any();
    if !all_casts.iter().any(|cast| cast.meets(need, &any)) {
        findings.push(need.refusal(place));
    }
    cast.meets(need, &any)
}

/// A setting that needs something.
pub(crate) struct Demand {
    pub(crate) need: Need,
    /// Of which nodes.
    pub(crate) nodes: NodePattern,
    pub(crate) place: Place,
    /// The setting as the file says it.
    pub(crate) text: String,
}

impl Demand {
    /// Whether it has an effect in this design.
    pub(crate) fn is_met_in(&self, cast: &Cast) -> bool {
        cast.meets(self.need, &self.nodes)
    }
}

/// Refuses settings that have no effect in any design; but the cores of a machine, which are a part of what it is.
pub(crate) fn refuse_unmet(demands: &[Demand], casts: &[Cast], findings: &mut Findings) {
    for demand in demands {
        // A name that no node has is refused there.
        let is_known = casts.iter().any(|cast| cast.has(&demand.nodes));
        if demand.need != Need::Cores && is_known && !casts.iter().any(|cast| demand.is_met_in(cast)) {
            findings.push(demand.need.refusal(demand.place));
        }
    }
}
