//! What a capability permits: a set of rights, of a type that the kernel chooses for each kind of object.
//!
//! The model needs no more of it than the order of sets: minting only ever goes down.

use core::fmt::Debug;

/// A set of rights. The operations are those of sets; the model relies on `contains` being their partial order.
pub trait Rights: Copy + Eq + Debug {
    /// The empty set.
    fn none() -> Self;

    /// Whether every right in `other` is in `self` too.
    fn contains(self, other: Self) -> bool;

    /// The rights that are in both.
    fn intersect(self, other: Self) -> Self;
}
