//! Stories: a scenario that says every step.

mod call_list;
mod calls;
mod channel;
mod client;
mod commits;
mod dialect;
mod driver;
mod groups;
mod handling;
mod hands;
mod journal;
mod log;
mod look;
mod picture;
mod polls;
mod pulls;
mod queue;
mod script;
mod sessions;
#[cfg(test)]
mod tests;

pub use client::{Client, ClientSpec, Side};
pub use dialect::Dialect;
pub use driver::{StoryEnded, run_story};
pub use journal::Journal;
pub use log::{LogSide, LogTopic};
pub use look::picture;
pub use picture::*;
pub use queue::{OwnSession, QueueSide};
pub use script::*;
