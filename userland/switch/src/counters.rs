//! The statistics of a port: [`Counters`].

/// The statistics of a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames from its owner.
    pub received: u64,
    /// Frames to its owner.
    pub sent: u64,
    /// Frames to its owner that were queued because its ring was full.
    pub waited: u64,
    /// Frames to its owner dropped because the ring was full and the buffer had no room for them, or because the owner stopped.
    pub dropped_full: u64,
    /// Frames to its owner dropped because they exceed its MTU.
    pub dropped_long: u64,
    /// Frames from its owner dropped because of a forged source address.
    pub dropped_forged: u64,
}

impl Counters {
    /// The number of dropped frames.
    pub fn lost(&self) -> u64 {
        self.dropped_full + self.dropped_long + self.dropped_forged
    }
}
