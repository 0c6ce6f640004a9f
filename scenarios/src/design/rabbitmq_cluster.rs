//! Several nodes of RabbitMQ: their names, which of them has which queue, and what is not modelled with several.

use super::rabbitmq::RabbitMQ;
use super::settings::Reader;
use crate::assumptions::Assumptions;
use crate::defaults::*;
use crate::diagnostic::{Diagnostic, Findings};
use redeliver_models::queue::{ClusterConfig, Config, DeadLetter, Kept};
use redeliver_sim::{SILENCE_LIMIT, Span};

impl RabbitMQ {
    /// Names of the nodes, in the order of the file: at least one.
    pub(super) fn node_names(&self, findings: &mut Findings) -> Vec<String> {
        let names = &self.nodes.value;
        if names.len() > CLUSTER_NODES_MAX as usize {
            let message = format!("{} nodes: a cluster may have {CLUSTER_NODES_MAX} at most", names.len());
            let hint = "every node talks to all others; clusters of RabbitMQ have 3, 5 or 7";
            findings.push(Diagnostic::new(message).at(self.nodes.place).hint(hint));
        }
        for (place, name) in names.iter().enumerate() {
            let fine = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
            let message = if names[..place].contains(name) {
                format!("two nodes are called `{name}`")
            } else if name.is_empty() || !name.chars().all(fine) {
                format!("`{name}` cannot be the name of a node: use letters, digits, `_`, `-` and `.`")
            } else {
                continue;
            };
            findings.push(
                Diagnostic::new(message).at(self.nodes.place).hint("write `nodes: [\"n1\", \"n2\", \"n3\"]`"),
            );
        }
        let names: Vec<String> = names.iter().take(CLUSTER_NODES_MAX as usize).cloned().collect();
        if names.is_empty() { vec!["n1".into()] } else { names }
    }

    /// What a cluster has beside a node that is alone.
    pub(super) fn cluster(
        &self,
        nodes: &[String],
        assumptions: &mut Assumptions,
        findings: &mut Findings,
    ) -> Option<ClusterConfig> {
        let mut reader = Reader { settings: &self.config, findings };
        let tick = reader.whole("net_ticktime", 1, SILENCE_LIMIT.0 as i64 / 1_000_000_000);
        if nodes.len() < 2 {
            return None;
        }
        let seconds = assumptions.pick("net_ticktime", tick.map(|seconds| seconds as u32), &NET_TICKTIME);
        let mut version = self.version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let version = (version.next().unwrap_or(0), version.next().unwrap_or(0));
        Some(ClusterConfig {
            nodes: nodes.to_vec(),
            silence_limit: Span::seconds(u64::from(seconds)),
            forgets_without_majority: version < (4, 2),
        })
    }

    /// Puts queues on their nodes, and refuses what several nodes do not follow yet.
    pub(super) fn place_queues(&self, nodes: &[String], config: &mut Config, findings: &mut Findings) {
        for (queue, _, node) in self.leaders.sorted() {
            let place = node.place;
            let Some(number) = nodes.iter().position(|name| *name == node.value) else {
                let message = format!("there is no node `{}`", node.value);
                let known = nodes.iter().map(String::as_str);
                findings.push(Diagnostic::new(message).at(place).nearest(&node.value, known));
                continue;
            };
            let names: Vec<String> = config.queues.iter().map(|queue| queue.name.clone()).collect();
            match config.queues.iter_mut().find(|other| other.name == queue) {
                Some(queue) => queue.leader = number,
                None => {
                    let diagnostic = Diagnostic::new(format!("there is no queue `{queue}`")).at(place);
                    findings.push(diagnostic.nearest(queue, names.iter().map(String::as_str)));
                }
            }
        }
        if nodes.len() > 1 {
            refuse_in_cluster(config, findings);
        }
    }
}

fn refuse_in_cluster(config: &Config, findings: &mut Findings) {
    let mut refuse = |what: &str, hint: &str| {
        let message = format!("{what} in a cluster: not modelled yet");
        findings.push(Diagnostic::new(message).hint(hint.to_string()));
    };
    for queue in &config.queues {
        if matches!(queue.dead_letter, DeadLetter::Exchange { .. }) {
            refuse("`x-dead-letter-exchange`", "leave it out, or take one node");
        }
        if queue.behaviour.kept == Kept::Everything && queue.message_ttl.is_some() {
            refuse("`x-message-ttl` of a quorum queue", "leave it out, or take one node");
        }
    }
    let quorum = config.queues.iter().any(|queue| queue.behaviour.kept == Kept::Everything);
    if quorum && config.clients.iter().any(|(_, client)| client.said.expiration.is_some()) {
        refuse("`expiration` of messages to quorum queues", "leave it out, or take one node");
    }
}
