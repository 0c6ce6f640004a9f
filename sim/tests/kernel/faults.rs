//! Faults: at a time, at a fact, for a while.

use crate::bench::*;
use insta::assert_snapshot;
use redeliver_sim::*;

fn answering() -> Toy {
    Toy { answers: true, ..Toy::default() }
}

fn on(number: u32, after: Span) -> Trigger<u32> {
    Trigger::On { pattern: number, after, times: 1 }
}

#[test]
fn a_crash_at_a_fact_discards_what_the_node_does_after_it() {
    let fault = crash_of(SERVER, on(1, Span::ZERO), Some(Span::millis(10)));
    let mut bench = Bench::built(plain(), answering(), machine(), vec![fault]).connect();
    bench.send([packet(1)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.101000  server  Got(1)
    0.101000  server  Crashed
    0.101000  server  Forgets(1)
    0.102000  client  Changed(Reset)
    0.111000  server  Restarted
    0.111000  server  Started(0)
    ");
}

#[test]
fn a_crash_some_time_after_a_fact_lets_the_node_go_on_until_then() {
    let fault = crash_of(SERVER, on(1, Span::millis(5)), None);
    let mut bench = Bench::built(plain(), answering(), machine(), vec![fault]).connect();
    bench.send([packet(1)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.101000  server  Got(1)
    0.101000  server  Answers(1)
    0.102000  client  Got(101)
    0.106000  server  Crashed
    0.106000  server  Forgets(1)
    0.107000  client  Changed(Reset)
    ");
}

#[test]
fn the_crash_of_another_node_at_a_fact_waits_for_the_handler() {
    let fault = crash_of(CLIENT, on(1, Span::ZERO), None);
    let mut bench = Bench::built(plain(), answering(), machine(), vec![fault]).connect();
    bench.send([packet(1)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.101000  server  Got(1)
    0.101000  server  Answers(1)
    0.101000  client  Crashed
    0.102000  client  Dropped(101, Reset)
    0.102000  server  Changed(Reset)
    ");
}

#[test]
fn a_fault_at_a_fact_acts_as_often_as_it_says() {
    let trigger = Trigger::On { pattern: 1, after: Span::ZERO, times: 2 };
    let fault = crash_of(SERVER, trigger, Some(Span::millis(1)));
    let mut bench = Bench::built(plain(), Toy::default(), machine(), vec![fault]);
    for i in 0..4 {
        bench.until(i * 10_000).client(|out| out.datagram(LINE, packet(1)));
    }
    bench.finish();
    let crashes = bench.log().matches("Crashed").count();
    assert_eq!((bench.got().len(), crashes), (4, 2));
}

#[test]
fn a_fault_at_time_0_meets_nodes_that_are_up() {
    let fault = crash_of(SERVER, Trigger::At(Time::ZERO), Some(Span::millis(1)));
    let mut bench = Bench::built(plain(), Toy::default(), machine(), vec![fault]);
    bench.finish();
    assert_snapshot!(bench.log(), @r"
    0.000000  server  Crashed
    0.001000  server  Restarted
    0.001000  server  Started(0)
    ");
}

#[test]
fn a_crash_of_who_is_not_there_yet_does_not_bring_it_in() {
    let late = Machine { starts: Time::ZERO + Span::millis(50), ..machine() };
    let fault = crash_of(SERVER, Trigger::At(Time(1_000_000)), Some(Span::millis(1)));
    let mut bench = Bench::built(plain(), Toy::default(), late, vec![fault]);
    bench.until(40_000);
    assert_eq!(bench.log(), "");
    bench.finish();
    assert!(bench.world.is_up(SERVER));
}

#[test]
fn a_drop_takes_packets_out_of_a_connection_and_the_rest_passes() {
    let drop = Fault { trigger: Trigger::At(Time::ZERO), action: Action::Drop { pattern: 2, times: 1 } };
    let mut bench = Bench::built(plain(), Toy::default(), machine(), vec![drop]).connect();
    bench.send([packet(1), packet(2), packet(3), packet(2)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.100000  client  Dropped(2, Fault)
    0.101000  server  Got(1)
    0.101000  server  Got(3)
    0.101000  server  Got(2)
    ");
}

#[test]
fn a_disk_that_is_full_takes_nothing_for_a_while() {
    let action = Action::FillDisk { victims: Victims::Nodes(vec![SERVER]), lasts: Some(Span::millis(10)) };
    let fault = Fault { trigger: Trigger::At(Time(1_000_000)), action };
    let mut bench = Bench::built(plain(), Toy::default(), machine(), vec![fault]);
    for (at, fits) in [(500, true), (5_000, false), (11_500, true)] {
        bench.until(at).server(|out| assert_eq!(out.append(FileId(0), 1, 10).is_ok(), fits, "at {at} us"));
    }
}

#[test]
fn two_partitions_of_one_link_end_when_both_have_ended() {
    let faults = vec![cut(&[0], 1_000, 10_000), cut(&[0], 5_000, 10_000)];
    let mut bench = Bench::built(plain(), Toy::default(), machine(), faults);
    for (at, number) in [(500, 1), (2_000, 2), (12_000, 3), (16_000, 4)] {
        bench.until(at).client(|out| out.datagram(LINE, packet(number)));
    }
    bench.finish();
    assert_eq!(bench.got(), [1, 4]);
}

#[test]
fn two_crashes_at_one_fact_both_happen() {
    let faults = vec![crash_of(SERVER, on(1, Span::ZERO), None), crash_of(CLIENT, on(1, Span::ZERO), None)];
    let mut bench = Bench::built(plain(), answering(), machine(), faults).connect();
    bench.send([packet(1)]).finish();
    assert_snapshot!(bench.log(), @r"
    0.101000  server  Got(1)
    0.101000  server  Crashed
    0.101000  server  Forgets(1)
    0.101000  client  Crashed
    ");
}

#[test]
fn a_disk_is_full_until_the_last_of_the_faults_that_fill_it_is_over() {
    let full = |at: u64, lasts| {
        let action =
            Action::FillDisk { victims: Victims::Nodes(vec![SERVER]), lasts: Some(Span::millis(lasts)) };
        Fault { trigger: Trigger::At(Time(at * 1_000_000)), action }
    };
    let mut bench = Bench::built(plain(), Toy::default(), machine(), vec![full(1, 10), full(2, 2)]);
    let writes = |bench: &mut Bench| {
        let mut written = false;
        bench.server(|out| written = out.append(FileId(0), 1, 10).is_ok());
        written
    };
    assert!(!writes(bench.until(5_000)));
    assert!(writes(bench.until(12_000)));
}
