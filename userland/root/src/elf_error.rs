//! The reasons for rejecting a program file.

use thiserror::Error;

/// The reason a file is not a program that can be started.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ElfError {
    /// It does not begin as an ELF file.
    #[error("it is not an ELF file")]
    Magic,
    /// It is an ELF file for another kind of machine, or not a static program.
    #[error("it is not a static 64-bit program for x86-64")]
    Kind,
    /// It is cut short.
    #[error("it is truncated: {bytes} bytes of at least {needed}")]
    Truncated {
        /// The file's length.
        bytes: usize,
        /// The length that its headers require at least.
        needed: usize,
    },
    /// The header is malformed.
    #[error("its header is malformed")]
    Header,
    /// It has no segment to load.
    #[error("it has no segment to load")]
    Empty,
    /// A segment does not begin at a multiple of 2 MiB, or lies outside the range for programs.
    #[error("no segment may be at {address:#x}")]
    Placement {
        /// The segment's address.
        address: u64,
    },
    /// A segment has more bytes in the file than in memory.
    #[error("the segment at {address:#x} has an invalid size")]
    Size {
        /// The segment's address.
        address: u64,
    },
    /// A segment is both writable and executable.
    #[error("the segment at {address:#x} is both writable and executable")]
    WritableCode {
        /// The segment's address.
        address: u64,
    },
    /// Two segments overlap.
    #[error("the segment at {address:#x} overlaps another")]
    Overlap {
        /// The second one's address.
        address: u64,
    },
    /// The entry is outside the executable segments.
    #[error("its entry {address:#x} is not in its code")]
    Entry {
        /// The entry according to the header.
        address: u64,
    },
}
