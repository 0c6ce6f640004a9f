//! What a server of Redis keeps, by the settings of its `redis.conf`.

use super::settings::{Reader, Real};
use crate::assumptions::Assumptions;
use crate::defaults::*;
use crate::diagnostic::{Diagnostic, Findings};
use redeliver_models::queue::{
    ConfirmAfter, Discard, ExchangeConfig, ExchangeKind, NodeLimits, OutputLimits, Retention, Snapshots,
    StreamConfig,
};
use redeliver_sim::Span;

/// The server's settings.
pub(super) struct Server {
    /// It writes down what is done (`appendonly`).
    pub(super) durable: bool,
    pub(super) confirm_after: ConfirmAfter,
    pub(super) snapshots: Option<Snapshots>,
    nodes: NodeLimits,
    pub(super) output_limits: OutputLimits,
}

impl Server {
    pub(super) fn plan(settings: &Real, assumptions: &mut Assumptions, findings: &mut Findings) -> Server {
        let mut reader = Reader { settings, findings };
        let words = ["yes", "no"];
        let durable = reader.word("appendonly", &words).map(|word| word == "yes");
        assumptions.text(
            "appendonly",
            durable.map(|yes| words[usize::from(!yes)].into()),
            "no",
            REDIS_DEFAULT,
        );
        let durable = durable.unwrap_or(false);
        let fsync = reader.word("appendfsync", &["always", "everysec", "no"]);
        let confirm_after = match fsync.as_deref() {
            Some("always") => ConfirmAfter::Synced,
            Some("no") => ConfirmAfter::Written,
            _ => ConfirmAfter::SyncedLater(APPEND_SYNC.value),
        };
        if durable {
            assumptions.text("appendfsync", fsync, "everysec", REDIS_DEFAULT);
        } else if let Some(place) = reader.place("appendfsync") {
            let diagnostic = Diagnostic::new("`appendfsync` says nothing without `appendonly`").at(place);
            reader.findings.push(diagnostic.hint("add `\"appendonly\": \"yes\"`"));
        }
        let said = reader.text("save");
        let rules = said.as_deref().map_or_else(|| Some(default_rules()), rules);
        if let Some(place) = reader.place("save").filter(|_| rules.is_none()) {
            let diagnostic = Diagnostic::new("`save` must be pairs of seconds and changes").at(place);
            reader.findings.push(diagnostic.hint("write \"3600 1 300 100\", or \"\" for never"));
        }
        let rules = rules.unwrap_or_default();
        if durable {
            if let Some(place) = reader.place("save") {
                let message = "snapshots beside `appendonly` are not modelled: a restart does not read them";
                reader.findings.push(Diagnostic::new(message).at(place).hint("leave one of them out"));
            }
        } else {
            assumptions.text("save", said, SAVE, REDIS_DEFAULT);
        }
        let nodes = NodeLimits {
            entries_max: reader.count("stream-node-max-entries", 0).unwrap_or(STREAM_NODE_ENTRIES),
            bytes_max: bytes(&mut reader, "stream-node-max-bytes")
                .map_or(STREAM_NODE_BYTES, |bytes| bytes as u32),
        };
        let output_limits = output_limits(&mut reader).unwrap_or(OutputLimits {
            hard: 32 << 20,
            soft: 8 << 20,
            soft_for: Span::seconds(60),
        });
        Server {
            durable,
            confirm_after,
            snapshots: (!durable && !rules.is_empty()).then_some(Snapshots { rules, every: None }),
            nodes,
            output_limits,
        }
    }

    /// One for each key that is no channel.
    pub(super) fn streams(&self, exchanges: &[ExchangeConfig]) -> Vec<StreamConfig> {
        let streams = exchanges.iter().filter(|exchange| exchange.kind != ExchangeKind::Channel);
        let stream = |exchange: &ExchangeConfig| StreamConfig {
            name: exchange.name.clone(),
            durable: self.durable,
            retention: Retention::Limits,
            discard: Discard::Old,
            messages_max: None,
            bytes_max: None,
            age_max: None,
            duplicate_window: Span::ZERO,
            overhead: STREAM_ENTRY_OVERHEAD,
            made_anew: true,
            nodes: Some(self.nodes),
        };
        streams.map(stream).collect()
    }
}

fn default_rules() -> Vec<(Span, u32)> {
    rules(SAVE).unwrap_or_default()
}

/// `"3600 1 300 100"`: after so many seconds, if there were so many changes.
fn rules(text: &str) -> Option<Vec<(Span, u32)>> {
    let numbers: Option<Vec<u32>> = text.split_whitespace().map(|word| word.parse().ok()).collect();
    let numbers = numbers.filter(|numbers| numbers.len() % 2 == 0)?;
    let pairs = numbers.chunks_exact(2);
    pairs.map(|pair| (pair[0] > 0).then(|| (Span::seconds(u64::from(pair[0])), pair[1]))).collect()
}

/// A number of bytes as `redis.conf` has it: 4096, "4kb".
fn bytes(reader: &mut Reader<'_>, name: &str) -> Option<u64> {
    let place = reader.place(name)?;
    let text = reader.settings.get(name)?.value.to_string().replace('"', "");
    let found = bytes_of(&text).filter(|bytes| *bytes <= u64::from(u32::MAX));
    if found.is_none() {
        let diagnostic = Diagnostic::new(format!("`{name}` must be a number of bytes")).at(place);
        reader.findings.push(diagnostic.hint("write 4096, or \"4kb\""));
    }
    found
}

/// Units of `redis.conf`: `k` is 1000, `kb` is 1024.
fn bytes_of(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1_000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// `"pubsub 32mb 8mb 60"`: hard limit, soft limit, seconds.
fn output_limits(reader: &mut Reader<'_>) -> Option<OutputLimits> {
    let name = "client-output-buffer-limit";
    let (place, text) = (reader.place(name)?, reader.text(name)?);
    let words: Vec<&str> = text.split_whitespace().collect();
    let found = match words[..] {
        ["pubsub", hard, soft, seconds] => {
            bytes_of(hard).zip(bytes_of(soft)).zip(seconds.parse::<u32>().ok())
        }
        _ => None,
    };
    if found.is_none() {
        let message =
            format!("`{name}` is modelled for subscribers of channels: a limit, a soft one, seconds");
        let hint = "write \"pubsub 32mb 8mb 60\"; 0 is no limit";
        reader.findings.push(Diagnostic::new(message).at(place).hint(hint));
    }
    let ((hard, soft), seconds) = found?;
    Some(OutputLimits { hard, soft, soft_for: Span::seconds(u64::from(seconds)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_redis_conf_has_them() {
        assert_eq!(rules("900 1 300 10"), Some(vec![(Span::seconds(900), 1), (Span::seconds(300), 10)]));
        assert_eq!(rules(""), Some(Vec::new()));
        assert_eq!(["900", "900 x", "0 1"].map(rules), [None, None, None]);
        let sizes = ["200000", "4kb", "4k", "1MB", "x", "4tb", "99999999999999999999"];
        let bytes = [Some(200_000), Some(4_096), Some(4_000), Some(1 << 20), None, None, None];
        assert_eq!(sizes.map(bytes_of), bytes);
    }
}
