//! Tells a story: line by line, verb by verb, over a world.
//!
//! A verb ends when its call has returned and nothing that it caused is in flight; then the next begins. Deadlines and
//! periodic timers are not waited for. A line that takes a day of virtual time beyond its own waits never returns.

use super::Dialect;
use super::journal::Journal;
use super::look::picture;
use super::picture::Picture;
use super::script::{Line, Verb, Who};
use crate::checks::Recorder;
use crate::domain::World;
use crate::part::Part;
use crate::queue::Config;
use crate::run::{Ended, finish};
use crate::setup::{Design, Setup};
use redeliver_sim::{Death, Mark, NodeId, Span, Time};

/// A line that takes longer never returns.
const LINE_MAX: Span = Span::seconds(86_400);
/// No story waits beyond this: 200 years, so that sums of times and clocks stay within 64 bits.
const STORY_MAX: Time = Time(200 * 365 * 86_400 * 1_000_000_000);

/// A story that has been told.
#[derive(Clone)]
pub struct StoryEnded {
    /// The run.
    pub ended: Ended,
    /// The pictures that were kept, by name, in the order in which they were taken.
    pub looks: Vec<(String, Picture)>,
    /// The picture at the end.
    pub picture: Picture,
}

/// Tells a setup's story to its last line. `until` says whether a condition holds of a picture, or that this cannot be
/// said yet.
pub fn run_story(
    setup: &Setup,
    recorder: Recorder,
    until: &mut dyn FnMut(usize, &Picture) -> Option<bool>,
) -> StoryEnded {
    let mut world = crate::build::build(setup, recorder);
    let mark = world.new_mark();
    let mut driver = Driver { setup, world, until, looks: Vec::new(), ends: Time::NEVER, calls: 0, mark };
    let mut lines = setup.script.iter().flat_map(|script| &script.lines);
    let stopped = match setup.design {
        Design::Queue(_) | Design::Log(_) => lines.find_map(|line| driver.line(line).err()),
        Design::Udp(_) | Design::Webhook(_) => Some("stories without a broker are not told yet".into()),
    };
    let Driver { world, looks, .. } = driver;
    let picture = picture(&world);
    StoryEnded { ended: finish(world, stopped), looks, picture }
}

/// Why a line does not come to its end.
enum Stuck {
    /// Nothing will happen any more, or not within a day.
    Never,
    /// Too many events, or too much memory.
    Limit(String),
}

struct Driver<'a> {
    setup: &'a Setup,
    world: World,
    until: &'a mut dyn FnMut(usize, &Picture) -> Option<bool>,
    looks: Vec<(String, Picture)>,
    /// When the line that is being told is given up.
    ends: Time,
    /// Calls so far.
    calls: u32,
    /// What the last verb causes has this mark.
    mark: Mark,
}

impl Driver<'_> {
    /// One line: each of those who act does all of it before the next begins.
    fn line(&mut self, line: &Line) -> Result<(), String> {
        self.ends = self.world.now() + LINE_MAX;
        let acts = line.who.iter().flat_map(|who| line.verbs.iter().map(move |verb| (who, verb)));
        for (who, verb) in acts {
            self.verb(who, verb).map_err(|stuck| match stuck {
                Stuck::Never => format!("line {} never returns: {}", line.line, verb.name()),
                Stuck::Limit(text) => format!("line {}: {text}", line.line),
            })?;
        }
        Ok(())
    }

    fn verb(&mut self, who: &Who, verb: &Verb) -> Result<(), Stuck> {
        match verb {
            Verb::Wait(span) => self.wait(*span),
            Verb::Until(condition) => self.wait_until(*condition),
            Verb::Look(name) => {
                self.looks.push((name.clone(), picture(&self.world)));
                self.world.shared_mut().journals.iter_mut().for_each(Journal::look);
                Ok(())
            }
            Verb::Async(verb) => {
                self.begin(who, verb);
                Ok(())
            }
            _ => {
                let (mark, token) = self.begin(who, verb);
                self.run_while(|driver| driver.world.in_flight(mark) > 0 || driver.is_calling(who, token))
            }
        }
    }

    /// Begins with a verb; what it causes has this mark, and its call this number.
    fn begin(&mut self, who: &Who, verb: &Verb) -> (Mark, u32) {
        self.mark = self.world.new_mark();
        self.do_marked(who, verb, self.mark);
        self.hear_last_words();
        (self.mark, self.calls)
    }

    fn do_marked(&mut self, who: &Who, verb: &Verb, mark: Mark) {
        self.calls += 1;
        let node = self.node(who);
        match (verb, node) {
            (Verb::LimitMemory { .. }, _) => self.administer(who, verb, mark),
            (Verb::Declare(queue), Some(node)) if queue.refused => {
                let token = self.calls;
                self.act(node, verb, token, mark);
            }
            (Verb::Declare(_), Some(node)) if self.is_client(node) && self.has_cluster() => {
                self.administer(who, verb, mark);
                let token = self.calls;
                self.act(node, verb, token, mark);
            }
            (Verb::Declare(_) | Verb::Bind { .. }, _) => self.administer(who, verb, mark),
            (Verb::Pause, Some(node)) => {
                self.world.set_mark(mark);
                self.world.pause(node);
            }
            (Verb::Resume, Some(node)) => {
                self.world.set_mark(mark);
                self.world.resume(node);
            }
            (Verb::Crash, Some(node)) => {
                self.world.set_mark(mark);
                self.world.die(node, Death::Process);
            }
            (Verb::Restart, Some(node)) => {
                self.world.set_mark(mark);
                self.world.restart(node);
            }
            (Verb::Shutdown, Some(node)) => {
                self.world.set_mark(mark);
                self.world.terminate(node);
            }
            (Verb::Close, Some(node)) if !self.is_client(node) => {
                self.world.set_mark(mark);
                self.world.terminate(node);
            }
            (_, Some(node)) if self.world.is_up(node) => {
                let token = self.calls;
                self.act(node, verb, token, mark);
            }
            _ => {}
        }
    }

    fn act(&mut self, node: NodeId, verb: &Verb, token: u32, mark: Mark) {
        self.world.command(node, mark, |part, out| {
            if let Part::Client(client) = part {
                client.act(verb, token, out);
            }
        });
    }

    fn has_cluster(&self) -> bool {
        matches!(&self.setup.design, Design::Queue(config) if config.cluster.is_some())
    }

    /// What an administrator does: at the broker, at once; in a cluster at every node that is up.
    fn administer(&mut self, who: &Who, verb: &Verb, mark: Mark) {
        let Design::Queue(config) = &self.setup.design else { return };
        if config.cluster.is_some() {
            return self.administer_cluster(verb, config, mark);
        }
        let broker = NodeId(0);
        if !self.world.is_up(broker) {
            return;
        }
        let exchange = |name: &str| config.exchanges.iter().position(|exchange| exchange.name == name);
        self.world.command(broker, mark, |part, out| {
            let Part::QueueBroker(broker) = part else { return };
            let queue = |name: &str| broker.queues().iter().position(|queue| queue.config.name == name);
            match verb {
                Verb::Declare(declared) => {
                    let Some(queue) = queue(&declared.name) else { return };
                    if declared.stream.is_none() {
                        return broker.declare(queue as u32, out);
                    }
                    let refused = broker.declare_reader(queue, out).err().map(Dialect::undeclared);
                    if let (Some(word), Who::Client(client)) = (refused, who) {
                        out.shared().journals[*client].seen.errors.push(word.into());
                    }
                }
                Verb::Bind { exchange: to, queue: name } => {
                    if let (Some(exchange), Some(queue)) = (exchange(to), queue(name)) {
                        broker.bind(exchange as u32, queue as u32, out);
                    }
                }
                Verb::LimitMemory { node, limit } if *node == config.node => {
                    broker.limit_memory(*limit, out);
                }
                _ => {}
            }
        });
    }

    fn administer_cluster(&mut self, verb: &Verb, config: &Config, mark: Mark) {
        let exchange = |name: &str| config.exchanges.iter().position(|exchange| exchange.name == name);
        let nodes = config.cluster.iter().flat_map(|cluster| &cluster.nodes).enumerate();
        for (number, name) in nodes {
            let node = NodeId(number as u32);
            if !self.world.is_up(node) {
                continue;
            }
            self.world.command(node, mark, |part, out| {
                let Part::ClusterNode(broker) = part else { return };
                let queue =
                    |name: &str| broker.local().queues().iter().position(|queue| queue.config.name == name);
                match verb {
                    Verb::Declare(declared) => {
                        if let Some(queue) = queue(&declared.name) {
                            broker.declare(queue as u32, out);
                        }
                    }
                    Verb::Bind { exchange: to, queue: name } => {
                        if let (Some(exchange), Some(queue)) = (exchange(to), queue(name)) {
                            broker.bind(exchange as u32, queue as u32, out);
                        }
                    }
                    Verb::LimitMemory { node, limit } if node == name => {
                        broker.set_memory_limit(*limit, out);
                    }
                    _ => {}
                }
            });
        }
    }

    fn node(&self, who: &Who) -> Option<NodeId> {
        let names = &self.world.shared().names;
        let name = match who {
            Who::Client(client) => self.setup.script.as_ref()?.clients.get(*client)?,
            Who::Node(name) => name,
            Who::Net | Who::Ops => return None,
        };
        let index = names.nodes.iter().position(|node| node == name);
        index.filter(|index| *index < self.world.nodes().len()).map(|index| NodeId(index as u32))
    }

    /// Handlers that end their own process, and say what is done after it.
    fn hear_last_words(&mut self) {
        for client in 0..self.world.shared().journals.len() {
            if self.world.shared().journals[client].last_words.is_empty() {
                continue;
            }
            let verbs = std::mem::take(&mut self.world.shared_mut().journals[client].last_words);
            for verb in verbs {
                self.do_marked(&Who::Client(client), &verb, self.mark);
            }
        }
    }

    fn is_client(&self, node: NodeId) -> bool {
        matches!(self.world.nodes()[node.0 as usize], Part::Client(_))
    }

    fn is_calling(&self, who: &Who, token: u32) -> bool {
        let node = self.node(who).map(|node| &self.world.nodes()[node.0 as usize]);
        matches!(node, Some(Part::Client(client)) if client.is_calling(token))
    }

    // Time.

    fn run_while(&mut self, waiting: impl Fn(&Self) -> bool) -> Result<(), Stuck> {
        while waiting(self) {
            self.step()?;
        }
        Ok(())
    }

    fn wait(&mut self, span: Span) -> Result<(), Stuck> {
        let target = self.world.now() + span;
        if target > STORY_MAX {
            return Err(Stuck::Limit("a story lasts 200 years at most; wait for less".into()));
        }
        self.ends = self.ends + span;
        while self.world.next_time().is_some_and(|next| next <= target) {
            self.step()?;
        }
        self.world.advance_to(target);
        Ok(())
    }

    /// Asks after each instant at which a fact was noted.
    fn wait_until(&mut self, condition: usize) -> Result<(), Stuck> {
        loop {
            let asked = self.world.checks().fingerprint();
            if (self.until)(condition, &picture(&self.world)) == Some(true) {
                return Ok(());
            }
            loop {
                self.step()?;
                let over = self.world.next_time() != Some(self.world.now());
                if over && self.world.checks().fingerprint() != asked {
                    break;
                }
            }
        }
    }

    fn step(&mut self) -> Result<(), Stuck> {
        if self.world.next_time().is_none_or(|next| next > self.ends) {
            return Err(Stuck::Never);
        }
        self.world.step();
        self.hear_last_words();
        self.setup.limits.reached(&self.world).map_or(Ok(()), |text| Err(Stuck::Limit(text)))
    }
}
