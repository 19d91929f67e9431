//! Reading the derivation tree: the relatives of a slot.
//!
//! Children and siblings are next door in the tour. A parent is found at the end of the row of siblings, which may be
//! long, so [`climb`] goes a bounded part of the way.

use crate::tour::{self, Edge, Mark};
use crate::{Place, Storage};

/// How far [`climb`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Climb {
    /// The slot has this parent.
    Parent(Place),
    /// The slot is the root of its tree (or is empty).
    Root,
    /// An older sibling, which has the same parent: go on from there.
    Sibling(Place),
}

/// Goes towards the parent of `place`, past at most `sibling_count_max` older siblings.
pub fn climb<S: Storage>(storage: &S, place: Place, sibling_count_max: u32) -> Climb {
    let mut at = place;
    for _ in 0..=sibling_count_max {
        match tour::after(storage, Mark::end(at)) {
            None => return Climb::Root,
            Some(mark) if mark.edge == Edge::End => return Climb::Parent(mark.place),
            Some(mark) => at = mark.place,
        }
    }
    Climb::Sibling(at)
}

/// The slot from which `place` was derived. It takes a step for every older sibling: see [`climb`].
pub fn parent<S: Storage>(storage: &S, place: Place) -> Option<Place> {
    let mut at = place;
    loop {
        match climb(storage, at, u32::MAX) {
            Climb::Parent(parent) => return Some(parent),
            Climb::Root => return None,
            Climb::Sibling(sibling) => at = sibling,
        }
    }
}

/// The youngest slot derived directly from `place`.
pub fn first_child<S: Storage>(storage: &S, place: Place) -> Option<Place> {
    start(tour::after(storage, Mark::start(place)))
}

/// The next older child of the same parent.
pub fn next_sibling<S: Storage>(storage: &S, place: Place) -> Option<Place> {
    start(tour::after(storage, Mark::end(place)))
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
    use crate::testing::forest::{Forest, at, full};
    use crate::{copy, plant};

    /// A root in slot 0 with a child in each of the others.
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
    fn every_child_knows_its_parent() {
        let forest = row(3);
        assert_eq!(parent(&forest, at(0)), None);
        for child in 1..=3 {
            assert_eq!(parent(&forest, at(child)), Some(at(0)));
        }
    }

    #[test]
    fn climbs_past_no_more_siblings_than_it_may() {
        let forest = row(9);
        assert_eq!(climb(&forest, at(9), 8), Climb::Parent(at(0)));
        assert_eq!(climb(&forest, at(9), 3), Climb::Sibling(at(5)));
        assert_eq!(climb(&forest, at(5), 4), Climb::Parent(at(0)));
        assert_eq!(climb(&forest, at(0), 0), Climb::Root);
        let visit_count = forest.visits_of(|| {
            climb(&forest, at(9), 3);
        });
        assert_eq!(visit_count, 4);
    }
}
