//! What is done to the records of a disk: the part of [`Core`] that draws which.

use crate::core::Core;
use crate::node::{Domain, News, NodeId};
use crate::random::Luck;

/// Counters of these draws begin here; those of syncs are the nodes' numbers.
const TORN: u64 = 1 << 32;

impl<D: Domain> Core<D> {
    /// The machine is about to crash while it writes: draws how far it came, for each file and each of its lives.
    #[cold]
    #[inline(never)]
    pub(crate) fn tear_write(&mut self, node: NodeId) {
        let purpose = self.disk_purpose;
        let process = &mut self.processes[node.0 as usize];
        let luck = Luck::new(purpose, u64::from(process.incarnation) << 32 | u64::from(node.0));
        process.disk.tear(|file| purpose.draw(luck, TORN + file));
    }

    /// Damages all records that match and are there now.
    #[cold]
    #[inline(never)]
    pub(crate) fn damage_records(&mut self, node: NodeId, pattern: &D::RecordPattern) {
        let Core { processes, shared, .. } = self;
        let disk = &mut processes[node.0 as usize].disk;
        if disk.damage(|record| D::record_matches(pattern, record, shared)) {
            self.tell_checks(node, News::RecordsDamaged);
        }
    }
}
