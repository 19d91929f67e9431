//! The protocols between clients and servers, as plain types that are encoded in a message's words.
//!
//! | module | between |
//! | --- | --- |
//! | [`log`] | every domain and root, which keeps the log lines |
//! | [`root`] | root and the migration server, which lists, starts and moves domains; and the console, which lists them |
//! | [`inventory`] | root, which knows the machine's hardware, and the domain that reports on it |
//! | [`device`] | root, which lets a device reach memory, and the device's driver |
//! | [`journal`] | root, which keeps the log, and the console, which writes and shows it |
//! | [`ports`] | root, which assigns the ports, and the switch, which serves them |
//! | [`encoding`] | how a value is encoded in words |
//!
//! Nothing here makes a system call. A receiver trusts no word of a message: decoding checks all of them.
//!
//! Every request of these protocols may be sent twice; in [`log`], that costs a duplicate line. A move ends a call with
//! `Interrupted`; then `Cap::call_idempotent` sends the request again. The protocols of other services need not allow a
//! repetition.

#![no_std]
#![forbid(unsafe_code)]

pub mod device;
mod encoding;
pub mod inventory;
pub mod journal;
pub mod log;
pub mod ports;
pub mod root;

pub use encoding::{Malformed, Words, decode, encode};
pub use identity::{DomainId, Incarnation, Ipv4, Mac, Mtu, Name};
