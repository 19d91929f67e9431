//! The head of a record: its kind, its domain and its length.

use abi::numbered;

use crate::Error;

/// The size of a record's head.
pub const RECORD_HEAD_BYTES: usize = 8;

numbered! {
    /// The kinds of record.
    pub enum RecordKind: u8 {
        /// An [`crate::Outline`].
        Outline = 1,
        /// A [`crate::MemoryKey`] and its size: chunks of it may follow.
        Memory = 2,
        /// A [`crate::Chunk`], its [`crate::PageMap`], then raw pages.
        Chunk = 3,
        /// A [`crate::Round`]: ends a round.
        Round = 4,
        /// A [`crate::Description`].
        State = 5,
        /// A [`crate::Seal`].
        Seal = 6,
    }
}

/// A record's head: kind, domain, two zero bytes, the body's length in four, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHead {
    /// The record's kind.
    pub kind: RecordKind,
    /// The position of its domain.
    pub domain: u8,
    /// The size of its body, without raw pages.
    pub body_bytes: u32,
}

impl RecordHead {
    /// Encodes the head.
    pub fn to_bytes(self) -> [u8; RECORD_HEAD_BYTES] {
        let [l0, l1, l2, l3] = self.body_bytes.to_le_bytes();
        [self.kind as u8, self.domain, 0, 0, l0, l1, l2, l3]
    }

    /// Decodes a head. The body's length is not verified yet.
    ///
    /// # Errors
    /// An unknown kind, or reserved bits that are set.
    pub fn from_bytes(bytes: [u8; RECORD_HEAD_BYTES]) -> Result<RecordHead, Error> {
        let [kind, domain, r0, r1, l0, l1, l2, l3] = bytes;
        let found = u16::from_le_bytes([r0, r1]);
        if found != 0 {
            return Err(Error::ReservedBits { found });
        }
        Ok(RecordHead {
            kind: RecordKind::from_number(kind).ok_or(Error::UnknownRecord { kind })?,
            domain,
            body_bytes: u32::from_le_bytes([l0, l1, l2, l3]),
        })
    }
}
