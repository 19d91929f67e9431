//! The reasons for rejecting a program file.

use core::fmt;

/// The reason a file is not a program that can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElfError {
    /// It does not begin as an ELF file.
    Magic,
    /// It is an ELF file for another kind of machine, or not a static program.
    Kind,
    /// It is cut short.
    Truncated {
        /// The file's length.
        bytes: usize,
        /// The length that its headers require at least.
        needed: usize,
    },
    /// The header is malformed.
    Header,
    /// It has no segment to load.
    Empty,
    /// A segment does not begin at a 2 MiB step, or lies outside the range for programs.
    Placement {
        /// The segment's address.
        address: u64,
    },
    /// A segment has more bytes in the file than in memory.
    Size {
        /// The segment's address.
        address: u64,
    },
    /// A segment is both writable and executable.
    WritableCode {
        /// The segment's address.
        address: u64,
    },
    /// Two segments overlap.
    Overlap {
        /// The second one's address.
        address: u64,
    },
    /// The entry is outside the executable segments.
    Entry {
        /// The entry according to the header.
        address: u64,
    },
}

impl fmt::Display for ElfError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ElfError::Magic => write!(formatter, "it is not an ELF file"),
            ElfError::Kind => write!(formatter, "it is not a static 64-bit program for x86-64"),
            ElfError::Truncated { bytes, needed } => {
                write!(
                    formatter,
                    "it is truncated: {bytes} bytes of at least {needed}"
                )
            }
            ElfError::Header => write!(formatter, "its header is malformed"),
            ElfError::Empty => write!(formatter, "it has no segment to load"),
            ElfError::Placement { address } => {
                write!(formatter, "no segment may be at {address:#x}")
            }
            ElfError::Size { address } => {
                write!(formatter, "the segment at {address:#x} has an invalid size")
            }
            ElfError::WritableCode { address } => write!(
                formatter,
                "the segment at {address:#x} is both writable and executable"
            ),
            ElfError::Overlap { address } => {
                write!(formatter, "the segment at {address:#x} overlaps another")
            }
            ElfError::Entry { address } => {
                write!(formatter, "its entry {address:#x} is not in its code")
            }
        }
    }
}
