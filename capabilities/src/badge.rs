//! The number by which a server distinguishes the clients of one endpoint.

/// A badge. Minting from a capability without one may set it, once; everything derived from the new capability inherits it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Badge(u64);

impl Badge {
    /// No badge. Minting from a capability with this one may set a badge.
    pub const NONE: Self = Self(0);

    /// The badge with this value; 0 means none.
    #[must_use]
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The value, 0 for none.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether a value is set.
    #[must_use]
    pub const fn is_set(self) -> bool {
        self.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_the_value_that_it_was_made_of() {
        for value in [0, 1, 7, u64::MAX] {
            let badge = Badge::new(value);
            assert_eq!((badge.get(), badge.is_set()), (value, value != 0));
        }
        assert_eq!(Badge::NONE, Badge::new(0));
    }
}
