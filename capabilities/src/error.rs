//! The reason an operation was refused. A refused operation has changed nothing.

use core::fmt;

use crate::{Badge, Object, Place, Rights, SlotNumber, Storage};

/// A refusal, with the offending values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error<R: Rights> {
    /// The slot to be used is empty.
    Empty {
        /// The empty slot.
        place: Place,
    },
    /// The slot to be filled is occupied.
    Occupied {
        /// The occupied slot.
        place: Place,
    },
    /// A capability cannot pass on rights that it lacks.
    RightsExceeded {
        /// The rights that the capability has.
        held: R,
        /// The requested rights.
        asked: R,
    },
    /// A badge can be set only once.
    BadgeFixed {
        /// The badge that the capability has.
        held: Badge,
        /// The requested badge.
        asked: Badge,
    },
    /// The slot cannot be emptied while other capabilities are derived from it. These have to be revoked first.
    InUse {
        /// The slot with descendants.
        place: Place,
    },
    /// The slot is the root of its tree, so it cannot have siblings.
    NoParent {
        /// The root.
        place: Place,
    },
    /// Origins are nested at most [`GENERATION_MAX`](crate::GENERATION_MAX) deep.
    TooManyGenerations {
        /// The slot of the last generation.
        place: Place,
    },
    /// The number is past the end of the table, or in a frame that was detached.
    NoSuchSlot {
        /// The requested number.
        slot: SlotNumber,
        /// The table's size.
        slot_count: u32,
    },
    /// The directory has no room for another frame.
    TableFull {
        /// The number of frames.
        frame_count: u32,
    },
}

/// The result of an operation on the slots of `S`.
pub type Result<T, S> = core::result::Result<T, Error<<<S as Storage>::Object as Object>::Rights>>;

impl<R: Rights> fmt::Display for Error<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { place } => write!(f, "slot {place} is empty"),
            Self::Occupied { place } => write!(f, "slot {place} is occupied"),
            Self::RightsExceeded { held, asked } => {
                write!(f, "rights {asked:?} exceed the capability's {held:?}")
            }
            Self::BadgeFixed { held, asked } => {
                let (held, asked) = (held.get(), asked.get());
                write!(
                    f,
                    "badge {asked} cannot replace the capability's badge {held}"
                )
            }
            Self::InUse { place } => write!(f, "slot {place} has descendants"),
            Self::NoParent { place } => write!(f, "slot {place} is the root of its tree"),
            Self::TooManyGenerations { place } => {
                write!(f, "slot {place} is of the last generation")
            }
            Self::NoSuchSlot { slot, slot_count } => {
                let slot = slot.get();
                write!(f, "slot {slot} of a table with {slot_count} slots")
            }
            Self::TableFull { frame_count } => {
                write!(
                    f,
                    "the table already has its maximum of {frame_count} frames"
                )
            }
        }
    }
}

impl<R: Rights> core::error::Error for Error<R> {}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;
    use crate::testing::forest::{Bits, at};

    #[test]
    fn names_the_slot_and_the_cause() {
        let slot = SlotNumber::new(70);
        let errors: [(Error<Bits>, &str); 3] = [
            (Error::Occupied { place: at(254) }, "slot 0xff is occupied"),
            (
                Error::NoSuchSlot {
                    slot,
                    slot_count: 64,
                },
                "slot 70 of a table with 64 slots",
            ),
            (
                Error::RightsExceeded {
                    held: Bits(1),
                    asked: Bits(3),
                },
                "rights Bits(3) exceed the capability's Bits(1)",
            ),
        ];
        for (error, text) in errors {
            assert_eq!(error.to_string(), text);
        }
    }
}
