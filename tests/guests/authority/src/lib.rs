//! An oracle of authority: may this call have succeeded, with what its caller held? And is its refusal explained?
//!
//! It knows what a caller's table holds and nothing of the kernel: every success must have been allowed by it, and every
//! refusal that is about a slot must follow from it. What depends on the state of objects (an empty pool, a frozen domain) it
//! does not judge.
//!
//! | file | noun |
//! | --- | --- |
//! | `lookups` | what each call looks up in its caller's table |
//! | `judge` | the verdict on an outcome |
//! | `gains` | what a call may add to the table |
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
    /// Nothing.
    Empty,
    /// A capability.
    Holds {
        /// To an object of this kind.
        kind: ObjectKind,
        /// With these rights.
        rights: Rights,
        /// With this badge, or zero.
        badge: u64,
    },
}
