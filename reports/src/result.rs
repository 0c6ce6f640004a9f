//! The result of a run, as `--format json` prints it. Times are seconds, sizes bytes. Keys are stable; new ones may
//! come. `serde` writes the fields in the order they stand here.

use crate::estimate::Estimate;
pub use redeliver_scenarios::expect::Verdict;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A map that keeps its order: designs stand in file order.
pub type Named<T> = indexmap::IndexMap<String, T>;

/// One object: all designs of a file under one seed.
#[derive(Clone, Debug, Serialize)]
pub struct RunResult {
    /// The version of this format.
    pub schema: u32,
    /// The version of the program.
    pub redeliver: String,
    /// The scenario's title.
    pub title: String,
    /// The seed.
    pub seed: u64,
    /// By the design's name, in file order.
    pub designs: Named<DesignResult>,
    /// Each expectation, with its verdict.
    pub expect: Vec<ExpectResult>,
    /// Each requirement, in each design and subscription.
    pub require: Vec<RequireResult>,
    /// Means over several seeds, if that was asked for. All else is of the first seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replications: Option<Replications>,
}

/// The same scenario under several seeds.
#[derive(Clone, Debug, Serialize)]
pub struct Replications {
    /// How many.
    pub n: u32,
    /// How many of them reached a limit in some design.
    pub stopped: u32,
    /// Every number of `designs`, by its path as an expectation writes it.
    pub figures: Named<Estimate>,
}

/// An expectation with its verdict.
#[derive(Clone, Debug, Serialize)]
pub struct ExpectResult {
    /// As in the file.
    pub text: String,
    /// How it stands.
    pub verdict: Verdict,
    /// The values that it read, by path, as `path = value`; and why it is not decided.
    pub read: Vec<String>,
}

/// A requirement in one design and subscription.
#[derive(Clone, Debug, Serialize)]
pub struct RequireResult {
    /// As in the file.
    pub text: String,
    /// The design.
    pub design: String,
    /// The subscription.
    pub consumer: String,
    /// True: met; false: missed; null: a figure it reads could not be computed, or the design was stopped.
    pub met: Option<bool>,
}

/// One design's part.
#[derive(Clone, Debug, Serialize)]
pub struct DesignResult {
    /// Of all facts, 16 hex digits.
    pub fingerprint: String,
    /// When the run ended.
    pub virtual_time: f64,
    /// Events the kernel handled.
    pub events: u64,
    /// Why the run ended before its time without a verdict (a loop, a limit, a call that never returned).
    pub stopped: Option<String>,
    /// What was assumed.
    pub assumptions: Vec<Assumption>,
    /// Faults and settings that do not apply to this design, as the file says them.
    pub does_not_apply: Vec<String>,
    /// Faults that did not act because more would have been down than `fault_budget` allows.
    pub faults_skipped: u64,
    /// By the group's name.
    pub producers: BTreeMap<String, ProducerResult>,
    /// By the subscription's name.
    pub consumers: BTreeMap<String, ConsumerResult>,
    /// By the node's name.
    pub brokers: BTreeMap<String, BrokerResult>,
    /// What it cost.
    pub cost: Cost,
    /// By the subscription's name, then by the guarantee's.
    pub guarantees: BTreeMap<String, BTreeMap<String, Guarantee>>,
    /// The chains of facts behind the findings.
    pub witnesses: Vec<Witness>,
    /// `clients`, `queues`, `logs`, `groups`, `nodes`, `looks` of a story; empty without one.
    #[serde(flatten)]
    pub picture: BTreeMap<String, Value>,
}

impl DesignResult {
    /// What the fault budget has kept from happening, if it has.
    pub(crate) fn skipped(&self) -> Option<String> {
        match self.faults_skipped {
            0 => None,
            1 => Some("1 fault was skipped, over the fault budget".into()),
            n => Some(format!("{n} faults were skipped, over the fault budget")),
        }
    }
}

/// A setting, and where its value comes from.
#[derive(Clone, Debug, Serialize)]
pub struct Assumption {
    /// Its name, in the scenario's words.
    pub setting: String,
    /// Its value.
    pub value: String,
    /// Whether nobody said it.
    pub default: bool,
    /// `scenario`, or whose default it is.
    pub source: String,
}

/// The message that came back most often.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MostReturned {
    /// Which; null if none came back.
    pub message: Option<String>,
    /// How often it had been delivered by then. Counts stop at 65535.
    pub deliveries: u64,
    /// How often a second, from the first of these deliveries to the last; null if that took no time.
    pub rate: Option<f64>,
}

/// A group of producers.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ProducerResult {
    /// Sends called.
    pub published: u64,
    /// Sends with a positive acknowledgement.
    pub confirmed: u64,
    /// Sends with a definite no.
    pub refused: u64,
    /// Sends with neither: the producer gave up, or the run ended.
    pub unknown: u64,
    /// Changes of its own state that it committed (`state_change`).
    pub state_changes: u64,
    /// Seconds that members were held up (a blocked connection, a full window), summed.
    pub blocked: f64,
}

/// A subscription.
#[derive(Clone, Debug, Serialize)]
pub struct ConsumerResult {
    /// Messages meant for it. = processed + dead_lettered + pending + lost.total + superseded + withdrawn.
    pub addressed: u64,
    /// Messages whose effect took place.
    pub processed: u64,
    /// Effects, repeats counted.
    pub effects: u64,
    /// Messages put aside.
    pub dead_lettered: u64,
    /// Messages of which a copy is left that would reach it.
    pub pending: u64,
    /// Messages compacted away behind a newer value.
    pub superseded: u64,
    /// Messages of aborted transactions.
    pub withdrawn: u64,
    /// Messages of which no copy is left.
    pub lost: Lost,
    /// Effects that took place again.
    pub duplicates: Duplicates,
    /// Deliveries after the first of a message.
    pub redeliveries: u64,
    /// Deliveries that had no effect, because a consumer knew that it had processed the message.
    pub deduplicated: u64,
    /// The message that was delivered most often when it came back to its queue.
    pub most_returned: MostReturned,
    /// By relation: `key`, `producer`, `stored`, `causal`, `event_time`, `true_time`.
    pub order: BTreeMap<&'static str, Order>,
    /// From the event to the end of its first effect, seconds.
    pub latency: Latency,
    /// Means over the first effects, seconds.
    pub latency_split: LatencySplit,
    /// Latency less all attempts' work.
    pub waiting: Mean,
    /// First effects a second.
    pub throughput: f64,
    /// Share of the members' time at work; null without members.
    pub utilisation: Option<f64>,
    /// Messages addressed and not yet processed or given up.
    pub backlog: Backlog,
    /// Seconds that messages ready to be taken waited behind one that was slow or failing, summed.
    pub head_of_line: f64,
    /// Retention window less the age of the next unread message, seconds.
    pub headroom: Headroom,
    /// By the member's node.
    pub members: BTreeMap<String, MemberResult>,
}

/// Messages of which no copy is left.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Lost {
    /// All.
    pub total: u64,
    /// Those whose producer holds a confirm.
    pub confirmed: u64,
    /// Every known cause is there, 0 if it did not happen.
    pub by_cause: BTreeMap<&'static str, u64>,
    /// The first `run.keep`, in order.
    pub messages: Vec<String>,
}

/// Effects that took place again.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Duplicates {
    /// All.
    pub total: u64,
    /// Every known cause is there, 0 if it did not happen.
    pub by_cause: BTreeMap<&'static str, u64>,
    /// The first `run.keep`, in order.
    pub messages: Vec<String>,
}

/// Order in one relation.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Order {
    /// First effects after that of a message that should follow.
    pub late: u64,
    /// Repeats after a newer one.
    pub stale: u64,
    /// Late messages / messages with an effect (RFC 4737); null without any.
    pub reordered_ratio: Option<f64>,
    /// Pairs in the wrong order, where ranks are dense; else null.
    pub inversions: Option<u64>,
}

/// Quantiles, in seconds; null without a value.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs)] // the names say it
pub struct Latency {
    pub mean: Option<f64>,
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p99: Option<f64>,
    pub p999: Option<f64>,
    pub max: Option<f64>,
}

/// Where the latency went, means in seconds; null without a value.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs)] // the names say it
pub struct LatencySplit {
    pub network: Option<f64>,
    pub broker: Option<f64>,
    pub recovery: Option<f64>,
    pub work: Option<f64>,
}

/// A mean, in seconds; null without a value.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct Mean {
    pub mean: Option<f64>,
}

/// Messages waiting or in work, over time.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct Backlog {
    pub mean: f64,
    pub max: u64,
    #[serde(rename = "final")]
    pub final_: u64,
}

/// How far a subscription is from falling off, seconds; null before the first deletion.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct Headroom {
    pub min: Option<f64>,
}

/// One consumer process.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MemberResult {
    /// Message and number of the attempt, the first `run.keep`.
    pub delivered: Vec<(String, u32)>,
    /// The effects, the first `run.keep`.
    pub processed: Vec<String>,
    /// Whether there were more.
    pub truncated: bool,
}

/// A broker node.
#[derive(Clone, Debug, Default, Serialize)]
pub struct BrokerResult {
    /// Most bytes on its disk.
    pub stored_bytes_max: u64,
    /// Most bytes of messages in its memory.
    pub memory_max: u64,
    /// How far back it can be read.
    pub retention: Retention,
    /// What it holds at the end, the first `run.keep`.
    pub contents: Vec<String>,
}

/// How far back a log can be read, seconds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Retention {
    /// Least age of the oldest message from the first deletion on; null before.
    pub window_min: Option<f64>,
    /// When the first deletion took place; null if none did.
    pub first_deletion: Option<f64>,
    /// Capacity / rate of writing; null without a limit.
    pub predicted: Option<f64>,
}

/// What a design cost.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct Cost {
    pub bytes_sent: u64,
    pub bytes_stored_max: u64,
    pub requests: u64,
    pub empty_polls: u64,
}

/// A promise, and how it stands.
#[derive(Clone, Debug, Serialize)]
pub struct Guarantee {
    /// `holds`, `broken`, `not_exercised`.
    pub verdict: Verdict,
    /// How often it was broken.
    pub count: u64,
    /// Index into `witnesses`; null if it was not broken.
    pub witness: Option<usize>,
}

/// The shortest chain of facts that proves and explains a finding.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Witness {
    /// The message it is about.
    pub message: String,
    /// What it shows, in a sentence.
    pub finding: String,
    /// The facts, in order, as text.
    pub facts: Vec<String>,
}
