//! End to end: the built program, its input and its output; and the rules of the house.

mod bad_input;
mod cli;
mod command;
mod house;
mod library;
mod limits;
mod loops;
mod readme;
mod replications;
