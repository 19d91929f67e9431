//! The migration server of a machine: the shell around `nomad-protocol`, which decides, and `nomad-image`, which knows
//! the bytes.
//!
//! | module | noun |
//! | --- | --- |
//! | [`shell`] | the ledger of transactions, and what it asks for, done |
//! | [`capture`] | a domain as it leaves |
//! | [`restore`] | a domain as it arrives |
//! | [`late`] | frames that come too late for a domain |
//! | [`channel`] | the tasks that move datagrams and page streams |
//! | [`commands`] | what an operator says |
//! | [`root`] | the machine's root, as it is asked |
//! | [`machine`], [`peers`] | this machine, the others |
//! | [`records`] | what outlives this server |
//! | [`owned`] | capabilities that are given up when they are not needed any more |
//! | [`page_set`] | pages |
//! | [`turns`] | turns of the executor, and giving way |
//!
//! One thread, tasks on an executor: [`channel::control`] hears datagrams, timers and events and performs what the
//! ledger asks for, in order; [`channel::sender`] and [`channel::receiver`] move bytes and nothing else. A borrow of
//! the shell never lasts across an `await`.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod capture;
pub mod channel;
pub mod commands;
pub mod late;
pub mod machine;
pub mod owned;
pub mod page_set;
pub mod peers;
pub mod records;
pub mod restore;
pub mod root;
pub mod shell;
pub mod turns;

pub use shell::serve;
