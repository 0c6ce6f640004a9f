//! Datagrams: lost, late, twice.

use crate::bench::*;
use insta::assert_snapshot;
use redeliver_sim::*;

fn send_both(out: &mut Out<'_, Toys>) {
    out.datagram(LINE, unlucky(1));
    out.datagram(LINE, lucky(2));
}

#[test]
fn datagrams_are_lost_or_doubled_by_their_luck() {
    let half = Chance::new(0.5);
    let mut bench = Bench::new(LinkSpec { loss: half, duplication: half, ..plain() });
    bench.client(send_both).finish();
    assert_snapshot!(bench.log(), @r"
    0.000000  client  Dropped(1, Loss)
    0.000000  client  Doubled(2)
    0.001000  server  Got(2)
    0.001000  server  Got(2)
    ");
    let mut bench = Bench::new(plain());
    bench.client(send_both).finish();
    assert_eq!(bench.got(), [1, 2]);
}

#[test]
fn datagrams_overtake_each_other() {
    let latency = Distribution::Uniform { low: 0, high: 10_000_000 };
    let mut bench = Bench::new(LinkSpec { latency, ..plain() });
    bench.client(|out| (1..=4).for_each(|number| out.datagram(LINE, packet(number)))).finish();
    let mut got = bench.got();
    assert_ne!(got, [1, 2, 3, 4]);
    got.sort();
    assert_eq!(got, [1, 2, 3, 4]);
}

#[test]
fn nobody_gets_what_is_sent_to_the_dead_or_into_a_partition() {
    let faults = vec![cut(&[0], 2_000, 1_000)];
    let mut bench = Bench::built(plain(), Toy::default(), machine(), faults);
    bench.world.die(SERVER, Death::Process);
    bench.client(|out| out.datagram(LINE, packet(1))).until(1_500);
    bench.world.restart(SERVER);
    for (at, number) in [(1_500, 2), (2_500, 3), (3_500, 4)] {
        bench.until(at).client(|out| out.datagram(LINE, packet(number)));
    }
    bench.finish();
    assert_snapshot!(bench.log(), @r"
    0.000000  server  Crashed
    0.001000  server  Dropped(1, NodeDown)
    0.001500  server  Restarted
    0.001500  server  Started(0)
    0.002000  client  PartitionBegan
    0.002500  server  Got(2)
    0.002500  client  Dropped(3, Partition)
    0.003000  client  PartitionEnded
    0.004500  server  Got(4)
    ");
}
