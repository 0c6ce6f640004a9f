//! The exit codes of the command.

use super::{Topic, topic};

pub(super) static EXIT: &[Topic] = &[
    topic(
        &["exit codes", "exit"],
        "0: all expectations hold. 1: one is broken. 2: usage, or not readable as a scenario. 3: one is not \
         decided or not exercised, or a limit was reached. 4: output that cannot be written. 2 and 4 come \
         before all; 1 before 3.",
    ),
    topic(&["exit 0", "0"], "All expectations hold, or there are none."),
    topic(
        &["exit 1", "1"],
        "At least one expectation is broken, even if others are undecided. Requirements have no effect on \
         the exit code.",
    ),
    topic(
        &["exit 2", "2"],
        "The command line is wrong, or the file is not readable as a scenario: missing, a directory, empty, \
         not UTF-8, over 16 MiB, or wrong in what it says.",
    ),
    topic(
        &["exit 3", "3"],
        "No expectation is broken, but one is not decided or not exercised, or the run reached a limit: a \
         loop or a batch at one instant, too many events, a call that never returned.",
    ),
    topic(
        &["exit 4", "4"],
        "Output could not be written: a full disk, a folder that may not be written to. A closed pipe on \
         stdout is no error.",
    ),
];
