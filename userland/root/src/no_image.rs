//! Why bytes are no program that can be started, in words that name what is wrong.

use core::fmt;

/// Why bytes are no program that can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoImage {
    /// They do not begin as an ELF file.
    Magic,
    /// It is an ELF file for another kind of machine, or not a static program.
    Kind,
    /// It is cut short: this many bytes are there, and at least so many are needed.
    Truncated {
        /// There.
        bytes: usize,
        /// Needed.
        needed: u64,
    },
    /// The header does not make sense.
    Header,
    /// It has nothing to load.
    Empty,
    /// A segment does not begin at a 2 MiB step, or lies where no program may be.
    Placement {
        /// The segment's address.
        address: u64,
    },
    /// A segment is said to have more bytes in the file than in memory.
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
    /// The first instruction is in no executable segment.
    Entry {
        /// The alleged entry.
        address: u64,
    },
}

impl fmt::Display for NoImage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            NoImage::Magic => write!(formatter, "it is no ELF file"),
            NoImage::Kind => write!(formatter, "it is no static 64-bit program for x86-64"),
            NoImage::Truncated { bytes, needed } => {
                write!(
                    formatter,
                    "it is truncated: {bytes} bytes of at least {needed}"
                )
            }
            NoImage::Header => write!(formatter, "its header makes no sense"),
            NoImage::Empty => write!(formatter, "it has no segment to load"),
            NoImage::Placement { address } => {
                write!(formatter, "no segment may be at {address:#x}")
            }
            NoImage::Size { address } => {
                write!(
                    formatter,
                    "the segment at {address:#x} has a senseless size"
                )
            }
            NoImage::WritableCode { address } => write!(
                formatter,
                "the segment at {address:#x} is both writable and executable"
            ),
            NoImage::Overlap { address } => {
                write!(formatter, "the segment at {address:#x} overlaps another")
            }
            NoImage::Entry { address } => {
                write!(formatter, "its entry {address:#x} is not in its code")
            }
        }
    }
}
