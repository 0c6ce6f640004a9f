//! Each message goes where its routing key says: random exchanges against the rules written down once more, as simply
//! as they can be.

mod common;

use common::run;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, RngSeed, TestRunner};

const KEYS: [&str; 6] = ["a", "b", "a.b", "b.a", "a.b.c", "a.b.b.c"];
const PATTERNS: [&str; 10] = ["a", "a.b", "*", "#", "a.*", "*.b", "#.c", "a.#.b.*", "*.*.*", "b.#"];
const MESSAGES: usize = 24;

fn fits(pattern: &[&str], key: &[&str]) -> bool {
    match (pattern, key) {
        ([], []) => true,
        (["#", others @ ..], _) => fits(others, key) || (!key.is_empty() && fits(pattern, &key[1..])),
        ([word, patterns @ ..], [first, words @ ..]) => {
            (*word == "*" || word == first) && fits(patterns, words)
        }
        _ => false,
    }
}

fn words(key: &str) -> Vec<&str> {
    key.split('.').collect()
}

fn scenario(kind: &str, keys: &[&str], bindings: [&[&str]; 2], fault: &str) -> String {
    let [c, d] = bindings;
    format!(
        "(
    format: 1,
    title: \"A random exchange\",
    producers: {{\"p\": (publish: \"x\", schedule: Every(\"10ms\"), count: {MESSAGES}, key: Cycle({keys:?}))}},
    consumers: {{\"c\": (read: \"c\", work: \"7ms\"), \"d\": (read: \"d\", members: 2, work: \"15ms\")}},
    faults: [{fault}],
    designs: {{
        \"first\": RabbitMQ(
            version: \"4.0.5\",
            exchanges: {{\"x\": (type: \"{kind}\", bindings: {{\"c\": {c:?}, \"d\": {d:?}}})}},
            queues: {{\"c\": {{}}, \"d\": {{\"x-queue-type\": \"quorum\"}}}},
        ),
    }},
)"
    )
}

/// How many messages `c` and `d` have processed: as many as were meant for them, all is durable and confirmed.
fn processed(text: &str) -> [usize; 2] {
    let result = run(text, 1);
    let consumers = &result["designs"]["first"]["consumers"];
    ["c", "d"].map(|name| {
        let [addressed, processed] =
            ["addressed", "processed"].map(|figure| consumers[name][figure].as_u64().expect("a figure"));
        assert_eq!(addressed, processed, "{name}\n{text}");
        processed as usize
    })
}

fn check<T: std::fmt::Debug>(cases: impl Strategy<Value = T>, law: impl Fn(T)) {
    let config =
        Config { cases: 150, rng_seed: RngSeed::Fixed(11), failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&cases, |case| {
            law(case);
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

fn faults() -> impl Strategy<Value = &'static str> {
    select(vec![
        "",
        "Crash(node: \"n1\", at: \"95ms\", restart_after: \"40ms\")",
        "Crash(node: \"d/1\", at: \"50ms\", restart_after: \"20ms\")",
    ])
}

#[test]
fn direct_and_topic_exchanges_route_by_their_rules() {
    let some = || subsequence(PATTERNS.to_vec(), 0..5);
    let keys = subsequence(KEYS.to_vec(), 1..=KEYS.len());
    check((select(vec!["direct", "topic"]), keys, some(), some(), faults()), |(kind, keys, c, d, fault)| {
        let text = scenario(kind, &keys, [&c, &d], fault);
        let meant = |bindings: &[&str]| {
            let is_meant = |key: &&str| {
                bindings.iter().any(|pattern| match kind {
                    "direct" => pattern == key,
                    _ => fits(&words(pattern), &words(key)),
                })
            };
            keys.iter().cycle().take(MESSAGES).filter(|key| is_meant(key)).count()
        };
        assert_eq!(processed(&text), [meant(&c), meant(&d)], "{text}");
    });
}

#[test]
fn a_consistent_hash_gives_each_message_to_one_queue_and_each_key_always_to_the_same() {
    let weights = || select(vec!["1", "3", "20"]);
    check((select(KEYS.to_vec()), weights(), weights(), faults()), |(key, c, d, fault)| {
        let all = scenario("x-consistent-hash", &KEYS, [&[c], &[d]], fault);
        assert_eq!(processed(&all).iter().sum::<usize>(), MESSAGES, "{all}");
        let one = scenario("x-consistent-hash", &[key], [&[c], &[d]], fault);
        assert!([[MESSAGES, 0], [0, MESSAGES]].contains(&processed(&one)), "{one}");
    });
}
