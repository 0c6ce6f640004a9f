//! Nodes: their cores, timers, disks, and what a crash leaves.

use crate::bench::*;
use insta::assert_snapshot;
use redeliver_sim::*;

#[test]
fn work_waits_for_a_free_core() {
    let two = Machine { cores: 2, ..machine() };
    let mut bench = Bench::with(plain(), Toy::default(), two);
    bench.server(|out| (1..=5).for_each(|piece| out.work(Span::millis(10), piece))).finish();
    assert_snapshot!(bench.log(), @r"
    0.010000  server  Told(1)
    0.010000  server  Told(2)
    0.020000  server  Told(3)
    0.020000  server  Told(4)
    0.030000  server  Told(5)
    ");
}

#[test]
fn a_crash_voids_work_timers_and_alarms() {
    let mut bench = Bench::new(plain());
    bench.server(|out| {
        out.work(Span::millis(10), 1);
        out.work(Span::millis(10), 2);
        out.delay(Span::millis(10), 3);
        out.deadline(Span::millis(10), 4);
        out.set_alarm(0, Span::millis(10), 5);
        out.sync(6);
    });
    bench.world.die(SERVER, Death::Process);
    bench.world.restart(SERVER);
    bench.server(|out| out.work(Span::millis(20), 7)).finish();
    assert_snapshot!(bench.log(), @r"
    0.000000  server  Crashed
    0.000000  server  Restarted
    0.000000  server  Started(0)
    0.020000  server  Told(7)
    ");
    assert!(bench.world.is_quiet());
}

#[test]
fn an_alarm_is_replaced_or_cancelled() {
    let mut bench = Bench::new(plain());
    bench.server(|out| {
        out.set_alarm(0, Span::millis(10), 1);
        out.set_alarm(1, Span::millis(10), 2);
        out.set_alarm(2, Span::millis(10), 3);
        out.set_alarm(0, Span::millis(20), 4);
        out.cancel_alarm(2);
    });
    bench.finish();
    assert_snapshot!(bench.log(), @r"
    0.010000  server  Told(2)
    0.020000  server  Told(4)
    ");
}

#[test]
fn only_what_was_synced_survives_the_machine() {
    let write = |bench: &mut Bench| {
        bench.server(|out| {
            out.append(FileId(0), 1, 1_000_000).unwrap();
            out.sync(10);
            out.append(FileId(0), 2, 1_000_000).unwrap();
            out.set_register(0, 3);
            out.after_transfers(11);
        });
        bench.until(50_000);
        bench.server(|out| {
            out.append(FileId(0), 4, 1_000_000).unwrap();
            out.sync(12);
        });
        bench.until(51_000);
    };
    let mut bench = Bench::new(plain());
    write(&mut bench);
    bench.world.die(SERVER, Death::Machine);
    bench.world.restart(SERVER);
    assert_snapshot!(bench.log(), @r"
    0.003000  server  Told(10)
    0.004000  server  Told(11)
    0.051000  server  MachineCrashed
    0.051000  server  Unsynced(4)
    0.051000  server  Unsynced(2)
    0.051000  server  Restarted
    0.051000  server  Started(1)
    ");
    bench.server(|out| assert_eq!(out.disk().register(0), None));
    // A process that dies leaves it all in the page cache.
    let mut bench = Bench::new(plain());
    write(&mut bench);
    bench.world.die(SERVER, Death::Process);
    bench.world.restart(SERVER);
    assert!(bench.log().ends_with("Started(3)"));
    bench.server(|out| assert_eq!(out.disk().register(0), Some(3)));
}

#[test]
fn a_node_comes_back_as_its_blueprint() {
    let mut bench = Bench::new(plain());
    bench.client(|out| out.datagram(LINE, packet(1))).finish();
    for _ in 0..2 {
        bench.world.die(SERVER, Death::Process);
        bench.world.restart(SERVER);
    }
    assert_snapshot!(bench.log(), @r"
    0.001000  server  Got(1)
    0.001000  server  Crashed
    0.001000  server  Forgets(1)
    0.001000  server  Restarted
    0.001000  server  Started(0)
    0.001000  server  Crashed
    0.001000  server  Restarted
    0.001000  server  Started(0)
    ");
}

#[test]
fn calls_before_time_0_take_no_time_and_what_follows_from_deadlines_does() {
    let calling = Toy { calls: true, ..Toy::default() };
    let mut bench = Bench::of(plain(), [calling, Toy::default()], machine(), Vec::new());
    bench.finish();
    assert_snapshot!(bench.log(), @r"
    0.000000  server  Started(0)
    0.000000  client  Started(0)
    0.000000  server  Changed(Connected)
    0.000000  client  Changed(Connected)
    0.000000  client  Told(9)
    0.001000  server  Got(9)
    ");
}

#[test]
fn a_clock_may_be_wrong() {
    let mut bench = Bench::with(plain(), Toy::default(), Machine { clock_offset: -5_000, ..machine() });
    bench.server(|out| assert_eq!((out.clock(), out.now()), (Stamp(-5_000), Time::ZERO)));
    bench.client(|out| assert_eq!(out.clock(), Stamp(0)));
}

#[test]
fn a_world_and_its_copy_go_on_alike() {
    let half = Chance::new(0.5);
    let jitter = Distribution::Exponential { mean: 1e6 };
    let link = LinkSpec { loss: half, duplication: half, jitter, ..plain() };
    let mut bench = Bench::connected(link, Toy { answers: true, ..Toy::default() });
    bench.send((1..100).map(packet));
    bench.client(|out| (1..100).for_each(|number| out.datagram(LINE, packet(number)))).until(101_000);
    let mut copy = bench.clone();
    assert_eq!(copy.finish().log(), bench.finish().log());
    assert!(bench.got().len() > 150);
    // A copy is one's own: what is done to it does not show in the other.
    copy.world.die(SERVER, Death::Process);
    assert_ne!(copy.world.checks(), bench.world.checks());
}
