//! The migration server of a machine: the part that touches sockets and capabilities. `nomad-shell` decides and sequences,
//! around the ledger of `nomad-protocol`; `nomad-image` defines the bytes.
//!
//! | module | content |
//! | --- | --- |
//! | [`mod@serve`] | the start of the tasks |
//! | [`server`] | the state that the tasks share: the shell, and the handling of its outputs |
//! | [`local`] | the shell's host: this machine's kernel and root, by capability |
//! | [`capture`] | a domain that leaves |
//! | [`restore`] | a domain that arrives |
//! | [`kept`] | the copy of a domain that has left, in case the domain returns |
//! | [`failures`] | the errors of capture and restore as the protocol's failures |
//! | [`budget`] | the memory of this server that moves may use |
//! | [`network`], [`operators`] | sessions with other machines and with operators |
//! | [`channel`] | the tasks that move datagrams and page streams |
//! | [`late`] | frames that reach this machine too late for a domain |
//! | [`deferred`] | work that waits until there is nothing else to do |
//! | [`root`] | the client for the machine's root server |
//! | [`machine`] | this server's authority over its machine |
//! | [`owned`] | capabilities with an owner |
//! | [`page_set`] | sets of a Memory's pages |
//! | `now` | the current time |
//! | `timeline` | the steps of a pause, measured |
//! | [`executor_turns`] | yielding to the executor's other tasks |
//!
//! All tasks run on one thread, on an executor. [`channel::control`] receives datagrams, timers and events, has the
//! shell perform the ledger's actions, in order, and sends and receives pages. A borrow of the shell never lasts across
//! an `await`.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod budget;
mod capture;
mod channel;
mod deferred;
mod executor_turns;
mod failures;
mod kept;
mod late;
mod local;
mod machine;
mod network;
mod now;
mod operators;
mod owned;
mod restore;
mod root;
#[cfg(test)]
mod samples;
mod serve;
mod server;
mod timeline;

pub use serve::serve;
