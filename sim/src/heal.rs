//! The end of all faults: partitions heal, disks recover, who was down boots again, and nothing breaks after it.

use crate::core::Core;
use crate::fault::Step;
use crate::node::{Domain, NodeId};
use crate::time::Time;
use crate::world::World;

impl<D: Domain> World<D> {
    /// From this time on nothing is broken: what is under way ends, what is still to come never does.
    pub fn heal_at(&mut self, time: Time) {
        self.core.push_fault(time, Step::Heal);
    }

    pub(crate) fn heal(&mut self) {
        self.core.heal();
        for node in (0..self.nodes.len() as u32).map(NodeId) {
            if self.core.is_down(node) {
                self.restart(node);
            }
        }
    }
}

impl<D: Domain> Core<D> {
    fn heal(&mut self) {
        self.healed = true;
        self.faults_scheduled = 0;
        self.watch();
        self.drops.clear();
        for (fault, noter) in std::mem::take(&mut self.under_way) {
            self.end(fault, noter);
        }
    }

    /// Whether a node was there and is not any more.
    pub(crate) fn is_down(&self, node: NodeId) -> bool {
        let process = &self.processes[node.0 as usize];
        !process.up && process.incarnation > 0
    }

    /// The span of a fault is over, if nothing has ended it before.
    pub(crate) fn end_in_time(&mut self, fault: u32, noter: Option<NodeId>) {
        if let Some(place) = self.under_way.iter().position(|other| *other == (fault, noter)) {
            self.under_way.remove(place);
            self.end(fault, noter);
        }
    }
}
