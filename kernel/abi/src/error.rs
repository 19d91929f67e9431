//! What a system call can fail with.

use core::fmt;

macro_rules! errors {
    ($($(#[$doc:meta])* $number:literal $name:ident: $text:literal;)*) => {
        /// Why a system call failed. Zero in RAX means that it did not.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Error {
            $($(#[$doc])* $name = $number,)*
        }

        impl Error {
            /// The error that a status register names; `None` for zero and for numbers that name none.
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
    /// RAX named no call.
    1 UnknownCall: "no such system call";
    /// An argument is outside what its type allows.
    2 ArgumentRange: "an argument is out of range";
    /// The slot number lies beyond the table.
    3 NoSuchSlot: "the slot is beyond the table";
    /// The slot named holds nothing; its object may have been destroyed.
    4 EmptySlot: "the slot is empty";
    /// The slot named as a destination holds something.
    5 OccupiedSlot: "the slot is in use";
    /// The capability is of another kind than the call needs.
    6 WrongKind: "the capability is of another kind";
    /// The capability lacks a right that the call needs, or fewer rights were held than asked for.
    7 MissingRight: "the capability lacks a right";
    /// A badge can be set once.
    8 BadgeFixed: "the badge is already set";
    /// The pool that would pay has too few pages left.
    9 PoolEmpty: "the pool has too few pages left";
    /// The table cannot grow further; or a domain has as many threads or mappings as it may, or pools are nested as deep as
    /// they may.
    10 TableFull: "the table is full";
    /// Something is already mapped there, or two ranges overlap.
    11 Overlap: "the range overlaps another";
    /// Nothing is mapped there, or the object named is not there.
    12 NotThere: "nothing is there";
    /// The address or page is not where it must be: 2 MiB steps for mappings.
    13 Misaligned: "the address is misaligned";
    /// The domain or thread is in a state that does not allow this.
    14 WrongState: "the object's state does not allow this";
    /// The deadline passed.
    15 TimedOut: "the deadline passed";
    /// The other side went away: destroyed, or its endpoint was, or its domain was retired.
    16 Gone: "the other side is gone";
    /// The answer awaited will not come, since this domain moved meanwhile. Repeat the call.
    17 Interrupted: "a move interrupted the call";
    /// The message does not fit: too many words, or no slot for a capability.
    18 MessageSize: "the message does not fit";
    /// The thread's message buffer is missing or its page is absent.
    19 BufferAbsent: "the message buffer is absent";
    /// The frozen domain changed since the version named.
    20 VersionMoved: "the frozen domain has changed";
    /// A page named is absent.
    21 PageAbsent: "a page is absent";
    /// Another one holds what can be held once: a log, a binding, an interrupt line.
    22 InUse: "it is in use by another";
    /// An alleged register value of a thread's state is not one that user code may have.
    23 BadState: "the thread state is not valid";
    /// The range holds ordinary memory, or is not the hardware's to give.
    24 NotDevice: "the range is not a device's";
    /// A thread cannot destroy what holds itself.
    25 Oneself: "a thread cannot destroy its own domain";
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

impl core::error::Error for Error {}
