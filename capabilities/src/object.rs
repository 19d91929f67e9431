//! A capability's object: a small reference of a type that the kernel chooses. The model only copies and compares it.

use core::fmt::Debug;

use crate::Rights;

/// A reference to a kernel object, with the kind that gives its rights their meaning.
///
/// A slot has 64 bytes if a reference takes at most 16 and its rights take 2.
pub trait Object: Copy + Eq + Debug {
    /// The rights that a capability for this object carries.
    type Rights: Rights;
}
