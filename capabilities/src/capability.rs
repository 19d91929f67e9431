//! A capability as a value: an object, the rights to it, and a badge.
//!
//! The value by itself grants nothing. Authority comes only from a value in a [`Slot`](crate::Slot) of a derivation tree.

use crate::{Badge, Error, Object, Rights};

/// An object, the rights to it, and a badge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Capability<O: Object> {
    /// The object that it refers to.
    pub object: O,
    /// The operations that it permits.
    pub rights: O::Rights,
    /// The number that a server sees when it is called through this capability.
    pub badge: Badge,
}

impl<O: Object> Capability<O> {
    /// A capability without a badge.
    #[must_use]
    pub const fn new(object: O, rights: O::Rights) -> Self {
        Self {
            object,
            rights,
            badge: Badge::NONE,
        }
    }

    /// A capability to the same object with exactly `rights`. It has `badge`, or the badge of `self` if `badge` is
    /// [`Badge::NONE`].
    ///
    /// # Errors
    /// [`Error::RightsExceeded`] for rights that `self` lacks; [`Error::BadgeFixed`] for a second badge.
    pub fn mint(self, rights: O::Rights, badge: Badge) -> Result<Self, Error<O::Rights>> {
        if !self.rights.contains(rights) {
            return Err(Error::RightsExceeded {
                held: self.rights,
                asked: rights,
            });
        }
        if self.badge.is_set() && badge.is_set() {
            return Err(Error::BadgeFixed {
                held: self.badge,
                asked: badge,
            });
        }
        let badge = if badge.is_set() { badge } else { self.badge };
        Ok(Self {
            object: self.object,
            rights,
            badge,
        })
    }
}
