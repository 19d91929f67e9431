//! Which slot of its own table each capability of a domain was derived from: [`Climber`].
//!
//! That is the nearest slot above it that is in the domain's table. Slots of others in between are left out: revoking the
//! one in the table reaches the capability through them, and when the domain is rebuilt elsewhere, they are not. What an
//! object or a mapping holds is never a parent, since nothing is derived from it, and an object's origin is nobody's.
//!
//! The way up leads past older siblings, of which others can make any number. A call goes a bounded part of it; a bookmark in
//! the tree keeps where it stopped ([`ParentSearch`]).

use abi::record::{Held, List};
use capabilities::{Climb, Place, Storage};

use crate::memory::{Holder, Ref, SLOTS_PER_FRAME, SlotStorage};
use crate::objects::{Domain, Entry, FoundParent, ParentSearch};

/// Slots that one call looks at, or what takes as long. A look takes about 30 instructions.
const LOOKS_MAX: u32 = 400;

/// The parent of an entry, if it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// This slot of the domain's table, or none of them.
    Slot(Option<u32>),
    /// The call has looked at as much as one may.
    Unfinished,
}

/// Finds the parents of the entries of one list, as far as one call may go.
pub struct Climber {
    domain: Ref<Domain>,
    list: List,
    looks_left: u32,
    /// The answer before: its siblings further up have the same parent.
    last: Option<FoundParent>,
}

impl Climber {
    /// A climber at the beginning of a call.
    pub fn new(domain: Ref<Domain>, list: List) -> Climber {
        let climber = Climber {
            domain,
            list,
            looks_left: LOOKS_MAX,
            last: None,
        };
        // What was true of a running domain may not be any more.
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

    /// How many looks are left.
    pub fn looks_left(&self) -> u32 {
        self.looks_left
    }

    /// Counts looks; false if there are not so many left.
    pub fn look(&mut self, count: u32) -> bool {
        let left = self.looks_left.checked_sub(count);
        self.looks_left = left.unwrap_or(0);
        left.is_some()
    }

    /// The parent of the capability at `place`, which is that of the entry with this number. Unfinished, it goes on from where
    /// it is when it is asked for again.
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
            if !self.look(1) {
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

    /// The next stop on the way up, or what is found there.
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

/// Where the ascent from this entry stopped. That of another entry is forgotten.
fn resume(ascent: &ParentSearch, entry: Entry) -> Option<Place> {
    let is_marked = !SlotStorage.slot(ascent.bookmark()).is_empty();
    if is_marked && ascent.entry.get() == Some(entry) {
        return Some(ascent.bookmark());
    }
    drop_bookmark(ascent);
    None
}

/// Keeps that the ascent from this entry came to `at`, which is not the root of its tree.
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
    // An empty one is refused, which is as well.
    let _ = capabilities::clear_leaf(&SlotStorage, ascent.bookmark());
}

/// The number of the slot at a place in this frame of its table.
fn slot_number(frame: u32, place: Place) -> u32 {
    frame * SLOTS_PER_FRAME + (place.get() % u64::from(SLOTS_PER_FRAME)) as u32
}
