//! The shell of a migration server, sans-IO: its decisions and sequences around the ledger of `nomad-protocol`.
//!
//! ```text
//!   datagrams, events, commands, time --> Shell --> Output: datagrams, jobs, events
//!                                           |
//!                                         Host: calls to the kernel and root, and stable storage
//! ```
//!
//! | module | content |
//! | --- | --- |
//! | [`shell`] | [`Shell`]: handles inputs, returns outputs |
//! | `actions` | the performance of the ledger's actions |
//! | [`host`] | the traits through which the shell calls its machine |
//! | [`output`] | the shell's outputs |
//! | [`moves`] | the ledger and its transactions' domains |
//! | `offers` | the beginning of a move from this machine |
//! | [`pages`] | the logic of page streams |
//! | [`retries`] | calls to root that failed for the moment |
//! | [`returns`] | domains that return to the machine that they came from |
//! | `presence` | the location of domains: queries and replies |
//! | [`roll_calls`] | the roll calls of domains at home here |
//! | [`operator`] | the execution of an operator's commands |
//! | `lifecycle` | the commands that start, stop and remove domains |
//! | `drain` | the sequence that moves all domains away |
//! | `restart` | the restart of the machine |
//! | `transfer` | the transfer of a package from an operator to root |
//! | `log` | the lines of the machine's log |
//! | [`records`] | the bytes of stable storage |
//! | [`machines`] | the machines of the fleet, and their addresses |
//! | `discovery` | hellos, and machines with one name |
//! | [`hook`] | for tests: pauses the shell at a named moment |
//!
//! `nomad-server` puts the shell between sockets and capabilities, `nomad-simulator` puts it between a fake network and
//! fake machines.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod actions;
mod admission;
mod arriving_clock;
pub mod arriving_pages;
mod discovery;
mod drain;
pub mod hook;
pub mod host;
pub mod late;
mod lifecycle;
mod log;
pub mod machines;
pub mod moves;
mod offers;
pub mod operator;
pub mod output;
pub mod page_set;
pub mod page_state;
pub mod pages;
mod presence;
pub mod records;
mod restart;
pub mod retries;
pub mod returns;
pub mod roll_calls;
pub mod shell;
mod transfer;

pub use arriving_clock::ArrivingClock;
pub use host::{
    AdmitError, DomainSummary, Exported, Host, Kernel, Provenance, RetireError, Root, RootError,
    StableStorage,
};
pub use machines::{Addresses, FleetMember, Machines};
pub use output::{Frames, Job, JobKind, Output};
pub use records::{ByteStore, Records};
pub use shell::{Config, Shell};
