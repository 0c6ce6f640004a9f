//! What breaks in a setup, and when.

use super::NodePattern;
use redeliver_sim::{Chance, Distribution, Effect, Span, Time, Trouble};

/// Something that breaks.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What happens.
    pub what: FaultKind,
    /// When.
    pub when: When,
    /// As the file says it, for reports.
    pub text: String,
}

/// When a fault acts.
#[derive(Clone, Debug)]
pub enum When {
    /// At this time.
    At(Time),
    /// At these times, drawn up front from a stream of its own: first one draw after `from`, and again after each
    /// draw. A constant span is a period.
    Every {
        /// The span to the next one, in nanoseconds.
        span: Distribution,
        /// The spans are counted from here.
        from: Time,
        /// Not then, and not later.
        until: Time,
        /// How often, at the most; none is no limit.
        times: Option<u32>,
        /// The name of the stream.
        stream: String,
    },
    /// When this is noted for the first time (the first `times` times), and `after` has passed. `after: 0` acts at
    /// the fact itself: what the node does after it does not happen.
    On {
        /// Which facts.
        fact: FactPattern,
        /// The delay.
        after: Span,
        /// How often, at the most.
        times: u32,
    },
}

/// Facts of one kind, about some messages, at some nodes.
#[derive(Clone, Debug)]
pub struct FactPattern {
    /// The kind.
    pub kind: FactKind,
    /// Only about this message.
    pub message: Option<MessageName>,
    /// Only about messages of this key.
    pub key: Option<String>,
    /// Only for this subscription (index into [`super::Setup::consumers`]).
    pub subscription: Option<usize>,
    /// Only noted by these nodes.
    pub node: Option<NodePattern>,
}

/// The facts that a fault can wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // each is the fact of that name
pub enum FactKind {
    Published,
    Stored,
    Confirmed,
    Delivered,
    Processed,
    Acked,
    Prepared,
    Decided,
}

/// A message of a load by its name: `shop#3`, `shop/2#3`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct MessageName {
    /// Index into [`super::Setup::producers`].
    pub producer: usize,
    /// Which member, from 0.
    pub member: u32,
    /// Its number, from 1.
    pub number: u32,
}

/// Whom a fault meets.
#[derive(Clone, Debug)]
pub enum Target {
    /// All nodes that match.
    Nodes(NodePattern),
    /// The node that noted the fact that triggered it.
    Receiver,
}

/// What happens.
#[derive(Clone, Debug)]
pub enum FaultKind {
    /// The process dies: peers see a reset at once; the page cache survives.
    Crash {
        /// Who.
        target: Target,
        /// It starts again so long after; none is never.
        restart_after: Option<Span>,
    },
    /// The machine dies: peers see silence; what was not synced is gone.
    MachineCrash {
        /// Who.
        target: Target,
        /// It starts again so long after; none is never.
        restart_after: Option<Span>,
    },
    /// The machine dies while it writes its page cache back: of what was not synced a part is on the disk, and of the
    /// record behind it a half.
    TornWrite {
        /// Who.
        target: Target,
        /// It starts again so long after; none is never.
        restart_after: Option<Span>,
    },
    /// Nothing passes between some nodes and others: datagrams are lost, connections stall.
    Partition {
        /// Who does not reach whom.
        sides: Sides,
        /// What is on its way is lost too.
        in_flight_lost: bool,
        /// How long it lasts; none is for ever.
        lasts: Option<Span>,
    },
    /// Nothing passes over some links.
    Stop {
        /// Which.
        between: Between,
        /// What is on its way is lost too.
        in_flight_lost: bool,
        /// How long it lasts; none is for ever.
        lasts: Option<Span>,
    },
    /// Some links are worse than they are.
    Impair {
        /// Which.
        between: Between,
        /// In what way.
        effect: Effect,
        /// How long it lasts; none is for ever.
        lasts: Option<Span>,
    },
    /// The links of these nodes jam, one node after the other, and are released in another order, both drawn up
    /// front.
    Swizzle {
        /// Whose; all if empty.
        nodes: Vec<NodePattern>,
        /// How long it takes until all are jammed; and then again until all are released.
        over: Span,
    },
    /// All connections of these nodes break, without a crash.
    Reset {
        /// Who.
        target: Target,
    },
    /// The next packet of this kind is taken out for good.
    Drop {
        /// The kind.
        packet: PacketKind,
        /// Only of this message; of commits those that pass it.
        message: Option<MessageName>,
        /// How many.
        times: u32,
    },
    /// The disk takes no more until it is made larger or `lasts` is over.
    DiskFull {
        /// Who.
        target: Target,
        /// How long it lasts; none is for ever.
        lasts: Option<Span>,
    },
    /// Records that are on the disk then are damaged.
    CorruptRecord {
        /// Whose disk.
        target: Target,
        /// The records of which messages.
        which: Which,
    },
    /// Something is wrong with machines that do not die of it.
    Trouble {
        /// Whose.
        target: Target,
        /// What.
        trouble: Trouble,
        /// How long it lasts; none is for ever. A pause says it itself; a clock stays as it is.
        lasts: Option<Span>,
    },
    /// Nodes are restarted one after the other, in the order of their names and numbers, as by a deploy.
    RollingRestart {
        /// Who.
        nodes: NodePattern,
        /// How long each is down.
        down: Span,
        /// How long until the next is stopped, when one is back.
        pause: Span,
        /// They close their connections and leave their group; else they are killed.
        graceful: bool,
    },
    /// A receiver answers requests with an error, without handling them.
    ErrorReply {
        /// Index into [`super::Setup::consumers`]; none is every subscription.
        subscription: Option<usize>,
        /// Which requests.
        which: Requests,
        /// The status of the answer.
        status: u16,
        /// How many of them: so many requests from the first one on, or attempts at the message.
        times: u32,
    },
    /// The handler fails on these messages. [`Fault::when`] is the time from which on.
    FailingHandler {
        /// Index into [`super::Setup::consumers`]; none is every subscription.
        subscription: Option<usize>,
        /// On which messages.
        which: Which,
        /// How often it fails on each; none is always: a poison message.
        times: Option<u32>,
    },
    /// The handler needs this long on these messages, in nanoseconds.
    SlowHandler {
        /// Index into [`super::Setup::consumers`]; none is every subscription.
        subscription: Option<usize>,
        /// On which messages.
        which: Which,
        /// How long.
        work: Distribution,
    },
}

/// Some of the requests that come to a subscription.
#[derive(Clone, Debug)]
pub enum Requests {
    /// From this one on, counted from 1 over all members.
    From(u32),
    /// Those about this message.
    About(MessageName),
}

/// Directed links.
#[derive(Clone, Debug)]
pub struct Between {
    /// The sending ends; all if empty.
    pub from: Vec<NodePattern>,
    /// The receiving ends; all if empty.
    pub to: Vec<NodePattern>,
    /// The links back, too.
    pub both_ways: bool,
}

/// Who does not reach whom in a partition.
#[derive(Clone, Debug)]
pub enum Sides {
    /// These nodes and the others.
    Nodes {
        /// One side.
        nodes: Target,
        /// The other side; all others if empty.
        others: Vec<NodePattern>,
        /// Only what goes out of `nodes` is cut.
        one_way: bool,
    },
    /// Members of different groups. A node of no group reaches all.
    Groups(Vec<Vec<NodePattern>>),
    /// Nodes in an order drawn up front, anew each time the fault acts.
    Shape {
        /// How they are cut.
        shape: Shape,
        /// Which nodes; all if empty.
        among: Vec<NodePattern>,
    },
}

/// A partition of nodes that stand in an order. The names are Jepsen's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// One node is cut off.
    One,
    /// Two halves.
    Halves,
    /// Each node reaches a majority, and no two the same: its neighbours in a ring.
    MajorityRing,
    /// Two halves, and a node between them that reaches both.
    Bridge,
}

impl Shape {
    /// So many nodes it takes: among fewer it cuts nothing.
    pub fn nodes_min(self) -> usize {
        match self {
            Shape::One | Shape::Halves => 2,
            Shape::Bridge => 3,
            Shape::MajorityRing => 4,
        }
    }

    /// Whether two of `count` nodes, by their places, do not reach each other.
    pub fn separates(self, a: usize, b: usize, count: usize) -> bool {
        let half = count / 2;
        match self {
            Shape::One => (a == 0) != (b == 0),
            Shape::Halves => (a < half) != (b < half),
            Shape::Bridge => a != half && b != half && (a < half) != (b < half),
            Shape::MajorityRing => {
                let distance = a.abs_diff(b);
                // Itself and so many neighbours to each side are a majority.
                distance.min(count - distance) > half.div_ceil(2)
            }
        }
    }
}

/// Some of the messages.
#[derive(Clone, Debug)]
pub enum Which {
    /// These.
    Messages(Vec<MessageName>),
    /// Each with this chance, by its luck.
    Chance(Chance),
    /// Those of this key.
    Key(String),
}

/// Packets that a fault can take out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // each is the packet of that name
pub enum PacketKind {
    Publish,
    Confirm,
    Deliver,
    Ack,
    Commit,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_majority_ring_each_node_reaches_a_majority_of_its_own() {
        for count in Shape::MajorityRing.nodes_min()..20 {
            let mut majorities = Vec::new();
            for a in 0..count {
                let reached: Vec<usize> =
                    (0..count).filter(|b| !Shape::MajorityRing.separates(a, *b, count)).collect();
                assert!(reached.len() > count / 2 && reached.len() < count, "{count}: {reached:?}");
                majorities.push(reached);
            }
            majorities.sort();
            majorities.dedup();
            assert_eq!(majorities.len(), count);
        }
    }

    #[test]
    fn every_shape_cuts_something_from_its_least_number_of_nodes_on_and_nothing_below() {
        for shape in [Shape::One, Shape::Halves, Shape::Bridge, Shape::MajorityRing] {
            for count in 1..9 {
                let pairs = (0..count).flat_map(|a| (0..count).map(move |b| (a, b)));
                let cut = pairs.filter(|(a, b)| shape.separates(*a, *b, count)).count();
                assert_eq!(cut > 0, count >= shape.nodes_min(), "{shape:?} of {count}");
            }
        }
    }
}
