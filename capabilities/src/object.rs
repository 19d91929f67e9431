//! What a capability refers to: a small reference that the kernel chooses. The model copies and compares it, no more.

use core::fmt::Debug;

use crate::Rights;

/// A reference to a kernel object, with the kind that gives its rights their meaning.
///
/// A slot has 64 bytes when an object takes 16 or less and its rights take 2.
pub trait Object: Copy + Eq + Debug {
    /// The rights that a capability for this object carries.
    type Rights: Rights;
}
