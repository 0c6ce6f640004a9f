//! The figures that tables show: their headings, units and ranks, and where they stand in the result.

use crate::estimate::Estimate;
use crate::format::Unit;
use crate::show::Findings;
use crate::summary::Row;

/// How much a figure matters when columns are chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rank {
    /// A column of its own if it differs.
    First,
    /// One of several that say much the same: the first of the kind that differs.
    Late,
    /// If few of the first rank differ.
    Second,
}

/// A figure of a row.
pub(crate) struct Figure {
    /// Its heading in a table.
    pub(crate) name: &'static str,
    /// What it counts.
    pub(crate) unit: Unit,
    pub(crate) rank: Rank,
    /// Where it stands in the result, as an expectation says it.
    path: &'static str,
    read: fn(&Row) -> Option<f64>,
}

impl Figure {
    /// Its value in this row, with the unit; over several seeds the mean ± the half width of its interval.
    pub(crate) fn show(&self, row: &Row) -> String {
        let Estimate { mean, half_width } = self.estimate(row);
        match half_width {
            Some(half) => format!("{} ± {}", self.unit.show(mean), self.unit.show(Some(half))),
            None => self.unit.show(mean),
        }
    }

    /// Its value in this row, or the mean over several seeds.
    pub(crate) fn value(&self, row: &Row) -> Option<f64> {
        self.estimate(row).mean
    }

    fn estimate(&self, row: &Row) -> Estimate {
        if row.replicas.is_empty() {
            return Estimate { mean: (self.read)(row), half_width: None };
        }
        let values: Vec<Option<f64>> = row.replicas().map(|row| (self.read)(&row?)).collect();
        Estimate::of(&values)
    }

    /// Anything but zero is a broken promise.
    pub(crate) fn is_breach(&self) -> bool {
        self.rank != Rank::Second && self.unit == Unit::Count
    }

    /// Whether an expectation speaks of it.
    pub(crate) fn is_expected(&self, findings: &Findings) -> bool {
        findings.result.expect.iter().any(|line| line.text.contains(self.path))
    }

    /// Whether the other shows the same in every row.
    pub(crate) fn equals(&self, other: &Figure, rows: &[Row]) -> bool {
        rows.iter().all(|row| self.show(row) == other.show(row))
    }

    /// The value, if all rows show the same.
    pub(crate) fn same(&self, rows: &[Row]) -> Option<String> {
        let first = self.show(rows.first()?);
        rows.iter().all(|row| self.show(row) == first).then_some(first)
    }
}

/// Reads a field of the subscription.
macro_rules! of_consumer {
    ($($field:tt)+) => {
        |row| row.figures.map(|figures| figures.$($field)+ as f64)
    };
}

/// Every figure, the most telling first.
pub(crate) static FIGURES: &[Figure] = &[
    Figure {
        name: "lost",
        path: ".lost.total",
        unit: Unit::Count,
        rank: Rank::First,
        read: of_consumer!(lost.total),
    },
    Figure {
        name: "confirmed lost",
        path: ".lost.confirmed",
        unit: Unit::Count,
        rank: Rank::First,
        read: of_consumer!(lost.confirmed),
    },
    Figure {
        name: "duplicates",
        path: ".duplicates.total",
        unit: Unit::Count,
        rank: Rank::First,
        read: of_consumer!(duplicates.total),
    },
    Figure {
        name: "late per key",
        path: ".order.key.late",
        unit: Unit::Count,
        rank: Rank::Late,
        read: |row| late(row, "key"),
    },
    Figure {
        name: "late per producer",
        path: ".order.producer.late",
        unit: Unit::Count,
        rank: Rank::Late,
        read: |row| late(row, "producer"),
    },
    Figure {
        name: "late as stored",
        path: ".order.stored.late",
        unit: Unit::Count,
        rank: Rank::Late,
        read: |row| late(row, "stored"),
    },
    Figure { name: "p99 latency", path: ".latency.p99", unit: Unit::Seconds, rank: Rank::First, read: p99 },
    Figure {
        name: "retention",
        path: ".retention.window_min",
        unit: Unit::Seconds,
        rank: Rank::First,
        read: retention,
    },
    Figure {
        name: "pending",
        path: ".pending",
        unit: Unit::Count,
        rank: Rank::Second,
        read: of_consumer!(pending),
    },
    Figure {
        name: "dead-lettered",
        path: ".dead_lettered",
        unit: Unit::Count,
        rank: Rank::Second,
        read: of_consumer!(dead_lettered),
    },
    Figure {
        name: "stale per key",
        path: ".order.key.stale",
        unit: Unit::Count,
        rank: Rank::Second,
        read: |row| stale(row, "key"),
    },
    Figure {
        name: "redeliveries",
        path: ".redeliveries",
        unit: Unit::Count,
        rank: Rank::Second,
        read: of_consumer!(redeliveries),
    },
    Figure {
        name: "deduplicated",
        path: ".deduplicated",
        unit: Unit::Count,
        rank: Rank::Second,
        read: of_consumer!(deduplicated),
    },
    Figure {
        name: "headroom",
        path: ".headroom.min",
        unit: Unit::Seconds,
        rank: Rank::Second,
        read: |row| row.figures?.headroom.min,
    },
    Figure {
        name: "backlog max",
        path: ".backlog.",
        unit: Unit::Count,
        rank: Rank::Second,
        read: of_consumer!(backlog.max),
    },
    Figure {
        name: "head of line",
        path: ".head_of_line",
        unit: Unit::Seconds,
        rank: Rank::Second,
        read: of_consumer!(head_of_line),
    },
    Figure {
        name: "p50 latency",
        path: ".latency.p50",
        unit: Unit::Seconds,
        rank: Rank::Second,
        read: |row| row.figures?.latency.p50,
    },
    Figure {
        name: "throughput",
        path: ".throughput",
        unit: Unit::Rate,
        rank: Rank::Second,
        read: of_consumer!(throughput),
    },
    Figure {
        name: "utilisation",
        path: ".utilisation",
        unit: Unit::Share,
        rank: Rank::Second,
        read: |row| row.figures?.utilisation,
    },
    Figure { name: "blocked", path: ".blocked", unit: Unit::Seconds, rank: Rank::Second, read: blocked },
    Figure {
        name: "superseded",
        path: ".superseded",
        unit: Unit::Count,
        rank: Rank::Second,
        read: of_consumer!(superseded),
    },
    Figure {
        name: "withdrawn",
        path: ".withdrawn",
        unit: Unit::Count,
        rank: Rank::Second,
        read: of_consumer!(withdrawn),
    },
    Figure {
        name: "processed",
        path: ".processed",
        unit: Unit::Count,
        rank: Rank::Second,
        read: of_consumer!(processed),
    },
    Figure {
        name: "addressed",
        path: ".addressed",
        unit: Unit::Count,
        rank: Rank::Second,
        read: of_consumer!(addressed),
    },
    Figure {
        name: "bytes sent",
        path: ".cost.bytes_sent",
        unit: Unit::Bytes,
        rank: Rank::Second,
        read: |row| Some(row.result.cost.bytes_sent as f64),
    },
    Figure {
        name: "bytes stored",
        path: ".cost.bytes_stored_max",
        unit: Unit::Bytes,
        rank: Rank::Second,
        read: |row| Some(row.result.cost.bytes_stored_max as f64),
    },
    Figure {
        name: "requests",
        path: ".cost.requests",
        unit: Unit::Count,
        rank: Rank::Second,
        read: |row| Some(row.result.cost.requests as f64),
    },
    Figure {
        name: "empty polls",
        path: ".cost.empty_polls",
        unit: Unit::Count,
        rank: Rank::Second,
        read: |row| Some(row.result.cost.empty_polls as f64),
    },
];

fn late(row: &Row, relation: &str) -> Option<f64> {
    Some(row.figures?.order.get(relation)?.late as f64)
}

fn stale(row: &Row, relation: &str) -> Option<f64> {
    Some(row.figures?.order.get(relation)?.stale as f64)
}

/// The 99th percentile of the latency.
pub(crate) fn p99(row: &Row) -> Option<f64> {
    row.figures?.latency.p99
}

fn retention(row: &Row) -> Option<f64> {
    row.result.brokers.values().filter_map(|broker| broker.retention.window_min).reduce(f64::min)
}

fn blocked(row: &Row) -> Option<f64> {
    Some(row.result.producers.values().map(|producer| producer.blocked).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use serde_json::Value;

    fn paths(value: &Value, path: &str, all: &mut Vec<String>) {
        all.push(path.to_string());
        if let Value::Object(fields) = value {
            fields.iter().for_each(|(name, value)| paths(value, &format!("{path}.{name}"), all));
        }
    }

    #[test]
    fn a_figure_stands_where_it_says() {
        let mut all = Vec::new();
        let result = serde_json::to_value(&sample::figure_11_2().result).expect("it is a tree");
        paths(&result, "", &mut all);
        for figure in FIGURES {
            assert!(all.iter().any(|path| path.contains(figure.path)), "{}: {}", figure.name, figure.path);
        }
    }
}
