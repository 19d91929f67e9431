//! Bytes to messages and back. Whatever arrives is taken to be hostile: lengths are bounded before anything is read, and
//! every way to be wrong has its error.
//!
//! ```text
//!   datagram        version u16 | boot id 8 bytes | message (postcard)         all little-endian
//!   stream header   length u16  | version u16     | header  (postcard)         length counts what follows it
//! ```

use alloc::vec::Vec;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::identity::BootId;
use crate::messages::{Envelope, Message, StreamHeader};

/// The version of these messages. Any difference is refused, with both numbers.
pub const PROTOCOL_VERSION: u16 = 6;
/// UDP port of control datagrams and TCP port of page streams.
pub const PORT: u16 = 7411;
/// No control datagram is longer, before encryption: it fits one Ethernet frame.
pub const DATAGRAM_BYTES_MAX: usize = 1024;
/// No stream header is longer, its length not counted.
pub const STREAM_HEADER_BYTES_MAX: usize = 128;

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// More bytes than any message has.
    TooLong {
        /// How many.
        bytes: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// It ends before it is complete.
    TooShort {
        /// How many bytes there are.
        bytes: usize,
    },
    /// The sender speaks another version.
    Version {
        /// The receiver's.
        ours: u16,
        /// The sender's.
        theirs: u16,
    },
    /// An unknown variant, a bad name, a number out of range.
    Malformed,
    /// Bytes are left over.
    Trailing {
        /// How many.
        bytes: usize,
    },
}

impl Envelope {
    /// Writes a datagram.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = PROTOCOL_VERSION.to_le_bytes().to_vec();
        bytes.extend_from_slice(&self.boot.0.to_le_bytes());
        append(bytes, &self.message)
    }

    /// Reads a datagram.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        bound(bytes, DATAGRAM_BYTES_MAX)?;
        let rest = decode_version(bytes)?;
        let (boot, rest) = rest
            .split_first_chunk::<8>()
            .ok_or(DecodeError::TooShort { bytes: bytes.len() })?;
        let message: Message = decode_whole(rest)?;
        Ok(Envelope {
            boot: BootId::from(*boot),
            message,
        })
    }
}

impl StreamHeader {
    /// Writes a header, its length first.
    pub fn encode(&self) -> Vec<u8> {
        let body = append(PROTOCOL_VERSION.to_le_bytes().to_vec(), self);
        let length = u16::try_from(body.len()).expect("a header has a bounded length");
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend_from_slice(&body);
        bytes
    }

    /// How many bytes follow the length that a header begins with.
    pub fn length(bytes: [u8; 2]) -> Result<usize, DecodeError> {
        let length = usize::from(u16::from_le_bytes(bytes));
        if length > STREAM_HEADER_BYTES_MAX {
            return Err(DecodeError::TooLong {
                bytes: length,
                limit: STREAM_HEADER_BYTES_MAX,
            });
        }
        Ok(length)
    }

    /// Reads a header, its length taken off.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        bound(bytes, STREAM_HEADER_BYTES_MAX)?;
        decode_whole(decode_version(bytes)?)
    }
}

fn bound(bytes: &[u8], limit: usize) -> Result<(), DecodeError> {
    if bytes.len() > limit {
        return Err(DecodeError::TooLong {
            bytes: bytes.len(),
            limit,
        });
    }
    Ok(())
}

fn decode_version(bytes: &[u8]) -> Result<&[u8], DecodeError> {
    let (version, rest) = bytes
        .split_first_chunk::<2>()
        .ok_or(DecodeError::TooShort { bytes: bytes.len() })?;
    let theirs = u16::from_le_bytes(*version);
    if theirs != PROTOCOL_VERSION {
        return Err(DecodeError::Version {
            ours: PROTOCOL_VERSION,
            theirs,
        });
    }
    Ok(rest)
}

/// Reads one value that fills `bytes`.
pub(crate) fn decode_whole<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(DecodeError::Trailing { bytes: rest.len() }),
        Err(postcard::Error::DeserializeUnexpectedEnd) => {
            Err(DecodeError::TooShort { bytes: bytes.len() })
        }
        Err(_) => Err(DecodeError::Malformed),
    }
}

/// Writes one value after what is there already.
pub(crate) fn append<T: Serialize>(bytes: Vec<u8>, value: &T) -> Vec<u8> {
    postcard::to_extend(value, bytes).expect("a vector takes any value")
}
