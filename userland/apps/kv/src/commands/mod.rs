//! What the commands do, by what they are about.

pub mod connection;
pub mod introspection;
pub mod server;
pub mod strings;
