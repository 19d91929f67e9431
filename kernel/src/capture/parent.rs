//! Finds the slot of its own table that each capability of a domain was derived from: [`Climber`].
//!
//! That is the nearest ancestor in the domain's table. Slots of other domains in between are skipped: revoking the ancestor
//! reaches the capability through them, and they do not exist where the domain is rebuilt. A capability held by an object or
//! a mapping is never a parent, since nothing is derived from it, and an object's origin belongs to no table.
//!
//! The way up leads past older siblings, of which others can make any number. A call goes a bounded part of it; a bookmark in
//! the tree keeps where it stopped ([`ParentSearch`]).

use abi::record::{Held, List};
use capabilities::{Climb, Place, Storage};

use crate::memory::{Holder, Ref, SLOTS_PER_FRAME, SlotStorage};
use crate::objects::{Domain, Entry, FoundParent, ParentSearch};

/// The budget of one call, in units of one slot read, which takes about 30 instructions.
const BUDGET: u32 = 400;

/// The result of a search for an entry's parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// This slot of the domain's table, or none.
    Slot(Option<u32>),
    /// The budget is used up.
    Unfinished,
}

/// Finds the parents of the entries of one list, within the budget of one call.
pub struct Climber {
    domain: Ref<Domain>,
    list: List,
    budget_left: u32,
    /// The previous result: siblings have the same parent.
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
        // A running domain may have changed since.
        let is_current = |answer: &FoundParent| {
            let FoundParent { entry, .. } = *answer;
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

    /// The parent of the capability at `place`, which belongs to the entry with this number. An unfinished search is continued
    /// when it is repeated.
    pub fn parent(&mut self, number: u64, held: Option<Held>, place: Place) -> Parent {
        let domain = self.domain;
        let ascent = &domain.parent_search;
        let entry = self.entry(number, held);
        if let Some(answer) = ascent.last.get().filter(|answer| answer.entry == entry) {
            return Parent::Slot(answer.parent);
        }
        let mut at = resume(ascent, entry).unwrap_or(place);
        let parent = loop {
            if let Some(last) = self.last.filter(|last| last.place == at) {
                break last.parent;
            }
            if !self.spend(1) {
                interrupt(ascent, entry, at);
                return Parent::Unfinished;
            }
            at = match self.next(at) {
                Ok(next) => next,
                Err(parent) => break parent,
            };
        };
        drop_bookmark(ascent);
        let answer = FoundParent {
            entry,
            place,
            parent,
        };
        ascent.last.set(Some(answer));
        self.last = Some(answer);
        Parent::Slot(parent)
    }

    /// The next slot on the way up, or the parent found.
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

/// The slot where the search for this entry stopped. The bookmark of another entry is dropped.
fn resume(ascent: &ParentSearch, entry: Entry) -> Option<Place> {
    let is_marked = !SlotStorage.slot(ascent.bookmark()).is_empty();
    if is_marked && ascent.entry.get() == Some(entry) {
        return Some(ascent.bookmark());
    }
    drop_bookmark(ascent);
    None
}

/// Records that the search for this entry stopped at `at`, which is not the root of its tree.
fn interrupt(ascent: &ParentSearch, entry: Entry, at: Place) {
    if at == ascent.bookmark() {
        return;
    }
    drop_bookmark(ascent);
    capabilities::bookmark(&SlotStorage, at, ascent.bookmark())
        .expect("the bookmark is free, and origins are not stopped at");
    ascent.entry.set(Some(entry));
}

fn drop_bookmark(ascent: &ParentSearch) {
    // Fails if there is no bookmark, which is fine.
    let _ = capabilities::clear_leaf(&SlotStorage, ascent.bookmark());
}

/// The number of the slot at a place in frame number `frame` of its table.
fn slot_number(frame: u32, place: Place) -> u32 {
    frame * SLOTS_PER_FRAME + (place.get() % u64::from(SLOTS_PER_FRAME)) as u32
}
