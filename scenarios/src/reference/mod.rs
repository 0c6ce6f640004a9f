//! The reference: for each part of a scenario a commented file with every field, its real name, default and unit.
//! The files are scenarios themselves. A test holds them equal to the code: see `tests.rs` for what it insists on.

#[cfg(test)]
pub(crate) mod shown;
#[cfg(test)]
mod tests;

/// Names and texts, in the order of the names.
static TABLE: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/reference_table.rs"));

/// All reference files: the part that each is about (`queue`, `faults`) and its text, in the order of the names.
pub fn all() -> &'static [(&'static str, &'static str)] {
    TABLE
}
