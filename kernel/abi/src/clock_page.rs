//! The clock page, with which a domain converts the time-stamp counter to its own monotonic time, and to UTC.

/// The content of the clock page.
///
/// A seqlock: `sequence` is odd during a write. Time in nanoseconds is
/// `((ticks - base_ticks) * multiplier >> 32) + base_ns`, in 128-bit arithmetic. Values are plain words, which the
/// runtime reads with volatile loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
pub struct ClockPage {
    /// Even when the page is consistent; rises with every change.
    pub sequence: u64,
    /// The domain's incarnation: 1 when it starts, and one more after each move.
    pub incarnation: u64,
    /// The counter at `base_ns`.
    pub base_ticks: u64,
    /// The domain's time at `base_ticks`.
    pub base_ns: u64,
    /// Nanoseconds per tick, times 2^32.
    pub multiplier: u64,
    /// Coordinated Universal Time at `base_ticks`, in nanoseconds since the Unix epoch; zero if the machine does not know it.
    pub base_utc_ns: u64,
}

impl ClockPage {
    /// The bytes, little-endian, as at the start of the page.
    pub fn to_bytes(&self) -> [u8; 48] {
        let words = [
            self.sequence,
            self.incarnation,
            self.base_ticks,
            self.base_ns,
            self.multiplier,
            self.base_utc_ns,
        ];
        let mut bytes = [0; 48];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(words) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}
