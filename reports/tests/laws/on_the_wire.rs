//! What a link draws for a packet depends on the link, the message and the attempt, and on nothing else.
//!
//! Messages are so few that no packet waits for another of its connection: each is on its way for as long as its own luck
//! says, also if it was lost and sent again. Two runs differ in what may not count: how much a link has carried before,
//! when a packet is sent, how many other messages there are.

use crate::common::{design, plan};
use crate::facts;
use redeliver_models::checks::{Event, Recorded};
use redeliver_models::{Fact, Setup};
use redeliver_sim::Time;
use std::collections::BTreeMap;

/// What a packet says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    Publish,
    Confirm,
    Deliver,
    Ack,
}

/// A packet's kind, the number of its message, and the attempt.
type Packet = (Kind, u32, u16);

/// For how many nanoseconds each packet was on its way; none if it was lost for good.
type Passages = BTreeMap<Packet, Option<u64>>;

/// Faults, and the kind of packets that each of them delays by itself.
const FAULTS: [(&str, Option<Kind>); 5] = [
    // More bytes go to the broker.
    (r#"Drop(packet: Confirm, times: 7)"#, None),
    // More bytes go to the consumer and come back, and acks come later.
    (r#"FailingHandler(chance: "30%", times: 2)"#, None),
    (r#"SlowHandler(chance: "40%", work: "30ms")"#, None),
    // All that follows a publish comes later.
    (r#"Slow(by: "7ms", from: "p", at: "0s")"#, Some(Kind::Publish)),
    // More messages are open: those that nobody reads.
    (r#"Crash(node: "d/1", at: "10s", restart_after: "100s")"#, None),
];

/// A constant latency and an exponential jitter: what most links have.
const PLAIN: &str = r#"latency: "1ms", jitter: "exp(5ms)""#;
/// The same, and losses.
const LOSSY: &str = r#"latency: "1ms", jitter: "exp(5ms)", loss: "10%""#;
/// Any other.
const OTHER: &str = r#"latency: "exp(5ms)", jitter: "exp(1ms)", loss: "10%""#;

const QUEUE: &str = "Queue(durable: false)";
const DATAGRAMS: &str = r#"Queue(durable: false, transport: Datagrams, redeliver_after: "1s")"#;
const MOSQUITTO: &str = r#"Mosquitto(version: "2.0.11")"#;

/// Networks and designs. Consumers that ask for messages are here without losses only: a question that is sent again
/// would hold up what is behind it.
const CASES: [(&str, &str); 14] = [
    (PLAIN, QUEUE),
    (LOSSY, QUEUE),
    (OTHER, QUEUE),
    (PLAIN, DATAGRAMS),
    (LOSSY, DATAGRAMS),
    (OTHER, DATAGRAMS),
    (PLAIN, MOSQUITTO),
    (LOSSY, MOSQUITTO),
    (OTHER, MOSQUITTO),
    (PLAIN, r#"RabbitMQ(version: "4.0.5", clients: {"p/*": (config: {"delivery_mode": 1})})"#),
    (PLAIN, r#"Nats(version: "2.9.10")"#),
    (PLAIN, r#"Redis(version: "7.0.15")"#),
    (PLAIN, "Sqs()"),
    (PLAIN, "Log()"),
];

/// The source whose messages are looked at: `p`.
const P: u32 = 0;

/// A message of `p` every 7.3 s, so that none is sent when an unconfirmed one is sent again, and of `q`, which shares
/// nothing with it but the broker.
fn scenario(network: &str, settings: &str, faults: &[&str]) -> String {
    format!(
        r#"(
    format: 1,
    title: "Few messages",
    run: (duration: "400s", drain: "60s"),
    producers: {{
        "p": (publish: "t", schedule: Every("7.3s"), count: 50),
        "q": (publish: "u", start: "3s", schedule: Every("7.3s"), count: 50),
    }},
    consumers: {{"c": (read: "t", work: "1ms"), "d": (read: "u", work: "1ms")}},
    network: ({network}),
    faults: [{}],
    designs: {{"design": {settings}}},
)"#,
        faults.join(", ")
    )
}

/// What is on its way, and what has been.
#[derive(Default)]
struct Wire {
    sent: BTreeMap<(Kind, u32), (Time, u16)>,
    passages: Passages,
}

impl Wire {
    fn leaves(&mut self, kind: Kind, number: u32, attempt: u16, entry: &Recorded) {
        self.sent.insert((kind, number), (entry.at, attempt));
    }

    /// In which attempt it came; none if nobody had sent it.
    fn comes(&mut self, kind: Kind, number: u32, entry: &Recorded) -> Option<u16> {
        let (at, attempt) = self.sent.remove(&(kind, number))?;
        self.passages.insert((kind, number, attempt), Some(entry.at.since(at).0));
        Some(attempt)
    }

    /// The network has lost it for good, where it was sent.
    fn is_lost(&mut self, kind: Kind, number: u32) {
        if let Some((_, attempt)) = self.sent.remove(&(kind, number)) {
            self.passages.insert((kind, number, attempt), None);
        }
    }
}

/// What became of each packet about a message of `p`.
fn passages(setup: &Setup) -> Passages {
    let mut wire = Wire::default();
    for entry in facts(setup) {
        let Event::Fact(fact, Some((P, number, _))) = entry.event else { continue };
        match fact {
            Fact::Published { .. } => wire.leaves(Kind::Publish, number, 1, &entry),
            Fact::Resent { attempt, .. } => wire.leaves(Kind::Publish, number, attempt, &entry),
            Fact::Stored { .. } | Fact::Appended { .. } => {
                if let Some(attempt) = wire.comes(Kind::Publish, number, &entry) {
                    wire.leaves(Kind::Confirm, number, attempt, &entry);
                }
            }
            Fact::Confirmed { .. } => drop(wire.comes(Kind::Confirm, number, &entry)),
            Fact::Dispatched { attempt, .. } => wire.leaves(Kind::Deliver, number, attempt, &entry),
            Fact::DeliveryDropped { .. } => wire.is_lost(Kind::Deliver, number),
            Fact::Delivered { .. } => drop(wire.comes(Kind::Deliver, number, &entry)),
            Fact::Processed { attempt, .. } => wire.leaves(Kind::Ack, number, attempt, &entry),
            Fact::AckDropped { .. } => wire.is_lost(Kind::Ack, number),
            Fact::Acked { .. } => drop(wire.comes(Kind::Ack, number, &entry)),
            _ => {}
        }
    }
    wire.passages
}

/// What became of each packet in two runs that both sent it.
fn in_both<'a>(one: &'a Passages, other: &'a Passages) -> Vec<(Packet, [&'a Option<u64>; 2])> {
    one.iter().filter_map(|(packet, passage)| Some((*packet, [passage, other.get(packet)?]))).collect()
}

#[test]
fn what_the_wire_does_with_a_packet_is_its_own_luck() {
    for (network, settings) in CASES {
        let run = |faults: &[&str]| {
            let plan = plan(&scenario(network, settings, faults), 42);
            passages(&design(&plan, "design").setup)
        };
        let faults = FAULTS.map(|(fault, _)| fault);
        let whole = run(&faults);
        for (n, (fault, delayed)) in FAULTS.into_iter().enumerate() {
            let rest = run(&[&faults[..n], &faults[n + 1..]].concat());
            let both = in_both(&whole, &rest);
            assert!(both.len() > 170, "{settings}, {network}: {} packets without {fault}", both.len());
            // What acknowledges the records of a log is about none of them.
            let own = |kind| Some(kind) == delayed || settings == "Log()" && kind == Kind::Ack;
            for (packet, [before, after]) in both.iter().filter(|(packet, _)| !own(packet.0)) {
                assert_eq!(before, after, "{settings}, {network}: {packet:?} without {fault}");
            }
        }
    }
}
