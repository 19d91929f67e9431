//! How far a description came on the way from one of a domain's capabilities to its parent: [`Ascent`].
//!
//! The way leads past every older sibling, of which there may be any number, and each call goes a bounded part of it. Where
//! it stopped is kept as a bookmark in the derivation tree itself, so nothing that happens to the tree in between can leave it
//! dangling.

use core::cell::Cell;

use abi::record::{Held, List};
use capabilities::{Place, Slot};

use super::Object;
use crate::memory::{Holder, place_of};

/// The entry of a list whose parent is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which list.
    pub list: List,
    /// The slot, the mapping's address, or the serial number of the object that holds the capability.
    pub number: u64,
    /// What that object holds it for.
    pub held: Option<Held>,
    /// Whether the domain runs: an ascent that began then is of no use when it is frozen.
    pub running: bool,
    /// The domain's version: after a change the entry may be another capability.
    pub version: u64,
}

/// The parent of an entry that was described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The entry.
    pub entry: Entry,
    /// Where its capability is.
    pub place: Place,
    /// The slot of the domain's table that it was derived from, if there is one.
    pub parent: Option<u32>,
}

/// An ascent that was interrupted, and the last one that came to its end.
pub struct Ascent {
    /// Whose parent is looked for, while the bookmark is in a tree.
    pub entry: Cell<Option<Entry>>,
    /// The last answer, so that the rest of what an object holds can take as many steps as it needs.
    pub last: Cell<Option<Answer>>,
    bookmark: Slot<Object>,
}

impl Ascent {
    /// No ascent yet.
    pub const fn none() -> Ascent {
        Ascent {
            entry: Cell::new(None),
            last: Cell::new(None),
            bookmark: Slot::empty(Holder::BOOKMARK),
        }
    }

    /// The slot that stands in the tree where the ascent stopped.
    pub fn bookmark(&self) -> Place {
        place_of(&self.bookmark)
    }
}
