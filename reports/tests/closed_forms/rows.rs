//! Which scenario stands for which row of the table, and which rows have none yet.

use crate::csv::{Params, Row};
use crate::verdict::Figure;
use crate::{ids, loss, offsets, order, queue, replicas, sources, system};

/// The rows of an id, with their scenario.
pub(crate) struct Covered {
    pub(crate) id: &'static str,
    /// It runs under the seeds from 1 to this.
    pub(crate) seeds: u64,
    /// Runs it. Figures that the table does not ask for are left aside.
    pub(crate) measure: fn(&Params, u64) -> Vec<Figure>,
}

/// Rows of an id that no scenario stands for.
pub(crate) struct NotYet {
    pub(crate) id: &'static str,
    /// This row alone, of an id whose others are covered.
    pub(crate) quantity: Option<&'static str>,
    /// What it would need.
    pub(crate) missing: &'static str,
}

impl NotYet {
    pub(crate) fn means(&self, row: &Row) -> bool {
        self.id == row.id && self.quantity.is_none_or(|quantity| quantity == row.quantity)
    }
}

const fn covered(id: &'static str, seeds: u64, measure: fn(&Params, u64) -> Vec<Figure>) -> Covered {
    Covered { id, seeds, measure }
}

const fn not_yet(id: &'static str, missing: &'static str) -> NotYet {
    NotYet { id, quantity: None, missing }
}

const fn but(id: &'static str, quantity: &'static str, missing: &'static str) -> NotYet {
    NotYet { id, quantity: Some(quantity), missing }
}

/// The scenarios.
pub(crate) const COVERED: &[Covered] = &[
    covered("Q01", 40, queue::exponential_server),
    covered("Q02", 40, queue::exponential_server_at_half_load),
    covered("Q04", 60, queue::several_servers),
    covered("Q06", 40, queue::fixed_work),
    covered("Q08", 50, queue::hyperexponential_server),
    covered("Q09", 40, queue::erlang_server),
    covered("Q11", 40, loss::bounded_queue),
    covered("Q13", 40, loss::bounded_queue),
    covered("Q14", 45, loss::no_queue),
    covered("Q16", 40, sources::synchronous_clients),
    covered("Q18", 40, queue::fixed_work_number_in_system),
    covered("Q20", 40, queue::erlang_arrivals),
    covered("Q22", 40, queue::tandem),
    covered("Q24", 40, queue::retries_in_place),
    covered("Q26", 60, queue::batch_arrivals),
    covered("Q29", 40, queue::fork_and_join),
    covered("Q30", 40, replicas::write_latency),
    covered("Q32", 40, queue::polling),
    covered("Q33", 1, system::littles_law),
    covered("Q34", 1, system::outage),
    covered("Q36", 40, sources::bursts),
    covered("Q38", 40, loss::time_to_live),
    covered("Q40", 40, loss::slow_of_many),
    covered("P01", 1, system::prefetch),
    covered("P03", 1, system::prefetch_of_a_slow_consumer),
    covered("L01", 40, loss::datagrams),
    covered("L03", 40, loss::retries_with_perfect_acks),
    covered("L05", 40, loss::retries_with_lost_acks),
    covered("L07", 40, loss::bursts),
    covered("L09", 40, loss::stop_and_wait),
    covered("L11", 40, loss::poison),
    covered("O01", 40, order::overtaking_with_exponential_delay),
    covered("O03", 40, order::overtaking_with_normal_delay),
    covered("O04", 40, order::inversions_with_exponential_delay),
    covered("O06", 40, order::reordering_of_poisson_arrivals),
    covered("O08", 40, order::swaps_by_retries),
    covered("O10", 1, order::redelivery_of_the_book),
    covered("D07", 1, offsets::commit_after_each_batch),
    covered("D09", 1, offsets::commit_before_each_batch),
    covered("D13", 40, ids::collisions),
    covered("R01", 1, system::retention_window),
    covered("R03", 1, system::retention_window_in_binary_units),
    covered("R06", 1, system::catching_up),
    covered("R08", 1, system::size_retention),
    covered("R13", 40, system::empty_partitions),
    covered("R15", 1, system::parallelism),
];

/// Tails and rare events: in the time that there is, only a value that is wrong by this factor is found out.
pub(crate) const RARE: &[(&str, &str, f64)] = &[
    ("Q01", "P_W_gt_10", 1.5),
    ("Q01", "W_p99", 1.5),
    ("Q02", "P_N_ge_5", 1.5),
    ("Q18", "P_N_ge_10", 1.5),
    ("L01", "P_none_lost", 1.5),
    ("L05", "P_sender_gives_up", 1.5),
    ("L05", "P_delivered_but_reported_failed", 1.5),
    ("D13", "P", 1.5),
    ("L03", "P_lost", 3.0),
    ("L05", "P_lost", 3.0),
];

/// What is not covered, and why.
pub(crate) const NOT_YET: &[NotYet] = &[
    not_yet(
        "Q28",
        "work that is interrupted: no broker takes a message back from a handler for one of higher priority",
    ),
    but(
        "Q30",
        "1_of_3",
        "a write that is confirmed by whoever has it first: RabbitMQ waits for a majority, or for all",
    ),
    not_yet("R04", "a log on several brokers"),
    not_yet("R09", "compaction"),
    not_yet("R11", "compaction"),
    not_yet("D01", "a log on several brokers, whose followers lag"),
    not_yet("D03", "a log on several brokers, whose followers lag"),
    not_yet("D05", "a log on several brokers, with a least number of replicas in sync"),
    not_yet("D06", "repairs that take a random time: a crash says a fixed one"),
    not_yet("D11", "checkpoints"),
    not_yet("D14", "consumers that drop duplicates by a Bloom filter"),
    not_yet("B01", "batches of a log's producer"),
    not_yet("E01", "windows of stream processors"),
    not_yet("E03", "windows of stream processors"),
    not_yet("E05", "joins of streams"),
    not_yet("E07", "joins of streams"),
    not_yet("E09", "clocks of devices, corrected by the time of sending"),
];
