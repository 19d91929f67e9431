//! The search of a description for the parent of one of a domain's capabilities: [`ParentSearch`].
//!
//! The search passes every older sibling, and a capability may have any number of them. Each call does a bounded part of the
//! search. A slot in the derivation tree itself, the bookmark, keeps the position, so that no change of the tree in between can
//! leave it dangling.

use core::cell::Cell;

use abi::record::{Held, List};
use capabilities::{Place, Slot};

use super::Object;
use crate::memory::{Holder, place_of};

/// The list entry whose parent is being searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub list: List,
    /// The slot, the mapping's address, or the serial number of the object that holds the capability.
    pub number: u64,
    /// The capability's role in that object.
    pub held: Option<Held>,
    /// Whether the domain runs. A search that began while it ran is useless once it is frozen.
    pub running: bool,
    /// The domain's version: after a change the entry may be another capability.
    pub version: u64,
}

/// The result of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundParent {
    pub entry: Entry,
    /// The entry's capability.
    pub place: Place,
    /// The slot of the domain's table that it was derived from, if any.
    pub parent: Option<u32>,
}

/// The interrupted search, if any, and the result of the last complete one.
pub struct ParentSearch {
    /// The entry whose parent is being searched for, while the bookmark is in a tree.
    pub entry: Cell<Option<Entry>>,
    /// The last result. All capabilities of an object are listed in one call, so this result is kept while the search for
    /// the object's next capability takes several calls.
    pub last: Cell<Option<FoundParent>>,
    bookmark: Slot<Object>,
}

impl ParentSearch {
    /// No search yet.
    pub const fn none() -> ParentSearch {
        ParentSearch {
            entry: Cell::new(None),
            last: Cell::new(None),
            bookmark: Slot::empty(Holder::BOOKMARK),
        }
    }

    /// The slot that marks the position of the interrupted search in the tree.
    pub fn bookmark(&self) -> Place {
        place_of(&self.bookmark)
    }
}
