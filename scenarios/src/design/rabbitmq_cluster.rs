//! Several nodes of RabbitMQ: their names, which of them has which queue, and what is not modelled with several.

use super::Load;
use super::rabbitmq::RabbitMQ;
use super::settings::Reader;
use crate::assumptions::Assumptions;
use crate::defaults::*;
use crate::diagnostic::{Diagnostic, Findings, Place};
use redeliver_models::queue::{ClusterConfig, Config, Kept, QueueConfig};
use redeliver_models::story::Verb;
use redeliver_sim::{SILENCE_LIMIT, Span};
use std::collections::BTreeMap;

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
        if names.is_empty() && self.nodes.place != Place::default() {
            let diagnostic = Diagnostic::new("a broker has at least one node").at(self.nodes.place);
            findings.push(diagnostic.hint("leave `nodes` out, or write `nodes: [\"n1\"]`"));
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
            if let Some(setting) = self.config.get("net_ticktime") {
                let message = "`net_ticktime` means nothing to one node: it is between nodes";
                let hint = "leave it out, or write `nodes: [\"n1\", \"n2\", \"n3\"]`";
                findings.push(Diagnostic::new(message).at(setting.place).hint(hint));
            }
            return None;
        }
        let seconds = assumptions.pick("net_ticktime", tick.map(|seconds| seconds as u32), &NET_TICKTIME);
        let mut version = self.version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let version = (version.next().unwrap_or(0), version.next().unwrap_or(0));
        Some(ClusterConfig {
            nodes: nodes.to_vec(),
            silence_limit: Span::seconds(u64::from(seconds)),
            // rabbitmq-server, pull request 14589, "Quorum queues: fix resend issues after network partition": in 4.2.
            forgets_without_majority: version < (4, 2),
        })
    }

    /// Puts queues on their nodes.
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
    }

    /// Refuses what several nodes do not follow yet, of standing queues and of those that a story declares.
    pub(super) fn refuse_in_cluster(
        &self,
        config: &Config,
        declared: &BTreeMap<String, QueueConfig>,
        load: &Load<'_>,
        findings: &mut Findings,
    ) {
        let mut refuse = |what: String, at: Option<Place>, hint: &str| {
            let message = format!("{what} in a cluster: not modelled yet");
            let diagnostic = Diagnostic::new(message).hint(hint);
            findings.push(match at {
                Some(place) => diagnostic.at(place),
                None => diagnostic,
            });
        };
        let is_quorum = |name: &str| {
            let standing = config.queues.iter().find(|queue| queue.name == name);
            let queue = standing.or(declared.get(name));
            queue.is_some_and(|queue| queue.behaviour.kept == Kept::Everything)
        };
        let standing = self.queues.sorted().into_iter().map(|(name, _, arguments)| (name, arguments));
        let late = load.declared.iter().map(|(name, arguments)| (name.as_str(), arguments));
        for (name, arguments) in standing.chain(late) {
            let place = |argument: &str| arguments.get(argument).map(|setting| setting.place);
            if let Some(place) = place("x-dead-letter-exchange") {
                let what = format!("`x-dead-letter-exchange` of the queue `{name}`");
                refuse(what, Some(place), "leave it out, or take one node");
            }
            if let Some(place) = place("x-message-ttl").filter(|_| is_quorum(name)) {
                let what = format!("`x-message-ttl` of the quorum queue `{name}`");
                refuse(what, Some(place), "leave it out, or take a classic queue, or one node");
            }
        }
        let names = config.queues.iter().chain(declared.values()).map(|queue| queue.name.as_str());
        let Some(quorum) = names.into_iter().find(|name| is_quorum(name)) else { return };
        for name in ["consumer_timeout", "channel_tick_interval"] {
            if let Some(setting) = self.config.get(name) {
                let what = format!("`{name}` with the quorum queue `{quorum}`");
                refuse(
                    what,
                    Some(setting.place),
                    "leave it out: who holds a message there holds it for ever",
                );
            }
        }
        let expirations = self.clients.iter().filter_map(|(_, client)| client.config.get("expiration"));
        for setting in expirations {
            let what = format!("`expiration` with the quorum queue `{quorum}`");
            refuse(what, Some(setting.place), "leave it out, or take classic queues, or one node");
        }
        for line in load.script.iter().flat_map(|script| &script.lines) {
            let expires = |verb: &&Verb| match verb {
                Verb::Send { said, to, .. } => {
                    let elsewhere =
                        to.as_deref().is_some_and(|to| names_a_classic_queue(config, declared, to));
                    said.iter().any(|said| said.expiration.is_some()) && !elsewhere
                }
                _ => false,
            };
            if line.verbs.iter().flat_map(Verb::all).any(|verb| expires(&verb)) {
                let what = format!(
                    "`expiration` of what is sent in line {} with the quorum queue `{quorum}`",
                    line.line
                );
                refuse(what, None, "leave it out, or send it to a classic queue, or take one node");
            }
        }
    }
}

fn names_a_classic_queue(config: &Config, declared: &BTreeMap<String, QueueConfig>, name: &str) -> bool {
    let queue = config.queues.iter().find(|queue| queue.name == name).or(declared.get(name));
    queue.is_some_and(|queue| queue.behaviour.kept == Kept::Persistent)
}
