//! Which sessions get what is published to a topic: by topic filters, and by groups that share.
//!
//! Models the subscriptions of MQTT (3.1.1, 4.7: topic names and topic filters) as Mosquitto 2.0 keeps them: a session
//! gets a message once, however many of its filters fit, at the quality of service of the filter that is found first: a
//! level by name before `+`, that before `#` (asked of Mosquitto 2.0.11; MQTT itself leaves it open). Of those who share
//! a filter (`$share/GROUP/FILTER`) each is given one in turn, whether it is there or not (recorded: `mqtt-X-shared`).
//!
//! Left out: `$SYS`; subscriptions that are taken back.

use super::{ExchangeConfig, ExchangeKind, QueueConfig};
use crate::message::{MessageRef, SubscriptionId};
use std::collections::VecDeque;

/// One filter of a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter {
    /// Levels between slashes: `+` stands for one, `#` at the end for any number of them.
    pub text: String,
    /// Its messages come at this quality of service at most.
    pub qos: u8,
    /// With whom it shares its messages.
    pub group: Option<String>,
}

impl Filter {
    /// As a client writes it.
    pub fn shown(&self) -> String {
        match &self.group {
            None => self.text.clone(),
            Some(group) => format!("$share/{group}/{}", self.text),
        }
    }
}

/// Whether a topic filter of MQTT fits a topic.
pub fn filter_fits(filter: &str, topic: &str) -> bool {
    closeness(filter, topic).is_some()
}

/// How closely a filter fits a topic, level by level, if it does: what is less is found first.
fn closeness(filter: &str, topic: &str) -> Option<Vec<u8>> {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return None;
    }
    let (mut wanted, mut levels, mut close) = (filter.split('/'), topic.split('/'), Vec::new());
    loop {
        match (wanted.next(), levels.next()) {
            (None, None) => return Some(close),
            (Some("#"), _) => {
                close.push(2);
                return Some(close);
            }
            (Some("+"), Some(_)) => close.push(1),
            (Some(name), Some(level)) if name == level => close.push(0),
            _ => return None,
        }
    }
}

/// Who is given the messages of a topic.
#[derive(Clone, Copy, Debug)]
enum Who {
    Session { queue: usize, qos: u8 },
    Group(usize),
}

#[derive(Clone, Debug)]
struct Receiver {
    /// What is less is asked first: how closely its filter fits, and whether it is no group.
    order: (Vec<u8>, bool),
    filter: String,
    who: Who,
}

/// What a topic retains for those who come later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keepsake {
    pub(super) m: MessageRef,
    pub(super) size: u64,
    pub(super) qos: u8,
}

#[derive(Clone, Debug, Default)]
struct Topic {
    receivers: Vec<Receiver>,
    retained: Option<Keepsake>,
    /// Subscriptions of the load that read it.
    read_by: Vec<SubscriptionId>,
}

/// Those who share a filter; who was served goes to the end.
#[derive(Clone, Debug)]
struct Group {
    name: String,
    filter: String,
    members: VecDeque<(usize, u8)>,
}

/// The topics that anybody publishes to, by exchange.
#[derive(Clone, Debug)]
pub(super) struct Topics {
    topics: Vec<Topic>,
    groups: Vec<Group>,
}

impl Topics {
    /// Nobody has subscribed yet.
    pub(super) fn new(
        exchanges: &[ExchangeConfig],
        queues: &[QueueConfig],
        subscriptions: &[SubscriptionId],
    ) -> Self {
        let topic = |exchange: &ExchangeConfig| {
            let of_load = |(queue, s): (&QueueConfig, &SubscriptionId)| {
                let session = queue.session.as_ref().filter(|session| session.of.is_some())?;
                let reads = session.filters.iter().any(|filter| filter_fits(&filter.text, &exchange.name));
                reads.then_some(*s)
            };
            let mut read_by: Vec<SubscriptionId> =
                queues.iter().zip(subscriptions).filter_map(of_load).collect();
            read_by.sort_unstable();
            read_by.dedup();
            Topic { read_by, ..Topic::default() }
        };
        Topics { topics: exchanges.iter().map(topic).collect(), groups: Vec::new() }
    }

    /// A session is subscribed to this filter from now on; it may have been before. The topics that fit it.
    pub(super) fn subscribe(
        &mut self,
        queue: usize,
        filter: &Filter,
        exchanges: &[ExchangeConfig],
    ) -> Vec<usize> {
        let qos = filter.qos;
        let who = match &filter.group {
            None => Who::Session { queue, qos },
            Some(name) => Who::Group(self.join(queue, name, filter)),
        };
        let mut fitting = Vec::new();
        for (i, exchange) in exchanges.iter().enumerate().filter(|(_, e)| e.kind == ExchangeKind::Sessions) {
            let Some(close) = closeness(&filter.text, &exchange.name) else { continue };
            fitting.push(i);
            let receivers = &mut self.topics[i].receivers;
            let is_it = |receiver: &&mut Receiver| match (receiver.who, who) {
                (Who::Group(one), Who::Group(other)) => one == other,
                (Who::Session { queue: one, .. }, Who::Session { queue: other, .. }) => {
                    one == other && receiver.filter == filter.text
                }
                _ => false,
            };
            if let Some(before) = receivers.iter_mut().find(is_it) {
                before.who = who;
                continue;
            }
            let order = (close, matches!(who, Who::Session { .. }));
            let place = receivers.partition_point(|other| other.order <= order);
            receivers.insert(place, Receiver { order, filter: filter.text.clone(), who });
        }
        fitting
    }

    /// Into the group of this name; its number.
    fn join(&mut self, queue: usize, name: &str, filter: &Filter) -> usize {
        let is_it = |group: &Group| group.name == name && group.filter == filter.text;
        let number = self.groups.iter().position(is_it).unwrap_or_else(|| {
            let (name, filter) = (name.into(), filter.text.clone());
            self.groups.push(Group { name, filter, members: VecDeque::new() });
            self.groups.len() - 1
        });
        let members = &mut self.groups[number].members;
        match members.iter_mut().find(|(other, _)| *other == queue) {
            Some((_, qos)) => *qos = filter.qos,
            None => members.push_back((queue, filter.qos)),
        }
        number
    }

    /// A session is gone, with all its subscriptions.
    pub(super) fn forget(&mut self, queue: usize) {
        for topic in &mut self.topics {
            topic.receivers.retain(
                |receiver| !matches!(receiver.who, Who::Session { queue: other, .. } if other == queue),
            );
        }
        self.groups.iter_mut().for_each(|group| group.members.retain(|(other, _)| *other != queue));
    }

    /// How many receivers a topic has.
    pub(super) fn count(&self, exchange: usize) -> usize {
        self.topics[exchange].receivers.len()
    }

    /// The n-th receiver: its session, and at which quality of service at most. Of a group it is the member whose turn it
    /// is.
    pub(super) fn receiver(&mut self, exchange: usize, n: usize) -> Option<(usize, u8)> {
        match self.topics[exchange].receivers[n].who {
            Who::Session { queue, qos } => Some((queue, qos)),
            Who::Group(group) => {
                let members = &mut self.groups[group].members;
                let first = members.pop_front()?;
                members.push_back(first);
                Some(first)
            }
        }
    }

    /// Subscriptions of the load that read a topic.
    pub(super) fn read_by(&self, exchange: usize) -> &[SubscriptionId] {
        &self.topics[exchange].read_by
    }

    /// What a topic retains.
    pub(super) fn retained(&self, exchange: usize) -> Option<Keepsake> {
        self.topics[exchange].retained
    }

    /// It retains this from now on; what it has retained so far.
    pub(super) fn retain(&mut self, exchange: usize, keepsake: Option<Keepsake>) -> Option<Keepsake> {
        std::mem::replace(&mut self.topics[exchange].retained, keepsake)
    }

    /// All that is retained, by exchange.
    pub(super) fn all_retained(&self) -> impl Iterator<Item = (usize, Keepsake)> + '_ {
        self.topics.iter().enumerate().filter_map(|(i, topic)| Some((i, topic.retained?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_fit_as_the_standard_says() {
        // MQTT 3.1.1, 4.7.1 and 4.7.2.
        for (filter, topic, expected) in [
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/ranking", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
            ("sport/tennis/player1/#", "sport/tennis/player2", false),
            ("sport/#", "sport", true),
            ("#", "sport/tennis", true),
            ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("#", "$SYS/monitor", false),
            ("+/monitor", "$SYS/monitor", false),
            ("$SYS/#", "$SYS/monitor", true),
        ] {
            assert_eq!(filter_fits(filter, topic), expected, "{filter} {topic}");
        }
    }

    /// Who gets the next messages of `a/b`, and at which quality of service.
    fn given(filters: &[(usize, &str, u8, Option<&str>)], times: usize) -> Vec<(usize, u8)> {
        let exchange =
            ExchangeConfig { kind: ExchangeKind::Sessions, ..ExchangeConfig::fanout("a/b", Vec::new()) };
        let exchanges = [exchange];
        let mut topics = Topics::new(&exchanges, &[], &[]);
        for (queue, text, qos, group) in filters {
            let filter = Filter { text: (*text).into(), qos: *qos, group: group.map(str::to_string) };
            topics.subscribe(*queue, &filter, &exchanges);
        }
        let all = (0..times).flat_map(|_| 0..topics.count(0)).collect::<Vec<_>>();
        all.into_iter().filter_map(|n| topics.receiver(0, n)).collect()
    }

    #[test]
    fn the_filter_that_is_closer_counts() {
        assert_eq!(given(&[(0, "a/#", 2, None), (0, "a/+", 0, None), (0, "+/b", 1, None)], 1)[0], (0, 0));
        assert_eq!(given(&[(0, "a/#", 2, None), (0, "+/b", 1, None)], 1)[0], (0, 2));
        assert_eq!(given(&[(0, "a/+", 0, None), (0, "a/b", 1, None)], 1)[0], (0, 1));
        // A second subscription to the same takes the place of the first.
        assert_eq!(given(&[(0, "a/b", 0, None), (0, "a/b", 1, None)], 1), [(0, 1)]);
    }

    #[test]
    fn those_who_share_take_turns() {
        let shared = [(0, "a/b", 1, Some("g")), (1, "a/b", 0, Some("g")), (2, "a/b", 1, None)];
        assert_eq!(given(&shared, 3), [(0, 1), (2, 1), (1, 0), (2, 1), (0, 1), (2, 1)]);
    }
}
