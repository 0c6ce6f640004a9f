//! Hardware: `nodes` in the file, by role or glob.

use crate::assumptions::Assumptions;
use crate::defaults::{DISK_BANDWIDTH, DISK_SYNC, MEMORY};
use crate::diagnostic::{Diagnostic, Findings, Place};
use crate::named::{Named, Placed};
use crate::needs::{Demand, Need};
use crate::nodes::{self, Cast, Patterns, pattern};
use crate::units::{ByteRate, Drift, Duration, Size, SpanSpread, show_distribution, show_size};
use redeliver_models::setup::{self, NodePattern};
use redeliver_sim::{Distribution, Span};
use serde::Deserialize;

/// What a machine has.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Its disk.
    #[serde(default)]
    pub disk: Disk,
    /// Its memory. Default `"4 GiB"`.
    pub memory: Option<Placed<Size>>,
    /// Cores that work side by side. Default 4. No design has a node that works on several messages at a time.
    pub cores: Option<Placed<u32>>,
    /// What its clock shows beyond the true time. Default `"0s"`.
    pub clock_ahead: Option<Placed<Duration>>,
    /// What its clock lags behind the true time. Default `"0s"`.
    pub clock_behind: Option<Placed<Duration>>,
    /// What it gains from time 0 on, or loses: `"-100 ppm"`. Default `"0 ppm"`.
    pub clock_drift: Option<Placed<Drift>>,
}

/// A disk.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// Bytes it holds. Default: unlimited.
    pub capacity: Option<Placed<Size>>,
    /// Bytes it reads and writes per second. Default `"200 MB/s"`.
    pub bandwidth: Option<Placed<ByteRate>>,
    /// How long a sync takes. Default `"2ms"`.
    pub sync: Option<Placed<SpanSpread>>,
}

/// The machines as they will be: defaults first, then changes in the order of the file.
pub(crate) fn plan(
    machines: &Named<Machine>,
    casts: &[Cast],
    patterns: &mut Patterns<'_>,
) -> Vec<(NodePattern, setup::MachineChange)> {
    let mut planned = vec![(NodePattern::any(), defaults())];
    for (name, entry) in &machines.0 {
        let found = patterns.one(name, entry.name_place, casts);
        planned.push((found, entry.value.plan(patterns.findings)));
    }
    planned
}

fn defaults() -> setup::MachineChange {
    setup::MachineChange {
        disk_capacity: Some(None),
        disk_bandwidth: Some(DISK_BANDWIDTH.value),
        disk_sync: Some(Distribution::Constant(DISK_SYNC.value.0)),
        memory: Some(MEMORY.value),
        clock_offset: Some(0),
        clock_drift: Some(0),
    }
}

impl Machine {
    /// What is said, by name, with what it needs: a clock that is right needs nothing.
    fn said(&self) -> Vec<(&'static str, Need, Place)> {
        let Disk { capacity, bandwidth, sync } = &self.disk;
        let wrong = |by: &Option<Placed<Duration>>| {
            by.as_ref().filter(|by| by.value.0 > Span::ZERO).map(|by| by.place)
        };
        let drift = self.clock_drift.as_ref().filter(|drift| drift.value.0 != 0);
        let all = [
            ("disk.capacity", Need::Disk, capacity.as_ref().map(|said| said.place)),
            ("disk.bandwidth", Need::Disk, bandwidth.as_ref().map(|said| said.place)),
            ("disk.sync", Need::Disk, sync.as_ref().map(|said| said.place)),
            ("memory", Need::Memory, self.memory.as_ref().map(|said| said.place)),
            ("cores", Need::Cores, self.cores.as_ref().map(|said| said.place)),
            ("clock_ahead", Need::Clock, wrong(&self.clock_ahead)),
            ("clock_behind", Need::Clock, wrong(&self.clock_behind)),
            ("clock_drift", Need::Clock, drift.map(|said| said.place)),
        ];
        all.into_iter().filter_map(|(name, need, place)| Some((name, need, place?))).collect()
    }

    fn plan(&self, findings: &mut Findings) -> setup::MachineChange {
        if let Some(cores) = &self.cores
            && !(1..=1024).contains(&cores.value)
        {
            findings.refuse(cores.place, "`cores` must be from 1 to 1024");
        }
        let ahead = self.clock_ahead.as_ref().map(|span| span.value.0.0 as i64);
        let behind = self.clock_behind.as_ref().map(|span| -(span.value.0.0 as i64));
        if let (Some(_), Some(behind)) = (&self.clock_ahead, &self.clock_behind) {
            let diagnostic = Diagnostic::new("a clock is ahead or behind, not both").at(behind.place);
            findings.push(diagnostic.hint("leave out `clock_ahead` or `clock_behind`"));
        }
        setup::MachineChange {
            disk_capacity: self.disk.capacity.as_ref().map(|size| Some(size.value.0)),
            disk_bandwidth: self.disk.bandwidth.as_ref().map(|rate| rate.value.0),
            disk_sync: self.disk.sync.as_ref().map(|sync| sync.value.0.clone()),
            memory: self.memory.as_ref().map(|size| size.value.0),
            clock_offset: ahead.or(behind),
            clock_drift: self.clock_drift.as_ref().map(|drift| drift.value.0),
        }
    }
}

/// What an effect of these settings needs of a design.
pub(crate) fn demands(machines: &Named<Machine>, groups: &[String], file: &str) -> Vec<Demand> {
    let of_machine = |(name, machine): (&str, &Machine)| {
        let (name, nodes) = (name.to_string(), nodes::pattern_of(name, groups));
        machine.said().into_iter().map(move |(setting, need, place)| {
            let written = &file[place.start..place.end];
            let setting = match setting.strip_prefix("disk.") {
                Some(setting) => format!("disk: ({setting}: {written})"),
                None => format!("{setting}: {written}"),
            };
            Demand { need, nodes: nodes.clone(), place, text: format!("nodes: {{\"{name}\": ({setting})}}") }
        })
    };
    machines.iter().flat_map(of_machine).collect()
}

/// What a design's broker runs on.
pub(crate) fn assume(
    machines: &Named<Machine>,
    cast: &Cast,
    broker: Option<&str>,
    assumptions: &mut Assumptions,
) {
    let Some(broker) = broker else { return };
    let matching = |name: &&str| pattern(name).matches(broker, setup::Role::Broker);
    let changes: Vec<&Machine> = machines.iter().filter(|(name, _)| matching(name)).map(|(_, m)| m).collect();
    let last = |value: fn(&Machine) -> Option<String>| changes.iter().rev().find_map(|m| value(m));
    let ours = MEMORY.source;
    let capacity = last(|m| m.disk.capacity.as_ref().map(|size| show_size(size.value.0)));
    assumptions.text("nodes.disk.capacity", capacity, "unlimited", ours);
    let bandwidth = last(|m| m.disk.bandwidth.as_ref().map(|rate| format!("{} MB/s", rate.value.0 / 1e6)));
    assumptions.text("nodes.disk.bandwidth", bandwidth, "200 MB/s", ours);
    let sync = last(|m| m.disk.sync.as_ref().map(|sync| show_distribution(&sync.value.0)));
    assumptions.text("nodes.disk.sync", sync, "2 ms", ours);
    if cast.meets(Need::Memory, &NodePattern::Glob(broker.into())) {
        let memory = last(|m| m.memory.as_ref().map(|size| show_size(size.value.0)));
        assumptions.text("nodes.memory", memory, "4 GiB", ours);
    }
    let cores = last(|m| m.cores.as_ref().map(|cores| cores.value.to_string()));
    assumptions.text("nodes.cores", cores, "4", ours);
}
