//! The operations that build the derivation tree and remove slots from it. Each takes constant time and is atomic: if it
//! is refused, it has changed nothing.

use crate::slot::{Content, Role};
use crate::{Badge, Capability, Error, Place, Result, Storage, euler_tour};

/// The largest number of origins above a slot. It bounds a step of [`revoke`](crate::revoke).
pub const GENERATION_MAX: u8 = 32;

/// Puts `capability` into `place` as the root of a new tree.
///
/// # Errors
/// [`Error::Occupied`].
pub fn plant<S: Storage>(
    storage: &S,
    place: Place,
    capability: Capability<S::Object>,
) -> Result<(), S> {
    refuse_occupied(storage, place)?;
    fill(storage, place, Content::new(capability, 0, Role::Origin));
    euler_tour::begin(storage, place);
    Ok(())
}

/// Copies the capability in `from` into `to`, as a child of `from`.
///
/// # Errors
/// [`Error::Empty`], [`Error::Occupied`].
pub fn copy<S: Storage>(storage: &S, from: Place, to: Place) -> Result<(), S> {
    let parent = content(storage, from)?;
    refuse_occupied(storage, to)?;
    let role = Role::Copy;
    add_child(storage, from, to, Content { role, ..parent });
    Ok(())
}

/// Like [`copy`], with exactly `rights`, and with `badge` unless that is [`Badge::NONE`].
///
/// # Errors
/// [`Error::Empty`], [`Error::Occupied`], [`Error::RightsExceeded`], [`Error::BadgeFixed`].
pub fn mint<S: Storage>(
    storage: &S,
    from: Place,
    to: Place,
    rights: <S::Object as crate::Object>::Rights,
    badge: Badge,
) -> Result<(), S> {
    let parent = content(storage, from)?;
    refuse_occupied(storage, to)?;
    let capability = parent.capability().mint(rights, badge)?;
    let content = Content::new(capability, parent.generation, Role::Copy);
    add_child(storage, from, to, content);
    Ok(())
}

/// Puts another capability into `to`, as a child of `from`: the origin of an object allocated from a pool, or of a
/// mapping of a Memory. Revoking `from` removes it, after all its descendants.
///
/// # Errors
/// [`Error::Empty`], [`Error::Occupied`], [`Error::TooManyGenerations`].
pub fn derive<S: Storage>(
    storage: &S,
    from: Place,
    to: Place,
    capability: Capability<S::Object>,
) -> Result<(), S> {
    content(storage, from)?;
    refuse_occupied(storage, to)?;
    let generation = generation_below(storage, from)?;
    let content = Content::new(capability, generation, Role::Origin);
    add_child(storage, from, to, content);
    Ok(())
}

/// Checks that [`derive`] can derive from `from` into an empty slot.
///
/// # Errors
/// [`Error::Empty`], [`Error::TooManyGenerations`].
pub fn check_derivable<S: Storage>(storage: &S, from: Place) -> Result<(), S> {
    generation_below(storage, from).map(drop)
}

/// The generation of an origin derived from `from`.
#[inline(always)]
fn generation_below<S: Storage>(storage: &S, from: Place) -> Result<u8, S> {
    let parent = content(storage, from)?;
    if parent.generation == GENERATION_MAX {
        return Err(Error::TooManyGenerations { place: from });
    }
    Ok(parent.generation + 1)
}

/// Moves the capability in `from` into `to`, at the same position in the tree, and empties `from`.
///
/// # Errors
/// [`Error::Empty`], [`Error::Occupied`] (also if `to` is `from`).
pub fn move_to<S: Storage>(storage: &S, from: Place, to: Place) -> Result<(), S> {
    let content = content(storage, from)?;
    refuse_occupied(storage, to)?;
    storage.slot(to).set_content(Some(content));
    euler_tour::replace(storage, from, to);
    storage.slot(from).set_content(None);
    if storage.slot(from).holder() != storage.slot(to).holder() {
        storage.filled(to, &content.capability());
        storage.emptied(from, &content.capability());
    }
    Ok(())
}

/// Empties `place` and returns the capability that it held. The children of a copy become its parent's.
///
/// # Errors
/// [`Error::Empty`]; [`Error::InUse`] for an origin with descendants, which refer to what ends with it.
#[inline(always)]
pub fn delete<S: Storage>(storage: &S, place: Place) -> Result<Capability<S::Object>, S> {
    match content(storage, place)?.role {
        Role::Origin => clear_leaf(storage, place),
        Role::Copy => Ok(take(storage, place)?),
    }
}

/// Empties `place`, which is a leaf, and returns the capability that it held.
///
/// # Errors
/// [`Error::Empty`], [`Error::InUse`].
#[inline(always)]
pub fn clear_leaf<S: Storage>(storage: &S, place: Place) -> Result<Capability<S::Object>, S> {
    content(storage, place)?;
    if !euler_tour::is_leaf(storage, place) {
        return Err(Error::InUse { place });
    }
    take(storage, place)
}

/// Empties `place`; its children become its parent's.
#[inline(always)]
pub(crate) fn take<S: Storage>(storage: &S, place: Place) -> Result<Capability<S::Object>, S> {
    let content = content(storage, place)?;
    euler_tour::remove(storage, place);
    empty(storage, place, content);
    Ok(content.capability())
}

pub(crate) fn content<S: Storage>(storage: &S, place: Place) -> Result<Content<S::Object>, S> {
    storage.slot(place).content().ok_or(Error::Empty { place })
}

pub(crate) fn refuse_occupied<S: Storage>(storage: &S, place: Place) -> Result<(), S> {
    if storage.slot(place).is_empty() {
        Ok(())
    } else {
        Err(Error::Occupied { place })
    }
}

#[inline(always)]
fn add_child<S: Storage>(storage: &S, parent: Place, place: Place, content: Content<S::Object>) {
    fill(storage, place, content);
    euler_tour::insert_below(storage, parent, place);
}

#[inline(always)]
fn fill<S: Storage>(storage: &S, place: Place, content: Content<S::Object>) {
    storage.slot(place).set_content(Some(content));
    storage.filled(place, &content.capability());
}

#[inline(always)]
fn empty<S: Storage>(storage: &S, place: Place, content: Content<S::Object>) {
    storage.slot(place).set_content(None);
    storage.emptied(place, &content.capability());
}

#[cfg(test)]
mod tests {
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
    fn a_copy_holds_the_same_below_the_original() {
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

    /// Four slots of two holders, the first two and the last two; counts each holder's capabilities and the changes.
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
    fn origins_stand_below_origins_up_to_a_limit() {
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
}
