//! A world of toys: nodes that say what they are told, and do what a test tells them.

use redeliver_sim::*;

/// A packet: its number, its randomness, its size.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Packet {
    pub(crate) number: u32,
    pub(crate) luck: Luck,
    pub(crate) bytes: u64,
}

/// What toys and kernel report.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Fact {
    Got(u32),
    Answers(u32),
    Told(u32),
    Changed(ConnectionChange),
    Dropped(u32, DropCause),
    Doubled(u32),
    Unsynced(u32),
    Betrayed(u32),
    Torn(u32),
    Forgets(u32),
    Started(u32),
}

/// A toy. It keeps what it got in memory, and boots by saying how many records its disk has.
#[derive(Clone, Default)]
pub(crate) struct Toy {
    /// It answers the n-th packet by packet n + 100.
    pub(crate) answers: bool,
    /// As it boots it calls, and sets a deadline to send packet 9 at once.
    pub(crate) calls: bool,
    pub(crate) got: Vec<u32>,
}

impl Node<Toys> for Toy {
    fn start(&mut self, out: &mut Out<'_, Toys>) {
        let records = out.disk().records(FileId(0)).count() as u32;
        out.note(Fact::Started(records));
        if self.calls {
            out.connect(LINE);
            out.deadline(Span::ZERO, 9);
        }
    }

    fn on_message(&mut self, from: ConnectionId, packet: Packet, out: &mut Out<'_, Toys>) {
        self.got.push(packet.number);
        out.note(Fact::Got(packet.number));
        if self.answers {
            out.note(Fact::Answers(packet.number));
            out.send(from, Packet { number: packet.number + 100, ..packet });
        }
    }

    fn on_timer(&mut self, timer: u32, out: &mut Out<'_, Toys>) {
        out.note(Fact::Told(timer));
        if self.calls {
            out.send(LINE, packet(timer));
        }
    }

    fn on_connection(&mut self, _id: ConnectionId, change: ConnectionChange, out: &mut Out<'_, Toys>) {
        out.note(Fact::Changed(change));
    }

    fn on_stop(&mut self, out: &mut Out<'_, Toys>) {
        out.send(LINE, packet(99));
    }

    fn on_crash(&mut self, _machine: bool, out: &mut Out<'_, Toys>) {
        self.got.iter().for_each(|number| out.note(Fact::Forgets(*number)));
    }
}

/// All facts, a line each.
#[derive(Clone, Default, PartialEq, Debug)]
pub(crate) struct Log(pub(crate) Vec<String>);

const NAMES: [&str; 3] = ["client", "server", "other"];

impl Log {
    fn line(&mut self, at: Time, node: NodeId, text: String) {
        let microseconds = at.0 / 1_000 % 1_000;
        self.0.push(format!("{at}{microseconds:03}  {}  {text}", NAMES[node.0 as usize]));
    }
}

impl Checks<Toys> for Log {
    fn fold(&mut self, at: Time, node: NodeId, fact: Fact, _shared: &mut ()) {
        self.line(at, node, format!("{fact:?}"));
    }

    fn told(&mut self, at: Time, node: NodeId, news: News) {
        self.line(at, node, format!("{news:?}"));
    }
}

/// The domain.
#[derive(Clone, Copy)]
pub(crate) struct Toys;

impl Domain for Toys {
    type Node = Toy;
    type Message = Packet;
    type Timer = u32;
    type Fact = Fact;
    type Checks = Log;
    type Shared = ();
    type Record = u32;
    /// The packet that was got.
    type FactPattern = u32;
    /// A packet's number.
    type MessagePattern = u32;
    /// The record itself.
    type RecordPattern = u32;

    fn luck(packet: &Packet, _shared: &(), _now: Time) -> Luck {
        packet.luck
    }
    fn bytes(packet: &Packet, _shared: &()) -> u64 {
        packet.bytes
    }
    fn dropped(packet: &Packet, cause: DropCause, _shared: &mut ()) -> Fact {
        Fact::Dropped(packet.number, cause)
    }
    fn duplicated(packet: &Packet) -> Fact {
        Fact::Doubled(packet.number)
    }
    fn record_lost(record: &u32, why: RecordLoss, _shared: &mut ()) -> Fact {
        match why {
            RecordLoss::Unsynced => Fact::Unsynced(*record),
            RecordLoss::SyncLied => Fact::Betrayed(*record),
            RecordLoss::Torn => Fact::Torn(*record),
        }
    }
    fn kind(fact: &Fact) -> u32 {
        u32::from(matches!(fact, Fact::Got(_)))
    }
    fn pattern_kind(_pattern: &u32) -> u32 {
        1
    }
    fn matches(pattern: &u32, _node: NodeId, fact: &Fact, _shared: &()) -> bool {
        *fact == Fact::Got(*pattern)
    }
    fn record_matches(pattern: &u32, record: &u32, _shared: &()) -> bool {
        *pattern == *record
    }
    fn message_matches(pattern: &u32, packet: &Packet, _shared: &()) -> bool {
        packet.number == *pattern
    }
}

pub(crate) const CLIENT: NodeId = NodeId(0);
pub(crate) const SERVER: NodeId = NodeId(1);
/// From the client to the server.
pub(crate) const LINE: ConnectionId = ConnectionId(0);

/// One millisecond, and nothing goes wrong.
pub(crate) fn plain() -> LinkSpec {
    LinkSpec {
        latency: Distribution::Constant(1_000_000),
        jitter: Distribution::ZERO,
        loss: Chance::NEVER,
        duplication: Chance::NEVER,
        bandwidth: None,
        impairments: None,
    }
}

pub(crate) fn machine() -> Machine {
    let disk = DiskSpec { capacity: None, bandwidth: 1e9, sync: Distribution::Constant(2_000_000) };
    Machine { disk, cores: 1, clock_offset: 0, clock_drift: 0, starts: Time::ZERO }
}

fn purpose() -> Purpose {
    Purpose::new(1, "there")
}

/// A packet that is lost when it is first sent, and not again, where every second one is.
pub(crate) fn unlucky(number: u32) -> Packet {
    let half = Chance::new(0.5);
    let happens = |luck: Luck, counter| half.happens(purpose().draw(luck, counter));
    let luck = (0..).map(Luck).find(|luck| happens(*luck, 0) && !happens(*luck, 8) && !happens(*luck, 3));
    Packet { number, luck: luck.expect("one in eight is so"), bytes: 100 }
}

/// A packet that is not lost where every second one is, but doubled where every second one is.
pub(crate) fn lucky(number: u32) -> Packet {
    let half = Chance::new(0.5);
    let happens = |luck: Luck, counter| half.happens(purpose().draw(luck, counter));
    let luck = (0..).map(Luck).find(|luck| !happens(*luck, 0) && happens(*luck, 3));
    Packet { number, luck: luck.expect("one in four is so"), bytes: 100 }
}

/// A packet with a luck of its own.
pub(crate) fn packet(number: u32) -> Packet {
    Packet { number, luck: Luck(mix(u64::from(number))), bytes: 100 }
}

/// A client and a server, and a line between them.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) world: World<Toys>,
    mark: Mark,
    told: usize,
}

impl Bench {
    /// Both are up; nobody has called yet.
    pub(crate) fn new(link: LinkSpec) -> Self {
        Self::with(link, Toy::default(), machine())
    }

    /// With this server.
    pub(crate) fn with(link: LinkSpec, server: Toy, machine_of_server: Machine) -> Self {
        Self::built(link, server, machine_of_server, Vec::new())
    }

    /// With these faults.
    pub(crate) fn built(link: LinkSpec, server: Toy, at: Machine, faults: Vec<Fault<Toys>>) -> Self {
        let mut bench = Self::of(link, [Toy::default(), server], at, faults);
        bench.log();
        bench
    }

    /// Both of these. What they said as they booted is in the log.
    pub(crate) fn of(
        link: LinkSpec,
        [client, server]: [Toy; 2],
        at: Machine,
        faults: Vec<Fault<Toys>>,
    ) -> Self {
        let mut world = World::new(1, (), Log::default());
        world.add_node(client, machine());
        world.add_node(server, at);
        world.add_connection([CLIENT, SERVER], [link.clone(), link], [purpose(), Purpose::new(1, "back")]);
        faults.into_iter().for_each(|fault| world.add_fault(fault));
        world.boot(&[SERVER, CLIENT], u64::MAX);
        world.begin();
        let mark = world.new_mark();
        Bench { world, mark, told: 0 }
    }

    /// Both are up and connected, from 0.1 s on.
    pub(crate) fn connected(link: LinkSpec, server: Toy) -> Self {
        Self::with(link, server, machine()).connect()
    }

    pub(crate) fn connect(mut self) -> Self {
        self.until(5_000).client(|out| out.connect(LINE)).until(100_000);
        self.log();
        self
    }

    /// The client does something.
    pub(crate) fn client(&mut self, what: impl FnOnce(&mut Out<'_, Toys>)) -> &mut Self {
        self.world.command(CLIENT, self.mark, |_, out| what(out));
        self
    }

    /// The server does something.
    pub(crate) fn server(&mut self, what: impl FnOnce(&mut Out<'_, Toys>)) -> &mut Self {
        self.world.command(SERVER, self.mark, |_, out| what(out));
        self
    }

    /// The client sends these, at once.
    pub(crate) fn send(&mut self, packets: impl IntoIterator<Item = Packet>) -> &mut Self {
        self.client(|out| packets.into_iter().for_each(|packet| out.send(LINE, packet)))
    }

    /// Goes on until so many microseconds, all that happens then included.
    pub(crate) fn until(&mut self, microseconds: u64) -> &mut Self {
        let time = Time(microseconds * 1_000);
        while self.world.next_time().is_some_and(|next| next <= time) {
            self.world.step();
        }
        self.world.advance_to(time);
        self
    }

    /// Goes on until nothing is left to happen.
    pub(crate) fn finish(&mut self) -> &mut Self {
        while self.world.step() {}
        self
    }

    /// What has been said since it was last asked for.
    pub(crate) fn log(&mut self) -> String {
        let lines = self.world.checks().0[self.told..].join("\n");
        self.told = self.world.checks().0.len();
        lines
    }

    /// The numbers that were got, in order.
    pub(crate) fn got(&self) -> Vec<u32> {
        let lines = self.world.checks().0.iter();
        lines.filter_map(|line| line.split_once("Got(")?.1.strip_suffix(')')?.parse().ok()).collect()
    }
}

/// Cuts these links at this microsecond, for so many.
pub(crate) fn cut(links: &[u32], at: u64, lasts: u64) -> Fault<Toys> {
    let action = Action::Cut { links: these(links), in_flight_lost: false, lasts: Some(Span(lasts * 1_000)) };
    Fault { trigger: Trigger::At(Time(at * 1_000)), action }
}

/// Does this to the links both ways, from this microsecond on, for so many.
pub(crate) fn impair(effect: Effect, at: u64, lasts: u64) -> Fault<Toys> {
    let action = Action::Impair { links: these(&[0, 1]), effect, lasts: Some(Span(lasts * 1_000)) };
    Fault { trigger: Trigger::At(Time(at * 1_000)), action }
}

pub(crate) fn these(links: &[u32]) -> Links {
    Links::These(links.iter().map(|link| LinkId(*link)).collect())
}

/// The crash of a process.
pub(crate) fn crash_of(node: NodeId, trigger: Trigger<u32>, restart_after: Option<Span>) -> Fault<Toys> {
    Fault {
        trigger,
        action: Action::Crash { victims: Victims::Nodes(vec![node]), death: Death::Process, restart_after },
    }
}
