//! Which of the queues that are bound to an exchange get a message: by its routing key and the keys of the bindings.
//!
//! Models RabbitMQ's fanout, direct and topic exchanges (AMQP 0-9-1; "Topics" of its tutorials;
//! `rabbit_exchange_type_topic`), and the plugin `rabbitmq_consistent_hash_exchange`: each binding has as many buckets
//! as its key says, in the order of the queues' names, and a jump consistent hash (Lamping, Veach, 2014) of the routing
//! key chooses one. What a publisher of a load sends is routed by its key, unless it is told a routing key. Left out:
//! headers exchanges, alternate exchanges, bindings between exchanges; where the plugin (Erlang's `phash2`) puts a
//! single key.

use super::broker::Broker;
use crate::domain::Out;
use crate::message::{KeyId, MessageRef, SubscriptionId};
use crate::shared::Shared;
use redeliver_sim::name_hash;

/// How an exchange routes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExchangeKind {
    /// To all queues.
    Fanout,
    /// To those whose binding key is the message's routing key.
    Direct,
    /// To those whose binding key, a pattern of words, fits it: `*` stands for one word, `#` for any number of them.
    Topic,
    /// To one of them, always the same for a routing key; the binding keys are weights. RabbitMQ: `x-consistent-hash`.
    ConsistentHash,
    /// To all queues, and into this stream: an index into [`super::Config::streams`]. JetStream: a subject.
    Stream(u32),
}

impl ExchangeKind {
    /// Whether it gives all to all, whatever their keys.
    pub fn gives_all(self) -> bool {
        matches!(self, ExchangeKind::Fanout | ExchangeKind::Stream(_))
    }

    /// Those of the bindings, each with its key, that a message with this routing key takes.
    fn choose<T: Copy>(self, bindings: &[(T, String)], key: &str) -> Vec<T> {
        let fits = |binding: &str| match self {
            ExchangeKind::Fanout | ExchangeKind::Stream(_) => true,
            ExchangeKind::Direct => binding == key,
            ExchangeKind::Topic => fits_words(&words(binding), &words(key)),
            ExchangeKind::ConsistentHash => false,
        };
        let mut chosen: Vec<T> =
            bindings.iter().filter(|(_, binding)| fits(binding)).map(|(bound, _)| *bound).collect();
        if self == ExchangeKind::ConsistentHash {
            chosen.extend(choose_by_hash(bindings, key));
        }
        chosen
    }
}

/// The binding that has the bucket of this key.
fn choose_by_hash<T: Copy>(bindings: &[(T, String)], key: &str) -> Option<T> {
    let weight = |binding: &str| binding.parse::<u64>().unwrap_or(0);
    let buckets = bindings.iter().map(|(_, binding)| weight(binding)).sum();
    let mut bucket = jump_consistent_hash(name_hash(key), buckets)?;
    let mut bindings = bindings.iter();
    let found = bindings.find(|(_, binding)| {
        let weight = weight(binding);
        let is_it = bucket < weight;
        bucket = bucket.saturating_sub(weight);
        is_it
    });
    found.map(|(bound, _)| *bound)
}

/// The bucket of a key, below `buckets`: with one bucket more, a key stays or goes to the new one. (J. Lamping, E.
/// Veach: A Fast, Minimal Memory, Consistent Hash Algorithm, 2014.)
fn jump_consistent_hash(mut key: u64, buckets: u64) -> Option<u64> {
    let (mut bucket, mut next) = (None, 0);
    while next < buckets {
        bucket = Some(next);
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        next = ((next + 1) as f64 * ((1_u64 << 31) as f64 / ((key >> 33) + 1) as f64)) as u64;
    }
    bucket
}

/// The words between the dots; a key that is empty has none.
fn words(key: &str) -> Vec<&str> {
    if key.is_empty() { Vec::new() } else { key.split('.').collect() }
}

fn fits_words(pattern: &[&str], key: &[&str]) -> bool {
    let (mut p, mut k) = (0, 0);
    // Where the last `#` stands, and up to where it reaches.
    let mut any: Option<(usize, usize)> = None;
    while k < key.len() {
        if p < pattern.len() && pattern[p] == "#" {
            any = Some((p, k));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == "*" || pattern[p] == key[k]) {
            (p, k) = (p + 1, k + 1);
        } else if let Some((at, reaches)) = any {
            (p, k) = (at + 1, reaches + 1);
            any = Some((at, reaches + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|word| *word == "#")
}

/// Whether a subject of NATS fits a pattern: words between dots, `*` stands for one, a `>` at the end for one or more. An
/// empty pattern is everything.
pub fn subject_fits(pattern: &str, subject: &str) -> bool {
    let (mut pattern, mut subject) = (words(pattern).into_iter(), words(subject).into_iter());
    if pattern.len() == 0 {
        return true;
    }
    loop {
        match (pattern.next(), subject.next()) {
            (None, None) => return true,
            (Some(">"), Some(_)) => return true,
            (Some(wanted), Some(word)) if wanted == "*" || wanted == word => {}
            _ => return false,
        }
    }
}

/// Whether some subject fits both of these patterns.
pub fn subjects_overlap(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (words(one).into_iter(), words(other).into_iter());
    if one.len() == 0 || other.len() == 0 {
        return true;
    }
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(">"), Some(_)) | (Some(_), Some(">")) => return true,
            (Some(a), Some(b)) if a == "*" || b == "*" || a == b => {}
            _ => return false,
        }
    }
}

/// How the messages of a topic of the load are routed: what is meant for whom is known when they are published.
#[derive(Clone, Debug)]
pub struct Routes {
    /// How its exchange routes.
    pub kind: ExchangeKind,
    /// Whose queue is bound with which key; none is a queue that nobody reads.
    pub bindings: Vec<(Option<SubscriptionId>, String)>,
}

impl Routes {
    /// Whether a message goes to this subscription's queue.
    pub(crate) fn reach(&self, m: MessageRef, s: SubscriptionId, shared: &Shared) -> bool {
        let key = shared.routing_key(m).and_then(|key| shared.names.key(key)).unwrap_or_default();
        self.kind.choose(&self.bindings, &key).contains(&Some(s))
    }
}

impl Broker {
    /// The queues to which an exchange routes a message with this key, in order.
    #[cold]
    pub(super) fn routed(&self, exchange: usize, key: Option<KeyId>, out: &mut Out<'_>) -> Vec<usize> {
        let exchange = &self.exchanges[exchange];
        if exchange.kind.gives_all() {
            return exchange.queues.clone();
        }
        let key = key.and_then(|key| out.shared().names.key(key)).unwrap_or_default();
        let chosen = exchange.kind.choose(&exchange.keys, &key);
        exchange.queues.iter().copied().filter(|queue| chosen.contains(queue)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(kind: ExchangeKind, binding: &str, key: &str) -> bool {
        !kind.choose(&[((), binding.to_string())], key).is_empty()
    }

    #[test]
    fn topics_fit_as_in_the_tutorial_and_the_source() {
        for (binding, key, expected) in [
            ("*.orange.*", "quick.orange.rabbit", true),
            ("*.*.rabbit", "quick.orange.rabbit", true),
            ("lazy.#", "quick.orange.rabbit", false),
            ("*.orange.*", "lazy.orange.elephant", true),
            ("lazy.#", "lazy.orange.elephant", true),
            ("*.orange.*", "quick.orange.fox", true),
            ("lazy.#", "quick.orange.fox", false),
            ("lazy.#", "lazy.brown.fox", true),
            ("*.orange.*", "quick.brown.fox", false),
            ("*.orange.*", "orange", false),
            ("*.orange.*", "quick.orange.new.rabbit", false),
            ("lazy.#", "lazy.orange.new.rabbit", true),
            ("lazy.#", "lazy", true),
            ("#", "", true),
            ("#", "a.b", true),
            ("*", "", false),
            ("", "", true),
            ("", "a", false),
            ("#.b", "b", true),
            ("#.b", "a.b.c.b", true),
            ("#.b", "a.b.c", false),
            ("a.#.b.*", "a.b.b.c", true),
            ("a.*.b", "a..b", true),
            ("*.*", "a.", true),
            ("#.#", "", true),
        ] {
            assert_eq!(fits(ExchangeKind::Topic, binding, key), expected, "{binding} {key}");
        }
    }

    #[test]
    fn subjects_fit_as_the_documentation_says() {
        // Subject-Based Messaging: "Wildcards".
        for (pattern, subject, expected) in [
            ("time.us.east", "time.us.east", true),
            ("time.*.east", "time.us.east", true),
            ("time.*.east", "time.us.east.atlanta", false),
            ("time.us.*", "time.us", false),
            ("time.us.>", "time.us.east.atlanta", true),
            ("time.us.>", "time.us", false),
            (">", "time", true),
            ("*", "time", true),
            ("*", "time.us", false),
            ("time", "times", false),
            ("", "time.us", true),
        ] {
            assert_eq!(subject_fits(pattern, subject), expected, "{pattern} {subject}");
        }
    }

    #[test]
    fn patterns_overlap_where_some_subject_fits_both() {
        for (one, other, expected) in [
            ("a.*", "*.b", true),
            ("a.*", "a.b", true),
            ("a.*.c", "*.b", false),
            ("a.>", "*.b", true),
            ("a.>", "a", false),
            ("a.>", "b.>", false),
            (">", "*", true),
            ("", "a", true),
        ] {
            assert_eq!(subjects_overlap(one, other), expected, "{one} {other}");
            assert_eq!(subjects_overlap(other, one), expected, "{other} {one}");
        }
    }

    #[test]
    fn a_direct_exchange_wants_the_very_key() {
        assert!(fits(ExchangeKind::Direct, "a.*", "a.*") && !fits(ExchangeKind::Direct, "a.*", "a.b"));
    }

    /// How many of 10,000 keys each queue gets, by its weight.
    fn shares(weights: &[&str]) -> (Vec<usize>, Vec<usize>) {
        let bindings: Vec<(usize, String)> =
            weights.iter().enumerate().map(|(queue, weight)| (queue, weight.to_string())).collect();
        let kind = ExchangeKind::ConsistentHash;
        let owners: Vec<usize> =
            (0..10_000).flat_map(|i| kind.choose(&bindings, &format!("order-{i}"))).collect();
        let shares = (0..weights.len()).map(|queue| owners.iter().filter(|owner| **owner == queue).count());
        (shares.collect(), owners)
    }

    #[test]
    fn a_consistent_hash_gives_each_queue_its_weight_of_the_keys() {
        let (shares, owners) = shares(&["1", "1", "2"]);
        assert_eq!(owners.len(), 10_000, "each key has one queue");
        // A binomial's standard deviation is 43 for a quarter, 50 for a half.
        assert!(shares[0].abs_diff(2_500) < 175 && shares[2].abs_diff(5_000) < 200, "{shares:?}");
    }

    #[test]
    fn one_queue_more_takes_its_share_and_moves_no_other_key() {
        let ((_, before), (_, after)) = (shares(&["1", "1", "1"]), shares(&["1", "1", "1", "1"]));
        let moved: Vec<usize> = before.iter().zip(&after).filter(|(a, b)| a != b).map(|(_, b)| *b).collect();
        assert!(moved.iter().all(|owner| *owner == 3), "what moves goes to the new one");
        assert!(moved.len().abs_diff(2_500) < 175, "{}", moved.len());
    }

    #[test]
    fn without_a_bucket_a_key_goes_nowhere() {
        assert_eq!(shares(&[]).1, []);
        assert_eq!(shares(&["0"]).1, []);
    }

    /// From the paper's code.
    #[test]
    fn the_hash_is_the_papers() {
        let expected = [(0, 1, 0), (0, 100, 0), (1, 100, 55), (10_863_919_174_838_991, 11, 6)];
        for (key, buckets, bucket) in expected {
            assert_eq!(jump_consistent_hash(key, buckets), Some(bucket), "{key}");
        }
    }
}
