//! Finds the parent of each capability of a domain: [`Climber`]. The parent is the slot of the domain's own table that the
//! capability was derived from.
//!
//! More exactly, the parent is the nearest ancestor in the domain's table. Slots of other domains in between are skipped.
//! Revoking the ancestor reaches the capability through them, and they do not exist where the domain is rebuilt. A capability
//! held by an object or a mapping is never a parent, since nothing is derived from it. Nor is an object's origin, which
//! belongs to no table.
//!
//! The path to the parent leads past older siblings, and other domains can make any number of these. A call follows a bounded
//! part of the path. A slot in the tree, the bookmark, keeps the place where the call stopped ([`ParentSearch`]).

use abi::record::{Held, List};
use capabilities::{Climb, Place, Storage};

use crate::memory::{Holder, Ref, SLOTS_PER_FRAME, SlotStorage};
use crate::objects::{Domain, Entry, FoundParent, ParentSearch};

/// The budget of one call. Its unit is one slot read, which takes about 30 instructions.
const BUDGET: u32 = 400;

/// The result of a search for an entry's parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// This slot of the domain's table, or no slot.
    Slot(Option<u32>),
    /// The budget is used up.
    Unfinished,
}

/// Finds the parents of the entries of one list, within the budget of one call.
pub struct Climber {
    domain: Ref<Domain>,
    list: List,
    budget_left: u32,
    /// The previous result. Siblings have the same parent, so a later search may need it.
    last: Option<FoundParent>,
}

impl Climber {
    /// A climber at the beginning of a call.
    pub fn new(domain: Ref<Domain>, list: List) -> Climber {
        let climber = Climber {
            domain,
            list,
            budget_left: BUDGET,
            last: None,
        };
        // A running domain may have changed since the previous call.
        let is_current = |found: &FoundParent| {
            let FoundParent { entry, .. } = *found;
            let same = climber.entry(entry.number, entry.held);
            !entry.running && same == entry
        };
        Climber {
            last: domain.parent_search.last.get().filter(is_current),
            ..climber
        }
    }

    pub fn budget_left(&self) -> u32 {
        self.budget_left
    }

    /// Spends from the budget; returns `false` if it does not suffice.
    pub fn spend(&mut self, count: u32) -> bool {
        let left = self.budget_left.checked_sub(count);
        self.budget_left = left.unwrap_or(0);
        left.is_some()
    }

    /// The parent of the capability at `place`, which belongs to the entry with this number. If the search is unfinished, a
    /// repeated call continues it.
    pub fn parent(&mut self, number: u64, held: Option<Held>, place: Place) -> Parent {
        let domain = self.domain;
        let search = &domain.parent_search;
        let entry = self.entry(number, held);
        if let Some(found) = search.last.get().filter(|found| found.entry == entry) {
            return Parent::Slot(found.parent);
        }
        let mut at = resume(search, entry).unwrap_or(place);
        let parent = loop {
            if let Some(last) = self.last.filter(|last| last.place == at) {
                break last.parent;
            }
            if !self.spend(1) {
                interrupt(search, entry, at);
                return Parent::Unfinished;
            }
            at = match self.next(at) {
                Ok(next) => next,
                Err(parent) => break parent,
            };
        };
        drop_bookmark(search);
        let found = FoundParent {
            entry,
            place,
            parent,
        };
        search.last.set(Some(found));
        self.last = Some(found);
        Parent::Slot(parent)
    }

    /// The next slot on the path, or the parent if the path ends.
    fn next(&self, at: Place) -> Result<Place, Option<u32>> {
        match capabilities::climb(&SlotStorage, at) {
            Climb::Sibling(sibling) => Ok(sibling),
            Climb::Root => Err(None),
            Climb::Parent(parent) => {
                match Holder::unpack(SlotStorage.slot(parent).holder()) {
                    Holder::Table { domain, frame } if domain == self.domain => {
                        Err(Some(slot_number(frame, parent)))
                    }
                    // The root of the tree.
                    Holder::Origin => Err(None),
                    _ => Ok(parent),
                }
            }
        }
    }

    fn entry(&self, number: u64, held: Option<Held>) -> Entry {
        Entry {
            list: self.list,
            number,
            held,
            running: !self.domain.is_quiescent(),
            version: self.domain.version(),
        }
    }
}

/// The slot where the search for this entry stopped. If the search was for another entry, its bookmark is dropped.
fn resume(search: &ParentSearch, entry: Entry) -> Option<Place> {
    let is_marked = !SlotStorage.slot(search.bookmark()).is_empty();
    if is_marked && search.entry.get() == Some(entry) {
        return Some(search.bookmark());
    }
    drop_bookmark(search);
    None
}

/// Records that the search for this entry stopped at `at`, which is not the root of its tree.
fn interrupt(search: &ParentSearch, entry: Entry, at: Place) {
    if at == search.bookmark() {
        return;
    }
    drop_bookmark(search);
    capabilities::bookmark(&SlotStorage, at, search.bookmark())
        .expect("the bookmark is free, and a search does not stop at an origin");
    search.entry.set(Some(entry));
}

fn drop_bookmark(search: &ParentSearch) {
    // It fails only if there is no bookmark.
    let _ = capabilities::clear_leaf(&SlotStorage, search.bookmark());
}

/// The number of the slot at a place, which is in the frame with this index in its table.
fn slot_number(frame: u32, place: Place) -> u32 {
    frame * SLOTS_PER_FRAME + (place.get() % u64::from(SLOTS_PER_FRAME)) as u32
}
