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
use crate::shared::{Names, Shared};
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
    /// To all who are there; the publisher is told how many. Redis: a channel.
    Channel,
    /// To sessions whose filters fit its name. MQTT: a topic.
    Sessions,
}

impl ExchangeKind {
    /// Whether it gives all to all, whatever their keys.
    pub fn gives_all(self) -> bool {
        matches!(
            self,
            ExchangeKind::Fanout | ExchangeKind::Stream(_) | ExchangeKind::Channel | ExchangeKind::Sessions
        )
    }

    /// Those of the bindings, each with its key, that a message with this routing key takes.
    fn choose<T: Copy>(self, bindings: &[(T, String)], key: &str) -> impl Iterator<Item = T> {
        let hashed = (self == ExchangeKind::ConsistentHash).then(|| choose_by_hash(bindings, key)).flatten();
        let fits = move |binding: &str| match self {
            _ if self.gives_all() => true,
            ExchangeKind::Direct => binding == key,
            ExchangeKind::Topic => fits_words(words(binding), words(key)),
            _ => false,
        };
        bindings.iter().filter(move |(_, binding)| fits(binding)).map(|(bound, _)| *bound).chain(hashed)
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
fn words(key: &str) -> impl Iterator<Item = &str> + Clone {
    key.split('.').filter(move |_| !key.is_empty())
}

fn fits_words<'a>(
    mut pattern: impl Iterator<Item = &'a str> + Clone,
    mut key: impl Iterator<Item = &'a str> + Clone,
) -> bool {
    // What follows the last `#`, and what it does not reach.
    let mut any = None;
    loop {
        let (before, word) = (key.clone(), key.next());
        match (pattern.next(), word) {
            (Some("#"), _) => {
                key = before.clone();
                any = Some((pattern.clone(), before));
            }
            (None, None) => return true,
            (Some(wanted), Some(word)) if wanted == "*" || wanted == word => {}
            (_, None) => return false,
            (_, Some(_)) => match &mut any {
                None => return false,
                Some((behind, reach)) => {
                    reach.next();
                    (pattern, key) = (behind.clone(), reach.clone());
                }
            },
        }
    }
}

/// Whether a subject of NATS fits a pattern: words between dots, `*` stands for one, a `>` at the end for one or more. An
/// empty pattern is everything.
pub fn subject_fits(pattern: &str, subject: &str) -> bool {
    if pattern.is_empty() {
        return true;
    }
    let (mut pattern, mut subject) = (words(pattern), words(subject));
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
    if one.is_empty() || other.is_empty() {
        return true;
    }
    let (mut one, mut other) = (words(one), words(other));
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
        let key = RoutingKey::of(shared.routing_key(m), &shared.names);
        self.kind.choose(&self.bindings, key.text(&shared.names)).any(|bound| bound == Some(s))
    }
}

impl Broker {
    /// The queues to which an exchange routes a message with this key, in order.
    #[cold]
    pub(super) fn routed(&self, exchange: usize, key: Option<KeyId>, out: &mut Out<'_>) -> Vec<usize> {
        let mut queues = Vec::new();
        self.route_into(exchange, key, &mut queues, out);
        queues
    }

    /// The same, into a list that is empty.
    #[cold]
    pub(super) fn route_into(
        &self,
        exchange: usize,
        key: Option<KeyId>,
        queues: &mut Vec<usize>,
        out: &mut Out<'_>,
    ) {
        let exchange = &self.exchanges[exchange];
        if exchange.kind.gives_all() {
            return queues.extend(&exchange.queues);
        }
        let names = &out.shared().names;
        let key = RoutingKey::of(key, names);
        queues.extend(exchange.kind.choose(&exchange.keys, key.text(names)));
        // A queue may not be there yet, and several bindings may be one queue's.
        queues.retain(|queue| exchange.queues.contains(queue));
        queues.sort_unstable_by_key(|queue| exchange.queues.iter().position(|bound| bound == queue));
        queues.dedup();
    }
}

/// The text of a routing key, wherever it is.
struct RoutingKey {
    named: Option<KeyId>,
    number: [u8; 10],
    from: usize,
}

impl RoutingKey {
    fn of(key: Option<KeyId>, names: &Names) -> Self {
        let mut number = [0; 10];
        let mut from = number.len();
        if let Some(mut rest) = key.and_then(|key| names.number_of(key)) {
            loop {
                from -= 1;
                number[from] = b'0' + (rest % 10) as u8;
                rest /= 10;
                if rest == 0 {
                    break;
                }
            }
        }
        RoutingKey { named: key, number, from }
    }

    /// It is empty if there is none.
    fn text<'a>(&'a self, names: &'a Names) -> &'a str {
        let named = self.named.and_then(|key| names.named(key));
        named.or(std::str::from_utf8(&self.number[self.from..]).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(kind: ExchangeKind, binding: &str, key: &str) -> bool {
        kind.choose(&[((), binding.to_string())], key).count() > 0
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
            (0..10_000).flat_map(|i| kind.choose(&bindings, &format!("order-{i}")).last()).collect();
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
