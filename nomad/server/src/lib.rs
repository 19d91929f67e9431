//! The migration server of a machine: what touches sockets and capabilities. What it decides and sequences is
//! `nomad-shell`'s, around the ledger of `nomad-protocol`; the bytes are `nomad-image`'s.
//!
//! | module | noun |
//! | --- | --- |
//! | [`server`] | what the tasks share: the shell, and what it has to say, said |
//! | [`local`] | what the shell calls: this machine's kernel and root, by capability |
//! | [`capture`] | a domain as it leaves |
//! | [`restore`] | a domain as it arrives |
//! | [`failures`] | errors of these two in the protocol's words |
//! | [`budget`] | this server's memory, as far as moves take it |
//! | [`network`], [`operators`] | who is spoken to and how; who asks for something |
//! | [`channel`] | the tasks that move datagrams and page streams |
//! | [`late`] | frames that come too late for a domain |
//! | [`afterwards`] | what is done after everything else |
//! | [`root`] | the machine's root, as it is asked |
//! | [`machine`] | this machine |
//! | [`owned`] | capabilities that are given up when they are not needed any more |
//! | [`page_set`] | pages |
//! | [`turns`] | turns of the executor, and giving way |
//!
//! One thread, tasks on an executor: [`channel::control`] hears datagrams, timers and events and has the shell perform what
//! the ledger asks for, in order; [`channel::sender`] and [`channel::receiver`] move bytes and nothing else. A borrow of
//! the shell never lasts across an `await`.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod afterwards;
pub mod budget;
pub mod capture;
pub mod channel;
pub mod failures;
pub mod late;
pub mod local;
pub mod machine;
pub mod network;
pub mod operators;
pub mod owned;
pub mod page_set;
pub mod restore;
pub mod root;
pub mod server;
pub mod turns;

pub use server::serve;
