//! Intrusive collections of kernel objects: their links are in the elements, so that they allocate nothing.
//!
//! | file | content |
//! | --- | --- |
//! | `index` | [`Index`]: a search tree, for mappings by address |
//! | `heap` | [`Heap`]: a priority queue, for deadlines |
//!
//! Invariant: an operation takes a bounded number of steps, whatever the keys and the number of elements.

mod heap;
mod index;

pub use heap::{Heap, HeapElement, HeapLink};
pub use index::{Index, IndexElement, IndexLink};
