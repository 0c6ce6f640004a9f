//! Machines in trouble: pauses, slow-downs, disks that stall or lie, clocks that go wrong.

use crate::bench::*;
use insta::assert_snapshot;
use redeliver_sim::*;

/// Trouble of the server from so many milliseconds on, for so many.
fn trouble(trouble: Trouble, at: u64, lasts: Option<u64>) -> Fault<Toys> {
    let victims = Victims::Nodes(vec![SERVER]);
    let action = Action::Trouble { victims, trouble, lasts: lasts.map(Span::millis) };
    Fault { trigger: Trigger::At(Time::ZERO + Span::millis(at)), action }
}

fn pause(at: u64, lasts: u64) -> Fault<Toys> {
    trouble(Trouble::Pause { lasts: Span::millis(lasts) }, at, None)
}

fn bench(faults: Vec<Fault<Toys>>) -> Bench {
    Bench::built(plain(), Toy { answers: true, ..Toy::default() }, machine(), faults)
}

#[test]
fn a_paused_process_is_told_afterwards_what_happened_in_its_order() {
    let mut bench = bench(vec![pause(101, 10)]).connect();
    bench.server(|out| {
        out.work(Span::millis(5), 1);
        out.work(Span::millis(5), 2);
        out.delay(Span::millis(3), 3);
        out.set_alarm(0, Span::millis(20), 4);
    });
    bench.until(101_500).send([packet(7)]).until(105_500).client(|out| out.datagram(LINE, packet(8)));
    bench.until(110_000).send([packet(9)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.101000  server  Paused
    0.111000  server  Resumed
    0.111000  server  Got(7)
    0.111000  server  Answers(7)
    0.111000  server  Told(3)
    0.111000  server  Got(8)
    0.111000  server  Answers(8)
    0.111000  server  Got(9)
    0.111000  server  Answers(9)
    0.112000  client  Got(107)
    0.112000  client  Got(108)
    0.112000  client  Got(109)
    0.115000  server  Told(1)
    0.120000  server  Told(4)
    0.120000  server  Told(2)
    ");
}

#[test]
fn what_comes_as_the_pause_ends_stays_behind_what_has_waited() {
    let mut bench = bench(vec![pause(101, 10)]).connect();
    bench.until(105_000).send([packet(1)]).until(110_000).send([packet(2)]).finish();
    assert_eq!(bench.got(), [1, 2, 101, 102]);
}

#[test]
fn a_peer_gives_up_a_connection_to_a_process_that_is_paused_for_long() {
    let mut bench = bench(vec![pause(1_000, 70_000)]).connect();
    bench.until(50_000_000).send([packet(1)]).finish();
    assert_snapshot!(bench.log(), @r"
    1.000000  server  Paused
    61.000000  client  Changed(Reset)
    71.000000  server  Resumed
    71.000000  server  Got(1)
    71.000000  server  Answers(1)
    71.000000  server  Changed(Reset)
    71.001000  client  Dropped(101, Reset)
    ");
}

#[test]
fn a_call_to_a_paused_process_is_not_answered() {
    let mut bench = bench(vec![pause(1, 5_000)]);
    bench.until(10_000).client(|out| out.connect(LINE)).finish();
    assert_snapshot!(bench.log(), @r"
    0.001000  server  Paused
    3.010000  client  Changed(Refused)
    5.001000  server  Resumed
    ");
}

#[test]
fn what_waits_for_a_paused_process_dies_with_it() {
    let mut bench = bench(vec![pause(101, 10)]).connect();
    bench.server(|out| out.work(Span::millis(5), 1));
    bench.until(102_000).send([packet(1)]).client(|out| out.datagram(LINE, packet(2))).until(105_000);
    bench.world.die(SERVER, Death::Process);
    bench.world.restart(SERVER);
    bench.finish();
    assert_snapshot!(bench.log(), @r"
    0.101000  server  Paused
    0.105000  server  Crashed
    0.105000  server  Dropped(1, Reset)
    0.105000  server  Dropped(2, NodeDown)
    0.105000  server  Restarted
    0.105000  server  Started(0)
    0.106000  client  Changed(Reset)
    ");
    assert!(bench.world.is_quiet());
    assert_eq!(bench.world.packets().count(), 0);
}

#[test]
fn pauses_that_overlap_end_with_the_last() {
    let mut bench = bench(vec![pause(1, 10), pause(5, 10), pause(7, 2)]);
    bench.server(|out| out.work(Span::millis(2), 1)).finish();
    assert_snapshot!(bench.log(), @r"
    0.001000  server  Paused
    0.015000  server  Resumed
    0.016000  server  Told(1)
    ");
}

#[test]
fn a_pause_at_a_fact_begins_when_the_node_has_done_what_it_does_then() {
    let action = Action::Trouble {
        victims: Victims::Noter,
        trouble: Trouble::Pause { lasts: Span::millis(10) },
        lasts: None,
    };
    let fault = Fault { trigger: Trigger::On { pattern: 1, after: Span::ZERO, times: 1 }, action };
    let mut bench = bench(vec![fault]).connect();
    bench.send([packet(1), packet(2)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.101000  server  Got(1)
    0.101000  server  Paused
    0.101000  server  Answers(1)
    0.102000  client  Got(101)
    0.111000  server  Resumed
    0.111000  server  Got(2)
    0.111000  server  Answers(2)
    0.112000  client  Got(102)
    ");
}

#[test]
fn a_slow_machine_works_at_a_fraction_of_its_speed() {
    let slow = |at, lasts| trouble(Trouble::Slow { factor: 4.0 }, at, Some(lasts));
    // Half of the first piece is done; the rest takes 4 times as long. Of the second 8 ms are left when it is over.
    let mut bench = bench(vec![slow(5, 28)]);
    bench.server(|out| (1..=2).for_each(|piece| out.work(Span::millis(10), piece))).finish();
    assert_snapshot!(bench.log(), @r"
    0.005000  server  Slowed
    0.025000  server  Told(1)
    0.033000  server  SlowEnded
    0.041000  server  Told(2)
    ");
}

#[test]
fn a_disk_that_stalls_or_is_slow_ends_its_syncs_later() {
    let write = |mut bench: Bench| {
        bench.server(|out| {
            out.append(FileId(0), 1, 1_000_000).unwrap();
            out.sync(10);
        });
        bench.until(2_500).server(|out| out.read(1_000_000, 11));
        bench.finish().log()
    };
    assert_snapshot!(write(bench(Vec::new())), @r"
    0.003000  server  Told(10)
    0.004000  server  Told(11)
    ");
    assert_snapshot!(write(bench(vec![trouble(Trouble::StallDisk, 2, Some(10))])), @r"
    0.002000  server  DiskStalled
    0.012000  server  DiskRecovered
    0.013000  server  Told(10)
    0.014000  server  Told(11)
    ");
    assert_snapshot!(write(bench(vec![trouble(Trouble::SlowDisk { factor: 3.0 }, 2, Some(2))])), @r"
    0.002000  server  DiskSlowed
    0.004000  server  DiskRecovered
    0.004333  server  Told(10)
    0.005333  server  Told(11)
    ");
    // A slow disk that stalls as well.
    let both =
        vec![trouble(Trouble::SlowDisk { factor: 3.0 }, 2, None), trouble(Trouble::StallDisk, 3, Some(10))];
    assert_snapshot!(write(bench(both)), @r"
    0.002000  server  DiskSlowed
    0.003000  server  DiskStalled
    0.013000  server  DiskRecovered
    0.015000  server  Told(10)
    0.018000  server  Told(11)
    ");
}

#[test]
fn a_disk_that_stalls_for_ever_ends_nothing() {
    let mut bench = bench(vec![trouble(Trouble::StallDisk, 0, None)]);
    bench.until(1_000).server(|out| out.sync(10)).until(60_000_000);
    assert_eq!(bench.log(), "0.000000  server  DiskStalled");
    bench.world.die(SERVER, Death::Process);
    bench.world.restart(SERVER);
    assert!(bench.world.is_quiet());
}

#[test]
fn a_sync_that_lies_keeps_nothing_until_an_honest_one() {
    let write = |lies: u64, crash: u64| {
        let mut bench = bench(vec![trouble(Trouble::LieAboutSyncs, 0, Some(lies))]);
        for (at, record) in [(1_000, 1), (11_000, 2), (21_000, 3)] {
            bench.until(at).server(|out| {
                out.append(FileId(0), record, 100).unwrap();
                out.set_register(0, record);
                out.sync(record);
            });
        }
        bench.until(crash);
        bench.world.die(SERVER, Death::Machine);
        bench.world.restart(SERVER);
        let register = bench.world.disk(SERVER).register(0);
        format!("{}\nregister {register:?}", bench.log())
    };
    // The last sync has not ended.
    assert_snapshot!(write(100, 22_000), @r"
    0.000000  server  SyncsLie
    0.003000  server  Told(1)
    0.013000  server  Told(2)
    0.022000  server  MachineCrashed
    0.022000  server  Unsynced(3)
    0.022000  server  Betrayed(2)
    0.022000  server  Betrayed(1)
    0.022000  server  Restarted
    0.022000  server  Started(0)
    register None
    ");
    // The second one was honest, and covers the first.
    assert_snapshot!(write(10, 22_000), @r"
    0.000000  server  SyncsLie
    0.003000  server  Told(1)
    0.010000  server  DiskRecovered
    0.013000  server  Told(2)
    0.022000  server  MachineCrashed
    0.022000  server  Unsynced(3)
    0.022000  server  Restarted
    0.022000  server  Started(2)
    register Some(2)
    ");
}

#[test]
fn a_machine_that_dies_in_a_write_leaves_a_part_and_half_a_record() {
    let mut bench = bench(Vec::new());
    bench.until(1_000).server(|out| {
        out.append(FileId(0), 1, 100).unwrap();
        out.sync(1);
    });
    bench.until(11_000).server(|out| {
        for record in 2..=7 {
            out.append(FileId(0), record, 100).unwrap();
        }
        out.append(FileId(1), 11, 100).unwrap();
        out.remove(FileId(0), Position(3));
    });
    bench.until(12_000).world.die(SERVER, Death::MachineInWrite);
    bench.world.restart(SERVER);
    assert_snapshot!(bench.log(), @r"
    0.003000  server  Told(1)
    0.012000  server  MachineCrashed
    0.012000  server  Unsynced(7)
    0.012000  server  Torn(6)
    0.012000  server  Torn(11)
    0.012000  server  Restarted
    0.012000  server  Started(4)
    ");
    let left: Vec<u32> = bench.world.disk(SERVER).records(FileId(0)).map(|(_, record)| record).collect();
    assert_eq!(left, [1, 2, 3, 5]);
    // What has reached the disk is safe, and nothing remembers the half record.
    bench.server(|out| assert_eq!(out.append(FileId(1), 12, 100), Ok(Position(0))));
    bench.world.die(SERVER, Death::Machine);
    assert_snapshot!(bench.log(), @r"
    0.012000  server  MachineCrashed
    0.012000  server  Unsynced(12)
    ");
}

#[test]
fn a_damaged_record_is_there_until_it_is_cut_off() {
    let damage = |record: u32, at: u64| Fault::<Toys> {
        trigger: Trigger::At(Time::ZERO + Span::millis(at)),
        action: Action::Damage { victims: Victims::Nodes(vec![SERVER]), pattern: record },
    };
    let mut bench = bench(vec![damage(3, 0), damage(2, 10), damage(5, 10)]);
    bench.until(1_000).server(|out| {
        for record in 1..=3 {
            out.append(FileId(0), record, 100).unwrap();
        }
        out.sync(1);
    });
    bench.until(20_000);
    let found = |bench: &Bench, from: u64, to: u64| {
        bench.world.disk(SERVER).first_damaged(FileId(0), Position(from), Position(to))
    };
    assert_eq!(
        (found(&bench, 0, 3), found(&bench, 0, 1), found(&bench, 2, 3)),
        (Some(Position(1)), None, None)
    );
    // It outlives the machine; what stands there afterwards is whole, and not synced.
    bench.world.die(SERVER, Death::Machine);
    bench.world.restart(SERVER);
    assert_eq!(found(&bench, 0, 3), Some(Position(1)));
    bench.server(|out| {
        out.truncate(FileId(0), Position(1));
        assert_eq!(out.append(FileId(0), 4, 100), Ok(Position(1)));
        assert_eq!((out.disk().used(), out.disk().has_damage()), (200, false));
    });
    bench.world.die(SERVER, Death::Machine);
    assert_snapshot!(bench.log(), @r"
    0.003000  server  Told(1)
    0.010000  server  RecordsDamaged
    0.020000  server  MachineCrashed
    0.020000  server  Restarted
    0.020000  server  Started(3)
    0.020000  server  MachineCrashed
    0.020000  server  Unsynced(4)
    ");
}

#[test]
fn a_clock_is_set_and_drifts() {
    let faults = vec![
        trouble(Trouble::DriftClock { drift: 100_000 }, 1_000, None),
        trouble(Trouble::StepClock { by: -2_000_000_000 }, 3_000, None),
        trouble(Trouble::DriftClock { drift: 0 }, 4_000, None),
    ];
    let mut bench = Bench::built(plain(), Toy::default(), Machine { clock_offset: 7, ..machine() }, faults);
    let expected = [(500_000, 7), (2_000_000, 100_007), (3_500_000, 250_007 - 2_000_000_000)];
    for (at, offset) in expected.into_iter().chain([(9_000_000, 300_007 - 2_000_000_000)]) {
        bench.until(at).server(|out| assert_eq!(out.clock().0 - out.now().0 as i64, offset, "at {at} us"));
    }
    let drifting = Machine { clock_drift: -1_000, ..machine() };
    let mut bench = Bench::with(plain(), Toy::default(), drifting);
    bench.until(2_000_000).server(|out| assert_eq!(out.clock(), Stamp(2_000_000_000 - 2_000)));
}

#[test]
fn nobody_waits_for_what_a_dead_process_was_doing_or_would_have_done_more_slowly() {
    let mut bench = bench(vec![trouble(Trouble::Slow { factor: 1e6 }, 1, Some(10))]);
    bench.server(|out| out.work(Span::millis(2), 1)).until(20_000);
    assert_snapshot!(bench.log(), @r"
    0.001000  server  Slowed
    0.011000  server  SlowEnded
    0.011999  server  Told(1)
    ");
    assert!(bench.world.is_quiet());
    bench.server(|out| out.work(Span::seconds(10_000), 2)).server(|out| out.delay(Span::seconds(10_000), 3));
    assert!(!bench.world.is_quiet());
    bench.world.die(SERVER, Death::Process);
    assert!(bench.world.is_quiet());
}
