//! The shell of a migration server, sans IO: what it decides and sequences around the ledger of `nomad-protocol`.
//!
//! ```text
//!   datagrams, events, commands, time --> Shell --> Output: datagrams, jobs, lines
//!                                           |
//!                                         Host: the kernel's calls, root's, memory that outlives the shell
//! ```
//!
//! | module | noun |
//! | --- | --- |
//! | [`shell`] | [`Shell`]: what happens to it, and what it has done |
//! | [`host`] | what it calls |
//! | [`output`] | what it has to say |
//! | [`moves`] | the ledger, and the domains that its transactions are about |
//! | [`pages`] | page streams, as far as they are a matter of order |
//! | [`postponed`] | what root has refused for the moment, and is asked for again |
//! | `whereabouts` | where domains are: what others are asked and answered |
//! | [`roll_calls`] | domains at home here, before they are started |
//! | [`commands`], [`operator`] | what an operator says, and the lines that answer |
//! | [`records`] | what outlives the shell, as bytes |
//! | [`machines`] | the fleet by name and address |
//! | [`hook`] | for tests: the shell stands still at a moment that they name |
//!
//! `nomad-server` puts it between sockets and capabilities, `nomad-simulator` between a fake network and fake machines.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod commands;
pub mod hook;
pub mod host;
pub mod machines;
pub mod moves;
pub mod operator;
pub mod output;
pub mod pages;
pub mod postponed;
pub mod records;
pub mod roll_calls;
pub mod shell;
mod whereabouts;

pub use host::{Exported, Host, Kernel, Known, NotAdmitted, NotRetired, Notes, Root, RootError};
pub use machines::{Machines, Neighbour};
pub use output::{Frames, Job, Output, What};
pub use records::{Records, Store};
pub use shell::{Setting, Shell};
