//! Connections one after the other over the same links: what of one is left when the next begins, and how each ends.

use crate::bench::*;
use insta::assert_snapshot;
use redeliver_sim::*;

fn bench(link: LinkSpec, faults: Vec<Fault<Toys>>) -> Bench {
    Bench::built(link, Toy::default(), machine(), faults).connect()
}

#[test]
fn a_server_that_is_cut_off_gives_up_in_its_time_though_its_client_calls_again() {
    let mut bench = bench(plain(), vec![cut(&[0, 1], 1_000_000, 400_000_000)]);
    bench.until(2_000_000).world.die(CLIENT, Death::Process);
    bench.world.restart(CLIENT);
    for second in 3..100 {
        bench.until(second * 1_000_000).client(|out| out.connect(LINE));
    }
    let log = bench.log();
    let told: Vec<&str> = log.lines().filter(|line| line.contains("server  Changed")).collect();
    assert_eq!(told, ["61.000000  server  Changed(Reset)"]);
}

#[test]
fn a_call_after_another_does_not_wait_for_what_the_other_had_sent() {
    let slow = impair(Effect::Slow(Distribution::Constant(60_000_000_000)), 200_000, 100_000);
    let mut bench = bench(plain(), vec![slow]);
    bench.until(250_000).send([packet(1)]).until(400_000);
    bench.client(|out| out.close(LINE)).client(|out| out.connect(LINE)).finish();
    assert_snapshot!(bench.log(), @r"
    0.200000  client  ImpairmentBegan
    0.200000  server  ImpairmentBegan
    0.300000  client  ImpairmentEnded
    0.300000  server  ImpairmentEnded
    0.401000  server  Changed(Reset)
    0.401000  server  Changed(Connected)
    0.402000  client  Changed(Connected)
    60.251000  server  Dropped(1, Reset)
    ");
}

#[test]
fn what_follows_an_answer_waits_with_it_for_a_paused_client() {
    let trouble = Trouble::Pause { lasts: Span::millis(10) };
    let action = Action::Trouble { victims: Victims::Nodes(vec![CLIENT]), trouble, lasts: None };
    let pause = Fault { trigger: Trigger::At(Time(1_500_000)), action };
    let mut bench = Bench::built(plain(), Toy::default(), machine(), vec![pause]);
    bench.client(|out| out.connect(LINE)).until(1_200).server(|out| out.send(LINE, packet(1))).finish();
    assert_snapshot!(bench.log(), @r"
    0.001000  server  Changed(Connected)
    0.001500  client  Paused
    0.011500  client  Resumed
    0.011500  client  Changed(Connected)
    0.011500  client  Got(1)
    ");
}

#[test]
fn what_follows_an_answer_is_sent_again_if_it_is_lost_on_its_way() {
    let links = these(&[0, 1]);
    let action = Action::Cut { links, in_flight_lost: true, lasts: Some(Span::millis(1)) };
    let fault = Fault { trigger: Trigger::At(Time(1_500_000)), action };
    let mut bench = Bench::built(plain(), Toy::default(), machine(), vec![fault]);
    bench.client(|out| out.connect(LINE)).until(1_200).server(|out| out.send(LINE, packet(1))).finish();
    assert_snapshot!(bench.log(), @r"
    0.001000  server  Changed(Connected)
    0.001500  client  PartitionBegan
    0.001500  server  PartitionBegan
    0.002000  client  Changed(Connected)
    0.002500  client  PartitionEnded
    0.002500  server  PartitionEnded
    0.202500  client  Got(1)
    ");
}

#[test]
fn who_closes_is_heard_behind_what_it_had_sent() {
    let half = LinkSpec { loss: Chance::new(0.5), ..plain() };
    let mut bench = bench(half, Vec::new());
    bench.send([unlucky(1), lucky(2)]).client(|out| out.close(LINE)).finish();
    assert_snapshot!(bench.log(), @r"
    0.301000  server  Got(1)
    0.301000  server  Got(2)
    0.301000  server  Changed(Closed)
    ");
}

#[test]
fn the_end_of_a_connection_is_read_behind_what_waited_unread() {
    let mut bench = bench(plain(), Vec::new());
    bench.server(|out| out.stop_reading(LINE));
    bench.send([packet(1), packet(2)]).client(|out| out.close(LINE)).until(200_000);
    bench.server(|out| out.resume_reading(LINE)).finish();
    assert_snapshot!(bench.log(), @r"
    0.200000  server  Got(1)
    0.200000  server  Got(2)
    0.200000  server  Changed(Closed)
    ");
}

#[test]
fn a_client_that_gives_up_its_call_tells_the_server_that_has_answered() {
    // The answer does not come.
    let mut bench = Bench::built(plain(), Toy::default(), machine(), vec![cut(&[1], 1, 10_000)]);
    bench.until(100).client(|out| out.connect(LINE)).finish();
    assert_snapshot!(bench.log(), @r"
    0.000001  server  PartitionBegan
    0.001100  server  Changed(Connected)
    0.010001  server  PartitionEnded
    3.000100  client  Changed(Refused)
    3.001100  server  Changed(Reset)
    ");
}

#[test]
fn a_link_that_loses_everything_breaks_a_connection_as_a_partition_does() {
    let loss = impair(Effect::Lose(Chance::ALWAYS), 200_000, 100_000_000);
    let mut bench = bench(plain(), vec![loss]);
    bench.until(300_000).send([packet(1)]).until(70_000_000).client(|out| out.connect(LINE)).finish();
    assert_snapshot!(bench.log(), @r"
    0.200000  client  ImpairmentBegan
    0.200000  server  ImpairmentBegan
    60.300000  server  Changed(Reset)
    70.000000  client  Dropped(1, Reset)
    73.000000  client  Changed(Refused)
    100.200000  client  ImpairmentEnded
    100.200000  server  ImpairmentEnded
    ");
}

#[test]
fn news_of_a_connection_take_as_long_as_other_packets_not_as_long_as_the_mean() {
    // Of a tail so heavy that it has no mean.
    let pareto = Distribution::Pareto { scale: 1e6, shape: 1.0 };
    let mut bench = Bench::new(LinkSpec { jitter: pareto, ..plain() });
    bench.client(|out| out.connect(LINE)).until(1_000_000);
    assert!(bench.log().contains("client  Changed(Connected)"));
}

#[test]
fn what_was_held_up_leaves_at_the_pace_of_the_link() {
    // One packet of 100 bytes takes a millisecond.
    let narrow = LinkSpec { bandwidth: Some(100_000.0), ..plain() };
    let mut bench = bench(narrow, vec![cut(&[0], 150_000, 100_000)]);
    bench.until(160_000).send((1..=4).map(packet)).finish();
    assert_snapshot!(bench.log(), @r"
    0.150000  client  PartitionBegan
    0.250000  client  PartitionEnded
    0.362000  server  Got(1)
    0.363000  server  Got(2)
    0.364000  server  Got(3)
    0.365000  server  Got(4)
    ");
}
