//! Encoding and decoding of messages. Received bytes are treated as hostile: lengths are bounded before anything is
//! read, and each kind of fault has its error.
//!
//! ```text
//!   datagram        version u16 | boot id 8 bytes | message (postcard)         all little-endian
//!   stream header   length u16  | version u16     | header  (postcard)         length counts the bytes after it
//! ```

use alloc::vec::Vec;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ids::BootId;
use crate::messages::{Envelope, Message, StreamHeader};

/// The version of these messages. Messages of any other version are refused, with an error that has both numbers.
pub const PROTOCOL_VERSION: u16 = 11;
/// UDP port of control datagrams and of page streams.
pub const PORT: u16 = 7411;
/// The longest control datagram before encryption: it fits one Ethernet frame.
pub const DATAGRAM_BYTES_MAX: usize = 1024;
/// The longest stream header, without its length.
pub const STREAM_HEADER_BYTES_MAX: usize = 128;

/// The reason bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// There are more bytes than any message has.
    TooLong {
        /// Their number.
        bytes: usize,
        /// The number allowed.
        limit: usize,
    },
    /// The message is incomplete.
    TooShort {
        /// The number of bytes.
        bytes: usize,
    },
    /// The sender speaks another version.
    Version {
        /// The receiver's version.
        ours: u16,
        /// The sender's version.
        theirs: u16,
    },
    /// It has an unknown variant, a bad name, or a number out of range.
    Malformed,
    /// Bytes follow the message.
    Trailing {
        /// Their number.
        bytes: usize,
    },
}

impl Envelope {
    /// Encodes a datagram.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = PROTOCOL_VERSION.to_le_bytes().to_vec();
        bytes.extend_from_slice(&self.boot.0.to_le_bytes());
        append(bytes, &self.message)
    }

    /// Decodes a datagram.
    ///
    /// # Errors
    /// The bytes are too long or too short, of another version, or not exactly one message.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        bound(bytes, DATAGRAM_BYTES_MAX)?;
        let rest = decode_version(bytes)?;
        let (boot, rest) = rest
            .split_first_chunk::<8>()
            .ok_or(DecodeError::TooShort { bytes: bytes.len() })?;
        let message: Message = decode_whole(rest)?;
        Ok(Envelope {
            boot: BootId(u64::from_le_bytes(*boot)),
            message,
        })
    }
}

impl StreamHeader {
    /// Encodes a header, its length first.
    pub fn encode(&self) -> Vec<u8> {
        let body = append(PROTOCOL_VERSION.to_le_bytes().to_vec(), self);
        let length = u16::try_from(body.len()).expect("a header has a bounded length");
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend_from_slice(&body);
        bytes
    }

    /// Decodes the length that precedes a header.
    ///
    /// # Errors
    /// The length is more than [`STREAM_HEADER_BYTES_MAX`].
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

    /// Decodes a header without its length.
    ///
    /// # Errors
    /// The bytes are too long or too short, of another version, or not exactly one header.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        bound(bytes, STREAM_HEADER_BYTES_MAX)?;
        decode_whole(decode_version(bytes)?)
    }
}

/// Refuses more bytes than the limit.
pub(crate) fn bound(bytes: &[u8], limit: usize) -> Result<(), DecodeError> {
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

/// Decodes one value that fills `bytes`.
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

/// Encodes one value after `bytes`.
pub(crate) fn append<T: Serialize>(bytes: Vec<u8>, value: &T) -> Vec<u8> {
    postcard::to_extend(value, bytes).expect("a vector has room for any value")
}
