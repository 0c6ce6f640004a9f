//! The alarm of a disk that runs low: publishers are held up until there is room again, and consumers go on.
//!
//! Models RabbitMQ's `rabbit_disk_monitor` (3.10 to 4.0; "Free Disk Space Alarms"): it looks when the broker starts, and
//! then again after the time in which a disk that fills at 250 MB/s could take half of what is left above the limit, from
//! 100 ms to 10 s; while there is an alarm, every 10 s. In a cluster each node does so (`cluster/alarm.rs`). Between two looks a disk may get full: then the broker refuses,
//! where the real one may die. A disk without a capacity is watched only if a fault fills it.

use super::broker::Broker;
use crate::domain::Out;
use crate::packet::Timer;
use redeliver_sim::Span;

/// How much of a disk is to be free.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum DiskFreeLimit {
    /// So many bytes. RabbitMQ: `disk_free_limit.absolute`.
    Bytes(u64),
    /// So many times the machine's memory. RabbitMQ: `disk_free_limit.relative`.
    OfMemory(f64),
}

impl DiskFreeLimit {
    /// In bytes, on a machine with this much memory.
    pub(crate) fn bytes(self, memory: u64) -> u64 {
        match self {
            DiskFreeLimit::Bytes(bytes) => bytes,
            DiskFreeLimit::OfMemory(share) => (share * memory as f64) as u64,
        }
    }
}

/// Bytes that the fastest disk takes in a millisecond.
const FAST_RATE: u64 = 250_000;
const LOOK_MIN: u64 = 100;
const LOOK_MAX: u64 = 10_000;

impl Broker {
    /// Looks how much room there is, if anybody wants to know, and when to look again.
    #[cold]
    pub(super) fn watch_disk(&mut self, out: &mut Out<'_>) {
        let Some(limit) = self.spec.disk_free_limit else { return };
        let free = out.disk().free();
        self.disk_is_low = free < limit;
        let blocking = self.holds_up_publishers();
        if blocking != self.blocking {
            self.block(blocking, out);
        }
        let ideal = 2 * (free.saturating_sub(limit) / FAST_RATE);
        let millis = if self.disk_is_low { LOOK_MAX } else { ideal.clamp(LOOK_MIN, LOOK_MAX) };
        out.deadline(Span::millis(millis), Timer::WatchDisk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::*;
    use crate::testing::*;
    use redeliver_sim::Distribution;

    const MEGABYTE: u64 = 1_000_000;

    /// What the shop and the broker do with 1 MB every 100 ms, a disk of so many MB of which 3 are to be free, and a
    /// consumer that comes after so many milliseconds.
    fn told(disk: u64, joins: u64, faults: Vec<Fault>) -> String {
        let mut config = queue();
        config.disk_free_limit = Some(DiskFreeLimit::Bytes(3 * MEGABYTE));
        let mut setup = setup(Design::Queue(config), 12);
        setup.producers[0].schedule = Schedule::Every(Span::millis(100));
        setup.producers[0].size = Distribution::Constant(MEGABYTE);
        setup.consumers = vec![consumer("stock", 1, 1)];
        setup.consumers[0].members[0].joins = Span::millis(joins);
        let machine =
            MachineChange { disk_capacity: Some(Some(disk * MEGABYTE)), ..MachineChange::default() };
        setup.machines = vec![(NodePattern::Role(Role::Broker), machine)];
        setup.faults = faults;
        let shown =
            |line: &&str| line.contains("stored") || line.contains("held up") || line.contains("refused");
        let all = timeline(&setup);
        all.lines().filter(shown).map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn publishers_wait_until_the_broker_looks_again() {
        insta::assert_snapshot!(told(10, 2_000, Vec::new()), @"
        0.001  broker/1 stored shop#1 at stock@0
        0.101  broker/1 stored shop#2 at stock@1
        0.201  broker/1 stored shop#3 at stock@2
        0.301  broker/1 stored shop#4 at stock@3
        0.401  broker/1 stored shop#5 at stock@4
        0.501  broker/1 stored shop#6 at stock@5
        0.601  broker/1 stored shop#7 at stock@6
        0.701  broker/1 stored shop#8 at stock@7
        0.801  shop/1  held up
        10.800  broker/1 stored shop#9 at stock@8
        10.802  broker/1 stored shop#10 at stock@9
        10.802  broker/1 stored shop#11 at stock@10
        10.802  broker/1 stored shop#12 at stock@11
        ");
    }

    #[test]
    fn a_disk_that_gets_full_between_two_looks_is_refused() {
        let target = Target::Nodes(NodePattern::Role(Role::Broker));
        let full = FaultKind::DiskFull { target, lasts: Some(Span::millis(150)) };
        let all = told(10_000, 0, vec![fault_at(1_020, full)]);
        insta::assert_snapshot!(all.lines().skip(10).collect::<Vec<_>>().join("\n"), @"
        1.001  broker/1 stored shop#11 at stock@10
        1.101  broker/1 refused shop#12: disk full
        1.102  shop/1  was refused shop#12
        ");
    }

    #[test]
    fn a_share_of_the_memory_is_a_limit_too() {
        assert_eq!(DiskFreeLimit::OfMemory(1.5).bytes(4_000), 6_000);
        assert_eq!(DiskFreeLimit::Bytes(50).bytes(4_000), 50);
    }
}
