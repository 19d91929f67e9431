//! The transport of a move's pages, sans-IO: a stream of bytes per transaction, carried in datagrams that may be lost,
//! repeated and reordered.
//!
//! ```text
//!   write --> Sender --Data: offset, bytes-->  Receiver --> the bytes, in order
//!               ^                                  |
//!             Pacer <--Ack: what has arrived ------'
//! ```
//!
//! | module | content |
//! | --- | --- |
//! | [`datagram`] | [`Data`] and [`Ack`], and their bytes |
//! | [`sender`] | [`Sender`]: the bytes that are not acknowledged, and which of them to send next |
//! | [`statistics`] | [`Statistics`]: the cost of a stream |
//! | `arrivals` | [`Arrivals`]: how many datagrams have arrived |
//! | `loss_bound` | the bytes in flight beside other senders |
//! | `in_flight` | the datagrams that were sent, and which of them are lost |
//! | `round_trip` | the measured round-trip time |
//! | `path_mtu` | the longest datagram that arrives |
//! | [`pacer`] | [`Pacer`]: the rate at which to send |
//! | [`receiver`] | [`Receiver`]: puts the bytes in order |
//!
//! A stream belongs to a transaction, not to a connection. It needs no handshake, and continues after an interruption
//! of up to ten seconds. Any number of streams share one socket. The channel below encrypts and authenticates each
//! datagram; a datagram that arrives twice is harmless.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod arrivals;
pub mod datagram;
mod in_flight;
mod loss_bound;
pub mod pacer;
mod path_mtu;
pub mod receiver;
mod round_trip;
pub mod sender;
pub mod statistics;

pub use arrivals::Arrivals;
pub use datagram::{Ack, Data, Datagram};
pub use pacer::Pacer;
pub use path_mtu::BASE;
pub use receiver::Receiver;
pub use sender::Sender;
pub use statistics::Statistics;

/// The window: the most bytes of a stream from the first that is missing at the receiver to the last that may be sent. Both
/// ends buffer this many.
pub const WINDOW_BYTES: usize = 512 * 1024;
