//! Who acts in a story: its clients, and nodes.

use crate::defaults::SCRIPT_ACTS_MAX;
use crate::diagnostic::{Diagnostic, Findings};
use crate::named::Placed;
use crate::scenario::Scenario;
use crate::script::{self, Line};
use redeliver_models::setup::glob_matches;
use redeliver_models::story::Who;
use std::collections::BTreeSet;

/// Who acts in the story.
pub(crate) struct Actors {
    /// Names of the clients, in order.
    pub(crate) clients: Vec<String>,
    /// Nodes.
    pub(crate) nodes: Vec<Placed<String>>,
}

impl Actors {
    /// A client lives from its first line on. Who begins with a verb that no client begins with is a node.
    pub(crate) fn find(lines: &[Placed<Line>], scenario: &Scenario, findings: &mut Findings) -> Actors {
        let mut clients: BTreeSet<String> = BTreeSet::new();
        let mut nodes: Vec<Placed<String>> = Vec::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for line in lines {
            for name in line.who.split_whitespace() {
                let known = !seen.insert(name);
                if known || name.contains(['*', '?']) || name == "net" || name == "ops" {
                    continue;
                }
                if begins_a_client(&line.does[0].value) && !name.contains('/') {
                    clients.insert(name.into());
                } else {
                    nodes.push(Placed { value: name.into(), place: line.who.place });
                }
            }
        }
        for line in lines {
            let taken = |name: &&str| {
                scenario.producers.0.contains_key(*name) || scenario.consumers.0.contains_key(*name)
            };
            if let Some(name) = line.who.split_whitespace().find(taken) {
                let message =
                    format!("`{name}` is a group of the load; in a story its members act: `{name}/1`");
                let fix = format!("\"{name}/1\"");
                findings
                    .push(Diagnostic::new(message).at(line.who.place).hint(format!("write {fix}")).fix(fix));
            }
        }
        Actors { clients: clients.into_iter().collect(), nodes }
    }

    /// Who acts in a line.
    pub(crate) fn who(&self, line: &Line, findings: &mut Findings) -> Vec<Who> {
        let mut who = Vec::new();
        for name in line.who.split_whitespace() {
            if who.len() > SCRIPT_ACTS_MAX {
                break;
            }
            let client = |name: &str| {
                self.clients.binary_search_by(|client| client.as_str().cmp(name)).ok().map(Who::Client)
            };
            match name {
                "net" => who.push(Who::Net),
                "ops" => who.push(Who::Ops),
                _ if name.contains(['*', '?']) => {
                    let before = who.len();
                    let all = self.clients.iter().enumerate();
                    who.extend(all.filter(|(_, c)| glob_matches(name, c)).map(|(i, _)| Who::Client(i)));
                    if who.len() == before {
                        let diagnostic =
                            Diagnostic::new(format!("`{name}` matches no client")).at(line.who.place);
                        findings.push(diagnostic.nearest(name, self.clients.iter().map(String::as_str)));
                    }
                }
                _ => who.push(client(name).unwrap_or_else(|| Who::Node(name.into()))),
            }
        }
        if who.is_empty() && line.who.trim().is_empty() {
            findings.refuse(line.who.place, "a line needs somebody who acts");
        }
        who
    }
}

fn begins_a_client(verb: &script::Verb) -> bool {
    use script::Verb::*;
    match verb {
        Async(inner) => begins_a_client(&inner.value),
        Send(..)
        | Consume(..)
        | Subscribe(_)
        | Poll { .. }
        | PollAll { .. }
        | Claim(..)
        | Handle(_)
        | Process(..)
        | Wait(_) => true,
        _ => false,
    }
}
