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
        let mine = connection.epochs[side] == epoch;
        let (open, calling) = (connection.open[side] && mine, connection.calling && mine);
        let change = match body {
            Body::Opening => return self.called(id, epoch),
            Body::Retried => return self.core.answer_stray(link, epoch),
            Body::Writable => return self.tell_writable(link, epoch),
            Body::Opened if calling => ConnectionChange::Connected,
            Body::Refused if calling => ConnectionChange::Refused,
            Body::ConnectTimeout if calling => {
                // It gives up; if the server has answered, it is told.
                self.core.leave(id, side, true, false);
                ConnectionChange::Refused
            }
            Body::Ending { reset: false }
                if open && self.core.links[link.0 as usize].stream.reading_stopped =>
            {
                self.core.links[link.0 as usize].stream.closed = true;
                return;
            }
            Body::Ending { reset: false } if open => ConnectionChange::Closed,
            Body::Ending { reset: true } if open => ConnectionChange::Reset,
            Body::Silence if open && self.core.is_silent(link) => {
                // As above.
                self.core.leave(id, side, true, false);
                ConnectionChange::Reset
            }
            _ => return,
        };
        self.change_connection(id, side, change);
    }

    /// The sender over a link learns that it may write again.
    fn tell_writable(&mut self, link: LinkId, epoch: u32) {
        let (id, side) = (link.connection(), 1 - link.receiver());
        let connection = &self.core.connections[id.0 as usize];
        if connection.epochs[side] == epoch && connection.open[side] {
            let sender = connection.ends[side];
            self.tell(sender, |node, out| node.on_connection(id, ConnectionChange::Writable, out));
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
        if matches!(change, ConnectionChange::Closed | ConnectionChange::Reset) {
            self.core.clear_stream(id.link(side));
            self.core.clear_unread(id.link(1 - side));
        }
        self.tell(node, |node, out| node.on_connection(id, change, out));
    }

    /// A call arrives at the server. If it took an earlier connection for alive, that one breaks first.
    fn called(&mut self, id: ConnectionId, epoch: u32) {
        let connection = &self.core.connections[id.0 as usize];
        if connection.epochs[0] != epoch || !connection.calling {
            return;
        }
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
        self.core.links[id.link(1).0 as usize].stream.last_arrival = self.core.now;
        if let Some(arrival) = self.core.arrival_of_news(id.link(1)) {
            self.core.push(arrival, id.link(1).0, epoch, answer);
        }
        if up {
            let connection = &mut self.core.connections[id.0 as usize];
            connection.epochs[1] = epoch;
            (connection.unheard, connection.unanswered) = ([false; 2], [None; 2]);
            self.change_connection(id, 1, ConnectionChange::Connected);
        }
    }
}
