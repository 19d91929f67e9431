//! Revocation: removes the descendants of a slot, one per step. Any other operation may run between two steps.
//!
//! A step reads the tour from the start of the revoked slot to the first removable slot, and removes that slot. An origin is
//! removable if it has no descendants. A copy is always removable: its children become its parent's, and are still below the
//! revoked slot. The step passes over origins with descendants, which are nested at most
//! [`GENERATION_MAX`](crate::GENERATION_MAX) deep. If a slot is kept ([`revoke_except`]), the step also passes over that slot
//! and the origins above it. So no step passes more than `3 * (GENERATION_MAX + 2)` marks, whatever the size and the depth of
//! the tree.
//!
//! There is no state between steps: the work left is whatever is still below the slot. So the tree may change in between.
//! An interrupted revocation is resumed by its next step, which any caller with the authority to revoke may take.

use crate::derivation::{content, take};
use crate::euler_tour::{self, Edge, Mark};
use crate::slot::Role;
use crate::{Capability, Object, Place, Result, Storage};

/// The result of one step of a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokeStep<O: Object> {
    /// One slot was emptied; more may be left.
    Removed {
        /// The emptied slot.
        place: Place,
        /// The capability that it held, for the kernel to destroy its object or mapping.
        capability: Capability<O>,
        /// The role of the slot. If it was an origin, nothing refers to its object any more.
        role: Role,
    },
    /// Nothing is left to remove.
    Done,
}

/// Removes one descendant of `place`, if it has any.
///
/// # Errors
/// [`Error::Empty`](crate::Error::Empty).
pub fn revoke<S: Storage>(storage: &S, place: Place) -> Result<RevokeStep<S::Object>, S> {
    // Keeping `place` itself has no effect: it is not its own descendant.
    revoke_except(storage, place, place)
}

/// Removes one descendant of `place` other than `keep`, if it has any.
///
/// If `keep` is a copy of the origin `place`, it is the only slot left below `place` when this returns [`RevokeStep::Done`].
/// This is how an object is destroyed: everything below its origin is revoked except the capability that was invoked, then
/// that capability is deleted, then the origin is cleared. Until then the same call can be repeated. If `keep` belongs to an
/// object further down, the origins above it stay too.
///
/// # Errors
/// [`Error::Empty`](crate::Error::Empty).
pub fn revoke_except<S: Storage>(
    storage: &S,
    place: Place,
    keep: Place,
) -> Result<RevokeStep<S::Object>, S> {
    match next_revoked(storage, place, keep)? {
        Some(next) => remove(storage, next),
        None => Ok(RevokeStep::Done),
    }
}

/// The slot that the next step of [`revoke_except`] empties, for callers with work to do before that.
///
/// # Errors
/// [`Error::Empty`](crate::Error::Empty).
pub fn next_revoked<S: Storage>(
    storage: &S,
    place: Place,
    keep: Place,
) -> Result<Option<Place>, S> {
    content(storage, place)?;
    let mut next = euler_tour::after(storage, Mark::start(place));
    while let Some(mark) = next
        && mark != Mark::end(place)
    {
        if mark.edge == Edge::Start && mark.place != keep && is_removable(storage, mark.place)? {
            return Ok(Some(mark.place));
        }
        next = euler_tour::after(storage, mark);
    }
    Ok(None)
}

fn is_removable<S: Storage>(storage: &S, place: Place) -> Result<bool, S> {
    let role = content(storage, place)?.role;
    Ok(role == Role::Copy || euler_tour::is_leaf(storage, place))
}

fn remove<S: Storage>(storage: &S, place: Place) -> Result<RevokeStep<S::Object>, S> {
    let role = content(storage, place)?.role;
    let capability = take(storage, place)?;
    Ok(RevokeStep::Removed {
        place,
        capability,
        role,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::checker::check;
    use crate::testing::forest::{Forest, at, full};
    use crate::{Error, GENERATION_MAX, clear_leaf, copy, delete, derive, move_to, plant};

    /// The tree of the crate's documentation: a pool in 0 and 1; an endpoint in 2, 3, 4, 5; a memory in 6, 7; a mapping
    /// in 8. Slot 9 is free.
    fn pool() -> Forest {
        let forest = Forest::new(10);
        plant(&forest, at(0), full(0)).unwrap();
        copy(&forest, at(0), at(1)).unwrap();
        derive(&forest, at(1), at(2), full(1)).unwrap();
        copy(&forest, at(2), at(3)).unwrap();
        copy(&forest, at(3), at(4)).unwrap();
        copy(&forest, at(3), at(5)).unwrap();
        derive(&forest, at(1), at(6), full(2)).unwrap();
        copy(&forest, at(6), at(7)).unwrap();
        derive(&forest, at(7), at(8), full(3)).unwrap();
        forest
    }

    fn revoke_all_except(forest: &Forest, index: usize, keep: usize) {
        while revoke_except(forest, at(index), at(keep)) != Ok(RevokeStep::Done) {
            check(forest).unwrap();
        }
    }

    #[test]
    fn removes_all_descendants_and_nothing_else() {
        let forest = pool();
        let mut removed = forest.revoke_all(3);
        removed.sort();
        assert_eq!(removed, [4, 5]);
        assert_eq!(forest.occupied(), [0, 1, 2, 3, 6, 7, 8]);
        check(&forest).unwrap();
    }

    #[test]
    fn an_origin_is_removed_after_its_descendants() {
        let forest = pool();
        let removed = forest.revoke_all(0);
        let turn = |slot| removed.iter().position(|&removed| removed == slot);
        for (origin, descendants) in [(2, &[3, 4, 5][..]), (6, &[7, 8])] {
            for &descendant in descendants {
                assert!(turn(descendant) < turn(origin), "{removed:?}");
            }
        }
        assert_eq!(forest.occupied(), [0]);
    }

    #[test]
    fn returns_the_removed_capability() {
        let forest = pool();
        let step = RevokeStep::Removed {
            place: at(8),
            capability: full(3),
            role: Role::Origin,
        };
        assert_eq!(revoke(&forest, at(7)), Ok(step));
        assert_eq!(revoke(&forest, at(7)), Ok(RevokeStep::Done));
    }

    #[test]
    fn refuses_an_empty_slot() {
        let refusal = Err(Error::Empty { place: at(9) });
        assert_eq!(revoke(&pool(), at(9)), refusal);
    }

    #[test]
    fn removes_what_is_derived_between_the_steps() {
        let forest = pool();
        revoke(&forest, at(1)).unwrap();
        copy(&forest, at(2), at(9)).unwrap();
        forest.revoke_all(1);
        assert_eq!(forest.occupied(), [0, 1]);
    }

    #[test]
    fn continues_after_any_move_or_deletion_in_between() {
        for step_count in 0..7 {
            for disturbed in 2..9 {
                let forest = pool();
                for _ in 0..step_count {
                    revoke(&forest, at(1)).unwrap();
                }
                // Refused if the slot is already revoked, or an origin in use.
                let _ = move_to(&forest, at(disturbed), at(9));
                let _ = delete(&forest, at(9));
                check(&forest).unwrap();
                forest.revoke_all(1);
                assert_eq!(forest.occupied(), [0, 1]);
            }
        }
    }

    #[test]
    fn an_interrupted_destruction_is_resumed_with_the_capability_that_began_it() {
        for step_count in 0..8 {
            let forest = pool();
            for _ in 0..step_count {
                revoke_except(&forest, at(0), at(1)).unwrap();
            }
            assert_eq!(forest.slot(at(1)).capability(), Some(full(0)));
            revoke_all_except(&forest, 0, 1);
            assert_eq!(forest.occupied(), [0, 1]);
            delete(&forest, at(1)).unwrap();
            clear_leaf(&forest, at(0)).unwrap();
        }
    }

    #[test]
    fn a_kept_capability_keeps_the_origins_around_it() {
        let forest = pool();
        revoke_all_except(&forest, 0, 8);
        assert_eq!(forest.occupied(), [0, 6, 8]);
    }

    #[test]
    fn a_kept_capability_from_elsewhere_keeps_nothing() {
        let forest = pool();
        revoke_all_except(&forest, 6, 4);
        assert_eq!(forest.occupied(), [0, 1, 2, 3, 4, 5, 6]);
    }

    const GENERATIONS: usize = GENERATION_MAX as usize;

    /// Derives a chain of origins from slot 0, into every `1 + copy_count`th slot from `first`. Each origin has a chain of
    /// copies below it, and the next origin is derived from the last copy. Returns the slot after the last.
    fn derive_chain(forest: &Forest, first: usize, copy_count: usize) -> usize {
        let (mut parent, mut next) = (0, first);
        for _ in 0..GENERATIONS {
            derive(forest, at(parent), at(next), full(1)).unwrap();
            for index in next..next + copy_count {
                copy(forest, at(index), at(index + 1)).unwrap();
            }
            parent = next + copy_count;
            next = parent + 1;
        }
        next
    }

    #[test]
    fn a_step_passes_a_bounded_number_of_slots_in_any_tree() {
        for copy_count in [0, 1, 40] {
            let forest = Forest::new(1 + 2 * GENERATIONS * (copy_count + 1));
            plant(&forest, at(0), full(0)).unwrap();
            let middle = derive_chain(&forest, 1, copy_count);
            // The younger chain, with the kept slot at its end, is passed on the way to the older.
            let keep = derive_chain(&forest, middle, copy_count) - 1;
            // A mark costs at most three visits to its slot, the removal itself a few more.
            let bound = 3 * 3 * (GENERATIONS + 2) + 20;
            let mut step = None;
            while step != Some(RevokeStep::Done) {
                let visit_count = forest.visits_of(|| {
                    step = revoke_except(&forest, at(0), at(keep)).ok();
                });
                assert!(visit_count <= bound, "{visit_count} visits in a step");
            }
            let origin_count = 1 + GENERATIONS;
            let kept_count = origin_count + copy_count.min(1);
            assert_eq!(forest.occupied().len(), kept_count);
        }
    }
}
