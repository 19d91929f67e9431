//! A priority queue, least key first: [`Heap`], an intrusive leftist heap.
//!
//! ```text
//!          3            no element has a lesser key than its parent;
//!        /   \          no right child has a longer right spine than its left sibling:
//!       5     4         so the root's right spine has at most log2(n + 1) of n elements
//!      / \
//!     9   7
//! ```
//!
//! All work follows right spines. So an operation visits at most a few dozen elements, whatever the keys and the number of
//! elements. Finding the least element visits one. Used for deadlines.

use core::cell::Cell;

use crate::memory::Ref;

/// An element of a heap.
pub trait HeapElement: Sized {
    /// Its key, which does not change while it is in a heap.
    fn key(&self) -> u64;

    /// Its link; an element is in at most one heap.
    fn heap_link(&self) -> &HeapLink<Self>;
}

/// The link of an element in a heap.
pub struct HeapLink<T> {
    parent: Cell<Option<Ref<T>>>,
    left: Cell<Option<Ref<T>>>,
    right: Cell<Option<Ref<T>>>,
    /// The number of elements on its right spine, itself included.
    rank: Cell<u32>,
}

impl<T> HeapLink<T> {
    /// The link of an element that is in no heap.
    pub const fn unlinked() -> HeapLink<T> {
        HeapLink {
            parent: Cell::new(None),
            left: Cell::new(None),
            right: Cell::new(None),
            rank: Cell::new(1),
        }
    }
}

/// Elements by key, the least found in constant time.
pub struct Heap<T> {
    root: Cell<Option<Ref<T>>>,
}

impl<T: HeapElement> Heap<T> {
    pub const fn empty() -> Heap<T> {
        Heap {
            root: Cell::new(None),
        }
    }

    /// An element with the least key.
    pub fn first(&self) -> Option<Ref<T>> {
        self.root.get()
    }

    /// Inserts an element that is in no heap.
    pub fn insert(&self, element: Ref<T>) {
        self.root.set(meld(self.root.get(), Some(element)));
    }

    /// Removes an element that is in this heap; its melded children take its place.
    pub fn remove(&self, element: Ref<T>) {
        let link = element.heap_link();
        let below = meld(link.left.take(), link.right.take());
        link.rank.set(1);
        let Some(parent) = link.parent.take() else {
            return self.root.set(below);
        };
        if let Some(below) = below {
            below.heap_link().parent.set(Some(parent));
        }
        let above = parent.heap_link();
        if above.left.get() == Some(element) {
            above.left.set(below);
        } else {
            above.right.set(below);
        }
        // Either the old or the new ranks of the changed elements ascend strictly on the way up. Ranks are small, so few of them change.
        let mut next = Some(parent);
        while let Some(changed) = next.filter(|above| balance(*above)) {
            next = changed.heap_link().parent.get();
        }
    }
}

/// Melds two heaps into one. Neither the given roots nor the result has a parent.
fn meld<T: HeapElement>(first: Option<Ref<T>>, second: Option<Ref<T>>) -> Option<Ref<T>> {
    let (mut first, mut second) = (first, second);
    let mut root = None;
    let mut last: Option<Ref<T>> = None;
    // Down: merge both right spines by key.
    while let Some(least) = lesser(first, second) {
        let is_rest = first.is_none() || second.is_none();
        least.heap_link().parent.set(last);
        match last {
            Some(last) => last.heap_link().right.set(Some(least)),
            None => root = Some(least),
        }
        if is_rest {
            break;
        }
        if first == Some(least) {
            first = least.heap_link().right.take();
        } else {
            second = least.heap_link().right.take();
        }
        last = Some(least);
    }
    // Up: the longer spine goes to the left.
    while let Some(element) = last {
        balance(element);
        last = element.heap_link().parent.get();
    }
    root
}

fn lesser<T: HeapElement>(first: Option<Ref<T>>, second: Option<Ref<T>>) -> Option<Ref<T>> {
    match (first, second) {
        (Some(first), Some(second)) if second.key() < first.key() => Some(second),
        (first, second) => first.or(second),
    }
}

/// Puts the longer spine to the left; returns whether the element's rank has changed.
fn balance<T: HeapElement>(element: Ref<T>) -> bool {
    let link = element.heap_link();
    let (left, right) = (link.left.get(), link.right.get());
    if rank(left) < rank(right) {
        link.left.set(right);
        link.right.set(left);
    }
    let new = rank(link.right.get()) + 1;
    link.rank.replace(new) != new
}

fn rank<T: HeapElement>(element: Option<Ref<T>>) -> u32 {
    element.map_or(0, |element| element.heap_link().rank.get())
}

#[cfg(test)]
mod tests {
    use abi::register::Slot;

    use super::*;
    use crate::objects::Thread;
    use crate::testing::{World, slots};

    /// Threads to insert into heaps, which never run.
    fn threads(world: &World, count: usize) -> Vec<Ref<Thread>> {
        let actor = world.domain_of(1024);
        let make = |_| {
            let thread = world.thread_in(actor.domain, Slot(slots::FREE));
            let place = actor.place(Slot(slots::FREE));
            world.kernel.empty_slot(place).expect("a capability");
            thread
        };
        (0..count).map(make).collect()
    }

    /// Checks the heap property of every element, and counts the elements.
    fn check(element: Option<Ref<Thread>>, parent: Option<Ref<Thread>>) -> usize {
        let Some(element) = element else { return 0 };
        let link = element.heap_link();
        assert_eq!(link.parent.get(), parent);
        assert!(parent.is_none_or(|parent| parent.key() <= element.key()));
        let (left, right) = (link.left.get(), link.right.get());
        assert!(rank(left) >= rank(right));
        assert_eq!(link.rank.get(), rank(right) + 1);
        1 + check(left, Some(element)) + check(right, Some(element))
    }

    fn insert(heap: &Heap<Thread>, thread: Ref<Thread>, key: u64) {
        thread.deadline_ticks.set(Some(key));
        heap.insert(thread);
    }

    #[test]
    fn elements_come_out_in_the_order_of_their_keys() {
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
    fn elements_are_removed_from_any_position() {
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
    fn the_right_spine_is_short_whatever_the_keys_are() {
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
