//! Things found by a number: [`Index`], a digital search tree that is linked through the things themselves.
//!
//! Each thing stands where the bits of its key lead, the highest first, at the first place that was free when it came:
//!
//! ```text
//!              0110          the first bit turns below the root: 0 to the left, 1 to the right;
//!             /    \         the second one below that; and so on
//!          0011    1010
//!         /    \
//!      0001    0100
//! ```
//!
//! So no way down is longer than a key has bits, whoever chose the keys and in whatever order they came, and nothing
//! has to be balanced. It is taken for what a domain can make many of: mappings by address.

use core::cell::Cell;
use core::fmt::LowerHex;

use crate::memory::Ref;

/// What an index can hold. No two things in an index have the same key.
pub trait Indexed: Sized {
    /// What it is found by.
    type Key: Key;

    /// Its key, which does not change while it is in an index.
    fn key(&self) -> Self::Key;

    /// Its place in the one index that it can be in.
    fn place(&self) -> &IndexPlace<Self>;
}

/// A number whose bits lead to a place.
pub trait Key: Copy + Ord + LowerHex {
    /// The bit at this depth, of which the highest is at depth 0.
    fn bit(self, depth: u32) -> bool;

    /// The next greater one, if there is one.
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

/// A place in an index.
pub struct IndexPlace<T> {
    parent: Cell<Option<Ref<T>>>,
    children: [Cell<Option<Ref<T>>>; 2],
}

impl<T> IndexPlace<T> {
    /// The place of a thing that is in no index.
    pub const fn nowhere() -> IndexPlace<T> {
        IndexPlace {
            parent: Cell::new(None),
            children: [const { Cell::new(None) }; 2],
        }
    }
}

/// A side of a place, and a direction among keys.
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

/// Things by their keys. Every operation takes at most twice as many steps as a key has bits.
pub struct Index<T> {
    root: Cell<Option<Ref<T>>>,
}

impl<T: Indexed> Index<T> {
    /// An index of nothing.
    pub const fn empty() -> Index<T> {
        Index {
            root: Cell::new(None),
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.root.get().is_none()
    }

    /// Enters a thing that is in no index.
    pub fn insert(&self, thing: Ref<T>) {
        let key = thing.key();
        let Some(mut parent) = self.root.get() else {
            return self.root.set(Some(thing));
        };
        let mut depth = 0;
        loop {
            assert!(
                parent.key() != key,
                "two things in an index have the key {key:#x}"
            );
            let side = turn(key, depth);
            match child(parent, side) {
                Some(below) => parent = below,
                None => return adopt(parent, side, Some(thing)),
            }
            depth += 1;
        }
    }

    /// Takes out a thing that is in this index. One from below, which begins with the same bits, takes its place.
    pub fn remove(&self, thing: Ref<T>) {
        let successor = lowest(thing);
        self.replace(successor, None);
        if successor != thing {
            for side in [Side::Down, Side::Up] {
                adopt(successor, side, child(thing, side));
                thing.place().children[side as usize].set(None);
            }
            self.replace(thing, Some(successor));
        }
    }

    /// The thing with this key or else the least greater one.
    pub fn first_from(&self, key: T::Key) -> Option<Ref<T>> {
        self.nearest(key, Side::Up)
    }

    /// The thing with this key or else the greatest lesser one.
    pub fn last_until(&self, key: T::Key) -> Option<Ref<T>> {
        self.nearest(key, Side::Down)
    }

    /// All things from this key on, in the order of their keys.
    pub fn iter_from(&self, key: T::Key) -> impl Iterator<Item = Ref<T>> {
        core::iter::successors(self.first_from(key), |thing| {
            self.first_from(thing.key().next()?)
        })
    }

    /// Puts something or nothing where a thing is.
    fn replace(&self, thing: Ref<T>, by: Option<Ref<T>>) {
        let Some(parent) = thing.place().parent.take() else {
            if let Some(root) = by {
                root.place().parent.set(None);
            }
            return self.root.set(by);
        };
        let is_below = child(parent, Side::Down) == Some(thing);
        adopt(parent, if is_below { Side::Down } else { Side::Up }, by);
    }

    /// The thing with this key or else the nearest in a direction: one on the way to the key, or the nearest in what lies
    /// last beside that way.
    #[inline(always)]
    fn nearest(&self, key: T::Key, direction: Side) -> Option<Ref<T>> {
        let mut best = None;
        let mut beside = None;
        let mut next = self.root.get();
        let mut depth = 0;
        while let Some(thing) = next {
            let found = thing.key();
            if found == key {
                return Some(thing);
            }
            best = nearer(key, direction, best, (found, thing));
            let side = turn(key, depth);
            if side != direction {
                beside = child(thing, direction).or(beside);
            }
            next = child(thing, side);
            depth += 1;
        }
        while let Some(thing) = beside {
            best = nearer(key, direction, best, (thing.key(), thing));
            beside = child(thing, direction.other()).or(child(thing, direction));
        }
        best.map(|(_, thing)| thing)
    }
}

/// To which side a key turns at this depth.
#[inline(always)]
fn turn<K: Key>(key: K, depth: u32) -> Side {
    if key.bit(depth) { Side::Up } else { Side::Down }
}

#[inline(always)]
fn child<T: Indexed>(parent: Ref<T>, side: Side) -> Option<Ref<T>> {
    parent.place().children[side as usize].get()
}

fn adopt<T: Indexed>(parent: Ref<T>, side: Side, child: Option<Ref<T>>) {
    parent.place().children[side as usize].set(child);
    if let Some(child) = child {
        child.place().parent.set(Some(parent));
    }
}

/// A thing below this one that has none below itself; the thing itself if it has none.
fn lowest<T: Indexed>(mut thing: Ref<T>) -> Ref<T> {
    while let Some(below) = child(thing, Side::Down).or(child(thing, Side::Up)) {
        thing = below;
    }
    thing
}

/// The nearer of two things in a direction from a key; what lies in the other direction does not count.
#[inline(always)]
fn nearer<K: Key, T>(
    key: K,
    direction: Side,
    best: Option<(K, Ref<T>)>,
    (found, thing): (K, Ref<T>),
) -> Option<(K, Ref<T>)> {
    let is_nearer = match direction {
        Side::Up => found >= key && best.is_none_or(|(best, _)| found < best),
        Side::Down => found <= key && best.is_none_or(|(best, _)| found > best),
    };
    if is_nearer {
        Some((found, thing))
    } else {
        best
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::arch::fake;
    use crate::memory::FrameAllocator;

    std::thread_local! {
        /// How often anybody looked at a key.
        static LOOKS: Cell<u32> = const { Cell::new(0) };
    }

    struct Numbered {
        number: Cell<u32>,
        place: IndexPlace<Numbered>,
    }

    impl Indexed for Numbered {
        type Key = u32;

        fn key(&self) -> u32 {
            LOOKS.set(LOOKS.get() + 1);
            self.number.get()
        }

        fn place(&self) -> &IndexPlace<Numbered> {
            &self.place
        }
    }

    /// Things in frames of the fake machine.
    struct Things {
        _machine: fake::Machine,
        allocator: FrameAllocator,
        spare: Vec<Ref<Numbered>>,
    }

    impl Things {
        fn new() -> Things {
            let machine = fake::Machine::new(32);
            Things {
                _machine: machine,
                allocator: FrameAllocator::new(&fake::boot_information().memory),
                spare: Vec::new(),
            }
        }

        /// One with this key.
        fn make(&mut self, number: u32) -> Ref<Numbered> {
            let thing = self.spare.pop().unwrap_or_else(|| self.make_many());
            thing.number.set(number);
            thing
        }

        fn make_many(&mut self) -> Ref<Numbered> {
            let frame = self.allocator.allocate().expect("a frame");
            // The frame goes with the machine.
            let _ = Ref::place_many(frame, |thing| {
                self.spare.push(thing);
                Numbered {
                    number: Cell::new(0),
                    place: IndexPlace::nowhere(),
                }
            });
            self.spare.pop().expect("a frame has room for one")
        }
    }

    fn numbers(index: &Index<Numbered>) -> Vec<u32> {
        index.iter_from(0).map(|thing| thing.number.get()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn holds_what_a_sorted_set_would(
            events in proptest::collection::vec((0_u32..64, any::<bool>()), 1..200),
            shift in 0_u32..26,
        ) {
            let mut things = Things::new();
            let index = Index::empty();
            let mut model = BTreeSet::new();
            for (number, up) in events {
                let number = number << shift;
                if model.insert(number) {
                    index.insert(things.make(number));
                } else {
                    model.remove(&number);
                    index.remove(index.first_from(number).expect("it is there"));
                }
                let key = if up { number.saturating_add(1) } else { number.saturating_sub(1) };
                let found = |thing: Option<Ref<Numbered>>| thing.map(|thing| thing.number.get());
                prop_assert_eq!(found(index.first_from(key)), model.range(key..).next().copied());
                prop_assert_eq!(found(index.last_until(key)), model.range(..=key).next_back().copied());
                prop_assert_eq!(found(index.last_until(u32::MAX)), model.last().copied());
                prop_assert_eq!(found(index.first_from(0)), model.first().copied());
                prop_assert_eq!(index.is_empty(), model.is_empty());
                prop_assert_eq!(numbers(&index), model.iter().copied().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn no_operation_looks_at_more_than_the_bits_of_a_key_allow() {
        // Ascending, descending, and each turning the other way at the next bit: what makes other trees long.
        let rows: [fn(u32) -> u32; 3] = [
            |number| number,
            |number| u32::MAX - 1 - number,
            |number| (number + 1).reverse_bits() - 1,
        ];
        for row in rows {
            let mut things = Things::new();
            let index = Index::empty();
            let mut most = 0;
            let mut count = |act: &mut dyn FnMut()| {
                LOOKS.set(0);
                act();
                most = most.max(LOOKS.get());
            };
            let all: Vec<_> = (0..20_000).map(|number| things.make(row(number))).collect();
            for thing in &all {
                count(&mut || index.insert(*thing));
            }
            for thing in &all {
                let key = thing.number.get();
                count(&mut || assert!(index.first_from(key.saturating_sub(1)).is_some()));
                count(&mut || assert!(index.last_until(key + 1).is_some()));
                count(&mut || assert!(index.first_from(0).is_some()));
            }
            for thing in &all {
                count(&mut || index.remove(*thing));
            }
            assert!(index.is_empty());
            // Down to the place, and down beside the way.
            assert!(most <= 2 * (u32::BITS + 1), "{most} looks");
        }
    }
}
