//! The rules that a description can break: [`Fault`].

use core::fmt;

use identity::Name;

use crate::description::Target;

/// The rule that a description breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A Memory exceeds the largest size, or all together exceed the reader's limit.
    MemoryTooLarge {
        /// The object's position.
        object: u32,
        /// Its pages.
        pages: u64,
    },
    /// A Memory whose pages cannot move.
    PinnedMemory {
        /// The object's position.
        object: u32,
    },
    /// Two outsiders with the same name.
    SameName(Name),
    /// A reference to something that does not exist.
    NoSuchTarget {
        /// The reference.
        target: Target,
    },
    /// A reference to an object of the wrong kind.
    WrongKind {
        /// The reference.
        target: Target,
    },
    /// Slots that are not ascending, or beyond the table.
    SlotOutOfOrder {
        /// The slot.
        slot: u32,
    },
    /// A capability with rights that its kind does not have.
    ImpossibleRights {
        /// The slot.
        slot: u32,
    },
    /// A capability with more rights to the domain or its pool than any domain is given.
    BeyondGrant {
        /// The slot.
        slot: u32,
    },
    /// A capability that cannot have been derived from its parent.
    NotDerived {
        /// The slot.
        slot: u32,
    },
    /// A reply right to a thread that awaits no reply.
    NothingAwaited {
        /// The slot.
        slot: u32,
    },
    /// A mapping that no call could have made, that cannot come from its parent, or that overlaps another.
    BadMapping {
        /// Its address.
        address: u64,
    },
    /// A held capability whose holder has no such role or has it twice, or that cannot have been derived from its parent.
    BadHolder {
        /// The object's position.
        holder: u32,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Fault::MemoryTooLarge { object, pages } => {
                write!(f, "object {object} of {pages} pages is too large")
            }
            Fault::PinnedMemory { object } => {
                write!(f, "object {object} is a Memory that cannot move")
            }
            Fault::SameName(name) => write!(f, "two outsiders are named {name}"),
            Fault::NoSuchTarget { target } => write!(f, "{target:?} does not exist"),
            Fault::WrongKind { target } => write!(f, "{target:?} is of the wrong kind"),
            Fault::SlotOutOfOrder { slot } => write!(f, "slot {slot} is out of order"),
            Fault::ImpossibleRights { slot } => {
                write!(f, "slot {slot} has rights that its kind does not have")
            }
            Fault::BeyondGrant { slot } => {
                write!(
                    f,
                    "slot {slot} has more rights to the domain itself than any domain is given"
                )
            }
            Fault::NotDerived { slot } => {
                write!(f, "slot {slot} cannot be derived from its parent")
            }
            Fault::NothingAwaited { slot } => {
                write!(
                    f,
                    "slot {slot} holds a reply right to a thread that awaits no reply"
                )
            }
            Fault::BadMapping { address } => {
                write!(f, "the mapping at {address:#x} is impossible")
            }
            Fault::BadHolder { holder } => write!(f, "object {holder} cannot hold its capability"),
        }
    }
}
