//! Takes the picture: from the state of the nodes, at any instant.

use super::picture::{Picture, QueuePicture};
use crate::domain::World;
use crate::message::MessageRef;
use crate::part::Part;
use crate::queue;
use crate::shared::Shared;
use redeliver_sim::NodeId;

/// What clients, queues, logs, groups and nodes look like now.
pub fn picture(world: &World) -> Picture {
    let shared = world.shared();
    let mut picture = Picture::default();
    for (i, part) in world.nodes().iter().enumerate() {
        let node = NodeId(i as u32);
        let (name, up) = (shared.names.node(node), world.is_up(node));
        picture.nodes.insert(name.into(), up);
        match part {
            Part::Client(client) => {
                let open = world.is_open(client.connection(), 0);
                picture.clients.insert(name.into(), client.picture(shared, open));
            }
            Part::QueueBroker(broker) if up => add_queues(broker, name, shared, &mut picture),
            _ => {}
        }
    }
    picture
}

/// The queues that are there; none while the broker is down.
fn add_queues(broker: &queue::Broker, node: &str, shared: &Shared, picture: &mut Picture) {
    for (i, queue) in broker.queues().iter().enumerate().filter(|(i, _)| broker.is_declared(*i)) {
        let text = |(m, again): (MessageRef, bool)| {
            let name = shared.notation(m).1;
            if again { format!("{name} redelivered") } else { name }
        };
        let seen = QueuePicture {
            ready: queue.len() as u64,
            messages: broker.listed(i).into_iter().map(text).collect(),
            leader: node.into(),
        };
        picture.queues.insert(queue.config.name.clone(), seen);
    }
}

impl Shared {
    /// A message in a story's notation: its body, and with its key. A load's message is written by its id.
    pub(crate) fn notation(&self, m: MessageRef) -> (String, String) {
        let body = self.message_name(m);
        let name = match self.names.key(self.messages.get(m).key) {
            Some(key) => format!("{key}={body}"),
            None => body.clone(),
        };
        (body, name)
    }
}
