//! What an operator's tool and a migration server say to each other, and its bytes.
//!
//! ```text
//!   version u16 | question or answer (postcard)         little-endian
//! ```
//!
//! Whatever arrives is taken to be hostile, though only who has the operator's key can send it: lengths are bounded
//! before anything is read.

use alloc::string::String;
use alloc::vec::Vec;

use nomad_protocol::DATAGRAM_BYTES_MAX;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version of these messages. Another one is not understood.
pub const VERSION: u16 = 1;
/// The longest command, in bytes.
pub const COMMAND_BYTES_MAX: usize = 256;
/// The longest line of an answer, in bytes.
pub const LINE_BYTES_MAX: usize = 512;
/// Most bytes of a message before its lines, and of a line's length.
pub(crate) const LINES_HEAD_BYTES: usize = 2 + 1 + 8 + 5 + 5 + 2;
/// See [`LINES_HEAD_BYTES`].
pub(crate) const LINE_HEAD_BYTES: usize = 2;

/// A request, as the server calls it: drawn at random, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "[u8; 8]", from = "[u8; 8]")]
pub struct RequestId(pub u64);

/// What a client calls its request until it has a number for it: drawn at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "[u8; 8]", from = "[u8; 8]")]
pub struct Nonce(pub u64);

/// What an operator's tool says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// A number, please.
    Open {
        /// For this request.
        nonce: Nonce,
    },
    /// Obey this if you have not, and say what I have not heard.
    Ask {
        /// The number that was given.
        request: RequestId,
        /// How many lines were heard.
        heard: u32,
        /// The command.
        command: String,
    },
    /// This was heard, and needs no answer.
    Heard {
        /// Of this request.
        request: RequestId,
        /// How many lines.
        heard: u32,
    },
}

/// What a migration server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The number of a request.
    Opened {
        /// What the client calls it.
        nonce: Nonce,
        /// What it is called from now on.
        request: RequestId,
    },
    /// Lines of an answer, perhaps none.
    Lines {
        /// To this request.
        request: RequestId,
        /// The number of the first of them, from 0.
        first: u32,
        /// How many lines there are so far: those that do not follow by themselves are to be asked for.
        count: u32,
        /// The lines.
        lines: Vec<String>,
    },
    /// There is no such request, or not any more.
    Unknown {
        /// This one.
        request: RequestId,
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
    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads one; `None` if it is none.
    pub fn decode(bytes: &[u8]) -> Option<Question> {
        decode(bytes).filter(|question| match question {
            Question::Ask { command, .. } => command.len() <= COMMAND_BYTES_MAX,
            Question::Open { .. } | Question::Heard { .. } => true,
        })
    }
}

impl Answer {
    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads one; `None` if it is none.
    pub fn decode(bytes: &[u8]) -> Option<Answer> {
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
