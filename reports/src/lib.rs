//! What happened, as findings, tables, charts and pages.

pub mod answer;

mod format;
mod lanes;

pub mod human;

pub mod result;
#[cfg(test)]
mod sample;
pub mod show;
mod summary;

mod witness;
