//! The implementations of the commands, by subject.

pub mod connection;
pub mod introspection;
pub mod server;
pub mod strings;
