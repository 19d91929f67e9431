//! Where slots are: the seam between the model and the memory that the kernel keeps its slots in.
//!
//! The kernel's slots stand in frames of a domain's pool, and single ones inside objects (an origin, a pager, a
//! fault endpoint, a mapping). The model names all of them by [`Place`] and never asks what a place means.

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
    /// How many bits a place may have.
    pub const BITS: u32 = 47;

    /// The place with this value, unless that is 0 or has more than [`Place::BITS`] bits.
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
    /// What the capabilities in them refer to.
    type Object: Object;

    /// The slot at `place`, the same one every time.
    ///
    /// The model asks for the places that it is given and for those that it finds in links, so a slot must stay where
    /// it is for as long as it is occupied.
    fn slot(&self, place: Place) -> &Slot<Self::Object>;

    /// The place holds this capability from now on. Every operation that fills a slot calls this, so that the kernel can count
    /// what each holder has; a move between two slots of one holder changes nothing of that.
    fn filled(&self, _place: Place, _capability: &Capability<Self::Object>) {}

    /// The place does not hold this capability any more. Every operation that empties a slot calls this, as for `filled`.
    fn emptied(&self, _place: Place, _capability: &Capability<Self::Object>) {}
}
