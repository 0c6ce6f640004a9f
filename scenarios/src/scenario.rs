//! A scenario as typed: the fields of the file, before names are resolved and ranges checked.

use crate::consumer::Consumer;
use crate::design::Design;
use crate::fault::Fault;
use crate::machine::Machine;
use crate::named::{List, Named, Placed};
use crate::network::Network;
use crate::producer::Producer;
use crate::record::RecordText;
use crate::script::Line;
use crate::units::{Duration, Size};
use serde::Deserialize;

/// One file, one question.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Version of the file's format: 1.
    pub format: Placed<u32>,
    /// One line: what happens.
    pub title: String,
    /// The question that the file answers.
    pub question: Option<String>,
    /// Where to look in the result.
    pub look_for: Option<String>,
    /// Where the scenario comes from: a book and its figure, a recorded experiment.
    pub source: Option<String>,
    /// What else a reader should know.
    pub note: Option<String>,
    /// The notions that it teaches.
    #[serde(default)]
    pub concepts: Vec<String>,
    /// The seed of every draw. Default 42.
    pub seed: Option<u64>,
    /// How long it runs, and what is kept.
    #[serde(default)]
    pub run: Run,
    /// Who publishes.
    #[serde(default)]
    pub producers: Named<Producer>,
    /// Who consumes.
    #[serde(default)]
    pub consumers: Named<Consumer>,
    /// Links between nodes.
    #[serde(default)]
    pub network: Network,
    /// Hardware, by role or glob.
    #[serde(default)]
    pub nodes: Named<Machine>,
    /// What breaks.
    #[serde(default)]
    pub faults: List<Placed<Fault>>,
    /// Of these nodes (names, globs, roles) at most so many may be down at once: a fault that would make them more is
    /// skipped. Default: no limit.
    #[serde(default)]
    pub fault_budget: Named<Placed<u32>>,
    /// How messages travel: each design carries the same load under the same faults.
    pub designs: Placed<Named<Placed<Design>>>,
    /// The design that others are compared with. Default: the first.
    pub baseline: Option<Placed<String>>,
    /// Every step, instead of a load or beside it.
    #[serde(default)]
    pub script: List<Placed<Line>>,
    /// The recorded experiment that a story replays.
    pub record: Option<Placed<RecordText>>,
    /// What must be true of the result: lines of CEL.
    #[serde(default)]
    pub expect: List<Placed<String>>,
    /// What is asked of every design and subscription: lines of CEL; met or missed.
    #[serde(default)]
    pub require: List<Placed<String>>,
}

/// How long the run lasts, and what is kept.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// How long producers work, at most. Default `"10s"`.
    pub duration: Option<Placed<Duration>>,
    /// How much longer the rest may take. Default `"60s"`.
    pub drain: Option<Duration>,
    /// At this time all faults end: partitions heal, disks recover, who was down boots again; none acts after it.
    /// Default: never.
    pub heal_at: Option<Placed<Duration>>,
    /// Averages start here. Default `"0s"`.
    pub warm_up: Option<Placed<Duration>>,
    /// How many entries each kept list holds. Default 100.
    pub keep: Option<Placed<u32>>,
    /// After so many events the run ends undecided. Default 1000000000.
    pub max_events: Option<Placed<u64>>,
    /// With more than this in memory the run ends undecided. Default `"4 GiB"`.
    pub max_memory: Option<Placed<Size>>,
}
