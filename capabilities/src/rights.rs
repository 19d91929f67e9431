//! A capability's rights: a set, of a type that the kernel chooses for each kind of object.
//!
//! The model only compares sets, so minting never adds a right.

use core::fmt::Debug;

/// A set of rights. The model relies on `contains` being a partial order.
pub trait Rights: Copy + Eq + Debug {
    /// The empty set.
    fn none() -> Self;

    /// Whether every right in `other` is in `self` too.
    fn contains(self, other: Self) -> bool;
}
