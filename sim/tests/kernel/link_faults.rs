//! What faults do to links for a while, and what becomes of connections to those who were gone.

use crate::bench::*;
use insta::assert_snapshot;
use redeliver_sim::*;

fn datagrams_at(bench: &mut Bench, times: &[(u64, u32)]) {
    for (at, number) in times {
        bench.until(*at).client(|out| out.datagram(LINE, packet(*number)));
    }
    bench.finish();
}

#[test]
fn a_jam_holds_datagrams_and_releases_them() {
    let faults = vec![impair(Effect::Jam, 2_000, 5_000)];
    let mut bench = Bench::built(plain(), Toy::default(), machine(), faults);
    datagrams_at(&mut bench, &[(1_500, 1), (3_000, 2), (4_000, 3), (7_500, 4)]);
    assert_snapshot!(bench.log(), @r"
    0.002000  client  ImpairmentBegan
    0.002000  server  ImpairmentBegan
    0.002500  server  Got(1)
    0.007000  client  ImpairmentEnded
    0.007000  server  ImpairmentEnded
    0.008000  server  Got(2)
    0.008000  server  Got(3)
    0.008500  server  Got(4)
    ");
}

#[test]
fn a_jam_holds_a_connection_and_releases_it_at_once() {
    let faults = vec![impair(Effect::Jam, 200_000, 500_000), impair(Effect::Jam, 300_000, 100_000)];
    let mut bench = Bench::built(plain(), Toy::default(), machine(), faults).connect();
    bench.until(250_000).send([packet(1)]).until(600_000).send([packet(2)]).until(800_000);
    bench.send([packet(3)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.200000  client  ImpairmentBegan
    0.200000  server  ImpairmentBegan
    0.300000  client  ImpairmentBegan
    0.300000  server  ImpairmentBegan
    0.400000  client  ImpairmentEnded
    0.400000  server  ImpairmentEnded
    0.700000  client  ImpairmentEnded
    0.700000  server  ImpairmentEnded
    0.701000  server  Got(1)
    0.701000  server  Got(2)
    0.801000  server  Got(3)
    ");
}

#[test]
fn a_slow_link_delays_and_a_lossy_one_loses_while_the_fault_lasts() {
    let slow = impair(Effect::Slow(Distribution::Constant(9_000_000)), 1_000, 2_000);
    let loss = impair(Effect::Lose(Chance::ALWAYS), 4_000, 2_000);
    let twice = impair(Effect::Duplicate(Chance::ALWAYS), 7_000, 2_000);
    let mut bench = Bench::built(plain(), Toy::default(), machine(), vec![slow, loss, twice]);
    datagrams_at(&mut bench, &[(500, 1), (2_000, 2), (3_500, 3), (5_000, 4), (8_000, 5), (9_500, 6)]);
    let log = bench.log();
    let lines: Vec<&str> = log.lines().filter(|line| !line.contains("Impairment")).collect();
    assert_snapshot!(lines.join("\n"), @r"
    0.001500  server  Got(1)
    0.004500  server  Got(3)
    0.005000  client  Dropped(4, Loss)
    0.008000  client  Doubled(5)
    0.009000  server  Got(5)
    0.009000  server  Got(5)
    0.010500  server  Got(6)
    0.012000  server  Got(2)
    ");
}

#[test]
fn a_segment_that_a_fault_loses_is_sent_again_with_back_off() {
    let faults = vec![impair(Effect::Lose(Chance::ALWAYS), 200_000, 1_000_000)];
    let mut bench = Bench::built(plain(), Toy::default(), machine(), faults).connect();
    bench.until(300_000).send([packet(1)]).until(400_000).send([packet(2)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.200000  client  ImpairmentBegan
    0.200000  server  ImpairmentBegan
    1.200000  client  ImpairmentEnded
    1.200000  server  ImpairmentEnded
    1.701000  server  Got(1)
    1.701000  server  Got(2)
    ");
}

#[test]
fn the_fault_of_one_link_does_not_change_the_luck_of_others() {
    let half = Chance::new(0.5);
    let lossy = LinkSpec { loss: half, jitter: Distribution::Exponential { mean: 1e6 }, ..plain() };
    let run = |faults| {
        let mut bench = Bench::built(lossy.clone(), Toy::default(), machine(), faults);
        bench.client(|out| (1..=100).for_each(|number| out.datagram(LINE, packet(number))));
        bench.until(1_000_000).log();
        bench.client(|out| (1..=100).for_each(|number| out.datagram(LINE, packet(number))));
        bench.finish().log()
    };
    let without = run(Vec::new());
    for effect in [Effect::Jam, Effect::Lose(half), Effect::Duplicate(half)] {
        assert_eq!(run(vec![impair(effect, 0, 500_000)]), without);
    }
    // Nor do packets that a fault spares fare otherwise than without it.
    let lost = run(vec![impair(Effect::Lose(half), 500_000, 5_000_000)]);
    let got = |log: &str| log.lines().filter(|l| l.contains("Got")).map(str::to_string).collect::<Vec<_>>();
    assert!(got(&lost).len() < got(&without).len());
    assert!(got(&lost).iter().all(|line| without.contains(line)));
}

#[test]
fn a_partition_may_take_what_is_on_its_way() {
    let action = Action::Cut { links: these(&[0]), in_flight_lost: true, lasts: Some(Span::millis(300)) };
    let fault = Fault { trigger: Trigger::At(Time(200_500_000)), action };
    let mut bench = Bench::built(plain(), Toy::default(), machine(), vec![fault]).connect();
    bench.until(200_000).send([packet(1), packet(2)]).client(|out| out.datagram(LINE, packet(3)));
    bench.until(300_000).send([packet(4)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.200500  client  PartitionBegan
    0.200500  client  Dropped(3, Partition)
    0.500500  client  PartitionEnded
    0.801500  server  Got(1)
    0.801500  server  Got(2)
    0.801500  server  Got(4)
    ");
}

#[test]
fn a_partition_may_meet_the_node_that_noted_a_fact() {
    let links = Links::Noter { others: Vec::new(), one_way: true };
    let action = Action::Cut { links, in_flight_lost: false, lasts: Some(Span::millis(10)) };
    let trigger = Trigger::On { pattern: 1, after: Span::ZERO, times: 1 };
    let answering = Toy { answers: true, ..Toy::default() };
    let mut bench = Bench::built(plain(), answering, machine(), vec![Fault { trigger, action }]).connect();
    bench.send([packet(1)]).until(105_000).send([packet(2)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.101000  server  Got(1)
    0.101000  server  PartitionBegan
    0.101000  server  Answers(1)
    0.106000  server  Got(2)
    0.106000  server  Answers(2)
    0.111000  server  PartitionEnded
    0.302000  client  Got(101)
    0.302000  client  Got(102)
    ");
}

#[test]
fn a_machine_that_is_back_answers_the_first_segment_by_a_reset() {
    let mut bench = Bench::connected(plain(), Toy::default());
    bench.world.die(SERVER, Death::Machine);
    bench.until(5_000_000).world.restart(SERVER);
    bench.until(6_000_000).send([packet(1), packet(2)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.100000  server  MachineCrashed
    5.000000  server  Restarted
    5.000000  server  Started(0)
    6.001000  server  Dropped(1, Reset)
    6.001000  server  Dropped(2, Reset)
    6.002000  client  Changed(Reset)
    ");
}

#[test]
fn what_was_sent_to_a_dead_machine_is_sent_again_and_meets_a_reset() {
    let mut bench = Bench::connected(plain(), Toy::default());
    bench.world.die(SERVER, Death::Machine);
    bench.until(1_000_000).send([packet(1)]).until(2_000_000).world.restart(SERVER);
    bench.finish();
    assert_snapshot!(bench.log(), @r"
    0.100000  server  MachineCrashed
    1.001000  server  Dropped(1, Reset)
    2.000000  server  Restarted
    2.000000  server  Started(0)
    2.402000  client  Changed(Reset)
    ");
}

#[test]
fn a_reset_that_a_partition_kept_back_is_made_up_for() {
    let faults = vec![cut(&[0, 1], 200_000, 1_000_000)];
    let mut bench = Bench::built(plain(), Toy::default(), machine(), faults).connect();
    bench.until(300_000).world.die(SERVER, Death::Process);
    bench.until(2_000_000).send([packet(1)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.200000  client  PartitionBegan
    0.200000  server  PartitionBegan
    0.300000  server  Crashed
    1.200000  client  PartitionEnded
    1.200000  server  PartitionEnded
    2.001000  server  Dropped(1, Reset)
    2.002000  client  Changed(Reset)
    ");
}
