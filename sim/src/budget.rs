//! How much may be broken at once: a fault that would take more nodes down than that is skipped.

use crate::core::Core;
use crate::fault::Action;
use crate::node::{Domain, NodeId};
use crate::world::World;

/// Of these nodes so many may be down at once.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    nodes: Vec<NodeId>,
    most: u32,
}

impl<D: Domain> World<D> {
    /// Of these nodes at most so many may be down at once: a crash or a stop that would make them more does not
    /// happen, to none of its victims.
    pub fn add_budget(&mut self, nodes: Vec<NodeId>, most: u32) {
        self.core.budgets.push(Budget { nodes, most });
    }

    /// How many faults have been skipped so far.
    pub fn faults_skipped(&self) -> u32 {
        self.core.faults_skipped
    }
}

impl<D: Domain> Core<D> {
    /// Whether a fault would break too much; if so, that is counted.
    pub(crate) fn is_over_budget(&mut self, fault: u32, noter: Option<NodeId>) -> bool {
        if self.budgets.is_empty() || !self.faults[fault as usize].action.takes_down() {
            return false;
        }
        // Those that crash at a fact, and have not been carried out yet.
        let mut dying: Vec<NodeId> = self.victims_of(fault, noter);
        for (other, noter) in &self.crashes {
            dying.extend(self.victims_of(*other, Some(*noter)));
        }
        let over = self.budgets.iter().any(|budget| {
            let meets = self.victims_of(fault, noter).iter().any(|node| budget.nodes.contains(node));
            let down = budget.nodes.iter().filter(|node| self.is_down(**node) || dying.contains(node));
            meets && down.count() > budget.most as usize
        });
        self.faults_skipped += u32::from(over);
        over
    }

    /// Whom a fault would take down.
    fn victims_of(&self, fault: u32, noter: Option<NodeId>) -> Vec<NodeId> {
        match &self.faults[fault as usize].action {
            Action::Crash { victims, .. } | Action::Stop { victims, .. } => {
                victims.nodes(noter).filter(|node| self.processes[node.0 as usize].up).collect()
            }
            _ => Vec::new(),
        }
    }
}
