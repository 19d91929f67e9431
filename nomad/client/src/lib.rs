//! An operator's command to a machine's migration server, and the lines that answer it.
//!
//! ```text
//!   Client                                    Desk
//!     -- Open { nonce }              -->        a number for the request
//!     <-- Opened { nonce, request }  --
//!     -- Ask { request, heard: 0 }   -->        the command is obeyed: once
//!     <-- Lines { first: 0, .. }     --         as they come
//!     -- Heard { request, heard: 3 } -->        the transcript forgets what was heard
//!     <-- Lines { first: 3, .. }     --
//!     -- Heard { request, heard: 4 } -->        and the request
//! ```
//!
//! | module | noun |
//! | --- | --- |
//! | [`message`] | what is said, and its bytes |
//! | [`client`] | the side that asks: one command |
//! | [`desk`], [`transcript`] | the side that answers: all requests, and the lines of each |
//! | [`end`], [`failure`] | how a command ends, and why one has no answer |
//!
//! Both do no IO and read no clock. Everything is said inside a session with the operator's key, of `nomad-channel`.
//!
//! Invariants: a command is obeyed at most once, for the server gives the number and takes it once; a server that was
//! started anew knows no number of its earlier life. A line is yielded once, in order, or the client says that it has
//! lost the answer.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod client;
pub mod desk;
pub mod end;
pub mod failure;
pub mod message;
pub mod transcript;

pub use client::Client;
pub use desk::{Desk, Order};
pub use end::End;
pub use failure::Failure;
pub use message::{Answer, COMMAND_BYTES_MAX, Question, RequestId};

#[cfg(test)]
mod tests;
