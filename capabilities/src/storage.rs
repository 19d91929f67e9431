//! The interface between the model and the memory in which the kernel keeps its slots.
//!
//! The kernel keeps the slots of a domain's table in frames of the domain's pool. Other slots are inside objects (an origin,
//! a pager, a fault endpoint, a mapping). The model names all of them by [`Place`], which it does not interpret.

use core::fmt;
use core::num::NonZeroU64;

use crate::{Capability, Object, Slot};

/// The opaque name of a slot, given by the [`Storage`].
///
/// It has 47 bits, so that a link fits into six bytes and a slot into 64. The number of a 64-byte line of physical
/// memory needs 46 on x86-64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(NonZeroU64);

impl Place {
    /// The number of bits that a place may have.
    pub const BITS: u32 = 47;

    /// The place with this value; `None` if the value is 0 or has more than [`Place::BITS`] bits.
    #[must_use]
    pub const fn new(value: u64) -> Option<Self> {
        match NonZeroU64::new(value) {
            Some(value) if value.get() >> Self::BITS == 0 => Some(Self(value)),
            _ => None,
        }
    }

    /// The value.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// All slots that the derivation trees run through.
pub trait Storage {
    /// The type of object that the capabilities refer to.
    type Object: Object;

    /// The slot at `place`, always the same one.
    ///
    /// The model uses the places that it is given and those that it finds in links, so a slot must stay where
    /// it is for as long as it is occupied.
    fn slot(&self, place: Place) -> &Slot<Self::Object>;

    /// Reports that the slot at this place was filled, so that the kernel can count each holder's capabilities. Every operation that
    /// fills a slot calls this, except for a move between two slots of one holder, which does not change the count, and for
    /// [`bookmark`](crate::bookmark), whose capability has no rights.
    fn filled(&self, _place: Place, _capability: &Capability<Self::Object>) {}

    /// Reports that the slot at this place was emptied; the counterpart of `filled`.
    fn emptied(&self, _place: Place, _capability: &Capability<Self::Object>) {}
}
