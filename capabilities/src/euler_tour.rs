//! The Euler tour of a derivation tree: a doubly linked list in which every slot occurs twice, as a start and an end.
//! These enclose everything derived from the slot, like a pair of brackets.
//!
//! ```text
//!        A
//!       / \             A(  B(  D(  )D  )B  C(  )C  )A
//!      B   C
//!     /                 everything between X( and )X descends from X
//!    D
//! ```
//!
//! Inserting a leaf, removing a slot (its children become its parent's) and replacing one slot with another each write at most
//! twelve links, however many relatives there are. Links are symmetric: `after(m) == n` if and only if `before(n) == m`.
//! Nothing comes before a root's start or after its end. An empty slot has no links.

use crate::{Place, Storage};

/// One of the two positions of a slot in the tour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Edge {
    Start,
    End,
}

/// A position in the tour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mark {
    pub(crate) place: Place,
    pub(crate) edge: Edge,
}

impl Mark {
    pub(crate) const fn start(place: Place) -> Self {
        let edge = Edge::Start;
        Self { place, edge }
    }

    pub(crate) const fn end(place: Place) -> Self {
        let edge = Edge::End;
        Self { place, edge }
    }
}

/// An optional mark in six bytes: the place, then a bit for the edge. A place is never 0, so 0 means none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Link([u16; 3]);

impl Link {
    pub(crate) const NONE: Self = Self([0; 3]);

    #[inline(always)]
    pub(crate) fn new(mark: Option<Mark>) -> Self {
        let word = mark.map_or(0, |mark| mark.place.get() << 1 | mark.edge as u64);
        Self([word as u16, (word >> 16) as u16, (word >> 32) as u16])
    }

    #[inline(always)]
    pub(crate) fn mark(self) -> Option<Mark> {
        let [low, middle, high] = self.0.map(u64::from);
        let word = high << 32 | middle << 16 | low;
        let edge = if word & 1 == 0 {
            Edge::Start
        } else {
            Edge::End
        };
        Place::new(word >> 1).map(|place| Mark { place, edge })
    }
}

/// The mark that follows.
pub(crate) fn after<S: Storage>(storage: &S, mark: Mark) -> Option<Mark> {
    storage.slot(mark.place).after(mark.edge).get().mark()
}

/// The mark that precedes.
pub(crate) fn before<S: Storage>(storage: &S, mark: Mark) -> Option<Mark> {
    storage.slot(mark.place).before(mark.edge).get().mark()
}

/// Whether nothing is derived from `place`: its two marks are adjacent.
pub(crate) fn is_leaf<S: Storage>(storage: &S, place: Place) -> bool {
    after(storage, Mark::start(place)) == Some(Mark::end(place))
}

/// Starts a new tour with `place` as its root.
pub(crate) fn begin<S: Storage>(storage: &S, place: Place) {
    insert(storage, place, None, None);
}

/// Inserts `place` as the first child of `parent`.
pub(crate) fn insert_below<S: Storage>(storage: &S, parent: Place, place: Place) {
    let left = Mark::start(parent);
    insert(storage, place, Some(left), after(storage, left));
}

/// Inserts `place` right after its sibling `left`, which is not a root.
pub(crate) fn insert_behind<S: Storage>(storage: &S, left: Place, place: Place) {
    let left = Mark::end(left);
    insert(storage, place, Some(left), after(storage, left));
}

/// Removes `place`. Its descendants keep their positions.
pub(crate) fn remove<S: Storage>(storage: &S, place: Place) {
    let around = Surroundings::of(storage, place);
    match around.inside {
        Some((first, last)) => {
            join(storage, around.left, Some(first));
            join(storage, Some(last), around.right);
        }
        None => join(storage, around.left, around.right),
    }
    forget(storage, place);
}

/// Replaces `from` with `to`, which takes over its descendants.
pub(crate) fn replace<S: Storage>(storage: &S, from: Place, to: Place) {
    let around = Surroundings::of(storage, from);
    insert(storage, to, around.left, around.right);
    if let Some((first, last)) = around.inside {
        join(storage, Some(Mark::start(to)), Some(first));
        join(storage, Some(last), Some(Mark::end(to)));
    }
    forget(storage, from);
}

/// The marks next to the two marks of a slot.
struct Surroundings {
    left: Option<Mark>,
    /// The marks after its start and before its end; `None` for a leaf.
    inside: Option<(Mark, Mark)>,
    right: Option<Mark>,
}

impl Surroundings {
    fn of<S: Storage>(storage: &S, place: Place) -> Self {
        let (start, end) = (Mark::start(place), Mark::end(place));
        let inside = after(storage, start).zip(before(storage, end));
        Self {
            left: before(storage, start),
            inside: inside.filter(|_| !is_leaf(storage, place)),
            right: after(storage, end),
        }
    }
}

fn insert<S: Storage>(storage: &S, place: Place, left: Option<Mark>, right: Option<Mark>) {
    let (start, end) = (Some(Mark::start(place)), Some(Mark::end(place)));
    join(storage, left, start);
    join(storage, start, end);
    join(storage, end, right);
}

fn join<S: Storage>(storage: &S, left: Option<Mark>, right: Option<Mark>) {
    if let Some(mark) = left {
        storage
            .slot(mark.place)
            .after(mark.edge)
            .set(Link::new(right));
    }
    if let Some(mark) = right {
        storage
            .slot(mark.place)
            .before(mark.edge)
            .set(Link::new(left));
    }
}

fn forget<S: Storage>(storage: &S, place: Place) {
    let slot = storage.slot(place);
    for edge in [Edge::Start, Edge::End] {
        slot.before(edge).set(Link::NONE);
        slot.after(edge).set(Link::NONE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_keeps_every_mark() {
        assert_eq!(Link::new(None).mark(), None);
        for value in [
            1,
            0xffff,
            0x1_0000,
            0x1234_5678_9abc,
            (1 << Place::BITS) - 1,
        ] {
            let place = Place::new(value).unwrap();
            for mark in [Mark::start(place), Mark::end(place)] {
                assert_eq!(Link::new(Some(mark)).mark(), Some(mark));
            }
        }
    }

    #[test]
    fn a_place_that_a_link_cannot_keep_does_not_exist() {
        assert_eq!(Place::new(0), None);
        assert_eq!(Place::new(1 << Place::BITS), None);
    }
}
