//! The reasons an image is refused: [`Error`].

use crate::{Fault, MAGIC};

/// The reason an image is refused. After the first error, the reader returns the same error from every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The first bytes are not those of an image.
    #[error("not an image: begins with {found:02x?}, not {:02x?}", MAGIC)]
    NotAnImage {
        /// The first eight bytes.
        found: [u8; 8],
    },
    /// The image has another version of the format.
    #[error("image format version {found}, this machine reads {ours}")]
    FormatVersion {
        /// The version of the image.
        found: u32,
        /// The version that this reader supports.
        ours: u32,
    },
    /// The image's domains use another version of the system-call interface.
    #[error("system-call interface version {found}, this machine has {ours}")]
    AbiVersion {
        /// The version of the image.
        found: u32,
        /// The version of this machine.
        ours: u32,
    },
    /// A count or length exceeds the reader's limit.
    #[error("{found} {what}, at most {most} are accepted")]
    TooMany {
        /// The thing counted.
        what: &'static str,
        /// The count or length in the image.
        found: u64,
        /// The limit.
        most: u64,
    },
    /// A count exceeds what the rest of its record can hold.
    #[error("{count} {what} do not fit into the last {remaining} bytes of a record")]
    CountBeyondRecord {
        /// The thing counted.
        what: &'static str,
        /// The count.
        count: u64,
        /// The bytes that remain.
        remaining: u64,
    },
    /// A kind of record that this version does not have.
    #[error("unknown kind of record {kind}")]
    UnknownRecord {
        /// Its number.
        kind: u8,
    },
    /// A record's head has reserved bits set.
    #[error("reserved bits {found:#x} in a record's head")]
    ReservedBits {
        /// The reserved bits that are set.
        found: u16,
    },
    /// A record that may not occur at this point of the image.
    #[error("record of kind {kind} out of place")]
    OutOfPlace {
        /// The record's number.
        kind: u8,
    },
    /// A record of a domain that the image does not have.
    #[error("record of domain {domain}, the image has {count} domains")]
    NoSuchDomain {
        /// The index of the domain in the record's head.
        domain: u8,
        /// The number of domains in the image.
        count: u16,
    },
    /// A record's body cannot be decoded.
    #[error("malformed record of kind {kind}")]
    Malformed {
        /// The record's number.
        kind: u8,
    },
    /// Bytes follow a record's content.
    #[error("{bytes} bytes too many in a record of kind {kind}")]
    TrailingBytes {
        /// The record's number.
        kind: u8,
        /// The number of bytes left over.
        bytes: u64,
    },
    /// A chunk of a Memory that was not announced.
    #[error("pages of a Memory that was not announced")]
    UnannouncedMemory,
    /// A Memory was announced twice, or its announcement contradicts the state.
    #[error("a Memory was announced twice or with a wrong size")]
    Reannounced,
    /// The state and the outline describe different domains.
    #[error("the state and the outline describe different domains")]
    IdentityChanged,
    /// A Memory of a service continues a Memory of an earlier image, or two Memories continue the same one.
    #[error("a Memory cannot continue the one at position {position} of an earlier image")]
    Continuation {
        /// The position.
        position: u32,
    },
    /// A chunk is misaligned or reaches beyond its Memory.
    #[error(
        "chunk of {page_count} pages at page {first_page}: misaligned, or beyond the end of its Memory of {memory_pages} pages"
    )]
    PagesBeyondMemory {
        /// The first page.
        first_page: u64,
        /// The number of pages.
        page_count: u64,
        /// The Memory's number of pages.
        memory_pages: u64,
    },
    /// A description breaks a rule.
    #[error("bad description: {0}")]
    Description(Fault),
    /// The seal's checksum does not match the bytes before it, or the seal's number is not the next.
    #[error("the checksum does not match: the image was changed")]
    ChecksumMismatch,
    /// The image ends before its seal.
    #[error("the image ends before its seal")]
    Truncated,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        Error::Description(fault)
    }
}
