//! Things in the order of their keys, the least first: [`Heap`], a leftist heap that is linked through the things
//! themselves.
//!
//! ```text
//!          3            no thing has a lesser key than the one above it;
//!        /   \          the way down to the right, from any thing, is no longer than that to the left:
//!       5     4         so among n things it passes at most log2(n + 1)
//!      / \
//!     9   7
//! ```
//!
//! Everything is done along ways to the right, so that, with any choice of keys and any number of things, a
//! step takes some dozens of looks; to find the least takes one. It is taken for deadlines.

use core::cell::Cell;

use crate::memory::Ref;

/// What a heap can hold.
pub trait Heaped: Sized {
    /// Its key, which does not change while it is in a heap.
    fn key(&self) -> u64;

    /// Its place in the one heap that it can be in.
    fn heap_place(&self) -> &HeapPlace<Self>;
}

/// A place in a heap.
pub struct HeapPlace<T> {
    parent: Cell<Option<Ref<T>>>,
    left: Cell<Option<Ref<T>>>,
    right: Cell<Option<Ref<T>>>,
    /// How many things are on the way down to the right, this one included.
    rank: Cell<u32>,
}

impl<T> HeapPlace<T> {
    /// The place of a thing that is in no heap.
    pub const fn nowhere() -> HeapPlace<T> {
        HeapPlace {
            parent: Cell::new(None),
            left: Cell::new(None),
            right: Cell::new(None),
            rank: Cell::new(1),
        }
    }
}

/// Things of which the least is found at once.
pub struct Heap<T> {
    root: Cell<Option<Ref<T>>>,
}

impl<T: Heaped> Heap<T> {
    /// A heap of nothing.
    pub const fn empty() -> Heap<T> {
        Heap {
            root: Cell::new(None),
        }
    }

    /// A thing with the least key.
    pub fn first(&self) -> Option<Ref<T>> {
        self.root.get()
    }

    /// Enters a thing that is in no heap.
    pub fn insert(&self, thing: Ref<T>) {
        self.root.set(meld(self.root.get(), Some(thing)));
    }

    /// Takes out a thing that is in this heap. What was below it takes its place.
    pub fn remove(&self, thing: Ref<T>) {
        let place = thing.heap_place();
        let below = meld(place.left.take(), place.right.take());
        place.rank.set(1);
        let Some(parent) = place.parent.take() else {
            return self.root.set(below);
        };
        if let Some(below) = below {
            below.heap_place().parent.set(Some(parent));
        }
        let above = parent.heap_place();
        if above.left.get() == Some(thing) {
            above.left.set(below);
        } else {
            above.right.set(below);
        }
        // Each rank on the way up that changes is greater than the one before: they are few.
        let mut next = Some(parent);
        while let Some(changed) = next.filter(|above| balance(*above)) {
            next = changed.heap_place().parent.get();
        }
    }
}

/// Makes one heap of two, whose roots have no parent; so has its root.
fn meld<T: Heaped>(first: Option<Ref<T>>, second: Option<Ref<T>>) -> Option<Ref<T>> {
    let (mut first, mut second) = (first, second);
    let mut root = None;
    let mut last: Option<Ref<T>> = None;
    // Down: the things on both ways to the right make one way, in the order of their keys.
    while let Some(least) = lesser(first, second) {
        let is_rest = first.is_none() || second.is_none();
        least.heap_place().parent.set(last);
        match last {
            Some(last) => last.heap_place().right.set(Some(least)),
            None => root = Some(least),
        }
        if is_rest {
            break;
        }
        if first == Some(least) {
            first = least.heap_place().right.take();
        } else {
            second = least.heap_place().right.take();
        }
        last = Some(least);
    }
    // Up: the longer way goes to the left.
    while let Some(thing) = last {
        balance(thing);
        last = thing.heap_place().parent.get();
    }
    root
}

fn lesser<T: Heaped>(first: Option<Ref<T>>, second: Option<Ref<T>>) -> Option<Ref<T>> {
    match (first, second) {
        (Some(first), Some(second)) if second.key() < first.key() => Some(second),
        (first, second) => first.or(second),
    }
}

/// Puts the longer way down to the left, and returns whether the thing's rank has changed.
fn balance<T: Heaped>(thing: Ref<T>) -> bool {
    let place = thing.heap_place();
    let (left, right) = (place.left.get(), place.right.get());
    if rank(left) < rank(right) {
        place.left.set(right);
        place.right.set(left);
    }
    let new = rank(place.right.get()) + 1;
    place.rank.replace(new) != new
}

fn rank<T: Heaped>(thing: Option<Ref<T>>) -> u32 {
    thing.map_or(0, |thing| thing.heap_place().rank.get())
}

#[cfg(test)]
mod tests {
    use abi::register::Slot;

    use super::*;
    use crate::objects::Thread;
    use crate::testing::{World, slots};

    /// Threads to be put into heaps, which nobody runs.
    fn threads(world: &World, count: usize) -> Vec<Ref<Thread>> {
        let citizen = world.citizen_of(1024);
        let make = |_| {
            let thread = world.thread_in(citizen.domain, Slot(slots::FREE));
            let place = citizen.domain.place(Slot(slots::FREE)).expect("a slot");
            world.kernel.empty_slot(place).expect("a capability");
            thread
        };
        (0..count).map(make).collect()
    }

    /// Checks what the heap promises of everything in it, and counts that.
    fn check(thing: Option<Ref<Thread>>, parent: Option<Ref<Thread>>) -> usize {
        let Some(thing) = thing else { return 0 };
        let place = thing.heap_place();
        assert_eq!(place.parent.get(), parent);
        assert!(parent.is_none_or(|parent| parent.key() <= thing.key()));
        let (left, right) = (place.left.get(), place.right.get());
        assert!(rank(left) >= rank(right));
        assert_eq!(place.rank.get(), rank(right) + 1);
        1 + check(left, Some(thing)) + check(right, Some(thing))
    }

    fn insert(heap: &Heap<Thread>, thread: Ref<Thread>, key: u64) {
        thread.deadline_ticks.set(Some(key));
        heap.insert(thread);
    }

    #[test]
    fn things_come_out_in_the_order_of_their_keys() {
        let world = World::new();
        let threads = threads(&world, 200);
        // Ascending, descending, all the same, and scattered.
        let rows: [fn(u64) -> u64; 4] = [
            |number| number,
            |number| 1000 - number,
            |_| 7,
            |number| number * 7919 % 211,
        ];
        for row in rows {
            let heap = Heap::empty();
            for (number, thread) in threads.iter().enumerate() {
                insert(&heap, *thread, row(number as u64));
            }
            assert_eq!(check(heap.first(), None), threads.len());
            let mut before = 0;
            while let Some(first) = heap.first() {
                assert!(first.key() >= before);
                before = first.key();
                heap.remove(first);
                check(heap.first(), None);
            }
        }
    }

    #[test]
    fn things_are_taken_out_anywhere() {
        let world = World::new();
        let threads = threads(&world, 100);
        let heap = Heap::empty();
        for (number, thread) in threads.iter().enumerate() {
            insert(&heap, *thread, number as u64 * 31 % 101);
        }
        for (removed, index) in (0..100).map(|number| number * 37 % 100).enumerate() {
            heap.remove(threads[index]);
            assert_eq!(check(heap.first(), None), 99 - removed);
        }
        assert!(heap.first().is_none());
    }

    #[test]
    fn the_way_to_the_right_is_short_whatever_the_keys_are() {
        let world = World::new();
        let threads = threads(&world, 250);
        let rows: [fn(u64) -> u64; 3] = [
            |number| number,
            |number| 1 << (number % 64),
            |number| u64::MAX - (1 << (number % 64)),
        ];
        for row in rows {
            let heap = Heap::empty();
            for (number, thread) in threads.iter().enumerate() {
                insert(&heap, *thread, row(number as u64));
                let most = (number as u64 + 2).ilog2();
                assert!(rank(heap.first()) <= most);
            }
            for thread in &threads {
                heap.remove(*thread);
            }
        }
        for thread in &threads {
            thread.deadline_ticks.set(None);
        }
    }
}
