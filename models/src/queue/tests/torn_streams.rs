//! What a torn write does to streams and their readers, as timelines. A message every 10 ms; readers take one at a time.

use super::*;
use crate::causes::LossCause;
use crate::queue::{
    Behaviour, Claims, ConfirmAfter, DeadLetter, Discard, ExchangeKind, Pulls, QueueConfig, Redelivery,
    Retention, Settles, StreamConfig, Turns,
};
use crate::story::Dialect;

fn redelivery(claimed: bool) -> Redelivery {
    Redelivery {
        ack_wait: Span::seconds(30),
        backoff: Vec::new(),
        window: (!claimed).then_some(1000),
        keeps_place: !claimed,
        settles: Settles::Message,
        at_once: false,
        held_max: None,
        delay: Span::ZERO,
        lifetime: None,
        claimed,
    }
}

fn stream(made_anew: bool) -> StreamConfig {
    StreamConfig {
        name: "orders".into(),
        durable: true,
        retention: Retention::Limits,
        discard: Discard::Old,
        messages_max: None,
        bytes_max: None,
        age_max: None,
        duplicate_window: Span::seconds(120),
        overhead: 30,
        made_anew,
        nodes: None,
    }
}

/// A stream that one reader pulls from, whose work takes so many milliseconds: NATS, or Redis.
fn streaming(claimed: bool, messages: u64, work: u64) -> Setup {
    let mut setup = setup(Design::Queue(queue()), messages);
    setup.consumers = vec![consumer("stock", 1, work)];
    let config = queue_of(&mut setup);
    config.queues = vec![QueueConfig {
        name: "stock".into(),
        behaviour: Behaviour::TIMED,
        redelivery: Some(redelivery(claimed)),
        stream: Some(0),
        pulled: Some(if claimed { Span::ZERO } else { Span::seconds(30) }),
        turns: if claimed { Turns::OneByOne } else { Turns::InLine },
        dead_letter: DeadLetter::Dropped,
        ..QueueConfig::default()
    }];
    config.streams = vec![stream(claimed)];
    config.exchanges[0].kind = ExchangeKind::Stream(0);
    config.confirm_after = match claimed {
        true => ConfirmAfter::SyncedLater(Span::seconds(1)),
        false => ConfirmAfter::Written,
    };
    config.dialect = if claimed { Dialect::Redis } else { Dialect::Nats };
    let client = &mut config.clients[0].1;
    let expires = if claimed { Span::millis(5000) } else { Span::seconds(30) };
    let pause = Distribution::ZERO;
    let batch = if claimed { 10 } else { 1 };
    client.pulls = Some(Pulls { batch, expires: Some(expires), fills: !claimed, gets: false, pause });
    if claimed {
        client.claims = Some(Claims { every: Span::seconds(1), idle: Span::seconds(1), batch: 10 });
    }
    setup
}

fn torn(at: u64, restart_after: u64) -> Fault {
    let target = Target::Nodes(NodePattern::Glob("broker/1".into()));
    fault_at(at, FaultKind::TornWrite { target, restart_after: Some(Span::millis(restart_after)) })
}

/// What happens from the crash on.
fn told_from_crash(mut setup: Setup, seed: u64, at: u64) -> String {
    (setup.seed, setup.faults) = (seed, vec![torn(at, 10)]);
    let told = timeline(&setup);
    told.lines().skip_while(|line| !line.contains("machine")).collect::<Vec<_>>().join("\n")
}

#[test]
fn nats_cuts_off_the_torn_tail_of_a_stream_and_a_consumer_has_its_old_state_or_its_new() {
    let told = |seed| told_from_crash(streaming(false, 5, 30), seed, 55);
    // Its old state is of before all of it: it does not know that it has acked the first and been given the second.
    assert_snapshot!(told(1), @r"
    0.055  broker/1 machine crashed
    0.055  broker/1 lost its copy of shop#4: torn record
    0.055  broker/1 lost its copy of shop#5: unsynced
    0.055  broker/1 deleted shop#5
    0.055  broker/1 deleted shop#4
    0.064  stock/1 processed shop#2, attempt 1
    0.065  broker/1 restarted
    0.065  broker/1 requeued shop#2: broker restart
    0.065  broker/1 will read shop#1 again: broker restart
    0.065  broker/1 lost the ack of shop#2
    0.065  broker/1 a packet without a message was lost
    0.169  broker/1 sent shop#1 to stock, attempt 1
    0.170  stock/1 delivered shop#1, attempt 1
    0.200  stock/1 processed shop#1, attempt 1
    0.201  broker/1 shop#1 settled for stock
    0.201  broker/1 sent shop#2 to stock, attempt 1
    0.202  stock/1 delivered shop#2, attempt 1
    0.232  stock/1 processed shop#2, attempt 1
    0.233  broker/1 shop#2 settled for stock
    0.233  broker/1 sent shop#3 to stock, attempt 1
    0.234  stock/1 delivered shop#3, attempt 1
    0.264  stock/1 processed shop#3, attempt 1
    0.265  broker/1 shop#3 settled for stock
    ");
    // Its new state knows both.
    assert_snapshot!(told(6), @r"
    0.055  broker/1 machine crashed
    0.055  broker/1 lost its copy of shop#5: torn record
    0.055  broker/1 deleted shop#5
    0.064  stock/1 processed shop#2, attempt 1
    0.065  broker/1 restarted
    0.065  broker/1 lost the ack of shop#2
    0.065  broker/1 a packet without a message was lost
    0.169  broker/1 sent shop#3 to stock, attempt 1
    0.170  stock/1 delivered shop#3, attempt 1
    0.200  stock/1 processed shop#3, attempt 1
    0.201  broker/1 shop#3 settled for stock
    0.201  broker/1 sent shop#4 to stock, attempt 1
    0.202  stock/1 delivered shop#4, attempt 1
    0.232  stock/1 processed shop#4, attempt 1
    0.233  broker/1 shop#4 settled for stock
    30.033  broker/1 requeued shop#2: visibility timeout
    30.033  broker/1 sent shop#2 to stock, attempt 2
    30.034  stock/1 delivered shop#2, attempt 2
    30.064  stock/1 processed shop#2, attempt 2
    30.065  broker/1 shop#2 settled for stock
    ");
}

#[test]
fn redis_cuts_off_the_torn_tail_of_its_one_file_and_a_group_knows_what_it_was_given_before() {
    let told = |seed| told_from_crash(streaming(true, 5, 30), seed, 55);
    assert_snapshot!(told(1), @r"
    0.055  broker/1 machine crashed
    0.055  broker/1 lost its copy of shop#4: torn record
    0.055  broker/1 lost its copy of shop#5: unsynced
    0.055  broker/1 deleted shop#5
    0.055  broker/1 deleted shop#4
    0.064  stock/1 processed shop#2, attempt 1
    0.065  broker/1 restarted
    0.065  broker/1 lost the ack of shop#2
    0.094  stock/1 processed shop#3, attempt 1
    0.124  stock/1 processed shop#4, attempt 1
    0.169  broker/1 shop#3 settled for stock
    0.169  broker/1 an ack of a message that is gone came too late
    5.171  broker/1 requeued shop#2: visibility timeout
    5.171  broker/1 sent shop#2 to stock, attempt 2
    5.172  stock/1 delivered shop#2, attempt 2
    5.202  stock/1 processed shop#2, attempt 2
    5.203  broker/1 shop#2 settled for stock
    ");
}

/// One more reads the same stream.
fn with_another_reader(setup: &mut Setup) {
    setup.consumers.push(consumer("audit", 2, 15));
    let config = queue_of(setup);
    let another = QueueConfig { name: "audit".into(), ..config.queues[0].clone() };
    config.queues.insert(0, another);
    config.exchanges[0].queues = vec![0, 1];
}

/// The second and third death, which find what a torn write has left.
fn more_deaths(seed: u64, first: u64) -> [Fault; 2] {
    let target = Target::Nodes(NodePattern::Glob("broker/1".into()));
    let restart_after = Some(Span::millis(10));
    let machine = FaultKind::MachineCrash { target, restart_after };
    match seed % 3 {
        0 => [torn(first + 40, 20), torn(first + 300, 10)],
        1 => [fault_at(first + 40, crash("broker/1", Some(20))), torn(first + 150, 10)],
        _ => [fault_at(first + 70, machine), fault_at(first + 150, crash("broker/1", Some(20)))],
    }
}

/// Whenever the machine dies, and however far its writes came: the run ends, and what was not processed was never synced.
/// The run itself asserts that the ledger balances, before and after each life.
#[test]
fn a_stream_broker_goes_on_after_torn_writes() {
    let mut lost = [0; 2];
    for (seed, claimed) in (0..60).flat_map(|seed| [(seed, false), (seed, true)]) {
        let mut setup = streaming(claimed, 20, 7);
        if seed % 2 == 1 {
            with_another_reader(&mut setup);
        }
        let first = 5 + 4 * seed;
        (setup.seed, setup.faults) = (seed, vec![torn(first, 10)]);
        setup.faults.extend(more_deaths(seed, first));
        let stream = &mut queue_of(&mut setup).streams[0];
        stream.retention = if seed % 4 < 2 { Retention::Limits } else { Retention::Interest };
        let ended = crate::run::run(&setup, crate::checks::Recorder::Off);
        assert_eq!(ended.stopped, None, "seed {seed}, claimed {claimed}");
        for subscription in &ended.world.checks().subscriptions {
            let ledger = &subscription.ledger;
            let by = |cause: LossCause| ledger.lost[cause as usize];
            let unsynced = by(LossCause::Unsynced) + by(LossCause::TornRecord);
            assert_eq!(ledger.addressed, ledger.processed + unsynced, "seed {seed}, claimed {claimed}");
            lost[usize::from(claimed)] += unsynced;
        }
    }
    assert!(lost.iter().all(|lost| *lost > 10), "{lost:?}");
}
