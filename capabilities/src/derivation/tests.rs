//! The operations on single slots, and the counts of each holder.

use core::cell::Cell;

use super::*;
use crate::testing::checker::check;
use crate::testing::forest::{Bits, Forest, Thing, at, full};

/// Slot 0 is an origin and slot 1 a copy of it.
fn origin_and_copy(slot_count: usize) -> Forest {
    let forest = Forest::new(slot_count);
    plant(&forest, at(0), full(0)).unwrap();
    copy(&forest, at(0), at(1)).unwrap();
    forest
}

fn held(forest: &Forest, index: usize) -> Option<Capability<Thing>> {
    forest.slot(at(index)).capability()
}

#[test]
fn a_copy_is_a_child_with_the_same_capability() {
    let forest = origin_and_copy(2);
    assert_eq!(held(&forest, 1), Some(full(0)));
    assert_eq!(check(&forest), Ok([None, Some(0)].into()));
}

#[test]
fn refuses_to_mint_rights_it_lacks() {
    let forest = origin_and_copy(4);
    mint(&forest, at(1), at(2), Bits(0b01), Badge::NONE).unwrap();
    let refusal = Error::RightsExceeded {
        held: Bits(0b01),
        asked: Bits(0b11),
    };
    let minted = mint(&forest, at(2), at(3), Bits(0b11), Badge::NONE);
    assert_eq!(minted, Err(refusal));
    assert_eq!(held(&forest, 3), None);
}

#[test]
fn sets_a_badge_once_and_passes_it_on() {
    let forest = origin_and_copy(5);
    let [first, second] = [7, 8].map(Badge::new);
    mint(&forest, at(1), at(2), Bits(1), first).unwrap();
    mint(&forest, at(2), at(3), Bits(1), Badge::NONE).unwrap();
    assert_eq!(held(&forest, 3).unwrap().badge, first);
    let refusal = Error::BadgeFixed {
        held: first,
        asked: second,
    };
    assert_eq!(mint(&forest, at(3), at(4), Bits(1), second), Err(refusal));
}

#[test]
fn refuses_to_fill_an_occupied_slot() {
    let forest = origin_and_copy(3);
    let refusal = Err(Error::Occupied { place: at(1) });
    assert_eq!(plant(&forest, at(1), full(1)), refusal);
    assert_eq!(copy(&forest, at(0), at(1)), refusal);
    assert_eq!(mint(&forest, at(0), at(1), Bits(0), Badge::NONE), refusal);
    assert_eq!(derive(&forest, at(0), at(1), full(1)), refusal);
    assert_eq!(move_to(&forest, at(0), at(1)), refusal);
    assert_eq!(move_to(&forest, at(1), at(1)), refusal);
    assert_eq!(held(&forest, 1), Some(full(0)));
}

#[test]
fn refuses_to_use_an_empty_slot() {
    let forest = origin_and_copy(4);
    let refusal = Err(Error::Empty { place: at(2) });
    assert_eq!(copy(&forest, at(2), at(3)), refusal);
    assert_eq!(mint(&forest, at(2), at(3), Bits(0), Badge::NONE), refusal);
    assert_eq!(derive(&forest, at(2), at(3), full(1)), refusal);
    assert_eq!(move_to(&forest, at(2), at(3)), refusal);
    assert_eq!(delete(&forest, at(2)).map(drop), refusal);
    assert_eq!(clear_leaf(&forest, at(2)).map(drop), refusal);
}

#[test]
fn a_moved_capability_keeps_its_relatives() {
    let forest = origin_and_copy(5);
    copy(&forest, at(1), at(2)).unwrap();
    copy(&forest, at(1), at(3)).unwrap();
    move_to(&forest, at(1), at(4)).unwrap();
    assert_eq!(held(&forest, 1), None);
    let parents = [None, None, Some(4), Some(4), Some(0)];
    assert_eq!(check(&forest), Ok(parents.into()));
}

/// Two slots for each of two holders; counts each holder's capabilities, and the changes.
struct Ledger {
    forest: Forest,
    counts: [Cell<usize>; 2],
    change_count: Cell<usize>,
}

impl Ledger {
    /// Slot 0 is an origin.
    fn with_origin() -> Ledger {
        let ledger = Ledger {
            forest: Forest::with_holders(&[0, 0, 1, 1]),
            counts: Default::default(),
            change_count: Cell::new(0),
        };
        plant(&ledger, at(0), full(0)).unwrap();
        ledger
    }

    fn count(&self, place: Place) -> &Cell<usize> {
        self.change_count.set(self.change_count.get() + 1);
        &self.counts[self.slot(place).holder() as usize]
    }

    /// Each holder's number of capabilities, and the number of changes.
    fn counts(&self) -> ([usize; 2], usize) {
        let counts = self.counts.each_ref().map(Cell::get);
        (counts, self.change_count.get())
    }
}

impl Storage for Ledger {
    type Object = Thing;

    fn slot(&self, place: Place) -> &crate::Slot<Thing> {
        self.forest.slot(place)
    }

    fn filled(&self, place: Place, _: &Capability<Thing>) {
        let count = self.count(place);
        count.set(count.get() + 1);
    }

    fn emptied(&self, place: Place, _: &Capability<Thing>) {
        let count = self.count(place);
        count.set(count.get() - 1);
    }
}

#[test]
fn every_slot_that_is_filled_or_emptied_is_counted_for_its_holder() {
    let ledger = Ledger::with_origin();
    copy(&ledger, at(0), at(2)).unwrap();
    assert_eq!(ledger.counts(), ([1, 1], 2));
    derive(&ledger, at(2), at(3), full(1)).unwrap();
    assert_eq!(ledger.counts(), ([1, 2], 3));
    clear_leaf(&ledger, at(3)).unwrap();
    delete(&ledger, at(2)).unwrap();
    assert_eq!(ledger.counts(), ([1, 0], 5));
}

#[test]
fn a_move_is_counted_between_two_holders_and_not_within_one() {
    let ledger = Ledger::with_origin();
    move_to(&ledger, at(0), at(1)).unwrap();
    assert_eq!(ledger.counts(), ([1, 0], 1));
    move_to(&ledger, at(1), at(2)).unwrap();
    assert_eq!(ledger.counts(), ([0, 1], 3));
}

#[test]
fn deleting_a_copy_leaves_its_children_to_its_parent() {
    let forest = origin_and_copy(4);
    copy(&forest, at(1), at(2)).unwrap();
    derive(&forest, at(1), at(3), full(1)).unwrap();
    assert_eq!(delete(&forest, at(1)), Ok(full(0)));
    assert_eq!(check(&forest), Ok([None, None, Some(0), Some(0)].into()));
}

#[test]
fn an_origin_is_deleted_after_its_descendants() {
    let forest = origin_and_copy(2);
    let refusal = Err(Error::InUse { place: at(0) });
    assert_eq!(delete(&forest, at(0)), refusal);
    assert_eq!(clear_leaf(&forest, at(0)), refusal);
    delete(&forest, at(1)).unwrap();
    assert_eq!(delete(&forest, at(0)), Ok(full(0)));
}

#[test]
fn clears_only_leaves() {
    let forest = origin_and_copy(3);
    copy(&forest, at(1), at(2)).unwrap();
    let refusal = Err(Error::InUse { place: at(1) });
    assert_eq!(clear_leaf(&forest, at(1)), refusal);
    assert_eq!(clear_leaf(&forest, at(2)), Ok(full(0)));
    assert_eq!(clear_leaf(&forest, at(1)), Ok(full(0)));
}

#[test]
fn origins_nest_up_to_a_limit() {
    let last = usize::from(GENERATION_MAX);
    let forest = Forest::new(last + 3);
    plant(&forest, at(0), full(0)).unwrap();
    for index in 0..last {
        derive(&forest, at(index), at(index + 1), full(index as u8 + 1)).unwrap();
    }
    copy(&forest, at(last), at(last + 1)).unwrap();
    let place = at(last + 1);
    let refusal = Err(Error::TooManyGenerations { place });
    assert_eq!(check_derivable(&forest, at(last - 1)), Ok(()));
    assert_eq!(check_derivable(&forest, place), refusal);
    assert_eq!(derive(&forest, place, at(last + 2), full(0)), refusal);
    check(&forest).unwrap();
}

#[test]
fn copies_of_copies_have_no_limit() {
    let forest = Forest::new(1000);
    plant(&forest, at(0), full(0)).unwrap();
    for index in 1..1000 {
        copy(&forest, at(index - 1), at(index)).unwrap();
    }
    assert_eq!(forest.occupied().len(), 1000);
    check(&forest).unwrap();
}
