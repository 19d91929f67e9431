//! An operator's command to a machine's migration server, and the events of its reply.
//!
//! ```text
//!   Client                                     operator::Server
//!     -- Open { nonce }               -->        draws a request id
//!     <-- Opened { nonce, request }   --
//!     -- Ask { request, received: 0 } -->        executes the command: once
//!     -- Data { offset: 0, .. }       -->        accepts the command's data piece by piece
//!     <-- Accepted { bytes: 900 }     --
//!     <-- Events { first: 0, .. }     --         as they are produced
//!     -- Ack { request, received: 3 } -->        drops the acknowledged events
//!     <-- Events { first: 3, .. }     --
//!     -- Ack { request, received: 4 } -->        and the request
//! ```
//!
//! | module | content |
//! | --- | --- |
//! | [`command`] | the commands, and the table of their textual forms |
//! | [`event`] | the events of a reply, and their words |
//! | [`message`] | questions, replies and their bytes |
//! | [`client`], [`target`] | the operator's side: one command, and the machine that it is for |
//! | [`operator`], [`reply_buffer`] | the server's side: all requests, and the events of each |
//! | [`upload`] | the transfer of a request's data, at both sides |
//! | [`end`], [`failure`] | the outcome of a command, and the reason that a reply is incomplete |
//!
//! Neither side does IO or reads a clock. All messages travel in a `nomad-channel` session with the operator's key.
//!
//! Invariants: a command is executed at most once. The server draws the request id and accepts it once, and a restarted
//! server knows none of its earlier ids. The client yields each event once, in order, or reports that it has lost the
//! reply.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod client;
pub mod command;
pub mod end;
pub mod event;
pub mod failure;
pub mod message;
pub mod operator;
pub mod reply_buffer;
pub mod target;
pub mod upload;

pub use client::Client;
pub use command::Command;
pub use end::End;
pub use event::Event;
pub use failure::Failure;
pub use message::{Question, Reply, RequestId};
pub use target::Target;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
