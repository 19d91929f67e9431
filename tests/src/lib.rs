//! Machines, segments and third parties for Caravan's tests.
//!
//! A test reads like a story: a [`Segment`] is the wire, a [`Machine`] is a QEMU plugged into it, a [`ThirdParty`] is
//! a client elsewhere on the same wire, which no machine's death takes along, and a [`prober`] is the client that
//! notices every wrong answer and every pause. A [`Bochs`] is a PC of another make, without a wire.
//!
//! ```text
//!   Machine "one"      Machine "two"      ThirdParty (tap in its own user and network namespace)
//!        |                  |                  |
//!   -----+---- Segment: a learning Ethernet switch over Unix datagram sockets ----
//! ```
//!
//! Nothing here needs root, nothing leaves this host, and every process that is started dies with the tests: when its
//! handle is dropped, and by the kernel's parent-death signal when the test process itself is killed.
//!
//! What a test asks of a machine comes with a limit. Limits are generous: they stop a hang, they never judge speed.

#![forbid(unsafe_code)]

pub mod artefacts;
pub mod bochs;
pub mod child;
pub mod echo;
pub mod fleet;
pub mod keeper;
pub mod linear;
pub mod listed;
pub mod loader;
pub mod machine;
pub mod migration;
pub mod nemesis;
pub mod prober;
pub mod random;
pub mod repeat;
pub mod reply;
pub mod resp;
pub mod scratch;
pub mod segment;
pub mod splitmix;
pub mod station;
pub mod third_party;
pub mod transcript;
pub mod trial;
pub mod whole;
pub mod zoo;

pub use artefacts::Artefacts;
pub use bochs::Bochs;
pub use fleet::Fleet;
pub use machine::{Machine, Verdict};
pub use segment::{Faults, MacAddress, Port, Segment};
pub use station::Station;
pub use third_party::ThirdParty;
pub use transcript::Unmet;
pub use trial::Trial;
pub use whole::Whole;
