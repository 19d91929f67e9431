//! An oracle of authority. It decides whether a call was allowed to succeed with the capabilities that its caller held, and whether
//! the caller's table explains a refusal.
//!
//! The oracle knows the caller's table but nothing of the kernel. The table must allow every success, and explain every refusal that is
//! about a slot. Refusals that depend on the state of objects (an empty pool, a frozen domain) are not judged.
//!
//! | file | content |
//! | --- | --- |
//! | `lookups` | the capabilities that each call looks up in its caller's table |
//! | `judge` | the verdict on an outcome |
//! | `gains` | the capability that a call may add to the table |
#![no_std]
#![forbid(unsafe_code)]

mod gains;
mod judge;
mod lookups;

use abi::{ObjectKind, Rights};

pub use gains::check_gain;
pub use judge::{Outcome, Violation, fits, judge};
pub use lookups::{Lookup, Lookups, lookups};

/// The content of a slot of the caller's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The table has no such slot.
    Beyond,
    /// The slot is empty.
    Empty,
    /// A capability.
    Holds {
        /// The object's kind.
        kind: ObjectKind,
        /// The capability's rights.
        rights: Rights,
        /// The capability's badge, or zero.
        badge: u64,
    },
}
