//! The nodes of a stream: it can let go of whole nodes cheaply, and so of about as many messages as somebody asks for.
//!
//! Models the listpacks of Redis's streams (`t_stream.c` of Redis 7.0: `streamAppendItem`, `streamTrim`; `listpack.c`),
//! for entries with one field of one letter. A node is closed by the number of its entries, those that are gone included,
//! or by its bytes.

use crate::properties::LengthMax;
use redeliver_sim::Time;
use std::collections::VecDeque;

/// When a node is full. Redis: `stream-node-max-entries`, `stream-node-max-bytes`; 0 is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NodeLimits {
    /// So many messages.
    pub entries_max: u32,
    /// So many bytes.
    pub bytes_max: u32,
}

/// The nodes of a stream.
#[derive(Clone, Debug)]
pub(super) struct Nodes {
    limits: NodeLimits,
    nodes: VecDeque<Node>,
}

#[derive(Clone, Debug)]
struct Node {
    born: Time,
    /// Messages, those that are gone included.
    entries: u32,
    /// Those that are there.
    left: u32,
    bytes: u64,
}

/// Bytes of a node without a message: the listpack's own, and its first entry, which has the names of the fields.
const EMPTY: u64 = 18;
/// Bytes of a message beside its value and the time since the first of its node: flags, sequence, number of parts.
const BESIDE: u64 = 6;
/// Bytes of a listpack if no limit is set. Redis: `STREAM_LISTPACK_MAX_SIZE`.
const BYTES_MAX: u64 = 1 << 30;
/// With `~` no more than so many times the entries of a node go at once.
const NODES_AT_ONCE: u32 = 100;

impl Nodes {
    pub(super) fn new(limits: NodeLimits) -> Self {
        Nodes { limits, nodes: VecDeque::new() }
    }

    /// A message of so many bytes more, at the end.
    pub(super) fn push(&mut self, size: u64, at: Time) {
        let NodeLimits { entries_max, bytes_max } = self.limits;
        let bytes_max = if bytes_max == 0 { BYTES_MAX } else { u64::from(bytes_max) };
        // The field's name and its value are counted as they will be, without what stands around them.
        let is_full = |node: &Node| {
            node.bytes + 1 + size >= bytes_max || entries_max > 0 && node.entries >= entries_max
        };
        if self.nodes.back().is_none_or(is_full) {
            self.nodes.push_back(Node { born: at, entries: 0, left: 0, bytes: EMPTY });
        }
        let Some(node) = self.nodes.back_mut() else { return };
        node.bytes += BESIDE + number_bytes(at.since(node.born).0 / 1_000_000) + text_bytes(size);
        node.entries += 1;
        node.left += 1;
    }

    /// The first message is gone.
    pub(super) fn take_first(&mut self) {
        if let Some(first) = self.nodes.front_mut() {
            first.left -= 1;
            if first.left == 0 {
                self.nodes.pop_front();
            }
        }
    }

    /// How many of so many messages go if there are to be about as many as this: whole nodes, and not all at once.
    pub(super) fn surplus(&self, count: u32, max: LengthMax) -> u32 {
        let entries_max = self.limits.entries_max;
        let most =
            if entries_max == 0 { 10_000 } else { entries_max.saturating_mul(NODES_AT_ONCE).min(1_000_000) };
        let mut gone = 0;
        for node in &self.nodes {
            let left = count - gone;
            if left <= max.count || gone + node.left > most || left - node.left < max.count {
                break;
            }
            gone += node.left;
        }
        gone
    }
}

/// Bytes of a whole number from 0 on in a listpack, with those that lead back over it.
fn number_bytes(number: u64) -> u64 {
    match number {
        0..=127 => 2,
        128..=4_095 => 3,
        4_096..=32_767 => 4,
        32_768..=8_388_607 => 5,
        8_388_608..=2_147_483_647 => 6,
        _ => 10,
    }
}

/// Bytes of a text of so many bytes in a listpack, with those that lead back over it.
fn text_bytes(size: u64) -> u64 {
    let with_length = size
        + match size {
            0..=63 => 1,
            64..=4_095 => 2,
            _ => 5,
        };
    let back = match with_length {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    };
    with_length + back
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: NodeLimits = NodeLimits { entries_max: 100, bytes_max: 4_096 };

    fn nodes(limits: NodeLimits, messages: u64, size: u64) -> Nodes {
        let mut nodes = Nodes::new(limits);
        (0..messages).for_each(|_| nodes.push(size, Time::ZERO));
        nodes
    }

    /// Asked of Redis 7.0.15: with how many messages of so many bytes the second, the third, the fourth node begins.
    #[test]
    fn a_node_is_full_by_entries_or_by_bytes() {
        for (size, begins) in [(30, vec![101]), (100, vec![37, 73, 109]), (1_000, vec![5, 9, 13])] {
            let found = (1..=begins[begins.len() - 1]).filter(|n| {
                let before = nodes(DEFAULTS, n - 1, size).nodes.len();
                before > 0 && nodes(DEFAULTS, *n, size).nodes.len() > before
            });
            assert_eq!(found.collect::<Vec<_>>(), begins, "{size} bytes");
        }
    }

    /// Recorded: `redis-G6`.
    #[test]
    fn about_ten_of_250_are_fifty() {
        let mut nodes = Nodes::new(DEFAULTS);
        let mut count = 0;
        for _ in 0..250 {
            nodes.push(5, Time::ZERO);
            count += 1;
            let gone = nodes.surplus(count, LengthMax { count: 10, about: true });
            (0..gone).for_each(|_| nodes.take_first());
            count -= gone;
        }
        assert_eq!(count, 50);
    }

    #[test]
    fn no_more_go_at_once_than_a_hundred_nodes_have() {
        let limits = NodeLimits { entries_max: 2, bytes_max: 0 };
        let nodes = nodes(limits, 1_000, 5);
        assert_eq!(nodes.surplus(1_000, LengthMax { count: 10, about: true }), 200);
        assert_eq!(nodes.surplus(1_000, LengthMax { count: 899, about: true }), 100);
        assert_eq!(nodes.surplus(1_000, LengthMax { count: 1_000, about: true }), 0);
    }
}
