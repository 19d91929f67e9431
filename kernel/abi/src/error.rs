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
    /// An argument is outside the range of its type, or beyond the end of the object.
    2 ArgumentRange: "an argument is out of range";
    /// The slot number is beyond the end of the table.
    3 NoSuchSlot: "the slot is beyond the table";
    /// The slot is empty; its object may have been destroyed.
    4 EmptySlot: "the slot is empty";
    /// The destination slot is occupied.
    5 OccupiedSlot: "the slot is in use";
    /// The capability is of a kind that the call does not allow.
    6 WrongKind: "the capability is of the wrong kind";
    /// The capability lacks a right that the call needs or that a copy was to have, or its badge lacks a flag.
    7 MissingRight: "the capability lacks a right or a flag";
    /// A badge can be set only once.
    8 BadgeFixed: "the badge is already set";
    /// The pool to be charged has too few pages left, no run of free frames is long enough, or a new pool would have no page.
    9 PoolEmpty: "too few pages are left";
    /// A limit is reached: the size of a table, the threads or mappings of a domain, or the nesting of pools or derivations.
    10 TableFull: "a limit is reached";
    /// The range overlaps a mapping or another range.
    11 Overlap: "the range overlaps another";
    /// Nothing is mapped at the address, or there is no such object.
    12 NotThere: "nothing is there";
    /// The address or page is misaligned; mappings are aligned to 2 MiB.
    13 Misaligned: "the address is misaligned";
    /// The state of the domain or thread does not allow this, the Memory is of the wrong sort (a device's, for example), or the
    /// object does not belong to the domain.
    14 WrongState: "the object or its state does not allow this";
    /// The deadline has passed.
    15 TimedOut: "the deadline passed";
    /// The object, or the other side of a call, is gone: it is being destroyed, or its domain was retired.
    16 Gone: "the object or the other side is gone";
    /// The reply will not come, since this domain has moved. Repeat the call.
    17 Interrupted: "a move interrupted the call";
    /// The message does not fit: too many words, or no slot for a capability.
    18 MessageSize: "the message does not fit";
    /// The thread has no message buffer, or its page is absent, read-only or a device's.
    19 BufferAbsent: "the thread has no usable message buffer";
    /// The frozen domain has changed since this version.
    20 VersionMoved: "the frozen domain has changed";
    /// A page that the call needs is absent.
    21 PageAbsent: "a page is absent";
    /// The resource is in use: a pool that has a domain, a freeze or dirty log whose token the caller did not give, a bound
    /// notification, an interrupt line, every interrupt vector, or an origin with descendants.
    22 InUse: "the resource is in use";
    /// The thread state has a value that a thread may not have.
    23 BadState: "the thread state is not valid";
    /// The range contains ordinary memory, or no interrupt controller has the line.
    24 NotDevice: "the range or the interrupt line is not a device's";
    /// A thread cannot destroy itself, nor destroy or freeze its own domain.
    25 Oneself: "a thread cannot do this to itself or its own domain";
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

impl core::error::Error for Error {}
