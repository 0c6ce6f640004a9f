//! Damaged records of a log: what the broker does about them when it boots, and what it hands out.
//!
//! A broker that has not been shut down in good order reads its last segments again as it boots: at the first record
//! whose checksum is wrong it cuts the partition off (Kafka: `LogLoader.recoverLog`, `LogSegment.recover`; recorded: a
//! batch whose last bytes were cut off). After a shutdown in good order nothing is checked, and closed segments are
//! not. To a fetch the record goes out as it is: it is the consumer who checks it (`check.crcs`).
//!
//! Left out: the checksum covers a batch, and here a batch is a record; `recovery-point-offset-checkpoint` (what is
//! read again is the last segment, whole).

use super::broker::{Broker, register};
use crate::causes::LossCause;
use crate::domain::Out;
use crate::fact::Fact;
use crate::packet::{Packet, Record};
use redeliver_sim::{Disk, FileId, Position};

/// Where the disk says how the last life ended. Kafka: the file `.kafka_cleanshutdown`.
const SHUTDOWN: u32 = u32::MAX;

/// The first damaged record between two offsets, the second excluded.
pub(super) fn first_damaged(disk: &Disk<Record>, partition: u32, from: u32, to: u32) -> Option<u32> {
    let [from, to] = [from, to].map(|offset| Position(u64::from(offset)));
    disk.first_damaged(FileId(partition), from, to).map(|position| position.0 as u32)
}

impl Broker {
    /// It ends in good order.
    pub(super) fn shut_down(&self, out: &mut Out<'_>) {
        out.set_register(SHUTDOWN, Record::Shutdown { clean: true });
    }

    /// It boots, and has read what its disk kept: cuts off what it cannot trust.
    pub(super) fn check_records(&mut self, out: &mut Out<'_>) {
        if out.disk().register(SHUTDOWN) == Some(Record::Shutdown { clean: true }) {
            return out.set_register(SHUTDOWN, Record::Shutdown { clean: false });
        }
        for index in 0..self.partitions.len() {
            let partition = &self.partitions[index];
            let Some(last) = partition.segments().last().filter(|_| out.disk().has_damage()) else {
                continue;
            };
            if let Some(offset) = first_damaged(out.disk(), index as u32, last.first, partition.end()) {
                self.cut_off(index, offset, out);
            }
        }
    }

    /// A partition ends here from now on. Groups that had passed this offset go on from it: a consumer finds by the
    /// leader's epoch that the log was cut off (KIP-320).
    #[cold]
    fn cut_off(&mut self, index: usize, offset: u32, out: &mut Out<'_>) {
        let why = LossCause::CorruptRecord;
        let end = self.partitions[index].end();
        for i in 0..self.spec.readers[index].len() {
            let group = self.spec.readers[index][i];
            let bound = self.is_bound(group, out);
            let state = &mut self.groups[group];
            let (s, local) = (state.spec.s, state.local(index as u32));
            for lost in state.low[local].max(offset)..end {
                if bound {
                    state.held -= 1;
                    let m = self.partitions[index].message(lost, out);
                    out.note(Fact::Removed { m, s, why });
                }
            }
            state.low[local] = state.low[local].min(offset);
            if state.committed[local].is_some_and(|committed| committed > offset) {
                state.committed[local] = Some(offset);
                out.set_register(register(&state.spec, local), Record::Offset { offset });
            }
            self.set_level(group, out);
        }
        for lost in offset..end {
            let m = self.partitions[index].message(lost, out);
            out.note(Fact::Released { m });
        }
        let file = FileId(index as u32);
        out.truncate(file, Position(u64::from(offset)));
        let (disk, shared) = out.disk_and_shared();
        self.partitions[index].recover(disk, shared);
    }

    /// Whether the next record that a member would get of a partition is damaged.
    #[cold]
    pub(super) fn meets_damage(&self, group: usize, member: usize, place: usize, out: &Out<'_>) -> bool {
        let reading = self.groups[group].members[member].reads[place];
        let end = self.partitions[reading.partition as usize].end();
        reading.position.is_some_and(|next| {
            let after = next.saturating_add(1).min(end);
            next < after && first_damaged(out.disk(), reading.partition, next, after).is_some()
        })
    }

    /// Hands a damaged record out, alone: an answer that brings others before it is worked through first.
    #[cold]
    pub(super) fn serve_damaged(&mut self, group: usize, member: usize, place: usize, out: &mut Out<'_>) {
        let member = &mut self.groups[group].members[member];
        let reading = member.reads[place];
        member.waiting = false;
        member.turn = if place + 1 == member.reads.len() { 0 } else { place + 1 };
        let (partition, offset) = (reading.partition, reading.position.expect("it stands at the record"));
        // The consumer will name it, and has no copy that would keep its record open.
        let log = &self.partitions[partition as usize];
        let (id, m) = (log.record(offset, out.disk()), log.message(offset, out));
        out.shared().messages.pin(id);
        out.send(member.connection, Packet::Damaged { m, partition, offset });
    }
}
