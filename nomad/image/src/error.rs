//! The reasons an image is refused: [`Error`].

use core::fmt;

use crate::{Fault, MAGIC};

/// The reason an image is refused. After the first error, the reader returns the same error from every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The first bytes are not those of an image.
    NotAnImage {
        /// The first eight bytes.
        found: [u8; 8],
    },
    /// The image has another version of the format.
    FormatVersion {
        /// The image's.
        found: u32,
        /// This reader's.
        ours: u32,
    },
    /// The image's domains use another version of the system-call interface.
    AbiVersion {
        /// The image's.
        found: u32,
        /// This machine's.
        ours: u32,
    },
    /// A count or length exceeds the reader's limit.
    TooMany {
        /// The thing counted.
        what: &'static str,
        /// The count or length in the image.
        found: u64,
        /// The limit.
        most: u64,
    },
    /// A count exceeds what the rest of its record can hold.
    CountBeyondRecord {
        /// The thing counted.
        what: &'static str,
        /// The count.
        count: u64,
        /// The bytes that remain.
        remaining: u64,
    },
    /// A kind of record that this version does not have.
    UnknownRecord {
        /// Its number.
        kind: u8,
    },
    /// A record's head has reserved bits set.
    ReservedBits {
        /// Those bits.
        found: u16,
    },
    /// A record that may not occur at this point of the image.
    OutOfPlace {
        /// The record's number.
        kind: u8,
    },
    /// A record of a domain that the image does not have.
    NoSuchDomain {
        /// The index of the domain in the record's head.
        domain: u8,
        /// The number of domains in the image.
        count: u16,
    },
    /// A record's body cannot be decoded.
    Malformed {
        /// The record's number.
        kind: u8,
    },
    /// Bytes follow a record's content.
    TrailingBytes {
        /// The record's number.
        kind: u8,
        /// The number of bytes left over.
        bytes: u64,
    },
    /// A chunk of a Memory that was not announced.
    UnannouncedMemory,
    /// A Memory was announced twice, or its announcement contradicts the state.
    Reannounced,
    /// The state and the outline describe different domains.
    IdentityChanged,
    /// A chunk is misaligned or reaches beyond its Memory.
    PagesBeyondMemory {
        /// The first page.
        first_page: u64,
        /// The number of pages.
        page_count: u64,
        /// The Memory's number of pages.
        memory_pages: u64,
    },
    /// A description breaks a rule.
    Description(Fault),
    /// The seal's checksum does not match the bytes before it, or the seal's number is not the next.
    ChecksumMismatch,
    /// The image ends before its seal.
    Truncated,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Error::NotAnImage { found } => {
                write!(
                    f,
                    "not an image: begins with {found:02x?}, not {MAGIC:02x?}"
                )
            }
            Error::FormatVersion { found, ours } => {
                write!(f, "image format version {found}, this machine reads {ours}")
            }
            Error::AbiVersion { found, ours } => {
                write!(
                    f,
                    "system-call interface version {found}, this machine has {ours}"
                )
            }
            Error::TooMany { what, found, most } => {
                write!(f, "{found} {what}, at most {most} are accepted")
            }
            Error::CountBeyondRecord {
                what,
                count,
                remaining,
            } => {
                write!(
                    f,
                    "{count} {what} do not fit into the last {remaining} bytes of a record"
                )
            }
            Error::UnknownRecord { kind } => write!(f, "unknown kind of record {kind}"),
            Error::ReservedBits { found } => {
                write!(f, "reserved bits {found:#x} in a record's head")
            }
            Error::OutOfPlace { kind } => write!(f, "record of kind {kind} out of place"),
            Error::NoSuchDomain { domain, count } => {
                write!(
                    f,
                    "record of domain {domain}, the image has {count} domains"
                )
            }
            Error::Malformed { kind } => write!(f, "malformed record of kind {kind}"),
            Error::TrailingBytes { kind, bytes } => {
                write!(f, "{bytes} bytes too many in a record of kind {kind}")
            }
            Error::UnannouncedMemory => write!(f, "pages of a Memory that was not announced"),
            Error::Reannounced => write!(f, "a Memory was announced twice or with a wrong size"),
            Error::IdentityChanged => {
                write!(f, "the state and the outline describe different domains")
            }
            Error::PagesBeyondMemory {
                first_page,
                page_count,
                memory_pages,
            } => {
                write!(
                    f,
                    "chunk of {page_count} pages at page {first_page}: misaligned, or beyond the end of its Memory of {memory_pages} pages"
                )
            }
            Error::Description(fault) => write!(f, "bad description: {fault}"),
            Error::ChecksumMismatch => {
                write!(f, "the checksum does not match: the image was changed")
            }
            Error::Truncated => write!(f, "the image ends before its seal"),
        }
    }
}

impl core::error::Error for Error {}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        Error::Description(fault)
    }
}
