//! What is to be simulated: one design under one workload, as plain data, every name resolved and every range
//! checked. `scenarios` makes it from a file; [`crate::build`] makes a world from it, and cannot fail.
//!
//! All lists that carry names are in the order of the names (members by number), never of the file.

mod fault;

pub use fault::{
    Between, FactKind, FactPattern, Fault, FaultKind, MessageName, PacketKind, Requests, Shape, Sides,
    Target, When, Which,
};

use crate::deduplication::Deduplication;
use crate::limits::Limits;
use crate::producer::StateChange;
use crate::{direct, log, queue};
use redeliver_sim::{Buffer, Burst, Chance, Distribution, Impairments, Span};

/// One run: a design, the workload it carries and what breaks.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The seed of every draw.
    pub seed: u64,
    /// How long producers work, at most.
    pub duration: Span,
    /// How much longer the rest may take.
    pub drain: Span,
    /// Averages start here.
    pub warm_up: Span,
    /// How many entries each kept list holds (`run.keep`).
    pub keep: usize,
    /// What the run may take.
    pub limits: Limits,
    /// Names of the topics.
    pub topics: Vec<String>,
    /// Who publishes.
    pub producers: Vec<Producer>,
    /// Who consumes: one entry per subscription, whatever the design.
    pub consumers: Vec<Consumer>,
    /// Links between nodes.
    pub network: Network,
    /// Machines: the first entry matches everything and holds the defaults; of several that match the later wins.
    pub machines: Vec<(NodePattern, MachineChange)>,
    /// What breaks, in the order of the file (which no result depends on).
    pub faults: Vec<Fault>,
    /// At this time all faults end. None: they end by themselves, or never.
    pub heal_at: Option<Span>,
    /// Of these nodes at most so many may be down at once: a fault that would make them more is skipped.
    pub fault_budget: Vec<(NodePattern, u32)>,
    /// How messages travel.
    pub design: Design,
    /// A story instead of (or beside) a load.
    pub script: Option<crate::story::Script>,
}

/// A group of producers: `members` alike, each with its own schedule.
#[derive(Clone, Debug)]
pub struct Producer {
    /// Its name; its members' nodes are `name/1`, `name/2`, …
    pub name: String,
    /// Index into [`Setup::topics`].
    pub topic: usize,
    /// How many members; at least one.
    pub members: u32,
    /// When the schedule starts.
    pub start: Span,
    /// When each member publishes.
    pub schedule: Schedule,
    /// How many messages each member publishes; without it, until the duration is over.
    pub count: Option<u64>,
    /// Which key a message has.
    pub key: KeyChoice,
    /// Size of a message, in bytes.
    pub size: Distribution,
    /// What a message is about, by number; shown beside its id. An empty text is none.
    pub labels: Vec<String>,
    /// What its own state has to do with its messages.
    pub state_change: StateChange,
}

/// When a producer's member publishes.
#[derive(Clone, Debug)]
pub enum Schedule {
    /// At the start and every so often.
    Every(Span),
    /// At random times, so many a second on average.
    Poisson(f64),
    /// As often as its messages' sizes make so many bytes a second: the span after a message is its size / rate.
    Rate(f64),
    /// At these times after the start, ascending.
    At(Vec<Span>),
    /// In bursts.
    OnOff {
        /// How long a burst lasts, in nanoseconds.
        on: Distribution,
        /// How long it is off, in nanoseconds.
        off: Distribution,
        /// So many messages a second while it is on.
        rate: f64,
    },
    /// So long after the last message was confirmed, refused or given up, in nanoseconds.
    Think(Distribution),
}

impl Schedule {
    /// Whether the next message waits for the last one: then what carries them decides how many there are.
    pub fn waits(&self) -> bool {
        matches!(self, Schedule::Think(_))
    }
}

/// Which key a message has.
#[derive(Clone, Debug)]
pub enum KeyChoice {
    /// None: no order is asked for.
    None,
    /// Always this one.
    Const(String),
    /// One after the other, around.
    Cycle(Vec<String>),
    /// Evenly one of `"0"` … `"n-1"`.
    Uniform(u32),
    /// One of `"0"` … `"n-1"` by Zipf's law.
    Zipf {
        /// How many keys.
        n: u32,
        /// The exponent.
        s: f64,
    },
}

/// A subscription: a group of members that share a topic's messages.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// Its name; its members' nodes are `name/1`, `name/2`, …
    pub name: String,
    /// Index into [`Setup::topics`]; one beyond them for a queue that only dead letters come to.
    pub topic: usize,
    /// The members, in order; at least one.
    pub members: Vec<Member>,
    /// Where a member that joins later starts to read, in designs that have a history.
    pub from: StartAt,
    /// What a handler's failure leads to.
    pub on_failure: OnFailure,
    /// What its members know of what they have processed.
    pub deduplication: Option<Deduplication>,
    /// Effects are written in a database, whose commit takes so long.
    pub commit: Span,
}

impl Consumer {
    /// Name of a member's node, from 0: `group/1`. A subscription that is itself one member of a group (`share: All`)
    /// is called like its node.
    pub fn member_name(&self, member: usize) -> String {
        if self.name.contains('/') { self.name.clone() } else { format!("{}/{}", self.name, member + 1) }
    }
}

/// One consumer process.
#[derive(Clone, Debug)]
pub struct Member {
    /// How long a message's work takes.
    pub work: Work,
    /// When it starts. Zero: it is there before time 0.
    pub joins: Span,
}

/// How long the work on a message takes: a span, and so long per byte.
#[derive(Clone, Debug)]
pub struct Work {
    /// The part that does not depend on the size, in nanoseconds.
    pub span: Distribution,
    /// Bytes per second of the part that does; none if there is no such part.
    pub rate: Option<f64>,
}

/// Where to start in a topic that has a history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartAt {
    /// With the oldest message that is kept.
    Beginning,
    /// With the next message.
    End,
}

/// What follows when a handler fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnFailure {
    /// Give it back (a queue), or read it again from the committed offset (a log).
    Requeue,
    /// Settle it as if it had been processed.
    Drop,
    /// Send it aside, settle it and go on.
    DeadLetter,
    /// Try again after this span, and let nothing pass meanwhile.
    RetryInPlace(Span),
}

/// What a node is in a design.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// It publishes.
    Producer,
    /// It carries.
    Broker,
    /// It consumes.
    Consumer,
    /// A client of a story: it may do both.
    Client,
}

/// Nodes by name (with `*` and `?`) or by role. `shop` alone also names all its members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NodePattern {
    /// `producers`, `brokers`, `consumers`.
    Role(Role),
    /// A name or a glob.
    Glob(String),
    /// What any of these means.
    AnyOf(Vec<NodePattern>),
}

impl NodePattern {
    /// Every node.
    pub fn any() -> Self {
        NodePattern::Glob("*".into())
    }

    /// What any of these means; none if there are none.
    pub fn any_of(mut patterns: Vec<NodePattern>) -> Option<Self> {
        if patterns.len() > 1 { Some(NodePattern::AnyOf(patterns)) } else { patterns.pop() }
    }

    /// Whether a node of this name and role is meant.
    pub fn matches(&self, name: &str, role: Role) -> bool {
        match self {
            NodePattern::Role(wanted) => *wanted == role,
            NodePattern::AnyOf(patterns) => patterns.iter().any(|pattern| pattern.matches(name, role)),
            NodePattern::Glob(glob) => {
                glob_matches(glob, name) || name.rsplit_once('/').is_some_and(|(group, _)| glob == group)
            }
        }
    }
}

/// Whether `name` fits `glob`: `*` stands for any run of characters, `?` for one.
pub fn glob_matches(glob: &str, name: &str) -> bool {
    if !glob.contains(['*', '?']) {
        return glob == name;
    }
    let (glob, name): (Vec<char>, Vec<char>) = (glob.chars().collect(), name.chars().collect());
    let (mut g, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if g < glob.len() && glob[g] == '*' {
            star = Some((g, n));
            g += 1;
        } else if g < glob.len() && (glob[g] == '?' || glob[g] == name[n]) {
            g += 1;
            n += 1;
        } else if let Some((at, taken)) = star {
            g = at + 1;
            n = taken + 1;
            star = Some((at, taken + 1));
        } else {
            return false;
        }
    }
    glob[g..].iter().all(|c| *c == '*')
}

/// The links: a default, and changes to it; of several that match the later wins, field by field.
#[derive(Clone, Debug)]
pub struct Network {
    /// Every link, unless a rule changes it.
    pub default: Link,
    /// Changes, by the link's two ends (directed).
    pub rules: Vec<LinkRule>,
}

/// One directed link.
#[derive(Clone, PartialEq, Debug)]
pub struct Link {
    /// One-way delay, in nanoseconds.
    pub latency: Distribution,
    /// Added to the latency, in nanoseconds.
    pub jitter: Distribution,
    /// Chance that a packet is lost (on a connection: a segment, which comes late).
    pub loss: Chance,
    /// Chance that a datagram comes twice.
    pub duplication: Chance,
    /// Bytes per second; none is no limit.
    pub bandwidth: Option<f64>,
    /// What only some links do.
    pub impairments: Impairments,
}

/// A change to the links that match.
#[derive(Clone, Debug)]
pub struct LinkRule {
    /// The sending end.
    pub from: NodePattern,
    /// The receiving end.
    pub to: NodePattern,
    /// New values; none leaves what is.
    pub latency: Option<Distribution>,
    /// See [`Link::jitter`].
    pub jitter: Option<Distribution>,
    /// See [`Link::loss`].
    pub loss: Option<Chance>,
    /// See [`Link::duplication`].
    pub duplication: Option<Chance>,
    /// See [`Link::bandwidth`].
    pub bandwidth: Option<f64>,
    /// See [`Impairments::burst`].
    pub burst: Option<Burst>,
    /// See [`Impairments::reordering`].
    pub reordering: Option<Chance>,
    /// See [`Impairments::reordering_delay`].
    pub reordering_delay: Option<Distribution>,
    /// See [`Impairments::duplication_delay`].
    pub duplication_delay: Option<Distribution>,
    /// See [`Impairments::buffer`].
    pub buffer: Option<Buffer>,
    /// See [`Impairments::mtu`].
    pub mtu: Option<u64>,
}

/// A machine's properties. In a list of changes `None` leaves what is.
#[derive(Clone, Default, Debug)]
pub struct MachineChange {
    /// Bytes the disk holds; `Some(None)` is unlimited.
    pub disk_capacity: Option<Option<u64>>,
    /// Bytes per second the disk reads and writes.
    pub disk_bandwidth: Option<f64>,
    /// How long a sync takes, in nanoseconds.
    pub disk_sync: Option<Distribution>,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// What the node's clock shows beyond the true time at time 0, in nanoseconds.
    pub clock_offset: Option<i64>,
    /// What it gains in a second of true time, in nanoseconds.
    pub clock_drift: Option<i64>,
}

/// How messages travel.
#[allow(clippy::large_enum_variant)] // a run has one
#[derive(Clone, Debug)]
pub enum Design {
    /// A queue broker.
    Queue(queue::Config),
    /// A log broker.
    Log(log::Config),
    /// Datagrams from the producer to every receiver.
    Udp(direct::UdpConfig),
    /// Requests from the producer to every receiver, retried.
    Webhook(direct::WebhookConfig),
}

/// How the members of a subscription share messages in a direct design.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Share {
    /// One after the other.
    RoundRobin,
    /// By the message's key; without one, round robin.
    ByKey,
    /// Each member gets all: it is a subscription of its own, `group/n`. `scenarios` splits them; a model never
    /// sees this.
    All,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_and_group_names_match_members() {
        for (glob, name, expected) in [
            ("*", "shop/1", true),
            ("shop", "shop/12", true),
            ("shop/?", "shop/12", false),
            ("s*/1", "shop/1", true),
            ("shop", "shopping/1", false),
            ("*x*", "abc", false),
        ] {
            assert_eq!(
                NodePattern::Glob(glob.into()).matches(name, Role::Producer),
                expected,
                "{glob} {name}"
            );
        }
    }
}
