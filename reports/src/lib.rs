//! What happened, as findings, tables, charts and pages.

pub mod answer;
mod charts;
pub mod determinism;
mod diagram;
pub mod estimate;
pub mod explain;
mod figures;
mod follow;
mod format;
mod guarantee;
pub mod html;
pub mod human;
mod lanes;
pub mod life;
pub mod markdown;
mod measure;
mod recount;
mod replicate;
pub mod result;
mod run;
#[cfg(test)]
mod sample;
pub mod show;
mod summary;
mod topics;
pub mod trace;
mod witness;

pub use replicate::replicate;
pub use run::{Progress, SCHEMA, run};
