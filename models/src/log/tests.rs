//! The log broker and its consumer: what happens when one of them dies, falls behind or comes late.

mod attempts;
mod disk;
mod shelf;

use super::*;
use crate::checks::{Event, Recorder};
use crate::fact::Fact;
use crate::run::{Ended, run};
use crate::setup::*;
use crate::testing::{self, crash, fault_at};
use redeliver_sim::{Chance, Distribution, Span, Time, Trouble};

fn config() -> Config {
    let client = ClientConfig {
        acks: Acks::Leader,
        request_timeout: Span::seconds(30),
        retries: 10,
        window: 0,
        group: None,
        commit: Commit::AfterWork,
        poll_records_max: 500,
        fetch_wait_max: Span::millis(500),
        offset_reset: OffsetReset::Latest,
        reconnect_after: Span::millis(50),
    };
    Config {
        node: "broker/1".into(),
        topics: vec![TopicConfig {
            name: "t".into(),
            partitions: 1,
            retention_age: None,
            retention_bytes: None,
            segment_bytes: 1 << 30,
            segment_age: None,
        }],
        session_timeout: Span::seconds(45),
        heartbeat: Span::seconds(3),
        retention_check: Span::ZERO,
        when_full: WhenFull::DeleteOldest,
        clients: vec![(NodePattern::any(), client)],
    }
}

/// So many members that work for so many milliseconds on each message.
fn consumer(members: usize, work: u64) -> crate::setup::Consumer {
    testing::consumer("g", members, work)
}

/// A producer that publishes `count` messages, one every 10 ms, to a log that one group reads.
fn setup(count: u64, config: Config, consumer: crate::setup::Consumer) -> Setup {
    let mut setup = testing::setup(Design::Log(config), count);
    setup.drain = Span::seconds(200);
    setup.topics = vec!["t".into()];
    setup.producers[0].name = "p".into();
    setup.consumers = vec![consumer];
    setup
}

fn with_client(change: impl FnOnce(&mut ClientConfig)) -> Config {
    let mut config = config();
    change(&mut config.clients[0].1);
    config
}

fn machine_crash(node: &str, restart_after: u64) -> FaultKind {
    let target = Target::Nodes(NodePattern::Glob(node.into()));
    FaultKind::MachineCrash { target, restart_after: Some(Span::millis(restart_after)) }
}

/// The fate of the group's messages, and what each member did: `6 = 5 processed + 1 offset_skipped`.
fn summary(ended: &Ended) -> String {
    let (book, shared) = (ended.world.checks(), ended.world.shared());
    let ledger = &book.subscriptions[0].ledger;
    let mut text = format!(
        "{} = {} processed + {} aside + {} pending",
        ledger.addressed, ledger.processed, ledger.dead_lettered, ledger.pending
    );
    for cause in crate::causes::LossCause::ALL {
        let count = ledger.lost[cause as usize];
        if count > 0 {
            text += &format!(" + {count} {}", cause.name());
        }
    }
    for cause in crate::causes::DuplicateCause::ALL {
        let count = ledger.duplicates[cause as usize];
        if count > 0 {
            text += &format!("; {count} again by {}", cause.name());
        }
    }
    for (i, member) in book.members.iter().enumerate().filter(|(_, member)| !member.processed.is_empty()) {
        let done = member
            .processed
            .iter()
            .map(|((_, number, _), at)| format!(" {number}@{}", (at.seconds() * 1000.0).round() as u64));
        text += &format!("\n{}:{}", shared.names.nodes[i], done.collect::<String>());
    }
    text
}

fn count(ended: &mut Ended, wanted: fn(&Fact) -> bool) -> usize {
    let kept = ended.world.checks_mut().0.recorder.take();
    kept.iter().filter(|recorded| matches!(recorded.event, Event::Fact(fact, _) if wanted(&fact))).count()
}

#[test]
fn a_group_reads_in_order_and_keeps_the_log() {
    let mut ended = run(&setup(3, config(), consumer(1, 5)), Recorder::All(Vec::new()));
    insta::assert_snapshot!(summary(&ended), @r#"
    3 = 3 processed + 0 aside + 0 pending
    g/1: 1@7 2@17 3@27
    "#);
    assert_eq!(count(&mut ended, |fact| matches!(fact, Fact::Released { .. })), 0);
}

/// The consumer dies in its work on the third message, and is a new member when it is back.
fn crash_in_a_batch(commit: Commit) -> String {
    let mut setup = setup(6, with_client(|client| client.commit = commit), consumer(1, 100));
    setup.producers[0].schedule = Schedule::Every(Span(1));
    setup.faults.push(fault_at(350, crash("g/1", Some(1000))));
    summary(&run(&setup, Recorder::Off))
}

#[test]
fn committing_before_the_work_loses_the_batch_and_after_it_repeats_nothing_but_the_one_in_work() {
    insta::assert_snapshot!(crash_in_a_batch(Commit::BeforeWork), @r#"
    6 = 3 processed + 0 aside + 0 pending + 3 taken_never_processed
    g/1: 1@104 2@208 3@308
    "#);
    insta::assert_snapshot!(crash_in_a_batch(Commit::AfterWork), @r#"
    6 = 6 processed + 0 aside + 0 pending
    g/1: 1@102 2@204 3@304 4@45206 5@45306 6@45406
    "#);
    insta::assert_snapshot!(crash_in_a_batch(Commit::Every(Span::millis(10))), @r#"
    6 = 6 processed + 0 aside + 0 pending; 2 again by rewound_offset
    g/1: 1@102 2@204 3@304 2@45206 3@45306 4@45406 5@45506 6@45606
    "#);
    insta::assert_snapshot!(crash_in_a_batch(Commit::Never), @r#"
    6 = 6 processed + 0 aside + 0 pending; 3 again by rewound_offset
    g/1: 1@102 2@204 3@304 1@45206 2@45306 3@45406 4@45506 5@45606 6@45706
    "#);
}

#[test]
fn a_dead_members_partitions_move_when_its_session_is_over() {
    let mut config = with_client(|client| client.commit = Commit::Every(Span::seconds(5)));
    config.topics[0].partitions = 2;
    let mut setup = setup(400, config, consumer(2, 1));
    setup.faults.push(fault_at(2000, crash("g/1", None)));
    let ended = run(&setup, Recorder::Off);
    insta::assert_snapshot!(summary(&ended).lines().next().unwrap(), @"400 = 400 processed + 0 aside + 0 pending; 100 again by rebalance");
    insta::assert_snapshot!(ended.at, @"52.210");
}

#[test]
fn a_planned_rebalance_repeats_nothing_that_was_committed() {
    let mut config = config();
    config.topics[0].partitions = 2;
    let mut consumer = consumer(2, 8);
    consumer.members[1].joins = Span::seconds(1);
    let mut ended = run(&setup(200, config, consumer), Recorder::All(Vec::new()));
    insta::assert_snapshot!(summary(&ended).lines().next().unwrap(), @"200 = 200 processed + 0 aside + 0 pending");
    assert_eq!(count(&mut ended, |fact| matches!(fact, Fact::Assigned { .. })), 4);
}

#[test]
fn a_late_group_finds_the_history_or_begins_at_the_end() {
    let late = |from| {
        let mut consumer = consumer(1, 1);
        consumer.members[0].joins = Span::millis(55);
        consumer.from = from;
        summary(&run(&setup(10, config(), consumer), Recorder::Off))
    };
    insta::assert_snapshot!(late(StartAt::Beginning), @r#"
    10 = 10 processed + 0 aside + 0 pending
    g/1: 1@62 2@63 3@64 4@65 5@66 6@67 7@70 8@73 9@83 10@93
    "#);
    insta::assert_snapshot!(late(StartAt::End), @r#"
    4 = 4 processed + 0 aside + 0 pending
    g/1: 7@63 8@73 9@83 10@93
    "#);
}

#[test]
fn a_ring_buffer_is_full_when_predicted_and_a_slow_consumer_falls_off_when_predicted() {
    // DDIA's disk of 6 TB at 150 MB/s is full after 11 hours; here it is 6 GB, and a thousandth of the times.
    let mut config = with_client(|client| client.poll_records_max = 1);
    config.topics[0].segment_bytes = 1;
    let mut consumer = consumer(1, 0);
    consumer.members[0].work = Work { span: Distribution::ZERO, rate: Some(120e6) };
    let mut setup = setup(u64::MAX, config, consumer);
    setup.producers[0].count = None;
    setup.producers[0].schedule = Schedule::Rate(150e6);
    setup.producers[0].size = Distribution::Constant(1_000_000);
    setup.duration = Span::seconds(210);
    setup.drain = Span::ZERO;
    setup.network.default.latency = Distribution::ZERO;
    let disk = MachineChange {
        disk_capacity: Some(Some(6_000_000_000)),
        disk_bandwidth: Some(150e6),
        ..MachineChange::default()
    };
    setup.machines.push((NodePattern::Role(Role::Broker), disk));
    let mut ended = run(&setup, Recorder::All(Vec::new()));
    let figures = &ended.world.shared().brokers[0];
    insta::assert_snapshot!(figures.first_deletion.unwrap(), @"40.000");
    insta::assert_snapshot!(figures.window_min.unwrap().as_seconds(), @"39.993333333");
    assert!(ended.world.shared().subscriptions[0].headroom_min.unwrap() <= 0);
    let kept = ended.world.checks_mut().0.recorder.take();
    let fell_off =
        kept.iter().find(|recorded| matches!(recorded.event, Event::Fact(Fact::Removed { .. }, _)));
    insta::assert_snapshot!(fell_off.unwrap().at, @"199.973");
}

#[test]
fn a_consumer_that_keeps_up_has_headroom() {
    let mut config = config();
    config.topics[0].retention_bytes = Some(1000);
    config.topics[0].segment_bytes = 100;
    let ended = run(&setup(50, config, consumer(1, 1)), Recorder::Off);
    insta::assert_snapshot!(summary(&ended).lines().next().unwrap(), @"50 = 50 processed + 0 aside + 0 pending");
    insta::assert_debug_snapshot!(ended.world.shared().subscriptions[0].headroom_min, @r#"
    Some(
        90000000,
    )
    "#);
}

#[test]
fn what_is_kept_by_size_is_never_less_than_the_limit() {
    // Recorded: `ak-retention-bytes-rule`. Three records a segment, eight records: 560 bytes.
    let kept = |limit| {
        let mut config = config();
        config.topics[0].segment_bytes = 210;
        config.topics[0].retention_bytes = Some(limit);
        config.retention_check = Span::seconds(1);
        let mut setup = setup(8, config, consumer(1, 0));
        setup.producers[0].size = Distribution::Constant(70);
        setup.producers[0].count = None;
        setup.producers[0].schedule =
            Schedule::At((0..9).map(|i| Span::millis(if i < 8 { i } else { 1500 })).collect());
        let ended = run(&setup, Recorder::Off);
        let crate::Part::LogBroker(broker) = &ended.world.nodes()[0] else { unreachable!() };
        let partition = &broker.partitions()[0];
        let firsts: Vec<u32> = partition.segments().map(|segment| segment.first).collect();
        format!("{firsts:?} {}", partition.start())
    };
    let all: Vec<String> =
        [560, 351, 350, 141, 140, 1, 0].map(|limit| format!("{limit}: {}", kept(limit))).to_vec();
    insta::assert_snapshot!(all.join("\n"), @r#"
    560: [0, 3, 6] 0
    351: [0, 3, 6] 0
    350: [3, 6] 3
    141: [3, 6] 3
    140: [6] 6
    1: [6] 6
    0: [8] 8
    "#);
}

#[test]
fn a_broker_that_is_back_knows_its_records_and_offsets() {
    let mut setup = setup(20, config(), consumer(1, 1));
    setup.faults.push(fault_at(105, crash("broker/1", Some(200))));
    insta::assert_snapshot!(summary(&run(&setup, Recorder::Off)).lines().next().unwrap(), @"20 = 20 processed + 0 aside + 0 pending");
}

#[test]
fn a_machine_crash_takes_what_was_not_synced() {
    let lost = |acks| {
        let mut setup = setup(20, with_client(|client| client.acks = acks), consumer(1, 10_000));
        setup.faults.push(fault_at(105, machine_crash("broker/1", 200)));
        summary(&run(&setup, Recorder::Off)).lines().next().unwrap().to_string()
    };
    insta::assert_snapshot!(lost(Acks::Leader), @"20 = 10 processed + 0 aside + 0 pending + 10 unsynced");
    insta::assert_snapshot!(lost(Acks::Synced), @"20 = 20 processed + 0 aside + 0 pending; 1 again by broker_restart");
}

#[test]
fn a_poison_message_stops_its_partition_unless_it_is_dropped_or_put_aside() {
    let poisoned = |on_failure, commit| {
        let mut consumer = consumer(1, 5);
        consumer.on_failure = on_failure;
        let mut setup = setup(5, with_client(|client| client.commit = commit), consumer);
        setup.drain = Span::seconds(1);
        setup.duration = Span::seconds(1);
        let which = Which::Messages(vec![MessageName { producer: 0, member: 0, number: 3 }]);
        setup.faults.push(fault_at(0, FaultKind::FailingHandler { subscription: None, which, times: None }));
        summary(&run(&setup, Recorder::Off)).lines().next().unwrap().to_string()
    };
    insta::assert_snapshot!(poisoned(OnFailure::Requeue, Commit::AfterWork), @"5 = 2 processed + 0 aside + 3 pending");
    insta::assert_snapshot!(poisoned(OnFailure::Drop, Commit::AfterWork), @"5 = 4 processed + 0 aside + 0 pending + 1 handler_failed");
    insta::assert_snapshot!(poisoned(OnFailure::DeadLetter, Commit::AfterWork), @"5 = 4 processed + 1 aside + 0 pending");
    insta::assert_snapshot!(poisoned(OnFailure::Requeue, Commit::BeforeWork), @"5 = 4 processed + 0 aside + 0 pending + 1 handler_failed");
}

#[test]
fn a_disk_that_fails_the_log_takes_no_more() {
    let mut config = config();
    config.when_full = WhenFull::Offline;
    let mut setup = setup(10, config, consumer(1, 1));
    let disk = MachineChange { disk_capacity: Some(Some(500)), ..MachineChange::default() };
    setup.machines.push((NodePattern::Role(Role::Broker), disk));
    insta::assert_snapshot!(summary(&run(&setup, Recorder::Off)).lines().next().unwrap(), @"10 = 5 processed + 0 aside + 0 pending + 5 refused");
}

/// Numbers that look random, and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = redeliver_sim::mix(self.0 + 1);
        self.0 % sides
    }
}

/// A log under load with faults of every kind; the run asserts that the ledger balances, agrees with the copies
/// that are there, and that Little's law holds.
fn any_setup(seed: u64) -> Setup {
    let mut dice = Dice(seed);
    let mut config = with_client(|client| {
        client.commit = match dice.roll(4) {
            0 => Commit::BeforeWork,
            1 => Commit::Every(Span::millis(300)),
            2 => Commit::Never,
            _ => Commit::AfterWork,
        };
        client.acks = [Acks::None, Acks::Leader, Acks::Synced][dice.roll(3) as usize];
        client.poll_records_max = [1, 3, 500][dice.roll(3) as usize];
        client.request_timeout = Span::millis(400);
        client.offset_reset =
            [OffsetReset::Earliest, OffsetReset::Latest, OffsetReset::None][dice.roll(3) as usize];
    });
    config.session_timeout = Span::millis(1500);
    config.heartbeat = Span::millis(500);
    config.retention_check = Span::millis([0, 700][dice.roll(2) as usize]);
    let topic = &mut config.topics[0];
    topic.partitions = 1 + dice.roll(3) as u32;
    topic.segment_bytes = [100, 450, 1 << 30][dice.roll(3) as usize];
    topic.retention_bytes = [None, Some(1000)][dice.roll(2) as usize];
    topic.retention_age = [None, Some(Span::millis(800))][dice.roll(2) as usize];
    config.when_full = [WhenFull::DeleteOldest, WhenFull::Offline][dice.roll(2) as usize];
    let mut group = consumer(1 + dice.roll(3) as usize, 1 + dice.roll(40));
    group.on_failure = match dice.roll(4) {
        0 => OnFailure::Requeue,
        1 => OnFailure::Drop,
        2 => OnFailure::DeadLetter,
        _ => OnFailure::RetryInPlace(Span::millis(100)),
    };
    let mut late = crate::setup::Consumer { name: "h".into(), ..consumer(2, 5) };
    late.from = [StartAt::Beginning, StartAt::End][dice.roll(2) as usize];
    for member in &mut late.members {
        member.joins = Span::millis(dice.roll(3000));
    }
    let mut setup = setup(300, config, group);
    setup.consumers.push(late);
    (setup.duration, setup.drain) = (Span::seconds(8), Span::seconds(dice.roll(20)));
    setup.network.default.loss = Chance::new([0.0, 0.02][dice.roll(2) as usize]);
    setup.network.default.latency = Distribution::Constant([0, 1_000_000, 30_000_000][dice.roll(3) as usize]);
    let disk = MachineChange {
        disk_capacity: [None, Some(Some(2500))][dice.roll(2) as usize],
        ..MachineChange::default()
    };
    setup.machines.push((NodePattern::Role(Role::Broker), disk));
    for _ in 0..dice.roll(6) {
        let node = ["broker/1", "g/1", "g/2", "h/1", "p/1"][dice.roll(5) as usize];
        let target = Target::Nodes(NodePattern::Glob(node.into()));
        let lasts = Some(Span::millis(dice.roll(3000)));
        let what = match dice.roll(9) {
            0 | 1 => crash(node, Some(dice.roll(2500))),
            2 => machine_crash(node, dice.roll(2500)),
            3 => FaultKind::Reset { target },
            4 => {
                let sides = Sides::Nodes { nodes: target, others: Vec::new(), one_way: dice.roll(2) == 0 };
                FaultKind::Partition { sides, in_flight_lost: false, lasts }
            }
            5 => FaultKind::DiskFull { target, lasts },
            6 | 7 => FaultKind::Trouble { target, trouble: any_trouble(&mut dice), lasts },
            _ => {
                let packet =
                    [PacketKind::Publish, PacketKind::Confirm, PacketKind::Deliver, PacketKind::Commit];
                FaultKind::Drop { packet: packet[dice.roll(4) as usize], message: None, times: 3 }
            }
        };
        let number = 1 + dice.roll(200) as u32;
        let message = Some(MessageName { producer: 0, member: 0, number });
        let kinds = [FactKind::Stored, FactKind::Acked, FactKind::Delivered, FactKind::Processed];
        let kind = kinds[dice.roll(4) as usize];
        let fact = FactPattern { kind, message, key: None, subscription: None, node: None };
        let when = match dice.roll(2) {
            0 => When::At(Time::ZERO + Span::millis(dice.roll(5000))),
            _ => When::On { fact, after: Span::ZERO, times: 1 },
        };
        setup.faults.push(Fault { what, when, text: String::new() });
    }
    let which = Which::Chance(Chance::new(0.02));
    let times = Some(dice.roll(3) as u32);
    setup.faults.push(fault_at(0, FaultKind::FailingHandler { subscription: None, which, times }));
    setup
}

fn any_trouble(dice: &mut Dice) -> Trouble {
    match dice.roll(6) {
        0 | 1 => Trouble::Pause { lasts: Span::millis(dice.roll(3000)) },
        2 => Trouble::Slow { factor: 5.0 },
        3 => Trouble::SlowDisk { factor: 5.0 },
        4 => Trouble::StallDisk,
        _ => Trouble::LieAboutSyncs,
    }
}

#[test]
#[allow(clippy::disallowed_methods)] // whoever starts it may ask for more
fn whatever_breaks_the_books_balance() {
    let seeds = std::env::var("SEEDS").map_or(60, |count| count.parse().unwrap());
    for seed in 0..seeds {
        println!("seed {seed}");
        run(&any_setup(seed), Recorder::Off);
    }
}
