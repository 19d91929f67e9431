//! The number by which a server distinguishes the clients of one endpoint.

/// A badge: set once, when a capability without one is minted, and inherited by everything derived from that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Badge(u64);

impl Badge {
    /// No badge: a capability that holds this one can still be minted with a badge.
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
    fn gives_back_the_value_it_was_made_of() {
        for value in [0, 1, 7, u64::MAX] {
            let badge = Badge::new(value);
            assert_eq!((badge.get(), badge.is_set()), (value, value != 0));
        }
        assert_eq!(Badge::NONE, Badge::new(0));
    }
}
