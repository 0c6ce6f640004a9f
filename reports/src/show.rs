//! What terminal, pages and charts draw: the result, and beside it what only pictures need.

use crate::result::{DesignResult, Named, RunResult};
use std::collections::BTreeMap;

/// Everything one `run` found, ready to be shown.
#[derive(Clone, Debug)]
pub struct Findings {
    /// What `--format json` prints.
    pub result: RunResult,
    /// The scenario's question, if it asks one.
    pub question: Option<String>,
    /// What to look for.
    pub look_for: Option<String>,
    /// Where the scenario comes from.
    pub source: Option<String>,
    /// What else a reader should know.
    pub note: Option<String>,
    /// The design that others are compared with: an index into the result's designs.
    pub baseline: usize,
    /// One entry per design, in the result's order.
    pub designs: Vec<DesignShow>,
    /// The designs' figures under each seed, in their order, if there were several.
    pub replicas: Vec<Named<DesignResult>>,
}

/// What only pictures need, of one design.
#[derive(Clone, Debug, Default)]
pub struct DesignShow {
    /// One per subscription, in the order of the names.
    pub series: Vec<Series>,
    /// When each member's kept effects took place, in seconds, in the order of the result's `processed`.
    pub effect_times: BTreeMap<String, Vec<f64>>,
    /// Around the first broken guarantee; none if nothing broke.
    pub diagram: Option<Diagram>,
    /// What each witness of the result shows as a timeline, in the same order.
    pub timelines: Vec<Vec<TimelineLine>>,
}

/// Backlog and latency of a subscription over time.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// The subscription's name.
    pub consumer: String,
    /// Time in seconds, backlog at that time; at most a few hundred points.
    pub backlog: Vec<(f64, f64)>,
    /// Time in seconds of an effect (end of an interval), greatest latency in seconds in that interval.
    pub latency: Vec<(f64, f64)>,
}

/// One line of a timeline.
#[derive(Clone, PartialEq, Debug)]
pub struct TimelineLine {
    /// Seconds.
    pub time: f64,
    /// The node where it happened.
    pub who: String,
    /// What happened: `delivered shop#3 "Payment successful", attempt 2`.
    pub what: String,
    /// It proves the finding itself (others explain it).
    pub proof: bool,
}

/// A space-time diagram: a vertical lane per node, time running down.
#[derive(Clone, Debug, Default)]
pub struct Diagram {
    /// The nodes, from left to right: producers, brokers, consumers.
    pub lanes: Vec<String>,
    /// Packets between lanes.
    pub arrows: Vec<Arrow>,
    /// What happened at a lane.
    pub marks: Vec<Mark>,
    /// First and last instant, seconds.
    pub span: (f64, f64),
    /// The message the finding is about, drawn in the strongest colour.
    pub message: String,
    /// There was too much to draw: other messages than those of the finding are not shown.
    pub others_left_out: bool,
}

/// One packet.
#[derive(Clone, Debug)]
pub struct Arrow {
    /// Index of the sending lane.
    pub from: usize,
    /// Index of the receiving lane.
    pub to: usize,
    /// When it left, seconds.
    pub sent: f64,
    /// When it came, seconds; none: it was lost on the way.
    pub arrived: Option<f64>,
    /// What it carries: `m3`, `ack m3`.
    pub text: String,
    /// Which message.
    pub message: String,
    /// How it is drawn.
    pub kind: ArrowKind,
}

/// How a packet is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArrowKind {
    /// A message on its way for the first time.
    Message,
    /// A message that is sent or delivered again.
    Again,
    /// An ack, a confirm.
    Reply,
}

/// Something at one lane.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Index of the lane.
    pub lane: usize,
    /// When, seconds.
    pub time: f64,
    /// What: `m3`, `crashed`.
    pub text: String,
    /// How it is drawn.
    pub kind: MarkKind,
}

/// How something at a lane is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MarkKind {
    /// A first effect.
    Effect,
    /// An effect that took place again.
    Duplicate,
    /// An effect in the wrong order.
    Late,
    /// A message lost here.
    Lost,
    /// The node died.
    Crash,
    /// The node came back.
    Restart,
}
