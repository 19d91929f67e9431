//! Time as the caller passes it in: microseconds of the machine's monotonic clock.

/// A point in time. The protocol never reads a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The moment `us` microseconds after the clock's origin.
    pub const fn from_us(us: u64) -> Self {
        Instant(us)
    }

    /// Microseconds since the clock's origin.
    pub const fn as_us(self) -> u64 {
        self.0
    }

    /// Microseconds from `earlier` to this moment; 0 if `earlier` is later.
    pub const fn us_since(self, earlier: Instant) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment `us` microseconds later.
    #[must_use]
    pub const fn after_us(self, us: u64) -> Self {
        Instant(self.0.saturating_add(us))
    }
}
