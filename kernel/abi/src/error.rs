//! The errors of system calls.

use core::fmt;

macro_rules! errors {
    ($($(#[$doc:meta])* $number:literal $name:ident: $text:literal;)*) => {
        /// The reason a system call failed. Zero in RAX means success.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Error {
            $($(#[$doc])* $name = $number,)*
        }

        impl Error {
            /// The error with this status number; `None` for zero and for unassigned numbers.
            pub fn from_status(status: u64) -> Option<Error> {
                match status {
                    $($number => Some(Error::$name),)*
                    _ => None,
                }
            }

            /// The error in a few words.
            pub fn text(self) -> &'static str {
                match self {
                    $(Error::$name => $text,)*
                }
            }
        }
    };
}

errors! {
    /// The number in RAX is not that of a call.
    1 UnknownCall: "no such system call";
    /// An argument is outside the range of its type.
    2 ArgumentRange: "an argument is out of range";
    /// The slot number is beyond the end of the table.
    3 NoSuchSlot: "the slot is beyond the table";
    /// The slot is empty; its object may have been destroyed.
    4 EmptySlot: "the slot is empty";
    /// The destination slot is occupied.
    5 OccupiedSlot: "the slot is in use";
    /// The capability is of another kind than the call needs.
    6 WrongKind: "the capability is of another kind";
    /// The capability lacks a right that the call needs or that a copy was to have.
    7 MissingRight: "the capability lacks a right";
    /// A badge can be set only once.
    8 BadgeFixed: "the badge is already set";
    /// The pool to be charged has too few pages left.
    9 PoolEmpty: "the pool has too few pages left";
    /// A limit is reached: the size of a table, the threads or mappings of a domain, or the nesting of pools.
    10 TableFull: "the table is full";
    /// The range overlaps a mapping or another range.
    11 Overlap: "the range overlaps another";
    /// Nothing is mapped at the address, or there is no such object.
    12 NotThere: "nothing is there";
    /// The address or page is misaligned; mappings are aligned to 2 MiB.
    13 Misaligned: "the address is misaligned";
    /// The domain or thread is in a state that does not allow this.
    14 WrongState: "the object's state does not allow this";
    /// The deadline passed.
    15 TimedOut: "the deadline passed";
    /// The other side is gone: it or its endpoint was destroyed, or its domain was retired.
    16 Gone: "the other side is gone";
    /// The reply will not come, since this domain moved meanwhile. Repeat the call.
    17 Interrupted: "a move interrupted the call";
    /// The message does not fit: too many words, or no slot for a capability.
    18 MessageSize: "the message does not fit";
    /// The thread's message buffer is missing or its page is absent.
    19 BufferAbsent: "the message buffer is absent";
    /// The frozen domain has changed since this version.
    20 VersionMoved: "the frozen domain has changed";
    /// A page that the call needs is absent.
    21 PageAbsent: "a page is absent";
    /// Another caller owns the resource, which has one owner at a time: a log, a freeze, a binding, an interrupt line.
    22 InUse: "it is in use by another";
    /// The thread state has a register value that user code may not have.
    23 BadState: "the thread state is not valid";
    /// The range contains ordinary memory, or does not belong to a device.
    24 NotDevice: "the range is not a device's";
    /// A thread cannot destroy or freeze its own domain.
    25 Oneself: "a thread cannot destroy its own domain";
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

impl core::error::Error for Error {}
