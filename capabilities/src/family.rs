//! Reading the derivation tree: the relatives of a slot.
//!
//! Children and siblings are adjacent in the tour. A parent is found at the end of the list of siblings. That list may be
//! long, so [`climb`] takes only one step, and a [`bookmark`] records the progress.

use crate::derivation::{content, refuse_occupied};
use crate::euler_tour::{self, Edge, Mark};
use crate::slot::Content;
use crate::{Error, Object, Place, Result, Rights, Storage};

/// The result of one step from a slot towards its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Climb {
    /// This is the parent.
    Parent(Place),
    /// The slot is the root of its tree (or is empty).
    Root,
    /// The next older sibling, which has the same parent.
    Sibling(Place),
}

/// Takes one step from `place` towards its parent, past at most one older sibling.
pub fn climb<S: Storage>(storage: &S, place: Place) -> Climb {
    match euler_tour::after(storage, Mark::end(place)) {
        None => Climb::Root,
        Some(mark) if mark.edge == Edge::End => Climb::Parent(mark.place),
        Some(mark) => Climb::Sibling(mark.place),
    }
}

/// Puts a bookmark into the empty slot `to`: a leaf that becomes the next older sibling of `beside`. A climb that stops at
/// `beside` can be resumed from the bookmark, whatever happens to `beside` and its relatives meanwhile. The bookmark keeps
/// its position in the tree, as every slot does. It holds the capability of `beside` without rights, and is removed when its
/// parent is revoked.
///
/// # Errors
/// [`Error::Empty`], [`Error::Occupied`]; [`Error::NoParent`] if `beside` is a root.
pub fn bookmark<S: Storage>(storage: &S, beside: Place, to: Place) -> Result<(), S> {
    let content = content(storage, beside)?;
    refuse_occupied(storage, to)?;
    if euler_tour::after(storage, Mark::end(beside)).is_none() {
        return Err(Error::NoParent { place: beside });
    }
    let rights = <S::Object as Object>::Rights::none();
    storage
        .slot(to)
        .set_content(Some(Content { rights, ..content }));
    euler_tour::insert_behind(storage, beside, to);
    Ok(())
}

/// The youngest slot derived directly from `place`.
pub fn first_child<S: Storage>(storage: &S, place: Place) -> Option<Place> {
    start(euler_tour::after(storage, Mark::start(place)))
}

/// The next older child of the same parent.
pub fn next_sibling<S: Storage>(storage: &S, place: Place) -> Option<Place> {
    start(euler_tour::after(storage, Mark::end(place)))
}

/// Whether anything is derived from `place`.
pub fn has_children<S: Storage>(storage: &S, place: Place) -> bool {
    first_child(storage, place).is_some()
}

fn start(mark: Option<Mark>) -> Option<Place> {
    mark.filter(|mark| mark.edge == Edge::Start)
        .map(|mark| mark.place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::checker::check;
    use crate::testing::forest::{Bits, Forest, at, full, parent};
    use crate::{clear_leaf, copy, delete, derive, plant};

    /// A root in slot 0 and its children in the others.
    fn row(child_count: usize) -> Forest {
        let forest = Forest::new(child_count + 1);
        plant(&forest, at(0), full(0)).unwrap();
        for child in 1..=child_count {
            copy(&forest, at(0), at(child)).unwrap();
        }
        forest
    }

    #[test]
    fn lists_children_from_the_youngest() {
        let forest = row(3);
        let first = first_child(&forest, at(0));
        let children = core::iter::successors(first, |&child| next_sibling(&forest, child));
        assert!(children.eq([at(3), at(2), at(1)]));
        assert!(has_children(&forest, at(0)) && !has_children(&forest, at(1)));
    }

    #[test]
    fn every_child_finds_its_parent() {
        let forest = row(3);
        assert_eq!(parent(&forest, at(0)), None);
        for child in 1..=3 {
            assert_eq!(parent(&forest, at(child)), Some(at(0)));
        }
    }

    #[test]
    fn a_climb_reads_one_slot_per_step() {
        let forest = row(9);
        assert_eq!(climb(&forest, at(9)), Climb::Sibling(at(8)));
        assert_eq!(climb(&forest, at(1)), Climb::Parent(at(0)));
        assert_eq!(climb(&forest, at(0)), Climb::Root);
        let visit_count = forest.visits_of(|| {
            climb(&forest, at(9));
        });
        assert_eq!(visit_count, 1);
    }

    /// A root in slot 0, its children in slots 1 to 4, a child of slot 2 in slot 5, and slot 6 free.
    fn row_with_room() -> Forest {
        let forest = Forest::new(7);
        plant(&forest, at(0), full(0)).unwrap();
        for child in 1..=4 {
            copy(&forest, at(0), at(child)).unwrap();
        }
        copy(&forest, at(2), at(5)).unwrap();
        forest
    }

    #[test]
    fn a_bookmark_is_after_the_siblings_already_passed() {
        let forest = row_with_room();
        bookmark(&forest, at(3), at(6)).unwrap();
        check(&forest).unwrap();
        assert_eq!(climb(&forest, at(3)), Climb::Sibling(at(6)));
        assert_eq!(climb(&forest, at(6)), Climb::Sibling(at(2)));
        let held = forest.slot(at(6)).capability().unwrap();
        assert_eq!(held.rights, Bits(0));
        assert_eq!(held.object, full(0).object);
    }

    #[test]
    fn a_bookmark_keeps_its_place_whatever_is_deleted_around_it() {
        for gone in 1..=4 {
            let forest = row_with_room();
            bookmark(&forest, at(3), at(6)).unwrap();
            delete(&forest, at(gone)).unwrap();
            check(&forest).unwrap();
            assert_eq!(parent(&forest, at(6)), Some(at(0)), "without {gone}");
        }
        let forest = row_with_room();
        bookmark(&forest, at(5), at(6)).unwrap();
        delete(&forest, at(2)).unwrap();
        check(&forest).unwrap();
        assert_eq!(parent(&forest, at(6)), Some(at(0)));
    }

    #[test]
    fn a_bookmark_beside_an_origin_is_an_origin() {
        let forest = Forest::new(3);
        plant(&forest, at(0), full(0)).unwrap();
        derive(&forest, at(0), at(1), full(1)).unwrap();
        bookmark(&forest, at(1), at(2)).unwrap();
        check(&forest).unwrap();
        clear_leaf(&forest, at(2)).unwrap();
        assert_eq!(climb(&forest, at(1)), Climb::Parent(at(0)));
    }

    #[test]
    fn revoking_removes_bookmarks() {
        let forest = row_with_room();
        bookmark(&forest, at(5), at(6)).unwrap();
        let mut removed = forest.revoke_all(2);
        removed.sort();
        assert_eq!(removed, [5, 6]);
    }

    #[test]
    fn refuses_bookmarks_without_a_position() {
        let forest = row_with_room();
        let refused = bookmark(&forest, at(0), at(6));
        assert_eq!(refused, Err(Error::NoParent { place: at(0) }));
        let refused = bookmark(&forest, at(6), at(6));
        assert_eq!(refused, Err(Error::Empty { place: at(6) }));
        let refused = bookmark(&forest, at(1), at(2));
        assert_eq!(refused, Err(Error::Occupied { place: at(2) }));
        check(&forest).unwrap();
    }
}
