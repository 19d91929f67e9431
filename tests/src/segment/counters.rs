//! Counts of the frames that crossed a port, and of those that were dropped.

use std::sync::atomic::{AtomicU64, Ordering};

/// The number of frames and of their bytes, with headers, without preamble and checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// The number of frames.
    pub frames: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// A port's counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Received from the port's peer.
    pub from_peer: Traffic,
    /// Sent to the port's peer.
    pub to_peer: Traffic,
    /// Lost by an injected fault, in either direction.
    pub lost: Traffic,
    /// Dropped because the port is cut, in either direction.
    pub cut: Traffic,
    /// Dropped because no peer listens at the port.
    pub gone: Traffic,
    /// Dropped because the peer does not read and the port's buffer is full.
    pub overflowed: Traffic,
}

/// A counter shared by threads.
#[derive(Debug, Default)]
pub struct Tally {
    frames: AtomicU64,
    bytes: AtomicU64,
}

impl Tally {
    /// Counts one frame.
    pub fn add(&self, frame: &[u8]) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(frame.len() as u64, Ordering::Relaxed);
    }

    /// The current counts.
    pub fn read(&self) -> Traffic {
        Traffic {
            frames: self.frames.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

/// The live counters behind [`Counters`].
#[derive(Debug, Default)]
pub struct Tallies {
    pub from_peer: Tally,
    pub to_peer: Tally,
    pub lost: Tally,
    pub cut: Tally,
    pub gone: Tally,
    pub overflowed: Tally,
}

impl Tallies {
    /// All counters. Each is exact, but they are read at slightly different times.
    pub fn read(&self) -> Counters {
        Counters {
            from_peer: self.from_peer.read(),
            to_peer: self.to_peer.read(),
            lost: self.lost.read(),
            cut: self.cut.read(),
            gone: self.gone.read(),
            overflowed: self.overflowed.read(),
        }
    }
}
