//! A map from numbers: [`Index`], an intrusive digital search tree.
//!
//! The bits of a key, the highest first, describe a path from the root. The key's element is on that path; it is inserted at
//! the first free position:
//!
//! ```text
//!              0110          the first bit decides below the root: 0 goes left, 1 goes right;
//!             /    \         the second bit one level below; and so on
//!          0011    1010
//!         /    \
//!      0001    0100
//! ```
//!
//! So no path is longer than the number of bits of a key, for any choice and order of keys, and nothing needs balancing. Used
//! for mappings by address, of which a domain can create many.

#[cfg(test)]
mod tests;

use core::cell::Cell;
use core::fmt::LowerHex;

use crate::memory::Ref;

/// An element of an index. No two elements of an index have the same key.
pub trait IndexElement: Sized {
    type Key: Key;

    /// Its key, which does not change while the element is in an index.
    fn key(&self) -> Self::Key;

    /// Its link; an element is in at most one index.
    fn index_link(&self) -> &IndexLink<Self>;
}

/// A number whose bits lead to a position.
pub trait Key: Copy + Ord + LowerHex {
    /// The bit at this depth; the highest is at depth 0.
    fn bit(self, depth: u32) -> bool;

    /// The next greater key, if any.
    fn next(self) -> Option<Self>;
}

macro_rules! keys {
    ($($type:ty),*) => {$(
        impl Key for $type {
            fn bit(self, depth: u32) -> bool {
                (self << depth) >> (Self::BITS - 1) != 0
            }

            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }
        }
    )*};
}
keys!(u32);

/// The link of an element in an index.
pub struct IndexLink<T> {
    parent: Cell<Option<Ref<T>>>,
    children: [Cell<Option<Ref<T>>>; 2],
}

impl<T> IndexLink<T> {
    /// The link of an element that is in no index.
    pub const fn unlinked() -> IndexLink<T> {
        IndexLink {
            parent: Cell::new(None),
            children: [const { Cell::new(None) }; 2],
        }
    }
}

/// A child of an element, and a direction among keys.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Down = 0,
    Up = 1,
}

impl Side {
    fn other(self) -> Side {
        match self {
            Side::Down => Side::Up,
            Side::Up => Side::Down,
        }
    }
}

/// Elements by key. An operation takes at most twice as many steps as a key has bits.
pub struct Index<T> {
    root: Cell<Option<Ref<T>>>,
}

impl<T: IndexElement> Index<T> {
    pub const fn empty() -> Index<T> {
        Index {
            root: Cell::new(None),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.root.get().is_none()
    }

    /// Inserts an element that is in no index.
    pub fn insert(&self, element: Ref<T>) {
        let key = element.key();
        let Some(mut parent) = self.root.get() else {
            return self.root.set(Some(element));
        };
        let mut depth = 0;
        loop {
            assert!(
                parent.key() != key,
                "two elements of an index have the key {key:#x}"
            );
            let side = turn(key, depth);
            match child(parent, side) {
                Some(below) => parent = below,
                None => return adopt(parent, side, Some(element)),
            }
            depth += 1;
        }
    }

    /// Removes an element that is in this index. A leaf below it, whose key begins with the same bits, takes its place.
    pub fn remove(&self, element: Ref<T>) {
        let successor = lowest(element);
        self.replace(successor, None);
        if successor != element {
            for side in [Side::Down, Side::Up] {
                adopt(successor, side, child(element, side));
                element.index_link().children[side as usize].set(None);
            }
            self.replace(element, Some(successor));
        }
    }

    /// The element with this key or else the least greater one.
    pub fn first_from(&self, key: T::Key) -> Option<Ref<T>> {
        self.nearest(key, Side::Up)
    }

    /// The element with this key or else the greatest lesser one.
    pub fn last_until(&self, key: T::Key) -> Option<Ref<T>> {
        self.nearest(key, Side::Down)
    }

    /// All elements from this key on, in the order of their keys.
    pub fn iter_from(&self, key: T::Key) -> impl Iterator<Item = Ref<T>> {
        core::iter::successors(self.first_from(key), |element| {
            self.first_from(element.key().next()?)
        })
    }

    /// Replaces an element in its parent by another one or by nothing.
    fn replace(&self, element: Ref<T>, by: Option<Ref<T>>) {
        let Some(parent) = element.index_link().parent.take() else {
            if let Some(root) = by {
                root.index_link().parent.set(None);
            }
            return self.root.set(by);
        };
        let is_below = child(parent, Side::Down) == Some(element);
        adopt(parent, if is_below { Side::Down } else { Side::Up }, by);
    }

    /// The element with this key or else the nearest in a direction. It is on the path to the key, or in the lowest subtree
    /// beside that path.
    #[inline(always)]
    fn nearest(&self, key: T::Key, direction: Side) -> Option<Ref<T>> {
        let mut best = None;
        let mut beside = None;
        let mut next = self.root.get();
        let mut depth = 0;
        while let Some(element) = next {
            let found = element.key();
            if found == key {
                return Some(element);
            }
            best = nearer(key, direction, best, (found, element));
            let side = turn(key, depth);
            if side != direction {
                beside = child(element, direction).or(beside);
            }
            next = child(element, side);
            depth += 1;
        }
        while let Some(element) = beside {
            best = nearer(key, direction, best, (element.key(), element));
            beside = child(element, direction.other()).or(child(element, direction));
        }
        best.map(|(_, element)| element)
    }
}

/// The child that a key leads to at this depth.
#[inline(always)]
fn turn<K: Key>(key: K, depth: u32) -> Side {
    if key.bit(depth) { Side::Up } else { Side::Down }
}

#[inline(always)]
fn child<T: IndexElement>(parent: Ref<T>, side: Side) -> Option<Ref<T>> {
    parent.index_link().children[side as usize].get()
}

fn adopt<T: IndexElement>(parent: Ref<T>, side: Side, child: Option<Ref<T>>) {
    parent.index_link().children[side as usize].set(child);
    if let Some(child) = child {
        child.index_link().parent.set(Some(parent));
    }
}

/// A leaf below this element; the element itself if it is one.
fn lowest<T: IndexElement>(mut element: Ref<T>) -> Ref<T> {
    while let Some(below) = child(element, Side::Down).or(child(element, Side::Up)) {
        element = below;
    }
    element
}

/// The nearer of two elements in a direction from a key; those in the other direction do not count.
#[inline(always)]
fn nearer<K: Key, T>(
    key: K,
    direction: Side,
    best: Option<(K, Ref<T>)>,
    (found, element): (K, Ref<T>),
) -> Option<(K, Ref<T>)> {
    let is_nearer = match direction {
        Side::Up => found >= key && best.is_none_or(|(best, _)| found < best),
        Side::Down => found <= key && best.is_none_or(|(best, _)| found > best),
    };
    if is_nearer {
        Some((found, element))
    } else {
        best
    }
}
