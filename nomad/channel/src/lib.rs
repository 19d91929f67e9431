//! The channel between machines, and between a machine and its operator: encrypted and authenticated datagrams.
//!
//! | module | content |
//! | --- | --- |
//! | [`keys`] | the identities of machines and of the operator |
//! | [`noise`], `introduction` | the handshake |
//! | [`cipher`], [`packet`], [`replay`], [`session`], `accepted` | encrypted datagrams |
//! | [`tag`] | the proof that admits a handshake |
//! | [`sessions`] | the sessions with all machines, and their hellos |
//! | `boots` | which of two boots with one key is the machine |
//! | [`operators`] | the sessions with operators |
//! | [`random`] | random numbers |
//!
//! The crate does no IO and reads no clock: bytes and the time are passed in. The migration server holds one end; the
//! other end is another migration server or an operator's tool.
//!
//! Invariant: every message of a session is authenticated to the key that completed its handshake. A machine's message
//! can never pass for an operator's, nor the reverse.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod accepted;
mod boots;
pub mod cipher;
mod introduction;
pub mod keys;
pub mod noise;
pub mod operators;
pub mod packet;
pub mod random;
pub mod replay;
pub mod session;
pub mod sessions;
pub mod tag;

pub use boots::{RIVAL_GONE_US, TAKEOVER_US};
pub use cipher::Suites;
pub use keys::{Keys, PeerKind};
pub use operators::OperatorSession;
pub use random::Random;
pub use session::SEAL_BYTES;
pub use sessions::OUTSIDERS_MAX;
pub use sessions::{Encounter, Incoming, ReceiveError, Received, Sessions};
