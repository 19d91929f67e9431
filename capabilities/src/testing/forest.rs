//! A storage for tests: numbered slots in a vector. It counts the accesses.

use core::cell::Cell;
use std::vec::Vec;

use crate::euler_tour::{Edge, Link};
use crate::slot::Content;
use crate::{
    Capability, Climb, Object, Place, RevokeStep, Rights, Role, Slot, Storage, climb, revoke,
};

/// An object, identified by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Thing(pub(crate) u8);

/// Eight rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bits(pub(crate) u8);

impl Object for Thing {
    type Rights = Bits;
}

impl Rights for Bits {
    fn none() -> Self {
        Self(0)
    }
    fn contains(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }
}

/// A capability to object number `object` with all rights that the tests use.
pub(crate) fn full(object: u8) -> Capability<Thing> {
    Capability::new(Thing(object), Bits(0b11))
}

/// The place of slot number `index`.
pub(crate) fn at(index: usize) -> Place {
    Place::new(index as u64 + 1).expect("a small number")
}

/// The number of the slot at `place`.
pub(crate) fn index_of(place: Place) -> usize {
    place.get() as usize - 1
}

/// The slot that `place` was derived from, found by passing all older siblings.
pub(crate) fn parent(forest: &Forest, place: Place) -> Option<Place> {
    match climb(forest, place) {
        Climb::Parent(parent) => Some(parent),
        Climb::Root => None,
        Climb::Sibling(sibling) => parent(forest, sibling),
    }
}

/// The whole content of a slot.
pub(crate) type SlotState = (Option<(Capability<Thing>, u8, Role)>, [Link; 4]);

/// The storage.
pub(crate) struct Forest {
    slots: Vec<Slot<Thing>>,
    visit_count: Cell<usize>,
}

impl Storage for Forest {
    type Object = Thing;

    fn slot(&self, place: Place) -> &Slot<Thing> {
        self.visit_count.set(self.visit_count.get() + 1);
        &self.slots[index_of(place)]
    }
}

impl Forest {
    pub(crate) fn new(slot_count: usize) -> Self {
        Self::with_holders(&std::vec![0; slot_count])
    }

    /// Empty slots, one per holder given.
    pub(crate) fn with_holders(holders: &[u64]) -> Self {
        let slots = holders.iter().map(|holder| Slot::empty(*holder)).collect();
        let visit_count = Cell::new(0);
        Self { slots, visit_count }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The number of slot accesses while `action` ran.
    pub(crate) fn visits_of(&self, action: impl FnOnce()) -> usize {
        let before = self.visit_count.get();
        action();
        self.visit_count.get() - before
    }

    /// The numbers of the occupied slots.
    pub(crate) fn occupied(&self) -> Vec<usize> {
        let is_occupied = |&index: &usize| !self.slots[index].is_empty();
        (0..self.len()).filter(is_occupied).collect()
    }

    /// Revokes until nothing is left; returns the removed slots in order.
    pub(crate) fn revoke_all(&self, index: usize) -> Vec<usize> {
        core::iter::from_fn(|| match revoke(self, at(index)) {
            Ok(RevokeStep::Removed { place, .. }) => Some(index_of(place)),
            _ => None,
        })
        .collect()
    }

    pub(crate) fn save(&self) -> Vec<SlotState> {
        self.slots.iter().map(save_slot).collect()
    }

    pub(crate) fn restore(&self, states: &[SlotState]) {
        for (slot, &(content, links)) in self.slots.iter().zip(states) {
            slot.set_content(
                content.map(|(capability, generation, role)| {
                    Content::new(capability, generation, role)
                }),
            );
            for (cell, link) in links_of(slot).into_iter().zip(links) {
                cell.set(link);
            }
        }
    }
}

fn save_slot(slot: &Slot<Thing>) -> SlotState {
    let content = slot
        .content()
        .map(|content| (content.capability(), content.generation, content.role));
    (content, links_of(slot).map(Cell::get))
}

fn links_of(slot: &Slot<Thing>) -> [&Cell<Link>; 4] {
    let [start, end] = [Edge::Start, Edge::End];
    [
        slot.before(start),
        slot.after(start),
        slot.before(end),
        slot.after(end),
    ]
}
