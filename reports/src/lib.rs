//! What happened, as findings, tables, charts and pages.

pub mod answer;
mod charts;
mod diagram;
pub mod explain;
mod format;
pub mod html;
pub mod human;
mod lanes;
pub mod markdown;
pub mod result;
#[cfg(test)]
mod sample;
pub mod show;
mod summary;
mod topics;
mod witness;
