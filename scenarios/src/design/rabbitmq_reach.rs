//! Exchanges of RabbitMQ that no message can reach: whoever wrote them meant something else. A queue that is only there is
//! no mistake.

use super::Load;
use super::rabbitmq::RabbitMQ;
use crate::diagnostic::{Diagnostic, Findings};
use redeliver_models::queue::{Config, DeadLetter};

impl RabbitMQ {
    /// Refuses them. A story may name them, a load's producers publish to topics, and dead letters go anywhere.
    pub(super) fn check_reach(&self, config: &Config, load: &Load<'_>, findings: &mut Findings) {
        let is_used = |name: &str| {
            load.topics.iter().chain(load.story_names).any(|used| used == name)
                || load.declared.values().any(|arguments| {
                    let to = |argument: &str| arguments.get(argument).map(|to| to.value.to_string());
                    to("x-dead-letter-exchange").is_some_and(|to| to == format!("{name:?}"))
                        || to("x-dead-letter-routing-key").is_some_and(|to| to == format!("{name:?}"))
                })
        };
        let gets_letters = |name: &str| {
            config.queues.iter().any(
                |queue| matches!(&queue.dead_letter, DeadLetter::Exchange { name: to, .. } if to == name),
            )
        };
        for (name, place, _) in self.exchanges.sorted() {
            if !is_used(name) && !gets_letters(name) {
                let diagnostic =
                    Diagnostic::new(format!("nobody publishes to the exchange `{name}`")).at(place);
                let topics = load.topics.iter().map(String::as_str);
                findings.push(match load.topics.is_empty() {
                    true => diagnostic.hint("send something to it, or leave it out"),
                    false => diagnostic.nearest(name, topics),
                });
            }
        }
    }
}
