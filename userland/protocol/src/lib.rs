//! What clients and servers say to each other, as plain types over a message's words.
//!
//! | module | between |
//! | --- | --- |
//! | [`log`] | everybody and root, who keeps what they say |
//! | [`root`] | root and those who list, move and adopt domains |
//! | [`journal`] | root, who keeps what was said, and the console, which writes and shows it |
//! | [`ports`] | root, who knows the ports, and the switch, who serves them |
//! | [`words`] | how values are packed |
//! | [`name`], [`address`] | values that several of them carry |
//!
//! Nothing here makes a system call. A receiver treats every word as an allegation: unpacking checks it.
//! Every request of these protocols may be repeated, of [`log`] at the price of a line that is there twice: a move ends a call
//! with `Interrupted`, and the caller sends it again, by `Cap::call_idempotent`. What other services offer may not be so.

#![no_std]
#![forbid(unsafe_code)]

pub mod address;
pub mod journal;
pub mod log;
pub mod name;
pub mod ports;
pub mod root;
pub mod words;

pub use address::{Ipv4, Mac};
pub use name::Name;
pub use words::{Malformed, Reader, Words};
