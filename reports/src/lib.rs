//! What happened, as findings, tables, charts and pages.

pub mod result;
pub mod show;
