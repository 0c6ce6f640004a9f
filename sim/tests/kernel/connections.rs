//! Connections: in order, stalled by a lost segment, broken by a crash or by silence.

use crate::bench::*;
use insta::assert_snapshot;
use redeliver_sim::*;

fn lossy() -> LinkSpec {
    LinkSpec { loss: Chance::new(0.5), ..plain() }
}

#[test]
fn packets_stay_in_order_under_jitter() {
    let jittery = LinkSpec { jitter: Distribution::Uniform { low: 0, high: 10_000_000 }, ..plain() };
    let mut bench = Bench::connected(jittery, Toy::default());
    bench.send((1..=50).map(packet)).finish();
    assert_eq!(bench.got(), (1..=50).collect::<Vec<_>>());
    // It does jitter: datagrams overtake each other.
    bench.client(|out| (1..=50).for_each(|number| out.datagram(LINE, packet(number)))).finish();
    assert_ne!(bench.got()[50..], (1..=50).collect::<Vec<_>>()[..]);
}

#[test]
fn a_lost_segment_stalls_what_is_behind_it() {
    let mut bench = Bench::connected(lossy(), Toy::default());
    bench.send([unlucky(1), lucky(2)]).until(150_000).send([lucky(3)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.301000  server  Got(1)
    0.301000  server  Got(2)
    0.301000  server  Got(3)
    ");
    let mut bench = Bench::connected(lossy(), Toy::default());
    bench.send([lucky(1), lucky(2)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.101000  server  Got(1)
    0.101000  server  Got(2)
    ");
}

#[test]
fn three_later_ones_bring_a_lost_segment_back_sooner() {
    let mut bench = Bench::connected(lossy(), Toy::default());
    bench.send([unlucky(1)]);
    for number in 2..=4 {
        bench.until(100_000 + u64::from(number) * 200).send([lucky(number)]);
    }
    bench.finish();
    assert_snapshot!(bench.log(), @r"
    0.103800  server  Got(1)
    0.103800  server  Got(2)
    0.103800  server  Got(3)
    0.103800  server  Got(4)
    ");
}

#[test]
fn a_dead_process_resets_its_connections() {
    let mut bench = Bench::connected(plain(), Toy::default());
    bench.server(|out| out.send(LINE, packet(7))).send([packet(1)]).until(100_500);
    bench.world.die(SERVER, Death::Process);
    bench.finish().send([packet(2)]);
    assert_snapshot!(bench.log(), @r"
    0.100500  server  Crashed
    0.101000  client  Got(7)
    0.101000  server  Dropped(1, Reset)
    0.101500  client  Changed(Reset)
    3.005000  client  Dropped(2, Reset)
    ");
}

#[test]
fn a_dead_machine_is_silent() {
    let mut bench = Bench::connected(plain(), Toy::default());
    bench.world.die(SERVER, Death::Machine);
    bench.send([packet(1)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.100000  server  MachineCrashed
    0.101000  server  Dropped(1, Reset)
    60.100000  client  Changed(Reset)
    ");
}

#[test]
fn a_call_is_refused_by_a_machine_and_not_answered_by_a_dead_one() {
    let mut bench = Bench::new(plain());
    bench.world.die(SERVER, Death::Process);
    bench.client(|out| out.connect(LINE)).until(1_000_000);
    bench.world.restart(SERVER);
    bench.world.die(SERVER, Death::Machine);
    bench.client(|out| out.connect(LINE)).finish();
    assert_snapshot!(bench.log(), @r"
    0.000000  server  Crashed
    0.002000  client  Changed(Refused)
    1.000000  server  Restarted
    1.000000  server  Started(0)
    1.000000  server  MachineCrashed
    4.000000  client  Changed(Refused)
    ");
}

#[test]
fn a_call_does_not_pass_a_partition() {
    let faults = vec![cut(&[0], 0, 10_000_000)];
    let mut bench = Bench::built(plain(), Toy::default(), machine(), faults);
    bench.until(0).client(|out| out.connect(LINE)).finish();
    assert_snapshot!(bench.log(), @r"
    0.000000  client  PartitionBegan
    3.000000  client  Changed(Refused)
    10.000000  client  PartitionEnded
    ");
}

#[test]
fn a_call_that_was_answered_is_not_refused_later() {
    let mut bench = Bench::connected(plain(), Toy::default());
    bench.world.die(SERVER, Death::Process);
    bench.until(10_000_000);
    assert_snapshot!(bench.log(), @r"
    0.100000  server  Crashed
    0.101000  client  Changed(Reset)
    ");
}

#[test]
fn a_short_partition_stalls_a_connection() {
    let faults = vec![cut(&[0, 1], 200_000, 500_000)];
    let mut bench = Bench::built(plain(), Toy::default(), machine(), faults).connect();
    bench.until(199_500).send([packet(1)]).until(300_000).send([packet(2)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.200000  client  PartitionBegan
    0.200000  server  PartitionBegan
    0.200500  server  Got(1)
    0.700000  client  PartitionEnded
    0.700000  server  PartitionEnded
    0.901000  server  Got(2)
    ");
}

#[test]
fn a_long_partition_breaks_it_at_both_ends() {
    let faults = vec![cut(&[0, 1], 200_000, 70_000_000)];
    let mut bench = Bench::built(plain(), Toy::default(), machine(), faults).connect();
    bench.until(300_000).send([packet(1)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.200000  client  PartitionBegan
    0.200000  server  PartitionBegan
    60.200000  server  Changed(Reset)
    60.200000  client  Dropped(1, Reset)
    60.200000  client  Changed(Reset)
    70.200000  client  PartitionEnded
    70.200000  server  PartitionEnded
    ");
}

#[test]
fn in_a_partition_of_one_direction_the_deaf_end_tells_the_other() {
    let faults = vec![cut(&[0], 200_000, 70_000_000)];
    let mut bench = Bench::built(plain(), Toy::default(), machine(), faults).connect();
    bench.finish();
    assert_snapshot!(bench.log(), @r"
    0.200000  client  PartitionBegan
    60.200000  server  Changed(Reset)
    60.201000  client  Changed(Reset)
    70.200000  client  PartitionEnded
    ");
}

#[test]
fn a_server_learns_that_a_client_died_before_its_answer_came() {
    let mut bench = Bench::new(plain());
    bench.client(|out| out.connect(LINE)).until(1_500);
    bench.world.die(CLIENT, Death::Process);
    bench.finish();
    assert_snapshot!(bench.log(), @r"
    0.001000  server  Changed(Connected)
    0.001500  client  Crashed
    0.002500  server  Changed(Reset)
    ");
}

#[test]
fn a_server_takes_a_new_call_for_the_end_of_the_old_connection() {
    let mut bench = Bench::connected(plain(), Toy::default());
    bench.world.die(CLIENT, Death::Machine);
    bench.world.restart(CLIENT);
    bench.server(|out| out.send(LINE, packet(1)));
    bench.client(|out| out.connect(LINE)).until(200_000).send([packet(2)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.100000  client  MachineCrashed
    0.100000  client  Restarted
    0.100000  client  Started(0)
    0.101000  client  Dropped(1, Reset)
    0.101000  server  Changed(Reset)
    0.101000  server  Changed(Connected)
    0.102000  client  Changed(Connected)
    0.201000  server  Got(2)
    ");
}

#[test]
fn closing_lets_pass_what_was_sent_before() {
    let mut bench = Bench::connected(plain(), Toy::default());
    bench.send([packet(1)]).client(|out| out.close(LINE)).finish();
    assert_snapshot!(bench.log(), @r"
    0.101000  server  Got(1)
    0.101000  server  Changed(Closed)
    ");
}

#[test]
fn a_reset_tells_both_ends_and_drops_what_is_under_way() {
    let action = Action::Reset { victims: Victims::Nodes(vec![SERVER]) };
    let faults = vec![Fault { trigger: Trigger::At(Time(100_500_000)), action }];
    let mut bench = Bench::built(plain(), Toy::default(), machine(), faults).connect();
    bench.send([packet(1)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.100500  server  ConnectionReset
    0.100500  server  Changed(Reset)
    0.101000  server  Dropped(1, Reset)
    0.101500  client  Changed(Reset)
    ");
}

#[test]
fn a_reset_behind_an_answer_tells_the_client_behind_it_too() {
    let action = Action::Reset { victims: Victims::Nodes(vec![SERVER]) };
    let faults = vec![Fault { trigger: Trigger::At(Time(1_500_000)), action }];
    let mut bench = Bench::built(plain(), Toy::default(), machine(), faults);
    bench.until(0).client(|out| out.connect(LINE)).finish();
    assert_snapshot!(bench.log(), @r"
    0.001000  server  Changed(Connected)
    0.001500  server  ConnectionReset
    0.001500  server  Changed(Reset)
    0.002000  client  Changed(Connected)
    0.002500  client  Changed(Reset)
    ");
}

#[test]
fn a_reset_of_what_a_server_takes_for_alive_does_not_end_the_call_that_waits_for_it() {
    let reset = |at| {
        let action = Action::Reset { victims: Victims::Nodes(vec![SERVER]) };
        Fault { trigger: Trigger::At(Time(at)), action }
    };
    let trouble = Trouble::Pause { lasts: Span::seconds(1) };
    let action = Action::Trouble { victims: Victims::Nodes(vec![SERVER]), trouble, lasts: None };
    let pause = Fault { trigger: Trigger::At(Time(200_000_000)), action };
    let faults = vec![pause, reset(300_000_000), reset(500_000_000)];
    let mut bench = Bench::built(plain(), Toy::default(), machine(), faults).connect();
    bench.until(400_000).client(|out| out.connect(LINE)).until(2_000_000).send([packet(1)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.200000  server  Paused
    0.300000  server  ConnectionReset
    0.301000  client  Changed(Reset)
    0.500000  server  ConnectionReset
    1.200000  server  Resumed
    1.200000  server  Changed(Reset)
    1.200000  server  Changed(Connected)
    1.201000  client  Changed(Connected)
    2.001000  server  Got(1)
    ");
}

#[test]
fn who_does_not_read_chokes_the_sender() {
    let mut bench = Bench::connected(plain(), Toy::default());
    bench.server(|out| out.stop_reading(LINE));
    let large = |number| Packet { bytes: 200_000, ..packet(number) };
    bench.send([large(1), large(2)]).until(200_000);
    assert_eq!(bench.got(), []);
    bench.client(|out| assert!(!out.is_writable(LINE)));
    bench.server(|out| out.resume_reading(LINE)).finish();
    assert_snapshot!(bench.log(), @r"
    0.200000  server  Got(1)
    0.200000  server  Got(2)
    0.201000  client  Changed(Writable)
    ");
    bench.client(|out| assert!(out.is_writable(LINE)));
}

#[test]
fn what_waited_unread_comes_before_what_arrives_at_that_instant() {
    let mut bench = Bench::connected(plain(), Toy::default());
    bench.server(|out| out.stop_reading(LINE));
    bench.send([packet(1), packet(2)]).until(150_000).send([packet(3)]);
    // The server reads again at the very instant at which packet 3 arrives.
    bench.until(150_999).world.advance_to(Time(151_000_000));
    bench.server(|out| out.resume_reading(LINE)).finish();
    assert_eq!(bench.got(), [1, 2, 3]);
}

#[test]
fn who_stops_reading_again_gets_no_more() {
    let mut bench = Bench::connected(plain(), Toy::default());
    bench.server(|out| out.stop_reading(LINE)).send([packet(1), packet(2)]).until(150_000);
    bench.server(|out| out.resume_reading(LINE));
    bench.world.step();
    bench.server(|out| out.stop_reading(LINE)).until(300_000);
    assert_eq!(bench.got(), [1]);
    bench.server(|out| out.resume_reading(LINE)).finish();
    assert_eq!(bench.got(), [1, 2]);
}

#[test]
fn a_link_of_some_bandwidth_sends_one_after_the_other() {
    let mut bench = Bench::connected(LinkSpec { bandwidth: Some(100_000.0), ..plain() }, Toy::default());
    bench.send([packet(1), packet(2)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.102000  server  Got(1)
    0.103000  server  Got(2)
    ");
}
