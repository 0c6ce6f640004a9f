//! What nodes are told of their connections: calls, answers, ends.

use crate::core::Body;
use crate::network::{ConnectionId, LinkId};
use crate::node::{ConnectionChange, Domain, Node};
use crate::world::World;

impl<D: Domain> World<D> {
    /// News of a connection, at the receiving end of a link.
    pub(crate) fn connection_event(&mut self, link: LinkId, epoch: u32, body: Body<D>) {
        let id = link.connection();
        let side = link.receiver();
        let connection = &self.core.connections[id.0 as usize];
        if connection.epoch != epoch {
            return;
        }
        let (open, calling) = (connection.open[side], connection.calling);
        let change = match body {
            Body::Opening => return self.called(id, epoch),
            Body::Retried => return self.core.answer_stray(link),
            Body::Opened => calling.then_some(ConnectionChange::Connected),
            Body::Refused | Body::ConnectTimeout => calling.then_some(ConnectionChange::Refused),
            Body::Ending { reset: false } => open.then_some(ConnectionChange::Closed),
            Body::Ending { reset: true } => open.then_some(ConnectionChange::Reset),
            Body::Silence if open && self.core.is_silent(link) => {
                // It gives up; if the peer is there after all, it is told.
                self.core.leave(id, side, true, false);
                Some(ConnectionChange::Reset)
            }
            Body::Silence => None,
            Body::Writable => {
                // The sender learns, not the receiver.
                let sender = connection.ends[1 - side];
                if connection.open[1 - side] {
                    self.tell(sender, |node, out| node.on_connection(id, ConnectionChange::Writable, out));
                }
                return;
            }
            _ => None,
        };
        if let Some(change) = change {
            self.change_connection(id, side, change);
        }
    }

    fn change_connection(&mut self, id: ConnectionId, side: usize, change: ConnectionChange) {
        let connection = &mut self.core.connections[id.0 as usize];
        let node = connection.ends[side];
        if !self.core.processes[node.0 as usize].up {
            return;
        }
        connection.open[side] = change == ConnectionChange::Connected;
        connection.calling &= side != 0;
        if change == ConnectionChange::Refused {
            connection.epoch = connection.epoch.wrapping_add(1) & 0x7FFF_FFFF;
        }
        if matches!(change, ConnectionChange::Closed | ConnectionChange::Reset) {
            self.core.clear_stream(id.link(side));
            self.core.clear_unread(id.link(1 - side));
        }
        self.tell(node, |node, out| node.on_connection(id, change, out));
    }

    /// A call arrives at the server. If it took its old connection for alive, that one breaks first.
    fn called(&mut self, id: ConnectionId, epoch: u32) {
        let connection = &self.core.connections[id.0 as usize];
        let server = connection.ends[1];
        if connection.open[1] {
            self.change_connection(id, 1, ConnectionChange::Reset);
        }
        let up = self.core.processes[server.0 as usize].up;
        if !up && self.core.machine_down[server.0 as usize] {
            return;
        }
        let answer = if up { Body::Opened } else { Body::Refused };
        self.core.clear_stream(id.link(1));
        if let Some(arrival) = self.core.arrival_of_news(id.link(1)) {
            self.core.push(arrival, id.link(1).0, epoch, answer);
        }
        if up {
            self.core.connections[id.0 as usize].answered = true;
            self.change_connection(id, 1, ConnectionChange::Connected);
        }
    }
}
