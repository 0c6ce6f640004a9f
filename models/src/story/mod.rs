//! Stories: a scenario that says every step.

mod picture;
mod script;
pub use picture::*;
pub use script::*;
