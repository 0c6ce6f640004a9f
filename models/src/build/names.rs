//! What everything in a setup is called, in the order in which it will be numbered.

use super::story;
use crate::queue::{self, DeadLetter};
use crate::setup::{Design, KeyChoice, Role, Setup};
use crate::shared::Names;

/// All names of a setup.
pub(super) fn names(setup: &Setup) -> Names {
    let mut names = Names::default();
    for (name, role) in node_names(setup) {
        names.nodes.push(name);
        names.roles.push(role);
    }
    for producer in &setup.producers {
        if producer.members == 1 {
            names.sources.push(producer.name.clone());
        } else {
            names.sources.extend((1..=producer.members).map(|member| format!("{}/{member}", producer.name)));
        }
        let numbered = match producer.key {
            KeyChoice::Uniform(n) | KeyChoice::Zipf { n, .. } => n,
            KeyChoice::None | KeyChoice::Const(_) | KeyChoice::Cycle(_) => 0,
        };
        names.keys_numbered = names.keys_numbered.max(numbered);
    }
    names.clients_from = names.sources.len();
    names.sources.extend(setup.script.iter().flat_map(|script| script.clients.iter().cloned()));
    names.subscriptions = setup.consumers.iter().map(|consumer| consumer.name.clone()).collect();
    names.subscriptions.extend(story::subscriptions(setup));
    names.keys = named_keys(setup, &names);
    names.routing_keys = match &setup.design {
        Design::Queue(config) => routing_keys(setup, config, &names),
        _ => Vec::new(),
    };
    names.lines = match &setup.design {
        Design::Queue(config) => story::queues(setup, config).into_iter().map(|queue| queue.name).collect(),
        Design::Log(config) => {
            let all = config.topics.iter();
            all.flat_map(|topic| (0..topic.partitions).map(|n| format!("{}-{n}", topic.name))).collect()
        }
        Design::Udp(_) | Design::Webhook(_) => names.sources.clone(),
    };
    names
}

/// Names and roles of all nodes of a setup, in the order in which they are numbered.
pub fn node_names(setup: &Setup) -> Vec<(String, Role)> {
    let brokers = match &setup.design {
        Design::Queue(queue::Config { cluster: Some(cluster), .. }) => cluster.nodes.clone(),
        Design::Queue(config) => vec![config.node.clone()],
        Design::Log(config) => vec![config.node.clone()],
        Design::Udp(_) | Design::Webhook(_) => Vec::new(),
    };
    let consumers = setup.consumers.iter().flat_map(|consumer| {
        (0..consumer.members.len()).map(|member| (consumer.member_name(member), Role::Consumer))
    });
    let producers = setup.producers.iter().flat_map(|producer| {
        (1..=producer.members).map(|member| (format!("{}/{member}", producer.name), Role::Producer))
    });
    let clients = setup.script.iter().flat_map(|script| script.clients.iter().cloned());
    let clients = clients.map(|name| (name, Role::Client));
    brokers
        .into_iter()
        .map(|name| (name, Role::Broker))
        .chain(consumers)
        .chain(producers)
        .chain(clients)
        .collect()
}

/// Keys that are not numbers below the greatest range of numbers, once each, in their order.
fn named_keys(setup: &Setup, names: &Names) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for producer in &setup.producers {
        match &producer.key {
            KeyChoice::Const(key) => keys.push(key.clone()),
            KeyChoice::Cycle(cycle) => keys.extend(cycle.iter().cloned()),
            KeyChoice::None | KeyChoice::Uniform(_) | KeyChoice::Zipf { .. } => {}
        }
    }
    keys.extend(story::keys(setup));
    keys.sort();
    keys.dedup();
    keys.retain(|key| names.find_key(key).is_none());
    keys
}

/// What messages are routed by beside their keys: what publishers say, what dead letters get, and, where there are dead
/// letters, the names of the queues that the default exchange knows.
fn routing_keys(setup: &Setup, config: &queue::Config, names: &Names) -> Vec<String> {
    let queues = story::queues(setup, config);
    let mut keys: Vec<String> = story::said(setup).filter_map(|said| said.routing_key.clone()).collect();
    keys.extend(story::said(setup).filter_map(|said| said.id.clone()));
    keys.extend(story::said(setup).filter_map(|said| said.deduplication_id.clone()));
    keys.extend(config.clients.iter().filter_map(|(_, client)| client.said.routing_key.clone()));
    for queue in &queues {
        if let DeadLetter::Exchange { routing_key, .. } = &queue.dead_letter {
            keys.extend(routing_key.clone());
        }
    }
    if queues.iter().any(|queue| matches!(queue.dead_letter, DeadLetter::Exchange { .. })) {
        keys.extend(queues.iter().map(|queue| queue.name.clone()));
    }
    keys.sort();
    keys.dedup();
    keys.retain(|key| names.find_key(key).is_none());
    keys
}
