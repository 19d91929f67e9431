//! The running checksum over an image's bytes: XXH3, 128 bits, up to each seal.
//!
//! It detects accidental changes, at a tenth of the cost of a cryptographic digest of every page. The channel protects
//! against deliberate changes.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

/// The checksum of everything before a seal, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Checksum(pub [u8; 16]);

/// The checksum so far.
#[derive(Clone, Default)]
pub(crate) struct Running(Xxh3);

impl Running {
    /// Adds bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all bytes so far; more may follow.
    pub(crate) fn checksum(&self) -> Checksum {
        Checksum(self.0.digest128().to_le_bytes())
    }
}
