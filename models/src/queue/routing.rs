//! Which of the queues that are bound to an exchange get a message: by its routing key and the keys of the bindings.
//!
//! Models RabbitMQ's fanout, direct and topic exchanges (AMQP 0-9-1; "Topics" of its tutorials;
//! `rabbit_exchange_type_topic`). What a publisher of a load sends is routed by its key, unless it is told a routing
//! key. Left out: headers exchanges, alternate exchanges, bindings between exchanges.

use super::broker::Broker;
use crate::domain::Out;
use crate::message::{KeyId, MessageRef, SubscriptionId};
use crate::shared::Shared;

/// How an exchange routes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExchangeKind {
    /// To all queues.
    Fanout,
    /// To those whose binding key is the message's routing key.
    Direct,
    /// To those whose binding key, a pattern of words, fits it: `*` stands for one word, `#` for any number of them.
    Topic,
}

impl ExchangeKind {
    /// Whether a message with this routing key goes where this key binds.
    pub fn fits(self, binding: &str, key: &str) -> bool {
        match self {
            ExchangeKind::Fanout => true,
            ExchangeKind::Direct => binding == key,
            ExchangeKind::Topic => fits_words(&words(binding), &words(key)),
        }
    }
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

/// How the messages of a topic of the load are routed: what is meant for whom is known when they are published.
#[derive(Clone, Debug)]
pub struct Routes {
    /// How its exchange routes.
    pub kind: ExchangeKind,
    /// Whose queue is bound with which key.
    pub bindings: Vec<(SubscriptionId, String)>,
}

impl Routes {
    /// Whether a message goes to this subscription's queue.
    pub(crate) fn reach(&self, m: MessageRef, s: SubscriptionId, shared: &Shared) -> bool {
        let key = shared.routing_key(m).and_then(|key| shared.names.key(key)).unwrap_or_default();
        self.bindings.iter().any(|(bound, binding)| *bound == s && self.kind.fits(binding, &key))
    }
}

impl Broker {
    /// The queues to which an exchange routes a message with this key, in order.
    #[cold]
    pub(super) fn routed(&self, exchange: usize, key: Option<KeyId>, out: &mut Out<'_>) -> Vec<usize> {
        let exchange = &self.exchanges[exchange];
        if exchange.kind == ExchangeKind::Fanout {
            return exchange.queues.clone();
        }
        let key = key.and_then(|key| out.shared().names.key(key)).unwrap_or_default();
        let fits = |queue: &usize| {
            let mut bindings = exchange.keys.iter().filter(|(bound, _)| bound == queue);
            bindings.any(|(_, binding)| exchange.kind.fits(binding, &key))
        };
        exchange.queues.iter().copied().filter(fits).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_fit_as_in_the_tutorial_and_the_source() {
        let kind = ExchangeKind::Topic;
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
            assert_eq!(kind.fits(binding, key), expected, "{binding} {key}");
        }
    }

    #[test]
    fn a_direct_exchange_wants_the_very_key() {
        assert!(ExchangeKind::Direct.fits("a.*", "a.*") && !ExchangeKind::Direct.fits("a.*", "a.b"));
    }
}
