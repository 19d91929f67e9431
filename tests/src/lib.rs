//! Machines, segments and third parties for Caravan's tests.
//!
//! A test reads like a story. A [`Segment`] is the wire, and a [`Machine`] is a QEMU plugged into it. A [`ThirdParty`] is
//! a client elsewhere on the same wire, which survives the death of any machine. A [`prober`] is a client that
//! notices every wrong reply and every pause. A [`Bochs`] is a PC under another emulator, without a wire.
//!
//! ```text
//!   Machine "one"      Machine "two"      ThirdParty (tap in its own user and network namespace)
//!        |                  |                  |
//!   -----+---- Segment: a learning Ethernet switch over Unix datagram sockets ----
//! ```
//!
//! Nothing here needs root privileges, no traffic leaves this host, and every started process ends with the tests: when its handle
//! is dropped, or by the kernel's parent-death signal when the test process itself is killed.
//!
//! Every wait has a limit. Limits are generous: they stop a hang, they never judge speed.

#![forbid(unsafe_code)]

pub mod artefacts;
pub mod bochs;
pub mod cards;
pub mod cases;
pub mod child;
pub mod counter;
pub mod echo;
pub mod fault_scenario;
pub mod fleet;
pub mod flood;
pub mod frame;
pub mod kv_checker;
pub mod lan_servers;
pub mod linear;
pub mod listed;
pub mod loader;
pub mod machine;
pub mod migration;
pub mod neighbours;
pub mod nemesis;
pub mod node;
pub mod output;
pub mod pauses;
pub mod pinger;
pub mod pings;
pub mod prober;
pub mod qemu_migration;
pub mod random;
pub mod redis_benchmark;
pub mod repeat;
pub mod reply;
pub mod resp;
pub mod scratch;
pub mod screenshot;
pub mod segment;
pub mod splitmix;
pub mod store;
pub mod third_party;
pub mod zoo;

pub use artefacts::Artefacts;
pub use bochs::Bochs;
pub use fault_scenario::FaultScenario;
pub use fleet::Fleet;
pub use machine::{Machine, Verdict};
pub use node::Node;
pub use output::WaitError;
pub use qemu_migration::QemuMigration;
pub use screenshot::Screenshot;
pub use segment::{Faults, MacAddress, Port, Segment};
pub use third_party::ThirdParty;
