//! The end of all faults; processes that are told to end; how much may be down at once.

use crate::bench::*;
use insta::assert_snapshot;
use redeliver_sim::*;

fn at(microseconds: u64) -> Trigger<u32> {
    Trigger::At(Time(microseconds * 1_000))
}

#[test]
fn when_all_is_healed_who_was_down_boots_and_nothing_breaks_any_more() {
    let disk = Action::FillDisk { victims: Victims::Nodes(vec![CLIENT]), lasts: None };
    let drop = Fault { trigger: at(0), action: Action::Drop { pattern: 1, times: 9 } };
    let faults = vec![
        crash_of(SERVER, at(1_000), None),
        Fault { trigger: at(1_000), action: disk },
        cut(&[0], 2_000, 60_000),
        drop,
        crash_of(CLIENT, at(50_000), None),
        crash_of(SERVER, Trigger::On { pattern: 1, after: Span::ZERO, times: 9 }, None),
    ];
    let mut bench = Bench::built(plain(), Toy::default(), machine(), faults);
    bench.world.heal_at(Time::ZERO + Span::millis(10));
    bench.until(9_999).client(|out| assert!(out.append(FileId(0), 1, 10).is_err()));
    bench.until(20_000).client(|out| assert!(out.append(FileId(0), 1, 10).is_ok()));
    bench.client(|out| out.datagram(LINE, packet(1)));
    bench.finish();
    assert_snapshot!(bench.log(), @r"
    0.001000  server  Crashed
    0.001000  client  DiskFilled
    0.002000  client  PartitionBegan
    0.010000  client  DiskRecovered
    0.010000  client  PartitionEnded
    0.010000  server  Restarted
    0.010000  server  Started(0)
    0.021000  server  Got(1)
    ");
}

#[test]
fn who_is_still_to_come_does_not_come_sooner_because_all_is_healed() {
    let late = Machine { starts: Time::ZERO + Span::millis(50), ..machine() };
    let mut bench = Bench::built(plain(), Toy::default(), late, Vec::new());
    bench.world.heal_at(Time::ZERO + Span::millis(10));
    bench.until(40_000);
    assert!(!bench.world.is_up(SERVER));
}

#[test]
fn a_process_that_is_told_to_end_says_good_bye_and_its_connections_close() {
    let action = Action::Stop { victims: Victims::Nodes(vec![CLIENT]), restart_after: Span::millis(5) };
    let fault = Fault { trigger: at(200_000), action };
    let mut bench = Bench::built(plain(), Toy::default(), machine(), vec![fault]).connect();
    bench.finish();
    assert_snapshot!(bench.log(), @r"
    0.200000  client  Stopped
    0.201000  server  Got(99)
    0.201000  server  Changed(Closed)
    0.205000  client  Restarted
    0.205000  client  Started(0)
    ");
}

#[test]
fn a_crash_that_would_take_too_many_down_is_skipped() {
    let faults = vec![
        crash_of(SERVER, at(1_000), Some(Span::millis(4))),
        crash_of(CLIENT, at(2_000), Some(Span::millis(4))),
        crash_of(CLIENT, at(6_000), Some(Span::millis(4))),
        crash_of(SERVER, Trigger::On { pattern: 1, after: Span::ZERO, times: 1 }, None),
        crash_of(CLIENT, Trigger::On { pattern: 1, after: Span::ZERO, times: 1 }, None),
    ];
    let mut bench = Bench::built(plain(), Toy::default(), machine(), faults);
    bench.world.add_budget(vec![CLIENT, SERVER], 1);
    bench.until(20_000).client(|out| out.datagram(LINE, packet(1)));
    bench.finish();
    assert_eq!(bench.world.faults_skipped(), 2);
    assert_snapshot!(bench.log(), @r"
    0.001000  server  Crashed
    0.005000  server  Restarted
    0.005000  server  Started(0)
    0.006000  client  Crashed
    0.010000  client  Restarted
    0.010000  client  Started(0)
    0.021000  server  Got(1)
    0.021000  server  Crashed
    0.021000  server  Forgets(1)
    ");
}
