//! Small random scenarios, as texts: one that fails shrinks to a file that can be run.

use super::designs::{cluster, designs, mosquitto, nats, queue, rabbitmq, redis, sqs};
use proptest::prelude::*;
use proptest::sample::select;
use std::fmt;

/// A scenario. The first design is always a queue broker, so that faults that name one have a target.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) producers: Vec<Producer>,
    pub(crate) consumers: Vec<Consumer>,
    pub(crate) network: Network,
    pub(crate) memory: &'static str,
    pub(crate) drain: &'static str,
    pub(crate) faults: Vec<String>,
    pub(crate) designs: Vec<Vec<String>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Producer {
    pub(crate) schedule: &'static str,
    pub(crate) key: &'static str,
    pub(crate) size: &'static str,
    pub(crate) count: u32,
    pub(crate) state_change: &'static str,
}

#[derive(Clone, Debug)]
pub(crate) struct Consumer {
    pub(crate) members: u32,
    pub(crate) work: &'static str,
    pub(crate) on_failure: &'static str,
    pub(crate) deduplicate: &'static str,
    pub(crate) commit: &'static str,
}

#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) latency: &'static str,
    pub(crate) jitter: &'static str,
    pub(crate) loss: &'static str,
    pub(crate) duplication: &'static str,
}

impl Case {
    pub(crate) fn text(&self) -> String {
        self.written(false)
    }

    /// The same scenario with the entries of all maps in another order.
    pub(crate) fn permuted(&self) -> String {
        self.written(true)
    }

    /// The same scenario without its n-th fault.
    pub(crate) fn without_fault(&self, n: usize) -> Case {
        let mut case = self.clone();
        case.faults.remove(n);
        case
    }

    /// The same scenario with nothing in it that the first design does not know.
    pub(crate) fn fit_for_the_first(&self) -> Case {
        let mut case = self.clone();
        let first = &self.designs[..1];
        case.network.duplication = duplication(self.network.duplication, first);
        case.memory = memory(self.memory, first);
        case.faults.retain(|fault| is_carried(fault, first));
        case
    }

    /// Whether packets may get lost or come twice.
    pub(crate) fn is_rough(&self) -> bool {
        self.network.loss != "0%" || duplication(self.network.duplication, &self.designs) != "0%"
    }

    /// Names of the designs, in the order of the file.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        ["first", "second"].into_iter().zip(self.designs.iter().map(Vec::as_slice))
    }

    /// Whether some text of the file has this in it.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    fn written(&self, backwards: bool) -> String {
        let producers = self.producers.iter().zip(["p", "q"]).map(|(producer, name)| {
            let Producer { schedule, key, size, count, state_change } = producer;
            let members = if name == "p" { 1 } else { 2 };
            format!(
                "\"{name}\": (publish: \"t\", members: {members}, schedule: {schedule}, count: {count}, \
                 size: \"{size}\", state_change: {state_change}, {key})"
            )
        });
        let consumers = self.consumers.iter().zip(["c", "d"]).map(|(consumer, name)| {
            let Consumer { members, work, on_failure, deduplicate, commit } = consumer;
            format!(
                "\"{name}\": (read: \"t\", members: {members}, work: \"{work}\", on_failure: {on_failure}, \
                 deduplicate: {deduplicate}, database: (commit: \"{commit}\"))"
            )
        });
        let designs = self.names().map(|(name, settings)| {
            let (kind, settings) = settings.split_first().expect("a design begins with its kind");
            format!("\"{name}\": {kind}({})", settings.join(", "))
        });
        let map = |entries: &mut dyn Iterator<Item = String>| {
            let mut entries: Vec<String> = entries.collect();
            if backwards {
                entries.reverse();
            }
            let entries: Vec<String> =
                entries.into_iter().map(|entry| format!("        {entry},\n")).collect();
            format!("{{\n{}    }}", entries.concat())
        };
        let Network { latency, jitter, loss, .. } = self.network;
        let duplication = duplication(self.network.duplication, &self.designs);
        let memory = match memory(self.memory, &self.designs) {
            "" => String::new(),
            memory => format!("\"brokers\": (memory: \"{memory}\")"),
        };
        let faults: Vec<String> = self.faults.iter().map(|fault| format!("        {fault},\n")).collect();
        format!(
            "(
    format: 1,
    title: \"A random scenario\",
    seed: {},
    run: (duration: \"2s\", drain: \"{}\", keep: 1000),
    producers: {},
    consumers: {},
    network: (latency: \"{latency}\", jitter: \"{jitter}\", loss: \"{loss}\", duplication: \"{duplication}\"),
    nodes: {{{memory}}},
    faults: [\n{}    ],
    designs: {},
)",
            self.seed,
            self.drain,
            map(&mut producers.into_iter()),
            map(&mut consumers.into_iter()),
            faults.concat(),
            map(&mut designs.into_iter()),
        )
    }
}

/// What a failing test prints.
impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// What may be drawn.
#[derive(Clone, Copy)]
pub(crate) struct Range {
    /// At most so many faults.
    pub(crate) faults: usize,
    /// Jitter, loss and duplication on the network.
    pub(crate) rough: bool,
    /// Time to live, limits, retention: settings under which a design may drop what it could keep.
    pub(crate) limits: bool,
    /// Producers may crash.
    pub(crate) producers_crash: bool,
}

/// Everything.
pub(crate) const ALL: Range = Range { faults: 4, rough: true, limits: true, producers_crash: true };

/// Random scenarios.
pub(crate) fn cases(range: Range) -> impl Strategy<Value = Case> {
    let rough =
        |choices: &[&'static str]| select(if range.rough { choices.to_vec() } else { choices[..1].to_vec() });
    let network = (
        select(vec!["1ms", "0.5ms", "10ms"]),
        rough(&["0s", "exp(1ms)", "exp(10ms)"]),
        rough(&["0%", "2%", "20%"]),
        rough(&["0%", "5%"]),
    );
    let network = network.prop_map(|(latency, jitter, loss, duplication)| Network {
        latency,
        jitter,
        loss,
        duplication,
    });
    (
        1..1_000u64,
        prop::collection::vec(producers(), 1..=2),
        prop::collection::vec(consumers(range.limits), 1..=2),
        network,
        select(vec!["4 GiB", "20 kB"]),
        prop::collection::vec(faults(range.producers_crash), 0..=range.faults),
        (
            prop_oneof![
                3 => queue(range.limits).boxed(),
                2 => rabbitmq(range.limits).boxed(),
                2 => nats(range.limits).boxed(),
                2 => sqs(range.limits),
                2 => redis(range.limits).boxed(),
                2 => mosquitto(range.limits)
            ],
            prop::option::of(designs(range.limits)),
        ),
    )
        .prop_map(
            |(seed, mut producers, mut consumers, network, memory, mut faults, (first, second))| {
                faults.retain(|fault| applies(fault, &first));
                let mut designs: Vec<Vec<String>> = [Some(first), second].into_iter().flatten().collect();
                // A work queue has one reader.
                for setting in designs.iter_mut().flatten().filter(|_| consumers.len() > 1) {
                    *setting = setting.replace("workqueue", "interest");
                }
                // What queues without checksums do with a damaged record is not modelled.
                let unguarded = designs.iter().flatten();
                let versions = ["3.10.8", "7.0.15", "2.0.11"];
                let unguarded =
                    unguarded.into_iter().any(|text| versions.iter().any(|version| text.contains(version)));
                faults.retain(|fault| !unguarded || !fault.contains("CorruptRecord"));
                if designs.iter().flatten().any(|setting| setting == "ack: TwoPhaseCommit") {
                    consumers.iter_mut().for_each(|consumer| consumer.deduplicate = "Nothing");
                }
                // A message of SQS is in one queue, and those of a FIFO queue are of a group.
                if designs.iter().any(|settings| settings[0] == "Sqs") {
                    consumers.truncate(1);
                }
                if designs.iter().flatten().any(|setting| setting.contains("FifoQueue")) {
                    let nameless = producers.iter_mut().filter(|producer| producer.key.is_empty());
                    nameless.for_each(|producer| producer.key = "key: Const(\"k\")");
                }
                faults.retain(|fault| is_carried(fault, &designs));
                let direct = |setting: &String| setting == "Udp" || setting == "Webhook";
                if designs.iter().flatten().any(direct) {
                    producers.iter_mut().for_each(|producer| producer.state_change = "Nothing");
                }
                Case { seed, producers, consumers, network, memory, drain: "4s", faults, designs }
            },
        )
}

/// The chance that a datagram comes twice, where some design sends datagrams: else it would be refused.
fn duplication(said: &'static str, designs: &[Vec<String>]) -> &'static str {
    if designs.iter().any(|design| sends_datagrams(design)) { said } else { "0%" }
}

/// The memory of a broker, where some design goes by it: else it would be refused.
fn memory(said: &'static str, designs: &[Vec<String>]) -> &'static str {
    let goes_by_it = |design: &Vec<String>| design[0] == "Queue" || design[0] == "RabbitMQ";
    if designs.iter().any(goes_by_it) { said } else { "" }
}

fn sends_datagrams(design: &[String]) -> bool {
    design[0] == "Udp" || design.iter().any(|setting| setting.contains("Datagrams"))
}

/// Whether packets of some design are of the kind that the fault meets: else it would be refused.
fn is_carried(fault: &str, designs: &[Vec<String>]) -> bool {
    let any = |datagrams: bool| designs.iter().any(|design| sends_datagrams(design) == datagrams);
    (!fault.starts_with("Duplicate(") || any(true)) && (!fault.starts_with("Reset(") || any(false))
}

/// Whether a queue so set sends what the fault takes out, or notes what it waits for: else it would be refused.
fn applies(fault: &str, queue: &[String]) -> bool {
    let is =
        |setting: &str| queue.iter().any(|found| found == setting || found.contains(&format!("{setting}, ")));
    let prepares = is("ack: TwoPhaseCommit");
    if !prepares && (fault.contains("Prepared()") || fault.contains("Decided()")) {
        return false;
    }
    !(is("confirms: false") && (fault.contains("packet: Confirm") || fault.contains("Confirmed()"))
        || (is("ack: Auto") || is("ack: TwoPhaseCommit")) && fault.contains("packet: Ack"))
}

fn producers() -> impl Strategy<Value = Producer> {
    let schedules = vec![
        "Every(\"10ms\")",
        "Every(\"40ms\")",
        "Poisson(\"100/s\")",
        "Rate(\"50 kB/s\")",
        "At([\"0s\", \"0s\", \"0s\", \"1ms\", \"100ms\"])",
        "OnOff(on: \"exp(50ms)\", off: \"uniform(0s, 200ms)\", rate: \"300/s\")",
        "Think(\"exp(20ms)\")",
    ];
    let keys = vec!["", "key: Const(\"k\")", "key: Cycle([\"a\", \"b\"])", "key: Uniform(5)"];
    let sizes = vec!["1 kB", "0 B", "uniform(1 B, 2 kB)"];
    let states = vec!["Nothing", "Nothing", "CommitFirst", "PublishFirst", "Outbox", "Outbox"];
    let all = (select(schedules), select(keys), select(sizes), 3..60u32, select(states));
    all.prop_map(|(schedule, key, size, count, state_change)| {
        let size = if schedule.starts_with("Rate") && size == "0 B" { "1 kB" } else { size };
        let count = if schedule.starts_with("At") { 5 } else { count };
        let state_change = if schedule.starts_with("Think") { "Nothing" } else { state_change };
        Producer { schedule, key, size, count, state_change }
    })
}

fn consumers(limits: bool) -> impl Strategy<Value = Consumer> {
    let work = vec!["0ms", "5ms", "30ms", "exp(10ms)"];
    let failures = vec!["Requeue", "Drop", "DeadLetter", "RetryInPlace(\"50ms\")"];
    let kept =
        ["Nothing", "Nothing", "InProcess(last: 2)", "InProcess(last: 1000)", "InDatabase(last: 1000)"];
    let more = ["InProcess(window: \"50ms\")", "InDatabase(last: 5, window: \"1s\")"];
    // Short ids collide: what is new is taken for known.
    let short = if limits { &["InDatabase(last: 1000, id_bits: 5)"][..] } else { &[] };
    let deduplicate = select([&kept[..], &more, short].concat());
    let commit = select(vec!["0ms", "0ms", "2ms"]);
    (1..=3u32, select(work), select(failures), deduplicate, commit).prop_map(
        |(members, work, on_failure, deduplicate, commit)| Consumer {
            members,
            work,
            on_failure,
            deduplicate,
            commit,
        },
    )
}

fn faults(producers_crash: bool) -> impl Strategy<Value = String> {
    let mut nodes = vec!["\"brokers\"", "\"consumers\"", "\"c/1\""];
    let mut facts = vec![
        "Stored()",
        "Delivered()",
        "Processed()",
        "Acked()",
        "Delivered(message: \"p#2\")",
        "Prepared()",
        "Decided()",
    ];
    if producers_crash {
        nodes.push("\"producers\"");
        facts.extend(["Published()", "Confirmed()", "Published(message: \"p#3\")"]);
    }
    // Without a broker it is the producer that notes what became of its message.
    let victims = nodes.iter().copied().chain(producers_crash.then_some("Receiver")).collect::<Vec<_>>();
    let nodes = move || select(nodes.clone());
    let times = || select(vec!["5ms", "50ms", "300ms", "1s"]);
    let restart = || select(vec!["", ", restart_after: \"10ms\"", ", restart_after: \"500ms\""]);
    let crash = || select(vec!["Crash", "MachineCrash"]);
    let lasts = || select(vec!["", ", lasts: \"20ms\"", ", lasts: \"700ms\""]);
    let at = (crash(), nodes(), times(), restart())
        .prop_map(|(kind, node, at, restart)| format!("{kind}(node: {node}, at: \"{at}\"{restart})"));
    let every = (crash(), nodes(), select(vec!["exp(200ms)", "exp(1s)"])).prop_map(|(kind, node, every)| {
        format!("{kind}(node: {node}, every: \"{every}\", restart_after: \"20ms\")")
    });
    let when = (crash(), select(victims), select(facts), select(vec!["0s", "3ms"]), 1..4u32, restart())
        .prop_map(|(kind, node, fact, after, times, restart)| {
            format!("{kind}(node: {node}, when: {fact}, after: \"{after}\", times: {times}{restart})")
        });
    let partition = (nodes(), times(), lasts(), any::<bool>()).prop_map(|(node, at, lasts, one_way)| {
        format!("Partition(nodes: {node}, at: \"{at}\"{lasts}, one_way: {one_way})")
    });
    let sides = vec!["shape: One", "shape: Halves", "groups: [[\"brokers\"], [\"consumers\"]]"];
    let shapes = (select(sides), times(), lasts(), select(vec!["Arrives", "Lost"])).prop_map(
        |(sides, at, lasts, in_flight)| {
            format!("Partition({sides}, at: \"{at}\"{lasts}, in_flight: {in_flight})")
        },
    );
    let links = vec![
        "Stop(in_flight: Lost",
        "Jam(both_ways: true",
        "Slow(by: \"exp(20ms)\"",
        "Loss(chance: \"50%\"",
        "Duplicate(chance: \"50%\"",
    ];
    let links = (select(links), nodes(), times(), lasts())
        .prop_map(|(what, from, at, lasts)| format!("{what}, from: {from}, at: \"{at}\"{lasts})"));
    let swizzle = times().prop_map(|at| format!("Swizzle(over: \"300ms\", at: \"{at}\")"));
    let reset = (nodes(), times()).prop_map(|(node, at)| format!("Reset(node: {node}, at: \"{at}\")"));
    let drop = (select(vec!["Publish", "Confirm", "Deliver", "Ack"]), 1..4u32)
        .prop_map(|(packet, times)| format!("Drop(packet: {packet}, times: {times})"));
    let disk = (times(), lasts())
        .prop_map(|(at, lasts)| format!("DiskFull(node: \"brokers\", at: \"{at}\"{lasts})"));
    let handler = select(vec![
        "Poison(message: \"p#3\")",
        "Poison(chance: \"10%\")",
        "FailingHandler(chance: \"30%\", times: 2)",
        "SlowHandler(chance: \"20%\", work: \"100ms\")",
    ])
    .prop_map(String::from);
    let pause = (nodes(), times(), select(vec!["20ms", "700ms"]))
        .prop_map(|(node, at, lasts)| format!("Pause(node: {node}, at: \"{at}\", lasts: \"{lasts}\")"));
    let machine = (select(vec!["DiskStall(", "DiskSlow(factor: 10, ", "SyncLies("]), times(), lasts())
        .prop_map(|(kind, at, lasts)| format!("{kind}node: \"brokers\", at: \"{at}\"{lasts})"));
    let slow = (times(), lasts())
        .prop_map(|(at, lasts)| format!("SlowNode(node: \"consumers\", factor: 4, at: \"{at}\"{lasts})"));
    let torn = (select(vec!["at: \"50ms\"", "at: \"300ms\"", "when: Stored(), times: 2"]), restart())
        .prop_map(|(at, restart)| format!("TornWrite(node: \"brokers\", {at}{restart})"));
    let records = select(vec!["message: \"p#2\"", "chance: \"20%\""]);
    let acts = select(vec!["at: \"50ms\"", "every: \"exp(200ms)\"", "when: Stored(), times: 3"]);
    let corrupt = (records, acts)
        .prop_map(|(records, acts)| format!("CorruptRecord(node: \"brokers\", {records}, {acts})"));
    let deploy = (nodes(), times(), any::<bool>()).prop_map(|(nodes, at, graceful)| {
        format!("RollingRestart(nodes: {nodes}, down: \"20ms\", pause: \"50ms\", graceful: {graceful}, at: \"{at}\")")
    });
    prop_oneof![
        torn, corrupt, handler, drop, reset, partition, shapes, links, swizzle, disk, at, when, every, pause,
        machine, slow, deploy
    ]
}

/// Scenarios with Amazon SQS alone. With limits, they last long enough for what is too old to go, and some messages fail.
pub(crate) fn sqs_alone(limits: bool) -> impl Strategy<Value = Case> {
    let faults = prop::collection::vec(faults(true), 0..=3);
    (cases(Range { faults: 0, ..ALL }), sqs(limits), faults).prop_map(move |(case, sqs, faults)| {
        let mut case = Case { designs: vec![sqs], faults, ..case };
        case.consumers.truncate(1);
        case.producers.iter_mut().for_each(|producer| producer.key = "key: Uniform(3)");
        case.faults.retain(|fault| !fault.contains("repared()") && !fault.contains("Decided()"));
        case.faults.retain(|fault| is_carried(fault, &case.designs));
        if limits {
            case.drain = "130s";
            case.faults.push("Poison(chance: \"10%\")".into());
        }
        case
    })
}

/// Scenarios with a broker of streams whose machine dies in writes, and otherwise. They last long enough for what was given
/// to somebody to come again by time.
pub(crate) fn torn_streams() -> impl Strategy<Value = Case> {
    let times = || select(vec!["15ms", "50ms", "155ms", "300ms", "when: Stored()", "when: Acked()"]);
    let kinds = select(vec!["TornWrite", "TornWrite", "TornWrite", "MachineCrash", "Crash"]);
    let restart = select(vec!["10ms", "500ms"]);
    let death = (kinds, times(), restart).prop_map(|(kind, when, restart)| {
        let when = if when.starts_with("when") { when.into() } else { format!("at: \"{when}\"") };
        format!("{kind}(node: \"brokers\", {when}, restart_after: \"{restart}\")")
    });
    let lies = select(vec![
        "",
        "SyncLies(node: \"brokers\", at: \"0s\")",
        "CorruptRecord(node: \"brokers\", chance: \"20%\", at: \"50ms\")",
    ]);
    let streams = prop_oneof![nats(true), redis(true)];
    let all = (cases(Range { faults: 0, ..ALL }), streams, prop::collection::vec(death, 1..=4), lies);
    all.prop_map(|(case, streams, mut faults, lies)| {
        let redis = streams[0] == "Redis";
        let applies = !(redis && lies.contains("Corrupt"));
        if applies && !lies.is_empty() {
            faults.push(lies.into());
        }
        let mut case = Case { designs: vec![streams], faults, drain: "70s", ..case };
        if case.has("workqueue") {
            case.consumers.truncate(1);
        }
        case
    })
}

/// Scenarios with a cluster, and what breaks its nodes and what is between them.
pub(crate) fn clusters() -> impl Strategy<Value = Case> {
    let faults = prop::collection::vec(prop_oneof![2 => cluster_faults(), 1 => faults(true)], 0..=4);
    (cases(Range { faults: 0, ..ALL }), cluster(), faults).prop_map(|(case, cluster, mut faults)| {
        let designs = vec![cluster];
        faults.retain(|fault| applies(fault, &designs[0]) && is_carried(fault, &designs));
        Case { designs, faults, ..case }
    })
}

fn cluster_faults() -> impl Strategy<Value = String> {
    let node = || select(vec!["n1", "n2", "n3"]);
    let times = || select(vec!["5ms", "50ms", "300ms", "1s"]);
    let restart = || select(vec!["", ", restart_after: \"10ms\"", ", restart_after: \"500ms\""]);
    let lasts = || select(vec!["", ", lasts: \"20ms\"", ", lasts: \"900ms\"", ", lasts: \"3s\""]);
    let kinds = || select(vec!["Crash", "MachineCrash", "TornWrite"]);
    let crash = (kinds(), node(), times(), restart())
        .prop_map(|(kind, node, at, restart)| format!("{kind}(node: \"{node}\", at: \"{at}\"{restart})"));
    let facts = select(vec!["Stored()", "Acked()", "Confirmed()", "Delivered()"]);
    let when = (kinds(), node(), facts, 1..4u32, restart()).prop_map(|(kind, node, fact, times, restart)| {
        format!("{kind}(node: \"{node}\", when: {fact}, after: \"0s\", times: {times}{restart})")
    });
    let every = (kinds(), node(), select(vec!["exp(200ms)", "exp(1s)"])).prop_map(|(kind, node, every)| {
        format!("{kind}(node: \"{node}\", every: \"{every}\", restart_after: \"20ms\")")
    });
    let partition = (node(), times(), lasts(), any::<bool>(), select(vec!["Arrives", "Lost"])).prop_map(
        |(node, at, lasts, one_way, in_flight)| {
            format!("Partition(nodes: \"{node}\", at: \"{at}\"{lasts}, one_way: {one_way}, in_flight: {in_flight})")
        },
    );
    let links = vec!["Stop(in_flight: Lost", "Jam(both_ways: true", "Slow(by: \"exp(20ms)\""];
    let links = (select(links), node(), node(), times(), lasts()).prop_map(|(what, from, to, at, lasts)| {
        format!("{what}, from: \"{from}\", to: \"{to}\", at: \"{at}\"{lasts})")
    });
    let pause = (node(), times(), select(vec!["20ms", "700ms", "3s"]))
        .prop_map(|(node, at, lasts)| format!("Pause(node: \"{node}\", at: \"{at}\", lasts: \"{lasts}\")"));
    let reset = (node(), times()).prop_map(|(node, at)| format!("Reset(node: \"{node}\", at: \"{at}\")"));
    let disk = (node(), times(), lasts())
        .prop_map(|(node, at, lasts)| format!("DiskFull(node: \"{node}\", at: \"{at}\"{lasts})"));
    prop_oneof![crash, when, every, partition, links, pause, reset, disk]
}
