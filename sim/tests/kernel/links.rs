//! Links that are not as others are: bursts of loss, reordering, late copies, a finite buffer, a limit on datagrams.

use crate::bench::*;
use insta::assert_snapshot;
use redeliver_sim::*;

fn unusual(impairments: Impairments) -> LinkSpec {
    LinkSpec { impairments: Some(Box::new(impairments)), ..plain() }
}

fn bursts(loss_good: f64, loss_bad: f64) -> LinkSpec {
    let chance = Chance::new;
    let (to_bad, to_good) = (chance(0.1), chance(0.25));
    let (loss_good, loss_bad) = (chance(loss_good), chance(loss_bad));
    let burst = Burst { to_bad, to_good, loss_good, loss_bad, step: Span::millis(1) };
    unusual(Impairments { burst: Some(burst), ..Impairments::NONE })
}

/// Which of so many datagrams, one a millisecond, were lost.
fn lost(link: LinkSpec, count: u32) -> Vec<bool> {
    let mut bench = Bench::new(link);
    for number in 0..count {
        bench.until(u64::from(number) * 1_000).client(|out| out.datagram(LINE, packet(number)));
    }
    let got = bench.finish().got();
    (0..count).map(|number| got.binary_search(&number).is_err()).collect()
}

#[test]
fn a_bad_link_loses_one_packet_after_the_other() {
    let bad = lost(bursts(0.0, 1.0), 200_000);
    let share = bad.iter().filter(|bad| **bad).count() as f64 / bad.len() as f64;
    assert!((share - 0.1 / 0.35).abs() < 0.01, "{share}");
    let bursts = bad.windows(2).filter(|pair| !pair[0] && pair[1]).count() as f64;
    let length = bad.iter().filter(|bad| **bad).count() as f64 / bursts;
    assert!((length - 4.0).abs() < 0.1, "{length}");
}

#[test]
fn when_a_link_is_bad_does_not_depend_on_what_is_sent() {
    let all = lost(bursts(0.0, 1.0), 1_000);
    let mut bench = Bench::new(bursts(0.0, 1.0));
    for number in (0..1_000).step_by(7) {
        bench.until(u64::from(number) * 1_000).client(|out| out.datagram(LINE, packet(number)));
    }
    let got = bench.finish().got();
    let expected: Vec<u32> = (0..1_000).step_by(7).filter(|number| !all[*number as usize]).collect();
    assert_eq!(got, expected);
}

#[test]
fn a_segment_is_sent_again_until_the_link_is_good() {
    let (always, never) = (Chance::ALWAYS, Chance::NEVER);
    // Half a second good, half a second bad.
    let step = Span::millis(500);
    let burst = Burst { to_bad: always, to_good: always, loss_good: never, loss_bad: always, step };
    let link = unusual(Impairments { burst: Some(burst), ..Impairments::NONE });
    let mut bench = Bench::connected(link, Toy::default());
    bench.until(600_000).send([packet(1)]).until(1_100_000).send([packet(2)]).finish();
    assert_snapshot!(bench.log(), @r"
    1.201000  server  Got(1)
    1.201000  server  Got(2)
    ");
}

#[test]
fn a_share_of_datagrams_skips_the_delay_or_comes_later() {
    let half = Chance::new(0.5);
    let skips = Impairments { reordering: half, ..Impairments::NONE };
    let mut bench = Bench::new(unusual(skips.clone()));
    bench.client(|out| (1..=4).for_each(|number| out.datagram(LINE, packet(number)))).finish();
    assert_snapshot!(bench.log(), @r"
    0.000000  server  Got(4)
    0.001000  server  Got(1)
    0.001000  server  Got(2)
    0.001000  server  Got(3)
    ");
    let later = Impairments { reordering_delay: Some(Distribution::Constant(5_000_000)), ..skips };
    let mut bench = Bench::new(unusual(later));
    bench.client(|out| (1..=4).for_each(|number| out.datagram(LINE, packet(number)))).finish();
    assert_snapshot!(bench.log(), @r"
    0.001000  server  Got(1)
    0.001000  server  Got(2)
    0.001000  server  Got(3)
    0.006000  server  Got(4)
    ");
}

#[test]
fn a_copy_has_a_delay_of_its_own() {
    let by = Distribution::Constant(3_000_000);
    let link = unusual(Impairments { duplication_delay: by, ..Impairments::NONE });
    let mut bench = Bench::new(LinkSpec { duplication: Chance::ALWAYS, ..link });
    bench.client(|out| out.datagram(LINE, packet(1))).finish();
    assert_snapshot!(bench.log(), @r"
    0.000000  client  Doubled(1)
    0.001000  server  Got(1)
    0.004000  server  Got(1)
    ");
}

/// One packet a millisecond leaves; so many bytes may wait.
fn narrow(bytes: u64, early: Option<EarlyDrop>) -> LinkSpec {
    let buffer = Some(Buffer { bytes, early });
    LinkSpec { bandwidth: Some(100_000.0), ..unusual(Impairments { buffer, ..Impairments::NONE }) }
}

#[test]
fn nobody_follows_a_bursty_link_through_a_year_without_packets() {
    // Its state changes every five steps or so, at a thousand million steps a second.
    let Some(impairments) = bursts(0.0, 1.0).impairments else { unreachable!("it has bursts") };
    let burst = impairments.burst.map(|burst| Burst { step: Span(1), ..burst });
    let mut bench = Bench::new(unusual(Impairments { burst, ..*impairments }));
    for day in 0..400 {
        bench.until(day * 86_400_000_000).client(|out| out.datagram(LINE, packet(day as u32)));
    }
    // Of the books: 0.1 / (0.1 + 0.25) of them.
    let lost = 400 - bench.finish().got().len();
    assert!((90..=140).contains(&lost), "{lost}");
}

#[test]
fn what_finds_the_buffer_full_is_dropped() {
    let mut bench = Bench::new(narrow(250, None));
    bench.client(|out| (1..=4).for_each(|number| out.datagram(LINE, packet(number)))).until(1_500);
    bench.client(|out| out.datagram(LINE, packet(5))).finish();
    assert_snapshot!(bench.log(), @r"
    0.000000  client  Dropped(3, Buffer)
    0.000000  client  Dropped(4, Buffer)
    0.002000  server  Got(1)
    0.003000  server  Got(2)
    0.004000  server  Got(5)
    ");
    // A segment comes again.
    let mut bench = Bench::connected(narrow(250, None), Toy::default());
    bench.send((1..=4).map(packet)).finish();
    assert_snapshot!(bench.log(), @r"
    0.102000  server  Got(1)
    0.103000  server  Got(2)
    0.302000  server  Got(3)
    0.303000  server  Got(4)
    ");
}

#[test]
fn random_early_drop_begins_before_the_buffer_is_full() {
    let dropped = |early| {
        let mut bench = Bench::new(narrow(10_000, early));
        for number in 0..2_000 {
            bench.until(u64::from(number) * 990).client(|out| out.datagram(LINE, packet(number)));
        }
        2_000 - bench.finish().got().len()
    };
    let early = EarlyDrop { min: 300, max: 3_000, chance: Chance::new(0.1), weight: 0.05 };
    assert_eq!(dropped(None), 0);
    let found = dropped(Some(early));
    assert!((10..100).contains(&found), "{found}");
}

#[test]
fn a_datagram_above_the_limit_is_not_sent_and_a_segment_is() {
    let link = unusual(Impairments { mtu: Some(1_500), ..Impairments::NONE });
    let mut bench = Bench::connected(link, Toy::default());
    let of = |number, bytes| Packet { bytes, ..packet(number) };
    bench.client(|out| {
        out.datagram(LINE, of(1, 1_501));
        out.datagram(LINE, of(2, 1_500));
        out.send(LINE, of(3, 1_501));
    });
    bench.finish();
    assert_snapshot!(bench.log(), @r"
    0.100000  client  Dropped(1, TooLarge)
    0.101000  server  Got(2)
    0.101000  server  Got(3)
    ");
}
