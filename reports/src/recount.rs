//! Tells again what was recorded: the witness of a broken guarantee, and the space-time diagram around it.

use crate::guarantee::Proof;
use crate::measure::Run;
use crate::result::Witness;
use crate::show::{Arrow, ArrowKind, Diagram, Mark, MarkKind, TimelineLine};
use redeliver_models::checks::{Event, Recorded};
use redeliver_models::setup::Role;
use redeliver_models::{Fact, Shared, describe};
use redeliver_sim::{News, NodeId, Time};

/// A diagram has at most so many arrows; if there are more, only what the finding is about is drawn.
const ARROWS_MAX: usize = 80;
/// What a diagram shows before and after its finding: so many parts of its length, one each.
pub(crate) const MARGIN: u64 = 20;

/// The shortest chain of facts that proves a finding and explains it.
pub(crate) fn witness(
    run: &Run<'_>,
    s: usize,
    proof: Proof,
    recorded: &[Recorded],
) -> (Witness, Vec<TimelineLine>) {
    let shared = run.shared();
    let chain = chain(s, proof, recorded);
    let mut lines: Vec<TimelineLine> = chain
        .iter()
        .map(|(fact, proof)| TimelineLine {
            time: fact.at.seconds(),
            who: shared.names.node(fact.node).to_string(),
            what: describe(fact, shared),
            proof: *proof,
        })
        .collect();
    // Several copies may end at once.
    lines.dedup();
    let facts = lines.iter().map(|line| format!("{:.3}  {}  {}", line.time, line.who, line.what));
    let witness = Witness {
        message: name(run, proof.message(), recorded),
        finding: finding(run, proof, recorded),
        facts: facts.collect(),
    };
    (witness, lines)
}

/// As the result's lists call it: by its id, or in a story by its label.
fn name(run: &Run<'_>, message: (u32, u32), recorded: &[Recorded]) -> String {
    let label = recorded.iter().find_map(|entry| match entry.event {
        Event::Fact(_, Some((source, number, label))) if (source, number) == message => Some(label),
        _ => None,
    });
    run.name((message.0, message.1, label.unwrap_or(0)))
}

fn finding(run: &Run<'_>, proof: Proof, recorded: &[Recorded]) -> String {
    let message = name(run, proof.message(), recorded);
    match proof {
        Proof::Lost { confirmed: true, .. } => format!("{message} was confirmed, and was lost"),
        Proof::Lost { confirmed: false, .. } => format!("{message} was lost"),
        Proof::Again { .. } => format!("the effect of {message} took place again"),
        Proof::Order(violation) => {
            let newer = name(run, violation.newer, recorded);
            let how = if violation.stale { "took effect again after" } else { "took effect after" };
            format!("{message} {how} {newer}, which should follow it")
        }
    }
}

/// The facts of a witness, in order; with each whether it is the proof itself.
fn chain(s: usize, proof: Proof, recorded: &[Recorded]) -> Vec<(Recorded, bool)> {
    let about = |fact: &Recorded| match fact.event {
        Event::Fact(_, about) => about.map(|(source, number, _)| (source, number)),
        Event::News(_) => None,
    };
    let mine = |fact: &Fact| fact.subscription().is_none_or(|of| of.0 as usize == s);
    let end = end_of(s, proof, recorded);
    let mut chain: Vec<(Recorded, bool)> = Vec::new();
    let mut holders: Vec<NodeId> = Vec::new();
    for entry in recorded {
        if entry.at > end {
            break;
        }
        match entry.event {
            Event::News(news) if is_told(news) && holders.contains(&entry.node) => {
                chain.push((*entry, false));
            }
            Event::Fact(fact, _) if mine(&fact) => {
                let Some(about) = about(entry) else { continue };
                if about == proof.message() && tells(&fact) {
                    if matches!(fact, Fact::Delivered { .. } | Fact::Stored { .. } | Fact::Appended { .. }) {
                        holders.push(entry.node);
                    }
                    chain.push((*entry, proves(proof, &fact)));
                } else if proof.messages().contains(&about)
                    && matches!(fact, Fact::Processed { .. } | Fact::Published { .. })
                {
                    chain.push((*entry, proves(proof, &fact)));
                }
            }
            _ => {}
        }
    }
    chain
}

/// What the machine of a node that holds a message has to do with its fate.
fn is_told(news: News) -> bool {
    matches!(
        news,
        News::Crashed
            | News::MachineCrashed
            | News::Stopped
            | News::Restarted
            | News::Paused
            | News::Resumed
            | News::DiskStalled
    )
}

/// When the finding is certain: the late or repeated effect; the end of the last copy.
fn end_of(s: usize, proof: Proof, recorded: &[Recorded]) -> Time {
    let effects = recorded.iter().filter(|entry| match entry.event {
        Event::Fact(fact @ Fact::Processed { .. }, Some((source, number, _))) => {
            (source, number) == proof.message() && fact.subscription().is_some_and(|of| of.0 as usize == s)
        }
        _ => false,
    });
    let mut times = effects.map(|entry| entry.at);
    let end = match proof {
        Proof::Lost { .. } => None,
        Proof::Order(violation) if !violation.stale => times.next(),
        Proof::Order(..) | Proof::Again { .. } => times.nth(1),
    };
    end.unwrap_or(Time::NEVER)
}

/// Facts that explain; the others are on the way.
fn tells(fact: &Fact) -> bool {
    !matches!(
        fact,
        Fact::Dispatched { .. }
            | Fact::Sent { .. }
            | Fact::GivenBack { .. }
            | Fact::Forgotten { .. }
            | Fact::Forwarded { .. }
            | Fact::Copied { .. }
            | Fact::ReplicaGone { .. }
    )
}

/// Facts that prove: the effects; or, of a lost message, the ends of its copies.
fn proves(proof: Proof, fact: &Fact) -> bool {
    use Fact::{
        Deduplicated, DeliveryDropped, Discarded, GaveUp, NotTaken, PassedOver, Processed, PublishDropped,
        Removed, TurnedAway,
    };
    let Proof::Lost { .. } = proof else { return matches!(fact, Processed { .. }) };
    matches!(
        fact,
        PublishDropped { .. }
            | NotTaken { .. }
            | TurnedAway { .. }
            | PassedOver { .. }
            | DeliveryDropped { .. }
            | Discarded { .. }
            | Deduplicated { .. }
            | Removed { .. }
            | GaveUp { .. }
    )
}

/// The diagram around a finding; none if nothing was recorded.
pub(crate) fn diagram(run: &Run<'_>, s: usize, proof: Proof, recorded: &[Recorded]) -> Option<Diagram> {
    let chain = chain(s, proof, recorded);
    let (first, last) = (chain.first()?.0.at, chain.last()?.0.at);
    let margin = (last.since(first).0 / MARGIN).max(1);
    let window = (Time(first.0.saturating_sub(margin)), Time(last.0 + margin));
    let all = recorded.iter().filter(|entry| entry.at >= window.0 && entry.at <= window.1);
    let mut drawing = Drawing::new(run.shared(), s, proof);
    for entry in all.clone() {
        drawing.add(entry);
        if drawing.len() > ARROWS_MAX {
            break;
        }
    }
    if drawing.len() > ARROWS_MAX {
        // What it is about would be lost among the others, or beyond the end of the sheet.
        drawing = Drawing::new(run.shared(), s, proof);
        let concerns = |entry: &&Recorded| match entry.event {
            Event::Fact(_, Some((source, number, _))) => proof.messages().contains(&(source, number)),
            Event::Fact(_, None) => false,
            Event::News(_) => chain.iter().any(|(told, _)| told.node == entry.node),
        };
        for entry in all.filter(concerns) {
            drawing.add(entry);
            if drawing.len() > ARROWS_MAX {
                break;
            }
        }
        drawing.others_left_out = true;
    }
    Some(drawing.finish(name(run, proof.message(), recorded), window))
}

/// A packet that has left and not come.
struct Open {
    about: (u32, u32),
    arrow: Arrow,
    /// It goes to a broker, to a consumer, or back.
    leg: Leg,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Leg {
    Publish,
    Deliver,
    Ack,
}

struct Drawing<'a> {
    shared: &'a Shared,
    s: usize,
    proof: Proof,
    nodes: Vec<NodeId>,
    arrows: Vec<Arrow>,
    open: Vec<Open>,
    marks: Vec<(NodeId, Mark)>,
    processed: Vec<(u32, u32)>,
    others_left_out: bool,
}

impl<'a> Drawing<'a> {
    fn new(shared: &'a Shared, s: usize, proof: Proof) -> Self {
        Drawing {
            shared,
            s,
            proof,
            nodes: Vec::new(),
            arrows: Vec::new(),
            open: Vec::new(),
            marks: Vec::new(),
            processed: Vec::new(),
            others_left_out: false,
        }
    }

    fn len(&self) -> usize {
        self.arrows.len() + self.open.len()
    }

    /// Lanes are numbered by node until the end.
    fn add(&mut self, entry: &Recorded) {
        match entry.event {
            Event::News(news) => self.news(entry, news),
            Event::Fact(fact, Some((source, number, _))) => {
                let other = fact.subscription().is_some_and(|of| of.0 as usize != self.s);
                if !other {
                    self.fact(entry, fact, (source, number));
                }
            }
            Event::Fact(_, None) => {}
        }
    }

    fn news(&mut self, entry: &Recorded, news: News) {
        let (text, kind) = match news {
            News::Crashed | News::MachineCrashed => ("crashed", MarkKind::Crash),
            News::Stopped => ("stopped", MarkKind::Crash),
            News::Restarted => ("restarted", MarkKind::Restart),
            _ => return,
        };
        self.mark(entry, text.to_string(), kind);
    }

    fn fact(&mut self, entry: &Recorded, fact: Fact, about: (u32, u32)) {
        let name = self.shared.name_of(about.0, about.1);
        match fact {
            Fact::Published { sent: true, .. } | Fact::Sent { .. } => {
                self.leave(entry, about, name, ArrowKind::Message, Leg::Publish);
            }
            Fact::Resent { .. } => self.leave(entry, about, name, ArrowKind::Again, Leg::Publish),
            Fact::Stored { .. } | Fact::Appended { .. } | Fact::NotTaken { .. } => {
                self.arrive(entry, about, Leg::Publish);
            }
            Fact::PublishDropped { .. } => self.lose(entry, about, Leg::Publish),
            Fact::Dispatched { attempt, .. } => {
                let kind = if attempt > 1 { ArrowKind::Again } else { ArrowKind::Message };
                self.leave(entry, about, name, kind, Leg::Deliver);
            }
            Fact::Delivered { .. } => self.arrive(entry, about, Leg::Deliver),
            Fact::DeliveryDropped { .. } => self.lose(entry, about, Leg::Deliver),
            Fact::Processed { .. } => self.effect(entry, about, name),
            Fact::Deduplicated { .. } => {
                self.leave(entry, about, format!("ack {name}"), ArrowKind::Reply, Leg::Ack);
            }
            Fact::Acked { .. } | Fact::StrayAck { .. } => self.arrive(entry, about, Leg::Ack),
            Fact::AckDropped { .. } => self.lose(entry, about, Leg::Ack),
            Fact::Discarded { .. } | Fact::Removed { .. } => self.mark(entry, name, MarkKind::Lost),
            _ => {}
        }
    }

    fn effect(&mut self, entry: &Recorded, about: (u32, u32), name: String) {
        let late = matches!(self.proof, Proof::Order(..)) && about == self.proof.message();
        let kind = match (self.processed.contains(&about), late) {
            (true, _) => MarkKind::Duplicate,
            (false, true) => MarkKind::Late,
            (false, false) => MarkKind::Effect,
        };
        self.processed.push(about);
        self.mark(entry, name.clone(), kind);
        self.leave(entry, about, format!("ack {name}"), ArrowKind::Reply, Leg::Ack);
    }

    fn lane(&mut self, node: NodeId) -> usize {
        match self.nodes.iter().position(|known| *known == node) {
            Some(lane) => lane,
            None => {
                self.nodes.push(node);
                self.nodes.len() - 1
            }
        }
    }

    fn mark(&mut self, entry: &Recorded, text: String, kind: MarkKind) {
        let lane = self.lane(entry.node);
        self.marks.push((entry.node, Mark { lane, time: entry.at.seconds(), text, kind }));
    }

    fn leave(&mut self, entry: &Recorded, about: (u32, u32), text: String, kind: ArrowKind, leg: Leg) {
        let from = self.lane(entry.node);
        let message = self.shared.name_of(about.0, about.1);
        let arrow = Arrow { from, to: from, sent: entry.at.seconds(), arrived: None, text, message, kind };
        self.open.push(Open { about, arrow, leg });
    }

    fn arrive(&mut self, entry: &Recorded, about: (u32, u32), leg: Leg) {
        let is_it = |open: &Open| open.about == about && open.leg == leg;
        // Of several effects the last one is acked: a crash came between the others and their acks.
        let found = match leg {
            Leg::Ack => self.open.iter().rposition(is_it),
            Leg::Publish | Leg::Deliver => self.open.iter().position(is_it),
        };
        if let Some(index) = found {
            let mut arrow = self.open.remove(index).arrow;
            arrow.to = self.lane(entry.node);
            arrow.arrived = Some(entry.at.seconds());
            if arrow.to != arrow.from {
                self.arrows.push(arrow);
            }
        }
    }

    /// Lost: it is drawn towards whoever noted it, or else towards the middle of the sheet.
    fn lose(&mut self, entry: &Recorded, about: (u32, u32), leg: Leg) {
        let found = self.open.iter().rposition(|open| open.about == about && open.leg == leg);
        if let Some(index) = found {
            let mut arrow = self.open.remove(index).arrow;
            let noted = self.lane(entry.node);
            arrow.to = if noted == arrow.from { self.other_end(arrow.from, leg) } else { noted };
            self.arrows.push(arrow);
        }
    }

    /// Where a packet was probably going to.
    fn other_end(&mut self, from: usize, leg: Leg) -> usize {
        let wanted = if leg == Leg::Deliver { Role::Consumer } else { Role::Broker };
        let is_wanted = |node: &NodeId| self.shared.names.roles[node.0 as usize] == wanted;
        let found = self.nodes.iter().position(is_wanted).filter(|lane| *lane != from);
        found.unwrap_or_else(|| {
            let all = self.shared.names.roles.iter().position(|role| *role == wanted);
            all.map_or(from, |node| self.lane(NodeId(node as u32)))
        })
    }

    /// Puts the lanes in order: producers, brokers, consumers.
    fn finish(mut self, message: String, window: (Time, Time)) -> Diagram {
        let place = |node: &NodeId| match self.shared.names.roles[node.0 as usize] {
            Role::Producer => 0,
            Role::Client => 1,
            Role::Broker => 2,
            Role::Consumer => 3,
        };
        let mut order: Vec<NodeId> = self.nodes.clone();
        order.sort_by_key(|node| (place(node), *node));
        let to: Vec<usize> =
            self.nodes.iter().map(|node| order.iter().position(|other| other == node).unwrap_or(0)).collect();
        for arrow in &mut self.arrows {
            (arrow.from, arrow.to) = (to[arrow.from], to[arrow.to]);
        }
        let marks = self.marks.into_iter().map(|(_, mark)| Mark { lane: to[mark.lane], ..mark });
        Diagram {
            lanes: order.iter().map(|node| self.shared.names.node(*node).to_string()).collect(),
            arrows: self.arrows,
            marks: marks.collect(),
            span: (window.0.seconds(), window.1.seconds()),
            message,
            others_left_out: self.others_left_out,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redeliver_scenarios::{Options, read};

    /// Around the first broken guarantee of the only design.
    fn drawn(text: &str) -> Diagram {
        let plan = read("test", text, &Options::default()).unwrap_or_else(|report| panic!("{report}"));
        let findings = crate::run(&plan, &mut |_, _| ());
        findings.designs[0].diagram.clone().expect("a guarantee is broken")
    }

    #[test]
    fn an_effect_that_a_crash_cuts_off_is_not_acked() {
        let drawn = drawn(
            r#"(
            format: 1,
            title: "A crash between effect and ack",
            producers: {"shop": (publish: "orders", schedule: Every("50ms"), count: 1)},
            consumers: {"billing": (read: "orders", work: "2ms")},
            faults: [Crash(node: "billing", when: Processed(message: "shop#1", to: "billing"), restart_after: "20ms")],
            designs: {"queue": Queue()},
        )"#,
        );
        let effects = drawn.marks.iter().filter(|mark| mark.text == "shop#1");
        let effects: Vec<f64> = effects.map(|mark| mark.time).collect();
        let acks = drawn.arrows.iter().filter(|arrow| arrow.kind == ArrowKind::Reply);
        let acks: Vec<f64> = acks.map(|arrow| arrow.sent).collect();
        assert_eq!(effects.len(), 2, "{drawn:?}");
        assert_eq!(acks, effects[1..], "{drawn:?}");
        assert!(!drawn.others_left_out);
    }

    #[test]
    fn where_there_is_too_much_to_draw_it_is_the_finding_that_is_drawn() {
        let drawn = drawn(
            r#"(
            format: 1,
            title: "All that an unlimited consumer holds dies with it",
            producers: {"shop": (publish: "orders", schedule: Every("1ms"), count: 300)},
            consumers: {"billing": (read: "orders", work: "50ms")},
            faults: [Crash(node: "billing", at: "1s")],
            designs: {"queue": Queue(prefetch: 0, ack: Auto)},
        )"#,
        );
        let subjects = drawn.arrows.iter().map(|arrow| arrow.message.as_str());
        assert!(subjects.clone().all(|message| message == drawn.message), "{drawn:?}");
        assert!(subjects.count() >= 2);
        for kind in [MarkKind::Lost, MarkKind::Crash] {
            assert!(drawn.marks.iter().any(|mark| mark.kind == kind), "{drawn:?}");
        }
        assert!(drawn.others_left_out);
    }
}
