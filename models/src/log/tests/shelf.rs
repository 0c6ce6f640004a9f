//! What a log retains is put away when nobody is about to read it, and comes back as it was.

use super::*;
use crate::census::Census;
use crate::domain::World;
use crate::message::{Delivery, Message, SubscriptionId};
use std::collections::BTreeMap;

/// A world, as it is after so many milliseconds.
fn world_at(setup: &Setup, milliseconds: u64) -> World {
    let mut world = crate::build::build(setup, Recorder::Off);
    let until = Time::ZERO + Span::millis(milliseconds);
    while world.next_time().is_some_and(|next| next < until) {
        world.step();
    }
    world
}

/// Goes on to the end, which asserts that the books balance.
fn end(mut world: World, setup: &Setup) -> Ended {
    let stopped = crate::advance(&mut world, setup.limits, u64::MAX);
    crate::finish(world, stopped.flatten())
}

fn put_away(world: &World) -> usize {
    world.shared().messages.put_away_count()
}

/// The fate of a subscription's messages: how many it was sent, has processed, and has processed again.
fn fate(ended: &Ended, subscription: usize) -> (u64, u64, u64) {
    let ledger = &ended.world.checks().subscriptions[subscription].ledger;
    (ledger.addressed, ledger.processed, ledger.duplicates_total())
}

/// A group that comes after so many milliseconds, and wants all.
fn late(milliseconds: u64) -> crate::setup::Consumer {
    let mut late = crate::setup::Consumer { name: "h".into(), ..consumer(1, 1) };
    late.members[0].joins = Span::millis(milliseconds);
    late
}

#[test]
fn a_log_whose_groups_keep_up_has_few_records_open_and_eight_bytes_for_each_entry() {
    for (groups, count) in [(1, 300), (1, 3000), (3, 3000)] {
        let mut setup = setup(count, config(), consumer(1, 1));
        for name in ["h", "i"].iter().take(groups - 1) {
            setup.consumers.push(crate::setup::Consumer { name: (*name).into(), ..consumer(1, 2) });
        }
        let ended = run(&setup, Recorder::Off);
        let messages = &ended.world.shared().messages;
        assert_eq!(messages.put_away_count() as u64, count);
        assert_eq!((messages.shelf_slots() as u64, messages.live()), (count, 0));
        assert!(messages.slots() <= 2, "{} records", messages.slots());
        let held = ended.world.held();
        assert_eq!((held.words as u64, held.records), (count, 0));
        for subscription in 0..groups {
            assert_eq!(fate(&ended, subscription), (count, count, 0));
        }
    }
}

#[test]
fn a_log_that_nobody_reads_has_all_put_away_as_soon_as_it_is_confirmed() {
    let mut setup = setup(100, config(), consumer(1, 1));
    setup.consumers.clear();
    let ended = run(&setup, Recorder::Off);
    assert_eq!((put_away(&ended.world), ended.world.shared().messages.live()), (100, 0));
}

/// A message and what became of it, by source and number.
type States = BTreeMap<(u32, u32), (Message, Vec<Delivery>)>;

/// Notes the state of all messages that are open now.
fn note_open(world: &World, states: &mut States) {
    let shared = world.shared();
    for m in shared.messages.all_live() {
        let message = *shared.messages.get(m);
        let deliveries = (0..shared.messages.width()).map(|slot| *shared.messages.delivery(m, slot));
        states.insert((message.source.0, message.number), (message, deliveries.collect()));
    }
}

/// Messages of all kinds of sources, among them one that is down for a while, whose clocks are wrong.
fn varied_setup(seed: u64) -> Setup {
    let mut config = config();
    config.topics[0].partitions = 2;
    let mut setup = setup(200, config, consumer(2, 1));
    setup.seed = seed;
    setup.consumers.push(late(700));
    let shop = setup.producers[0].clone();
    setup.producers = ["p", "q", "r"].map(|name| Producer { name: name.into(), ..shop.clone() }).to_vec();
    setup.producers[1].schedule = Schedule::Poisson(150.0);
    setup.producers[1].key = KeyChoice::Uniform(5);
    setup.producers[1].size = Distribution::Exponential { mean: 900.0 };
    setup.producers[2].key = KeyChoice::Cycle(["x", "y", "z"].map(String::from).to_vec());
    setup.producers[2].size = Distribution::Uniform { low: 1, high: 5000 };
    setup.faults.push(fault_at(300, crash("r", Some(400))));
    let wrong = MachineChange {
        clock_offset: Some(-30_000_000),
        clock_drift: Some(200_000),
        ..MachineChange::default()
    };
    setup.machines.push((NodePattern::Role(Role::Producer), wrong));
    setup
}

#[test]
fn what_is_taken_out_is_what_was_put_away() {
    for seed in 0..5 {
        let setup = varied_setup(seed);
        let mut world = crate::build::build(&setup, Recorder::Off);
        let mut states = States::new();
        while world.step() {
            note_open(&world, &mut states);
        }
        let shared = world.shared_mut();
        let away: Vec<_> = shared.messages.all_put_away().map(|(id, away)| (id, *away)).collect();
        assert!(away.len() > 400, "{} of 600 are put away", away.len());
        for (id, before) in away {
            let (message, deliveries) = &states[&(before.name().0.0, before.name().1)];
            let place = (deliveries[0].line, deliveries[0].rank);
            let m = shared.take_out(id, |_| place);
            // What ended with its last copy, after which nobody has seen it; and what says which record it has, and where
            // its publisher had it.
            let open = *shared.messages.get(m);
            let Message { confirmed, generation, place, .. } = open;
            let ended =
                Message { upstream: 0, copies: 0, buffered: false, confirmed, generation, place, ..*message };
            assert_eq!(open, ended);
            for (slot, before) in deliveries.iter().enumerate() {
                let after = shared.messages.delivery(m, slot);
                let all = |delivery: &Delivery| (delivery.addressed, delivery.ranked, delivery.dispatches);
                assert_eq!(all(after), all(before));
                assert_eq!((after.line, after.rank), (before.line, before.rank));
                assert_eq!((after.effects, after.copies, after.open), (1, 0, false));
            }
            // And back: nothing has happened to it.
            shared.put_away(m);
            let same = shared.messages.all_put_away().find(|(other, _)| *other == id);
            assert_eq!(same.map(|(_, away)| *away), Some(before));
        }
    }
}

#[test]
fn a_late_group_finds_what_is_put_away() {
    let mut setup = setup(50, config(), consumer(1, 1));
    setup.consumers.push(late(2000));
    let world = world_at(&setup, 1900);
    assert_eq!((put_away(&world), world.shared().messages.live()), (50, 0));
    let ended = end(world, &setup);
    assert_eq!([fate(&ended, 0), fate(&ended, 1)], [(50, 50, 0); 2]);
    assert_eq!(ended.world.checks().subscriptions[1].stored.late, 0);
    assert_eq!(put_away(&ended.world), 50, "and it is put away again");
}

#[test]
fn what_is_put_away_is_read_again_when_a_crash_has_taken_the_offset_back() {
    // The records are synced; the offsets that were committed since the last sync are not.
    let config = with_client(|client| client.acks = Acks::Synced);
    let mut setup = setup(50, config, consumer(1, 300));
    setup.faults.push(fault_at(20_000, machine_crash("broker/1", 200)));
    let world = world_at(&setup, 19_900);
    assert_eq!((put_away(&world), world.shared().messages.live()), (50, 0));
    let mut ended = end(world, &setup);
    let (addressed, processed, again) = fate(&ended, 0);
    assert_eq!((addressed, processed), (50, 50));
    assert!(again > 40, "{again} are processed again");
    let ledger = &ended.world.checks().subscriptions[0].ledger;
    let restart = ledger.duplicates[crate::causes::DuplicateCause::BrokerRestart as usize];
    let rewound = ledger.duplicates[crate::causes::DuplicateCause::RewoundOffset as usize];
    assert_eq!(restart + rewound, again);
    // What was delivered more than once is not put away again.
    let (_, shared) = ended.world.checks_mut();
    assert_eq!((shared.messages.live() as u64, shared.messages.put_away_count() as u64), (again, 50 - again));
}

#[test]
fn retention_deletes_what_is_put_away_and_its_places_are_used_again() {
    let mut config = config();
    config.topics[0].segment_bytes = 500;
    config.topics[0].retention_bytes = Some(1000);
    let mut ended = run(&setup(300, config, consumer(1, 1)), Recorder::All(Vec::new()));
    let released = count(&mut ended, |fact| matches!(fact, Fact::Released { .. }));
    let messages = &ended.world.shared().messages;
    assert_eq!(messages.put_away_count() + messages.live() + released, 300);
    assert!(messages.shelf_slots() < 25, "{} entries", messages.shelf_slots());
    assert_eq!(fate(&ended, 0), (300, 300, 0));
}

#[test]
fn a_broker_that_is_back_retains_what_was_put_away_before() {
    let mut setup = setup(300, config(), consumer(1, 1));
    setup.faults.push(fault_at(1005, crash("broker/1", Some(200))));
    let before = world_at(&setup, 1000);
    assert!(put_away(&before) > 95);
    let ended = end(before, &setup);
    let (addressed, processed, _) = fate(&ended, 0);
    assert_eq!((addressed, processed), (300, 300));
    let crate::Part::LogBroker(broker) = &ended.world.nodes()[0] else { unreachable!() };
    let partition = &broker.partitions()[0];
    assert!((partition.start(), partition.end()) == (0, 300));
    assert!(put_away(&ended.world) > 250);
}

#[test]
fn who_has_not_passed_what_is_put_away_is_found_out() {
    let ended = run(&setup(3, config(), consumer(1, 1)), Recorder::Off);
    let shared = ended.world.shared();
    let mut census = Census::of(&ended.world);
    assert_eq!(census.difference(), None);
    let (id, _) = shared.messages.all_put_away().next().expect("all are");
    census.logged(id, Some(SubscriptionId(0)));
    let difference = census.difference();
    insta::assert_snapshot!(difference.expect("it is one too many"), @"copies of p#1, which is put away: 1 in the ledger, 2 found");
}

#[test]
fn what_had_to_wait_for_the_broker_is_put_away_too() {
    let mut setup = setup(1000, config(), consumer(1, 1));
    setup.faults.push(fault_at(1000, crash("broker/1", Some(8000))));
    let ended = run(&setup, Recorder::Off);
    assert_eq!(fate(&ended, 0).1, 1000);
    assert!(put_away(&ended.world) > 990);
}

#[test]
fn what_has_come_to_harm_stays_in_its_record() {
    // The first attempt to publish the third message is taken out, and the handler drops the fifth.
    let mut consumer = consumer(1, 1);
    consumer.on_failure = OnFailure::Drop;
    let mut setup = setup(10, with_client(|client| client.request_timeout = Span::seconds(1)), consumer);
    let name = |number| MessageName { producer: 0, member: 0, number };
    let drop = FaultKind::Drop { packet: PacketKind::Publish, message: Some(name(3)), times: 1 };
    setup.faults.push(fault_at(0, drop));
    let which = Which::Messages(vec![name(5)]);
    setup.faults.push(fault_at(0, FaultKind::FailingHandler { subscription: None, which, times: None }));
    let ended = run(&setup, Recorder::Off);
    let messages = &ended.world.shared().messages;
    let open: Vec<u32> = messages.all_live().map(|m| messages.get(m).number).collect();
    assert_eq!((put_away(&ended.world), open.len()), (8, 2), "{open:?} are open");
    assert!([3, 5].iter().all(|number| open.contains(number)), "{open:?}");
}
