//! The messages between an operator's tool and a migration server, and their bytes.
//!
//! ```text
//!   version u16 | question or reply (postcard)         little-endian
//! ```
//!
//! Input is treated as hostile, although only a holder of the operator's key can send it: lengths are bounded before
//! anything is read.

use alloc::vec::Vec;

use nomad_protocol::DATAGRAM_BYTES_MAX;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::event::Event;

/// The version of these messages. Others are rejected.
pub const VERSION: u16 = 9;
/// The maximum number of bytes of an `Events` message before its events.
pub(crate) const EVENTS_HEAD_BYTES: usize = 2 + 1 + 8 + 5 + 5 + 2;

/// The maximum number of bytes of a package in a `Data` message.
pub(crate) const DATA_BYTES_MAX: usize = DATAGRAM_BYTES_MAX - (2 + 1 + 8 + 5 + 2);

/// The server's identifier of a request. It is drawn at random and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "[u8; 8]", from = "[u8; 8]")]
pub struct RequestId(pub u64);

/// The client's identifier of a request that has no [`RequestId`] yet. It is drawn at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "[u8; 8]", from = "[u8; 8]")]
pub struct Nonce(pub u64);

/// A message from an operator's tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// Asks for a request id.
    Open {
        /// Identifies the request until it has an id.
        nonce: Nonce,
    },
    /// Asks for the execution of the command, if it was not executed yet, and for the events not received yet.
    Ask {
        /// The id that the server has drawn.
        request: RequestId,
        /// Events received so far.
        received: u32,
        /// The command to execute.
        command: Command,
    },
    /// Acknowledges events. It gets no reply.
    Ack {
        /// The request that the events belong to.
        request: RequestId,
        /// Events received so far.
        received: u32,
    },
    /// A piece of the data that belongs to the command. The reply is [`Reply::Accepted`].
    Data {
        /// The request whose command the data belongs to.
        request: RequestId,
        /// The offset of the piece in the data.
        offset: u32,
        /// The bytes from that offset on.
        bytes: Vec<u8>,
    },
}

/// A message from a migration server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// The id of a new request.
    Opened {
        /// The nonce of the client's question.
        nonce: Nonce,
        /// The id of the request from now on.
        request: RequestId,
    },
    /// The next events of the command's execution, perhaps none.
    Events {
        /// The request that they belong to.
        request: RequestId,
        /// The number of the first of them, from 0.
        first: u32,
        /// The number of events produced so far. The client queries the server for those that were not sent.
        count: u32,
        /// The events, in the order of their numbers.
        events: Vec<Event>,
    },
    /// There is no such request, or it was forgotten.
    Unknown {
        /// The id of the client's question.
        request: RequestId,
    },
    /// This much of a request's data was accepted, from its beginning without a gap.
    Accepted {
        /// The request that the data was sent for.
        request: RequestId,
        /// The number of bytes.
        bytes: u32,
    },
}

impl From<RequestId> for [u8; 8] {
    fn from(id: RequestId) -> Self {
        id.0.to_le_bytes()
    }
}

impl From<[u8; 8]> for RequestId {
    fn from(bytes: [u8; 8]) -> Self {
        RequestId(u64::from_le_bytes(bytes))
    }
}

impl From<Nonce> for [u8; 8] {
    fn from(nonce: Nonce) -> Self {
        nonce.0.to_le_bytes()
    }
}

impl From<[u8; 8]> for Nonce {
    fn from(bytes: [u8; 8]) -> Self {
        Nonce(u64::from_le_bytes(bytes))
    }
}

impl Question {
    /// Serialises the message, version included.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Parses a question; `None` if it is malformed, of another version or too long.
    pub fn decode(bytes: &[u8]) -> Option<Question> {
        decode(bytes)
    }
}

impl Reply {
    /// Serialises the message, version included.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Parses a reply; `None` if it is malformed, of another version or too long.
    pub fn decode(bytes: &[u8]) -> Option<Reply> {
        decode(bytes)
    }
}

fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    let bytes = VERSION.to_le_bytes().to_vec();
    postcard::to_extend(message, bytes).expect("a vector takes any value")
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    if bytes.len() > DATAGRAM_BYTES_MAX {
        return None;
    }
    let (version, rest) = bytes.split_first_chunk()?;
    if u16::from_le_bytes(*version) != VERSION {
        return None;
    }
    match postcard::take_from_bytes(rest) {
        Ok((message, [])) => Some(message),
        Ok(_) | Err(_) => None,
    }
}
