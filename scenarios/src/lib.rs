//! Scenario files: the RON schema, its diagnostics, from scenario to plan; and the library.

pub mod expect;
pub mod picture;
