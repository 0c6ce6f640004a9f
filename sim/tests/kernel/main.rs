//! The kernel from outside: connections, datagrams, faults, nodes and their machines, in a world of toys.

mod bench;
mod connections;
mod datagrams;
mod epochs;
mod faults;
mod heal;
mod link_faults;
mod links;
mod machines;
mod nodes;
