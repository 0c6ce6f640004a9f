//! The kernel alone: an M/M/1 queue as two nodes, a source that sends to a server over a link without delay, with a
//! fact and a fingerprint for each arrival and each departure. Customers per second, and how many times as fast that is as other programs.
//!
//! `cargo bench -p redeliver-sim --bench mm1 -- [CUSTOMERS] [--peer "COMMAND"]...`, where a peer is a program with its
//! arguments that serves so many customers (0.9 arrivals a second, 1 served) and prints `events/s=N`, two a customer.

#![allow(clippy::disallowed_types)] // a benchmark reads the clock

mod peers;

use peers::Peers;
use redeliver_sim::*;
use std::time::Instant;

const ARRIVALS: Distribution = Distribution::Exponential { mean: 1e9 / 0.9 };
const SERVICE: Distribution = Distribution::Exponential { mean: 1e9 };
const LINE: ConnectionId = ConnectionId(0);

#[derive(Clone, Copy)]
struct Queueing;

/// Its number, and when it came.
#[derive(Clone, Copy)]
struct Customer {
    number: u32,
    luck: Luck,
    born: Time,
}

#[derive(Clone, Copy)]
enum Step {
    Arrival,
    Served(Customer),
}

#[derive(Clone, Copy)]
enum Fact {
    Arrived(Customer),
    Left(Customer),
    Lost(Customer),
}

impl Domain for Queueing {
    type Node = Part;
    type Message = Customer;
    type Timer = Step;
    type Fact = Fact;
    type Checks = Sums;
    type Shared = ();
    type Record = ();
    type FactPattern = ();
    type MessagePattern = ();
    type RecordPattern = ();

    fn luck(customer: &Customer, _: &(), _now: Time) -> Luck {
        customer.luck
    }
    fn bytes(_: &Customer, _: &()) -> u64 {
        0
    }
    fn dropped(customer: &Customer, _: DropCause, _: &mut ()) -> Fact {
        Fact::Lost(*customer)
    }
    fn duplicated(customer: &Customer) -> Fact {
        Fact::Arrived(*customer)
    }
    fn record_lost(_: &(), _: RecordLoss, _: &mut ()) -> Fact {
        unreachable!("nothing is written")
    }
    #[inline(always)]
    fn kind(fact: &Fact) -> u32 {
        match fact {
            Fact::Arrived(_) => 1,
            Fact::Left(_) => 2,
            Fact::Lost(_) => 3,
        }
    }
    fn pattern_kind(_: &()) -> u32 {
        0
    }
    fn matches(_: &(), _: NodeId, _: &Fact, _: &()) -> bool {
        false
    }
    fn record_matches(_: &(), _: &(), _: &()) -> bool {
        false
    }
    fn message_matches(_: &(), _: &Customer, _: &()) -> bool {
        false
    }
}

#[derive(Clone)]
#[allow(clippy::large_enum_variant)]
enum Part {
    Source { left: u32, number: u32, stream: Stream, luck: Purpose },
    Server { work: Purpose },
}

impl Node<Queueing> for Part {
    fn start(&mut self, out: &mut Out<'_, Queueing>) {
        if let Part::Source { stream, .. } = self {
            out.delay(Span(ARRIVALS.sample(stream.draw())), Step::Arrival);
        }
    }

    #[inline(always)]
    fn on_message(&mut self, _from: ConnectionId, customer: Customer, out: &mut Out<'_, Queueing>) {
        let Part::Server { work } = self else { return };
        out.note(Fact::Arrived(customer));
        out.work(Span(SERVICE.sample(work.draw(customer.luck, 0))), Step::Served(customer));
    }

    #[inline(always)]
    fn on_timer(&mut self, step: Step, out: &mut Out<'_, Queueing>) {
        match (self, step) {
            (Part::Source { left, number, stream, luck }, Step::Arrival) => {
                let luck = Luck::new(*luck, u64::from(*number));
                out.datagram(LINE, Customer { number: *number, luck, born: out.now() });
                *number += 1;
                *left -= 1;
                if *left > 0 {
                    out.delay(Span(ARRIVALS.sample(stream.draw())), Step::Arrival);
                }
            }
            (Part::Server { .. }, Step::Served(customer)) => out.note(Fact::Left(customer)),
            _ => {}
        }
    }

    fn on_connection(&mut self, _: ConnectionId, _: ConnectionChange, _: &mut Out<'_, Queueing>) {}
    fn on_crash(&mut self, _: bool, _: &mut Out<'_, Queueing>) {}
}

/// Time spent in the system, and a fingerprint.
#[derive(Clone, Default)]
struct Sums {
    sojourn: u64,
    customers: u64,
    times: u64,
    facts: u64,
}

impl Checks<Queueing> for Sums {
    #[inline(always)]
    fn fold(&mut self, at: Time, node: NodeId, fact: Fact, _shared: &mut ()) {
        let (Fact::Arrived(customer) | Fact::Left(customer) | Fact::Lost(customer)) = fact;
        if let Fact::Left(_) = fact {
            self.sojourn += at.since(customer.born).0;
            self.customers += 1;
        }
        let round = |lane: u64, word: u64| {
            lane.wrapping_add(word.wrapping_mul(0xC2B2_AE3D_27D4_EB4F))
                .rotate_left(31)
                .wrapping_mul(0x9E37_79B1_85EB_CA87)
        };
        self.times = round(self.times, at.0);
        let kind = u64::from(Queueing::kind(&fact));
        self.facts = round(self.facts, kind << 56 | u64::from(node.0) << 48 | u64::from(customer.number));
    }

    fn told(&mut self, _at: Time, _node: NodeId, _news: News) {}
}

fn world(customers: u32) -> World<Queueing> {
    let mut world = World::new(42, (), Sums::default());
    let disk = DiskSpec { capacity: None, bandwidth: 1e9, sync: Distribution::ZERO };
    let machine = Machine { disk, cores: 1, clock_offset: 0, clock_drift: 0, starts: Time::ZERO };
    let (stream, luck) = (Stream::new(42, "arrivals"), Purpose::new(42, "customers"));
    let source = world.add_node(Part::Source { left: customers, number: 0, stream, luck }, machine.clone());
    let server = world.add_node(Part::Server { work: Purpose::new(42, "service") }, machine);
    let link = LinkSpec {
        latency: Distribution::ZERO,
        jitter: Distribution::ZERO,
        loss: Chance::NEVER,
        duplication: Chance::NEVER,
        bandwidth: None,
        impairments: None,
    };
    let purposes = [Purpose::new(42, "there"), Purpose::new(42, "back")];
    world.add_connection([source, server], [link.clone(), link], purposes);
    world.boot(&[server, source], u64::MAX);
    world.begin();
    world
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (mut customers, mut commands) = (2_000_000, Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--peer" => commands.extend(arguments.next()),
            text => customers = text.parse().expect("a number of customers"),
        }
    }
    let mut peers = Peers::new("events/s=", 2.0, commands);
    for round in 1..=5 {
        let mut world = world(customers);
        let begun = Instant::now();
        while world.step() {}
        let rate = f64::from(customers) / begun.elapsed().as_secs_f64();
        let sums = world.checks();
        println!(
            "round {round}: {customers} customers, {:.2} events each: {rate:.0} a second; mean sojourn {:.3} s, \
             fingerprint {:016x}",
            world.events() as f64 / f64::from(customers),
            sums.sojourn as f64 / sums.customers as f64 / 1e9,
            sums.times ^ sums.facts,
        );
        peers.follow(rate);
    }
    peers.print_table();
}
