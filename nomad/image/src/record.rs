//! The head of a record: what it is, whose, how long.

use crate::Error;

/// Bytes of a record's head.
pub const RECORD_HEAD_BYTES: usize = 8;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RecordKind {
    /// An [`crate::Outline`].
    Outline = 1,
    /// A [`crate::MemoryKey`] and its size: chunks of it may follow.
    Memory = 2,
    /// A [`crate::Chunk`], its [`crate::PageMap`], then raw pages.
    Chunk = 3,
    /// A [`crate::Round`]: the end of one.
    Round = 4,
    /// A [`crate::Description`].
    State = 5,
    /// A [`crate::Seal`].
    Seal = 6,
}

impl RecordKind {
    fn from_number(kind: u8) -> Result<RecordKind, Error> {
        use RecordKind::*;
        [Outline, Memory, Chunk, Round, State, Seal]
            .into_iter()
            .find(|known| *known as u8 == kind)
            .ok_or(Error::UnknownRecord { kind })
    }
}

/// A record's head: kind, domain, two zero bytes, the body's length in four, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHead {
    /// What it is.
    pub kind: RecordKind,
    /// The position of the domain that it is about.
    pub domain: u8,
    /// Bytes of its body, raw pages not counted.
    pub body_bytes: u32,
}

impl RecordHead {
    /// The bytes.
    pub fn to_bytes(self) -> [u8; RECORD_HEAD_BYTES] {
        let [l0, l1, l2, l3] = self.body_bytes.to_le_bytes();
        [self.kind as u8, self.domain, 0, 0, l0, l1, l2, l3]
    }

    /// Reads a head. The length is an allegation still.
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
            kind: RecordKind::from_number(kind)?,
            domain,
            body_bytes: u32::from_le_bytes([l0, l1, l2, l3]),
        })
    }
}
