//! The statistics of samplers, and of the random bits that they are given: moments, distribution functions, even bits,
//! independence of neighbours; chances to the last bit; and golden draws.
//!
//! Every seed is fixed, so each test always says the same. A figure `z` is standard normal if all is well.

mod bits;
mod chances;
mod distributions;
mod golden;
mod laws;
mod power;
mod source;
mod statistics;
mod tables;
